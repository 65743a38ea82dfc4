//! The map: names, places and badges that keep off each other, clicks that hit, and a card that hides nothing it speaks of.

use serde_json::Value;

use crate::driver::{Page, run};
use crate::server::{Server, call};

const SIZES: [(u32, u32); 2] = [(390, 844), (1440, 900)];

/// Plays some turns on the player's other device, so that there is something on the map: what is not visited first, then other regions.
fn explore(url: &str, token: &str, session: &str, steps: usize) {
    let path = format!("/api/sessions/{session}");
    for step in 0..steps {
        let offers = call(url, token, "GET", &format!("{path}/actions"), None);
        let map = call(url, token, "GET", &format!("{path}/map"), None);
        let all = offers["offered"].as_array().expect("offers");
        let of = |kind: &str| all.iter().filter(|offer| offer["action"]["type"] == kind).collect::<Vec<_>>();
        let visited = |node: &Value| {
            let regions = map["regions"].as_array().expect("regions").iter();
            regions
                .flat_map(|region| region["nodes"].as_array().expect("nodes"))
                .any(|each| each["id"] == *node && each["visited"] == true)
        };
        let fresh = of("navigate").into_iter().find(|offer| !visited(&offer["action"]["node"]));
        let next = of("choose").last().copied().or(of("flee").first().copied()).or(of("combat").first().copied());
        let next = next.or(if step % 4 == 0 { of("scan").first().copied() } else { None }).or(fresh);
        let next = next
            .or(of("jump").first().copied())
            .or(of("navigate").get(step % 2).copied())
            .or(of("wait").first().copied());
        let Some(next) = next else { return };
        let after = call(url, token, "POST", &format!("{path}/actions"), Some(&next["action"]));
        if after["state"]["game_over"] == true {
            return;
        }
    }
}

async fn drawn(page: &Page) {
    page.js_async(
        "let frames = 6; const next = () => (frames -= 1) ? requestAnimationFrame(next) : done(true); next()",
    )
    .await;
}

/// Names on places, on each other, on badges, and under what lies over the map.
const OVERLAPS: &str = "
    const all = (css) => [...document.querySelectorAll(css)];
    const said = (el) => el.textContent || el.closest('.spot')?.getAttribute('aria-label') || el.outerHTML.slice(0, 60);
    const box = (el) => el.getBoundingClientRect();
    const over = (a, b) => a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5;
    const names = all('.sky .spot-name, .sky .region-name text');
    const badges = all('.sky .pills g, .sky .flag');
    const places = all('.sky .spot:not(.region-name) .disc');
    const marks = all('.sky .dock-mark');
    const tools = all('.map-tools button, .legend summary');
    const out = [];
    const check = (ones, others, what) => { for (const [ix, one] of ones.entries()) for (const other of ones === others ? ones.slice(ix + 1) : others)
      if (over(box(one), box(other))) out.push(`${what}: ${said(one)} on ${said(other)}`) };
    check(names, names, 'name on name'); check(names, places, 'name on place'); check(names, badges, 'name on badge');
    check(names, marks, 'name on dock'); check(names, tools, 'name under tools');
    const fares = all('.sky .pills g');
    check(fares, places, 'badge on place'); check(fares, fares, 'badge on badge');
    return names.length ? out : ['no names at all']";

/// Places whose middle belongs to something else.
const MISSED: &str = "
    const map = document.querySelector('.map').getBoundingClientRect();
    const out = []; let tried = 0;
    for (const spot of document.querySelectorAll('.sky .spot:not(.region-name)')) {
      const box = spot.querySelector('.disc').getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      if (x < map.left || x > map.right || y < map.top || y > map.bottom) continue;
      const hit = document.elementFromPoint(x, y);
      if (hit?.closest('.map-tools, .legend, .map-card')) { if (arguments[0] !== 'some') out.push(`under ${hit.className}: ${spot.getAttribute('aria-label')}`); continue }
      tried += 1;
      if (hit?.closest('.spot') !== spot) out.push(`${spot.getAttribute('aria-label')} is hit as ${hit?.closest('.spot')?.getAttribute('aria-label') ?? hit?.outerHTML.slice(0, 80)}`);
    }
    return tried ? out : ['no place to be seen']";

async fn faults(page: &Page, script: &str, what: &str) -> Vec<String> {
    let found = page.js(script).await;
    found
        .as_array()
        .expect("a list")
        .iter()
        .map(|fault| format!("{what}: {}", fault.as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn names_places_and_badges_keep_off_each_other_and_every_click_hits() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        let mut found = Vec::new();
        for (seed, steps) in [(7, 0), (7, 14), (11, 24), (23, 40), (5, 60)] {
            page.begin(seed).await;
            explore(&server.url, &page.token().await, &page.session().await, steps);
            for size in SIZES {
                page.size(size).await;
                page.view("map").await;
                for (view, tool) in [("whole", 3), ("home", 4), ("near", 1), ("far", 2)] {
                    page.js(&format!("document.querySelector('.map-tools button:nth-child({tool})').click()")).await;
                    drawn(&page).await;
                    let what = format!("seed {seed}, {steps} steps, {} px, {view}", size.0);
                    found.extend(faults(&page, OVERLAPS, &what).await);
                    // What was zoomed may lie under the tools; what is shown whole does not.
                    let missed = if matches!(view, "near" | "far" | "home") {
                        MISSED.replace("arguments[0]", "'some'")
                    } else {
                        MISSED.to_owned()
                    };
                    found.extend(faults(&page, &missed, &what).await);
                    if view == "whole" || view == "home" {
                        page.shot(&format!("chart-{seed}-{steps}-{}-{view}", size.0)).await;
                    }
                }
            }
        }
        assert!(found.is_empty(), "{} faults: {:#?}", found.len(), &found[..found.len().min(30)]);
        page.close().await;
    });
}

#[test]
fn the_card_never_lies_over_the_place_it_speaks_of() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(11).await;
        explore(&server.url, &page.token().await, &page.session().await, 24);
        let mut found = Vec::new();
        for size in [(390, 844), (844, 390), (1440, 900)] {
            page.size(size).await;
            page.view("map").await;
            for tool in [3, 4] {
                page.js(&format!("document.querySelector('.map-tools button:nth-child({tool})').click()")).await;
                drawn(&page).await;
                let ids =
                    page.js("return [...document.querySelectorAll('.sky .spot')].map((el) => el.id.slice(5))").await;
                for id in ids.as_array().expect("ids") {
                    page.js_async(&format!(
                        "import('./js/views/map/targets.js').then(({{pick}}) => {{ pick({id}); done(true) }})"
                    ))
                    .await;
                    page.wait(".map-card").await;
                    drawn(&page).await;
                    let clear = page.js(&format!("const card = document.querySelector('.map-card').getBoundingClientRect();
                        const spot = document.getElementById('spot-' + {id}).querySelector('.disc, text').getBoundingClientRect();
                        return card.left >= spot.right || spot.left >= card.right || card.top >= spot.bottom || spot.top >= card.bottom")).await;
                    if clear != true {
                        found.push(format!("{id} at {size:?}, tool {tool}"));
                    }
                }
                page.js_async("import('./js/views/map/targets.js').then(({pick}) => { pick(null); done(true) })").await;
            }
        }
        assert!(found.is_empty(), "{found:#?}");
        page.close().await;
    });
}

/// Changes what the page knows, and reads what it then advises.
async fn hint(page: &Page, change: &str) -> String {
    page.js_async(&format!(
        "import('./js/store.js').then(({{game, changed}}) => {{
            Object.assign(game.state, {{offered_quests: []}}); game.state.current_location.market = [];
            const region = game.map.regions.find(({{id}}) => id === game.map.current_region_id);
            const here = region.nodes.find(({{id}}) => id === game.map.current_node_id);
            const far = region.nodes.find(({{id}}) => id !== here.id && !here.connections.includes(id));
            {change}; changed(); done(true) }})"
    ))
    .await;
    drawn(page).await;
    page.text(".now").await
}

#[test]
fn the_hint_knows_the_whole_region_and_work_in_hand() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        page.act("[data-action=scan]").await;
        let text = hint(&page, "").await;
        assert!(text.contains("You have not been to"), "{text}");
        // All next door is known, but not what lies two legs away.
        let text = hint(&page, "for (const node of region.nodes) node.visited = node !== far").await;
        let far = page.js_async("import('./js/store.js').then(({game}) => done(game.map.regions.flatMap(({nodes}) => nodes).find(({visited, charted}) => !visited)?.name))").await;
        let far = far.as_str().expect("a place two legs away");
        assert!(text.contains(far) && text.contains("2 legs, by way of"), "{far}: {text}");
        // Work that leads away comes first; work done that every dock pays leads nowhere.
        let quest = |done: bool, kind: &str, target: &str| {
            format!(
                "for (const node of region.nodes) node.visited = true; game.state.active_quests = [{{id: 'QUEST_1', title: 'A bell', kind: '{kind}', done: {done}, target_node_id: {target}, giver_node_id: here.id, deadline: 30}}]"
            )
        };
        let text = hint(&page, &quest(true, "delivery", "far.id")).await;
        assert!(text.contains("A bell") && text.contains(far) && text.contains("2 legs"), "{text}");
        let text = hint(&page, &quest(false, "bounty", "here.connections[0]")).await;
        assert!(text.contains("A bell") && text.contains("next door"), "{text}");
        let elsewhere = "game.map.regions.find(({id, nodes}) => id !== region.id && nodes.length)?.nodes[0].id ?? (game.map.regions.find(({id}) => id !== region.id).nodes.push({...far, id: 'NODE_X', name: 'Elsewhere', connections: []}), 'NODE_X')";
        let text = hint(&page, &quest(false, "exploration", elsewhere)).await;
        assert!(text.contains("A bell") && text.contains("Jump towards it"), "{text}");
        let text = hint(&page, &quest(true, "bounty", "far.id")).await;
        assert!(text.contains("You know this region by now"), "{text}");
        let text = hint(&page, "game.state.active_quests = []").await;
        assert!(text.contains("You know this region by now"), "{text}");
        page.close().await;
    });
}
