//! Cosmic Explorer: a turn-based space-exploration game server.
//!
//! Dependencies run downwards only: [`config`], [`api`], [`session`], [`store`], [`game`]. ARCHITECTURE.md is the map.

pub mod api;
pub mod config;
pub mod game;
pub mod session;
pub mod simulate;
pub mod store;
mod strict;
