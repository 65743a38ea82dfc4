//! Promise 1 and 4 with many servers: three at one database play 64 players' games, and are killed and stopped under them; so is the
//! database, and the wires between are cut and stand still. In the end every answered turn is there once, on every server, every
//! listener has heard every turn once and in order, and everybody stands on the day's boards once.
//!
//! `CRASH_KILLS` says how often something is killed (12 times when not set); `scripts/cluster-test` does it 300 times, and stops servers
//! and wires for as long as they are stopped in earnest.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{ScopedJoinHandle, sleep};
use std::time::Duration;

use cosmic_explorer::game::rng::{Dice, Stream};
use serde_json::Value;

use crate::binary::{Program, try_start};
use crate::cluster::Database;
use crate::crash::{CLIENTS, Player, Shared, check, configured, kills};
use crate::patience::{Stop, output, until, watch_for};
use crate::server::Client;
use crate::wire::Socket;
use crate::wiretap::Wiretap;

/// Servers at one database.
const NODES: usize = 3;
/// Players, and those of them whose games somebody listens to.
const PLAYERS: u64 = 4 * CLIENTS;
const HEARD: u64 = 8;

/// A server, and its wire to the database.
struct Node {
    url: String,
    wire: Wiretap,
    program: Mutex<Option<Program>>,
}

impl Node {
    fn new(database: &Database) -> Self {
        let (wire, settings) = database.tapped();
        let node = Self { url: settings.url, wire, program: Mutex::new(None) };
        node.start();
        node
    }

    fn program(&self) -> std::sync::MutexGuard<'_, Option<Program>> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) {
        let mut command = configured(Path::new("unused"));
        command.env("COSMIC_DATABASE__URL", &self.url).env("COSMIC_DATABASE__ALLOW_UNSAFE", "true");
        // With its wire stopped it says that there is no database, and ends: whoever looks after it starts it again.
        let started = std::iter::repeat_with(|| try_start(&mut command)).flatten().next();
        *self.program() = started;
    }

    fn kill(&self) {
        let killed = self.program().take().expect("a server");
        assert_eq!(killed.end("-KILL"), None);
    }

    /// It may be one that was started since.
    fn tell(&self, signal: &str) {
        if let Some(program) = &*self.program() {
            program.tell(signal);
        }
    }
}

struct Cluster<'a> {
    nodes: Vec<Node>,
    shared: &'a Shared,
    /// Whether stops last as long as those of machines do.
    in_earnest: bool,
    stops: AtomicU64,
}

impl Cluster<'_> {
    fn urls(&self) -> Vec<String> {
        self.nodes.iter().filter_map(|node| Some(node.program().as_ref()?.url.clone())).collect()
    }

    /// The servers that are asked from now on: as a balancer has it.
    fn balance(&self, without: Option<usize>) {
        let mut urls = self.urls();
        let stopped = without.and_then(|at| Some(self.nodes[at].program().as_ref()?.url.clone()));
        urls.retain(|url| Some(url) != stopped.as_ref());
        *self.shared.urls.write().unwrap_or_else(PoisonError::into_inner) = urls;
    }

    /// Stops servers and wires until all is over.
    fn disturb(&self) {
        let mut dice = Dice::new(7);
        let mut below = |most: u64| dice.stream(Stream::Market).below(most) as usize;
        let lasts = |secs: u64| if self.in_earnest { Duration::from_secs(secs) } else { Duration::from_millis(500) };
        for round in 0_u64.. {
            let at = below(NODES as u64);
            match round % 8 {
                0 => {
                    self.balance(Some(at));
                    self.nodes[at].tell("-STOP");
                    sleep(lasts(30));
                    self.nodes[at].tell("-CONT");
                    self.balance(None);
                }
                1 => {
                    self.nodes[at].wire.freeze(true);
                    sleep(lasts(10));
                    self.nodes[at].wire.freeze(false);
                }
                _ => self.nodes[at].wire.cut(),
            }
            self.stops.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(500));
            if self.shared.stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// What was heard of a game.
struct Heard {
    client: Client,
    socket: Option<Socket>,
    /// The event before the first that was heard, and revisions and digests.
    since: u64,
    turns: Vec<(u64, Value)>,
    last: String,
    returns: usize,
}

impl Heard {
    fn of(client: Client) -> Self {
        Self { client, socket: None, since: 0, turns: Vec::new(), last: String::new(), returns: 0 }
    }

    /// Connects to one of the servers, where it answers.
    fn connect(&mut self, url: &str) -> Option<()> {
        // Others may have come between: they are this one too.
        let back = if self.last.is_empty() { String::new() } else { format!("&last_event_id={}", self.last) };
        let socket = Socket::try_resume(url, &self.client, &format!("{back}&takeover=true"))?;
        if self.last.is_empty() {
            self.last = socket.last();
            self.since = socket.hello["head"].as_str()?.split('-').next()?.parse().expect("a revision");
        } else {
            assert_eq!(socket.hello["recovered"], true, "after {}: {}", self.last, socket.hello);
            self.returns += 1;
        }
        self.socket = Some(socket);
        Some(())
    }

    /// Hears what comes within a moment; connects again where that is over.
    fn hear(&mut self, url: impl FnOnce() -> String) {
        let Some(socket) = &mut self.socket else {
            if self.connect(&url()).is_none() {
                sleep(Duration::from_millis(20));
            }
            return;
        };
        let goes_on = socket.read_within(Duration::from_millis(200));
        for turn in socket.turns.drain(..) {
            self.last = turn["id"].as_str().expect("an id").to_owned();
            self.turns.push((turn["revision"].as_u64().expect("a number"), turn["digest"].clone()));
        }
        if !goes_on {
            self.socket = None;
        }
    }

    /// Hears the rest, and compares it with what has happened.
    fn check(&mut self, urls: &[String]) {
        let client = self.client.clone().at(&urls[0]);
        let history = client.history();
        let mut at = 0;
        until("a listener to hear the rest", || {
            at += 1;
            self.hear(|| urls[at % urls.len()].clone());
            self.socket.is_some() && self.since as usize + self.turns.len() >= history.len()
        });
        let digest = |turn: &Value| (turn["revision"].as_u64().expect("a number"), turn["digest"].clone());
        let played: Vec<_> = history.iter().skip(self.since as usize).map(digest).collect();
        assert_eq!(self.turns, played, "of {}", self.client.session);
    }
}

/// Listens to the games that come, one after the other, until no more do.
fn listen(games: &Receiver<Client>, shared: &Shared, seed: u64) -> Vec<Heard> {
    let mut dice = Dice::new(seed);
    let mut all: Vec<Heard> = Vec::new();
    loop {
        match games.recv_timeout(Duration::ZERO) {
            Ok(client) => all.push(Heard::of(client)),
            Err(RecvTimeoutError::Disconnected) => return all,
            Err(RecvTimeoutError::Timeout) => {}
        }
        match all.last_mut() {
            Some(heard) => heard.hear(|| shared.some_url(&mut dice)),
            None => sleep(Duration::from_millis(5)),
        }
    }
}

/// Everybody whose game of a day counts stands on its board once, on every server the same. How many of them there are.
fn check_boards(urls: &[String], clients: &[&Client]) -> usize {
    let mut days: BTreeMap<String, usize> = BTreeMap::new();
    for client in clients {
        let client = (*client).clone().at(&urls[0]);
        until("the verdicts", || {
            let listed = client.get("/api/sessions").json();
            let games = listed["sessions"].as_array().expect("a list");
            let due = |game: &&Value| game["status"] == "finished" && game["challenge"].is_object();
            let counts: Vec<_> = games.iter().filter(due).map(|game| &game["challenge"]).collect();
            if counts.iter().any(|challenge| challenge["verdict"].is_null()) {
                return false;
            }
            for challenge in counts.iter().filter(|challenge| challenge["verdict"] == "counted") {
                *days.entry(challenge["date"].as_str().expect("a day").to_owned()).or_default() += 1;
            }
            true
        });
    }
    for (day, count) in &days {
        check_board(urls, day, *count);
    }
    days.values().sum()
}

fn check_board(urls: &[String], day: &str, count: usize) {
    let board = |url: &String| {
        let page = Client::new(url).get(&format!("/api/leaderboard?date={day}")).json();
        // All of it is a page.
        assert_eq!(page["next_after"], Value::Null);
        page["entries"].as_array().expect("entries").clone()
    };
    let first = board(&urls[0]);
    for url in urls {
        assert_eq!(board(url), first, "the boards of {url}");
    }
    assert_eq!(first.len(), count, "games on the board, and games that count");
}

#[test]
fn kill_9_of_servers_and_of_their_database_loses_no_answered_turn() {
    let Some(database) = Database::alone() else { return };
    let kills = kills(12);
    watch_for(Duration::from_secs(300 + 8 * kills));
    let shared = Shared::new(false, Vec::new());
    let nodes = (0..NODES).map(|_| Node::new(&database)).collect();
    let cluster = Cluster { nodes, shared: &shared, in_earnest: kills > 100, stops: AtomicU64::new(0) };
    cluster.balance(None);
    let mut dice = Dice::new(u64::from(std::process::id()));
    let (players, mut heard): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let stop = Stop(&shared.stop);
        let (shared, cluster) = (&shared, &cluster);
        let mut listeners = Vec::new();
        let players: Vec<_> = (0..PLAYERS)
            .map(|number| {
                let listener: Option<Sender<Client>> = (number < HEARD).then(|| {
                    let (games, listened) = channel();
                    listeners.push(scope.spawn(move || listen(&listened, shared, number)));
                    games
                });
                // Each repeats under its key what was not answered: a server that was killed may have said its last statement already.
                let (client, dice) = (Client::new(""), Dice::new(number));
                let mut player =
                    Player { shared, client, dice, keys: true, daily: true, listener, books: BTreeMap::new() };
                scope.spawn(move || {
                    player.play();
                    (player.client, player.books)
                })
            })
            .collect();
        let disturber = scope.spawn(|| cluster.disturb());
        let mut below = |most: u64| dice.stream(Stream::Events).below(most);
        for kill in 0..kills {
            let before = shared.answers.load(Ordering::Relaxed);
            until("twenty answers", || {
                let failed = players.iter().any(ScopedJoinHandle::is_finished) || disturber.is_finished();
                failed || shared.answers.load(Ordering::Relaxed) >= before + 20
            });
            sleep(Duration::from_millis(below(250)));
            if kill % 4 == 0 {
                // At once, and with all its processes one after the other.
                database.cluster().end(if below(2) == 0 { "QUIT" } else { "KILL" });
                continue;
            }
            let node = &cluster.nodes[below(NODES as u64) as usize];
            node.kill();
            cluster.balance(None);
            node.start();
            cluster.balance(None);
        }
        drop(stop);
        disturber.join().expect("the disturber");
        let players = players.into_iter().map(|player| player.join().expect("a player")).collect();
        (players, listeners.into_iter().flat_map(|listener| listener.join().expect("a listener")).collect())
    });
    let urls = cluster.urls();
    let (mut sessions, mut turns) = (0, 0);
    for (client, books) in &players {
        for (session, book) in books {
            for url in &urls {
                let client = client.clone().at(url).with_session(session);
                turns += check(&client, book).unwrap_or_else(|problem| panic!("session {session} at {url}: {problem}"));
            }
            sessions += 1;
        }
    }
    heard.iter_mut().for_each(|heard| heard.check(&urls));
    let boards = check_boards(&urls, &players.iter().map(|(client, _)| client).collect::<Vec<_>>());
    let mut verify = std::process::Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
    verify.args(["saves", "verify"]).env("COSMIC_DATABASE__URL", database.url());
    let verified = output(verify.env("COSMIC_DATABASE__ALLOW_UNSAFE", "true"));
    let told = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && !told.contains("BAD"), "{told}");
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{kills} kills of {NODES} servers and their database, {} stops of servers and wires, {PLAYERS} players, {sessions} \
         games: {} turns answered, {} there; {} refused, {} repeated; {} games heard with {} turns over {} returns; {boards} \
         on the board; 0 lost, 0 doubled, 0 reordered, 0 unheard",
        count(&cluster.stops),
        count(&shared.answers),
        turns / NODES,
        count(&shared.refusals),
        count(&shared.repeats),
        heard.len(),
        heard.iter().map(|heard| heard.turns.len()).sum::<usize>(),
        heard.iter().map(|heard| heard.returns).sum::<usize>(),
    );
    assert!(count(&shared.losses) >= kills / 4, "the kills hit something");
    assert!(heard.iter().any(|heard| heard.returns > 0), "a listener came back");
}
