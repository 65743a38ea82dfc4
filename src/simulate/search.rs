//! Thinking ahead in a sketch of the game.

use super::state::State;
use super::world::{Choice, World};

/// The best next thing, thinking so many things ahead; with its score: credits beyond what its turns are worth.
pub fn best(world: &World, state: &State, widths: &[usize]) -> Option<(f64, Choice, f64)> {
    let (width, deeper) = widths.split_first()?;
    let before = world.worth(state);
    let mut found: Vec<_> = world
        .choices(state)
        .into_iter()
        .filter_map(|choice| {
            let mut next = state.clone();
            world.follow(&mut next, choice).then(|| {
                let (gain, turns) = (world.worth(&next) - before, next.turn - state.turn);
                (gain - world.rate * turns, choice, gain / turns.max(1.0), next)
            })
        })
        .collect();
    // Stable, so that equals stay in the order of the stops.
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(*width);
    if !deeper.is_empty() {
        for (score, _, pace, next) in &mut found {
            let gain = *score + world.rate * (next.turn - state.turn);
            if let Some((further, _, _)) = best(world, next, deeper) {
                *score += further.max(0.0);
                *pace = pace.max((gain + further) / (next.turn - state.turn));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    found.into_iter().next().map(|(score, choice, pace, _)| (score, choice, pace))
}

/// What so many turns may bring, always taking the best next thing.
pub fn rollout(world: &World, mut state: State, turns: f64) -> f64 {
    let before = world.worth(&state);
    let until = (state.turn + turns).min(world.markets.limit - 1.0);
    while state.turn < until {
        let Some((_, choice, _)) = best(world, &state, &[1]) else { break };
        if !world.follow(&mut state, choice) {
            break;
        }
    }
    world.worth(&state) - before
}
