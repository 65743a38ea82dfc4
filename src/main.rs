//! The command line: reads the configuration, wires the parts together, and serves until it is told to stop.

mod commands;

use std::io::{self, IsTerminal, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use cosmic_explorer::api;
use cosmic_explorer::config::{self, Config, Flags};
use cosmic_explorer::files::saves_folder;
use cosmic_explorer::game::content::{Content, Files, built_in};
use cosmic_explorer::session::clock::SystemClock;
use cosmic_explorer::session::registry::{Registry, Wiring};
use cosmic_explorer::store::{BeginAnew, Settings, Store};
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;

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
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the game; what happens without a command.
    Serve(Serve),
    /// Plays a finished or exported game again, and verifies every turn of it.
    ///
    /// Ends with 0 when it is proven, 1 when it is not what it says, 3 when nobody can tell: it was played under other rules, or on
    /// other content.
    Replay(commands::Replay),
    /// Looks after a folder of saves, with the server stopped.
    Saves(commands::Saves),
    /// Checks a folder of content, and tells everything that is wrong with it, and what can never appear.
    ///
    /// Ends with 0 when it can be played, 1 when it cannot.
    Check(commands::Check),
    /// Plays many games by itself, and reports how they went: report.json, and report.html to look at.
    Simulate(commands::Simulate),
    /// Writes JSON schemas of the content files, with which editors help to write them.
    Schema(commands::Schemas),
}

#[derive(Clone, Debug, Default, Args)]
struct Serve {
    /// Where to listen: an address or a name, a port, or both [default: 127.0.0.1:8080].
    #[arg(long)]
    bind: Option<String>,
    /// The folder of saves [default: ./saves where it exists, else the platform's data folder].
    #[arg(long)]
    saves: Option<PathBuf>,
    /// A content pack: a folder of content in place of the built-in one, or over it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// A configuration file (TOML).
    #[arg(long)]
    config: Option<PathBuf>,
    /// Ends when the last game has left memory, for servers that are started by a launcher.
    #[arg(long)]
    exit_when_empty: bool,
    /// Gives up what is lost, where the server says that it is and does not start for it: the keys (every token is void), the list
    /// of revoked tokens (they count again), or segments of the turn log (games go on where their checkpoints are).
    #[arg(long, value_enum, value_name = "WHAT")]
    begin_anew: Vec<Anew>,
}

/// See [`BeginAnew`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Anew {
    Keys,
    Tokens,
    Log,
}

fn main() -> ExitCode {
    // Not as anyhow would: it adds a stack trace where the environment asks for one, which is of no use to who has made a mistake.
    run(Cli::parse()).unwrap_or_else(|error| {
        eprintln!("Error: {}", told(&error));
        ExitCode::FAILURE
    })
}

/// An error with its causes, each told once.
pub fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let lines = cause.contains('\n');
            told += if told.is_empty() {
                ""
            } else if lines {
                ":\n"
            } else {
                ": "
            };
            told += &cause;
        }
    }
    told
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Replay(replay)) => replay.run(),
        Some(Command::Saves(saves)) => saves.run(),
        Some(Command::Check(check)) => check.run(),
        Some(Command::Simulate(simulate)) => simulate.run(),
        Some(Command::Schema(schemas)) => schemas.run(),
        Some(Command::Serve(options)) => serve(options),
        None => serve(cli.serve),
    }
}

/// Threads for work that waits for the disk. More would only wait for each other, and each keeps some memory of its own.
const DISK_THREADS: usize = 32;

fn serve(options: Serve) -> anyhow::Result<ExitCode> {
    let runtime = Builder::new_multi_thread().max_blocking_threads(DISK_THREADS).enable_all().build()?;
    runtime.block_on(serve_until_stopped(options))
}

async fn serve_until_stopped(options: Serve) -> anyhow::Result<ExitCode> {
    let Serve { bind, saves, data, config, exit_when_empty, begin_anew } = options;
    let flags = Flags { bind, saves, data };
    let config = Config::read(config.as_deref(), Config::environment(), flags).context("the configuration")?;
    let filter = EnvFilter::try_new(&config.log).context("the configuration: log")?;
    log_to_stderr(quiet(filter, &config.log));
    let (files, content) = load_content(config.data.as_deref())?;
    let folder = saves_folder(config.saves);
    let begin_anew = BeginAnew {
        keys: begin_anew.contains(&Anew::Keys),
        tokens: begin_anew.contains(&Anew::Tokens),
        log: begin_anew.contains(&Anew::Log),
    };
    let settings = Settings { durability: config.durability, log_bytes: config.turn_log_bytes, begin_anew };
    let opened = Store::open(&folder, settings).with_context(|| format!("saves in {}", folder.display()))?;
    let saves = opened.store.path().display().to_string();
    let registry = Registry::open(Wiring {
        opened,
        files,
        content: Arc::new(content),
        clock: Arc::new(SystemClock::new()),
        seeds: Box::new(|| u64::from_le_bytes(random())),
        key: random,
        settings: config.sessions,
    })?;
    let listener = listen(&config.bind)?;
    let address = listener.local_addr()?;
    let stop = told_to_stop()?;
    // Whoever started the server may not listen any more.
    let _ = writeln!(std::io::stdout(), "Cosmic Explorer is listening on http://{address}, saves in {saves}");
    let emptied = registry.clone();
    let stop = async move {
        tokio::select! {
            () = stop => {}
            () = emptied.emptied(), if exit_when_empty => tracing::info!("the last game has left memory"),
        }
    };
    let failed = api::serve(listener, registry, config.limits, stop).await?;
    if failed > 0 {
        bail!("{failed} sessions could not be written down");
    }
    tracing::info!("every game is saved");
    Ok(ExitCode::SUCCESS)
}

/// Logs are for terminals and for files; colours are for terminals, and for nobody who has said that he wants none.
fn log_to_stderr(filter: EnvFilter) {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) || !io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(!plain).with_writer(io::stderr).init();
}

/// What the framework says of its own start is for those who ask for it.
fn quiet(filter: EnvFilter, asked: &str) -> EnvFilter {
    let everything = |directive: &str| ["debug", "trace"].iter().any(|level| directive.eq_ignore_ascii_case(level));
    if asked.split(',').map(str::trim).any(|directive| everything(directive) || directive.contains("actix")) {
        return filter;
    }
    let directive = "actix_server=warn".parse();
    directive.map_or_else(|_| EnvFilter::new(asked), |directive| filter.add_directive(directive))
}

fn listen(bind: &str) -> anyhow::Result<TcpListener> {
    let addresses = config::addresses(bind).map_err(|problem| anyhow!("listening on {bind}: {problem}"))?;
    TcpListener::bind(addresses.as_slice()).map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "the port is in use, perhaps by another server of this game: stop that, or take another port, as with --bind \
                 127.0.0.1:8081 (0 takes a free one)"
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not listen there: ports below 1024 are for those who may; take another one, as with --bind \
                 127.0.0.1:8080"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address: take one that it has, 127.0.0.1 for itself alone, or 0.0.0.0 for all it has"
            }
            _ => return anyhow!("listening on {bind}: {error}"),
        };
        anyhow!("listening on {bind}: {what}")
    })
}

/// The content in a folder, or the built-in one.
fn load_content(folder: Option<&Path>) -> anyhow::Result<(Files, Content)> {
    let (files, content) = match folder {
        Some(folder) => {
            let examined = commands::examine(folder);
            let (files, checked) = examined.with_context(|| format!("content in {}", folder.display()))?;
            (files, checked.content)
        }
        None => (built_in(), Content::parse(&built_in())),
    };
    match content {
        Ok(content) => Ok((files, content)),
        Err(faults) => {
            for fault in &faults {
                eprintln!("{fault}");
            }
            bail!(
                "the content cannot be played: {} wrong with it",
                commands::count(faults.len(), "thing is", "things are")
            );
        }
    }
}

/// Bytes from the operating system. A machine that has none cannot sign tokens, and must not start.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[allow(clippy::expect_used)]
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Waits for SIGTERM or SIGINT. From the call on: whoever reads that the server listens may stop it at once.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = signals.0.recv() => {}
            _ = signals.1.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler there is nothing to wait for but the end of the process.
            std::future::pending::<()>().await;
        }
    })
}
