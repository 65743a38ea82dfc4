//! Servers at a database, beside pgbench with the same bytes on the same database server, and beside a folder.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::clients::{Player, Way};
use super::games::Script;
use super::program::{Program, processor_of};
use super::table::{Round, budget, median};
use super::turns::play;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
/// Bytes of a state and of a line of history, by which pgbench writes as much.
const STATE: usize = 2_497;
const LINE: usize = 597;
/// Sessions of pgbench.
const ROWS: usize = 20_000;
/// Turns of a game that are heard on another server.
const GAME: usize = 20;
/// Sockets that are only open.
const SOCKETS: usize = 5_000;

/// A server of PostgreSQL with its usual settings, which syncs.
struct Postgres {
    folder: PathBuf,
    binaries: PathBuf,
    child: Child,
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    if rustix::process::geteuid().is_root() { command } else { Command::new(program) }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("a program that runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

impl Postgres {
    /// None where it is not installed.
    fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let binaries = versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).max()?;
        // Not below this project's: the server, as another user, might not be let in.
        let folder = tempfile::Builder::new().prefix("cosmic-pg").tempdir().expect("a folder").keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        if rustix::process::geteuid().is_root() {
            chown(&folder, Some(65534), Some(65534)).expect("its owner");
        }
        let data = folder.join("data");
        let mut initdb = unprivileged(&binaries.join("initdb"));
        run(initdb.arg("-D").arg(&data).args(["--username=cosmic", "--auth=trust", "--locale=C", "--encoding=UTF8"]));
        let mut server = unprivileged(&binaries.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(&folder);
        server.args(["-c", "listen_addresses=", "-c", "max_connections=200", "-c", "max_wal_size=4GB"]);
        server.args(["-c", "shared_buffers=512MB"]);
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let own = Self { folder, binaries, child };
        let began = Instant::now();
        while !own.folder.join(".s.PGSQL.5432").exists() || !own.answers() {
            assert!(began.elapsed() < Duration::from_secs(60), "PostgreSQL did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(own)
    }

    fn answers(&self) -> bool {
        let mut asked = Command::new(self.binaries.join("pg_isready"));
        asked.arg("-q").arg("-h").arg(&self.folder).status().is_ok_and(|status| status.success())
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://cosmic@/{database}?host={}", self.folder.display())
    }

    fn say(&self, database: &str, sql: &str) -> String {
        run(Command::new(self.binaries.join("psql")).args(["-qXAt", "-c", sql]).arg(self.url(database)))
    }

    /// A new database.
    fn database(&self, name: &str) -> String {
        self.say("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    /// The processor time of all its processes so far.
    fn processor(&self) -> Duration {
        let own = self.child.id();
        let all = std::fs::read_dir("/proc").expect("processes");
        let ids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        ids.filter(|id| *id == own || parent(*id) == Some(own)).filter_map(processor_of).sum()
    }

    /// Turns of pgbench with so many clients.
    fn pgbench(&self, clients: usize, time: Duration) -> Round {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("turn.sql");
        std::fs::write(
            &script,
            format!(
                "\\set id random(1, {ROWS})\n\
                 WITH moved AS (UPDATE sessions SET revision = revision + 1, state = :state WHERE id = :id RETURNING id, revision) \
                 INSERT INTO turns (id, revision, line) SELECT id, revision, :line FROM moved;\n"
            ),
        )
        .expect("a file");
        let mut pgbench = Command::new(self.binaries.join("pgbench"));
        pgbench.current_dir(folder.path()).args(["-n", "-M", "prepared", "-j", "2", "-l"]);
        pgbench.args(["-c", &clients.to_string(), "-T", &time.as_secs().max(1).to_string()]);
        pgbench.arg("-D").arg(format!("state={}", "s".repeat(STATE)));
        pgbench.arg("-D").arg(format!("line={}", "l".repeat(LINE)));
        run(pgbench.arg("-f").arg(&script).arg(self.url("pgbench")));
        let logs = std::fs::read_dir(folder.path()).expect("a folder").filter_map(|entry| Some(entry.ok()?.path()));
        let logs = logs.filter(|path| path != &script).map(|path| std::fs::read_to_string(path).expect("a log"));
        // The third field of a line is the latency in microseconds.
        let latency = |line: &str| line.split(' ').nth(2)?.parse().ok().map(Duration::from_micros);
        let mut latencies: Vec<_> = logs.flat_map(|log| log.lines().filter_map(latency).collect::<Vec<_>>()).collect();
        latencies.sort_unstable();
        Round { count: latencies.len(), took: time, latencies, ..Round::default() }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT: at once, and in order.
        drop(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn parent(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

fn at(url: &str, more: &[(&str, &str)]) -> Program {
    let settings: Vec<_> = [("COSMIC_DATABASE__URL", url)].into_iter().chain(more.iter().copied()).collect();
    Program::cosmic(Path::new("unused"), &settings)
}

/// Measures and prints.
pub fn database(scripts: &[Script]) {
    let Some(postgres) = Postgres::start() else { return println!("there is no PostgreSQL here\n") };
    postgres.database("pgbench");
    postgres.say(
        "pgbench",
        &format!(
            "CREATE TABLE sessions (id int8 PRIMARY KEY, revision int8, state text) WITH (fillfactor = 60, toast_tuple_target = 8160);
             ALTER TABLE sessions ALTER COLUMN state SET STORAGE MAIN;
             CREATE TABLE turns (id int8, revision int8, line text, PRIMARY KEY (id, revision));
             INSERT INTO sessions SELECT id, 0, repeat('s', {STATE}) FROM generate_series(1, {ROWS}) AS id; CHECKPOINT"
        ),
    );
    turns(&postgres, scripts);
    looks(&postgres, scripts);
    news(&postgres, scripts);
    death(&postgres, scripts);
    println!();
}

/// Turns through a server, and of pgbench.
fn turns(postgres: &Postgres, scripts: &[Script]) {
    let url = postgres.database("turns");
    let server = at(&url, &[]);
    for clients in [1, 16, 64] {
        let mut players: Vec<_> =
            (0..clients).map(|first| Player::new(Way::Whole, server.address, scripts, first * 7)).collect();
        let (mut own, mut other): (Vec<Round>, Vec<Round>) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            other.push(postgres.pgbench(clients, ROUND));
            own.push(play(&server, &mut players, ROUND));
        }
        let share = median(own.iter().zip(&other).map(|(own, other)| own.rate() / other.rate()));
        let over = median(own.iter().zip(&other).map(|(own, other)| own.latency(0.5) - other.latency(0.5)));
        let p99 = median(own.iter().map(|round| round.latency(0.99)));
        for (who, rounds) in [("this server", &own), ("pgbench", &other)] {
            println!(
                "{clients:>2} clients, {who:<11}: {:>6.0} turns/s, median {:.2} ms, p99 {:.2} ms",
                median(rounds.iter().map(Round::rate)),
                median(rounds.iter().map(|round| round.latency(0.5))),
                median(rounds.iter().map(|round| round.latency(0.99))),
            );
        }
        match clients {
            1 => budget("a turn alone over pgbench's", "0.5 ms", format!("{over:.2} ms"), over <= 0.5),
            64 => {
                budget("turns/s of 64, of pgbench's", "0.8 x", format!("{share:.2} x"), share >= 0.8);
                budget("p99 of 64", "25 ms", format!("{p99:.1} ms"), p99 <= 25.0);
            }
            _ => {}
        }
    }
    let hot = "SELECT sum(n_tup_hot_upd)::float8 / sum(n_tup_upd), sum(n_tup_upd) FROM pg_stat_user_tables WHERE relname = 'sessions'";
    let told = postgres.say("turns", hot);
    let (share, count) = told.split_once('|').expect("two figures");
    let share: f64 = share.parse().expect("a share");
    budget("turns that touch no index", "95 %", format!("{:.1} % of {count}", share * 100.0), share > 0.95);
}

/// States, beside those of a folder.
fn looks(postgres: &Postgres, scripts: &[Script]) {
    let url = postgres.database("looks");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let servers = [at(&url, &[]), Program::cosmic(folder.path(), &[])];
    for clients in [1, 64] {
        let mut teams = servers.each_ref().map(|server| {
            let players = (0..clients).map(|first| Player::new(Way::Look, server.address, scripts, first * 7));
            (server, players.collect::<Vec<_>>(), Vec::<Round>::new())
        });
        for _ in 0..ROUNDS {
            for (server, players, rounds) in &mut teams {
                rounds.push(play(server, players, ROUND / 3));
            }
        }
        let [(.., own), (.., folder)] = &teams;
        let share = median(own.iter().zip(folder).map(|(own, folder)| own.rate() / folder.rate()));
        let over = median(own.iter().zip(folder).map(|(own, folder)| own.latency(0.5) - folder.latency(0.5)));
        println!(
            "{clients} clients: {:.0} states/s, {:.2} ms over a folder's",
            median(own.iter().map(Round::rate)),
            over
        );
        match clients {
            1 => budget("a state alone over a folder's", "0.4 ms", format!("{over:.2} ms"), over <= 0.4),
            _ => budget("states/s of 64, of a folder's", "40 %", format!("{:.0} %", share * 100.0), share >= 0.4),
        }
    }
}

/// How long after the answer to a turn a connection on another server hears of it.
fn news(postgres: &Postgres, scripts: &[Script]) {
    for (notify, count, most) in [("true", 1_000, 25.0), ("false", 30, 2_100.0)] {
        let url = postgres.database(&format!("news_{notify}"));
        let [here, there] = [(), ()].map(|()| at(&url, &[("COSMIC_DATABASE__NOTIFY", notify)]));
        let mut late: Vec<f64> = Vec::new();
        for game in (0..).take_while(|game| game * GAME < count) {
            let mut player = Player::new(Way::Whole, here.address, scripts, game);
            let mut socket = player.listen(there.address);
            for _ in 0..GAME {
                player.once();
                let answered = Instant::now();
                socket.hear_turn();
                late.push(answered.elapsed().as_secs_f64() * 1e3);
            }
        }
        late.sort_unstable_by(f64::total_cmp);
        let p99 = late[(late.len() * 99 / 100).min(late.len() - 1)];
        let what = if notify == "true" { "a turn on another server, p99" } else { "the same without a bell" };
        let told = format!("{p99:.1} ms, median {:.1}", late[late.len() / 2]);
        budget(what, &format!("{most} ms"), told, p99 <= most);
    }
}

/// How long the first act on another server takes after a server was killed.
fn death(postgres: &Postgres, scripts: &[Script]) {
    let url = postgres.database("death");
    let other = at(&url, &[]);
    let times = (0..10).map(|_| {
        let server = at(&url, &[]);
        let mut player = Player::new(Way::Whole, server.address, scripts, 0);
        player.once();
        server.kill();
        let began = Instant::now();
        player.go_to(other.address);
        player.once();
        began.elapsed().as_secs_f64() * 1e3
    });
    let took = median(times);
    budget("the next act after a server was killed", "50 ms", format!("{took:.1} ms"), took < 50.0);
}

/// What it costs to have players who do nothing.
pub fn idle(scripts: &[Script]) {
    let Some(postgres) = Postgres::start() else { return println!("there is no PostgreSQL here\n") };
    let url = postgres.database("idle");
    let server = at(&url, &[]);
    let player = |_| Player::new(Way::Whole, server.address, scripts, 0).listen(server.address);
    let mut sockets: Vec<_> = (0..SOCKETS).map(player).collect();
    // So long that the database has tidied up after the beginnings.
    let mut stay = |secs: u64| {
        for _ in 0..secs {
            sockets.iter_mut().for_each(|socket| socket.stay());
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    stay(90);
    let (before, own, began) = (postgres.processor(), server.processor(), Instant::now());
    stay(20);
    let took = began.elapsed();
    let share = |time: Duration| time.as_secs_f64() / took.as_secs_f64() * 100.0;
    let (there, here) = (share(postgres.processor() - before), share(server.processor() - own));
    let told = format!("{there:.1} % of a core, and {here:.1} % for the server itself");
    budget(&format!("PostgreSQL with {SOCKETS} idle sockets"), "1 %", told, there <= 1.0);
}
