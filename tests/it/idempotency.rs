//! `Idempotency-Key`: an action that is repeated under its key is answered and not done again, also after a restart.

use serde_json::{Value, json};

use crate::server::{Client, Reply, edit, start, start_in, unlimited};
use crate::wire::{Refusal, Socket};

fn act(client: &Client, key: &str, action: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send("POST", &client.path("/actions"), &headers, Some(action.to_string().as_bytes()))
}

#[test]
fn eight_at_once_and_again_after_a_restart_are_one() {
    let (folder, server) = start();
    let client = server.player(7);
    let wait = json!({"type": "wait"});
    let replies: Vec<_> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| act(&client, "one", &wait))).collect();
        sent.into_iter().map(|reply| reply.join().expect("a reply")).collect()
    });
    let mut answers = Vec::new();
    for reply in replies {
        if reply.status == 200 {
            answers.push(reply.json());
        } else {
            assert_eq!((reply.status, reply.code().as_str()), (409, "KEY_IN_PROGRESS"));
            assert_eq!(reply.header("retry-after"), "1");
        }
    }
    answers.push(act(&client, "one", &wait).json());
    act(&client, "two", &json!({"type": "scan"}));
    let later = act(&client, "one", &wait).json();
    assert_eq!(later["state"], client.look()["state"], "with the state as it is now");
    answers.push(later);
    server.stop();

    let server = start_in(folder.path(), Default::default(), Default::default());
    let client = client.at(&server.url);
    answers.push(act(&client, "one", &wait).json());
    let [first, ..] = answers.as_slice() else { panic!("no answer") };
    assert_eq!(first["revision"], 1);
    for answer in &answers {
        for member in ["revision", "digest"] {
            assert_eq!(answer[member], first[member]);
        }
        for member in ["events", "message", "cost"] {
            assert_eq!(answer["outcome"][member], first["outcome"][member]);
        }
    }
    assert_eq!((client.look()["revision"].clone(), client.history().len()), (json!(2), 2));
}

#[test]
fn a_key_belongs_to_one_action_of_one_session() {
    let (_folder, server) = start();
    let client = server.player(7);
    assert_eq!(act(&client, "key", &json!({"type": "wait"})).status, 200);
    let reused = act(&client, "key", &json!({"type": "scan"}));
    assert_eq!((reused.status, reused.code().as_str()), (422, "KEY_REUSED"));
    assert_eq!(reused.json()["revision"], 1);
    // Before the revision is looked at: what was taken is answered, however old.
    let headers = [("content-type", "application/json"), ("idempotency-key", "key"), ("if-match", "\"0\"")];
    let again = client.send("POST", &client.path("/actions"), &headers, Some(b"{\"type\": \"wait\"}"));
    assert_eq!((again.status, again.json()["revision"].clone()), (200, json!(1)));
    // What was refused was not done, and can be tried again.
    assert_eq!(act(&client, "fight", &json!({"type": "flee"})).code(), "NOT_IN_COMBAT");
    assert_eq!(act(&client, "fight", &json!({"type": "wait"})).status, 200);

    let mut other = client.clone();
    other.begin(json!({"seed": 8}));
    assert_eq!(act(&other, "key", &json!({"type": "wait"})).json()["revision"], 1);
    let mut stranger = server.player(9);
    stranger.session = client.session;
    assert_eq!(act(&stranger, "key", &json!({"type": "wait"})).code(), "SESSION_NOT_FOUND");
}

#[test]
fn keys_are_short_and_one_to_a_request() {
    let (_folder, server) = start();
    let client = server.player(7);
    for bad in [String::new(), "k".repeat(65), "ke\ty".to_owned()] {
        let reply = client.try_send(
            "POST",
            &client.path("/actions"),
            &[("content-type", "application/json"), ("idempotency-key", &bad)],
            Some(b"{\"type\": \"wait\"}"),
        );
        // The client refuses to send some of them.
        if let Ok(reply) = reply {
            assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_HEADER"), "{bad:?}");
        }
    }
    for second in ["one", "two"] {
        for (path, body) in [(client.path("/actions"), "{\"type\": \"wait\"}"), ("/api/sessions".to_owned(), "{}")] {
            let headers =
                [("content-type", "application/json"), ("idempotency-key", "one"), ("idempotency-key", second)];
            let reply = client.send("POST", &path, &headers, Some(body.as_bytes()));
            assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_HEADER"), "{path}");
        }
    }
    for path in [client.path("/observers"), "/api/logout".to_owned()] {
        let reply = client.send("POST", &path, &[("idempotency-key", "one")], None);
        assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_HEADER"), "{path}");
    }
    assert_eq!(client.look()["revision"], 0);
}

/// Plays on, whatever is offered; the action that was taken.
fn go_on(client: &Client, key: &str) -> Value {
    let food = json!({"type": "buy_food", "amount": 1});
    if act(client, key, &food).status == 200 {
        return food;
    }
    let offered = client.offers()["offered"].as_array().expect("offers").clone();
    let takes_time = |offer: &&Value| offer["cost"]["turns"] == 1 && offer["action"]["type"] != "navigate";
    let next = offered.iter().find(takes_time).or(offered.first()).expect("something can be done")["action"].clone();
    let reply = act(client, key, &next);
    assert_eq!(reply.status, 200, "{next}: {}", reply.text);
    next
}

#[test]
fn the_last_256_keys_are_remembered_also_over_a_restart() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = server.player(7);
    server.stop();
    // A purse for as many rations.
    edit(folder.path(), &client.session, |text| {
        let mut save: Value = serde_json::from_str(text).expect("JSON");
        save["player_stats"]["wealth"] = json!(4000);
        save.to_string()
    });
    let server = start_in(folder.path(), Default::default(), unlimited());
    let client = client.at(&server.url);
    let done: Vec<_> = (0..256).map(|number| go_on(&client, &format!("key {number}"))).collect();
    server.sweep();
    act(&client, "another", &json!({"type": "no"}));
    server.stop();
    let server = start_in(folder.path(), Default::default(), unlimited());
    let client = client.at(&server.url);
    for (number, action) in done.iter().enumerate().step_by(51) {
        let again = act(&client, &format!("key {number}"), action);
        assert_eq!((again.status, again.json()["revision"].as_u64()), (200, Some(number as u64 + 1)), "{}", again.text);
    }
    assert_eq!(client.look()["revision"], 256);
    go_on(&client, "one more");
    assert_eq!(act(&client, "key 1", &done[1]).json()["revision"], 2);
    assert_ne!(act(&client, "key 0", &done[0]).json()["revision"], 1, "forgotten");
}

/// All that one connection can have under way, sent again after it was cut.
#[test]
fn what_was_under_way_when_a_socket_dropped_is_taken_once() {
    for frames in [90, 128] {
        let (_folder, server) = start();
        let client = server.player(7);
        let send_all = |socket: &mut Socket| {
            for id in 0..frames {
                // As often as the purse needs it.
                let wait = id % 30 == 15;
                let action = if wait { json!({"type": "wait"}) } else { json!({"type": "buy_food", "amount": 1}) };
                let frame = json!({"type": "act", "id": id, "key": format!("q{id}"), "action": action});
                if socket.try_say(&frame).is_err() {
                    return;
                }
            }
        };
        let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
        send_all(&mut socket);
        drop(socket);
        let mut answered = 0;
        while answered < frames {
            let mut socket = Socket::resume(&server.url, &client, "&takeover=true").expect("a socket");
            send_all(&mut socket);
            answered = 0;
            let mut heard = 0;
            while heard < frames {
                let Ok(frame) = socket.read() else { break };
                match frame["type"].as_str() {
                    Some("result") => answered += 1,
                    // The one that was under way when the socket dropped, or more than can wait.
                    Some("error") => assert!(
                        ["KEY_IN_PROGRESS", "SESSION_BUSY"]
                            .contains(&frame["problem"]["code"].as_str().expect("a code")),
                        "{frame}"
                    ),
                    _ => continue,
                }
                heard += 1;
            }
        }
        assert_eq!(client.look()["revision"], frames);
        assert_eq!(client.history().len() as u64, frames);
    }
}

fn begin(client: &Client, key: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send("POST", "/api/sessions", &headers, Some(body.to_string().as_bytes()))
}

fn games(client: &Client) -> usize {
    client.get("/api/sessions").json()["sessions"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_game_is_begun_once_under_a_key() {
    let (folder, server) = start();
    let client = server.player(7);
    let body = json!({"name": "Once", "difficulty": "easy"});
    let replies: Vec<_> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| begin(&client, "g", &body))).collect();
        sent.into_iter().map(|reply| reply.join().expect("a reply")).collect()
    });
    let mut ids = Vec::new();
    for reply in replies {
        match reply.status {
            201 => ids.push(reply.json()["session_id"].as_str().expect("an id").to_owned()),
            _ => assert_eq!((reply.status, reply.code().as_str()), (409, "KEY_IN_PROGRESS")),
        }
    }
    assert_eq!(games(&client), 2);
    let first = client.with_session(&ids[0]);
    first.act(&json!({"type": "wait"}));
    let again = begin(&client, "g", &body);
    let told = again.json();
    ids.push(told["session_id"].as_str().expect("an id").to_owned());
    assert_eq!((again.status, &told["revision"], &told["name"]), (201, &json!(1), &json!("Once")), "as it stands now");
    assert_eq!(
        (told["token"].clone(), again.header("location")),
        (Value::Null, first.path("").trim_start_matches("/api/"))
    );

    let reused = begin(&client, "g", &json!({"name": "Twice"}));
    assert_eq!((reused.status, reused.code().as_str()), (422, "KEY_REUSED"));
    let mut other = server.client();
    other.begin(json!({}));
    assert_ne!(begin(&other, "g", &body).json()["session_id"], ids[0], "keys belong to a player");
    let refused = begin(&client, "bad", &json!({"name": ""}));
    assert_eq!(refused.code(), "BAD_NAME");
    assert_eq!(begin(&client, "bad", &json!({})).status, 201, "what was refused was not done");
    let socket = Socket::begin_under(&server.url, "ws", client.token.as_deref()).expect("a socket");
    let by_socket = begin(&client, "ws", &json!({}));
    assert_eq!((by_socket.status, &by_socket.json()["session_id"]), (201, &socket.hello["session_id"]));
    drop(socket);
    server.stop();

    let server = start_in(folder.path(), Default::default(), unlimited());
    let client = client.at(&server.url);
    ids.push(begin(&client, "g", &body).json()["session_id"].as_str().expect("an id").to_owned());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(games(&client), 4);
    assert_eq!(client.send("DELETE", &first.path(""), &[], None).status, 204);
    let gone = begin(&client, "g", &body);
    assert_eq!(
        (gone.status, gone.code().as_str(), &gone.json()["reason"]),
        (410, "SESSION_EXPIRED", &json!("deleted"))
    );
    server.stop();
    let server = start_in(folder.path(), Default::default(), unlimited());
    assert_eq!(begin(&client.at(&server.url), "g", &body).code(), "SESSION_EXPIRED");
}

#[test]
fn two_strangers_keys_cannot_be_told_apart_so_they_are_refused() {
    let (_folder, server) = start();
    let client = server.player(1);
    let which = json!({"session_id": client.session}).to_string();
    client.send("PUT", "/api/slots/1", &[("content-type", "application/json")], Some(which.as_bytes()));
    let file = client.get("/api/slots/1/export").text;
    let stranger = server.client();
    let reply = begin(&stranger, "g", &json!({}));
    assert_eq!((reply.status, reply.code().as_str()), (400, "KEY_WITHOUT_PLAYER"));
    let headers = [("content-type", "application/json"), ("idempotency-key", "g")];
    let reply = stranger.send("POST", "/api/slots/1/import", &headers, Some(file.as_bytes()));
    assert_eq!((reply.status, reply.code().as_str()), (400, "KEY_WITHOUT_PLAYER"));
    let refused = Socket::begin_under(&server.url, "g", None).err();
    assert_eq!(refused, Some(Refusal::Status(400, "KEY_WITHOUT_PLAYER".to_owned())));
    assert_eq!(server.client().get("/stats").json()["total_players"], 1);
}

#[test]
fn a_load_and_an_import_are_done_once_under_a_key() {
    let (folder, server) = start();
    let client = server.player(7);
    let which = json!({"session_id": client.session}).to_string();
    let keyed = |client: &Client, path: &str, key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        client.send("POST", path, &headers, Some(body.as_bytes()))
    };
    for slot in ["/api/slots/1", "/api/slots/2"] {
        let reply = client.send("PUT", slot, &[("content-type", "application/json")], Some(which.as_bytes()));
        assert_eq!(reply.status, 200);
    }
    client.act(&json!({"type": "wait"}));
    let first = keyed(&client, "/api/slots/1/load", "l", &which);
    assert_eq!((first.status, &first.json()["revision"]), (200, &json!(2)));
    client.act(&json!({"type": "wait"}));
    let again = keyed(&client, "/api/slots/1/load", "l", &which);
    assert_eq!((again.status, &again.json()["revision"]), (200, &json!(3)), "as it stands now: {}", again.text);
    assert_eq!(keyed(&client, "/api/slots/2/load", "l", &which).code(), "KEY_REUSED");
    assert_eq!(act(&client, "l", &json!({"type": "wait"})).code(), "KEY_REUSED");
    act(&client, "a", &json!({"type": "wait"}));
    assert_eq!(keyed(&client, "/api/slots/1/load", "a", &which).code(), "KEY_REUSED");

    let file = client.get("/api/slots/1/export").text;
    let imported = keyed(&client, "/api/slots/3/import", "i", &file);
    assert_eq!(imported.status, 201, "{}", imported.text);
    server.clock.advance(5);
    assert_eq!(keyed(&client, "/api/slots/3/import", "i", &file).text, imported.text);
    let other = client.get("/api/slots/0/export").text;
    assert_eq!(keyed(&client, "/api/slots/3/import", "i", &other).code(), "KEY_REUSED");
    assert!(!client.get("/api/slots/3/export").text.contains("imported_with"));
    server.stop();

    let server = start_in(folder.path(), Default::default(), unlimited());
    let client = client.at(&server.url);
    assert_eq!(keyed(&client, "/api/slots/1/load", "l", &which).json()["revision"], 4);
    assert_eq!(keyed(&client, "/api/slots/3/import", "i", &file).text, imported.text);
    assert_eq!(client.history().len(), 4);
}
