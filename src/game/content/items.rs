//! `data/items.toml`: what a hold carries.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::validate::{MAX_AMOUNT, is_zero};

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
    #[garde(range(min = 0, max = MAX_AMOUNT))]
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
