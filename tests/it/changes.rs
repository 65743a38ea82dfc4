//! Clients that hear only what has changed of a state have all of it.

use cosmic_explorer::game::rng::{Dice, Stream};
use serde_json::{Value, json};

use crate::play::choose_offer;
use crate::server::{Client, Reply, start};
use crate::wire::{EventStream, Socket};

/// A client's copy of the state.
struct Copy {
    state: Value,
    /// Bytes of the changes it was told, and how often.
    told: (usize, usize),
}

impl Copy {
    fn of(hello: &Value) -> Self {
        assert!(hello["state"].is_object() && hello.get("patch").is_none(), "it begins with the whole");
        Self { state: hello["state"].clone(), told: (0, 0) }
    }

    fn hear(&mut self, frame: &Value) {
        let Some(patch) = frame.get("patch") else { return };
        assert!(frame.get("state").is_none() && frame["from"].is_u64(), "{frame}");
        self.told = (self.told.0 + patch.to_string().len(), self.told.1 + 1);
        let patch: json_patch::Patch = serde_json::from_value(patch.clone()).expect("a patch");
        json_patch::patch(&mut self.state, &patch).expect("it fits");
    }
}

fn hears(socket: &mut Socket, copy: &mut Copy, revision: u64) {
    loop {
        let frame = socket.read().expect("a frame");
        copy.hear(&frame);
        if frame["type"] == "state" && frame["revision"] == revision {
            return;
        }
    }
}

/// Plays a game to its end by plain requests and over a socket in turns, while others watch.
#[test]
fn what_has_changed_makes_the_state_after_every_turn() {
    let (_folder, server) = start();
    let client = server.player(7);
    let invited = client.post(&client.path("/observers"), &json!({})).json();
    let watch = client.with_token(invited["token"].as_str().map(str::to_owned));
    let mut player = Socket::resume(&server.url, &client, "&state=patch").expect("a socket");
    let mut observer = Socket::resume(&server.url, &watch, "&state=patch").expect("a socket");
    let mut stream = EventStream::open(&watch, "?state=patch", &[]);
    let mut streamed = Copy::of(&stream.wait_for("hello").data);
    let (mut played, mut observed) = (Copy::of(&player.hello), Copy::of(&observer.hello));
    let mut dice = Dice::new(7);
    let mut now = client.look();
    while now["state"]["game_over"] == false {
        let action = choose_offer(&now["state"], &client.offers(), &mut dice)["action"].clone();
        let revision = now["revision"].as_u64().expect("a revision") + 1;
        if dice.stream(Stream::Loot).chance(0.5) {
            let result = player.act(revision, &action);
            assert_eq!(result["type"], "result", "{result}");
            assert!(result["outcome"]["message"].is_string() && result["digest"].is_string());
            played.hear(&result);
        } else {
            client.act(&action);
            hears(&mut player, &mut played, revision);
        }
        hears(&mut observer, &mut observed, revision);
        loop {
            let event = stream.next().expect("an event");
            streamed.hear(&event.data);
            if event.name == "state" && event.data["revision"] == revision {
                break;
            }
        }
        now = client.look();
        for (who, copy) in [("player", &played), ("observer", &observed), ("stream", &streamed)] {
            assert_eq!(copy.state, now["state"], "{who} at {revision}");
        }
    }
    let whole = now["state"].to_string().len();
    let (bytes, times) = observed.told;
    println!("{times} changes of {} bytes on the average; a state has {whole}", bytes / times);
    assert!(times > 20 && bytes / times < whole / 2);
}

#[test]
fn a_client_that_asks_for_nothing_hears_whole_states() {
    let (_folder, server) = start();
    let client = server.player(1);
    for query in ["", "&state=whole"] {
        let mut socket = Socket::resume(&server.url, &client, query).expect("a socket");
        let result = socket.act(1, &json!({"type": "wait"}));
        assert_eq!((&result["state"], result.get("patch")), (&client.look()["state"], None));
        client.act(&json!({"type": "wait"}));
        let state = socket.wait_for("state");
        assert_eq!((&state["state"], state.get("patch"), state.get("from")), (&client.look()["state"], None, None));
    }
    let refused = Socket::resume(&server.url, &client, "&state=half").err();
    assert_eq!(format!("{refused:?}"), "Some(Status(400, \"BAD_QUERY\"))");
}

/// A repeated action is answered with the state as it is now, and so are changes.
#[test]
fn what_is_told_twice_changes_nothing_twice() {
    let (_folder, server) = start();
    let client = server.player(1);
    let mut socket = Socket::resume(&server.url, &client, "&state=patch").expect("a socket");
    let mut copy = Copy::of(&socket.hello);
    for (id, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "b"), (5, "a")] {
        socket.say(&json!({"type": "act", "id": id, "key": key, "action": {"type": "wait"}}));
        let result = socket.wait_for("result");
        assert_eq!(result["id"], id);
        copy.hear(&result);
        assert_eq!(copy.state, client.look()["state"]);
    }
    // A refused one changes nothing; a save that is loaded changes much.
    assert_eq!(socket.act(6, &json!({"type": "flee"}))["problem"]["code"], "NOT_IN_COMBAT");
    let save = json!({"session_id": client.session});
    let json = [("content-type", "application/json")];
    assert_eq!(client.send("PUT", "/api/slots/1", &json, Some(save.to_string().as_bytes())).status, 200);
    client.act(&json!({"type": "buy_food", "amount": 3}));
    hears(&mut socket, &mut copy, 3);
    assert_eq!(client.post("/api/slots/1/load", &save).status, 200);
    hears(&mut socket, &mut copy, 4);
    assert_eq!(copy.state, client.look()["state"]);
}

fn asked(client: &Client, prefer: &str) -> Reply {
    let headers = [("content-type", "application/json"), ("prefer", prefer)];
    client.send("POST", &client.path("/actions"), &headers, Some(br#"{"type":"wait"}"#))
}

#[test]
fn who_prefers_a_minimal_answer_gets_what_they_cannot_know() {
    let (_folder, server) = start();
    let client = server.player(1);
    let reply = asked(&client, "return=minimal");
    assert_eq!((reply.status, reply.header("preference-applied")), (200, "return=minimal"));
    let minimal = reply.json();
    let members: Vec<_> = minimal.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["digest", "outcome", "revision"]);
    assert_eq!(reply.header("etag"), client.get(&client.path("")).header("etag"));
    let reply = asked(&client, "respond-async, return=representation");
    assert_eq!(reply.header("preference-applied"), "return=representation");
    assert_eq!(reply.json()["state"], client.look()["state"]);
    let reply = asked(&client, "handling=lenient");
    assert_eq!((reply.header("preference-applied"), reply.json()["state"].is_object()), ("", true));
}
