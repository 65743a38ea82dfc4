//! For those who run the server: `/stats`, `/sessions`, `/api/admin/config`.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::model::SessionId;
use crate::session::Settings;

/// What an admin can change while the server runs.
#[derive(Debug, Serialize)]
pub struct ConfigView {
    /// Seconds a game stays in memory for a player whose connection dropped.
    pub grace_secs: i64,
    /// Seconds without a request after which a game leaves memory; 0: never.
    pub idle_secs: i64,
    /// Games in memory.
    pub limit: usize,
}

impl ConfigView {
    /// Of the settings in force.
    pub fn of(settings: &Settings) -> Self {
        let Settings { grace_secs, idle_secs, limit, .. } = *settings;
        Self { grace_secs, idle_secs, limit }
    }
}

/// What goes on inside. Counters count from the start of the server.
#[derive(Debug, Serialize)]
pub struct StatsView {
    /// Games in memory.
    pub active_sessions: usize,
    /// Players who have a game.
    pub total_players: usize,
    /// Games on disk only.
    pub stored: usize,
    /// Games there is room for in memory.
    pub limit: usize,
    /// Room that is taken.
    pub places_taken: usize,
    /// Games that are gone, and remembered.
    pub tombstones: usize,
    /// Games with a connection.
    pub connected: usize,
    /// Games that wait for their connection to come back.
    pub link_dead: usize,
    /// The daily challenge.
    pub challenge: ChallengeStatsView,
    /// The clock: jumps since the start, and whether it is believed.
    pub clock: Value,
    /// Connections that were closed because they read too slowly.
    pub slow_readers: u64,
    /// Turns that were taken.
    pub turns: u64,
    /// Games that were begun.
    pub created: u64,
    /// Games that were read from the disk.
    pub loads: u64,
    /// Games that left memory.
    pub evictions: u64,
    /// Games that were written to their file.
    pub checkpoints: u64,
    /// Those that could not be.
    pub checkpoint_failures: u64,
    /// How long the last one took.
    pub last_checkpoint_micros: u64,
    /// How long the last sweep took.
    pub last_sweep_micros: u64,
    /// Physical memory, where the system tells it.
    pub memory_bytes: Option<usize>,
    /// The store's own figures of its log.
    pub turn_log: Value,
    /// The store's own figures of its files.
    pub store: Value,
    /// The servers at a database, this one with them, and what the database says of itself; none on a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Value>,
    /// Games that cannot be read at the moment.
    pub unread: usize,
    /// Files that were set aside, because they were damaged.
    pub set_aside: Vec<String>,
    /// Games in memory.
    pub sessions: Vec<ResidentStatsView>,
}

/// Figures of the daily challenge.
#[derive(Debug, Serialize)]
pub struct ChallengeStatsView {
    /// Boards that are kept.
    pub boards: usize,
    /// Finished games that wait for their verdict.
    pub due: usize,
    /// Games that came on a board.
    pub entries: u64,
    /// Entries that are not what they say.
    pub refused: u64,
}

/// A game in memory, as a player sees it.
#[derive(Debug, Serialize)]
pub struct ResidentStatsView {
    /// Its id.
    pub session_id: SessionId,
    /// Turns that have passed.
    pub turn_count: i64,
    /// Credits.
    pub wealth: i64,
    /// Whether it has ended.
    pub game_over: bool,
    /// Whether it was won.
    pub victory: bool,
}

/// The games in memory.
#[derive(Debug, Serialize)]
pub struct ResidentsView {
    /// By their id.
    pub sessions: Vec<ResidentView>,
}

/// A game in memory, as the server sees it.
#[derive(Debug, Serialize)]
pub struct ResidentView {
    /// Its id.
    pub session_id: SessionId,
    /// Connections to it.
    pub connection_count: usize,
    /// Seconds until it leaves memory, where its connection has dropped.
    pub timeout_remaining_secs: Option<i64>,
    /// Whether the server stops.
    pub is_shutting_down: bool,
    /// Its revision.
    pub revision: u64,
    /// Seconds since it was played last.
    pub idle_secs: i64,
    /// When it was begun.
    pub created_at: Timestamp,
}
