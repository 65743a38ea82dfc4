//! Saves: what a slot holds and tells, loading, export and import, and what is refused of a file.

use cosmic_explorer::game::rng::Dice;
use cosmic_explorer::model::{Replay, Unproven};
use serde_json::{Value, json};

use crate::play::{CONTENT, choose_offer};
use crate::server::{Client, Reply, Server, start, start_in};

/// Takes so many actions that are offered, or as many as the game has left; what was done, with its digests.
fn play(client: &Client, policy: u64, actions: usize) -> Vec<(Value, Value)> {
    let mut dice = Dice::new(policy);
    let mut done = Vec::new();
    while done.len() < actions {
        let state = client.look()["state"].clone();
        if state["game_over"] == true {
            break;
        }
        let action = choose_offer(&state, &client.offers(), &mut dice)["action"].clone();
        let digest = client.act(&action)["digest"].clone();
        done.push((action, digest));
    }
    done
}

/// A player whose game goes on after so many actions, of the first seed from `seed` with which it does.
fn under_way(server: &Server, seed: u64, actions: usize) -> Client {
    let mut client = server.player(seed);
    for next in seed + 1.. {
        play(&client, 1, actions);
        if client.look()["state"]["game_over"] == false {
            break;
        }
        client.send("DELETE", &client.path(""), &[], None);
        client.begin(json!({"seed": next}));
    }
    client
}

fn repeat(client: &Client, done: &[(Value, Value)]) {
    for (action, digest) in done {
        assert_eq!(client.act(action)["digest"], *digest, "{action}");
    }
}

fn put(client: &Client, slot: u8) -> Value {
    let body = json!({"session_id": client.session}).to_string();
    let headers = [("content-type", "application/json")];
    let reply = client.send("PUT", &format!("/api/slots/{slot}"), &headers, Some(body.as_bytes()));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn load(client: &Client, slot: u8) -> Reply {
    client.post(&format!("/api/slots/{slot}/load"), &json!({"session_id": client.session}))
}

fn export(client: &Client, slot: u8) -> Value {
    let reply = client.get(&format!("/api/slots/{slot}/export"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(reply.header("content-disposition").starts_with("attachment; filename=\"cosmic-explorer-"));
    reply.json()
}

fn import(client: &Client, slot: u8, file: &Value) -> Reply {
    client.post(&format!("/api/slots/{slot}/import"), file)
}

fn slots(client: &Client) -> Vec<Value> {
    client.get("/api/slots").json()["slots"].as_array().expect("a list").clone()
}

#[test]
fn save_play_on_load_and_play_the_same_again() {
    let (folder, server) = start();
    let client = under_way(&server, 21, 20);
    let saved = client.look();
    let meta = put(&client, 2);
    let (state, stats) = (&saved["state"], &saved["state"]["player_stats"]);
    assert_eq!(
        (&meta["slot"], &meta["revision"], &meta["version"]),
        (&json!(2), &saved["revision"], &json!(cosmic_explorer::model::VERSION))
    );
    assert_eq!((&meta["turn_count"], &meta["difficulty"]), (&state["turn_count"], &state["difficulty"]));
    for member in ["wealth", "health", "ship_condition", "ship_type"] {
        assert_eq!(meta[member], stats[member], "{member}");
    }
    assert!(meta["wealth"].as_i64() > Some(0) && meta["saved_at"].is_string());
    let listed = client.get("/api/sessions").json()["sessions"][0].clone();
    assert_eq!((&meta["place"], &meta["name"]), (&listed["place"], &listed["name"]));
    assert_eq!(client.get("/api/slots/2").json(), meta);

    let done = play(&client, 2, 15);
    assert!(done.len() > 5);
    let loaded = load(&client, 2);
    assert_eq!(loaded.status, 200, "{}", loaded.text);
    let after = saved["revision"].as_u64().expect("a number") + done.len() as u64 + 1;
    assert_eq!(loaded.json()["revision"], after, "never back");
    assert!(loaded.header("etag").starts_with(&format!("\"{after}-")), "{}", loaded.header("etag"));
    assert_eq!(loaded.header("etag"), client.get(&client.path("")).header("etag"));
    assert_eq!(loaded.json()["state"], saved["state"]);
    assert_eq!(client.look()["state"], saved["state"]);
    let line = client.history().last().expect("a history").clone();
    assert_eq!((&line["revision"], &line["loaded"]["slot"]), (&json!(after), &json!(2)));
    assert_eq!(line["loaded"]["saved_at"], meta["saved_at"]);
    repeat(&client, &done);
    let before = client.get(&client.path("")).text;
    server.stop();

    let server = start_in(folder.path(), Default::default(), Default::default());
    let client = client.at(&server.url);
    assert_eq!(client.get(&client.path("")).text, before);
    let revisions: Vec<_> = client.history().iter().map(|turn| turn["revision"].clone()).collect();
    assert_eq!(revisions, (1..=after + done.len() as u64).map(|revision| json!(revision)).collect::<Vec<_>>());
    assert_eq!(load(&client, 2).status, 200);
    repeat(&client, &done);
}

#[test]
fn export_here_import_there_and_play_on() {
    let (_folder, here) = start();
    let client = under_way(&here, 22, 25);
    // A game that has been loaded into another is exported with its own past.
    put(&client, 1);
    play(&client, 3, 5);
    for policy in 4.. {
        assert_eq!(load(&client, 1).status, 200);
        play(&client, policy, 1);
        if client.look()["state"]["game_over"] == false {
            break;
        }
    }
    put(&client, 1);
    let file = export(&client, 1);
    assert!(file["owner"].is_null() && file["history"].as_array().is_some_and(|history| history.len() == 26));
    let done = play(&client, 5, 20);
    assert!(!done.is_empty());

    let (_folder, there) = start();
    let mut other = there.client();
    let imported = import(&other, 3, &file);
    assert_eq!(imported.status, 201, "{}", imported.text);
    other.token = imported.json()["token"].as_str().map(str::to_owned);
    assert!(imported.header("set-cookie").starts_with(&there.cookie("")));
    other.begin(json!({}));
    assert_eq!(load(&other, 3).status, 200);
    repeat(&other, &done);
    let again = export(&other, 3);
    for member in ["history", "star_map", "player_stats", "seed", "word_pos", "name", "content"] {
        assert_eq!(again[member], file[member], "{member}");
    }
    assert_eq!(import(&other, 4, &file).json()["token"], Value::Null, "who has a token keeps it");
}

/// The members of an object as a list.
fn list(value: &mut Value) {
    *value = value.as_object().expect("an object").values().cloned().collect();
}

/// Every whole number of a file as other programs write it.
fn with_points(text: &str) -> String {
    let mut quoted = false;
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        out.push(char);
        quoted ^= char == '"' && !out.ends_with("\\\"");
        let number =
            out.chars().rev().take_while(|char| char.is_ascii_digit() || ".-+e".contains(*char)).collect::<String>();
        let ends = !chars.peek().is_some_and(|next| next.is_ascii_digit() || ".e+-".contains(*next));
        if !quoted && char.is_ascii_digit() && ends && !number.contains(['.', 'e']) {
            out.push_str(".0");
        }
    }
    out
}

#[test]
fn a_save_may_write_its_numbers_with_a_point_and_begin_with_a_byte_order_mark() {
    let (_folder, server) = start();
    let client = under_way(&server, 22, 25);
    put(&client, 1);
    let file = export(&client, 1);
    let text = with_points(&file.to_string());
    assert!(text.contains("\"turn_count\":") && text.matches(".0").count() > 500, "{text:.300}");
    let text = format!("\u{feff}{text}");
    let imported = client.post_text("/api/slots/2/import", text.as_bytes());
    assert_eq!(imported.status, 201, "{}", imported.text);
    assert_eq!(export(&client, 2)["star_map"], file["star_map"]);
}

#[test]
fn a_forged_save_is_refused_with_what_is_wrong() {
    let (_folder, server) = start();
    let client = under_way(&server, 23, 20);
    put(&client, 1);
    let good = export(&client, 1);
    let forge = |change: &dyn Fn(&mut Value)| {
        let mut file = good.clone();
        change(&mut file);
        assert_ne!(file, good);
        let reply = import(&client, 2, &file);
        let problem = reply.json();
        (reply.status, reply.code(), problem["detail"].as_str().expect("a detail").to_owned(), problem["turn"].clone())
    };
    let refused = |change: &dyn Fn(&mut Value), code: &str, words: &str| {
        let (status, found, detail, _) = forge(change);
        assert_eq!((status, found.as_str()), (422, code), "{detail}");
        assert!(detail.contains(words), "{detail} does not say {words:?}");
    };
    let diverges = "SAVE_DIVERGES";
    refused(&|file| file["player_stats"]["wealth"] = json!(4999), diverges, "not the one its history leads to");
    refused(&|file| file["word_pos"][1] = json!(0), diverges, "not the one its history leads to");
    refused(&|file| file["player_stats"]["wealth"] = json!(-1), "SAVE_INVALID", "wealth is out of range");
    refused(&|file| file["player_stats"]["fuel"] = json!(1_000_000), "SAVE_INVALID", "fuel is out of range");
    refused(&|file| file["player_stats"]["ship_type"] = json!("battlestar"), "SAVE_INVALID", "battlestar");
    refused(&|file| file["player_stats"]["wealth"] = json!("lots"), "SAVE_INVALID", "a whole number");
    // A list is no object, in whatever depth, although all that is wanted stands in it.
    refused(&|file| list(&mut file["player_stats"]), "SAVE_INVALID", "");
    refused(&|file| file["star_map"] = json!([file["star_map"]["regions"]]), "SAVE_INVALID", "an object");
    refused(&|file| file["history"][2]["action"] = json!(["wait"]), "SAVE_INVALID", "an object");
    refused(&|file| list(&mut file["history"][2]), "SAVE_INVALID", "an object");
    refused(&|file| file["current_node_id"] = json!("NODE_REG_009_000"), "SAVE_INVALID", "nowhere");
    refused(&|file| file["star_map"]["regions"][0]["position"] = json!([1.0, 2.0]), "SAVE_INVALID", "star map");
    refused(&|file| file["star_map"]["regions"] = json!([]), "SAVE_INVALID", "empty");
    refused(&|file| file["place"] = json!("Home"), "SAVE_INVALID", "not where it says");
    refused(&|file| file["revision"] = json!(19), "SAVE_INVALID", "20 actions");
    refused(&|file| file["revision"] = json!(u64::MAX), "SAVE_INVALID", "20 actions");
    refused(&|file| file["cheat"] = json!(true), "SAVE_INVALID", "cheat");
    refused(&|file| file["player_stats"]["god"] = json!(true), "SAVE_INVALID", "god");
    refused(&|file| file["version"] = json!(99), "SAVE_INVALID", "newer");
    refused(&|file| file["version"] = json!(0), "SAVE_INVALID", "never written");
    refused(&|file| file["rules"] = json!(0), "SAVE_INVALID", "rules");
    refused(&|file| file["rules"] = json!(99), "SAVE_INVALID", "rules");
    refused(&|file| file["history"][3]["rules"] = json!(0), diverges, "rules 0");
    // What nobody can play again any more must make sense all the same, and stay small.
    for (list, what) in [("achievements", "first_light"), ("begun", "blank_chart"), ("past", "mayday")] {
        let old = |file: &mut Value| {
            file["history"][0]["rules"] = json!(1);
            file[list] = json!([what, what]);
        };
        refused(&old, "SAVE_INVALID", "twice");
    }
    let effects = |file: &mut Value| {
        let effect = json!({"shield": 1, "duration": 1, "rounds": false});
        file["history"][0]["rules"] = json!(1);
        file["player_stats"]["temp_effects"] = json!(vec![effect; 1000]);
    };
    refused(&effects, "SAVE_INVALID", "effects");
    refused(&|file| file["content"] = json!("../../etc/passwd"), "CONTENT_UNKNOWN", "content");
    refused(&|file| file["content"] = json!("0".repeat(64)), "CONTENT_UNKNOWN", "not here");
    refused(&|file| file["seed"] = json!(24), diverges, "turn 1");
    refused(&|file| file["history"] = json!([]), diverges, "not the one its history leads to");
    refused(&|file| drop(file["history"].as_array_mut().expect("a list").pop()), diverges, "");
    refused(&|file| file["name"] = json!("x".repeat(41)), "BAD_NAME", "40");
    refused(&|file| drop(file.as_object_mut().expect("an object").remove("star_map")), "SAVE_INVALID", "star_map");

    let (_, code, _, turn) = forge(&|file| file["history"][6]["digest"] = json!("0".repeat(64)));
    assert_eq!((code.as_str(), turn), (diverges, json!(7)), "the turn at which it diverges is told");
    let (_, code, _, turn) = forge(&|file| file["history"][4]["action"] = json!({"type": "flee"}));
    assert_eq!((code.as_str(), turn), (diverges, json!(5)));

    for rubbish in ["[]", "{}", "null", "\"save\"", "{\"version\": 2}", "{\"version\": -1}", "{\"version\": \"2\"}"] {
        let headers = [("content-type", "application/json")];
        let reply = client.send("POST", "/api/slots/2/import", &headers, Some(rubbish.as_bytes()));
        assert_eq!(reply.status, 422, "{rubbish}: {}", reply.text);
        reply.code();
    }
    let headers = [("content-type", "application/json")];
    let large = client.try_send("POST", "/api/slots/2/import", &headers, Some(&vec![b' '; 5 << 20]));
    assert!(large.is_err() || large.is_ok_and(|reply| reply.status == 413));
    assert_eq!(slots(&client).len(), 2, "nothing of it was kept");
    assert_eq!(import(&client, 2, &good).status, 201, "and the good one is taken");
}

#[test]
fn slots_are_a_players_own_and_slot_0_is_the_game_last_played() {
    let (_folder, server) = start();
    let mut client = server.player(24);
    let first = client.session.clone();
    play(&client, 1, 3);
    assert_eq!(put(&client, 4)["slot"], 4);
    server.clock.advance(10);
    client.begin(json!({"seed": 25, "name": "Second"}));
    play(&client, 1, 2);
    let list = slots(&client);
    assert_eq!(list.len(), 2);
    assert_eq!((&list[0]["slot"], &list[0]["name"], &list[0]["revision"]), (&json!(0), &json!("Second"), &json!(2)));
    assert_eq!((&list[1]["slot"], &list[1]["session_id"]), (&json!(4), &json!(first)));

    // Slot 0 loaded into the other game: now both are the second one.
    let second = client.look()["state"].clone();
    let mut other = client.clone();
    other.session.clone_from(&first);
    assert_eq!(load(&other, 0).json()["state"], second);
    assert_eq!((other.look()["revision"].clone(), client.look()["revision"].clone()), (json!(4), json!(2)));

    for (method, path, body, status, code) in [
        ("PUT", "/api/slots/0", json!({"session_id": first}), 409, "SLOT_READ_ONLY"),
        ("DELETE", "/api/slots/0", json!({}), 409, "SLOT_READ_ONLY"),
        ("POST", "/api/slots/0/import", json!({}), 409, "SLOT_READ_ONLY"),
        ("PUT", "/api/slots/5", json!({"session_id": first}), 404, "SLOT_NOT_FOUND"),
        ("GET", "/api/slots/01", json!({}), 404, "SLOT_NOT_FOUND"),
        ("GET", "/api/slots/-1", json!({}), 404, "SLOT_NOT_FOUND"),
        ("GET", "/api/slots/3", json!({}), 404, "SLOT_EMPTY"),
        ("DELETE", "/api/slots/3", json!({}), 404, "SLOT_EMPTY"),
        ("GET", "/api/slots/3/export", json!({}), 404, "SLOT_EMPTY"),
        ("POST", "/api/slots/3/load", json!({"session_id": first}), 404, "SLOT_EMPTY"),
        ("POST", "/api/slots/4/load", json!({"session_id": "me"}), 404, "SESSION_NOT_FOUND"),
        ("PUT", "/api/slots/4", json!({"session_id": 4}), 422, "WRONG_TYPE"),
        ("PUT", "/api/slots/4", json!({"session_id": first, "state": {}}), 422, "UNKNOWN_FIELD"),
        ("PATCH", "/api/slots/4", json!({}), 405, "METHOD_NOT_ALLOWED"),
    ] {
        let sent = (method != "GET").then(|| body.to_string());
        let headers = [("content-type", "application/json")];
        let reply = client.send(method, path, &headers, sent.as_deref().map(str::as_bytes));
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{method} {path}");
    }
    let headers = [("content-type", "application/json"), ("if-match", "\"3\"")];
    let body = json!({"session_id": first}).to_string();
    let stale = client.send("POST", "/api/slots/4/load", &headers, Some(body.as_bytes()));
    assert_eq!((stale.status, stale.code().as_str()), (412, "STALE_REVISION"));

    let stranger = server.player(26);
    assert_eq!(slots(&stranger).len(), 1, "only his own");
    let mut thief = stranger;
    thief.session.clone_from(&first);
    assert_eq!(load(&thief, 0).code(), "SESSION_NOT_FOUND");
    let body = json!({"session_id": first}).to_string();
    let stolen = thief.send("PUT", "/api/slots/1", &[("content-type", "application/json")], Some(body.as_bytes()));
    assert_eq!(stolen.code(), "SESSION_NOT_FOUND");
    assert_eq!(server.client().get("/api/slots").code(), "TOKEN_REQUIRED");

    assert_eq!(client.send("DELETE", "/api/slots/4", &[], None).status, 204);
    assert_eq!(slots(&client).len(), 1);
}

#[test]
fn a_game_whose_future_is_known_is_not_ranked() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let ranked = |client: &Client| {
        server.sweep();
        let file = folder.path().join(format!("session_{}.json", client.session));
        let save: Value = serde_json::from_slice(&std::fs::read(file).expect("a save")).expect("JSON");
        save["ranked"].as_bool().expect("a mark")
    };
    let mut client = server.client();
    client.begin(json!({}));
    let exported = client.clone();
    put(&client, 1);
    assert!(ranked(&exported), "a save alone tells nothing");
    export(&client, 1);
    assert!(!ranked(&exported));

    client.begin(json!({}));
    let source = client.clone();
    put(&client, 2);
    client.begin(json!({}));
    assert!(ranked(&source) && ranked(&client));
    // Not in memory when another game learns its future.
    server.clock.advance(3600);
    assert_eq!(server.sweep().evicted, 3);
    assert_eq!(load(&client, 2).status, 200);
    assert!(!ranked(&source) && !ranked(&client));
}

#[test]
fn a_finished_game_can_be_replayed_and_gone_back_from() {
    let (_folder, server) = start();
    let mut client = under_way(&server, 27, 10);
    put(&client, 1);
    let early = client.get(&client.path("/turns?format=replay"));
    assert_eq!((early.status, early.code().as_str()), (409, "GAME_NOT_FINISHED"));
    assert_eq!(client.get(&client.path("/turns?format=poem")).code(), "BAD_QUERY");
    play(&client, 2, 5000);
    assert_eq!(client.look()["state"]["game_over"], true);
    let replay = Replay::read(client.get(&client.path("/turns?format=replay")).json()).expect("a replay");
    let mut turns = 0;
    let end = replay.verify(&CONTENT, |_, _, _| turns += 1).expect("it is proven");
    assert_eq!((turns, end.end.is_some()), (client.history().len(), true));
    let mut forged = replay;
    forged.history.swap(3, 4);
    let forged = forged.verify(&CONTENT, |_, _, _| {}).expect_err("it is forged");
    assert!(matches!(forged, Unproven::Diverged { turn: 4, .. }), "{forged}");

    // Nine more make ten: a game that goes on again would be one too many.
    let finished = client.clone();
    for _ in 0..10 {
        client.begin(json!({}));
    }
    let refused = load(&finished, 1);
    assert_eq!((refused.status, refused.code().as_str()), (409, "TOO_MANY_SESSIONS"));
    assert_eq!(client.send("DELETE", &client.path(""), &[], None).status, 204);
    assert_eq!(load(&finished, 1).json()["state"]["game_over"], false);
    play(&finished, 3, 5000);
    let replay = Replay::read(finished.get(&finished.path("/turns?format=replay")).json()).expect("a replay");
    replay.verify(&CONTENT, |_, _, _| {}).expect("the game that was loaded, from its own beginning");
}

#[test]
fn a_damaged_slot_hurts_no_other() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = server.player(28);
    put(&client, 1);
    put(&client, 2);
    let hit = std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let hit = hit.filter(|path| path.to_string_lossy().contains("_2.")).collect::<Vec<_>>();
    assert_eq!(hit.len(), 2, "a save and its copy");
    let damage = |file: &std::path::Path| {
        let text = std::fs::read_to_string(file).expect("a save");
        std::fs::write(file, text.replace("\"wealth\": 500", "\"wealth\": 900")).expect("a save");
    };
    let good = std::fs::read(&hit[0]).expect("a save");
    for file in &hit {
        hit.iter().for_each(|file| std::fs::write(file, &good).expect("a save"));
        damage(file);
        let loaded = load(&client, 2);
        assert_eq!(loaded.status, 200, "there is another copy: {}", loaded.text);
    }
    hit.iter().for_each(|file| damage(file));
    for _ in 0..2 {
        assert_eq!(load(&client, 2).code(), "SESSION_DAMAGED", "it is told each time, and not that the slot is empty");
    }
    assert_eq!(load(&client, 1).status, 200);
    let set_aside = client.get("/stats").json()["set_aside"].clone();
    assert!(set_aside[0].as_str().is_some_and(|name| name.starts_with("slot_")), "{set_aside}");
}
