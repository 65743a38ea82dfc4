//! Files that are gone, unreadable, cut or changed, with the program itself: what was answered is there in the end, and whoever cannot
//! go on meanwhile is told.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binary::{Program, program, start};
use crate::patience::output;
use crate::server::Client;

/// A way to harm a file, and what it is called.
type Way = (&'static str, fn(&Path));

fn run(saves: &Path, more: &[&str]) -> Program {
    start(program(saves, more))
}

/// What the program says where it does not start.
fn refusal(saves: &Path) -> String {
    let output = output(&mut program(saves, &[]));
    assert!(!output.status.success(), "it starts");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn player(server: &Program) -> Client {
    let mut client = Client::new(&server.url);
    client.begin(json!({"seed": 7}));
    client
}

fn waits(client: &Client, times: usize) {
    for _ in 0..times {
        client.act(&json!({"type": "wait"}));
    }
}

/// A folder whose server was killed after so many turns of one game, and its player.
fn killed(turns: usize) -> (tempfile::TempDir, Client) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = run(folder.path(), &[]);
    let client = player(&server);
    waits(&client, turns);
    server.end("-KILL");
    (folder, client)
}

fn checkpoint(folder: &Path, client: &Client) -> PathBuf {
    folder.join(format!("session_{}.json", client.session))
}

fn history(folder: &Path, client: &Client) -> PathBuf {
    folder.join(format!("session_{}.turns.jsonl", client.session))
}

fn files(folder: &Path, is_one: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    names.filter(|path| is_one(&path.file_name().expect("a name").to_string_lossy())).collect()
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    files(folder, |name| name.ends_with(".log"))
}

#[track_caller]
fn all_there(folder: &Path, client: &Client, turns: usize) {
    let server = run(folder, &[]);
    let client = client.clone().at(&server.url);
    assert_eq!(client.look()["revision"], turns);
    let revisions: Vec<_> = client.history().iter().map(|turn| turn["revision"].clone()).collect();
    assert_eq!(revisions, (1..=turns).map(Value::from).collect::<Vec<_>>());
    assert_eq!(server.end("-TERM"), Some(0));
}

/// Lets a file not be opened, by whoever, root too.
fn close(file: &Path) -> PathBuf {
    let away = file.with_extension("away");
    fs::rename(file, &away).expect("it moves");
    std::os::unix::fs::symlink(file, file).expect("a link to itself");
    away
}

fn open_again(file: &Path, away: &Path) {
    fs::remove_file(file).expect("the link goes");
    fs::rename(away, file).expect("it moves back");
}

#[test]
fn a_session_that_cannot_be_read_at_a_start_loses_no_turn() {
    for history_too in [false, true] {
        let (folder, client) = killed(5);
        let mut closed = vec![checkpoint(folder.path(), &client)];
        if history_too {
            closed.push(history(folder.path(), &client));
        }
        let away: Vec<_> = closed.iter().map(|file| close(file)).collect();
        let server = run(folder.path(), &[]);
        let client = client.at(&server.url);
        for _ in 0..2 {
            let told = client.get(&client.path(""));
            assert_eq!((told.status, told.code().as_str()), (503, "STORE_UNAVAILABLE"), "{}", told.text);
            assert_eq!(client.try_act(&json!({"type": "wait"})).status, 503);
        }
        let other = player(&server);
        waits(&other, 3);
        let stats = other.get("/stats").json();
        assert!(stats["store"]["unread"].as_u64() > Some(0), "{stats}");
        assert_eq!(server.end("-TERM"), Some(0), "nothing is lost: the log has it");
        for (file, away) in closed.iter().zip(&away) {
            open_again(file, away);
        }
        all_there(folder.path(), &client, 5);
        all_there(folder.path(), &other, 3);
    }
}

#[test]
fn a_session_that_can_be_read_again_goes_on_without_a_restart() {
    let (folder, client) = killed(5);
    let file = checkpoint(folder.path(), &client);
    let away = close(&file);
    let server = run(folder.path(), &[]);
    let client = client.at(&server.url);
    assert_eq!(client.get(&client.path("")).status, 503);
    open_again(&file, &away);
    assert_eq!(client.look()["revision"], 5);
    waits(&client, 1);
}

#[test]
fn a_checkpoint_that_is_gone_emptied_or_cut_is_rebuilt() {
    let ways: [Way; 5] = [
        ("moved", |file| fs::rename(file, file.with_extension("away")).expect("it moves")),
        ("emptied", |file| fs::write(file, "").expect("it is written")),
        ("cut", |file| {
            let text = fs::read(file).expect("a file");
            fs::write(file, &text[..text.len() / 3]).expect("it is written");
        }),
        ("another's", |file| {
            let text = fs::read_to_string(file).expect("a file");
            fs::write(file, text.replace("01", "02")).expect("it is written");
        }),
        ("rubbish", |file| fs::write(file, [0xff; 5000]).expect("it is written")),
    ];
    for (way, harm) in ways {
        for stopped in [false, true] {
            let (folder, client) = killed(5);
            if stopped {
                all_there(folder.path(), &client, 5);
            }
            let file = checkpoint(folder.path(), &client);
            let before = fs::read(&file).expect("a file");
            harm(&file);
            let server = run(folder.path(), &[]);
            let client = client.at(&server.url);
            assert_eq!(client.look()["revision"], 5, "{way}");
            waits(&client, 2);
            assert!(client.get("/stats").json()["store"]["rebuilt"].as_u64() > Some(0), "{way}");
            assert_eq!(server.end("-TERM"), Some(0));
            // And an older one is put back, perhaps.
            fs::write(&file, before).expect("it is written");
            all_there(folder.path(), &client, 7);
        }
    }
}

#[test]
fn a_log_that_vanishes_or_is_cut_under_the_server_loses_nothing() {
    let ways: [Way; 3] = [
        ("removed", |log| fs::remove_file(log).expect("it goes")),
        ("emptied", |log| drop(fs::File::create(log).expect("it is cut"))),
        ("replaced", |log| {
            let bytes = fs::read(log).expect("a log");
            fs::remove_file(log).expect("it goes");
            fs::write(log, bytes).expect("another one of its name");
        }),
    ];
    for (way, harm) in ways {
        for (signal, code) in [("-TERM", Some(0)), ("-KILL", None)] {
            let folder = tempfile::tempdir().expect("a folder");
            let server = run(folder.path(), &[]);
            let client = player(&server);
            waits(&client, 4);
            logs(folder.path()).iter().for_each(|log| harm(log));
            waits(&client, 6);
            assert!(client.get("/stats").json()["turn_log"]["lost"].as_u64() > Some(0), "{way}");
            assert_eq!(client.get("/ready").status, 200, "{way}: they are written again");
            assert_eq!(
                client
                    .send(
                        "PUT",
                        "/api/slots/1",
                        &[("content-type", "application/json")],
                        Some(json!({"session_id": client.session}).to_string().as_bytes())
                    )
                    .status,
                200
            );
            assert_eq!(server.end(signal), code, "{way}");
            all_there(folder.path(), &client, 10);
        }
    }
}

#[test]
fn a_log_that_is_damaged_under_the_server_keeps_nobody_from_anything() {
    for signal in ["-TERM", "-KILL"] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = run(folder.path(), &[]);
        let client = player(&server);
        waits(&client, 5);
        for log in logs(folder.path()) {
            let mut bytes = fs::read(&log).expect("a log");
            let records: Vec<_> = memchr::memmem::find_iter(&bytes, b"\xf5\xc0\x5a\xff").collect();
            for record in records {
                bytes[record + 60] ^= 0x10;
            }
            // In place, as the disk would.
            use std::os::unix::fs::FileExt;
            let file = fs::OpenOptions::new().write(true).open(&log).expect("a log");
            file.write_all_at(&bytes, 0).expect("it is written");
        }
        assert_eq!(client.history().len(), 5);
        let name = json!({"name": "Another"}).to_string();
        let renamed =
            client.send("PATCH", &client.path(""), &[("content-type", "application/json")], Some(name.as_bytes()));
        assert_eq!(renamed.status, 200, "{}", renamed.text);
        waits(&client, 1);
        server.end(signal);
        all_there(folder.path(), &client, 6);
    }
}

#[test]
fn a_log_that_is_missing_at_a_start_is_missed() {
    let (folder, client) = killed(5);
    let away = tempfile::tempdir().expect("a folder");
    for log in logs(folder.path()) {
        fs::rename(&log, away.path().join(log.file_name().expect("a name"))).expect("it moves");
    }
    let told = refusal(folder.path());
    assert!(told.contains("turns_0000000000.log") && told.contains("--begin-anew log"), "{told}");
    for log in logs(away.path()) {
        fs::rename(&log, folder.path().join(log.file_name().expect("a name"))).expect("it moves back");
    }
    all_there(folder.path(), &client, 5);

    let (folder, client) = killed(5);
    logs(folder.path()).iter().for_each(|log| fs::remove_file(log).expect("it goes"));
    let server = run(folder.path(), &["--begin-anew", "log"]);
    assert_eq!(client.clone().at(&server.url).look()["revision"], 0, "where its checkpoint is");
    server.end("-KILL");
    all_there(folder.path(), &client, 0);
}

#[test]
fn one_session_that_cannot_be_written_keeps_nobody_else_from_playing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = program(folder.path(), &[]);
    command.env("COSMIC_TURN_LOG_BYTES", "1048576").env("COSMIC_SESSIONS__SWEEP_SECS", "1");
    let server = start(command);
    let (stuck, mut other) = (player(&server), player(&server));
    waits(&stuck, 3);
    let file = checkpoint(folder.path(), &stuck);
    fs::remove_file(&file).expect("it goes");
    fs::create_dir_all(file.join("full")).expect("a folder in its place");
    // Twice as much as the log may have, with something of the stuck one in every segment.
    let (food, wait, mut taken) = (json!({"type": "buy_food", "amount": 1}), json!({"type": "wait"}), 0);
    let moved = |client: &Client| client.get("/stats").json()["turn_log"]["moved"].as_u64().expect("a number");
    for turn in 0..10_000 {
        if turn % 200 == 0 && moved(&other) > 0 {
            break;
        }
        if turn % 18 == 0 {
            let action = if turn % 1_000 == 0 { &wait } else { &food };
            taken += usize::from(stuck.try_act(action).status == 200);
        }
        let reply = other.try_act(&wait);
        assert!(matches!(reply.status, 200 | 409), "turn {turn}: {}", reply.text);
        if reply.status == 409 {
            // The game is over, or something asks for an answer.
            other = player(&server);
        }
    }
    assert!(taken > 40, "{taken}");
    assert!(moved(&stuck) > 0, "the log was never so full");
    fs::remove_dir_all(&file).expect("it goes");
    waits(&stuck, 1);
    assert_eq!(server.end("-TERM"), Some(0));
    all_there(folder.path(), &stuck, 4 + taken);
}

#[test]
fn lost_keys_stop_the_start_while_there_are_games() {
    for emptied in [false, true] {
        let (folder, client) = killed(1);
        let keys = files(folder.path(), |name| name.starts_with("keys."));
        assert_eq!(keys.len(), 2);
        let before: Vec<_> = keys.iter().map(|key| fs::read(key).expect("keys")).collect();
        for key in &keys {
            if emptied { fs::write(key, "").expect("it is written") } else { fs::remove_file(key).expect("it goes") }
        }
        let told = refusal(folder.path());
        assert!(told.contains("keys.json") && told.contains("--begin-anew keys"), "{told}");
        for (key, bytes) in keys.iter().zip(before) {
            fs::write(key, bytes).expect("it is back");
        }
        all_there(folder.path(), &client, 1);
        keys.iter().for_each(|key| fs::remove_file(key).expect("it goes"));
        let server = run(folder.path(), &["--begin-anew", "keys"]);
        let client = client.at(&server.url);
        assert_eq!(client.get(&client.path("")).code(), "TOKEN_INVALID", "as was said");
        drop(player(&server));
    }
    // Each alone is enough.
    for name in ["keys.json", "keys.copy.json"] {
        for way in ["gone", "emptied", "a bit"] {
            let (folder, client) = killed(1);
            let file = folder.path().join(name);
            let mut bytes = fs::read(&file).expect("keys");
            bytes[40] ^= 1;
            match way {
                "gone" => fs::remove_file(&file).expect("it goes"),
                "emptied" => fs::write(&file, "").expect("it is written"),
                _ => fs::write(&file, bytes).expect("it is written"),
            }
            all_there(folder.path(), &client, 1);
            assert!(fs::metadata(&file).expect("it is back").len() > 100, "{name} {way}");
        }
    }
}

#[test]
fn a_logout_holds_whatever_becomes_of_the_list() {
    let ways: [Way; 5] = [
        ("a bit", |file| {
            let mut bytes = fs::read(file).expect("a list");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(file, bytes).expect("it is written");
        }),
        ("gone", |file| fs::remove_file(file).expect("it goes")),
        ("emptied", |file| fs::write(file, "").expect("it is written")),
        ("CRLF", |file| {
            let text = fs::read_to_string(file).expect("a list");
            fs::write(file, text.replace('\n', "\r\n")).expect("it is written");
        }),
        ("cut", |file| {
            let bytes = fs::read(file).expect("a list");
            fs::write(file, &bytes[..bytes.len() / 2]).expect("it is written");
        }),
    ];
    for (way, harm) in ways {
        for name in ["tokens.jsonl", "tokens.copy.jsonl"] {
            let folder = tempfile::tempdir().expect("a folder");
            let server = run(folder.path(), &[]);
            let client = player(&server);
            assert_eq!(client.post("/api/logout", &json!({})).status, 204);
            server.end("-KILL");
            harm(&folder.path().join(name));
            let server = run(folder.path(), &[]);
            let gone = client.clone().at(&server.url);
            assert_eq!(gone.get("/api/sessions").code(), "TOKEN_INVALID", "{name} {way}");
        }
    }
    // Both: then nobody knows.
    let folder = tempfile::tempdir().expect("a folder");
    let server = run(folder.path(), &[]);
    let client = player(&server);
    assert_eq!(client.post("/api/logout", &json!({})).status, 204);
    server.end("-TERM");
    for file in files(folder.path(), |name| name.starts_with("tokens.")) {
        fs::remove_file(file).expect("it goes");
    }
    let told = refusal(folder.path());
    assert!(told.contains("tokens.jsonl") && told.contains("--begin-anew tokens"), "{told}");
    drop(run(folder.path(), &["--begin-anew", "tokens"]));
}

#[test]
fn nothing_of_others_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let others = ["notes.tmp", "trial", "session.tmp", "a.1.tmp", ".tmp", "backup.log", "turns.log"];
    for name in others {
        fs::write(folder.path().join(name), "x").expect("a file");
    }
    let half = folder.path().join("session_01a1fd0b-fdde-742f-b0f7-4a5fd8822e28.json.3.tmp");
    fs::write(&half, "x").expect("a file");
    let server = run(folder.path(), &[]);
    waits(&player(&server), 1);
    server.end("-TERM");
    for name in others {
        assert_eq!(fs::read_to_string(folder.path().join(name)).ok().as_deref(), Some("x"), "{name}");
    }
    assert!(!half.exists(), "what a crash left half written goes");
}

#[test]
fn what_editors_do_to_files_is_no_damage() {
    let edits: [fn(&str) -> String; 4] = [
        |text| text.replace('\n', "\r\n"),
        |text| format!("\u{feff}{text}"),
        |text| format!("{text}\n\n"),
        |text| format!("\u{feff}{}\r\n", text.replace('\n', "\r\n")),
    ];
    for edit in edits {
        let (folder, client) = killed(5);
        all_there(folder.path(), &client, 5);
        for file in files(folder.path(), |name| name.ends_with(".json") || name.ends_with(".jsonl")) {
            let text = fs::read_to_string(&file).expect("text");
            fs::write(&file, edit(&text)).expect("it is written");
        }
        let server = run(folder.path(), &[]);
        let client = client.at(&server.url);
        assert_eq!(client.history().len(), 5);
        waits(&client, 1);
        assert_eq!(client.get("/stats").json()["set_aside"], json!([]));
        server.end("-TERM");
        all_there(folder.path(), &client, 6);
    }
}

#[test]
fn a_folder_is_used_by_one_server_even_without_its_lock_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = run(folder.path(), &[]);
    let client = player(&server);
    fs::remove_file(folder.path().join("lock")).expect("it goes");
    assert!(refusal(folder.path()).contains("in use"), "a second server");
    waits(&client, 2);
    server.end("-KILL");
    all_there(folder.path(), &client, 2);
}

#[test]
fn a_linked_file_stays_a_link() {
    let (folder, client) = killed(2);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (file, target) = (checkpoint(folder.path(), &client), elsewhere.path().join("mine.json"));
    fs::rename(&file, &target).expect("it moves");
    std::os::unix::fs::symlink(&target, &file).expect("a link");
    all_there(folder.path(), &client, 2);
    assert!(fs::symlink_metadata(&file).expect("a file").is_symlink());
    assert!(fs::read_to_string(&target).expect("the game").contains("\"revision\": 2"));
}
