//! A player who takes what pays or is needed now, and looks one step ahead.

use super::Player;
use super::answer::answer;
use super::captain::possible;
use super::duel::{Duels, Stakes, fight};
use super::eyes::{Eyes, units};
use super::notes::Notes;
use crate::game::action::Action;
use crate::game::content::{Item, Mod, ModEffects, QuestKind};
use crate::game::event::Outcome;
use crate::game::rng::{Dice, Stream};
use crate::game::rules::usual_value;
use crate::game::state::Quest;
use crate::game::table::Ix;

/// Credits that losing the ship is taken to cost.
const LOSS: i64 = 2500;

/// Takes what pays now.
pub struct Greedy {
    dice: Dice,
    notes: Notes,
    duels: Duels,
}

impl Greedy {
    pub fn new(dice: Dice, duels: Duels) -> Self {
        Self { dice, notes: Notes::default(), duels }
    }
}

impl Player for Greedy {
    fn hear(&mut self, eyes: Eyes<'_>, outcome: Option<&Outcome>) {
        self.notes.look(&eyes, outcome);
    }

    fn leave(self: Box<Self>) -> Duels {
        self.duels
    }

    fn decide(&mut self, eyes: Eyes<'_>) -> Action {
        if eyes.event().is_some() {
            return answer(&mut self.duels, &eyes, LOSS, true);
        }
        if eyes.combat().is_some() {
            return fight(&mut self.duels, &eyes, LOSS, 0);
        }
        let found = self
            .need(&eyes)
            .or_else(|| turn_in(&eyes))
            .or_else(|| self.sell(&eyes))
            .or_else(|| accept(&eyes))
            .or_else(|| fit_out(&eyes))
            .or_else(|| self.buy(&eyes))
            .or_else(|| self.work(&eyes));
        found.unwrap_or_else(|| self.travel(&eyes))
    }
}

fn turn_in(eyes: &Eyes<'_>) -> Option<Action> {
    let mut orders = eyes.quests().iter().map(|quest| Action::TurnInQuest { quest: quest.id() });
    orders.find(|order| eyes.can(order))
}

/// Buys what helps anybody, where the purse is deep: room, guns, and what digs.
fn fit_out(eyes: &Eyes<'_>) -> Option<Action> {
    let content = eyes.content();
    let helps = |wanted: &Ix<Mod>| {
        let ModEffects { cargo_capacity, combat_power, mining_yield, accuracy, .. } = &content.mods[*wanted].effects;
        *cargo_capacity > 0 || *combat_power > 0 || mining_yield.is_some() || accuracy.is_some()
    };
    let wanted = content.mods.indices().filter(helps).filter(|wanted| 4 * content.mods[*wanted].cost <= eyes.wealth());
    let early = eyes.turns_left() > 40;
    wanted.map(|wanted| eyes.buy_mod(wanted)).find(|order| early && eyes.can(order))
}

/// Takes on what can be done: not a bounty on somebody too strong.
fn accept(eyes: &Eyes<'_>) -> Option<Action> {
    let power = eyes.stats().combat_power;
    let strong = |quest: &Quest| quest.enemy.is_some_and(|enemy| eyes.content().enemies[enemy].hp > 4 * power);
    let mut orders =
        eyes.offered_quests().filter(|quest| !strong(quest)).map(|quest| Action::AcceptQuest { quest: quest.id() });
    orders.find(|order| eyes.can(order))
}

/// Where work leads next.
fn errand(eyes: &Eyes<'_>, quest: &Quest) -> Option<usize> {
    match quest.kind(eyes.content()) {
        QuestKind::Delivery => Some(quest.target),
        _ if !quest.done => Some(quest.target),
        QuestKind::Rescue => Some(quest.giver),
        QuestKind::Bounty | QuestKind::Exploration => None,
    }
}

impl Greedy {
    fn need(&mut self, eyes: &Eyes<'_>) -> Option<Action> {
        let content = eyes.content();
        let stats = eyes.stats();
        let mut wanted = Vec::new();
        for stack in eyes.cargo() {
            let Some(effect) = &content.items[stack.item].effect else { continue };
            let low = effect.fuel > 0 && eyes.fuel() < 25
                || effect.health > 0 && eyes.health() < 40
                || effect.ship_condition > 0 && eyes.hull() * 2 < stats.max_hp;
            if low {
                wanted.push(eyes.use_item(stack.item));
            }
        }
        if eyes.health() < 60 {
            wanted.push(Action::ConsumeFood { amount: units((eyes.food() - 5).min(10)) });
        }
        if eyes.in_pod() {
            wanted.extend(content.ships.indices().map(|ship| eyes.buy_ship(ship)));
        }
        if stats.max_hp - eyes.hull() >= 20 {
            wanted.push(Action::Repair {});
        }
        if eyes.fuel() < 60 {
            wanted.push(Action::Refuel { amount: units((100 - eyes.fuel()).min(eyes.wealth())) });
        }
        let food = (eyes.turns_left() + 2).min(25) - eyes.food();
        if eyes.food() < 12 && food > 0 {
            wanted.push(Action::BuyFood { amount: units(food.min(eyes.wealth() / 8)) });
        }
        wanted.into_iter().find(|order| eyes.can(order))
    }

    /// What the best known dock pays for a unit, a step away.
    fn best_elsewhere(&self, eyes: &Eyes<'_>, item: Ix<Item>) -> Option<f64> {
        let docks = self.near(eyes);
        docks.into_iter().filter_map(|dock| self.notes.bid(eyes, dock, item, 1)).max_by(f64::total_cmp)
    }

    /// Places one move or jump away.
    fn near(&self, eyes: &Eyes<'_>) -> Vec<usize> {
        let jumps = eyes.jumps(eyes.region()).filter_map(|region| eyes.landing(region));
        eyes.routes(eyes.here()).chain(jumps).collect()
    }

    fn sell(&self, eyes: &Eyes<'_>) -> Option<Action> {
        let content = eyes.content();
        let last = eyes.turns_left() <= 2;
        for stack in eyes.cargo() {
            let Some(price) = self.notes.price(stack.item) else { continue };
            // One of each help is kept for the day it is needed.
            let spare = stack.quantity - i64::from(content.items[stack.item].effect.is_some() && !last);
            let elsewhere = self.best_elsewhere(eyes, stack.item).unwrap_or(0.75 * usual_value(content, stack.item));
            let least = if last { 1.0 } else { 0.95 * elsewhere };
            let brings = |units: i64| self.notes.brings(eyes, stack.item, units).unwrap_or_default();
            let pays =
                |units: &i64| *units == 1 && price.bid as f64 >= least || brings(*units) - brings(units - 1) >= least;
            let sold = (1..=spare).take_while(pays).count();
            if sold > 0 {
                return possible(eyes, eyes.sell(stack.item, sold as i64));
            }
        }
        None
    }

    fn buy(&self, eyes: &Eyes<'_>) -> Option<Action> {
        let free = eyes.stats().free_cargo();
        let purse = (eyes.wealth() - 100) as f64;
        if eyes.turns_left() <= 4 || free == 0 || purse <= 0.0 {
            return None;
        }
        let near = self.near(eyes);
        let mut best: Option<(f64, Action)> = None;
        for price in self.notes.prices() {
            let def = &eyes.content().items[price.item];
            let held = eyes.held(price.item);
            let room = if def.weight == 0 { def.stack_size } else { free / def.weight };
            let most = price.stock.min(room).min(def.stack_size - held);
            let pays = |dock: &usize, units: i64| self.notes.bid(eyes, *dock, price.item, units).unwrap_or_default();
            let Some(dock) = near.iter().max_by(|a, b| pays(a, 1).total_cmp(&pays(b, 1))) else { continue };
            let brings = |units: i64| if held + units > 0 { pays(dock, held + units) } else { 0.0 };
            let takes = |units: i64| self.notes.takes(eyes, price.item, units).unwrap_or_default();
            let pays_off = |units: &i64| {
                let cost = takes(*units) - takes(units - 1);
                takes(*units) <= purse && brings(*units) - brings(units - 1) > 1.1 * cost
            };
            let units = (1..=most).take_while(pays_off).count() as i64;
            let gain = brings(units) - brings(0) - takes(units);
            if units > 0 && best.as_ref().is_none_or(|(most, _)| gain > *most) {
                best = Some((gain, eyes.buy(price.item, units)));
            }
        }
        best.and_then(|(_, order)| possible(eyes, order))
    }

    fn work(&mut self, eyes: &Eyes<'_>) -> Option<Action> {
        let stats = eyes.stats();
        let here = eyes.here();
        let sound = eyes.hull() * 2 > stats.max_hp;
        let mut wanted = Vec::new();
        for quest in eyes.quests().iter().filter(|quest| !quest.done && quest.target == here && eyes.equipped(quest)) {
            match quest.kind(eyes.content()) {
                QuestKind::Exploration => wanted.push(Action::Scan {}),
                QuestKind::Bounty => wanted.push(Action::SeekFight {}),
                _ => {}
            }
        }
        if sound && stats.free_cargo() >= 10 {
            wanted.push(Action::Mine {});
            wanted.push(Action::Salvage {});
        }
        if self.odds_are_good(eyes) {
            wanted.push(Action::SeekFight {});
        }
        wanted.into_iter().find(|order| eyes.can(order))
    }

    fn odds_are_good(&mut self, eyes: &Eyes<'_>) -> bool {
        let (stats, hull) = (eyes.stats(), eyes.hull());
        if hull * 4 < stats.max_hp * 3 {
            return false;
        }
        let Some(kind) = eyes.region_kind(eyes.region()) else { return false };
        let stakes = Stakes { loss: LOSS, prize: 0, flee: true, parley: eyes.wealth() > 250 };
        let (mut sum, mut total) = (0.0, 0.0);
        for prowler in &kind.enemies {
            let enemy = prowler.enemy.ix();
            let duel = self.duels.duel(eyes, &stats, enemy, stakes);
            sum += f64::from(prowler.weight) * duel.gain(hull, eyes.content().enemies[enemy].hp);
            total += f64::from(prowler.weight);
        }
        sum > 60.0 * total
    }

    fn travel(&mut self, eyes: &Eyes<'_>) -> Action {
        let mut best = (f64::MIN, Action::Wait {});
        for node in eyes.routes(eyes.here()) {
            let order = eyes.go(node);
            if eyes.can(&order) {
                let worth = self.worth(eyes, node);
                self.better(&mut best, worth, order);
            }
        }
        for region in eyes.jumps(eyes.region()) {
            let order = eyes.jump(region);
            let Ok(plan) = eyes.plan(&order) else { continue };
            // Never so far that there is no way back from a place without a dock.
            let dock = eyes.landing(region).and_then(|node| eyes.chart(node)).is_some_and(|chart| chart.dock());
            if dock || eyes.fuel() >= 2 * plan.cost.fuel {
                let fresh = !eyes.places_of(region).any(|node| eyes.visited(node));
                let mut worth = eyes.landing(region).map_or(20.0, |node| self.worth(eyes, node));
                worth -= plan.cost.fuel as f64;
                if fresh {
                    worth += eyes.content().balance.travel.jump_bonus as f64;
                }
                let aims = eyes.quests().iter().filter_map(|quest| Some((errand(eyes, quest)?, quest.reward)));
                worth += aims
                    .filter(|(node, _)| eyes.region_of(*node) == region)
                    .map(|(_, reward)| 0.3 * reward as f64)
                    .sum::<f64>();
                self.better(&mut best, worth, order);
            }
        }
        best.1
    }

    fn better(&mut self, best: &mut (f64, Action), worth: f64, order: Action) {
        let worth = worth + 5.0 * self.dice.stream(Stream::Events).share();
        if worth > best.0 {
            *best = (worth, order);
        }
    }

    /// What it is worth to stand at a place.
    fn worth(&self, eyes: &Eyes<'_>, node: usize) -> f64 {
        let mut worth = 0.0;
        let chart = eyes.chart(node);
        for stack in eyes.cargo() {
            worth += 0.5 * self.notes.bid(eyes, node, stack.item, stack.quantity).unwrap_or_default();
        }
        for quest in eyes.quests() {
            if errand(eyes, quest) == Some(node)
                || errand(eyes, quest).is_none() && chart.is_some_and(|chart| chart.dock())
            {
                worth += 0.8 * quest.reward as f64;
            }
        }
        if !eyes.visited(node) {
            worth += 40.0;
        }
        if chart.is_some_and(|chart| chart.dock()) {
            worth += 20.0 + if eyes.fuel() < 50 { 150.0 } else { 0.0 };
        }
        let danger = chart.map_or(0.4, |chart| chart.danger);
        let since = self.notes.visits.get(&node).map_or(20, |turn| eyes.turn() - turn);
        worth - 50.0 * danger - 4.0 * (20 - since).max(0) as f64
    }
}
