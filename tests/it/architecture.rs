//! The invariants of docs/invariants.md that the compiler does not hold.

use std::collections::BTreeMap;
use std::path::Path;

use cosmic_explorer::config::Config;
use serde_json::Value;

use crate::source::{circle, functions, imports, spread_impls};

/// The files under a path, each with its code.
pub fn sources(path: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(path).to_path_buf()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            continue;
        }
        // Golden saves are no text.
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
        // Tests at the foot of a file may do what they like.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        found.push((path.display().to_string(), code));
    }
    assert!(!found.is_empty());
    found
}

fn hold(folder: &str, forbidden: &[&str]) {
    for (file, code) in sources(folder) {
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in forbidden {
                assert!(!line.contains(word), "{file}:{}: {word} in: {line}", number + 1);
            }
        }
    }
}

#[test]
fn the_rules_have_no_io_clock_threads_async_or_platform_maths() {
    hold(
        "src/game",
        &[
            "std::fs",
            "std::io",
            "std::net",
            "std::env",
            "std::time",
            "std::thread",
            "std::process",
            "Instant",
            "SystemTime",
            "jiff",
            "tokio",
            "async ",
            ".await",
            "actix",
            "tracing",
            "println!",
            "Mutex",
            "HashMap",
            "HashSet",
            "thread_rng",
            ".sin(",
            ".cos(",
            ".tan(",
            ".sqrt(",
            ".powf(",
            ".powi(",
            ".exp(",
            ".ln(",
            ".mul_add(",
            ".round()",
            "usize::MAX",
        ],
    );
}

#[test]
fn what_is_written_knows_no_io_and_no_clock() {
    hold(
        "src/model",
        &[
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
            "Instant",
            "SystemTime",
            "::now()",
            "tokio",
            "async ",
            ".await",
            "tracing",
            "Mutex",
        ],
    );
}

#[test]
fn dependencies_run_downwards_only() {
    hold(
        "src/game",
        &[
            "crate::model",
            "crate::session",
            "crate::store",
            "crate::api",
            "crate::config",
            "crate::simulate",
            "crate::files",
        ],
    );
    hold("src/simulate", &["crate::model", "crate::session", "crate::store", "crate::api", "crate::config"]);
    hold("src/model", &["crate::session", "crate::store", "crate::api", "crate::config", "crate::simulate", "actix"]);
    hold("src/store", &["crate::session", "crate::api", "crate::config", "crate::simulate", "actix"]);
    hold("src/session", &["crate::api", "crate::config", "actix"]);
    hold("src/api", &["crate::config", "std::fs"]);
    // Files that a person names are for commands and the configuration.
    for room in ["src/simulate", "src/model", "src/store", "src/session", "src/api"] {
        hold(room, &["crate::files"]);
    }
    hold("src/files.rs", &["crate::model", "crate::session", "crate::store", "crate::api", "crate::config"]);
}

#[test]
fn files_are_touched_in_two_places_only() {
    // The store's own, and those that a person names.
    for (file, code) in sources("src") {
        if !["src/store/folder/disk.rs", "src/files.rs"].contains(&file.as_str()) {
            for word in ["std::fs", "fs::", "File::create", "OpenOptions"] {
                assert!(!code.contains(word), "{word} in {file}");
            }
        }
    }
}

#[test]
fn nothing_above_the_store_names_an_engine() {
    for room in ["src/session", "src/api"] {
        hold(room, &["folder::", "postgres", "crate::store::log", "crate::store::disk"]);
    }
    for (file, code) in sources("src").into_iter().filter(|(file, _)| !file.starts_with("src/store/postgres")) {
        for word in ["SELECT ", "INSERT INTO", "DELETE FROM"] {
            assert!(!code.contains(word), "{word} in {file}");
        }
    }
}

#[test]
fn every_sync_is_a_barrier_with_one_place() {
    for barrier in cosmic_explorer::store::folder::disk::Barrier::ALL {
        let name = format!("Barrier::{barrier:?})");
        let places: usize = sources("src/store").iter().map(|(_, code)| code.matches(&name).count()).sum();
        assert_eq!(places, 1, "{name}");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (file, code) in sources("src").into_iter().chain(sources("tests")) {
        if file.ends_with(".rs") {
            assert!(code.starts_with("//! "), "{file}");
        }
    }
}

/// The rooms of `src`, each with its files and their code.
fn rooms() -> BTreeMap<String, Vec<(String, String)>> {
    let mut rooms = BTreeMap::<String, Vec<_>>::new();
    for (file, code) in sources("src") {
        let room = file.split('/').nth(1).filter(|part| !part.ends_with(".rs")).unwrap_or("src");
        rooms.entry(room.to_owned()).or_default().push((file, code));
    }
    rooms
}

/// Fails where anything is wrong in a room.
fn nothing(wrong: impl IntoIterator<Item = (String, Vec<String>)>) {
    let wrong: BTreeMap<_, _> = wrong.into_iter().filter(|(_, wrong)| !wrong.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    let wrong = rooms().into_iter().map(|(room, files)| {
        let circle = circle(&imports(&files)).map(|circle| circle.join(" -> "));
        (room, circle.into_iter().collect())
    });
    nothing(wrong);
}

#[test]
fn a_long_file_says_why() {
    let wrong = rooms().into_iter().map(|(room, files)| {
        let wrong = files.into_iter().filter_map(|(file, _)| {
            let text = std::fs::read_to_string(&file).expect("a file");
            let says_why = text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains(WHY_LONG));
            let lines = text.lines().count();
            (lines > 600 && !says_why).then(|| format!("{file} has {lines} lines"))
        });
        (room, wrong.collect())
    });
    nothing(wrong);
}

/// What the head of a long file says.
const WHY_LONG: &str = "more than 600 lines because";

#[test]
fn no_function_is_long() {
    // Arithmetic of the policies, which nothing depends on.
    let rooms = rooms().into_iter().filter(|(room, _)| room != "simulate");
    let wrong = rooms.map(|(room, files)| {
        let wrong = files.iter().flat_map(|(file, code)| {
            let long = functions(code).into_iter().filter(|(.., lines)| *lines > 60);
            long.map(move |(name, line, lines)| format!("{file}:{line}: {name} has {lines} lines"))
        });
        (room, wrong.collect())
    });
    nothing(wrong);
}

#[test]
fn what_a_type_can_do_stands_in_one_file() {
    // The rules of a turn call each other in circles, as the game does; each file has those of one kind of action.
    const BY_NATURE: [&str; 1] = ["game: Step"];
    let wrong = rooms().into_iter().map(|(room, files)| {
        let spread = spread_impls(&files);
        let spread = spread.into_iter().filter(|(name, _)| !BY_NATURE.contains(&format!("{room}: {name}").as_str()));
        let wrong = spread.map(|(name, files)| format!("{name}: {files:?}")).collect();
        (room, wrong)
    });
    nothing(wrong);
}

fn keys(prefix: &str, value: &Value, found: &mut Vec<(String, String)>) {
    let Value::Object(members) = value else {
        let text = match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        found.push((prefix.to_owned(), text));
        return;
    };
    for (name, value) in members {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        keys(&key, value, found);
    }
}

#[test]
fn every_key_of_the_configuration_is_documented_with_its_default() {
    let mut found = Vec::new();
    keys("", &serde_json::to_value(Config::default()).expect("JSON"), &mut found);
    let table = std::fs::read_to_string("docs/configuration.md").expect("the document");
    for (key, default) in &found {
        assert!(table.contains(&format!("| `{key}` | {default} |")), "| `{key}` | {default} | is not in the table");
    }
    let documented: Vec<_> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(documented.len(), found.len(), "{documented:?}");
}

#[test]
fn configuration_comes_in_layers() {
    use config::{Environment, Map};
    use cosmic_explorer::config::Flags;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cosmic.toml");
    std::fs::write(&file, "bind = \"127.0.0.1:1000\"\n[sessions]\nlimit = 7\nidle_secs = 5\n").expect("a file");
    let mut variables = Map::new();
    variables.insert("COSMIC_SESSIONS__LIMIT".to_owned(), "9".to_owned());
    variables.insert("COSMIC_BIND".to_owned(), "127.0.0.1:2000".to_owned());
    variables.insert("COSMIC_HOSTS".to_owned(), "game.example,nas".to_owned());
    variables.insert("COSMIC_ORIGINS".to_owned(), "https://game.example".to_owned());
    variables.insert("COSMIC_PROXIES".to_owned(), "10.0.0.1,fd00::/8".to_owned());
    let environment = || Config::environment().source(Some(variables.clone()));
    let nothing = || Environment::with_prefix("COSMIC").source(Some(Map::new()));

    let config = Config::read(Some(&file), environment(), Flags::default()).expect("a configuration");
    assert_eq!((config.sessions.limit, config.sessions.idle_secs, config.sessions.sweep_secs), (9, 5, 300));
    assert_eq!(config.bind, "127.0.0.1:2000");
    let api = config.api_settings();
    assert_eq!((api.hosts.join(" "), api.origins.len()), ("game.example nas".to_owned(), 1));
    assert_eq!(api.proxies, ["10.0.0.1", "fd00::/8"]);
    let flags = Flags { bind: Some("3000".to_owned()), ..Flags::default() };
    assert_eq!(Config::read(Some(&file), environment(), flags).expect("a configuration").bind, "3000");

    for bad in [
        "sessions.limit = 0",
        "sessions.limits = 5",
        "bind = \"here:there\"",
        "[admin]\ntoken = \"short\"",
        "limits.body_bytes = 1",
        "limits.body_secs = 0",
        "limits.head_secs = 0",
        "limits.idle_secs = 0",
        "limits.send_secs = 0",
        "limits.connections = 1",
        "limits.connections_per_address = 0",
        "sessions.address_share = 0",
        "sessions.address_share = 101",
        "proxies = [\"proxy.example\"]",
        "proxies = [\"10.0.0.0/33\"]",
        "limits.requests_per_minute = 1000001",
        "limits.connects_per_minute = -1",
        "hosts = [\"http://game.example\"]",
        "origins = [\"game.example\"]",
        "origins = [\"*\"]",
    ] {
        std::fs::write(&file, bad).expect("a file");
        assert!(Config::read(Some(&file), nothing(), Flags::default()).is_err(), "{bad}");
    }
    assert!(Config::read(Some(&folder.path().join("none.toml")), nothing(), Flags::default()).is_err());
}

/// The rows decide who is right: what writes a game's state says on which event it was built.
#[test]
fn what_writes_a_state_in_the_database_has_the_head_in_it() {
    let folder = std::path::Path::new("src/store/postgres/queries");
    let (mut writers, mut count) = (Vec::new(), 0);
    for file in std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()) {
        let sql = std::fs::read_to_string(&file).expect("a statement");
        let words: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        count += 1;
        if !words.contains("state =") {
            continue;
        }
        assert!(words.contains("revision - 1") || words.contains("$2::int8 - 1"), "{}", file.display());
        assert!(words.contains("digest, 8) ="), "{}", file.display());
        writers.push(file.file_stem().expect("a name").to_string_lossy().into_owned());
    }
    writers.sort();
    assert_eq!(writers, ["append", "load"]);
    assert!(count > 40, "{count} statements");
    // Elsewhere there is none.
    for (file, code) in sources("src").into_iter().filter(|(file, _)| !file.starts_with("src/store/postgres/")) {
        for sql in ["INSERT INTO", "DELETE FROM", "tokio_postgres"] {
            assert!(!code.contains(sql), "{sql} in {file}");
        }
    }
}
