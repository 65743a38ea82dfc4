//! What the page does not do: it makes no sound before it is asked to, and no work while nobody looks.

use std::time::Duration;

use serde_json::json;

use crate::driver::{Page, run};
use crate::server::{Server, call};

/// Counts what a page asks the server for and how often it draws.
const COUNTED: &str = "
    {
        window.asked = 0; window.drawn = 0;
        const fetch = window.fetch, frame = window.requestAnimationFrame;
        window.fetch = (...all) => { window.asked += 1; return fetch(...all) };
        window.requestAnimationFrame = (draw) => frame((at) => { window.drawn += 1; draw(at) });
    }";

/// Counts what is made to sound.
const HEARD: &str = "
    window.contexts = []; window.tones = 0;
    window.AudioContext = class extends window.AudioContext {
        constructor(...all) { super(...all); window.contexts.push(this) }
        createOscillator() { window.tones += 1; return super.createOscillator() }
    };";

/// The window is put away.
async fn hide(page: &Page) {
    window(page, "minimized").await;
    page.until("it is hidden", "return document.hidden").await;
}

async fn show(page: &Page) {
    window(page, "normal").await;
    page.until("it is seen", "return !document.hidden").await;
}

async fn window(page: &Page, state: &str) {
    let window = page.devtools("Browser.getWindowForTarget", json!({})).await;
    let bounds = json!({"windowId": window["windowId"], "bounds": {"windowState": state}});
    page.devtools("Browser.setWindowBounds", bounds).await;
}

#[test]
fn a_hidden_tab_does_no_work() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": COUNTED})).await;
        page.begin(7).await;
        let path = format!("/api/sessions/{}/actions", page.session().await);
        let token = page.token().await;
        let act = || call(&server.url, &token, "POST", &path, Some(&json!({"type": "wait"})));
        // The counters count: a turn of another device is drawn, and what can be done now is asked for.
        page.js("window.asked = window.drawn = 0").await;
        act();
        page.until("the turn", "return document.querySelector('.game[data-settled]')?.dataset.revision === '1'").await;
        page.until("both", "return window.asked >= 2 && window.drawn >= 1").await;
        hide(&page).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        page.js("window.asked = window.drawn = 0").await;
        act();
        act();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(page.js("return [window.asked, window.drawn]").await, json!([0, 0]));
        show(&page).await;
        page.until("both turns", "return document.querySelector('.game[data-settled]')?.dataset.revision === '3'")
            .await;
        page.close().await;
    });
}

#[test]
fn a_hidden_tab_without_a_stream_does_not_ask() {
    run(async {
        let server = Server::start();
        let mut page = Page::open(&server.url).await;
        page.expected.extend(["ERR_BLOCKED_BY_CLIENT"]);
        page.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": format!("delete window.WebSocket;{COUNTED}")}),
        )
        .await;
        page.devtools("Network.enable", json!({})).await;
        page.devtools("Network.setBlockedURLs", json!({"urls": ["*/events*"]})).await;
        page.begin(7).await;
        page.wait(".link-mark[data-via=polling].live").await;
        page.js("window.asked = 0").await;
        page.until("it asks every few seconds", "return window.asked >= 2").await;
        hide(&page).await;
        // An answer may be under way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        page.js("window.asked = 0").await;
        // It asks every four seconds: two of them.
        tokio::time::sleep(Duration::from_millis(8500)).await;
        assert_eq!(page.js("return window.asked").await, 0);
        // Who comes back to look is told at once, by whatever gets through now.
        page.devtools("Network.setBlockedURLs", json!({"urls": []})).await;
        show(&page).await;
        page.wait(".link-mark[data-via=stream].live").await;
        page.close().await;
    });
}

#[test]
fn it_is_silent_until_asked() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": HEARD})).await;
        page.begin(7).await;
        page.act("[data-action=scan]").await;
        assert_eq!(page.js("return [window.contexts.length, window.tones]").await, json!([0, 0]));
        page.click(".bar button[aria-label=Menu]").await;
        page.click_text("dialog .button", "Settings").await;
        page.wait("dialog input[name=sound]").await;
        page.js("document.querySelectorAll('dialog input[name=sound]')[1].click()").await;
        page.until("a tone", "return window.contexts.length === 1 && window.tones > 0").await;
        page.keys(&['\u{e00c}']).await;
        page.gone("dialog").await;
        // Kept, and one context for all tones.
        page.client.refresh().await.expect("a reload");
        page.wait(".link-mark.live").await;
        page.js("window.tones = 0").await;
        page.act("[data-action=wait]").await;
        page.act("[data-action=wait]").await;
        page.until("tones", "return window.contexts.length === 1 && window.tones >= 2").await;
        hide(&page).await;
        page.until("silence", "return window.contexts[0].state === 'suspended'").await;
        page.close().await;
    });
}
