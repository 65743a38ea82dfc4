//! Scanning, mining and salvaging.

use super::plan::{Act, Ask, Plan};
use super::step::Step;
use crate::game::action::{ActionError, Code, refuse};
use crate::game::content::{Content, Find, Item};
use crate::game::event::{Event, Reason};
use crate::game::map::small;
use crate::game::rng::Stream;
use crate::game::state::{Game, Sight, Stack};
use crate::game::stats::{Stats, fitted_with};
use crate::game::table::Ix;

/// The chance that the first scan of a place finds something.
pub fn scan_chance(content: &Content, stats: &Stats) -> f64 {
    let scan = &content.balance.scan;
    (scan.chance + scan.bonus * (stats.scan_bonus - 1.0)).clamp(0.0, scan.most)
}

pub(super) fn plan_scan(ask: &Ask<'_>) -> Plan {
    let plan = Plan::new(Act::Scan).turn();
    if ask.game.places[ask.game.here].scanned {
        return plan;
    }
    plan.odds(scan_chance(ask.content, &ask.stats))
}

pub(super) fn plan_mine(ask: &Ask<'_>) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    ask.ship("mine")?;
    if !fitted_with(game, content, |effects| effects.mining_yield.is_some()) {
        return refuse(Code::NeedsMiningLaser, "Mining takes a mining laser. Repair docks sell them.");
    }
    if content.nodes[game.node().kind].ore.is_none() {
        return refuse(Code::NoOre, "There is nothing to mine here. Look for an asteroid field.");
    }
    if game.places[game.here].ore == 0 {
        return refuse(Code::NoOre, "This field has been mined out. Look for another.");
    }
    let mine = &content.balance.mine;
    Ok(Plan::new(Act::Mine).fuel(mine.fuel).turn().odds(mine.chance))
}

pub(super) fn plan_salvage(ask: &Ask<'_>) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    ask.ship("salvage")?;
    if !fitted_with(game, content, |effects| effects.salvage_chance.is_some()) {
        return refuse(Code::NeedsSalvager, "Salvaging takes a salvage scanner. Repair docks sell them.");
    }
    if !game.wreck && game.places[game.here].salvage == 0 {
        return refuse(
            Code::NothingToSalvage,
            "There is no wreck left to search here. Look for a derelict, or make one.",
        );
    }
    let salvage = &content.balance.salvage;
    let odds = (salvage.chance + stats.salvage_chance).clamp(0.0, 1.0);
    Ok(Plan::new(Act::Salvage).fuel(salvage.fuel).turn().odds(odds))
}

/// Foes at a place now: one comes back after so many turns, up to what the place can hold.
pub(super) fn foes(game: &Game, content: &Content, node: usize) -> i64 {
    let place = &game.places[node];
    let back = (game.turn - i64::from(place.foes_turn)) / content.balance.seek.back_after;
    (i64::from(place.foes) + back).min(game.map.nodes[node].foes.into())
}

impl Step<'_> {
    pub(super) fn scan(&mut self, odds: f64) {
        let map = self.game.map.clone();
        let here = self.game.here;
        let near = map.ways(here);
        self.game.statistics.scans += 1;
        self.chart(near.clone());
        for next in near.flat_map(|node| map.ways(node)) {
            self.sight(next, Sight::Sighted);
        }
        let place = self.game.places[here];
        let foes = foes(self.game, self.content, here);
        self.say(Event::Scanned { ore: place.ore.into(), salvage: place.salvage.into(), foes });
        self.survey_quests();
        if place.scanned {
            return;
        }
        self.game.places[here].scanned = true;
        if self.game.dice.stream(Stream::Loot).chance(odds) {
            self.find(&self.content.balance.scan.finds, Reason::Scan);
        } else {
            self.say(Event::NothingFound {});
        }
    }

    pub(super) fn mine(&mut self, odds: f64) {
        let mine = &self.content.balance.mine;
        let stats = self.stats();
        let mut draws = self.game.dice.stream(Stream::Loot);
        if !draws.chance(odds) {
            let damage = draws.within(mine.damage);
            self.say(Event::MineFailed {});
            self.damage(damage, Reason::Mining);
            return;
        }
        let dug = libm::round(draws.within(mine.r#yield) as f64 * stats.mining_yield) as i64;
        let bonus = draws.chance(mine.bonus);
        let ore = &mut self.game.places[self.game.here].ore;
        let dug = small(dug).clamp(1, *ore);
        *ore -= dug;
        let dug = dug.into();
        self.game.statistics.units_mined += dug;
        self.gain_item(mine.item.ix(), dug, Reason::Mining);
        if bonus {
            self.find(&mine.finds, Reason::Mining);
        }
    }

    pub(super) fn salvage(&mut self, odds: f64) {
        let salvage = &self.content.balance.salvage;
        self.game.statistics.wrecks_searched += 1;
        if self.game.wreck {
            self.game.wreck = false;
        } else {
            self.game.places[self.game.here].salvage -= 1;
        }
        let mut draws = self.game.dice.stream(Stream::Loot);
        if draws.chance(odds) {
            self.find(&salvage.finds, Reason::Salvage);
            return;
        }
        let damage = draws.chance(salvage.hurt).then(|| draws.within(salvage.damage));
        self.say(Event::SalvageFailed {});
        if let Some(damage) = damage {
            self.damage(damage, Reason::Salvage);
        }
    }

    /// Draws one line of a table of finds.
    pub(super) fn find(&mut self, finds: &[Find], reason: Reason) {
        let mut draws = self.game.dice.stream(Stream::Loot);
        let Some(find) = draws.weighted(finds, |find| find.weight) else { return };
        let quantity = draws.within(find.quantity);
        self.gain_item(find.item.ix(), quantity, reason);
    }

    /// Takes aboard what fits; the rest stays behind.
    pub(super) fn gain_item(&mut self, item: Ix<Item>, quantity: i64, reason: Reason) {
        let taken = quantity.min(self.room_for(item));
        self.stow(item, taken);
        self.game.statistics.items_collected += taken;
        let id = self.content.items.id(item);
        let name = &self.content.items[item].name;
        if taken > 0 {
            self.say(Event::Item { item: id.to_owned(), name: name.clone(), quantity: taken, reason });
        }
        if taken < quantity {
            let quantity = quantity - taken;
            self.say(Event::LeftBehind { item: id.to_owned(), name: name.clone(), quantity });
        }
    }

    /// Gives away what is held of an item, up to a quantity.
    pub(super) fn hand_over(&mut self, item: Ix<Item>, quantity: i64, reason: Reason) {
        let quantity = quantity.min(self.game.held(item));
        if quantity > 0 {
            self.stow(item, -quantity);
            let (id, name) = (self.content.items.id(item).to_owned(), self.content.items[item].name.clone());
            self.say(Event::ItemLost { item: id, name, quantity, reason });
        }
    }

    fn room_for(&self, item: Ix<Item>) -> i64 {
        let def = &self.content.items[item];
        let stack = def.stack_size - self.game.held(item);
        let by_weight = if def.weight == 0 { stack } else { self.stats().free_cargo() / def.weight };
        stack.min(by_weight).max(0)
    }

    /// Adds to (or takes from) a stack; the caller has checked that it can.
    pub(super) fn stow(&mut self, item: Ix<Item>, quantity: i64) {
        let cargo = &mut self.game.cargo;
        match cargo.binary_search_by_key(&item, |stack| stack.item) {
            Ok(at) => {
                cargo[at].quantity += quantity;
                if cargo[at].quantity <= 0 {
                    cargo.remove(at);
                }
            }
            Err(at) if quantity > 0 => cargo.insert(at, Stack { item, quantity }),
            Err(_) => {}
        }
    }
}
