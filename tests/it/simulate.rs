//! Simulations: the same on any number of threads, with sums that agree, by policies that ask for nothing they cannot have.

use cosmic_explorer::game::content::{Content, Difficulty, built_in};
use cosmic_explorer::simulate::tally::Shelf;
use cosmic_explorer::simulate::{Plan, Policy, html, report, run, watch};
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

use crate::play::CONTENT;

fn plan(games: u64, policies: &[Policy]) -> Plan {
    Plan { games, policies: policies.to_vec(), difficulty: Difficulty::Normal, seed: 7 }
}

fn report(plan: &Plan) -> Value {
    report::json(&CONTENT, plan, &run(&CONTENT, plan, &|| {}))
}

#[test]
fn a_run_is_the_same_on_any_number_of_threads() {
    let plan = plan(12, &[Policy::Random, Policy::Greedy, Policy::Planner]);
    let [one, three] = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let played = pool.install(|| run(&CONTENT, &plan, &|| {}));
        report::json(&CONTENT, &plan, &played).to_string() + &html::page(&CONTENT, &plan, &played)
    });
    assert_eq!(one, three);
    let other = Plan { seed: 8, ..plan };
    assert!(!one.starts_with(&report(&other).to_string()));
}

#[test]
fn the_sums_of_a_report_agree() {
    let plan = plan(10, &Policy::ALL);
    let report = report(&plan);
    let policies = report["policies"].as_array().expect("policies");
    assert_eq!(policies.len(), Policy::ALL.len());
    for policy in policies {
        let sum = |key: &str| -> u64 {
            policy[key].as_object().expect(key).values().map(|count| count.as_u64().expect("a count")).sum()
        };
        assert_eq!(
            (sum("ends"), sum("won_at") + sum("lost_at"), sum("won_at")),
            (10, 10, policy["wins"].as_u64().expect("wins"))
        );
        let ships = policy["last_ship"].as_object().expect("ships").values();
        assert_eq!(ships.map(|ship| ship["games"].as_u64().expect("games")).sum::<u64>(), 10);
        assert_eq!(policy["win_rate"]["rate"], policy["wins"].as_f64().expect("wins") / 10.0);
        assert_eq!(policy["worst"].as_array().expect("seeds").len(), 10);
        assert_eq!(
            policy["wealth"].as_array().expect("turns").len() as u64,
            report["turns"].as_u64().expect("turns") + 1
        );
        for (shelf, uses) in policy["uses"].as_object().expect("shelves") {
            let never = policy["never"][shelf].as_array().expect("a list");
            let uses = uses.as_object().expect("uses");
            assert_eq!(uses.values().filter(|used| used["times"] == 0).count(), never.len(), "{shelf}");
            assert!(uses.values().all(|used| used["wins"].as_u64() <= used["games"].as_u64()), "{shelf}");
        }
        assert_eq!(policy["refused"], 0, "{}", policy["policy"]);
    }
    assert_eq!(report["win_rate"], policies.last().expect("the planner")["win_rate"]["rate"]);
}

#[test]
fn policies_ask_for_nothing_that_is_refused() {
    for policy in Policy::ALL {
        for difficulty in Difficulty::ALL {
            let refused: u64 = (100..106).map(|seed| watch(&CONTENT, policy, seed, difficulty, |_, _, _| {})).sum();
            assert_eq!(refused, 0, "{policy} {difficulty:?}");
        }
    }
}

/// What people read in a page whose tags agree.
fn text(page: &str) -> String {
    // The only elements that have no end.
    let page = page.replace("<meta charset=\"utf-8\">", "").replace("initial-scale=1\">", "initial-scale=1\"/>");
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&page, options).expect("tags that agree");
    let body = document.descendants().find(|node| node.has_tag_name("body")).expect("a body");
    assert!(!document.descendants().any(|node| ["script", "link", "img"].contains(&node.tag_name().name())));
    for node in document.descendants().filter(|node| node.has_tag_name("a")) {
        let id = node.attribute("href").and_then(|link| link.strip_prefix('#')).expect("a place in the page");
        assert!(document.descendants().any(|node| node.attribute("id") == Some(id)), "{id}");
    }
    body.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_of_a_report_tells_all_of_it() {
    let files = built_in()
        .into_iter()
        .map(|(name, text)| (name, text.replace("name = \"Rare Minerals\"", "name = \"<b>Rare</b> & 'Minerals'\"")));
    let content = Content::parse(&files.collect()).expect("content");
    let plan = plan(2, &Policy::ALL);
    let played = run(&content, &plan, &|| {});
    let page = html::page(&content, &plan, &played);
    let told = text(&page);
    let lines: Vec<_> = told.lines().collect();
    for policy in Policy::ALL {
        assert!(lines.contains(&policy.name()), "{policy}");
    }
    for id in Shelf::ALL.iter().flat_map(|shelf| shelf.ids(&content)) {
        assert!(lines.contains(&id), "{id}");
    }
    for game in played.iter().flat_map(|played| &played.tally.worst) {
        assert!(lines.contains(&game.seed.to_string().as_str()), "{game:?}");
    }
    assert!(lines.contains(&"<b>Rare</b> & 'Minerals'") && !page.contains("<b>"));
    assert!(!page.contains("http") && !page.contains("NaN"));
    // Also where there is nothing to show.
    text(&html::page(&content, &Plan { policies: Vec::new(), ..plan }, &[]));
}
