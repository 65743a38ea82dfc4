//! Bad input: each kind is a refusal with a code of its own, and hurts nobody.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::patience::connect;
use crate::server::start;

#[test]
fn every_kind_of_bad_body_has_its_own_code() {
    let (_folder, server) = start();
    let client = server.player(1);
    let other = server.player(2);
    let before = client.get(&client.path("")).text;
    let nines = "9".repeat(4300);
    let cases = [
        ("", 422, "MISSING_FIELD"),
        ("{", 400, "MALFORMED_JSON"),
        ("{'type':'scan'}", 400, "MALFORMED_JSON"),
        ("{\"type\":\"scan\"} x", 400, "MALFORMED_JSON"),
        ("\u{0}", 400, "MALFORMED_JSON"),
        ("null", 422, "NOT_AN_OBJECT"),
        ("[]", 422, "NOT_AN_OBJECT"),
        ("7", 422, "NOT_AN_OBJECT"),
        ("\"scan\"", 422, "NOT_AN_OBJECT"),
        ("{}", 422, "MISSING_FIELD"),
        ("{\"type\":7}", 422, "WRONG_TYPE"),
        ("{\"type\":[]}", 422, "WRONG_TYPE"),
        ("{\"type\":{}}", 422, "WRONG_TYPE"),
        ("{\"type\":\"fly\"}", 422, "UNKNOWN_VALUE"),
        ("{\"type\":\"scan\",\"deep\":true}", 422, "UNKNOWN_FIELD"),
        ("{\"type\":\"scan\",\"type\":\"wait\"}", 422, "DUPLICATE_FIELD"),
        ("{\"type\":\"refuel\"}", 422, "MISSING_FIELD"),
        ("{\"type\":\"refuel\",\"amount\":\"1\"}", 422, "WRONG_TYPE"),
        ("{\"type\":\"refuel\",\"amount\":true}", 422, "WRONG_TYPE"),
        ("{\"type\":\"refuel\",\"amount\":null}", 422, "WRONG_TYPE"),
        ("{\"type\":\"refuel\",\"amount\":1.5}", 422, "WRONG_TYPE"),
        ("{\"type\":\"refuel\",\"amount\":1.0}", 409, "TANK_FULL"),
        ("[\"wait\"]", 422, "NOT_AN_OBJECT"),
        ("[{\"type\":\"wait\"}]", 422, "NOT_AN_OBJECT"),
        ("{\"type\":\"refuel\",\"amount\":0}", 422, "WRONG_VALUE"),
        ("{\"type\":\"refuel\",\"amount\":-1000}", 422, "WRONG_VALUE"),
        ("{\"type\":\"refuel\",\"amount\":4294967296}", 422, "WRONG_VALUE"),
        ("{\"type\":\"refuel\",\"amount\":4294967295}", 409, "TANK_FULL"),
        ("{\"type\":\"refuel\",\"amount\":NaN}", 400, "MALFORMED_JSON"),
        ("{\"type\":\"refuel\",\"amount\":Infinity}", 400, "MALFORMED_JSON"),
        ("{\"type\":\"refuel\",\"amount\":1e400}", 400, "NUMBER_OUT_OF_RANGE"),
        (&format!("{{\"type\":\"refuel\",\"amount\":{nines}}}"), 400, "NUMBER_OUT_OF_RANGE"),
        (&format!("{{\"type\":\"scan\",\"x\":{}", "[".repeat(20_000)), 400, "JSON_TOO_DEEP"),
        (&format!("{{\"type\":\"scan\",\"x\":{}", "{\"a\":".repeat(10_000)), 400, "JSON_TOO_DEEP"),
        ("{\"type\":\"navigate\",\"node\":\"../../keys\"}", 409, "UNKNOWN_NODE"),
        ("{\"type\":\"navigate\",\"node\":\"NODE_REG_000_999\"}", 409, "UNKNOWN_NODE"),
        ("{\"type\":\"navigate\",\"node\":\"\"}", 409, "UNKNOWN_NODE"),
        ("{\"type\":\"jump\",\"region\":\"REG_0\"}", 409, "UNKNOWN_REGION"),
        ("{\"type\":\"buy_item\",\"item\":\"moon\",\"quantity\":1}", 409, "UNKNOWN_ITEM"),
        ("{\"type\":\"sell_item\",\"item\":\"scrap_metal\",\"quantity\":4294967295}", 409, "ITEM_NOT_HELD"),
        ("{\"type\":\"buy_mod\",\"mod\":\"__proto__\"}", 409, "UNKNOWN_MOD"),
        ("{\"type\":\"buy_ship\",\"ship\":\"\"}", 409, "UNKNOWN_SHIP"),
        ("{\"type\":\"combat\",\"move\":\"attack\"}", 409, "NOT_IN_COMBAT"),
    ];
    for (body, status, code) in cases {
        let reply = client.post_text(&client.path("/actions"), body.as_bytes());
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{:.60}", body);
        for leak in ["expected", "u32", "at line", "struct", "integer"] {
            assert!(!reply.text.contains(leak), "{leak} in {}", reply.text);
        }
    }
    let invalid_utf8 = client.post_text(&client.path("/actions"), b"{\"type\":\"\xff\"}");
    assert_eq!(invalid_utf8.code(), "MALFORMED_JSON");
    assert_eq!(client.get(&client.path("")).text, before, "the session is untouched");
    other.act(&json!({"type": "wait"}));
}

#[test]
fn a_body_must_be_json_by_name_and_of_a_size() {
    let (_folder, server) = start();
    let client = server.player(1);
    let wait = br#"{"type":"wait"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let reply = client.send("POST", &client.path("/actions"), &[("content-type", kind)], Some(wait));
        assert_eq!((reply.status, reply.code().as_str()), (415, "JSON_REQUIRED"), "{kind}");
    }
    for kind in [
        "application/json; charset=utf-16",
        "application/json;charset=\"ISO-8859-1\"",
        "application/json; a=b; CHARSET=x",
    ] {
        let reply = client.send("POST", &client.path("/actions"), &[("content-type", kind)], Some(wait));
        assert_eq!((reply.status, reply.code().as_str()), (415, "JSON_REQUIRED"), "{kind}");
    }
    let with_charset = [("content-type", "Application/JSON; charset=utf-8")];
    assert_eq!(client.send("POST", &client.path("/actions"), &with_charset, Some(wait)).status, 200);
    let pad = |bytes: usize| format!("{{\"type\":\"wait\"{}}}", " ".repeat(bytes - 15));
    assert_eq!(client.post_text(&client.path("/actions"), pad(65_536).as_bytes()).status, 200);
    let reply = client.post_text(&client.path("/actions"), pad(65_537).as_bytes());
    assert_eq!((reply.status, reply.code().as_str()), (413, "BODY_TOO_LARGE"));
}

/// Ten megabytes, announced or in chunks: the answer comes before they have been read, and nothing is kept of them.
#[test]
fn ten_megabytes_are_refused_as_they_stream() {
    let (_folder, server) = start();
    let client = server.player(1);
    let address = client.url.strip_prefix("http://").expect("a URL").to_owned();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
        client.path("/actions"),
        client.token.as_deref().expect("a token")
    );
    for chunked in [false, true] {
        let mut stream = connect(&address);
        let framing = if chunked { "transfer-encoding: chunked\r\n\r\n" } else { "content-length: 10000000\r\n\r\n" };
        stream.write_all(format!("{head}{framing}").as_bytes()).expect("a head");
        let piece = vec![b' '; 10_000];
        for _ in 0..1000 {
            // The server may have hung up by now, which is its right.
            let sent = if chunked {
                stream
                    .write_all(b"2710\r\n")
                    .and_then(|()| stream.write_all(&piece))
                    .and_then(|()| stream.write_all(b"\r\n"))
            } else {
                stream.write_all(&piece)
            };
            if sent.is_err() {
                break;
            }
        }
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_ok() {
            assert_eq!(&answer, b"HTTP/1.1 413", "chunked: {chunked}");
        }
    }
    assert_eq!(client.look()["revision"], 0);
}

#[test]
fn ids_that_are_none_are_sessions_that_are_none() {
    let (_folder, server) = start();
    let mut client = server.player(1);
    let mine = client.session.clone();
    let never = "SESSION_NOT_FOUND";
    for (id, code) in [
        ("x", never),
        ("..", never),
        ("%2e%2e%2fkeys.json", never),
        ("..%2f..%2fetc%2fpasswd", never),
        ("a%00b", never),
        ("%ff%fe", never),
        (&mine.to_uppercase(), never),
        (&mine.replace('-', ""), never),
        (&format!("{{{mine}}}").replace('{', "%7b").replace('}', "%7d"), never),
        (&format!("{mine}%20"), never),
        (&"9".repeat(4300), never),
        (&format!("{mine}/../{mine}"), "NOT_FOUND"),
    ] {
        client.session = id.to_owned();
        let reply = client.get(&client.path(""));
        assert_eq!((reply.status, reply.code().as_str()), (404, code), "{id:.50}");
    }
    client.session = mine;
    assert_eq!(client.look()["revision"], 0);
}

#[test]
fn new_games_take_only_what_they_know() {
    let (_folder, server) = start();
    let client = server.player(1);
    for (body, code) in [
        (json!({"seed": -1}), "WRONG_VALUE"),
        (json!({"seed": 9_007_199_254_740_992_u64}), "WRONG_VALUE"),
        (json!({"seed": 1.5}), "WRONG_TYPE"),
        (json!({"seed": "1"}), "WRONG_TYPE"),
        (json!({"difficulty": "nightmare"}), "UNKNOWN_VALUE"),
        (json!({"difficulty": 1}), "WRONG_TYPE"),
        (json!({"name": 5}), "WRONG_TYPE"),
        (json!({"name": ""}), "BAD_NAME"),
        (json!({"state": {"wealth": 100_000}}), "UNKNOWN_FIELD"),
        (json!({"session_id": "default"}), "UNKNOWN_FIELD"),
    ] {
        let reply = client.post("/api/sessions", &body);
        assert_eq!((reply.status, reply.code().as_str()), (422, code), "{body}");
    }
    assert_eq!(client.get("/api/sessions").json()["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(client.post("/api/sessions", &json!({"seed": 9_007_199_254_740_991_u64})).status, 201);
}

/// Lists where objects are wanted, at every address that takes a body.
#[test]
fn a_list_is_not_taken_for_an_object() {
    let (_folder, server) = start();
    let client = server.player(1);
    let before = client.get("/api/sessions").text;
    for (method, path, body) in [
        ("POST", "/api/sessions".to_owned(), r#"["n",5,"easy",null,true]"#),
        ("POST", "/api/sessions".to_owned(), "[]"),
        ("PATCH", client.path(""), r#"["name"]"#),
        ("POST", client.path("/actions"), r#"["wait"]"#),
        ("POST", client.path("/actions"), r#"["buy_food",1]"#),
        ("POST", client.path("/observers"), "[]"),
        ("PUT", "/api/slots/1".to_owned(), &format!("[{:?}]", client.session)),
        ("POST", "/api/logout".to_owned(), "[]"),
    ] {
        let reply = client.send(method, &path, &[("content-type", "application/json")], Some(body.as_bytes()));
        assert_eq!((reply.status, reply.code().as_str()), (422, "NOT_AN_OBJECT"), "{method} {path} {body}");
    }
    assert_eq!(client.get("/api/sessions").text, before);
}

#[test]
fn whole_numbers_may_have_a_point() {
    let (_folder, server) = start();
    let mut client = server.client();
    client.begin(json!({}));
    let reply = client.post_text("/api/sessions", br#"{"seed": 7.0}"#);
    assert_eq!(reply.status, 201, "{}", reply.text);
    client.session = reply.json()["session_id"].as_str().expect("an id").to_owned();
    let reply = client.post_text(&client.path("/actions"), br#"{"type": "buy_food", "amount": 1e0}"#);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(client.history()[0]["action"], json!({"type": "buy_food", "amount": 1}));
    assert_eq!(
        client.get(&client.path("/turns?after=0.0&limit=1e0")).json()["turns"].as_array().map(Vec::len),
        Some(1)
    );
    let same = server.player(7);
    same.act(&json!({"type": "buy_food", "amount": 1}));
    assert_eq!(client.history()[0]["digest"], same.history()[0]["digest"]);
}

#[test]
fn what_a_client_sent_comes_back_short() {
    let (_folder, server) = start();
    let client = server.player(1);
    let long = "y".repeat(60_000);
    let mut replies = Vec::new();
    for body in [json!({"type": long}), json!({"type": "wait", &*long: 1}), json!({"type": "jump", "region": long})] {
        replies.push(client.post(&client.path("/actions"), &body));
    }
    for body in [json!({"difficulty": long}), json!({"name": long}), json!({&*long: 1}), json!({"seed": long})] {
        replies.push(client.post("/api/sessions", &body));
    }
    replies.push(client.post("/api/slots/1/import", &json!({"version": 3, "owner": long})));
    replies.push(client.post("/api/slots/1/import", &json!({&*long: 3})));
    // A path is shorter than 64 KiB.
    for path in [
        "/",
        "/api/",
        "/css/",
        "/api/content/",
        "/api/slots/",
        "/api/sessions/",
        "/api/leaderboard?date=",
        "/api/leaderboard?",
    ] {
        replies.push(client.get(&format!("{path}{long}")));
    }
    for reply in replies {
        assert!(reply.status >= 400 && !reply.code().is_empty());
        assert!(!reply.text.contains(&long[..100]) && reply.text.len() < 1_000, "{}", reply.text);
    }
}

/// Not a single byte of rubbish panics the server: it goes on answering.
#[test]
fn raw_rubbish_does_not_stop_the_server() {
    let (_folder, server) = start();
    let client = server.player(1);
    let address = client.url.strip_prefix("http://").expect("a URL").to_owned();
    for rubbish in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"POST /api/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n",
        b"POST /api/sessions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\n",
        b"GET /api/sessions HTTP/1.1\r\nhost: localhost\r\nauthorization: \xff\xff\r\n\r\n",
        b"GET /api/sessions HTTP/1.1\r\nhost: localhost\r\ncookie: cosmic=%%%; cosmic=;;;\r\n\r\n",
    ] {
        let mut stream = connect(&address);
        drop(stream.write_all(rubbish));
        drop(stream.shutdown(std::net::Shutdown::Write));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let status = String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or("000").to_owned();
        assert!(!status.starts_with('2') && !status.starts_with('5'), "{status} for {rubbish:?}");
    }
    let state: Value = client.look();
    assert_eq!(state["revision"], 0);
}
