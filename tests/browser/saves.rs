//! Saves: slots, files out, files in, and on another machine.

use fantoccini::Locator;

use crate::driver::{Page, run};
use crate::server::Server;

#[test]
fn a_save_goes_out_as_a_file_and_comes_in_elsewhere() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        page.act("[data-action=scan]").await;
        page.act("[data-action=wait]").await;
        page.click(".bar button[aria-label=Menu]").await;
        page.click_text("dialog .button", "Saves").await;
        page.click("button[aria-label='Save here, slot 1']").await;
        page.wait("button[aria-label='Export slot 1 as a file']").await;
        page.click("button[aria-label='Export slot 1 as a file']").await;
        let mut file = None;
        for _ in 0..200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let found = std::fs::read_dir(page.downloads.path()).expect("a folder").filter_map(Result::ok);
            file = found.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "json"));
            if file.is_some() {
                break;
            }
        }
        let file = file.expect("a file");
        // On, and back to the save.
        page.keys(&['\u{e00c}']).await;
        page.gone("dialog").await;
        page.act("[data-action=wait]").await;
        page.click(".bar button[aria-label=Menu]").await;
        page.click_text("dialog .button", "Saves").await;
        page.click("button[aria-label='Load slot 1']").await;
        page.click_text("dialog .button", "Load it").await;
        page.gone("dialog").await;
        page.until("the save's turn", "return document.querySelector('.meters').textContent.includes('Turn2/120')")
            .await;
        page.view("log").await;
        page.wait_text(".log-lines", "Loaded save 1").await;

        let other = Server::start();
        let mut guest = Page::open(&other.url).await;
        guest.expected.push("status of 422");
        guest.go("/#/saves").await;
        guest.wait(".slot-list").await;
        let field =
            guest.client.find(Locator::Css("input[aria-label='Import a file into slot 2']")).await.expect("a field");
        // A file that somebody has changed is refused, with what is wrong.
        let forged = guest.downloads.path().join("forged.json");
        let text = std::fs::read_to_string(&file).expect("text").replacen("\"wealth\":500", "\"wealth\":900", 1);
        std::fs::write(&forged, text).expect("a file");
        field.send_keys(forged.to_str().expect("a path")).await.expect("a file");
        guest.wait(".toast.danger").await;
        let field =
            guest.client.find(Locator::Css("input[aria-label='Import a file into slot 2']")).await.expect("a field");
        field.send_keys(file.to_str().expect("a path")).await.expect("a file");
        guest.wait("button[aria-label='Load slot 2']").await;
        guest.click("button[aria-label='Load slot 2']").await;
        guest.click_text("dialog .button", "Load it").await;
        guest.settled().await;
        guest
            .until("the save's turn", "return document.querySelector('.meters').textContent.includes('Turn2/120')")
            .await;
        guest.act("[data-action=wait]").await;
        guest.close().await;
        page.close().await;
    });
}
