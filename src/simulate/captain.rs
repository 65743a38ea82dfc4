//! A captain who plans: routes over the known map, trade on the way, work with its deadlines, fights by their odds, and
//! investments that pay before the season ends. With some ways of earning closed to him he is a trader, a fighter, a miner or
//! a quester.

use std::collections::VecDeque;

use super::Player;
use super::answer::answer;
use super::duel::{Duels, Stakes, fight};
use super::eyes::{Eyes, units};
use super::model::{Choice, Fit, State, Step, Ways, Work, World};
use super::notes::Notes;
use crate::game::action::Action;
use crate::game::content::{Mod, QuestKind, Ship, Slot};
use crate::game::event::Outcome;
use crate::game::state::Quest;
use crate::game::table::Ix;

/// What a turn is taken to be worth at first.
const RATE: f64 = 40.0;
/// What losing the ship is taken to cost: the rest of the season.
const LOSS: i64 = 4500;
/// Turns between two looks at what the yard sells.
const INVEST: i64 = 5;

/// A captain.
pub struct Captain {
    ways: Ways,
    notes: Notes,
    duels: Duels,
    /// What is decided for this turn.
    orders: VecDeque<Action>,
    rate: f64,
    next_look: i64,
}

impl Captain {
    pub fn new(ways: Ways, duels: Duels) -> Self {
        Self { ways, notes: Notes::default(), duels, orders: VecDeque::new(), rate: RATE, next_look: 0 }
    }

    /// What losing the ship would cost.
    fn loss(eyes: &Eyes<'_>) -> i64 {
        if eyes.pod().is_some() { LOSS / 3 } else { LOSS }
    }

    fn sketch(&mut self, eyes: &Eyes<'_>, fit: &Fit) -> (World, State) {
        World::sketch(eyes, &self.notes, &mut self.duels, self.ways, fit, self.rate, Self::loss(eyes))
    }
}

impl Player for Captain {
    fn hear(&mut self, eyes: Eyes<'_>, outcome: Option<&Outcome>) {
        self.notes.look(&eyes, outcome);
    }

    fn leave(self: Box<Self>) -> Duels {
        self.duels
    }

    fn decide(&mut self, eyes: Eyes<'_>) -> Action {
        if eyes.event().is_some() {
            self.orders.clear();
            return answer(&mut self.duels, &eyes, Self::loss(&eyes), self.ways.quests);
        }
        if let Some(combat) = eyes.combat() {
            self.orders.clear();
            let bounty =
                eyes.quests().iter().find(|quest| quest.target == eyes.here() && !quest.done && quest.enemy.is_some());
            let prize = bounty.filter(|_| combat.quarry).map_or(0, |quest| quest.reward * 9 / 10);
            return fight(&mut self.duels, &eyes, Self::loss(&eyes), prize);
        }
        if let Some(order) = self.next(&eyes) {
            return order;
        }
        self.plan(&eyes);
        self.next(&eyes).unwrap_or(Action::Wait {})
    }
}

/// An order as it can be carried out: less of it, where there is not as much.
pub fn possible(eyes: &Eyes<'_>, order: Action) -> Option<Action> {
    if eyes.can(&order) {
        return Some(order);
    }
    let one = units(1);
    let single = match &order {
        Action::BuyItem { item, .. } => Action::BuyItem { item: item.clone(), quantity: one },
        Action::SellItem { item, .. } => Action::SellItem { item: item.clone(), quantity: one },
        Action::Refuel { .. } => Action::Refuel { amount: one },
        Action::BuyFood { .. } => Action::BuyFood { amount: one },
        Action::ConsumeFood { .. } => Action::ConsumeFood { amount: one },
        _ => return None,
    };
    let most = units(eyes.plan(&single).ok()?.max?);
    let fewer = match order {
        Action::BuyItem { item, quantity } => Action::BuyItem { item, quantity: quantity.min(most) },
        Action::SellItem { item, quantity } => Action::SellItem { item, quantity: quantity.min(most) },
        Action::Refuel { amount } => Action::Refuel { amount: amount.min(most) },
        Action::BuyFood { amount } => Action::BuyFood { amount: amount.min(most) },
        Action::ConsumeFood { amount } => Action::ConsumeFood { amount: amount.min(most) },
        other => other,
    };
    eyes.can(&fewer).then_some(fewer)
}

impl Captain {
    /// The next of the orders that can be carried out.
    fn next(&mut self, eyes: &Eyes<'_>) -> Option<Action> {
        std::iter::from_fn(|| self.orders.pop_front()).find_map(|order| possible(eyes, order))
    }

    /// Decides what to do this turn; what is free may be decided alone, and the rest then.
    fn plan(&mut self, eyes: &Eyes<'_>) {
        let orders = self
            .payable(eyes)
            .or_else(|| cash_in(eyes))
            .or_else(|| mend(eyes))
            .or_else(|| self.out_of_the_pod(eyes))
            .or_else(|| self.accept(eyes))
            .or_else(|| self.invest(eyes))
            .or_else(|| self.insure(eyes))
            .unwrap_or_else(|| self.go_on(eyes));
        self.orders.extend(orders);
    }

    fn payable(&self, eyes: &Eyes<'_>) -> Option<Vec<Action>> {
        let orders = eyes.quests().iter().map(|quest| Action::TurnInQuest { quest: quest.id() });
        orders.into_iter().find(|order| eyes.can(order)).map(|order| vec![order])
    }

    fn accept(&mut self, eyes: &Eyes<'_>) -> Option<Vec<Action>> {
        if !self.ways.quests || eyes.offered_quests().next().is_none() {
            return None;
        }
        let (world, state) = self.sketch(eyes, &Fit::present(eyes));
        let mut best: Option<(f64, Action)> = None;
        for quest in eyes.offered_quests() {
            let order = Action::AcceptQuest { quest: quest.id() };
            if eyes.can(&order) {
                let value = self.value(eyes, &world, &state, quest);
                if value > 0.0 && best.as_ref().is_none_or(|(most, _)| value > *most) {
                    best = Some((value, order));
                }
            }
        }
        best.map(|(_, order)| vec![order])
    }

    /// What an offer is worth beyond the turns it takes.
    fn value(&mut self, eyes: &Eyes<'_>, world: &World, state: &State, quest: &Quest) -> f64 {
        let kind = quest.kind(eyes.content());
        let target = world.stops.iter().position(|stop| stop.node == Some(quest.target));
        let leg = target.and_then(|target| world.leg(state.at, target));
        let away = leg.map_or(4.0, |leg| leg.turns);
        let fuel = leg.map_or(50.0, |leg| leg.fuel);
        let (turns, fuel) = match kind {
            QuestKind::Delivery => (away, fuel),
            QuestKind::Rescue => (2.0 * away, 2.0 * fuel),
            QuestKind::Bounty => (away + 1.5, fuel + 5.0),
            QuestKind::Exploration => (away + 1.0, fuel),
        };
        if turns + 2.0 > quest.days as f64 || turns + 1.0 >= eyes.turns_left() as f64 {
            return -1.0;
        }
        // Where there is trade on the way, the way is not for this alone.
        let share = if self.ways.trade { 0.6 } else { 0.4 };
        let mut value = quest.reward as f64 - share * (self.rate * turns + fuel);
        if let Some(enemy) = quest.enemy {
            let fight = super::model::bounty(eyes, &mut self.duels, enemy, quest.reward, Self::loss(eyes));
            if !self.ways.fights && fight < 0.0 {
                return -1.0;
            }
            value += fight;
        }
        if self.ways.trade {
            value -= 0.5 * quest.weight as f64 / world.capacity() * self.rate * away;
        }
        value - 10.0
    }

    /// Looks at what the yard sells, and buys what pays best before the season ends.
    fn invest(&mut self, eyes: &Eyes<'_>) -> Option<Vec<Action>> {
        let content = eyes.content();
        let here = eyes.chart(eyes.here())?;
        // What is left must be enough to go on earning with.
        let purse = eyes.wealth() - if self.ways.trade { 200 } else { 80 };
        if !here.repair || eyes.in_pod() || eyes.turns_left() < 12 || purse < 150 || eyes.turn() < self.next_look {
            return None;
        }
        self.next_look = eyes.turn() + INVEST;
        let present = Fit::present(eyes);
        let left = eyes.turns_left() as f64 - 1.0;
        let turns = left.min(24.0);
        let mut best: (f64, Vec<Action>) = (f64::MIN, Vec::new());
        for (ship, bought) in candidates(eyes, self.ways) {
            let changed = ship != eyes.ship();
            let refund: i64 =
                if changed { present.mods.iter().map(|fitted| half(content.mods[*fitted].cost)).sum() } else { 0 };
            let hull = if changed { content.ships[ship].cost } else { 0 };
            let cost: i64 = hull - refund + bought.iter().map(|wanted| content.mods[*wanted].cost).sum::<i64>();
            if cost > purse {
                continue;
            }
            let mut mods = if changed { Vec::new() } else { present.mods.clone() };
            mods.extend(&bought);
            let stats = eyes.stats_with(ship, &mods);
            if stats.used_cargo_space > content.ships[ship].cargo_capacity {
                continue;
            }
            let fit = Fit { mods, stats };
            let (world, mut state) = self.sketch(eyes, &fit);
            let resale: i64 = bought.iter().map(|wanted| half(content.mods[*wanted].cost)).sum();
            state.pay(cost as f64, if changed { stats.max_hp } else { eyes.hull() });
            let brings = world.rollout(state, turns) * left / turns;
            let value = 0.8 * brings - cost as f64 + 0.4 * resale as f64
                - if bought.is_empty() && !changed { 0.0 } else { 40.0 };
            if value > best.0 {
                let mut orders = Vec::new();
                if changed {
                    orders.push(eyes.buy_ship(ship));
                }
                orders.extend(bought.iter().map(|wanted| eyes.buy_mod(*wanted)));
                best = (value, orders);
            }
        }
        (!best.1.is_empty()).then_some(best.1)
    }

    /// The chance to lose the ship before the season ends, as it looks from here, with so much more hull.
    fn peril(&mut self, eyes: &Eyes<'_>, more: i64) -> f64 {
        let mut stats = eyes.stats();
        stats.max_hp += more;
        let hull = stats.max_hp * 8 / 10;
        let stakes = Stakes { loss: Self::loss(eyes), prize: 0, flee: true, parley: eyes.wealth() > 250 };
        let (mut deaths, mut total) = (0.0, 0.0);
        for kind in (0..eyes.region_count()).filter_map(|region| eyes.region_kind(region)) {
            for prowler in &kind.enemies {
                let enemy = prowler.enemy.ix();
                let share = f64::from(prowler.weight) * kind.danger;
                let duel = self.duels.duel(eyes, &stats, enemy, stakes);
                deaths += share * duel.death(hull, eyes.content().enemies[enemy].hp);
                total += share;
            }
        }
        // So many fights are looked for, or met, in a turn.
        let fights = eyes.turns_left() as f64 * if self.ways.fights { 0.2 } else { 0.08 };
        (fights * deaths / f64::max(total, 0.01)).min(0.6)
    }

    /// A pod, and what makes it better, where the dangers ahead are worth its price.
    fn insure(&mut self, eyes: &Eyes<'_>) -> Option<Vec<Action>> {
        let content = eyes.content();
        let purse = eyes.wealth() - 400;
        let dock = eyes.chart(eyes.here()).is_some_and(|chart| chart.dock());
        if !dock || eyes.in_pod() || eyes.turns_left() < 15 || eyes.pod().is_some_and(|pod| pod.fresh) {
            return None;
        }
        let peril = self.peril(eyes, 0);
        let loss = LOSS as f64 * peril;
        if eyes.pod().is_none() {
            let cost = content.pod.cost;
            return (cost <= purse && 0.5 * loss > cost as f64).then(|| vec![Action::BuyPod {}]);
        }
        let left = eyes.turns_left() as f64;
        let hold: f64 =
            eyes.cargo().iter().map(|stack| (content.items[stack.item].base_value * stack.quantity) as f64).sum();
        let mut best: Option<(f64, Action)> = None;
        for (ix, def) in content.augmentations.iter() {
            let order = Action::BuyAugmentation { augmentation: content.augmentations.id(ix).to_owned() };
            if def.cost > purse || !eyes.can(&order) {
                continue;
            }
            let effects = &def.effects;
            let hull = if effects.max_hp > 0 { peril - self.peril(eyes, effects.max_hp) } else { 0.0 };
            let worth = Self::loss(eyes) as f64 * hull
                + loss
                    * (0.2 * effects.pod_max_hp as f64 / (effects.pod_max_hp + content.pod.hp) as f64
                        + 0.2 * effects.damage_reduction.unwrap_or_default()
                        + 0.2 * effects.rescue_chance.unwrap_or_default()
                        + if eyes.food() < 20 { 0.004 * effects.emergency_food as f64 } else { 0.0 })
                + loss / LOSS as f64 * (hold * 0.6).min(60.0 * effects.cargo_preservation as f64)
                + 7.0 * left * (1.0 - effects.fuel_efficiency.unwrap_or(1.0))
                + left * (effects.scan_bonus.unwrap_or(1.0) - 1.0);
            let worth = worth - def.cost as f64;
            if worth > 0.0 && best.as_ref().is_none_or(|(most, _)| worth > *most) {
                best = Some((worth, order));
            }
        }
        best.map(|(_, order)| vec![order])
    }

    /// Decides where to go and what to do there, and what to buy for it.
    fn go_on(&mut self, eyes: &Eyes<'_>) -> Vec<Action> {
        let (world, state) = self.sketch(eyes, &Fit::present(eyes));
        let Some((_, choice, pace)) = world.best(&state, &[8, 5, 3]) else { return self.drift(eyes) };
        self.rate = (0.9 * self.rate + 0.1 * pace.clamp(0.0, 200.0)).clamp(15.0, 120.0);
        self.carry_out(eyes, &world, state, choice)
    }

    fn carry_out(&self, eyes: &Eyes<'_>, world: &World, mut state: State, choice: Choice) -> Vec<Action> {
        let content = eyes.content();
        let Choice { to, work } = choice;
        if to == state.at {
            return vec![match work {
                Work::Mine => Action::Mine {},
                Work::Hunt => Action::SeekFight {},
                Work::Salvage => Action::Salvage {},
                Work::Scan => Action::Scan {},
                Work::Errand => errand(eyes),
                Work::Pass => Action::Wait {},
            }];
        }
        let Some(leg) = world.leg(state.at, to).copied() else { return vec![Action::Wait {}] };
        let chart = eyes.chart(eyes.here());
        let dock = chart.is_some_and(|chart| chart.dock());
        let repair = chart.is_some_and(|chart| chart.repair);
        let left = eyes.turns_left();
        let mut needs = Vec::new();
        let mut reserve = 20;
        if dock {
            let wanted = if left > 6 { 100 } else { ((leg.fuel as i64) * 2 + 10).min(100) };
            let fuel = wanted - eyes.fuel();
            if fuel > 0 {
                needs.push(Action::Refuel { amount: units(fuel) });
                reserve += fuel;
            }
            // Who is well can go through the last days hungry.
            let food = (left - (eyes.health() - 40).max(0) / 6).min(25) - eyes.food();
            if food > 0 && eyes.food() < 10 {
                needs.push(Action::BuyFood { amount: units(food) });
                reserve += content.balance.dock.food_price * food;
            }
        }
        let missing = eyes.stats().max_hp - eyes.hull();
        if repair && !eyes.in_pod() && missing > 8 && left > 4 && (self.ways.fights || missing > 15) {
            needs.push(Action::Repair {});
            reserve += content.balance.dock.repair_price * missing;
        }
        let mut trades = Vec::new();
        world.trade(&mut state, to, reserve as f64, Some(&mut trades));
        let mut orders = Vec::new();
        for (good, amount) in trades.iter().filter(|(_, amount)| *amount < 0.0) {
            orders.push(eyes.sell(world.goods[*good].item, -*amount as i64));
        }
        orders.extend(needs);
        for (good, amount) in trades.iter().filter(|(_, amount)| *amount > 0.0) {
            orders.push(eyes.buy(world.goods[*good].item, *amount as i64));
        }
        orders.push(match leg.step {
            Step::Go(node) => eyes.go(node),
            Step::Jump(region) => eyes.jump(region),
        });
        orders
    }

    /// Where nothing is known to lead anywhere: looks around, or goes wherever it can.
    fn drift(&self, eyes: &Eyes<'_>) -> Vec<Action> {
        let mut orders = Vec::new();
        // The last sales, when there is no time for anything else.
        orders.extend(eyes.cargo().iter().map(|stack| eyes.sell(stack.item, stack.quantity)));
        let cells = eyes.cargo().iter().filter(|stack| {
            eyes.content().items[stack.item].effect.as_ref().is_some_and(|effect| effect.fuel > 0) && eyes.fuel() < 60
        });
        orders.extend(cells.map(|stack| eyes.use_item(stack.item)));
        if eyes.fuel() < 60 {
            orders.push(Action::Refuel { amount: units(100 - eyes.fuel()) });
        }
        orders.extend(eyes.routes(eyes.here()).filter(|node| !eyes.visited(*node)).map(|node| eyes.go(node)));
        if eyes.routes(eyes.here()).any(|node| eyes.chart(node).is_none()) {
            orders.push(Action::Scan {});
        }
        orders.extend(eyes.routes(eyes.here()).map(|node| eyes.go(node)));
        orders.extend(eyes.jumps(eyes.region()).map(|region| eyes.jump(region)));
        orders
    }

    /// In a pod there is one thing to do: find a yard, and buy a ship.
    fn out_of_the_pod(&mut self, eyes: &Eyes<'_>) -> Option<Vec<Action>> {
        if !eyes.in_pod() {
            return None;
        }
        let content = eyes.content();
        if eyes.chart(eyes.here()).is_some_and(|chart| chart.repair) {
            let mut orders: Vec<_> = content.ships.indices().map(|ship| eyes.buy_ship(ship)).collect();
            // The cheapest that can be had.
            orders.sort_by_key(|order| eyes.plan(order).map_or(i64::MAX, |plan| plan.cost.credits));
            orders.truncate(1);
            return Some(orders);
        }
        let (world, state) = self.sketch(eyes, &Fit::present(eyes));
        let yards = world.stops.iter().enumerate().filter(|(_, stop)| stop.repair);
        let way = yards.filter_map(|(to, _)| world.leg(state.at, to)).min_by(|a, b| a.turns.total_cmp(&b.turns));
        let mut orders = vec![Action::Refuel { amount: units((100 - eyes.fuel()).min(eyes.wealth())) }];
        match way.map(|leg| leg.step) {
            Some(Step::Go(node)) => orders.push(eyes.go(node)),
            Some(Step::Jump(region)) => orders.push(eyes.jump(region)),
            None => orders.extend(self.drift(eyes)),
        }
        Some(orders)
    }
}

fn half(cost: i64) -> i64 {
    cost / 2
}

/// What could be bought at a yard: nothing, a module or some that go together, a hull, a hull with some.
fn candidates(eyes: &Eyes<'_>, ways: Ways) -> Vec<(Ix<Ship>, Vec<Ix<Mod>>)> {
    let content = eyes.content();
    let useful = |wanted: Ix<Mod>| {
        let effects = &content.mods[wanted].effects;
        (effects.mining_yield.is_none() || ways.mining)
            && (effects.salvage_chance.is_none() || ways.salvage)
            && (effects.scan_bonus.is_none() || ways.scans)
            && (effects.combat_power == 0 || ways.fights)
            && (effects.accuracy.is_none() || ways.fights)
    };
    let all = |fits: fn(&Mod) -> bool| -> Vec<Ix<Mod>> {
        content.mods.indices().filter(|ix| fits(&content.mods[*ix])).collect()
    };
    let weapons = all(|def| def.effects.combat_power > 0);
    let aim = all(|def| def.effects.accuracy.is_some());
    let dig = all(|def| def.effects.mining_yield.is_some());
    let room = all(|def| def.effects.cargo_capacity > 0 && def.slot != Slot::Rig);
    let mut sets: Vec<Vec<Ix<Mod>>> = vec![Vec::new()];
    sets.extend(content.mods.indices().filter(|wanted| useful(*wanted)).map(|wanted| vec![wanted]));
    if ways.fights {
        sets.push(weapons.clone());
        sets.push([weapons.clone(), aim].concat());
        sets.push([weapons, room.clone()].concat());
    }
    if ways.mining {
        sets.push([dig, room].concat());
    }
    let mut found = Vec::new();
    for ship in content.ships.indices() {
        let slots = &content.ships[ship].slots;
        for set in &sets {
            let same = ship == eyes.ship();
            if same && !set.iter().all(|wanted| eyes.slot_free(*wanted)) {
                continue;
            }
            let fits = Slot::ALL.into_iter().all(|slot| {
                let fitted = eyes.mods().iter().filter(|_| same).chain(set);
                fitted.filter(|each| content.mods[**each].slot == slot).count() <= usize::from(slots.of(slot))
            });
            if fits {
                found.push((ship, set.clone()));
            }
        }
    }
    found
}

/// The work that a quest asks for here.
fn errand(eyes: &Eyes<'_>) -> Action {
    let mut here =
        eyes.quests().iter().filter(|quest| quest.target == eyes.here() && !quest.done && eyes.equipped(quest));
    if here.any(|quest| quest.kind(eyes.content()) == QuestKind::Exploration) {
        Action::Scan {}
    } else {
        Action::SeekFight {}
    }
}

/// Sells out where that reaches the goal.
fn cash_in(eyes: &Eyes<'_>) -> Option<Vec<Action>> {
    let content = eyes.content();
    let missing = eyes.goal() - eyes.wealth();
    // No market pays three times the usual price for what is in the hold.
    let hold: i64 = eyes.cargo().iter().map(|stack| content.items[stack.item].base_value * stack.quantity).sum();
    let mods: i64 = eyes.mods().iter().map(|fitted| content.mods[*fitted].cost).sum();
    if missing > 3 * hold + mods && eyes.turns_left() > 1 {
        return None;
    }
    let mut sum = 0;
    let mut orders = Vec::new();
    for stack in eyes.cargo() {
        if let Some(gain) = eyes.bid(stack.item, stack.quantity) {
            sum += gain;
            orders.push(eyes.sell(stack.item, stack.quantity));
        }
    }
    if sum >= missing {
        return Some(orders);
    }
    // Only where it makes the difference.
    for fitted in eyes.mods() {
        let order = Action::RemoveMod { r#mod: content.mods.id(*fitted).to_owned() };
        if let Ok(plan) = eyes.plan(&order) {
            sum += plan.gain;
            orders.push(order);
        }
    }
    (sum >= missing || eyes.turns_left() <= 1).then_some(orders).filter(|orders| !orders.is_empty())
}

/// Uses what is carried for bad days.
fn mend(eyes: &Eyes<'_>) -> Option<Vec<Action>> {
    let content = eyes.content();
    let stats = eyes.stats();
    let mut orders = Vec::new();
    for stack in eyes.cargo() {
        let Some(effect) = &content.items[stack.item].effect else { continue };
        let low = effect.fuel > 0 && eyes.fuel() < 20 && !eyes.chart(eyes.here()).is_some_and(|chart| chart.dock())
            || effect.health > 0 && eyes.health() < 55
            || effect.ship_condition > 0 && eyes.hull() * 2 < stats.max_hp && !eyes.in_pod();
        if low {
            orders.push(eyes.use_item(stack.item));
        }
    }
    if eyes.health() < 40 && eyes.food() > 4 {
        orders.push(Action::ConsumeFood { amount: units((eyes.food() - 4).min(15)) });
    }
    orders.retain(|order| eyes.can(order));
    (!orders.is_empty()).then_some(orders)
}
