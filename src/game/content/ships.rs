//! `data/ships.toml`: hulls, and how many modules of which slot each takes.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::validate::{MAX_AMOUNT, finite};

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
    #[garde(range(min = 1, max = MAX_AMOUNT))]
    pub cost: i64,
    /// Hull points.
    #[garde(range(min = 1, max = MAX_AMOUNT))]
    pub max_hp: i64,
    /// Weight units.
    #[garde(range(min = 0, max = MAX_AMOUNT))]
    pub cargo_capacity: i64,
    /// Multiplies the fuel of a move.
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub fuel_efficiency: f64,
    #[garde(range(min = 0.05, max = 10.0), custom(finite))]
    pub speed: f64,
    #[garde(dive)]
    pub slots: Slots,
}
