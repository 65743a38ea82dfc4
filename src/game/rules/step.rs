//! A game while an action is applied to it. What actions of one kind do stands in a file each, as more methods of [`Step`]: they call
//! each other in circles, as an event may break a ship, and the tow of its pod arrives where there is work.

use super::plan::Act;
use crate::game::action::Cost;
use crate::game::content::Content;
use crate::game::event::{Event, Reason};
use crate::game::state::Game;
use crate::game::stats::Stats;

/// A game while an accepted action changes it.
pub(super) struct Step<'a> {
    pub game: &'a mut Game,
    pub content: &'a Content,
    /// What has happened so far.
    pub events: Vec<Event>,
}

impl<'a> Step<'a> {
    pub fn new(game: &'a mut Game, content: &'a Content) -> Self {
        Self { game, content, events: Vec::new() }
    }

    /// Does what was planned. Each kind of action has its part in a file of its own.
    pub fn perform(&mut self, act: Act, cost: Cost, gain: i64, odds: f64) {
        match act {
            Act::Navigate(node) => self.navigate(node),
            Act::Jump(region) => self.jump(region),
            Act::Scan => self.scan(odds),
            Act::Mine => self.mine(odds),
            Act::Salvage => self.salvage(odds),
            Act::Wait => self.say(Event::Waited {}),
            Act::Repair(points) => self.repair(points),
            Act::Refuel(amount) => self.fuel(amount, Reason::Purchase),
            Act::BuyFood(amount) => self.food(amount, Reason::Purchase),
            Act::BuyShip(ship) => self.buy_ship(ship, gain),
            Act::BuyMod(fitted) => self.buy_mod(fitted),
            Act::RemoveMod(fitted) => self.remove_mod(fitted, gain),
            Act::BuyPod => self.buy_pod(),
            Act::BuyAugmentation(augmentation) => self.buy_augmentation(augmentation),
            Act::BuyItem(item, quantity) => self.buy_item(item, quantity),
            Act::SellItem(item, quantity) => self.sell_item(item, quantity, gain),
            Act::UseItem(item) => self.use_item(item),
            Act::ConsumeFood(amount) => self.eat(amount),
            Act::AcceptQuest(at) => self.accept_quest(at),
            Act::AbandonQuest(at) => self.abandon_quest(at),
            Act::TurnInQuest(at) => self.turn_in_quest(at),
            Act::Choose(choice) => self.choose(choice),
            Act::SeekFight => self.seek_fight(odds),
            Act::Combat(chosen) => self.fight(chosen, odds),
            Act::Flee => self.flee(odds),
            Act::Negotiate => self.negotiate(cost.credits, odds),
        }
    }

    pub fn say(&mut self, event: Event) {
        self.events.push(event);
    }

    pub fn stats(&self) -> Stats {
        Stats::of(self.game, self.content)
    }

    /// Gains or loses credits, between 0 and the limit.
    pub fn credits(&mut self, amount: i64, reason: Reason) {
        let before = self.game.wealth;
        self.game.wealth = (before + amount).clamp(0, self.content.balance.limits.wealth);
        let amount = self.game.wealth - before;
        self.game.statistics.credits_earned += amount.max(0);
        self.game.statistics.credits_spent += (-amount).max(0);
        if amount != 0 {
            self.say(Event::Credits { amount, reason });
        }
    }

    pub fn fuel(&mut self, amount: i64, reason: Reason) {
        let before = self.game.fuel;
        self.game.fuel = (before + amount).clamp(0, self.content.balance.limits.fuel);
        let amount = self.game.fuel - before;
        if amount != 0 {
            self.say(Event::Fuel { amount, reason });
        }
    }

    pub fn food(&mut self, amount: i64, reason: Reason) {
        let before = self.game.food;
        self.game.food = (before + amount).clamp(0, self.content.balance.limits.food);
        let amount = self.game.food - before;
        if amount != 0 {
            self.say(Event::Food { amount, reason });
        }
    }

    pub fn health(&mut self, amount: i64, reason: Reason) {
        let before = self.game.health;
        self.game.health = (before + amount).clamp(0, self.content.balance.limits.health);
        let amount = self.game.health - before;
        if amount != 0 {
            self.say(Event::Health { amount, reason });
        }
    }
}
