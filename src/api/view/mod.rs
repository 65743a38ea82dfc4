//! What clients see: types of the API's own, made from snapshots. What the player has not discovered is not in them, and a running
//! game's seed is in none.

pub mod admin;
pub mod board;
pub mod content;
mod figure;
pub mod map;
pub mod offers;
pub mod server;
pub mod session;
pub mod slot;
pub mod state;
pub mod turn;
