//! A store that is one folder of files. `engine.rs` does what the face asks; behind it stands `whole.rs`.
//!
//! | file | what |
//! | --- | --- |
//! | `session_{id}.json` | the checkpoint of a session, [`crate::model::Checkpoint`], replaced whole |
//! | `session_{id}.turns.jsonl` | its history, a [`crate::model::Turn`] a line and [`crate::model::Heading`]s between, appended before the checkpoint is replaced; `….turns.2.jsonl` and on where that could not be |
//! | `turns_{number}.log` | the turn log ([`log`]): the turns that no checkpoint covers yet, of all sessions |
//! | `turns.json` | which segments of the turn log are needed |
//! | `slot_{player}_{n}.json` and `….copy.json` | a player's save, [`Save`], replaced whole, twice |
//! | `content_{hash}.json` and `….copy.json` | the texts of the content files that games began with, twice |
//! | `tombstones.jsonl` | sessions that are gone for good, a [`crate::model::Tombstone`] a line |
//! | `tokens.jsonl`, `tokens.copy.jsonl` | which tokens of a player count, [`crate::model::Nonces`] a line, from a rotation or a logout on; the last one holds |
//! | `leaderboard_{date}_{difficulty}.jsonl` | the board of a daily challenge, a [`Entry`] a line; of a player, the first good one counts |
//! | `challenge_{date}.jsonl` | who has begun a day's challenge, a [`crate::model::Begun`] a line |
//! | `clock.json` | what the server makes of its clock, [`crate::model::Clock`], replaced whole |
//! | `keys.json`, `keys.copy.json` | the keys of tokens and challenges, twice: without them no player gets at their games |
//! | `lock` | held by the server that uses the folder |
//!
//! A game is as safe as its second copy. Where one bit of anything was flipped, its checksum tells which. A checkpoint that is damaged
//! or missing is rebuilt: the history, with the log, is the game, and is played again. What is damaged is kept as `*.invalid` and
//! reported; it hurts nobody else. What cannot be read *now*, because the system says no, is neither removed nor rewritten nor passed
//! over: a request that needs it is told so, and it is tried again.

mod boards;
mod checkpoints;
mod contents;
pub mod disk;
mod engine;
mod files;
mod history;
mod index;
mod keys;
mod log;
mod names;
mod opening;
mod register;
mod saves;
mod segment;
mod settings;
mod tombstones;
mod whole;
mod writer;

pub use engine::{open, open_on};
pub use settings::{BeginAnew, Durability, Settings};
