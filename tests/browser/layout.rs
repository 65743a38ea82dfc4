//! Nothing breaks, nothing overlaps, and what matters is in sight: at every width and size of letters.

use serde_json::{Value, json};

use crate::driver::{FAMILIES, Page, run};
use crate::server::Server;

const WIDTHS: [u32; 11] = [320, 360, 390, 768, 1000, 1024, 1152, 1280, 1366, 1440, 1920];

/// Sets the size of letters, as Settings does.
async fn letters(page: &Page, percent: u32) {
    page.js_async(&format!(
        "import('./js/settings.js').then(({{change}}) => import('./js/store.js').then(({{changed}}) => {{ change('text', {percent}); changed(); done(true) }}))"
    ))
    .await;
}

/// After a change of size: when the page has been laid out and drawn again.
async fn drawn(page: &Page) {
    page.js_async(
        "let frames = 4; const next = () => (frames -= 1) ? requestAnimationFrame(next) : done(true); next()",
    )
    .await;
}

fn faults(found: &Value) -> Vec<String> {
    let found = found.as_array().expect("a list");
    found.iter().map(|fault| fault.as_str().unwrap_or_default().to_owned()).collect()
}

/// Labels of the bar and the tabs that are more than a line, stick out, or lie on something else.
const BAR: &str = "
    const seen = (el) => el.getClientRects().length > 0 && !el.closest('.unseen') && getComputedStyle(el).clipPath === 'none';
    const all = (css) => [...document.querySelectorAll(css)].filter(seen);
    const labels = all('.meter-label, .meter-figure, .purse-figure, .link-word, .tab > span:not(.count)');
    const pieces = [...labels, ...all('.bar .brand, .bar .round, .bar .lamp, .meter > .icon, .tab > .icon')];
    const name = (el) => `${el.className.baseVal ?? el.className} ${el.textContent}`;
    const out = [];
    for (const el of labels) {
      const box = el.getBoundingClientRect();
      if (box.height > 1.7 * parseFloat(getComputedStyle(el).fontSize) + 4) out.push(`more than a line: ${name(el)} ${box.height}`);
      if (el.scrollWidth > el.clientWidth + 1 && getComputedStyle(el).display !== 'inline') out.push(`cut off: ${name(el)}`);
    }
    for (const [ix, one] of pieces.entries()) {
      const a = one.getBoundingClientRect();
      if (a.left < -0.5 || a.right > innerWidth + 0.5) out.push(`sticks out: ${name(one)}`);
      for (const other of pieces.slice(ix + 1)) {
        const b = other.getBoundingClientRect();
        if (!one.contains(other) && a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5)
          out.push(`overlap: ${name(one)} and ${name(other)}`);
      }
    }
    return out.length || labels.length < 13 ? [...out, `${labels.length} labels`] : []";

#[test]
fn labels_are_one_line_at_every_width_and_size_of_letters() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        let mut found = Vec::new();
        for (kind, percent) in FAMILIES.into_iter().flat_map(|kind| [90, 100, 115, 130].map(|percent| (kind, percent)))
        {
            page.family(kind).await;
            letters(&page, percent).await;
            // Figures as long as they get, and a shield beside the hull.
            page.js_async("import('./js/store.js').then(({game, changed}) => { Object.assign(game.state, {turn_count: 119});
                Object.assign(game.state.player_stats, {wealth: 12345, food: 999, shield: 30, ship_condition: 180, max_hp: 180, used_cargo_space: 150, cargo_capacity: 250}); changed(); done(true) })").await;
            for width in WIDTHS {
                page.size((width, 844)).await;
                drawn(&page).await;
                let here = faults(&page.js(BAR).await);
                found.extend(here.into_iter().map(|fault| format!("{width} px, {percent} %, {kind:?}: {fault}")));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
        page.close().await;
    });
}

/// Words that begin on one line and end on another. Names may be longer than any line.
const BROKEN: &str = "
    const out = [];
    const walker = document.createTreeWalker(document.querySelector('.game'), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest('.unseen, svg, kbd, details:not([open])') || !node.parentElement.getClientRects().length) continue;
      if (getComputedStyle(node.parentElement).clipPath !== 'none') continue;
      for (const word of node.data.matchAll(/[\\p{L}\\p{N}]{2,14}/gu)) {
        const range = document.createRange();
        range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].filter((box) => box.width > 0).map((box) => Math.round(box.top)));
        if (tops.size > 1) out.push(`${word[0]} in ${node.parentElement.className}: ${node.data.slice(0, 40)}`);
      }
    }
    if (document.documentElement.scrollWidth > innerWidth) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
    return out.slice(0, 5)";

#[test]
fn no_word_is_broken_in_any_view() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(7).await;
        page.act("[data-action=scan]").await;
        let mut found = Vec::new();
        for (kind, percent) in FAMILIES.into_iter().flat_map(|kind| [100, 130].map(|percent| (kind, percent))) {
            page.family(kind).await;
            letters(&page, percent).await;
            for width in [320, 390, 1000, 1280] {
                page.size((width, 844)).await;
                for view in ["here", "map", "ship", "market", "quests", "log", "deeds"] {
                    page.view(view).await;
                    drawn(&page).await;
                    let here = faults(&page.js(BROKEN).await);
                    found.extend(
                        here.into_iter().map(|fault| format!("{view} at {width} px, {percent} %, {kind:?}: {fault}")),
                    );
                }
            }
        }
        assert!(found.is_empty(), "{found:#?}");
        page.close().await;
    });
}

/// Elements that are not wholly to be seen, without scrolling.
async fn hidden(page: &Page, css: &str) -> Vec<String> {
    let script = format!(
        "const all = [...document.querySelectorAll({css})];
         const low = (el) => {{ const box = el.getBoundingClientRect(); const at = document.elementFromPoint(box.left + box.width / 2, box.bottom - 3);
           return box.top < 0 || box.bottom > innerHeight || !(at && (el.contains(at) || at.contains(el))) }};
         return all.length ? all.filter(low).map((el) => el.textContent) : ['nothing of the kind is there']",
        css = json!(css)
    );
    faults(&page.js(&script).await)
}

const UPRIGHT: (u32, u32) = (390, 844);
const LYING: (u32, u32) = (844, 390);

#[test]
fn a_phone_shows_what_can_be_done_without_scrolling() {
    run(async {
        let server = Server::start();
        let page = Page::open(&server.url).await;
        page.begin(3).await;
        for size in [LYING, UPRIGHT] {
            page.size(size).await;
            page.view("here").await;
            drawn(&page).await;
            assert_eq!(
                hidden(&page, ".place-doing .group:first-child .act:first-of-type").await,
                Vec::<String>::new(),
                "{size:?}"
            );
        }
        let (mut fought, mut asked) = (false, false);
        while !(fought && asked) {
            page.play_until(".fight, .event, .ending").await;
            assert!(!page.has(".ending").await, "seed 3 has a fight and a question before its end");
            let fight = page.has(".fight").await;
            // In the second round there is a first one to tell of.
            if fight {
                page.act("[data-action=combat]").await;
            }
            if page.has(".fight").await || !fight {
                for size in [LYING, UPRIGHT] {
                    page.size(size).await;
                    drawn(&page).await;
                    page.js("document.getElementById('main').scrollTop = 0").await;
                    let first = if fight { ".fight-orders .act" } else { ".choices .act" };
                    page.shot(&format!("phone-{}-{}", if fight { "fight" } else { "event" }, size.0)).await;
                    let mark = "document.querySelectorAll('[data-first]').forEach((el) => delete el.dataset.first)";
                    page.js(&format!("{mark}; document.querySelector({}).dataset.first = ''", json!(first))).await;
                    assert_eq!(hidden(&page, "[data-first]").await, Vec::<String>::new(), "{size:?}");
                    if fight && size == UPRIGHT {
                        for way in ["flee", "negotiate"] {
                            let css = format!(".fight .act[data-action={way}]");
                            assert_eq!(hidden(&page, &css).await, Vec::<String>::new(), "{way}");
                        }
                    }
                }
                fought |= fight;
                asked |= !fight;
            }
            let next = if page.has(".fight").await {
                "[data-action=combat]"
            } else if page.has(".event").await {
                "[data-action=choose]"
            } else {
                continue;
            };
            page.act(next).await;
        }
        page.close().await;
    });
}
