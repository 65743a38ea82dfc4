//! Cosmic Explorer: a turn-based space-exploration game server.
//!
//! Dependencies run downwards only: [`config`], [`api`], [`session`], [`store`], [`model`], [`game`]. ARCHITECTURE.md is the map.

pub mod api;
pub mod config;
pub mod game;
pub mod model;
pub mod session;
pub mod simulate;
pub mod store;
