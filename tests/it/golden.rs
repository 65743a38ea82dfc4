//! Saves of every format that ever landed, as the program of the time left them: they are read, proven, and played on.

use std::path::Path;
use std::process::Command;

use cosmic_explorer::model::{Nonce, PlayerId, SessionId};
use cosmic_explorer::session::token::{Bearer, Signer};
use serde_json::{Value, json};

use crate::server::{dawn, open, serve};
use crate::voyage::RUNTIME;

/// A copy of a folder, to work on.
pub fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy_files(&Path::new("tests/saves").join(name), folder.path());
    folder
}

pub fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// What a folder holds, as its player sees it, and after a turn more.
fn tell(name: &str) -> Value {
    let folder = copy(name);
    let mut verify = Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
    let proven = crate::patience::output(verify.args(["saves", "verify", "--saves"]).arg(folder.path()));
    assert!(proven.status.success(), "{}", String::from_utf8_lossy(&proven.stdout));

    let opened = open(folder.path(), Default::default());
    let owner = PlayerId(opened.sessions.first().expect("a session").owner);
    let keys = RUNTIME.block_on(opened.store.keys(|| [7; 32])).expect("a key");
    let token = Signer::new(&keys).sign(Bearer::Player(owner), Nonce::first(), dawn()).reveal().to_owned();
    let server = serve(opened, Default::default(), Default::default());
    let mut client = server.client();
    client.token = Some(token);
    let mut told = Vec::new();
    for session in client.get("/api/sessions").json()["sessions"].as_array().expect("a list") {
        client.session = session["session_id"].as_str().expect("an id").to_owned();
        let digests: Vec<_> = client.history().iter().map(|turn| turn["digest"].clone()).collect();
        let offered = client.offers()["offered"].as_array().expect("offers").clone();
        let next = offered.first().map(|offer| client.act(&offer["action"])["digest"].clone());
        told.push(json!({
            "name": session["name"], "status": session["status"], "revision": session["revision"],
            "place": session["place"], "wealth": session["wealth"],
            "turns": digests.len(), "last": digests.last(), "next": next,
        }));
    }
    let slots = client.get("/api/slots").json()["slots"].clone();
    let slots: Vec<_> = slots.as_array().expect("a list")[1..].iter().map(|slot| slot["place"].clone()).collect();
    let stats = client.get("/stats").json();
    json!({"sessions": told, "slots": slots, "tombstones": stats["tombstones"], "set_aside": stats["set_aside"]})
}

#[test]
fn every_format_is_read_and_played_on() {
    if crate::cluster::not_on_files() {
        return;
    }
    insta::assert_json_snapshot!("format_1", tell("v1"));
    insta::assert_json_snapshot!("format_2", tell("v2"));
    insta::assert_json_snapshot!("format_3", tell("v3"));
    // Its turn log has been written over, which version 2 of log segments allows.
    insta::assert_json_snapshot!("format_3_log_2", tell("v3-log2"));
    assert!(!Path::new("tests/saves/v4").exists(), "a new format belongs into this test");
    assert_eq!(cosmic_explorer::model::VERSION, 3, "a new format needs golden saves");
}

#[test]
fn a_newer_format_is_left_alone() {
    if crate::cluster::not_on_files() {
        return;
    }
    let folder = copy("v1");
    let hit = std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let hit: Vec<_> = hit
        .filter(|path| path.to_string_lossy().contains("session_") && path.extension().is_some_and(|end| end == "json"))
        .collect();
    let text = std::fs::read_to_string(&hit[0]).expect("a save");
    std::fs::write(&hit[0], text.replace("\"version\": 1", "\"version\": 99")).expect("a save");
    let opened = open(folder.path(), Default::default());
    assert_eq!((opened.sessions.len(), opened.store.report().set_aside.len()), (3, 0), "its owner is known, and told");
    assert!(hit[0].exists(), "for the newer program");
    let name = hit[0].file_stem().and_then(|name| name.to_str()).expect("a name");
    let id = SessionId(name["session_".len()..].parse().expect("an id"));
    assert!(RUNTIME.block_on(opened.store.read(id)).is_err());
}
