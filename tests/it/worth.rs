//! What makes a game worth coming back to: chains of quests, events that ask and remember, and what was achieved.

use cosmic_explorer::game::event::{Event, Outcome};
use cosmic_explorer::game::state::{Game, Stack};

use crate::play::{CONTENT, act, game, play, refusal};

fn item(id: &str) -> cosmic_explorer::game::table::Ix<cosmic_explorer::game::content::Item> {
    CONTENT.items.find(id).expect("an item")
}

/// A game with an event before it.
fn asked(seed: u64, event: &str) -> Game {
    let mut game = game(seed);
    game.event = Some(CONTENT.events.find(event).expect("an event"));
    game
}

fn go(game: &mut Game, node: usize) {
    game.here = node;
}

fn dock(game: &mut Game) {
    let dock = game.map.nodes.iter().position(|node| node.dock()).expect("a dock");
    go(game, dock);
}

/// Destroys whoever is met, however long it takes.
fn win(game: &mut Game) {
    act(game, r#"{"type": "seek_fight"}"#);
    while game.combat.is_some() {
        let fight = game.combat.as_mut().expect("a fight");
        (fight.hp, game.hull) = (1, 80);
        act(game, r#"{"type": "combat", "move": "attack"}"#);
    }
}

fn turn_in(game: &mut Game) -> Outcome {
    let quest = game.quests[0].id();
    act(game, &format!(r#"{{"type": "turn_in_quest", "quest": "{quest}"}}"#))
}

fn accept(game: &mut Game) {
    // Loot may have filled the hold.
    game.cargo.clear();
    let offer = game.offers.iter().rfind(|offer| offer.giver == game.here).expect("an offer").id();
    act(game, &format!(r#"{{"type": "accept_quest", "quest": "{offer}"}}"#));
}

fn achieved(outcome: &Outcome) -> Vec<String> {
    let achieved = |event: &Event| match event {
        Event::Achieved { achievement, .. } => Some(achievement.clone()),
        _ => None,
    };
    outcome.events.iter().filter_map(achieved).collect()
}

#[test]
fn a_chain_that_an_event_begins_is_played_to_its_end() {
    for seed in 0..30 {
        let mut game = asked(seed, "mayday");
        act(&mut game, r#"{"type": "choose", "choice": "take"}"#);
        assert_eq!((game.held(item("distress_beacon")), game.quests.len()), (1, 1));
        let source = game.quests[0].target;

        // Without what it takes, there is nothing to find; with it, there is.
        let cargo = std::mem::take(&mut game.cargo);
        go(&mut game, source);
        act(&mut game, r#"{"type": "scan"}"#);
        assert!(!game.quests[0].done);
        game.cargo = cargo;
        act(&mut game, r#"{"type": "scan"}"#);
        assert!(game.quests[0].done);

        dock(&mut game);
        let mut lost = game.clone();
        lost.cargo.clear();
        let body = format!(r#"{{"type": "turn_in_quest", "quest": "{}"}}"#, game.quests[0].id());
        assert_eq!(refusal(&lost, &body), "ITEM_NOT_HELD");
        turn_in(&mut game);
        assert_eq!(game.held(item("distress_beacon")), 0, "it was handed over");

        accept(&mut game);
        assert_eq!(game.quests[0].enemy, CONTENT.enemies.find("pirate_raider"));
        let lair = game.quests[0].target;
        go(&mut game, lair);
        while !game.quests[0].done {
            win(&mut game);
        }
        dock(&mut game);
        turn_in(&mut game);

        accept(&mut game);
        let home = game.quests[0].target;
        assert_eq!(CONTENT.regions.id(game.map.regions[game.map.nodes[home].region()].kind), "core_worlds");
        go(&mut game, home);
        let outcome = turn_in(&mut game);
        assert_eq!(game.statistics.chains_completed, 1);
        assert!(achieved(&outcome).iter().any(|id| id == "to_the_end") || game.end.is_some());
    }
}

#[test]
fn a_chain_happens_once() {
    let mut game = asked(3, "mayday");
    act(&mut game, r#"{"type": "choose", "choice": "take"}"#);
    let quest = game.quests[0].id();
    act(&mut game, &format!(r#"{{"type": "abandon_quest", "quest": "{quest}"}}"#));
    game.event = CONTENT.events.find("mayday");
    act(&mut game, r#"{"type": "choose", "choice": "take"}"#);
    assert!(game.quests.is_empty() && game.held(item("distress_beacon")) == 1, "there is one beacon and one quest");
}

#[test]
fn an_event_that_happens_once_does_not_come_back() {
    let once: Vec<_> =
        CONTENT.events.iter().filter(|(_, event)| event.once).map(|(ix, _)| CONTENT.events.id(ix)).collect();
    let mut met = 0;
    for seed in 0..300 {
        let mut seen = Vec::new();
        let end = play(game(seed), seed, |before, _, _, after| {
            if let Some(event) = after.event.filter(|event| before.event != Some(*event)) {
                let id = CONTENT.events.id(event);
                assert!(!(once.contains(&id) && seen.contains(&id)), "seed {seed}: {id} again");
                seen.push(id);
                met += usize::from(once.contains(&id));
            }
        });
        assert!(end.past.len() <= once.len());
    }
    assert!(met > 20, "{met}: they hardly happen");
}

#[test]
fn an_answer_that_takes_an_item_asks_for_it_and_takes_it() {
    let mut game = asked(1, "fever_ship");
    let choose = r#"{"type": "choose", "choice": "medicine"}"#;
    assert_eq!(refusal(&game, choose), "CHOICE_NEEDS");
    game.cargo = vec![Stack { item: item("med_pack"), quantity: 2 }];
    let outcome = act(&mut game, choose);
    assert_eq!(game.held(item("med_pack")), 1);
    assert!(outcome.events.iter().any(|event| matches!(event, Event::ItemLost { quantity: 1, .. })));
    assert_eq!(game.statistics.events_answered, 1);
}

#[test]
fn what_is_achieved_is_told_once_and_kept() {
    let mut total = vec![0; CONTENT.achievements.len()];
    for seed in 0..200 {
        let mut told = Vec::new();
        let end = play(game(seed), seed, |before, _, _, after| {
            assert!(after.achievements.starts_with(&before.achievements));
            told.extend_from_slice(&after.achievements[before.achievements.len()..]);
        });
        assert_eq!(end.achievements, told);
        told.sort_unstable();
        told.dedup();
        assert_eq!(end.achievements.len(), told.len(), "each once");
        for (at, ix) in CONTENT.achievements.indices().enumerate() {
            total[at] += usize::from(end.achievements.contains(&ix));
        }
    }
    assert!(total.iter().filter(|count| **count > 0).count() >= 4, "random play achieves something: {total:?}");
}

#[test]
fn a_won_game_is_told_what_only_winners_achieve() {
    let mut game = game(5);
    game.wealth = CONTENT.balance.difficulty.of(game.difficulty).goal;
    game.turn = 30;
    game.hull = 9;
    let outcome = act(&mut game, r#"{"type": "wait"}"#);
    let achieved = achieved(&outcome);
    for expected in ["quick_study", "clean_hands", "held_together_by_paint", "four_figures"] {
        assert!(achieved.iter().any(|id| id == expected), "{achieved:?}");
    }
    assert!(!achieved.iter().any(|id| id == "by_a_hair"));
}
