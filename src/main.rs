//! The command line: which commands there are, and how their errors are told.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Answers are made of many small pieces, and turns are committed on another thread than they came from; a tenth of the work of
/// an action was glibc's allocator. (`benches/durable.rs`)
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cosmic Explorer: a turn-based space-exploration game server.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: commands::Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the game; what happens without a command.
    Serve(commands::Serve),
    /// Plays a finished or exported game again, and verifies every turn of it.
    ///
    /// Ends with 0 when it is proven, 1 when it is not what it says, 3 when nobody can tell: it was played under other rules, or on
    /// other content.
    Replay(commands::Replay),
    /// Looks after a folder of saves, or a database, with the server stopped.
    Saves(commands::Saves),
    /// Makes the tables of the database that is configured, or brings them up to date, where servers may not do that themselves.
    Migrate(commands::Migrate),
    /// Checks a folder of content, and tells everything that is wrong with it, and what can never appear.
    ///
    /// Ends with 0 when it can be played, 1 when it cannot.
    Check(commands::Check),
    /// Plays many games by itself, and reports how they went: report.json, and report.html to look at.
    Simulate(commands::Simulate),
    /// Writes JSON schemas of the content files, with which editors help to write them.
    Schema(commands::Schemas),
}

fn main() -> ExitCode {
    // Not as anyhow would: it adds a stack trace where the environment asks for one, which is of no use to who has made a mistake.
    run(Cli::parse()).unwrap_or_else(|error| {
        eprintln!("Error: {}", commands::told(&error));
        ExitCode::FAILURE
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Replay(replay)) => replay.run(),
        Some(Command::Saves(saves)) => saves.run(),
        Some(Command::Migrate(migrate)) => migrate.run(),
        Some(Command::Check(check)) => check.run(),
        Some(Command::Simulate(simulate)) => simulate.run(),
        Some(Command::Schema(schemas)) => schemas.run(),
        Some(Command::Serve(serve)) => serve.run(),
        None => cli.serve.run(),
    }
}
