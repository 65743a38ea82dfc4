//! What stands before the calls: how often somebody may come.

use cosmic_explorer::api;
use cosmic_explorer::session::Settings;
use serde_json::json;

use crate::server::{Reply, Server, start_with, unlimited};

fn guarded(api: api::Settings) -> (tempfile::TempDir, Server) {
    start_with(Settings::default(), api)
}

/// A refusal for coming too often; the seconds to wait, which header and body agree on.
fn wait_of(reply: &Reply, code: &str) -> i64 {
    assert_eq!((reply.status, reply.code().as_str()), (429, code));
    assert_eq!(reply.header("retry-after"), reply.json()["retry_after"].to_string());
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    reply.json()["retry_after"].as_i64().expect("seconds")
}

#[test]
fn a_player_has_so_many_requests_a_minute_in_bursts_of_a_tenth() {
    let (_folder, server) = guarded(api::Settings { requests_per_minute: 60, ..unlimited() });
    let code = "TOO_MANY_REQUESTS";
    let client = server.player(1);
    let other = server.player(2);
    for _ in 0..5 {
        client.look();
    }
    client.act(&json!({"type": "wait"}));
    assert_eq!(wait_of(&client.try_act(&json!({"type": "wait"})), code), 1);
    // The cookie is the same player.
    let cookie = format!("cosmic={}", client.token.as_deref().expect("a token"));
    let reply = server.client().send("GET", "/api/sessions", &[("cookie", &cookie)], None);
    assert_eq!(wait_of(&reply, code), 1);
    other.look();
    assert_eq!(server.client().get("/health").status, 200);

    server.clock.advance(1);
    assert_eq!(client.look()["revision"], 1, "the refused action was not taken");
    assert_eq!(wait_of(&client.get(&client.path("")), code), 1);
    // A clock that is set back does not lock anybody out until its old time has come again.
    server.clock.advance(-3600);
    assert_eq!(wait_of(&client.get(&client.path("")), code), 1);
    server.clock.advance(3);
    for _ in 0..3 {
        client.look();
    }
    assert_eq!(wait_of(&client.get(&client.path("")), code), 1);
}

#[test]
fn a_limit_smaller_than_ten_still_takes_one_at_a_time() {
    let (_folder, server) = guarded(api::Settings { requests_per_minute: 2, ..unlimited() });
    let client = server.player(1);
    client.look();
    assert_eq!(wait_of(&client.get(&client.path("")), "TOO_MANY_REQUESTS"), 30);
    server.clock.advance(30);
    client.look();
}

#[test]
fn an_address_brings_so_many_new_players_a_minute() {
    let (_folder, server) = guarded(api::Settings { connects_per_minute: 3, ..unlimited() });
    let code = "TOO_MANY_CONNECTS";
    let mut client = server.player(1);
    for _ in 0..2 {
        server.client().begin(json!({}));
    }
    assert_eq!(wait_of(&server.client().post("/api/sessions", &json!({})), code), 20);
    assert_eq!(wait_of(&server.client().post("/api/slots/1/import", &json!({})), code), 20);
    // Who is there already is not new.
    client.begin(json!({}));
    assert_eq!(client.post("/api/slots/1/import", &json!({})).code(), "SAVE_INVALID");

    server.clock.advance(20);
    // An import that is refused costs the server the same.
    assert_eq!(server.client().post("/api/slots/1/import", &json!({})).code(), "SAVE_INVALID");
    assert_eq!(wait_of(&server.client().post("/api/sessions", &json!({})), code), 20);
}
