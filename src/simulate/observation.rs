//! What a policy sees: what the game's own player would, and nothing of the hidden map or the dice.
//!
//! The game is private to this file, so that no policy can look further by mistake.

use std::num::NonZeroU32;

use crate::game::action::{Action, ActionError};
use crate::game::content::{Content, DifficultyRules, EventDef, Item, Mod, NodeKind, RegionKind, Ship};
use crate::game::map::StarMap;
use crate::game::offers::Offers;
use crate::game::rules::{Plan, Prices, plan, wanting};
use crate::game::state::{CombatState, Game, PodState, Quest, Sight, Stack};
use crate::game::stats::{Stats, fitted};
use crate::game::table::Ix;

/// A game as its player sees it.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    game: &'a Game,
    content: &'a Content,
}

/// What is known of a charted place.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // As in `game::map::Node`.
pub struct Chart {
    pub kind: Ix<NodeKind>,
    pub repair: bool,
    pub trade: bool,
    pub danger: f64,
}

impl Chart {
    /// Whether there is a dock of either sort.
    pub fn dock(&self) -> bool {
        self.repair || self.trade
    }
}

/// A line of the market at a trade dock.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    /// What is traded.
    pub item: Ix<Item>,
    /// Asked for the next unit.
    pub ask: i64,
    /// Paid for the next unit.
    pub bid: i64,
    /// Units in stock.
    pub stock: i64,
}

/// A whole number from 1, for actions; 1 where there is none such.
pub fn units(amount: i64) -> NonZeroU32 {
    u32::try_from(amount).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

impl<'a> Observation<'a> {
    /// Of a game.
    pub fn of(game: &'a Game, content: &'a Content) -> Self {
        Self { game, content }
    }

    /// The content, which every client can read.
    pub fn content(&self) -> &'a Content {
        self.content
    }

    /// What the difficulty sets.
    pub fn rules(&self) -> &'a DifficultyRules {
        self.content.balance.difficulty.of(self.game.difficulty)
    }

    /// Every action that would be accepted now, with its plan.
    pub fn offers(&self) -> Vec<(Action, Plan)> {
        Offers::of(self.game, self.content).offered
    }

    /// What an action would cost and how it may go.
    pub fn plan(&self, action: &Action) -> Result<Plan, ActionError> {
        plan(self.game, self.content, action)
    }

    /// Whether an action would be accepted.
    pub fn can(&self, action: &Action) -> bool {
        self.plan(action).is_ok()
    }

    /// Turns played.
    pub fn turn(&self) -> i64 {
        self.game.turn
    }

    /// Turns that can still be played.
    pub fn turns_left(&self) -> i64 {
        self.content.balance.limits.turns - self.game.turn
    }

    /// Credits.
    pub fn wealth(&self) -> i64 {
        self.game.wealth
    }

    /// Credits to win.
    pub fn goal(&self) -> i64 {
        self.rules().goal
    }

    /// Units of fuel.
    pub fn fuel(&self) -> i64 {
        self.game.fuel
    }

    /// Rations.
    pub fn food(&self) -> i64 {
        self.game.food
    }

    /// 0 to the limit.
    pub fn health(&self) -> i64 {
        self.game.health
    }

    /// Hull points.
    pub fn hull(&self) -> i64 {
        self.game.hull
    }

    /// Effective stats.
    pub fn stats(&self) -> Stats {
        Stats::of(self.game, self.content)
    }

    /// The stats with another hull and other modules, as anybody can work out from the content.
    pub fn stats_with(&self, ship: Ix<Ship>, mods: &[Ix<Mod>]) -> Stats {
        let mut other = self.game.clone();
        other.ship = ship;
        other.mods = mods.to_vec();
        Stats::of(&other, self.content)
    }

    /// The hull flown.
    pub fn ship(&self) -> Ix<Ship> {
        self.game.ship
    }

    /// Modules fitted.
    pub fn mods(&self) -> &'a [Ix<Mod>] {
        &self.game.mods
    }

    /// Whether a module fits into a free slot, wherever it may be sold.
    pub fn slot_free(&self, wanted: Ix<Mod>) -> bool {
        let slot = self.content.mods[wanted].slot;
        let slots = usize::from(self.content.ships[self.game.ship].slots.of(slot));
        !self.game.mods.contains(&wanted) && fitted(self.game, self.content, slot) < slots
    }

    /// The pod, if there is one.
    pub fn pod(&self) -> Option<&'a PodState> {
        self.game.pod.as_ref()
    }

    /// Whether the player sits in it.
    pub fn in_pod(&self) -> bool {
        self.game.in_pod()
    }

    /// The hold.
    pub fn cargo(&self) -> &'a [Stack] {
        &self.game.cargo
    }

    /// Units of an item in the hold.
    pub fn held(&self, item: Ix<Item>) -> i64 {
        self.game.held(item)
    }

    /// Work in hand.
    pub fn quests(&self) -> &'a [Quest] {
        &self.game.quests
    }

    /// Whether what work takes is aboard.
    pub fn equipped(&self, quest: &Quest) -> bool {
        wanting(self.game, self.content, quest).is_none()
    }

    /// Work offered here.
    pub fn offered_quests(&self) -> impl Iterator<Item = &'a Quest> + use<'a> {
        let here = self.game.here;
        self.game.offers.iter().filter(move |offer| offer.giver == here)
    }

    /// The fight under way.
    pub fn combat(&self) -> Option<CombatState> {
        self.game.combat
    }

    /// The event that waits for an answer.
    pub fn event(&self) -> Option<Ix<EventDef>> {
        self.game.event
    }

    /// The place the player is at.
    pub fn here(&self) -> usize {
        self.game.here
    }

    /// The player's region.
    pub fn region(&self) -> usize {
        self.game.region()
    }

    /// Places the player knows to be there.
    pub fn places(&self) -> impl Iterator<Item = usize> + use<'a> {
        let game = self.game;
        (0..game.places.len()).filter(|node| game.places[*node].sight > Sight::Unknown)
    }

    /// Whether a place is known to be there.
    pub fn knows(&self, node: usize) -> bool {
        self.game.places.get(node).is_some_and(|place| place.sight > Sight::Unknown)
    }

    /// What a place is, once it is charted.
    pub fn chart(&self, node: usize) -> Option<Chart> {
        let node_ref = (self.game.places.get(node)?.sight == Sight::Charted).then(|| &self.game.map.nodes[node])?;
        let crate::game::map::Node { kind, repair, trade, danger, .. } = *node_ref;
        Some(Chart { kind, repair, trade, danger })
    }

    /// Whether the player has been there.
    pub fn visited(&self, node: usize) -> bool {
        self.knows(node) && self.game.places[node].visited
    }

    /// Whether the player has scanned there.
    pub fn scanned(&self, node: usize) -> bool {
        self.knows(node) && self.game.places[node].scanned
    }

    /// The region of a known place.
    pub fn region_of(&self, node: usize) -> usize {
        self.game.map.nodes[node].region()
    }

    /// Known places one move from a known place: a route is on the map when one of its ends is charted.
    pub fn routes(&self, node: usize) -> impl Iterator<Item = usize> + use<'a> {
        let game = self.game;
        let charted = move |node: usize| game.places[node].sight == Sight::Charted;
        let known = move |to: usize| game.places[to].sight > Sight::Unknown && (charted(node) || charted(to));
        game.map.ways(node).filter(move |to| known(*to))
    }

    /// How many regions there may be; not all of them are known.
    pub fn region_count(&self) -> usize {
        self.game.map.regions.len()
    }

    /// Whether a region is on the player's map.
    pub fn knows_region(&self, region: usize) -> bool {
        self.game.knows_region(region)
    }

    /// The kind of a known region.
    pub fn region_kind(&self, region: usize) -> Option<&'a RegionKind> {
        self.knows_region(region).then(|| &self.content.regions[self.game.map.regions[region].kind])
    }

    /// Known regions one jump from a known region.
    pub fn jumps(&self, region: usize) -> impl Iterator<Item = usize> + use<'a> {
        let game = self.game;
        game.map.regions[region].connections.iter().copied().filter(|to| game.knows_region(*to))
    }

    /// Known places of a region.
    pub fn places_of(&self, region: usize) -> impl Iterator<Item = usize> + use<'a> {
        let game = self.game;
        game.map.regions[region].nodes.clone().filter(|node| game.places[*node].sight > Sight::Unknown)
    }

    /// Where a jump ends, as far as anybody can tell: a known dock, else a known place, else it is chance.
    pub fn landing(&self, region: usize) -> Option<usize> {
        let dock = self.places_of(region).find(|node| self.chart(*node).is_some_and(|chart| chart.dock()));
        dock.or_else(|| self.places_of(region).next())
    }

    /// The fuel of a jump from a place.
    pub fn jump_fuel(&self, stats: &Stats, from: usize) -> i64 {
        let fixed = self.chart(from).and_then(|chart| self.content.nodes[chart.kind].jump_fuel);
        fixed.unwrap_or_else(|| stats.usual_jump_fuel(self.content))
    }

    /// What the market here asks and pays; nothing where nobody trades.
    pub fn prices(&self) -> Vec<Price> {
        let price = |prices: Prices<'_>| Price {
            item: prices.item(),
            ask: prices.ask(1),
            bid: prices.bid(1),
            stock: prices.stock(),
        };
        Prices::here(self.game, self.content).map(price).collect()
    }

    /// What the market here pays for so many units.
    pub fn bid(&self, item: Ix<Item>, quantity: i64) -> Option<i64> {
        Some(Prices::of(self.game, self.content, item)?.bid(quantity))
    }

    /// The order to go to a neighbouring place.
    pub fn go(&self, node: usize) -> Action {
        Action::Navigate { node: self.game.map.node_id(node) }
    }

    /// The order to jump to a region.
    pub fn jump(&self, region: usize) -> Action {
        Action::Jump { region: StarMap::region_id(region) }
    }

    /// The order to sell.
    pub fn sell(&self, item: Ix<Item>, quantity: i64) -> Action {
        Action::SellItem { item: self.content.items.id(item).to_owned(), quantity: units(quantity) }
    }

    /// The order to buy.
    pub fn buy(&self, item: Ix<Item>, quantity: i64) -> Action {
        Action::BuyItem { item: self.content.items.id(item).to_owned(), quantity: units(quantity) }
    }

    /// The order to use an item.
    pub fn use_item(&self, item: Ix<Item>) -> Action {
        Action::UseItem { item: self.content.items.id(item).to_owned() }
    }

    /// The order to buy a ship.
    pub fn buy_ship(&self, ship: Ix<Ship>) -> Action {
        Action::BuyShip { ship: self.content.ships.id(ship).to_owned() }
    }

    /// The order to fit a module.
    pub fn buy_mod(&self, wanted: Ix<Mod>) -> Action {
        Action::BuyMod { r#mod: self.content.mods.id(wanted).to_owned() }
    }
}
