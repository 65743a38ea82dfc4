//! A store that is a database of PostgreSQL. A session's row is the only point at which servers meet: a turn is appended where the
//! row still stands at the event that the turn was built on. Every fact is one statement that commits by itself, and every
//! statement may be said again, so an answer that was lost is asked for again.

mod append;
mod bell;
mod engine;
mod error;
mod heart;
mod lane;
mod look;
mod migrate;
mod others;
mod queries;
mod rows;
mod sessions;
mod settings;

pub use engine::{migrate, open};
pub use settings::Settings;
