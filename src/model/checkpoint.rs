//! A session as it is written down: whole, as lists need it, as its history begins, and as what is left of it.

use std::ops::Not;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::challenge::Challenge;
use super::format::VERSION;
use super::game::{Map, State, whereabouts};
use super::id::PlayerId;
use super::turn::{Beginning, Logged, Turn, UsedKey};
use crate::game::RULES_VERSION;
use crate::game::content::{Content, Difficulty};
use crate::game::state::Game;

/// What no turn changes of a session. In memory it is one value; the stored forms have each of it among their members, where readers
/// of earlier versions look for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Whose it is.
    pub owner: PlayerId,
    /// Its name in lists.
    pub name: String,
    /// When it began.
    pub created_at: Timestamp,
    /// Whether its future is known to nobody.
    pub ranked: bool,
    /// No save takes the game's place.
    pub permadeath: bool,
    /// The challenge it takes part in.
    pub challenge: Option<Challenge>,
    /// The key it was begun with; few have one, and there is one of this for every session that is stored.
    pub begun_with: Option<Box<Beginning>>,
}

/// A session as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)] // The words are those of docs/saves-format.md.
pub struct Checkpoint {
    pub version: u32,
    pub session_id: Uuid,
    pub owner: Uuid,
    pub name: String,
    pub created_at: Timestamp,
    pub last_activity: Timestamp,
    /// The last activity in lived time, see [`super::clock::Clock::lived`]; those of before there was any have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lived: Option<Timestamp>,
    pub revision: u64,
    pub ranked: bool,
    /// No save takes the game's place.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub permadeath: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// Version of the rules that wrote it.
    pub rules: u32,
    /// Hash of the content it plays on.
    pub content: String,
    /// The last keys its turns came with, oldest first.
    pub keys: Vec<UsedKey>,
    /// The key it was begun with itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<Beginning>,
    /// Where the player is, for lists.
    pub place: String,
    #[serde(flatten)]
    pub state: State,
    pub star_map: Map,
}

impl Checkpoint {
    /// What no turn changes of it.
    pub fn meta(&self) -> Meta {
        let Self { owner, created_at, ranked, permadeath, challenge, .. } = *self;
        let (owner, name) = (PlayerId(owner), self.name.clone());
        let begun_with = self.begun_with.clone().map(Box::new);
        Meta { owner, name, created_at, ranked, permadeath, challenge, begun_with }
    }

    /// Whether its game has ended, and takes part in a challenge that has not heard of that.
    pub fn awaits_verdict(&self) -> bool {
        self.state.end.is_some() && self.challenge.is_some_and(|challenge| challenge.verdict.is_none())
    }
}

/// The part of a checkpoint that lists need, read without the rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Header {
    pub session_id: Uuid,
    pub owner: Uuid,
    pub name: String,
    pub created_at: Timestamp,
    pub last_activity: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lived: Option<Timestamp>,
    pub revision: u64,
    pub ranked: bool,
    #[serde(default, skip_serializing_if = "Not::not")]
    pub permadeath: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<Beginning>,
    pub place: String,
    pub turn_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    pub player_stats: HeaderStats,
    /// The session cannot be read now: this is only what else tells of it, and may be far behind.
    #[serde(skip)]
    pub outlined: bool,
}

impl Header {
    /// Of a session as it is written down.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { name, place, state, .. } = checkpoint;
        Self {
            session_id: checkpoint.session_id,
            owner: checkpoint.owner,
            name: name.clone(),
            created_at: checkpoint.created_at,
            last_activity: checkpoint.last_activity,
            lived: checkpoint.lived,
            revision: checkpoint.revision,
            ranked: checkpoint.ranked,
            permadeath: checkpoint.permadeath,
            challenge: checkpoint.challenge,
            begun_with: checkpoint.begun_with.clone(),
            place: place.clone(),
            turn_count: state.turn_count,
            end: state.end.clone(),
            player_stats: HeaderStats {
                wealth: state.player_stats.wealth,
                ship_type: state.player_stats.ship_type.clone(),
            },
            outlined: false,
        }
    }

    /// What no turn changes of the session.
    pub fn meta(&self) -> Meta {
        let Self { owner, created_at, ranked, permadeath, challenge, .. } = *self;
        let (owner, name) = (PlayerId(owner), self.name.clone());
        let begun_with = self.begun_with.clone().map(Box::new);
        Meta { owner, name, created_at, ranked, permadeath, challenge, begun_with }
    }

    /// Brings it to a later turn that the log has.
    pub fn advance(&mut self, turn: &Turn, logged: Logged) {
        let Logged { place, state, .. } = logged;
        self.revision = turn.revision;
        self.last_activity = self.last_activity.max(turn.at);
        self.place = place;
        self.turn_count = state.turn_count;
        self.end = state.end;
        self.player_stats = HeaderStats { wealth: state.player_stats.wealth, ship_type: state.player_stats.ship_type };
    }
}

/// See [`Header`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct HeaderStats {
    pub wealth: i64,
    pub ship_type: String,
}

/// A line of history that says whose it is, and what its game begins from: with the actions that is the whole game, should the
/// checkpoint be lost. Lines before it that lead beyond its revision did not happen: they are of a load that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Heading {
    pub version: u32,
    pub head: Head,
}

/// See [`Heading`]. The last one counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Head {
    /// Of the session when this was written: every turn up to there stands before it.
    pub revision: u64,
    pub session_id: Uuid,
    pub owner: Uuid,
    pub name: String,
    pub created_at: Timestamp,
    pub last_activity: Timestamp,
    /// The same in lived time, see [`super::clock::Clock::lived`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lived: Option<Timestamp>,
    pub ranked: bool,
    #[serde(default, skip_serializing_if = "Not::not")]
    pub permadeath: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// Hash of the content that the present game plays on.
    pub content: String,
    /// Of the present game: after a load, that of the save.
    pub seed: u64,
    pub difficulty: Difficulty,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<Beginning>,
}

impl Heading {
    /// Of a session as it is written down.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { session_id, owner, created_at, last_activity, lived, revision, .. } = *checkpoint;
        let Checkpoint { ranked, permadeath, challenge, .. } = *checkpoint;
        let head = Head {
            revision,
            session_id,
            owner,
            name: checkpoint.name.clone(),
            created_at,
            last_activity,
            lived,
            ranked,
            permadeath,
            challenge,
            content: checkpoint.content.clone(),
            seed: checkpoint.state.seed,
            difficulty: checkpoint.state.difficulty,
            begun_with: checkpoint.begun_with.clone(),
        };
        Self { version: VERSION, head }
    }
}

impl Head {
    /// The session in lists, as far as this tells.
    pub fn header(self) -> Header {
        Header {
            session_id: self.session_id,
            owner: self.owner,
            name: self.name,
            created_at: self.created_at,
            last_activity: self.last_activity,
            lived: self.lived,
            revision: self.revision,
            ranked: self.ranked,
            permadeath: self.permadeath,
            challenge: self.challenge,
            begun_with: self.begun_with,
            place: String::new(),
            turn_count: 0,
            end: None,
            player_stats: HeaderStats { wealth: 0, ship_type: String::new() },
            outlined: true,
        }
    }

    /// The session as it is written down, with its game as it was played again.
    pub fn checkpoint(self, last: Option<&Turn>, keys: Vec<UsedKey>, game: &Game, content: &Content) -> Checkpoint {
        Checkpoint {
            version: VERSION,
            session_id: self.session_id,
            owner: self.owner,
            name: self.name,
            created_at: self.created_at,
            last_activity: last.map_or(self.last_activity, |turn| self.last_activity.max(turn.at)),
            lived: last.map_or(self.lived, |turn| {
                let since = turn.at.duration_since(self.last_activity).max(SignedDuration::ZERO);
                self.lived.and_then(|lived| lived.checked_add(since).ok())
            }),
            revision: last.map_or(0, |turn| turn.revision),
            ranked: self.ranked,
            permadeath: self.permadeath,
            challenge: self.challenge,
            begun_with: self.begun_with,
            rules: RULES_VERSION,
            content: self.content,
            keys,
            place: whereabouts(game),
            state: State::of(game, content),
            star_map: Map::of(&game.map, content),
        }
    }
}

/// A session that is gone for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Tombstone {
    pub version: u32,
    pub session_id: Uuid,
    /// Of the session when it went. If it is found with a later one, the disk failed while it was buried, it was told so, and it
    /// went on.
    pub revision: u64,
    pub owner: Uuid,
    pub expired_at: Timestamp,
    /// The same in lived time, see [`super::clock::Clock::lived`]; those of before there was any have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lived: Option<Timestamp>,
    pub reason: Departure,
    /// A request that begins it again under its key is told that it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<Beginning>,
}

impl Tombstone {
    /// Seconds of lived time that a tombstone stands: a day.
    pub const STANDS_SECS: i64 = 24 * 3600;

    /// Whether it has stood long enough at a lived time.
    pub fn is_past(&self, now: Timestamp) -> bool {
        now.duration_since(self.lived.unwrap_or(self.expired_at)).as_secs() >= Self::STANDS_SECS
    }
}

/// Why a session is gone for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Departure {
    Deleted,
    Timeout,
}
