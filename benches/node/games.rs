//! Games to be played: seeds, and actions that the rules accept from their beginning to their end. The server draws the same from a seed,
//! so a client that plays them need not ask what can be done.

use cosmic_explorer::game::action::Action;
use cosmic_explorer::game::content::{Content, Difficulty, built_in};
use cosmic_explorer::game::offers::Offers;
use cosmic_explorer::game::rng::{Dice, Stream};
use cosmic_explorer::game::rules::{apply, begin};

/// Actions of a game. A game is begun for each so many turns, so this decides how much of what is measured is beginnings.
pub const ACTIONS: usize = 115;

/// A game.
#[derive(Debug)]
pub struct Script {
    pub seed: u64,
    /// As JSON.
    pub actions: Vec<String>,
}

/// So many games.
pub fn scripts(count: usize) -> Vec<Script> {
    let content = Content::parse(&built_in()).expect("content");
    (1..).filter_map(|seed| script(&content, seed)).take(count).collect()
}

/// None where the game ends before.
fn script(content: &Content, seed: u64) -> Option<Script> {
    let (mut game, mut dice) = (begin(content, seed, Difficulty::Easy), Dice::new(seed));
    let mut actions = Vec::new();
    while actions.len() < ACTIONS {
        if game.end.is_some() {
            return None;
        }
        let action = choose(Offers::of(&game, content).offered.into_iter().map(|(action, _)| action), &mut dice);
        (game, _) = apply(&game, content, &action).expect("an offered action is accepted");
        actions.push(serde_json::to_string(&action).expect("JSON"));
    }
    Some(Script { seed, actions })
}

/// Any action, but a third of the time a place to go to: games are to see something of the map.
fn choose(offered: impl Iterator<Item = Action>, dice: &mut Dice) -> Action {
    let mut draws = dice.stream(Stream::Events);
    let (moves, mut all): (Vec<_>, Vec<_>) =
        offered.partition(|action| matches!(action, Action::Navigate { .. } | Action::Jump { .. }));
    if all.is_empty() || (!moves.is_empty() && draws.chance(0.33)) {
        all = moves;
    }
    let at = usize::try_from(draws.below(all.len() as u64)).expect("a small number");
    all.swap_remove(at)
}
