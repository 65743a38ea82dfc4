//! What a player notes down: the prices they have seen, and how much is left of what they work at.

use std::collections::BTreeMap;

use super::observation::{Observation, Price};
use crate::game::action::{Action, Code};
use crate::game::content::Item;
use crate::game::event::{Event, Outcome, Reason};
use crate::game::table::Ix;

/// What is remembered of a listing at a dock.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The item.
    pub item: Ix<Item>,
    /// The price between asking and paying when the stock is at its usual level.
    pub middle: f64,
    /// The step in price of one unit.
    pub step: f64,
    /// The usual stock, as far as was seen.
    pub usual: f64,
    /// Units above the usual stock when last seen.
    pub above: f64,
}

/// A market as it was last seen.
#[derive(Clone, Debug)]
pub struct Board {
    /// When.
    pub turn: i64,
    /// In the order of the items.
    pub lines: Vec<Line>,
}

/// The notebook.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    boards: BTreeMap<usize, Board>,
    ore: BTreeMap<usize, i64>,
    foes: BTreeMap<usize, (bool, i64)>,
    salvage: BTreeMap<usize, i64>,
    /// The market here, as it is now.
    now: Vec<Price>,
    /// Where and when that was read.
    read: Option<(usize, i64)>,
    /// Turns of the last visits.
    pub visits: BTreeMap<usize, i64>,
}

impl Notes {
    /// Writes down what is to be seen here now.
    pub fn look(&mut self, obs: &Observation<'_>, outcome: Option<&Outcome>) {
        let (here, turn) = (obs.here(), obs.turn());
        self.visits.insert(here, turn);
        for event in outcome.iter().flat_map(|outcome| &outcome.events) {
            match event {
                Event::Scanned { ore, salvage, .. } => {
                    self.ore.insert(here, *ore);
                    self.salvage.insert(here, *salvage);
                }
                Event::Item { quantity, reason: Reason::Mining, .. } => {
                    let usual = obs.chart(here).and_then(|chart| obs.content().nodes[chart.kind].ore);
                    let ore = self.ore.entry(here).or_insert(usual.map_or(0, |[least, most]| (least + most) / 2));
                    *ore = (*ore - quantity).max(1);
                }
                _ => {}
            }
        }
        if obs.combat().is_none() && obs.event().is_none() {
            self.foes.insert(here, (obs.can(&Action::SeekFight {}), turn));
            let refusal = |action| obs.plan(&action).err().map(|refused| refused.code);
            if refusal(Action::Mine {}) == Some(Code::NoOre) {
                self.ore.insert(here, 0);
            }
            if refusal(Action::Salvage {}) == Some(Code::NothingToSalvage) {
                self.salvage.insert(here, 0);
            }
        }
        // Prices change with the turn and with what is bought and sold, and reading them is half the work of a player.
        let traded = outcome.iter().flat_map(|outcome| &outcome.events);
        let traded = traded.into_iter().any(|event| matches!(event, Event::Item { .. } | Event::ItemLost { .. }));
        if self.read == Some((here, turn)) && !traded {
            return;
        }
        self.read = Some((here, turn));
        self.now = obs.prices();
        let prices = &self.now;
        if prices.is_empty() {
            return;
        }
        let market = &obs.content().balance.market;
        let old = self.boards.get(&here);
        let lines = prices.iter().map(|price| {
            let known = old.and_then(|board| board.lines.iter().find(|line| line.item == price.item));
            // A stock that was never seen to change is taken for the usual one.
            let usual = known.map_or(price.stock as f64, |line| line.usual).max(1.0);
            let above = price.stock as f64 - usual;
            let now = f64::midpoint(price.ask as f64 / (1.0 + market.spread), price.bid as f64 / (1.0 - market.spread));
            let middle = now / (1.0 - market.slope * above / usual).max(market.least);
            Line { item: price.item, middle, step: middle * market.slope / usual, usual, above }
        });
        let lines = lines.collect();
        self.boards.insert(here, Board { turn, lines });
    }

    /// What the market here asks and pays for an item now.
    pub fn price(&self, item: Ix<Item>) -> Option<&Price> {
        self.now.iter().find(|price| price.item == item)
    }

    /// The market here now; nothing where nobody trades.
    pub fn prices(&self) -> &[Price] {
        &self.now
    }

    /// What the market here pays for so many units, or a little less.
    pub fn brings(&self, obs: &Observation<'_>, item: Ix<Item>, quantity: i64) -> Option<f64> {
        let price = self.price(item)?;
        let line = self.boards.get(&obs.here())?.lines.iter().find(|line| line.item == item)?;
        let fall = line.step * (1.0 - obs.content().balance.market.spread);
        // Each unit is rounded down.
        let units = quantity as f64;
        Some((units * (price.bid as f64 - 0.5) - fall * units * (units - 1.0) / 2.0).max(0.0))
    }

    /// What it asks for so many units, or a little more.
    pub fn takes(&self, obs: &Observation<'_>, item: Ix<Item>, quantity: i64) -> Option<f64> {
        let price = self.price(item)?;
        let line = self.boards.get(&obs.here())?.lines.iter().find(|line| line.item == item)?;
        let climb = line.step * (1.0 + obs.content().balance.market.spread);
        let units = quantity as f64;
        Some(units * (price.ask as f64 + 0.5) + climb * units * (units - 1.0) / 2.0)
    }

    /// A market that was seen.
    pub fn board(&self, node: usize) -> Option<&Board> {
        self.boards.get(&node)
    }

    /// Docks whose market was seen.
    pub fn markets(&self) -> impl Iterator<Item = usize> {
        self.boards.keys().copied()
    }

    /// A listing as it will be at a turn, when nobody trades there.
    pub fn line(&self, obs: &Observation<'_>, node: usize, item: Ix<Item>, turn: i64) -> Option<Line> {
        let board = self.boards.get(&node)?;
        let line = board.lines.iter().find(|line| line.item == item)?;
        let back = obs.content().balance.market.recovery * line.usual * (turn - board.turn) as f64;
        let above = if line.above > 0.0 { (line.above - back).max(0.0) } else { (line.above + back).min(0.0) };
        Some(Line { above, ..*line })
    }

    /// What a dock is thought to pay for so many units.
    pub fn bid(&self, obs: &Observation<'_>, node: usize, item: Ix<Item>, quantity: i64) -> Option<f64> {
        if node == obs.here() {
            return self.brings(obs, item, quantity);
        }
        let line = self.line(obs, node, item, obs.turn() + 1)?;
        let market = &obs.content().balance.market;
        let first = line.middle - line.step * line.above;
        let mean = (first - line.step * (quantity - 1) as f64 / 2.0).max(market.least * line.middle);
        Some(quantity as f64 * mean * (1.0 - market.spread))
    }

    /// Ore thought to be left: what a scan told, less what was dug.
    pub fn ore(&self, node: usize) -> Option<i64> {
        self.ore.get(&node).copied()
    }

    /// Whether there were foes, and when that was.
    pub fn foes(&self, node: usize) -> Option<(bool, i64)> {
        self.foes.get(&node).copied()
    }

    /// Attempts at a wreck that a scan showed.
    pub fn salvage(&self, node: usize) -> Option<i64> {
        self.salvage.get(&node).copied()
    }
}
