//! What a durable turn costs: turns per second and latencies at 1, 16 and 64 clients, beside checkpoints only (`sweep`), a bare
//! actix handler that reads and returns as many bytes, and a raw append + fdatasync. All in one run and interleaved, because only
//! the ratios mean something.
//!
//! `cargo bench --bench durable`. Its folder is removed at its end: on ext4 without a journal wait five minutes before the next run.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use cosmic_explorer::api;
use cosmic_explorer::game::content::{Content, built_in};
use cosmic_explorer::session::Settings;
use cosmic_explorer::session::clock::StoreClock;
use cosmic_explorer::session::{Parts, Services};
use cosmic_explorer::store::folder::{self, Durability};
use serde_json::Value;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CLIENTS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(1);
/// Games that are there before a round. With stores for it, each is good for some hundred turns of waiting: a whole game.
const GAMES: usize = 1000;
const STORES: &str = "{\"type\":\"buy_food\",\"amount\":80}";
const BODY: &str = "{\"type\":\"wait\"}";

/// A connection that is kept open.
struct Wire {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    body: Vec<u8>,
}

impl Wire {
    fn open(address: SocketAddr) -> Self {
        let writer = TcpStream::connect(address).expect("a connection");
        writer.set_nodelay(true).expect("no delay");
        Self { reader: BufReader::new(writer.try_clone().expect("a clone")), writer, body: Vec::new() }
    }

    /// Sends a whole request; the status of the answer, whose body is in `body`.
    fn ask(&mut self, request: &[u8]) -> u16 {
        self.writer.write_all(request).expect("it is sent");
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a status line");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut length = 0;
        loop {
            line.clear();
            self.reader.read_line(&mut line).expect("a header");
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body).expect("a body");
        status
    }
}

fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A server, and the requests of the games on it.
struct Server {
    name: &'static str,
    address: SocketAddr,
    games: Mutex<Vec<Vec<u8>>>,
    /// The player's token; none where there are no games.
    token: Option<String>,
}

impl Server {
    /// Has enough games for a round.
    fn prepare(&mut self) {
        let games = self.games.get_mut().expect("no panic");
        let Some(token) = &mut self.token else {
            return games.resize(GAMES, request("POST", "/", "x", BODY));
        };
        let mut wire = Wire::open(self.address);
        while games.len() < GAMES {
            let authorized = request("POST", "/api/sessions", token, "{}");
            let fresh = b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
            let status = wire.ask(if token.is_empty() { fresh } else { &authorized });
            assert_eq!(status, 201, "{}", String::from_utf8_lossy(&wire.body));
            let created: Value = serde_json::from_slice(&wire.body).expect("JSON");
            if let Some(new) = created["token"].as_str() {
                new.clone_into(token);
            }
            let path = format!("/api/sessions/{}/actions", created["session_id"].as_str().expect("an id"));
            let status = wire.ask(&request("POST", &path, token, STORES));
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&wire.body));
            games.push(request("POST", &path, token, BODY));
        }
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// The program's own server, with games under way.
fn cosmic(name: &'static str, durability: Durability, folder: &std::path::Path) -> Server {
    let (listener, address) = listen();
    let path = folder.join(name);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("tokio");
        runtime.block_on(async move {
            let store = folder::Settings { durability, ..folder::Settings::default() };
            let settings = Settings { limit: 10_000, per_player: 10_000, ..Settings::default() };
            let files = built_in();
            let opened = folder::open(&path, store).expect("a store");
            let clock = std::sync::Arc::new(StoreClock::new(opened.store.clone()));
            let services = Services::open(Parts {
                opened,
                content: Content::parse(&files).expect("content").into(),
                files,
                clock,
                seeds: Box::new(|| 1),
                key: || [7; 32],
                settings,
            })
            .await
            .expect("services");
            let limits = api::Settings { requests_per_minute: 0, connects_per_minute: 0, ..api::Settings::default() };
            api::serve(listener, services, limits, std::future::pending()).await.expect("it serves");
        });
    });
    let mut server = Server { name, address, games: Mutex::default(), token: Some(String::new()) };
    server.prepare();
    server
}

/// A handler that reads a body and answers with so many bytes.
fn bare(length: usize) -> Server {
    let (listener, address) = listen();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let answer = "x".repeat(length);
            let server = HttpServer::new(move || {
                let answer = answer.clone();
                App::new().default_service(web::to(move |_: web::Bytes| {
                    let answer = answer.clone();
                    async move { HttpResponse::Ok().content_type("application/json").body(answer) }
                }))
            });
            server.listen(listener).expect("it listens").run().await.expect("it serves");
        });
    });
    Server { name: "bare actix", address, games: Mutex::default(), token: None }
}

/// What a round showed: turns a second, and every latency, sorted.
struct Shown {
    rate: f64,
    latencies: Vec<Duration>,
}

impl Shown {
    fn at(&self, share: f64) -> f64 {
        let at = ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len() - 1);
        self.latencies[at].as_secs_f64() * 1e3
    }
}

/// Clients act as fast as they are answered.
fn round(server: &Server, clients: usize) -> Shown {
    let began = Instant::now();
    let latencies: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..clients).map(|_| scope.spawn(move || client(server, began))).collect();
        all.into_iter().flat_map(|one| one.join().expect("a client")).collect()
    });
    let rate = latencies.len() as f64 / began.elapsed().as_secs_f64();
    let mut latencies: Vec<Duration> = latencies;
    latencies.sort_unstable();
    Shown { rate, latencies }
}

fn client(server: &Server, began: Instant) -> Vec<Duration> {
    let mut wire = Wire::open(server.address);
    let mut latencies = Vec::new();
    let next = || server.games.lock().expect("no panic").pop().expect("enough games");
    let mut game = next();
    while began.elapsed() < ROUND {
        let sent = Instant::now();
        let status = wire.ask(&game);
        if status == 200 {
            latencies.push(sent.elapsed());
        } else {
            assert_eq!(status, 409, "{}", String::from_utf8_lossy(&wire.body));
            game = next();
        }
    }
    // It is not over yet.
    server.games.lock().expect("no panic").push(game);
    latencies
}

/// Appends and syncs records of a turn's size, one after the other; the median in milliseconds.
fn raw(folder: &std::path::Path) -> f64 {
    let mut file = OpenOptions::new().append(true).create(true).open(folder.join("raw")).expect("a file");
    let record = vec![7; 2500];
    let mut times: Vec<_> = (0..1500)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&record).expect("it is written");
            file.sync_data().expect("it is synced");
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // `cargo test --benches` asks for a list only.
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let durable = cosmic("turn", Durability::Turn, folder.path());
    let mut wire = Wire::open(durable.address);
    let first = durable.games.lock().expect("no panic")[0].clone();
    assert_eq!(wire.ask(&first), 200);
    let length = wire.body.len();
    let mut servers = [durable, cosmic("sweep", Durability::Sweep, folder.path()), bare(length)];
    println!("answers of {length} bytes; medians of {ROUNDS} rounds of {ROUND:?}\n");
    println!("{:<12} {:>8} {:>10} {:>11} {:>9}", "", "clients", "turns/s", "median ms", "p99 ms");

    let mut ratios = Vec::new();
    for clients in CLIENTS {
        let mut shown: Vec<Vec<Shown>> = servers.iter().map(|_| Vec::new()).collect();
        let mut raw_medians = Vec::new();
        for _ in 0..ROUNDS {
            raw_medians.push(raw(folder.path()));
            for (server, shown) in servers.iter_mut().zip(&mut shown) {
                server.prepare();
                shown.push(round(server, clients));
            }
        }
        let figures: Vec<_> = shown
            .iter()
            .map(|rounds| {
                let of = |figure: &dyn Fn(&Shown) -> f64| median(rounds.iter().map(figure).collect());
                [of(&|shown| shown.rate), of(&|shown| shown.at(0.5)), of(&|shown| shown.at(0.99))]
            })
            .collect();
        for (server, [rate, middle, p99]) in servers.iter().zip(&figures) {
            println!("{:<12} {clients:>8} {rate:>10.0} {middle:>11.3} {p99:>9.3}", server.name);
        }
        let raw = median(raw_medians);
        println!("{:<12} {:>8} {:>10.0} {raw:>11.3}\n", "raw append", 1, 1e3 / raw);
        // Of rounds that follow each other: what disturbs the machine disturbs both.
        let share = median(shown[0].iter().zip(&shown[2]).map(|(turn, bare)| turn.rate / bare.rate).collect());
        ratios.push((clients, share, figures[0][1] - raw));
    }
    for (clients, share, over) in ratios {
        let share = share * 100.0;
        println!(
            "{clients:>2} clients: {share:.0} % of the bare handler's turns/s; the median is {over:.3} ms over a raw append"
        );
    }
    println!("budget: at 64 clients 40 %, at 1 client 0.3 ms");
}
