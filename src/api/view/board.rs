//! The daily challenge and its boards: `GET /api/challenge`, `GET /api/leaderboard`.

use jiff::Timestamp;
use serde::Serialize;

use crate::game::content::Difficulty;
use crate::model::{Day, SessionId};
use crate::session::boards::Standing;

/// The day's challenge.
#[derive(Debug, Serialize)]
pub struct TodayView {
    /// The day, in UTC.
    pub date: Day,
    /// When it is over.
    pub ends_at: Timestamp,
    /// One board each.
    pub difficulties: Vec<DifficultyView>,
    /// The day before.
    pub yesterday: PastDayView,
    /// Where a player asks: the game they have begun today, deleted or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun: Option<Option<SessionId>>,
    /// After the clock was set: seconds until a challenge can be begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<i64>,
}

/// The challenge of a difficulty.
#[derive(Debug, Serialize)]
pub struct DifficultyView {
    /// The difficulty.
    pub difficulty: Difficulty,
    /// Credits to own for a victory.
    pub goal: i64,
    /// Games on its board.
    pub entries: usize,
}

/// A day that is over.
#[derive(Debug, Serialize)]
pub struct PastDayView {
    /// The day, in UTC.
    pub date: Day,
    /// Its seed, where it can be told.
    pub seed: Option<u64>,
}

/// A page of a board.
#[derive(Debug, Serialize)]
pub struct BoardView<'a> {
    /// The day, in UTC.
    pub date: Day,
    /// The difficulty.
    pub difficulty: Difficulty,
    /// When the day is over.
    pub ends_at: Timestamp,
    /// Games on the board.
    pub total: usize,
    /// Best game first.
    pub entries: Vec<StandingView<'a>>,
    /// Asks for the next page, as `after`; none where this is the last.
    pub next_after: Option<usize>,
    /// Where a player asks: the rank of their game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub your_rank: Option<Option<usize>>,
    /// Of a day that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// An entry of a board. It tells neither player nor session.
#[derive(Debug, Serialize)]
pub struct StandingView<'a> {
    /// From 1.
    pub rank: usize,
    /// The game's name at its end.
    pub name: &'a str,
    /// What games are compared by; more is better.
    pub score: u64,
    /// Whether it was won.
    pub victory: bool,
    /// How it has ended.
    pub end: &'a str,
    /// Turns it took.
    pub turn_count: i64,
    /// Credits at its end.
    pub wealth: i64,
    /// Actions it took.
    pub revision: u64,
    /// When it has ended.
    pub finished_at: Timestamp,
    /// Games of a challenge always have it.
    pub permadeath: bool,
    /// The version of the rules it was played under.
    pub rules: u32,
    /// The hash of the content it was played on.
    pub content: &'a str,
    /// Whether this server can play it again, and has.
    pub verified: bool,
    /// Of the player who asks.
    pub yours: bool,
}

impl<'a> StandingView<'a> {
    /// Of an entry. `own` is the rank of the player who asks.
    pub fn of(rank: usize, standing: &'a Standing, own: Option<usize>) -> Self {
        let Standing { claim, verified } = standing;
        Self {
            rank,
            name: &claim.name,
            score: claim.score,
            victory: claim.won,
            end: &claim.end,
            turn_count: claim.turns,
            wealth: claim.wealth,
            revision: claim.revision,
            finished_at: claim.finished_at,
            // Games of a challenge always have it.
            permadeath: true,
            rules: claim.rules,
            content: &claim.content,
            verified: *verified,
            yours: own == Some(rank),
        }
    }
}
