//! How a folder behaves, and what an admin gives up of it.

use serde::{Deserialize, Serialize};

/// When a turn is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Before it is answered.
    #[default]
    Turn,
    /// At the next checkpoint: a crash loses what happened since.
    Sweep,
}

/// What an admin gives up, because it is lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeginAnew {
    /// The keys: every token is void.
    pub keys: bool,
    /// The list of revoked tokens: they count again.
    pub tokens: bool,
    /// Segments of the turn log: games go on where their checkpoints are.
    pub log: bool,
}

/// How a store behaves. All configurable.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// When a turn is durable.
    pub durability: Durability,
    /// Bytes of the turn log after which checkpoints are forced. At twice as many, turns are refused.
    pub log_bytes: u64,
    /// What is given up at this start.
    pub begin_anew: BeginAnew,
}

impl Default for Settings {
    fn default() -> Self {
        Self { durability: Durability::Turn, log_bytes: 256 << 20, begin_anew: BeginAnew::default() }
    }
}
