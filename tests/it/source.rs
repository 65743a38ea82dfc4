//! Rust source as far as the architecture tests need to read it: modules, imports, functions and inherent impls.

use std::collections::{BTreeMap, BTreeSet};

/// Code without comments and without what stands in quotes; lines stay where they are.
pub fn bare(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut bare = String::new();
    let mut index = 0;
    while index < chars.len() {
        let end = match at(index) {
            '/' if at(index + 1) == '/' => find(&chars, index, "\n"),
            '/' if at(index + 1) == '*' => find(&chars, index, "*/") + 2,
            'r' if raw_string(&chars, index).is_some() => raw_string(&chars, index).unwrap_or(index),
            quote @ ('"' | '\'') if quote == '"' || at(index + 1) == '\\' || at(index + 2) == '\'' => {
                let mut end = index + 1;
                while end < chars.len() && at(end) != quote {
                    end += if at(end) == '\\' { 2 } else { 1 };
                }
                end + 1
            }
            other => {
                bare.push(other);
                index += 1;
                continue;
            }
        };
        let end = end.min(chars.len());
        bare.extend(chars[index..end].iter().filter(|each| **each == '\n'));
        index = end;
    }
    bare
}

fn find(chars: &[char], from: usize, what: &str) -> usize {
    let what: Vec<char> = what.chars().collect();
    chars[from..].windows(what.len()).position(|window| window == what).map_or(chars.len(), |found| from + found)
}

/// The end of a raw string that begins here.
fn raw_string(chars: &[char], from: usize) -> Option<usize> {
    let word = |each: &char| each.is_alphanumeric() || *each == '_';
    if from > 0 && word(&chars[from - 1]) && chars[from - 1] != 'b' {
        return None;
    }
    let hashes = chars[from + 1..].iter().take_while(|each| **each == '#').count();
    (chars.get(from + 1 + hashes) == Some(&'"')).then(|| {
        let close = format!("\"{}", "#".repeat(hashes));
        find(chars, from + 2 + hashes, &close) + close.len()
    })
}

/// Words and signs; `::` is one sign.
fn tokens(bare: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = bare.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |each: char| each.is_alphanumeric() || each == '_';
        let length = match first {
            first if word(first) => rest.find(|each| !word(each)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            first => first.len_utf8(),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The paths that begin at a token: more than one where there are braces.
fn paths<'a>(tokens: &[&'a str], at: &mut usize, before: &[&'a str], found: &mut Vec<Vec<&'a str>>) {
    let mut path = before.to_vec();
    loop {
        match tokens.get(*at) {
            Some(&"{") => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| *token != "}") {
                    paths(tokens, at, &path, found);
                    while tokens.get(*at).is_some_and(|token| ![",", "}"].contains(token)) {
                        *at += 1;
                    }
                    *at += usize::from(tokens.get(*at) == Some(&","));
                }
                *at += 1;
                return;
            }
            Some(word) => path.push(word),
            None => {}
        }
        *at += 1;
        if tokens.get(*at) != Some(&"::") {
            return found.push(path);
        }
        *at += 1;
    }
}

/// The module of a file: `src/game/map.rs` is `game::map`, `src/game/mod.rs` is `game`.
fn module(file: &str) -> Vec<&str> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|part| !["lib", "main"].contains(part)).collect()
}

/// Which files each file imports from or names items of, by paths that begin with `crate`, `super` or `self`, and by `use`.
pub fn imports(sources: &[(String, String)]) -> BTreeMap<&str, BTreeSet<&str>> {
    let files: BTreeMap<Vec<&str>, &str> = sources.iter().map(|(file, _)| (module(file), file.as_str())).collect();
    let mut imports = BTreeMap::new();
    for (file, code) in sources {
        let bare = bare(code);
        let (tokens, own) = (tokens(&bare), module(file));
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let inner = at > 0 && tokens[at - 1] == "::";
            let begins = ["crate", "super", "self"].contains(&tokens[at]) && tokens.get(at + 1) == Some(&"::");
            if tokens[at] == "use" && tokens.get(at + 1) != Some(&"<") {
                at += 1;
                paths(&tokens, &mut at, &[], &mut found);
            } else if begins && !inner {
                paths(&tokens, &mut at, &[], &mut found);
            } else {
                at += 1;
            }
        }
        let named = found.iter().filter_map(|path| leads_to(&files, &own, path));
        imports.insert(file.as_str(), named.filter(|other| other != file).collect());
    }
    imports
}

/// The file of the innermost module on a path; none where it leads out of the crate.
fn leads_to<'a>(files: &BTreeMap<Vec<&str>, &'a str>, own: &[&str], path: &[&str]) -> Option<&'a str> {
    let mut module = own.to_vec();
    let mut rest = path;
    if path.first() == Some(&"crate") {
        module.clear();
        rest = &path[1..];
    } else if !["super", "self"].contains(path.first()?) {
        // A child, or another crate.
        module.push(path[0]);
        files.get(&module)?;
        rest = &path[1..];
    }
    for part in rest {
        match *part {
            "self" => {}
            "super" => drop(module.pop()),
            part => {
                module.push(part);
                if !files.contains_key(&module) {
                    module.pop();
                    break;
                }
            }
        }
    }
    files.get(&module).copied()
}

/// A circle of imports, if there is one.
pub fn circle<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    fn visit<'a>(
        imports: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        file: &'a str,
        path: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> bool {
        if let Some(at) = path.iter().position(|each| *each == file) {
            path.drain(..at);
            return true;
        }
        path.push(file);
        if done.insert(file) && imports.get(file).is_some_and(|to| to.iter().any(|to| visit(imports, to, path, done))) {
            return true;
        }
        path.pop();
        false
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|file| {
        let mut path = Vec::new();
        visit(imports, file, &mut path, &mut done).then_some(path)
    })
}

/// The functions that have a body: name, line, and how many lines.
pub fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let bare = bare(code);
    let lines: Vec<&str> = bare.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let words: Vec<&str> = tokens(line);
        let Some(name) = words.iter().position(|word| *word == "fn").and_then(|at| words.get(at + 1)) else { continue };
        // A type, as `fn(u8)`.
        if *name == "(" {
            continue;
        }
        let from = line.find("fn ").unwrap_or_default();
        let (mut braces, mut brackets, mut end) = (0, 0, None);
        'body: for (further, line) in lines[number..].iter().enumerate() {
            for each in line[if further == 0 { from } else { 0 }..].chars() {
                match each {
                    '(' | '[' => brackets += 1,
                    ')' | ']' => brackets -= 1,
                    '{' => braces += 1,
                    '}' => braces -= 1,
                    // Declared, without a body.
                    ';' if braces == 0 && brackets == 0 => break 'body,
                    _ => continue,
                }
                if each == '}' && braces == 0 {
                    end = Some(further + 1);
                    break 'body;
                }
            }
        }
        found.extend(end.map(|lines| ((*name).to_owned(), number + 1, lines)));
    }
    found
}

/// The types with inherent impls in more than one file of those given, with the files. Types of one name that each file defines for
/// itself are different ones.
pub fn spread_impls(sources: &[(String, String)]) -> BTreeMap<String, BTreeSet<&str>> {
    let mut homes: BTreeMap<String, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for (file, code) in sources {
        let bare = bare(code);
        let tokens = tokens(&bare);
        for (at, token) in tokens.iter().enumerate() {
            if ["struct", "enum"].contains(token)
                && let Some(name) = tokens.get(at + 1)
            {
                homes.entry((*name).to_owned()).or_default().1.insert(file);
            }
            // Items only: `impl Trait` of a type stands after another sign.
            let begins = at == 0 || ["}", ";", "]", "unsafe"].contains(&tokens[at - 1]);
            if *token == "impl"
                && begins
                && let Some(name) = inherent(&tokens[at + 1..])
            {
                homes.entry(name.to_owned()).or_default().0.insert(file);
            }
        }
    }
    homes.retain(|_, (impls, defined)| impls.len() > 1 && !impls.is_subset(defined));
    homes.into_iter().map(|(name, (impls, _))| (name, impls)).collect()
}

/// The type of an impl that is of no trait.
fn inherent<'a>(tokens: &[&'a str]) -> Option<&'a str> {
    let header = &tokens[..tokens.iter().position(|token| *token == "{")?];
    let mut depth = 0;
    let mut name = None;
    for (at, token) in header.iter().enumerate() {
        match *token {
            "<" => depth += 1,
            // Not of an arrow.
            ">" if at > 0 && header[at - 1] != "-" => depth -= 1,
            "for" if depth == 0 => return None,
            "where" if depth == 0 => break,
            token if depth == 0 && token.starts_with(char::is_alphabetic) => name = Some(token),
            _ => {}
        }
    }
    name
}

#[test]
fn imports_and_circles_are_found() {
    let file = |name: &str, code: &str| (format!("src/{name}.rs"), code.to_owned());
    let sources = [
        file("lib", "pub mod room;"),
        file("room/mod", "mod a;\nmod b;\npub use a::A;\nuse std::fmt;"),
        file("room/a", "use super::{b::B, c::{self, C}};\n/* use super::d; */ const QUOTED: &str = \"use super::e;\";"),
        file("room/b", "fn f<'a>(x: &'a u8) -> char { let _: crate::room::a::A; '\\'' }"),
        file("room/c", "use crate::other::X;"),
        file("other", "pub struct X;"),
    ];
    let found = imports(&sources);
    let of = |name: &str| found[name].iter().copied().collect::<Vec<_>>();
    assert_eq!(of("src/room/mod.rs"), ["src/room/a.rs"]);
    assert_eq!(of("src/room/a.rs"), ["src/room/b.rs", "src/room/c.rs"]);
    assert_eq!(of("src/room/b.rs"), ["src/room/a.rs"]);
    assert_eq!(of("src/room/c.rs"), ["src/other.rs"]);
    assert_eq!(circle(&found), Some(vec!["src/room/a.rs", "src/room/b.rs"]));
    let parent = [file("room/mod", "pub use a::A;"), file("room/a", "use super::A;")];
    assert!(circle(&imports(&parent)).is_some());
    let straight = [file("room/mod", "pub use a::A;"), file("room/a", "use super::b::B;"), file("room/b", "")];
    assert_eq!(circle(&imports(&straight)), None);
}

#[test]
fn functions_and_impls_are_found() {
    let code = "trait T { fn none(x: [u8; 2]); }\nfn one() { \"}\" }\nconst fn three(x: [u8; 2])\n{ // }\n}\n";
    let found: Vec<_> = functions(code);
    assert_eq!(found, [("one".to_owned(), 2, 1), ("three".to_owned(), 3, 3)]);
    let sources = [
        (
            "a".to_owned(),
            "struct A<T>(T); impl<T: Fn() -> u8> A<T> {} struct Own; impl Own {} impl Iterator for A {}".into(),
        ),
        ("b".to_owned(), "enum Own {} impl Own {} impl fmt::Debug for A {}".into()),
        ("c".to_owned(), "impl super::A<u8> {} fn f() -> impl Sized {}".into()),
    ];
    let found = spread_impls(&sources);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["A"]);
    assert_eq!(found["A"].iter().copied().collect::<Vec<_>>(), ["a", "c"]);
}
