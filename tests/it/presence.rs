//! Connections that drop and come back: grace, takeover, replay, leaving, and what the other side is told.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use cosmic_explorer::api;
use cosmic_explorer::session::Settings;
use serde_json::{Value, json};

use crate::patience::{PATIENCE, Stop, join, receive};
use crate::server::{Client, Server, serve, start, start_in, start_with, unlimited};
use crate::sim::{Fault, SimDisk};
use crate::voyage::store_on;
use crate::wire::{EventStream, Refusal, Socket, until};

fn wait() -> Value {
    json!({"type": "wait"})
}

fn seen(server: &Server, client: &Client) -> Option<Value> {
    let sessions = server.client().get("/sessions").json();
    let sessions = sessions["sessions"].as_array().expect("sessions").clone();
    sessions.into_iter().find(|each| each["session_id"] == client.session.as_str())
}

fn connections(server: &Server, client: &Client) -> Value {
    seen(server, client).map_or(json!(null), |seen| seen["connection_count"].clone())
}

/// Hangs up without a word, and waits until the server has seen it.
fn drop_socket(server: &Server, client: &Client, socket: Socket) {
    drop(socket);
    until("the drop", || connections(server, client) == 0);
}

#[test]
fn a_socket_without_a_session_begins_one_and_plays_it() {
    let (_folder, server) = start();
    let mut socket = Socket::open(&server.url, "", None).expect("a socket");
    assert_eq!((&socket.hello["resumed"], &socket.hello["recovered"]), (&json!(false), &json!(false)));
    let mut client = server.client();
    client.token = socket.hello["token"].as_str().map(str::to_owned);
    client.session = socket.hello["session_id"].as_str().expect("an id").to_owned();
    assert_eq!(client.look()["state"], socket.hello["state"]);

    let result = socket.act(7, &wait());
    assert_eq!((&result["type"], &result["revision"]), (&json!("result"), &json!(1)), "{result}");
    assert_eq!(result["state"], client.look()["state"]);
    assert_eq!(socket.turns.len(), 1, "the turn came before the answer");
    let turn = socket.turns[0].clone();
    let digest = result["digest"].as_str().expect("a digest");
    assert_eq!(turn["id"], format!("1-{}", &digest[..8]));
    let line = client.history()[0].clone();
    for (name, value) in line.as_object().expect("a line") {
        assert_eq!(turn[name], *value, "{name}");
    }

    let refused = socket.act(8, &json!({"type": "flee"}));
    assert_eq!((&refused["type"], &refused["problem"]["code"]), (&json!("error"), &json!("NOT_IN_COMBAT")));
    socket.say(&json!({"type": "act", "id": "late", "if_revision": 0, "action": wait()}));
    assert_eq!(socket.wait_for("error")["problem"]["code"], "STALE_REVISION");
    socket.say(&json!({"type": "act", "id": "k", "key": "one", "action": wait()}));
    let first = socket.wait_for("result");
    socket.say(&json!({"type": "act", "id": "k", "key": "one", "action": wait()}));
    assert_eq!(socket.wait_for("result")["digest"], first["digest"]);

    // What a plain request does is told here too, with the state.
    client.act(&wait());
    assert_eq!(socket.wait_for("turn")["revision"], 3);
    assert_eq!(socket.wait_for("state")["state"], client.look()["state"]);
}

#[test]
fn rubbish_is_answered_and_the_socket_goes_on() {
    let (_folder, server) = start();
    let mut socket = Socket::open(&server.url, "", None).expect("a socket");
    for (rubbish, code) in [
        (json!("hello"), "NOT_AN_OBJECT"),
        (json!({"type": "fly"}), "UNKNOWN_VALUE"),
        (json!({"type": "act"}), "MISSING_FIELD"),
        (json!({"type": "act", "action": {"type": "mine", "ore": 3}}), "UNKNOWN_FIELD"),
        (json!({"type": "auth", "token": "x"}), "UNKNOWN_VALUE"),
    ] {
        socket.say(&rubbish);
        assert_eq!(socket.wait_for("error")["problem"]["code"], code, "{rubbish}");
    }
    socket.say_bytes(vec![0, 159, 146, 150]);
    assert_eq!(socket.wait_for("error")["problem"]["code"], "MALFORMED_JSON");
    assert_eq!(socket.act(1, &wait())["revision"], 1);
    // A message that is too long ends it; nothing else does.
    socket.say(&json!({"type": "act", "id": "x".repeat(100_000), "action": wait()}));
    assert_eq!(socket.wait_for_close(), 1009);
}

#[test]
fn commands_are_taken_one_at_a_time_and_in_order() {
    let (_folder, server) = start();
    let mut socket = Socket::open(&server.url, "", None).expect("a socket");
    for id in 1..=40 {
        socket.say(&json!({"type": "act", "id": id, "action": wait()}));
    }
    for id in 1..=40 {
        let result = socket.wait_for("result");
        assert_eq!((&result["id"], &result["revision"]), (&json!(id), &json!(id)));
    }
    assert_eq!(socket.revisions(), (1..=40).collect::<Vec<_>>());
}

#[test]
fn who_comes_back_in_time_plays_on_and_who_does_not_is_put_away() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(socket.act(1, &wait())["revision"], 1);
    drop_socket(&server, &client, socket);
    server.clock.advance(5);
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], 295);

    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], json!(null));
    for minute in 0..10 {
        server.clock.advance(60);
        assert_eq!(socket.act(minute, &wait())["type"], "result");
    }
    assert_eq!(connections(&server, &client), 1, "the first timer is no more");

    // Dropped twice: the first timer would end at 300, the second ends at 500.
    drop_socket(&server, &client, socket);
    server.clock.advance(200);
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    drop_socket(&server, &client, socket);
    server.clock.advance(299);
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], 1);
    server.clock.advance(1);
    until("the end of grace", || seen(&server, &client).is_none());
    assert_eq!(server.client().get("/stats").json()["link_dead"], 0);
    assert_eq!(client.get("/api/sessions").json()["sessions"][0]["status"], "stored");

    // It is only out of memory.
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(socket.hello["revision"], 11);
}

#[test]
fn a_request_puts_the_end_of_grace_off() {
    let (_folder, server) = start();
    let client = server.player(1);
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    drop_socket(&server, &client, socket);
    server.clock.advance(299);
    client.act(&wait());
    server.clock.advance(299);
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], 1);
    server.clock.advance(1);
    until("the end of grace", || seen(&server, &client).is_none());
}

#[test]
fn a_session_that_never_had_a_connection_is_never_link_dead() {
    let (_folder, server) = start();
    let client = server.player(1);
    server.clock.advance(3_000);
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], json!(null));
}

#[test]
fn an_open_connection_is_activity() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    for _ in 0..80 {
        server.clock.advance(100);
        socket.wait_for("ping");
        socket.say(&json!({"type": "pong"}));
        // Time goes by only once the server has the answer.
        socket.round_trip();
    }
    assert_eq!(server.sweep().evicted, 0);
    assert_eq!(socket.act(1, &wait())["revision"], 1);
}

#[test]
fn a_deleted_session_ends_its_connections_with_the_reason() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(client.send("DELETE", &client.path(""), &[], None).status, 204);
    assert_eq!(socket.wait_for("expired")["reason"], "deleted");
    assert_eq!(socket.wait_for_close(), 4410);
    let gone = Socket::resume(&server.url, &client, "").err().expect("a refusal");
    assert_eq!(gone, Refusal::Status(410, "SESSION_EXPIRED".to_owned()));
    let events = client.get(&client.path("/events"));
    assert_eq!((events.code().as_str(), events.header("x-session-expired-reason")), ("SESSION_EXPIRED", "deleted"));

    // To everybody else it never was.
    let stranger = server.player(2);
    let theirs = stranger.with_session(&client.session);
    let never = stranger.with_session("01890a5d-ac96-774b-bcce-b302099a8057");
    let live = stranger.with_session(&server.player(3).session);
    for other in [theirs, never, live] {
        let refused = Socket::resume(&server.url, &other, "").err().expect("a refusal");
        assert_eq!(refused, Refusal::Status(404, "SESSION_NOT_FOUND".to_owned()));
    }
}

#[test]
fn a_new_connection_takes_over_and_the_old_does_not_come_back_by_itself() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut old = Socket::resume(&server.url, &client, "").expect("a socket");
    let mut new = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(old.wait_for("replaced")["type"], "replaced");
    assert_eq!(old.wait_for_close(), 4409);
    assert_eq!(new.act(1, &wait())["revision"], 1, "the late close of the old one changed nothing");
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], json!(null));

    let previous = format!("&previous={}", old.connection());
    let refused = Socket::resume(&server.url, &client, &previous).err().expect("a refusal");
    assert_eq!(refused, Refusal::Closed(4409));
    assert_eq!(new.act(2, &wait())["revision"], 2);
    // Nor while the newer one is only dropped.
    let of_new = format!("&previous={}", new.connection());
    drop_socket(&server, &client, new);
    assert_eq!(Socket::resume(&server.url, &client, &previous).err(), Some(Refusal::Closed(4409)));
    let mut new = Socket::resume(&server.url, &client, &of_new).expect("a socket");
    let mut back = Socket::resume(&server.url, &client, &format!("{previous}&takeover=true")).expect("a socket");
    assert_eq!(new.wait_for_close(), 4409);
    assert_eq!(back.act(3, &wait())["revision"], 3);
}

#[test]
fn leaving_puts_the_game_away_at_once() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    socket.say(&json!({"type": "act", "id": 1, "action": wait()}));
    socket.say(&json!({"type": "leave", "id": "bye"}));
    assert_eq!(socket.wait_for("result")["id"], 1, "what was asked for before is done first");
    assert_eq!(socket.wait_for("result")["id"], "bye");
    assert_eq!(socket.wait_for_close(), 4000);
    assert!(seen(&server, &client).is_none());
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(socket.hello["revision"], 1);
}

#[test]
fn a_silent_client_is_dead_after_three_pings() {
    let (_folder, server) = start();
    let client = server.player(1);
    let ws =
        Socket::dial(&server.url, &format!("?session_id={}", client.session), client.token.as_deref()).expect("open");
    // What has come, without taking it: who reads a ping answers it.
    until("the connection", || connections(&server, &client) == 1);
    until("its end", || {
        server.clock.advance(10);
        connections(&server, &client) == 0
    });
    server.clock.advance(5);
    // Read without answering what is read.
    let mut said = Vec::new();
    let _ = ws.get_ref().read_to_end(&mut said);
    let pings = String::from_utf8_lossy(&said).matches("\"type\":\"ping\"").count();
    assert_eq!(pings, 3);
}

#[test]
fn nothing_is_missed_whenever_the_connection_drops() {
    let (folder, server) = start();
    let client = server.player(1);
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    let head = socket.last();
    assert!(head.starts_with("0-"), "{head}");
    // Right after hello.
    drop_socket(&server, &client, socket);
    for _ in 0..5 {
        client.act(&wait());
    }
    let mut socket = Socket::resume(&server.url, &client, &format!("&last_event_id={head}")).expect("a socket");
    assert_eq!(socket.hello["recovered"], true);
    assert_eq!(socket.hello["revision"], 5);
    for _ in 0..5 {
        socket.wait_for("turn");
    }
    assert_eq!(socket.revisions(), [1, 2, 3, 4, 5]);
    let last = socket.last();
    assert_eq!(last, socket.hello["head"]);

    // Right after a ping, with nothing missed.
    server.clock.advance(10);
    socket.wait_for("ping");
    drop_socket(&server, &client, socket);
    let mut socket = Socket::resume(&server.url, &client, &format!("&last_event_id={last}")).expect("a socket");
    assert_eq!(socket.hello["recovered"], true);
    client.act(&wait());
    assert_eq!(socket.wait_for("turn")["revision"], 6, "nothing came twice");

    // Closed with all courtesy, while a turn is on its way.
    let last = socket.last();
    socket.say(&json!({"type": "act", "action": wait()}));
    socket.close();
    until("the close", || connections(&server, &client) == 0 && client.look()["revision"] == 7);
    let mut socket = Socket::resume(&server.url, &client, &format!("&last_event_id={last}")).expect("a socket");
    assert_eq!(socket.wait_for("turn")["revision"], 7);
    let third = format!("&last_event_id={}", client_event(&client, 3));

    // From before an eviction, and from before a restart.
    drop_socket(&server, &client, socket);
    server.clock.advance(300);
    until("the end of grace", || seen(&server, &client).is_none());
    let mut socket = Socket::resume(&server.url, &client, &third).expect("a socket");
    for _ in 0..4 {
        socket.wait_for("turn");
    }
    assert_eq!(socket.revisions(), [4, 5, 6, 7]);
    drop(socket);
    assert_eq!(server.stop(), 0);
    let server = start_in(folder.path(), Settings::default(), unlimited());
    let client = client.at(&server.url);
    let mut socket = Socket::resume(&server.url, &client, &third).expect("a socket");
    for _ in 0..4 {
        socket.wait_for("turn");
    }
    assert_eq!((&socket.hello["recovered"], socket.revisions()), (&json!(true), vec![4, 5, 6, 7]));
}

fn client_event(client: &Client, revision: usize) -> String {
    let line = &client.history()[revision - 1];
    format!("{}-{}", line["revision"], &line["digest"].as_str().expect("a digest")[..8])
}

#[test]
fn what_cannot_be_told_without_a_gap_is_told_as_a_whole() {
    let (_folder, server) = start();
    let client = server.player(1);
    for _ in 0..5 {
        client.act(&wait());
    }
    let head = client_event(&client, 5);
    let other = head.replace("5-", "4-");
    for bad in [
        "",
        "5",
        "-",
        "nonsense",
        "05-00000000",
        "6-00000000",
        "99999999999999999999-00000000",
        "0-00000000",
        "5-00000000",
        "3-00000000",
        &other,
        "%00",
        "5-zzzzzzzz",
    ] {
        let socket = Socket::resume(&server.url, &client, &format!("&last_event_id={bad}")).expect("a socket");
        assert_eq!(socket.hello["recovered"], false, "{bad}");
        assert_eq!((&socket.hello["revision"], &socket.hello["head"]), (&json!(5), &json!(head)), "{bad}");
        assert_eq!(socket.hello["state"], client.look()["state"]);
    }
}

#[test]
fn a_load_is_an_event_too() {
    let (_folder, server) = start();
    let client = server.player(1);
    client.act(&wait());
    let save = json!({"session_id": client.session});
    assert_eq!(
        client
            .send("PUT", "/api/slots/1", &[("content-type", "application/json")], Some(save.to_string().as_bytes()))
            .status,
        200
    );
    client.act(&wait());
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(client.post("/api/slots/1/load", &save).status, 200);
    let turn = socket.wait_for("turn");
    assert_eq!((&turn["revision"], &turn["loaded"]["slot"]), (&json!(3), &json!(1)), "{turn}");
    assert_eq!(socket.wait_for("state")["state"]["turn_count"], 1);
    let last = socket.last();
    drop_socket(&server, &client, socket);
    client.act(&wait());
    let mut socket = Socket::resume(&server.url, &client, &format!("&last_event_id={last}")).expect("a socket");
    assert_eq!(socket.wait_for("turn")["revision"], 4);
}

#[test]
fn a_stream_tells_the_same_events_under_the_same_ids() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut stream = EventStream::open(&client, "", &[]);
    let hello = stream.next().expect("a first event");
    assert_eq!((hello.name.as_str(), &hello.data["type"], hello.retry), ("hello", &json!("hello"), Some(1000)));
    assert_eq!(hello.id.as_deref(), hello.data["head"].as_str());
    client.act(&wait());
    let turn = stream.next().expect("a turn");
    assert_eq!((turn.name.as_str(), turn.id.as_deref()), ("turn", Some(client_event(&client, 1).as_str())));
    let state = stream.next().expect("a state");
    assert_eq!((state.name.as_str(), &state.id), ("state", &None));
    assert_eq!(state.data["state"], client.look()["state"]);
    server.clock.advance(15);
    assert!(stream.next().expect("a heartbeat").comment);

    // A socket takes over from a stream, and the other way round; who is replaced is told not to come back by himself.
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    let replaced = stream.wait_for("replaced");
    assert_eq!(replaced.retry, Some(86_400_000));
    assert!(stream.next().is_none());
    client.act(&wait());
    client.act(&wait());
    let mut stream = EventStream::open(&client, "", &[("last-event-id", turn.id.as_deref().expect("an id"))]);
    assert_eq!(socket.wait_for_close(), 4409);
    assert_eq!(stream.wait_for("hello").data["recovered"], true);
    assert_eq!(stream.next().expect("a turn").data["revision"], 2);
    assert_eq!(stream.next().expect("a turn").data["revision"], 3);
    drop(stream);
    until("the drop", || {
        // Nobody notices before something is sent.
        server.clock.advance(15);
        connections(&server, &client) == 0
    });
    let refused = client.get(&client.path(&format!("/events?previous={}", socket.connection())));
    assert_eq!((refused.status, refused.code().as_str()), (409, "REPLACED"));
}

#[test]
fn who_brings_no_token_says_who_he_is_first() {
    let (_folder, server) = start();
    let client = server.player(1);
    let query = format!("?session_id={}", client.session);
    let auth = |token: &str| json!({"type": "auth", "token": token}).to_string();
    for (message, code) in [
        (auth("nonsense"), 4401),
        (json!({"type": "leave"}).to_string(), 4401),
        ("nonsense".to_owned(), 4401),
        (auth(server.player(2).token.as_deref().expect("a token")), 4404),
    ] {
        let mut ws = Socket::dial(&server.url, &query, None).expect("it is open");
        ws.send(tungstenite::Message::text(message.clone())).expect("it is sent");
        assert_eq!(Socket::greet(ws).err(), Some(Refusal::Closed(code)), "{message}");
    }
    let silent = Socket::dial(&server.url, &query, None).expect("it is open");
    let mut ws = Socket::dial(&server.url, &query, None).expect("it is open");
    ws.send(tungstenite::Message::text(auth(client.token.as_deref().expect("a token")))).expect("it is sent");
    let mut socket = Socket::greet(ws).expect("a socket");
    assert_eq!(socket.act(1, &wait())["revision"], 1);
    server.clock.advance(10);
    assert_eq!(Socket::greet(silent).err(), Some(Refusal::Closed(4401)));
    let bad = Socket::open(&server.url, &query, Some("nonsense")).err();
    assert_eq!(bad, Some(Refusal::Status(401, "TOKEN_INVALID".to_owned())));
    assert_eq!(server.client().get("/ws").code(), "UPGRADE_REQUIRED");
}

#[test]
fn two_resumes_at_once_have_one_winner() {
    let (_folder, server) = start();
    for _ in 0..30 {
        let client = server.player(1);
        let first = Socket::resume(&server.url, &client, "").expect("a socket");
        // They race with each other, and with the drop of the one before.
        let sockets: Vec<Socket> = std::thread::scope(|scope| {
            let dropped = scope.spawn(move || drop(first));
            let both: Vec<_> =
                (0..2).map(|_| scope.spawn(|| Socket::resume(&server.url, &client, "").expect("a socket"))).collect();
            dropped.join().expect("it drops");
            both.into_iter().map(|one| one.join().expect("a socket")).collect()
        });
        let mut won = 0;
        for mut socket in sockets {
            // The loser is told; whoever is not, plays.
            let _ = socket.try_say(&json!({"type": "act", "id": 1, "action": wait()}));
            loop {
                match socket.read() {
                    Ok(frame) if frame["type"] == "result" => {
                        won += 1;
                        break;
                    }
                    Ok(_) => {}
                    Err(code) => {
                        assert_eq!(code, 4409);
                        break;
                    }
                }
            }
            std::mem::forget(socket);
        }
        assert!(won >= 1, "somebody plays");
        until("one connection", || connections(&server, &client) == 1);
        assert_eq!(
            seen(&server, &client).expect("it is there")["timeout_remaining_secs"],
            json!(null),
            "no zombie timer"
        );
        client.send("DELETE", &client.path(""), &[], None);
    }
}

#[test]
fn a_thousand_drops_under_load_lose_nothing_and_repeat_nothing() {
    let drops = 1_000;
    let (_folder, server) = start();
    let client = server.player(1);
    let (done, told) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut cut_off = 0;
    let heard = std::thread::scope(|scope| {
        // Whatever stops one of the two stops the other.
        let (stop, own) = (Stop(&done), Stop(&done));
        // One plays without a pause; games end, so they are loaded again.
        scope.spawn(|| {
            let _own = own;
            let save = json!({"session_id": client.session});
            let json = [("content-type", "application/json")];
            assert_eq!(client.send("PUT", "/api/slots/1", &json, Some(save.to_string().as_bytes())).status, 200);
            let mut played = 0;
            while !done.load(Ordering::Relaxed) {
                // A thousand are told again at the most, and a busy machine may not run the other thread for so long.
                if played > told.load(Ordering::Relaxed) + 500 {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    continue;
                }
                let reply = client.try_act(&wait());
                if reply.status == 200 {
                    played = reply.json()["revision"].as_u64().expect("a revision");
                } else {
                    assert_eq!(client.post("/api/slots/1/load", &save).status, 200);
                }
            }
        });
        let mut heard: Vec<(u64, String)> = Vec::new();
        let mut last = None;
        let mut drop_after = 0;
        while drop_after < drops {
            assert!(!done.load(Ordering::Relaxed), "the player has stopped");
            let more = last.as_ref().map_or(String::new(), |last| format!("&last_event_id={last}"));
            let mut socket = match Socket::resume(&server.url, &client, &more) {
                Ok(socket) => socket,
                // Cut off before it was greeted: as below.
                Err(Refusal::Closed(4408 | 1006)) => {
                    cut_off += 1;
                    continue;
                }
                Err(refusal) => panic!("{refusal:?}"),
            };
            if last.is_some() {
                assert_eq!(socket.hello["recovered"], true, "{more}");
            }
            // Dropped after hello, and somewhere in what follows.
            for _ in 0..(drop_after * 7) % 11 {
                match socket.read() {
                    Ok(_) => {}
                    // It fell behind, and comes back as docs/realtime.md says, with what it has.
                    Err(4408 | 1006) => {
                        cut_off += 1;
                        break;
                    }
                    Err(code) => panic!("closed with {code}"),
                }
            }
            drop_after += 1;
            if last.is_none() {
                last = Some(socket.hello["head"].as_str().expect("a head").to_owned());
                let begun = socket.hello["revision"].as_u64().expect("a revision");
                heard.push((begun, last.clone().expect("a head")));
            }
            for turn in &socket.turns {
                let id = turn["id"].as_str().expect("an id").to_owned();
                heard.push((turn["revision"].as_u64().expect("a revision"), id.clone()));
                last = Some(id);
            }
            told.store(heard.last().expect("some").0, Ordering::Relaxed);
        }
        drop(stop);
        heard
    });
    println!("cut off {cut_off} times");
    let mut socket = Socket::resume(&server.url, &client, &format!("&last_event_id={}", heard.last().expect("some").1))
        .expect("a socket");
    let head = socket.hello["revision"].as_u64().expect("a revision");
    let mut heard = heard;
    while heard.last().expect("some").0 < head {
        let turn = socket.wait_for("turn");
        heard.push((turn["revision"].as_u64().expect("a revision"), turn["id"].as_str().expect("an id").to_owned()));
    }
    let first = heard.remove(0).0;
    let history: Vec<_> = client
        .history()
        .iter()
        .map(|line| {
            (
                line["revision"].as_u64().expect("a revision"),
                format!("{}-{}", line["revision"], &line["digest"].as_str().expect("a digest")[..8]),
            )
        })
        .filter(|(revision, _)| *revision > first)
        .collect();
    assert_eq!(heard, history);
    assert!(heard.len() > drops, "something happened meanwhile");
}

#[test]
fn a_client_that_does_not_read_is_closed_and_costs_the_others_nothing() {
    let (_folder, server) = start();
    let client = server.player(1);
    let query = format!("?session_id={}", client.session);
    let deaf = Socket::dial(&server.url, &query, client.token.as_deref()).expect("open");
    until("the connection", || connections(&server, &client) == 1);
    let save = json!({"session_id": client.session});
    let json = [("content-type", "application/json")];
    assert_eq!(client.send("PUT", "/api/slots/1", &json, Some(save.to_string().as_bytes())).status, 200);
    // Until the buffers between are full, and then 64 turns more: some 1,500 in all, so it is looked for now and then only.
    until("its end", || {
        for _ in 0..50 {
            if client.try_act(&wait()).status != 200 {
                assert_eq!(client.post("/api/slots/1/load", &save).status, 200);
            }
        }
        connections(&server, &client) == 0
    });
    assert_eq!(server.client().get("/stats").json()["slow_readers"], 1);
    // It is not waited for longer than this.
    server.clock.advance(5);
    let mut deaf = Socket::greet(deaf).expect("what was sent before");
    assert!(matches!(deaf.wait_for_close(), 4408 | 1006));
    let socket = Socket::resume(&server.url, &client, &format!("&last_event_id={}", deaf.last())).expect("a socket");
    assert_eq!(socket.hello["session_id"], client.session.as_str());
}

#[test]
fn a_server_that_stops_tells_everybody_and_saves_first() {
    let (folder, server) = start();
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(socket.act(1, &wait())["revision"], 1);
    let mut stream = EventStream::open(&server.player(2), "", &[]);
    stream.wait_for("hello");
    let last = socket.last();
    let ended = std::thread::spawn(move || {
        socket.wait_for("shutdown");
        stream.wait_for("shutdown");
        socket.wait_for_close()
    });
    assert_eq!(server.stop(), 0);
    assert_eq!(join("the connections to end", ended), 1001);
    let server = start_in(folder.path(), Settings::default(), unlimited());
    let client = client.at(&server.url);
    let socket = Socket::resume(&server.url, &client, &format!("&last_event_id={last}")).expect("a socket");
    assert_eq!((&socket.hello["recovered"], &socket.hello["revision"]), (&json!(true), &json!(1)));
}

#[test]
fn what_is_said_over_a_socket_counts_as_requests_and_sockets_as_connects() {
    let limits = api::Settings { requests_per_minute: 30, connects_per_minute: 3, ..unlimited() };
    let (_folder, server) = start_with(Settings::default(), limits);
    let mut socket = Socket::open(&server.url, "", None).expect("a socket");
    for id in 0..3 {
        assert_eq!(socket.act(id, &wait())["type"], "result");
    }
    let refused = socket.act(3, &wait());
    assert_eq!(
        (&refused["problem"]["code"], &refused["problem"]["retry_after"]),
        (&json!("TOO_MANY_REQUESTS"), &json!(2))
    );
    socket.say(&json!("rubbish"));
    assert_eq!(socket.wait_for("error")["problem"]["code"], "TOO_MANY_REQUESTS");
    server.clock.advance(2);
    assert_eq!(socket.act(4, &wait())["revision"], 4);

    // A new player by socket is one connect.
    let more: Vec<_> = (0..2).map(|_| Socket::open(&server.url, "", None).expect("a socket")).collect();
    let refused = Socket::open(&server.url, "", None).err();
    assert_eq!(refused, Some(Refusal::Status(429, "TOO_MANY_CONNECTS".to_owned())));
    drop(more);
}

#[test]
fn floods_leave_nothing_behind() {
    let (_folder, server) = start();
    let client = server.player(1);
    // Connections that take over from each other, some of them dropped before they are greeted.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..50 {
                    let query = format!("?session_id={}", client.session);
                    let ws = Socket::dial(&server.url, &query, client.token.as_deref()).expect("open");
                    if round % 3 > 0 {
                        // It may have been replaced before it was greeted.
                        drop(Socket::greet(ws));
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut other = server.client();
            for seed in 0..100 {
                other.begin(json!({ "seed": seed }));
                let socket = Socket::resume(&server.url, &other, "").expect("a socket");
                assert_eq!(other.send("DELETE", &other.path(""), &[], None).status, 204);
                drop(socket);
            }
        });
    });
    until("the last drop", || server.client().get("/stats").json()["connected"] == 0);
    let stats = server.client().get("/stats").json();
    let figures =
        ["active_sessions", "link_dead", "tombstones", "total_players", "places_taken"].map(|name| stats[name].clone());
    assert_eq!(json!(figures), json!([1, 1, 100, 1, 1]));
    server.clock.advance(300);
    until("the end of grace", || seen(&server, &client).is_none());
    assert_eq!(server.client().get("/stats").json()["link_dead"], 0);
}

const ADMIN: &str = "sixteen or more characters";

#[test]
fn an_admin_changes_grace_idle_time_and_limit_while_the_server_runs() {
    let admin = api::Settings { admin_token: Some(ADMIN.to_owned()), ..unlimited() };
    let (_folder, server) = start_with(Settings::default(), admin);
    let client = server.player(1);
    let mut config = server.client();
    let change = |config: &Client, change: &Value| {
        config.send(
            "PATCH",
            "/api/admin/config",
            &[("content-type", "application/json")],
            Some(change.to_string().as_bytes()),
        )
    };
    for stranger in [&config, &client] {
        assert_eq!(stranger.get("/api/admin/config").code(), "ADMIN_TOKEN_REQUIRED", "not even from this machine");
        assert_eq!(change(stranger, &json!({"nonsense": 1})).code(), "ADMIN_TOKEN_REQUIRED");
    }
    config.token = Some(ADMIN.to_owned());
    let defaults = json!({"grace_secs": 300, "idle_secs": 3600, "limit": 100});
    assert_eq!(config.get("/api/admin/config").json(), defaults);
    for bad in [
        json!({"grace_secs": 59}),
        json!({"grace_secs": 3601}),
        json!({"limit": 0}),
        json!({"idle_secs": -1, "limit": 5}),
    ] {
        assert_eq!(change(&config, &bad).code(), "WRONG_VALUE", "{bad}");
    }
    assert_eq!(change(&config, &json!({"stored": 1})).code(), "UNKNOWN_FIELD");
    assert_eq!(config.get("/api/admin/config").json(), defaults);

    // A shorter grace counts for those who wait already.
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    drop_socket(&server, &client, socket);
    server.clock.advance(100);
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], 200);
    assert_eq!(change(&config, &json!({"grace_secs": 60})).json()["grace_secs"], 60);
    until("the end of grace", || seen(&server, &client).is_none());

    // A lower limit: whoever may yield leaves at the next sweep, and nobody comes before there is room.
    let players: Vec<_> = (0..4).map(|seed| server.player(seed)).collect();
    assert_eq!(change(&config, &json!({"limit": 2})).status, 200);
    assert_eq!(server.client().post("/api/sessions", &json!({})).code(), "SESSION_LIMIT_REACHED");
    let taken = || server.client().get("/stats").json()["places_taken"].clone();
    assert_eq!(taken(), 4);
    server.clock.advance(60);
    server.sweep();
    assert_eq!(taken(), 2);
    assert_eq!(players[0].look()["revision"], 0);
    assert_eq!(taken(), 2);
    assert_eq!(
        change(&config, &json!({"limit": 3, "idle_secs": 0})).json(),
        json!({"grace_secs": 60, "idle_secs": 0, "limit": 3})
    );
    players[1].look();
    assert_eq!(taken(), 3);
    server.clock.advance(1_000_000);
    assert_eq!(server.sweep().evicted, 0, "never");
}

#[test]
fn a_socket_that_resumes_brings_a_new_token_and_no_lost_answer_locks_anybody_out() {
    let (_folder, server) = start();
    let mut client = server.player(1);
    let first = client.token.clone();
    // Sixteen minutes of play, then a drop: the token is still good.
    for _ in 0..16 {
        server.clock.advance(60);
        client.act(&wait());
    }
    // The answer is lost, twice.
    for _ in 0..2 {
        let query = format!("?session_id={}", client.session);
        drop(Socket::dial(&server.url, &query, client.token.as_deref()).expect("open"));
    }
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    let second = socket.hello["token"].as_str().map(str::to_owned);
    assert!(second.is_some() && second != first);
    // Until the new one is used, and ten seconds longer.
    server.clock.advance(1_000);
    assert_eq!(client.look()["revision"], 16);
    client.token = second;
    assert_eq!(client.look()["revision"], 16);
    let old = client.with_token(first);
    server.clock.advance(9);
    assert_eq!(old.look()["revision"], 16);
    server.clock.advance(1);
    assert_eq!(old.get(&old.path("")).code(), "TOKEN_INVALID");
    assert_eq!(Socket::resume(&server.url, &old, "").err(), Some(Refusal::Status(401, "TOKEN_INVALID".to_owned())));

    // By cookie the new one comes as a cookie, and in no frame.
    let cookie = server.cookie(client.token.as_deref().expect("a token"));
    let (socket, set) = Socket::with_cookie(&server.url, &format!("?session_id={}", client.session), &cookie);
    assert_eq!(socket.hello["token"], json!(null));
    let name = server.cookie("");
    assert!(set.starts_with(&name) && set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
    client.token = set[name.len()..].split(';').next().map(str::to_owned);
    assert_eq!(client.look()["revision"], 16);
}

#[test]
fn observers_hear_everything_and_can_do_nothing() {
    let (_folder, server) = start();
    let client = server.player(1);
    let invited = client.post(&client.path("/observers"), &json!({})).json();
    let watch = client.with_token(invited["token"].as_str().map(str::to_owned));
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    let mut observers: Vec<_> = (0..15).map(|_| Socket::resume(&server.url, &watch, "").expect("a socket")).collect();
    let mut stream = EventStream::open(&watch, "", &[]);
    let full = Socket::resume(&server.url, &watch, "").err();
    assert_eq!(full, Some(Refusal::Status(409, "TOO_MANY_OBSERVERS".to_owned())));
    assert_eq!(observers[0].hello["token"], json!(null));

    assert_eq!(socket.act(1, &wait())["type"], "result");
    for observer in &mut observers {
        assert_eq!(observer.wait_for("turn")["revision"], 1);
        assert_eq!(observer.wait_for("state")["revision"], 1);
    }
    assert_eq!(stream.wait_for("turn").data["revision"], 1);
    let refused = observers[0].act(1, &wait());
    assert_eq!(refused["problem"]["code"], "OBSERVER_ONLY");
    assert_eq!(watch.try_act(&wait()).code(), "OBSERVER_ONLY");
    // Leaving is only for themselves.
    observers[0].say(&json!({"type": "leave", "id": 2}));
    assert_eq!(observers[0].wait_for("result")["id"], 2);
    assert_eq!(observers[0].wait_for_close(), 4000);
    assert_eq!(socket.act(2, &wait())["revision"], 2, "they take nothing over");
    // Nor do they keep the player's place: he drops, and his time is over.
    drop(socket);
    until("the drop", || seen(&server, &client).is_some_and(|seen| !seen["timeout_remaining_secs"].is_null()));
    server.clock.advance(300);
    assert_eq!(observers[1].wait_for_close(), 4000);
    until("the end of grace", || seen(&server, &client).is_none());
    // They miss nothing either.
    let last = format!("&last_event_id={}", observers[1].last());
    let mut back = Socket::resume(&server.url, &watch, &last).expect("a socket");
    assert_eq!(back.hello["recovered"], true);
    client.act(&wait());
    assert_eq!(back.wait_for("turn")["revision"], 3);
    let other = watch.with_session(&server.player(2).session);
    assert_eq!(
        Socket::resume(&server.url, &other, "").err(),
        Some(Refusal::Status(404, "SESSION_NOT_FOUND".to_owned()))
    );
    assert_eq!(
        Socket::open(&server.url, "", watch.token.as_deref()).err(),
        Some(Refusal::Status(403, "OBSERVER_ONLY".to_owned()))
    );
}

#[test]
fn a_logout_ends_what_is_connected() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
    assert_eq!(client.send("POST", "/api/logout", &[], None).status, 204);
    assert_eq!(socket.wait_for_close(), 4401);
    let other = server.player(2);
    let mut stream = EventStream::open(&other, "", &[]);
    stream.wait_for("hello");
    assert_eq!(other.send("POST", "/api/logout", &[], None).status, 204);
    assert!(stream.next().is_none());
    assert_eq!(server.client().get("/stats").json()["turns"], 0);
}

#[test]
fn a_stream_that_drops_before_it_has_what_it_missed_still_hears_it() {
    let (_folder, server) = start();
    let client = server.player(1);
    for _ in 0..3 {
        client.act(&wait());
    }
    let first = client_event(&client, 1);
    let mut stream = EventStream::open(&client, "", &[("last-event-id", &first)]);
    let hello = stream.next().expect("hello");
    // A browser takes the id of what it hears; this one has not heard of revision 3 yet.
    assert_eq!((&hello.data["recovered"], &hello.id), (&json!(true), &None));
    let third = client_event(&client, 3);
    let mut stream = EventStream::open(&client, "", &[("last-event-id", &third)]);
    assert_eq!(stream.next().expect("hello").id, Some(third));
}

#[test]
fn who_never_read_the_name_of_his_connection_comes_back_all_the_same() {
    let (_folder, server) = start();
    let client = server.player(1);
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    let previous = format!("&previous={}", socket.connection());
    drop_socket(&server, &client, socket);
    for _ in 0..3 {
        let query = format!("?session_id={}{previous}", client.session);
        let ws = Socket::dial(&server.url, &query, client.token.as_deref()).expect("open");
        until("the connection", || connections(&server, &client) == 1);
        drop(ws);
        until("the drop", || connections(&server, &client) == 0);
    }
    let mut socket = Socket::resume(&server.url, &client, &previous).expect("a socket");
    assert_eq!(socket.act(1, &wait())["revision"], 1);
}

#[test]
fn names_are_short_over_a_socket_too() {
    let (_folder, server) = start();
    let mut socket = Socket::open(&server.url, "", None).expect("a socket");
    for bad in [
        json!({"type": "act", "key": "x".repeat(65), "action": wait()}),
        json!({"type": "act", "key": "", "action": wait()}),
        json!({"type": "act", "key": "\u{0}", "action": wait()}),
        json!({"type": "act", "id": "x".repeat(65), "action": wait()}),
        json!({"type": "leave", "id": "x".repeat(65)}),
    ] {
        socket.say(&bad);
        assert_eq!(socket.wait_for("error")["problem"]["code"], "WRONG_VALUE", "{bad}");
    }
    assert_eq!(socket.act(1, &wait())["revision"], 1);
}

/// A connection that is broken off may take what was said last with it.
#[test]
fn a_connection_ends_after_its_last_words_and_is_not_broken_off() {
    let (_folder, server) = start();
    for (seed, way) in (1..).zip(["deleted", "left", "replaced", "logged out"]) {
        let client = server.player(seed);
        let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
        let mut other = None;
        match way {
            "deleted" => drop(client.send("DELETE", &client.path(""), &[], None)),
            "left" => socket.say(&json!({"type": "leave", "id": 1})),
            "replaced" => other = Some(Socket::resume(&server.url, &client, "&takeover=true").expect("a socket")),
            _ => drop(client.send("POST", "/api/logout", &[], None)),
        }
        // The client says nothing, and reads what comes to its end.
        let said = socket.read_to_end().unwrap_or_else(|error| panic!("{way}: it was broken off: {error}"));
        // A close frame, with a reason after its code.
        assert!(said.contains(&0x88), "{way}: it closes with a reason");
        drop(other);
    }
}

#[test]
fn who_only_talks_and_never_reads_is_hung_up_on() {
    let (_folder, server) = start();
    let client = server.player(1);
    let query = format!("?session_id={}", client.session);
    for token in [None, client.token.as_deref()] {
        let ws = Socket::dial(&server.url, &query, token).expect("open");
        let mut stream = ws.get_ref();
        stream.set_nonblocking(true).expect("it can");
        // Pings, whose answers fill everything between here and there; masked with zeros.
        let ping = [[0x89, 0x80 | 125, 0, 0, 0, 0].as_slice(), &[0; 125]].concat();
        let pings = ping.repeat(1_000);
        let mut at = 0;
        until("the end", || {
            // Time goes by only once nothing moves any more.
            for _ in 0..2_000 {
                match stream.write(&pings[at..]) {
                    Ok(written) => at = (at + written) % pings.len(),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(_) => return true,
                }
            }
            server.clock.advance(5);
            false
        });
        until("nobody connected", || {
            server.clock.advance(5);
            seen(&server, &client).is_none_or(|seen| seen["connection_count"] == 0)
        });
    }
}

#[test]
fn that_somebody_watches_keeps_no_game_in_memory() {
    let (_folder, server) = start();
    let client = server.player(1);
    let invited = client.post(&client.path("/observers"), &json!({})).json();
    let watch = client.with_token(invited["token"].as_str().map(str::to_owned));
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    drop_socket(&server, &client, socket);
    for _ in 0..5 {
        server.clock.advance(59);
        assert_eq!(watch.look()["revision"], 0);
        assert_eq!(watch.history().len(), 0);
        let watching = Socket::resume(&server.url, &watch, "").expect("a socket");
        drop_socket(&server, &client, watching);
    }
    assert_eq!(seen(&server, &client).expect("it is there")["timeout_remaining_secs"], 5);
    // Who asks with a connection that was replaced has not come back either.
    server.clock.advance(5);
    until("the end of grace", || seen(&server, &client).is_none());
}

#[test]
fn a_deletion_that_the_disk_refuses_lets_nobody_wait_for_ever() {
    let disk = SimDisk::new();
    let server = serve(store_on(&disk), Settings::default(), unlimited());
    let client = server.player(1);
    let socket = Socket::resume(&server.url, &client, "").expect("a socket");
    drop_socket(&server, &client, socket);
    let ((reached, at_the_disk), (go_on, told)) = (mpsc::channel(), mpsc::channel::<()>());
    disk.plan(Some(Box::new(move |_, _| {
        // Only the first operation waits; the test may be over for those after it.
        if reached.send(()).is_ok() {
            let _ = told.recv_timeout(PATIENCE);
        }
        Some(Fault::Refused)
    })));
    std::thread::scope(|scope| {
        let deleted = scope.spawn(|| client.send("DELETE", &client.path(""), &[], None).status);
        receive("the disk to be reached", &at_the_disk);
        // While nobody finds the session, its time is over.
        server.clock.advance(300);
        std::thread::sleep(std::time::Duration::from_millis(50));
        drop((go_on, at_the_disk));
        assert_eq!(deleted.join().expect("an answer"), 503);
    });
    disk.plan(None);
    until("the end of grace", || {
        server.clock.advance(300);
        seen(&server, &client).is_none()
    });
    assert_eq!(client.look()["revision"], 0);
}
