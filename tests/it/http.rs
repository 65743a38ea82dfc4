//! Whole games over HTTP, and the forms of the answers.

use cosmic_explorer::game::rng::Dice;
use serde_json::{Value, json};

use crate::play::choose_offer;
use crate::server::{Client, dawn, start, unlimited};

/// Plays to the end by what the server offers, and checks every step.
pub fn play(client: &Client, policy: u64) -> Value {
    let mut dice = Dice::new(policy);
    let mut state = client.look()["state"].clone();
    let mut revision = 0;
    while state["game_over"] == false {
        let offers = client.offers();
        assert_eq!(offers["revision"], revision);
        for refused in offers["refused"].as_array().expect("refusals") {
            assert!(refused["code"].as_str().is_some_and(|code| !code.is_empty()), "{refused}");
            assert!(refused["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{refused}");
        }
        let offer = choose_offer(&state, &offers, &mut dice);
        if revision % 7 == 0 {
            refusals_hold(client, &offers, revision);
        }

        let acted = client.act(&offer["action"]);
        revision += 1;
        assert_eq!(acted["revision"], revision);
        assert_eq!(acted["outcome"]["cost"], offer["cost"], "{offer}");
        let next = acted["state"].clone();
        check_charge(&offer, &acted["outcome"], &state, &next);
        state = next;
    }
    let offers = client.offers();
    assert_eq!(offers["offered"], json!([]));
    assert!(offers["refused"].as_array().expect("refusals").iter().all(|refused| refused["code"] == "GAME_OVER"));
    let history = client.history();
    assert_eq!(history.len(), revision);
    assert!((1..).zip(&history).all(|(revision, turn)| turn["revision"] == revision));
    state
}

/// What is refused is refused with the same code, and changes nothing.
fn refusals_hold(client: &Client, offers: &Value, revision: usize) {
    for refused in offers["refused"].as_array().expect("refusals").iter().step_by(5) {
        let reply = client.try_act(&refused["action"]);
        assert_eq!(reply.status, 409, "{}", reply.text);
        assert_eq!(reply.code(), refused["code"].as_str().expect("a code"));
    }
    assert_eq!(client.look()["revision"], revision);
}

/// The state moved by what was quoted and by what the events tell.
fn check_charge(offer: &Value, outcome: &Value, before: &Value, after: &Value) {
    let told = |kind: &str| -> i64 {
        let events = outcome["events"].as_array().expect("events").iter();
        events.filter(|event| event["type"] == kind).map(|event| event["amount"].as_i64().expect("an amount")).sum()
    };
    let figure = |state: &Value, name: &str| state["player_stats"][name].as_i64().expect("a figure");
    for (name, event, cost) in [("wealth", "credits", "credits"), ("fuel", "fuel", "fuel")] {
        let moved = figure(after, name) - figure(before, name);
        let paid = offer["cost"][cost].as_i64().expect("a cost");
        assert_eq!(moved, told(event) - paid, "{name} of {offer}: {outcome}");
    }
    let turns = after["turn_count"].as_i64().expect("turns") - before["turn_count"].as_i64().expect("turns");
    assert_eq!(turns, offer["cost"]["turns"].as_i64().expect("turns"));
    if let Some(gain) = offer["gain"].as_i64() {
        assert_eq!(told("credits"), gain, "{offer}");
    }
}

#[test]
fn twenty_games_are_played_over_http_to_their_end() {
    let (_folder, server) = start();
    let ends: Vec<_> = std::thread::scope(|scope| {
        let players: Vec<_> = (0..4)
            .map(|player| {
                let mut client = server.client();
                scope.spawn(move || {
                    let mut ends = Vec::new();
                    for game in 0..5 {
                        let seed = player * 5 + game;
                        let difficulty = ["easy", "normal", "hard"][seed % 3];
                        client.begin(json!({ "seed": seed, "difficulty": difficulty }));
                        ends.push(play(&client, seed as u64)["end"].clone());
                    }
                    ends
                })
            })
            .collect();
        players.into_iter().flat_map(|player| player.join().expect("a game without a fault")).collect()
    });
    assert_eq!(ends.len(), 20);
    assert!(ends.iter().all(Value::is_string), "{ends:?}");
}

#[test]
fn the_readme_plays_five_turns() {
    let readme = std::fs::read_to_string("README.md").expect("the README");
    let seed = readme.split("\"seed\": ").nth(1).and_then(|rest| rest.split('}').next()).expect("a seed");
    let actions = readme.lines().filter_map(|line| line.strip_prefix("act '")?.strip_suffix('\''));
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("its answers");
    let (_folder, server) = start();
    let client = server.player(seed.parse().expect("a number"));
    // As the README's commands print them: an offer, and what came of each action.
    let offers = client.get(&client.path("/actions")).json();
    let offered = offers["offered"].as_array().expect("offers").iter();
    let mut answers: Vec<_> =
        offered.filter(|offer| offer["action"]["type"] == "navigate").map(ToString::to_string).collect();
    for action in actions {
        let acted = client.try_act(&serde_json::from_str(action).expect("JSON")).json();
        let answer = acted["outcome"]["message"].as_str().or(acted["detail"].as_str());
        answers.push(answer.expect("a sentence").to_owned());
    }
    assert_eq!(shown.lines().collect::<Vec<_>>(), answers);
    assert_eq!(client.look()["state"]["turn_count"], 5);
}

#[test]
fn a_game_can_be_won_over_http() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = server.player(3);
    client.act(&json!({"type": "wait"}));
    let saves = folder.path().to_owned();
    assert_eq!(server.stop(), 0);
    // A rich man: what is one sale short of the goal is written into the checkpoint by hand, as its owner may.
    crate::server::edit(&saves, &client.session, |text| {
        let mut save: Value = serde_json::from_str(text).expect("JSON");
        save["player_stats"]["wealth"] = json!(5749);
        save["player_stats"]["inventory"] = json!([{ "item_id": "data_cores", "quantity": 2 }]);
        save.to_string()
    });

    let server = crate::server::start_in(&saves, Default::default(), Default::default());
    let client = client.at(&server.url);
    let acted = client.act(&json!({"type": "sell_item", "item": "data_cores", "quantity": 1}));
    assert_eq!(acted["state"]["victory"], true, "a free action can win, in the same reply");
    assert_eq!(acted["state"]["seed"], 3, "the seed of a finished game is told");
    let again = client.try_act(&json!({"type": "wait"}));
    assert_eq!((again.status, again.code().as_str()), (409, "GAME_OVER"));
    assert_eq!(client.get("/api/sessions").json()["sessions"][0]["status"], "finished");
}

#[test]
fn a_new_player_gets_a_token_and_a_known_one_none() {
    let (_folder, server) = start();
    let mut client = server.client();
    let reply = client.post_text("/api/sessions", b"");
    assert_eq!(reply.status, 201);
    let created = reply.json();
    let id = created["session_id"].as_str().expect("an id");
    assert_eq!(reply.header("location"), format!("sessions/{id}"));
    let tag = reply.header("etag");
    assert!(tag.starts_with("\"0-") && tag.len() == "\"0-01234567\"".len(), "{tag}");
    let cookie = reply.header("set-cookie");
    assert!(
        cookie.starts_with(&server.cookie("")) && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict")
    );
    client.token = created["token"].as_str().map(str::to_owned);
    let second = client.begin(json!({ "name": "  Long way home " }));
    assert!(second.get("token").is_none());
    assert_eq!(second["name"], "Long way home");

    let sessions = client.get("/api/sessions").json()["sessions"].as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 2);
    for field in [
        "session_id",
        "name",
        "status",
        "created_at",
        "last_activity",
        "revision",
        "turn_count",
        "ship_type",
        "place",
        "wealth",
    ] {
        assert!(!sessions[1][field].is_null(), "{field}");
    }
    assert_eq!(sessions[1]["created_at"], dawn().to_string());

    // The cookie alone does as well.
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    client.token = None;
    let by_cookie = client.send("GET", "/api/sessions", &[("cookie", &pair)], None);
    assert_eq!(by_cookie.json()["sessions"].as_array().map(Vec::len), Some(2));
}

#[test]
fn without_a_good_token_nothing_is_told() {
    let (_folder, server) = start();
    let owner = server.player(1);
    let mut nobody = owner.clone();
    nobody.token = None;
    let paths = ["", "/map", "/actions", "/turns"];
    for path in paths {
        let reply = nobody.get(&nobody.path(path));
        assert_eq!((reply.status, reply.code().as_str()), (401, "TOKEN_REQUIRED"));
    }
    nobody.token = Some("A".repeat(98));
    let reply = nobody.post("/api/sessions", &json!({}));
    assert_eq!((reply.status, reply.code().as_str()), (401, "TOKEN_INVALID"), "never a silent new player");

    let mut stranger = server.player(2);
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    for path in paths {
        stranger.session.clone_from(&owner.session);
        let foreign = stranger.get(&stranger.path(path));
        stranger.session = unknown.to_owned();
        let never = stranger.get(&stranger.path(path));
        assert_eq!((foreign.status, foreign.code().as_str()), (404, "SESSION_NOT_FOUND"));
        assert_eq!((foreign.status, foreign.text), (never.status, never.text), "nobody can tell which");
    }
    stranger.session.clone_from(&owner.session);
    assert_eq!(stranger.send("DELETE", &stranger.path(""), &[], None).status, 404);
    assert_eq!(stranger.try_act(&json!({"type": "wait"})).status, 404);
    assert_eq!(owner.look()["revision"], 0);
}

/// Every figure in an answer, by its name.
fn figures(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Number(number) => found.push((name.to_owned(), number.to_string())),
        Value::Array(list) => list.iter().for_each(|each| figures(name, each, found)),
        Value::Object(members) => members.iter().for_each(|(name, each)| figures(name, each, found)),
        _ => {}
    }
}

#[test]
fn figures_are_short_and_of_one_kind_wherever_they_are_shown() {
    let (_folder, server) = start();
    let mut found = Vec::new();
    for seed in 0..6 {
        let client = server.player(seed);
        for _ in 0..20 {
            let offers = client.offers();
            figures("", &offers, &mut found);
            let state = client.look()["state"].clone();
            figures("", &client.get(&client.path("/map")).json(), &mut found);
            if state["game_over"] == true {
                break;
            }
            let next = choose_offer(&state, &offers, &mut Dice::new(seed));
            figures("", &client.act(&next["action"]), &mut found);
        }
    }
    assert!(found.len() > 10_000);
    let whole =
        ["max_hp", "pod_max_hp", "cargo_capacity", "combat_power", "hull_repair", "wealth", "amount", "fuel", "stock"];
    for (name, text) in found {
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        assert!(decimals <= 6 && !text.contains('e'), "{name}: {text}");
        assert!(decimals == 0 || !whole.contains(&name.as_str()), "{name}: {text}");
    }
}

#[test]
fn reading_changes_nothing() {
    let (_folder, server) = start();
    let client = server.player(5);
    let before = client.get(&client.path("")).text;
    for path in ["/map", "/actions", "/turns", ""] {
        client.get(&client.path(path));
    }
    server.clock.advance(1000);
    assert_eq!(client.get(&client.path("")).text, before);
}

#[test]
fn the_seed_and_what_is_not_discovered_stay_on_the_server() {
    let (_folder, server) = start();
    let mut client = server.client();
    let seed = 4_815_162_342_108_u64;
    client.begin(json!({ "seed": seed }));
    let map = client.get(&client.path("/map"));
    let state = client.get(&client.path(""));
    let offers = client.get(&client.path("/actions"));
    client.act(&json!({"type": "scan"}));
    let turns = client.get(&client.path("/turns"));
    for text in [&map.text, &state.text, &offers.text, &turns.text] {
        assert!(!text.contains(&seed.to_string()) && !text.contains("word_pos"));
    }
    let regions = map.json()["regions"].as_array().expect("regions").clone();
    let nodes: Vec<_> = regions.iter().flat_map(|region| region["nodes"].as_array().expect("nodes")).cloned().collect();
    assert!(nodes.len() < 12, "only what can be seen from the start");
    assert_eq!(nodes.iter().filter(|node| node["charted"] == true).count(), 1);
    assert!(nodes.iter().all(|node| node["charted"] == true || node.get("type").is_none()));
    assert!(state.text.len() < 4096, "the state is small: {}", state.text.len());
}

#[test]
fn history_comes_in_pages() {
    let (_folder, server) = start();
    let client = server.player(1);
    for _ in 0..7 {
        client.act(&json!({"type": "wait"}));
    }
    let page = client.get(&client.path("/turns?after=2&limit=3")).json();
    let revisions: Vec<_> =
        page["turns"].as_array().expect("turns").iter().map(|turn| turn["revision"].clone()).collect();
    assert_eq!(json!(revisions), json!([3, 4, 5]));
    assert_eq!(page["next_after"], 5);
    server.sweep();
    client.act(&json!({"type": "wait"}));
    let history = client.history();
    assert_eq!(history.len(), 8, "written and not yet written make one history");
    assert_eq!(history[0]["action"], json!({"type": "wait"}));
    assert_eq!(history[0]["digest"].as_str().map(str::len), Some(64));
    for bad in ["after=-1", "limit=0", "limit=101", "limit=x", "page=2", "after=1&after=2"] {
        let reply = client.get(&client.path(&format!("/turns?{bad}")));
        assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_QUERY"), "{bad}");
    }
}

#[test]
fn a_session_is_renamed_and_deleted() {
    let (folder, server) = start();
    let client = server.player(1);
    let rename = |name: &str| {
        let body = json!({ "name": name }).to_string();
        client.send("PATCH", &client.path(""), &[("content-type", "application/json")], Some(body.as_bytes()))
    };
    assert_eq!(rename("Ännchen <b>").json()["name"], "Ännchen <b>");
    assert_eq!(rename(" a\n\u{202e}b ").json()["name"], "a b", "what does not show is taken out");
    for bad in ["", "   ", "\u{200b}", &"x".repeat(41)] {
        let reply = rename(bad);
        assert_eq!((reply.status, reply.code().as_str()), (422, "BAD_NAME"), "{bad:?}");
    }
    let deleted = client.send("DELETE", &client.path(""), &[], None);
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    let gone = |client: &Client| {
        for (method, path) in [("GET", ""), ("GET", "/map"), ("GET", "/turns"), ("DELETE", "")] {
            let reply = client.send(method, &client.path(path), &[], None);
            assert_eq!((reply.status, reply.code().as_str()), (410, "SESSION_EXPIRED"), "{method} {path}");
            assert_eq!(reply.json()["reason"], "deleted");
            assert_eq!(reply.json()["expired_at"], dawn().to_string());
            assert_eq!(reply.header("x-session-expired"), "true");
            assert_eq!(reply.header("x-session-expired-reason"), "deleted");
        }
    };
    gone(&client);
    let mut stranger = server.player(2);
    stranger.session.clone_from(&client.session);
    assert_eq!(stranger.get(&stranger.path("")).status, 404);
    assert_eq!(client.get("/api/sessions").json()["sessions"], json!([]));
    server.stop();
    let server = crate::server::start_in(folder.path(), Default::default(), Default::default());
    let client = client.at(&server.url);
    gone(&client);
    server.clock.advance(24 * 3600);
    server.sweep();
    assert_eq!(client.get(&client.path("")).status, 404, "a tombstone stands for a day");
    let left = std::fs::read_dir(folder.path()).expect("saves").filter_map(Result::ok);
    assert!(!left.map(|file| file.file_name()).any(|name| name.to_string_lossy().contains(&client.session)));
}

#[test]
fn content_is_cacheable_by_its_hash() {
    let (_folder, server) = start();
    let client = server.player(1);
    let content = client.get("/api/content");
    let hash = content.json()["hash"].as_str().expect("a hash").to_owned();
    assert_eq!(content.header("etag"), format!("\"{hash}\""));
    assert_eq!(client.look()["state"]["content"], hash.as_str());
    for (table, count) in
        [("ships", 4), ("mods", 15), ("items", 15), ("enemies", 5), ("augmentations", 8), ("regions", 5)]
    {
        assert_eq!(content.json()[table].as_object().map(serde_json::Map::len), Some(count), "{table}");
    }
    let by_hash = client.get(&format!("/api/content/{hash}"));
    assert_eq!(by_hash.text, content.text);
    assert!(by_hash.header("cache-control").contains("immutable"));
    let fresh = client.send("GET", "/api/content", &[("if-none-match", content.header("etag"))], None);
    assert_eq!(fresh.status, 304);
    for unknown in ["0".repeat(64), "x".to_owned(), "..%2Fkeys".to_owned()] {
        assert_eq!(client.get(&format!("/api/content/{unknown}")).code(), "CONTENT_NOT_FOUND");
    }
}

#[test]
fn the_pages_of_operation_answer() {
    let (_folder, server) = start();
    let client = server.player(1);
    client.act(&json!({"type": "wait"}));
    assert_eq!(client.get("/health").json()["status"], "ok");
    assert_eq!(client.get("/ready").json()["status"], "ready");
    assert_eq!(client.get("/version").json()["name"], "cosmic-explorer");
    assert_eq!(client.send("HEAD", "/health", &[], None).status, 200);
    let page = client.get("/");
    assert!(page.header("content-type").starts_with("text/html") && page.text.contains("Cosmic Explorer"));
    let stats = client.get("/stats").json();
    assert_eq!((&stats["active_sessions"], &stats["turns"], &stats["limit"]), (&json!(1), &json!(1), &json!(100)));
    assert_eq!(stats["sessions"][0]["turn_count"], 1);
    let sessions = client.get("/sessions").json();
    let first = sessions["sessions"][0].as_object().expect("a session").clone();
    for field in [
        "session_id",
        "connection_count",
        "timeout_remaining_secs",
        "is_shutting_down",
        "revision",
        "idle_secs",
        "created_at",
    ] {
        assert!(first.contains_key(field), "{field}");
    }
    let wrong = client.send("PUT", "/api/sessions", &[], None);
    assert_eq!(
        (wrong.status, wrong.code().as_str(), wrong.header("allow")),
        (405, "METHOD_NOT_ALLOWED", "GET, HEAD, POST, OPTIONS")
    );
    assert_eq!(client.get("/nowhere").code(), "NOT_FOUND");
}

#[test]
fn debug_pages_are_for_this_machine_or_the_admin() {
    let settings = cosmic_explorer::api::Settings {
        admin_token: Some("0123456789abcdef".into()),
        hosts: vec!["game.example".into()],
        ..unlimited()
    };
    let (_folder, server) = crate::server::start_with(Default::default(), settings);
    let client = server.client();
    for path in ["/stats", "/sessions"] {
        assert_eq!(client.get(path).status, 200);
        for headers in
            [[("host", "game.example")], [("x-forwarded-for", "127.0.0.1")], [("forwarded", "for=127.0.0.1")]]
        {
            let reply = client.send("GET", path, &headers, None);
            assert_eq!((reply.status, reply.code().as_str()), (401, "ADMIN_TOKEN_REQUIRED"), "{headers:?}");
        }
        let from_far = [("host", "game.example"), ("authorization", "Bearer 0123456789abcdef")];
        assert_eq!(client.send("GET", path, &from_far, None).status, 200);
        let guess = [("host", "game.example"), ("authorization", "Bearer 0123456789abcdeF")];
        assert_eq!(client.send("GET", path, &guess, None).status, 401);
    }
}
