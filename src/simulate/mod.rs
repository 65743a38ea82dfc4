//! Playing many games by themselves, to see what the rules and figures lead to.
//!
//! A game's seed comes from the run's seed and the game's number, and what a policy leaves to chance comes from dice of its own,
//! so a run is the same on any number of threads. Policies see what players see ([`observation::Observation`]).

mod answer;
mod chart;
mod duel;
mod fit;
mod greedy;
pub mod html;
mod market;
mod notes;
pub mod observation;
mod odds;
mod planner;
mod player;
mod random;
pub mod report;
mod routes;
mod search;
mod state;
mod strategies;
pub mod tally;
mod world;

use std::fmt;
use std::str::FromStr;

use parking_lot::Mutex;
use rayon::prelude::*;

use crate::game::action::Action;
use crate::game::content::{Content, Difficulty};
use crate::game::event::Outcome;
use crate::game::rng::{Dice, MAX_SEED, Stream};
use crate::game::rules::{apply, begin};
use crate::game::state::Game;
use duel::Duels;
use observation::Observation;
use planner::Planner;
use player::Player;
use strategies::Strategies;
use tally::{KINDS, Record, Tally};

/// A way to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Any offered action: a kind first, then one of the kind.
    Random,
    /// One kind of action whenever it is offered, else any; played for every kind.
    Spam,
    /// The thing that pays or is needed now, one step ahead.
    Greedy,
    /// Trades between docks, and nothing else.
    Trader,
    /// Fights, and sells what that brings.
    Fighter,
    /// Mines, and sells the ore.
    Miner,
    /// Does what docks ask for.
    Quester,
    /// Plans routes, trades, works, fights and invests.
    Planner,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Random,
        Self::Spam,
        Self::Greedy,
        Self::Trader,
        Self::Fighter,
        Self::Miner,
        Self::Quester,
        Self::Planner,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Spam => "spam",
            Self::Greedy => "greedy",
            Self::Trader => "trader",
            Self::Fighter => "fighter",
            Self::Miner => "miner",
            Self::Quester => "quester",
            Self::Planner => "planner",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|policy| policy.name() == name).ok_or_else(|| format!("choose one of {}", names()))
    }
}

/// What to play.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Games with each policy; with spam, with each kind of action.
    pub games: u64,
    /// The policies.
    pub policies: Vec<Policy>,
    /// How hard.
    pub difficulty: Difficulty,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

impl Plan {
    /// Games to be played in all.
    pub fn total(&self) -> u64 {
        let spam = KINDS.len() as u64;
        self.policies.iter().map(|policy| if *policy == Policy::Spam { spam * self.games } else { self.games }).sum()
    }
}

/// What one policy came to.
#[derive(Debug)]
pub struct Played {
    /// The policy.
    pub policy: Policy,
    /// Its games; of spam, those of the best kind.
    pub tally: Tally,
    /// Of spam: each kind of action with its games and wins, best first.
    pub kinds: Vec<(&'static str, u64, u64)>,
}

/// Plays everything; `tick` is called after each game, from any thread.
pub fn run(content: &Content, plan: &Plan, tick: &(dyn Fn() + Sync)) -> Vec<Played> {
    plan.policies.iter().map(|policy| play_all(content, plan, *policy, tick)).collect()
}

fn play_all(content: &Content, plan: &Plan, policy: Policy, tick: &(dyn Fn() + Sync)) -> Played {
    if policy != Policy::Spam {
        return Played { policy, tally: play_many(content, plan, policy, None, tick), kinds: Vec::new() };
    }
    let mut tallies: Vec<_> =
        KINDS.into_iter().map(|kind| (kind, play_many(content, plan, policy, Some(kind), tick))).collect();
    // Stable: of equally good ones the first stays first.
    tallies.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.wins));
    let kinds = tallies.iter().map(|(kind, tally)| (*kind, tally.games, tally.wins)).collect();
    let tally = tallies.into_iter().next().map(|(_, tally)| tally).unwrap_or_default();
    Played { policy, tally, kinds }
}

fn play_many(
    content: &Content,
    plan: &Plan,
    policy: Policy,
    kind: Option<&'static str>,
    tick: &(dyn Fn() + Sync),
) -> Tally {
    // Fights are worked out once for all games of a thread; what they are worth depends on nothing else.
    let duels: Mutex<Vec<Duels>> = Mutex::default();
    let play = |mut tally: Tally, number: u64| {
        let seed = game_seed(plan.seed, number);
        let known = duels.lock().pop().unwrap_or_default();
        let mut player = player(policy, kind, seed, known);
        let (record, game) = play_one(content, seed, plan.difficulty, &mut *player, |_, _, _| {});
        duels.lock().push(player.leave());
        tally.add(record, &game);
        tick();
        tally
    };
    (0..plan.games).into_par_iter().fold(Tally::default, play).reduce(Tally::default, Tally::merge)
}

/// Plays one game and shows every action with what came of it and the game after it; tells how often the policy asked for what
/// was refused.
pub fn watch(
    content: &Content,
    policy: Policy,
    seed: u64,
    difficulty: Difficulty,
    seen: impl FnMut(&Action, &Outcome, &Game),
) -> u64 {
    play_one(content, seed, difficulty, &mut *player(policy, None, seed, Duels::default()), seen).0.refused
}

fn player(policy: Policy, kind: Option<&'static str>, seed: u64, duels: Duels) -> Box<dyn Player> {
    // Another seed than the game's, or the policy would draw what the game draws.
    let dice = Dice::new(!seed & MAX_SEED);
    match policy {
        Policy::Random => Box::new(random::Random::new(dice, None)),
        Policy::Spam => Box::new(random::Random::new(dice, kind)),
        Policy::Greedy => Box::new(greedy::Greedy::new(dice, duels)),
        Policy::Trader => Box::new(Planner::new(Strategies { trade: true, ..Strategies::NONE }, duels)),
        Policy::Fighter => Box::new(Planner::new(Strategies { fights: true, ..Strategies::NONE }, duels)),
        Policy::Miner => Box::new(Planner::new(Strategies { mining: true, ..Strategies::NONE }, duels)),
        Policy::Quester => Box::new(Planner::new(Strategies { quests: true, ..Strategies::NONE }, duels)),
        Policy::Planner => Box::new(Planner::new(Strategies::ALL, duels)),
    }
}

/// The seed of a game of a run.
fn game_seed(seed: u64, number: u64) -> u64 {
    let mut dice = Dice::new(seed & MAX_SEED);
    // Two words a draw: each game has its own.
    dice.word_pos[Stream::Map as usize] = 2 * number;
    dice.stream(Stream::Map).below(MAX_SEED + 1)
}

fn play_one<'a>(
    content: &'a Content,
    seed: u64,
    difficulty: Difficulty,
    player: &mut dyn Player,
    mut seen: impl FnMut(&Action, &Outcome, &Game),
) -> (Record<'a>, Game) {
    let mut game = begin(content, seed, difficulty);
    let mut record = Record::new(&game, content);
    player.hear(Observation::of(&game, content), None);
    while game.end.is_none() {
        let mut action = player.decide(Observation::of(&game, content));
        let applied = apply(&game, content, &action).or_else(|_| {
            // A fault of the policy, which is counted; the game goes on with something that is accepted.
            record.refused += 1;
            let offered = Observation::of(&game, content).offers();
            // The last offers move no game on, the first ones do.
            action = offered.into_iter().next().map_or(Action::Wait {}, |(action, _)| action);
            apply(&game, content, &action)
        });
        // Something is always accepted while a game goes on. (`laws.rs`)
        let Ok((next, outcome)) = applied else { break };
        record.note(&game, &action, &outcome, &next);
        game = next;
        seen(&action, &outcome, &game);
        player.hear(Observation::of(&game, content), Some(&outcome));
    }
    (record, game)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn games_have_seeds_of_their_own() {
        let seeds: std::collections::BTreeSet<_> = (0..1000).map(|number| game_seed(7, number)).collect();
        assert_eq!(seeds.len(), 1000);
        assert!(seeds.iter().all(|seed| *seed <= MAX_SEED));
        assert_ne!(game_seed(7, 0), game_seed(8, 0));
    }
}
