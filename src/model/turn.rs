//! A turn: what led to a revision of a session, by which event and under which key.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::game::State;
use crate::game::action::Action;
use crate::game::event::Outcome;
use crate::hex::hex;

/// A line of history: what led to a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Turn {
    pub version: u32,
    pub revision: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub deed: Change,
    /// Of the state after, in hex.
    pub digest: String,
    pub rules: u32,
    pub content: String,
    /// The idempotency key it came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How a game came to its state, by all turns of its session in order: the actions since it began, or since the game began that was
/// loaded last.
pub fn lineage(turns: impl IntoIterator<Item = Turn>) -> Vec<Step> {
    let mut steps = Vec::new();
    for turn in turns {
        match turn.deed {
            Change::Acted { action, .. } => steps.push(Step { action, digest: turn.digest, rules: turn.rules }),
            // What came before does not count.
            Change::Loaded { loaded } => steps = loaded.history,
        }
    }
    steps
}

/// What led to a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Change {
    /// An accepted action.
    Acted { action: Action, outcome: Outcome },
    /// A save took the game's place.
    Loaded { loaded: Loaded },
}

/// The save that took a game's place, with all it takes to replay the game from its beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Loaded {
    pub slot: u8,
    pub name: String,
    pub saved_at: Timestamp,
    pub history: Vec<Step>,
}

/// An action of a game from its beginning, and the digest of the state after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Step {
    pub action: Action,
    pub digest: String,
    pub rules: u32,
}

/// What recovery takes from a log record: the state, and where the player is, for lists.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Logged {
    pub place: String,
    pub state: State,
    /// The state as it was written, of which its digest was taken.
    pub bytes: Vec<u8>,
}

/// The name of a turn as an event: its revision, and the first eight digits of its digest, so that a revision of another history
/// is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    revision: u64,
    /// ASCII.
    digest: [u8; EventId::DIGITS],
}

impl EventId {
    const DIGITS: usize = 8;

    /// Of a state, by its revision and digest.
    pub fn new(revision: u64, digest: &str) -> Self {
        let mut digits = [0; Self::DIGITS];
        digits.iter_mut().zip(digest.bytes()).for_each(|(digit, byte)| *digit = byte);
        Self { revision, digest: digits }
    }

    /// Of what revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Of a turn.
    pub fn of(turn: &Turn) -> Self {
        Self::new(turn.revision, &turn.digest)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digests are hexadecimal.
        write!(f, "{}-{}", self.revision, std::str::from_utf8(&self.digest).unwrap_or_default())
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Not the name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnEvent;

impl FromStr for EventId {
    type Err = NotAnEvent;

    /// Only the one form that we write.
    fn from_str(text: &str) -> Result<Self, NotAnEvent> {
        let (revision, digest) = text.split_once('-').ok_or(NotAnEvent)?;
        let id = Self::new(revision.parse().map_err(|_| NotAnEvent)?, digest);
        let hex = id.digest.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex && id.to_string() == text { Ok(id) } else { Err(NotAnEvent) }
    }
}

/// An idempotency key, and the turn that came with it, whose line of history has the key itself. As `revision-mark` where it is stored:
/// many are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredKey", into = "String")]
pub struct UsedKey {
    /// The first 64 bits of its SHA-256.
    pub mark: u64,
    /// What it led to.
    pub revision: u64,
}

impl UsedKey {
    /// Keys of a session that are remembered: as many as can be under way without an answer, 128 of a connection and 128 of the
    /// session. With fewer, who repeats all of them has each one done again push out the next.
    pub const MOST: usize = 256;

    /// A key, and what it led to.
    pub fn of(key: &str, revision: u64) -> Self {
        Self { mark: Self::mark(key), revision }
    }

    /// What a key is looked up by.
    pub fn mark(key: &str) -> u64 {
        let digest: [u8; 32] = Sha256::digest(key).into();
        digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
    }
}

impl From<UsedKey> for String {
    fn from(key: UsedKey) -> Self {
        format!("{}-{:016x}", key.revision, key.mark)
    }
}

/// How keys are written, and how they were before there were as many.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredKey {
    Marked(String),
    Named { key: String, revision: u64 },
}

impl From<StoredKey> for UsedKey {
    fn from(stored: StoredKey) -> Self {
        match stored {
            StoredKey::Named { key, revision } => Self::of(&key, revision),
            // One that cannot be read is that of no turn.
            StoredKey::Marked(text) => text
                .split_once('-')
                .and_then(|(revision, mark)| {
                    Some(Self { mark: u64::from_str_radix(mark, 16).ok()?, revision: revision.parse().ok()? })
                })
                .unwrap_or(Self { mark: 0, revision: 0 }),
        }
    }
}

/// The idempotency key that something was begun with, and the mark of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Beginning {
    pub key: String,
    pub asked: String,
}

impl Beginning {
    /// Of a key and whatever was asked for under it.
    pub fn of(key: String, asked: &impl Serialize) -> Self {
        let asked = serde_json::to_vec(asked).expect("what is asked has string keys only, so it always serializes");
        Self { key, asked: hex(&Sha256::digest(asked)[..8]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_form_names_an_event() {
        let id: EventId = "12-89abcdef".parse().expect("an event");
        assert_eq!((id.revision, id.to_string().as_str()), (12, "12-89abcdef"));
        for bad in
            ["", "12", "12-", "-89abcdef", "012-89abcdef", "+12-89abcdef", "12-89ABCDEF", "12-89abcde", "12-89abcdef0"]
        {
            assert_eq!(bad.parse::<EventId>(), Err(NotAnEvent), "{bad}");
        }
        assert_eq!("12-89abcdeg".parse::<EventId>(), Err(NotAnEvent));
        assert_eq!("99999999999999999999-89abcdef".parse::<EventId>(), Err(NotAnEvent));
    }
}
