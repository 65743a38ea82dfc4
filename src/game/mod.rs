//! The rules of Cosmic Explorer, pure: no IO, clock, threads, async or platform maths, and nothing of sessions, files or HTTP.

pub mod content;
pub mod table;
