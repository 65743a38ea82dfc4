//! What turns and looks cost at 1, 16 and 64 clients.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::clients::{Player, Way};
use super::games::Script;
use super::program::Program;
use super::table::{Round, budget, median};

const CLIENTS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(1);
const WAYS: [Way; 6] = [Way::Whole, Way::Minimal, Way::Socket, Way::Patches, Way::Look, Way::Peek];

/// Who is measured: players of one way, at a server.
struct Team<'a> {
    name: String,
    program: &'a Program,
    players: Vec<Player<'a>>,
    rounds: Vec<Round>,
}

impl<'a> Team<'a> {
    fn new(name: String, way: Way, program: &'a Program, scripts: &'a [Script], count: usize) -> Self {
        let players = (0..count).map(|at| Player::new(way, program.address, scripts, at * 7)).collect();
        Self { name, program, players, rounds: Vec::new() }
    }

    fn play(&mut self) {
        let round = play(self.program, &mut self.players, ROUND);
        self.rounds.push(round);
    }

    fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(figure))
    }

    /// Of rounds that follow each other: what disturbs the machine disturbs both.
    fn share(&self, of: &Self) -> f64 {
        median(self.rounds.iter().zip(&of.rounds).map(|(own, other)| own.rate() / other.rate()))
    }
}

/// All players play as fast as they are answered, each in a thread of their own.
pub fn play(program: &Program, players: &mut [Player<'_>], time: Duration) -> Round {
    players.iter_mut().for_each(Player::reconnect);
    let (before, began) = (program.processor(), Instant::now());
    let mut round = std::thread::scope(|scope| {
        let all: Vec<_> = players
            .iter_mut()
            .map(|player| {
                scope.spawn(move || {
                    let (mut latencies, mut bytes) = (Vec::new(), 0);
                    while began.elapsed() < time {
                        latencies.push(player.once());
                        bytes += player.bytes;
                    }
                    (latencies, bytes)
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().expect("a player")).fold(
            Round::default(),
            |mut round, (latencies, bytes)| {
                round.count += latencies.len();
                round.latencies.extend(latencies);
                round.bytes += bytes;
                round
            },
        )
    });
    round.took = began.elapsed();
    round.processor = program.processor().saturating_sub(before);
    round.latencies.sort_unstable();
    round
}

/// Appends and syncs a record of a turn's size again and again; the median in milliseconds.
pub fn raw(folder: &Path) -> f64 {
    let mut file = OpenOptions::new().append(true).create(true).open(folder.join("raw")).expect("a file");
    let record = vec![7; 3000];
    let times = (0..1000).map(|_| {
        let began = Instant::now();
        file.write_all(&record).expect("it is written");
        file.sync_data().expect("it is synced");
        began.elapsed().as_secs_f64() * 1e3
    });
    median(times)
}

/// How many bytes an answer of a way has.
fn sizes(program: &Program, scripts: &[Script]) -> Vec<usize> {
    let size = |way| {
        let mut players = vec![Player::new(way, program.address, scripts, 0)];
        play(program, &mut players, ROUND / 4).size()
    };
    WAYS.into_iter().map(size).collect()
}

/// Another build beside this one: turns answered whole, in rounds of half a second, this one first and second in turns.
pub fn pair(scripts: &[Script]) {
    let Ok(other) = std::env::var("OTHER") else { return println!("OTHER names no other build to compare with\n") };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let programs =
        [Program::cosmic(&folder.path().join("this"), &[]), Program::build(&other, &folder.path().join("other"), &[])];
    for clients in CLIENTS {
        let mut teams = programs.each_ref().map(|program| {
            let players = (0..clients).map(|at| Player::new(Way::Whole, program.address, scripts, at * 7));
            (program, players.collect::<Vec<_>>(), Vec::new())
        });
        for round in 0..40 {
            for at in [round % 2, 1 - round % 2] {
                let (program, players, rounds) = &mut teams[at];
                rounds.push(play(program, players, ROUND / 2));
            }
        }
        let [(.., own), (.., other)] = &teams;
        let ratio = |figure: fn(&Round) -> f64| median(own.iter().zip(other).map(|(a, b)| figure(a) / figure(b)));
        println!(
            "{clients} clients: {:.3} x the other's turns/s, {:.3} x its median latency, {:.3} x its CPU a turn ({:.0} turns/s)",
            ratio(Round::rate),
            ratio(|round| round.latency(0.5)),
            ratio(Round::micros),
            median(own.iter().map(Round::rate)),
        );
    }
    println!();
}

/// Players of the way `WAY` (`patches` where it is not said), as many as `CLIENTS`, for `SECONDS`: something to look at with a profiler.
pub fn load(scripts: &[Script]) {
    let told = |name: &str| std::env::var(name).ok();
    let number = |name: &str, usual: u64| told(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let way = match told("WAY").as_deref() {
        Some("whole") => Way::Whole,
        Some("minimal") => Way::Minimal,
        Some("socket") => Way::Socket,
        Some("look") => Way::Look,
        _ => Way::Patches,
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let program = Program::cosmic(folder.path(), &[]);
    let count = usize::try_from(number("CLIENTS", 64)).expect("some");
    let mut team = Team::new(way.name().to_owned(), way, &program, scripts, count);
    println!("{count} clients, {}, process {}", way.name(), program.id());
    for _ in 0..number("SECONDS", 10) {
        team.play();
        let round = team.rounds.last().expect("a round");
        println!("{:>9.0} a second, {:.1} us of CPU, p99 {:.2} ms", round.rate(), round.micros(), round.latency(0.99));
    }
}

/// Measures and prints.
pub fn turns(scripts: &[Script]) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let cosmic = Program::cosmic(&folder.path().join("saves"), &[]);
    let sizes = sizes(&cosmic, scripts);
    let bare: Vec<_> = sizes.iter().map(|size| Program::bare(*size)).collect();
    let mut results = Vec::new();
    for clients in CLIENTS {
        let mut teams: Vec<_> = WAYS
            .into_iter()
            .zip(&bare)
            .zip(&sizes)
            .map(|((way, bare), size)| {
                let other = if matches!(way, Way::Socket | Way::Patches) { Way::Echo } else { Way::Bare };
                let name = format!("{} of {size} bytes", other.name());
                let own = Team::new(way.name().to_owned(), way, &cosmic, scripts, clients);
                (way, own, Team::new(name, other, bare, scripts, clients))
            })
            .collect();
        let mut raws = Vec::new();
        for _ in 0..ROUNDS {
            raws.push(raw(folder.path()));
            for (_, own, other) in &mut teams {
                own.play();
                other.play();
            }
        }
        println!("{clients} clients, medians of {ROUNDS} rounds of {ROUND:?}");
        println!("{:<32} {:>9} {:>10} {:>9} {:>8} {:>7}", "", "a second", "median ms", "p99 ms", "CPU us", "bytes");
        for team in teams.iter().flat_map(|(_, own, other)| [own, other]) {
            println!(
                "{:<32} {:>9.0} {:>10.3} {:>9.3} {:>8.1} {:>7.0}",
                team.name,
                team.median(Round::rate),
                team.median(|round| round.latency(0.5)),
                team.median(|round| round.latency(0.99)),
                team.median(Round::micros),
                team.median(|round| round.size() as f64),
            );
        }
        let raw = median(raws.into_iter());
        println!("{:<32} {:>9.0} {raw:>10.3}\n", "raw append + fdatasync", 1e3 / raw);
        for (way, own, other) in &teams {
            let (share, micros) = (own.share(other), own.median(Round::micros));
            results.push((clients, *way, share, micros, own.median(|round| round.latency(0.5)) - raw));
        }
    }
    for (clients, way, share, micros, over) in results {
        let (name, percent) = (format!("{clients} clients, {}", way.name()), format!("{:.0} % of bare", share * 100.0));
        match (clients, way) {
            (64, Way::Patches) => {
                budget(&name, "85 %", percent, share >= 0.85);
                budget(&name, "40 us", format!("{micros:.1} us of CPU"), micros <= 40.0);
            }
            (64, Way::Whole) => budget(&name, "40 %", percent, share >= 0.4),
            (64, Way::Minimal) => budget(&name, "60 %", percent, share >= 0.6),
            (64, Way::Look) => budget(&name, "85 %", percent, share >= 0.85),
            (1, Way::Whole | Way::Minimal | Way::Socket | Way::Patches) => {
                budget(&name, "0.25 ms", format!("{over:.3} ms over a raw append"), over <= 0.25);
            }
            _ => println!("        {name}: {percent}"),
        }
    }
    println!();
}
