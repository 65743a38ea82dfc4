//! The whole shape of every body that is answered, and of every frame: the members of each object in the order they are sent.

use std::net::TcpStream;

use cosmic_explorer::api;
use cosmic_explorer::game::rng::Dice;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::play::choose_offer;
use crate::server::{Client, Reply, start_with, unlimited};
use crate::wire::Socket;

const ADMIN: &str = "0123456789abcdef";

/// Members whose values differ from run to run.
const REDACTED: [&str; 20] = [
    "session_id",
    "token",
    "link",
    "connection",
    "seal",
    "begun",
    "version",
    "memory_bytes",
    "last_checkpoint_micros",
    "last_sweep_micros",
    "batches",
    "bytes",
    "exposed",
    "last_batch",
    "last_micros",
    "queued",
    "segments",
    "spare",
    "turns",
    "uncovered",
];

/// A JSON value whose members keep their order.
enum Tree {
    Leaf(Value),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf(json!(value)))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf(json!(value)))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf(json!(value)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Leaf(json!(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf(json!(value)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(each) = seq.next_element()? {
                    list.push(each);
                }
                Ok(Tree::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Tree {
    /// What tells one shape from another: the names of members, and the kind of leaves.
    fn shape(&self) -> String {
        match self {
            Self::Leaf(Value::String(_)) => "text".to_owned(),
            Self::Leaf(Value::Number(_)) => "number".to_owned(),
            Self::Leaf(other) => other.to_string(),
            Self::List(list) => list.iter().map(Self::shape).collect::<Vec<_>>().join(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| format!("{name}:{}", value.shape())).collect::<Vec<_>>().join()
            }
        }
    }
}

trait Join {
    fn join(self) -> String;
}

impl Join for Vec<String> {
    fn join(mut self) -> String {
        self.sort();
        self.dedup();
        self.concat()
    }
}

/// Of many of the same shape the first.
fn distinct<'a, T>(all: &'a [T], tree: impl Fn(&'a T) -> &'a Tree) -> Vec<&'a T> {
    let mut seen = std::collections::BTreeSet::new();
    all.iter().filter(|each| seen.insert(tree(each).shape())).collect()
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(value) => value.serialize(serializer),
            Self::List(list) => {
                let shown = distinct(list, |each| each);
                let mut seq = serializer.serialize_seq(None)?;
                for each in &shown {
                    seq.serialize_element(each)?;
                }
                if shown.len() < list.len() {
                    seq.serialize_element(&format!("{} more", list.len() - shown.len()))?;
                }
                seq.end()
            }
            Self::Object(members) => {
                // A table by id, and not a type.
                let table = members.len() > 2 && members.iter().all(|(_, value)| matches!(value, Self::Object(_)));
                let all: Vec<_> = members.iter().collect();
                let shown = if table { distinct(members, |(_, value)| value) } else { all };
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in &shown {
                    match value {
                        Self::Leaf(leaf) if !leaf.is_null() && REDACTED.contains(&name.as_str()) => {
                            map.serialize_entry(name, &format!("[{name}]"))?;
                        }
                        value => map.serialize_entry(name, value)?,
                    }
                }
                if shown.len() < members.len() {
                    map.serialize_entry("…", &format!("{} more", members.len() - shown.len()))?;
                }
                map.end()
            }
        }
    }
}

/// All bodies, by the call that they answer.
#[derive(Default)]
struct Bodies(Vec<(String, Tree)>);

impl Bodies {
    fn keep(&mut self, call: &str, text: &str) {
        self.0.push((call.to_owned(), serde_json::from_str(text).expect("JSON")));
    }

    fn tell(&mut self, call: &str, reply: &Reply) {
        self.keep(&format!("{call} {}", reply.status), &reply.text);
    }

    /// Keeps the frames of a socket, up to one of a type.
    fn hear(&mut self, socket: &mut WebSocket<TcpStream>, name: &str) {
        loop {
            let frame = socket.read().expect("a frame");
            assert!(!frame.is_close(), "closed before {name}");
            let Message::Text(text) = &frame else { continue };
            let kind = serde_json::from_str::<Value>(text).expect("JSON")["type"].clone();
            self.keep(&format!("frame {}", kind.as_str().expect("a type")), text);
            if kind == name {
                return;
            }
        }
    }

    fn get(&mut self, client: &Client, call: &str, path: &str) {
        self.tell(&format!("GET {call}"), &client.get(path));
    }
}

impl Serialize for Bodies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(call, tree)| (call, tree)))
    }
}

fn put(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    client.send(method, path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
}

/// Plays a session's game to its end.
fn finish(client: &Client) {
    let mut dice = Dice::new(1);
    loop {
        let state = client.look()["state"].clone();
        if state["game_over"] == true {
            return;
        }
        client.act(&choose_offer(&state, &client.offers(), &mut dice)["action"]);
    }
}

#[test]
fn every_body_and_every_frame_has_its_shape() {
    if crate::cluster::not_on_files() {
        return;
    }
    let settings = api::Settings { admin_token: Some(ADMIN.to_owned()), ..unlimited() };
    let (_folder, server) = start_with(Default::default(), settings);
    let mut bodies = Bodies::default();
    let stranger = server.client();
    for path in ["/api", "/health", "/ready", "/version", "/api/content"] {
        bodies.get(&stranger, path, path);
    }
    bodies.tell("POST /nowhere", &stranger.post("/nowhere", &json!({})));

    let mut client = server.client();
    let begun = client.post("/api/sessions", &json!({"seed": 7, "name": "Bodies"}));
    bodies.tell("POST /api/sessions", &begun);
    client.token = begun.json()["token"].as_str().map(str::to_owned);
    client.session = begun.json()["session_id"].as_str().expect("an id").to_owned();
    bodies.get(&client, "/api/sessions", "/api/sessions");
    bodies.tell("PATCH /api/sessions/{id}", &put(&client, "PATCH", &client.path(""), &json!({"name": "Shapes"})));
    bodies.get(&client, "/api/sessions/{id}", &client.path(""));
    bodies.get(&client, "/api/sessions/{id}/map", &client.path("/map"));
    bodies.get(&client, "/api/sessions/{id}/actions", &client.path("/actions"));
    bodies.tell("POST /api/sessions/{id}/actions", &client.try_act(&json!({"type": "scan"})));
    bodies.tell("POST /api/sessions/{id}/actions", &client.try_act(&json!({"type": "refuel", "amount": 1})));
    let stale = client.send("DELETE", &client.path(""), &[("if-match", "\"0\"")], None);
    bodies.tell("DELETE /api/sessions/{id}", &stale);
    bodies.tell("POST /api/sessions/{id}/observers", &client.post(&client.path("/observers"), &json!({})));

    bodies.get(&client, "/api/slots", "/api/slots");
    bodies.tell("PUT /api/slots/{n}", &put(&client, "PUT", "/api/slots/1", &json!({"session_id": client.session})));
    bodies.get(&client, "/api/slots", "/api/slots");
    bodies.get(&client, "/api/slots/{n}", "/api/slots/1");
    let load = client.post("/api/slots/1/load", &json!({"session_id": client.session}));
    bodies.tell("POST /api/slots/{n}/load", &load);
    bodies.get(&client, "/api/sessions/{id}/turns", &client.path("/turns"));
    let export = client.get("/api/slots/1/export");
    bodies.tell("GET /api/slots/{n}/export", &export);
    bodies
        .tell("POST /api/slots/{n}/import", &server.client().post_text("/api/slots/2/import", export.text.as_bytes()));
    bodies.tell("POST /api/slots/{n}/import", &client.post_text("/api/slots/2/import", export.text.as_bytes()));

    let query = format!("?session_id={}", client.session);
    let mut socket = Socket::dial(&server.url, &query, client.token.as_deref()).expect("a socket");
    bodies.hear(&mut socket, "hello");
    client.act(&json!({"type": "wait"}));
    bodies.hear(&mut socket, "state");
    server.clock.advance(10);
    bodies.hear(&mut socket, "ping");
    bodies.get(&stranger, "/sessions", "/sessions");
    bodies.get(&stranger, "/stats", "/stats");
    let other = Socket::resume(&server.url, &client, "&takeover=true").expect("a socket");
    bodies.hear(&mut socket, "replaced");
    drop(other);

    finish(&client);
    bodies.get(&client, "/api/sessions/{id} over", &client.path(""));
    bodies.get(&client, "/api/sessions/{id}/turns?format=replay", &client.path("/turns?format=replay"));

    let mut challenger = client.clone();
    challenger.begin(json!({"challenge": "daily", "name": "Daily"}));
    bodies.get(&client, "/api/challenge", "/api/challenge");
    finish(&challenger);
    bodies.get(&client, "/api/leaderboard", "/api/leaderboard");
    bodies.get(&stranger, "/api/leaderboard", "/api/leaderboard");
    bodies.get(&client, "/api/sessions with a challenge", "/api/sessions");
    server.clock.advance(24 * 3600);
    bodies.get(&stranger, "/api/leaderboard of yesterday", "/api/leaderboard?date=2027-01-15");
    bodies.get(&stranger, "/api/leaderboard/…/replay", "/api/leaderboard/2027-01-15/normal/1/replay");
    bodies.get(&stranger, "/api/challenge", "/api/challenge");

    let admin = server.client().with_token(Some(ADMIN.to_owned()));
    bodies.get(&admin, "/api/admin/config", "/api/admin/config");
    bodies.tell("PATCH /api/admin/config", &put(&admin, "PATCH", "/api/admin/config", &json!({"limit": 50})));
    client.send("DELETE", &client.path(""), &[], None);
    bodies.get(&client, "/api/sessions/{id} deleted", &client.path(""));
    insta::assert_json_snapshot!("bodies", bodies);
}
