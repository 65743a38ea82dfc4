//! Where things stand in a sketch of the game, or would after what is thought of.

use super::odds::Odds;
use crate::game::content::QuestKind;

/// What is left at a stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Left {
    /// Credits that the first visit is worth.
    pub fresh: f64,
    pub ore: f64,
    pub foes: f64,
    pub wreck: f64,
    pub scan: f64,
}

/// Work in hand.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub kind: QuestKind,
    pub target: Option<usize>,
    pub giver: Option<usize>,
    pub reward: f64,
    pub until: f64,
    pub weight: f64,
    pub done: bool,
    /// Of a bounty: the fight.
    pub fight: Option<Odds>,
}

impl Job {
    /// What is booked for it once it is done, before it is paid.
    pub fn promised(&self) -> f64 {
        match self.kind {
            _ if !self.done => 0.0,
            QuestKind::Delivery => 0.0,
            QuestKind::Rescue => 0.5 * self.reward,
            QuestKind::Bounty | QuestKind::Exploration => 0.85 * self.reward,
        }
    }
}

/// Where things stand, or would.
#[derive(Clone, Debug)]
pub struct State {
    pub at: usize,
    pub turn: f64,
    pub fuel: f64,
    pub purse: f64,
    /// Credits' worth of what is neither purse nor hold.
    pub bonus: f64,
    pub hull: f64,
    /// Units of each good.
    pub hold: Vec<f64>,
    /// By market and good: units above the usual stock at `seen`.
    pub above: Vec<f64>,
    /// By market: when its stock was counted.
    pub seen: Vec<f64>,
    pub left: Vec<Left>,
    pub jobs: Vec<Job>,
}

impl State {
    /// Pays for something, and stands there with so much hull.
    pub fn pay(&mut self, cost: f64, hull: i64) {
        self.purse -= cost;
        self.hull = hull as f64;
    }
}
