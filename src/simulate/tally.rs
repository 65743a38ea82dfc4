//! What is counted of the games: how they end, what they use, where the money comes from and goes.
//!
//! Everything is whole numbers that only add up, so the sum is the same in whatever order games are played.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::game::action::Action;
use crate::game::content::Content;
use crate::game::event::{Event, Outcome, Reason};
use crate::game::state::{End, Game};

/// A catalogue of which the use is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Shelf {
    ShipsFlown,
    ModsFitted,
    ItemsGained,
    ItemsBought,
    ItemsSold,
    ItemsUsed,
    AugmentationsFitted,
    EnemiesMet,
    EnemiesDestroyed,
    Events,
    QuestsAccepted,
    QuestsCompleted,
    Achievements,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::ShipsFlown,
        Self::ModsFitted,
        Self::ItemsGained,
        Self::ItemsBought,
        Self::ItemsSold,
        Self::ItemsUsed,
        Self::AugmentationsFitted,
        Self::EnemiesMet,
        Self::EnemiesDestroyed,
        Self::Events,
        Self::QuestsAccepted,
        Self::QuestsCompleted,
        Self::Achievements,
    ];

    /// The ids that stand on it.
    pub fn ids(self, content: &Content) -> Vec<&str> {
        fn all<T>(table: &crate::game::table::Table<T>) -> Vec<&str> {
            table.indices().map(|ix| table.id(ix)).collect()
        }
        match self {
            Self::ShipsFlown => all(&content.ships),
            Self::ModsFitted => all(&content.mods),
            Self::ItemsGained => all(&content.items),
            Self::ItemsBought | Self::ItemsSold => {
                let traded = content.items.iter().filter(|(_, item)| item.base_value > 0);
                traded.map(|(ix, _)| content.items.id(ix)).collect()
            }
            Self::ItemsUsed => {
                let usable = content.items.iter().filter(|(_, item)| item.effect.is_some());
                usable.map(|(ix, _)| content.items.id(ix)).collect()
            }
            Self::AugmentationsFitted => all(&content.augmentations),
            Self::EnemiesMet | Self::EnemiesDestroyed => all(&content.enemies),
            Self::Events => all(&content.events),
            Self::QuestsAccepted | Self::QuestsCompleted => all(&content.quests.quests),
            Self::Achievements => all(&content.achievements),
        }
    }
}

/// How often something was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Times, or units.
    pub times: u64,
    /// Games in which it was.
    pub games: u64,
    /// Those of them that were won.
    pub wins: u64,
}

/// One of the games that went worst.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Worst {
    /// Credits at the end.
    pub wealth: i64,
    /// The turn it ended.
    pub turn: i64,
    /// The game's seed.
    pub seed: u64,
    /// How it ended.
    pub end: &'static str,
}

/// How many of the worst games are kept.
pub const WORST: usize = 100;
/// Wealth is counted in steps of so many credits.
pub const STEP: i64 = 25;

/// The sum over games.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Games played.
    pub games: u64,
    /// Games won.
    pub wins: u64,
    /// Games by how they ended.
    pub ends: BTreeMap<&'static str, u64>,
    /// Games won, by the turn.
    pub won_at: BTreeMap<i64, u64>,
    /// Games lost, by the turn.
    pub lost_at: BTreeMap<i64, u64>,
    /// Games by turn and wealth in steps; a game that is over stays where it ended.
    pub wealth: Vec<BTreeMap<i64, u64>>,
    /// Games and wins by the ship flown at the end; in the pod counts as `pod`.
    pub last_ship: BTreeMap<String, Use>,
    /// Use of the catalogues.
    pub uses: BTreeMap<(Shelf, String), Use>,
    /// Credits gained, by what brought them.
    pub income: BTreeMap<&'static str, i64>,
    /// Credits spent, by what they went for.
    pub expenses: BTreeMap<&'static str, i64>,
    /// Accepted actions by kind.
    pub actions: BTreeMap<&'static str, u64>,
    /// Times a policy asked for what was refused; it never should.
    pub refused: u64,
    /// Those that ended with the least wealth.
    pub worst: Vec<Worst>,
}

/// The name of an action's kind, as in its JSON.
pub fn kind(action: &Action) -> &'static str {
    match action {
        Action::Navigate { .. } => "navigate",
        Action::Jump { .. } => "jump",
        Action::Scan {} => "scan",
        Action::Mine {} => "mine",
        Action::Salvage {} => "salvage",
        Action::Wait {} => "wait",
        Action::Repair {} => "repair",
        Action::Refuel { .. } => "refuel",
        Action::BuyFood { .. } => "buy_food",
        Action::BuyShip { .. } => "buy_ship",
        Action::BuyMod { .. } => "buy_mod",
        Action::RemoveMod { .. } => "remove_mod",
        Action::BuyPod {} => "buy_pod",
        Action::BuyAugmentation { .. } => "buy_augmentation",
        Action::BuyItem { .. } => "buy_item",
        Action::SellItem { .. } => "sell_item",
        Action::UseItem { .. } => "use_item",
        Action::ConsumeFood { .. } => "consume_food",
        Action::AcceptQuest { .. } => "accept_quest",
        Action::AbandonQuest { .. } => "abandon_quest",
        Action::TurnInQuest { .. } => "turn_in_quest",
        Action::Choose { .. } => "choose",
        Action::SeekFight {} => "seek_fight",
        Action::Combat { .. } => "combat",
        Action::Flee {} => "flee",
        Action::Negotiate {} => "negotiate",
    }
}

/// The kinds of action there are.
pub const KINDS: [&str; 26] = [
    "navigate",
    "jump",
    "scan",
    "mine",
    "salvage",
    "wait",
    "repair",
    "refuel",
    "buy_food",
    "buy_ship",
    "buy_mod",
    "remove_mod",
    "buy_pod",
    "buy_augmentation",
    "buy_item",
    "sell_item",
    "use_item",
    "consume_food",
    "accept_quest",
    "abandon_quest",
    "turn_in_quest",
    "choose",
    "seek_fight",
    "combat",
    "flee",
    "negotiate",
];

/// One game while it is played.
#[derive(Debug)]
pub struct Record<'a> {
    content: &'a Content,
    wealth: Vec<i64>,
    uses: BTreeMap<(Shelf, String), u64>,
    income: BTreeMap<&'static str, i64>,
    expenses: BTreeMap<&'static str, i64>,
    actions: BTreeMap<&'static str, u64>,
    /// Where the units in the hold came from, oldest first: what brought them, how many, and their price.
    hold: BTreeMap<String, VecDeque<(Reason, i64, i64)>>,
    /// Times the policy was refused.
    pub refused: u64,
}

impl<'a> Record<'a> {
    /// Of a game that begins.
    pub fn new(game: &Game, content: &'a Content) -> Self {
        let mut record = Self {
            content,
            wealth: vec![game.wealth],
            uses: BTreeMap::new(),
            income: BTreeMap::new(),
            expenses: BTreeMap::new(),
            actions: BTreeMap::new(),
            hold: BTreeMap::new(),
            refused: 0,
        };
        record.used(Shelf::ShipsFlown, content.ships.id(game.ship), 1);
        record
    }

    fn used(&mut self, shelf: Shelf, id: &str, times: i64) {
        *self.uses.entry((shelf, id.to_owned())).or_default() += times.unsigned_abs();
    }

    fn earn(&mut self, source: &'static str, credits: i64) {
        *self.income.entry(source).or_default() += credits;
    }

    fn spend(&mut self, on: &'static str, credits: i64) {
        *self.expenses.entry(on).or_default() += credits;
    }

    /// Takes note of an accepted action.
    pub fn note(&mut self, before: &Game, action: &Action, outcome: &Outcome, after: &Game) {
        *self.actions.entry(kind(action)).or_default() += 1;
        let paid = outcome.cost.credits;
        if paid > 0 && !matches!(action, Action::BuyItem { .. } | Action::Negotiate {}) {
            self.spend(kind(action), paid);
        }
        let mut parley = paid;
        for event in &outcome.events {
            match event {
                Event::ShipBought { ship, .. } => self.used(Shelf::ShipsFlown, ship, 1),
                Event::ModFitted { r#mod, .. } => self.used(Shelf::ModsFitted, r#mod, 1),
                Event::AugmentationFitted { augmentation, .. } => {
                    self.used(Shelf::AugmentationsFitted, augmentation, 1);
                }
                Event::Item { item, quantity, reason, .. } => {
                    let bought = *reason == Reason::Purchase;
                    self.used(if bought { Shelf::ItemsBought } else { Shelf::ItemsGained }, item, *quantity);
                    let price = if bought { paid } else { 0 };
                    self.hold.entry(item.clone()).or_default().push_back((*reason, *quantity, price));
                }
                Event::ItemUsed { item, .. } => {
                    self.used(Shelf::ItemsUsed, item, 1);
                    self.take(item, 1, None);
                }
                Event::ItemLost { item, quantity, reason, .. } => {
                    let gain = (*reason == Reason::Sale).then(|| sold(&outcome.events));
                    if gain.is_some() {
                        self.used(Shelf::ItemsSold, item, *quantity);
                    }
                    self.take(item, *quantity, gain);
                }
                Event::CombatBegan { enemy, .. } => self.used(Shelf::EnemiesMet, enemy, 1),
                Event::EnemyDestroyed { enemy, .. } => self.used(Shelf::EnemiesDestroyed, enemy, 1),
                Event::Happened { event, .. } => self.used(Shelf::Events, event, 1),
                Event::Achieved { achievement, .. } => self.used(Shelf::Achievements, achievement, 1),
                Event::QuestAccepted { quest, .. } => self.quest(Shelf::QuestsAccepted, after, quest),
                Event::QuestCompleted { quest, .. } => self.quest(Shelf::QuestsCompleted, before, quest),
                Event::Credits { amount, reason } => match reason {
                    Reason::Sale => {}
                    Reason::Quest => self.earn("quests", *amount),
                    Reason::Kill => self.earn("bounties", *amount),
                    Reason::FirstVisit => self.earn("first_visits", *amount),
                    Reason::Refund if matches!(action, Action::Negotiate {}) => parley -= amount,
                    Reason::Refund => self.earn("refunds", *amount),
                    Reason::Penalty => self.spend("penalties", -amount),
                    _ if *amount < 0 => self.spend("events", -amount),
                    _ => self.earn("events", *amount),
                },
                _ => {}
            }
        }
        if matches!(action, Action::Negotiate {}) && parley > 0 {
            self.spend("negotiate", parley);
        }
        while self.wealth.len() <= usize::try_from(after.turn).unwrap_or_default() {
            self.wealth.push(after.wealth);
        }
        if let Some(last) = self.wealth.last_mut() {
            *last = after.wealth;
        }
    }

    fn quest(&mut self, shelf: Shelf, game: &Game, id: &str) {
        let Some(quest) = game.quests.iter().find(|quest| quest.id() == id) else { return };
        let text = self.content.quests.quests.id(quest.text);
        self.used(shelf, text, 1);
    }

    /// Units leave the hold, the oldest first; a sale is what brought them.
    fn take(&mut self, item: &str, quantity: i64, gain: Option<i64>) {
        let mut left = quantity;
        let mut unpaid = gain.unwrap_or_default();
        let mut booked = Vec::new();
        let pool = self.hold.entry(item.to_owned()).or_default();
        while left > 0 {
            let Some((reason, units, price)) = pool.front_mut() else { break };
            let taken = left.min(*units);
            let cost = *price * taken / *units;
            let share = unpaid * taken / left;
            booked.push((*reason, share, cost));
            unpaid -= share;
            left -= taken;
            *price -= cost;
            *units -= taken;
            if *units == 0 {
                pool.pop_front();
            }
        }
        for (reason, share, cost) in booked {
            match (reason, gain) {
                (Reason::Purchase, Some(_)) => self.earn("trade", share - cost),
                // Bought to be used, or lost.
                (Reason::Purchase, None) => self.spend("supplies", cost),
                (_, None) => {}
                (Reason::Mining, _) => self.earn("ore", share),
                (Reason::Kill, _) => self.earn("loot", share),
                (Reason::Salvage, _) => self.earn("salvage", share),
                (Reason::Scan, _) => self.earn("scans", share),
                _ => self.earn("events", share),
            }
        }
    }
}

/// What a sale brought.
fn sold(events: &[Event]) -> i64 {
    let gains = events.iter().map(|event| match event {
        Event::Credits { amount, reason: Reason::Sale } => *amount,
        _ => 0,
    });
    gains.sum()
}

impl Tally {
    /// Adds a finished game.
    pub fn add(&mut self, mut record: Record<'_>, game: &Game) {
        let content = record.content;
        let won = game.end == Some(End::Victory);
        // What still lies in the hold was bought for nothing.
        let lost: i64 = record.hold.values().flatten().map(|(_, _, price)| price).sum();
        if lost > 0 {
            record.spend("left_in_hold", lost);
        }
        self.games += 1;
        self.wins += u64::from(won);
        let end = game.end.map_or("unfinished", End::id);
        *self.ends.entry(end).or_default() += 1;
        *if won { &mut self.won_at } else { &mut self.lost_at }.entry(game.turn).or_default() += 1;
        let turns = usize::try_from(content.balance.limits.turns).unwrap_or_default();
        self.wealth.resize(self.wealth.len().max(turns + 1), BTreeMap::new());
        for (turn, steps) in self.wealth.iter_mut().enumerate() {
            let wealth = record.wealth.get(turn).copied().unwrap_or(game.wealth);
            *steps.entry(wealth / STEP).or_default() += 1;
        }
        let ship = if game.in_pod() { "pod" } else { content.ships.id(game.ship) };
        count(self.last_ship.entry(ship.to_owned()).or_default(), 1, won);
        for (key, times) in record.uses {
            count(self.uses.entry(key).or_default(), times, won);
        }
        sum(&mut self.income, record.income);
        sum(&mut self.expenses, record.expenses);
        sum(&mut self.actions, record.actions);
        self.refused += record.refused;
        self.worst.push(Worst { wealth: game.wealth, turn: game.turn, seed: game.dice.seed, end });
        self.keep_worst();
    }

    /// Adds what others counted.
    pub fn merge(mut self, other: Self) -> Self {
        self.games += other.games;
        self.wins += other.wins;
        sum(&mut self.ends, other.ends);
        sum(&mut self.won_at, other.won_at);
        sum(&mut self.lost_at, other.lost_at);
        self.wealth.resize(self.wealth.len().max(other.wealth.len()), BTreeMap::new());
        for (steps, others) in self.wealth.iter_mut().zip(other.wealth) {
            sum(steps, others);
        }
        for (ship, used) in other.last_ship {
            add(self.last_ship.entry(ship).or_default(), used);
        }
        for (key, used) in other.uses {
            add(self.uses.entry(key).or_default(), used);
        }
        sum(&mut self.income, other.income);
        sum(&mut self.expenses, other.expenses);
        sum(&mut self.actions, other.actions);
        self.refused += other.refused;
        self.worst.extend(other.worst);
        self.keep_worst();
        self
    }

    fn keep_worst(&mut self) {
        self.worst.sort();
        self.worst.truncate(WORST);
    }
}

fn count(used: &mut Use, times: u64, won: bool) {
    add(used, Use { times, games: 1, wins: u64::from(won) });
}

fn add(used: &mut Use, other: Use) {
    used.times += other.times;
    used.games += other.games;
    used.wins += other.wins;
}

/// Adds up key by key.
pub fn sum<K: Ord, N: std::ops::AddAssign + Default>(into: &mut BTreeMap<K, N>, from: BTreeMap<K, N>) {
    for (key, number) in from {
        *into.entry(key).or_default() += number;
    }
}
