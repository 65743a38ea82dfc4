//! The daily challenge and permadeath: one seed a day for all, which nobody is told before the day is over; and boards, on which
//! a game stands once, if it was played as it says, whatever happens to the server or to its files.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cosmic_explorer::api;
use cosmic_explorer::game::action::Action;
use cosmic_explorer::game::content::{Difficulty, built_in};
use cosmic_explorer::game::rng::Dice;
use cosmic_explorer::game::rules::apply;
use cosmic_explorer::model::{BoardName, Day, SessionId, Verdict};
use cosmic_explorer::session::clock::ManualClock;
use cosmic_explorer::session::game_session::{Command, Expected};
use cosmic_explorer::session::sessions::NewGame;
use cosmic_explorer::session::{Parts, Services};
use cosmic_explorer::session::{SessionError, Settings};
use cosmic_explorer::store::{StoreError, folder};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::play::{CONTENT, choose_offer, decide};
use crate::server::{Client, Server, dawn, edit, start, start_at, start_in, start_with, unlimited};
use crate::sim::{End, Fault, SimDisk};
use crate::voyage::{PLAYER, RUNTIME, STORE};

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
    if crate::cluster::not_on_files() {
        return;
    }
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
    let store = crate::server::open(folder.path(), Default::default()).store;
    RUNTIME.block_on(store.rotate_key(|| [9; 32])).expect("a new key");
    drop(store);
    let after: Value = serde_json::from_str(&keys()).expect("JSON");
    assert!(before["challenge"].is_string() && before["current"] != after["current"]);
    assert_eq!(before["challenge"], after["challenge"]);
    let server = start_in(folder.path(), Default::default(), unlimited());
    // This one's clock is set back to the morning, and must hold for an hour.
    server.clock.advance(3600);
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
    if crate::cluster::not_on_files() {
        return;
    }
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
        assert_eq!(refused.header("retry-after"), (16 * 3600 - 9).to_string());
    }
    server.clock.advance(16 * 3600 - 11);
    hidden(&client);
    server.clock.advance(1);
    let replay = client.get(&client.path("/turns?format=replay"));
    assert_eq!((replay.status, replay.json()["seed"].to_string()), (200, seed.clone()));
    assert_eq!(client.look()["state"].get("seed"), None, "the state changes with the revision only");
    assert_eq!(put(&client, 1).status, 200);
    let texts: BTreeSet<_> = everything(&client).into_iter().filter(|(_, _, text)| text.contains(&seed)).collect();
    assert_eq!(texts.len(), 2, "the replay and the exported file");
}

/// A page of a board.
fn board(client: &Client, query: &str) -> Value {
    let reply = client.get(&format!("/api/leaderboard{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn entries(client: &Client) -> Vec<Value> {
    board(client, &format!("?date={TODAY}"))["entries"].as_array().expect("entries").clone()
}

/// What became of a session's game.
fn verdict(client: &Client) -> Value {
    // Who looks at a board waits for it.
    client.get("/api/challenge");
    let sessions = client.get("/api/sessions").json()["sessions"].clone();
    let own =
        sessions.as_array().expect("a list").iter().find(|session| session["session_id"] == client.session.as_str());
    own.expect("it is listed")["challenge"]["verdict"].clone()
}

/// Tries to begin the day once more.
fn again(client: &Client, difficulty: &str) -> crate::server::Reply {
    client.post("/api/sessions", &json!({"challenge": "daily", "difficulty": difficulty}))
}

/// That the day cannot be begun again, and what is said of it.
fn begun(client: &Client) {
    for difficulty in ["easy", "normal", "hard"] {
        let refused = again(client, difficulty);
        assert_eq!((refused.status, refused.code().as_str()), (409, "CHALLENGE_BEGUN"), "{difficulty}");
        assert_eq!(refused.json()["session_id"], client.session.as_str());
        assert_eq!(refused.json()["ends_at"], "2027-01-16T00:00:00Z");
        assert!(refused.header("retry-after").parse::<i64>().is_ok_and(|wait| wait > 0));
    }
}

#[test]
fn a_finished_game_counts_under_the_name_it_has_then() {
    let (_folder, server) = start();
    let stranger = server.client();
    let day = stranger.get("/api/challenge").json();
    assert_eq!((&day["date"], &day["ends_at"]), (&json!(TODAY), &json!("2027-01-16T00:00:00Z")));
    assert_eq!(day["difficulties"][2]["difficulty"], "hard");
    assert!(day["difficulties"][2]["goal"].as_i64() > day["difficulties"][0]["goal"].as_i64());
    assert_eq!(day["yesterday"]["date"], "2027-01-14");
    assert!(day["yesterday"]["seed"].is_u64() && day.get("seed").is_none());

    // One of another seed does not count.
    let mut ann = server.client();
    ann.begin(json!({}));
    finish(&ann, 1);
    assert_eq!(entries(&ann), Vec::<Value>::new());
    ann.begin(json!({"challenge": "daily", "name": " Ann\u{202e}  A. "}));
    assert_eq!(verdict(&ann), Value::Null);
    let end = finish(&ann, 1);
    let standing = entries(&ann)[0].clone();
    assert_eq!((&standing["name"], &standing["rank"], &standing["yours"]), (&json!("Ann A."), &json!(1), &json!(true)));
    assert_eq!((&standing["wealth"], &standing["end"]), (&end["player_stats"]["wealth"], &end["end"]));
    assert_eq!((&standing["turn_count"], &standing["victory"]), (&end["turn_count"], &end["victory"]));
    assert_eq!(standing["revision"], ann.history().len());
    assert_eq!((&standing["permadeath"], &standing["verified"]), (&json!(true), &json!(true)));
    assert_eq!(verdict(&ann), "counted");
    // Its name on the board is the one it had.
    let renamed = json!({"name": "Other"}).to_string();
    ann.send("PATCH", &ann.path(""), &[("content-type", "application/json")], Some(renamed.as_bytes()));
    assert_eq!(entries(&ann), [standing]);
    let mut hard = server.client();
    hard.begin(json!({"challenge": "daily", "difficulty": "hard"}));
    finish(&hard, 3);
    assert_eq!(board(&ann, "?difficulty=hard")["total"], 1, "each difficulty has a board");

    let bob = challenger(&server, "Bob");
    finish(&bob, 5);
    let both = board(&bob, "");
    assert_eq!((&both["total"], &both["next_after"]), (&json!(2), &Value::Null));
    let rank = both["your_rank"].as_u64().expect("a rank");
    for standing in both["entries"].as_array().expect("entries") {
        assert_eq!(standing["yours"], standing["rank"] == rank);
    }
    let seen = board(&stranger, "");
    assert!(seen.get("your_rank").is_none() && seen["entries"][0]["yours"] == false);
    for secret in [&ann.session, &bob.session, &hard.session] {
        assert!(!seen.to_string().contains(secret.as_str()));
    }
    let counts = stranger.get("/stats").json()["challenge"].clone();
    assert_eq!(counts, json!({"boards": 2, "due": 0, "entries": 3, "refused": 0}));
    let watcher = ann.post(&ann.path("/observers"), &json!({})).json();
    let watcher = ann.with_token(watcher["token"].as_str().map(str::to_owned));
    assert_eq!(watcher.get(&watcher.path("/turns?format=replay")).code(), "CHALLENGE_RUNNING");
}

#[test]
fn what_ends_after_its_day_does_not_count_and_the_day_after_everything_is_told() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let [ann, bob, cid] = ["Ann", "Bob", "Cid"].map(|name| challenger(&server, name));
    finish(&ann, 1);
    let replay = format!("/api/leaderboard/{TODAY}/normal/1/replay");
    server.clock.advance(16 * 3600 - 1);
    finish(&bob, 2);
    let refused = ann.get(&replay);
    assert_eq!((refused.status, refused.code().as_str()), (409, "CHALLENGE_RUNNING"));
    assert!(board(&ann, "").get("seed").is_none());
    server.clock.advance(1);
    finish(&cid, 3);
    let stranger = server.client();
    assert_eq!(board(&stranger, "")["total"], 0, "today is another day");
    let told = board(&stranger, &format!("?date={TODAY}"));
    assert_eq!(told["total"], 2);
    assert_eq!((verdict(&bob), verdict(&cid)), (json!("counted"), json!("late")));
    let day = stranger.get("/api/challenge").json();
    assert_eq!((&day["yesterday"]["date"], &day["yesterday"]["seed"]), (&json!(TODAY), &told["seed"]));

    // A deletion takes nothing from the board.
    assert_eq!(ann.send("DELETE", &ann.path(""), &[], None).status, 204);
    for rank in 1..=2 {
        let file = stranger.get(&replay.replace("/1/", &format!("/{rank}/")));
        assert_eq!(file.status, 200, "{}", file.text);
        assert_eq!(file.json()["seed"], told["seed"]);
        let path = folder.path().join("replay.json");
        std::fs::write(&path, &file.text).expect("a file");
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
        let program = crate::patience::output(program.arg("replay").arg(&path));
        let said = String::from_utf8_lossy(&program.stdout).into_owned();
        assert!(program.status.success() && said.contains("every one as it was played"), "{said}");
        for secret in [&ann.session, &bob.session] {
            assert!(!file.text.contains(secret.as_str()));
        }
    }
    for (path, code) in [
        (format!("/api/leaderboard/{TODAY}/normal/3/replay"), "ENTRY_NOT_FOUND"),
        (format!("/api/leaderboard/{TODAY}/normal/0/replay"), "ENTRY_NOT_FOUND"),
        (format!("/api/leaderboard/{TODAY}/normal/first/replay"), "ENTRY_NOT_FOUND"),
        (format!("/api/leaderboard/{TODAY}/mad/1/replay"), "BOARD_NOT_FOUND"),
        ("/api/leaderboard/2027-02-30/normal/1/replay".to_owned(), "BOARD_NOT_FOUND"),
        ("/api/leaderboard/2027-01-17/normal/1/replay".to_owned(), "BOARD_NOT_FOUND"),
        ("/api/leaderboard?date=2027-01-17".to_owned(), "BOARD_NOT_FOUND"),
        ("/api/leaderboard?date=2025-01-17".to_owned(), "BOARD_NOT_FOUND"),
        ("/api/leaderboard?date=yesterday".to_owned(), "BAD_QUERY"),
        ("/api/leaderboard?difficulty=mad".to_owned(), "BAD_QUERY"),
        ("/api/leaderboard?limit=0".to_owned(), "BAD_QUERY"),
        ("/api/leaderboard?limit=101".to_owned(), "BAD_QUERY"),
        ("/api/leaderboard?after=-1".to_owned(), "BAD_QUERY"),
        ("/api/leaderboard?player=1".to_owned(), "BAD_QUERY"),
    ] {
        let reply = stranger.get(&path);
        assert_eq!(reply.code(), code, "{path}");
    }
    // Kept for so long, and then no more.
    let file = folder.path().join(format!("leaderboard_{TODAY}_normal.jsonl"));
    server.clock.advance(399 * DAY);
    server.sweep();
    assert!(file.exists() && entries(&stranger).len() == 2);
    server.clock.advance(DAY);
    server.sweep();
    assert!(!file.exists());
    assert_eq!(stranger.get(&format!("/api/leaderboard?date={TODAY}")).code(), "BOARD_NOT_FOUND");
}

#[test]
fn a_board_comes_in_pages_and_has_a_bound() {
    if crate::cluster::not_on_files() {
        return;
    }
    let settings = Settings { board_entries: 4, ..Settings::default() };
    let (folder, server) = start_with(settings, unlimited());
    // The last ones are pushed out, or do not come in; the file is rewritten now and then.
    let mut scores = Vec::new();
    for game in 0..24 {
        let player = challenger(&server, &format!("Player {game}"));
        finish(&player, game);
        let page = board(&player, "");
        let rank = page["your_rank"].as_u64();
        assert_eq!(verdict(&player), if rank.is_some() { "counted" } else { "too_low" });
        assert_eq!(page["total"].as_u64(), Some(4.min(game + 1)));
        let standings = page["entries"].as_array().expect("entries").clone();
        let shown: Vec<_> = standings.iter().map(|standing| standing["score"].as_u64().expect("a score")).collect();
        assert!(shown.is_sorted_by(|a, b| a >= b));
        match rank {
            Some(rank) => scores.push(shown[rank as usize - 1]),
            None => assert!(scores.len() >= 4),
        }
        scores.sort_by_key(|score| std::cmp::Reverse(*score));
        scores.truncate(4);
        assert_eq!(shown, scores);
    }
    let client = server.client();
    let whole = board(&client, "");
    let (mut paged, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let page = board(&client, &format!("?after={after}&limit=3"));
        paged.extend(page["entries"].as_array().expect("entries").clone());
        after = page["next_after"].clone();
    }
    assert_eq!(whole["entries"], json!(paged));
    assert_eq!(board(&client, "?after=18446744073709551615")["entries"], json!([]));
    let file = folder.path().join(format!("leaderboard_{TODAY}_normal.jsonl"));
    let lines = std::fs::read_to_string(&file).expect("a board").lines().filter(|line| !line.is_empty()).count();
    assert!((4..=15).contains(&lines), "{lines}");
    server.stop();
    let server = start_in(folder.path(), settings, unlimited());
    assert_eq!(board(&server.client(), "")["entries"], whole["entries"]);
}

#[test]
fn a_game_that_is_deleted_at_its_end_counts_all_the_same() {
    let (_folder, server) = start();
    let client = challenger(&server, "Ann");
    finish(&client, 1);
    assert_eq!(client.send("DELETE", &client.path(""), &[], None).status, 204);
    let standing = entries(&client)[0].clone();
    begun(&client);
    assert_eq!(entries(&client), [standing]);
}

#[test]
fn the_day_cannot_be_tried_out() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let [ann, bob, cid] = ["Ann", "Bob", "Cid"].map(|name| challenger(&server, name));
    assert_eq!(ann.get("/api/challenge").json()["begun"], ann.session.as_str());
    finish(&bob, 1);
    cid.act(&json!({"type": "wait"}));
    // As long as it goes on, when it is over, and when it was given up; over every restart, also one that was not told of.
    assert_eq!(cid.send("DELETE", &cid.path(""), &[], None).status, 204);
    [&ann, &bob, &cid].into_iter().for_each(begun);
    assert!(again(&cid, "easy").json()["detail"].as_str().expect("a detail").contains("the game is gone"));
    assert!(again(&ann, "easy").json()["detail"].as_str().expect("a detail").contains(&ann.session));
    let copy = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(folder.path()).expect("a folder") {
        let file = file.expect("a file").path();
        std::fs::copy(&file, copy.path().join(file.file_name().expect("a name"))).expect("a copy");
    }
    server.stop();
    for saves in [folder.path(), copy.path()] {
        let server = start_in(saves, Default::default(), unlimited());
        [&ann, &bob, &cid].into_iter().for_each(|client| begun(&client.clone().at(&server.url)));
        // Nor by a socket, a save, or the end of all tokens.
        let cid = cid.clone().at(&server.url);
        let socket = crate::wire::Socket::open(&server.url, "", cid.token.as_deref()).expect("a socket");
        assert_eq!(socket.hello["state"]["challenge"], Value::Null);
        // A sweep, and a day of which nobody knows, and it is still the same day.
        server.sweep();
        server.clock.step(-DAY);
        server.clock.advance(7200);
        server.sweep();
        server.clock.step(DAY - 7200);
        server.sweep();
        server.clock.advance(3600);
        server.sweep();
        [&ann, &bob, &cid].into_iter().for_each(|client| begun(&client.clone().at(&server.url)));
        server.stop();
    }
}

#[test]
fn of_two_beginnings_at_once_one_counts() {
    let (_folder, server) = start();
    for round in 0..10 {
        let client = server.player(round);
        let mut statuses = std::thread::scope(|scope| {
            let tries = ["easy", "hard"].map(|difficulty| {
                scope.spawn({
                    let client = &client;
                    move || again(client, difficulty).status
                })
            });
            tries.map(|one| one.join().expect("an answer"))
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
}

#[test]
fn a_list_of_beginnings_goes_when_its_day_is_long_over_and_the_day_is_closed_then() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let ann = challenger(&server, "Ann");
    let file = folder.path().join(format!("challenge_{TODAY}.jsonl"));
    server.clock.advance(2 * DAY - 1);
    server.sweep();
    assert!(file.exists());
    server.clock.advance(1);
    server.sweep();
    assert!(!file.exists());
    server.clock.step(-2 * DAY);
    assert_eq!((again(&ann, "easy").status, again(&ann, "easy").code().as_str()), (503, "CLOCK_UNSETTLED"));
    server.clock.advance(3600);
    for client in [&ann, &server.client()] {
        let refused = again(client, "easy");
        assert_eq!((refused.status, refused.code().as_str()), (409, "CHALLENGE_CLOSED"));
    }
    finish(&ann, 1);
    assert_eq!(verdict(&ann), "late");
}

#[test]
fn who_makes_players_begins_the_day_a_few_times_and_others_are_not_counted() {
    let (_folder, server) = start_with(Settings::default(), api::Settings { challenges_per_day: 3, ..unlimited() });
    let old = server.player(1);
    server.clock.advance(DAY);
    for _ in 0..3 {
        assert_eq!(again(&server.client(), "easy").status, 201);
    }
    // Not by a detour either.
    for stranger in [server.client(), server.player(2)] {
        let refused = again(&stranger, "easy");
        assert_eq!((refused.status, refused.code().as_str()), (429, "TOO_MANY_CHALLENGES"));
        let wait = refused.header("retry-after").parse::<i64>().expect("seconds");
        assert!((8 * 3600 - 60..=8 * 3600).contains(&wait), "{wait}");
    }
    assert_eq!(again(&old, "easy").status, 201, "who has played before is not new");
    assert_eq!(again(&old, "easy").status, 409);
    server.clock.advance(8 * 3600);
    assert_eq!(again(&server.client(), "easy").status, 201);
}

#[test]
fn a_clock_that_was_set_waits_for_an_hour_before_days_are_believed() {
    for by in [100 * DAY, 500 * DAY, -3600, -1800, 301, -301, -57 * 365 * DAY] {
        let (folder, server) = start();
        let ann = challenger(&server, "Ann");
        let stranger = server.client();
        let yesterday = || stranger.get("/api/challenge").json()["yesterday"]["seed"].clone();
        assert!(yesterday().is_u64());
        server.clock.step(by);
        let unsettled = |stranger: &Client| {
            let refused = again(stranger, "easy");
            assert_eq!((refused.status, refused.code().as_str()), (503, "CLOCK_UNSETTLED"), "{by}");
            let wait: i64 = refused.header("retry-after").parse().expect("seconds");
            assert!((1..=3600).contains(&wait), "{wait}");
        };
        unsettled(&stranger);
        let clock = server.client().get("/stats").json()["clock"].clone();
        assert_eq!(
            (&clock["jumps"], &clock["last_jump_secs"], &clock["unsettled_secs"]),
            (&json!(1), &json!(by), &json!(3600))
        );
        if by > 0 {
            // What is no day yet, as far as anybody knows, is not told.
            assert_eq!(yesterday(), if by > DAY { Value::Null } else { yesterday() });
            // Of a day that is too long ago, by this clock, there is no board.
            if by == 100 * DAY {
                let told = board(&stranger, &format!("?date={TODAY}"));
                assert!(told.get("seed").is_none(), "{told}");
            }
            finish(&ann, 1);
            if by > DAY {
                assert_eq!(ann.get(&ann.path("/turns?format=replay")).code(), "CLOCK_UNSETTLED");
            }
        }
        // It stays so over a restart; and is over when the clock has held.
        server.clock.advance(1800);
        server.sweep();
        assert_eq!(server.stop(), 0);
        let server = start_at(folder.path(), dawn() + SignedDuration::from_secs(by + 1800));
        let stranger = stranger.at(&server.url);
        unsettled(&stranger);
        server.clock.advance(1800);
        if by > -DAY {
            assert_eq!(again(&stranger, "easy").status, 201, "{by}");
        } else {
            // A clock that shows a time before this program was made was never set.
            unsettled(&stranger);
        }
    }
}

#[test]
fn a_day_whose_seed_was_told_while_the_clock_was_ahead_is_played_by_nobody() {
    let (folder, server) = start();
    let [ann, bob] = ["Ann", "Bob"].map(|name| challenger(&server, name));
    finish(&bob, 1);
    server.clock.step(DAY);
    server.sweep();
    server.clock.advance(3600);
    let told = board(&server.client(), &format!("?date={TODAY}"));
    assert!(told["seed"].is_u64() && told["total"] == 1, "what had ended before counts");
    server.clock.step(-DAY);
    server.sweep();
    server.clock.advance(3600);
    finish(&ann, 2);
    assert_eq!((verdict(&ann), verdict(&bob)), (json!("late"), json!("counted")));
    let closed = |server: &Server| {
        let refused = again(&server.client(), "hard");
        assert_eq!((refused.status, refused.code().as_str()), (409, "CHALLENGE_CLOSED"));
        assert_eq!(refused.json()["ends_at"], "2027-01-16T00:00:00Z");
    };
    closed(&server);
    server.stop();
    let server = start_at(folder.path(), dawn() + SignedDuration::from_secs(7200));
    closed(&server);
    server.clock.advance(DAY);
    assert_eq!(again(&server.client(), "hard").status, 201, "the next day is as any other");
}

/// Folders of before a day could be begun once have players with several games of it.
#[test]
fn of_two_games_of_a_player_the_first_that_is_finished_counts() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let ann = challenger(&server, "Ann");
    let mut other = ann.clone();
    other.begin(json!({"permadeath": true}));
    assert_eq!(server.stop(), 0);
    edit(folder.path(), &other.session, |text| {
        let mark = format!("\"challenge\": {{\"date\": \"{TODAY}\"}}, \"rules\":");
        text.replacen("\"rules\":", &mark, 1)
    });
    let server = start_in(folder.path(), Default::default(), unlimited());
    let (ann, other) = (ann.at(&server.url), other.at(&server.url));
    finish(&ann, 1);
    assert_eq!(verdict(&ann), "counted");
    finish(&other, 2);
    assert_eq!(verdict(&other), "not_first");
    assert_eq!(entries(&ann).len(), 1);
    begun(&ann);
}

fn name() -> BoardName {
    BoardName { date: Day::of(dawn()), difficulty: Difficulty::Normal }
}

/// Services whose seed of the day is always the same.
fn open(disk: &SimDisk) -> Result<Services, StoreError> {
    let _inside = RUNTIME.enter();
    let opened = folder::open_on(Arc::new(disk.clone()), STORE)?;
    RUNTIME.block_on(Services::open(Parts {
        opened,
        files: built_in(),
        content: CONTENT.clone(),
        clock: Arc::new(ManualClock::at(dawn())),
        seeds: Box::new(|| 9),
        key: || [7; 32],
        settings: Settings::default(),
    }))
}

/// A disk with a game of the challenge that one action will end, and that action.
fn last_turn() -> (SimDisk, SessionId, Action) {
    let disk = SimDisk::new();
    let services = open(&disk).expect("services");
    let asked = NewGame { daily: true, ..NewGame::default() };
    let created = RUNTIME.block_on(services.sessions.create(PLAYER, asked, None)).expect("a game");
    let (id, mut game, mut dice) = (created.snapshot.id, (*created.snapshot.game).clone(), Dice::new(1));
    loop {
        let (action, _) = decide(&game, &mut dice);
        let (next, _) = apply(&game, &CONTENT, &action).expect("it is offered");
        if next.end.is_some() {
            disk.stop_at(0);
            return (disk.after(End::PowerCut), id, action);
        }
        game = next;
        act(&services, id, &action).expect("nothing fails");
        if game.turn % 10 == 0 {
            // Its log is small.
            RUNTIME.block_on(services.sweeper.sweep());
        }
    }
}

fn act(services: &Services, id: SessionId, action: &Action) -> Result<(), SessionError> {
    let command = Command { action: action.clone(), expected: Default::default(), key: None, nonce: None };
    RUNTIME.block_on(services.sessions.act(PLAYER, id, command)).map(drop)
}

fn finished(services: &Services) -> bool {
    services.directory.list(PLAYER)[0].summary.end.is_some()
}

/// Whether the game stands on the board once, and knows it; where it has not ended, it is ended first.
fn stands(services: &Services, id: SessionId, action: &Action) -> Result<(), String> {
    if !finished(services) {
        act(services, id, action).map_err(|error| format!("ending it: {error}"))?;
    }
    let board = RUNTIME.block_on(services.judge.board(name())).map_err(|error| error.to_string())?;
    let own: Vec<_> = board.standings.iter().map(|standing| standing.claim.session_id).collect();
    let verdict = services.directory.list(PLAYER)[0].summary.meta.challenge.and_then(|challenge| challenge.verdict);
    if own == [id.0] && verdict == Some(Verdict::Counted) { Ok(()) } else { Err(format!("{own:?}, {verdict:?}")) }
}

/// Ends the game, looks at the board, and writes everything down; until something fails. Whether the game's end was answered.
fn end_it(disk: &SimDisk, id: SessionId, action: &Action) -> bool {
    let Ok(services) = open(disk) else { return false };
    let answered = act(&services, id, action).is_ok();
    drop(RUNTIME.block_on(services.judge.board(name())));
    RUNTIME.block_on(services.sweeper.sweep());
    answered
}

#[test]
fn a_game_counts_once_whenever_the_server_is_killed_or_the_power_fails() {
    let (before, id, action) = last_turn();
    let ends = [End::Killed, End::PowerCut, End::Torn(1), End::Torn(2)];
    let whole = {
        let disk = before.after(End::Killed);
        assert!(end_it(&disk, id, &action));
        disk.count()
    };
    let mut cut = 0;
    for op in 0..whole {
        let disk = before.after(End::Killed);
        disk.stop_at(op);
        let answered = end_it(&disk, id, &action);
        disk.stop_at(0);
        for end in ends {
            let next = disk.after(end);
            let services = open(&next).expect("it starts");
            let what = format!("stopped before {op} of {whole}, {end:?}");
            assert!(!answered || finished(&services), "{what}: the turn is lost");
            cut += usize::from(answered);
            stands(&services, id, &action).unwrap_or_else(|problem| panic!("{what}: {problem}"));
            // What was found is there for good.
            RUNTIME.block_on(services.sweeper.sweep());
            next.stop_at(0);
            drop(services);
            for end in ends {
                let services = open(&next.after(end)).expect("it starts");
                let found = stands(&services, id, &action);
                found.unwrap_or_else(|problem| panic!("{what}, then {end:?}: {problem}"));
            }
        }
    }
    assert!(cut > 20, "it was stopped between the last turn and its entry");
}

#[test]
fn a_disk_that_fails_once_costs_no_entry() {
    let (before, id, action) = last_turn();
    for fault in [Fault::Refused, Fault::Lied] {
        for at in 0.. {
            let disk = before.after(End::Killed);
            let services = open(&disk).expect("services");
            let (first, failed) = (disk.count(), Arc::new(AtomicBool::new(false)));
            let told = failed.clone();
            disk.plan(Some(Box::new(move |_, number| {
                let fails = number == first + at;
                told.fetch_or(fails, Ordering::Relaxed);
                fails.then_some(fault)
            })));
            drop(act(&services, id, &action));
            drop(RUNTIME.block_on(services.judge.board(name())));
            RUNTIME.block_on(services.sweeper.sweep());
            stands(&services, id, &action).unwrap_or_else(|problem| panic!("{at} {fault:?}: {problem}"));
            disk.stop_at(0);
            let services = open(&disk.after(End::PowerCut)).expect("it starts");
            stands(&services, id, &action).unwrap_or_else(|problem| panic!("{at} {fault:?}, restarted: {problem}"));
            if !failed.load(Ordering::Relaxed) {
                assert!(at > 5);
                break;
            }
        }
    }
}

#[test]
fn a_game_that_is_deleted_before_anybody_looks_at_its_end_counts() {
    let (before, id, action) = last_turn();
    for _ in 0..10 {
        let disk = before.after(End::Killed);
        let services = open(&disk).expect("services");
        act(&services, id, &action).expect("nothing fails");
        RUNTIME.block_on(services.sessions.delete(PLAYER, id, Default::default())).expect("it goes");
        disk.stop_at(0);
        let services = open(&disk.after(End::PowerCut)).expect("it starts");
        let board = RUNTIME.block_on(services.judge.board(name())).expect("a board");
        assert_eq!((board.standings.len(), services.directory.list(PLAYER).len()), (1, 0));
    }
}

fn begin(services: &Services) -> Result<SessionId, SessionError> {
    let asked = NewGame { daily: true, ..NewGame::default() };
    RUNTIME.block_on(services.sessions.create(PLAYER, asked, None)).map(|created| created.snapshot.id)
}

/// That the player has begun the day with the only game he has; which begins now where none has begun it.
fn begun_once(services: &Services, answered: Option<SessionId>) -> Result<(), String> {
    let own: Vec<_> = services.directory.list(PLAYER).iter().map(|listed| listed.id).collect();
    match (own.as_slice(), begin(services)) {
        ([], Ok(_)) if answered.is_none() => Ok(()),
        ([id], Err(SessionError::ChallengeBegun { session, there: true, .. })) if *id == session => {
            if answered.is_none_or(|answered| answered == session) { Ok(()) } else { Err("another game".to_owned()) }
        }
        (own, tried) => Err(format!("answered {answered:?}, has {own:?}, and again {tried:?}")),
    }
}

#[test]
fn a_day_is_begun_once_whenever_the_server_is_killed_or_the_power_fails() {
    let before = SimDisk::new();
    drop(open(&before).expect("services"));
    before.stop_at(0);
    let whole = {
        let disk = before.after(End::Killed);
        begin(&open(&disk).expect("services")).expect("a game");
        disk.count()
    };
    let mut cut = 0;
    for op in 0..=whole {
        let disk = before.after(End::Killed);
        disk.stop_at(op);
        let answered = open(&disk).ok().and_then(|services| begin(&services).ok());
        cut += usize::from(answered.is_none());
        disk.stop_at(0);
        for end in [End::Killed, End::PowerCut, End::Torn(1), End::Torn(2)] {
            let next = disk.after(end);
            let services = open(&next).expect("it starts");
            let what = format!("stopped before {op} of {whole}, {end:?}");
            begun_once(&services, answered).unwrap_or_else(|problem| panic!("{what}: {problem}"));
            // Given up, it stays begun.
            let id = services.directory.list(PLAYER)[0].id;
            RUNTIME.block_on(services.sessions.delete(PLAYER, id, Expected::default())).expect("it goes");
            next.stop_at(0);
            drop(services);
            let services = open(&next.after(end)).expect("it starts");
            let again = begin(&services);
            assert!(matches!(again, Err(SessionError::ChallengeBegun { there: false, .. })), "{what}: {again:?}");
        }
    }
    assert!(cut > 5, "it was stopped halfway");
}

#[test]
fn a_beginning_that_the_disk_refuses_did_not_happen() {
    for fault in [Fault::Refused, Fault::Lied] {
        let mut refused = 0;
        for at in 0.. {
            let disk = SimDisk::new();
            let services = open(&disk).expect("services");
            let (first, failed) = (disk.count(), Arc::new(AtomicBool::new(false)));
            let told = failed.clone();
            disk.plan(Some(Box::new(move |_, number| {
                let fails = number == first + at;
                told.fetch_or(fails, Ordering::Relaxed);
                fails.then_some(fault)
            })));
            let answered = begin(&services).ok();
            disk.plan(None);
            refused += usize::from(answered.is_none());
            disk.stop_at(0);
            let restarted = open(&disk.after(End::PowerCut)).expect("it starts");
            begun_once(&restarted, answered).unwrap_or_else(|problem| panic!("{at} {fault:?}, restarted: {problem}"));
            if !failed.load(Ordering::Relaxed) {
                break;
            }
        }
        assert!(refused > 3, "{refused} were refused");
    }
}

/// Writes a line of a board as somebody does who knows how: with a checksum that holds.
fn sealed(mut entry: Value) -> String {
    entry.as_object_mut().expect("an object").remove("checksum");
    let text = entry.to_string();
    format!("{{\"checksum\":\"crc32c:{:08x}\",{}", crc32c::crc32c(&text.as_bytes()[1..]), &text[1..])
}

fn verify(saves: &std::path::Path) -> (bool, String) {
    let (code, said, _) = crate::commands::cosmic(&["saves", "verify", "--saves", crate::commands::text(saves)]);
    (code == Some(0), said)
}

#[test]
fn a_tampered_entry_is_refused_with_the_turn_at_which_it_diverges() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let [ann, bob] = ["Ann", "Bob"].map(|name| challenger(&server, name));
    finish(&ann, 1);
    finish(&bob, 2);
    let before = entries(&ann);
    let rank = before.iter().position(|standing| standing["yours"] == true).expect("an entry") + 1;
    assert_eq!(server.stop(), 0);
    let file = folder.path().join(format!("leaderboard_{TODAY}_normal.jsonl"));
    let good = std::fs::read_to_string(&file).expect("a board");
    let lines: Vec<&str> = good.lines().filter(|line| !line.is_empty()).collect();
    let parse = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
    assert_eq!(sealed(parse(lines[0])).len(), lines[0].len());
    let own = lines.iter().position(|line| line.contains(&ann.session)).expect("a line");
    let entry = parse(lines[own]);
    let length = entry["history"].as_array().expect("a history").len();
    let write = |entry: &Value| {
        let mut changed: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[own] = sealed(entry.clone());
        std::fs::write(&file, changed.join("\n") + "\n").expect("a board");
    };
    write(&entry);
    let (fine, said) = verify(folder.path());
    assert!(fine && said.matches("leaderboard_").count() == 2, "{said}");

    type Change = Box<dyn Fn(&mut Value)>;
    let set = |member: &'static str, value: Value| -> Change { Box::new(move |entry| entry[member] = value.clone()) };
    let turn = |turn: usize| format!("turn {turn} diverges");
    let last = turn(length);
    let other = if entry["end"] == "stranded" { "died" } else { "stranded" };
    let tampered: Vec<(&str, Change, String)> = vec![
        ("score", set("score", json!(20_000_000_000_000_u64)), last.clone()),
        ("wealth", set("wealth", json!(999_999)), last.clone()),
        ("victory", set("won", json!(true)), last.clone()),
        ("end", set("end", json!(other)), last.clone()),
        ("turns", set("turns", json!(1)), last.clone()),
        ("revision", set("revision", json!(1)), last.clone()),
        ("the last digest", set("digest", json!("0".repeat(64))), last),
        ("seed", set("seed", json!(1)), turn(1)),
        ("difficulty of the replay", set("difficulty", json!("hard")), "it is one of".to_owned()),
        ("a digest", Box::new(|entry| entry["history"][6]["digest"] = json!("0".repeat(64))), turn(7)),
        ("an action", Box::new(|entry| entry["history"][4]["action"] = json!({"type": "flee"})), turn(5)),
        (
            "the last action",
            Box::new(|entry| drop(entry["history"].as_array_mut().expect("a list").pop())),
            turn(length - 1),
        ),
        (
            "one action more",
            Box::new(|entry| {
                let again = entry["history"][0].clone();
                entry["history"].as_array_mut().expect("a list").push(again);
            }),
            turn(length + 1),
        ),
        ("rules that never were", Box::new(|entry| entry["history"][3]["rules"] = json!(0)), turn(4)),
        (
            "rules that are not here",
            Box::new(|entry| {
                entry["history"][3]["rules"] = json!(99);
                entry["score"] = json!(20_000_000_000_000_u64);
            }),
            "seal".to_owned(),
        ),
        (
            "content that is not here",
            Box::new(|entry| {
                entry["content"] = json!("0".repeat(64));
                entry["score"] = json!(20_000_000_000_000_u64);
            }),
            "seal".to_owned(),
        ),
        ("name", set("name", json!("Bob")), "seal".to_owned()),
        ("player", set("player", json!("01890a5d-ac96-774b-bcce-b302099a8057")), "seal".to_owned()),
        ("time", set("finished_at", json!("2027-01-15T00:00:00Z")), "seal".to_owned()),
        ("day", set("finished_at", json!("2027-01-16T00:00:00Z")), "not on its day".to_owned()),
        ("date", set("date", json!("2027-01-14")), "it is one of".to_owned()),
        ("seal", set("seal", json!("")), "seal".to_owned()),
    ];
    for (what, change, problem) in &tampered {
        let mut forged = entry.clone();
        change(&mut forged);
        assert_ne!(forged, entry, "{what}");
        write(&forged);
        let (fine, said) = verify(folder.path());
        let bad: Vec<_> = said.lines().filter(|line| line.contains("BAD")).collect();
        assert!(
            !fine && bad.len() == 1 && bad[0].starts_with("leaderboard_") && bad[0].contains(problem),
            "{what}: {said}"
        );

        let server = start_in(folder.path(), Default::default(), unlimited());
        let shown = entries(&server.client());
        assert_eq!(shown.len(), 1, "{what}");
        assert_eq!(shown[0]["name"], "Bob", "{what}: the other one stays");
        assert_eq!(server.client().get("/stats").json()["challenge"]["refused"], 1, "{what}");
    }

    // Of rules that are not here nobody can tell more than the server that sealed it.
    let mut older = entry.clone();
    older["history"][3]["rules"] = json!(99);
    write(&older);
    let (fine, said) = verify(folder.path());
    assert!(fine && said.contains("unverifiable"), "{said}");
    let server = start_in(folder.path(), Default::default(), unlimited());
    let shown = entries(&server.client());
    assert_eq!((shown.len(), &shown[rank - 1]["verified"]), (2, &json!(false)));
    server.stop();

    // One damaged line hurts nobody else.
    let mut flipped = good.clone().into_bytes();
    let at = good.find(lines[own]).expect("a line") + 200;
    // Two bits: one would be mended.
    flipped[at] ^= 3;
    std::fs::write(&file, flipped).expect("a board");
    let (fine, said) = verify(folder.path());
    assert!(!fine && said.contains("BAD: damaged"), "{said}");
    let server = start_in(folder.path(), Default::default(), unlimited());
    assert_eq!(entries(&server.client()).len(), 1);
    let set_aside = server.client().get("/stats").json()["set_aside"].clone();
    assert_eq!(set_aside, json!([format!("leaderboard_{TODAY}_normal.jsonl")]));
    server.stop();

    // Changed while the server has the board in memory: it is not told as a replay, and shown no more.
    std::fs::write(&file, &good).expect("a board");
    let server = start_in(folder.path(), Default::default(), unlimited());
    server.clock.advance(DAY);
    let client = server.client();
    assert_eq!(entries(&client).len(), 2);
    let mut forged = entry;
    forged["history"][6]["digest"] = json!("0".repeat(64));
    write(&forged);
    let refused = client.get(&format!("/api/leaderboard/{TODAY}/normal/{rank}/replay"));
    assert_eq!((refused.status, refused.code().as_str()), (409, "ENTRY_REFUSED"));
    assert_eq!(refused.json()["turn"], 7, "{}", refused.text);
    assert_eq!(entries(&client).len(), 1);
    let counts = client.get("/stats").json()["challenge"].clone();
    assert_eq!(counts["refused"], 1);
}
