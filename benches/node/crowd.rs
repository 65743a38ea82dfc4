//! What many games cost: latencies beside them, memory, a start and an end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cosmic_explorer::model::{Checkpoint, SessionId};
use cosmic_explorer::store::folder::disk::{Barrier, Disk, DiskFile, LocalDisk, Look, Stamp};
use cosmic_explorer::store::folder::{self, Settings};
use uuid::Uuid;

use super::clients::{Player, Way, Wire, request};
use super::games::Script;
use super::program::Program;
use super::table::{budget, median};
use super::turns::{play, raw};

const STORED: usize = 100_000;
const RESIDENT: usize = 10_000;
const ROUNDS: usize = 9;
/// Of each kind.
const SOCKETS: usize = 2000;

/// A disk that waits for nothing, to make a folder of many games quickly.
#[derive(Debug)]
struct Hasty(LocalDisk);

#[derive(Debug)]
struct HastyFile(Box<dyn DiskFile>);

impl Disk for Hasty {
    fn path(&self) -> &Path {
        self.0.path()
    }
    fn list(&self) -> std::io::Result<Vec<String>> {
        self.0.list()
    }
    fn read(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        self.0.read(name)
    }
    fn exists(&self, name: &str) -> bool {
        self.0.exists(name)
    }
    fn look(&self, name: &str) -> std::io::Result<Option<Look>> {
        self.0.look(name)
    }
    fn stamp(&self, name: &str) -> std::io::Result<Option<Stamp>> {
        self.0.stamp(name)
    }
    fn read_at(&self, name: &str, stretches: &[(u64, usize)]) -> std::io::Result<Vec<Vec<u8>>> {
        self.0.read_at(name, stretches)
    }
    fn open(&self, name: &str) -> std::io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(HastyFile(self.0.open(name)?)))
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.0.remove(name)
    }
    fn sync(&self, _: Barrier) -> std::io::Result<()> {
        Ok(())
    }
}

impl DiskFile for HastyFile {
    fn look(&self) -> std::io::Result<Look> {
        self.0.look()
    }
    fn write(&mut self, at: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write(at, bytes)
    }
    fn reserve(&mut self, length: u64) -> std::io::Result<()> {
        self.0.reserve(length)
    }
    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.0.cut(length)
    }
    fn sync(&mut self, _: Barrier) -> std::io::Result<()> {
        Ok(())
    }
}

/// Fills a folder with so many games of one player each, all like one that was played a little.
fn fill(folder: &Path, scripts: &[Script], count: usize) {
    let program = Program::cosmic(folder, &[]);
    let mut player = Player::new(Way::Whole, program.address, scripts, 0);
    for _ in 0..20 {
        player.once();
    }
    program.stop();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    runtime.block_on(async {
        let disk = LocalDisk::open(folder).expect("a folder");
        let opened = folder::open_on(Arc::new(Hasty(disk)), Settings::default()).expect("a store");
        let id = SessionId(opened.sessions[0].session_id);
        let model = opened.store.read(id).await.expect("it reads").expect("a session");
        for _ in 1..count {
            let game = Checkpoint { session_id: Uuid::now_v7(), owner: Uuid::new_v4(), ..model.clone() };
            opened.store.create(game).await.expect("it is written");
        }
        opened.store.close().await;
    });
}

/// Fills the folder `FOLDER`: something to start a server over.
pub fn stock(scripts: &[Script]) {
    let Ok(path) = std::env::var("FOLDER") else { return println!("FOLDER names no folder to fill\n") };
    fill(Path::new(&path), scripts, STORED);
}

/// Begins so many games, and takes a few turns in each.
fn begin(program: &Program, scripts: &[Script], count: usize, turns: usize) {
    let mut wire = Wire::open(program.address);
    let mut token = String::new();
    for at in 0..count {
        let script = &scripts[at % scripts.len()];
        let body = format!(r#"{{"seed":{},"difficulty":"easy"}}"#, script.seed);
        assert_eq!(wire.ask(&request("POST", "/api/sessions", &token, "", &body)), 201);
        let created = wire.json();
        if let Some(new) = created["token"].as_str() {
            new.clone_into(&mut token);
        }
        let path = format!("/api/sessions/{}/actions", created["session_id"].as_str().expect("an id"));
        for action in script.actions.iter().take(turns) {
            let status = wire.ask(&request("POST", &path, &token, "Prefer: return=minimal\r\n", action));
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&wire.body));
        }
    }
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// Latencies with many games in memory and stored, beside few.
pub fn crowd(scripts: &[Script]) {
    let (few, many) = (temporary(), temporary());
    fill(many.path(), scripts, STORED);
    let programs = [Program::cosmic(few.path(), &[]), Program::cosmic(many.path(), &[])];
    begin(&programs[0], scripts, 100, 1);
    begin(&programs[1], scripts, RESIDENT, 1);
    let ways = [Way::Whole, Way::Look];
    let mut teams: Vec<Vec<_>> = ways
        .iter()
        .map(|way| {
            let team = |program: &Program| (0..16).map(|at| Player::new(*way, program.address, scripts, at)).collect();
            programs.iter().map(team).collect::<Vec<Vec<_>>>()
        })
        .collect();
    let mut slow = vec![[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for _ in 0..ROUNDS {
        for (teams, slow) in teams.iter_mut().zip(&mut slow) {
            for ((program, team), slow) in programs.iter().zip(teams).zip(slow) {
                slow.push(play(program, team, Duration::from_secs(1)).latency(0.99));
            }
        }
    }
    for (way, [few, many]) in ways.iter().zip(slow) {
        let (few, many) = (median(few.into_iter()), median(many.into_iter()));
        let measured = format!(
            "p99 {many:.2} ms at {RESIDENT} in memory and {STORED} stored, {few:.2} at 100: {:.2} x",
            many / few
        );
        budget(way.name(), "1.2 x", measured, many <= 1.2 * few);
    }
    println!();
}

/// Bytes of a game in memory, and of one that is only stored.
pub fn memory(scripts: &[Script]) {
    let folder = temporary();
    let program = Program::cosmic(folder.path(), &[]);
    begin(&program, scripts, 1000, 3);
    let before = program.resident();
    begin(&program, scripts, 9000, 3);
    let each = (program.resident() - before) / 9000;
    budget("a game in memory", "10,240 bytes", format!("{each} bytes"), each <= 10 << 10);
    drop(program);
    let stored = temporary();
    // What a start needed goes back to the system only while something is done.
    let used = |program: &Program| {
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(300));
            begin(program, scripts, 200, 3);
        }
        program.resident()
    };
    let before = used(&Program::cosmic(stored.path(), &[]));
    fill(stored.path(), scripts, STORED);
    // Once, so that what is read whole then is not counted.
    Program::cosmic(stored.path(), &[]).stop();
    let each = used(&Program::cosmic(stored.path(), &[])).saturating_sub(before) / STORED as u64;
    budget("a stored game", "400 bytes", format!("{each} bytes"), each <= 400);
    println!();
}

/// A socket that has begun a game of its own, and of which nothing more than the first bytes of its greeting was read.
fn socket(program: &Program) -> TcpStream {
    let mut stream = TcpStream::connect(program.address).expect("a connection");
    let handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).expect("it is sent");
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).expect("an answer");
    assert_eq!(&begin, b"HTTP/1.1 101", "{}", String::from_utf8_lossy(&begin));
    stream
}

/// Asks for a turn, and does not read what comes of it.
fn shout(mut stream: &TcpStream) {
    let message = br#"{"type":"act","action":{"type":"wait"}}"#;
    // A final text frame, masked with zeros.
    let mut frame = vec![0x81, 0x80 | u8::try_from(message.len()).expect("a short message"), 0, 0, 0, 0];
    frame.extend(message);
    // It may have been cut off by now, which is as good.
    drop(stream.write_all(&frame));
}

/// Latencies and memory beside sockets that say nothing, and sockets that ask and do not read.
pub fn sockets(scripts: &[Script]) {
    let (few, many) = (temporary(), temporary());
    let programs = [&few, &many].map(|folder| Program::cosmic(folder.path(), &[]));
    begin(&programs[1], scripts, SOCKETS, 0);
    let before = programs[1].resident();
    begin(&programs[1], scripts, SOCKETS, 0);
    let game = programs[1].resident() - before;
    let before = programs[1].resident();
    let idle: Vec<_> = (0..SOCKETS).map(|_| socket(&programs[1])).collect();
    let with_idle = programs[1].resident();
    let slow: Vec<_> = (0..SOCKETS).map(|_| socket(&programs[1])).collect();
    let mut teams = programs.each_ref().map(|program| [Player::new(Way::Whole, program.address, scripts, 0)]);
    let (mut raws, mut medians) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        slow.iter().for_each(shout);
        raws.push(raw(few.path()));
        for ((program, team), medians) in programs.iter().zip(&mut teams).zip(&mut medians) {
            medians.push(play(program, team, Duration::from_secs(1)).latency(0.5));
        }
    }
    let with_slow = programs[1].resident();
    let each = |bytes: u64| bytes.saturating_sub(game) / SOCKETS as u64;
    println!(
        "an idle socket takes {} bytes, one that does not read {}",
        each(with_idle - before),
        each(with_slow - with_idle)
    );
    let raw = median(raws.into_iter());
    let [few, many] = medians.map(|medians| median(medians.into_iter()) - raw);
    let measured =
        format!("{many:.3} ms over a raw append beside {SOCKETS} idle and {SOCKETS} slow ones, {few:.3} without");
    budget("1 client, turn, whole answer", "0.25 ms", measured, many <= 0.25);
    drop((idle, slow));
    println!();
}

/// Starts over many stored games and over a long log, and an end with many games that have changed.
pub fn start(scripts: &[Script]) {
    let folder = temporary();
    fill(folder.path(), scripts, STORED);
    let start = |settings: &[(&str, &str)]| {
        let began = Instant::now();
        let program = Program::cosmic(folder.path(), settings);
        (program, began.elapsed())
    };
    let (program, first) = start(&[]);
    program.stop();
    let warm = median((0..5).map(|_| {
        let (program, took) = start(&[]);
        program.stop();
        took.as_secs_f64()
    }));
    println!("the first start over {STORED} games: {:.2} s", first.as_secs_f64());
    budget("start, warm", "0.5 s", format!("{warm:.2} s"), warm <= 0.5);

    let (program, _) = start(&[]);
    begin(&program, scripts, RESIDENT, 2);
    let took = program.stop().as_secs_f64();
    budget(&format!("end with {RESIDENT} changed games"), "5 s", format!("{took:.2} s"), took <= 5.0);

    // As many turns as a log takes before it presses for checkpoints.
    let (program, _) = start(&[]);
    let mut players: Vec<_> = (0..64).map(|at| Player::new(Way::Patches, program.address, scripts, at)).collect();
    let mut turns = 0;
    while turns < 70_000 {
        turns += play(&program, &mut players, Duration::from_secs(1)).count;
    }
    drop(players);
    program.kill();
    let (program, took) = start(&[]);
    let took = took.as_secs_f64();
    let allowed = 0.5 + 5.0 * turns as f64 / 1e6;
    budget(
        &format!("start after a crash with up to {turns} turns"),
        &format!("{allowed:.2} s"),
        format!("{took:.2} s"),
        took <= allowed,
    );
    drop(program);
    println!();
}
