//! One address, or one client, that does its worst: whatever it holds, brings and asks for, others play on and lose nothing. What these
//! do in small, `scripts/hostile` does in large.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use cosmic_explorer::api;
use cosmic_explorer::model::{Keys, MAX_STEPS, Save, VERSION};
use cosmic_explorer::session::ChallengeKey;
use cosmic_explorer::session::Settings;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::server::{Client, Reply, Server, start, start_with, unlimited};

/// Whoever waits so long has been forgotten.
const LONG: Duration = Duration::from_secs(60);
const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A connection from an address of this machine.
fn connect(server: &Server, from: &str) -> TcpStream {
    let to: SocketAddr = server.url.strip_prefix("http://").expect("a URL").parse().expect("an address");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from: SocketAddr = format!("{from}:0").parse().expect("an address");
    socket.bind(&from.into()).expect("an address of this machine");
    socket.connect(&to.into()).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    stream
}

fn says(server: &Server, from: &str, words: &str) -> TcpStream {
    let mut stream = connect(server, from);
    // It may have been turned away at once.
    let _ = stream.write_all(words.as_bytes());
    stream
}

/// All that comes until the server closes, however it does.
fn rest(stream: &mut TcpStream) -> String {
    let (mut answer, mut piece) = (Vec::new(), [0; 1 << 16]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the server does not close: {answer:?}"),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// One answer of a connection that stays open.
fn answer(stream: &mut TcpStream) -> String {
    let (mut answer, mut one) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut one).expect("an answer in time"), 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(one[0]);
    }
    let head = String::from_utf8(answer).expect("UTF-8").to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).expect("a body");
    head + &String::from_utf8(body).expect("UTF-8")
}

fn limits() -> api::Settings {
    api::Settings { head_secs: 1, idle_secs: 1, body_secs: 1, send_secs: 1, ..unlimited() }
}

#[test]
fn a_stranger_plays_while_one_address_holds_all_connections() {
    let api = api::Settings { connections: 30, ..unlimited() };
    let (_folder, server) = start_with(Settings::default(), api);
    let post = "POST /api/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let kinds = [
        String::new(),
        format!("{HEALTH}GET /h"),
        "GET /api/content HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(400),
        format!("{post}content-length: 100\r\n\r\n{{"),
        format!("{post}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n"),
    ];
    let mut crowd = Vec::new();
    let mut player = None;
    for number in 0..200 {
        let mut stream = connect(&server, "127.0.0.1");
        stream.set_write_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        // It may not be read, and it may have been turned away.
        let _ = stream.write_all(kinds[number % kinds.len()].as_bytes());
        crowd.push(stream);
        if number == 100 {
            player = Some(connect(&server, "127.0.0.2"));
        }
    }
    let mut player = player.expect("a connection");
    let body = r#"{"seed":7}"#;
    write!(player, "{post}content-length: {}\r\n\r\n{body}", body.len()).expect("it is sent");
    let begun = answer(&mut player);
    assert!(begun.starts_with("http/1.1 201 "), "{begun}");
    let word = |name: &str| begun.split(&format!("\"{name}\":\"")).nth(1).expect(name).split('"').next().expect(name);
    for turn in 1..=20 {
        let body = r#"{"type":"wait"}"#;
        write!(
            player,
            "POST /api/sessions/{}/actions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            word("session_id"),
            word("token"),
            body.len()
        )
        .expect("it is sent");
        let acted = answer(&mut player);
        assert!(acted.starts_with("http/1.1 200 ") && acted.contains(&format!("\"revision\":{turn},")), "{acted}");
    }
    // Another one gets in as well, and the crowd is told why it does not.
    let mut other = says(&server, "127.0.0.3", HEALTH);
    assert!(answer(&mut other).starts_with("http/1.1 200 "));
    let mut refused = connect(&server, "127.0.0.1");
    let told = rest(&mut refused);
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("Retry-After: 5\r\n"), "{told}");
    assert!(told.contains("\"code\":\"TOO_MANY_CONNECTIONS\"") && told.contains("\"retry_after\":5"), "{told}");
}

#[test]
fn every_head_has_its_time() {
    let (_folder, server) = start_with(Settings::default(), limits());
    for (words, good) in [("GET /h", 0), (HEALTH, 1)] {
        let words = if good == 0 { words.to_owned() } else { format!("{words}GET /h") };
        let mut stream = says(&server, "127.0.0.1", &words);
        for _ in 0..good {
            assert!(answer(&mut stream).starts_with("http/1.1 200 "));
            stream.write_all(b"e").expect("it is sent");
        }
        let told = rest(&mut stream);
        assert!(told.is_empty() || told.contains("HEAD_TIMEOUT"), "{told}");
    }
    // A head that begins after an answer, and comes a byte at a time.
    let mut stream = says(&server, "127.0.0.1", HEALTH);
    assert!(answer(&mut stream).starts_with("http/1.1 200 "));
    let (began, mut sent) = (Instant::now(), 0);
    while began.elapsed() < LONG && stream.write_all(b"G").is_ok() {
        sent += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() < LONG, "{sent} bytes, and no end");
    // Who asks for nothing more is let go without a word.
    let mut idle = says(&server, "127.0.0.1", HEALTH);
    assert!(answer(&mut idle).starts_with("http/1.1 200 "));
    assert_eq!(rest(&mut idle), "");
    // One that asks again in time stays.
    let mut busy = says(&server, "127.0.0.1", HEALTH);
    for _ in 0..10 {
        assert!(answer(&mut busy).starts_with("http/1.1 200 "));
        std::thread::sleep(Duration::from_millis(200));
        busy.write_all(HEALTH.as_bytes()).expect("it is open");
    }
}

#[test]
fn an_answer_that_is_not_read_ends_the_connection() {
    let (_folder, server) = start_with(Settings::default(), limits());
    let mut stream = connect(&server, "127.0.0.1");
    stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let asked = 2_000;
    let _ = stream.write_all("GET /api/content HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(asked).as_bytes());
    let began = Instant::now();
    // A byte more is refused once it is closed.
    while stream.write_all(b"G").is_ok_and(|()| true) || began.elapsed() < Duration::from_secs(1) {
        assert!(began.elapsed() < LONG, "it is still open");
        std::thread::sleep(Duration::from_millis(100));
    }
    let until = Instant::now() + LONG;
    let mut read = 0;
    let mut piece = [0; 1 << 16];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        read += count;
        assert!(Instant::now() < until, "it is still answered");
    }
    assert!(read < asked * 18_000, "{read} bytes: all of it was answered");
}

#[test]
fn a_body_that_nobody_reads_has_its_time_too() {
    let (_folder, server) = start_with(Settings::default(), limits());
    let player = server.player(1);
    let mut stream = says(
        &server,
        "127.0.0.1",
        &format!(
            "GET {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: 60000\r\n\r\n{{",
            player.path("/events"),
            player.token.as_deref().expect("a token")
        ),
    );
    assert!(rest(&mut stream).starts_with("HTTP/1.1 "));
}

/// What comes with the end of a body in chunks begins the next request: the one after that waits all the same.
#[test]
fn a_head_that_comes_with_the_last_chunk_is_read_alone() {
    let (_folder, server) = start();
    let player = server.player(1);
    let act = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
        player.path("/actions"),
        player.token.as_deref().expect("a token")
    );
    let body = r#"{"type":"wait"}"#;
    let sized = format!("{act}content-length: {}\r\n\r\n{body}", body.len());
    let chunked = format!("{act}transfer-encoding: chunked\r\n\r\nf\r\n{body}\r\n0\r\n\r\n");
    for left in [1, 2, 3, 4, 5, 20] {
        let (begun, rest) = sized.split_at(sized.len() - body.len() - left);
        let mut stream = connect(&server, "127.0.0.1");
        stream.set_nodelay(true).expect("a socket");
        stream.write_all(format!("{chunked}{begun}").as_bytes()).expect("it is sent");
        assert!(answer(&mut stream).contains("\"revision\":"));
        stream.write_all(format!("{rest}{chunked}{sized}").as_bytes()).expect("it is sent");
        for at in 0..3 {
            let told = answer(&mut stream);
            assert!(told.contains("\"revision\":") && !told.contains("connection: close"), "{left}, {at}: {told}");
        }
    }
}

#[test]
fn requests_in_one_go_are_answered_in_order_however_they_are_cut() {
    let (_folder, server) = start();
    let player = server.player(1);
    let act = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
        player.path("/actions"),
        player.token.as_deref().expect("a token")
    );
    let body = r#"{"type":"wait"}"#;
    let sized = format!("{act}content-length: {}\r\n\r\n{body}", body.len());
    let chunked =
        format!("{act}transfer-encoding: chunked\r\n\r\n7\r\n{}\r\n8\r\n{}\r\n0\r\n\r\n", &body[..7], &body[7..]);
    let long = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "x".repeat(3_000));
    let all = [HEALTH, &sized, &chunked, &long, &sized, HEALTH, &chunked, &chunked].concat();
    let wanted = [
        "ok",
        "\"revision\":1,",
        "\"revision\":2,",
        "ok",
        "\"revision\":3,",
        "ok",
        "\"revision\":4,",
        "\"revision\":5,",
    ];
    for cut in [usize::MAX, 700, 512, 511, 33] {
        let mut stream = connect(&server, "127.0.0.1");
        stream.set_nodelay(true).expect("a socket");
        for piece in all.as_bytes().chunks(cut.min(all.len())) {
            stream.write_all(piece).expect("it is sent");
        }
        for (at, words) in wanted.iter().enumerate() {
            let told = answer(&mut stream);
            let fits = if *words == "ok" { told.contains("\"ok\"") } else { told.contains("\"revision\":") };
            assert!(told.starts_with("http/1.1 200 ") && fits, "{cut}, {at}: {told}");
        }
    }
    assert_eq!(player.look()["revision"], 25);
}

#[test]
fn a_socket_that_only_talks_is_closed_with_a_code() {
    use tungstenite::{Message, client::IntoClientRequest};
    let api = api::Settings { requests_per_minute: 1_000_000, ..unlimited() };
    let (_folder, server) = start_with(Settings::default(), api);
    let player = server.player(1);
    for said in [Message::Ping(Default::default()), Message::Pong(Default::default()), Message::binary(vec![0; 10])] {
        let address = format!("{}/ws?session_id={}&takeover=true", server.url.replace("http", "ws"), player.session);
        let mut request = address.into_client_request().expect("a request");
        let token = format!("Bearer {}", player.token.as_deref().expect("a token"));
        request.headers_mut().insert("authorization", token.parse().expect("a header"));
        let stream = connect(&server, "127.0.0.1");
        let mut reader = stream.try_clone().expect("a socket");
        let (mut socket, _) = tungstenite::client(request, stream).expect("a socket");
        let writer = std::thread::spawn(move || {
            // What is sent when it is closed already may fail.
            for _ in 0..20_000 {
                if socket.write(said.clone()).and_then(|()| socket.flush()).is_err() {
                    break;
                }
            }
        });
        let (mut heard, mut piece, until) = (Vec::<u8>::new(), [0; 1 << 16], Instant::now() + LONG);
        while let Ok(count @ 1..) = reader.read(&mut piece) {
            assert!(Instant::now() < until, "it is still open");
            heard.extend(&piece[..count]);
        }
        writer.join().expect("it ends when the connection does");
        // A close frame with a reason: 4429.
        let is_close = |bytes: &[u8]| bytes[0] == 0x88 && bytes[2..] == 4429_u16.to_be_bytes();
        assert!(heard.windows(4).any(is_close), "{} bytes, no code", heard.len());
    }
    // Who says no more than they need to stays.
    assert_eq!(player.act(&json!({"type": "wait"}))["revision"], 1);
}

/// Players at addresses of their own, behind a proxy that this server believes.
struct Town {
    server: Server,
    _folder: tempfile::TempDir,
}

fn town(settings: Settings) -> Town {
    let api = api::Settings { proxies: vec!["127.0.0.1".to_owned()], ..unlimited() };
    let (folder, server) = start_with(settings, api);
    Town { server, _folder: folder }
}

impl Town {
    fn send(&self, client: &Client, from: &str, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
        client.send(method, path, &headers, Some(body.to_string().as_bytes()))
    }

    fn try_begin(&self, client: &mut Client, from: &str) -> Reply {
        let reply = self.send(client, from, "POST", "/api/sessions", &json!({"seed": 3}));
        if reply.status == 201 {
            let game = reply.json();
            client.session = game["session_id"].as_str().expect("an id").to_owned();
            client.token = game["token"].as_str().map(str::to_owned).or(client.token.take());
        }
        reply
    }

    fn begin(&self, from: &str) -> Client {
        let mut client = self.server.client();
        let reply = self.try_begin(&mut client, from);
        assert_eq!(reply.status, 201, "{}", reply.text);
        client
    }

    fn look(&self, client: &Client, from: &str) -> u16 {
        self.send(client, from, "GET", &client.path(""), &json!({})).status
    }

    /// Ends a game: nobody lives on waiting.
    fn finish(&self, client: &Client, from: &str) {
        for _ in 0..400 {
            let reply = self.send(client, from, "POST", &client.path("/actions"), &json!({"type": "wait"}));
            if reply.status == 409 && reply.code() == "GAME_OVER" {
                return;
            }
            if reply.status == 409 {
                // An event asks something, or somebody fights.
                let offers = self.send(client, from, "GET", &client.path("/actions"), &json!({})).json();
                self.send(client, from, "POST", &client.path("/actions"), &offers["offered"][0]["action"]);
            }
        }
        panic!("the game does not end");
    }
}

#[test]
fn one_address_keeps_nobody_out_of_memory() {
    let town = town(Settings { limit: 6, ..Settings::default() });
    let crowd: Vec<_> = (0..6).map(|_| town.begin("192.0.2.1")).collect();
    let lines: Vec<_> = crowd.iter().map(|client| client.stream(&client.path("/events"), &[])).collect();
    // All of them are in use, and connected. Strangers come all the same, as many as leave the crowd its half.
    let strangers: Vec<_> = (1..=3).map(|at| (town.begin(&format!("198.51.100.{at}")), at)).collect();
    for (stranger, at) in &strangers {
        assert_eq!(town.look(stranger, &format!("198.51.100.{at}")), 200);
    }
    // The crowd has the rest, and takes no more from those who use what they have.
    let refused = town.look(&crowd[0], "192.0.2.1");
    let kept = crowd.iter().filter(|client| town.look(client, "192.0.2.1") == 200).count();
    assert_eq!((refused, kept), (503, 3));
    drop(lines);
    // Nothing of it is lost.
    for (stranger, at) in &strangers {
        assert_eq!(
            town.send(stranger, &format!("198.51.100.{at}"), "DELETE", &stranger.path(""), &json!({})).status,
            204
        );
    }
    for client in &crowd {
        let status = town.look(client, "192.0.2.1");
        assert!(status == 200, "{status}");
    }
}

#[test]
fn nobodys_finished_game_goes_because_a_stranger_begins_one() {
    let town = town(Settings { stored: 20, limit: 100, ..Settings::default() });
    let player = town.begin("198.51.100.1");
    town.finish(&player, "198.51.100.1");
    let listed = |client: &Client, from: &str| {
        town.send(client, from, "GET", "/api/sessions", &json!({})).json()["sessions"].as_array().map_or(0, Vec::len)
    };
    // New players of one address, who look and go.
    for _ in 0..60 {
        let mut client = town.server.client();
        town.try_begin(&mut client, "192.0.2.1");
        town.server.clock.advance(120);
    }
    assert_eq!(listed(&player, "198.51.100.1"), 1);
    assert_eq!(town.look(&player, "198.51.100.1"), 200);
    // Half of the store is left to others, who are let in also when it is full.
    for at in 0..30 {
        town.begin(&format!("203.0.113.{at}"));
        town.server.clock.advance(120);
    }
    assert_eq!(town.look(&player, "198.51.100.1"), 200, "it is there still");
    // Games that are more than a look stay, and then nobody new comes, while who has finished one may begin another.
    let settled: Vec<_> = (0..19)
        .map(|at| {
            let from = format!("198.51.100.{}", 100 + at);
            let mut client = town.begin(&from);
            for _ in 0..9 {
                town.send(&client, &from, "POST", &client.path("/actions"), &json!({"type": "wait"}));
            }
            client.url = town.server.url.clone();
            town.server.clock.advance(120);
            (client, from)
        })
        .collect();
    let refused = town.try_begin(&mut town.server.client(), "203.0.113.200");
    assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_FULL"));
    let mut again = player.clone();
    assert_eq!(town.try_begin(&mut again, "198.51.100.1").status, 201);
    assert_eq!(town.look(&player, "198.51.100.1"), 410, "their own went for it");
    for (client, from) in &settled {
        assert_eq!(town.look(client, from), 200);
    }
}

fn put(client: &Client, slot: u8) {
    let body = json!({"session_id": client.session}).to_string();
    let headers = [("content-type", "application/json")];
    let reply = client.send("PUT", &format!("/api/slots/{slot}"), &headers, Some(body.as_bytes()));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn exported(server: &Server) -> (Client, Value) {
    let client = server.player(5);
    for _ in 0..5 {
        client.act(&json!({"type": "wait"}));
    }
    put(&client, 1);
    let file = client.get("/api/slots/1/export").json();
    (client, file)
}

/// What a server with this key would have exported under older rules.
fn of_older_rules(file: &Value, key: &str) -> Value {
    let mut old = file.clone();
    old["rules"] = json!(2);
    for step in old["history"].as_array_mut().expect("a history") {
        step["rules"] = json!(2);
    }
    let challenge = Some(key.repeat(32));
    let secret = ChallengeKey::new(&Keys {
        version: VERSION,
        current: String::new(),
        previous: None,
        challenge,
        revocations: false,
    });
    let save = Save::read(old.to_string().as_bytes()).expect("a save");
    serde_json::to_value(secret.seal_save(save)).expect("JSON")
}

#[test]
fn a_save_of_older_rules_counts_under_this_servers_own_seal_only() {
    let (_folder, server) = start();
    let (client, file) = exported(&server);
    assert!(file["seal"].as_str().is_some_and(|seal| seal.len() == 64), "{file}");
    let import = |file: &Value| client.post("/api/slots/2/import", file);
    let refused = |file: &Value| {
        let reply = import(file);
        assert_eq!((reply.status, reply.code().as_str()), (422, "SAVE_UNPROVABLE"), "{}", reply.text);
        assert_eq!(reply.json()["turn"], 1);
    };
    // The key of the tests' servers.
    let old = of_older_rules(&file, "07");
    let imported = import(&old);
    assert_eq!(imported.status, 201, "{}", imported.text);
    assert_eq!(client.post("/api/slots/2/load", &json!({"session_id": client.session})).status, 200);
    // However it is written.
    assert_eq!(
        client.post_text("/api/slots/3/import", serde_json::to_string_pretty(&old).expect("JSON").as_bytes()).status,
        201
    );
    let mut rich = old.clone();
    rich["player_stats"]["wealth"] = json!(1_000_000);
    refused(&rich);
    for (member, value) in [("name", json!("Another")), ("revision", json!(77)), ("seal", json!("0".repeat(64)))] {
        let mut other = old.clone();
        other[member] = value;
        refused(&other);
    }
    let mut bare = old;
    bare.as_object_mut().expect("an object").remove("seal");
    refused(&bare);
    refused(&of_older_rules(&file, "08"));
    // What can be played again needs none.
    let mut renamed = file;
    renamed["name"] = json!("Another");
    assert_eq!(import(&renamed).status, 201);
    // And what is exported again is sealed again, as it is now.
    let again = client.get("/api/slots/3/export").json();
    assert_eq!((&again["rules"], again["seal"].as_str().map(str::len)), (&json!(2), Some(64)));
    assert_eq!(client.post("/api/slots/4/import", &again).status, 201);
}

#[test]
fn what_a_client_brings_has_a_bound_before_it_is_worked_on() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let (client, file) = exported(&server);
    let import = |file: &Value| client.post("/api/slots/2/import", file);
    let mut long = file.clone();
    let step = file["history"][0].clone();
    long["history"] = Value::from(vec![step; MAX_STEPS + 1]);
    let reply = import(&long);
    assert_eq!((reply.status, reply.code().as_str()), (422, "SAVE_INVALID"));
    assert!(reply.text.contains("4096 actions"), "{}", reply.text);
    // Half a million small values: refused in far less time than it takes to make a tree of them.
    let rubbish = format!("{{\"version\":3,\"x\":[{}0]}}", "{\"\":0},".repeat(500_000));
    let reply = client.post_text("/api/slots/2/import", rubbish.as_bytes());
    assert_eq!((reply.status, reply.code().as_str()), (422, "SAVE_INVALID"));
    let broken = client.post_text("/api/slots/2/import", &rubbish.as_bytes()[..rubbish.len() - 1]);
    assert_eq!((broken.status, broken.code().as_str()), (400, "MALFORMED_JSON"));
    for (member, value) in [("x", json!(1)), ("X-y", json!([])), ("", json!(null))] {
        let mut foreign = file.clone();
        foreign[member] = value;
        assert_eq!(import(&foreign).code(), "SAVE_INVALID", "{member:?}");
    }
    for at in ["player_stats", "statistics", "star_map"] {
        let mut foreign = file.clone();
        foreign[at]["x"] = json!({"deep": [1, 2, 3]});
        let reply = import(&foreign);
        assert!(reply.code() == "SAVE_INVALID" && reply.text.contains("is not part of a save"), "{}", reply.text);
    }
    // A history that has grown too long takes no more saves, and the game goes on.
    let history = folder.path().join(format!("session_{}.turns.jsonl", client.session));
    let mut grown = std::fs::OpenOptions::new().append(true).create(true).open(history).expect("a history");
    grown.write_all(&vec![b'\n'; 9 << 20]).expect("it grows");
    let reply = client.post("/api/slots/1/load", &json!({"session_id": client.session}));
    assert_eq!((reply.status, reply.code().as_str()), (409, "HISTORY_FULL"));
    assert_eq!(client.act(&json!({"type": "wait"}))["revision"], 6);
    assert_eq!(client.history().len(), 6);
}

#[test]
fn work_has_a_bound_and_playing_does_not_count() {
    let (requests_per_minute, work_per_minute, disk_per_minute) = (1_000_000, 6 << 20, 256 << 10);
    let api = api::Settings { requests_per_minute, work_per_minute, disk_per_minute, ..unlimited() };
    let (_folder, server) = start_with(Settings::default(), api);
    let client = server.player(1);
    client.act(&json!({"type": "wait"}));
    let mut refused = None;
    for number in 0..200 {
        let name = json!({"name": format!("Voyage {number}")}).to_string();
        let headers = [("content-type", "application/json")];
        let reply = client.send("PATCH", &client.path(""), &headers, Some(name.as_bytes()));
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let reply = refused.expect("a bound");
    assert_eq!((reply.status, reply.code().as_str()), (429, "TOO_MUCH_WORK"));
    let wait: i64 = reply.header("retry-after").parse().expect("seconds");
    assert_eq!(reply.json()["retry_after"], wait);
    for path in ["/api/slots".to_owned(), client.path("/turns")] {
        assert_eq!(client.get(&path).code(), "TOO_MUCH_WORK");
    }
    client.look();
    client.act(&json!({"type": "wait"}));
    // Another player, of the same household, is not held.
    let other = server.player(2);
    assert_eq!(other.get("/api/slots").status, 200);
    server.clock.advance(wait);
    assert_eq!(client.get("/api/slots").status, 200);
    // What stays on the disk has a bound of its own, for an address in all.
    let begun = (0..60).filter(|_| server.client().post("/api/sessions", &json!({})).status == 201).count();
    assert!((8..=32).contains(&begun), "{begun}");
    let reply = server.client().post("/api/sessions", &json!({}));
    assert_eq!((reply.status, reply.code().as_str()), (429, "TOO_MUCH_WORK"));
}

#[test]
fn lists_of_saves_show_what_was_written_last() {
    let (_folder, server) = start();
    let client = server.player(1);
    for turn in 1..=3 {
        client.act(&json!({"type": "wait"}));
        put(&client, 1);
        for _ in 0..2 {
            let slots = client.get("/api/slots").json()["slots"].clone();
            assert_eq!((&slots[1]["slot"], &slots[1]["revision"]), (&json!(1), &json!(turn)), "{slots}");
            assert_eq!(client.get("/api/slots/1").json()["revision"], turn);
        }
    }
    assert_eq!(client.send("DELETE", "/api/slots/1", &[], None).status, 204);
    assert_eq!(client.get("/api/slots").json()["slots"].as_array().map(Vec::len), Some(1));
    assert_eq!(client.get("/api/slots/1").code(), "SLOT_EMPTY");
}
