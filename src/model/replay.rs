//! Replays: a game played again from its seed and its actions, and every digest compared.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::format::{self, Kind};
use super::game::{InvalidState, Map, State};
use super::turn::Step;
use crate::game::RULES_VERSION;
use crate::game::content::{Content, Difficulty};
use crate::game::event::Outcome;
use crate::game::rng::MAX_SEED;
use crate::game::rules;
use crate::game::state::Game;

/// All it takes to play a game again. Saves and the replays of finished games are read as this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The format.
    pub version: u32,
    /// What the game is called.
    pub name: String,
    /// Hash of the content it is played on.
    pub content: String,
    /// From 0 to [`MAX_SEED`].
    pub seed: u64,
    /// How hard.
    pub difficulty: Difficulty,
    /// From the beginning.
    pub history: Vec<Step>,
}

/// Why a game is not what it is said to be, or why nobody can tell. Turns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It is not.
    #[error("turn {turn} diverges: {}", problem.trim_end_matches('.'))]
    Diverged {
        /// The first turn that is wrong.
        turn: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The turn was played under other rules than this program has.
    #[error("turn {turn} was played under rules {rules}, and this program has {RULES_VERSION}")]
    Unverifiable {
        /// The first such turn.
        turn: usize,
        /// Version of its rules.
        rules: u32,
    },
    /// It was played on other content.
    #[error("it was played on content {content}, which is not here")]
    ContentMissing {
        /// Its hash.
        content: String,
    },
}

/// Why a save is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is no save, or makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Its history does not lead to its state.
    #[error(transparent)]
    Unproven(#[from] Unproven),
}

impl From<InvalidState> for Refusal {
    fn from(nonsense: InvalidState) -> Self {
        Self::Invalid(nonsense.to_string())
    }
}

impl Replay {
    /// Reads a replay, or the replay in a save.
    pub fn read(value: Value) -> Result<Self, Refusal> {
        format::read_value(Kind::Save, value).map_err(|error| Refusal::Invalid(error.to_string()))
    }

    /// Plays the game again, and shows every turn that proves right. The game as it stands in the end.
    pub fn verify(&self, content: &Content, mut watch: impl FnMut(usize, &Step, &Outcome)) -> Result<Game, Unproven> {
        if self.content != content.hash {
            return Err(Unproven::ContentMissing { content: self.content.clone() });
        }
        if self.seed > MAX_SEED {
            return Err(Unproven::Diverged { turn: 1, problem: "there is no such seed".to_owned() });
        }
        if let Some(at) = self.history.iter().position(|step| step.rules == 0) {
            return Err(Unproven::Diverged { turn: at + 1, problem: "there never were rules 0".to_owned() });
        }
        if let Some(at) = self.history.iter().position(|step| step.rules != RULES_VERSION) {
            return Err(Unproven::Unverifiable { turn: at + 1, rules: self.history[at].rules });
        }
        let mut game = rules::begin(content, self.seed, self.difficulty);
        let map = Map::of(&game.map, content).digest();
        for (at, step) in self.history.iter().enumerate() {
            let diverged = |problem: String| Unproven::Diverged { turn: at + 1, problem };
            let (next, outcome) = rules::apply(&game, content, &step.action)
                .map_err(|refused| diverged(format!("the rules refuse its action: {}", refused.detail)))?;
            let digest = State::of(&next, content).digest(&map);
            if digest != step.digest {
                return Err(diverged(format!("it leads to the state {digest}, not {}", step.digest)));
            }
            game = next;
            watch(at + 1, step, &outcome);
        }
        Ok(game)
    }
}
