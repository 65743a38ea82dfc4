//! Names that are markup, very long, or run from right to left; and a log of ten thousand lines.

use std::path::Path;

use crate::driver::{FAMILIES, NARROW, Page, WIDE, run};
use crate::server::{Server, call};

const MARKUP: &str = "<img src=x onerror=hurt=1> & <b>b</b>";
const ARABIC: &str = "\u{645}\u{62d}\u{637}\u{629} \u{627}\u{644}\u{646}\u{62c}\u{648}\u{645} \u{627}\u{644}\u{628}\u{639}\u{64a}\u{62f}\u{629}";

const LONG: &str = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch";

/// The content, with other names, as long as it may have them.
fn odd_content() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let long = LONG.repeat(2)[..100].to_owned();
    let place = LONG[..40].to_owned();
    for entry in std::fs::read_dir(data).expect("the content") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let mut text = std::fs::read_to_string(&path).expect("text");
        for (name, odd) in [
            ("Ostrel", place.as_str()),
            ("Aldmere", MARKUP),
            ("Sunder", ARABIC),
            ("The Old Parliament", MARKUP),
            ("Alien Artifacts", MARKUP),
            ("Data Cores", long.as_str()),
            ("Luxury Goods", ARABIC),
            ("Pulse Laser Cannon", long.as_str()),
            ("Mining Laser", MARKUP),
            ("Scout Vessel", MARKUP),
            ("First Light", long.as_str()),
            ("Spokes, lamps and a queue at every lock.", MARKUP),
        ] {
            text = text.replace(&format!("\"{name}\""), &format!("\"{odd}\""));
        }
        std::fs::write(folder.path().join(path.file_name().expect("a name")), text).expect("a file");
    }
    folder
}

#[test]
fn names_are_text_whatever_stands_in_them() {
    run(async {
        let content = odd_content();
        let server = Server::with_data(Some(content.path()));
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        let (token, session) = (page.token().await, page.session().await);
        let name =
            serde_json::json!({"name": "<i onclick=\"hurt=1\">\u{645}\u{631}\u{62d}\u{628}\u{627}</i> <b>x</b>"});
        call(&server.url, &token, "PATCH", &format!("/api/sessions/{session}"), Some(&name));
        page.act("[data-action=scan]").await;
        // Longer still, should content ever allow it.
        page.js_async("import('/js/store.js').then(({game, changed}) => {
            const long = 'W'.repeat(200);
            for (const table of ['items', 'mods', 'ships', 'achievements', 'augmentations']) for (const id in game.content[table]) if (!/[<\\u0600-\\u06ff]/.test(game.content[table][id].name)) game.content[table][id].name = long;
            game.map.regions[0].name = long; game.state.current_location.region.name = long; game.name = long; changed(); done(true) })").await;
        for size in [WIDE, NARROW] {
            page.size(size).await;
            for view in ["here", "map", "ship", "market", "quests", "log", "deeds"] {
                page.view(view).await;
                let misfits: Vec<_> =
                    page.misfits().await.into_iter().filter(|misfit| !misfit.starts_with("too small")).collect();
                assert!(misfits.is_empty(), "{view} at {size:?}: {misfits:#?}");
                assert_eq!(page.js("return window.hurt === undefined && document.querySelector('#app img, #app script, #app b > b') === null").await, true, "{view}");
            }
            page.view("market").await;
            page.shot(&format!("odd-names-{}", size.0)).await;
        }
        // With the largest letters too, in every family.
        page.js("document.documentElement.style.setProperty('--zoom', '1.3')").await;
        for kind in FAMILIES {
            page.family(kind).await;
            for view in ["here", "ship", "market", "quests", "log"] {
                page.view(view).await;
                let misfits = page.misfits().await;
                assert!(
                    !misfits.iter().any(|misfit| misfit.starts_with("sticks") || misfit.starts_with("the page")),
                    "{view}, {kind:?}: {misfits:#?}"
                );
            }
        }
        page.go("/").await;
        page.wait(".game-card").await;
        assert_eq!(page.misfits().await, Vec::<String>::new());
        assert!(page.text(".game-card b").await.contains("<i onclick"));
        page.close().await;
    });
}

#[test]
fn a_log_of_ten_thousand_lines_is_read_in_pieces() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        page.act("[data-action=scan]").await;
        page.view("log").await;
        page.js_async(
            "import('/js/store.js').then(({game, addTurn, changed}) => {
            const turn = game.turns.get(1);
            for (let revision = 2; revision <= 10000; revision += 1) addTurn({...turn, revision, at: turn.at});
            game.head = 10000; game.from = 1; changed(); done(true) })",
        )
        .await;
        page.wait_text(".sheet-head", "10,000").await;
        // Earlier and earlier: the page stays quick, and holds only what was asked for.
        for pressed in 1..=30 {
            page.js("document.querySelector('#earlier').click()").await;
            page.until(
                "more lines",
                &format!("return document.querySelectorAll('.log-line').length === {}", 60 * (pressed + 1)),
            )
            .await;
        }
        let slow = page.js_async("import('/js/store.js').then(({game, changed}) => {
            game.logShown = 10000; changed();
            const begun = performance.now();
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
              const first = performance.now() - begun; const then = performance.now(); changed();
              requestAnimationFrame(() => requestAnimationFrame(() => done([first, performance.now() - then, document.querySelectorAll('.log-line').length]))) }))) })").await;
        assert_eq!(slow[2], 10_000);
        println!("10,000 lines: first {} ms, again {} ms", slow[0], slow[1]);
        assert!(slow[1].as_f64().is_some_and(|milliseconds| milliseconds < 2000.0), "{slow}");
        page.close().await;
    });
}
