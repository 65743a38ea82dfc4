//! What the page says: by which name a view goes, what a stranger is told, how far work is, and which turn it was.

use serde_json::json;

use crate::driver::{Page, run};
use crate::server::{Server, call};

/// Until the page has a title that no other view had.
async fn own_title(page: &Page, view: &str, titles: &mut Vec<String>) {
    page.until(
        &format!("a title of its own for {view}"),
        &format!("return !{}.includes(document.title)", json!(titles)),
    )
    .await;
    titles.push(page.client.title().await.expect("a title"));
}

#[test]
fn every_view_has_a_title_of_its_own_and_unknown_ones_say_so() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        let mut titles = vec![String::new()];
        for (path, css) in [
            ("/", ".start-ways"),
            ("/#/new", ".new-game"),
            ("/#/new/daily", ".new-game"),
            ("/#/board", ".filters"),
            ("/#/saves", ".slots"),
        ] {
            page.go(path).await;
            page.wait(css).await;
            own_title(&page, path, &mut titles).await;
        }
        for path in [
            "/#/nowhere",
            // A word that every object of scripts knows.
            "/#/constructor",
            "/#/new/other",
            "/#/board/x",
            "/#/play",
            "/#/play/",
            "/#/play/x/y/z",
            "/#/play/01a1fe70-9971-77f1-aa1c-5f5c4bb3a07d/cargo",
        ] {
            page.go(path).await;
            page.wait_text("main", "Nothing lies here").await;
        }
        page.begin(7).await;
        for view in ["here", "map", "ship", "market", "quests", "log", "deeds"] {
            page.view(view).await;
            own_title(&page, view, &mut titles).await;
        }
        page.close().await;
    });
}

#[test]
fn a_stranger_reads_no_words_for_programs() {
    run(async {
        let server = Server::start();
        let owner = Page::open(&server.url).await;
        owner.begin(7).await;
        let session = owner.session().await;
        let mut stranger = Page::open(&server.url).await;
        stranger.expected.extend(["status of 401", "status of 404", "WebSocket connection to"]);
        for address in [
            format!("/#/play/{session}"),
            format!("/#watch=nonsense&game={session}"),
            "/#watch=&game=".to_owned(),
            "/#/play/no-such-game".to_owned(),
        ] {
            stranger.go("/").await;
            stranger.wait(".start-ways").await;
            stranger.go(&address).await;
            stranger.until("an answer", "return document.querySelector('main.loading h1') !== null && !/Waking/.test(document.querySelector('main.loading h1').textContent)").await;
            let text = stranger.text("#app").await;
            for bad in ["Authorization", "Bearer", "POST", "GET ", "/api", "token", "JSON"] {
                assert!(!text.contains(bad), "{address}: {text}");
            }
            let wanted = match address.split_once('=').map(|(_, rest)| rest.split('&').next()) {
                Some(Some("nonsense")) => "This link is no longer good",
                Some(_) => "Nothing lies here",
                None => "",
            };
            assert!(text.contains(wanted), "{address}: {text}");
        }
        stranger.close().await;
        owner.close().await;
    });
}

#[test]
fn work_says_how_far_it_is() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        for kind in ["delivery", "bounty", "exploration", "rescue"] {
            // A game whose first dock has such work. Coming back makes tokens old.
            let token = page.token().await;
            let session = (1..200).find_map(|seed| {
                let begun = call(&server.url, &token, "POST", "/api/sessions", Some(&json!({"seed": seed})));
                let path = format!("/api/sessions/{}", begun["session_id"].as_str().expect("an id"));
                let offered = begun["state"]["offered_quests"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .find(|quest| quest["kind"] == kind);
                let Some(quest) = offered else {
                    call(&server.url, &token, "DELETE", &path, None);
                    return None;
                };
                let accept = json!({"type": "accept_quest", "quest": quest["id"]});
                call(&server.url, &token, "POST", &format!("{path}/actions"), Some(&accept));
                Some(begun["session_id"].as_str().expect("an id").to_owned())
            });
            let session = session.unwrap_or_else(|| panic!("no {kind} at any first dock"));
            page.go(&format!("/#/play/{session}/quests")).await;
            page.wait(".quest .row").await;
            page.settled().await;
            let quest = page.text(".quest").await;
            assert!(!quest.contains("done"), "{kind}: {quest}");
            assert!(!quest.contains("There is still something"), "{kind}: {quest}");
            assert!(!page.has(".quest.done").await, "{kind}");
            let wanted = match kind {
                "delivery" => "aboard, for",
                "bounty" => "Destroy the",
                "exploration" => "Scan ",
                _ => "Fetch them at",
            };
            assert!(quest.contains(wanted), "{kind}: {quest}");
            call(&server.url, &page.token().await, "DELETE", &format!("/api/sessions/{session}"), None);
            page.go("/#/").await;
            page.wait(".start-ways").await;
        }
        page.close().await;
    });
}

#[test]
fn the_log_tells_turns_and_the_board_its_day() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        for _ in 0..2 {
            page.act("[data-action=wait]").await;
        }
        page.view("log").await;
        let turns =
            page.js("return [...document.querySelectorAll('.log-line time')].map((el) => el.textContent)").await;
        assert_eq!(turns, json!(["Turn 2", "Turn 1"]));
        page.go("/#/board").await;
        page.wait(".panel-note").await;
        let today = call(&server.url, &page.token().await, "GET", "/api/leaderboard", None)["date"].clone();
        page.until("the day", &format!("return document.querySelector('input[type=date]').value === {today}")).await;
        page.close().await;
    });
}

#[test]
fn a_name_from_right_to_left_does_not_reorder_what_stands_beside_it() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        let name = "\u{645}\u{631}\u{62d}\u{628}\u{627} 12";
        page.click(".bar button[aria-label=Menu]").await;
        page.click_text("dialog .button", "Rename").await;
        page.wait("dialog input[name=name]").await;
        page.js(&format!("document.querySelector('dialog input[name=name]').value = {}", json!(name))).await;
        page.click(".naming button[type=submit]").await;
        page.gone("dialog").await;
        page.click(".bar button[aria-label=Menu]").await;
        page.wait("dialog h2 bdi").await;
        assert_eq!(page.text("dialog h2 bdi").await, name);
        page.until("the title", "return document.title.includes('\\u2068')").await;
        page.close().await;
    });
}

#[test]
fn what_is_printed_is_one_view_and_all_of_it() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        for _ in 0..25 {
            if page.has(".event").await {
                page.act("[data-action=choose]").await;
            }
            page.act("[data-action=wait]").await;
        }
        page.devtools("Emulation.setEmulatedMedia", json!({"media": "print"})).await;
        page.size((794, 1123)).await;
        for view in ["log", "ship", "market", "map", "deeds"] {
            page.view(view).await;
            let seen = page.js("const seen = (css) => [...document.querySelectorAll(css)].some((el) => el.getClientRects().length > 0);
                const stage = document.querySelector('.stage'); const bar = document.querySelector('.bar').getBoundingClientRect();
                return {panel: seen('.side-panel, .ticker, .tabs, .map-tools, .toasts'), whole: stage.scrollHeight <= stage.clientHeight + 1, below: stage.getBoundingClientRect().top >= bar.bottom - 1,
                  light: getComputedStyle(document.body).backgroundColor}").await;
            assert_eq!(
                seen,
                json!({"panel": false, "whole": true, "below": true, "light": "rgb(255, 255, 255)"}),
                "{view}"
            );
        }
        page.close().await;
    });
}
