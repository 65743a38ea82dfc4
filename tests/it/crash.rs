//! Promise 1 on the real program: clients act at full speed and write down what was answered, the server is killed with SIGKILL
//! at random moments and started again, and in the end every answered turn is there exactly once, in order.
//!
//! The same with a fault between kills: a file that is gone, closed, cut, emptied, of a newer format, or has a flipped bit, for one
//! start; then it is mended.
//!
//! `CRASH_KILLS` says how often it is killed (20 and 10 times when not set); `scripts/crash-test` does it 200 times each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use cosmic_explorer::game::rng::{Dice, Stream};
use serde_json::{Value, json};

use crate::binary::{Program, program, start};
use crate::patience::{Stop, first_line, until, wait, watch_for};
use crate::play::{busy, choose_offer};
use crate::server::{Client, Reply};

pub const CLIENTS: u64 = 16;

/// What one client knows about one session.
#[derive(Default)]
pub struct Logbook {
    /// By revision: the action and the digest that were answered.
    answered: BTreeMap<u64, (Value, String)>,
    /// Revision and action of what was asked for without an answer.
    unanswered: BTreeSet<(u64, String)>,
}

pub struct Shared {
    /// Files are broken between kills.
    faults: bool,
    /// Of the servers that run now; each request goes to one of them.
    pub urls: RwLock<Vec<String>>,
    pub stop: AtomicBool,
    pub answers: AtomicU64,
    pub refusals: AtomicU64,
    pub losses: AtomicU64,
    pub repeats: AtomicU64,
}

impl Shared {
    pub fn new(faults: bool, urls: Vec<String>) -> Self {
        Self {
            faults,
            urls: RwLock::new(urls),
            stop: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
        }
    }
}

impl Shared {
    /// Of one of the servers.
    pub fn some_url(&self, dice: &mut Dice) -> String {
        let urls = self.urls.read().unwrap_or_else(PoisonError::into_inner);
        urls[dice.stream(Stream::Market).below(urls.len() as u64) as usize].clone()
    }
}

/// One player. Every other one sends idempotency keys and repeats what was not answered; the rest look what has become of it.
pub struct Player<'a> {
    pub shared: &'a Shared,
    pub client: Client,
    pub dice: Dice,
    pub keys: bool,
    /// Their first game is the day's challenge.
    pub daily: bool,
    /// Who is told of their games.
    pub listener: Option<Sender<Client>>,
    pub books: BTreeMap<String, Logbook>,
}

impl Player<'_> {
    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Sends to whichever server runs now; none when it dies before it has answered.
    fn try_send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Option<Reply> {
        self.client.url = self.shared.some_url(&mut self.dice);
        let body = body.map(Value::to_string);
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        let reply = self.client.try_send(method, path, &headers, body.as_deref().map(str::as_bytes)).ok();
        if reply.is_none() {
            // The next server needs a moment.
            std::thread::sleep(Duration::from_millis(2));
        }
        // While a file is broken its owner is told so.
        let broken = self.shared.faults.then_some(500);
        reply.filter(|reply| reply.status != 503 && Some(reply.status) != broken)
    }

    /// Asks until it is answered, or all is over.
    fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
        while !self.stopped() {
            if let Some(reply) = self.try_send(method, path, &[], body) {
                assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text);
                return Some(reply.json());
            }
        }
        None
    }

    fn begin(&mut self) -> Option<Value> {
        let is_daily = self.daily && self.books.is_empty();
        let game = if is_daily { json!({"challenge": "daily", "name": "Somebody"}) } else { json!({}) };
        let created = self.ask("POST", "/api/sessions", Some(&game))?;
        if let Some(token) = created["token"].as_str() {
            self.client.token = Some(token.to_owned());
        }
        self.client.session = created["session_id"].as_str().expect("an id").to_owned();
        self.books.insert(self.client.session.clone(), Logbook::default());
        if let Some(listener) = &self.listener {
            // Nobody stops to listen before the player stops.
            drop(listener.send(self.client.clone()));
        }
        Some(created["state"].clone())
    }

    pub fn play(&mut self) -> Option<()> {
        loop {
            let mut state = self.begin()?;
            let mut revision = 0;
            while state["game_over"] == false {
                let path = self.client.path("/actions");
                let busy = busy(&state);
                let mood = self.dice.stream(Stream::Loot).below(20);
                let action = if mood == 0 && !busy {
                    json!({"type": "flee"})
                } else if busy || mood < 3 {
                    let offers = self.ask("GET", &path, None)?;
                    choose_offer(&state, &offers, &mut self.dice)["action"].clone()
                } else {
                    json!({"type": "wait"})
                };
                (revision, state) = self.act(revision, &action)?;
            }
        }
    }

    /// Acts once; the revision and the state after.
    fn act(&mut self, revision: u64, action: &Value) -> Option<(u64, Value)> {
        let path = self.client.path("/actions");
        let key = format!("{}-{revision}", self.client.session);
        let headers = [("idempotency-key", key.as_str())];
        let headers: &[_] = if self.keys { &headers } else { &[] };
        loop {
            if self.stopped() {
                return None;
            }
            if let Some(reply) = self.try_send("POST", &path, headers, Some(action)) {
                return self.take(revision, action, &reply);
            }
            self.shared.losses.fetch_add(1, Ordering::Relaxed);
            self.book().unanswered.insert((revision + 1, action.to_string()));
            if !self.keys {
                let path = self.client.path("");
                let now = self.ask("GET", &path, None)?;
                return Some((now["revision"].as_u64().expect("a number"), now["state"].clone()));
            }
            self.shared.repeats.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn book(&mut self) -> &mut Logbook {
        self.books.entry(self.client.session.clone()).or_default()
    }

    fn take(&mut self, revision: u64, action: &Value, reply: &Reply) -> Option<(u64, Value)> {
        let answer = reply.json();
        if reply.status == 200 {
            self.shared.answers.fetch_add(1, Ordering::Relaxed);
            let digest = answer["digest"].as_str().expect("a digest").to_owned();
            let after = answer["revision"].as_u64().expect("a number");
            assert_eq!(after, revision + 1, "{}", reply.text);
            self.book().answered.insert(after, (action.clone(), digest));
            return Some((after, answer["state"].clone()));
        }
        assert_eq!(reply.status, 409, "{}", reply.text);
        self.shared.refusals.fetch_add(1, Ordering::Relaxed);
        let path = self.client.path("");
        let now = self.ask("GET", &path, None)?;
        assert_eq!(now["revision"], revision, "a refusal changes nothing");
        Some((revision, now["state"].clone()))
    }
}

/// What is wrong with a session after the last start.
pub fn check(client: &Client, book: &Logbook) -> Result<usize, String> {
    let history = client.history();
    let revisions: Vec<_> = history.iter().map(|turn| turn["revision"].as_u64().expect("a number")).collect();
    if !revisions.iter().copied().eq(1..=revisions.len() as u64) {
        return Err(format!("doubled, reordered or with a gap: {revisions:?}"));
    }
    let state = client.look();
    if state["revision"] != revisions.len() {
        return Err(format!("at revision {} with {} turns", state["revision"], revisions.len()));
    }
    for (revision, (action, digest)) in &book.answered {
        let turn = history.get(*revision as usize - 1).ok_or_else(|| format!("turn {revision} is lost"))?;
        if turn["action"] != *action || turn["digest"] != digest.as_str() {
            return Err(format!("turn {revision} is another one"));
        }
    }
    for turn in history {
        let revision = turn["revision"].as_u64().expect("a number");
        let asked = book.unanswered.contains(&(revision, turn["action"].to_string()));
        if !book.answered.contains_key(&revision) && !asked {
            return Err(format!("turn {revision} was never asked for, or refused"));
        }
    }
    Ok(revisions.len())
}

pub fn configured(saves: &Path) -> Command {
    let mut command = program(saves, &[]);
    // Checkpoints and trims happen all the time, and are hit as well.
    command.env("COSMIC_SESSIONS__SWEEP_SECS", "1").env("COSMIC_TURN_LOG_BYTES", "16777216").env("COSMIC_LOG", "error");
    // Games whose beginning was not answered go on.
    command.env("COSMIC_SESSIONS__PER_PLAYER", "100000");
    command
}

fn run(saves: &Path) -> Program {
    start(configured(saves))
}

/// A file that is not what it was, for one start.
struct Injury {
    file: PathBuf,
    /// What was in it.
    before: Vec<u8>,
    /// What is there now; none where nothing is, or nobody can open it.
    after: Option<Vec<u8>>,
    /// Which bit was flipped, where that is all.
    bit: Option<usize>,
}

impl Injury {
    /// Breaks one file of a folder in some way. A turn log is not cut: what is behind the cut would be played over.
    fn of(folder: &Path, dice: &mut Dice) -> Self {
        let mut draws = dice.stream(Stream::Market);
        let mut below = |most: usize| draws.below(most as u64) as usize;
        let names = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let ours = |path: &PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            !name.contains(".invalid") && !name.ends_with(".tmp") && name != "lock" && path.is_file()
        };
        let mut files: Vec<_> = names.filter(ours).collect();
        files.sort();
        let file = files.swap_remove(below(files.len()));
        let before = std::fs::read(&file).expect("a file");
        let is_log = file.extension().is_some_and(|end| end == "log");
        let bit = below(8 * before.len().max(1));
        let mut after = before.clone();
        let (after, bit) = match below(if is_log { 2 } else { 6 }) {
            0 => (None, None),
            1 if !before.is_empty() => {
                after[bit / 8] ^= 1 << (bit % 8);
                (Some(after), Some(bit))
            }
            2 => (Some(Vec::new()), None),
            3 => (Some(before[..before.len() / 2].to_vec()), None),
            4 => {
                let text = String::from_utf8_lossy(&before).replace("crc32c:", "crc32c;");
                let newer = text.replace("\"version\":3", "\"version\":9").replace("\"version\": 3", "\"version\": 9");
                (Some(newer.into_bytes()), None)
            }
            _ => {
                std::fs::remove_file(&file).expect("it goes");
                std::os::unix::fs::symlink(&file, &file).expect("a link to itself");
                return Self { file, before, after: None, bit: None };
            }
        };
        match &after {
            Some(bytes) => std::fs::write(&file, bytes).expect("it is written"),
            None => std::fs::remove_file(&file).expect("it goes"),
        }
        Self { file, before, after, bit }
    }

    /// Puts it back as whoever has a copy would: not over a list that the server has written anew, and a bit where it was flipped.
    fn mend(self) {
        let Self { file, before, after, bit } = self;
        let is_link = std::fs::symlink_metadata(&file).is_ok_and(|file| file.is_symlink());
        let now = if is_link { None } else { std::fs::read(&file).ok() };
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let grown = name.ends_with(".log") || name == "turns.json" || name == "clock.json";
        match (bit, now) {
            (Some(bit), Some(mut now)) => {
                let (at, was) = (bit / 8, before[bit / 8]);
                if now.get(at) == Some(&(was ^ 1 << (bit % 8))) {
                    now[at] = was;
                    std::fs::write(&file, now).expect("it is mended");
                }
            }
            (_, now) if grown && now != after => {}
            _ => {
                if is_link {
                    std::fs::remove_file(&file).expect("the link goes");
                }
                std::fs::write(&file, before).expect("it is back");
            }
        }
    }
}

/// Starts a server over a folder with a broken file, and kills it after a while; or it says that it does not start. Then all is mended.
fn run_injured(saves: &Path, shared: &Shared, dice: &mut Dice) -> bool {
    let injury = Injury::of(saves, dice);
    let mut command = configured(saves);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let line = first_line("the server to listen, or to say why not", &mut child);
    let started = line.contains("http://");
    if started {
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
        let url = url.trim_end_matches(',').to_owned();
        *shared.urls.write().unwrap_or_else(PoisonError::into_inner) = vec![url];
        std::thread::sleep(Duration::from_millis(100 + dice.stream(Stream::Events).below(150)));
    }
    child.kill().expect("it is killed");
    wait("the server to end", &mut child);
    injury.mend();
    started
}

pub fn kills(unset: u64) -> u64 {
    std::env::var("CRASH_KILLS").map_or(unset, |kills| kills.parse().expect("CRASH_KILLS is a number"))
}

#[test]
fn kill_9_loses_no_answered_turn() {
    crash(kills(20), false);
}

#[test]
fn kill_9_with_broken_files_between_loses_no_answered_turn() {
    crash(kills(10), true);
}

fn crash(kills: u64, faults: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = run(folder.path());
    let (mut injured, mut refused) = (0, 0);
    let shared = Shared::new(faults, vec![server.url.clone()]);
    let mut dice = Dice::new(u64::from(std::process::id()));
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    watch_for(Duration::from_secs(300 + 5 * kills));
    let players: Vec<_> = std::thread::scope(|scope| {
        // Also where something here fails: the players end then.
        let stop = Stop(&shared.stop);
        let players: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = Client::new("");
                let (dice, keys, books) = (Dice::new(number), number % 2 == 0, BTreeMap::new());
                let mut player = Player { shared: &shared, client, dice, keys, daily: false, listener: None, books };
                scope.spawn(move || {
                    player.play();
                    (player.client, player.books)
                })
            })
            .collect();
        for _ in 0..kills {
            let moment = dice.stream(Stream::Events).below(250);
            // Not before it has answered somebody, or nothing is tested.
            let before = count(&shared.answers);
            until("twenty answers", || {
                let failed = players.iter().any(std::thread::ScopedJoinHandle::is_finished);
                failed || count(&shared.answers) >= before + 20
            });
            std::thread::sleep(Duration::from_millis(moment));
            assert_eq!(server.end("-KILL"), None);
            if faults {
                let started = run_injured(folder.path(), &shared, &mut dice);
                (injured, refused) = (injured + u64::from(started), refused + u64::from(!started));
            }
            server = run(folder.path());
            *shared.urls.write().unwrap_or_else(PoisonError::into_inner) = vec![server.url.clone()];
        }
        drop(stop);
        assert_eq!(server.end("-KILL"), None);
        players.into_iter().map(|player| player.join().expect("a player")).collect()
    });

    let server = run(folder.path());
    let (mut sessions, mut turns) = (0, 0);
    for (client, books) in &players {
        for (session, book) in books {
            let mut client = client.clone().at(&server.url);
            client.session.clone_from(session);
            turns += check(&client, book).unwrap_or_else(|problem| panic!("session {session}: {problem}"));
            sessions += 1;
        }
    }
    println!(
        "{kills} kills, {injured} starts with a broken file and {refused} refused for one, {CLIENTS} clients, {sessions} games: {} turns answered, {turns} there; {} refused, {} unanswered, of \
         which {} were repeated; 0 lost, 0 doubled, 0 reordered",
        count(&shared.answers),
        count(&shared.refusals),
        count(&shared.losses),
        count(&shared.repeats)
    );
    assert!(count(&shared.losses) >= kills / 4, "the kills hit something");
    assert!(count(&shared.refusals) > 0, "something was refused");
}
