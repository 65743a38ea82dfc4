//! `data/nodes.toml`: kinds of place.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::validate::{ascending, finite};

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
