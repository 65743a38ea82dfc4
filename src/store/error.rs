//! Why the store could not do what was asked.

use std::fmt;
use std::io;

use crate::model::{BoardName, Day, PlayerId, SessionId};

/// What an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A session: its checkpoint, or its history.
    Session(SessionId),
    /// A player's save, in a slot.
    Save(PlayerId, u8),
    /// The board of a daily challenge.
    Board(BoardName),
    /// All boards.
    Boards,
    /// Who has begun a day's challenge.
    Begun(Day),
    /// The content that games began with, by its hash.
    Content(String),
    /// The keys of tokens and challenges.
    Keys,
    /// Which tokens count.
    Tokens,
    /// Sessions that are gone for good.
    Tombstones,
    /// What the server makes of its clock.
    Clock,
    /// Turns that no checkpoint covers yet.
    Log,
    /// All of it, by where it is.
    Store(String),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session {id}"),
            // A player is named to nobody.
            Self::Save(_, number) => write!(f, "a save in slot {number}"),
            Self::Board(name) => write!(f, "{name}"),
            Self::Boards => f.write_str("the boards"),
            Self::Begun(day) => write!(f, "who began the challenge of {day}"),
            Self::Content(hash) => write!(f, "content {hash}"),
            Self::Keys => f.write_str("the keys"),
            Self::Tokens => f.write_str("the list of tokens"),
            Self::Tombstones => f.write_str("the tombstones"),
            Self::Clock => f.write_str("the clock's record"),
            Self::Log => f.write_str("the turn log"),
            Self::Store(place) => f.write_str(place),
        }
    }
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage said no: it may be full, read-only or gone. Trying again later may help.
    #[error("{what}: {source}")]
    Unavailable {
        /// What was to be read or written.
        what: Thing,
        /// What the system said.
        source: io::Error,
    },
    /// So many turns wait for the disk already. Trying again at once may help.
    #[error("too many turns wait for the disk")]
    Busy,
    /// Another server uses the folder.
    #[error("{folder} is in use by another server")]
    Locked {
        /// Which.
        folder: String,
    },
    /// It is damaged, and has been set aside.
    #[error("{what}: {problem}")]
    Damaged {
        /// What is.
        what: Thing,
        /// What is wrong with it.
        problem: String,
    },
    /// It was written by a newer version of this program, and is left alone.
    #[error("{what} was written by a newer version of this program (format {version})")]
    Newer {
        /// What was.
        what: Thing,
        /// Its format.
        version: u32,
    },
    /// A newer version of this program, which uses the same store, has taken it over.
    #[error("{what} belongs to a newer version of this program beside this one")]
    Outdated {
        /// What does.
        what: Thing,
    },
    /// What all games need is gone. Nothing starts before it is back, or an admin has said that it is given up.
    #[error("{file} is missing or cannot be read, and so {loss}. Put it back, or start once with --begin-anew {word}")]
    Lost {
        /// What an admin can put back.
        file: String,
        /// What would follow.
        loss: &'static str,
        /// The word for the flag.
        word: &'static str,
    },
}
