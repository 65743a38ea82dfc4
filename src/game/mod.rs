//! The rules of Cosmic Explorer, pure: no IO, clock, threads, async or platform maths, and nothing of sessions, files or HTTP.
//!
//! [`rules::apply`] takes a game, its content and an action, and answers with the next game and what happened, or with why
//! not. The same seed, content and actions give the same game, byte for byte, on every machine.

pub mod action;
pub mod content;
pub mod event;
pub mod grammar;
pub mod map;
pub mod offers;
pub mod rng;
pub mod rules;
pub mod state;
pub mod stats;
pub mod story;
pub mod table;

/// The version of the rules. It rises with every change that gives another game for the same seed and actions; a replay
/// verifies the turns of its own version only.
pub const RULES_VERSION: u32 = 3;
