//! Several servers at one database: any of them serves any request, and nobody notices which.

use cosmic_explorer::session::Settings;
use cosmic_explorer::store::postgres;
use serde_json::{Value, json};

use crate::cluster::Database;
use crate::patience::until;
use crate::server::{Client, Server, serve, unlimited};
use crate::voyage::RUNTIME;
use crate::wire::{Refusal, Socket};

/// A server at a database.
fn node(settings: postgres::Settings) -> Server {
    serve(RUNTIME.block_on(postgres::open(settings)).expect("it opens"), Settings::default(), unlimited())
}

/// A database with servers that do not look by themselves within the life of a test: what they hear is rung.
fn ringing<const N: usize>(database: &Database) -> [Server; N] {
    std::array::from_fn(|_| {
        node(postgres::Settings { poll: std::time::Duration::from_secs(3600), ..database.settings() })
    })
}

/// Servers without a bell.
fn looking<const N: usize>(database: &Database) -> [Server; N] {
    let poll = std::time::Duration::from_millis(20);
    std::array::from_fn(|_| node(postgres::Settings { notify: false, poll, ..database.settings() }))
}

fn wait(client: &Client) -> Value {
    client.act(&json!({"type": "wait"}))
}

/// The turns that a socket is told of, once there are so many.
fn told(socket: &mut Socket, count: usize) -> Vec<u64> {
    while socket.revisions().len() < count {
        socket.read().expect("a frame");
    }
    socket.revisions()
}

#[test]
fn what_one_server_does_is_read_on_the_other_at_once() {
    let Some(database) = Database::new() else { return };
    let [one, two] = ringing(&database);
    let here = one.player(1);
    let there = here.clone().at(&two.url);
    assert_eq!(there.look()["revision"], 0, "a game that was begun elsewhere");
    for turn in (0..20).step_by(2) {
        assert_eq!(wait(&here)["revision"], turn + 1);
        assert_eq!(there.look()["revision"], turn + 1);
        assert_eq!(wait(&there)["revision"], turn + 2);
        assert_eq!(here.look()["revision"], turn + 2);
    }
    assert_eq!(here.history(), there.history());
    // What is refused is refused for what stands now.
    wait(&here);
    let stale = there.send(
        "POST",
        &there.path("/actions"),
        &[("content-type", "application/json"), ("if-match", "\"20\"")],
        Some(br#"{"type":"wait"}"#),
    );
    assert_eq!(stale.code(), "STALE_REVISION");
}

#[test]
fn lists_names_saves_and_ends_are_the_same_everywhere() {
    let Some(database) = Database::new() else { return };
    let [one, two] = ringing(&database);
    let here = one.player(1);
    let there = here.clone().at(&two.url);
    let list = |client: &Client| client.get("/api/sessions").json()["sessions"].as_array().expect("a list").len();
    assert_eq!((list(&here), list(&there)), (1, 1));
    let other = {
        let mut other = there.clone();
        other.begin(json!({"seed": 2}));
        other
    };
    assert_eq!((list(&here), list(&there)), (2, 2));

    let name = json!({"name": "Far away"}).to_string();
    let renamed = there.send("PATCH", &there.path(""), &[("content-type", "application/json")], Some(name.as_bytes()));
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let first = here.get("/api/sessions").json()["sessions"][0]["name"].clone();
    assert_eq!(first, "Far away");

    wait(&here);
    let body = json!({"session_id": there.session}).to_string();
    let saved = there.send("PUT", "/api/slots/1", &[("content-type", "application/json")], Some(body.as_bytes()));
    assert!([200, 201].contains(&saved.status), "{}", saved.text);
    wait(&here);
    wait(&there);
    let loaded = here.post("/api/slots/1/load", &json!({"session_id": here.session}));
    assert_eq!((loaded.status, &loaded.json()["revision"]), (200, &json!(4)), "{}", loaded.text);
    assert_eq!(there.look()["state"]["turn_count"], 1);
    assert_eq!(wait(&there)["revision"], 5);
    assert_eq!(here.get("/api/slots").json(), there.get("/api/slots").json());

    assert_eq!(other.send("DELETE", &other.path(""), &[], None).status, 204);
    let gone = other.at(&one.url);
    assert_eq!(gone.get(&gone.path("")).code(), "SESSION_EXPIRED");
    assert_eq!((list(&here), list(&there)), (1, 1));

    assert_eq!(here.post("/api/logout", &json!({})).status, 204);
    assert_eq!(there.get(&there.path("")).code(), "TOKEN_INVALID");
    assert_eq!(there.try_act(&json!({"type": "wait"})).code(), "TOKEN_INVALID");
}

fn every_turn_is_heard_once([one, two, three]: [Server; 3]) {
    let here = one.player(1);
    let there = here.clone().at(&two.url);
    let mut player = Socket::resume(&one.url, &here, "").expect("a socket");
    let watch = there.post(&there.path("/observers"), &json!({})).json()["token"].as_str().expect("a token").to_owned();
    let query = format!("?session_id={}", here.session);
    let mut observer = Socket::open(&three.url, &query, Some(&watch)).expect("a socket");
    for turn in 1..=30 {
        let revision = match turn % 3 {
            0 => wait(&here)["revision"].clone(),
            1 => wait(&there)["revision"].clone(),
            _ => player.act(turn, &json!({"type": "wait"}))["revision"].clone(),
        };
        assert_eq!(revision, turn);
    }
    let all: Vec<_> = (1..=30).collect();
    assert_eq!(told(&mut player, 30), all);
    assert_eq!(told(&mut observer, 30), all);
    let digests = |turns: &[Value]| turns.iter().map(|turn| turn["digest"].clone()).collect::<Vec<_>>();
    assert_eq!(digests(&player.turns), digests(&here.history()));
    assert_eq!(digests(&observer.turns), digests(&here.history()));
    // Deleted on one, and told on the others.
    assert_eq!(there.send("DELETE", &there.path(""), &[], None).status, 204);
    player.wait_for("expired");
    observer.wait_for("expired");
}

#[test]
fn every_turn_is_heard_once_wherever_it_was_played() {
    let Some(database) = Database::new() else { return };
    every_turn_is_heard_once(ringing(&database));
}

#[test]
fn every_turn_is_heard_once_without_a_bell() {
    let Some(database) = Database::new() else { return };
    every_turn_is_heard_once(looking(&database));
}

#[test]
fn a_player_takes_over_from_another_server_and_comes_back() {
    let Some(database) = Database::new() else { return };
    let servers: [Server; 2] = ringing(&database);
    let client = servers[0].player(1);
    let mut last = Socket::resume(&servers[0].url, &client, "").expect("a socket");
    for round in 1..=50 {
        let url = &servers[round % 2].url;
        let mut next =
            Socket::resume(url, &client, &format!("&last_event_id={}&takeover=true", last.last())).expect("a socket");
        assert_eq!(next.hello["recovered"], true);
        assert_eq!(next.act(1, &json!({"type": "wait"}))["type"], "result");
        last.wait_for("replaced");
        assert_eq!(last.wait_for_close(), 4409);
        // It does not come back by itself.
        let old = format!("&previous={}", last.connection());
        let back = Socket::resume(&servers[(round + 1) % 2].url, &client, &old);
        if round > 1 {
            assert!(matches!(back, Err(Refusal::Closed(4409))), "round {round}");
        }
        drop(back);
        last = next;
        if client.clone().at(url).look()["state"]["game_over"] == true {
            break;
        }
    }
}

#[test]
fn a_key_that_is_repeated_on_another_server_is_done_once() {
    let Some(database) = Database::new() else { return };
    let servers: [Server; 2] = ringing(&database);
    let client = servers[0].player(1);
    std::thread::scope(|scope| {
        for at in 0..16 {
            let client = client.clone().at(&servers[at % 2].url);
            scope.spawn(move || {
                let key = format!("key {}", at / 4);
                let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
                until("an answer", || {
                    let reply = client.send("POST", &client.path("/actions"), &headers, Some(br#"{"type":"wait"}"#));
                    // Another one of the same is under way.
                    assert!(reply.status == 200 || reply.code() == "KEY_IN_PROGRESS", "{}", reply.text);
                    reply.status == 200
                });
            });
        }
    });
    assert_eq!(client.look()["revision"], 4);
    assert_eq!(client.history(), client.at(&servers[1].url).history());
}

#[test]
fn a_server_that_dies_is_not_missed() {
    let Some(database) = Database::new() else { return };
    let [one, two] = ringing(&database);
    let here = one.player(1);
    let socket = Socket::resume(&one.url, &here, "").expect("a socket");
    wait(&here);
    // Nothing is written down when it goes: as if it were killed.
    drop(socket);
    std::mem::forget(one);
    let there = here.at(&two.url);
    assert_eq!(wait(&there)["revision"], 2);
    let mut socket = Socket::resume(&two.url, &there, "&last_event_id=0-00000000").expect("a socket");
    assert_eq!(socket.act(1, &json!({"type": "wait"}))["revision"], 3);
}
