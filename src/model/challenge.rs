//! The daily challenge: its days and boards, who has begun it, and what became of a game in it.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::game::content::Difficulty;

/// A day, from midnight to midnight UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(Date);

impl Day {
    /// That of a moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(Offset::UTC.to_datetime(moment).date())
    }

    /// When it is over, and the next one begins.
    pub fn ends_at(self) -> Timestamp {
        let next = self.0.tomorrow().and_then(|next| Offset::UTC.to_timestamp(next.to_datetime(Time::midnight())));
        // The last day there is ends with time itself.
        next.unwrap_or(Timestamp::MAX)
    }

    /// The day so many days before; the first one there is where there are not so many.
    pub fn before(self, days: i32) -> Self {
        let span = SignedDuration::from_hours(24 * i64::from(days));
        Self(self.0.checked_sub(span).unwrap_or(Date::MIN))
    }

    /// Seconds until it is over, by a moment of it.
    pub fn left(self, now: Timestamp) -> i64 {
        self.ends_at().duration_since(now).as_secs() + 1
    }

    /// Whether a moment is later than it.
    pub fn over(self, now: Timestamp) -> bool {
        now >= self.ends_at()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Not a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2030-12-31")]
pub struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    /// Only the one form that we write.
    fn from_str(text: &str) -> Result<Self, NotADay> {
        let day: Date = text.parse().map_err(|_| NotADay)?;
        if day.to_string() == text { Ok(Self(day)) } else { Err(NotADay) }
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = NotADay;

    fn try_from(text: String) -> Result<Self, NotADay> {
        text.parse()
    }
}

/// The challenge that a session's game takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Challenge {
    pub date: Day,
    /// What became of it; none as long as it goes on, and until its end has been looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Challenge {
    /// With a verdict.
    pub fn judged(self, verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), ..self }
    }
}

/// Whether a finished game stands on its board, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Counted,
    /// Another game of its player was finished before.
    NotFirst,
    /// It was finished after its day, when the seed was known.
    Late,
    /// Its future was known to somebody.
    Unranked,
    /// It has more actions than are kept.
    TooLong,
    /// The board is full of better ones.
    TooLow,
    /// Played again, it did not come to the same end.
    Unproven,
}

/// A board: one a day and difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct BoardName {
    pub date: Day,
    pub difficulty: Difficulty,
}

impl BoardName {
    /// The word for a difficulty, in files and addresses.
    pub fn word(difficulty: Difficulty) -> &'static str {
        match difficulty {
            Difficulty::Easy => "easy",
            Difficulty::Normal => "normal",
            Difficulty::Hard => "hard",
        }
    }

    /// The difficulty of a word.
    pub fn difficulty(word: &str) -> Option<Difficulty> {
        Difficulty::ALL.into_iter().find(|difficulty| Self::word(*difficulty) == word)
    }
}

/// As a board's file is called, without its ending.
impl fmt::Display for BoardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaderboard_{}_{}", self.date, Self::word(self.difficulty))
    }
}

/// That a player has begun the challenge of a day, whatever becomes of the game.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Begun {
    pub version: u32,
    pub player: Uuid,
    pub session_id: Uuid,
    /// In lived time.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_and_end_at_midnight() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let day: Day = "2028-02-29".parse().expect("a day");
        assert_eq!(day.ends_at(), at("2028-03-01T00:00:00Z"));
        assert_eq!((Day::of(at("2028-02-29T00:00:00Z")), Day::of(at("2028-02-29T23:59:59.999Z"))), (day, day));
        assert_eq!(Day::of(day.ends_at()).before(1), day);
        assert_eq!(day.before(366).to_string(), "2027-02-28");
        assert!(!day.over(at("2028-02-29T23:59:59.999Z")) && day.over(day.ends_at()));
        assert_eq!(day.before(i32::MAX), Day(Date::MIN));
        assert_eq!(Day(Date::MAX).ends_at(), Timestamp::MAX);
        for bad in ["", "today", "2028-2-29", "2027-02-29", "20280229", "2028-02-29T00:00:00Z", " 2028-02-29"] {
            assert_eq!(bad.parse::<Day>(), Err(NotADay), "{bad}");
        }
    }
}
