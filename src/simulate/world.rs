//! A sketch of the game as the planner sees it, in which it thinks ahead: known places and the ways between them, remembered
//! prices, what can be worked at, what is promised.
//!
//! Everything in it is an expectation in credits. It is never the game: prices drift, places are not known, dice fall.

use super::duel::{Duels, HULL, hull_worth, mean};
use super::fit::Fit;
use super::market::{Line, Markets, goods};
use super::notes::Notes;
use super::observation::Observation;
use super::odds::{Odds, TENTHS, fights, quarry};
use super::routes::{Routes, Stop, routes};
use super::state::{Job, Left, State};
use super::strategies::Strategies;
use crate::game::content::{Content, Find, QuestKind};
use crate::game::rules::{scan_chance, seek_chance, usual_value};

/// What to do at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Pass,
    Errand,
    Mine,
    Hunt,
    Salvage,
    Scan,
}

/// A next thing to do.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    pub to: usize,
    pub work: Work,
}

/// The sketch: what does not change while thinking.
#[derive(Debug)]
pub struct World {
    strategies: Strategies,
    pub stops: Vec<Stop>,
    pub markets: Markets,
    pub routes: Routes,
    max_hull: f64,
    drones: f64,
    /// By region: a fight with whoever roams there.
    fights: Vec<Odds>,
    hazard: f64,
    encounter: f64,
    hazard_damage: f64,
    loss: f64,
    mine: Option<(f64, f64, usize)>,
    search: Option<f64>,
    penalty: f64,
    /// What a turn is worth.
    pub rate: f64,
    fuel_price: f64,
    repair_price: f64,
    tank: f64,
}

/// Fuel to run away once.
const FLIGHT: f64 = 10.0;

impl World {
    /// The sketch of what is known, with the present state in it.
    pub fn sketch(
        obs: &Observation<'_>,
        notes: &Notes,
        duels: &mut Duels,
        strategies: Strategies,
        fit: &Fit,
        rate: f64,
        loss: i64,
    ) -> (Self, State) {
        let content = obs.content();
        let balance = &content.balance;
        let left_share = obs.turns_left() as f64 / balance.limits.turns as f64;
        let goods = goods(obs);

        let mut stops = Vec::new();
        let mut left = Vec::new();
        let mut lines: Vec<Option<Line>> = Vec::new();
        let mut above = Vec::new();
        let known_markets = notes.markets().count();
        for node in obs.places() {
            let region = obs.region_of(node);
            let chart = obs.chart(node);
            let board = notes.board(node);
            let market = board.map(|_| lines.len() / goods.len().max(1));
            if board.is_some() {
                for good in &goods {
                    let line = notes.line(obs, node, good.item, obs.turn());
                    above.push(line.map_or(0.0, |line| line.above));
                    lines.push(line.map(|line| Line { middle: line.middle, step: line.step, usual: line.usual }));
                }
            }
            let danger = chart.map_or(0.4, |chart| chart.danger);
            stops.push(Stop {
                node: Some(node),
                region,
                dock: chart.is_some_and(|chart| chart.dock()),
                repair: chart.is_some_and(|chart| chart.repair),
                market,
                danger,
                seek: seek_chance(content, danger),
            });
            left.push(left_at(obs, notes, fit, node, known_markets, left_share));
        }
        // A jump into the unknown.
        for region in (0..obs.region_count()).filter(|region| obs.knows_region(*region)) {
            if obs.landing(region).is_none() {
                let fresh =
                    balance.travel.jump_bonus as f64 + explore(known_markets, 0.5, left_share) + 20.0 * left_share;
                stops.push(Stop {
                    node: None,
                    region,
                    dock: false,
                    repair: false,
                    market: None,
                    danger: 0.4,
                    seek: 0.0,
                });
                left.push(Left { fresh, ..Left::default() });
            }
        }
        let fights = fights(obs, duels, fit, loss);
        let markets = lines.len() / goods.len().max(1);
        let mining = fit.has(content, |effects| effects.mining_yield.is_some());
        let salvaging = fit.has(content, |effects| effects.salvage_chance.is_some());
        let ore = goods.iter().position(|good| good.item == balance.mine.item.ix());
        let mut world = Self {
            strategies,
            routes: routes(obs, fit, &stops, &fights, strategies.fights, rate),
            stops,
            markets: Markets {
                goods,
                lines,
                count: markets,
                capacity: fit.stats.cargo_capacity as f64,
                spread: balance.market.spread,
                recovery: balance.market.recovery,
                limit: balance.limits.turns as f64,
                buys: strategies.trade,
                future: Vec::new(),
            },
            max_hull: fit.stats.max_hp as f64,
            drones: fit.stats.hull_repair as f64,
            fights,
            hazard: obs.rules().hazard,
            encounter: balance.travel.encounter,
            hazard_damage: mean(balance.travel.hazard_damage),
            loss: loss as f64,
            mine: ore.filter(|_| mining && strategies.mining).map(|ore| {
                let dug = balance.mine.chance * mean(balance.mine.r#yield) * fit.stats.mining_yield;
                let found = balance.mine.chance * balance.mine.bonus * mean_find(content, &balance.mine.finds);
                let hurt = (1.0 - balance.mine.chance) * mean(balance.mine.damage) * HULL;
                (dug, found - hurt - balance.mine.fuel as f64, ore)
            }),
            search: (salvaging && strategies.salvage).then(|| {
                let odds = (balance.salvage.chance + fit.stats.salvage_chance).clamp(0.0, 1.0);
                let hurt = (1.0 - odds) * balance.salvage.hurt * mean(balance.salvage.damage) * HULL;
                odds * mean_find(content, &balance.salvage.finds) - hurt - balance.salvage.fuel as f64
            }),
            penalty: content.quests.reward.penalty,
            rate,
            fuel_price: balance.dock.fuel_price as f64,
            repair_price: balance.dock.repair_price as f64,
            tank: balance.limits.fuel as f64,
        };
        let stop_of = |node: usize| world.stops.iter().position(|stop| stop.node == Some(node));
        let hold = world.markets.goods.iter().map(|good| obs.held(good.item) as f64).collect();
        let mut jobs = Vec::new();
        // What has lost its item cannot be done any more.
        for quest in obs.quests().iter().filter(|quest| obs.equipped(quest)) {
            let fight = quest.enemy.map(|enemy| quarry(obs, duels, fit, enemy, quest.reward, loss));
            jobs.push(Job {
                kind: quest.kind(content),
                target: stop_of(quest.target),
                giver: stop_of(quest.giver),
                reward: quest.reward as f64,
                until: quest.until as f64,
                weight: quest.weight as f64,
                done: quest.done,
                fight,
            });
        }
        let state = State {
            at: stop_of(obs.here()).unwrap_or_default(),
            turn: obs.turn() as f64,
            fuel: obs.fuel() as f64,
            purse: obs.wealth() as f64,
            bonus: 0.0,
            hull: obs.hull() as f64,
            hold,
            above,
            seen: vec![obs.turn() as f64; markets],
            left,
            jobs,
        };
        world.markets.future = world.markets.futures(&state);
        (world, state)
    }

    /// Everything in credits.
    pub fn worth(&self, state: &State) -> f64 {
        let mut sum = state.purse + state.bonus;
        let over = state.turn >= self.markets.limit;
        if over {
            return state.purse;
        }
        let market = self.stops[state.at].market;
        sum = self.markets.with_hold(state, market, sum);
        let time = ((self.markets.limit - state.turn) / 15.0).clamp(0.0, 1.0);
        sum + time * hull_worth(state.hull.min(self.max_hull), self.loss) + 0.8 * time * state.fuel
    }

    /// Buys and sells where it stands, on the way to another stop; see [`Markets::trade`].
    pub fn trade(&self, state: &mut State, to: usize, reserve: f64, told: Option<&mut Vec<(usize, f64)>>) {
        if let Some(here) = self.stops[state.at].market {
            self.markets.trade(state, here, self.stops[to].market, reserve, told);
        }
    }

    /// Does a thing in the sketch; false where it cannot be.
    pub fn follow(&self, state: &mut State, choice: Choice) -> bool {
        let Choice { to, work } = choice;
        let begun = state.turn;
        if to != state.at {
            let Some(leg) = self.routes.leg(state.at, to) else { return false };
            let dock = self.stops[state.at].dock;
            let fuel = if dock { self.tank } else { state.fuel };
            if leg.first > fuel || leg.peak > self.tank || state.turn + leg.turns >= self.markets.limit {
                return false;
            }
            self.trade(state, to, 30.0 + leg.fuel, None);
            if dock {
                state.purse -= self.fuel_price * (self.tank - state.fuel).max(0.0);
                state.fuel = self.tank;
                if state.purse < 0.0 {
                    return false;
                }
            }
            state.fuel = if leg.tail < leg.fuel { self.tank - leg.tail } else { state.fuel - leg.fuel };
            state.turn += leg.turns;
            self.brave(state, leg.peril, to);
            state.at = to;
            self.arrive(state);
        }
        if !self.work(state, work) || state.turn >= self.markets.limit {
            return false;
        }
        let mended = self.drones * (state.turn - begun);
        state.hull = f64::max(state.hull, (state.hull + mended).min(self.max_hull));
        true
    }

    /// What may happen on the way.
    fn brave(&self, state: &mut State, peril: f64, to: usize) {
        if peril <= 0.0 {
            return;
        }
        let (gain, hurt) = self.fights[self.stops[to].region].with(state.hull / self.max_hull);
        state.bonus += peril * self.encounter * (gain + hurt * HULL);
        if state.hull <= 1.5 * self.hazard_damage {
            state.bonus -= peril * self.hazard * self.loss * 0.6;
        }
        state.hull = (state.hull - peril * (self.encounter * hurt + self.hazard * self.hazard_damage)).max(1.0);
    }

    fn arrive(&self, state: &mut State) {
        let stop = &self.stops[state.at];
        let left = &mut state.left[state.at];
        state.bonus += left.fresh;
        left.fresh = 0.0;
        let turn = state.turn;
        let (at, dock) = (state.at, stop.dock);
        let (mut purse, mut bonus) = (0.0, 0.0);
        for job in &mut state.jobs {
            if job.kind == QuestKind::Rescue && !job.done && job.target == Some(at) {
                job.done = true;
                bonus += 0.5 * job.reward;
            }
        }
        let penalty = self.penalty;
        state.jobs.retain(|job| {
            if turn > job.until {
                purse -= penalty * job.reward;
                bonus -= job.promised();
                return false;
            }
            let paid = match job.kind {
                QuestKind::Delivery => job.target == Some(at),
                QuestKind::Rescue => job.done && job.giver == Some(at),
                QuestKind::Bounty | QuestKind::Exploration => job.done && dock,
            };
            if paid {
                purse += job.reward;
                bonus -= job.promised();
            }
            !paid
        });
        state.purse = (state.purse + purse).max(0.0);
        state.bonus += bonus;
        if stop.repair {
            let points = (self.max_hull - state.hull).max(0.0).min(state.purse / self.repair_price);
            state.purse -= self.repair_price * points;
            state.hull += points;
        }
    }

    fn work(&self, state: &mut State, work: Work) -> bool {
        let at = state.at;
        match work {
            Work::Pass => true,
            Work::Errand => {
                let mut found = false;
                for job in &mut state.jobs {
                    let here = job.target == Some(at) && !job.done;
                    if here && matches!(job.kind, QuestKind::Exploration | QuestKind::Bounty) {
                        found = true;
                        job.done = true;
                        state.turn += 1.0;
                        state.bonus += job.promised();
                        if let Some(fight) = &job.fight {
                            let (gain, hurt) = fight.with(state.hull / self.max_hull);
                            // What the fight is worth has the hull in it.
                            state.bonus += gain + HULL * hurt;
                            state.hull = (state.hull - hurt).max(1.0);
                            state.fuel -= 5.0;
                        }
                    }
                }
                // A fight may have to be left, too.
                let fights = state.jobs.iter().any(|job| job.target == Some(at) && job.fight.is_some());
                found && state.fuel >= self.routes.escape[at] + if fights { FLIGHT } else { 0.0 }
            }
            Work::Mine => {
                let Some((dug, beside, good)) = self.mine else { return false };
                let room = libm::floor(self.markets.free(state) / self.markets.goods[good].weight.max(1.0));
                let left = &mut state.left[at];
                let most = left.ore.min(room);
                let spare = state.fuel - self.routes.escape[at];
                if most < 1.0 || spare < 5.0 {
                    return false;
                }
                // Several turns at once: whoever begins to mine goes on.
                let turns = libm::ceil(most / dug).min(4.0).min(libm::floor(spare / 5.0)).max(1.0);
                let dug = (dug * turns).min(most);
                left.ore -= dug;
                state.hold[good] += dug;
                state.bonus += beside * turns;
                state.fuel -= 5.0 * turns;
                state.turn += turns;
                true
            }
            Work::Hunt => {
                let stop = &self.stops[at];
                let (gain, hurt) = self.fights[stop.region].with(state.hull / self.max_hull);
                if state.left[at].foes < 0.5 || state.fuel < 5.0 + FLIGHT + self.routes.escape[at] || gain <= 0.0 {
                    return false;
                }
                state.left[at].foes -= stop.seek;
                state.fuel -= 5.0;
                state.turn += 1.0;
                state.hull -= stop.seek * hurt;
                // What the fight is worth has the hull in it.
                state.bonus += stop.seek * (gain + HULL * hurt);
                true
            }
            Work::Salvage => {
                let Some(worth) = self.search else { return false };
                if state.left[at].wreck < 0.9 || state.fuel < 3.0 + self.routes.escape[at] {
                    return false;
                }
                state.left[at].wreck -= 1.0;
                state.fuel -= 3.0;
                state.turn += 1.0;
                state.bonus += worth;
                true
            }
            Work::Scan => {
                if state.left[at].scan <= 0.0 {
                    return false;
                }
                state.bonus += state.left[at].scan;
                state.left[at].scan = 0.0;
                state.turn += 1.0;
                true
            }
        }
    }

    /// What there is to do, here and elsewhere.
    pub fn choices(&self, state: &State) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (to, stop) in self.stops.iter().enumerate() {
            let left = &state.left[to];
            let away = to != state.at;
            let errand = state.jobs.iter().any(|job| job.target == Some(to) && !job.done);
            let paid = state.jobs.iter().any(|job| job.done && (job.target == Some(to) || job.giver == Some(to)));
            if away && (stop.dock || left.fresh > 0.0 || errand || paid) {
                choices.push(Choice { to, work: Work::Pass });
            }
            if errand {
                choices.push(Choice { to, work: Work::Errand });
            }
            if left.ore >= 1.0 && self.mine.is_some() {
                choices.push(Choice { to, work: Work::Mine });
            }
            if left.foes >= 0.5 && self.strategies.fights && self.fights[stop.region].gain[TENTHS - 1] > 0.0 {
                choices.push(Choice { to, work: Work::Hunt });
            }
            if left.wreck >= 0.9 && self.search.is_some() {
                choices.push(Choice { to, work: Work::Salvage });
            }
            if left.scan > 0.0 && self.strategies.scans {
                choices.push(Choice { to, work: Work::Scan });
            }
        }
        choices
    }
}

/// What a new market is worth to somebody who knows so many.
fn explore(markets: usize, likely: f64, left: f64) -> f64 {
    likely * left * 320.0 / (2.0 + markets as f64)
}

fn mean_find(content: &Content, finds: &[Find]) -> f64 {
    let total: f64 = finds.iter().map(|find| f64::from(find.weight)).sum();
    let worth = |find: &Find| f64::from(find.weight) * mean(find.quantity) * 0.8 * usual_value(content, find.item.ix());
    finds.iter().map(worth).sum::<f64>() / total.max(1.0)
}

fn left_at(obs: &Observation<'_>, notes: &Notes, fit: &Fit, node: usize, markets: usize, time: f64) -> Left {
    let content = obs.content();
    let balance = &content.balance;
    let chart = obs.chart(node);
    let visited = obs.visited(node);
    let kind = chart.map(|chart| &content.nodes[chart.kind]);
    let mut left = Left::default();
    if !visited {
        left.fresh = match chart {
            Some(chart) if chart.trade => explore(markets, 1.0, time),
            Some(_) => 5.0 * time,
            None => {
                let region = obs.region_kind(obs.region_of(node));
                let kinds = region.map_or(&[][..], |region| &region.node_types);
                let trade: f64 = kinds.iter().map(|kind| content.nodes[kind.ix()].trade).sum();
                explore(markets, trade / kinds.len().max(1) as f64, time) + 5.0 * time
            }
        };
        let region = obs.region_of(node);
        if region != obs.region() && !obs.places_of(region).any(|node| obs.visited(node)) {
            left.fresh += balance.travel.jump_bonus as f64;
        }
    }
    if let Some([least, most]) = kind.and_then(|kind| kind.ore) {
        left.ore = notes.ore(node).map_or((least + most) as f64 / 2.0, |ore| ore as f64);
    }
    if let Some([least, most]) = kind.and_then(|kind| kind.salvage) {
        left.wreck = notes.salvage(node).map_or((least + most) as f64 / 2.0, |attempts| attempts as f64);
    }
    if let Some(chart) = chart
        && chart.danger > balance.seek.least_danger
    {
        let usual = mean(balance.seek.foes);
        left.foes = match notes.foes(node) {
            None => usual,
            Some((true, _)) => 1.0,
            Some((false, turn)) => {
                let back = (obs.turn() - turn) / balance.seek.back_after;
                (back as f64).min(1.0)
            }
        };
    }
    if !obs.scanned(node) && (visited || chart.is_some()) {
        left.scan = scan_chance(content, &fit.stats) * mean_find(content, &balance.scan.finds);
    }
    if node == obs.here() {
        let blind = obs.routes(node).filter(|to| obs.chart(*to).is_none()).count() as f64;
        left.scan += 0.25 * explore(markets, 0.5, time) * blind;
    }
    left
}
