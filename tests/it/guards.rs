//! What stands before the calls: how often somebody may come, names, origins, deadlines.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use cosmic_explorer::api;
use cosmic_explorer::session::Settings;
use serde_json::json;

use crate::server::{Client, Reply, Server, start, start_with, unlimited};

fn guarded(api: api::Settings) -> (tempfile::TempDir, Server) {
    start_with(Settings::default(), api)
}

/// A refusal for coming too often; the seconds to wait, which header and body agree on.
fn wait_of(reply: &Reply, code: &str) -> i64 {
    assert_eq!((reply.status, reply.code().as_str()), (429, code));
    assert_eq!(reply.header("retry-after"), reply.json()["retry_after"].to_string());
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    reply.json()["retry_after"].as_i64().expect("seconds")
}

fn connection(server: &Server) -> TcpStream {
    crate::patience::connect(&server.url)
}

/// All that a server says to this until it hangs up.
fn raw(server: &Server, request: &str) -> String {
    let mut stream = connection(server);
    stream.write_all(request.as_bytes()).expect("it is sent");
    rest(&mut stream)
}

fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server hangs up");
    String::from_utf8(answer).expect("UTF-8")
}

#[test]
fn a_player_has_so_many_requests_a_minute_in_bursts_of_a_tenth() {
    let (_folder, server) = guarded(api::Settings { requests_per_minute: 60, ..unlimited() });
    let code = "TOO_MANY_REQUESTS";
    let client = server.player(1);
    let other = server.player(2);
    for _ in 0..5 {
        client.look();
    }
    client.act(&json!({"type": "wait"}));
    assert_eq!(wait_of(&client.try_act(&json!({"type": "wait"})), code), 1);
    // The cookie is the same player.
    let cookie = server.cookie(client.token.as_deref().expect("a token"));
    let reply = server.client().send("GET", "/api/sessions", &[("cookie", &cookie)], None);
    assert_eq!(wait_of(&reply, code), 1);
    other.look();
    assert_eq!(server.client().get("/health").status, 200);

    server.clock.advance(1);
    assert_eq!(client.look()["revision"], 1, "the refused action was not taken");
    assert_eq!(wait_of(&client.get(&client.path("")), code), 1);
    // A clock that is set back does not lock anybody out until its old time has come again.
    server.clock.step(-3600);
    assert_eq!(wait_of(&client.get(&client.path("")), code), 1);
    server.clock.advance(3);
    for _ in 0..3 {
        client.look();
    }
    assert_eq!(wait_of(&client.get(&client.path("")), code), 1);
}

#[test]
fn a_limit_smaller_than_ten_still_takes_one_at_a_time() {
    let (_folder, server) = guarded(api::Settings { requests_per_minute: 2, ..unlimited() });
    let client = server.player(1);
    client.look();
    assert_eq!(wait_of(&client.get(&client.path("")), "TOO_MANY_REQUESTS"), 30);
    server.clock.advance(30);
    client.look();
}

#[test]
fn strangers_of_an_address_share_what_a_player_has() {
    let (_folder, server) = guarded(api::Settings { requests_per_minute: 30, ..unlimited() });
    let player = server.player(1);
    let stranger = server.client();
    for path in ["/api/leaderboard", "/api/challenge", "/api/leaderboard/2020-01-01/normal/1/replay"] {
        assert_ne!(stranger.get(path).status, 429);
    }
    assert_eq!(wait_of(&server.client().get("/api/leaderboard"), "TOO_MANY_REQUESTS"), 2);
    assert_eq!(player.get("/api/leaderboard").status, 200);
    server.clock.advance(2);
    assert_eq!(stranger.get("/api/leaderboard").status, 200);
}

#[test]
fn an_address_brings_so_many_new_players_a_minute() {
    let (_folder, server) = guarded(api::Settings { connects_per_minute: 3, ..unlimited() });
    let code = "TOO_MANY_CONNECTS";
    let mut client = server.player(1);
    for _ in 0..2 {
        server.client().begin(json!({}));
    }
    assert_eq!(wait_of(&server.client().post("/api/sessions", &json!({})), code), 20);
    assert_eq!(wait_of(&server.client().post("/api/slots/1/import", &json!({})), code), 20);
    // Who is there already is not new.
    client.begin(json!({}));
    assert_eq!(client.post("/api/slots/1/import", &json!({})).code(), "SAVE_INVALID");

    server.clock.advance(20);
    // An import that is refused costs the server the same.
    assert_eq!(server.client().post("/api/slots/1/import", &json!({})).code(), "SAVE_INVALID");
    assert_eq!(wait_of(&server.client().post("/api/sessions", &json!({})), code), 20);
}

#[test]
fn only_known_hosts_are_answered() {
    let hosts = vec!["Game.example".to_owned()];
    let (_folder, server) = guarded(api::Settings { hosts, ..unlimited() });
    let client = server.client();
    for path in ["/health", "/ready", "/api/content", "/nowhere"] {
        let normal = client.get(path).status;
        for known in [
            "localhost",
            "LocalHost:80",
            "127.0.0.1",
            "192.0.2.1:8080",
            "[::1]",
            "[2001:db8::1]:8080",
            "game.example",
            "GAME.example:443",
        ] {
            assert_eq!(client.send("GET", path, &[("host", known)], None).status, normal, "{known}");
        }
        for unknown in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "game.example.evil.example",
            "127.0.0.1.evil.example",
            "game.example.",
            "evil.example:localhost",
            "localhost:evil.example",
            "localhost@evil.example",
            "[evil.example]",
            "[::1",
            "[::1]evil.example",
            "::1",
            "2130706433",
            ":80",
        ] {
            let reply = client.send("GET", path, &[("host", unknown)], None);
            assert_eq!((reply.status, reply.code().as_str()), (421, "UNKNOWN_HOST"), "{unknown}");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            assert_eq!(reply.header("x-frame-options"), "DENY");
        }
    }
}

/// Browsers always name a host, so HTTP/1.0 without one is some other program.
#[test]
fn a_host_is_named_once_and_only_http_1_0_needs_none() {
    let (_folder, server) = start();
    let status = |request: &str| raw(&server, request).split(' ').nth(1).expect("a status").to_owned();
    assert_eq!(status("GET /health HTTP/1.0\r\n\r\n"), "200");
    assert_eq!(status("GET /health HTTP/1.0\r\nhost: evil.example\r\n\r\n"), "421");
    assert_eq!(status("GET /health HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n"), "421");
    assert_eq!(status("GET /health HTTP/1.1\r\n\r\n"), "400");
    assert_eq!(status("GET /health HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n"), "400");
    assert_eq!(status("GET /health HTTP/1.0\r\nhost: localhost\r\nhost: evil.example\r\n\r\n"), "400");
}

#[test]
fn pages_of_other_origins_change_nothing() {
    let origins = vec!["https://friend.example".to_owned()];
    let (_folder, server) = guarded(api::Settings { origins, ..unlimited() });
    let client = server.player(1);
    let own = client.url.as_str();
    let https = own.replace("http://", "https://");
    let https = https.as_str();
    let slot = format!(r#"{{"session_id":"{}"}}"#, client.session);
    let calls = [
        ("POST", client.path("/actions"), r#"{"type":"wait"}"#),
        ("PATCH", client.path(""), r#"{"name":"Mine"}"#),
        ("PUT", "/api/slots/1".to_owned(), &slot),
        ("DELETE", "/api/slots/1".to_owned(), ""),
    ];
    let send = |method: &str, path: &str, origins: &[&str], body: &str| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(origins.iter().map(|origin| ("origin", *origin)));
        client.send(method, path, &headers, Some(body.as_bytes()))
    };
    let bad = [
        &["null"][..],
        &[""],
        &["https://evil.example"],
        &["https://friend.example.evil.example"],
        &["https://friend.example:8443"],
        &["http://friend.example"],
        &["http://127.0.0.1:1"],
        &[&format!("{own}.evil.example")],
        &[&format!("{own}/")],
        &[own.trim_start_matches("http://")],
        &["https://friend.example https://evil.example"],
        &["https://friend.example", "https://evil.example"],
    ];
    let stand = || [client.path("").as_str(), "/api/sessions", "/api/slots"].map(|path| client.get(path).text);
    let before = stand();
    for (method, path, body) in &calls {
        for origins in bad {
            let reply = send(method, path, origins, body);
            let said = (reply.status, reply.code());
            assert_eq!(said, (403, "ORIGIN_FORBIDDEN".to_owned()), "{method} {origins:?}");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            assert_eq!(reply.header("access-control-allow-origin"), "");
        }
    }
    assert_eq!(stand(), before);

    for origins in [&[][..], &[own], &[https], &["https://friend.example"], &[own, "https://friend.example"]] {
        for (method, path, body) in &calls {
            let reply = send(method, path, origins, body);
            assert!((200..300).contains(&reply.status), "{method} {origins:?}: {}", reply.text);
        }
    }
    assert_eq!(client.look()["revision"], 5);
}

#[test]
fn hosts_come_before_origins_and_origins_before_the_rest() {
    let (_folder, server) = start();
    let client = server.client();
    let evil = ("origin", "https://evil.example");
    let host = ("host", "evil.example");
    assert_eq!(client.send("POST", "/api/sessions", &[evil, host], None).code(), "UNKNOWN_HOST");
    assert_eq!(client.send("POST", "/api/sessions", &[evil], Some(b"{")).code(), "ORIGIN_FORBIDDEN");
    assert_eq!(client.send("DELETE", "/nowhere", &[evil], None).code(), "ORIGIN_FORBIDDEN");
    // Looking is what the browser keeps pages from, unless they are listed.
    assert_eq!(client.send("GET", "/api/content", &[evil], None).status, 200);
    assert_eq!(client.send("GET", "/api/sessions", &[evil], None).code(), "TOKEN_REQUIRED");
    // But not with sockets.
    for words in ["websocket", "WebSocket", "h2c, websocket"] {
        let upgrade = ("upgrade", words);
        assert_eq!(client.send("GET", "/ws", &[evil, upgrade], None).code(), "ORIGIN_FORBIDDEN", "{words}");
        assert_eq!(client.send("GET", "/ws", &[("origin", "null"), upgrade], None).code(), "ORIGIN_FORBIDDEN");
        assert_eq!(client.send("GET", "/ws", &[("origin", &client.url), upgrade], None).code(), "UPGRADE_REQUIRED");
        assert_eq!(client.send("GET", "/ws", &[upgrade], None).code(), "UPGRADE_REQUIRED");
    }
}

fn preflight(client: &Client, origin: &str, method: &str, headers: &str) -> Reply {
    let headers =
        [("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", headers)];
    client.send("OPTIONS", &client.path("/actions"), &headers, None)
}

/// What a reply says to browsers of other origins.
fn opened(reply: &Reply) -> Vec<String> {
    reply.headers.keys().map(ToString::to_string).filter(|name| name.starts_with("access-control-")).collect()
}

#[test]
fn cors_is_closed_by_default() {
    let (_folder, server) = start();
    let client = server.player(1);
    for origin in [client.url.as_str(), "https://friend.example", "null"] {
        let reply = client.send("GET", &client.path(""), &[("origin", origin)], None);
        assert_eq!((reply.status, opened(&reply)), (200, vec![]), "{origin}");
        let reply = preflight(&client, origin, "POST", "content-type");
        assert!(reply.status == 403 || reply.status == 204, "{}", reply.text);
        assert_eq!(opened(&reply), [""; 0], "{origin}");
    }
}

#[test]
fn cors_opens_for_exactly_the_listed_origins() {
    let friend = "https://friend.example";
    let origins = vec![friend.to_owned(), "http://localhost:3000".to_owned()];
    let (_folder, server) = guarded(api::Settings { origins: origins.clone(), requests_per_minute: 60, ..unlimited() });
    let mut client = server.player(1);
    for origin in &origins {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            let wanted = "authorization,content-type,if-match,if-none-match,idempotency-key,last-event-id";
            let reply = preflight(&client, origin, method, wanted);
            assert_eq!(reply.status, 200, "{method}: {}", reply.text);
            assert_eq!(reply.header("access-control-allow-origin"), origin);
            assert_eq!(reply.header("access-control-allow-credentials"), "true");
            assert!(reply.header("access-control-allow-methods").contains(method));
            assert!(reply.header("vary").to_lowercase().contains("origin"));
        }
        for (method, headers) in [("TRACE", "content-type"), ("POST", "content-type,x-other")] {
            let reply = preflight(&client, origin, method, headers);
            assert_eq!((reply.status, reply.code().as_str()), (400, "PREFLIGHT_REFUSED"), "{method} {headers}");
            assert!(reply.json()["detail"].as_str().is_some_and(|detail| detail.contains("Idempotency-Key")));
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
        }
    }
    for origin in ["https://evil.example", "https://friend.example:8443", "http://friend.example", "null"] {
        let reply = preflight(&client, origin, "POST", "content-type");
        assert_eq!((reply.status, reply.code().as_str()), (403, "ORIGIN_FORBIDDEN"), "{origin}");
        assert_eq!(opened(&reply), [""; 0], "{origin}");
        let reply = client.send("GET", "/api/content", &[("origin", origin)], None);
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, ""), "{origin}");
    }
    let read = |reply: &Reply| {
        assert_eq!(reply.header("access-control-allow-origin"), friend, "{}", reply.text);
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
        let mut exposed: Vec<_> = reply.header("access-control-expose-headers").split(',').map(str::trim).collect();
        exposed.sort_unstable();
        let all =
            ["etag", "location", "preference-applied", "retry-after", "x-session-expired", "x-session-expired-reason"];
        assert_eq!(exposed.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>(), all);
    };
    let origin = [("origin", friend)];
    // Refusals too: a page must be able to tell its player why.
    assert_eq!(client.send("DELETE", &client.path(""), &origin, None).status, 204);
    let gone = client.send("GET", &client.path(""), &origin, None);
    assert_eq!(gone.code(), "SESSION_EXPIRED");
    read(&gone);
    let path = client.path("");
    let token = client.token.take();
    let nobody = client.send("GET", &path, &origin, None);
    assert_eq!(nobody.code(), "TOKEN_REQUIRED");
    read(&nobody);
    client.token = token;
    for _ in 0..6 {
        client.get("/api/sessions");
    }
    let last = client.send("GET", "/api/sessions", &origin, None);
    wait_of(&last, "TOO_MANY_REQUESTS");
    read(&last);
}

/// A thousand clients that send half a request stall nobody, are told, and are gone.
#[test]
fn bodies_that_do_not_come_stall_nobody_and_are_given_up() {
    // Both ends of each connection are in this process.
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut files = getrlimit(Resource::Nofile);
        files.current = files.maximum;
        setrlimit(Resource::Nofile, files).expect("as many files as it may open");
    }
    let (_folder, server) = guarded(api::Settings { body_secs: 2, ..unlimited() });
    let client = server.player(1);
    let head = "POST /api/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let import = "POST /api/slots/1/import HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let halves = [
        format!("{head}content-length: 100\r\n\r\n"),
        format!("{head}content-length: 100\r\n\r\n{}", " ".repeat(50)),
        format!("{head}transfer-encoding: chunked\r\n\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\n32\r\n{}", " ".repeat(40)),
        format!("{import}content-length: 1000000\r\n\r\n{}", " ".repeat(100_000)),
    ];
    let mut slow = Vec::new();
    for number in 0..1000 {
        let mut stream = connection(&server);
        stream.write_all(halves[number % halves.len()].as_bytes()).expect("half a request");
        slow.push(stream);
        if number % 50 == 0 {
            client.act(&json!({"type": "wait"}));
        }
    }
    // Played while the last ones are waited for.
    client.act(&json!({"type": "wait"}));
    let last = slow.last().expect("a connection");
    last.set_nonblocking(true).expect("a socket");
    let unanswered = last.peek(&mut [0]).expect_err("no answer yet");
    assert_eq!(unanswered.kind(), ErrorKind::WouldBlock);
    last.set_nonblocking(false).expect("a socket");

    for (number, mut stream) in slow.into_iter().enumerate() {
        let answer = rest(&mut stream);
        let half = number % halves.len();
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"BODY_TIMEOUT\""),
            "{half}: {answer}"
        );
        assert!(answer.contains("application/problem+json") && answer.contains("nosniff"), "{half}: {answer}");
    }
    assert_eq!(client.look()["revision"], 21);
    assert_eq!(client.act(&json!({"type": "wait"}))["revision"], 22);
}

#[test]
fn a_head_that_does_not_come_is_given_up() {
    let (_folder, server) = guarded(api::Settings { head_secs: 1, ..unlimited() });
    assert!(raw(&server, "GET /health HTTP/1.1\r\nhost: local").starts_with("HTTP/1.1 408 "));
}

/// Where nobody reads a body, its end is not waited for either.
#[test]
fn chunks_that_nobody_wants_do_not_keep_a_connection() {
    let (_folder, server) = start();
    let chunked = "host: localhost\r\ntransfer-encoding: chunked\r\n";
    for (request, status) in [
        (format!("GET /health HTTP/1.1\r\n{chunked}\r\n5\r\nabc"), "200"),
        (format!("POST /nowhere HTTP/1.1\r\n{chunked}\r\n5\r\nabc"), "404"),
        (format!("POST /api/sessions HTTP/1.1\r\n{chunked}origin: null\r\n\r\n5\r\nabc"), "403"),
        (format!("PUT /api/slots/1 HTTP/1.1\r\n{chunked}\r\n5\r\nabc"), "401"),
    ] {
        let answer = raw(&server, &request);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    // One that ends leaves the connection open for more.
    let mut stream = connection(&server);
    let whole =
        format!("POST /api/sessions HTTP/1.1\r\n{chunked}content-type: application/json\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
    let again = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(whole.as_bytes()).expect("it is sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 201");
    stream.write_all(again.as_bytes()).expect("it is sent");
    assert!(rest(&mut stream).contains("HTTP/1.1 200 OK"));
}
