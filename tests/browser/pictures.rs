//! The pictures of the README: the map, and the fight that its five turns end in. With `COSMIC_PICTURES=1` they are written to
//! `docs/img`. Without it the same voyages are played to the same views, so that the pictures can always be made anew.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::driver::{Page, run};
use crate::server::{Server, call};

/// As wide as a README is shown, so that its letters can be read; high enough for the orders in a fight.
const MAP: (u32, u32) = (1200, 720);
const FIGHT: (u32, u32) = (1200, 860);
/// Of a hundred. A PNG of the same has five times as many bytes.
const QUALITY: u32 = 90;
/// Bytes of a picture at the most: whoever opens the README loads it.
const MAX_BYTES: usize = 120_000;
/// A voyage that after so many actions has just seen most of a region. Where the rules play it differently, choose another one.
const SEED: u64 = 42;
const ACTIONS: usize = 20;
/// Fuel below which a ship that explores fills its tank.
const LOW: i64 = 60;

/// A game that is played on the player's other device.
struct Voyage<'a> {
    url: &'a str,
    token: String,
    path: String,
}

impl<'a> Voyage<'a> {
    async fn begin(server: &'a Server, page: &Page, seed: u64) -> Self {
        page.begin(seed).await;
        let path = format!("/api/sessions/{}", page.session().await);
        Self { url: &server.url, token: page.token().await, path }
    }

    fn get(&self, what: &str) -> Value {
        call(self.url, &self.token, "GET", &format!("{}{what}", self.path), None)
    }

    fn act(&self, action: &Value) -> Value {
        let acted = call(self.url, &self.token, "POST", &format!("{}/actions", self.path), Some(action));
        assert_eq!(acted["state"]["game_over"], false, "the voyage ends by {action}");
        acted["state"].clone()
    }

    /// Answers, runs from foes, keeps the tank full, goes where nobody has been, and scans now and then.
    fn explore(&self, step: usize) {
        let (state, map, offers) = (self.get(""), self.get("/map"), self.get("/actions"));
        let regions = map["regions"].as_array().expect("regions").iter();
        let nodes = regions.flat_map(|region| region["nodes"].as_array().expect("nodes"));
        let visited: Vec<_> = nodes.filter(|node| node["visited"] == true).map(|node| &node["id"]).collect();
        let offers = offers["offered"].as_array().expect("offers");
        let of = |kind: &str| offers.iter().filter(|offer| offer["action"]["type"] == kind).collect::<Vec<_>>();
        let low = state["state"]["player_stats"]["fuel"].as_i64().expect("fuel") < LOW;
        let fresh = of("navigate").into_iter().find(|offer| !visited.contains(&&offer["action"]["node"]));
        let first = |kind: &str| of(kind).first().copied();
        let next = of("choose").last().copied().or(first("flee")).or(first("combat"));
        let next = next.or(first("refuel").filter(|_| low)).or(first("scan").filter(|_| step.is_multiple_of(4)));
        let next = next.or(fresh).or(first("jump")).or(first("navigate")).or(first("wait"));
        let next = next.unwrap_or_else(|| panic!("nothing to do: {offers:?}"));
        let mut action = next["action"].clone();
        if action["type"] == "refuel" {
            action["amount"] = next["max"].clone();
        }
        self.act(&action);
    }
}

/// Keeps what the page shows, at rest, as a picture.
async fn keep(page: &Page, name: &str, size: (u32, u32)) {
    page.size(size).await;
    page.settled().await;
    // Until what moves has come to rest.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let shot = page.devtools("Page.captureScreenshot", json!({"format": "webp", "quality": QUALITY})).await;
    let data = shot["data"].as_str().expect("a picture");
    let picture = STANDARD.decode(data).expect("a picture");
    assert!(picture.len() < MAX_BYTES, "{name} has {} bytes", picture.len());
    let wanted = std::env::var_os("COSMIC_PICTURES").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(if wanted { "docs/img" } else { "target/screenshots" });
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(format!("{name}.webp")), picture).expect("a file");
}

#[test]
fn the_readme_has_a_picture_of_the_map() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        let voyage = Voyage::begin(&server, &page, SEED).await;
        for step in 0..ACTIONS {
            voyage.explore(step);
        }
        page.until(
            "the last action",
            &format!("return Number(document.querySelector('.game').dataset.revision) === {ACTIONS}"),
        )
        .await;
        page.view("map").await;
        page.js("document.querySelector('.map-tools button:nth-child(4)').click()").await;
        page.wait(".sky .spot").await;
        keep(&page, "map", MAP).await;
        page.close().await;
    });
}

#[test]
fn the_readme_has_a_picture_of_the_fight_it_leads_to() {
    run(async {
        let readme =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README");
        let seed = readme.split("\"seed\": ").nth(1).and_then(|rest| rest.split('}').next()).expect("a seed");
        let mut actions = readme.lines().filter_map(|line| line.strip_prefix("act '")?.strip_suffix('\''));
        let server = Server::start();
        let page = Page::open(&server.url).await;
        let voyage = Voyage::begin(&server, &page, seed.parse().expect("a number")).await;
        let fights = |state: &Value| !state["combat"].is_null();
        let next = |action: &str| voyage.act(&serde_json::from_str(action).expect("JSON"));
        assert!(actions.any(|action| fights(&next(action))), "the README's turns end in no fight");
        let state = voyage.act(&json!({"type": "combat", "move": "attack"}));
        assert!(fights(&state), "the fight is over in a round");
        page.view("here").await;
        page.wait(".exchange li:nth-child(2)").await;
        keep(&page, "fight", FIGHT).await;
        page.close().await;
    });
}
