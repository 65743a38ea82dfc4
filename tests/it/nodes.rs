//! Several servers at one database: any of them serves any request, and nobody notices which.

use cosmic_explorer::session::Settings;
use cosmic_explorer::store::{StoreError, postgres};
use serde_json::{Value, json};

use crate::cluster::Database;
use crate::patience::until;
use crate::server::{Client, Server, serve, unlimited};
use crate::voyage::RUNTIME;
use crate::wire::{Refusal, Socket};

/// A server at a database. Where it tries for a short time only, it is started until it has found the database within that.
pub fn node(settings: postgres::Settings) -> Server {
    let mut opened = None;
    until("the database", || match RUNTIME.block_on(postgres::open(settings.clone())) {
        Err(StoreError::Unavailable { .. }) => false,
        tried => {
            opened = Some(tried.expect("it opens"));
            true
        }
    });
    serve(opened.expect("it has opened"), Settings::default(), unlimited())
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

#[test]
fn a_token_that_was_replaced_ends_everywhere_ten_seconds_after_the_next_was_used() {
    let Some(database) = Database::new() else { return };
    let [one, two] = ringing(&database);
    let here = one.player(1);
    let there = here.clone().at(&two.url);
    let status = |client: &Client| client.get(&client.path("")).status;
    let next = one.rotate(here.token.as_deref().expect("a token")).expect("the next one");
    let new = here.with_token(Some(next));
    assert_eq!((status(&here), status(&there)), (200, 200), "it is not used yet");
    assert_eq!(status(&new), 200);
    one.write_down_uses();
    assert_eq!((status(&here), status(&there)), (200, 200), "what is under way with it is answered");
    [&one, &two].into_iter().for_each(|server| server.clock.advance(11));
    assert_eq!((status(&here), status(&there)), (401, 401));
    assert_eq!((status(&new), status(&new.clone().at(&two.url))), (200, 200));
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
    for round in 1..=1000 {
        let url = &servers[round % 2].url;
        let mut next =
            Socket::resume(url, &client, &format!("&last_event_id={}&takeover=true", last.last())).expect("a socket");
        assert_eq!(next.hello["recovered"], true);
        if round % 50 == 0 {
            assert_eq!(next.act(1, &json!({"type": "wait"}))["type"], "result");
        }
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
    }
    assert_eq!(client.look()["revision"], 20);
}

#[test]
fn a_key_that_is_repeated_on_another_server_is_done_once() {
    let Some(database) = Database::new() else { return };
    let servers: [Server; 2] = ringing(&database);
    let client = servers[0].player(1);
    std::thread::scope(|scope| {
        for at in 0..64 {
            let client = client.clone().at(&servers[at % 2].url);
            scope.spawn(move || {
                let key = format!("key {}", at / 16);
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

/// All that a player does, each once, whatever becomes of the answers of the database.
fn do_everything(server: &Server, seed: u64) {
    let json = ("content-type", "application/json");
    let under = |key: &'static str| [json, ("idempotency-key", key)];
    let mut client = server.client();
    let begun = client.send("POST", "/api/sessions", &[json], Some(format!("{{\"seed\":{seed}}}").as_bytes()));
    assert_eq!(begun.status, 201, "{}", begun.text);
    client.token = begun.json()["token"].as_str().map(str::to_owned);
    client.session = begun.json()["session_id"].as_str().expect("an id").to_owned();
    let act = |key, revision: u64| {
        let reply = client.send("POST", &client.path("/actions"), &under(key), Some(br#"{"type":"wait"}"#));
        assert_eq!((reply.status, &reply.json()["revision"]), (200, &json!(revision)), "{}", reply.text);
    };
    act("one", 1);
    act("two", 2);
    act("one", 1);
    let body = json!({"session_id": client.session}).to_string();
    let saved = client.send("PUT", "/api/slots/1", &[json], Some(body.as_bytes()));
    assert!([200, 201].contains(&saved.status), "{}", saved.text);
    act("three", 3);
    let loaded = client.send("POST", "/api/slots/1/load", &under("load"), Some(body.as_bytes()));
    assert_eq!((loaded.status, &loaded.json()["revision"]), (200, &json!(4)), "{}", loaded.text);
    act("four", 5);
    let renamed = client.send("PATCH", &client.path(""), &[json], Some(br#"{"name":"Far away"}"#));
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let revisions: Vec<_> = client.history().iter().map(|turn| turn["revision"].clone()).collect();
    assert_eq!(revisions, [1, 2, 3, 4, 5]);
    assert_eq!(client.look()["state"]["turn_count"], 3);
    assert_eq!(client.send("DELETE", &client.path(""), &[], None).status, 204);
    assert_eq!(client.get("/api/sessions").json()["sessions"], json!([]));
    assert_eq!(client.post("/api/logout", &json!({})).status, 204);
    assert_eq!(client.get("/api/sessions").code(), "TOKEN_INVALID");
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again_and_nothing_is_done_twice() {
    let Some(database) = Database::new() else { return };
    let (wire, settings) = database.tapped();
    let server = node(postgres::Settings { notify: false, poll: std::time::Duration::from_secs(3600), ..settings });
    let mut lost = 0;
    for after in 0.. {
        let before = wire.swallowed();
        wire.swallow(after);
        do_everything(&server, after as u64);
        if wire.swallowed() == before {
            break;
        }
        lost += 1;
    }
    assert!(lost >= 20, "{lost} answers were lost");
}

#[test]
fn a_database_that_is_killed_at_any_statement_has_done_it_once() {
    let Some(database) = Database::alone() else { return };
    let (wire, settings) = database.tapped();
    let timeout = std::time::Duration::from_secs(50);
    let poll = std::time::Duration::from_secs(3600);
    let server = node(postgres::Settings { notify: false, poll, timeout, ..settings });
    let cluster = database.cluster();
    // With all its processes at once, before anybody hears that the statement was done.
    wire.whenever_swallowed(|| cluster.end("QUIT"));
    // Each start takes a while: `scripts/cluster-test` has it killed at each statement, this at every fourth.
    let step = if std::env::var_os("CRASH_KILLS").is_some() { 1 } else { 4 };
    let mut killed = 0;
    for after in (0..).step_by(step) {
        let before = wire.swallowed();
        wire.swallow(after);
        do_everything(&server, after as u64);
        if wire.swallowed() == before {
            break;
        }
        killed += 1;
    }
    assert!(killed * step >= 20, "it was killed {killed} times");
}

#[test]
fn a_wire_that_is_cut_again_and_again_costs_time_only() {
    let Some(database) = Database::new() else { return };
    let (wire, settings) = database.tapped();
    // Between two cuts a server connects again and says more than one statement; and it tries for longer than any of them.
    let server = node(postgres::Settings { timeout: std::time::Duration::from_secs(50), ..settings });
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = crate::patience::Stop(&done);
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_millis(300));
                wire.cut();
            }
        });
        (0..8).for_each(|seed| do_everything(&server, seed));
    });
}

#[test]
fn a_wire_that_stands_still_is_told_of_and_forgotten() {
    let Some(database) = Database::new() else { return };
    let (wire, settings) = database.tapped();
    let server = node(postgres::Settings { timeout: std::time::Duration::from_secs(2), ..settings });
    let client = server.player(1);
    wait(&client);
    wire.freeze(true);
    let key = [("content-type", "application/json"), ("idempotency-key", "one")];
    let act = || client.send("POST", &client.path("/actions"), &key, Some(br#"{"type":"wait"}"#));
    let refused = act();
    assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_UNAVAILABLE"));
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    wire.freeze(false);
    until("the database to answer", || act().status == 200);
    assert_eq!(act().json()["revision"], 2, "whatever became of the first one");
    assert_eq!(client.history().len(), 2);
}

#[test]
fn what_another_server_did_is_read_wherever_reading_it_was_cut_off_before() {
    let Some(database) = Database::new() else { return };
    let (wire, settings) = database.tapped();
    let timeout = std::time::Duration::from_secs(1);
    let poll = std::time::Duration::from_secs(3600);
    let one = node(postgres::Settings { notify: false, poll, timeout, ..settings });
    let [two] = ringing(&database);
    let here = one.player(1);
    let there = here.clone().at(&two.url);
    until("the game", || here.get(&here.path("")).status == 200);
    // The look, the game, its keys, the turns that were missed, and all that it takes to connect and to prepare them: each on a wire that
    // stops there.
    for after in 0..18 {
        let revision = wait(&there)["revision"].clone();
        wire.swallow_and_freeze(after);
        let cut = here.get(&here.path(""));
        wire.calm();
        assert!(cut.status == 503 || cut.json()["revision"] == revision, "after {after}: {}", cut.text);
        let mut read = Value::Null;
        until("the database", || {
            let reply = here.get(&here.path(""));
            read = reply.json()["revision"].clone();
            reply.status == 200
        });
        assert_eq!(read, revision, "after {after}");
    }
}

#[test]
fn a_folder_that_is_copied_to_a_database_and_back_is_the_same() {
    let Some(database) = Database::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, copied) = (folder.path().join("ours"), folder.path().join("copied"));
    let run = |more: &[&str], url: Option<String>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
        command.args(more).env("COSMIC_DATABASE__ALLOW_UNSAFE", "true");
        command.envs(url.map(|url| ("COSMIC_DATABASE__URL", url)));
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let server = crate::binary::start(crate::binary::program(&ours, &[]));
    let mut clients: Vec<_> = (0..12).map(|_| Client::new(&server.url)).collect();
    for (seed, client) in clients.iter_mut().enumerate() {
        client.begin(json!({ "seed": seed }));
        (0..seed).for_each(|_| drop(wait(client)));
        let body = json!({"session_id": client.session}).to_string();
        let json = [("content-type", "application/json")];
        assert_eq!(client.send("PUT", "/api/slots/1", &json, Some(body.as_bytes())).status, 200);
    }
    assert_eq!(clients[3].send("DELETE", &clients[3].path(""), &[], None).status, 204);
    let states: Vec<_> = clients.iter().map(|client| client.get(&client.path("")).text).collect();
    assert_eq!(server.end("-TERM"), Some(0));

    let (ours, copied) = (ours.to_str().expect("text"), copied.to_str().expect("text"));
    let url = database.url();
    let told = run(&["saves", "copy", "--from", ours, "--to", &url], None);
    assert!(told.starts_with("11 games copied, 0 were there; 12 saves"), "{told}");
    let again = run(&["saves", "copy", "--from", ours, "--to", &url], None);
    assert!(again.starts_with("0 games copied, 11 were there"), "{again}");
    assert!(!run(&["saves", "verify"], Some(url.clone())).contains("BAD"));
    let listed = run(&["saves", "list", "--saves", ours], None);
    assert_eq!(listed, run(&["saves", "list"], Some(url.clone())));
    run(&["saves", "copy", "--from", &url, "--to", copied], None);
    assert_eq!(listed, run(&["saves", "list", "--saves", copied], None));
    assert!(!run(&["saves", "verify", "--saves", copied], None).contains("BAD"));
    // Whoever has a token has it here too.
    let server = node(database.settings());
    for (client, state) in clients.iter().zip(&states) {
        let client = client.clone().at(&server.url);
        assert_eq!(&client.get(&client.path("")).text, state);
    }
}

#[test]
fn acts_of_many_on_many_servers_are_one_chain() {
    let Some(database) = Database::new() else { return };
    let servers: [Server; 3] = looking(&database);
    let games: Vec<_> = (0..3).map(|seed| servers[seed].player(seed as u64)).collect();
    let taken = parking_lot::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..12 {
            let (servers, games, taken) = (&servers, &games, &taken);
            scope.spawn(move || {
                for act in 0..20 {
                    let game = (number + act) % games.len();
                    let client = games[game].clone().at(&servers[(number * 7 + act) % servers.len()].url);
                    let reply = client.try_act(&json!({"type": "wait"}));
                    let answer = reply.json();
                    match reply.status {
                        200 => taken.lock().push((game, answer["revision"].clone(), answer["digest"].clone())),
                        // So many at once come to an end of patience.
                        503 => assert_eq!(reply.code(), "SESSION_BUSY"),
                        // They wait until they starve.
                        409 => assert_eq!(reply.code(), "GAME_OVER"),
                        _ => panic!("{}", reply.text),
                    }
                }
            });
        }
    });
    let taken = taken.into_inner();
    assert!(taken.len() > 100, "{} were taken", taken.len());
    for (at, client) in games.iter().enumerate() {
        let turn = |turn: &Value| (at, turn["revision"].clone(), turn["digest"].clone());
        let history: Vec<_> = client.history().iter().map(turn).collect();
        for server in &servers {
            let there = client.clone().at(&server.url);
            assert_eq!(there.history().iter().map(turn).collect::<Vec<_>>(), history);
            assert_eq!(there.look()["revision"], history.len());
        }
        let mut answered: Vec<_> = taken.iter().filter(|(game, ..)| *game == at).cloned().collect();
        answered.sort_by_key(|(_, revision, _)| revision.as_u64());
        assert_eq!(answered, history, "every turn was answered, once");
    }
}

#[test]
fn what_is_in_memory_may_be_forgotten_after_every_command() {
    let Some(database) = Database::new() else { return };
    let servers: [Server; 2] = ringing(&database);
    let client = servers[0].player(5);
    let mut dice = cosmic_explorer::game::rng::Dice::new(5);
    for turn in 1..=60 {
        let client = client.clone().at(&servers[turn % 2].url);
        let state = client.look()["state"].clone();
        if state["game_over"] == true {
            break;
        }
        let offer = crate::play::choose_offer(&state, &client.offers(), &mut dice);
        assert_eq!(client.act(&offer["action"])["revision"], turn);
        for server in &servers {
            // An hour, after which a game that nobody asks for leaves memory.
            server.clock.advance(3601);
            server.sweep();
            assert_eq!(server.services.reporter.report().resident, 0);
        }
    }
    assert!(client.history().len() > 10);
    assert_eq!(client.history(), client.at(&servers[1].url).history());
}

#[test]
fn clocks_that_differ_decide_nothing() {
    let Some(database) = Database::new() else { return };
    let [one, two, three] = ringing(&database);
    two.clock.advance(3600);
    three.clock.step(-3600);
    every_turn_is_heard_once([one, two, three]);
}

#[test]
fn an_older_server_leaves_a_game_to_the_newer_ones() {
    let Some(database) = Database::new() else { return };
    let [one, two] = ringing(&database);
    let here = one.player(1);
    wait(&here);
    let rules = database.say("SELECT rules FROM sessions");
    database.say("UPDATE sessions SET rules = 99");
    let outdated = |client: &Client| {
        let refused = client.try_act(&json!({"type": "wait"}));
        assert_eq!((refused.status, refused.code().as_str()), (503, "NODE_OUTDATED"), "{}", refused.text);
        assert_eq!(refused.header("retry-after"), "1");
    };
    outdated(&here);
    let there = here.clone().at(&two.url);
    outdated(&there);
    assert_eq!(there.get(&there.path("")).code(), "NODE_OUTDATED", "a state that nobody here can read");
    let mut socket = Socket::resume(&one.url, &here, "").expect("a socket");
    assert_eq!(socket.act(1, &json!({"type": "wait"}))["problem"]["code"], "NODE_OUTDATED");
    // As it was, nothing was done by any of them.
    database.say(&format!("UPDATE sessions SET rules = {rules}"));
    assert_eq!(wait(&there)["revision"], 2);
    assert_eq!(wait(&here)["revision"], 3);
}

/// Has the database fail as it does where its disk is full, and for as long.
fn fail(database: &Database, code: &str, times: &str) {
    database.say(&format!(
        "CREATE SEQUENCE failures;
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'it fails' USING ERRCODE = '{code}'; END IF;
           RETURN NEW;
         END $$;
         CREATE TRIGGER fails BEFORE INSERT ON turns FOR EACH ROW EXECUTE FUNCTION fail()"
    ));
}

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    let Some(database) = Database::new() else { return };
    let [one, two] = ringing(&database);
    let here = one.player(1);
    wait(&here);
    fail(&database, "53100", "1000000");
    for _ in 0..3 {
        let refused = here.try_act(&json!({"type": "wait"}));
        assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_UNAVAILABLE"));
        assert_eq!(here.look()["revision"], 1, "reads go on");
    }
    database.say("DROP TRIGGER fails ON turns");
    assert_eq!(wait(&here)["revision"], 2);
    assert_eq!(here.at(&two.url).history().len(), 2);
}

#[test]
fn what_collides_in_the_database_is_said_again() {
    for code in ["40001", "40P01", "55P03"] {
        let Some(database) = Database::new() else { return };
        let [one] = ringing(&database);
        let here = one.player(1);
        fail(&database, code, "3");
        assert_eq!(wait(&here)["revision"], 1, "{code}");
        assert_eq!(here.history().len(), 1);
    }
}

/// A server whom nobody tells anything, and which does not look by itself.
fn deaf(database: &Database) -> Server {
    let poll = std::time::Duration::from_secs(3600);
    node(postgres::Settings { notify: false, poll, ..database.settings() })
}

fn act_under(client: &Client, key: &str) -> crate::server::Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send("POST", &client.path("/actions"), &headers, Some(br#"{"type":"wait"}"#))
}

#[test]
fn a_token_that_was_replaced_elsewhere_acts_nowhere() {
    let Some(database) = Database::new() else { return };
    let (deaf, two) = (deaf(&database), deaf(&database));
    let here = deaf.player(1);
    assert_eq!(act_under(&here, "before").status, 200);
    let next = two.rotate(here.token.as_deref().expect("a token")).expect("the next one");
    let new = here.with_token(Some(next)).at(&two.url);
    assert_eq!(act_under(&here, "while it is new").status, 200);
    assert_eq!(act_under(&new, "the new one").status, 200);
    two.write_down_uses();
    assert_eq!(act_under(&here, "a moment later").status, 200);
    [&deaf, &two].into_iter().for_each(|server| server.clock.advance(11));
    for key in ["late", "before"] {
        assert_eq!(act_under(&here, key).code(), "TOKEN_INVALID", "{key}");
    }
    assert_eq!(act_under(&new.at(&deaf.url), "the new one again").json()["revision"], 5);
}

#[test]
fn whoever_has_logged_out_elsewhere_acts_nowhere() {
    let Some(database) = Database::new() else { return };
    let deaf = deaf(&database);
    let [two] = ringing(&database);
    let here = deaf.player(1);
    let mut socket = Socket::resume(&deaf.url, &here, "").expect("a socket");
    assert_eq!(socket.act(1, &json!({"type": "wait"}))["type"], "result");
    assert_eq!(act_under(&here, "before").status, 200);
    let there = here.clone().at(&two.url);
    assert_eq!(there.post("/api/logout", &json!({})).status, 204);
    assert_eq!(socket.act(2, &json!({"type": "wait"}))["problem"]["code"], "TOKEN_INVALID");
    // Whether it would be taken, was taken before, or is refused by the rules.
    assert_eq!(act_under(&here, "after").code(), "TOKEN_INVALID");
    assert_eq!(act_under(&here, "before").code(), "TOKEN_INVALID");
    assert_eq!(here.try_act(&json!({"type": "flee"})).code(), "TOKEN_INVALID");
    assert_eq!(database.say("SELECT revision FROM sessions"), "2");
}

#[test]
fn whoever_acts_on_what_was_deleted_elsewhere_is_told_so() {
    let Some(database) = Database::new() else { return };
    let deaf = deaf(&database);
    let [two] = ringing(&database);
    let here = deaf.player(1);
    wait(&here);
    let there = here.clone().at(&two.url);
    assert_eq!(there.send("DELETE", &there.path(""), &[], None).status, 204);
    assert_eq!(here.try_act(&json!({"type": "wait"})).code(), "SESSION_EXPIRED");
}

#[test]
fn lists_tell_what_is_played_on_another_server() {
    let Some(database) = Database::new() else { return };
    let [one, two] = ringing(&database);
    let here = one.player(1);
    let there = here.clone().at(&two.url);
    let status = |client: &Client| client.get("/api/sessions").json()["sessions"][0]["status"].clone();
    assert_eq!(status(&there), "stored");
    let socket = Socket::resume(&one.url, &here, "").expect("a socket");
    assert_eq!(status(&there), "live");
    drop(socket);
    until("the connection to be over", || status(&there) == "stored");
}

fn a_pooler_stands_between(mode: &str) {
    let Some(database) = Database::new() else { return };
    let Some(pooler) = database.pooled(mode) else { return };
    let poll = std::time::Duration::from_millis(20);
    let servers = || {
        let settings = postgres::Settings { url: pooler.url(), ..database.settings() };
        node(postgres::Settings { notify: false, poll, ..settings })
    };
    let nodes = [servers(), servers(), servers()];
    nodes.iter().zip(0..).for_each(|(server, seed)| do_everything(server, seed));
    every_turn_is_heard_once(nodes);
}

#[test]
fn a_pooler_of_sessions_may_stand_between() {
    a_pooler_stands_between("session");
}

#[test]
fn a_pooler_of_transactions_may_stand_between() {
    a_pooler_stands_between("transaction");
}
