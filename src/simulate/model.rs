//! A sketch of the game as a captain sees it, in which he thinks ahead: known places and the ways between them, remembered
//! prices, what can be worked at, what is promised.
//!
//! Everything in it is an expectation in credits. It is never the game: prices drift, places are not known, dice fall.

use super::duel::{Duel, Duels, HULL, Stakes, hull_worth, mean};
use super::eyes::Eyes;
use super::notes::Notes;
use crate::game::content::{Content, Enemy, Item, Mod, QuestKind};
use crate::game::rules::{scan_chance, seek_chance, usual_value};
use crate::game::stats::Stats;
use crate::game::table::Ix;

/// The ways of earning that are open to a captain.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The names say it.
pub struct Ways {
    pub trade: bool,
    pub quests: bool,
    pub fights: bool,
    pub mining: bool,
    pub salvage: bool,
    pub scans: bool,
}

impl Ways {
    /// All closed.
    pub const NONE: Self =
        Self { trade: false, quests: false, fights: false, mining: false, salvage: false, scans: false };
    /// All open.
    pub const ALL: Self = Self { trade: true, quests: true, fights: true, mining: true, salvage: true, scans: true };
}

/// Something that is traded.
#[derive(Clone, Debug)]
pub struct Good {
    pub item: Ix<Item>,
    pub weight: f64,
    pub stack: f64,
    pub usual: f64,
    /// Of each, so many are kept for use.
    pub kept: f64,
}

/// A listing.
#[derive(Clone, Copy, Debug)]
struct Line {
    middle: f64,
    step: f64,
    usual: f64,
}

/// Somewhere to go.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The place; none for the unknown place a jump leads to.
    pub node: Option<usize>,
    pub region: usize,
    pub dock: bool,
    pub repair: bool,
    /// Which market, where prices are known.
    market: Option<usize>,
    danger: f64,
    seek: f64,
}

/// The first step of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Go(usize),
    Jump(usize),
}

/// A way between two stops.
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    pub turns: f64,
    /// Burnt in all.
    pub fuel: f64,
    /// Burnt before the first dock on the way, or the end.
    pub first: f64,
    /// The most burnt between docks after that.
    pub peak: f64,
    /// Burnt after the last dock on the way.
    tail: f64,
    /// The danger of the places on the way, summed.
    peril: f64,
    pub step: Step,
}

/// A single move or jump.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: usize,
    fuel: f64,
    /// Credits that what may happen costs.
    risk: f64,
    danger: f64,
    step: Step,
}

/// What is left at a stop.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    /// Credits that the first visit is worth.
    fresh: f64,
    ore: f64,
    foes: f64,
    wreck: f64,
    scan: f64,
}

/// How many tenths of the hull there are.
const TENTHS: usize = 11;

/// What a fight is worth and the hull it takes, by the tenths of the hull it begins with.
#[derive(Clone, Copy, Debug, Default)]
struct Odds {
    gain: [f64; TENTHS],
    hurt: [f64; TENTHS],
}

impl Odds {
    fn add(&mut self, duel: &Duel, enemy: i64, max_hull: i64, share: f64) {
        for tenth in 0..TENTHS {
            let hull = max_hull * tenth as i64 / 10;
            self.gain[tenth] += share * duel.gain(hull, enemy);
            self.hurt[tenth] += share * (hull as f64 - duel.left(hull, enemy)).max(0.0);
        }
    }

    /// With so much of the hull.
    fn with(&self, share: f64) -> (f64, f64) {
        let at = (libm::floor(10.0 * share) as usize).min(TENTHS - 1);
        (self.gain[at], self.hurt[at])
    }
}

/// Work in hand.
#[derive(Clone, Copy, Debug)]
struct Job {
    kind: QuestKind,
    target: Option<usize>,
    giver: Option<usize>,
    reward: f64,
    until: f64,
    weight: f64,
    done: bool,
    /// Of a bounty: the fight.
    fight: Option<Odds>,
}

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

/// Where things stand, or would.
#[derive(Clone, Debug)]
pub struct State {
    pub at: usize,
    pub turn: f64,
    pub fuel: f64,
    pub purse: f64,
    /// Credits' worth of what is neither purse nor hold.
    bonus: f64,
    hull: f64,
    hold: Vec<f64>,
    above: Vec<f64>,
    seen: Vec<f64>,
    left: Vec<Left>,
    jobs: Vec<Job>,
}

/// The sketch: what does not change while thinking.
#[derive(Debug)]
pub struct World {
    ways: Ways,
    pub goods: Vec<Good>,
    pub stops: Vec<Stop>,
    lines: Vec<Option<Line>>,
    markets: usize,
    legs: Vec<Option<Leg>>,
    /// By stop: the fuel to the next dock; none from a dock.
    escape: Vec<f64>,
    limit: f64,
    capacity: f64,
    max_hull: f64,
    drones: f64,
    spread: f64,
    recovery: f64,
    /// What a good can be sold for elsewhere: the best price, its market, and the next best.
    future: Vec<(f64, usize, f64)>,
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

/// What the world is sketched for: a hull with modules.
#[derive(Clone, Debug)]
pub struct Fit {
    pub mods: Vec<Ix<Mod>>,
    pub stats: Stats,
}

impl Fit {
    /// What is flown now.
    pub fn present(eyes: &Eyes<'_>) -> Self {
        Self { mods: eyes.mods().to_vec(), stats: eyes.stats() }
    }

    fn has(&self, content: &Content, effect: impl Fn(&crate::game::content::ModEffects) -> bool) -> bool {
        self.mods.iter().any(|fitted| effect(&content.mods[*fitted].effects))
    }
}

/// Fuel to run away once.
const FLIGHT: f64 = 10.0;

/// Weight left behind by rounding.
const CRUMB: f64 = 1e-6;

impl World {
    /// The sketch of what is known, with the present state in it.
    pub fn sketch(
        eyes: &Eyes<'_>,
        notes: &Notes,
        duels: &mut Duels,
        ways: Ways,
        fit: &Fit,
        rate: f64,
        loss: i64,
    ) -> (Self, State) {
        let content = eyes.content();
        let balance = &content.balance;
        let left_share = eyes.turns_left() as f64 / balance.limits.turns as f64;
        let goods = goods(eyes);

        let mut stops = Vec::new();
        let mut left = Vec::new();
        let mut lines: Vec<Option<Line>> = Vec::new();
        let mut above = Vec::new();
        let known_markets = notes.markets().count();
        for node in eyes.places() {
            let region = eyes.region_of(node);
            let chart = eyes.chart(node);
            let board = notes.board(node);
            let market = board.map(|_| lines.len() / goods.len().max(1));
            if board.is_some() {
                for good in &goods {
                    let line = notes.line(eyes, node, good.item, eyes.turn());
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
            left.push(left_at(eyes, notes, fit, node, known_markets, left_share));
        }
        // A jump into the unknown.
        for region in (0..eyes.region_count()).filter(|region| eyes.knows_region(*region)) {
            if eyes.landing(region).is_none() {
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
        let fights = fights(eyes, duels, fit, loss);
        let markets = lines.len() / goods.len().max(1);
        let mining = fit.has(content, |effects| effects.mining_yield.is_some());
        let salvaging = fit.has(content, |effects| effects.salvage_chance.is_some());
        let ore = goods.iter().position(|good| good.item == balance.mine.item.ix());
        let mut world = Self {
            ways,
            stops,
            lines,
            markets,
            legs: Vec::new(),
            escape: Vec::new(),
            limit: balance.limits.turns as f64,
            capacity: fit.stats.cargo_capacity as f64,
            max_hull: fit.stats.max_hp as f64,
            drones: fit.stats.hull_repair as f64,
            spread: balance.market.spread,
            recovery: balance.market.recovery,
            future: Vec::new(),
            fights,
            hazard: eyes.rules().hazard,
            encounter: balance.travel.encounter,
            hazard_damage: mean(balance.travel.hazard_damage),
            loss: loss as f64,
            mine: ore.filter(|_| mining && ways.mining).map(|ore| {
                let dug = balance.mine.chance * mean(balance.mine.r#yield) * fit.stats.mining_yield;
                let found = balance.mine.chance * balance.mine.bonus * mean_find(content, &balance.mine.finds);
                let hurt = (1.0 - balance.mine.chance) * mean(balance.mine.damage) * HULL;
                (dug, found - hurt - balance.mine.fuel as f64, ore)
            }),
            search: (salvaging && ways.salvage).then(|| {
                let odds = (balance.salvage.chance + fit.stats.salvage_chance).clamp(0.0, 1.0);
                let hurt = (1.0 - odds) * balance.salvage.hurt * mean(balance.salvage.damage) * HULL;
                odds * mean_find(content, &balance.salvage.finds) - hurt - balance.salvage.fuel as f64
            }),
            penalty: content.quests.reward.penalty,
            rate,
            fuel_price: balance.dock.fuel_price as f64,
            repair_price: balance.dock.repair_price as f64,
            tank: balance.limits.fuel as f64,
            goods,
        };
        (world.legs, world.escape) = world.ways_between(eyes, fit);
        let stop_of = |node: usize| world.stops.iter().position(|stop| stop.node == Some(node));
        let hold = world.goods.iter().map(|good| eyes.held(good.item) as f64).collect();
        let mut jobs = Vec::new();
        // What has lost its item cannot be done any more.
        for quest in eyes.quests().iter().filter(|quest| eyes.equipped(quest)) {
            let fight = quest.enemy.map(|enemy| quarry(eyes, duels, fit, enemy, quest.reward, loss));
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
            at: stop_of(eyes.here()).unwrap_or_default(),
            turn: eyes.turn() as f64,
            fuel: eyes.fuel() as f64,
            purse: eyes.wealth() as f64,
            bonus: 0.0,
            hull: eyes.hull() as f64,
            hold,
            above,
            seen: vec![eyes.turn() as f64; markets],
            left,
            jobs,
        };
        world.future = world.futures(&state);
        (world, state)
    }

    fn futures(&self, state: &State) -> Vec<(f64, usize, f64)> {
        let each = self.goods.iter().enumerate().map(|(good, def)| {
            // Somewhere there will be somebody who pays the usual price.
            let hope = if self.markets < 4 { 0.85 } else { 0.7 };
            let mut best = (hope * def.usual, usize::MAX, hope * def.usual);
            for market in 0..self.markets {
                let Some(line) = self.line(market, good) else { continue };
                // Not the first unit alone: what a few of them bring.
                let bid = self.bid(state, market, good, line) - 2.0 * line.step;
                if bid > best.0 {
                    best = (bid, market, best.0);
                } else if bid > best.2 {
                    best.2 = bid;
                }
            }
            best
        });
        each.collect()
    }

    fn line(&self, market: usize, good: usize) -> Option<&Line> {
        self.lines[market * self.goods.len() + good].as_ref()
    }

    fn level(&self, state: &State, market: usize, good: usize, line: &Line) -> f64 {
        let above = state.above[market * self.goods.len() + good];
        let back = self.recovery * line.usual * (state.turn - state.seen[market]);
        if above > 0.0 { (above - back).max(0.0) } else { (above + back).min(0.0) }
    }

    /// Paid for the next unit.
    fn bid(&self, state: &State, market: usize, good: usize, line: &Line) -> f64 {
        let above = self.level(state, market, good, line);
        ((line.middle - line.step * (above + 0.5)) * (1.0 - self.spread) - 0.5).max(0.0)
    }

    /// What a unit is thought to bring one day, if it is not sold at this market.
    fn one_day(&self, state: &State, market: Option<usize>, good: usize) -> f64 {
        let (best, at, second) = self.future[good];
        let price = if Some(at) == market { second } else { best };
        let time = ((self.limit - state.turn - 1.0) / 5.0).clamp(0.0, 1.0);
        0.85 * price * time
    }

    /// Everything in credits.
    pub fn worth(&self, state: &State) -> f64 {
        let mut sum = state.purse + state.bonus;
        let over = state.turn >= self.limit;
        if over {
            return state.purse;
        }
        let market = self.stops[state.at].market;
        for good in 0..self.goods.len() {
            let held = state.hold[good];
            if held <= 0.0 {
                continue;
            }
            let later = self.one_day(state, market, good);
            let mut rest = held;
            if let Some((market, line)) = market.and_then(|market| Some((market, self.line(market, good)?))) {
                let (bid, step) = (self.bid(state, market, good, line), line.step * (1.0 - self.spread));
                let sold = (libm::floor((bid - later) / step) + 1.0).clamp(0.0, held);
                sum += sold * bid - step * sold * (sold - 1.0) / 2.0;
                rest -= sold;
            }
            // Many of a kind sell for less each.
            sum += rest * later * (1.0 - (0.008 * rest).min(0.5));
        }
        let time = ((self.limit - state.turn) / 15.0).clamp(0.0, 1.0);
        sum + time * hull_worth(state.hull.min(self.max_hull), self.loss) + 0.8 * time * state.fuel
    }

    /// Weight units the hold takes.
    pub fn capacity(&self) -> f64 {
        self.capacity.max(1.0)
    }

    fn free(&self, state: &State) -> f64 {
        let goods: f64 = self.goods.iter().zip(&state.hold).map(|(good, held)| good.weight * held).sum();
        let crates: f64 = state.jobs.iter().map(|job| job.weight).sum();
        (self.capacity - goods - crates).max(0.0)
    }

    /// Buys and sells where it stands, on the way to another stop; tells the units bought of each good (less those sold).
    pub fn trade(&self, state: &mut State, to: usize, reserve: f64, mut told: Option<&mut Vec<(usize, f64)>>) {
        let here = self.stops[state.at].market;
        let Some(here) = here else { return };
        let there = self.stops[to].market.filter(|there| *there != here);
        let count = self.goods.len();
        // Levels here are counted from now on.
        for good in 0..count {
            if let Some(line) = self.line(here, good) {
                state.above[here * count + good] = self.level(state, here, good, line);
            }
        }
        state.seen[here] = state.turn;
        for good in 0..count {
            let held = (state.hold[good] - self.goods[good].kept).max(0.0);
            let Some(line) = self.line(here, good).filter(|_| held > 0.0) else { continue };
            let (bid, step) = (self.bid(state, here, good, line), line.step * (1.0 - self.spread));
            let later = self.one_day(state, Some(here), good);
            let other = there.and_then(|there| Some((there, self.line(there, good)?)));
            let other =
                other.map(|(there, line)| (self.bid(state, there, good, line), line.step * (1.0 - self.spread)));
            let sold = match other.filter(|(price, _)| *price > later) {
                Some((price, slope)) => {
                    let split = libm::floor((bid - price + step + slope * held) / (step + slope));
                    split.min(libm::floor((bid - later) / step) + 1.0)
                }
                None => libm::floor((bid - later) / step) + 1.0,
            };
            let sold = sold.clamp(0.0, held);
            if sold >= 1.0 {
                state.purse += sold * bid - step * sold * (sold - 1.0) / 2.0;
                state.hold[good] -= sold;
                state.above[here * count + good] += sold;
                if let Some(told) = &mut told {
                    told.push((good, -sold));
                }
            }
        }
        if !self.ways.trade {
            return;
        }
        let mut free = self.free(state);
        let mut purse = state.purse - reserve;
        if free <= 0.0 || purse <= 10.0 {
            return;
        }
        let mut wanted: Vec<(f64, usize, f64, f64, f64)> = Vec::new();
        for good in 0..count {
            let Some(line) = self.line(here, good) else { continue };
            let above = state.above[here * count + good];
            let ask = (line.middle - line.step * (above - 0.5)) * (1.0 + self.spread) + 0.5;
            let climb = line.step * (1.0 + self.spread);
            let held = state.hold[good];
            let later = 0.9 * self.one_day(state, Some(here), good);
            let other = there.and_then(|there| Some((there, self.line(there, good)?)));
            let other = other.map(|(there, line)| {
                let fall = line.step * (1.0 - self.spread);
                (self.bid(state, there, good, line) - fall * held, fall)
            });
            let (price, fall) = other.filter(|(price, _)| *price > later).unwrap_or((later, climb));
            let gain = 0.97 * price - ask - 1.0;
            if gain <= 0.0 {
                continue;
            }
            let def = &self.goods[good];
            let stock = libm::floor(line.usual + above).max(0.0);
            let most = (libm::floor(gain / (climb + fall)) + 1.0).min(stock).min(def.stack - held);
            if most >= 1.0 {
                let each = gain - (climb + fall) * (most - 1.0) / 2.0;
                let cost = ask + climb * (most - 1.0) / 2.0;
                wanted.push((each / (def.weight / free + cost / purse), good, most, ask, climb));
            }
        }
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, good, most, ask, climb) in wanted {
            let def = &self.goods[good];
            let mut units = most.min(if def.weight > 0.0 { libm::floor(free / def.weight + CRUMB) } else { most });
            // As many as the purse allows: the root of a square, walked down.
            while units >= 1.0 && units * ask + climb * units * (units - 1.0) / 2.0 > purse {
                units -= 1.0;
            }
            if units < 1.0 {
                continue;
            }
            let cost = units * ask + climb * units * (units - 1.0) / 2.0;
            purse -= cost;
            free -= units * def.weight;
            state.purse -= cost;
            state.hold[good] += units;
            state.above[here * count + good] -= units;
            if let Some(told) = &mut told {
                told.push((good, units));
            }
        }
    }

    /// Does a thing in the sketch; false where it cannot be.
    fn follow(&self, state: &mut State, choice: Choice) -> bool {
        let Choice { to, work } = choice;
        let begun = state.turn;
        if to != state.at {
            let Some(leg) = self.leg(state.at, to) else { return false };
            let dock = self.stops[state.at].dock;
            let fuel = if dock { self.tank } else { state.fuel };
            if leg.first > fuel || leg.peak > self.tank || state.turn + leg.turns >= self.limit {
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
        if !self.work(state, work) || state.turn >= self.limit {
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
                bonus -= promised(job);
                return false;
            }
            let paid = match job.kind {
                QuestKind::Delivery => job.target == Some(at),
                QuestKind::Rescue => job.done && job.giver == Some(at),
                QuestKind::Bounty | QuestKind::Exploration => job.done && dock,
            };
            if paid {
                purse += job.reward;
                bonus -= promised(job);
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
                        state.bonus += promised(job);
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
                found && state.fuel >= self.escape[at] + if fights { FLIGHT } else { 0.0 }
            }
            Work::Mine => {
                let Some((dug, beside, good)) = self.mine else { return false };
                let room = libm::floor(self.free(state) / self.goods[good].weight.max(1.0));
                let left = &mut state.left[at];
                let most = left.ore.min(room);
                let spare = state.fuel - self.escape[at];
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
                if state.left[at].foes < 0.5 || state.fuel < 5.0 + FLIGHT + self.escape[at] || gain <= 0.0 {
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
                if state.left[at].wreck < 0.9 || state.fuel < 3.0 + self.escape[at] {
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

    /// The way between two stops, if one is known.
    pub fn leg(&self, from: usize, to: usize) -> Option<&Leg> {
        self.legs[from * self.stops.len() + to].as_ref()
    }

    fn choices(&self, state: &State) -> Vec<Choice> {
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
            if left.foes >= 0.5 && self.ways.fights && self.fights[stop.region].gain[TENTHS - 1] > 0.0 {
                choices.push(Choice { to, work: Work::Hunt });
            }
            if left.wreck >= 0.9 && self.search.is_some() {
                choices.push(Choice { to, work: Work::Salvage });
            }
            if left.scan > 0.0 && self.ways.scans {
                choices.push(Choice { to, work: Work::Scan });
            }
        }
        choices
    }

    /// The best next thing, thinking so many things ahead; with its score: credits beyond what its turns are worth.
    pub fn best(&self, state: &State, widths: &[usize]) -> Option<(f64, Choice, f64)> {
        let (width, deeper) = widths.split_first()?;
        let before = self.worth(state);
        let mut found: Vec<_> = self
            .choices(state)
            .into_iter()
            .filter_map(|choice| {
                let mut next = state.clone();
                self.follow(&mut next, choice).then(|| {
                    let (gain, turns) = (self.worth(&next) - before, next.turn - state.turn);
                    (gain - self.rate * turns, choice, gain / turns.max(1.0), next)
                })
            })
            .collect();
        // Stable, so that equals stay in the order of the stops.
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(*width);
        if !deeper.is_empty() {
            for (score, _, pace, next) in &mut found {
                let gain = *score + self.rate * (next.turn - state.turn);
                if let Some((further, _, _)) = self.best(next, deeper) {
                    *score += further.max(0.0);
                    *pace = pace.max((gain + further) / (next.turn - state.turn));
                }
            }
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
        }
        found.into_iter().next().map(|(score, choice, pace, _)| (score, choice, pace))
    }

    /// What so many turns may bring, always taking the best next thing.
    pub fn rollout(&self, mut state: State, turns: f64) -> f64 {
        let before = self.worth(&state);
        let until = (state.turn + turns).min(self.limit - 1.0);
        while state.turn < until {
            let Some((_, choice, _)) = self.best(&state, &[1]) else { break };
            if !self.follow(&mut state, choice) {
                break;
            }
        }
        self.worth(&state) - before
    }

    /// The shortest ways, by turns, fuel and danger, between all stops (Dijkstra from each).
    fn ways_between(&self, eyes: &Eyes<'_>, fit: &Fit) -> (Vec<Option<Leg>>, Vec<f64>) {
        let content = eyes.content();
        let balance = &content.balance;
        let count = self.stops.len();
        let move_fuel = fit.stats.move_fuel(content) as f64;
        let hazard = eyes.rules().hazard * mean(balance.travel.hazard_damage) * HULL;
        let risk = |stop: &Stop| {
            let (fight, _) = self.fights[stop.region].with(0.9);
            stop.danger * (hazard - balance.travel.encounter * fight.min(if self.ways.fights { 60.0 } else { 10.0 }))
        };
        let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); count];
        let of_node = |node: usize| self.stops.iter().position(|stop| stop.node == Some(node));
        for (from, stop) in self.stops.iter().enumerate() {
            let Some(node) = stop.node else { continue };
            for to in eyes.routes(node).filter_map(of_node) {
                let Some(target) = self.stops[to].node else { continue };
                let stop = &self.stops[to];
                edges[from].push(Edge {
                    to,
                    fuel: move_fuel,
                    risk: risk(stop),
                    danger: stop.danger,
                    step: Step::Go(target),
                });
            }
            let fuel = eyes.jump_fuel(&fit.stats, node) as f64;
            for region in eyes.jumps(stop.region) {
                let landing = eyes.landing(region);
                let to = self.stops.iter().position(|stop| stop.region == region && stop.node == landing);
                if let Some(to) = to {
                    edges[from].push(Edge { to, fuel, risk: 0.0, danger: 0.0, step: Step::Jump(region) });
                }
            }
        }
        let mut legs = vec![None; count * count];
        for from in 0..count {
            let mut cost = vec![f64::MAX; count];
            let mut done = vec![false; count];
            let row = &mut legs[from * count..(from + 1) * count];
            cost[from] = 0.0;
            while let Some(at) =
                (0..count).filter(|at| !done[*at] && cost[*at] < f64::MAX).min_by(|a, b| cost[*a].total_cmp(&cost[*b]))
            {
                done[at] = true;
                let so_far: Option<Leg> = row[at];
                for Edge { to, fuel, risk, danger, step } in &edges[at] {
                    let price = cost[at] + self.rate.max(20.0) + fuel + risk.max(-15.0);
                    if price < cost[*to] {
                        cost[*to] = price;
                        let dock = at != from && self.stops[at].dock;
                        let old = so_far.unwrap_or(Leg {
                            turns: 0.0,
                            fuel: 0.0,
                            first: 0.0,
                            peak: 0.0,
                            tail: 0.0,
                            peril: 0.0,
                            step: *step,
                        });
                        let through = dock || old.tail < old.fuel;
                        let tail = if dock { *fuel } else { old.tail + fuel };
                        row[*to] = Some(Leg {
                            turns: old.turns + 1.0,
                            fuel: old.fuel + fuel,
                            first: if through { old.first } else { old.first + fuel },
                            peak: if through { old.peak.max(tail) } else { 0.0 },
                            tail,
                            peril: old.peril + danger,
                            step: old.step,
                        });
                    }
                }
            }
            row[from] = None;
        }
        // Whoever goes where there is no dock must be able to leave again.
        let mut escape: Vec<f64> = (0..count)
            .map(|from| {
                let docks = (0..count).filter(|to| self.stops[*to].dock);
                let ways = docks.filter_map(|to| legs[from * count + to]).map(|leg: Leg| leg.first);
                ways.min_by(f64::total_cmp).unwrap_or(f64::MAX)
            })
            .collect();
        // From an unknown place there is a jump back to where others are, and on from there.
        let jump = fit.stats.usual_jump_fuel(content) as f64;
        for (at, stop) in self.stops.iter().enumerate().filter(|(_, stop)| stop.node.is_none()) {
            let back = eyes.jumps(stop.region).filter_map(|region| {
                let landing = eyes.landing(region)?;
                let to = of_node(landing)?;
                Some(jump + if self.stops[to].dock { 0.0 } else { escape[to] })
            });
            escape[at] = back.min_by(f64::total_cmp).unwrap_or(f64::MAX);
        }
        for from in 0..count {
            for (to, escape) in escape.iter().enumerate() {
                if let Some(leg) = &mut legs[from * count + to]
                    && !self.stops[to].dock
                {
                    if leg.tail < leg.fuel {
                        leg.peak = leg.peak.max(leg.tail + escape);
                    } else {
                        leg.first += escape;
                    }
                }
            }
        }
        for (escape, stop) in escape.iter_mut().zip(&self.stops) {
            if stop.dock {
                *escape = 0.0;
            }
        }
        (legs, escape)
    }
}

impl State {
    /// Pays for something, and stands there with so much hull.
    pub fn pay(&mut self, cost: f64, hull: i64) {
        self.purse -= cost;
        self.hull = hull as f64;
    }
}

/// What is booked for work that is done but not paid.
fn promised(job: &Job) -> f64 {
    match job.kind {
        _ if !job.done => 0.0,
        QuestKind::Delivery => 0.0,
        QuestKind::Rescue => 0.5 * job.reward,
        QuestKind::Bounty | QuestKind::Exploration => 0.85 * job.reward,
    }
}

fn goods(eyes: &Eyes<'_>) -> Vec<Good> {
    let content = eyes.content();
    let traded = content.items.iter().filter(|(_, item)| item.base_value > 0);
    traded
        .map(|(item, def)| Good {
            item,
            weight: def.weight as f64,
            stack: def.stack_size as f64,
            usual: usual_value(content, item),
            kept: 0.0,
        })
        .collect()
}

/// What a new market is worth to somebody who knows so many.
fn explore(markets: usize, likely: f64, left: f64) -> f64 {
    likely * left * 320.0 / (2.0 + markets as f64)
}

fn mean_find(content: &Content, finds: &[crate::game::content::Find]) -> f64 {
    let total: f64 = finds.iter().map(|find| f64::from(find.weight)).sum();
    let worth = |find: &crate::game::content::Find| {
        f64::from(find.weight) * mean(find.quantity) * 0.8 * usual_value(content, find.item.ix())
    };
    finds.iter().map(worth).sum::<f64>() / total.max(1.0)
}

fn left_at(eyes: &Eyes<'_>, notes: &Notes, fit: &Fit, node: usize, markets: usize, time: f64) -> Left {
    let content = eyes.content();
    let balance = &content.balance;
    let chart = eyes.chart(node);
    let visited = eyes.visited(node);
    let kind = chart.map(|chart| &content.nodes[chart.kind]);
    let mut left = Left::default();
    if !visited {
        left.fresh = match chart {
            Some(chart) if chart.trade => explore(markets, 1.0, time),
            Some(_) => 5.0 * time,
            None => {
                let region = eyes.region_kind(eyes.region_of(node));
                let kinds = region.map_or(&[][..], |region| &region.node_types);
                let trade: f64 = kinds.iter().map(|kind| content.nodes[kind.ix()].trade).sum();
                explore(markets, trade / kinds.len().max(1) as f64, time) + 5.0 * time
            }
        };
        let region = eyes.region_of(node);
        if region != eyes.region() && !eyes.places_of(region).any(|node| eyes.visited(node)) {
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
                let back = (eyes.turn() - turn) / balance.seek.back_after;
                (back as f64).min(1.0)
            }
        };
    }
    if !eyes.scanned(node) && (visited || chart.is_some()) {
        left.scan = scan_chance(content, &fit.stats) * mean_find(content, &balance.scan.finds);
    }
    if node == eyes.here() {
        let blind = eyes.routes(node).filter(|to| eyes.chart(*to).is_none()).count() as f64;
        left.scan += 0.25 * explore(markets, 0.5, time) * blind;
    }
    left
}

/// By region: a fight with whoever roams there.
fn fights(eyes: &Eyes<'_>, duels: &mut Duels, fit: &Fit, loss: i64) -> Vec<Odds> {
    let stakes = Stakes { loss, prize: 0, flee: true, parley: eyes.wealth() > 250 };
    (0..eyes.region_count())
        .map(|region| {
            let mut odds = Odds::default();
            let Some(kind) = eyes.region_kind(region) else {
                return Odds { gain: [-25.0; TENTHS], hurt: [15.0; TENTHS] };
            };
            let total: u32 = kind.enemies.iter().map(|prowler| prowler.weight).sum();
            for prowler in &kind.enemies {
                let enemy = prowler.enemy.ix();
                let duel = duels.duel(eyes, &fit.stats, enemy, stakes);
                let share = f64::from(prowler.weight) / f64::from(total);
                odds.add(&duel, eyes.content().enemies[enemy].hp, fit.stats.max_hp, share);
            }
            odds
        })
        .collect()
}

/// The fight of a bounty, beside the reward, which is booked when the work is done.
fn quarry(eyes: &Eyes<'_>, duels: &mut Duels, fit: &Fit, enemy: Ix<Enemy>, reward: i64, loss: i64) -> Odds {
    let stakes = Stakes { loss, prize: reward * 9 / 10, flee: true, parley: false };
    let mut odds = Odds::default();
    odds.add(&duels.duel(eyes, &fit.stats, enemy, stakes), eyes.content().enemies[enemy].hp, fit.stats.max_hp, 1.0);
    odds.gain = odds.gain.map(|gain| gain - 0.85 * reward as f64);
    odds
}

/// What the fight of a bounty is worth beside the reward, with a hull in good order.
pub fn bounty(eyes: &Eyes<'_>, duels: &mut Duels, enemy: Ix<Enemy>, reward: i64, loss: i64) -> f64 {
    quarry(eyes, duels, &Fit::present(eyes), enemy, reward, loss).with(0.9).0
}
