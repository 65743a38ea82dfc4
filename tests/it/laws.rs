//! The laws of the rules, over thousands of random games.

use cosmic_explorer::game::action::Action;
use cosmic_explorer::game::content::{Category, Difficulty};
use cosmic_explorer::game::map::StarMap;
use cosmic_explorer::game::offers::Offers;
use cosmic_explorer::game::rng::Dice;
use cosmic_explorer::game::rules::{Prices, Risk, apply, begin, risk};
use cosmic_explorer::game::state::{End, Game, Quest, Sight, Stack};
use cosmic_explorer::game::stats::Stats;
use cosmic_explorer::model::{Map, State};
use proptest::prelude::*;
use std::sync::Arc;

use crate::play::{CONTENT, act, digest, play};

fn in_range(game: &Game) {
    let content = &*CONTENT;
    let limits = &content.balance.limits;
    let stats = Stats::of(game, content);
    assert!((0..=limits.health).contains(&game.health), "{game:?}");
    assert!((0..=limits.fuel).contains(&game.fuel), "{game:?}");
    assert!((0..=limits.food).contains(&game.food), "{game:?}");
    assert!((0..=limits.wealth).contains(&game.wealth), "{game:?}");
    assert!((0..=stats.max_hp).contains(&game.hull), "{game:?}");
    assert!(stats.used_cargo_space <= stats.cargo_capacity, "{game:?}");
    assert!(game.cargo.iter().all(|stack| (1..=content.items[stack.item].stack_size).contains(&stack.quantity)));
    assert!(game.quests.len() <= limits.active_quests && game.offers.len() <= content.quests.offers.most);
    assert!((0..=limits.turns).contains(&game.turn) && game.free_actions <= limits.free_actions);
    if let Some(pod) = &game.pod {
        assert!((0..=stats.pod_max_hp).contains(&pod.hp));
    }
    for (place, node) in game.places.iter().zip(game.map.nodes.iter()) {
        assert!((0..=node.ore).contains(&place.ore) && (0..=node.salvage).contains(&place.salvage));
    }
}

fn difficulty() -> impl Strategy<Value = Difficulty> {
    prop::sample::select(Difficulty::ALL.to_vec())
}

proptest! {
    // 4 laws x 500 games: thousands of games in well under a minute, also unoptimized.
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn figures_stay_in_range_and_every_game_ends(seed in 0u64..1 << 53, policy: u64, difficulty in difficulty()) {
        let end = play(begin(&CONTENT, seed, difficulty), policy, |before, action, plan, after| {
            in_range(after);
            assert_eq!(after.turn - before.turn, plan.cost.turns, "{action:?}");
            assert!(after.end.is_some() || after.combat.is_some() || after.hull > 0 || after.in_pod());
        });
        prop_assert!(end.end.is_some());
    }

    #[test]
    fn no_voyage_ends_by_an_action_that_did_not_say_so(seed in 0u64..1 << 53, policy: u64, difficulty in difficulty()) {
        play(begin(&CONTENT, seed, difficulty), policy, |before, action, plan, after| {
            let Risk { hull, end } = risk(before, &CONTENT, plan);
            let lost = after.end.is_some_and(|end| end != End::Victory);
            assert!(!lost || end.is_some(), "{action:?} ended it by {:?}, unsaid: {before:?}", after.end);
            // An answer keeps to itself what it may cost; a pod has a hull of its own.
            if before.in_pod() == after.in_pod() && !matches!(action, Action::Choose { .. } | Action::UseItem { .. }) {
                let (was, is) = match (&before.pod, &after.pod) {
                    (Some(was), Some(is)) if was.ejected => (was.hp, is.hp),
                    _ => (before.hull, after.hull),
                };
                let refitted = Stats::of(after, &CONTENT).max_hp < Stats::of(before, &CONTENT).max_hp || before.ship != after.ship;
                assert!(refitted || was - is <= hull, "{action:?} took {} of {hull}", was - is);
            }
        });
    }

    #[test]
    fn the_same_seed_and_actions_give_the_same_digest(seed in 0u64..1 << 53, policy: u64) {
        let mut digests = Vec::new();
        let mut actions = Vec::new();
        play(begin(&CONTENT, seed, Difficulty::Normal), policy, |_, action, _, after| {
            actions.push(action.clone());
            digests.push(digest(after));
        });
        let mut game = begin(&CONTENT, seed, Difficulty::Normal);
        for (action, expected) in actions.iter().zip(&digests) {
            game = apply(&game, &CONTENT, action).expect("it was accepted before").0;
            prop_assert_eq!(&digest(&game), expected);
        }
    }

    #[test]
    fn a_refused_action_changes_nothing_and_says_why(seed in 0u64..1 << 53, policy: u64) {
        let mut steps = 0;
        play(begin(&CONTENT, seed, Difficulty::Normal), policy, |_, _, _, game| {
            steps += 1;
            // Every tenth state: the law is the same in all.
            if steps % 10 != 0 {
                return;
            }
            let before = digest(game);
            for (action, refused) in Offers::of(game, &CONTENT).refused {
                assert_eq!(apply(game, &CONTENT, &action).expect_err("it is refused"), refused);
                assert!(!refused.detail.is_empty());
            }
            assert_eq!(digest(game), before);
        });
    }

    #[test]
    fn a_stored_game_goes_on_with_the_same_future(seed in 0u64..1 << 53, policy: u64, stop in 1usize..60) {
        let mut steps = 0;
        let mut kept = None;
        let end = play(begin(&CONTENT, seed, Difficulty::Normal), policy, |_, action, _, after| {
            steps += 1;
            if steps == stop {
                let json = serde_json::to_string(&(Map::of(&after.map, &CONTENT), State::of(after, &CONTENT)));
                let (map, state): (Map, State) = serde_json::from_str(&json.expect("json")).expect("the same");
                let map = Arc::new(map.restore(&CONTENT).expect("a map"));
                kept = Some(state.restore(map, &CONTENT).expect("a game"));
                assert_eq!(kept.as_ref(), Some(after));
            } else if let Some(game) = kept.take() {
                kept = Some(apply(&game, &CONTENT, action).expect("accepted as in the other").0);
            }
        });
        if let Some(kept) = kept {
            prop_assert_eq!(digest(&kept), digest(&end));
        }
    }

    #[test]
    fn maps_are_whole(seed in 0u64..1 << 53) {
        let content = &*CONTENT;
        let map = StarMap::generate(content, &mut Dice::new(seed));
        prop_assert_eq!(map.regions.len(), 5);
        let mut kinds: Vec<_> = map.regions.iter().map(|region| region.kind).collect();
        kinds.sort();
        kinds.dedup();
        prop_assert_eq!(kinds.len(), 5);
        for region in &map.regions {
            prop_assert!((3..=8).contains(&region.nodes.len()));
            prop_assert!(map.nodes[region.nodes.clone()].iter().any(|node| node.dock()));
            prop_assert!(!region.connections.is_empty());
        }
        let reach = |count: usize, from: usize, next: &dyn Fn(usize) -> Vec<usize>| {
            let mut seen = vec![false; count];
            let mut open = vec![from];
            while let Some(at) = open.pop() {
                if !std::mem::replace(&mut seen[at], true) {
                    open.extend(next(at));
                }
            }
            seen.iter().filter(|seen| **seen).count()
        };
        prop_assert_eq!(reach(5, 0, &|at| map.regions[at].connections.clone()), 5);
        for region in &map.regions {
            let next = |at: usize| map.ways(at).collect::<Vec<_>>();
            prop_assert_eq!(reach(map.nodes.len(), region.nodes.start, &next), region.nodes.len());
        }
        let start = &map.nodes[map.start(content)];
        prop_assert!(start.repair && start.trade);
        prop_assert_eq!(content.nodes.id(start.kind), "station");
        prop_assert_eq!(content.regions.id(map.regions[start.region()].kind), "core_worlds");
        for (at, node) in map.nodes.iter().enumerate() {
            prop_assert_eq!(map.find_node(&map.node_id(at)), Some(at));
            let danger = content.nodes[node.kind].danger + content.regions[map.regions[node.region()].kind].danger;
            prop_assert!((node.danger - danger / 2.0).abs() < 1e-9);
        }
    }

    #[test]
    fn buying_and_selling_at_one_place_always_loses(seed in 0u64..1 << 53, units in 1i64..8) {
        let game = begin(&CONTENT, seed, Difficulty::Normal);
        for listing in game.map.market(game.here) {
            let mut rich = game.clone();
            rich.wealth = 100_000;
            let prices = |game| Prices::of(game, &CONTENT, listing.item).expect("it is dealt in");
            let ask = prices(&rich).ask(units);
            let item = CONTENT.items.id(listing.item);
            let body = |kind: &str| format!(r#"{{"type":"{kind}","item":"{item}","quantity":{units}}}"#);
            let Ok((bought, _)) = apply(&rich, &CONTENT, &crate::play::action(&body("buy_item"))) else { continue };
            prop_assert_eq!(bought.wealth, rich.wealth - ask);
            prop_assert!(prices(&bought).bid(units) < ask);
        }
    }
}

#[test]
fn times_move_prices_and_waiting_never_pays() {
    let mut moved = 0;
    for seed in 0..20 {
        let game = begin(&CONTENT, seed, Difficulty::Normal);
        for listing in game.map.market(game.here) {
            let later = (0..60).map(|turn| Game { turn, ..game.clone() });
            let prices: Vec<_> = later
                .filter_map(|game| {
                    Prices::of(&game, &CONTENT, listing.item).map(|prices| [prices.ask(1), prices.bid(1)])
                })
                .collect();
            let cheapest = prices.iter().map(|[ask, _]| *ask).min().expect("a price");
            let dearest = prices.iter().map(|[_, bid]| *bid).max().expect("a price");
            assert!(dearest <= cheapest, "seed {seed}: bought for {cheapest}, sold for {dearest}");
            moved += usize::from(prices.iter().any(|price| price != &prices[0]));
        }
    }
    assert!(moved > 200, "prices stand still");
}

#[test]
fn what_is_offered_and_what_is_known_agree() {
    for seed in 0..200 {
        play(begin(&CONTENT, seed, Difficulty::Normal), seed, |_, _, _, game| {
            for (action, _) in Offers::of(game, &CONTENT).offered {
                if let Action::Navigate { node } = action {
                    let node = game.map.find_node(&node).expect("a place");
                    assert!(game.places[node].sight > Sight::Unknown);
                }
            }
        });
    }
}

#[test]
fn combat_rounds_are_bounded() {
    for seed in 0..300 {
        play(begin(&CONTENT, seed, Difficulty::Normal), seed, |_, _, _, game| {
            assert!(game.combat.is_none_or(|fight| fight.round < CONTENT.balance.combat.rounds));
        });
    }
}

/// A ship that can be paid for its modules is not stranded; one that cannot, is.
#[test]
fn modules_pay_for_fuel() {
    let stuck = |mods: &[&str]| {
        let mut game = begin(&CONTENT, 1, Difficulty::Normal);
        game.mods = mods.iter().map(|id| CONTENT.mods.find(id).expect("a module")).collect();
        (game.fuel, game.wealth) = (0, 0);
        act(&mut game, r#"{"type":"wait"}"#);
        game.end
    };
    assert_eq!(stuck(&["salvager"]), None);
    assert_eq!(stuck(&[]), Some(End::Stranded));
    assert_eq!(stuck(&["speed_rig"]), Some(End::Stranded), "a rig cannot be taken out, and pays for no other ship");
    let full = |trade: bool| {
        let mut game = begin(&CONTENT, 1, Difficulty::Normal);
        game.mods = vec![CONTENT.mods.find("cargo_expander").expect("a module")];
        (game.fuel, game.wealth) = (0, 0);
        // A place without a market: nobody deals in what fills the hold.
        game.here = game.map.nodes.iter().position(|node| !node.dock()).expect("a wild place");
        let here = &mut Arc::make_mut(&mut game.map).nodes[game.here];
        (here.repair, here.trade) = (true, trade);
        let item = CONTENT.items.find("scrap_metal").expect("an item");
        let quantity = Stats::of(&game, &CONTENT).cargo_capacity / CONTENT.items[item].weight;
        game.cargo.push(Stack { item, quantity });
        act(&mut game, r#"{"type":"wait"}"#);
        game.end
    };
    assert_eq!(full(true), None, "a sale may make room");
    assert_eq!(full(false), Some(End::Stranded), "the cargo would not fit without the module");
}

fn errand(text: &str, number: u32, target: usize, enemy: Option<&str>) -> Quest {
    let text = CONTENT.quests.quests.find(text).expect("a quest");
    let enemy = enemy.map(|id| CONTENT.enemies.find(id).expect("an enemy"));
    Quest { number, text, giver: 0, target, weight: 0, enemy, reward: 100, days: 50, until: 50, done: false }
}

/// A bounty's quarry waits where it is said to, whatever else is to be done there.
#[test]
fn another_errand_hides_no_quarry() {
    let mut game = begin(&CONTENT, 1, Difficulty::Normal);
    game.quests.push(errand("late_crew", 1, game.here, None));
    game.quests.push(errand("old_grudge", 2, game.here, Some("pirate_scout")));
    act(&mut game, r#"{"type":"seek_fight"}"#);
    assert!(game.combat.is_some_and(|fight| fight.quarry));
}

/// A chain goes on where the map has no place that its next part speaks of.
#[test]
fn a_chain_goes_on_where_its_region_is_missing() {
    let mut game = begin(&CONTENT, 1, Difficulty::Normal);
    let kind = |id: &str| CONTENT.regions.find(id).expect("a region");
    let map = Arc::make_mut(&mut game.map);
    for region in map.regions.iter_mut().filter(|region| region.kind == kind("core_worlds")) {
        region.kind = kind("frontier");
    }
    game.quests.push(Quest { done: true, ..errand("one_name_raider", 7, game.here, Some("pirate_raider")) });
    act(&mut game, r#"{"type":"turn_in_quest","quest":"Q_007"}"#);
    let next = CONTENT.quests.quests.find("one_name_news").expect("a quest");
    let offer = game.offers.iter().find(|offer| offer.text == next).expect("it is offered");
    assert!(offer.target != game.here && game.map.nodes[offer.target].dock());
}

/// A change of these digests is a change of the rules or of the stored form: raise `RULES_VERSION` or the format, and say so.
#[test]
fn golden_digests() {
    let golden: Vec<_> = [1, 2, 42, 2026, (1 << 53) - 1]
        .map(|seed| {
            let mut turns = 0;
            let fresh = begin(&CONTENT, seed, Difficulty::Normal);
            let start = digest(&fresh);
            let end = play(fresh, seed, |_, _, _, _| turns += 1);
            format!("{seed}: {} -> {turns} actions, {:?} -> {}", &start[..16], end.end, digest(&end))
        })
        .into();
    insta::assert_snapshot!(golden.join("\n"));
}

#[test]
fn every_quest_item_is_unique_and_has_no_price() {
    for (_, item) in CONTENT.items.iter().filter(|(_, item)| item.category == Category::Quest) {
        assert!(item.unique && item.base_value == 0);
    }
}
