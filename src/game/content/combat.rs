//! `data/combat.toml`: the moves of a fight.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::validate::finite;

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
