//! `If-Match`, `If-None-Match` and the tags they name: what a client has seen last is what it acts on, or it is told so.

use serde_json::{Value, json};

use crate::server::{Client, Reply, Server, start, start_in, start_with, unlimited};

const JSON: (&str, &str) = ("content-type", "application/json");

fn with(client: &Client, method: &str, path: &str, header: (&str, &str), body: &Value) -> Reply {
    client.send(method, path, &[JSON, header], Some(body.to_string().as_bytes()))
}

fn tag(client: &Client, path: &str) -> String {
    let reply = client.get(path);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.header("etag").to_owned()
}

fn wait() -> Value {
    json!({"type": "wait"})
}

#[test]
fn a_tag_names_the_event_that_led_to_the_state() {
    let (_folder, server) = start();
    let client = server.player(1);
    let acted = client.try_act(&wait());
    let digest = acted.json()["digest"].as_str().expect("a digest")[..8].to_owned();
    let wanted = format!("\"1-{digest}\"");
    assert_eq!(acted.header("etag"), wanted);
    for path in ["", "/map", "/actions"] {
        let path = client.path(path);
        assert_eq!(tag(&client, &path), wanted);
        let seen = |tags: &str| client.send("GET", &path, &[("if-none-match", tags)], None).status;
        for same in [wanted.clone(), format!("W/{wanted}"), format!("\"x,y\" , {wanted}"), "*".to_owned()] {
            assert_eq!(seen(&same), 304, "{same}");
        }
        for other in ["\"1\"", "\"1-00000000\"", "1", "", &wanted.replace("1-", "2-"), &wanted.replace("\"1", "\"01")] {
            assert_eq!(seen(other), 200, "{other}");
        }
        let head = client.send("HEAD", &path, &[("if-none-match", &wanted)], None);
        assert_eq!((head.status, head.header("etag"), head.text.as_str()), (304, wanted.as_str(), ""));
        let gone = client.send("GET", &path, &[("if-match", "\"0-00000000\"")], None);
        assert_eq!((gone.status, gone.code().as_str()), (412, "PRECONDITION_FAILED"));
        for same in [wanted.as_str(), "\"1\"", "*"] {
            assert_eq!(client.send("GET", &path, &[("if-match", same)], None).status, 200);
        }
    }
}

/// The same revision of another history: a copy of the folder that was brought back.
#[test]
fn a_revision_of_another_history_is_another_state() {
    if crate::cluster::not_on_files() {
        return;
    }
    let (folder, server) = start();
    let client = server.player(1);
    client.act(&wait());
    assert_eq!(server.stop(), 0);
    let copy = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(folder.path()).expect("saves").filter_map(Result::ok) {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).expect("a copy");
    }
    let go_on = |saves: &std::path::Path, action: &Value| {
        let server = start_in(saves, Default::default(), unlimited());
        let client = client.clone().at(&server.url);
        client.act(action);
        let tag = tag(&client, &client.path(""));
        (server, client, tag)
    };
    let (_, _, first) = go_on(folder.path(), &wait());
    let (_server, client, second) = go_on(copy.path(), &json!({"type": "scan"}));
    assert!(first.starts_with("\"2-") && second.starts_with("\"2-") && first != second);
    assert_eq!(client.send("GET", &client.path(""), &[("if-none-match", &first)], None).status, 200);
    let stale = with(&client, "POST", &client.path("/actions"), ("if-match", &first), &wait());
    assert_eq!((stale.status, stale.code().as_str()), (412, "STALE_REVISION"));
    assert_eq!(
        (&stale.json()["revision"], stale.json()["event"].as_str()),
        (&json!(2), Some(second.trim_matches('"')))
    );
}

#[test]
fn if_match_compares_strongly_and_takes_lists() {
    let (_folder, server) = start();
    let client = server.player(1);
    let act = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
        client.send("POST", &client.path("/actions"), &headers, Some(wait().to_string().as_bytes()))
    };
    let now = || tag(&client, &client.path(""));
    let first = now();
    for weak in [format!("W/{first}"), format!("W/\"0\", W/{first}")] {
        let reply = act(&[("if-match", &weak)]);
        assert_eq!((reply.status, reply.code().as_str()), (412, "STALE_REVISION"));
        assert!(reply.text.contains("W/") && reply.text.contains("strong"), "{}", reply.text);
    }
    let gzip = first.trim_end_matches('"').to_owned() + "-gzip\"";
    for other in [gzip.as_str(), "\"x\"", "\"00\"", "\"+0\"", "\"\"", "\"1\", \"2\"", "\"0-00000000\""] {
        let reply = act(&[("if-match", other)]);
        assert_eq!((reply.status, reply.code().as_str()), (412, "STALE_REVISION"), "{other}");
    }
    for bad in ["0", "x", "\"0", "*, \"0\"", "\"0\" \"1\"", "w/\"0\""] {
        let reply = act(&[("if-match", bad)]);
        assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_HEADER"), "{bad}");
    }
    for none in ["*", &first] {
        let reply = act(&[("if-none-match", none)]);
        assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_HEADER"), "{none}");
    }
    assert_eq!(now(), first, "nothing of it was done");
    assert_eq!(act(&[("if-match", &first)]).status, 200);
    assert_eq!(act(&[("if-match", "\"1\"")]).status, 200, "the revision alone");
    assert_eq!(act(&[("if-match", &format!("\"7\", W/{first}, {}", now()))]).status, 200);
    assert_eq!(act(&[("if-match", "\"7\""), ("if-match", "\"3\"")]).status, 200, "the lines make one list");
    assert_eq!(act(&[("if-match", "*")]).status, 200);
    assert_eq!(client.look()["revision"], 5);
}

/// Every call that changes something keeps to a condition, or says that it does not.
#[test]
fn if_match_holds_wherever_something_changes() {
    let admin = cosmic_explorer::api::Settings { admin_token: Some("0123456789abcdef".into()), ..unlimited() };
    let (_folder, server) = start_with(Default::default(), admin);
    let client = server.player(1);
    client.act(&wait());
    let which = json!({"session_id": client.session});
    assert_eq!(with(&client, "PUT", "/api/slots/1", JSON, &which).status, 200);
    let save = client.get("/api/slots/1/export").json();
    let before = (client.get(&client.path("")).text, client.get("/api/sessions").text, client.get("/api/slots/1").text);
    for old in ["\"0\"", "\"0-01234567\"", "W/\"1\""] {
        for (method, path, body) in [
            ("DELETE", client.path(""), json!({})),
            ("PATCH", client.path(""), json!({"name": "Other"})),
            ("POST", client.path("/actions"), wait()),
            ("POST", "/api/slots/1/load".to_owned(), which.clone()),
        ] {
            let reply = with(&client, method, &path, ("if-match", old), &body);
            assert_eq!((reply.status, reply.code().as_str()), (412, "STALE_REVISION"), "{method} {path}");
        }
        for (method, path, body) in [
            ("PUT", "/api/slots/1", which.clone()),
            ("DELETE", "/api/slots/1", json!({})),
            ("POST", "/api/slots/1/import", save.clone()),
            ("PUT", "/api/slots/2", which.clone()),
            ("DELETE", "/api/slots/2", json!({})),
            ("POST", "/api/slots/2/import", save.clone()),
        ] {
            let reply = with(&client, method, path, ("if-match", old), &body);
            assert_eq!((reply.status, reply.code().as_str()), (412, "PRECONDITION_FAILED"), "{method} {path}");
        }
    }
    let mut admin = client.clone();
    admin.token = Some("0123456789abcdef".to_owned());
    for header in [("if-match", "\"0\""), ("if-match", "*"), ("if-none-match", "*")] {
        for (client, method, path, body) in [
            (&client, "POST", "/api/sessions", json!({})),
            (&client, "POST", "/api/logout", json!({})),
            (&client, "POST", &*client.path("/observers"), json!({})),
            (&admin, "PATCH", "/api/admin/config", json!({"limit": 7})),
        ] {
            let reply = with(client, method, path, header, &body);
            assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_HEADER"), "{method} {path}");
        }
    }
    let after = (client.get(&client.path("")).text, client.get("/api/sessions").text, client.get("/api/slots/1").text);
    assert_eq!(before, after, "nothing of it was done");

    let now = tag(&client, &client.path(""));
    assert_eq!(with(&client, "PATCH", &client.path(""), ("if-match", &now), &json!({"name": "Other"})).status, 200);
    assert_eq!(with(&client, "POST", "/api/slots/1/load", ("if-match", &now), &which).status, 200);
    let stale = with(&client, "DELETE", &client.path(""), ("if-match", &now), &json!({}));
    assert_eq!(stale.code(), "STALE_REVISION");
    let now = tag(&client, &client.path(""));
    assert_eq!(with(&client, "DELETE", &client.path(""), ("if-match", &now), &json!({})).status, 204);
}

/// Also where only the disk has the game.
#[test]
fn a_game_that_is_not_in_memory_is_deleted_only_as_it_was_seen() {
    let (folder, server) = start();
    let client = server.player(1);
    let first = tag(&client, &client.path(""));
    client.act(&wait());
    let second = tag(&client, &client.path(""));
    server.stop();
    let server = start_in(folder.path(), Default::default(), unlimited());
    let client = client.at(&server.url);
    let delete = |tag: &str| client.send("DELETE", &client.path(""), &[("if-match", tag)], None);
    assert_eq!(delete(&first).code(), "STALE_REVISION");
    assert_eq!(server.client().get("/stats").json()["active_sessions"], 0, "it needs no place in memory");
    assert_eq!(client.get("/api/sessions").json()["sessions"][0]["revision"], 1);
    assert_eq!(delete(&second).status, 204);
}

/// Another save in a slot has another tag, even of the same state.
fn put(server: &Server, client: &Client, condition: (&str, &str)) -> Reply {
    server.clock.advance(1);
    with(client, "PUT", "/api/slots/3", condition, &json!({"session_id": client.session}))
}

#[test]
fn slots_have_tags_too() {
    let (_folder, server) = start();
    let client = server.player(1);
    let first = put(&server, &client, ("if-none-match", "*"));
    assert_eq!(first.status, 200, "{}", first.text);
    let first = first.header("etag").to_owned();
    assert_eq!(tag(&client, "/api/slots/3"), first);
    assert_eq!(client.send("GET", "/api/slots/3", &[("if-none-match", &first)], None).status, 304);
    assert_eq!(put(&server, &client, ("if-none-match", "*")).code(), "PRECONDITION_FAILED");
    assert_eq!(put(&server, &client, ("if-none-match", &first)).code(), "BAD_HEADER");
    let second = put(&server, &client, ("if-match", &first));
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), first);
    assert_eq!(put(&server, &client, ("if-match", &first)).code(), "PRECONDITION_FAILED");
    let clear = |tag: &str| client.send("DELETE", "/api/slots/3", &[("if-match", tag)], None);
    assert_eq!(clear(&first).code(), "PRECONDITION_FAILED");
    assert_eq!(clear("*").status, 204);
    assert_eq!(clear("*").code(), "PRECONDITION_FAILED", "there is nothing any more");

    // Of eight that write at once over the same save, one does.
    let now = put(&server, &client, ("if-none-match", "*")).header("etag").to_owned();
    client.act(&wait());
    let done: usize = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| put(&server, &client, ("if-match", &now)).status)).collect();
        sent.into_iter().map(|sent| usize::from(sent.join().expect("an answer") == 200)).sum()
    });
    assert_eq!(done, 1);
}

#[test]
fn the_autosave_looks_the_same_to_who_only_looks() {
    let (_folder, server) = start();
    let client = server.player(1);
    let look = || (client.get("/api/slots/0").text, tag(&client, "/api/slots/0"), client.get("/api/slots").text);
    let before = look();
    server.clock.advance(77);
    assert_eq!(look(), before);
    client.act(&wait());
    assert_ne!(look(), before);
}
