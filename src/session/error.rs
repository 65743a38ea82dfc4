//! Why a session could not be had, or an action not be taken.

use jiff::Timestamp;

use crate::game::action::ActionError;
use crate::model::{Departure, EventId, Refusal, SessionId};
use crate::store::StoreError;

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
    /// Other servers moved the session each time an action was tried.
    #[error("the session was moved by others again and again")]
    Contended,
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
