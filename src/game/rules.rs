//! The rules: what each action needs, costs and does.
//!
//! [`plan`] asks, [`apply`] does. An action is first turned into a plan: every id looked up, every need checked, the price
//! fixed. What is offered and what is charged come from the same plan, so they cannot differ; a refusal comes before
//! anything has changed.

mod achieve;
mod cargo;
mod combat;
mod dock;
mod happening;
mod harm;
mod quest;
mod risk;
mod travel;
mod upkeep;
mod work;

pub use cargo::{Prices, usual_price, usual_value};
pub use combat::{enemy_hit_chance, flee_chance, hit_chance, seek_chance};
pub use quest::wanting;
pub use risk::{Risk, risk};
pub use work::scan_chance;

use super::action::{Action, ActionError, Code, Cost, refuse};
use super::content::{Augmentation, Content, Item, Mod, Move, Ship};
use super::event::{Event, Outcome, Reason};
use super::grammar::count;
use super::state::{End, Game};
use super::stats::Stats;
use super::story;
use super::table::Ix;

/// An action that would be accepted: what it costs, and how it may go.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What will be charged.
    pub cost: Cost,
    /// Credits it brings for certain, as a sale does.
    pub gain: i64,
    /// The chance that it goes well, where chance decides.
    pub odds: Option<f64>,
    /// The largest quantity that would be accepted, where there is one.
    pub max: Option<i64>,
    act: Act,
}

impl Plan {
    fn new(act: Act) -> Self {
        Self { cost: Cost::default(), gain: 0, odds: None, max: None, act }
    }

    fn turn(mut self) -> Self {
        self.cost.turns = 1;
        self
    }

    fn fuel(mut self, fuel: i64) -> Self {
        self.cost.fuel = fuel;
        self
    }

    fn credits(mut self, credits: i64) -> Self {
        self.cost.credits = credits;
        self
    }

    fn odds(mut self, odds: f64) -> Self {
        self.odds = Some(odds);
        self
    }
}

/// An action with everything looked up. Indices are of the map, the game's lists or content.
#[derive(Clone, Debug)]
enum Act {
    Navigate(usize),
    Jump(usize),
    Scan,
    Mine,
    Salvage,
    Wait,
    Repair(i64),
    Refuel(i64),
    BuyFood(i64),
    BuyShip(Ix<Ship>),
    BuyMod(Ix<Mod>),
    RemoveMod(Ix<Mod>),
    BuyPod,
    BuyAugmentation(Ix<Augmentation>),
    BuyItem(Ix<Item>, i64),
    SellItem(Ix<Item>, i64),
    UseItem(Ix<Item>),
    ConsumeFood(i64),
    AcceptQuest(usize),
    AbandonQuest(usize),
    TurnInQuest(usize),
    Choose(usize),
    SeekFight,
    Combat(Ix<Move>),
    Flee,
    Negotiate,
}

/// The question a plan answers: a game as it stands, with its effective stats.
struct Ask<'a> {
    game: &'a Game,
    content: &'a Content,
    stats: Stats,
}

impl Ask<'_> {
    fn dock(&self) -> Result<(), ActionError> {
        if self.game.node().dock() {
            return Ok(());
        }
        refuse(Code::NoDock, "There is no dock here. Travel to a place with one.")
    }

    fn repair_dock(&self) -> Result<(), ActionError> {
        if self.game.node().repair {
            return Ok(());
        }
        refuse(Code::NoRepairDock, "There is no repair dock here. Travel to a place with one.")
    }

    fn trade_dock(&self) -> Result<(), ActionError> {
        if self.game.node().trade {
            return Ok(());
        }
        refuse(Code::NoTradeDock, "Nobody trades here. Travel to a place with a trade dock.")
    }

    fn ship(&self, what: &str) -> Result<(), ActionError> {
        if !self.game.in_pod() {
            return Ok(());
        }
        refuse(Code::InPod, format!("A pod cannot {what}. Buy a ship at a repair dock first."))
    }
}

/// What an action would cost and how it may go, or why it is refused.
pub fn plan(game: &Game, content: &Content, action: &Action) -> Result<Plan, ActionError> {
    gate(game, action)?;
    let ask = Ask { game, content, stats: Stats::of(game, content) };
    let plan = match action {
        Action::Navigate { node } => travel::plan_navigate(&ask, node),
        Action::Jump { region } => travel::plan_jump(&ask, region),
        Action::Scan {} => Ok(work::plan_scan(&ask)),
        Action::Mine {} => work::plan_mine(&ask),
        Action::Salvage {} => work::plan_salvage(&ask),
        Action::Wait {} => Ok(Plan::new(Act::Wait).turn()),
        Action::Repair {} => dock::plan_repair(&ask),
        Action::Refuel { amount } => dock::plan_refuel(&ask, amount.get().into()),
        Action::BuyFood { amount } => dock::plan_buy_food(&ask, amount.get().into()),
        Action::BuyShip { ship } => dock::plan_buy_ship(&ask, ship),
        Action::BuyMod { r#mod } => dock::plan_buy_mod(&ask, r#mod),
        Action::RemoveMod { r#mod } => dock::plan_remove_mod(&ask, r#mod),
        Action::BuyPod {} => dock::plan_buy_pod(&ask),
        Action::BuyAugmentation { augmentation } => dock::plan_buy_augmentation(&ask, augmentation),
        Action::BuyItem { item, quantity } => cargo::plan_buy(&ask, item, quantity.get().into()),
        Action::SellItem { item, quantity } => cargo::plan_sell(&ask, item, quantity.get().into()),
        Action::UseItem { item } => cargo::plan_use(&ask, item),
        Action::ConsumeFood { amount } => cargo::plan_eat(&ask, amount.get().into()),
        Action::AcceptQuest { quest } => quest::plan_accept(&ask, quest),
        Action::AbandonQuest { quest } => quest::plan_abandon(&ask, quest),
        Action::TurnInQuest { quest } => quest::plan_turn_in(&ask, quest),
        Action::Choose { choice } => happening::plan_choose(&ask, choice),
        Action::SeekFight {} => combat::plan_seek(&ask),
        Action::Combat { r#move } => combat::plan_move(&ask, r#move),
        Action::Flee {} => combat::plan_flee(&ask),
        Action::Negotiate {} => combat::plan_negotiate(&ask),
    }?;
    if free(game, &plan) && game.free_actions >= content.balance.limits.free_actions {
        return refuse(
            Code::TurnNeeded,
            "Enough arranged for one turn. Travel, scan, work or wait before anything else.",
        );
    }
    let Cost { fuel, credits, .. } = plan.cost;
    if fuel > game.fuel {
        let hint = "Refuel at a dock, or use a fuel cell.";
        return refuse(Code::NotEnoughFuel, format!("This takes {fuel} fuel and you have {}. {hint}", game.fuel));
    }
    if credits > game.wealth {
        let hint = "Sell cargo or finish a quest.";
        return refuse(
            Code::NotEnoughCredits,
            format!("This costs {} and you have {}. {hint}", count(credits, "credit", "credits"), game.wealth),
        );
    }
    Ok(plan)
}

/// Applies an action to a copy. A refused one leaves nothing behind.
pub fn apply(game: &Game, content: &Content, action: &Action) -> Result<(Game, Outcome), ActionError> {
    let Plan { cost, act, gain, odds, .. } = plan(game, content, action)?;
    let mut next = game.clone();
    if cost.turns == 0 && next.combat.is_none() && next.event.is_none() {
        next.free_actions += 1;
    }
    next.fuel -= cost.fuel;
    next.wealth -= cost.credits;
    next.statistics.credits_spent += cost.credits;
    let mut step = Step { game: &mut next, content, events: Vec::new() };
    // Without odds nothing is left to chance.
    step.perform(act, cost, gain, odds.unwrap_or(1.0));
    if cost.turns > 0 {
        step.upkeep();
    }
    step.judge();
    step.remember();
    let events = step.events;
    let message = story::tell(content, &events);
    Ok((next, Outcome { cost, events, message }))
}

/// The first arrival, of a game that is being made.
pub(super) fn begin(game: &mut Game, content: &Content) {
    let here = game.here;
    Step { game, content, events: Vec::new() }.arrive(here);
}

/// What may be asked at all: a finished game, a fight and an event each leave little.
fn gate(game: &Game, action: &Action) -> Result<(), ActionError> {
    if let Some(end) = game.end {
        let how = if end == End::Victory { "won" } else { "over" };
        return refuse(Code::GameOver, format!("This game is {how}. Start a new one."));
    }
    let answer = matches!(action, Action::Choose { .. });
    if game.event.is_some() && !answer {
        return refuse(Code::ChoicePending, "Something waits for your answer. Choose first.");
    }
    if game.event.is_none() && answer {
        return refuse(Code::NoChoicePending, "Nothing waits for an answer.");
    }
    let fights = matches!(action, Action::Combat { .. } | Action::Flee {} | Action::Negotiate {});
    if game.combat.is_some() && !fights && !matches!(action, Action::UseItem { .. }) {
        return refuse(Code::InCombat, "You are in a fight. Fight, flee, negotiate or use an item.");
    }
    if game.combat.is_none() && fights {
        return refuse(Code::NotInCombat, "There is no fight.");
    }
    Ok(())
}

/// Whether a plan counts as a free action: no turn, and neither a round of a fight nor an answer.
fn free(game: &Game, plan: &Plan) -> bool {
    plan.cost.turns == 0 && game.combat.is_none() && game.event.is_none()
}

/// A game while an accepted action changes it, and what has happened so far.
struct Step<'a> {
    game: &'a mut Game,
    content: &'a Content,
    events: Vec<Event>,
}

impl Step<'_> {
    fn perform(&mut self, act: Act, cost: Cost, gain: i64, odds: f64) {
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

    fn say(&mut self, event: Event) {
        self.events.push(event);
    }

    fn stats(&self) -> Stats {
        Stats::of(self.game, self.content)
    }

    /// Gains or loses credits, between 0 and the limit.
    fn credits(&mut self, amount: i64, reason: Reason) {
        let before = self.game.wealth;
        self.game.wealth = (before + amount).clamp(0, self.content.balance.limits.wealth);
        let amount = self.game.wealth - before;
        self.game.statistics.credits_earned += amount.max(0);
        self.game.statistics.credits_spent += (-amount).max(0);
        if amount != 0 {
            self.say(Event::Credits { amount, reason });
        }
    }

    fn fuel(&mut self, amount: i64, reason: Reason) {
        let before = self.game.fuel;
        self.game.fuel = (before + amount).clamp(0, self.content.balance.limits.fuel);
        let amount = self.game.fuel - before;
        if amount != 0 {
            self.say(Event::Fuel { amount, reason });
        }
    }

    fn food(&mut self, amount: i64, reason: Reason) {
        let before = self.game.food;
        self.game.food = (before + amount).clamp(0, self.content.balance.limits.food);
        let amount = self.game.food - before;
        if amount != 0 {
            self.say(Event::Food { amount, reason });
        }
    }

    fn health(&mut self, amount: i64, reason: Reason) {
        let before = self.game.health;
        self.game.health = (before + amount).clamp(0, self.content.balance.limits.health);
        let amount = self.game.health - before;
        if amount != 0 {
            self.say(Event::Health { amount, reason });
        }
    }
}
