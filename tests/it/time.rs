//! The clock is set while the server runs, or was wrong when it started: nothing ages by that, and nothing gets younger.

use std::path::Path;

use cosmic_explorer::api;
use cosmic_explorer::session::Settings;
use cosmic_explorer::session::token::LIFE_SECS;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::server::{Client, Server, dawn, start, start_at, start_in, start_with, unlimited};
use crate::wire::{EventStream, Socket, until};

const DAY: i64 = 24 * 3600;
/// By how much a clock is set: too far ahead, back, to where clocks begin that nobody has set, and to the end of time.
const STEPS: [i64; 8] = [100 * DAY, 500 * DAY, -3600, -1800, -500 * DAY, -57 * 365 * DAY, 7000 * 365 * DAY, 299];

fn wait() -> Value {
    json!({"type": "wait"})
}

fn at(seconds: i64) -> Timestamp {
    dawn() + SignedDuration::from_secs(seconds)
}

fn status(client: &Client) -> u16 {
    client.get("/api/sessions").status
}

/// Everybody whose token the time could make good or bad: of a game, logged out, replaced, expired.
struct Crowd {
    player: Client,
    logged_out: Client,
    replaced: Client,
    expired: Client,
    deleted: Client,
}

impl Crowd {
    fn of(server: &Server) -> Self {
        let expired = server.player(1);
        server.clock.advance(LIFE_SECS + 1);
        let [player, logged_out, replaced, deleted] = [2, 3, 4, 5].map(|seed| server.player(seed));
        assert_eq!(logged_out.post("/api/logout", &json!({})).status, 204);
        let next = server.rotate(replaced.token.as_deref().expect("a token")).expect("another");
        assert_eq!(status(&replaced.with_token(Some(next))), 200);
        server.clock.advance(11);
        assert_eq!(deleted.send("DELETE", &deleted.path(""), &[], None).status, 204);
        let crowd = Self { player, logged_out, replaced, expired, deleted };
        crowd.check(server, "at first");
        crowd
    }

    fn check(&self, server: &Server, when: &str) {
        let at = self.deleted.clone().at(&server.url);
        assert_eq!(at.get(&at.path("")).code(), "SESSION_EXPIRED", "{when}: the tombstone stands");
        self.check_after_a_pause(server, when);
    }

    /// A day is as long as a tombstone stands.
    fn check_after_a_pause(&self, server: &Server, when: &str) {
        let Self { player, logged_out, replaced, expired, .. } = self;
        let at = |client: &Client| client.clone().at(&server.url);
        assert_eq!(at(player).look()["session_id"], player.session.as_str(), "{when}");
        let bad = [logged_out, replaced, expired].map(|client| status(&at(client)));
        assert_eq!(bad, [401, 401, 401], "{when}");
    }
}

/// Games are kept for thirty days, so that the sweeper has something to delete.
fn settings() -> Settings {
    Settings { retention_days: 30, ..Settings::default() }
}

#[test]
fn a_clock_that_is_set_deletes_nothing_and_lets_nobody_in_or_out() {
    for by in STEPS {
        let (folder, server) = start_with(settings(), unlimited());
        let crowd = Crowd::of(&server);
        let since = LIFE_SECS + 12;
        // Wrong for a moment, and right again.
        server.clock.step(by);
        server.sweep();
        crowd.check(&server, &format!("{by}"));
        let new = server.player(6);
        server.clock.step(-by);
        server.sweep();
        crowd.check(&server, &format!("{by} and back"));
        assert_eq!(status(&new), 200, "{by}: who came meanwhile");
        // Wrong, and a restart, and right again, and a restart.
        server.clock.step(by);
        server.stop();
        let server = start_at_with(folder.path(), at(since + by));
        crowd.check(&server, &format!("{by}, restarted"));
        server.sweep();
        crowd.check(&server, &format!("{by}, restarted and swept"));
        server.stop();
        let server = start_at_with(folder.path(), at(since));
        server.sweep();
        // A clock that was back looks like a pause when it is right at a start.
        crowd.check_after_a_pause(&server, &format!("{by}, restarted twice"));
        assert_eq!(status(&new.clone().at(&server.url)), 200, "{by}");
        // What is to age ages by what has passed, whatever the wall shows.
        server.clock.step(by);
        server.clock.advance(28 * DAY);
        server.sweep();
        let known = |client: &Client| client.clone().at(&server.url).get(&client.path("")).status;
        assert_eq!(known(&new), 200, "{by}");
        server.clock.advance(28 * DAY);
        assert_eq!(known(&new), 200, "{by}");
        server.sweep();
        assert_eq!(known(&crowd.player), 410, "{by}: nobody has asked for it in thirty days");
        server.clock.advance(LIFE_SECS);
        assert_eq!(status(&new.clone().at(&server.url)), 401, "{by}: it has had its life");
    }
}

fn start_at_with(saves: &Path, now: Timestamp) -> Server {
    // A pause counts what the wall says, a day at the most: these have none.
    crate::server::serve_at(now, saves, settings())
}

#[test]
fn a_pause_of_the_server_counts_a_day_at_most() {
    for (pause, counted) in [(3600, 3600), (DAY, DAY), (DAY + 1, DAY), (500 * DAY, DAY), (-3600, 0)] {
        let (folder, server) = start();
        let client = server.player(1);
        server.clock.advance(10);
        server.stop();
        let server = start_at(folder.path(), at(10 + pause));
        let client = client.at(&server.url);
        server.clock.advance(LIFE_SECS - counted - 11);
        assert_eq!(status(&client), 200, "{pause}");
        server.clock.advance(1);
        assert_eq!(status(&client), 401, "{pause}");
    }
}

#[test]
fn what_the_server_made_of_its_clock_can_be_lost_without_harm() {
    if crate::cluster::not_on_files() {
        return;
    }
    for lost in ["removed", "damaged", "empty"] {
        for wall in [0, 500 * DAY, -57 * 365 * DAY] {
            let (folder, server) = start_with(settings(), unlimited());
            let crowd = Crowd::of(&server);
            server.stop();
            let file = folder.path().join("clock.json");
            match lost {
                "removed" => std::fs::remove_file(&file).expect("it is there"),
                "damaged" => {
                    let mut bytes = std::fs::read(&file).expect("it is there");
                    // Two bits: one would be mended.
                    bytes[60] ^= 3;
                    std::fs::write(&file, bytes).expect("a file");
                }
                _ => std::fs::write(&file, "").expect("a file"),
            }
            let server = start_at_with(folder.path(), at(LIFE_SECS + 12 + wall));
            server.sweep();
            crowd.check(&server, &format!("{lost}, {wall}"));
        }
    }
}

#[test]
fn a_folder_of_before_there_was_lived_time_goes_by_its_stamps() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start_with(settings(), unlimited());
    let crowd = Crowd::of(&server);
    server.stop();
    std::fs::remove_file(folder.path().join("clock.json")).expect("it is there");
    for file in std::fs::read_dir(folder.path()).expect("a folder") {
        let file = file.expect("a file").path();
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let strip = |line: &str| {
            let Ok(mut object) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
            if object.as_object_mut().is_some_and(|object| object.remove("lived").is_some()) {
                object.as_object_mut().expect("an object").remove("checksum");
                return object.to_string();
            }
            line.to_owned()
        };
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        if name.starts_with("session_") && name.ends_with(".json") {
            std::fs::write(&file, strip(&text)).expect("a file");
        } else if name.ends_with(".jsonl") {
            let lines: Vec<_> = text.lines().map(strip).collect();
            std::fs::write(&file, lines.join("\n") + "\n").expect("a file");
        }
    }
    let server = start_at_with(folder.path(), at(LIFE_SECS + 12));
    server.sweep();
    crowd.check(&server, "brought up to date");
}

/// An admin who restores an older folder lets nobody in who was out, and nobody out who was in.
#[test]
fn a_clock_that_was_never_set_at_the_first_start_logs_nobody_out_when_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    for begun in [0, 946_684_800] {
        let server = start_at(folder.path(), Timestamp::from_second(begun).expect("a time"));
        let client = server.player(1);
        let refused = client.post("/api/sessions", &json!({"challenge": "daily"}));
        assert_eq!((refused.status, refused.code().as_str()), (503, "CLOCK_UNSETTLED"));
        server.clock.step(dawn().as_second() - begun);
        assert_eq!((status(&client), client.act(&wait())["revision"].as_u64()), (200, Some(1)));
        let told = client.post(&client.path("/observers"), &json!({})).json();
        assert_eq!(told["expires_at"], at(LIFE_SECS).to_string(), "as the wall's clock shows it now");
        server.stop();
        let server = start_in(folder.path(), Settings::default(), unlimited());
        let client = client.at(&server.url);
        server.clock.advance(LIFE_SECS - 1);
        assert_eq!(status(&client), 200);
        server.clock.advance(1);
        assert_eq!(status(&client), 401);
        server.stop();
        std::fs::read_dir(folder.path()).expect("a folder").for_each(|file| {
            std::fs::remove_file(file.expect("a file").path()).expect("it goes");
        });
    }
}

#[test]
fn heartbeats_and_grace_go_on_whatever_is_done_to_the_clock() {
    for by in STEPS {
        let (_folder, server) = start();
        let [client, quiet] = [1, 2].map(|seed| server.player(seed));
        let mut socket = Socket::resume(&server.url, &client, "").expect("a socket");
        let mut stream = EventStream::open(&server.player(3), "", &[]);
        stream.wait_for("hello");
        let dropped = Socket::resume(&server.url, &quiet, "").expect("a socket");
        drop(dropped);
        let seen = || {
            let sessions = server.client().get("/sessions").json()["sessions"].clone();
            let own = |each: &&Value| each["session_id"] == quiet.session.as_str();
            sessions.as_array().expect("a list").iter().find(own).cloned()
        };
        until("the drop", || seen().is_some_and(|seen| seen["connection_count"] == 0));
        server.clock.step(by);
        // Nothing is dead, or put away, because of it; and a ping comes when it is due.
        assert_eq!(socket.act(1, &wait())["revision"], 1, "{by}");
        let left = seen().expect("it is there");
        assert_eq!((&left["timeout_remaining_secs"], &left["idle_secs"]), (&json!(300), &json!(0)), "{by}");
        server.clock.advance(10);
        socket.wait_for("ping");
        socket.say(&json!({"type": "pong"}));
        socket.round_trip();
        server.clock.advance(5);
        assert!(stream.next().expect("a heartbeat").comment, "{by}");
        server.clock.advance(284);
        assert_eq!(seen().expect("it is there")["timeout_remaining_secs"], 1, "{by}");
        server.clock.advance(1);
        until("the end of grace", || seen().is_none());
        // A client that does not answer is found dead.
        until("the end of a dead connection", || {
            server.clock.advance(10);
            server.client().get("/stats").json()["connected"] == 1
        });
    }
}

#[test]
fn places_and_limits_go_by_what_has_passed() {
    for by in STEPS {
        let settings = Settings { limit: 1, ..Settings::default() };
        let limits = api::Settings { connects_per_minute: 2, ..unlimited() };
        let (_folder, server) = start_with(settings, limits);
        let first = server.player(1);
        server.clock.step(by);
        let refused = server.client().post("/api/sessions", &json!({}));
        assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("SESSION_LIMIT_REACHED", "60"), "{by}");
        assert_eq!(server.client().post("/api/sessions", &json!({})).code(), "TOO_MANY_CONNECTS", "{by}");
        server.sweep();
        assert_eq!(first.look()["revision"], 0, "{by}: it is still in memory");
        assert_eq!(server.client().get("/stats").json()["active_sessions"], 1);
        server.clock.advance(60);
        assert_eq!(server.client().post("/api/sessions", &json!({})).status, 201, "{by}");
    }
}

#[test]
fn a_clock_ahead_removes_no_board() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let file = folder.path().join("leaderboard_2026-06-01_normal.jsonl");
    // Of half a year ago.
    server.stop();
    std::fs::write(&file, "").expect("a board");
    let server = start_in(folder.path(), Settings::default(), unlimited());
    for by in [500 * DAY, 4_000 * DAY, -4_500 * DAY] {
        server.clock.step(by);
        server.sweep();
        // Also once the clock has held.
        server.clock.advance(3600);
        server.sweep();
        assert!(file.exists(), "{by}");
    }
    server.clock.advance(400 * DAY);
    server.sweep();
    assert!(!file.exists(), "kept for so long, and then no more");
}

#[test]
fn a_clock_that_is_a_little_fast_does_not_jump() {
    let (_folder, server) = start();
    let clock = || server.client().get("/stats").json()["clock"].clone();
    for _ in 0..100 {
        server.clock.advance(3600);
        server.clock.step(30);
        server.sweep();
    }
    assert_eq!((&clock()["jumps"], &clock()["unsettled_secs"]), (&json!(0), &json!(0)));
    server.clock.step(-301);
    assert_eq!((&clock()["jumps"], &clock()["last_jump_secs"]), (&json!(1), &json!(-301)));
    assert_eq!(clock()["jumps"], 1, "it is told once");
}
