//! Who somebody is, where other programs have a say too: other servers of the host, proxies that ask for passwords, cookies of others.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::server::{Client, Reply, Server, start, start_in};
use crate::voyage::RUNTIME;

/// A server over a folder with keys of its own, as every server outside of tests has.
fn another() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = json!({"version": 3, "current": "aa".repeat(32), "challenge": "bb".repeat(32)});
    std::fs::write(folder.path().join("keys.json"), keys.to_string()).expect("keys");
    let server = start_in(folder.path(), Default::default(), crate::server::unlimited());
    (folder, server)
}

/// A browser: one jar for every port of a host.
#[derive(Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    fn send(&mut self, server: &Server, method: &str, path: &str) -> Reply {
        let jar: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let jar = jar.join("; ");
        let headers: &[(&str, &str)] = if jar.is_empty() { &[] } else { &[("cookie", jar.as_str())] };
        let reply = server.client().send(method, path, headers, None);
        for set in reply.headers.get_all("set-cookie") {
            let set = set.to_str().expect("ASCII");
            let (name, value) = set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            self.0.retain(|(each, _)| each != name);
            if !set.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
        reply
    }

    fn games(&mut self, server: &Server) -> Result<usize, String> {
        let reply = self.send(server, "GET", "/api/sessions");
        if reply.status == 200 {
            Ok(reply.json()["sessions"].as_array().map_or(0, Vec::len))
        } else {
            Err(reply.code())
        }
    }
}

#[test]
fn two_servers_of_a_host_do_not_take_each_others_players() {
    if crate::cluster::not_on_files() {
        return;
    }
    let ((_a, here), (_b, there)) = (start(), another());
    assert_ne!(here.cookie(""), there.cookie(""));
    let mut browser = Browser::default();
    assert_eq!(browser.send(&here, "POST", "/api/sessions").status, 201);
    assert_eq!(browser.games(&there), Err("TOKEN_REQUIRED".to_owned()), "a stranger there");
    let reply = browser.send(&there, "POST", "/api/logout");
    assert_eq!((reply.code().as_str(), reply.header("set-cookie")), ("TOKEN_REQUIRED", ""));
    assert_eq!(browser.send(&there, "POST", "/api/sessions").status, 201);
    assert_eq!((browser.games(&here), browser.games(&there)), (Ok(1), Ok(1)));
    assert_eq!(browser.send(&there, "POST", "/api/logout").status, 204);
    assert_eq!((browser.games(&here), browser.games(&there).is_err()), (Ok(1), true));
}

#[test]
fn the_cookie_keeps_its_name_over_restarts_and_changes_of_the_key() {
    let (folder, server) = start();
    let mut browser = Browser::default();
    browser.send(&server, "POST", "/api/sessions");
    let name = server.cookie("");
    assert!(name.len() == "cosmic_01234567=".len() && browser.0[0].0 == name.trim_end_matches('='), "{name}");
    server.stop();
    let store = crate::server::open(folder.path(), Default::default()).store;
    RUNTIME.block_on(store.rotate_key(|| [9; 32])).expect("a new key");
    drop(store);
    let server = start_in(folder.path(), Default::default(), Default::default());
    assert_eq!((server.cookie(""), browser.games(&server)), (name, Ok(1)));
}

#[test]
fn the_cookie_of_before_is_read_where_it_is_good_and_never_taken_from_others() {
    if crate::cluster::not_on_files() {
        return;
    }
    let ((_a, here), (_b, there)) = (start(), another());
    let client = here.player(1);
    let token = client.token.expect("a token");
    let mut browser = Browser(vec![("cosmic".to_owned(), token.clone())]);
    // To another server it is no cookie at all.
    assert_eq!(browser.games(&there), Err("TOKEN_REQUIRED".to_owned()));
    let reply = browser.send(&there, "POST", "/api/logout");
    assert_eq!((reply.code().as_str(), reply.header("set-cookie")), ("TOKEN_REQUIRED", ""));
    assert_eq!(browser.send(&there, "POST", "/api/sessions").status, 201);
    assert_eq!(browser.send(&there, "POST", "/api/logout").status, 204);
    assert_eq!(browser.0, [("cosmic".to_owned(), token.clone())]);
    // Its own server reads it, and gives its own in place of it.
    assert_eq!(browser.games(&here), Ok(1));
    assert_eq!(browser.0.len(), 2);
    assert_eq!(browser.send(&here, "POST", "/api/logout").status, 204);
    assert_eq!(browser.0, []);
    // What is no good any more may be another server's.
    let mut browser = Browser(vec![("cosmic".to_owned(), token)]);
    assert_eq!(browser.send(&here, "POST", "/api/sessions").status, 201);
    assert_eq!((browser.games(&here), browser.0.len()), (Ok(1), 2));
}

/// The status and code of a request with these lines in its head.
fn raw(server: &Server, method: &str, lines: &[&[u8]]) -> (String, String) {
    let address = server.url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let mut head = format!("{method} /api/sessions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n").into_bytes();
    if method == "POST" {
        head.extend(b"content-length: 0\r\n");
    }
    for line in lines {
        head.extend_from_slice(line);
        head.extend(b"\r\n");
    }
    head.extend(b"\r\n");
    stream.write_all(&head).expect("it is sent");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a timeout");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let code = answer.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    (status, code.to_owned())
}

fn line(name: &str, value: &str) -> Vec<u8> {
    format!("{name}: {value}").into_bytes()
}

fn tokens(server: &Server) -> [String; 2] {
    [1, 2].map(|seed| {
        let client: Client = server.player(seed);
        client.token.expect("a token")
    })
}

#[test]
fn other_schemes_of_authorization_do_not_count() {
    let (_folder, server) = start();
    let [token, _] = tokens(&server);
    let (cookie, bearer) = (line("cookie", &server.cookie(&token)), line("authorization", &format!("Bearer {token}")));
    for other in
        ["Basic bWU6c2VjcmV0", "basic x", "Digest username=\"me\", realm=\"a\"", "Negotiate", "", "Bearer2 x", "\u{ff}"]
    {
        let other = line("authorization", other);
        assert_eq!(raw(&server, "GET", &[&other, &cookie]).0, "200", "{other:?}");
        assert_eq!(raw(&server, "GET", &[&other, &bearer]).0, "200", "{other:?}");
        assert_eq!(raw(&server, "GET", &[&bearer, &other]).0, "200", "{other:?}");
        assert_eq!(raw(&server, "GET", &[&other]), ("401".into(), "TOKEN_REQUIRED".into()), "{other:?}");
    }
    for odd in
        ["bearer {}", "BEARER   {}", "Bearer\t{}", "  Bearer {}  ", "Basic bWU6c2VjcmV0, Bearer {}", "Bearer: {}"]
    {
        let odd = line("authorization", &odd.replace("{}", &token));
        assert_eq!(raw(&server, "GET", &[&odd]).0, "200", "{odd:?}");
    }
    for bad in ["Bearer", "Bearer x", "Bearer \u{ff}", &format!("Bearer x{token}"), &format!("Bearer {token} {token}")]
    {
        let bad = line("authorization", bad);
        for method in ["GET", "POST"] {
            assert_eq!(raw(&server, method, &[&bad]), ("401".into(), "TOKEN_INVALID".into()), "{bad:?}");
            assert_eq!(raw(&server, method, &[&bad, &cookie]), ("401".into(), "TOKEN_INVALID".into()), "{bad:?}");
        }
        assert_eq!(raw(&server, "GET", &[&bad, &bearer]).0, "200", "one that is good is there");
    }
}

#[test]
fn one_bad_cookie_does_not_hide_a_good_one() {
    let (_folder, server) = start();
    let [token, _] = tokens(&server);
    let good = server.cookie(&token);
    let bad = server.cookie("x");
    for cookies in [
        &[&format!("{good}; {bad}")[..]][..],
        &[&format!("{bad}; {good}")],
        &[&bad, &good],
        &[&good, &bad],
        &["", &good],
        &["a; =; ;; b==c", &good],
        &[&format!("a=\"x; y\";{good}")],
        &[&format!("cosmic=x; cosmic_00000000=y;{good}")],
        &[&server.cookie(&format!("\"{token}\""))],
    ] {
        let lines: Vec<_> = cookies.iter().map(|cookie| line("cookie", cookie)).collect();
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        assert_eq!(raw(&server, "GET", &lines).0, "200", "{cookies:?}");
    }
    for mut head in [b"cookie: n=\xff; ".to_vec(), b"cookie: \xff\xfe=1; ".to_vec()] {
        head.extend(good.as_bytes());
        assert_eq!(raw(&server, "GET", &[&head]).0, "200");
        assert_eq!(raw(&server, "GET", &[b"cookie: n=\xff", &line("cookie", &good)]).0, "200");
    }
    for method in ["GET", "POST"] {
        assert_eq!(raw(&server, method, &[&line("cookie", &bad)]), ("401".into(), "TOKEN_INVALID".into()));
        let mut damaged = line("cookie", &good);
        damaged.push(0xff);
        assert_eq!(raw(&server, method, &[&damaged]), ("401".into(), "TOKEN_INVALID".into()), "never a new player");
    }
    assert_eq!(raw(&server, "POST", &[b"cookie: n=\xff"]).0, "201");
}
