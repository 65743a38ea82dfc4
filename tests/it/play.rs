//! Playing games through the library: the content, a policy that chooses at random, and digests.

use std::sync::{Arc, LazyLock};

use cosmic_explorer::game::action::Action;
use cosmic_explorer::game::content::{Content, Difficulty, built_in};
use cosmic_explorer::game::offers::Offers;
use cosmic_explorer::game::rng::{Dice, Stream};
use cosmic_explorer::game::rules::{Plan, apply, begin};
use cosmic_explorer::game::state::{End, Game};
use cosmic_explorer::model::{Map, State};
use serde_json::Value;

pub static CONTENT: LazyLock<Arc<Content>> = LazyLock::new(|| match Content::parse(&built_in()) {
    Ok(content) => Arc::new(content),
    Err(faults) => panic!("{faults:#?}"),
});

pub fn game(seed: u64) -> Game {
    begin(&CONTENT, seed, Difficulty::Normal)
}

/// The digest of a game's stored form.
pub fn digest(game: &Game) -> String {
    State::of(game, &CONTENT).digest(&Map::of(&game.map, &CONTENT).digest())
}

/// An action, from its JSON.
pub fn action(json: &str) -> Action {
    serde_json::from_str(json).expect("an action")
}

/// Applies an action that must be accepted.
pub fn act(game: &mut Game, json: &str) -> cosmic_explorer::game::event::Outcome {
    let (next, outcome) = apply(game, &CONTENT, &action(json)).unwrap_or_else(|refused| panic!("{json}: {refused:?}"));
    *game = next;
    outcome
}

/// The code an action is refused with; the game must not have changed.
pub fn refusal(game: &Game, json: &str) -> String {
    let before = game.clone();
    let refused = apply(game, &CONTENT, &action(json)).expect_err(json);
    assert_eq!(*game, before);
    assert!(refused.detail.ends_with('.') && refused.detail.len() > 10, "{refused:?}");
    serde_json::to_value(refused.code).expect("a code").as_str().expect("a string").to_owned()
}

/// Chooses among offers: at random, but half the time only among those that move the game on, so that games end.
fn choose<T>(offers: Vec<T>, moves_on: impl Fn(&T) -> bool, dice: &mut Dice) -> T {
    let mut draws = dice.stream(Stream::Events);
    let (on, off): (Vec<_>, Vec<_>) = offers.into_iter().partition(moves_on);
    let mut from = if !on.is_empty() && draws.chance(0.5) { on } else { on.into_iter().chain(off).collect() };
    let at = draws.below(from.len() as u64) as usize;
    from.swap_remove(at)
}

/// Whether a fight or an event waits for an answer.
pub fn busy(state: &Value) -> bool {
    !state["combat"].is_null() || !state["current_event"].is_null()
}

/// The next offer of the random policy, from a state and its offers as the API gives them.
pub fn choose_offer(state: &Value, offers: &Value, dice: &mut Dice) -> Value {
    let busy = busy(state);
    let offered = offers["offered"].as_array().expect("offers").clone();
    choose(offered, |offer| busy || offer["cost"]["turns"] == 1, dice)
}

/// The next action of the random policy.
pub fn decide(game: &Game, dice: &mut Dice) -> (Action, Plan) {
    let busy = game.combat.is_some() || game.event.is_some();
    let offered = Offers::of(game, &CONTENT).offered;
    assert!(!offered.is_empty(), "no legal action in {game:?}");
    choose(offered, |(_, plan)| busy || plan.cost.turns > 0, dice)
}

/// Plays a game to its end; `watch` sees every step.
pub fn play(mut game: Game, policy: u64, mut watch: impl FnMut(&Game, &Action, &Plan, &Game)) -> Game {
    let mut dice = Dice::new(policy);
    let mut steps = 0;
    while game.end.is_none() {
        let (action, plan) = decide(&game, &mut dice);
        let (next, outcome) = apply(&game, &CONTENT, &action).expect("an offered action is accepted");
        assert_eq!(outcome.cost, plan.cost, "{action:?} is charged as it was quoted");
        watch(&game, &action, &plan, &next);
        game = next;
        steps += 1;
        assert!(steps < 50_000, "the game does not end");
    }
    assert!(game.end != Some(End::Victory) || game.wealth >= CONTENT.balance.difficulty.of(game.difficulty).goal);
    game
}
