//! `data/events.toml`: what may happen on arrival.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::enemies::Enemy;
use super::items::Item;
use super::nodes::NodeKind;
use super::quests::QuestText;
use super::regions::RegionKind;
use super::validate::{MAX_AMOUNT, ascending};
use crate::game::table::Ref;

/// Something that may happen on arrival: at once, or with a question.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct EventDef {
    #[garde(length(min = 1, max = 500))]
    pub text: String,
    /// Where; empty: in any region.
    #[garde(skip)]
    #[serde(default)]
    pub regions: Vec<Ref<RegionKind>>,
    /// At which kinds of place; empty: at any.
    #[garde(skip)]
    #[serde(default)]
    pub nodes: Vec<Ref<NodeKind>>,
    #[garde(range(min = 1, max = 1_000))]
    pub weight: u32,
    /// Whether it happens once in a game.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// What it does, when it does not ask.
    #[garde(length(max = 10), dive)]
    #[serde(default)]
    pub effects: Vec<Effect>,
    /// What can be answered, when it asks.
    #[garde(length(max = 10), dive)]
    #[serde(default)]
    pub choices: Vec<Choice>,
}

/// An answer to an event.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Choice {
    #[garde(length(min = 1, max = 100))]
    pub id: String,
    #[garde(length(min = 1, max = 200))]
    pub label: String,
    /// What must be held to choose it. It is the outcomes that take it.
    #[garde(dive)]
    #[serde(default)]
    pub needs: Needs,
    #[garde(length(min = 1, max = 20), dive)]
    pub outcomes: Vec<Ending>,
}

/// What must be held to choose an answer.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Needs {
    #[garde(range(min = 0, max = MAX_AMOUNT))]
    pub credits: i64,
    #[garde(range(min = 0, max = 1_000))]
    pub fuel: i64,
    #[garde(range(min = 0, max = 1_000))]
    pub food: i64,
    /// One unit in the hold.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Ref<Item>>,
}

/// One way an answer can end.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Ending {
    #[garde(range(min = 1, max = 1_000))]
    pub weight: u32,
    #[garde(length(min = 1, max = 500))]
    pub text: String,
    #[garde(length(max = 10), dive)]
    pub effects: Vec<Effect>,
}

/// What an event does. Amounts are [least, most]; negative to lose.
#[derive(Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Effect {
    Credits {
        #[garde(inner(range(min = -MAX_AMOUNT, max = MAX_AMOUNT)), custom(ascending))]
        amount: [i64; 2],
    },
    Fuel {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Food {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Health {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Hull {
        #[garde(inner(range(min = -1_000, max = 1_000)), custom(ascending))]
        amount: [i64; 2],
    },
    Item {
        #[garde(skip)]
        item: Ref<Item>,
        #[garde(inner(range(min = 1, max = 999)), custom(ascending))]
        quantity: [i64; 2],
    },
    /// Takes what is held of it.
    Take {
        #[garde(skip)]
        item: Ref<Item>,
        #[garde(inner(range(min = 1, max = 999)), custom(ascending))]
        quantity: [i64; 2],
    },
    Fight {
        #[garde(skip)]
        enemy: Ref<Enemy>,
    },
    /// Work that begins here: in hand if there is room, else offered at this place.
    Quest {
        #[garde(skip)]
        quest: Ref<QuestText>,
    },
    /// Every place of the region goes on the map.
    Chart {},
}
