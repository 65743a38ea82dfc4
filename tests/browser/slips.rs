//! What a hand that slips must not do, and what it must be told.

use std::time::Duration;

use crate::driver::{NARROW, Page, run};
use crate::server::Server;

/// As long as it takes to be sure that nothing was sent.
async fn nothing_happens(page: &Page, revision: u64) {
    tokio::time::sleep(Duration::from_millis(600)).await;
    page.settled().await;
    assert_eq!(page.revision().await, revision);
}

#[test]
fn keys_do_only_what_can_be_seen() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        page.keys(&['1']).await;
        page.until("the scan", "return document.querySelector('.game').dataset.revision === '1'").await;
        page.settled().await;
        // A place is chosen, but Enter is for the button that has the focus.
        page.js("document.querySelector('.spot.live:not(.region-name)').dispatchEvent(new MouseEvent('click', {bubbles: true}))").await;
        page.wait(".map-card").await;
        page.js("document.querySelector('.map-tools button').focus()").await;
        page.keys(&['\u{e007}']).await;
        nothing_happens(&page, 1).await;
        // Elsewhere on narrow pages there are no numbers to be seen.
        page.size(NARROW).await;
        page.view("market").await;
        page.js("document.activeElement.blur()").await;
        page.keys(&['1']).await;
        nothing_happens(&page, 1).await;
        page.close().await;
    });
}

#[test]
fn a_dialog_says_itself_what_was_refused() {
    run(async {
        let server = Server::start();
        let mut page = Page::open(&server.url).await;
        page.expected.extend(["status of 422"]);
        page.begin(7).await;
        page.click(".bar button[aria-label=Menu]").await;
        page.click_text("dialog .button", "Rename").await;
        page.wait("dialog input[name=name]").await;
        page.js("document.querySelector('dialog input[name=name]').value = ' '").await;
        page.click(".naming button[type=submit]").await;
        page.wait("dialog[open] .toast.danger").await;
        page.close().await;
    });
}
