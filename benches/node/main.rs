//! One node: what a turn, a look, memory, a start and an end cost, beside bare handlers of the framework and a raw append + fdatasync. All
//! that is compared runs in one go and interleaved, because only the ratios mean something. It prints the budgets and what was measured.
//!
//! `cargo bench --bench node` measures all of it in some ten minutes, `cargo bench --bench node -- turns memory` parts of it. Where
//! `OTHER` names the program of another build, `pair` compares the two. `database` measures servers at PostgreSQL, beside pgbench,
//! and `idle` what it costs that has players who do nothing.

mod clients;
mod crowd;
mod database;
mod games;
mod program;
mod table;
mod turns;

/// Measures something with games to play, and prints it.
type Part = fn(&[games::Script]);

/// What only helps to look at a server, or needs another program, and is not done unless it is asked for.
const HELPERS: usize = 4;
const PARTS: [(&str, Part); 10] = [
    ("load", turns::load),
    ("fill", crowd::stock),
    ("pair", turns::pair),
    ("database", database::database),
    ("idle", database::idle),
    ("turns", turns::turns),
    ("crowd", crowd::crowd),
    ("sockets", crowd::sockets),
    ("memory", crowd::memory),
    ("start", crowd::start),
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [serve, bytes, ..] = &arguments[..]
        && serve == "--serve"
    {
        return program::serve_bare(bytes.parse().expect("a number of bytes"));
    }
    // `cargo test --benches` asks for a list only.
    if arguments.iter().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    let asked: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let scripts = games::scripts(100);
    println!("games of {} actions\n", games::ACTIONS);
    for (at, (name, part)) in PARTS.into_iter().enumerate() {
        if (asked.is_empty() && at >= HELPERS) || asked.iter().any(|asked| *asked == name) {
            part(&scripts);
        }
    }
}
