//! What a fight is worth, and the best move in it, by expected value over every way it can go on.
//!
//! A round never gives hull back, so the value of a state follows from those with less hull on either side: one pass over a
//! table. Rounds in which nobody hits lead back to the same state, which is solved, not waited out.

use std::collections::HashMap;
use std::sync::Arc;

use super::observation::Observation;
use crate::game::action::Action;
use crate::game::content::{Category, Content, DifficultyRules, Enemy, Item, Move};
use crate::game::rules::{enemy_hit_chance, flee_chance, hit_chance, usual_value};
use crate::game::stats::Stats;
use crate::game::table::Ix;

/// What a hull point is worth: its repair, and the way to the dock.
pub const HULL: f64 = 2.3;
/// What so much hull is worth, where losing it all costs so much: little of it is a danger on every way.
pub fn hull_worth(hull: f64, loss: f64) -> f64 {
    let bare = (1.0 - hull / 32.0).max(0.0);
    HULL * hull - 0.3 * loss * bare * bare
}

/// What a unit of fuel is worth in a fight, where there is no dock.
const FUEL: f64 = 1.5;
/// Hull points to a step of the table.
const GRAIN: i64 = 3;

/// What can be done in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Strike(Ix<Move>),
    Flee,
    Parley,
}

/// What a fight is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stakes {
    /// Credits that losing the ship costs.
    pub loss: i64,
    /// Credits for the kill beside what the enemy carries.
    pub prize: i64,
    /// Whether there is fuel to run with.
    pub flee: bool,
    /// Whether there are credits to talk with.
    pub parley: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    enemy: Ix<Enemy>,
    power: i64,
    accuracy: i64,
    speed: i64,
    weapons: usize,
    hull: i64,
    stakes: Stakes,
}

#[derive(Clone, Copy, Debug)]
struct State {
    value: f32,
    death: f32,
    left: f32,
    order: Order,
}

/// Every state of a fight: own hull by the enemy's.
#[derive(Debug)]
pub struct Duel {
    states: Vec<State>,
    width: usize,
    loss: f64,
}

impl Duel {
    fn at(&self, hull: i64, enemy: i64) -> &State {
        let row = usize::try_from((hull + GRAIN - 1) / GRAIN).unwrap_or_default();
        let column = usize::try_from((enemy + GRAIN - 1) / GRAIN).unwrap_or_default();
        let last = self.states.len() / self.width - 1;
        &self.states[row.min(last) * self.width + column.min(self.width - 1)]
    }

    /// Credits that the fight is worth to a ship with so much hull, over not having to fight it.
    pub fn gain(&self, hull: i64, enemy: i64) -> f64 {
        f64::from(self.at(hull, enemy).value) - hull_worth(hull as f64, self.loss)
    }

    /// The chance to lose the ship in it.
    pub fn death(&self, hull: i64, enemy: i64) -> f64 {
        self.at(hull, enemy).death.into()
    }

    /// Hull points left afterwards, in the mean.
    pub fn left(&self, hull: i64, enemy: i64) -> f64 {
        self.at(hull, enemy).left.into()
    }

    /// The best thing to do.
    pub fn order(&self, hull: i64, enemy: i64) -> Order {
        self.at(hull, enemy).order
    }
}

/// The mean of a range.
pub fn mean(range: [i64; 2]) -> f64 {
    (range[0] + range[1]) as f64 / 2.0
}

/// What a kill brings, in the mean.
pub fn spoils(content: &Content, rules: &DifficultyRules, enemy: Ix<Enemy>) -> f64 {
    let def = &content.enemies[enemy];
    let line = |line: &crate::game::content::Loot| {
        line.chance * mean(line.quantity) * 0.85 * usual_value(content, line.item.ix())
    };
    let loot: f64 = def.loot.iter().map(line).sum();
    mean(def.credits) * rules.enemy_credits + def.loot_chance * loot
}

/// Fights worked out so far. What is in it depends on nothing but its key.
#[derive(Debug, Default)]
pub struct Duels {
    known: HashMap<Key, Arc<Duel>>,
}

/// Tables kept; beyond it all are forgotten, and worked out again as they are asked for.
const MAX_KNOWN: usize = 2048;

impl Duels {
    /// A fight with such a ship against such an enemy.
    pub fn duel(&mut self, obs: &Observation<'_>, stats: &Stats, enemy: Ix<Enemy>, stakes: Stakes) -> Arc<Duel> {
        // Much alike is taken for the same.
        let stakes = Stakes { prize: (stakes.prize + 20) / 40 * 40, ..stakes };
        let thousandths = |number: f64| libm::round(number * 1000.0) as i64;
        let key = Key {
            enemy,
            power: stats.combat_power,
            accuracy: thousandths(stats.accuracy),
            speed: thousandths(stats.speed),
            weapons: stats.weapons,
            hull: stats.max_hp + stats.shield,
            stakes,
        };
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        let solved = || Arc::new(solve(obs.content(), obs.rules(), stats, &key));
        self.known.entry(key).or_insert_with(solved).clone()
    }
}

/// How often the enemy's hits are weak, usual and strong.
const SHARES: [f64; 3] = [0.3, 0.4, 0.3];

/// A move, with its chances.
struct Way {
    order: Order,
    hit: f64,
    damage: i64,
    enemy_hit: f64,
    /// What the enemy's hits take: weak, usual and strong ones.
    blows: [i64; 3],
}

fn solve(content: &Content, rules: &DifficultyRules, stats: &Stats, key: &Key) -> Duel {
    let Key { enemy, stakes, hull, .. } = *key;
    let def = &content.enemies[enemy];
    let combat = &content.balance.combat;
    let rows = usize::try_from(hull / GRAIN + 1).unwrap_or_default() + 1;
    let width = usize::try_from(def.hp / GRAIN + 1).unwrap_or_default() + 1;
    let spoils = spoils(content, rules, enemy) + stakes.prize as f64;

    let blows = |force: f64| {
        [-0.7, 0.0, 0.7].map(|swing| {
            let power = def.combat_power as f64 + swing * combat.enemy_spread as f64;
            // Less than a step would lead back to the same state.
            (libm::round(power * force * rules.enemy_damage) as i64).max(GRAIN)
        })
    };
    let mut moves = Vec::new();
    for (ix, chosen) in content.moves.iter() {
        let barred = chosen.needs_targeting && stats.accuracy <= 0.0 || stats.weapons < chosen.needs_weapons;
        if !barred {
            moves.push(Way {
                order: Order::Strike(ix),
                hit: hit_chance(content, stats, chosen),
                damage: (libm::round(stats.combat_power as f64 * chosen.damage) as i64).max(1),
                enemy_hit: enemy_hit_chance(content, stats, def, chosen.defense),
                blows: blows(1.0),
            });
        }
    }
    let plain = enemy_hit_chance(content, stats, def, 1.0);
    if stakes.flee {
        moves.push(Way {
            order: Order::Flee,
            hit: flee_chance(content, stats, def),
            damage: 0,
            enemy_hit: plain,
            blows: blows(combat.flee_damage),
        });
    }
    if stakes.parley && def.parleys {
        moves.push(Way { order: Order::Parley, hit: 0.0, damage: 0, enemy_hit: plain, blows: blows(1.0) });
    }

    let lost = State { value: -(stakes.loss as f32), death: 1.0, left: 0.0, order: Order::Flee };
    let mut duel = Duel { states: vec![lost; rows * width], width, loss: stakes.loss as f64 };
    for row in 1..rows {
        let left = row as i64 * GRAIN;
        let whole = hull_worth(left as f64, stakes.loss as f64);
        duel.states[row * width] =
            State { value: (spoils + whole) as f32, death: 0.0, left: left as f32, order: Order::Flee };
        for column in 1..width {
            let foe = column as i64 * GRAIN;
            let mut best: Option<State> = None;
            for each in &moves {
                // Value, chance of death and hull left, of what the own half of the round leads to.
                let [mut value, mut death, mut after] = [0.0; 3];
                // Chance to come to the answer with the enemy unhurt, and hurt.
                let (mut same, mut hurt) = (1.0 - each.hit, each.hit);
                // Less than a step would lead back to the same state.
                let struck = (foe - each.damage).min(foe - GRAIN).max(0);
                let mut over = |chance: f64, worth: f64| {
                    value += chance * (worth + whole);
                    after += chance * left as f64;
                };
                match each.order {
                    Order::Flee => {
                        over(each.hit, 0.0);
                        value -= FUEL * combat.flee_fuel as f64;
                        hurt = 0.0;
                    }
                    Order::Parley => {
                        let share = foe as f64 / def.hp as f64;
                        let odds = (combat.parley_chance + combat.parley_damage * (1.0 - share)).clamp(0.0, 1.0);
                        over(odds, -(def.credits[1] as f64 * rules.enemy_credits * share).max(1.0));
                        same = 1.0 - odds;
                        hurt = 0.0;
                    }
                    Order::Strike(_) if struck == 0 => {
                        over(hurt, spoils);
                        hurt = 0.0;
                    }
                    Order::Strike(_) => {
                        if (struck as f64) < def.flee_threshold * def.hp as f64 {
                            over(hurt * combat.enemy_flees, 0.0);
                            hurt *= 1.0 - combat.enemy_flees;
                        }
                    }
                }
                // The answer: a miss, or one of three strengths of a hit.
                let again = (same * (1.0 - each.enemy_hit)).min(0.999);
                let mut answers = [(hurt * (1.0 - each.enemy_hit), left, struck); 7];
                for (at, (share, damage)) in SHARES.into_iter().zip(each.blows).enumerate() {
                    let chance = each.enemy_hit * share;
                    answers[2 * at + 1] = (same * chance, left - damage, foe);
                    answers[2 * at + 2] = (hurt * chance, left - damage, struck);
                }
                for (chance, left, foe) in answers.into_iter().filter(|(chance, ..)| *chance > 0.0) {
                    let next = duel.at(left.max(0), foe);
                    value += chance * f64::from(next.value);
                    death += chance * f64::from(next.death);
                    after += chance * f64::from(next.left);
                }
                let [value, death, after] = [value, death, after].map(|sum| sum / (1.0 - again));
                if best.is_none_or(|best| value > f64::from(best.value)) {
                    best =
                        Some(State { value: value as f32, death: death as f32, left: after as f32, order: each.order });
                }
            }
            if let Some(best) = best {
                duel.states[row * width + column] = best;
            }
        }
    }
    duel
}

/// What to do in the fight under way.
pub fn fight(duels: &mut Duels, obs: &Observation<'_>, loss: i64, prize: i64) -> Action {
    let content = obs.content();
    let attack = || {
        let any = content.moves.indices().map(|ix| Action::Combat { r#move: content.moves.id(ix).to_owned() });
        any.into_iter().find(|action| obs.can(action)).unwrap_or(Action::Flee {})
    };
    let Some(fight) = obs.combat() else { return Action::Wait {} };
    let stats = obs.stats();
    let stakes = Stakes { loss, prize, flee: obs.can(&Action::Flee {}), parley: obs.can(&Action::Negotiate {}) };
    let duel = duels.duel(obs, &stats, fight.enemy, stakes);
    let hull = obs.hull() + stats.shield;
    let danger = duel.death(hull, fight.hp);
    if let Some(action) = take_something(obs, &stats, danger) {
        return action;
    }
    match duel.order(hull, fight.hp) {
        Order::Strike(chosen) => Action::Combat { r#move: content.moves.id(chosen).to_owned() },
        Order::Flee if stakes.flee => Action::Flee {},
        Order::Parley if stakes.parley => Action::Negotiate {},
        _ => attack(),
    }
}

/// A shield or a repair from the hold, when the fight may be lost without it.
fn take_something(obs: &Observation<'_>, stats: &Stats, danger: f64) -> Option<Action> {
    let content = obs.content();
    let missing = stats.max_hp - obs.hull();
    let helps = |item: &Item| {
        let effect = item.effect.as_ref()?;
        let shield = if stats.shield == 0 { effect.temp_hp } else { 0 };
        let mends = effect.ship_condition.min(missing);
        (item.category == Category::Consumable && shield.max(mends) >= 15).then_some(shield.max(mends))
    };
    if danger < 0.06 {
        return None;
    }
    let held = obs.cargo().iter().filter_map(|stack| Some((helps(&content.items[stack.item])?, stack.item)));
    let (_, item) = held.max_by_key(|(points, item)| (*points, std::cmp::Reverse(*item)))?;
    let action = obs.use_item(item);
    obs.can(&action).then_some(action)
}
