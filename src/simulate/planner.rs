//! The policy that plans: routes over the known map, trade on the way, work with its deadlines, fights by their odds, and
//! investments that pay before the season ends. With only some [`Strategies`] it is a trader, a fighter, a miner or a quester.

use std::collections::VecDeque;

use super::answer::answer;
use super::duel::{Duels, Stakes, fight};
use super::fit::Fit;
use super::notes::Notes;
use super::observation::{Observation, units};
use super::odds::bounty;
use super::player::Player;
use super::routes::Step;
use super::search::{best, rollout};
use super::state::State;
use super::strategies::Strategies;
use super::world::{Choice, Work, World};
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

/// Plans ahead on a [`World`].
pub struct Planner {
    strategies: Strategies,
    notes: Notes,
    duels: Duels,
    /// What is decided for this turn.
    orders: VecDeque<Action>,
    rate: f64,
    next_look: i64,
}

impl Planner {
    pub fn new(strategies: Strategies, duels: Duels) -> Self {
        Self { strategies, notes: Notes::default(), duels, orders: VecDeque::new(), rate: RATE, next_look: 0 }
    }

    /// What losing the ship would cost.
    fn loss(obs: &Observation<'_>) -> i64 {
        if obs.pod().is_some() { LOSS / 3 } else { LOSS }
    }

    fn sketch(&mut self, obs: &Observation<'_>, fit: &Fit) -> (World, State) {
        World::sketch(obs, &self.notes, &mut self.duels, self.strategies, fit, self.rate, Self::loss(obs))
    }
}

impl Player for Planner {
    fn hear(&mut self, obs: Observation<'_>, outcome: Option<&Outcome>) {
        self.notes.look(&obs, outcome);
    }

    fn leave(self: Box<Self>) -> Duels {
        self.duels
    }

    fn decide(&mut self, obs: Observation<'_>) -> Action {
        if obs.event().is_some() {
            self.orders.clear();
            return answer(&mut self.duels, &obs, Self::loss(&obs), self.strategies.quests);
        }
        if let Some(combat) = obs.combat() {
            self.orders.clear();
            let bounty =
                obs.quests().iter().find(|quest| quest.target == obs.here() && !quest.done && quest.enemy.is_some());
            let prize = bounty.filter(|_| combat.quarry).map_or(0, |quest| quest.reward * 9 / 10);
            return fight(&mut self.duels, &obs, Self::loss(&obs), prize);
        }
        if let Some(order) = self.next(&obs) {
            return order;
        }
        self.plan(&obs);
        self.next(&obs).unwrap_or(Action::Wait {})
    }
}

/// An order as it can be carried out: less of it, where there is not as much.
pub fn possible(obs: &Observation<'_>, order: Action) -> Option<Action> {
    if obs.can(&order) {
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
    let most = units(obs.plan(&single).ok()?.max?);
    let fewer = match order {
        Action::BuyItem { item, quantity } => Action::BuyItem { item, quantity: quantity.min(most) },
        Action::SellItem { item, quantity } => Action::SellItem { item, quantity: quantity.min(most) },
        Action::Refuel { amount } => Action::Refuel { amount: amount.min(most) },
        Action::BuyFood { amount } => Action::BuyFood { amount: amount.min(most) },
        Action::ConsumeFood { amount } => Action::ConsumeFood { amount: amount.min(most) },
        other => other,
    };
    obs.can(&fewer).then_some(fewer)
}

impl Planner {
    /// The next of the orders that can be carried out.
    fn next(&mut self, obs: &Observation<'_>) -> Option<Action> {
        std::iter::from_fn(|| self.orders.pop_front()).find_map(|order| possible(obs, order))
    }

    /// Decides what to do this turn; what is free may be decided alone, and the rest then.
    fn plan(&mut self, obs: &Observation<'_>) {
        let orders = self
            .payable(obs)
            .or_else(|| cash_in(obs))
            .or_else(|| mend(obs))
            .or_else(|| self.out_of_the_pod(obs))
            .or_else(|| self.accept(obs))
            .or_else(|| self.invest(obs))
            .or_else(|| self.insure(obs))
            .unwrap_or_else(|| self.go_on(obs));
        self.orders.extend(orders);
    }

    fn payable(&self, obs: &Observation<'_>) -> Option<Vec<Action>> {
        let orders = obs.quests().iter().map(|quest| Action::TurnInQuest { quest: quest.id() });
        orders.into_iter().find(|order| obs.can(order)).map(|order| vec![order])
    }

    fn accept(&mut self, obs: &Observation<'_>) -> Option<Vec<Action>> {
        if !self.strategies.quests || obs.offered_quests().next().is_none() {
            return None;
        }
        let (world, state) = self.sketch(obs, &Fit::present(obs));
        let mut best: Option<(f64, Action)> = None;
        for quest in obs.offered_quests() {
            let order = Action::AcceptQuest { quest: quest.id() };
            if obs.can(&order) {
                let value = self.value(obs, &world, &state, quest);
                if value > 0.0 && best.as_ref().is_none_or(|(most, _)| value > *most) {
                    best = Some((value, order));
                }
            }
        }
        best.map(|(_, order)| vec![order])
    }

    /// What an offer is worth beyond the turns it takes.
    fn value(&mut self, obs: &Observation<'_>, world: &World, state: &State, quest: &Quest) -> f64 {
        let kind = quest.kind(obs.content());
        let target = world.stops.iter().position(|stop| stop.node == Some(quest.target));
        let leg = target.and_then(|target| world.routes.leg(state.at, target));
        let away = leg.map_or(4.0, |leg| leg.turns);
        let fuel = leg.map_or(50.0, |leg| leg.fuel);
        let (turns, fuel) = match kind {
            QuestKind::Delivery => (away, fuel),
            QuestKind::Rescue => (2.0 * away, 2.0 * fuel),
            QuestKind::Bounty => (away + 1.5, fuel + 5.0),
            QuestKind::Exploration => (away + 1.0, fuel),
        };
        if turns + 2.0 > quest.days as f64 || turns + 1.0 >= obs.turns_left() as f64 {
            return -1.0;
        }
        // Where there is trade on the way, the way is not for this alone.
        let share = if self.strategies.trade { 0.6 } else { 0.4 };
        let mut value = quest.reward as f64 - share * (self.rate * turns + fuel);
        if let Some(enemy) = quest.enemy {
            let fight = bounty(obs, &mut self.duels, enemy, quest.reward, Self::loss(obs));
            if !self.strategies.fights && fight < 0.0 {
                return -1.0;
            }
            value += fight;
        }
        if self.strategies.trade {
            value -= 0.5 * quest.weight as f64 / world.markets.capacity() * self.rate * away;
        }
        value - 10.0
    }

    /// Looks at what the yard sells, and buys what pays best before the season ends.
    fn invest(&mut self, obs: &Observation<'_>) -> Option<Vec<Action>> {
        let content = obs.content();
        let here = obs.chart(obs.here())?;
        // What is left must be enough to go on earning with.
        let purse = obs.wealth() - if self.strategies.trade { 200 } else { 80 };
        if !here.repair || obs.in_pod() || obs.turns_left() < 12 || purse < 150 || obs.turn() < self.next_look {
            return None;
        }
        self.next_look = obs.turn() + INVEST;
        let present = Fit::present(obs);
        let left = obs.turns_left() as f64 - 1.0;
        let turns = left.min(24.0);
        let mut best: (f64, Vec<Action>) = (f64::MIN, Vec::new());
        for (ship, bought) in candidates(obs, self.strategies) {
            let changed = ship != obs.ship();
            let refund: i64 =
                if changed { present.mods.iter().map(|fitted| half(content.mods[*fitted].cost)).sum() } else { 0 };
            let hull = if changed { content.ships[ship].cost } else { 0 };
            let cost: i64 = hull - refund + bought.iter().map(|wanted| content.mods[*wanted].cost).sum::<i64>();
            if cost > purse {
                continue;
            }
            let mut mods = if changed { Vec::new() } else { present.mods.clone() };
            mods.extend(&bought);
            let stats = obs.stats_with(ship, &mods);
            if stats.used_cargo_space > content.ships[ship].cargo_capacity {
                continue;
            }
            let fit = Fit { mods, stats };
            let (world, mut state) = self.sketch(obs, &fit);
            let resale: i64 = bought.iter().map(|wanted| half(content.mods[*wanted].cost)).sum();
            state.pay(cost as f64, if changed { stats.max_hp } else { obs.hull() });
            let brings = rollout(&world, state, turns) * left / turns;
            let value = 0.8 * brings - cost as f64 + 0.4 * resale as f64
                - if bought.is_empty() && !changed { 0.0 } else { 40.0 };
            if value > best.0 {
                let mut orders = Vec::new();
                if changed {
                    orders.push(obs.buy_ship(ship));
                }
                orders.extend(bought.iter().map(|wanted| obs.buy_mod(*wanted)));
                best = (value, orders);
            }
        }
        (!best.1.is_empty()).then_some(best.1)
    }

    /// The chance to lose the ship before the season ends, as it looks from here, with so much more hull.
    fn peril(&mut self, obs: &Observation<'_>, more: i64) -> f64 {
        let mut stats = obs.stats();
        stats.max_hp += more;
        let hull = stats.max_hp * 8 / 10;
        let stakes = Stakes { loss: Self::loss(obs), prize: 0, flee: true, parley: obs.wealth() > 250 };
        let (mut deaths, mut total) = (0.0, 0.0);
        for kind in (0..obs.region_count()).filter_map(|region| obs.region_kind(region)) {
            for prowler in &kind.enemies {
                let enemy = prowler.enemy.ix();
                let share = f64::from(prowler.weight) * kind.danger;
                let duel = self.duels.duel(obs, &stats, enemy, stakes);
                deaths += share * duel.death(hull, obs.content().enemies[enemy].hp);
                total += share;
            }
        }
        // So many fights are looked for, or met, in a turn.
        let fights = obs.turns_left() as f64 * if self.strategies.fights { 0.2 } else { 0.08 };
        (fights * deaths / f64::max(total, 0.01)).min(0.6)
    }

    /// A pod, and what makes it better, where the dangers ahead are worth its price.
    fn insure(&mut self, obs: &Observation<'_>) -> Option<Vec<Action>> {
        let content = obs.content();
        let purse = obs.wealth() - 400;
        let dock = obs.chart(obs.here()).is_some_and(|chart| chart.dock());
        if !dock || obs.in_pod() || obs.turns_left() < 15 || obs.pod().is_some_and(|pod| pod.fresh) {
            return None;
        }
        let peril = self.peril(obs, 0);
        let loss = LOSS as f64 * peril;
        if obs.pod().is_none() {
            let cost = content.pod.cost;
            return (cost <= purse && 0.5 * loss > cost as f64).then(|| vec![Action::BuyPod {}]);
        }
        let left = obs.turns_left() as f64;
        let hold: f64 =
            obs.cargo().iter().map(|stack| (content.items[stack.item].base_value * stack.quantity) as f64).sum();
        let mut best: Option<(f64, Action)> = None;
        for (ix, def) in content.augmentations.iter() {
            let order = Action::BuyAugmentation { augmentation: content.augmentations.id(ix).to_owned() };
            if def.cost > purse || !obs.can(&order) {
                continue;
            }
            let effects = &def.effects;
            let hull = if effects.max_hp > 0 { peril - self.peril(obs, effects.max_hp) } else { 0.0 };
            let worth = Self::loss(obs) as f64 * hull
                + loss
                    * (0.2 * effects.pod_max_hp as f64 / (effects.pod_max_hp + content.pod.hp) as f64
                        + 0.2 * effects.damage_reduction.unwrap_or_default()
                        + 0.2 * effects.rescue_chance.unwrap_or_default()
                        + if obs.food() < 20 { 0.004 * effects.emergency_food as f64 } else { 0.0 })
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
    fn go_on(&mut self, obs: &Observation<'_>) -> Vec<Action> {
        let (world, state) = self.sketch(obs, &Fit::present(obs));
        let Some((_, choice, pace)) = best(&world, &state, &[8, 5, 3]) else { return self.drift(obs) };
        self.rate = (0.9 * self.rate + 0.1 * pace.clamp(0.0, 200.0)).clamp(15.0, 120.0);
        self.carry_out(obs, &world, state, choice)
    }

    fn carry_out(&self, obs: &Observation<'_>, world: &World, mut state: State, choice: Choice) -> Vec<Action> {
        let content = obs.content();
        let Choice { to, work } = choice;
        if to == state.at {
            return vec![match work {
                Work::Mine => Action::Mine {},
                Work::Hunt => Action::SeekFight {},
                Work::Salvage => Action::Salvage {},
                Work::Scan => Action::Scan {},
                Work::Errand => errand(obs),
                Work::Pass => Action::Wait {},
            }];
        }
        let Some(leg) = world.routes.leg(state.at, to).copied() else { return vec![Action::Wait {}] };
        let chart = obs.chart(obs.here());
        let dock = chart.is_some_and(|chart| chart.dock());
        let repair = chart.is_some_and(|chart| chart.repair);
        let left = obs.turns_left();
        let mut needs = Vec::new();
        let mut reserve = 20;
        if dock {
            let wanted = if left > 6 { 100 } else { ((leg.fuel as i64) * 2 + 10).min(100) };
            let fuel = wanted - obs.fuel();
            if fuel > 0 {
                needs.push(Action::Refuel { amount: units(fuel) });
                reserve += fuel;
            }
            // Who is well can go through the last days hungry.
            let food = (left - (obs.health() - 40).max(0) / 6).min(25) - obs.food();
            if food > 0 && obs.food() < 10 {
                needs.push(Action::BuyFood { amount: units(food) });
                reserve += content.balance.dock.food_price * food;
            }
        }
        let missing = obs.stats().max_hp - obs.hull();
        if repair && !obs.in_pod() && missing > 8 && left > 4 && (self.strategies.fights || missing > 15) {
            needs.push(Action::Repair {});
            reserve += content.balance.dock.repair_price * missing;
        }
        let mut trades = Vec::new();
        world.trade(&mut state, to, reserve as f64, Some(&mut trades));
        let mut orders = Vec::new();
        for (good, amount) in trades.iter().filter(|(_, amount)| *amount < 0.0) {
            orders.push(obs.sell(world.markets.goods[*good].item, -*amount as i64));
        }
        orders.extend(needs);
        for (good, amount) in trades.iter().filter(|(_, amount)| *amount > 0.0) {
            orders.push(obs.buy(world.markets.goods[*good].item, *amount as i64));
        }
        orders.push(match leg.step {
            Step::Go(node) => obs.go(node),
            Step::Jump(region) => obs.jump(region),
        });
        orders
    }

    /// Where nothing is known to lead anywhere: looks around, or goes wherever it can.
    fn drift(&self, obs: &Observation<'_>) -> Vec<Action> {
        let mut orders = Vec::new();
        // The last sales, when there is no time for anything else.
        orders.extend(obs.cargo().iter().map(|stack| obs.sell(stack.item, stack.quantity)));
        let cells = obs.cargo().iter().filter(|stack| {
            obs.content().items[stack.item].effect.as_ref().is_some_and(|effect| effect.fuel > 0) && obs.fuel() < 60
        });
        orders.extend(cells.map(|stack| obs.use_item(stack.item)));
        if obs.fuel() < 60 {
            orders.push(Action::Refuel { amount: units(100 - obs.fuel()) });
        }
        orders.extend(obs.routes(obs.here()).filter(|node| !obs.visited(*node)).map(|node| obs.go(node)));
        if obs.routes(obs.here()).any(|node| obs.chart(node).is_none()) {
            orders.push(Action::Scan {});
        }
        orders.extend(obs.routes(obs.here()).map(|node| obs.go(node)));
        orders.extend(obs.jumps(obs.region()).map(|region| obs.jump(region)));
        orders
    }

    /// In a pod there is one thing to do: find a yard, and buy a ship.
    fn out_of_the_pod(&mut self, obs: &Observation<'_>) -> Option<Vec<Action>> {
        if !obs.in_pod() {
            return None;
        }
        let content = obs.content();
        if obs.chart(obs.here()).is_some_and(|chart| chart.repair) {
            let mut orders: Vec<_> = content.ships.indices().map(|ship| obs.buy_ship(ship)).collect();
            // The cheapest that can be had.
            orders.sort_by_key(|order| obs.plan(order).map_or(i64::MAX, |plan| plan.cost.credits));
            orders.truncate(1);
            return Some(orders);
        }
        let (world, state) = self.sketch(obs, &Fit::present(obs));
        let yards = world.stops.iter().enumerate().filter(|(_, stop)| stop.repair);
        let way = yards.filter_map(|(to, _)| world.routes.leg(state.at, to)).min_by(|a, b| a.turns.total_cmp(&b.turns));
        let mut orders = vec![Action::Refuel { amount: units((100 - obs.fuel()).min(obs.wealth())) }];
        match way.map(|leg| leg.step) {
            Some(Step::Go(node)) => orders.push(obs.go(node)),
            Some(Step::Jump(region)) => orders.push(obs.jump(region)),
            None => orders.extend(self.drift(obs)),
        }
        Some(orders)
    }
}

fn half(cost: i64) -> i64 {
    cost / 2
}

/// What could be bought at a yard: nothing, a module or some that go together, a hull, a hull with some.
fn candidates(obs: &Observation<'_>, strategies: Strategies) -> Vec<(Ix<Ship>, Vec<Ix<Mod>>)> {
    let content = obs.content();
    let useful = |wanted: Ix<Mod>| {
        let effects = &content.mods[wanted].effects;
        (effects.mining_yield.is_none() || strategies.mining)
            && (effects.salvage_chance.is_none() || strategies.salvage)
            && (effects.scan_bonus.is_none() || strategies.scans)
            && (effects.combat_power == 0 || strategies.fights)
            && (effects.accuracy.is_none() || strategies.fights)
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
    if strategies.fights {
        sets.push(weapons.clone());
        sets.push([weapons.clone(), aim].concat());
        sets.push([weapons, room.clone()].concat());
    }
    if strategies.mining {
        sets.push([dig, room].concat());
    }
    let mut found = Vec::new();
    for ship in content.ships.indices() {
        let slots = &content.ships[ship].slots;
        for set in &sets {
            let same = ship == obs.ship();
            if same && !set.iter().all(|wanted| obs.slot_free(*wanted)) {
                continue;
            }
            let fits = Slot::ALL.into_iter().all(|slot| {
                let fitted = obs.mods().iter().filter(|_| same).chain(set);
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
fn errand(obs: &Observation<'_>) -> Action {
    let mut here = obs.quests().iter().filter(|quest| quest.target == obs.here() && !quest.done && obs.equipped(quest));
    if here.any(|quest| quest.kind(obs.content()) == QuestKind::Exploration) {
        Action::Scan {}
    } else {
        Action::SeekFight {}
    }
}

/// Sells out where that reaches the goal.
fn cash_in(obs: &Observation<'_>) -> Option<Vec<Action>> {
    let content = obs.content();
    let missing = obs.goal() - obs.wealth();
    // No market pays three times the usual price for what is in the hold.
    let hold: i64 = obs.cargo().iter().map(|stack| content.items[stack.item].base_value * stack.quantity).sum();
    let mods: i64 = obs.mods().iter().map(|fitted| content.mods[*fitted].cost).sum();
    if missing > 3 * hold + mods && obs.turns_left() > 1 {
        return None;
    }
    let mut sum = 0;
    let mut orders = Vec::new();
    for stack in obs.cargo() {
        if let Some(gain) = obs.bid(stack.item, stack.quantity) {
            sum += gain;
            orders.push(obs.sell(stack.item, stack.quantity));
        }
    }
    if sum >= missing {
        return Some(orders);
    }
    // Only where it makes the difference.
    for fitted in obs.mods() {
        let order = Action::RemoveMod { r#mod: content.mods.id(*fitted).to_owned() };
        if let Ok(plan) = obs.plan(&order) {
            sum += plan.gain;
            orders.push(order);
        }
    }
    (sum >= missing || obs.turns_left() <= 1).then_some(orders).filter(|orders| !orders.is_empty())
}

/// Uses what is carried for bad days.
fn mend(obs: &Observation<'_>) -> Option<Vec<Action>> {
    let content = obs.content();
    let stats = obs.stats();
    let mut orders = Vec::new();
    for stack in obs.cargo() {
        let Some(effect) = &content.items[stack.item].effect else { continue };
        let low = effect.fuel > 0 && obs.fuel() < 20 && !obs.chart(obs.here()).is_some_and(|chart| chart.dock())
            || effect.health > 0 && obs.health() < 55
            || effect.ship_condition > 0 && obs.hull() * 2 < stats.max_hp && !obs.in_pod();
        if low {
            orders.push(obs.use_item(stack.item));
        }
    }
    if obs.health() < 40 && obs.food() > 4 {
        orders.push(Action::ConsumeFood { amount: units((obs.food() - 4).min(15)) });
    }
    orders.retain(|order| obs.can(order));
    (!orders.is_empty()).then_some(orders)
}
