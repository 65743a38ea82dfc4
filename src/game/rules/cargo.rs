//! The hold: buying, selling and using what is in it, and what a unit costs where.
//!
//! A unit's price belongs to the step between two stock levels and is the same in both directions; buying adds the spread and
//! selling subtracts it, so a trade and its reverse at one place always lose.

use super::plan::{Act, Ask, Plan};
use super::step::Step;
use crate::game::action::{ActionError, Code, refuse, refuse_more};
use crate::game::content::{Category, Content, Item};
use crate::game::event::{Event, Reason};
use crate::game::grammar::count;
use crate::game::map::Listing;
use crate::game::rng::{Draws, Stream};
use crate::game::state::{Game, Stock, TempEffect};
use crate::game::table::Ix;

/// Units in stock here now: what was left, and what has recovered since.
fn stock_level(game: &Game, content: &Content, listing: &Listing) -> f64 {
    let stock = game.stocks.iter().find(|stock| stock.node == game.here && stock.item == listing.item);
    stock.map_or(f64::from(listing.stock), |stock| recovered(content, listing, stock, game.turn))
}

fn recovered(content: &Content, listing: &Listing, stock: &Stock, turn: i64) -> f64 {
    let usual = f64::from(listing.stock);
    let back = content.balance.market.recovery * usual * (turn - stock.turn) as f64;
    if stock.level < usual { (stock.level + back).min(usual) } else { (stock.level - back).max(usual) }
}

/// How the times move the prices here, around 1, in the market's order: each on a line from one drawn level to the next. They stay
/// inside the spread, so that nobody makes money by waiting.
fn drifts(game: &Game, content: &Content) -> impl Iterator<Item = f64> {
    let market = &content.balance.market;
    let (level, step) = (game.turn / market.drift_turns, game.turn % market.drift_turns);
    let rows = game.map.market(game.here).len();
    // Two words a draw; a market has fewer than 2^10 rows, a game fewer than 2^14 turns.
    let place = |level: i64| ((game.here as u64) << 14 | level as u64) << 11;
    let drawn = |level: i64| {
        let shares = |draws: &mut Draws<'_>| (0..rows).map(|_| draws.share()).collect::<Vec<_>>();
        game.dice.apart(Stream::Market, place(level), shares)
    };
    let between = step as f64 / market.drift_turns as f64;
    let line = move |(from, to): (f64, f64)| from * (1.0 - between) + to * between;
    drawn(level).into_iter().zip(drawn(level + 1)).map(line).map(|share| 1.0 + market.drift * (2.0 * share - 1.0))
}

/// What an item is worth to docks when it is neither scarce nor plenty, whatever the place's taste.
pub fn usual_value(content: &Content, item: Ix<Item>) -> f64 {
    let market = &content.balance.market;
    let find = market.finds.iter().any(|find| find.ix() == item);
    let share = if find { market.components } else { 1.0 };
    content.items[item].base_value as f64 * share
}

/// The same in credits, for people to compare prices with.
pub fn usual_price(content: &Content, item: Ix<Item>) -> i64 {
    libm::round(usual_value(content, item)) as i64
}

/// What a dock asks and pays now for units of an item.
#[derive(Clone, Copy, Debug)]
pub struct Prices<'a> {
    content: &'a Content,
    listing: &'a Listing,
    /// Units in stock.
    level: f64,
    /// How the times move them, around 1.
    drift: f64,
}

impl<'a> Prices<'a> {
    /// Of everything that is dealt in where the player is.
    pub fn here(game: &'a Game, content: &'a Content) -> impl Iterator<Item = Self> {
        let market = game.map.market(game.here).iter().zip(drifts(game, content));
        market.map(move |(listing, drift)| {
            let level = stock_level(game, content, listing);
            Self { content, listing, level, drift }
        })
    }

    /// Of an item; none where nobody deals in it.
    pub fn of(game: &'a Game, content: &'a Content, item: Ix<Item>) -> Option<Self> {
        Self::here(game, content).find(|prices| prices.item() == item)
    }

    /// What they are the prices of.
    pub fn item(&self) -> Ix<Item> {
        self.listing.item
    }

    /// Whole units that are there to be bought.
    pub fn stock(&self) -> i64 {
        libm::floor(self.level) as i64
    }

    /// What the next units cost together, in credits.
    pub fn ask(&self, quantity: i64) -> i64 {
        self.asks().take(quantity as usize).sum()
    }

    /// What the next units bring together, in credits.
    pub fn bid(&self, quantity: i64) -> i64 {
        let factor = self.drift * (1.0 - self.content.balance.market.spread);
        (0..quantity).map(|unit| libm::floor(self.step(self.level + unit as f64) * factor) as i64).sum()
    }

    /// What each next unit costs, dearer one by one.
    fn asks(self) -> impl Iterator<Item = i64> {
        let factor = self.drift * (1.0 + self.content.balance.market.spread);
        // Rounded up for each unit: rounding never pays the player.
        (1..).map(move |unit: i64| libm::ceil(self.step(self.level - unit as f64) * factor) as i64)
    }

    /// The price of the step between two stock levels, the lower one given, before times and spread.
    fn step(&self, lower: f64) -> f64 {
        let Self { content, listing, .. } = self;
        let market = &content.balance.market;
        let usual = f64::from(listing.stock);
        let scarcity = (1.0 + market.slope * (usual - (lower + 0.5)) / usual).clamp(market.least, market.most);
        usual_value(content, listing.item) * (f64::from(listing.taste) / 1000.0) * scarcity
    }
}

fn find_item(content: &Content, id: &str) -> Result<Ix<Item>, ActionError> {
    match content.items.find(id) {
        Some(item) => Ok(item),
        None => refuse(Code::UnknownItem, "There is no such item. The content lists those there are."),
    }
}

fn find_held(ask: &Ask<'_>, id: &str, quantity: i64) -> Result<Ix<Item>, ActionError> {
    let item = find_item(ask.content, id)?;
    let held = ask.game.held(item);
    if held < quantity {
        return refuse_more(
            Code::ItemNotHeld,
            held,
            "You hold none of these. Buy or find some first.",
            &format!("You hold {held} of these."),
        );
    }
    Ok(item)
}

pub(super) fn plan_buy(ask: &Ask<'_>, id: &str, quantity: i64) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    let item = find_item(content, id)?;
    ask.trade_dock()?;
    let Some(prices) = Prices::of(game, content, item) else {
        return refuse(Code::OutOfStock, "Nobody here deals in these.");
    };
    let def = &content.items[item];
    let stocked = prices.stock();
    if quantity > stocked {
        return refuse_more(
            Code::OutOfStock,
            stocked,
            "The dock has none of these left. Come back later, or try another one.",
            &format!("The dock has {stocked} of these."),
        );
    }
    let stack = def.stack_size - game.held(item);
    if quantity > stack {
        return refuse_more(
            Code::StackFull,
            stack,
            "You hold as many of these as you can. Sell or use some first.",
            &format!("You can hold {stack} more of these."),
        );
    }
    let free = stats.free_cargo();
    if quantity * def.weight > free {
        return refuse(
            Code::CargoFull,
            format!("These weigh {} each, and there is room for {free}. Sell or use something.", def.weight),
        );
    }
    let by_weight = if def.weight == 0 { stack } else { free / def.weight };
    let room = stocked.min(stack).min(by_weight);
    let mut purse = game.wealth;
    let affordable = prices.asks().take(room as usize).take_while(|price| {
        purse -= price;
        purse >= 0
    });
    let mut plan = Plan::new(Act::BuyItem(item, quantity)).credits(prices.ask(quantity));
    plan.max = Some(affordable.count() as i64);
    Ok(plan)
}

pub(super) fn plan_sell(ask: &Ask<'_>, id: &str, quantity: i64) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    let item = find_held(ask, id, quantity)?;
    ask.trade_dock()?;
    let Some(prices) = Prices::of(game, content, item) else {
        return refuse(Code::OutOfStock, "Nobody here deals in these.");
    };
    let mut plan = Plan::new(Act::SellItem(item, quantity));
    plan.gain = prices.bid(quantity);
    plan.max = Some(game.held(item));
    Ok(plan)
}

pub(super) fn plan_use(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    let item = find_held(ask, id, 1)?;
    let Some(effect) = &content.items[item].effect else {
        return refuse(Code::ItemNotConsumable, "This cannot be used. It can be sold at a trade dock.");
    };
    let limits = &content.balance.limits;
    let ship = !game.in_pod();
    let helps = (effect.ship_condition > 0 && ship && game.hull < stats.max_hp)
        || (effect.fuel > 0 && game.fuel < limits.fuel)
        || (effect.health > 0 && game.health < limits.health)
        || (effect.temp_hp > 0 && ship && stats.shield == 0);
    if !helps {
        return refuse(Code::ItemUseless, "It would change nothing now. Keep it for later.");
    }
    Ok(Plan::new(Act::UseItem(item)))
}

pub(super) fn plan_eat(ask: &Ask<'_>, amount: i64) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    let missing = content.balance.limits.health - game.health;
    let meal = content.balance.dock.meal_health;
    let meals = (missing + meal - 1) / meal;
    if amount > meals {
        return refuse_more(
            Code::HealthFull,
            meals,
            "Everybody is in full health. Keep the rations for later.",
            &format!("You are in full health after {}.", count(meals, "ration", "rations")),
        );
    }
    if amount > game.food {
        return refuse(
            Code::NotEnoughFood,
            format!("You have {}. Docks sell more.", count(game.food, "ration", "rations")),
        );
    }
    let mut plan = Plan::new(Act::ConsumeFood(amount));
    plan.max = Some(meals.min(game.food));
    Ok(plan)
}

impl Step<'_> {
    pub(super) fn buy_item(&mut self, item: Ix<Item>, quantity: i64) {
        self.shift_stock(item, -quantity);
        self.gain_item(item, quantity, Reason::Purchase);
    }

    pub(super) fn sell_item(&mut self, item: Ix<Item>, quantity: i64, gain: i64) {
        self.shift_stock(item, quantity);
        self.hand_over(item, quantity, Reason::Sale);
        self.game.statistics.units_sold += quantity;
        self.credits(gain, Reason::Sale);
    }

    fn shift_stock(&mut self, item: Ix<Item>, by: i64) {
        let market = self.game.map.market(self.game.here);
        let Some(listing) = market.iter().find(|listing| listing.item == item) else { return };
        let level = stock_level(self.game, self.content, listing) + by as f64;
        let stock = Stock { node: self.game.here, item, level, turn: self.game.turn };
        // Stocks that are back at their usual level are forgotten, and so is this one's old count.
        let map = &self.game.map;
        self.game.stocks.retain(|old| {
            let listing = map.market(old.node).iter().find(|listing| listing.item == old.item);
            (old.node, old.item) != (stock.node, stock.item)
                && listing.is_some_and(|listing| {
                    recovered(self.content, listing, old, stock.turn).total_cmp(&(f64::from(listing.stock))).is_ne()
                })
        });
        self.game.stocks.push(stock);
    }

    /// In a fight this is the round: the enemy answers.
    pub(super) fn use_item(&mut self, item: Ix<Item>) {
        let content = self.content;
        let def = &content.items[item];
        self.stow(item, -1);
        self.say(Event::ItemUsed { item: content.items.id(item).to_owned(), name: def.name.clone() });
        let fighting = self.game.combat.is_some();
        if let Some(effect) = &def.effect {
            self.mend(effect.ship_condition, Reason::Item);
            self.fuel(effect.fuel, Reason::Item);
            self.health(effect.health, Reason::Item);
            if effect.temp_hp > 0 && effect.duration > 0 && !self.game.in_pod() && self.stats().shield == 0 {
                let (shield, duration) = (effect.temp_hp, effect.duration);
                self.game.effects.push(TempEffect { shield, duration, rounds: fighting });
                self.say(Event::Shield { amount: shield, duration });
            }
        }
        if fighting {
            self.answer(1.0, 1.0);
        }
    }

    pub(super) fn eat(&mut self, amount: i64) {
        self.food(-amount, Reason::Meal);
        self.health(amount * self.content.balance.dock.meal_health, Reason::Meal);
    }

    /// What everything in the hold would bring here.
    pub(super) fn sale_value(&self, sold: impl Fn(&Item) -> bool) -> i64 {
        let cargo = self.game.cargo.iter().filter(|stack| sold(&self.content.items[stack.item]));
        cargo.filter_map(|stack| Some(Prices::of(self.game, self.content, stack.item)?.bid(stack.quantity))).sum()
    }
}

/// Whether an item is fuel in a can.
pub(super) fn is_fuel(item: &Item) -> bool {
    item.category == Category::Consumable && item.effect.as_ref().is_some_and(|effect| effect.fuel > 0)
}
