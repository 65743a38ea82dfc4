//! Policies without a thought: anything that is offered, or one kind of action as often as it is.

use super::observation::Observation;
use super::player::Player;
use super::tally::kind;
use crate::game::action::Action;
use crate::game::rng::{Dice, Stream};

/// Any offered action, each kind alike; or one kind whenever it is offered.
pub struct Random {
    dice: Dice,
    favourite: Option<&'static str>,
}

impl Random {
    pub fn new(dice: Dice, favourite: Option<&'static str>) -> Self {
        Self { dice, favourite }
    }
}

impl Player for Random {
    fn decide(&mut self, obs: Observation<'_>) -> Action {
        let mut offered: Vec<_> = obs.offers().into_iter().map(|(action, _)| action).collect();
        let mut kinds: Vec<_> = offered.iter().map(kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut draws = self.dice.stream(Stream::Events);
        let favourite = self.favourite.filter(|favourite| kinds.contains(favourite));
        let chosen = favourite.or_else(|| draws.pick(&kinds).copied());
        offered.retain(|action| Some(kind(action)) == chosen);
        draws.pick(&offered).cloned().unwrap_or(Action::Wait {})
    }
}
