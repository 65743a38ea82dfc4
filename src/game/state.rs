//! The state of one game: values only. The rules change it, the store writes it down, the API shows parts of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::content::{
    Achievement, Augmentation, Content, Difficulty, Enemy, EventDef, Item, Mod, QuestKind, QuestText, Ship,
};
use super::map::StarMap;
use super::rng::Dice;
use super::table::Ix;

/// One game. Cloning it shares the map and copies the rest (2-3 KB).
#[derive(Clone, Debug, PartialEq)]
pub struct Game {
    /// The seed and how far it has been read.
    pub dice: Dice,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// The star map, which never changes.
    pub map: Arc<StarMap>,
    /// What the game changed or learnt about each place of the map, in its order.
    pub places: Vec<Place>,
    /// Where the player is, an index into the map's nodes.
    pub here: usize,
    /// A ship destroyed here lately can be searched once.
    pub wreck: bool,
    /// 0 to the limit; 0 is death.
    pub health: i64,
    /// Credits.
    pub wealth: i64,
    /// Rations.
    pub food: i64,
    /// Units, 0 to the limit.
    pub fuel: i64,
    /// The hull flown, or flown until the pod ejected.
    pub ship: Ix<Ship>,
    /// Hull points, 0 to the effective `max_hp`.
    pub hull: i64,
    /// Modules fitted, in the order of fitting.
    pub mods: Vec<Ix<Mod>>,
    /// The flight pod, if one was bought.
    pub pod: Option<PodState>,
    /// What is in the hold, by item.
    pub cargo: Vec<Stack>,
    /// What lasts a while.
    pub effects: Vec<TempEffect>,
    /// The fight under way.
    pub combat: Option<CombatState>,
    /// The event that waits for an answer.
    pub event: Option<Ix<EventDef>>,
    /// Work accepted, oldest first.
    pub quests: Vec<Quest>,
    /// Work offered at docks, oldest first.
    pub offers: Vec<Quest>,
    /// Quests of chains that were accepted: each happens once.
    pub begun: Vec<Ix<QuestText>>,
    /// Events that happen once, and have.
    pub past: Vec<Ix<EventDef>>,
    /// The number the next quest gets.
    pub next_quest: u32,
    /// Stocks that are not at their usual level.
    pub stocks: Vec<Stock>,
    /// The game's own clock.
    pub turn: i64,
    /// Free actions since the last turn.
    pub free_actions: u32,
    /// How it ended, once it has.
    pub end: Option<End>,
    /// Figures over the whole game.
    pub statistics: Statistics,
    /// What was achieved, in that order.
    pub achievements: Vec<Ix<Achievement>>,
}

/// How much is known of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing.
    #[default]
    Unknown,
    /// That it is there: name and position.
    Sighted,
    /// What it is: kind, docks, danger, routes.
    Charted,
}

/// What a game changed or learnt about a place. Small, because each turn is played on a copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// How much is known.
    pub sight: Sight,
    /// Whether the player has been here.
    pub visited: bool,
    /// Whether it was scanned, which decides its find.
    pub scanned: bool,
    /// Units left.
    pub ore: u16,
    /// Attempts left.
    pub salvage: u16,
    /// Foes left at `foes_turn`.
    pub foes: u16,
    /// The turn `foes` was counted.
    pub foes_turn: u16,
}

/// A pod: attached to the ship, or what is left of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodState {
    /// Pod hull points.
    pub hp: i64,
    /// What it is fitted with.
    pub augmentations: Vec<Ix<Augmentation>>,
    /// Bought this turn.
    pub fresh: bool,
    /// The ship is gone and the player sits in the pod.
    pub ejected: bool,
}

/// Units of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stack {
    /// The item.
    pub item: Ix<Item>,
    /// Units, at least 1.
    pub quantity: i64,
}

/// Something that lasts a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TempEffect {
    /// Hull points left of the buffer in front of the hull.
    pub shield: i64,
    /// Turns or rounds left.
    pub duration: i64,
    /// Whether it lasts rounds: it was used in a fight, and goes when the fight ends.
    pub rounds: bool,
}

/// A fight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CombatState {
    /// Who.
    pub enemy: Ix<Enemy>,
    /// Its hull points, at least 1 while the fight lasts.
    pub hp: i64,
    /// Rounds fought.
    pub round: i64,
    /// Whether it is the target of a bounty here.
    pub quarry: bool,
}

/// A piece of work, offered or accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Quest {
    /// Its number in this game; `Q_001` in ids.
    pub number: u32,
    /// Its words and kind.
    pub text: Ix<QuestText>,
    /// The dock that posted it.
    pub giver: usize,
    /// The place it is about.
    pub target: usize,
    /// Weight of a delivery's cargo.
    pub weight: i64,
    /// The quarry of a bounty.
    pub enemy: Option<Ix<Enemy>>,
    /// Credits.
    pub reward: i64,
    /// Turns allowed once accepted.
    pub days: i64,
    /// The turn after which an offer is gone, or accepted work has failed.
    pub until: i64,
    /// Whether its errand is done and only the turning in is left.
    pub done: bool,
}

impl Quest {
    /// Its id.
    pub fn id(&self) -> String {
        format!("Q_{:03}", self.number)
    }

    /// Its kind.
    pub fn kind(&self, content: &Content) -> QuestKind {
        content.quests.quests[self.text].kind
    }
}

/// The stock of an item at a dock, when it is not at its usual level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stock {
    /// The dock.
    pub node: usize,
    /// The item.
    pub item: Ix<Item>,
    /// Units at `turn`; recovery makes it a fraction.
    pub level: f64,
    /// When it was counted.
    pub turn: i64,
}

/// How a game ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum End {
    Victory,
    Died,
    ShipLost,
    PodLost,
    OutOfTurns,
    Stranded,
}

impl End {
    /// Its name in files and messages.
    pub fn id(self) -> &'static str {
        match self {
            Self::Victory => "victory",
            Self::Died => "died",
            Self::ShipLost => "ship_lost",
            Self::PodLost => "pod_lost",
            Self::OutOfTurns => "out_of_turns",
            Self::Stranded => "stranded",
        }
    }

    /// The end of a name.
    pub fn of_id(id: &str) -> Option<Self> {
        const ALL: [End; 6] = [End::Victory, End::Died, End::ShipLost, End::PodLost, End::OutOfTurns, End::Stranded];
        ALL.into_iter().find(|end| end.id() == id)
    }
}

/// Figures over the whole game; they only grow. Files and clients have them in this form; a figure that an older file lacks is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // The names are the clients' own.
pub struct Statistics {
    /// Map units.
    pub total_distance_traveled: i64,
    pub systems_visited: i64,
    pub items_collected: i64,
    pub credits_earned: i64,
    pub credits_spent: i64,
    pub ships_destroyed: i64,
    pub pod_uses: i64,
    pub quests_completed: i64,
    pub quests_failed: i64,
    pub chains_completed: i64,
    pub scans: i64,
    pub units_mined: i64,
    pub wrecks_searched: i64,
    pub units_sold: i64,
    pub events_answered: i64,
    pub fights_fled: i64,
    pub fights_talked_down: i64,
    pub ships_bought: i64,
}

impl Game {
    /// The player's region, an index into the map's regions.
    pub fn region(&self) -> usize {
        self.map.nodes[self.here].region()
    }

    /// The place the player is at.
    pub fn node(&self) -> &super::map::Node {
        &self.map.nodes[self.here]
    }

    /// Whether the player sits in the pod.
    pub fn in_pod(&self) -> bool {
        self.pod.as_ref().is_some_and(|pod| pod.ejected)
    }

    /// Units of an item in the hold.
    pub fn held(&self, item: Ix<Item>) -> i64 {
        self.cargo.iter().find(|stack| stack.item == item).map_or(0, |stack| stack.quantity)
    }

    /// Whether a region is on the player's map: the one they are in, those next to it, and those they know a place of.
    pub fn knows_region(&self, region: usize) -> bool {
        let near = &self.map.regions[self.region()];
        region == self.region()
            || near.connections.contains(&region)
            || self.map.regions[region].nodes.clone().any(|node| self.places[node].sight > Sight::Unknown)
    }
}
