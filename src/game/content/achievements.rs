//! `data/achievements.toml`: what is worth remembering of a game.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::validate::MAX_AMOUNT;

/// What is worth remembering of a game: a figure that was reached, or one with which the game was won.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Achievement {
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    #[garde(length(min = 1, max = 500))]
    pub description: String,
    #[garde(skip)]
    pub measure: Measure,
    #[garde(range(min = 0, max = MAX_AMOUNT))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    #[garde(range(min = 0, max = MAX_AMOUNT))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
    /// Whether it is asked of won games only, at their end.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub won: bool,
}

/// A figure of a game that achievements ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // Statistics have the same names.
pub enum Measure {
    TotalDistanceTraveled,
    SystemsVisited,
    RegionsVisited,
    ItemsCollected,
    CreditsEarned,
    ShipsDestroyed,
    PodUses,
    QuestsCompleted,
    QuestsFailed,
    ChainsCompleted,
    Scans,
    UnitsMined,
    WrecksSearched,
    UnitsSold,
    EventsAnswered,
    FightsFled,
    FightsTalkedDown,
    ShipsBought,
    /// Modules fitted now.
    Modules,
    /// Augmentations of the pod now.
    Augmentations,
    /// Kinds of goods in the hold now.
    KindsHeld,
    /// Credits now.
    Wealth,
    /// Hull points now.
    Hull,
    /// The game's clock.
    Turn,
}
