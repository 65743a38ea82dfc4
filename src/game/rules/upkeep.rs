//! What every turn does, and how a game ends.

use super::cargo::is_fuel;
use super::dock::refit_value;
use super::quest::payable;
use super::step::Step;
use crate::game::event::{Event, Reason};
use crate::game::state::End;

impl Step<'_> {
    /// The effects of a turn, after the action that took it.
    pub(super) fn upkeep(&mut self) {
        self.fade(false);
        let stats = self.stats();
        if stats.hull_repair > 0 && self.game.hull > 0 {
            self.mend(stats.hull_repair, Reason::Drones);
        }
        self.eat_ration();
        self.game.turn += 1;
        self.game.free_actions = 0;
        if let Some(pod) = &mut self.game.pod {
            pod.fresh = false;
        }
        self.expire_quests();
    }

    /// Effects that last turns, or rounds, lose one; those that have none left go.
    pub(super) fn fade(&mut self, rounds: bool) {
        let before = self.game.effects.len();
        for effect in self.game.effects.iter_mut().filter(|effect| effect.rounds == rounds) {
            effect.duration -= 1;
        }
        self.game.effects.retain(|effect| effect.duration > 0);
        if self.game.effects.len() < before {
            self.say(Event::ShieldFaded {});
        }
    }

    fn eat_ration(&mut self) {
        let upkeep = &self.content.balance.upkeep;
        if self.game.food >= upkeep.food {
            // Every turn's meal is not news.
            self.game.food -= upkeep.food;
        } else {
            self.game.food = 0;
            self.health(-upkeep.hunger, Reason::Hunger);
        }
    }

    /// Whether the game has ended, judged after every accepted action. Death comes before victory.
    pub(super) fn judge(&mut self) {
        let goal = self.content.balance.difficulty.of(self.game.difficulty).goal;
        let end = if self.game.health == 0 {
            Some(End::Died)
        } else if self.game.pod.as_ref().is_some_and(|pod| pod.ejected && pod.hp == 0) {
            Some(End::PodLost)
        } else if self.game.hull == 0 && !self.game.in_pod() {
            Some(End::ShipLost)
        } else if self.game.wealth >= goal {
            Some(End::Victory)
        } else if self.game.turn >= self.content.balance.limits.turns {
            Some(End::OutOfTurns)
        } else if self.stranded() {
            Some(End::Stranded)
        } else {
            None
        };
        let Some(end) = end else { return };
        self.game.end = Some(end);
        self.end_fight();
        self.game.event = None;
        self.say(if end == End::Victory { Event::Victory {} } else { Event::Defeat { cause: end.id().to_owned() } });
    }

    /// No move is affordable with the fuel and fuel cells held, and no dock here sells what is missing.
    pub(super) fn stranded(&self) -> bool {
        let (game, content) = (&*self.game, self.content);
        if !self.stuck_without_dock() {
            return false;
        }
        if !game.node().dock() {
            return true;
        }
        let (canned, Some(needed)) = (self.canned(), self.least_move()) else { return true };
        // Cells are burnt or sold, not both.
        let price = content.balance.dock.fuel_price;
        let purse = game.wealth + payable(game, content) + refit_value(game, content);
        let burning = canned + (purse + self.sale_value(|item| !is_fuel(item))) / price;
        let selling = (purse + self.sale_value(|_| true)) / price;
        game.fuel + burning.max(selling) < needed
    }

    /// No move is affordable with the fuel and fuel cells held.
    pub(super) fn stuck_without_dock(&self) -> bool {
        let game = &*self.game;
        if game.combat.is_some() || game.event.is_some() {
            return false;
        }
        self.least_move().is_none_or(|needed| game.fuel + self.canned() < needed)
    }

    /// The fuel of the cheapest move from here.
    fn least_move(&self) -> Option<i64> {
        let (game, content) = (&*self.game, self.content);
        let stats = self.stats();
        let by_route = game.map.ways(game.here).next().map(|_| stats.move_fuel(content));
        let can_jump = !game.map.regions[game.region()].connections.is_empty();
        let by_jump = can_jump.then(|| stats.jump_fuel(game, content));
        by_route.into_iter().chain(by_jump).min()
    }

    /// The fuel in cells aboard.
    fn canned(&self) -> i64 {
        let items = &self.content.items;
        let cells = self.game.cargo.iter().filter(|stack| is_fuel(&items[stack.item]));
        cells.map(|stack| stack.quantity * items[stack.item].effect.as_ref().map_or(0, |effect| effect.fuel)).sum()
    }
}
