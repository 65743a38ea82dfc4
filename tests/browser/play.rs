//! Playing: from the start page to the end, through a fight and a reload, and what a stranger can do without help.

use crate::driver::{Page, run};
use crate::server::{Server, call};

#[test]
fn a_whole_game_from_the_start_page_to_its_end() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        // The first turns with the hand.
        page.act("[data-action=scan]").await;
        assert!(page.text(".ticker").await.contains("on the chart"));
        page.act(".side-panel .act[data-action=navigate]".trim_start_matches(".side-panel .act")).await;
        for _ in 0..20 {
            if page.has(".ending").await {
                break;
            }
            page.play_until(".ending, .event, .fight").await;
            if page.has(".event").await {
                page.act("[data-action=choose]").await;
            } else if page.has(".fight").await {
                page.act("[data-action=combat]").await;
            }
        }
        page.play_until(".ending").await;
        let state =
            call(&server.url, &page.token().await, "GET", &format!("/api/sessions/{}", page.session().await), None);
        assert_eq!(state["state"]["game_over"], true);
        assert!(page.text(".ending .facts").await.contains("Seed7"));
        // It is told among the past voyages, and a new one can begin.
        page.click(".ending .button:last-child").await;
        page.wait(".games.past .game-card").await;
        page.close().await;
    });
}

#[test]
fn a_reload_in_the_middle_of_a_fight_changes_nothing() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(3).await;
        page.play_until(".fight").await;
        page.act("[data-action=combat]").await;
        if !page.has(".fight").await {
            page.play_until(".fight").await;
        }
        let before = (page.text(".sides").await, page.revision().await);
        page.client.refresh().await.expect("a reload");
        page.settled().await;
        page.wait(".link-mark.live").await;
        assert_eq!((page.text(".sides").await, page.revision().await), before);
        // The rounds before are still to be read.
        page.wait(".exchange li").await;
        page.act("[data-action=combat]").await;
        page.close().await;
    });
}

#[test]
fn a_market_a_module_and_a_promise() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        page.view("market").await;
        page.click("tbody tr:nth-child(2) .goods-name").await;
        page.click(".deal .step:nth-of-type(2)").await;
        page.wait_text(".deal .act-name", "Buy 2").await;
        page.act("[data-action=buy_item]").await;
        assert_eq!(page.text("tr.open td:last-child").await, "2");
        page.view("ship").await;
        // What it would be is shown before anything is bought.
        let module = page.js("const el = [...document.querySelectorAll('.goods')].find((el) => el.textContent.includes('Cargo Bay')); el.id = 'bay'; el.scrollIntoView({block: 'center'}); el.querySelector('button').focus(); return true").await;
        assert_eq!(module, true);
        page.wait_text(".figures td.good", "100").await;
        page.click("#bay .act").await;
        page.wait(".sockets[data-slot=low] .socket.filled").await;
        page.settled().await;
        assert!(page.text(".figures").await.contains("Hold100"));
        // Dragged to the socket of its kind. Chromium's driver cannot drag, so its events are made here.
        let before = page.revision().await;
        page.js("const from = [...document.querySelectorAll('.goods')].find((el) => el.draggable && /Afterburner|Targeting|Shield Booster/.test(el.textContent));
            const to = document.querySelector('.sockets[data-slot=mid]'); const dataTransfer = new DataTransfer();
            if (!from) return 'none';
            from.dispatchEvent(new DragEvent('dragstart', {bubbles: true, dataTransfer}));
            to.dispatchEvent(new DragEvent('dragover', {bubbles: true, cancelable: true, dataTransfer}));
            to.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer})); return 'dragged'").await;
        let dragged = page.has(".goods [data-action=buy_mod]:not([aria-disabled])").await;
        if dragged {
            page.until(
                "the next turn",
                &format!("return Number(document.querySelector('.game').dataset.revision) >= {before}"),
            )
            .await;
        }
        page.close().await;
    });
}

#[test]
fn a_stranger_is_told_what_to_do() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(11).await;
        for turn in 0..10 {
            if page.has(".ending").await {
                break;
            }
            if !page.has(".event").await && !page.has(".fight").await {
                assert!(page.text(".now").await.len() > 20, "turn {turn} has a hint");
            }
            // Whatever cannot be done says why.
            let mute = page.js("return [...document.querySelectorAll('.act.refused')].filter((el) => el.querySelector('.act-note').textContent.length < 5).map((el) => el.textContent)").await;
            assert_eq!(mute, serde_json::json!([]), "turn {turn}");
            let action = if page.has(".event").await {
                "[data-action=choose]"
            } else if page.has(".fight").await {
                "[data-action=combat]"
            } else if turn == 0 {
                "[data-action=scan]"
            } else {
                "[data-action=navigate]"
            };
            page.act(action).await;
        }
        page.close().await;
    });
}
