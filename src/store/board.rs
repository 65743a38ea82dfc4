//! The daily challenge as it is written down: days, what became of a game, and the entries of boards, each with all it takes to
//! play its game again.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{self, Checkpoint, Step};
use super::replay::{Replay, Unproven};
use super::save::Refusal;
use crate::game::RULES_VERSION;
use crate::game::content::{Content, Difficulty};
use crate::game::state::End;

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
pub struct Name {
    pub date: Day,
    pub difficulty: Difficulty,
}

impl Name {
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
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaderboard_{}_{}", self.date, Self::word(self.difficulty))
    }
}

/// What an entry says of a finished game.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Claim {
    pub date: Day,
    pub difficulty: Difficulty,
    pub player: Uuid,
    pub session_id: Uuid,
    /// As everybody sees it.
    pub name: String,
    /// See [`score`].
    pub score: u64,
    pub won: bool,
    pub end: String,
    pub turns: i64,
    pub wealth: i64,
    /// Of the finished game, which is as many as it has actions.
    pub revision: u64,
    /// Of its last state.
    pub digest: String,
    /// Version of the rules it was finished under.
    pub rules: u32,
    /// Hash of the content it was played on.
    pub content: String,
    pub finished_at: Timestamp,
}

/// An entry of a board: what it says, and how the game came to that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Entry {
    pub version: u32,
    #[serde(flatten)]
    pub claim: Claim,
    /// Made by the server that saw the game end, over what the entry says. It proves that where nobody can play the game again.
    pub seal: String,
    pub seed: u64,
    pub history: Vec<Step>,
}

/// The one number that games are compared by. Any game that was won has more than any that was not. Of those that were won, the one
/// with fewer turns has more, and of these the one with more credits; of those that were not, the one with more credits, and of
/// these the one with fewer turns.
pub fn score(won: bool, turns: i64, wealth: i64) -> u64 {
    // Content has no figures beyond this. Numbers up to 2^53 are whole in every client.
    const MOST: i64 = 1_000_000;
    let (spared, wealth) = (MOST - turns.clamp(0, MOST), wealth.clamp(0, MOST));
    let [first, second] = if won { [spared + 2 * MOST, wealth] } else { [wealth, spared] };
    (first * 10 * MOST + second).unsigned_abs()
}

impl Entry {
    /// Of a game that has ended. Whether it is so remains to be proven.
    pub fn of(form: &Checkpoint, date: Day, name: String, finished_at: Timestamp, history: Vec<Step>) -> Self {
        let (state, end) = (&form.state, form.state.end.clone().unwrap_or_default());
        let (won, turns, wealth) = (end == End::Victory.id(), state.turn_count, state.player_stats.wealth);
        let claim = Claim {
            date,
            difficulty: state.difficulty,
            player: form.owner,
            session_id: form.session_id,
            name,
            score: score(won, turns, wealth),
            won,
            end,
            turns,
            wealth,
            revision: form.revision,
            digest: history.last().map(|step| step.digest.clone()).unwrap_or_default(),
            rules: form.rules,
            content: form.content.clone(),
            finished_at,
        };
        Self { version: model::VERSION, claim, seal: String::new(), seed: state.seed, history }
    }

    /// Its board.
    pub fn board(&self) -> Name {
        Name { date: self.claim.date, difficulty: self.claim.difficulty }
    }

    /// What it takes to play it again.
    pub fn replay(&self) -> Replay {
        Replay {
            version: self.version,
            name: self.claim.name.clone(),
            content: self.claim.content.clone(),
            seed: self.seed,
            difficulty: self.claim.difficulty,
            history: self.history.clone(),
        }
    }

    /// Whether it is what it says: a game of the day's seed, finished on that day, and in the end as it says.
    pub fn prove(&self, content: &Content, seed: u64) -> Result<(), Refusal> {
        let Claim { date, score, won, end, turns, wealth, revision, digest, rules, finished_at, .. } = &self.claim;
        if Day::of(*finished_at) != *date {
            return Err(Refusal::Invalid(format!("it was finished at {finished_at}, and not on its day")));
        }
        let diverged = |turn, problem| Refusal::from(Unproven::Diverged { turn, problem });
        if self.seed != seed {
            return Err(diverged(1, "it was played with another seed than that of its day".to_owned()));
        }
        let game = self.replay().verify(content, |_, _, _| {})?;
        let last = self.history.len().max(1);
        let Some(ending) = game.end else {
            return Err(diverged(last, "the game goes on after it".to_owned()));
        };
        let victory = ending == End::Victory;
        let found = [
            ("end", ending.id().to_owned(), end.clone()),
            ("victory", victory.to_string(), won.to_string()),
            ("turn", game.turn.to_string(), turns.to_string()),
            ("wealth", game.wealth.to_string(), wealth.to_string()),
            ("score", self::score(victory, game.turn, game.wealth).to_string(), score.to_string()),
            ("revision", self.history.len().to_string(), revision.to_string()),
            ("rules", RULES_VERSION.to_string(), rules.to_string()),
            ("digest", self.history.last().map(|step| step.digest.clone()).unwrap_or_default(), digest.clone()),
        ];
        match found.into_iter().find(|(_, found, claimed)| found != claimed) {
            Some((what, found, claimed)) => Err(diverged(last, format!("its {what} is {found} there, not {claimed}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_victory_counts_more_than_anything_else() {
        let ranks = [
            (true, 1, 0),
            (true, 80, 1_000_000),
            (true, 80, 999_999),
            (true, 81, 1_000_000),
            (true, 1_000_000, 0),
            (false, 0, 1_000_000),
            (false, 90, 500),
            (false, 91, 500),
            (false, 1, 499),
            (false, 1_000_000, 0),
        ];
        let scores = ranks.map(|(won, turns, wealth)| score(won, turns, wealth));
        assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
        assert!(scores[0] < 1 << 53);
        assert_eq!(score(true, i64::MIN, i64::MAX), score(true, 0, 1_000_000), "whatever a file says");
    }

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
