//! Trade in a sketch of the game: what goods bring here, there and one day, and what to buy and sell.

use super::observation::Observation;
use super::state::State;
use crate::game::content::Item;
use crate::game::rules::usual_value;
use crate::game::table::Ix;

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
pub struct Line {
    pub middle: f64,
    pub step: f64,
    pub usual: f64,
}

/// Weight left behind by rounding.
const CRUMB: f64 = 1e-6;

/// Every market whose prices are remembered.
#[derive(Debug)]
pub struct Markets {
    pub goods: Vec<Good>,
    /// By market and good.
    pub lines: Vec<Option<Line>>,
    pub count: usize,
    /// Weight units the hold takes.
    pub capacity: f64,
    /// Between what is asked and what is paid, as a share.
    pub spread: f64,
    /// The share of the usual stock that comes back each turn.
    pub recovery: f64,
    /// The last turn.
    pub limit: f64,
    /// Whether anything is bought to be sold.
    pub buys: bool,
    /// See [`Self::futures`].
    pub future: Vec<(f64, usize, f64)>,
}

impl Markets {
    /// What each good can be sold for elsewhere: the best price, its market, and the next best.
    pub fn futures(&self, state: &State) -> Vec<(f64, usize, f64)> {
        let each = self.goods.iter().enumerate().map(|(good, def)| {
            // Somewhere there will be somebody who pays the usual price.
            let hope = if self.count < 4 { 0.85 } else { 0.7 };
            let mut best = (hope * def.usual, usize::MAX, hope * def.usual);
            for market in 0..self.count {
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

    /// What the hold brings, sold at this market and later elsewhere, added to a sum.
    pub fn with_hold(&self, state: &State, market: Option<usize>, mut sum: f64) -> f64 {
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
        sum
    }

    /// Weight units the hold takes.
    pub fn capacity(&self) -> f64 {
        self.capacity.max(1.0)
    }

    /// Weight units free.
    pub fn free(&self, state: &State) -> f64 {
        let goods: f64 = self.goods.iter().zip(&state.hold).map(|(good, held)| good.weight * held).sum();
        let crates: f64 = state.jobs.iter().map(|job| job.weight).sum();
        (self.capacity - goods - crates).max(0.0)
    }

    /// Buys and sells at a market, on the way to another; tells the units bought of each good (less those sold).
    pub fn trade(
        &self,
        state: &mut State,
        here: usize,
        there: Option<usize>,
        reserve: f64,
        mut told: Option<&mut Vec<(usize, f64)>>,
    ) {
        let there = there.filter(|there| *there != here);
        let count = self.goods.len();
        // Levels here are counted from now on.
        for good in 0..count {
            if let Some(line) = self.line(here, good) {
                state.above[here * count + good] = self.level(state, here, good, line);
            }
        }
        state.seen[here] = state.turn;
        self.sell(state, here, there, told.as_deref_mut());
        if self.buys {
            self.buy(state, here, there, reserve, told);
        }
    }

    fn sell(&self, state: &mut State, here: usize, there: Option<usize>, mut told: Option<&mut Vec<(usize, f64)>>) {
        let count = self.goods.len();
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
    }

    fn buy(
        &self,
        state: &mut State,
        here: usize,
        there: Option<usize>,
        reserve: f64,
        mut told: Option<&mut Vec<(usize, f64)>>,
    ) {
        let count = self.goods.len();
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
}

/// Everything that is traded.
pub fn goods(obs: &Observation<'_>) -> Vec<Good> {
    let content = obs.content();
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
