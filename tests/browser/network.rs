//! What happens when the server, the network, or another tab get in the way: nothing is lost, and it is said.

use serde_json::json;

use crate::driver::{GONE, Page, run};
use crate::server::{Server, call};

#[test]
fn a_killed_server_comes_back_and_the_action_under_way_counts_once() {
    run(async {
        let mut server = Server::start();
        let mut page = Page::open(&server.url).await;
        page.expected.extend(GONE);
        page.begin(7).await;
        page.act("[data-action=scan]").await;
        let before = page.revision().await;
        server.kill();
        page.wait(".link-mark[data-status=offline], .link-mark[data-status=connecting]").await;
        page.wait(".banner.offline").await;
        assert!(page.text(".banner").await.contains("Nothing is lost"));
        // An action in the meantime waits, and is sent again under its key.
        page.click(".act[data-action=wait]").await;
        page.until("it is being sent", "return document.querySelector('.act.busy') !== null").await;
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        server.begin();
        page.wait(".link-mark.live").await;
        page.until("the turn", &format!("const game = document.querySelector('.game'); return game.dataset.settled === 'yes' && Number(game.dataset.revision) === {}", before + 1)).await;
        page.gone(".banner").await;
        let token = page.token().await;
        let turns = call(&server.url, &token, "GET", &format!("/api/sessions/{}/turns", page.session().await), None);
        assert_eq!(turns["turns"].as_array().expect("turns").len() as u64, before + 1, "once");
        page.close().await;
    });
}

#[test]
fn a_network_that_goes_and_comes_leaves_no_gap() {
    run(async {
        let server = Server::start();
        let mut page = Page::open(&server.url).await;
        page.expected.extend(["ERR_INTERNET_DISCONNECTED", "WebSocket connection to"]);
        page.begin(7).await;
        page.act("[data-action=scan]").await;
        let (token, session) = (page.token().await, page.session().await);
        page.cut(true).await;
        page.wait(".link-mark[data-status=offline]").await;
        page.wait(".banner.offline").await;
        // The player's telephone plays on.
        for _ in 0..3 {
            call(
                &server.url,
                &token,
                "POST",
                &format!("/api/sessions/{session}/actions"),
                Some(&json!({"type": "wait"})),
            );
        }
        page.cut(false).await;
        page.wait(".link-mark.live").await;
        page.until("all of it", "return document.querySelector('.game').dataset.revision === '4'").await;
        page.view("log").await;
        page.until(
            "every line",
            "return [...document.querySelectorAll('.log-line')].map((el) => el.value).join() === '4,3,2,1'",
        )
        .await;
        page.close().await;
    });
}

#[test]
fn a_second_tab_takes_over_and_gives_back() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        let first = page.client.window().await.expect("a tab");
        let second = page.client.new_window(true).await.expect("a tab").handle;
        let session = page.session().await;
        page.client.switch_to_window(second.clone()).await.expect("the second");
        page.go(&format!("/#/play/{session}")).await;
        page.wait(".link-mark.live").await;
        page.act("[data-action=scan]").await;
        page.client.switch_to_window(first.clone()).await.expect("the first");
        page.wait(".banner.replaced").await;
        // It stands still, and does not come back by itself.
        assert_eq!(page.js("return document.querySelector('.link-mark').dataset.status").await, "replaced");
        page.click(".banner.replaced .button").await;
        page.wait(".link-mark.live").await;
        page.until("what the other tab did", "return document.querySelector('.game').dataset.revision === '1'").await;
        page.act("[data-action=wait]").await;
        page.client.switch_to_window(second).await.expect("the second");
        page.wait(".banner.replaced").await;
        page.close().await;
    });
}

#[test]
fn somebody_watches_by_link() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        page.click(".bar button[aria-label=Menu]").await;
        page.click_text("dialog .button", "Let others watch").await;
        page.wait("dialog input[readonly]").await;
        let link = page.js("return document.querySelector('dialog input[readonly]').value").await;
        let link = link.as_str().expect("a link").to_owned();
        // A browser that has games of its own, too: its cookie must not count.
        let guest = Page::open(&server.url).await;
        guest.begin(8).await;
        guest.client.goto(&link).await.expect("the link");
        guest.client.refresh().await.expect("the page anew");
        guest.wait(".banner.watching").await;
        guest.wait(".link-mark[data-via=stream]").await;
        assert!(!guest.has(".act[data-action=scan]").await);
        page.keys(&['\u{e00c}']).await;
        page.act("[data-action=scan]").await;
        guest.wait_text(".last", "on the chart").await;
        assert!(!guest.js("return location.search").await.to_string().contains("watch"));
        guest.close().await;
        page.close().await;
    });
}

#[test]
fn without_sockets_it_streams_and_without_streams_it_asks() {
    run(async {
        let server = Server::start();
        let mut page = Page::open(&server.url).await;
        page.expected.extend(["ERR_BLOCKED_BY_CLIENT", "WebSocket connection to"]);
        page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": "delete window.WebSocket"})).await;
        page.begin(7).await;
        assert_eq!(page.js("return document.querySelector('.link-mark').dataset.via").await, "stream");
        let (token, session) = (page.token().await, page.session().await);
        let act = |turn: &'static str| {
            call(&server.url, &token, "POST", &format!("/api/sessions/{session}/actions"), Some(&json!({"type": turn})))
        };
        act("scan");
        page.until("the turn", "return document.querySelector('.game').dataset.revision === '1'").await;
        page.devtools("Network.enable", json!({})).await;
        page.devtools("Network.setBlockedURLs", json!({"urls": ["*/events*"]})).await;
        page.client.refresh().await.expect("a reload");
        page.wait(".link-mark[data-via=polling].live").await;
        act("wait");
        page.until("the turn", "return document.querySelector('.game').dataset.revision === '2'").await;
        page.act("[data-action=wait]").await;
        page.close().await;
    });
}

#[test]
fn what_is_gone_or_foreign_says_so() {
    run(async {
        let server = Server::start();
        let mut page = Page::open(&server.url).await;
        page.expected.extend(["status of 404", "status of 410", "WebSocket connection to"]);
        page.begin(7).await;
        let (token, session) = (page.token().await, page.session().await);
        call(&server.url, &token, "DELETE", &format!("/api/sessions/{session}"), None);
        page.wait_text(".loading", "gone for good").await;
        page.client.refresh().await.expect("a reload");
        page.wait_text(".loading", "gone for good").await;
        page.go("/#/play/01a1fe70-9971-77f1-aa1c-5f5c4bb3a07d").await;
        page.wait_text(".loading", "No such game").await;
        page.close().await;
    });
}
