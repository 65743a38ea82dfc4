//! Cosmic Explorer: a turn-based space-exploration game server.

pub mod game;
pub mod session;
pub mod store;
