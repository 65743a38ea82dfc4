//! What the game says is English: counts, articles and ends of sentences, in every event, for every name, and in played games.

use cosmic_explorer::game::content::{Content, Difficulty};
use cosmic_explorer::game::event::{Event, Reason};
use cosmic_explorer::game::offers::Offers;
use cosmic_explorer::game::rules::{apply, begin};
use cosmic_explorer::game::story;
use serde_json::{Value, json};

use crate::play::{CONTENT, play};

/// What is wrong with a text, by patterns that no good sentence has.
fn slips(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut slip = |what: &str| found.push(format!("{what}: {text}"));
    for (pattern, what) in [
        (" x ", "a sign for times"),
        ("..", "two stops"),
        ("  ", "two spaces"),
        ("{", "a place to fill"),
        ("}", "a place to fill"),
    ] {
        if text.contains(pattern) {
            slip(what);
        }
    }
    let words: Vec<_> =
        text.split(' ').map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric())).collect();
    for pair in words.windows(2) {
        let (one, two) = (pair[0], pair[1]);
        let article = |word: &str| ["a", "an", "the"].contains(&word.to_lowercase().as_str());
        if article(one) && article(two) {
            slip("two articles");
        }
        if one == "0" && two.ends_with('s') {
            slip("a zero that is counted");
        }
        if one == "1" && plural(two) {
            slip("one of many");
        }
        let vowel = two.to_lowercase().starts_with(['a', 'e', 'i', 'o']);
        let misleading = ["one", "eu"].iter().any(|start| two.to_lowercase().starts_with(start));
        if one.eq_ignore_ascii_case("an") && two.to_lowercase().starts_with(['b', 'c', 'd', 'f', 'g', 'k', 'p', 't'])
            || one.eq_ignore_ascii_case("a") && vowel && !misleading
        {
            slip("the other article");
        }
    }
    // With a word between: 1 hostile signatures.
    let parts: Vec<_> = text.split(' ').collect();
    for three in parts.windows(3) {
        let joined = three[1].ends_with(char::is_alphanumeric);
        if three[0] == "1" && joined && plural(three[2].trim_matches(|letter: char| !letter.is_alphanumeric())) {
            slip("one of many, between");
        }
    }
    let first = text.chars().next();
    if first.is_none_or(char::is_lowercase) {
        slip("a small beginning");
    }
    if !text.ends_with(['.', '!', '?', '\u{2026}', '"', '\u{201d}']) {
        slip("no end");
    }
    found
}

fn plural(word: &str) -> bool {
    word.len() > 1 && word.ends_with('s') && !word.ends_with("ss")
}

#[test]
fn the_patterns_find_what_was_wrong_once() {
    for bad in [
        "You bring aboard 1 x Data Cores.",
        "The scan shows 1 hostile signatures.",
        "The The Ark is yours.",
        "Learn of more..",
        "0 rations bring you to full health.",
        "A Alien Defense Drone closes in.",
        "An Pirate Scout closes in.",
        "the ark is yours.",
        "It rains",
    ] {
        assert!(!slips(bad).is_empty(), "{bad}");
    }
    for good in ["You eat 1 ration.", "An Alien Drone closes in.", "The pod takes 1 damage.", "It is 1 less."] {
        assert_eq!(slips(good), Vec::<String>::new());
    }
}

/// Every kind of event, with each figure in it at each of these values.
fn events(content: &Content, name: &str, number: i64) -> Vec<Event> {
    let reasons = [
        "hazard",
        "enemy",
        "mining",
        "salvage",
        "event",
        "hunger",
        "pod",
        "first_visit",
        "kill",
        "sale",
        "refund",
        "quest",
        "penalty",
        "meal",
        "item",
        "drones",
        "augmentation",
        "purchase",
        "scan",
        "ejection",
    ];
    let mut all: Vec<Value> = Vec::new();
    for reason in reasons {
        for (kind, amount) in
            ["health", "hull", "fuel", "food", "credits"].iter().flat_map(|kind| [(kind, number), (kind, -number)])
        {
            // Meals and penalties take; nothing gives them back.
            if amount <= 0 || !matches!(reason, "meal" | "penalty") {
                all.push(json!({"type": kind, "amount": amount, "reason": reason}));
            }
        }
        for absorbed in [0, 1, 2] {
            for pod in [false, true] {
                all.push(
                    json!({"type": "damage", "amount": number, "absorbed": absorbed, "pod": pod, "source": reason}),
                );
            }
        }
        for item in content.items.iter().map(|(ix, _)| content.items.id(ix)).chain(["gone"]) {
            for kind in ["item", "item_lost"] {
                all.push(json!({"type": kind, "item": item, "name": name, "quantity": number, "reason": reason}));
            }
        }
    }
    for item in content.items.iter().map(|(ix, _)| content.items.id(ix)).chain(["gone"]) {
        all.push(json!({"type": "left_behind", "item": item, "name": name, "quantity": number}));
        all.push(json!({"type": "item_used", "item": item, "name": name}));
    }
    for (ore, salvage, foes) in [(number, 0, 0), (0, number, 0), (0, 0, number), (number, number, number)] {
        all.push(json!({"type": "scanned", "ore": ore, "salvage": salvage, "foes": foes}));
    }
    all.push(json!({"type": "charted", "nodes": vec!["n"; usize::try_from(number.max(1)).expect("small")]}));
    for first in [false, true] {
        all.push(json!({"type": "arrived", "node": "n", "name": name, "region": "r", "first": first}));
        all.push(json!({"type": "combat_began", "enemy": "e", "name": name, "quarry": first}));
        all.push(json!({"type": "pod_ejected", "towed": first}));
    }
    for (kind, id) in [
        ("jumped", "region"),
        ("ship_bought", "ship"),
        ("mod_fitted", "mod"),
        ("mod_removed", "mod"),
        ("augmentation_fitted", "augmentation"),
        ("enemy_destroyed", "enemy"),
        ("enemy_fled", "enemy"),
        ("enemy_left", "enemy"),
        ("achieved", "achievement"),
    ] {
        let mut event = json!({"type": kind, "name": name});
        event[id] = json!("x");
        all.push(event);
    }
    for kind in ["quest_offered", "quest_accepted", "quest_ready", "quest_completed", "quest_failed"] {
        all.push(json!({"type": kind, "quest": "q", "title": name}));
    }
    for cause in ["died", "ship_lost", "pod_lost", "out_of_turns", "stranded", "other"] {
        all.push(json!({"type": "defeat", "cause": cause}));
    }
    all.push(json!({"type": "repaired", "amount": number}));
    all.push(json!({"type": "hit", "damage": number}));
    all.push(json!({"type": "shield", "amount": number, "duration": number}));
    for kind in [
        "nothing_found",
        "waited",
        "mine_failed",
        "salvage_failed",
        "pod_bought",
        "shield_faded",
        "no_fight",
        "missed",
        "enemy_missed",
        "fled",
        "flee_failed",
        "negotiated",
        "negotiation_failed",
        "victory",
    ] {
        all.push(json!({"type": kind}));
    }
    let read = |event: Value| serde_json::from_value(event.clone()).unwrap_or_else(|error| panic!("{event}: {error}"));
    all.into_iter().map(read).collect()
}

#[test]
fn every_event_is_told_in_english_whatever_its_figures_and_names() {
    let mut found = Vec::new();
    let enemies = CONTENT.enemies.iter().map(|(_, enemy)| enemy.name.as_str());
    let ships = CONTENT.ships.iter().map(|(_, ship)| ship.name.as_str());
    let mods = CONTENT.mods.iter().map(|(_, fitted)| fitted.name.as_str());
    let odd = ["The Ark", "An Old Friend", "A Bigger Boat", "Union Barge", "AI Hauler", "Is it there?", "Dr."];
    for name in enemies.chain(ships).chain(mods).chain(odd) {
        for number in [0, 1, 2, 1_000] {
            for event in events(&CONTENT, name, number) {
                found.extend(slips(&story::tell(&CONTENT, std::slice::from_ref(&event))));
            }
        }
    }
    assert!(found.is_empty(), "{} slips, such as {:#?}", found.len(), &found[..found.len().min(20)]);
}

#[test]
fn a_scan_that_finds_something_is_not_called_clean() {
    let scanned = Event::Scanned { ore: 0, salvage: 0, foes: 0 };
    let item = Event::Item { item: "data_cores".into(), name: "Data Cores".into(), quantity: 1, reason: Reason::Scan };
    assert_eq!(
        story::tell(&CONTENT, &[scanned.clone(), item]),
        "The scan picks something up. You bring aboard a data core."
    );
    let nothing = story::tell(&CONTENT, &[scanned, Event::NothingFound {}]);
    assert_eq!(nothing, "The scan comes back clean. There is nothing hidden here.");
}

#[test]
fn played_games_say_nothing_but_english() {
    let mut found = Vec::new();
    for seed in 0..150 {
        let difficulty = Difficulty::ALL[seed as usize % 3];
        play(begin(&CONTENT, seed, difficulty), seed * 31 + 7, |before, action, _, _| {
            let (_, outcome) = apply(before, &CONTENT, action).expect("it was offered");
            found.extend(slips(&outcome.message));
            if before.free_actions % 4 == 0 {
                let refused = Offers::of(before, &CONTENT).refused;
                found.extend(refused.iter().flat_map(|(_, refused)| slips(&refused.detail)));
            }
            for quest in before.quests.iter().chain(&before.offers) {
                found.extend(slips(&story::quest_text(before, &CONTENT, quest)));
                let title = story::quest_title(before, &CONTENT, quest);
                found.extend(slips(&format!("{title}.")));
            }
            found.truncate(50);
        });
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_texts_of_the_content_are_english() {
    let mut found = Vec::new();
    let mut look = |text: &str| found.extend(slips(text));
    for (_, item) in CONTENT.items.iter() {
        look(&item.description);
        let (one, many) = (item.one.as_deref().expect("a form"), item.many.as_deref().expect("a form"));
        look(&format!("You have {one}."));
        look(&format!("You have 2 {many}."));
    }
    CONTENT.ships.iter().for_each(|(_, each)| look(&each.description));
    CONTENT.mods.iter().for_each(|(_, each)| look(&each.description));
    CONTENT.enemies.iter().for_each(|(_, each)| look(&each.description));
    CONTENT.nodes.iter().for_each(|(_, each)| look(&each.description));
    CONTENT.regions.iter().for_each(|(_, each)| look(&each.description));
    CONTENT.achievements.iter().for_each(|(_, each)| look(&each.description));
    for (_, event) in CONTENT.events.iter() {
        look(&event.text);
        for choice in &event.choices {
            look(&format!("{}.", choice.label));
            choice.outcomes.iter().for_each(|ending| look(&ending.text));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
