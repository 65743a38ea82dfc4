//! What an action is before it is applied: its plan, and the question that the plan answers.

use crate::game::action::{ActionError, Code, Cost, refuse};
use crate::game::content::{Augmentation, Content, Item, Mod, Move, Ship};
use crate::game::state::Game;
use crate::game::stats::Stats;
use crate::game::table::Ix;

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
    pub(super) act: Act,
}

impl Plan {
    pub(super) fn new(act: Act) -> Self {
        Self { cost: Cost::default(), gain: 0, odds: None, max: None, act }
    }

    pub(super) fn turn(mut self) -> Self {
        self.cost.turns = 1;
        self
    }

    pub(super) fn fuel(mut self, fuel: i64) -> Self {
        self.cost.fuel = fuel;
        self
    }

    pub(super) fn credits(mut self, credits: i64) -> Self {
        self.cost.credits = credits;
        self
    }

    pub(super) fn odds(mut self, odds: f64) -> Self {
        self.odds = Some(odds);
        self
    }
}

/// An action with everything looked up. Indices are of the map, the game's lists or content.
#[derive(Clone, Debug)]
pub(super) enum Act {
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
pub(super) struct Ask<'a> {
    pub game: &'a Game,
    pub content: &'a Content,
    pub stats: Stats,
}

impl Ask<'_> {
    pub(super) fn dock(&self) -> Result<(), ActionError> {
        if self.game.node().dock() {
            return Ok(());
        }
        refuse(Code::NoDock, "There is no dock here. Travel to a place with one.")
    }

    pub(super) fn repair_dock(&self) -> Result<(), ActionError> {
        if self.game.node().repair {
            return Ok(());
        }
        refuse(Code::NoRepairDock, "There is no repair dock here. Travel to a place with one.")
    }

    pub(super) fn trade_dock(&self) -> Result<(), ActionError> {
        if self.game.node().trade {
            return Ok(());
        }
        refuse(Code::NoTradeDock, "Nobody trades here. Travel to a place with a trade dock.")
    }

    pub(super) fn ship(&self, what: &str) -> Result<(), ActionError> {
        if !self.game.in_pod() {
            return Ok(());
        }
        refuse(Code::InPod, format!("A pod cannot {what}. Buy a ship at a repair dock first."))
    }
}
