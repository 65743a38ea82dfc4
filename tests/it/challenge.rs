//! The daily challenge and permadeath: one seed a day for all, which nobody is told before the day is over.

use std::collections::BTreeSet;

use cosmic_explorer::game::rng::Dice;
use serde_json::{Value, json};

use crate::play::choose_offer;
use crate::server::{Client, Server, start, start_in, unlimited};

const DAY: i64 = 24 * 3600;
/// The tests begin at eight in the morning of this day.
const TODAY: &str = "2027-01-15";

/// A player with a game of the day's challenge.
fn challenger(server: &Server, name: &str) -> Client {
    let mut client = server.client();
    client.begin(json!({"challenge": "daily", "name": name}));
    client
}

/// Plays a session's game to its end.
fn finish(client: &Client, policy: u64) -> Value {
    let mut dice = Dice::new(policy);
    loop {
        let state = client.look()["state"].clone();
        if state["game_over"] == true {
            return state;
        }
        client.act(&choose_offer(&state, &client.offers(), &mut dice)["action"]);
    }
}

fn put(client: &Client, slot: u8) -> crate::server::Reply {
    let body = json!({"session_id": client.session}).to_string();
    let headers = [("content-type", "application/json")];
    client.send("PUT", &format!("/api/slots/{slot}"), &headers, Some(body.as_bytes()))
}

fn load(client: &Client, slot: u8) -> crate::server::Reply {
    client.post(&format!("/api/slots/{slot}/load"), &json!({"session_id": client.session}))
}

/// The digest after a first scan: it tells the seed without telling it.
fn fingerprint(client: &Client) -> Value {
    client.act(&json!({"type": "scan"}))["digest"].clone()
}

#[test]
fn everybody_gets_the_days_seed_and_another_the_next_day() {
    let (folder, server) = start();
    let [ann, bob] = ["Ann", "Bob"].map(|name| challenger(&server, name));
    let seen = ann.look()["state"].clone();
    assert_eq!(seen["challenge"], json!({"date": TODAY, "ends_at": "2027-01-16T00:00:00Z"}));
    assert_eq!(seen["permadeath"], true);
    let listed = ann.get("/api/sessions").json()["sessions"][0].clone();
    assert_eq!((&listed["challenge"]["date"], &listed["permadeath"]), (&json!(TODAY), &json!(true)));
    assert_eq!(listed["challenge"]["verdict"], Value::Null);
    let first = fingerprint(&ann);
    assert_eq!(fingerprint(&bob), first);
    let mut other = server.client();
    let plain = other.begin(json!({}));
    assert_eq!((&plain["state"]["challenge"], &plain["state"]["permadeath"]), (&Value::Null, &json!(false)));
    assert_ne!(fingerprint(&other), first);
    // A second before midnight, over a restart and under a new key for tokens; and a second later.
    server.clock.advance(16 * 3600 - 1);
    assert_eq!(fingerprint(&challenger(&server, "Cid")), first);
    server.clock.advance(1);
    let next = fingerprint(&challenger(&server, "Dot"));
    assert_ne!(next, first);
    let keys = || std::fs::read_to_string(folder.path().join("keys.json")).expect("keys");
    let before: Value = serde_json::from_str(&keys()).expect("JSON");
    server.stop();
    crate::server::open(folder.path(), Default::default()).store.rotate_key(|| [9; 32]).expect("a new key");
    let after: Value = serde_json::from_str(&keys()).expect("JSON");
    assert!(before["challenge"].is_string() && before["current"] != after["current"]);
    assert_eq!(before["challenge"], after["challenge"]);
    let server = start_in(folder.path(), Default::default(), unlimited());
    assert_eq!(fingerprint(&challenger(&server, "Eve")), first);
    server.clock.advance(DAY);
    assert_eq!(fingerprint(&challenger(&server, "Fay")), next);
}

#[test]
fn a_challenge_takes_no_seed_and_always_has_permadeath() {
    let (_folder, server) = start();
    let client = server.player(1);
    for (body, code) in [
        (json!({"challenge": "daily", "seed": 1}), "WRONG_VALUE"),
        (json!({"challenge": "daily", "permadeath": false}), "WRONG_VALUE"),
        (json!({"challenge": "weekly"}), "UNKNOWN_VALUE"),
        (json!({"challenge": true}), "WRONG_TYPE"),
        (json!({"permadeath": "yes"}), "WRONG_TYPE"),
    ] {
        let reply = client.post("/api/sessions", &body);
        assert_eq!((reply.status, reply.code().as_str()), (422, code), "{body}");
    }
    let hard = client.post("/api/sessions", &json!({"challenge": "daily", "difficulty": "hard", "permadeath": true}));
    assert_eq!((hard.status, &hard.json()["state"]["difficulty"]), (201, &json!("hard")));
}

#[test]
fn permadeath_has_no_way_back() {
    let (folder, server) = start();
    let mut client = server.player(5);
    let plain = client.clone();
    assert_eq!(put(&plain, 1).status, 200);
    server.clock.advance(10);
    client.begin(json!({"permadeath": true, "seed": 6}));
    client.act(&json!({"type": "wait"}));
    let closed = |client: &Client| {
        for refused in
            [load(client, 1), load(client, 0), load(&plain, 0), put(client, 2), client.get("/api/slots/0/export")]
        {
            assert_eq!((refused.status, refused.code().as_str()), (409, "PERMADEATH"));
        }
        assert_eq!(client.get("/api/slots/0").status, 200, "to look at it harms nobody");
        let state = client.look()["state"].clone();
        assert_eq!((&state["permadeath"], &state["turn_count"]), (&json!(true), &json!(1)));
    };
    closed(&client);
    server.stop();
    let server = start_in(folder.path(), Default::default(), unlimited());
    let (client, plain) = (client.at(&server.url), plain.at(&server.url));
    assert_eq!(client.get("/api/sessions").json()["sessions"][1]["permadeath"], true);
    server.clock.advance(10);
    let state = finish(&client, 1);
    assert_eq!(state["seed"], 6, "it is told as of any other game");
    assert_eq!((put(&client, 2).status, client.get("/api/slots/0/export").status), (200, 200), "to remember it by");
    assert_eq!(load(&client, 1).code(), "PERMADEATH", "over is over");
    assert_eq!(load(&plain, 2).status, 200);
}

/// Whatever the API tells of a session, and of its player.
fn everything(client: &Client) -> Vec<(String, u16, String)> {
    let mut paths: Vec<_> =
        ["", "/map", "/actions", "/turns", "/turns?format=replay"].map(|path| client.path(path)).into();
    paths.extend(["/api/sessions", "/api/slots", "/api/slots/0", "/api/slots/0/export", "/stats"].map(str::to_owned));
    let get = |path: String| {
        let reply = client.get(&path);
        (path, reply.status, reply.text)
    };
    paths.into_iter().map(get).collect()
}

#[test]
fn the_seed_of_a_challenge_is_told_nowhere_before_its_day_is_over() {
    let (folder, server) = start();
    let client = challenger(&server, "Ann");
    let file = folder.path().join(format!("session_{}.json", client.session));
    let stored: Value = serde_json::from_slice(&std::fs::read(file).expect("a save")).expect("JSON");
    let seed = stored["seed"].as_u64().expect("a seed").to_string();
    let hidden = |client: &Client| {
        for (path, status, text) in everything(client) {
            assert!(!text.contains(&seed) && !text.contains("word_pos"), "{path} tells it: {status} {text}");
        }
    };
    hidden(&client);
    let mut plain = client.clone();
    server.clock.advance(-10);
    plain.begin(json!({}));
    server.clock.advance(10);
    finish(&client, 1);
    hidden(&client);
    for refused in [
        client.get(&client.path("/turns?format=replay")),
        client.get("/api/slots/0/export"),
        put(&client, 1),
        load(&plain, 0),
    ] {
        assert_eq!((refused.status, refused.code().as_str()), (409, "CHALLENGE_RUNNING"));
        assert_eq!(refused.json()["ends_at"], "2027-01-16T00:00:00Z");
        assert_eq!(refused.header("retry-after"), (16 * 3600 + 1).to_string());
    }
    server.clock.advance(16 * 3600 - 1);
    hidden(&client);
    server.clock.advance(1);
    let replay = client.get(&client.path("/turns?format=replay"));
    assert_eq!((replay.status, replay.json()["seed"].to_string()), (200, seed.clone()));
    assert_eq!(client.look()["state"].get("seed"), None, "the state changes with the revision only");
    assert_eq!(put(&client, 1).status, 200);
    let texts: BTreeSet<_> = everything(&client).into_iter().filter(|(_, _, text)| text.contains(&seed)).collect();
    assert_eq!(texts.len(), 2, "the replay and the exported file");
}
