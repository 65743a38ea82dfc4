//! How many sessions, for how long.

use serde::{Deserialize, Serialize};

/// How many sessions, for how long. All configurable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sessions in memory at once.
    pub limit: usize,
    /// Seconds between sweeps.
    pub sweep_secs: u64,
    /// Seconds without a request after which a session leaves memory; 0: never.
    pub idle_secs: i64,
    /// Seconds without a request after which a session can be made to give way when memory is full.
    pub yield_secs: i64,
    /// Seconds a session stays in memory for a player whose connection dropped, from the drop or the last request on.
    pub grace_secs: i64,
    /// Unfinished sessions of one player.
    pub per_player: usize,
    /// Of a hundred places in memory, those that one address may hold while others wait for one.
    pub address_share: usize,
    /// Sessions kept in all, in memory or not.
    pub stored: usize,
    /// Days without a request after which a session goes for good; 0: never.
    pub retention_days: i64,
    /// Entries of a daily challenge's board; the best ones stay.
    pub board_entries: usize,
    /// Days that the boards of daily challenges are kept.
    pub board_days: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: 100,
            sweep_secs: 300,
            idle_secs: 3600,
            yield_secs: 60,
            grace_secs: 300,
            per_player: 10,
            address_share: 50,
            stored: 100_000,
            retention_days: 0,
            board_entries: 1000,
            board_days: 400,
        }
    }
}

impl Settings {
    /// What is out of range, in words.
    pub fn check(&self) -> Result<(), String> {
        let fits = |name: &str, holds: bool, rule: &str| {
            if holds { Ok(()) } else { Err(format!("sessions.{name} must be {rule}")) }
        };
        fits("limit", (1..=1_000_000).contains(&self.limit), "1 to 1000000")?;
        fits("sweep_secs", (1..=86_400).contains(&self.sweep_secs), "1 to 86400")?;
        fits("idle_secs", (0..=31_536_000).contains(&self.idle_secs), "0 (never) to 31536000")?;
        fits("yield_secs", (0..=86_400).contains(&self.yield_secs), "0 to 86400")?;
        fits("grace_secs", (60..=3_600).contains(&self.grace_secs), "60 to 3600")?;
        fits("per_player", (1..=1_000_000).contains(&self.per_player), "1 to 1000000")?;
        fits("address_share", (1..=100).contains(&self.address_share), "1 to 100")?;
        fits("stored", (1..=10_000_000).contains(&self.stored), "1 to 10000000")?;
        fits("retention_days", (0..=36_500).contains(&self.retention_days), "0 (for ever) to 36500")?;
        fits("board_entries", (1..=1_000).contains(&self.board_entries), "1 to 1000")?;
        fits("board_days", (2..=4_000).contains(&self.board_days), "2 to 4000")
    }
}
