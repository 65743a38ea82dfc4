//! What is written, and what proves it: records, their formats, and games that are played again. No IO, and no clock.

pub mod challenge;
pub mod checkpoint;
pub mod clock;
pub mod entry;
pub(crate) mod format;
pub mod game;
pub mod id;
pub mod keys;
pub mod replay;
pub mod save;
pub(crate) mod strict;
pub mod turn;

pub use challenge::{Begun, BoardName, Challenge, Day, NotADay, Verdict};
pub use checkpoint::{Checkpoint, Departure, Head, Header, HeaderStats, Heading, Meta, Tombstone};
pub use clock::Clock;
pub use entry::{Claim, Entry, score};
pub use format::VERSION;
pub use game::{InvalidState, Map, State, digest, restore, whereabouts};
pub use id::{NotAnId, PlayerId, SessionId};
pub use keys::{Keys, Nonce, Nonces};
pub use replay::{Refusal, Replay, Unproven};
pub use save::{AUTOSAVE, MAX_STEPS, SLOTS, Save};
pub use turn::{Beginning, Change, EventId, Loaded, Logged, NotAnEvent, Step, Turn, UsedKey, lineage};
