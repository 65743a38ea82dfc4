//! The documents tell the truth about what can be looked up: links lead somewhere, and the files, flags, keys and codes they name exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cosmic_explorer::api::Code;
use cosmic_explorer::config::Config;

/// Every document, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let folders = [".", "docs", "saves"];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let paths = files.map(|entry| entry.expect("an entry").path());
    let documents = paths.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let documents: Vec<_> =
        documents.map(|path| (path.clone(), std::fs::read_to_string(path).expect("a document"))).collect();
    assert!(documents.len() > 10, "{documents:?}");
    documents
}

/// The lines that are text, and those in blocks of code.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let mut in_block = false;
    let (mut prose, mut code) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            code.push(line);
        } else {
            prose.push(line);
        }
    }
    assert!(!in_block, "a block of code has no end");
    (prose, code)
}

/// What stands between backticks.
fn spans(text: &str) -> Vec<&str> {
    let (prose, _) = parts(text);
    prose.iter().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// The name by which a heading is linked to: its letters and digits, small, with hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|each| each.is_alphanumeric() || [' ', '-', '_'].contains(each));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let (prose, _) = parts(text);
    let headings = prose.iter().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// All files below a folder, as paths from there.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if path.is_dir() {
            found.extend(files(&path).iter().map(|below| format!("{name}/{below}")));
        } else {
            found.insert(name);
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for (path, text) in documents() {
        let (prose, _) = parts(&text);
        for line in prose {
            // Code has no links.
            let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("x");
            for target in plain.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if target.starts_with("https://") {
                    continue;
                }
                let (file, name) = target.split_once('#').unwrap_or((target, ""));
                let there = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
                assert!(there.exists(), "{}: nothing is at {target}", path.display());
                if !name.is_empty() {
                    let text = std::fs::read_to_string(&there).expect("a document");
                    assert!(anchors(&text).contains(name), "{}: no heading for {target}", path.display());
                }
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count} links");
}

#[test]
fn every_file_that_is_named_exists() {
    let mut count = 0;
    for (path, text) in documents() {
        let tops = ["src/", "tests/", "docs/", "data/", "static/", "scripts/", "benches/", ".ci/"];
        for name in spans(&text).into_iter().filter(|span| tops.iter().any(|top| span.starts_with(top))) {
            // A script may stand with its argument.
            let file = name.split(' ').next().unwrap_or_default();
            assert!(Path::new(file).exists(), "{}: there is no {file}", path.display());
            count += 1;
        }
    }
    assert!(count > 30, "{count} files");
}

/// The tables of ARCHITECTURE.md have a line for every file of the code, or for its folder.
#[test]
fn the_map_of_the_code_names_every_file_and_no_other() {
    let map = std::fs::read_to_string("ARCHITECTURE.md").expect("the map");
    let (mut named, mut folders) = (BTreeSet::new(), Vec::new());
    let mut room = None;
    for line in map.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            room = heading.trim_matches('`').strip_prefix("src/");
        } else if let (Some(room), Some(row)) = (room, line.strip_prefix("| `")) {
            let cell = row.split(" | ").next().unwrap_or_default();
            for file in cell.split('`').step_by(2).filter(|file| file.ends_with(".rs")) {
                assert!(named.insert(format!("{room}{file}")), "{room}{file} stands twice");
            }
            folders.extend(
                cell.split('`').step_by(2).filter(|name| name.ends_with('/')).map(|name| format!("{room}{name}")),
            );
        }
    }
    let there: BTreeSet<_> = files(Path::new("src")).into_iter().filter(|file| file.ends_with(".rs")).collect();
    let mut missing: Vec<_> = there.difference(&named).collect();
    missing.retain(|file| !folders.iter().any(|folder| file.starts_with(folder)));
    let gone: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty() && gone.is_empty(), "without a line: {missing:?}; there are no more: {gone:?}");
}

/// The tests that invariants name.
#[test]
fn every_test_that_holds_an_invariant_exists() {
    let invariants = std::fs::read_to_string("docs/invariants.md").expect("the invariants");
    let rows = invariants.lines().filter_map(|line| line.trim_end_matches(" |").rsplit_once(" | "));
    let named: Vec<_> = rows.flat_map(|(_, held)| spans(held)).filter(|name| name.ends_with(".rs")).collect();
    assert!(named.len() > 30, "{named:?}");
    let code: BTreeSet<_> = ["tests", "src"].iter().flat_map(|folder| files(Path::new(folder))).collect();
    for name in named {
        assert!(code.iter().any(|file| file.ends_with(&format!("/{name}"))), "there is no {name}");
    }
}

#[test]
fn every_flag_that_is_named_exists() {
    let help = |arguments: &[&str]| {
        let told = Command::new(env!("CARGO_BIN_EXE_cosmic-explorer")).args(arguments).arg("--help").output();
        String::from_utf8(told.expect("the program").stdout).expect("text")
    };
    let mut flags = BTreeSet::new();
    let mut told = help(&[]);
    for command in ["serve", "replay", "saves", "migrate", "check", "simulate", "schema"] {
        told += &help(&[command]);
    }
    told += &help(&["saves", "copy"]);
    for word in told.split([' ', '\n', ',', '[', ']', '=']).filter(|word| word.starts_with("--")) {
        flags.insert(word.to_owned());
    }
    let mut count = 0;
    for (path, text) in documents() {
        let (_, code) = parts(&text);
        let code = code.into_iter().filter(|line| line.starts_with("cosmic-explorer"));
        let spans = spans(&text).into_iter();
        let spans = spans.filter(|span| span.starts_with("cosmic-explorer") || span.starts_with("--"));
        for flag in code.chain(spans).flat_map(|line| line.split([' ', ';'])).filter(|word| word.starts_with("--")) {
            assert!(flags.contains(flag), "{}: there is no {flag}: {flags:?}", path.display());
            count += 1;
        }
    }
    assert!(count > 15, "{count} flags");
}

#[test]
fn every_key_that_is_named_exists() {
    let config = serde_json::to_value(Config::default()).expect("JSON");
    let exists = |key: &str| config.pointer(&format!("/{}", key.replace('.', "/"))).is_some();
    let tables = ["sessions.", "limits.", "admin.", "database.", "node."];
    let mut count = 0;
    for (path, text) in documents() {
        let keys = spans(&text).into_iter().filter(|span| tables.iter().any(|table| span.starts_with(table)));
        for key in keys.filter(|key| !key.ends_with(".rs") && !key.contains('…')) {
            assert!(exists(key), "{}: there is no {key}", path.display());
            count += 1;
        }
    }
    assert!(count > 50, "{count} keys");
}

/// A word in capitals, with an underscore.
fn is_code(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    word.contains('_') && word.bytes().all(fits) && word.bytes().any(|byte| byte != b'_')
}

#[test]
fn every_code_that_is_named_exists() {
    let codes: BTreeSet<_> = Code::ALL.iter().map(ToString::to_string).collect();
    let mut count = 0;
    for (path, text) in documents() {
        for code in spans(&text).into_iter().filter(|span| is_code(span)) {
            let other = code.starts_with("COSMIC_") || code == "NO_COLOR";
            assert!(other || codes.contains(code), "{}: there is no {code}", path.display());
            count += 1;
        }
    }
    assert!(count > 150, "{count} codes");
}

#[test]
fn the_pictures_are_what_they_are_called_and_light() {
    let pictures = files(Path::new("docs/img"));
    assert!(pictures.len() > 1, "{pictures:?}");
    for name in pictures {
        let bytes = std::fs::read(Path::new("docs/img").join(&name)).expect("a picture");
        assert!(name.ends_with(".webp") && bytes[..4] == *b"RIFF" && bytes[8..12] == *b"WEBP", "{name}");
        assert!(bytes.len() < 120_000, "{name} has {} bytes", bytes.len());
    }
}
