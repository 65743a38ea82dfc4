//! One flipped bit, anywhere in a folder of games of every kind, one a start: nothing is lost, or its owner is told what; nobody else is
//! hurt.
//!
//! `FLIPPED_BITS` says how many are tried (400 when not set); `scripts/flip-bits` tries ten thousand.

use std::collections::BTreeMap;

use cosmic_explorer::game::content::Difficulty;
use cosmic_explorer::game::rng::{Dice, Stream};
use cosmic_explorer::model::{BoardName, Day, PlayerId};
use cosmic_explorer::session::Services;
use cosmic_explorer::session::SessionError;
use cosmic_explorer::session::outbox::Role;
use cosmic_explorer::store::StoreError;
use serde_json::json;

use crate::play::{busy, choose_offer, digest};
use crate::server::{Client, dawn, serve, unlimited};
use crate::sim::{End, SimDisk};
use crate::voyage::{RUNTIME, open, store_on};

/// Plays until something is so, or the game is over.
fn play_until(client: &Client, policy: u64, enough: impl Fn(&serde_json::Value) -> bool) {
    let mut dice = Dice::new(policy);
    loop {
        let state = client.look()["state"].clone();
        if state["game_over"] == true || enough(&state) {
            return;
        }
        let offer = choose_offer(&state, &client.offers(), &mut dice);
        client.act(&offer["action"]);
    }
}

/// A folder with a finished game that is on the board, one in a fight, one that was loaded, one that was forked by import, one that has
/// just begun; a logout, a tombstone, and turns that only the log has. And its players.
fn folder() -> (SimDisk, Vec<PlayerId>) {
    let disk = SimDisk::new();
    let server = serve(store_on(&disk), Default::default(), unlimited());
    let mut players: Vec<Client> = (0..4).map(|_| server.client()).collect();
    players[0].begin(json!({"challenge": "daily"}));
    play_until(&players[0], 3, |_| false);
    for seed in 0.. {
        players[1].begin(json!({"seed": seed}));
        play_until(&players[1], seed, |state| !state["combat"].is_null());
        if busy(&players[1].look()["state"]) {
            break;
        }
        assert_eq!(players[1].send("DELETE", &players[1].path(""), &[], None).status, 204);
    }
    let json_body = [("content-type", "application/json")];
    let send = |client: &Client, method: &str, path: &str, body: &str| {
        let reply = client.send(method, path, &json_body, Some(body.as_bytes()));
        assert!(reply.status < 300, "{method} {path}: {}", reply.text);
        reply
    };
    players[2].begin(json!({"seed": 5}));
    play_until(&players[2], 5, |state| state["turn_count"].as_i64() > Some(8));
    let which = json!({"session_id": players[2].session}).to_string();
    send(&players[2], "PUT", "/api/slots/1", &which);
    play_until(&players[2], 6, |state| state["turn_count"].as_i64() > Some(12));
    send(&players[2], "POST", "/api/slots/1/load", &which);
    play_until(&players[2], 7, |state| state["turn_count"].as_i64() > Some(14));
    let exported = send(&players[2], "GET", "/api/slots/1/export", "").text;
    players[3].begin(json!({}));
    let which = json!({"session_id": players[3].session}).to_string();
    send(&players[3], "POST", "/api/slots/2/import", &exported);
    send(&players[3], "POST", "/api/slots/2/load", &which);
    play_until(&players[3], 8, |state| state["turn_count"].as_i64() > Some(16));
    let leaver = server.player(9);
    send(&leaver, "POST", "/api/logout", "{}");
    server.sweep();
    for client in &players[2..] {
        play_until(client, 9, |state| state["turn_count"].as_i64() > Some(18));
    }
    let owner = |client: &Client| {
        let claims = server.services.tokens.check(client.token.as_ref().expect("a token")).expect("a good token");
        claims.player().expect("a player")
    };
    let players = players.iter().map(owner).collect();
    disk.stop_at(0);
    (disk.after(End::Killed), players)
}

/// Everything that players see, by what it is.
fn view(services: &Services, players: &[PlayerId]) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    let told = |error: SessionError| match error {
        SessionError::Store(StoreError::Damaged { .. }) | SessionError::Unread { damaged: true } => "told".to_owned(),
        error => format!("error: {error}"),
    };
    for player in players {
        for listed in services.directory.list(*player) {
            let (id, summary) = (listed.id, listed.summary);
            let looked = RUNTIME.block_on(services.sessions.look(Role::Player, *player, id));
            let state = looked.map_or_else(told, |seen| {
                format!(
                    "{} {} {:?} {} {:?}",
                    seen.revision,
                    digest(&seen.game),
                    summary.meta.name,
                    summary.meta.ranked,
                    summary.meta.challenge
                )
            });
            seen.insert(format!("game {id}"), state);
            let turns = RUNTIME.block_on(services.sessions.turns(Role::Player, *player, id, 0, 10_000));
            seen.insert(format!("history {id}"), turns.map_or_else(told, |turns| format!("{turns:?}")));
        }
        for slot in 0..=4 {
            let save = RUNTIME.block_on(services.saves.read(*player, slot));
            let save = save.map_or_else(told, |save| {
                format!("{} {}", save.state.digest(&save.star_map.digest()), save.history.len())
            });
            seen.insert(format!("slot {player:?} {slot}"), save);
        }
    }
    let board = BoardName { date: Day::of(dawn()), difficulty: Difficulty::Normal };
    let board = RUNTIME.block_on(services.judge.board(board));
    seen.insert("board".to_owned(), board.map_or_else(told, |board| format!("{:?}", board.standings)));
    let tombstones = services.reporter.report().tombstones;
    seen.insert("tombstones".to_owned(), tombstones.to_string());
    seen
}

#[test]
fn a_flipped_bit_costs_nothing_or_is_told() {
    let bits: u64 = std::env::var("FLIPPED_BITS").map_or(400, |bits| bits.parse().expect("FLIPPED_BITS is a number"));
    let (disk, players) = folder();
    let whole = view(&open(&disk.after(End::Killed)).expect("services"), &players);
    assert!(whole.len() > 20 && !whole.values().any(|seen| seen == "told"), "{whole:#?}");
    let sizes: Vec<_> =
        disk.names().into_iter().map(|name| (disk.size(&name), name)).filter(|(size, _)| *size > 0).collect();
    let (mut dice, mut hit, mut lost) = (Dice::new(1), BTreeMap::new(), Vec::new());
    for number in 0..bits {
        let mut draws = dice.stream(Stream::Events);
        // Every file as often as another: most bytes are those of the content.
        let (size, name) = &sizes[(number % sizes.len() as u64) as usize];
        let bit = draws.below(8 * *size as u64) as usize;
        let what = format!("{name} of {size} bytes, bit {bit}");
        let disk = disk.after(End::Killed);
        disk.damage(name, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        let services = open(&disk).unwrap_or_else(|error| panic!("{what}: it does not start: {error}"));
        let mut seen = view(&services, &players);
        if seen.get("tombstones") != whole.get("tombstones") && name == "tombstones.jsonl" {
            panic!("{what}: a tombstone is gone");
        }
        let differs: Vec<_> = whole.iter().filter(|(key, value)| seen.remove(*key).as_ref() != Some(*value)).collect();
        for (key, _) in &differs {
            let now = view(&services, &players).remove(*key);
            let own = name.split(['_', '.']).any(|part| part.len() > 30 && key.contains(part));
            let (was, now) = (&whole[*key], now.unwrap_or_default());
            let same = was.bytes().zip(now.bytes()).take_while(|(a, b)| a == b).count();
            let from = |text: &str| text.chars().skip(same.saturating_sub(80)).take(400).collect::<String>();
            assert!(own && now == "told", "{what}: {key} was …{}… and is …{}…", from(was), from(&now));
        }
        if !differs.is_empty() {
            lost.push(what);
        }
        *hit.entry(name.chars().take(8).collect::<String>()).or_insert(0) += 1;
    }
    println!("{bits} bits in {hit:?}: nothing lost in {}, told in {}: {lost:#?}", bits - lost.len() as u64, lost.len());
    assert!(lost.len() as u64 * 100 <= bits, "{lost:#?}");
}
