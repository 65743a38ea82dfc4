//! The content of a game: every ship, item, enemy, place, event and number the rules speak of.
//!
//! These are the definitions, with the range of each number. [`Content::parse`] ([`read`]) takes the texts of the files and
//! answers with content in which every reference leads somewhere and every number is possible ([`check`]), or with all the
//! faults it found, each with its file and key. Reading files is not done here.

mod check;
mod document;
mod pack;
mod reach;
mod read;
mod schema;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::pack::{Mode, Pack, bundle};
pub use self::read::{Checked, Fault, Files, built_in, hex};
pub use self::schema::schemas;
use super::table::{Ref, Table};

/// The largest sum, price or quantity content may name: sums of a whole game stay far inside an i64.
const MOST: i64 = 1_000_000;

/// All content of a game. Read-only, shared by every game that began with it.
#[derive(Debug)]
pub struct Content {
    /// SHA-256 over the names and texts of the files, in hex: the content's name for ever.
    pub hash: String,
    /// Hulls.
    pub ships: Table<Ship>,
    /// Modules.
    pub mods: Table<Mod>,
    /// What a hold carries.
    pub items: Table<Item>,
    /// Who shoots back.
    pub enemies: Table<Enemy>,
    /// Combat moves.
    pub moves: Table<Move>,
    /// The flight pod.
    pub pod: Pod,
    /// What a pod can be fitted with.
    pub augmentations: Table<Augmentation>,
    /// Kinds of region.
    pub regions: Table<RegionKind>,
    /// Kinds of place.
    pub nodes: Table<NodeKind>,
    /// Words for names.
    pub names: Names,
    /// What may happen on arrival.
    pub events: Table<Happening>,
    /// Work.
    pub quests: Quests,
    /// Every other number.
    pub balance: Balance,
    /// What is worth remembering.
    pub achievements: Table<Achievement>,
}

/// A module's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Slot {
    High,
    Mid,
    Low,
    Rig,
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::High, Self::Mid, Self::Low, Self::Rig];
}

/// How many modules of each slot a hull takes.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Slots {
    #[garde(range(max = 16))]
    pub high: u8,
    #[garde(range(max = 16))]
    pub mid: u8,
    #[garde(range(max = 16))]
    pub low: u8,
    #[garde(range(max = 16))]
    pub rig: u8,
}

impl Slots {
    /// How many of one kind.
    pub fn of(&self, slot: Slot) -> u8 {
        match slot {
            Slot::High => self.high,
            Slot::Mid => self.mid,
            Slot::Low => self.low,
            Slot::Rig => self.rig,
        }
    }
}

/// A hull.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Ship {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    /// Credits.
    #[garde(range(min = 1, max = MOST))]
    pub cost: i64,
    /// Hull points.
    #[garde(range(min = 1, max = MOST))]
    pub max_hp: i64,
    /// Weight units.
    #[garde(range(min = 0, max = MOST))]
    pub cargo_capacity: i64,
    /// Multiplies the fuel of a move.
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub fuel_efficiency: f64,
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub speed: f64,
    #[garde(dive)]
    pub slots: Slots,
}

/// A module.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Mod {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(skip)]
    pub slot: Slot,
    #[garde(range(min = 1, max = MOST))]
    pub cost: i64,
    #[garde(dive)]
    pub effects: ModEffects,
}

/// What a module changes; see `mods.toml` for which add and which multiply.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct ModEffects {
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub combat_power: i64,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub max_hp: i64,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub cargo_capacity: i64,
    #[garde(range(min = 0, max = 1_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub hull_repair: i64,
    #[garde(range(min = 0.0, max = 1.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    #[garde(range(min = 0.0, max = 10.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    #[garde(range(min = 0.0, max = 1.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salvage_chance: Option<f64>,
    #[garde(range(min = 0.05, max = 10.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_efficiency: Option<f64>,
    #[garde(range(min = 0.05, max = 10.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mining_yield: Option<f64>,
    #[garde(range(min = 0.05, max = 10.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_bonus: Option<f64>,
}

// serde asks for a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// What an item is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Category {
    Trade,
    Consumable,
    Component,
    Quest,
}

/// Something a hold carries.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Item {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    /// One unit in a sentence, with its article: "a data core". Left out: "a unit of" the name.
    #[garde(length(min = 1, max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one: Option<String>,
    /// More than one, after a number: "data cores". Left out: "units of" the name.
    #[garde(length(min = 1, max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub many: Option<String>,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(range(min = 0, max = 10_000))]
    pub weight: i64,
    /// Credits, before a place's prices.
    #[garde(range(min = 0, max = MOST))]
    pub base_value: i64,
    #[garde(skip)]
    pub category: Category,
    /// The most units a game can hold.
    #[garde(range(min = 1, max = 9_999))]
    pub stack_size: i64,
    /// Consumables have one.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<UseEffect>,
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
}

/// What using an item does.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct UseEffect {
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub ship_condition: i64,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub fuel: i64,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub health: i64,
    /// A buffer in front of the hull.
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub temp_hp: i64,
    /// Turns, or rounds when used in a fight.
    #[garde(range(min = 0, max = 1_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub duration: i64,
}

/// A line of a table of things to find.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Find {
    #[garde(skip)]
    pub item: Ref<Item>,
    #[garde(inner(range(min = 1, max = 999)), custom(ascending))]
    pub quantity: [i64; 2],
    #[garde(range(min = 1, max = 1_000))]
    pub weight: u32,
}

/// A line of an enemy's loot.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Loot {
    #[garde(skip)]
    pub item: Ref<Item>,
    #[garde(inner(range(min = 1, max = 999)), custom(ascending))]
    pub quantity: [i64; 2],
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub chance: f64,
}

/// Who shoots back.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Enemy {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(range(min = 1, max = 10_000))]
    pub hp: i64,
    #[garde(range(min = 1, max = 10_000))]
    pub combat_power: i64,
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    pub accuracy: f64,
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub speed: f64,
    /// Share of its hull below which it may break off; 0: never.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub flee_threshold: f64,
    /// Whether it can be talked to.
    #[garde(skip)]
    #[serde(default = "yes")]
    pub parleys: bool,
    /// Paid for a kill, before the difficulty's share.
    #[garde(inner(range(min = 0, max = MOST)), custom(ascending))]
    pub credits: [i64; 2],
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub loot_chance: f64,
    #[garde(length(max = 50), dive)]
    pub loot: Vec<Loot>,
}

fn one() -> i64 {
    1
}

fn usual() -> u32 {
    4
}

fn whole() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

/// A combat move: multipliers, and what it needs.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Move {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    pub accuracy: f64,
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    pub damage: f64,
    /// Divides the enemy's chance to hit.
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub defense: f64,
    #[garde(skip)]
    #[serde(default)]
    pub needs_targeting: bool,
    #[garde(range(max = 16))]
    #[serde(default)]
    pub needs_weapons: usize,
}

/// The flight pod.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Pod {
    #[garde(range(min = 1, max = MOST))]
    pub cost: i64,
    #[garde(range(min = 1, max = 10_000))]
    pub hp: i64,
    /// Of each move in the pod.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub damage_chance: f64,
    #[garde(range(min = 0, max = 10_000))]
    pub damage: i64,
    /// The least fuel after ejecting.
    #[garde(range(min = 0, max = 1_000))]
    pub fuel: i64,
    #[garde(range(min = 0, max = 10_000))]
    pub cargo_capacity: i64,
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub fuel_efficiency: f64,
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub speed: f64,
    #[garde(range(min = 0, max = 16))]
    pub max_augmentations: usize,
    #[garde(skip)]
    pub rescue_ship: Ref<Ship>,
    #[garde(range(min = 0, max = MOST))]
    pub rescue_price: i64,
}

/// Where an augmentation sits; a pod has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PodSlot {
    Defensive,
    Utility,
    Storage,
    Propulsion,
}

/// Something a pod can be fitted with.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Augmentation {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(skip)]
    pub slot: PodSlot,
    #[garde(range(min = 1, max = MOST))]
    pub cost: i64,
    #[garde(dive)]
    pub effects: PodEffects,
}

/// What an augmentation changes; see `pod.toml`.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct PodEffects {
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub max_hp: i64,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub cargo_preservation: i64,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub pod_max_hp: i64,
    #[garde(range(min = 0, max = 10_000))]
    #[serde(skip_serializing_if = "is_zero")]
    pub emergency_food: i64,
    #[garde(range(min = 0.05, max = 10.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_bonus: Option<f64>,
    #[garde(range(min = 0.05, max = 10.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_efficiency: Option<f64>,
    #[garde(range(min = 0.0, max = 1.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescue_chance: Option<f64>,
    #[garde(range(min = 0.0, max = 1.0), inner(custom(finite)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage_reduction: Option<f64>,
}

#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct PodFile {
    #[garde(dive)]
    pod: Pod,
    #[garde(dive)]
    augmentations: Table<Augmentation>,
}

/// How a region looks, for clients.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Background {
    #[garde(custom(color))]
    #[schemars(regex(pattern = "^#[0-9A-Fa-f]{6}$"))]
    pub primary_color: String,
    #[garde(custom(color))]
    #[schemars(regex(pattern = "^#[0-9A-Fa-f]{6}$"))]
    pub secondary_color: String,
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    pub star_density: f64,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub nebula_opacity: f64,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub ambient_brightness: f64,
    #[garde(length(max = 10))]
    pub particle_effects: Vec<String>,
}

/// An enemy's share of a region's encounters.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Prowler {
    #[garde(skip)]
    pub enemy: Ref<Enemy>,
    #[garde(range(min = 1, max = 1_000))]
    pub weight: u32,
}

/// A kind of region.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct RegionKind {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    /// The kinds of its places, repeated to weigh them.
    #[garde(length(min = 1, max = 20))]
    pub node_types: Vec<Ref<NodeKind>>,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub danger: f64,
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub wealth: f64,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub repair_availability: f64,
    #[garde(length(min = 1, max = 100))]
    pub music_theme: String,
    #[garde(dive)]
    pub background: Background,
    #[garde(length(min = 1, max = 50), dive)]
    pub enemies: Vec<Prowler>,
}

/// A kind of place.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct NodeKind {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub repair: f64,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub trade: f64,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub danger: f64,
    /// Units of ore, where there is any to mine.
    #[garde(inner(inner(range(min = 1, max = 999)), custom(ascending)))]
    #[schemars(inner(range(min = 1, max = 999)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ore: Option<[i64; 2]>,
    /// Attempts, where there is a wreck to search.
    #[garde(inner(inner(range(min = 1, max = 99)), custom(ascending)))]
    #[schemars(inner(range(min = 1, max = 99)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salvage: Option<[i64; 2]>,
    /// What a jump from here costs any ship.
    #[garde(range(min = 0, max = 1_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump_fuel: Option<i64>,
}

/// Words for names, by the ids of regions and places.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Names of regions, by region kind.
    #[garde(custom(name_lists))]
    pub regions: BTreeMap<String, Vec<String>>,
    /// First words of places, by region kind.
    #[garde(custom(name_lists))]
    pub firsts: BTreeMap<String, Vec<String>>,
    /// Last words of places, by kind of place.
    #[garde(custom(name_lists))]
    pub lasts: BTreeMap<String, Vec<String>>,
}

/// Something that may happen on arrival: at once, or with a question.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Happening {
    #[garde(length(min = 1, max = 500))]
    pub text: String,
    /// Where; empty: in any region.
    #[garde(skip)]
    #[serde(default)]
    pub regions: Vec<Ref<RegionKind>>,
    /// At which kinds of place; empty: at any.
    #[garde(skip)]
    #[serde(default)]
    pub nodes: Vec<Ref<NodeKind>>,
    #[garde(range(min = 1, max = 1_000))]
    pub weight: u32,
    /// Whether it happens once in a game.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// What it does, when it does not ask.
    #[garde(length(max = 10), dive)]
    #[serde(default)]
    pub effects: Vec<Effect>,
    /// What can be answered, when it asks.
    #[garde(length(max = 10), dive)]
    #[serde(default)]
    pub choices: Vec<Choice>,
}

/// An answer to an event.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Choice {
    #[garde(length(min = 1, max = 100))]
    pub id: String,
    #[garde(length(min = 1, max = 200))]
    pub label: String,
    /// What must be held to choose it. It is the outcomes that take it.
    #[garde(dive)]
    #[serde(default)]
    pub needs: Needs,
    #[garde(length(min = 1, max = 20), dive)]
    pub outcomes: Vec<Ending>,
}

/// What must be held to choose an answer.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Needs {
    #[garde(range(min = 0, max = MOST))]
    pub credits: i64,
    #[garde(range(min = 0, max = 1_000))]
    pub fuel: i64,
    #[garde(range(min = 0, max = 1_000))]
    pub food: i64,
    /// One unit in the hold.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Ref<Item>>,
}

/// One way an answer can end.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Ending {
    #[garde(range(min = 1, max = 1_000))]
    pub weight: u32,
    #[garde(length(min = 1, max = 500))]
    pub text: String,
    #[garde(length(max = 10), dive)]
    pub effects: Vec<Effect>,
}

/// What an event does. Amounts are [least, most]; negative to lose.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Effect {
    Credits {
        #[garde(inner(range(min = -MOST, max = MOST)), custom(ascending))]
        amount: [i64; 2],
    },
    Fuel {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Food {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Health {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Hull {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Item {
        #[garde(skip)]
        item: Ref<Item>,
        #[garde(inner(range(min = 1, max = 999)), custom(ascending))]
        quantity: [i64; 2],
    },
    /// Takes what is held of it.
    Take {
        #[garde(skip)]
        item: Ref<Item>,
        #[garde(inner(range(min = 1, max = 999)), custom(ascending))]
        quantity: [i64; 2],
    },
    Fight {
        #[garde(skip)]
        enemy: Ref<Enemy>,
    },
    /// Work that begins here: in hand if there is room, else offered at this place.
    Quest {
        #[garde(skip)]
        quest: Ref<QuestText>,
    },
    /// Every place of the region goes on the map.
    Chart {},
}

/// What a quest asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestKind {
    /// Bring cargo to a dock.
    Delivery,
    /// Destroy a named enemy at a place.
    Bounty,
    /// Scan a place.
    Exploration,
    /// Fetch people and bring them back.
    Rescue,
}

/// Work: how it is offered, what it pays, and the texts.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Quests {
    #[garde(dive)]
    pub offers: OfferRules,
    #[garde(dive)]
    pub reward: RewardRules,
    #[garde(dive)]
    pub kinds: Kinds,
    #[garde(dive)]
    pub quests: Table<QuestText>,
}

/// How docks post work.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct OfferRules {
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub chance: f64,
    #[garde(range(max = 10))]
    pub board: usize,
    /// Turns.
    #[garde(range(min = 1, max = 10_000))]
    pub lasts: i64,
    #[garde(range(max = 20))]
    pub most: usize,
}

/// What work pays; the formula stands in `quests.toml`.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct RewardRules {
    #[garde(range(min = 0.0, max = 10_000.0), custom(finite))]
    pub near: f64,
    #[garde(range(min = 0.0, max = 10_000.0), custom(finite))]
    pub far: f64,
    #[garde(range(min = 0.0, max = 100.0), custom(finite))]
    pub scale: f64,
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    pub base: f64,
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    pub wealth: f64,
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub penalty: f64,
}

/// The rules of each kind.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Kinds {
    #[garde(dive)]
    pub delivery: KindRules,
    #[garde(dive)]
    pub bounty: KindRules,
    #[garde(dive)]
    pub exploration: KindRules,
    #[garde(dive)]
    pub rescue: KindRules,
}

/// One kind's part of the formula, and its deadlines in turns.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct KindRules {
    #[garde(range(min = 0.0, max = 100.0), custom(finite))]
    pub share: f64,
    #[garde(range(min = 0.0, max = 100.0), custom(finite))]
    pub distance: f64,
    #[garde(range(min = 0.0, max = 10_000.0), custom(finite))]
    #[serde(default)]
    pub flat: f64,
    #[garde(range(min = 0.0, max = 100.0), custom(finite))]
    #[serde(default)]
    pub per_weight_near: f64,
    #[garde(range(min = 0.0, max = 100.0), custom(finite))]
    #[serde(default)]
    pub per_weight_far: f64,
    #[garde(range(min = 0.0, max = 100.0), custom(finite))]
    #[serde(default)]
    pub enemy: f64,
    #[garde(range(min = 1, max = 10_000))]
    pub days_near: i64,
    #[garde(range(min = 1, max = 10_000))]
    pub days_far: i64,
}

/// The words of a quest, and what is particular about it.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct QuestText {
    #[garde(skip)]
    pub kind: QuestKind,
    /// How often docks offer it, against the others; 0: never, it comes from an event or after another quest.
    #[garde(range(max = 1_000))]
    #[serde(default = "usual")]
    pub offered: u32,
    /// Multiplies the reward.
    #[garde(range(min = 0.0, max = 100.0), custom(finite))]
    #[serde(default = "whole")]
    pub pay: f64,
    /// The regions and kinds of place it can be about; where both are left out, somewhere in this region or the next.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Ref<RegionKind>>,
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Ref<NodeKind>>,
    /// The quarry of a bounty, where it is not one that roams the region.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enemy: Option<Ref<Enemy>>,
    /// Must be aboard when the errand is done and when it is turned in, which takes it.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<Ref<Item>>,
    /// Handed over when it is turned in.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gives: Option<Ref<Item>>,
    /// What is offered next, where it is turned in. A quest of a chain happens once in a game.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Ref<QuestText>>,
    #[garde(length(min = 1, max = 100))]
    pub title: String,
    #[garde(length(min = 1, max = 500))]
    pub text: String,
    /// Of a delivery's cargo.
    #[garde(inner(inner(range(min = 0, max = 10_000)), custom(ascending)))]
    #[schemars(inner(range(min = 0, max = 10_000)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<[i64; 2]>,
}

/// What is worth remembering of a game: a figure that was reached, or one with which the game was won.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Achievement {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(skip)]
    pub measure: Measure,
    #[garde(range(min = 0, max = MOST))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    #[garde(range(min = 0, max = MOST))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
    /// Whether it is asked of won games only, at their end.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub won: bool,
}

/// A figure of a game that achievements ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // Statistics have the same names.
pub enum Measure {
    TotalDistanceTraveled,
    SystemsVisited,
    RegionsVisited,
    ItemsCollected,
    CreditsEarned,
    ShipsDestroyed,
    PodUses,
    QuestsCompleted,
    QuestsFailed,
    ChainsCompleted,
    Scans,
    UnitsMined,
    WrecksSearched,
    UnitsSold,
    EventsAnswered,
    FightsFled,
    FightsTalkedDown,
    ShipsBought,
    /// Modules fitted now.
    Modules,
    /// Augmentations of the pod now.
    Augmentations,
    /// Kinds of goods in the hold now.
    KindsHeld,
    /// Credits now.
    Wealth,
    /// Hull points now.
    Hull,
    /// The game's clock.
    Turn,
}

/// How hard a game is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Difficulty {
    Easy,
    #[default]
    Normal,
    Hard,
}

impl Difficulty {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Easy, Self::Normal, Self::Hard];
}

macro_rules! balance {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs)] // `balance.toml` says what each number is.
        pub struct $name { $($(#[$attribute])* pub $field: $type),* }
    )*};
}

balance! {
    /// Every number of the rules that belongs to no ship, item, enemy or place; explained in `balance.toml`.
    Balance {
        #[garde(dive)] start: Start,
        #[garde(dive)] difficulty: Difficulties,
        #[garde(dive)] limits: Limits,
        #[garde(dive)] travel: Travel,
        #[garde(dive)] upkeep: Upkeep,
        #[garde(dive)] scan: Scan,
        #[garde(dive)] mine: Mine,
        #[garde(dive)] salvage: Salvage,
        #[garde(dive)] dock: Dock,
        #[garde(dive)] combat: Combat,
        #[garde(dive)] seek: Seek,
        #[garde(dive)] market: Market,
        #[garde(dive)] map: MapShape,
    }
    /// What a game begins with.
    Start {
        #[garde(skip)] ship: Ref<Ship>,
        #[garde(skip)] region: Ref<RegionKind>,
        #[garde(skip)] node: Ref<NodeKind>,
        #[garde(range(min = 1, max = 10_000))] health: i64,
        #[garde(range(min = 0, max = 10_000))] fuel: i64,
        #[garde(range(min = 0, max = 10_000))] food: i64,
    }
    /// The difficulties.
    Difficulties {
        #[garde(dive)] easy: DifficultyRules,
        #[garde(dive)] normal: DifficultyRules,
        #[garde(dive)] hard: DifficultyRules,
    }
    /// One difficulty.
    DifficultyRules {
        #[garde(range(min = 1, max = MOST))] goal: i64,
        #[garde(range(min = 0, max = MOST))] wealth: i64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] hazard: f64,
        #[garde(range(min = 0.0, max = 10.0), custom(finite))] enemy_damage: f64,
        #[garde(range(min = 0.0, max = 10.0), custom(finite))] enemy_credits: f64,
    }
    /// Ceilings.
    Limits {
        #[garde(range(min = 1, max = 10_000))] turns: i64,
        #[garde(range(min = 1, max = 1_000))] free_actions: u32,
        #[garde(range(min = 1, max = 10_000))] health: i64,
        #[garde(range(min = 1, max = 10_000))] fuel: i64,
        #[garde(range(min = 1, max = 10_000))] food: i64,
        #[garde(range(min = 1, max = MOST))] wealth: i64,
        #[garde(range(min = 1, max = 10))] active_quests: usize,
    }
    /// Moves.
    Travel {
        #[garde(range(min = 1, max = 1_000))] fuel: i64,
        #[garde(range(min = 1, max = 1_000))] jump_fuel: i64,
        #[garde(range(min = 0, max = MOST))] jump_bonus: i64,
        #[garde(inner(range(min = 0, max = 1_000)), custom(ascending))] hazard_damage: [i64; 2],
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] encounter: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] event: f64,
    }
    /// What a turn costs.
    Upkeep {
        #[garde(range(min = 0, max = 1_000))] food: i64,
        #[garde(range(min = 0, max = 1_000))] hunger: i64,
    }
    /// Scanning.
    Scan {
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] chance: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] bonus: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] most: f64,
        #[garde(length(min = 1, max = 50), dive)] finds: Vec<Find>,
    }
    /// Mining.
    Mine {
        #[garde(range(min = 0, max = 1_000))] fuel: i64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] chance: f64,
        #[garde(inner(range(min = 1, max = 999)), custom(ascending))] r#yield: [i64; 2],
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] bonus: f64,
        #[garde(inner(range(min = 0, max = 1_000)), custom(ascending))] damage: [i64; 2],
        #[garde(skip)] item: Ref<Item>,
        #[garde(length(min = 1, max = 50), dive)] finds: Vec<Find>,
    }
    /// Salvaging.
    Salvage {
        #[garde(range(min = 0, max = 1_000))] fuel: i64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] chance: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] hurt: f64,
        #[garde(inner(range(min = 0, max = 1_000)), custom(ascending))] damage: [i64; 2],
        #[garde(length(min = 1, max = 50), dive)] finds: Vec<Find>,
    }
    /// What docks charge.
    Dock {
        #[garde(range(min = 1, max = 1_000))] repair_price: i64,
        #[garde(range(min = 1, max = 1_000))] fuel_price: i64,
        #[garde(range(min = 1, max = 1_000))] food_price: i64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] refund: f64,
        #[garde(range(min = 1, max = 1_000))] meal_health: i64,
    }
    /// Fights.
    Combat {
        #[garde(range(min = 1, max = 10_000))] base_power: i64,
        #[garde(range(min = 0, max = 1_000))] spread: i64,
        #[garde(range(min = 0, max = 1_000))] enemy_spread: i64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] hit_chance: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] least_chance: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] most_chance: f64,
        #[garde(range(min = 0, max = 1_000))] flee_fuel: i64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] flee_most: f64,
        #[garde(range(min = 0.05, max = 100.0), custom(finite))] flee_speed: f64,
        #[garde(range(min = 0.0, max = 100.0), custom(finite))] flee_damage: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] enemy_flees: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] parley_chance: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] parley_damage: f64,
        #[garde(range(min = 1, max = 1_000))] rounds: i64,
    }
    /// Looking for a fight.
    Seek {
        #[garde(range(min = 0, max = 1_000))] fuel: i64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] chance: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] danger: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] least_danger: f64,
        #[garde(inner(range(min = 0, max = 99)), custom(ascending))] foes: [i64; 2],
        #[garde(range(min = 1, max = 10_000))] back_after: i64,
    }
    /// Prices.
    Market {
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] spread: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] local: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] #[serde(default)] wealth: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] #[serde(default)] danger: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] #[serde(default)] drift: f64,
        #[garde(range(min = 1, max = 10_000))] #[serde(default = "one")] drift_turns: i64,
        #[garde(range(min = 0.0, max = 10.0), custom(finite))] slope: f64,
        #[garde(inner(range(min = 1, max = 999)), custom(ascending))] stock: [i64; 2],
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] recovery: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] least: f64,
        #[garde(range(min = 1.0, max = 10.0), custom(finite))] most: f64,
        #[garde(range(min = 0.0, max = 1.0), custom(finite))] components: f64,
        #[garde(length(max = 50))] finds: Vec<Ref<Item>>,
    }
    /// The star map's shape.
    MapShape {
        #[garde(range(min = 1, max = 20))] regions: usize,
        #[garde(range(min = 1.0, max = 100_000.0), custom(finite))] radius: f64,
        #[garde(inner(range(min = 1, max = 20)), custom(ascending))] nodes: [i64; 2],
        #[garde(range(min = 1.0, max = 100_000.0), custom(finite))] spread: f64,
        #[garde(range(min = 1, max = 100))] nodes_per_extra: usize,
        #[garde(range(max = 100))] region_extras: usize,
    }
}

// garde's ranges let NaN pass.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn finite(value: &f64, (): &()) -> garde::Result {
    if value.is_finite() { Ok(()) } else { Err(garde::Error::new("must be a finite number")) }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn ascending([from, to]: &[i64; 2], (): &()) -> garde::Result {
    if from <= to { Ok(()) } else { Err(garde::Error::new("must be [least, most]")) }
}

// garde hands over the field as it is and the context by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn name_lists(lists: &BTreeMap<String, Vec<String>>, (): &()) -> garde::Result {
    for (key, list) in lists {
        let mut seen = BTreeSet::new();
        for name in list {
            if name.is_empty() || name.chars().count() > 40 {
                return Err(garde::Error::new(format!("{key}: a name has 1 to 40 characters")));
            }
            if !seen.insert(name) {
                return Err(garde::Error::new(format!("{key}: {name:?} stands twice")));
            }
        }
    }
    Ok(())
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn color(text: &str, (): &()) -> garde::Result {
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(garde::Error::new("must be #RRGGBB"))
    }
}

impl Content {
    /// The numbers of a difficulty.
    pub fn difficulty(&self, difficulty: Difficulty) -> &DifficultyRules {
        let Difficulties { easy, normal, hard } = &self.balance.difficulty;
        match difficulty {
            Difficulty::Easy => easy,
            Difficulty::Normal => normal,
            Difficulty::Hard => hard,
        }
    }

    /// The rules of a kind of quest.
    pub fn quest_rules(&self, kind: QuestKind) -> &KindRules {
        let Kinds { delivery, bounty, exploration, rescue } = &self.quests.kinds;
        match kind {
            QuestKind::Delivery => delivery,
            QuestKind::Bounty => bounty,
            QuestKind::Exploration => exploration,
            QuestKind::Rescue => rescue,
        }
    }
}
