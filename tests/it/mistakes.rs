//! What people get wrong on the command line, in the configuration and in packs: it is told in words, with its place and a way out.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::binary::{program, start};
use crate::commands::text;
use crate::patience::output;
use crate::server::Client;

/// Starts the program, which must refuse; what it says. Its environment asks for stack traces, which are of no use here.
fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
    command.args(arguments).env("RUST_BACKTRACE", "1").envs(variables.iter().copied());
    let ended = output(&mut command);
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    assert_eq!(ended.status.code(), Some(1), "{arguments:?} {variables:?}: {said}");
    assert!(ended.stdout.is_empty() && !said.contains("backtrace") && !said.contains("panicked"), "{said}");
    assert!(said.starts_with("Error: ") && !said.contains('\u{1b}'), "{said}");
    said
}

fn saves(folder: &Path) -> String {
    folder.join("saves").to_str().expect("UTF-8").to_owned()
}

#[test]
fn an_address_is_written_in_many_ways() {
    for bind in ["localhost:0", ":0", "0", "127.0.0.1:0", "[::1]:0"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
        command.args(["--bind", bind, "--saves", &saves(folder.path())]);
        let server = start(command);
        assert_eq!(Client::new(&server.url).get("/health").status, 200, "{bind} is {}", server.url);
        assert!(
            server.url.contains(if bind.starts_with('[') { "[::1]" } else { "127.0.0.1" }),
            "{bind}: {}",
            server.url
        );
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (bind, said) in [
        ("localhost:http", "\"http\" is no port from 0 to 65535"),
        ("http://localhost:80", "is no address and no name"),
        ("nobody-knows.invalid:80", "nobody knows the name \"nobody-knows.invalid\""),
        ("192.0.2.1:80", "this machine has no such address"),
        ("", "it is empty"),
    ] {
        let told = refused(&["--bind", bind, "--saves", &saves(folder.path())], &[]);
        assert!(told.contains(said), "{bind}: {told}");
    }
    let told = refused(&["--saves", &saves(folder.path())], &[("COSMIC_BIND", "here:there")]);
    assert!(told.contains("COSMIC_BIND: \"there\" is no port"), "{told}");
}

#[test]
fn a_port_in_use_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let told = refused(&["--bind", &address, "--saves", &saves(folder.path())], &[]);
    assert!(told.contains(&address) && told.contains("the port is in use") && told.contains("--bind"), "{told}");
}

#[test]
fn a_wrong_configuration_names_its_file_its_key_and_what_is_possible() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cosmic.toml");
    let name = text(&file).to_owned();
    let saves = saves(folder.path());
    let cases: [(&str, &[&str]); 20] = [
        ("durability = \"always\"", &["durability: must be \"turn\" or \"sweep\"; it is \"always\""]),
        ("durability = true", &["durability: must be \"turn\" or \"sweep\"; it is true"]),
        ("sessions.limt = 5", &["sessions.limt: there is no such key; did you mean sessions.limit?"]),
        ("limit = 5", &["limit: there is no such key; did you mean sessions.limit?"]),
        ("sesions.limit = 5", &["sesions: there is no such key"]),
        ("colour = 5", &["colour: there is no such key; docs/configuration.md lists those there are"]),
        ("sessions.limit = 0", &["sessions.limit: must be 1 to 1000000"]),
        ("sessions.limit = \"many\"", &["sessions.limit: must be a whole number, 0 or more; it is \"many\""]),
        ("sessions.limit = 1.5", &["sessions.limit: must be a whole number, 0 or more; it is 1.5"]),
        ("sessions.limit = -1", &["sessions.limit: must be a whole number, 0 or more; it is -1"]),
        ("limits.requests_per_minute = 99999999999", &["limits.requests_per_minute: is too large"]),
        ("sessions = 5", &["sessions: must be a table of keys; it is 5"]),
        ("log = 5", &["log: must be a text in quotes; it is 5"]),
        ("hosts = \"http://x\"", &["hosts: must be names"]),
        ("hosts = [1]", &["hosts: must be a list of texts in quotes; it is a list"]),
        ("bind = \"here:there\"", &["bind: \"there\" is no port"]),
        ("admin.token = \"short\"", &["admin.token: must be at least 16 characters"]),
        ("this is no TOML", &["TOML parse error at line 1"]),
        ("[sessions\nlimit = 5", &["line 1"]),
        // All of them at once.
        ("limt = 1\ndurability = 1\n[limits]\nworker = 1", &["limt:", "durability:", "did you mean limits.workers?"]),
    ];
    for (wrong, parts) in cases {
        std::fs::write(&file, wrong).expect("a file");
        let told = refused(&["--config", &name, "--saves", &saves], &[]);
        assert!(told.contains(&name), "{wrong}: {told}");
        for part in parts {
            assert!(told.contains(part), "{wrong}: {part} in {told}");
        }
    }
    for (bytes, said) in [
        (&b"\xff\xfel\0o\0g\0"[..], ":1:1: is UTF-16 text; must be UTF-8"),
        (b"log = \"info\"\nbind = \"\xff\"\n", ":2:9: is not UTF-8 text"),
    ] {
        std::fs::write(&file, bytes).expect("a file");
        let told = refused(&["--config", &name, "--saves", &saves], &[]);
        assert!(told.contains(&format!("{name}{said}")), "{told}");
    }
    let told = refused(&["--config", text(folder.path()), "--saves", &saves], &[]);
    assert!(told.contains("directory") && told.contains("--config names a file"), "{told}");
    let told = refused(&["--config", "/does/not/exist.toml", "--saves", &saves], &[]);
    assert!(told.contains("/does/not/exist.toml") && told.matches("No such file").count() == 1, "{told}");
    let told = refused(&["--saves", &saves], &[("COSMIC_LOG", "info,=nonsense=[")]);
    assert!(told.contains("log"), "{told}");
}

#[test]
fn variables_are_named_as_they_were_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let saves = saves(folder.path());
    for (name, value, said) in [
        ("COSMIC_SESSIONS__LIMIT", "abc", "COSMIC_SESSIONS__LIMIT: must be a whole number, 0 or more; it is \"abc\""),
        ("COSMIC_SESSIONS__LIMIT", "0", "COSMIC_SESSIONS__LIMIT: must be 1 to 1000000"),
        ("COSMIC_SESSIONS_LIMIT", "5", "did you mean COSMIC_SESSIONS__LIMIT?"),
        ("COSMIC_ADMIN_TOKEN", "sixteen or more characters", "did you mean COSMIC_ADMIN__TOKEN?"),
        ("COSMIC_SESSIONS__COLOUR", "5", "COSMIC_SESSIONS__COLOUR: there is no such key"),
        ("COSMIC_DURABILITY", "always", "COSMIC_DURABILITY: must be \"turn\" or \"sweep\"; it is \"always\""),
        ("COSMIC_HOSTS", "http://x", "COSMIC_HOSTS: must be names"),
    ] {
        let told = refused(&["--saves", &saves], &[(name, value)]);
        assert!(told.contains(said), "{name}={value}: {told}");
    }
    // An empty one sets nothing, another program's is nobody's business, and a token may be all digits.
    let mut command = program(folder.path(), &[]);
    command.env("COSMIC_SAVES", "").env("COSMIC_SESSIONS__LIMIT", "").env("COSMIC_BACKEND_X11", "1");
    command.env("COSMIC_ADMIN__TOKEN", "0000000000000017").env("COSMIC_HOSTS", "game.example, nas");
    let server = start(command);
    let mut admin = Client::new(&server.url);
    admin.token = Some("0000000000000017".to_owned());
    assert_eq!(admin.get("/api/admin/config").json()["limit"], 100);
    admin.token = None;
    assert_eq!(admin.send("GET", "/health", &[("host", "nas")], None).status, 200);
}

#[test]
fn a_file_with_a_mark_at_its_beginning_is_read_and_an_empty_one_sets_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cosmic.toml");
    for (config, limit) in [(&b"\xef\xbb\xbf[sessions]\r\nlimit = 7\r\n"[..], 7), (b"", 100)] {
        std::fs::write(&file, config).expect("a file");
        let server = start(program(&folder.path().join("saves"), &["--config", text(&file)]));
        assert_eq!(Client::new(&server.url).get("/stats").json()["limit"], limit);
        assert_eq!(server.end("-TERM"), Some(0));
    }
}

#[test]
fn a_folder_of_saves_is_made_with_what_it_stands_in_or_refused_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("a/b/saves");
    let server = start(program(&deep, &[]));
    assert_eq!(server.end("-TERM"), Some(0));
    assert!(deep.join("lock").exists());
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").expect("a file");
    for saves in [blocked.join("saves"), blocked] {
        let told = refused(&["--bind", "0", "--saves", text(&saves)], &[]);
        assert_eq!(told.matches("os error").count(), 1, "{told}");
        assert!(told.contains(text(&saves)), "{told}");
    }
}

#[test]
fn commands_say_what_is_wrong_with_a_file_or_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("game.json");
    for (bytes, said) in [
        (&b"\xff\xfe{\0}\0"[..], "game.json:1:1: is UTF-16 text"),
        (b"{\n\"name\": \"\xff\"}", "game.json:2:10: is not UTF-8 text"),
        (b"", "is not JSON"),
        (b"\xef\xbb\xbf{}", "missing field"),
    ] {
        std::fs::write(&file, bytes).expect("a file");
        let told = refused(&["replay", text(&file)], &[]);
        assert!(told.contains(text(&file)) && told.contains(said), "{told}");
    }
    let told = refused(&["replay", text(folder.path())], &[]);
    assert_eq!(told.matches("os error").count(), 1, "{told}");
    let saves = saves(folder.path());
    std::fs::create_dir(&saves).expect("a folder");
    for name in ["nonsense", "a/b", "01890a5d-ac96-774b-bcce-b302099a8057/x"] {
        let told = refused(&["saves", "export", name, "--saves", &saves], &[]);
        assert!(told.contains("names no game") && told.contains(name), "{told}");
    }
}

#[test]
fn logs_have_colours_on_terminals_only_and_begin_with_our_own_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    for (level, framework) in [("info", false), ("info,cosmic_explorer=debug", false), ("debug", true)] {
        let mut command = program(&folder.path().join("saves"), &[]);
        command.env("COSMIC_LOG", level).stderr(Stdio::from(std::fs::File::create(&log).expect("a file")));
        let server = start(command);
        assert_eq!(server.end("-TERM"), Some(0));
        let said = std::fs::read_to_string(&log).expect("a log");
        assert!(!said.contains('\u{1b}') && said.contains("every game is saved"), "{said}");
        assert_eq!(said.contains("actix_server"), framework, "{level}: {said}");
    }
}

/// A pack over the built-in content, of files as bytes.
fn pack(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pack.toml"), "name = \"Pack\"\nmode = \"overlay\"\n").expect("a file");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("a file");
    }
    folder
}

fn check(arguments: &[&str]) -> (Option<i32>, String, String) {
    crate::commands::cosmic(&[&["check"], arguments].concat())
}

#[test]
fn a_check_goes_on_over_what_it_cannot_read() {
    let folder = pack(&[
        ("items.toml", b"\xff\xfe[\0x\0]\0"),
        ("events.toml", b"[rain]\ntext = \"\xe9t\xe9\"\n"),
        ("enemies.toml", b"[pirate_scout]\nhul = 3\n"),
    ]);
    std::fs::create_dir(folder.path().join("ships.toml")).expect("a folder");
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", folder.path().join("mods.toml")).expect("a link");
    let (code, said, errors) = check(&[text(folder.path())]);
    assert_eq!((code, errors.as_str()), (Some(1), ""));
    for line in [
        "items.toml:1:1: is UTF-16 text; must be UTF-8",
        "events.toml:2:9: is not UTF-8 text",
        "ships.toml: is a folder; must be a file",
        "mods.toml: leads to no file",
        "enemies.toml:2:1: pirate_scout.hul: is no key of this table",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert_eq!(said.lines().count(), 6, "each once, and the end: {said}");
    let (code, told, errors) = check(&["--json", text(folder.path())]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((code, errors.as_str(), told["faults"].as_array().map(Vec::len)), (Some(1), "", Some(5)));
    // A server says the same, and does not start.
    let said =
        output(program(&folder.path().join("saves"), &["--data", text(folder.path())]).env("RUST_BACKTRACE", "1"));
    let said = String::from_utf8(said.stderr).expect("UTF-8");
    assert!(
        said.contains("items.toml:1:1") && said.contains("ships.toml: is a folder") && !said.contains("backtrace"),
        "{said}"
    );
}

#[test]
fn a_check_answers_in_json_whatever_it_finds() {
    let good = pack(&[("ships.toml", b"\xef\xbb\xbf[scout]\r\nname = \"Boat\"\r\n")]);
    let file = good.path().join("ships.toml");
    for (folder, code, faults) in [
        (text(good.path()), 0, 0),
        ("/does/not/exist", 1, 1),
        (text(&file), 1, 1),
        (text(tempfile::tempdir().expect("a folder").path()), 1, 1),
    ] {
        let (ended, told, errors) = check(&["--json", folder]);
        let told: Value =
            serde_json::from_str(&told).unwrap_or_else(|error| panic!("{folder}: {error}: {told} {errors}"));
        assert_eq!((ended, errors.as_str()), (Some(code), ""), "{folder}");
        let found = told["faults"].as_array().expect("faults");
        assert!(found.len() >= faults && (faults > 0 || found.is_empty()), "{folder}: {told}");
        assert_eq!(told["content"].is_string(), code == 0, "{folder}: {told}");
        assert!(told["warnings"].is_array() && found.iter().all(|fault| fault["problem"] != json!("")), "{told}");
    }
}

#[test]
fn a_misspelt_section_is_told_once_with_what_was_meant() {
    for (file, text_of, meant) in [
        ("ships.toml", "[scuot]\nmax_hp = 60\n", "\"scout\""),
        ("enemies.toml", "[pirate_scuot]\n", "\"pirate_scout\""),
        ("events.toml", "[custom]\ntext = \"x\"\n", "\"customs\""),
    ] {
        let folder = pack(&[(file, text_of.as_bytes())]);
        let (code, said, _) = check(&[text(folder.path())]);
        assert_eq!(code, Some(1), "{file}: {said}");
        assert!(said.contains(&format!("did you mean {meant}?")), "{file}: {said}");
        assert!(!said.contains("is missing") && said.lines().count() == 2, "{file}: {said}");
    }
    // What is new, and only forgets something, is told what.
    let folder = pack(&[("ships.toml", b"[paper_boat]\nmax_hp = 60\n")]);
    let (_, said, _) = check(&[text(folder.path())]);
    assert!(said.contains("paper_boat.name: is missing"), "{said}");
}
