//! `data/regions.toml`: kinds of region, and what roams them.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::enemies::Enemy;
use super::nodes::NodeKind;
use super::validate::finite;
use crate::game::table::Ref;

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

#[allow(clippy::trivially_copy_pass_by_ref)]
fn color(text: &str, (): &()) -> garde::Result {
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(garde::Error::new("must be #RRGGBB"))
    }
}
