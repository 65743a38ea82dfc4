//! What can end the voyage is said and asked, and nothing is answered that nobody has read.

use std::path::Path;

use crate::driver::{Page, run};
use crate::server::Server;

/// The content with some lines changed.
fn content(changes: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("data")).expect("the content") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let mut text = std::fs::read_to_string(&path).expect("text");
        for (_, from, to) in changes.iter().filter(|(file, ..)| *file == name) {
            assert!(text.contains(from), "{from} in {name}");
            text = text.replace(from, to);
        }
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

#[test]
fn what_can_end_the_voyage_is_said_and_asked_once() {
    run(async {
        // A hull that a hard passage breaks.
        let content = content(&[
            ("ships.toml", "max_hp = 80", "max_hp = 11"),
            ("balance.toml", "hazard_damage = [5, 15]", "hazard_damage = [1, 15]"),
        ]);
        let server = Server::with_data(Some(content.path()));
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        let route = ".side-panel .act[data-action=navigate]";
        assert!(page.text(route).await.contains("Can end the voyage"), "{}", page.text(route).await);
        assert!(page.text(route).await.contains("11 hull"));
        // What cannot end it does not say so.
        assert!(!page.text(".side-panel .act[data-action=scan]").await.contains("Can end"));
        page.click(route).await;
        page.wait("dialog[open]").await;
        assert!(page.text("dialog[open]").await.contains("This can end the voyage"));
        page.click_text("dialog .button", "No").await;
        page.gone("dialog").await;
        page.settled().await;
        assert_eq!(page.revision().await, 0);
        // By its number too.
        let number = page.text(&format!("{route} kbd")).await;
        page.js("document.activeElement.blur()").await;
        page.keys(&[number.chars().next().expect("a number")]).await;
        page.wait("dialog[open]").await;
        assert_eq!(page.revision().await, 0);
        page.click("dialog .button.danger").await;
        page.until("the journey", "return document.querySelector('.game').dataset.revision === '1'").await;
        page.close().await;
    });
}

#[test]
fn a_question_takes_no_answer_before_it_can_be_read() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(3).await;
        // Whatever a hasty hand can do the moment the question is there, and until shortly before it may.
        page.js("window.tries = 0;
            const hasty = () => {
              for (const key of '123456789') document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
              for (const el of document.querySelectorAll('.event .act')) el.click();
              window.tries += 1;
            };
            new MutationObserver((_, observer) => {
              if (!document.querySelector('.event')) return;
              observer.disconnect();
              window.opened = performance.now(); window.at = document.querySelector('.game').dataset.revision;
              hasty();
              const timer = setInterval(() => (performance.now() - window.opened > 350 ? clearInterval(timer) : hasty()), 30);
            }).observe(document.getElementById('app'), {childList: true, subtree: true, attributes: true})").await;
        page.play_until(".event, .ending").await;
        assert!(page.has(".event").await, "seed 3 has a question before its end");
        assert!(page.js("return window.tries").await.as_u64().is_some_and(|tries| tries > 0));
        assert_eq!(
            page.js("return Number(window.at)").await,
            page.revision().await,
            "the question was answered unread"
        );
        assert!(
            page.js("return performance.now() - window.opened").await.as_f64().is_some_and(|passed| passed >= 390.0)
        );
        // Then it is answered as ever, and what came of it is shown.
        page.act("[data-action=choose]").await;
        page.gone(".event").await;
        page.close().await;
    });
}

#[test]
fn a_number_that_has_just_become_something_else_does_nothing() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        // The numbers are dealt anew while a hand is on its way.
        let pressed = page
            .js_async(
                "import('./js/parts.js').then(({hot, press}) => {
            const done2 = []; hot.list = [() => done2.push('old')]; hot.known = ['old']; hot.since = [0];
            press(0); hot.since = [performance.now()]; press(0); done(done2) })",
            )
            .await;
        assert_eq!(pressed, serde_json::json!(["old"]));
        page.close().await;
    });
}
