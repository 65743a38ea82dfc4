//! The browser game's files: served as they should be, and what must not be in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cosmic_explorer::api::Code;

use crate::server::start;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn addresses() -> Vec<String> {
    let mut all: Vec<_> = files(Path::new("static")).iter().map(|path| path.display().to_string()).collect();
    all.sort();
    all.iter().map(|path| path.trim_start_matches("static").to_owned()).collect()
}

#[test]
fn every_file_is_served_under_a_strict_policy_and_asked_for_once() {
    let (_folder, server) = start();
    let client = server.client();
    for path in addresses() {
        let path = if path == "/index.html" { "/" } else { &path };
        if path.ends_with(".png") || path.ends_with(".ico") {
            picture(&server.url, path);
            continue;
        }
        let whole = client.get(path);
        let policy = whole.header("content-security-policy");
        assert_eq!(whole.status, 200, "{path}");
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "frame-ancestors 'none'",
            "trusted-types 'none'",
        ] {
            assert!(policy.contains(part), "{part} for {path}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(
            (whole.header("x-content-type-options"), whole.header("cache-control")),
            ("nosniff", "public, no-cache")
        );
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("txt") => "text/plain; charset=utf-8",
            Some("webmanifest") => "application/manifest+json",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(whole.header("content-type"), kind, "{path}");
        let again = client.send("GET", path, &[("if-none-match", whole.header("etag"))], None);
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        let head = client.send("HEAD", path, &[], None);
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
    }
}

/// Pictures are no text, and are what they are called.
fn picture(url: &str, path: &str) {
    let mut reply = ureq::get(format!("{url}{path}")).call().expect("an answer");
    let (kind, magic) = match path.rsplit('.').next() {
        Some("png") => ("image/png", [0x89, b'P', b'N', b'G']),
        _ => ("image/x-icon", [0, 0, 1, 0]),
    };
    assert_eq!(reply.headers()["content-type"], kind, "{path}");
    assert!(
        reply.headers()["content-security-policy"].to_str().expect("text").contains("default-src 'none'"),
        "{path}"
    );
    assert_eq!(reply.body_mut().with_config().read_to_vec().expect("bytes")[..4], magic, "{path}");
}

#[test]
fn whoever_takes_gzip_gets_it() {
    let (_folder, server) = start();
    let mut request =
        ureq::get(format!("{}/js/main.js", server.url)).header("accept-encoding", "gzip").call().expect("an answer");
    assert_eq!(request.headers()["content-encoding"], "gzip");
    assert_eq!(request.headers()["vary"], "Accept-Encoding");
    let squeezed = request.body_mut().with_config().read_to_vec().expect("bytes");
    assert_eq!(squeezed[..2], [0x1f, 0x8b]);
}

#[test]
fn what_is_said_of_codings_is_what_comes() {
    let (_folder, server) = start();
    let client = server.client();
    let gzip = |accepted: &[&str]| {
        let headers: Vec<_> = accepted.iter().map(|accepted| ("accept-encoding", *accepted)).collect();
        let reply = client.send("HEAD", "/", &headers, None);
        assert_eq!(reply.header("etag").ends_with("-gzip\""), reply.header("content-encoding") == "gzip");
        reply.header("content-encoding") == "gzip"
    };
    for yes in [
        "gzip",
        "GZIP",
        "x-gzip",
        "gzip;q=1.0",
        "br, gzip ; q=0.5",
        "*",
        "deflate, *;q=0.1",
        "gzip, identity;q=0.5",
        "identity;q=0, gzip",
    ] {
        assert!(gzip(&[yes]), "{yes}");
    }
    for no in [
        "",
        "br",
        "identity",
        "gzip;q=0",
        "gzip;q=0, *",
        "*;q=0",
        "gzip;q=0.000",
        "gzip;q=0.5, identity",
        "gzipped",
        "x",
    ] {
        assert!(!gzip(&[no]), "{no}");
    }
    assert!(gzip(&["br", "gzip"]), "the lines make one list");
}

#[test]
fn nothing_outside_the_folder_is_served() {
    let (_folder, server) = start();
    let client = server.client();
    for path in [
        "/js/../Cargo.toml",
        "/js/%2e%2e/%2e%2e/Cargo.toml",
        "/js/..%2f..%2fCargo.toml",
        "/css//etc/passwd",
        "/js/.hidden",
        "/js/",
        "/js/none.js",
        "/img/%00",
        "/index.html",
    ] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.code().as_str()), (404, "NOT_FOUND"), "{path}");
    }
}

#[test]
fn the_page_names_all_modules_and_nothing_is_inline() {
    let page = std::fs::read_to_string("static/index.html").expect("the page");
    for path in addresses().iter().filter(|path| path.ends_with(".js") || path.ends_with(".css")) {
        // Relative, because a proxy may put the page below a path.
        assert!(
            page.contains(&format!("\"{}\"", path.trim_start_matches('/'))),
            "{path} is loaded only when it is missed"
        );
    }
    for bad in [" style=", "<style", " onclick", "javascript:", "http:", "https:", "href=\"/", "src=\"/", "content=\"/"]
    {
        assert!(!page.contains(bad), "{bad}");
    }
    for path in files(Path::new("static")).iter().filter(|path| path.extension().is_some_and(|end| end == "js")) {
        let code = std::fs::read_to_string(path).expect("a module");
        assert!(code.starts_with("// "), "{} says what it is for", path.display());
        for bad in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "https://"]
        {
            assert!(!code.contains(bad), "{bad} in {}", path.display());
        }
        // Addresses are relative to the page; `at` in api.js makes them whole.
        for quote in ['\'', '"', '`'] {
            for bad in ["/api", "/ws", "/js/", "/css/", "/img/"] {
                assert!(!code.contains(&format!("{quote}{bad}")), "{quote}{bad} in {}", path.display());
            }
        }
        assert!(!code.contains("location.host") && !code.contains("location.origin"), "{}", path.display());
        // Only the page's own cookie, which says that there may be games.
        assert!(!code.contains(".cookie") || path.ends_with("js/player.js"), ".cookie in {}", path.display());
    }
}

fn scripts() -> impl Iterator<Item = PathBuf> {
    files(Path::new("static/js")).into_iter()
}

/// Each module, with those it imports.
fn imports() -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let read = |path: PathBuf| {
        let code = std::fs::read_to_string(&path).expect("a module");
        // The last line of an import may be `} from './store.js'`; and some are `import('./store.js')`.
        let names =
            |line: &&str| line.starts_with("import ") || line.starts_with("} from ") || line.contains("import('");
        let lines = code.lines().filter(names);
        let names = lines.filter_map(|line| line.split('\'').nth(1)).map(|name| path.with_file_name(name));
        (whole(&path), names.map(|name| whole(&name)).collect())
    };
    scripts().map(read).collect()
}

#[test]
fn modules_import_each_other_in_no_circle_and_none_is_left_over() {
    let mut rest = imports();
    assert!(rest.values().map(Vec::len).sum::<usize>() > 100, "the imports are found: {rest:?}");
    let imported: Vec<_> = rest.values().flatten().cloned().collect();
    for path in rest.keys().filter(|path| !path.ends_with("js/main.js")) {
        assert!(imported.contains(path), "no module imports {}", path.display());
    }
    // Takes away what imports nothing that is left, or is imported by nothing that is left: what stays is a circle.
    loop {
        let before = rest.len();
        let left: Vec<_> = rest.keys().cloned().collect();
        let imported: Vec<_> = rest.values().flatten().cloned().collect();
        rest.retain(|path, imports| imported.contains(path) && imports.iter().any(|path| left.contains(path)));
        if rest.len() == before {
            break;
        }
    }
    assert!(rest.is_empty(), "a circle: {:#?}", rest.keys());
}

#[test]
fn no_script_or_style_is_too_long_to_read() {
    for path in scripts().chain(files(Path::new("static/css"))) {
        let lines = std::fs::read_to_string(&path).expect("text").lines().count();
        assert!(lines <= 600, "{} has {lines} lines", path.display());
    }
}

/// Whether a module gives a field of the game another value, as in `game.picked = id`.
fn changes_the_game(code: &str) -> bool {
    let rest = code.split("game.").skip(1);
    let mut after =
        rest.map(|rest| rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()).trim_start());
    after.any(|after| ["= ", "=\n", "+= ", "-= ", "??= "].iter().any(|sign| after.starts_with(sign)))
        || code.contains("Object.assign(game")
}

#[test]
fn the_game_that_the_page_knows_is_changed_in_three_places() {
    assert!(changes_the_game("  game.picked = id") && changes_the_game("game.logShown += 1"));
    assert!(!changes_the_game("if (game.picked === id) game.turns.set(1, 2)") && !changes_the_game("({game.a => 1})"));
    let changing: Vec<_> =
        scripts().filter(|path| changes_the_game(&std::fs::read_to_string(path).expect("a module"))).collect();
    let allowed = ["static/js/session.js", "static/js/store.js", "static/js/views/map/camera.js"].map(PathBuf::from);
    for path in &changing {
        assert!(allowed.contains(path), "{} changes the game; store.js has functions for that", path.display());
    }
    assert_eq!(changing.len(), allowed.len(), "{changing:?}");
}

/// What a person can be refused is said in the page's own words: a new code wants some too.
#[test]
fn every_refusal_has_words_for_people() {
    let words = std::fs::read_to_string("static/js/words.js").expect("the words");
    // The rules' own reasons are for people already.
    let codes = Code::ALL.iter().filter(|code| !code.is_rule());
    let missing: Vec<_> = codes.filter(|code| !words.contains(&format!("\n  {code}:"))).collect();
    assert!(missing.is_empty(), "no words for {missing:?}");
    // And in them nothing for programs.
    let refusals =
        words.split("const REFUSALS").nth(1).and_then(|rest| rest.split("const FOR_PROGRAMS").next()).expect("a table");
    for bad in ["/api", "POST", "GET", "Bearer", "Authorization", "Idempotency", "token ", "JSON "] {
        assert!(!refusals.contains(bad), "{bad}");
    }
}
