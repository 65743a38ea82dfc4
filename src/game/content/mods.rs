//! `data/mods.toml`: modules, and what they change.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ships::Slot;
use super::validate::{MAX_AMOUNT, finite, is_zero};

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
    #[garde(range(min = 1, max = MAX_AMOUNT))]
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
