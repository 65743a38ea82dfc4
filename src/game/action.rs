//! What a player can ask for, and why it can be refused.
//!
//! Actions are the words of the protocol as much as of the rules, so they are written down once, here, with the form they
//! have in requests, histories and replays.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Something a player asks for. Ids are checked by the rules; quantities are whole numbers from 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
// The empty braces make serde refuse unknown fields on actions that have none.
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // The documentation lists them; fields are ids of content, map or quest.
pub enum Action {
    Navigate { node: String },
    Jump { region: String },
    Scan {},
    Mine {},
    Salvage {},
    Wait {},
    Repair {},
    Refuel { amount: NonZeroU32 },
    BuyFood { amount: NonZeroU32 },
    BuyShip { ship: String },
    BuyMod { r#mod: String },
    RemoveMod { r#mod: String },
    BuyPod {},
    BuyAugmentation { augmentation: String },
    BuyItem { item: String, quantity: NonZeroU32 },
    SellItem { item: String, quantity: NonZeroU32 },
    UseItem { item: String },
    ConsumeFood { amount: NonZeroU32 },
    AcceptQuest { quest: String },
    AbandonQuest { quest: String },
    TurnInQuest { quest: String },
    Choose { choice: String },
    SeekFight {},
    Combat { r#move: String },
    Flee {},
    Negotiate {},
}

/// What an action takes. Never negative; what it gives is told by the outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Units of fuel.
    pub fuel: i64,
    /// Credits.
    pub credits: i64,
    /// Turns, 0 or 1.
    pub turns: i64,
}

/// Why an action was refused: a stable code for programs, a sentence for people that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{detail}")]
pub struct ActionError {
    /// For programs.
    pub code: Code,
    /// For people.
    pub detail: String,
}

impl ActionError {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// Shorthand for the many places that refuse.
pub(super) fn refuse<T>(code: Code, detail: impl Into<String>) -> Result<T, ActionError> {
    Err(ActionError::new(code, detail))
}

/// Refuses who asks for more than there is: `some` says how much that is, `none` that it is nothing, and what to do.
pub(super) fn refuse_more<T>(code: Code, most: i64, none: &str, some: &str) -> Result<T, ActionError> {
    refuse(code, if most > 0 { format!("{some} Ask for no more than that.") } else { none.to_owned() })
}

/// The reasons the rules refuse for. Stable: clients and tests compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // The names say it, and each refusal's detail explains.
pub enum Code {
    AlreadyFitted,
    AlreadyOwned,
    AugmentationSlotTaken,
    CannotNegotiate,
    CargoFull,
    ChoiceNeeds,
    ChoicePending,
    GameOver,
    HealthFull,
    HullFull,
    InCombat,
    InPod,
    ItemNotConsumable,
    ItemNotHeld,
    ItemUseless,
    NeedsMiningLaser,
    NeedsSalvager,
    NeedsTargetingComputer,
    NeedsWeapons,
    NoChoicePending,
    NoDock,
    NoFoes,
    NoFreeSlot,
    NoOre,
    NoPod,
    NoRepairDock,
    NoTradeDock,
    NotConnected,
    NotEnoughCredits,
    NotEnoughFood,
    NotEnoughFuel,
    NotFitted,
    NotInCombat,
    NothingToSalvage,
    OutOfStock,
    PermanentRig,
    PodTooNew,
    QuestNotActive,
    QuestNotDone,
    QuestNotOffered,
    StackFull,
    StoresFull,
    TankFull,
    TooManyQuests,
    TurnNeeded,
    UnknownAugmentation,
    UnknownChoice,
    UnknownItem,
    UnknownMod,
    UnknownMove,
    UnknownNode,
    UnknownRegion,
    UnknownShip,
    WrongPlace,
}
