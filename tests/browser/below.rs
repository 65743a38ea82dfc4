//! The page below a path, behind a proxy that takes the path away: nothing is asked for outside of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::driver::{Page, run};
use crate::server::Server;

const PATH: &str = "/games/cosmic";

/// A proxy at a free port; and what was asked of it that does not begin with the path.
fn proxy(server: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}{PATH}", listener.local_addr().expect("an address"));
    let astray = Arc::new(Mutex::new(Vec::new()));
    let (target, wrong) = (server.trim_start_matches("http://").to_owned(), astray.clone());
    // It ends with the tests' process.
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (target, wrong) = (target.clone(), wrong.clone());
            std::thread::spawn(move || drop(pass(client, &target, &wrong)));
        }
    });
    (url, astray)
}

/// One request a connection, unless it becomes a socket.
fn pass(client: TcpStream, target: &str, astray: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let patience = Some(Duration::from_secs(60));
    client.set_read_timeout(patience)?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let Some(rest) = first.split_once(' ').and_then(|(method, rest)| Some((method, rest.strip_prefix(PATH)?))) else {
        if !first.is_empty() {
            astray.lock().expect("a list").push(first);
        }
        return (&client).write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let mut head = format!("{} {}", rest.0, rest.1);
    let mut upgrade = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        upgrade |= line.to_lowercase().starts_with("upgrade:");
        if line == "\r\n" || line.is_empty() {
            break;
        }
        if !line.to_lowercase().starts_with("connection:") {
            head += &line;
        }
    }
    head += if upgrade { "Connection: Upgrade\r\n\r\n" } else { "Connection: close\r\n\r\n" };
    let mut upstream = TcpStream::connect(target)?;
    upstream.set_read_timeout(patience)?;
    upstream.write_all(head.as_bytes())?;
    let mut up = upstream.try_clone()?;
    let forth = std::thread::spawn(move || {
        copy(&mut reader, &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    copy(&mut upstream, &mut (&client));
    let _ = client.shutdown(Shutdown::Both);
    let _ = forth.join();
    Ok(())
}

/// Byte for byte, until one side ends.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

#[test]
fn a_game_below_a_path_asks_for_nothing_outside_of_it() {
    run(async {
        let server = Server::start();
        let (url, astray) = proxy(&server.url);
        let mut page = Page::open(&url).await;
        page.begin(7).await;
        assert_eq!(page.js("return document.querySelector('.link-mark').dataset.via").await, "socket");
        page.act("[data-action=scan]").await;
        for view in ["map", "ship", "market", "quests", "log", "deeds", "here"] {
            page.view(view).await;
        }
        // The link for watchers is below the path too, and works there.
        page.click(".bar button[aria-label=Menu]").await;
        page.click_text("dialog .button", "Let others watch").await;
        page.wait("dialog input[readonly]").await;
        let link = page.js("return document.querySelector('dialog input[readonly]').value").await;
        let link = link.as_str().expect("a link").to_owned();
        assert!(link.starts_with(&format!("{url}/#watch=")), "{link}");
        page.keys(&['\u{e00c}']).await;
        page.gone("dialog").await;
        let guest = Page::open(&url).await;
        guest.client.goto(&link).await.expect("the page");
        guest.wait(".banner.watching").await;
        guest.wait(".link-mark.live").await;
        guest.close().await;
        // Whoever comes back finds the game again; and a save goes and comes.
        page.client.refresh().await.expect("a reload");
        page.settled().await;
        page.go("/#/").await;
        page.wait(".game-card").await;
        page.go("/#/board").await;
        page.wait("input[type=date]").await;
        page.go("/#/saves").await;
        page.wait(".slot-list").await;
        // The icon for the tab is the one thing that a browser asks for by itself.
        page.expected.push("favicon");
        let wrong: Vec<_> =
            astray.lock().expect("a list").iter().filter(|line| !line.contains("favicon")).cloned().collect();
        assert_eq!(wrong, Vec::<String>::new());
        page.close().await;
    });
}
