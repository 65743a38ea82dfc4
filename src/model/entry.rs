//! The entries of boards, each with all it takes to play its game again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::challenge::{BoardName, Day};
use super::checkpoint::Checkpoint;
use super::format::VERSION;
use super::replay::{Refusal, Replay, Unproven};
use super::turn::Step;
use crate::game::RULES_VERSION;
use crate::game::content::{Content, Difficulty};
use crate::game::state::End;

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
        Self { version: VERSION, claim, seal: String::new(), seed: state.seed, history }
    }

    /// Its board.
    pub fn board(&self) -> BoardName {
        BoardName { date: self.claim.date, difficulty: self.claim.difficulty }
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
}
