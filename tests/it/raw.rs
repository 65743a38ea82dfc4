//! What goes over the wire, byte by byte: heads that clients, proxies and old programs send, and how sockets end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use cosmic_explorer::api::{Operation, operations};
use serde_json::{Value, json};

use crate::server::{Client, Server, start, start_with, unlimited};
use crate::wire::{EventStream, Socket};

/// No test waits longer for anything: what takes so long does not come.
const PATIENCE: Duration = Duration::from_secs(60);

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value)
    }

    fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.head, self.body);
        let problem: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(
            (&problem["status"], self.body.len().to_string().as_str()),
            (&json!(self.status), self.header("content-length"))
        );
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{problem}");
        problem["code"].as_str().expect("a code").to_owned()
    }
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.url.strip_prefix("http://").expect("an address")).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends this, and reads until the server hangs up.
fn exchange(server: &Server, request: &str) -> Answer {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    // A reset comes after what was said.
    drop(stream.read_to_end(&mut answer));
    Answer::of(&String::from_utf8_lossy(&answer))
}

/// A request with these lines in its head, after which the connection ends.
fn ask(server: &Server, line: &str, lines: &[&str], body: &str) -> Answer {
    let mut request = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for line in lines {
        request.push_str(line);
        request.push_str("\r\n");
    }
    exchange(server, &format!("{request}\r\n{body}"))
}

fn bearer(client: &Client) -> String {
    format!("authorization: Bearer {}", client.token.as_deref().expect("a token"))
}

#[test]
fn options_says_what_an_address_takes() {
    let (_folder, server) = start();
    for (path, allowed) in [
        ("/", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/ws", "GET, OPTIONS"),
        ("/api", "GET, HEAD, OPTIONS"),
        ("/api/sessions", "GET, HEAD, POST, OPTIONS"),
        ("/api/sessions/x", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("/api/sessions/x/events", "GET, OPTIONS"),
        ("/api/slots/1", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/api/slots/1/import", "POST, OPTIONS"),
        ("/css/none.css", "GET, HEAD, OPTIONS"),
    ] {
        let reply = server.client().send("OPTIONS", path, &[], None);
        assert_eq!((reply.status, reply.header("allow"), reply.text.as_str()), (204, allowed, ""), "{path}");
        let reply = server.client().send("TRACE", path, &[], None);
        assert_eq!((reply.status, reply.code().as_str(), reply.header("allow")), (405, "METHOD_NOT_ALLOWED", allowed));
    }
    assert_eq!(server.client().send("OPTIONS", "/nowhere", &[], None).code(), "NOT_FOUND");
    assert_eq!(ask(&server, "OPTIONS *", &[], "").status, 204);
}

#[test]
fn the_api_says_what_there_is() {
    let (_folder, server) = start();
    let client = server.client();
    for path in ["/api", "/api/"] {
        let listed = client.get(path).json();
        let addresses: Vec<_> =
            listed["addresses"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        for address in &addresses {
            assert_eq!(client.send("OPTIONS", &address.replace(['{', '}'], ""), &[], None).status, 204, "{address}");
        }
        let document = std::fs::read_to_string("docs/api.md").expect("the document");
        let rows = document.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split(" | ").next());
        let documented = rows.flat_map(|cell| cell.split('`')).filter_map(|part| {
            let path = part.split(' ').next_back()?.split('?').next()?;
            let public = path.starts_with("/api")
                || path.starts_with("/ws")
                || ["/health", "/ready", "/version"].contains(&path);
            (public && !path.starts_with("/api/admin")).then_some(path)
        });
        let documented: Vec<_> = documented.collect();
        assert!(documented.len() > 20, "{documented:?}");
        assert!(documented.iter().all(|path| addresses.contains(path)), "{documented:?} {addresses:?}");
    }
}

#[test]
fn every_call_that_is_described_is_answered() {
    let (_folder, server) = start();
    let client = server.client();
    let listed = client.get("/api").json();
    let mut described: Vec<&str> = Vec::new();
    for Operation { method, path, summary, takes, gives } in operations() {
        let allowed = client.send("OPTIONS", &path.replace(['{', '}'], ""), &[], None);
        assert!(allowed.header("allow").split(", ").any(|each| each == method.as_str()), "{method} {path}");
        assert!(summary.ends_with('.') && !gives.is_empty(), "{method} {path}");
        assert!(takes.is_none() || !method.is_safe(), "{method} {path} takes no body");
        if described.last() != Some(&path) {
            described.push(path);
        }
    }
    assert_eq!(listed["addresses"], json!(described));
}

#[test]
fn what_a_client_expects_and_nobody_can_do_is_refused() {
    let (_folder, server) = start();
    for expect in ["x", "x, y", "100-continued"] {
        let answer = ask(&server, "POST /api/sessions", &[&format!("expect: {expect}"), "content-length: 0"], "");
        assert_eq!((answer.status, answer.code().as_str()), (417, "EXPECTATION_FAILED"), "{expect}");
    }
    for expect in ["100-continue", "100-Continue"] {
        let answer = ask(&server, "POST /api/sessions", &[&format!("expect: {expect}"), "content-length: 0"], "");
        assert!(answer.status == 100 && answer.body.starts_with("HTTP/1.1 201"), "{} {}", answer.head, answer.body);
    }
    let old = exchange(&server, "GET /health HTTP/1.0\r\nexpect: x\r\n\r\n");
    assert_eq!(old.status, 200, "HTTP/1.0 knows no such header");
}

/// Some clients and proxies say `Upgrade` with everything.
#[test]
fn an_upgrade_that_means_nothing_is_passed_over() {
    let (_folder, server) = start();
    let client = server.player(1);
    let act = format!("POST {}", client.path("/actions"));
    let body = r#"{"type":"wait"}"#;
    let length = format!("content-length: {}", body.len());
    let bearer = bearer(&client);
    for (number, upgrade) in [
        &["upgrade: websocket", "connection: Upgrade"][..],
        &["upgrade: websocket"],
        &["upgrade: h2c, websocket"],
        &["upgrade: h2c"],
    ]
    .into_iter()
    .enumerate()
    {
        let lines = [&[&*bearer, "content-type: application/json", &*length][..], upgrade].concat();
        // Another request behind it is not part of the body.
        let answer = ask(&server, &act, &lines, &format!("{body}GET /health HTTP/1.1\r\n\r\n"));
        assert_eq!(answer.status, 200, "{upgrade:?}: {}", answer.body);
        let answer: Value =
            serde_json::from_str(&answer.body[..answer.header("content-length").parse().expect("a length")])
                .expect("JSON");
        assert_eq!(answer["revision"], number + 1);
    }
    assert_eq!(ask(&server, "GET /health", &["upgrade: websocket"], "").status, 200);
    assert_eq!(ask(&server, "POST /api/sessions", &["upgrade: websocket", "content-length: 0"], "").status, 201);
    let chunked = ["upgrade: websocket", "content-type: application/json", "transfer-encoding: chunked"];
    assert_eq!(ask(&server, "POST /api/sessions", &chunked, "2\r\n{}\r\n0\r\n\r\n").status, 201);
}

#[test]
fn a_handshake_says_which_version_it_takes() {
    let (_folder, server) = start();
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    for lines in [
        &["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 8", key][..],
        &["upgrade: websocket", "connection: upgrade", key],
        &["connection: upgrade", "sec-websocket-version: 13", key],
        &[],
    ] {
        let answer = exchange(
            &server,
            &format!("GET /ws HTTP/1.1\r\nhost: localhost\r\n{}\r\n\r\n", lines.join("\r\n"))
                .replace("\r\n\r\n\r\n", "\r\n\r\n"),
        );
        assert_eq!((answer.status, answer.code().as_str()), (426, "UPGRADE_REQUIRED"), "{lines:?}");
        assert_eq!((answer.header("sec-websocket-version"), answer.header("upgrade")), ("13", "websocket"));
    }
    let old = exchange(
        &server,
        &format!(
            "GET /ws HTTP/1.0\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n{key}\r\n\r\n"
        ),
    );
    assert_eq!((old.status, old.code().as_str()), (426, "UPGRADE_REQUIRED"));
}

#[test]
fn a_page_is_the_servers_own_with_or_without_the_port_of_its_scheme() {
    let (_folder, server) = start();
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    for (host, origin, own) in [
        ("localhost:443", "https://localhost", true),
        ("localhost:80", "http://localhost", true),
        ("[::1]:443", "https://[::1]", true),
        ("localhost:443", "http://localhost", false),
        ("localhost:8080", "http://localhost", false),
        ("localhost", "http://evil.example", false),
    ] {
        let post = format!(
            "POST /api/sessions HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(exchange(&server, &post).status, if own { 201 } else { 403 }, "{host} {origin}");
        let socket = format!(
            "GET /ws HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n{key}\r\n\r\n"
        );
        let mut stream = connect(&server);
        stream.write_all(socket.as_bytes()).expect("it is sent");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(&start, if own { b"HTTP/1.1 101" } else { b"HTTP/1.1 403" }, "{host} {origin}");
    }
}

#[test]
fn http_1_0_gets_no_chunks() {
    let (_folder, server) = start();
    let client = server.player(1);
    client.act(&json!({"type": "wait"}));
    let mut stream = connect(&server);
    let head = format!("GET {} HTTP/1.0\r\n{}\r\n\r\n", client.path("/events?last_event_id=0-x"), bearer(&client));
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut heard = String::new();
    let mut bytes = [0; 4096];
    while !heard.contains("event: hello") || !heard.ends_with("\n\n") {
        let count = stream.read(&mut bytes).expect("more of it");
        assert!(count > 0, "it ended with {heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    let answer = Answer::of(&heard);
    assert_eq!((answer.status, answer.header("transfer-encoding"), answer.header("content-length")), (200, "", ""));
    assert!(
        answer.body.starts_with("event: hello") || answer.body.starts_with("retry:") || answer.body.starts_with("id:"),
        "{}",
        answer.body
    );
    drop(server);
    drop(stream.read_to_string(&mut heard));
    for path in ["/health", "/", "/api/challenge", "/nowhere"] {
        let (_folder, server) = start();
        let answer = exchange(&server, &format!("GET {path} HTTP/1.0\r\n\r\n"));
        assert!(answer.header("transfer-encoding").is_empty() && !answer.header("content-length").is_empty(), "{path}");
    }
}

/// Stand-ins for `EventSource`, which cannot send the header.
#[test]
fn the_last_event_may_come_in_the_query() {
    let (_folder, server) = start();
    let client = server.player(1);
    for _ in 0..3 {
        client.act(&json!({"type": "wait"}));
    }
    let id = |turn: usize| {
        let line = client.history()[turn].clone();
        format!("{}-{}", line["revision"], &line["digest"].as_str().expect("a digest")[..8])
    };
    let (first, second) = (id(0), id(1));
    let header = [("last-event-id", second.as_str())];
    for (query, headers, missed) in [
        (format!("?lastEventId={second}"), &[][..], Some(3)),
        (format!("?last_event_id={first}&lastEventId={second}"), &[], Some(3)),
        (format!("?last_event_id={second}&lastEventId="), &[], Some(3)),
        (format!("?lastEventId={first}"), &header, Some(3)),
        (format!("?last_event_id={second}"), &[("last-event-id", "")], Some(3)),
        ("?lastEventId=".to_owned(), &[], None),
        ("?last_event_id=&takeover=true".to_owned(), &[("last-event-id", "")], None),
    ] {
        let mut stream = EventStream::open(&client, &query, headers);
        let hello = stream.wait_for("hello");
        assert_eq!(hello.data["recovered"], missed.is_some(), "{query}");
        if let Some(missed) = missed {
            assert_eq!(stream.wait_for("turn").data["revision"], missed, "{query}");
        }
    }
    let socket = Socket::resume(&server.url, &client, &format!("&lastEventId={second}")).expect("a socket");
    assert_eq!(socket.hello["recovered"], true);
}

#[test]
fn each_refusal_over_a_socket_has_its_id() {
    let (_folder, server) = start_with(Default::default(), unlimited());
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    for (text, id, code) in [
        (r#"{"type":"act","id":"a","action":{"type":"nope"}}"#, json!("a"), "UNKNOWN_VALUE"),
        (r#"{"type":"act","id":"b","action":["wait"]}"#, json!("b"), "WRONG_TYPE"),
        (r#"{"type":"act","id":3.0,"action":{"type":"buy_food","amount":1.5}}"#, json!(3), "WRONG_TYPE"),
        (r#"{"type":"act","id":"d","action":{"type":"flee"}}"#, json!("d"), "NOT_IN_COMBAT"),
        (r#"{"type":"fly","id":"e"}"#, json!("e"), "UNKNOWN_VALUE"),
        (r#"{"id":"f","type":"act""#, json!("f"), "MALFORMED_JSON"),
        (r#"{"type":"auth","id":"g","token":"x"}"#, json!("g"), "UNKNOWN_VALUE"),
        (r#"["act"]"#, json!(null), "NOT_AN_OBJECT"),
    ] {
        socket.say_text(text);
        let error = socket.wait_for("error");
        assert_eq!((&error["id"], &error["problem"]["code"]), (&id, &json!(code)), "{text}");
        for leak in ["expected", "at line", "u32", "struct"] {
            assert!(!error["problem"]["detail"].as_str().is_some_and(|detail| detail.contains(leak)), "{error}");
        }
    }
    socket.say_bytes(br#"{"type":"leave","id":"h"}"#.to_vec());
    let error = socket.wait_for("error");
    assert_eq!((&error["id"], &error["problem"]["code"]), (&json!("h"), &json!("MALFORMED_JSON")));
    let watch = client.post(&client.path("/observers"), &json!({})).json();
    let watch = client.with_token(watch["token"].as_str().map(str::to_owned));
    let mut watcher = Socket::resume(&server.url, &watch, "").expect("a socket");
    assert_eq!(watcher.act(9, &json!({"type": "wait"}))["problem"]["code"], "OBSERVER_ONLY");

    let (_folder, server) =
        start_with(Default::default(), cosmic_explorer::api::Settings { requests_per_minute: 60, ..unlimited() });
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    for id in 0..20 {
        socket.say(&json!({"type": "act", "id": id, "action": {"type": "nope"}}));
    }
    for id in 0..20 {
        let error = socket.wait_for("error");
        assert_eq!(error["id"], id);
        let code = error["problem"]["code"].as_str().expect("a code");
        assert!(["UNKNOWN_VALUE", "TOO_MANY_REQUESTS"].contains(&code), "{error}");
        assert!(id < 10 || code == "TOO_MANY_REQUESTS", "{error}");
    }
}

/// A frame of a client's, masked with zeros.
fn frame(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = match length {
        0..126 => vec![first, 0x80 | length as u8],
        126..0x1_0000 => [&[first, 0xfe][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, 0xff][..], &length.to_be_bytes()].concat(),
    };
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

#[test]
fn a_socket_that_cannot_go_on_says_why() {
    let (_folder, server) = start();
    let many = vec![b' '; 65_537];
    let half = vec![b' '; 40_000];
    for (what, bytes, code) in [
        ("a long text", frame(0x81, 65_537, &many), 1009),
        ("a long binary", frame(0x82, 65_537, &many), 1009),
        ("the head of one of a gigabyte", frame(0x81, 1 << 30, b"x"), 1009),
        ("one longer than there are numbers", frame(0x81, u64::MAX, b"x"), 1009),
        ("a long one in parts", [frame(0x01, 40_000, &half), frame(0x80, 40_000, &half)].concat(), 1009),
        ("bytes that are no text", frame(0x81, 2, b"\xff\xfe"), 1007),
        ("the same in parts", [frame(0x01, 1, b"\xff"), frame(0x80, 1, b"\xfe")].concat(), 1007),
        ("an opcode nobody knows", frame(0x83, 0, b""), 1002),
        ("a bit nobody asked for", frame(0xc1, 2, b"{}"), 1002),
        ("a frame without a mask", vec![0x81, 2, b'{', b'}'], 1002),
        ("a continuation of nothing", frame(0x80, 1, b"x"), 1002),
        ("a long ping", frame(0x89, 126, &[0; 126]), 1002),
        ("a close with half a code", frame(0x88, 1, b"\x03"), 1002),
        ("a close with a code nobody may send", frame(0x88, 2, &1006_u16.to_be_bytes()), 1002),
    ] {
        for known in [true, false] {
            let client = server.player(1);
            let mut socket = if known {
                Socket::resume(&server.url, &client, "").expect("a socket")
            } else {
                Socket::strange(&server.url, &client.session)
            };
            socket.say_raw(&bytes);
            let (found, reason) = socket.wait_for_end();
            assert_eq!(found, code, "{what}, known: {known}: {reason}");
            assert!(reason.ends_with('.') && reason.len() > 10, "{what}: {reason:?}");
        }
    }
    // A whole message of 64 KiB is taken, in one frame and in many.
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    let mut text = br#"{"type":"act","id":1,"action":{"type":"wait"}}"#.to_vec();
    text.resize(65_536, b' ');
    socket.say_raw(&frame(0x81, 65_536, &text));
    assert_eq!(socket.wait_for("result")["revision"], 1);
    for (number, part) in text.chunks(1_000).enumerate() {
        let first = if number == 0 {
            0x01
        } else if number == 65 {
            0x80
        } else {
            0x00
        };
        socket.say_raw(&frame(first, part.len() as u64, part));
    }
    assert_eq!(socket.wait_for("result")["revision"], 2);
}

/// What a client is closed with stands in the table of `docs/realtime.md`: come back, or do not.
#[test]
fn each_close_has_its_code_and_reason_and_is_documented() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut ends = Vec::new();
    let open = || Socket::resume(&server.url, &client, "&takeover=true").expect("a socket");
    let mut first = open();
    let second = open();
    ends.push((4409, first.wait_for_end()));
    drop(second);
    let mut third = open();
    third.say(&json!({"type": "leave"}));
    ends.push((4000, third.wait_for_end()));
    let mut strange = Socket::strange(&server.url, &client.session);
    strange.say_text(r#"{"type":"auth","id":"me","token":"bad"}"#);
    let error = strange.wait_for("error");
    assert_eq!((&error["id"], &error["problem"]["code"]), (&json!("me"), &json!("TOKEN_INVALID")));
    ends.push((4401, strange.wait_for_end()));
    let stranger = server.player(2);
    let mut other = Socket::strange(&server.url, &client.session);
    other.say(&json!({"type": "auth", "token": stranger.token}));
    ends.push((4404, other.wait_for_end()));
    let mut deleted = open();
    client.send("DELETE", &client.path(""), &[], None);
    ends.push((4410, deleted.wait_for_end()));
    let mut last = Socket::resume(&server.url, &stranger, "").expect("a socket");
    server.stop();
    ends.push((1001, last.wait_for_end()));
    let table = std::fs::read_to_string("docs/realtime.md").expect("the document");
    for (wanted, (code, reason)) in ends {
        assert_eq!(code, wanted, "{reason}");
        assert!(reason.ends_with('.') && reason.len() > 10, "{code}: {reason:?}");
        assert!(table.contains(&format!("| {code} |")), "{code} is not in the table");
    }
    for code in [1002, 1006, 1007, 1009, 1011, 1013, 4408] {
        assert!(table.contains(&format!("| {code} |")), "{code} is not in the table");
    }
}

/// What never becomes a request is refused in words too.
#[test]
fn a_head_that_is_no_head_is_refused_with_a_reason() {
    let settings = cosmic_explorer::api::Settings { head_secs: 1, ..unlimited() };
    let (_folder, server) = start_with(Default::default(), settings);
    let long = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(70_000));
    let endless = format!("GET /{}", "x".repeat(140_000));
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(100));
    for (request, status, code) in [
        ("GET / HTTP/1.1\r\nhost: localhost\r\nhost: other\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET / HTTP/1.1\r\naccept: */*\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET /\0 HTTP/1.1\r\nhost: localhost\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET / HTTP/1.1\r\nhost: localhost\r\na\0: b\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET / HTTP/9.9\r\n\r\n", 400, "BAD_REQUEST"),
        ("\u{16}\u{3}\u{1}\r\n\r\n", 400, "BAD_REQUEST"),
        ("POST /api/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n", 400, "BAD_REQUEST"),
        (
            "POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n{",
            400,
            "BAD_REQUEST",
        ),
        ("POST /api/sessions HTTP/1.0\r\n\r\n", 411, "LENGTH_REQUIRED"),
        (&long, 414, "URI_TOO_LONG"),
        (&endless, 414, "URI_TOO_LONG"),
        (&many, 431, "HEADERS_TOO_LARGE"),
        ("GET / HT", 408, "HEAD_TIMEOUT"),
    ] {
        let answer = exchange(&server, request);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{request:.60}");
        assert_eq!(answer.header("connection"), "close");
    }
    // Behind answers that are good, it is refused alone.
    let answer = exchange(
        &server,
        "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    );
    assert_eq!(answer.status, 200);
    let (_, second) = answer.body.split_once("HTTP/1.1").expect("another answer");
    let second = Answer::of(&format!("HTTP/1.1{second}"));
    assert_eq!((second.status, second.code().as_str()), (400, "BAD_REQUEST"));
    let old = exchange(&server, "POST /api/sessions HTTP/1.0\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(old.status, 201);
}

#[test]
fn a_connection_that_is_cut_in_the_middle_hurts_nobody() {
    let (_folder, server) = start();
    let client = server.player(1);
    for head in ["GET /he", "POST /api/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{"] {
        let mut stream = connect(&server);
        stream.write_all(head.as_bytes()).expect("it is sent");
        stream.shutdown(Shutdown::Both).expect("it ends");
    }
    assert_eq!(client.look()["revision"], 0);
}
