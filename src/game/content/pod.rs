//! `data/pod.toml`: the flight pod, and what it can be fitted with.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ships::Ship;
use super::validate::{MAX_AMOUNT, finite, is_zero};
use crate::game::table::{Ref, Table};

/// The flight pod.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Pod {
    #[garde(range(min = 1, max = MAX_AMOUNT))]
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
    #[garde(range(min = 0, max = MAX_AMOUNT))]
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
    #[garde(range(min = 1, max = MAX_AMOUNT))]
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
pub(super) struct PodFile {
    #[garde(dive)]
    pub pod: Pod,
    #[garde(dive)]
    pub augmentations: Table<Augmentation>,
}
