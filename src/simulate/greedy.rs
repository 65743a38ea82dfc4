//! A player who takes what pays or is needed now, and looks one step ahead.

use super::answer::answer;
use super::duel::{Duels, Stakes, fight};
use super::notes::Notes;
use super::observation::{Observation, units};
use super::planner::possible;
use super::player::Player;
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
    fn hear(&mut self, obs: Observation<'_>, outcome: Option<&Outcome>) {
        self.notes.look(&obs, outcome);
    }

    fn leave(self: Box<Self>) -> Duels {
        self.duels
    }

    fn decide(&mut self, obs: Observation<'_>) -> Action {
        if obs.event().is_some() {
            return answer(&mut self.duels, &obs, LOSS, true);
        }
        if obs.combat().is_some() {
            return fight(&mut self.duels, &obs, LOSS, 0);
        }
        let found = self
            .need(&obs)
            .or_else(|| turn_in(&obs))
            .or_else(|| self.sell(&obs))
            .or_else(|| accept(&obs))
            .or_else(|| fit_out(&obs))
            .or_else(|| self.buy(&obs))
            .or_else(|| self.work(&obs));
        found.unwrap_or_else(|| self.travel(&obs))
    }
}

fn turn_in(obs: &Observation<'_>) -> Option<Action> {
    let mut orders = obs.quests().iter().map(|quest| Action::TurnInQuest { quest: quest.id() });
    orders.find(|order| obs.can(order))
}

/// Buys what helps anybody, where the purse is deep: room, guns, and what digs.
fn fit_out(obs: &Observation<'_>) -> Option<Action> {
    let content = obs.content();
    let helps = |wanted: &Ix<Mod>| {
        let ModEffects { cargo_capacity, combat_power, mining_yield, accuracy, .. } = &content.mods[*wanted].effects;
        *cargo_capacity > 0 || *combat_power > 0 || mining_yield.is_some() || accuracy.is_some()
    };
    let wanted = content.mods.indices().filter(helps).filter(|wanted| 4 * content.mods[*wanted].cost <= obs.wealth());
    let early = obs.turns_left() > 40;
    wanted.map(|wanted| obs.buy_mod(wanted)).find(|order| early && obs.can(order))
}

/// Takes on what can be done: not a bounty on somebody too strong.
fn accept(obs: &Observation<'_>) -> Option<Action> {
    let power = obs.stats().combat_power;
    let strong = |quest: &Quest| quest.enemy.is_some_and(|enemy| obs.content().enemies[enemy].hp > 4 * power);
    let mut orders =
        obs.offered_quests().filter(|quest| !strong(quest)).map(|quest| Action::AcceptQuest { quest: quest.id() });
    orders.find(|order| obs.can(order))
}

/// Where work leads next.
fn errand(obs: &Observation<'_>, quest: &Quest) -> Option<usize> {
    match quest.kind(obs.content()) {
        QuestKind::Delivery => Some(quest.target),
        _ if !quest.done => Some(quest.target),
        QuestKind::Rescue => Some(quest.giver),
        QuestKind::Bounty | QuestKind::Exploration => None,
    }
}

impl Greedy {
    fn need(&mut self, obs: &Observation<'_>) -> Option<Action> {
        let content = obs.content();
        let stats = obs.stats();
        let mut wanted = Vec::new();
        for stack in obs.cargo() {
            let Some(effect) = &content.items[stack.item].effect else { continue };
            let low = effect.fuel > 0 && obs.fuel() < 25
                || effect.health > 0 && obs.health() < 40
                || effect.ship_condition > 0 && obs.hull() * 2 < stats.max_hp;
            if low {
                wanted.push(obs.use_item(stack.item));
            }
        }
        if obs.health() < 60 {
            wanted.push(Action::ConsumeFood { amount: units((obs.food() - 5).min(10)) });
        }
        if obs.in_pod() {
            wanted.extend(content.ships.indices().map(|ship| obs.buy_ship(ship)));
        }
        if stats.max_hp - obs.hull() >= 20 {
            wanted.push(Action::Repair {});
        }
        if obs.fuel() < 60 {
            wanted.push(Action::Refuel { amount: units((100 - obs.fuel()).min(obs.wealth())) });
        }
        let food = (obs.turns_left() + 2).min(25) - obs.food();
        if obs.food() < 12 && food > 0 {
            wanted.push(Action::BuyFood { amount: units(food.min(obs.wealth() / 8)) });
        }
        wanted.into_iter().find(|order| obs.can(order))
    }

    /// What the best known dock pays for a unit, a step away.
    fn best_elsewhere(&self, obs: &Observation<'_>, item: Ix<Item>) -> Option<f64> {
        let docks = self.near(obs);
        docks.into_iter().filter_map(|dock| self.notes.bid(obs, dock, item, 1)).max_by(f64::total_cmp)
    }

    /// Places one move or jump away.
    fn near(&self, obs: &Observation<'_>) -> Vec<usize> {
        let jumps = obs.jumps(obs.region()).filter_map(|region| obs.landing(region));
        obs.routes(obs.here()).chain(jumps).collect()
    }

    fn sell(&self, obs: &Observation<'_>) -> Option<Action> {
        let content = obs.content();
        let last = obs.turns_left() <= 2;
        for stack in obs.cargo() {
            let Some(price) = self.notes.price(stack.item) else { continue };
            // One of each help is kept for the day it is needed.
            let spare = stack.quantity - i64::from(content.items[stack.item].effect.is_some() && !last);
            let elsewhere = self.best_elsewhere(obs, stack.item).unwrap_or(0.75 * usual_value(content, stack.item));
            let least = if last { 1.0 } else { 0.95 * elsewhere };
            let brings = |units: i64| self.notes.brings(obs, stack.item, units).unwrap_or_default();
            let pays =
                |units: &i64| *units == 1 && price.bid as f64 >= least || brings(*units) - brings(units - 1) >= least;
            let sold = (1..=spare).take_while(pays).count();
            if sold > 0 {
                return possible(obs, obs.sell(stack.item, sold as i64));
            }
        }
        None
    }

    fn buy(&self, obs: &Observation<'_>) -> Option<Action> {
        let free = obs.stats().free_cargo();
        let purse = (obs.wealth() - 100) as f64;
        if obs.turns_left() <= 4 || free == 0 || purse <= 0.0 {
            return None;
        }
        let near = self.near(obs);
        let mut best: Option<(f64, Action)> = None;
        for price in self.notes.prices() {
            let def = &obs.content().items[price.item];
            let held = obs.held(price.item);
            let room = if def.weight == 0 { def.stack_size } else { free / def.weight };
            let most = price.stock.min(room).min(def.stack_size - held);
            let pays = |dock: &usize, units: i64| self.notes.bid(obs, *dock, price.item, units).unwrap_or_default();
            let Some(dock) = near.iter().max_by(|a, b| pays(a, 1).total_cmp(&pays(b, 1))) else { continue };
            let brings = |units: i64| if held + units > 0 { pays(dock, held + units) } else { 0.0 };
            let takes = |units: i64| self.notes.takes(obs, price.item, units).unwrap_or_default();
            let pays_off = |units: &i64| {
                let cost = takes(*units) - takes(units - 1);
                takes(*units) <= purse && brings(*units) - brings(units - 1) > 1.1 * cost
            };
            let units = (1..=most).take_while(pays_off).count() as i64;
            let gain = brings(units) - brings(0) - takes(units);
            if units > 0 && best.as_ref().is_none_or(|(most, _)| gain > *most) {
                best = Some((gain, obs.buy(price.item, units)));
            }
        }
        best.and_then(|(_, order)| possible(obs, order))
    }

    fn work(&mut self, obs: &Observation<'_>) -> Option<Action> {
        let stats = obs.stats();
        let here = obs.here();
        let sound = obs.hull() * 2 > stats.max_hp;
        let mut wanted = Vec::new();
        for quest in obs.quests().iter().filter(|quest| !quest.done && quest.target == here && obs.equipped(quest)) {
            match quest.kind(obs.content()) {
                QuestKind::Exploration => wanted.push(Action::Scan {}),
                QuestKind::Bounty => wanted.push(Action::SeekFight {}),
                _ => {}
            }
        }
        if sound && stats.free_cargo() >= 10 {
            wanted.push(Action::Mine {});
            wanted.push(Action::Salvage {});
        }
        if self.odds_are_good(obs) {
            wanted.push(Action::SeekFight {});
        }
        wanted.into_iter().find(|order| obs.can(order))
    }

    fn odds_are_good(&mut self, obs: &Observation<'_>) -> bool {
        let (stats, hull) = (obs.stats(), obs.hull());
        if hull * 4 < stats.max_hp * 3 {
            return false;
        }
        let Some(kind) = obs.region_kind(obs.region()) else { return false };
        let stakes = Stakes { loss: LOSS, prize: 0, flee: true, parley: obs.wealth() > 250 };
        let (mut sum, mut total) = (0.0, 0.0);
        for prowler in &kind.enemies {
            let enemy = prowler.enemy.ix();
            let duel = self.duels.duel(obs, &stats, enemy, stakes);
            sum += f64::from(prowler.weight) * duel.gain(hull, obs.content().enemies[enemy].hp);
            total += f64::from(prowler.weight);
        }
        sum > 60.0 * total
    }

    fn travel(&mut self, obs: &Observation<'_>) -> Action {
        let mut best = (f64::MIN, Action::Wait {});
        for node in obs.routes(obs.here()) {
            let order = obs.go(node);
            if obs.can(&order) {
                let worth = self.worth(obs, node);
                self.better(&mut best, worth, order);
            }
        }
        for region in obs.jumps(obs.region()) {
            let order = obs.jump(region);
            let Ok(plan) = obs.plan(&order) else { continue };
            // Never so far that there is no way back from a place without a dock.
            let dock = obs.landing(region).and_then(|node| obs.chart(node)).is_some_and(|chart| chart.dock());
            if dock || obs.fuel() >= 2 * plan.cost.fuel {
                let fresh = !obs.places_of(region).any(|node| obs.visited(node));
                let mut worth = obs.landing(region).map_or(20.0, |node| self.worth(obs, node));
                worth -= plan.cost.fuel as f64;
                if fresh {
                    worth += obs.content().balance.travel.jump_bonus as f64;
                }
                let aims = obs.quests().iter().filter_map(|quest| Some((errand(obs, quest)?, quest.reward)));
                worth += aims
                    .filter(|(node, _)| obs.region_of(*node) == region)
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
    fn worth(&self, obs: &Observation<'_>, node: usize) -> f64 {
        let mut worth = 0.0;
        let chart = obs.chart(node);
        for stack in obs.cargo() {
            worth += 0.5 * self.notes.bid(obs, node, stack.item, stack.quantity).unwrap_or_default();
        }
        for quest in obs.quests() {
            if errand(obs, quest) == Some(node)
                || errand(obs, quest).is_none() && chart.is_some_and(|chart| chart.dock())
            {
                worth += 0.8 * quest.reward as f64;
            }
        }
        if !obs.visited(node) {
            worth += 40.0;
        }
        if chart.is_some_and(|chart| chart.dock()) {
            worth += 20.0 + if obs.fuel() < 50 { 150.0 } else { 0.0 };
        }
        let danger = chart.map_or(0.4, |chart| chart.danger);
        let since = self.notes.visits.get(&node).map_or(20, |turn| obs.turn() - turn);
        worth - 50.0 * danger - 4.0 * (20 - since).max(0) as f64
    }
}
