//! `data/balance.toml`: every number that belongs to no ship, item, enemy or place.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::items::Item;
use super::nodes::NodeKind;
use super::regions::RegionKind;
use super::ships::Ship;
use super::validate::{MAX_AMOUNT, ascending, finite};
use crate::game::table::Ref;

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
        #[garde(range(min = 1, max = MAX_AMOUNT))] goal: i64,
        #[garde(range(min = 0, max = MAX_AMOUNT))] wealth: i64,
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
        #[garde(range(min = 1, max = MAX_AMOUNT))] wealth: i64,
        #[garde(range(min = 1, max = 10))] active_quests: usize,
    }
    /// Moves.
    Travel {
        #[garde(range(min = 1, max = 1_000))] fuel: i64,
        #[garde(range(min = 1, max = 1_000))] jump_fuel: i64,
        #[garde(range(min = 0, max = MAX_AMOUNT))] jump_bonus: i64,
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

fn one() -> i64 {
    1
}

impl Difficulties {
    /// The numbers of a difficulty.
    pub fn of(&self, difficulty: Difficulty) -> &DifficultyRules {
        match difficulty {
            Difficulty::Easy => &self.easy,
            Difficulty::Normal => &self.normal,
            Difficulty::Hard => &self.hard,
        }
    }
}
