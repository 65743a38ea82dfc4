//! What a run came to, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::tally::{STEP, Shelf, Tally, Use, sum};
use super::{Plan, Played, Policy};
use crate::game::RULES_VERSION;
use crate::game::content::Content;

/// A share with its 95 % interval (Wilson).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share seen.
    pub rate: f64,
    /// Where the true one is, nineteen times out of twenty: from here…
    pub from: f64,
    /// … to here.
    pub to: f64,
}

impl Share {
    /// So many of so many.
    pub fn of(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self { rate: 0.0, from: 0.0, to: 1.0 };
        }
        let (n, z) = (whole as f64, 1.959_964);
        let rate = part as f64 / n;
        let middle = (rate + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z * libm::sqrt(rate * (1.0 - rate) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n);
        Self { rate, from: (middle - half).max(0.0), to: (middle + half).min(1.0) }
    }
}

/// The least key that so much of the weight lies at or below.
pub fn quantile(counts: &BTreeMap<i64, u64>, share: f64) -> i64 {
    let total: u64 = counts.values().sum();
    let wanted = share * total as f64;
    let mut seen = 0;
    for (key, count) in counts {
        seen += count;
        if seen as f64 >= wanted {
            return *key;
        }
    }
    counts.keys().next_back().copied().unwrap_or_default()
}

/// The report as JSON. Its `win_rate` is that of the strongest policy there is in it.
pub fn json(content: &Content, plan: &Plan, played: &[Played]) -> Value {
    let policies: Vec<_> = played.iter().map(|played| policy(content, played)).collect();
    let main = main(played);
    let main_rate = main.map_or(0.0, |played| Share::of(played.tally.wins, played.tally.games).rate);
    json!({
        "win_rate": main_rate,
        "policy": main.map(|played| played.policy.name()),
        "games": plan.games,
        "difficulty": plan.difficulty,
        "seed": plan.seed,
        "goal": content.balance.difficulty.of(plan.difficulty).goal,
        "turns": content.balance.limits.turns,
        "rules": RULES_VERSION,
        "content": content.hash,
        "policies": policies,
    })
}

/// The strongest policy there is: the planner, else the last.
pub fn main(played: &[Played]) -> Option<&Played> {
    played.iter().find(|played| played.policy == Policy::Planner).or_else(|| played.last())
}

fn policy(content: &Content, played: &Played) -> Value {
    let Played { policy, tally, kinds } = played;
    let mut all = tally.won_at.clone();
    sum(&mut all, tally.lost_at.clone());
    let length = |counts: &BTreeMap<i64, u64>| json!({"p10": quantile(counts, 0.1), "median": quantile(counts, 0.5), "p90": quantile(counts, 0.9)});
    let wealth = wealth(tally);
    let uses: Map<_, _> =
        Shelf::ALL.into_iter().map(|shelf| (name(shelf), json!(uses(content, tally, shelf)))).collect();
    let never: Map<_, _> =
        Shelf::ALL.into_iter().map(|shelf| (name(shelf), json!(never(content, tally, shelf)))).collect();
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(kind, games, wins)| json!({"kind": kind, "games": games, "wins": wins, "win_rate": Share::of(*wins, *games)}))
        .collect();
    json!({
        "policy": policy.name(),
        "games": tally.games,
        "wins": tally.wins,
        "win_rate": Share::of(tally.wins, tally.games),
        "ends": tally.ends,
        "length": {"all": length(&all), "won": length(&tally.won_at), "lost": length(&tally.lost_at)},
        "won_at": tally.won_at,
        "lost_at": tally.lost_at,
        "wealth": wealth,
        "last_ship": tally.last_ship,
        "income": tally.income,
        "expenses": tally.expenses,
        "actions": tally.actions,
        "uses": uses,
        "never": never,
        "refused": tally.refused,
        "worst": tally.worst,
        "kinds": kinds,
    })
}

/// Wealth by turn: what a tenth, half, and nine tenths of the games have at most.
pub fn wealth(tally: &Tally) -> Vec<[i64; 3]> {
    tally.wealth.iter().map(|steps| [0.1, 0.5, 0.9].map(|share| STEP * quantile(steps, share))).collect()
}

/// A shelf's name, as in the JSON.
pub fn name(shelf: Shelf) -> String {
    serde_json::to_value(shelf).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The use of everything on a shelf, also of what was never used.
pub fn uses<'a>(content: &'a Content, tally: &'a Tally, shelf: Shelf) -> BTreeMap<&'a str, Use> {
    let mut uses: BTreeMap<_, _> = shelf.ids(content).into_iter().map(|id| (id, Use::default())).collect();
    uses.extend(tally.uses.iter().filter(|((on, _), _)| *on == shelf).map(|((_, id), used)| (id.as_str(), *used)));
    uses
}

/// What on a shelf was never used.
pub fn never<'a>(content: &'a Content, tally: &'a Tally, shelf: Shelf) -> Vec<&'a str> {
    uses(content, tally, shelf).into_iter().filter(|(_, used)| used.times == 0).map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson() {
        let share = Share::of(50, 100);
        assert!((share.from - 0.4038).abs() < 1e-3 && (share.to - 0.5962).abs() < 1e-3, "{share:?}");
        let none = Share::of(0, 100);
        assert!(none.rate == 0.0 && none.from == 0.0 && (none.to - 0.037).abs() < 1e-3, "{none:?}");
    }

    #[test]
    fn quantiles() {
        let counts = BTreeMap::from([(1, 10), (5, 80), (9, 10)]);
        assert_eq!([0.1, 0.5, 0.9, 1.0].map(|share| quantile(&counts, share)), [1, 5, 5, 9]);
    }
}
