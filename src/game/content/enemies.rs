//! `data/enemies.toml`: enemies, and what they leave.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::items::Item;
use super::validate::{MAX_AMOUNT, ascending, finite};
use crate::game::table::Ref;

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
    #[garde(inner(range(min = 0, max = MAX_AMOUNT)), custom(ascending))]
    pub credits: [i64; 2],
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub loot_chance: f64,
    #[garde(length(max = 50), dive)]
    pub loot: Vec<Loot>,
}

fn yes() -> bool {
    true
}
