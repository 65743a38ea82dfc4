//! Searches: for sequences of trades that make money out of nothing, and for states in which nothing can be done.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use cosmic_explorer::game::action::Action;
use cosmic_explorer::game::content::{Content, Difficulty, built_in};
use cosmic_explorer::game::map::StarMap;
use cosmic_explorer::game::offers::Offers;
use cosmic_explorer::game::rng::{Dice, Draws, Stream};
use cosmic_explorer::game::rules::{Prices, apply, begin, plan};
use cosmic_explorer::game::state::Game;

use crate::play::{CONTENT, decide};

fn some(quantity: i64) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(quantity).ok()?)
}

/// Steps of the search: actions that are taken at one place, each with how often.
fn trades(game: &Game, content: &Content) -> Vec<(Action, usize)> {
    let mut steps: Vec<_> = [1, 5, 12].map(|times| (Action::Wait {}, times)).into();
    let mut add = |action| steps.push((action, 1));
    for (action, plan) in Offers::of(game, content).offered {
        // One, half of what there is, and all of it.
        let most = plan.max.unwrap_or(1);
        let quantities: BTreeSet<_> = [1, most / 2, most].into_iter().filter_map(some).collect();
        match action {
            Action::BuyItem { item, .. } => {
                quantities.into_iter().for_each(|quantity| add(Action::BuyItem { item: item.clone(), quantity }));
            }
            Action::SellItem { item, .. } => {
                quantities.into_iter().for_each(|quantity| add(Action::SellItem { item: item.clone(), quantity }));
            }
            Action::Refuel { .. } => quantities.into_iter().for_each(|amount| add(Action::Refuel { amount })),
            Action::BuyFood { .. } => add(Action::BuyFood { amount: NonZeroU32::MIN }),
            Action::ConsumeFood { .. } => quantities.into_iter().for_each(|amount| add(Action::ConsumeFood { amount })),
            Action::Repair {}
            | Action::BuyShip { .. }
            | Action::BuyMod { .. }
            | Action::RemoveMod { .. }
            | Action::BuyPod {}
            | Action::BuyAugmentation { .. }
            | Action::UseItem { .. } => add(action),
            _ => {}
        }
    }
    steps
}

/// Takes a step; none if it is refused, or something else comes in between.
fn take(game: &Game, content: &Content, action: &Action, times: usize) -> Option<Game> {
    let mut game = game.clone();
    for _ in 0..times {
        if game.end.is_some() || game.combat.is_some() || game.event.is_some() {
            return None;
        }
        game = apply(&game, content, action).ok()?.0;
    }
    Some(game)
}

/// What everything would bring here, to look first where most is left.
fn worth(game: &Game, content: &Content) -> i64 {
    let bid = |stack: &cosmic_explorer::game::state::Stack| {
        Prices::of(game, content, stack.item).map_or(0, |prices| prices.bid(stack.quantity))
    };
    let dock = &content.balance.dock;
    let mods: i64 = game.mods.iter().map(|fitted| content.mods[*fitted].cost).sum();
    let cargo: i64 = game.cargo.iter().map(bid).sum();
    let stores = game.fuel * dock.fuel_price + game.food * dock.food_price + game.hull * dock.repair_price;
    game.wealth + cargo + stores + (mods as f64 * dock.refund) as i64 + content.ships[game.ship].cost
}

/// Credits that a sequence made out of nothing: what is left of its gain when everything is again as it was, fuel, food and
/// hull bought back at the dock's price. None if something is gone that this does not replace.
fn pumped(before: &Game, after: &Game, content: &Content) -> Option<i64> {
    let dock = &content.balance.dock;
    let less = |before: i64, after: i64, price: i64| (before - after).max(0) * price;
    let stores = less(before.fuel, after.fuel, dock.fuel_price) + less(before.food, after.food, dock.food_price);
    let hull = less(before.hull, after.hull, dock.repair_price);
    let holds = before.cargo.iter().all(|stack| after.held(stack.item) >= stack.quantity);
    let fitted = before.mods.iter().all(|each| after.mods.contains(each)) && before.ship == after.ship;
    let pod = before.pod.as_ref().is_none_or(|pod| {
        let kept = after.pod.as_ref();
        kept.is_some_and(|kept| {
            kept.hp >= pod.hp && pod.augmentations.iter().all(|each| kept.augmentations.contains(each))
        })
    });
    let whole = holds && fitted && pod && after.health >= before.health && after.quests.len() == before.quests.len();
    whole.then_some(after.wealth - before.wealth - stores - hull)
}

/// Sequences of up to four steps at one place; each time those go on that are worth most, and some others. The first that makes
/// money.
fn pump(start: &Game, content: &Content, dice: &mut Dice) -> Option<(Vec<Action>, i64)> {
    const WIDTH: usize = 10;
    let mut draws = dice.stream(Stream::Events);
    let mut open = vec![(start.clone(), Vec::new())];
    for _ in 0..4 {
        let mut next = Vec::new();
        for (game, path) in &open {
            for (action, times) in trades(game, content) {
                let Some(after) = take(game, content, &action, times) else { continue };
                let path: Vec<_> = path.iter().cloned().chain(vec![action; times]).collect();
                match pumped(start, &after, content) {
                    Some(gain) if gain > 0 => return Some((path, gain)),
                    _ => next.push((after, path)),
                }
            }
        }
        next.retain(|(game, _)| game.end.is_none());
        next.sort_by_key(|(game, _)| -worth(game, content));
        // Twins, as a purchase in two halves, only take the others' place.
        next.dedup_by_key(|(game, _)| (game.wealth, game.turn, game.cargo.len(), game.fuel, game.food));
        let rest = next.split_off(next.len().min(WIDTH));
        let mut others: Vec<_> = (0..WIDTH).filter_map(|_| draws.pick(&rest).cloned()).collect();
        next.append(&mut others);
        open = next;
    }
    None
}

/// States in the middle of games, at docks, with the stocks undisturbed: who once flooded a market can buy back cheaply what he
/// then lost, and that is no pump.
fn docked(content: &Content, seeds: std::ops::Range<u64>) -> Vec<Game> {
    let mut states = Vec::new();
    for seed in seeds {
        let mut game = begin(content, seed, Difficulty::ALL[seed as usize % 3]);
        let mut dice = Dice::new(seed);
        for _ in 0..5 + 10 * (seed % 12) {
            if game.end.is_none() {
                // What is offered under the usual content may be too dear under another.
                game = apply(&game, content, &decide(&game, &mut dice).0).map_or(game, |(next, _)| next);
            }
        }
        if game.end.is_none() && game.combat.is_none() && game.event.is_none() {
            if !game.node().dock() {
                game.here = game.map.nodes.iter().position(|node| node.trade).expect("a dock");
            }
            game.stocks.clear();
            if seed % 2 == 0 {
                // Rich enough for everything.
                game.wealth = content.balance.difficulty.of(game.difficulty).goal - 1_500;
            }
            game.food = game.food.max(20);
            states.push(game);
        }
    }
    states
}

#[test]
fn no_sequence_of_trades_at_one_place_makes_money() {
    let states = docked(&CONTENT, 0..60);
    assert!(states.len() > 20, "{} states", states.len());
    assert!(states.iter().any(|game| !game.cargo.is_empty()) && states.iter().any(|game| !game.mods.is_empty()));
    for (at, state) in states.iter().enumerate() {
        let found = pump(state, &CONTENT, &mut Dice::new(at as u64));
        assert!(found.is_none(), "at {} in turn {}: {found:?}", state.map.name(state.here), state.turn);
    }
}

#[test]
fn the_search_finds_the_pumps_of_broken_content() {
    let broken = |change: &dyn Fn(&mut Content)| {
        let mut content = Content::parse(&built_in()).expect("content");
        change(&mut content);
        let states = docked(&content, 0..24);
        let found =
            states.iter().enumerate().filter_map(|(at, state)| pump(state, &content, &mut Dice::new(at as u64)));
        found.count()
    };
    assert!(broken(&|content| content.balance.dock.refund = 1.1) > 0, "what is handed back pays more than it cost");
    assert!(
        broken(&|content| (content.balance.market.spread, content.balance.market.drift) = (0.0, 0.4)) > 0,
        "waiting for better times pays"
    );
    assert!(broken(&|content| content.balance.market.spread = -0.2) > 0, "bought and sold at once");
}

/// What a player of a kind would like to do next; much of it is refused.
fn wish(kind: usize, game: &Game, draws: &mut Draws<'_>) -> Action {
    let content = &*CONTENT;
    let map = &game.map;
    let mut pick = |most: usize| draws.below(most.max(1) as u64) as usize;
    let amount = some([1, 2, 5, 40, 100][pick(5)]).expect("a number");
    let quantity = some([1, 3, 10, 20][pick(4)]).expect("a number");
    let item = content.items.indices().nth(pick(content.items.len())).map(|ix| content.items.id(ix).to_owned());
    let item = item.unwrap_or_default();
    let held = game.cargo.get(pick(game.cargo.len())).map(|stack| content.items.id(stack.item).to_owned());
    let r#mod = content.mods.indices().nth(pick(content.mods.len())).map(|ix| content.mods.id(ix).to_owned());
    let ship = content.ships.indices().nth(pick(content.ships.len())).map(|ix| content.ships.id(ix).to_owned());
    let r#move = content.moves.indices().nth(pick(content.moves.len())).map(|ix| content.moves.id(ix).to_owned());
    let quest = |quests: &[cosmic_explorer::game::state::Quest], at: usize| {
        quests.get(at % quests.len().max(1)).map(|quest| quest.id()).unwrap_or_default()
    };
    let near: Vec<_> = game.map.ways(game.here).collect();
    let node = near.get(pick(near.len())).map(|node| map.node_id(*node)).unwrap_or_default();
    let regions = &map.regions[game.region()].connections;
    let region = regions.get(pick(regions.len())).map(|region| StarMap::region_id(*region)).unwrap_or_default();
    let augmentation = content
        .augmentations
        .indices()
        .nth(pick(content.augmentations.len()))
        .map(|ix| content.augmentations.id(ix).to_owned());
    let augmentation = augmentation.unwrap_or_default();
    let choice = game.event.map(|event| &content.events[event].choices);
    let choice = choice.and_then(|all| all.get(pick(all.len()))).map(|choice| choice.id.clone()).unwrap_or_default();
    let (r#mod, ship, r#move) = (r#mod.unwrap_or_default(), ship.unwrap_or_default(), r#move.unwrap_or_default());
    let all = [
        Action::Navigate { node },
        Action::Jump { region },
        Action::SeekFight {},
        Action::Combat { r#move },
        Action::BuyItem { item, quantity },
        Action::BuyMod { r#mod: r#mod.clone() },
        Action::BuyShip { ship },
        Action::BuyPod {},
        Action::BuyAugmentation { augmentation },
        Action::Mine {},
        Action::Salvage {},
        Action::AcceptQuest { quest: quest(&game.offers, pick(9)) },
        Action::Wait {},
        Action::Refuel { amount },
        Action::BuyFood { amount },
        Action::ConsumeFood { amount },
        Action::SellItem { item: held.clone().unwrap_or_default(), quantity },
        Action::UseItem { item: held.unwrap_or_default() },
        Action::RemoveMod { r#mod },
        Action::AbandonQuest { quest: quest(&game.quests, pick(9)) },
        Action::TurnInQuest { quest: quest(&game.quests, pick(9)) },
        Action::Flee {},
        Action::Negotiate {},
        Action::Scan {},
        Action::Repair {},
        Action::Choose { choice },
    ];
    // By kind: whatever comes; who burns all fuel; who spends all; who fights until he sits in the pod; who fills the hold.
    const LIKES: [&[usize]; 5] =
        [&[], &[0, 1, 1, 0, 25], &[4, 5, 6, 7, 8, 14, 25, 0], &[7, 2, 3, 3, 3, 12, 21, 25], &[4, 9, 10, 11, 0, 23, 25]];
    let likes = LIKES[kind];
    // Now and then something else, or nobody would get anywhere.
    let at = if likes.is_empty() || pick(6) == 0 { pick(all.len()) } else { likes[pick(likes.len())] };
    all[at].clone()
}

/// Whether anything would be accepted; what nearly always is comes first.
fn something_can_be_done(game: &Game) -> bool {
    let content = &*CONTENT;
    let choices = game.event.iter().flat_map(|event| &content.events[*event].choices);
    let mut simple = choices
        .map(|choice| Action::Choose { choice: choice.id.clone() })
        .chain([Action::Wait {}, Action::Combat { r#move: "attack".into() }]);
    simple.any(|action| plan(game, content, &action).is_ok()) || !Offers::of(game, content).offered.is_empty()
}

#[test]
fn in_every_state_that_is_not_over_something_can_be_done() {
    const GAMES: u64 = 20_000;
    /// Pod, fight, event, empty purse, empty tank, full hold.
    type Seen = [u64; 6];
    let play = |from: u64| {
        let mut seen = Seen::default();
        for seed in (from..GAMES).step_by(4) {
            let kind = (seed / 4 % 5) as usize;
            let mut game = begin(&CONTENT, seed, Difficulty::ALL[seed as usize % 3]);
            let mut dice = Dice::new(seed);
            let mut draws = dice.stream(Stream::Events);
            let mut refused = 0;
            while game.end.is_none() {
                let wished = wish(kind, &game, &mut draws);
                // Whoever has no idea any more waits, or shoots.
                let action = match (refused < 12, game.combat.is_some(), game.event.is_some()) {
                    (true, ..) | (_, _, true) => wished,
                    (_, true, _) => Action::Combat { r#move: "attack".into() },
                    _ => Action::Wait {},
                };
                let Ok((next, _)) = apply(&game, &CONTENT, &action) else {
                    refused += 1;
                    assert!(refused < 2_000, "seed {seed}: nothing is accepted any more in {game:?}");
                    continue;
                };
                refused = 0;
                game = next;
                assert!(game.end.is_some() || something_can_be_done(&game), "seed {seed}: {game:?}");
                let full =
                    game.cargo.iter().map(|stack| CONTENT.items[stack.item].weight * stack.quantity).sum::<i64>() >= 49;
                let met =
                    [game.in_pod(), game.combat.is_some(), game.event.is_some(), game.wealth < 5, game.fuel < 5, full];
                for (count, met) in seen.iter_mut().zip(met) {
                    *count += u64::from(met && game.end.is_none());
                }
            }
        }
        seen
    };
    let seen = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|from| scope.spawn(move || play(from))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no state without a way out")).fold(
            Seen::default(),
            |mut all, seen| {
                all.iter_mut().zip(seen).for_each(|(all, seen)| *all += seen);
                all
            },
        )
    });
    assert!(seen.iter().all(|count| *count > 1_000), "pod, fight, event, broke, empty, full: {seen:?}");
}
