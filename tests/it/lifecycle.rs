//! Sessions in memory and out of it: the limit, the sweeper, eviction, restart.

use cosmic_explorer::session::Settings;
use cosmic_explorer::store::folder::{self, Durability};
use serde_json::{Value, json};

use crate::server::{Client, Server, edit, open, serve, start, start_in, start_with, unlimited};
use crate::sim::{End, SimDisk};
use crate::voyage::store_on;

fn resident(server: &Server) -> u64 {
    let stats = server.client().get("/stats").json();
    assert!(stats["active_sessions"].as_u64() <= stats["places_taken"].as_u64());
    stats["active_sessions"].as_u64().expect("a number")
}

fn player(server: &Server) -> Client {
    server.player(1)
}

#[test]
fn the_hundred_and_first_session_is_refused_until_one_can_give_way() {
    let (_folder, server) = start();
    let players: Vec<_> = (0..100).map(|_| player(&server)).collect();
    assert_eq!(resident(&server), 100);
    let refused = server.client().post("/api/sessions", &json!({}));
    assert_eq!((refused.status, refused.code().as_str()), (503, "SESSION_LIMIT_REACHED"));
    assert_eq!(refused.header("retry-after"), "60");

    server.clock.advance(30);
    for late in &players[1..] {
        late.act(&json!({"type": "wait"}));
    }
    server.clock.advance(29);
    assert_eq!(server.client().post("/api/sessions", &json!({})).status, 503, "59 s idle is not idle enough");
    server.clock.advance(1);
    let newcomer = player(&server);
    assert_eq!(resident(&server), 100);
    let in_memory = server.client().get("/stats").text;
    assert!(!in_memory.contains(&players[0].session), "the longest idle gave way");
    assert!(in_memory.contains(&newcomer.session));

    // It is only out of memory: its owner brings it back when there is room, and is told when there is none.
    let back = players[0].get(&players[0].path(""));
    assert_eq!((back.status, back.code().as_str()), (503, "SESSION_LIMIT_REACHED"));
    assert_eq!(players[0].get("/api/sessions").status, 200, "lists need no place");
    assert_eq!(players[0].get(&players[0].path("/turns")).status, 200, "nor does history");
    server.clock.advance(60);
    assert_eq!(players[0].look()["revision"], 0);
    assert_eq!(resident(&server), 100);
    server.clock.advance(60);
    for one in &players {
        assert_eq!(one.look()["session_id"], one.session.as_str(), "none is lost");
        server.clock.advance(60);
    }
    assert_eq!(resident(&server), 100);
}

#[test]
fn a_hundred_parallel_creations_at_ninety_nine_leave_a_hundred() {
    let (_folder, server) = start();
    let mut players: Vec<_> = (0..99).map(|_| player(&server)).collect();
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..100)
            .map(|_| {
                let mut client = server.client();
                scope.spawn(move || {
                    let reply = client.post("/api/sessions", &json!({}));
                    if reply.status == 201 {
                        client.token = reply.json()["token"].as_str().map(str::to_owned);
                        client.session = reply.json()["session_id"].as_str().expect("an id").to_owned();
                        return Some(client);
                    }
                    assert_eq!(reply.code(), "SESSION_LIMIT_REACHED");
                    None
                })
            })
            .collect();
        tries.into_iter().filter_map(|one| one.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.len(), 1);
    players.extend(statuses);
    assert_eq!(resident(&server), 100);
    for one in &players {
        assert_eq!(one.look()["revision"], 0);
    }

    // Everybody idle: now a hundred more may come, each in the place of another, and still nobody is lost.
    server.clock.advance(60);
    let more: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..100).map(|_| scope.spawn(|| player(&server))).collect();
        tries.into_iter().map(|one| one.join().expect("a place")).collect()
    });
    assert_eq!(resident(&server), 100);
    server.clock.advance(60);
    std::thread::scope(|scope| {
        for one in players.iter().chain(&more).step_by(2) {
            scope.spawn(|| assert_eq!(one.look()["revision"], 0));
        }
    });
    assert_eq!(resident(&server), 100);
}

#[test]
fn finished_games_give_way_first() {
    let (_folder, server) = start_with(Settings { limit: 2, ..Settings::default() }, unlimited());
    let first = player(&server);
    let done = player(&server);
    // Waiting ends: the turns are over, or hunger wins.
    while done.look()["state"]["game_over"] == false {
        done.act(&json!({"type": "wait"}));
    }
    let third = player(&server);
    let in_memory = server.client().get("/stats").text;
    assert!(!in_memory.contains(&done.session), "it had just been used, but it was finished");
    assert!(in_memory.contains(&first.session) && in_memory.contains(&third.session));
}

#[test]
fn the_sweeper_evicts_at_an_hour_and_not_a_second_sooner() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = player(&server);
    client.act(&json!({"type": "wait"}));
    server.clock.advance(3599);
    assert_eq!((server.sweep().evicted, resident(&server)), (0, 1));
    server.clock.advance(1);
    assert_eq!((server.sweep().evicted, resident(&server)), (1, 0));
    assert_eq!(client.get("/api/sessions").json()["sessions"][0]["status"], "stored");

    let file = folder.path().join(format!("session_{}.json", client.session));
    let save: Value = serde_json::from_slice(&std::fs::read(file).expect("a save")).expect("readable JSON");
    for key in ["player_stats", "turn_count", "star_map", "current_region_id", "current_node_id", "statistics"] {
        assert!(!save[key].is_null(), "{key}");
    }
    assert_eq!(
        (&save["turn_count"], &save["revision"], &save["version"]),
        (&json!(1), &json!(1), &json!(cosmic_explorer::model::VERSION))
    );
    assert_eq!(client.look()["revision"], 1, "and it comes back by itself");
    assert_eq!(resident(&server), 1);
}

#[test]
fn reading_counts_as_activity() {
    let (_folder, server) = start();
    let client = player(&server);
    server.clock.advance(3000);
    client.look();
    server.clock.advance(3000);
    assert_eq!(server.sweep().evicted, 0);
    server.clock.advance(600);
    assert_eq!(server.sweep().evicted, 1);
}

#[test]
fn progress_is_not_lost_at_idle_eviction_or_restart() {
    let (folder, server) = start();
    let client = player(&server);
    for _ in 0..3 {
        client.act(&json!({"type": "wait"}));
    }
    let before = client.get(&client.path("")).text;
    server.clock.advance(3600);
    assert_eq!(server.sweep().evicted, 1);
    assert_eq!(client.get(&client.path("")).text, before);
    client.act(&json!({"type": "wait"}));
    let before = client.get(&client.path("")).text;
    assert_eq!(server.stop(), 0);
    let server = start_in(folder.path(), Settings::default(), unlimited());
    let client = client.at(&server.url);
    assert_eq!(client.get(&client.path("")).text, before);
    assert_eq!(client.history().len(), 4);
}

/// Without a log, turns wait in memory for the next sweep: so many of them, then they are written down.
#[test]
fn turns_in_memory_are_bounded() {
    if crate::cluster::not_on_files() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let settings = folder::Settings { durability: Durability::Sweep, ..folder::Settings::default() };
        let opened = open(folder.path(), settings);
        serve(opened, Settings::default(), unlimited())
    };
    let server = start();
    let client = player(&server);
    server.stop();
    edit(folder.path(), &client.session, |text| text.replace("\"wealth\": 500", "\"wealth\": 3000"));
    let server = start();
    let client = client.at(&server.url);
    let written = folder.path().join(format!("session_{}.turns.jsonl", client.session));
    for turn in 1..=303 {
        let action = if turn % 101 == 0 { json!({"type": "wait"}) } else { json!({"type": "buy_food", "amount": 1}) };
        client.act(&action);
        let text = std::fs::read_to_string(&written).expect("a history");
        assert_eq!(text.contains("\"outcome\""), turn > 256, "turn {turn}");
    }
    assert_eq!(client.history().len(), 303);
    assert!(
        !std::fs::read_dir(folder.path())
            .expect("a folder")
            .any(|entry| { entry.expect("an entry").path().extension().is_some_and(|extension| extension == "log") })
    );
}

/// Segments of the log that nobody needs become the next ones: a server that runs for long makes and removes none. What they held
/// before does not count, however it ends.
#[test]
fn log_segments_are_written_over() {
    let disk = SimDisk::new();
    let segments = |disk: &SimDisk| -> Vec<String> {
        disk.names().into_iter().filter(|name| name.starts_with("turns_")).collect()
    };
    let server = serve(store_on(&disk), Settings::default(), unlimited());
    let client = player(&server);
    for turn in 1..=60 {
        client.act(&json!({"type": "wait"}));
        if turn % 10 == 0 {
            server.sweep();
        }
        let names = segments(&disk);
        let newest: usize = names.last().expect("a segment")["turns_".len()..][..10].parse().expect("a number");
        assert!(newest + 1 >= turn / 3 && names.len() <= 10, "turn {turn}: {names:?}");
    }
    let report = &client.get("/stats").json()["turn_log"];
    assert_eq!(report["segments"].as_u64().zip(report["spare"].as_u64()), Some((1, segments(&disk).len() as u64 - 1)));
    client.act(&json!({"type": "wait"}));
    let history = client.history();
    for end in [End::Killed, End::PowerCut, End::Torn(1), End::Torn(2)] {
        let disk = disk.after(end);
        let server = serve(store_on(&disk), Settings::default(), unlimited());
        assert_eq!(client.clone().at(&server.url).history(), history, "{end:?}");
        assert_eq!(server.services.core.store().report().set_aside, [""; 0], "{end:?}");
    }
    // Whoever still has a hand on it: threads end when they like.
    let services = server.services.clone();
    server.stop();
    assert_eq!(segments(&disk), [""; 0]);
    drop(services);
}

#[test]
fn idle_zero_means_never() {
    let (_folder, server) = start_with(Settings { idle_secs: 0, ..Settings::default() }, unlimited());
    let _client = player(&server);
    server.clock.advance(10_000_000);
    assert_eq!(server.sweep().evicted, 0);
}

#[test]
fn a_sweep_writes_only_what_changed() {
    let (_folder, server) = start();
    let client = player(&server);
    assert_eq!(server.sweep().checkpoints, 0, "a new session is written at once");
    client.act(&json!({"type": "wait"}));
    assert_eq!(server.sweep().checkpoints, 1);
    client.look();
    assert_eq!(server.sweep().checkpoints, 0);
}

#[test]
fn a_player_has_ten_unfinished_games_at_the_most() {
    let (_folder, server) = start();
    let mut client = player(&server);
    for _ in 1..10 {
        client.begin(json!({}));
    }
    let refused = client.post("/api/sessions", &json!({}));
    assert_eq!((refused.status, refused.code().as_str()), (409, "TOO_MANY_SESSIONS"));
    assert_eq!(client.send("DELETE", &client.path(""), &[], None).status, 204);
    assert_eq!(client.post("/api/sessions", &json!({})).status, 201);
}

#[test]
fn a_full_store_lets_a_players_own_longest_finished_game_go() {
    let settings = Settings { stored: 2, per_player: 5, ..Settings::default() };
    let (_folder, server) = start_with(settings, unlimited());
    let done = player(&server);
    let other = player(&server);
    let refused = |client: &Client| {
        let refused = client.post("/api/sessions", &json!({}));
        assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_FULL"));
    };
    refused(&other);
    while done.look()["state"]["game_over"] == false {
        done.act(&json!({"type": "wait"}));
    }
    // Not for somebody else's.
    refused(&other);
    refused(&server.client());
    assert_eq!(done.look()["state"]["game_over"], true);
    done.clone().begin(json!({}));
    assert_eq!(done.get(&done.path("")).code(), "SESSION_EXPIRED");
}

#[test]
fn one_bad_save_does_not_break_the_list_for_everyone() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let [good, bad] = [player(&server), player(&server)];
    server.stop();
    let file = folder.path().join(format!("session_{}.json", bad.session));
    std::fs::write(&file, "{\"version\": 1, \"session").expect("a torn file");
    // What it could be rebuilt from is gone too; only whose it is can be told.
    let history = folder.path().join(format!("session_{}.turns.jsonl", bad.session));
    let text = std::fs::read_to_string(&history).expect("a history");
    std::fs::write(&history, text.replace("\"seed\":2", "\"seed\":3").replace("crc32c:", "")).expect("a history");
    let server = start_in(folder.path(), Settings::default(), unlimited());
    let good = good.at(&server.url);
    let bad = bad.at(&server.url);
    assert_eq!(good.look()["revision"], 0);
    assert_eq!(good.get("/api/sessions").json()["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(bad.get(&bad.path("")).code(), "SESSION_DAMAGED", "not that there never was one");
    let stats = good.get("/stats").json();
    assert_eq!(stats["set_aside"][0], json!(format!("session_{}.turns.jsonl", bad.session)));
    assert!(file.with_extension("json.invalid").exists());
}

#[test]
fn a_save_that_makes_no_sense_is_set_aside_when_it_is_asked_for() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = player(&server);
    server.stop();
    edit(folder.path(), &client.session, |text| {
        text.replace("\"ship_type\": \"scout\"", "\"ship_type\": \"battlestar\"")
    });
    let server = start_in(folder.path(), Settings::default(), unlimited());
    let client = client.at(&server.url);
    let reply = client.get(&client.path(""));
    assert_eq!((reply.status, reply.code().as_str()), (500, "SESSION_DAMAGED"));
    assert_eq!(resident(&server), 0);
    assert_eq!(server.client().get("/stats").json()["places_taken"], 0);
}

#[test]
fn a_session_goes_on_with_the_content_it_began_with() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = player(&server);
    let hash = client.look()["state"]["content"].as_str().expect("a hash").to_owned();
    server.stop();
    // Another content for the server: the same ships, one of them renamed, under another hash.
    let bundle = folder.path().join(format!("content_{hash}.json"));
    let mut files: cosmic_explorer::game::content::Files =
        serde_json::from_slice(&std::fs::read(&bundle).expect("a bundle")).expect("JSON");
    let ships = files.get_mut("ships.toml").expect("ships");
    *ships = ships.replace("Scout Vessel", "Old Scout");
    let older = cosmic_explorer::game::content::Content::parse(&files).expect("content").hash;
    let older_bundle = folder.path().join(format!("content_{older}.json"));
    std::fs::write(older_bundle, serde_json::to_vec(&files).expect("JSON")).expect("a bundle");
    edit(folder.path(), &client.session, |text| text.replace(&hash, &older));

    let server = start_in(folder.path(), Settings::default(), unlimited());
    let client = client.at(&server.url);
    assert_eq!(client.look()["state"]["content"], older.as_str());
    let content = client.get(&format!("/api/content/{older}")).json();
    assert_eq!(content["ships"]["scout"]["name"], "Old Scout");
    client.act(&json!({"type": "wait"}));
}

#[test]
fn what_nobody_asks_for_goes_for_good_where_it_is_so_configured() {
    const DAY: i64 = 24 * 3600;
    let settings = Settings { retention_days: 30, ..Settings::default() };
    let (folder, server) = start_with(settings, unlimited());
    let (forgotten, read) = (player(&server), player(&server));
    server.clock.advance(29 * DAY);
    server.sweep();
    assert_eq!(read.look()["revision"], 0);
    server.clock.advance(DAY - 1);
    server.sweep();
    assert_eq!(forgotten.get("/api/sessions").json()["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.stop(), 0);

    // Over a restart too, though the clock of this one begins where that of the first one did.
    let server = start_in(folder.path(), settings, unlimited());
    let (forgotten, read) = (forgotten.at(&server.url), read.at(&server.url));
    server.clock.advance(1);
    server.sweep();
    let gone = forgotten.get(&forgotten.path(""));
    assert_eq!((gone.code().as_str(), gone.json()["reason"].as_str()), ("SESSION_EXPIRED", Some("timeout")));
    assert_eq!(gone.header("x-session-expired-reason"), "timeout");
    assert_eq!(read.look()["revision"], 0);
}
