//! A database with a standby: what a synchronous one keeps when it takes over, that a wait for it which is cut is no answer, and what
//! is told of turns that an asynchronous one never had.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cosmic_explorer::game::rng::Dice;
use cosmic_explorer::store::postgres;
use serde_json::json;

use crate::binary::start;
use crate::cluster::{Cluster, Database};
use crate::crash::{CLIENTS, Player, Shared, check, configured};
use crate::patience::{Stop, until};
use crate::server::{Client, Reply, Server};
use crate::wire::Socket;

/// Waits until a standby follows.
fn wait_for_standby(database: &Database, sync_state: &str) {
    until("the standby", || database.say("SELECT sync_state FROM pg_stat_replication") == sync_state);
}

fn promote(standby: &Cluster) {
    // It shall not wait for a standby of its own.
    standby.say("SELECT pg_promote()");
    standby.set("synchronous_standby_names", "");
}

#[test]
fn a_synchronous_standby_that_takes_over_has_every_answered_turn() {
    let Some(database) = Database::alone() else { return };
    let standby = database.cluster().standby();
    database.cluster().set("synchronous_standby_names", "*");
    wait_for_standby(&database, "sync");
    let nodes: Vec<_> = (0..2)
        .map(|_| {
            let mut command = configured(Path::new("unused"));
            command.env("COSMIC_DATABASE__URL", database.url_with(standby));
            command.env("COSMIC_DATABASE__ALLOW_UNSAFE", "true").env("COSMIC_DATABASE__REQUIRE_SYNC", "true");
            start(command)
        })
        .collect();
    let urls: Vec<_> = nodes.iter().map(|node| node.url.clone()).collect();
    assert_eq!(Client::new(&urls[0]).get("/ready").status, 200);
    let shared = Shared::new(false, urls.clone());
    let players: Vec<_> = std::thread::scope(|scope| {
        let stop = Stop(&shared.stop);
        let shared = &shared;
        let players: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (client, dice) = (Client::new(""), Dice::new(number));
                let (books, listener) = (BTreeMap::new(), None);
                let mut player = Player { shared, client, dice, keys: true, daily: false, listener, books };
                scope.spawn(move || {
                    player.play();
                    (player.client, player.books)
                })
            })
            .collect();
        let more = |count: u64| {
            let before = shared.answers.load(Ordering::Relaxed);
            until("answers", || shared.answers.load(Ordering::Relaxed) >= before + count);
        };
        more(500);
        database.cluster().die();
        promote(standby);
        more(500);
        drop(stop);
        players.into_iter().map(|player| player.join().expect("a player")).collect()
    });
    for (client, books) in &players {
        for (session, book) in books {
            for url in &urls {
                let client = client.clone().at(url).with_session(session);
                check(&client, book).unwrap_or_else(|problem| panic!("session {session} at {url}: {problem}"));
            }
        }
    }
    // Whoever asks for a standby is told that there is none now.
    until("the server to miss a standby", || Client::new(&urls[0]).get("/ready").status == 503);
}

/// A server whose calls end soon.
fn node(settings: postgres::Settings) -> Server {
    crate::nodes::node(postgres::Settings { timeout: Duration::from_secs(2), ..settings })
}

fn act_under(client: &Client, key: &str) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send("POST", &client.path("/actions"), &headers, Some(br#"{"type":"wait"}"#))
}

#[test]
fn a_wait_for_a_standby_that_is_cut_answers_nothing() {
    let Some(database) = Database::alone() else { return };
    let [one, two] = [node(database.settings()), node(database.settings())];
    let here = one.player(1);
    let there = here.clone().at(&two.url);
    until("the first turn", || act_under(&here, "first").status == 200);
    for (cut, key) in [("pg_terminate_backend", "ended"), ("pg_cancel_backend", "cancelled")] {
        let before = here.look()["revision"].as_u64().expect("a number");
        database.cluster().set("synchronous_standby_names", "missing");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stop = Stop(&done);
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    database.say(&format!("SELECT {cut}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"));
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            // It is there and to be seen, and on no standby: here and on the other server it is no answer.
            for client in [&here, &there, &here] {
                let refused = act_under(client, key);
                assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_UNAVAILABLE"), "{}", refused.text);
            }
            drop(stop);
        });
        assert_eq!(database.say("SELECT max(revision) FROM turns"), (before + 1).to_string(), "{cut}");
        database.cluster().set("synchronous_standby_names", "");
        until("the standby not to be waited for", || act_under(&there, key).status == 200);
        assert_eq!(act_under(&here, key).json()["revision"], before + 1);
    }
    assert_eq!(here.history().len(), 3);
    assert_eq!(here.history(), there.history());
}

#[test]
fn what_an_asynchronous_standby_never_had_is_told_and_nothing_forks() {
    let Some(database) = Database::alone() else { return };
    let standby = database.cluster().standby();
    let settings = postgres::Settings { url: database.url_with(standby), ..database.settings() };
    let server = node(settings);
    let client = server.player(1);
    act_under(&client, "1");
    wait_for_standby(&database, "async");
    let there = |sql: &str| standby.on(&database, sql);
    until("the standby to have the turn", || there("SELECT max(revision) FROM turns") == "1");
    standby.set("primary_conninfo", "");
    until("the standby to hear no more", || there("SELECT count(*) FROM pg_stat_wal_receiver") == "0");
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    for key in ["2", "3", "4"] {
        assert_eq!(act_under(&client, key).status, 200);
    }
    while socket.turns.len() < 3 {
        socket.read().expect("a turn");
    }
    database.cluster().die();
    promote(standby);
    // What it was told is not what has happened: it is sent away, and told so when it comes back.
    socket.wait_for_close();
    let back = format!("&last_event_id={}&takeover=true", socket.last());
    let mut next = None;
    until("a connection", || {
        next = Socket::try_resume(&server.url, &client, &back);
        next.is_some()
    });
    let next = next.expect("a connection");
    assert_eq!((&next.hello["recovered"], &next.hello["revision"]), (&json!(false), &json!(1)), "{}", next.hello);
    // Other turns get the numbers, each once.
    for (key, revision) in [("other 2", 2), ("other 3", 3)] {
        until("the standby to take turns", || act_under(&client, key).status == 200);
        assert_eq!(act_under(&client, key).json()["revision"], revision);
    }
    assert_eq!(client.history().len(), 3);
    assert_eq!(there("SELECT count(*) FROM turns"), "3");
}
