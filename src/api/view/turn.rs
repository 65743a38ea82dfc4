//! What a turn led to: the answer to an action, and a line of history.

use jiff::Timestamp;
use serde::Serialize;

use super::state::{ChoiceView, CombatView, StackView, StateView};
use crate::game::action::Action;
use crate::game::event::{Event, Outcome, Reason};
use crate::game::stats::Stats;
use crate::model::{Change, Loaded, Turn};
use crate::session::game_session::{Acted, Snapshot};

/// What an action led to, and the game as it stands.
#[derive(Debug, Serialize)]
pub struct ActedView<'a> {
    /// The revision it led to.
    pub revision: u64,
    /// What it brought about.
    pub outcome: OutcomeView<'a>,
    /// Of the state at that revision.
    pub digest: &'a str,
    /// The state as it stands; not for who does not want it whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateView<'a>>,
}

impl<'a> ActedView<'a> {
    /// Of an accepted action.
    pub fn of(acted: &'a Acted) -> Self {
        Self { state: Some(StateView::of(&acted.snapshot)), ..Self::without_state(acted) }
    }

    /// The same without the state.
    pub fn without_state(acted: &'a Acted) -> Self {
        let Acted { revision, outcome, digest, snapshot } = acted;
        Self { revision: *revision, outcome: OutcomeView::of(outcome, snapshot), digest, state: None }
    }
}

/// What an accepted action brought about.
#[derive(Debug, Serialize)]
pub struct OutcomeView<'a> {
    /// The rules' own report.
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// The choices that wait now.
    choices: Vec<ChoiceView<'a>>,
    /// What was won with it.
    rewards: RewardsView<'a>,
    /// The fight that goes on.
    combat: Option<CombatView<'a>>,
}

/// What an action won.
#[derive(Debug, Default, Serialize)]
pub struct RewardsView<'a> {
    /// Credits.
    wealth: i64,
    /// Items that were not bought.
    items: Vec<StackView<'a>>,
}

impl<'a> OutcomeView<'a> {
    /// Of an outcome and the state after it.
    pub fn of(outcome: &'a Outcome, snapshot: &'a Snapshot) -> Self {
        let (game, content) = (&*snapshot.game, &*snapshot.content);
        let mut rewards = RewardsView::default();
        for event in &outcome.events {
            match event {
                Event::Credits { amount, .. } if *amount > 0 => rewards.wealth += amount,
                Event::Item { item, quantity, reason, .. } if *reason != Reason::Purchase => {
                    rewards.items.push(StackView { item_id: item, quantity: *quantity });
                }
                _ => {}
            }
        }
        let combat = CombatView::of(game, content, &Stats::of(game, content));
        Self { outcome, choices: ChoiceView::all(game, content), rewards, combat }
    }
}

/// A page of history.
#[derive(Debug, Serialize)]
pub struct HistoryView<'a> {
    /// In order.
    pub turns: Vec<TurnView<'a>>,
    /// Asks for the next page, as `after`; none where this is the last.
    pub next_after: Option<u64>,
}

/// A line of history.
#[derive(Debug, Serialize)]
pub struct TurnView<'a> {
    /// The revision it led to.
    pub revision: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// What was done.
    #[serde(flatten)]
    pub change: ChangeView<'a>,
    /// Of the state at that revision.
    pub digest: &'a str,
    /// The version of the rules it was played under.
    pub rules: u32,
    /// The hash of the content it was played on.
    pub content: &'a str,
}

/// What led to a revision: an action, or a save that took the game's place.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ChangeView<'a> {
    /// An action.
    Acted {
        /// As it was sent.
        action: &'a Action,
        /// What it brought about.
        outcome: &'a Outcome,
    },
    /// A save.
    Loaded {
        /// Which one.
        loaded: LoadedView<'a>,
    },
}

/// A save that took the game's place.
#[derive(Debug, Serialize)]
pub struct LoadedView<'a> {
    /// The slot it was loaded from.
    pub slot: u8,
    /// The name of the saved game.
    pub name: &'a str,
    /// When it was saved.
    pub saved_at: Timestamp,
}

impl<'a> TurnView<'a> {
    /// Of a stored turn.
    pub fn of(turn: &'a Turn) -> Self {
        let change = match &turn.deed {
            Change::Acted { action, outcome } => ChangeView::Acted { action, outcome },
            Change::Loaded { loaded: Loaded { slot, name, saved_at, .. } } => {
                ChangeView::Loaded { loaded: LoadedView { slot: *slot, name, saved_at: *saved_at } }
            }
        };
        let Turn { revision, at, digest, rules, content, .. } = turn;
        Self { revision: *revision, at: *at, change, digest, rules: *rules, content }
    }
}
