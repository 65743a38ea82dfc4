//! What a policy is to the games it plays.

use super::duel::Duels;
use super::observation::Observation;
use crate::game::action::Action;
use crate::game::event::Outcome;

/// Decides what to do, from what it sees.
pub trait Player {
    /// The next action. A fight or an event that waits must be answered.
    fn decide(&mut self, obs: Observation<'_>) -> Action;

    /// Hears what came of it, and sees the game as it stands then; also at the beginning, without an outcome.
    fn hear(&mut self, obs: Observation<'_>, outcome: Option<&Outcome>) {
        let _ = (obs, outcome);
    }

    /// Leaves the table, and the fights worked out for whoever plays next.
    fn leave(self: Box<Self>) -> Duels {
        Duels::default()
    }
}
