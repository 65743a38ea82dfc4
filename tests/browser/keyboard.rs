//! All of it with keys alone.

use crate::driver::{Page, run};
use crate::server::Server;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
const ARROWS: [char; 4] = ['\u{e012}', '\u{e013}', '\u{e014}', '\u{e015}'];

/// Tabs until something has the focus.
async fn tab_to(page: &Page, css: &str) {
    for _ in 0..80 {
        if page.js(&format!("return document.activeElement.matches({})", serde_json::json!(css))).await == true {
            // And it can be seen that it has it.
            let seen = "const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 \
                || document.activeElement.closest('label') !== null || document.activeElement.closest('svg') !== null";
            assert_eq!(page.js(seen).await, true, "{css} shows its focus");
            return;
        }
        page.keys(&[TAB]).await;
    }
    panic!("no way to {css} with the tab key");
}

#[test]
fn a_game_without_a_mouse() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.go("/").await;
        page.wait(".start-ways").await;
        tab_to(&page, "a.way[href='#/new']").await;
        page.keys(&[ENTER]).await;
        page.wait(".new-game").await;
        tab_to(&page, ".new-game summary").await;
        page.keys(&[ENTER]).await;
        tab_to(&page, "input[name=seed]").await;
        page.keys(&['7', ENTER]).await;
        page.settled().await;
        page.wait(".link-mark.live").await;

        // A number does what has that number; what had the focus keeps it, or what is around it.
        page.keys(&['1']).await;
        page.until("the scan", "return document.querySelector('.game').dataset.revision === '1'").await;
        page.settled().await;
        // Letters for views.
        for (key, view) in [('s', "ship"), ('t', "market"), ('q', "quests"), ('l', "log"), ('a', "deeds"), ('m', "map")]
        {
            page.keys(&[key]).await;
            page.until(view, &format!("return document.querySelector('.game').dataset.tab === '{view}'")).await;
        }
        page.keys(&['?']).await;
        page.wait("dialog[open]").await;
        page.keys(&[ESCAPE]).await;
        page.gone("dialog").await;
        // A dialog gives the focus back to what opened it, also by way of another one.
        tab_to(&page, ".bar button[aria-label=Menu]").await;
        page.keys(&[ENTER]).await;
        page.wait("dialog .menu").await;
        tab_to(&page, "dialog .menu .button").await;
        page.keys(&[ENTER]).await;
        page.gone("dialog .menu").await;
        page.wait("dialog[open]").await;
        page.keys(&[ESCAPE]).await;
        page.gone("dialog").await;
        page.until("the focus", "return document.activeElement.matches('button[aria-label=Menu]')").await;
        page.js("document.activeElement.blur()").await;
        // Arrows on the map, Enter travels.
        let mut travelled = false;
        'walk: for _ in 0..4 {
            for arrow in ARROWS {
                page.keys(&[arrow]).await;
                tokio::time::sleep(std::time::Duration::from_millis(80)).await;
                if page.has(".spot.picked.live:not(.region-name)").await {
                    page.until("the focus", "return document.activeElement.matches('.spot.picked')").await;
                    page.keys(&[ENTER]).await;
                    travelled = true;
                    break 'walk;
                }
            }
        }
        assert!(travelled, "arrows reach a place to travel to");
        page.until("the journey", "return document.querySelector('.game').dataset.revision === '2'").await;
        page.settled().await;
        // With Tab to an action, and Enter.
        let action = if page.has(".event").await {
            "[data-action=choose]"
        } else if page.has(".fight").await {
            "[data-action=combat]"
        } else {
            "[data-action=scan]"
        };
        tab_to(&page, &format!(".side-panel .act{action}")).await;
        page.keys(&[ENTER]).await;
        page.until("the turn", "return document.querySelector('.game').dataset.revision === '3'").await;
        page.settled().await;
        // The focus is not lost with what had it.
        assert_eq!(page.js("return document.activeElement !== document.body").await, true);
        page.close().await;
    });
}
