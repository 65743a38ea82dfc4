//! Cosmic Explorer: a turn-based space-exploration game server.
//!
//! Dependencies run downwards only: [`config`], [`api`], [`session`], [`store`], [`model`], [`game`];
//! [`files`] stands beside them, on [`game`]. ARCHITECTURE.md is the map.

pub mod api;
pub mod config;
pub mod files;
pub mod game;
mod hex;
pub mod model;
pub mod session;
pub mod simulate;
pub mod store;
