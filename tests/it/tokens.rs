//! Tokens: who may only watch, and which of a player's tokens count, over restarts, older folders and failing disks.

use std::process::Stdio;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cosmic_explorer::model::{Nonce, PlayerId};
use cosmic_explorer::session::token::{Bearer, Claims, LIFE_SECS, Signer};
use cosmic_explorer::session::{SessionError, Settings};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::binary::program;
use crate::golden::copy_files;
use crate::patience::until;
use crate::server::{Client, Server, dawn, open, serve, start, start_in, start_with, unlimited};
use crate::sim::{End, Fault, Op, SimDisk};
use crate::voyage::{RUNTIME, store_on};

const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn token(client: &Client) -> &str {
    client.token.as_deref().expect("a token")
}

fn with(client: &Client, token: &str) -> Client {
    Client { token: Some(token.to_owned()), ..client.clone() }
}

/// What a token is good for: nothing, or the games of its player.
fn good(server: &Server, token: &str) -> bool {
    let client = with(&server.client(), token);
    let reply = client.get("/api/sessions");
    if reply.status == 200 {
        return true;
    }
    assert_eq!((reply.status, reply.code().as_str()), (401, "TOKEN_INVALID"));
    assert_eq!(client.post("/api/sessions", &json!({})).code(), "TOKEN_INVALID", "never a silent new player");
    false
}

fn again(folder: &tempfile::TempDir, server: Server) -> Server {
    assert_eq!(server.stop(), 0);
    start_in(folder.path(), Default::default(), Default::default())
}

fn logout(client: &Client, headers: &[(&str, &str)]) -> crate::server::Reply {
    client.send("POST", "/api/logout", headers, None)
}

/// An observer's token for the client's session.
fn watcher(client: &Client) -> Client {
    let reply = client.post(&client.path("/observers"), &json!({}));
    assert_eq!(reply.status, 201, "{}", reply.text);
    with(client, reply.json()["token"].as_str().expect("a token"))
}

#[test]
fn an_observer_watches_one_session_and_does_nothing_else() {
    let (_folder, server) = start();
    let mut owner = server.player(1);
    let reply = owner.post_text(&owner.path("/observers"), b"");
    assert_eq!((reply.status, reply.header("cache-control"), reply.header("set-cookie")), (201, "no-store", ""));
    let made = reply.json();
    let text = made["token"].as_str().expect("a token");
    assert_eq!(made["link"], format!("#watch={text}&game={}", owner.session));
    assert_eq!(made["expires_at"], (dawn() + SignedDuration::from_secs(LIFE_SECS)).to_string());
    let watcher = with(&owner, text);

    owner.act(&json!({"type": "wait"}));
    for path in ["", "/map", "/turns", "/turns?after=0&limit=1"] {
        let [seen, own] = [&watcher, &owner].map(|client| client.get(&client.path(path)));
        assert_eq!((seen.status, &seen.text), (200, &own.text), "{path}");
    }
    assert_eq!(watcher.get(&watcher.path("/turns?format=replay")).code(), "GAME_NOT_FINISHED");
    // The same in a header or as a cookie.
    let nobody = Client { token: None, ..watcher.clone() };
    assert_eq!(nobody.send("GET", &nobody.path(""), &[("cookie", &server.cookie(text))], None).status, 200);

    for (method, path, body) in [
        ("GET", owner.path("/actions"), None),
        ("POST", owner.path("/actions"), Some(json!({"type": "wait"}))),
        ("PATCH", owner.path(""), Some(json!({"name": "Mine"}))),
        ("DELETE", owner.path(""), None),
        ("POST", owner.path("/observers"), None),
        ("GET", "/api/sessions".to_owned(), None),
        ("POST", "/api/sessions".to_owned(), Some(json!({}))),
        ("POST", "/api/logout".to_owned(), None),
        ("GET", "/api/slots".to_owned(), None),
        ("PUT", "/api/slots/1".to_owned(), Some(json!({"session_id": owner.session}))),
        ("GET", "/api/slots/0/export".to_owned(), None),
        ("POST", "/api/slots/1/import".to_owned(), Some(json!({}))),
    ] {
        let body = body.map(|body| body.to_string());
        let headers = [("content-type", "application/json")];
        let reply = watcher.send(method, &path, &headers, body.as_deref().map(str::as_bytes));
        assert_eq!((reply.status, reply.code().as_str()), (403, "OBSERVER_ONLY"), "{method} {path}");
        assert!(reply.json()["detail"].as_str().is_some_and(|detail| detail.starts_with("This token can only watch")));
    }
    assert_eq!(owner.look()["revision"], 1);
    assert!(matches!(server.rotate(text), Err(SessionError::OnlyWatches)));

    // Another session of the same player is as unknown as one that never was.
    let first = owner.session.clone();
    owner.begin(json!({}));
    let elsewhere = |id: &str| {
        let client = Client { session: id.to_owned(), ..watcher.clone() };
        let replies = ["", "/map", "/turns"].map(|path| client.get(&client.path(path)));
        replies.map(|reply| (reply.status, reply.code(), reply.text))
    };
    assert_eq!(elsewhere(&owner.session), elsewhere(UNKNOWN));
    assert_eq!(elsewhere(&owner.session), elsewhere("x"));
    assert!(elsewhere(UNKNOWN).iter().all(|(status, code, _)| (*status, code.as_str()) == (404, "SESSION_NOT_FOUND")));

    owner.session = first;
    assert_eq!(owner.send("DELETE", &owner.path(""), &[], None).status, 204);
    for path in ["", "/map", "/turns"] {
        let reply = watcher.get(&watcher.path(path));
        assert_eq!((reply.status, reply.code().as_str()), (410, "SESSION_EXPIRED"));
        assert_eq!(reply.header("x-session-expired-reason"), "deleted");
    }
    server.clock.advance(24 * 3600);
    server.sweep();
    assert_eq!(watcher.get(&watcher.path("")).code(), "SESSION_NOT_FOUND");
}

#[test]
fn only_its_owner_lets_others_watch_a_session() {
    let (_folder, server) = start();
    let owner = server.player(1);
    let stranger = Client { session: owner.session.clone(), ..server.player(2) };
    assert_eq!(stranger.post(&stranger.path("/observers"), &json!({})).code(), "SESSION_NOT_FOUND");
    let nobody = Client { token: None, ..owner.clone() };
    assert_eq!(nobody.post(&nobody.path("/observers"), &json!({})).code(), "TOKEN_REQUIRED");
    assert_eq!(owner.post(&owner.path("/observers"), &json!({"seats": 3})).code(), "UNKNOWN_FIELD");
    assert_eq!(owner.get(&owner.path("/observers")).code(), "METHOD_NOT_ALLOWED");
    let watcher = watcher(&owner);
    server.clock.advance(LIFE_SECS - 1);
    assert_eq!(watcher.get(&watcher.path("")).status, 200);
    server.clock.advance(1);
    assert_eq!(watcher.get(&watcher.path("")).code(), "TOKEN_INVALID");
}

#[test]
fn the_previous_token_is_good_until_the_current_one_is_used_and_ten_seconds_longer() {
    let (_folder, server) = start();
    let client = server.player(1);
    let first = token(&client).to_owned();
    let second = server.rotate(&first).expect("a token");
    assert!(first != second);
    server.clock.advance(3600);
    assert!(good(&server, &first), "nobody has used the second one");
    assert!(good(&server, &second));
    server.clock.advance(9);
    assert!(good(&server, &first) && good(&server, &second));
    server.clock.advance(1);
    assert!(!good(&server, &first), "the second one was first used ten seconds ago");
    assert!(good(&server, &second));
    assert!(matches!(server.rotate(&first), Err(SessionError::BadToken)));
    assert_eq!(with(&client, &second).look()["revision"], 0, "it is the same player");

    // What is older than the previous one is gone at once.
    let third = server.rotate(&second).expect("a token");
    let fourth = server.rotate(&third).expect("a token");
    assert!(!good(&server, &second) && good(&server, &third) && good(&server, &fourth));
}

#[test]
fn a_rotation_whose_answer_was_lost_locks_nobody_out() {
    let (folder, server) = start();
    let first = token(&server.player(1)).to_owned();
    let lost = server.rotate(&first).expect("a token");
    let server = again(&folder, server);
    assert!(good(&server, &first), "over a restart");
    // Two pages of a browser at once: whichever answer comes last, its token is good.
    let answers: Vec<_> = std::thread::scope(|scope| {
        let pages: Vec<_> = (0..8).map(|_| scope.spawn(|| server.rotate(&first).expect("a token"))).collect();
        pages.into_iter().map(|page| page.join().expect("a token")).collect()
    });
    assert!(answers.iter().chain([&lost]).all(|token| good(&server, token)));
    server.clock.advance(10);
    assert!(answers.iter().all(|token| good(&server, token)) && !good(&server, &first));
}

#[test]
fn a_restart_does_not_bring_the_previous_token_back() {
    // In a database the ten seconds of the previous one go on: another server does not know of a restart.
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let first = token(&server.player(1)).to_owned();
    let second = server.rotate(&first).expect("a token");
    assert!(good(&server, &second) && good(&server, &first), "in the ten seconds");
    let server = again(&folder, server);
    assert!(!good(&server, &first) && good(&server, &second));
    let server = again(&folder, server);
    assert!(!good(&server, &first) && good(&server, &second));
}

#[test]
fn the_first_use_is_written_down_at_once_though_nobody_waits_for_it() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let first = token(&server.player(1)).to_owned();
    let second = server.rotate(&first).expect("a token");
    let written = || std::fs::read_to_string(folder.path().join("tokens.jsonl")).expect("a file");
    assert!(written().contains("\"previous\""));
    assert!(good(&server, &second));
    // Without a sweep, and without an end.
    until("it to be written down", || written().lines().last().is_some_and(|line| !line.contains("\"previous\"")));
}

#[test]
fn after_a_logout_no_token_of_the_player_is_good() {
    let (folder, server) = start();
    let other = token(&server.player(2)).to_owned();
    let mut client = server.player(1);
    let first = token(&client).to_owned();
    let second = server.rotate(&first).expect("a token");
    client.token = Some(second.clone());
    let watcher = watcher(&client);
    let claims = server.services.tokens.check(&second).expect("it is good");
    let renewed = server.services.tokens.renew(&claims).reveal().to_owned();

    let reply = logout(&client, &[]);
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    let removal = reply.header("set-cookie");
    assert!(
        removal.starts_with(&server.cookie(";")) && removal.contains("Max-Age=0") && removal.contains("Path=/"),
        "{removal}"
    );
    let server = {
        let all_out = |server: &Server| {
            assert!([&first, &second, &renewed].iter().all(|token| !good(server, token)));
            assert!(good(server, &other), "others stay");
            assert_eq!(with(&client, &other).at(&server.url).get("/api/slots").status, 200);
        };
        all_out(&server);
        let late = server.services.tokens.renew(&claims);
        assert!(server.services.tokens.check(late.reveal()).is_err(), "a renewal that had begun before");
        let server = again(&folder, server);
        all_out(&server);
        assert_eq!(watcher.at(&server.url).look()["revision"], 0, "those who were invited go on watching");
        server.clock.advance(LIFE_SECS);
        server.sweep();
        again(&folder, server)
    };
    assert!(!good(&server, &renewed));
    assert_eq!(logout(&client.at(&server.url), &[]).code(), "TOKEN_INVALID");
}

#[test]
fn a_logout_takes_away_the_cookie_that_is_no_good_and_no_other() {
    let (_folder, server) = start();
    let [mine, yours] = [1, 2].map(|seed| token(&server.player(seed)).to_owned());
    let nobody = server.client();
    let removed = |reply: &crate::server::Reply| reply.header("set-cookie").starts_with(&server.cookie(";"));
    let reply = logout(&nobody, &[]);
    assert_eq!((reply.code().as_str(), removed(&reply)), ("TOKEN_REQUIRED", false), "as a page elsewhere could ask");
    let reply = logout(&with(&nobody, "bad"), &[("cookie", &server.cookie(&mine))]);
    assert_eq!((reply.code().as_str(), removed(&reply)), ("TOKEN_INVALID", false), "the cookie is good");
    let reply = logout(&with(&nobody, &yours), &[("cookie", &server.cookie(&mine))]);
    assert_eq!((reply.status, removed(&reply)), (204, false), "the cookie is another player's");
    let reply = logout(&nobody, &[("cookie", &server.cookie(&mine))]);
    assert_eq!((reply.status, removed(&reply)), (204, true));
    let reply = logout(&nobody, &[("cookie", &server.cookie(&mine))]);
    assert_eq!((reply.code().as_str(), removed(&reply)), ("TOKEN_INVALID", true), "a way out for a browser");
    assert_eq!(nobody.post("/api/logout", &json!({"all": false})).code(), "UNKNOWN_FIELD");
}

#[test]
fn a_logout_that_the_disk_refuses_did_not_happen() {
    let disk = SimDisk::new();
    let server = serve(store_on(&disk), Settings::default(), unlimited());
    let client = server.player(1);
    let first = token(&client).to_owned();
    assert_eq!(logout(&server.player(2), &[]).status, 204, "from now on there is a file");
    disk.plan(Some(Box::new(|op, _| (op == Op::Sync).then_some(Fault::Lied))));
    assert!(matches!(server.rotate(&first), Err(SessionError::Store(_))));
    let reply = logout(&client, &[("cookie", &server.cookie(&first))]);
    assert_eq!((reply.status, reply.code().as_str()), (503, "STORE_UNAVAILABLE"));
    assert_eq!(reply.header("set-cookie"), "");
    assert!(good(&server, &first));
    disk.plan(None);
    // The line is on the platter all the same, until a sweep has taken it out.
    server.sweep();
    disk.stop_at(0);
    let server = serve(store_on(&disk.after(End::PowerCut)), Settings::default(), unlimited());
    assert!(good(&server, &first));
}

#[test]
fn a_renewed_token_is_the_current_one() {
    let (_folder, server) = start();
    let first = token(&server.player(1)).to_owned();
    let second = server.rotate(&first).expect("a token");
    server.clock.advance(LIFE_SECS / 2 + 1);
    let nobody = server.client();
    let reply = nobody.send("GET", "/api/sessions", &[("cookie", &server.cookie(&first))], None);
    let renewed = reply.header("set-cookie").split(['=', ';']).nth(1).expect("a cookie").to_owned();
    assert!(renewed != first && renewed != second && good(&server, &first));
    // In the body for those who send it in a header.
    let reply = with(&nobody, &second).post("/api/sessions", &json!({})).json();
    let current = reply["token"].as_str().expect("a token").to_owned();
    assert!(good(&server, &current) && current != second);
    assert!(with(&nobody, &current).post("/api/sessions", &json!({})).json().get("token").is_none(), "it is young");
    server.clock.advance(10);
    assert!(!good(&server, &first), "the other one was used");
    assert!(good(&server, &renewed), "a late answer takes no browser's token away");
    server.clock.advance(LIFE_SECS / 2);
    assert!(!good(&server, &second), "it has expired");
    assert!(good(&server, &current) && good(&server, &renewed), "these have not");
    let third = server.rotate(&renewed).expect("a token");
    assert!(good(&server, &third));
    server.clock.advance(10);
    assert!(!good(&server, &current) && !good(&server, &renewed));
}

#[test]
fn an_older_folder_locks_nobody_out() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = server.player(1);
    let first = token(&client).to_owned();
    let second = server.rotate(&first).expect("a token");
    assert!(good(&server, &second));
    assert_eq!(server.stop(), 0);
    let backup = tempfile::tempdir().expect("a folder");
    copy_files(folder.path(), backup.path());
    let server = start_in(folder.path(), Default::default(), unlimited());
    let third = server.rotate(&second).expect("a token");
    let fourth = server.rotate(&third).expect("a token");

    let server = start_in(backup.path(), Default::default(), unlimited());
    assert!(good(&server, &second) && good(&server, &fourth));
    assert!(!good(&server, &second) && !good(&server, &third) && !good(&server, &first), "the latest one counts");
    let server = again(&backup, server);
    assert!(!good(&server, &third) && good(&server, &fourth));
}

#[test]
fn damaged_lines_are_reported_and_hurt_nobody_else() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let [mine, yours] = [1, 2].map(|seed| server.player(seed));
    assert_eq!(logout(&mine, &[]).status, 204);
    assert_eq!(logout(&yours, &[]).status, 204);
    let kept = token(&server.player(3)).to_owned();
    server.stop();
    let file = folder.path().join("tokens.jsonl");
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, text.replacen("\"at\":\"2", "\"at\":\"3", 1)).expect("a file");
    let server = start_in(folder.path(), Default::default(), unlimited());
    assert_eq!(server.client().get("/stats").json()["set_aside"], json!(["tokens.jsonl"]));
    assert!(!good(&server, token(&yours)) && good(&server, &kept));
}

/// As the first version to have this file writes it; without its checksum, as an admin edits it.
#[test]
fn stored_lines_are_read() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    server.stop();
    let players = [1_u128, 2, 3].map(|player| PlayerId(Uuid::from_u128(player)));
    let lines = [
        r#"{"version":2,"player":"00000000-0000-0000-0000-000000000001","current":"00000001deadbeef","previous":"00000000deadbeef","at":"2027-01-15T08:00:00Z"}"#,
        r#"{"version":2,"player":"00000000-0000-0000-0000-000000000002","at":"2027-01-15T08:00:00Z"}"#,
        r#"{"version":2,"player":"00000000-0000-0000-0000-000000000003","current":"00000001deadbeef","at":"2027-01-15T08:00:00Z"}"#,
    ];
    std::fs::write(folder.path().join("tokens.jsonl"), lines.join("\n")).expect("a file");
    let store = open(folder.path(), Default::default()).store;
    let keys = RUNTIME.block_on(store.keys(|| [0; 32])).expect("keys");
    drop(store);
    let signer = Signer::new(&keys);
    let server = start_in(folder.path(), Default::default(), unlimited());
    for nonce in [0x0000_0000_dead_beef, 0x0000_0001_dead_beef] {
        let found = players.map(|player| {
            let token = signer.sign(Bearer::Player(player), Nonce(nonce), dawn());
            server.services.tokens.check(token.reveal()).is_ok()
        });
        assert_eq!(found, [true, false, nonce >> 32 == 1], "{nonce:x}");
    }
    assert_eq!(server.client().get("/stats").json()["set_aside"], json!([]));
}

fn lines(folder: &tempfile::TempDir) -> usize {
    let text = std::fs::read_to_string(folder.path().join("tokens.jsonl")).expect("a file");
    text.lines().filter(|line| !line.is_empty()).count()
}

#[test]
fn the_file_is_rewritten_and_what_concerns_no_token_is_forgotten() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let mut kept = token(&server.player(1)).to_owned();
    for _ in 0..100 {
        kept = server.rotate(&kept).expect("a token");
        assert!(good(&server, &kept));
    }
    server.sweep();
    assert!(lines(&folder) <= 102, "{} lines for one player", lines(&folder));

    let gone: Vec<_> = (0..110).map(|_| server.services.tokens.mint(PlayerId::fresh()).reveal().to_owned()).collect();
    for token in &gone {
        assert_eq!(logout(&with(&server.client(), token), &[]).status, 204);
    }
    // Ninety days: every token of before has expired. Until then a logout stands, though its player has no game.
    server.clock.advance(LIFE_SECS - 1);
    server.sweep();
    assert!(lines(&folder) >= 110 && gone.iter().all(|token| !good(&server, token)));
    server.clock.advance(11);
    server.sweep();
    assert_eq!(lines(&folder), 0);
    assert!(gone.iter().chain([&kept]).all(|token| !good(&server, token)), "they have expired");
}

#[test]
fn when_it_is_full_those_go_of_whom_nothing_is_stored() {
    if crate::cluster::not_on_files() {
        return;
    }
    // So that there is room for 20 of whom something is stored, and no more.
    let settings = Settings { stored: 10, ..Settings::default() };
    let (folder, server) = start_with(settings, unlimited());
    let with_a_game: Vec<_> = (0..10)
        .map(|seed| {
            let first = token(&server.player(seed)).to_owned();
            let second = server.rotate(&server.rotate(&first).expect("a token")).expect("a token");
            (first, second)
        })
        .collect();
    let without: Vec<_> = (0..200)
        .map(|_| {
            server.clock.advance(1);
            let first = server.services.tokens.mint(PlayerId::fresh()).reveal().to_owned();
            server.rotate(&server.rotate(&first).expect("a token")).expect("a token");
            first
        })
        .collect();
    for (first, second) in &with_a_game {
        assert!(!good(&server, first) && good(&server, second));
    }
    let revoked = without.iter().rev().take_while(|first| server.services.tokens.check(first).is_err()).count();
    assert!((8..=10).contains(&revoked), "the last {revoked} are known");
    // What is still to be written of the uses above; after the sweep it would be more lines.
    server.write_down_uses();
    server.sweep();
    assert!(lines(&folder) <= 140, "twice as many and a hundred");
}

#[test]
fn a_change_of_the_key_that_ends_halfway_loses_no_key() {
    let fresh: fn() -> [u8; 32] = || *Uuid::new_v4().into_bytes().repeat(2).as_array().expect("32 bytes");
    let never: fn() -> [u8; 32] = || panic!("there is a key");
    let keys_of = |disk: &SimDisk, fresh| RUNTIME.block_on(store_on(disk).store.keys(fresh)).expect("keys");
    let disk = SimDisk::new();
    let before = keys_of(&disk, fresh);
    let (start, mut stopped, mut changed) = (disk.after(End::PowerCut), true, 0);
    let mut op = 0;
    while stopped {
        for end in [End::Killed, End::PowerCut, End::Torn(1), End::Torn(2)] {
            let disk = start.after(End::PowerCut);
            let store = store_on(&disk).store;
            disk.stop_at(disk.count() + op);
            stopped = RUNTIME.block_on(store.rotate_key(fresh)).is_err();
            let disk = disk.after(end);
            let keys = keys_of(&disk, never);
            let new = keys.current != before.current;
            assert!(new || stopped, "stopped at {op}, {end:?}");
            assert!(keys.previous.as_ref() == new.then_some(&before.current), "stopped at {op}, {end:?}");
            changed += usize::from(new && stopped);
            // From here on each of the two copies is enough.
            for name in ["keys.json", "keys.copy.json"] {
                let disk = disk.after(End::PowerCut);
                disk.damage(name, |bytes| bytes.truncate(20));
                assert!(keys_of(&disk, never) == keys, "{name}, stopped at {op}, {end:?}");
            }
        }
        op += 1;
    }
    assert!(op > 4 && changed > 0, "{op} operations, {changed} of them between the copies");
}

/// At every level of the log, and with every kind of token.
#[test]
fn no_token_shows_in_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    let mut command = program(&folder.path().join("saves"), &[]);
    command.env("COSMIC_LOG", "trace").stderr(Stdio::from(std::fs::File::create(&log).expect("a file")));
    let server = crate::binary::start(command);
    let mut client = Client::new(&server.url);
    client.begin(json!({}));
    let watcher = watcher(&client);
    watcher.look();
    watcher.try_act(&json!({"type": "wait"}));
    let own = token(&client).to_owned();
    let nobody = Client { token: None, ..client.clone() };
    nobody.send("GET", "/api/sessions", &[("cookie", &format!("cosmic={own}"))], None);
    assert_eq!(logout(&client, &[]).status, 204);
    let reply = client.get(&client.path(""));
    assert_eq!(reply.code(), "TOKEN_INVALID");
    assert_eq!(server.end("-TERM"), Some(0));
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("TRACE") && log.lines().count() > 100);
    for text in [own.as_str(), token(&watcher)] {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64");
        let nonce = u64::from_be_bytes(*bytes[32..40].as_array().expect("8 bytes"));
        let secrets = [text.to_owned(), format!("{nonce:016x}"), nonce.to_string(), text[60..].to_owned()];
        for secret in secrets {
            let shown = log.lines().find(|line| line.contains(&secret));
            assert!(shown.is_none(), "{shown:?}");
            assert!(!reply.text.contains(&secret));
        }
    }
}

#[test]
fn nothing_that_shows_nonces_shows_them() {
    let claims = Claims { bearer: Bearer::Player(PlayerId::fresh()), nonce: Nonce(0x1234_5678), ageing: false };
    let nonces = cosmic_explorer::model::Nonces {
        version: 2,
        player: Uuid::nil(),
        current: Some(Nonce(0x1234_5678)),
        previous: Some(Nonce(0x1234_5678)),
        used: None,
        at: Timestamp::UNIX_EPOCH,
    };
    for text in [format!("{claims:?}"), format!("{nonces:?}"), format!("{:#?}", Some(claims.nonce))] {
        assert!(text.contains("Nonce") && !text.contains("12345678") && !text.contains("305419896"), "{text}");
    }
    let bad = serde_json::from_value::<Nonce>(json!("0x12345678")).expect_err("no nonce");
    assert_eq!(bad.to_string(), "a nonce has 16 hexadecimal digits");
}
