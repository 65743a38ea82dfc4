//! Answers to events, by what they bring in the mean. A player who has played before knows how they can end.

use super::duel::{Duels, HULL, Stakes, mean};
use super::observation::Observation;
use crate::game::action::Action;
use crate::game::content::{Choice, Effect, Ending};
use crate::game::rules::usual_value;

/// The best answer that can be given, by somebody who does quests or not.
pub fn answer(duels: &mut Duels, obs: &Observation<'_>, loss: i64, quests: bool) -> Action {
    let Some(event) = obs.event() else { return Action::Wait {} };
    let mut best: Option<(f64, Action)> = None;
    for choice in &obs.content().events[event].choices {
        let action = Action::Choose { choice: choice.id.clone() };
        if !obs.can(&action) {
            continue;
        }
        let begins = |effect: &Effect| matches!(effect, Effect::Quest { .. });
        let begins = choice.outcomes.iter().any(|ending| ending.effects.iter().any(begins));
        let worth = worth(duels, obs, choice, loss) - if begins && !quests { 150.0 } else { 0.0 };
        if best.as_ref().is_none_or(|(most, _)| worth > *most) {
            best = Some((worth, action));
        }
    }
    best.map_or(Action::Wait {}, |(_, action)| action)
}

fn worth(duels: &mut Duels, obs: &Observation<'_>, choice: &Choice, loss: i64) -> f64 {
    let total: u32 = choice.outcomes.iter().map(|ending| ending.weight).sum();
    let mut sum = 0.0;
    for ending in &choice.outcomes {
        sum += f64::from(ending.weight) * worth_of(duels, obs, ending, loss);
    }
    sum / f64::from(total.max(1))
}

fn worth_of(duels: &mut Duels, obs: &Observation<'_>, ending: &Ending, loss: i64) -> f64 {
    let content = obs.content();
    let mut sum = 0.0;
    for effect in &ending.effects {
        sum += match effect {
            Effect::Credits { amount } if amount[0] > 0 => {
                mean(*amount) * obs.region_kind(obs.region()).map_or(1.0, |region| region.wealth)
            }
            Effect::Credits { amount } => mean(*amount),
            Effect::Fuel { amount } => mean(*amount) * if obs.fuel() < 30 { 4.0 } else { 1.2 },
            Effect::Food { amount } => 4.0 * mean(*amount),
            Effect::Health { amount } if obs.health() + amount[0] <= 10 => -(loss as f64),
            Effect::Health { amount } => 2.0 * mean(*amount).min((100 - obs.health()) as f64),
            Effect::Hull { amount } if obs.hull() + amount[0] <= 5 => -(loss as f64),
            Effect::Hull { amount } => {
                let missing = obs.stats().max_hp - obs.hull();
                HULL * mean(*amount).min(missing as f64)
            }
            Effect::Item { item, quantity } => {
                let weight = content.items[item.ix()].weight;
                let room = if weight == 0 { 99 } else { obs.stats().free_cargo() / weight };
                0.9 * usual_value(content, item.ix()) * mean(*quantity).min(room as f64)
            }
            Effect::Take { item, quantity } => {
                let held = obs.held(item.ix()) as f64;
                -0.9 * usual_value(content, item.ix()) * mean(*quantity).min(held)
            }
            // A chain pays, for those who follow it.
            Effect::Quest { .. } => 60.0,
            Effect::Fight { enemy } => {
                let stakes = Stakes { loss, prize: 0, flee: obs.fuel() >= 20, parley: obs.wealth() > 200 };
                let (stats, hp) = (obs.stats(), content.enemies[enemy.ix()].hp);
                duels.duel(obs, &stats, enemy.ix(), stakes).gain(obs.hull() + stats.shield, hp)
            }
            Effect::Chart {} => 30.0,
        };
    }
    sum
}
