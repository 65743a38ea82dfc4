//! Who is here: players, their sessions, which of them are in memory, and how they come and go. Nothing of HTTP.

mod beginnings;
pub mod boards;
mod challenge_key;
pub mod clock;
mod contents;
mod core;
pub mod directory;
mod edit;
mod judge;
pub mod live;
pub mod lived;
mod maps;
pub mod name;
pub mod places;
pub mod presence;
mod report;
pub mod resident;
pub mod saves;
mod seats;
mod services;
pub mod sessions;
mod sweep;
pub mod token;
mod tokens;

pub use beginnings::Beginnings;
pub use challenge_key::ChallengeKey;
pub use contents::Contents;
pub use core::Core;
pub use directory::Directory;
pub use judge::Judge;
pub use presence::Presences;
pub use report::{Report, Reporter};
pub use saves::Saves;
pub use seats::Swept;
pub use services::{Parts, Services};
pub use sessions::Sessions;
pub use sweep::Sweeper;
pub use tokens::Tokens;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::game::action::ActionError;
use crate::model::{Departure, EventId, Refusal, SessionId};
use crate::store::StoreError;

/// How many sessions, for how long. All configurable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sessions in memory at once.
    pub limit: usize,
    /// Seconds between sweeps.
    pub sweep_secs: u64,
    /// Seconds without a request after which a session leaves memory; 0: never.
    pub idle_secs: i64,
    /// Seconds without a request after which a session can be made to give way when memory is full.
    pub yield_secs: i64,
    /// Seconds a session stays in memory for a player whose connection dropped, from the drop or the last request on.
    pub grace_secs: i64,
    /// Unfinished sessions of one player.
    pub per_player: usize,
    /// Of a hundred places in memory, those that one address may hold while others wait for one.
    pub address_share: usize,
    /// Sessions kept in all, in memory or not.
    pub stored: usize,
    /// Days without a request after which a session goes for good; 0: never.
    pub retention_days: i64,
    /// Entries of a daily challenge's board; the best ones stay.
    pub board_entries: usize,
    /// Days that the boards of daily challenges are kept.
    pub board_days: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: 100,
            sweep_secs: 300,
            idle_secs: 3600,
            yield_secs: 60,
            grace_secs: 300,
            per_player: 10,
            address_share: 50,
            stored: 100_000,
            retention_days: 0,
            board_entries: 1000,
            board_days: 400,
        }
    }
}

impl Settings {
    /// What is out of range, in words.
    pub fn check(&self) -> Result<(), String> {
        let fits = |name: &str, holds: bool, rule: &str| {
            if holds { Ok(()) } else { Err(format!("sessions.{name} must be {rule}")) }
        };
        fits("limit", (1..=1_000_000).contains(&self.limit), "1 to 1000000")?;
        fits("sweep_secs", (1..=86_400).contains(&self.sweep_secs), "1 to 86400")?;
        fits("idle_secs", (0..=31_536_000).contains(&self.idle_secs), "0 (never) to 31536000")?;
        fits("yield_secs", (0..=86_400).contains(&self.yield_secs), "0 to 86400")?;
        fits("grace_secs", (60..=3_600).contains(&self.grace_secs), "60 to 3600")?;
        fits("per_player", (1..=1_000_000).contains(&self.per_player), "1 to 1000000")?;
        fits("address_share", (1..=100).contains(&self.address_share), "1 to 100")?;
        fits("stored", (1..=10_000_000).contains(&self.stored), "1 to 10000000")?;
        fits("retention_days", (0..=36_500).contains(&self.retention_days), "0 (for ever) to 36500")?;
        fits("board_entries", (1..=1_000).contains(&self.board_entries), "1 to 1000")?;
        fits("board_days", (2..=4_000).contains(&self.board_days), "2 to 4000")
    }
}

/// Why a session could not be had, or an action not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It never existed, or is somebody else's; nobody can tell which.
    #[error("no such session")]
    NotFound,
    /// It is gone for good.
    #[error("the session is gone for good")]
    Gone {
        /// Since when.
        expired_at: Timestamp,
        /// Why.
        reason: Departure,
    },
    /// The token is forged, damaged, expired or revoked.
    #[error("the token is not good")]
    BadToken,
    /// The token is an observer's.
    #[error("the token can only watch")]
    OnlyWatches,
    /// Memory is full of sessions that are in use.
    #[error("the limit of {limit} sessions in memory is reached")]
    LimitReached {
        /// How many there can be.
        limit: usize,
        /// Seconds until one of them may give way.
        retry_after: i64,
    },
    /// The player has too many unfinished games.
    #[error("the limit of {limit} unfinished games is reached")]
    TooMany {
        /// How many there can be.
        limit: usize,
    },
    /// As many games are stored as can be, none of them finished.
    #[error("the store is full")]
    StoreFull,
    /// So many commands wait for the session already.
    #[error("{limit} commands wait for the session")]
    Busy {
        /// How many can.
        limit: usize,
    },
    /// The client's connection was replaced by another one.
    #[error("the connection was replaced by another one")]
    Replaced,
    /// So many watch the session already.
    #[error("{limit} watch the session")]
    TooManyObservers {
        /// How many can.
        limit: usize,
    },
    /// The server stops.
    #[error("the server stops")]
    Closing,
    /// The client acted on a state that is no longer the present one.
    #[error("the state has changed; it is {event}")]
    Stale {
        /// What led to the present one.
        event: EventId,
    },
    /// A command under the same key is under way.
    #[error("a command under this key is under way")]
    KeyRunning,
    /// The key came with another command before.
    #[error("the key was used for revision {revision}")]
    KeyReused {
        /// What that led to.
        revision: u64,
    },
    /// The key came with another game, or another save, before.
    #[error("the key was used for something else")]
    KeyTaken,
    /// There is no save in the slot.
    #[error("slot {number} is empty")]
    SlotEmpty {
        /// Which.
        number: u8,
    },
    /// The slot does not hold what the client expects.
    #[error("slot {number} does not hold what was expected")]
    SlotChanged {
        /// Which.
        number: u8,
    },
    /// The save that a client brings is not taken.
    #[error(transparent)]
    Save(#[from] Refusal),
    /// The game has more actions than a save can have.
    #[error("the game has more than {limit} actions")]
    TooLong {
        /// How many there can be.
        limit: usize,
    },
    /// The session's history has grown so long that no save is loaded into it.
    #[error("the history has more than {limit} bytes")]
    HistoryFull {
        /// How many there can be.
        limit: u64,
    },
    /// The game is not over yet.
    #[error("the game is not over yet")]
    NotFinished,
    /// The game has permadeath: there is no way back in it, nor one to try its future out.
    #[error("the game has permadeath")]
    Permadeath,
    /// The seed of a challenge is not told before its day is over.
    #[error("the challenge goes on until {ends_at}")]
    ChallengeRunning {
        /// When it is over.
        ends_at: Timestamp,
        /// In how many seconds that is.
        retry_after: i64,
    },
    /// The server's clock was set, and has not held for long enough since then to tell the day.
    #[error("the clock was set lately")]
    ClockUnsettled {
        /// In how many seconds it has.
        retry_after: i64,
    },
    /// The player has begun the day's challenge.
    #[error("the challenge of the day was begun already")]
    ChallengeBegun {
        /// The game.
        session: SessionId,
        /// Whether it is still there.
        there: bool,
        /// When the next one begins.
        ends_at: Timestamp,
        /// In how many seconds that is.
        retry_after: i64,
    },
    /// The seed of the day was told while the clock was ahead.
    #[error("the challenge of the day is closed")]
    ChallengeClosed {
        /// When the next one begins.
        ends_at: Timestamp,
        /// In how many seconds that is.
        retry_after: i64,
    },
    /// There is no board of that day.
    #[error("there is no such board")]
    NoBoard,
    /// The board has no such rank.
    #[error("there is no such entry")]
    NoEntry,
    /// The entry of a board is not what it says.
    #[error("the entry is refused: {0}")]
    EntryRefused(Refusal),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] ActionError),
    /// The session cannot be read, so nobody can tell whose it is.
    #[error("the session cannot be read")]
    Unread {
        /// It is damaged; else it may be read another time.
        damaged: bool,
    },
    /// The disk says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the server failed; the session was left as it was.
    #[error("the server failed: {0}")]
    Internal(String),
}
