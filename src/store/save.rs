//! Saves: a game as it stood, and how it came to that. The same in a slot and in an exported file.
//!
//! Nothing in a file that a client sends is believed: it must read, fit the content, and be where its own history leads to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::format::{self, Kind};
use super::model::{self, Beginning, Checkpoint, Deed, Loaded, Map, Nonsense, State, Step, Turn};
use super::replay::{Replay, Unproven};
use crate::game::RULES_VERSION;
use crate::game::content::Content;
use crate::game::state::Game;

/// A save. An exported file has no owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Save {
    pub version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Uuid>,
    /// The idempotency key of its import; not in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_with: Option<Beginning>,
    /// The session it was saved from.
    pub session_id: Uuid,
    pub name: String,
    pub created_at: Timestamp,
    pub saved_at: Timestamp,
    /// Of the session, when it was saved.
    pub revision: u64,
    /// Version of the rules it was played under last.
    pub rules: u32,
    /// Hash of the content it plays on.
    pub content: String,
    /// Where the player is.
    pub place: String,
    #[serde(flatten)]
    pub state: State,
    pub star_map: Map,
    /// From the beginning of the game.
    pub history: Vec<Step>,
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

impl From<Nonsense> for Refusal {
    fn from(nonsense: Nonsense) -> Self {
        Self::Invalid(nonsense.to_string())
    }
}

impl Save {
    /// A session's game as it stands.
    pub fn of(checkpoint: Checkpoint, history: Vec<Step>, now: Timestamp) -> Self {
        Self {
            version: model::VERSION,
            owner: Some(checkpoint.owner),
            imported_with: None,
            session_id: checkpoint.session_id,
            name: checkpoint.name,
            created_at: checkpoint.created_at,
            saved_at: now,
            revision: checkpoint.revision,
            rules: checkpoint.rules,
            content: checkpoint.content,
            place: checkpoint.place,
            state: checkpoint.state,
            star_map: checkpoint.star_map,
            history,
        }
    }

    /// The line of history that tells that it took the place of a session's game.
    pub fn loaded(self, slot: u8, revision: u64, at: Timestamp) -> Turn {
        Turn {
            version: model::VERSION,
            revision,
            at,
            digest: self.state.digest(&self.star_map.digest()),
            rules: self.rules,
            content: self.content,
            deed: Deed::Loaded {
                loaded: Loaded { slot, name: self.name, saved_at: self.saved_at, history: self.history },
            },
            key: None,
        }
    }

    /// What it takes to play it again.
    pub fn replay(&self) -> Replay {
        Replay {
            version: self.version,
            name: self.name.clone(),
            content: self.content.clone(),
            seed: self.state.seed,
            difficulty: self.state.difficulty,
            history: self.history.clone(),
        }
    }

    /// As a file says it: without its owner, and with no other count than that of its own actions. How far the session had come it was
    /// taken from nobody could prove.
    pub fn exported(self) -> Self {
        Self { owner: None, imported_with: None, revision: self.history.len() as u64, ..self }
    }

    /// Whether a file counts its actions right.
    pub fn check_count(&self) -> Result<(), Refusal> {
        let count = self.history.len() as u64;
        if self.revision == count {
            return Ok(());
        }
        Err(Refusal::Invalid(format!("its revision is {}, and its history has {count} actions", self.revision)))
    }

    /// The game in it, if it makes sense.
    pub fn restore(&self, content: &Content) -> Result<Game, Nonsense> {
        model::restore(&self.star_map, &self.state, content)
    }

    /// Reads what a client sends: the form only. [`Self::prove`] must follow.
    pub fn read(value: Value) -> Result<Self, Refusal> {
        let save: Self =
            format::read_value(Kind::Save, value.clone()).map_err(|error| Refusal::Invalid(error.to_string()))?;
        // Stored types always serialize.
        let known = serde_json::to_value(&save).unwrap_or_default();
        match unknown(&value, &known) {
            Some(problem) => Err(Refusal::Invalid(problem)),
            None => Ok(save),
        }
    }

    /// Whether the save is what it says: every id known, every figure in its range, and its state the one its history leads to.
    /// Under older rules that nobody can replay any more, ranges must do.
    pub fn prove(&self, content: &Content) -> Result<(), Refusal> {
        if self.rules == 0 || self.rules > RULES_VERSION {
            return Err(Refusal::Invalid(format!("there are no rules {} here", self.rules)));
        }
        let game = self.restore(content)?;
        if self.place != model::whereabouts(&game) {
            return Err(Refusal::Invalid("the player is not where it says".to_owned()));
        }
        let replayed = match self.replay().verify(content, |_, _, _| {}) {
            Err(Unproven::Unverifiable { rules, .. }) if rules < RULES_VERSION => return Ok(()),
            replayed => replayed?,
        };
        if replayed.map != game.map {
            return Err(Refusal::Invalid("the star map is not the one its seed makes".to_owned()));
        }
        if replayed != game {
            let problem = "the state is not the one its history leads to".to_owned();
            return Err(Unproven::Diverged { turn: self.history.len() + 1, problem }.into());
        }
        Ok(())
    }
}

/// What is wrong with the first member of an object, at any depth, that its own reader does not know, or took a list for.
fn unknown(given: &Value, known: &Value) -> Option<String> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => given.iter().find_map(|(name, value)| match known.get(name) {
            Some(Value::Object(_)) if value.is_array() => Some(format!("{name:?} is a list, and should be an object")),
            Some(known) => unknown(value, known),
            None => Some(format!("{name:?} is not part of a save")),
        }),
        (Value::Array(given), Value::Array(known)) => given.iter().zip(known).find_map(|(a, b)| unknown(a, b)),
        (Value::Array(_), Value::Object(_)) => Some("a list stands where an object should".to_owned()),
        _ => None,
    }
}
