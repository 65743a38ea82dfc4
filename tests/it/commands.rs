//! The commands for admins, as an admin calls them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::binary::{program, start};
use crate::golden::copy_files;
use crate::patience::{output, until};
use crate::server::{Client, start_in, unlimited};

pub fn cosmic(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut said = None;
    // A folder is held a moment longer by a server that has just stopped, see `server::open`.
    until("the folder to be free", || {
        let free = |(_, _, said): &(_, _, String)| !said.contains("in use by another server");
        said = Some(cosmic_once(arguments));
        said.as_ref().is_some_and(free)
    });
    said.expect("it ran")
}

/// The same where a server holds the folder.
fn cosmic_once(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = output(Command::new(env!("CARGO_BIN_EXE_cosmic-explorer")).args(arguments));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A folder with four games, one of them at its end, and a save.
fn played() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start_in(folder.path(), Default::default(), unlimited());
    for (name, turns) in [("Ann", 23), ("Bo", 9), ("Cy", 1)] {
        let mut client = server.client();
        client.begin(json!({"name": name, "seed": 11}));
        for turn in 0..turns {
            let offers = client.offers()["offered"].as_array().expect("offers").clone();
            client.act(&offers[turn % offers.len()]["action"]);
        }
        let slot = json!({"session_id": client.session}).to_string();
        assert!(
            client.send("PUT", "/api/slots/1", &[("Content-Type", "application/json")], Some(slot.as_bytes())).status
                < 300
        );
    }
    let mut client = server.client();
    client.begin(json!({"name": "Dee"}));
    crate::http::play(&client, 4);
    server.stop();
    folder
}

#[test]
fn a_game_is_listed_exported_replayed_imported_and_played_on() {
    if crate::cluster::not_on_files() {
        return;
    }
    let folder = played();
    let saves = text(folder.path());
    let (code, list, _) = cosmic(&["saves", "list", "--saves", saves]);
    assert_eq!(code, Some(0));
    assert!(list.contains("Bo") && list.lines().count() == 7, "{list}");
    let names: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.last().is_some_and(|name| name.ends_with("/1")), "{list}");

    let file = folder.path().join("exported.json");
    for name in names {
        let (code, exported, _) = cosmic(&["saves", "export", name, "--saves", saves]);
        assert_eq!(code, Some(0));
        std::fs::write(&file, &exported).expect("a file");
        let save: Value = serde_json::from_str(&exported).expect("JSON");
        assert!(save["owner"].is_null());
        let turns = save["history"].as_array().expect("a history").len();

        let (code, story, _) = cosmic(&["replay", text(&file)]);
        assert_eq!((code, story.lines().count()), (Some(0), turns + 2), "{story}");
        assert!(story.ends_with(&format!("{turns} turns, every one as it was played\n")), "{story}");
        let (code, lines, _) = cosmic(&["replay", "--json", text(&file)]);
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((code, lines.len()), (Some(0), turns + 1));
        assert_eq!(lines[turns]["verified"], true);
        for (line, step) in lines.iter().zip(save["history"].as_array().expect("a history")) {
            assert_eq!((&line["action"], &line["digest"]), (&step["action"], &step["digest"]));
        }
    }

    let (code, imported, _) = cosmic(&["saves", "import", text(&file), "--saves", saves]);
    assert_eq!(code, Some(0));
    let word = |name: &str| {
        let line = imported.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().nth(1).expect("a word").to_owned()
    };
    let server = start(program(folder.path(), &[]));
    let mut client = Client::new(&server.url);
    (client.token, client.session) = (Some(word("token")), word("session"));
    let save: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!(client.look()["state"]["player_stats"]["wealth"], save["player_stats"]["wealth"]);
    let offered = client.offers()["offered"][0]["action"].clone();
    client.act(&offered);
    assert_eq!(client.history().len(), 2);

    // While a server runs, nobody else may touch its folder; a copy of it is free.
    let (code, _, said) = cosmic_once(&["saves", "list", "--saves", saves]);
    assert_eq!(code, Some(1));
    assert!(said.contains("in use by another server"), "{said}");
    let second = output(&mut program(folder.path(), &[]));
    assert!(!second.status.success());
    let backup = tempfile::tempdir().expect("a folder");
    copy_files(folder.path(), backup.path());
    let (code, verified, _) = cosmic(&["saves", "verify", "--saves", text(backup.path())]);
    assert_eq!(code, Some(0), "{verified}");
    assert_eq!(server.end("-TERM"), Some(0));
}

#[test]
fn what_is_not_what_it_says_is_told() {
    if crate::cluster::not_on_files() {
        return;
    }
    let folder = played();
    let saves = text(folder.path());
    let (_, list, _) = cosmic(&["saves", "list", "--saves", saves]);
    let name = list.split_whitespace().next().expect("a game").to_owned();
    let (_, exported, _) = cosmic(&["saves", "export", &name, "--saves", saves]);
    let good: Value = serde_json::from_str(&exported).expect("JSON");
    let file = folder.path().join("forged.json");
    let replay = |change: &dyn Fn(&mut Value)| {
        let mut forged = good.clone();
        change(&mut forged);
        std::fs::write(&file, forged.to_string()).expect("a file");
        let (code, said, error) = cosmic(&["replay", text(&file)]);
        (code, said + &error)
    };
    let (code, said) = replay(&|save| save["history"][4]["digest"] = json!("0"));
    assert!(code == Some(1) && said.contains("turn 5 diverges"), "{said}");
    let (code, said) = replay(&|save| save["player_stats"]["wealth"] = json!(4999));
    assert!(code == Some(1) && said.contains("diverges"), "{said}");
    let (code, said) = replay(&|save| save["content"] = json!("0".repeat(64)));
    assert!(code == Some(3) && said.contains("unverifiable"), "{said}");
    let (code, said) = replay(&|save| save["history"][4]["rules"] = json!(99));
    assert!(code == Some(3) && said.contains("rules 99"), "{said}");
    let (code, _) = replay(&|save| *save = json!({"cheat": true}));
    assert_eq!(code, Some(1));
    let (code, _, _) = cosmic(&["saves", "import", text(&file), "--saves", saves]);
    assert_eq!(code, Some(1));
    for missing in [&["replay", "/does/not/exist.json"][..], &["saves", "list", "--saves", "/does/not/exist"]] {
        assert_eq!(cosmic(missing).0, Some(1));
    }

    // A server brings the checkpoints up to date.
    assert_eq!(start(program(folder.path(), &[])).end("-TERM"), Some(0));
    // A wealth that nobody earned, under a checksum that was taken out: it reads, and does not replay.
    crate::server::edit(folder.path(), &name, |save| {
        let mut save: Value = serde_json::from_str(save).expect("JSON");
        save["player_stats"]["health"] = json!(77);
        save.to_string()
    });
    let (code, said, _) = cosmic(&["saves", "verify", "--saves", saves]);
    assert_eq!(code, Some(1));
    assert_eq!(said.matches("BAD").count(), 1, "{said}");
}

#[test]
fn a_new_key_is_taken_up_and_the_one_before_is_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let saves = text(folder.path());
    let server = start(program(folder.path(), &[]));
    let mut client = Client::new(&server.url);
    client.begin(json!({}));
    let idle = client.clone();
    let change = || cosmic_once(&["saves", "rotate-key", "--saves", saves]);
    let (code, _, said) = change();
    assert!(code == Some(1) && said.contains("in use by another server"), "{said}");
    assert_eq!(server.end("-TERM"), Some(0));

    let keys = || ["keys.json", "keys.copy.json"].map(|name| std::fs::read(folder.path().join(name)).expect("keys"));
    let before = keys();
    let (code, said, _) = change();
    assert!(code == Some(0) && said.contains("new key"), "{said}");
    let after = keys();
    assert!(after[0] == after[1] && after[0] != before[0]);
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
    assert_eq!(read(&after[0])["previous"], read(&before[0])["current"]);
    let server = start(program(folder.path(), &[]));
    client = client.at(&server.url);
    assert_eq!(client.look()["revision"], 0, "the key before is accepted");
    let renewed = client.begin(json!({}));
    assert!(renewed["token"].is_string(), "and what it signed is renewed");
    assert!(client.begin(json!({})).get("token").is_none());
    assert_eq!(server.end("-TERM"), Some(0));

    assert_eq!(change().0, Some(0));
    let server = start(program(folder.path(), &[]));
    assert_eq!(client.at(&server.url).look()["revision"], 0);
    let idle = idle.at(&server.url);
    assert_eq!(idle.get(&idle.path("")).code(), "TOKEN_INVALID", "one key before, and no more");
    assert_eq!(server.end("-TERM"), Some(0));
}

#[test]
fn games_are_simulated_into_a_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("new");
    let simulate = |more: &[&str]| cosmic(&[&["simulate", "--games", "20", "--out", text(&out)], more].concat());
    let (code, said, shown) = simulate(&["--policy", "greedy", "--difficulty", "easy"]);
    assert!(code == Some(0) && said.contains("greedy") && shown.is_empty(), "{said}{shown}");
    let report = std::fs::read(out.join("report.json")).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert!(report["win_rate"].is_f64() && report["difficulty"] == "easy", "{report}");
    let page = std::fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("greedy"));
    for wrong in [["--policy", "lucky"], ["--difficulty", "none"], ["--games", "0"]] {
        assert_eq!(simulate(&wrong).0, Some(2), "{wrong:?}");
    }
}
