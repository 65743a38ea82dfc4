//! `data/quests.toml`: work, how it is offered, and what it pays.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::enemies::Enemy;
use super::items::Item;
use super::nodes::NodeKind;
use super::regions::RegionKind;
use super::validate::{ascending, finite};
use crate::game::table::{Ref, Table};

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

impl Kinds {
    /// The rules of a kind.
    pub fn of(&self, kind: QuestKind) -> &KindRules {
        match kind {
            QuestKind::Delivery => &self.delivery,
            QuestKind::Bounty => &self.bounty,
            QuestKind::Exploration => &self.exploration,
            QuestKind::Rescue => &self.rescue,
        }
    }
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

fn usual() -> u32 {
    4
}

fn whole() -> f64 {
    1.0
}
