//! What an accepted action brought about: events for programs, in the order they happened. The story for people is told
//! from them in [`super::story`].

use serde::{Deserialize, Serialize};

use super::action::Cost;

/// What an accepted action brought about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was charged: exactly what was quoted.
    pub cost: Cost,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The same for people.
    pub message: String,
}

/// Why a figure changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Reason {
    Hazard,
    Enemy,
    Mining,
    Salvage,
    Event,
    Hunger,
    Pod,
    FirstVisit,
    Kill,
    Sale,
    Refund,
    Quest,
    Penalty,
    Meal,
    Item,
    Drones,
    Augmentation,
    Purchase,
    Scan,
    Ejection,
}

/// One thing that happened. Ids are those of content and map; amounts are what really changed, after every limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Event {
    Arrived {
        node: String,
        name: String,
        region: String,
        first: bool,
    },
    Jumped {
        region: String,
        name: String,
    },
    Charted {
        nodes: Vec<String>,
    },
    Scanned {
        ore: i64,
        salvage: i64,
        foes: i64,
    },
    NothingFound {},
    Waited {},
    /// Hull damage; `absorbed` was taken by shields before it, `pod` says that it hit the pod.
    Damage {
        amount: i64,
        absorbed: i64,
        pod: bool,
        source: Reason,
    },
    /// Health, hull, fuel, food and credits: positive is gained.
    Health {
        amount: i64,
        reason: Reason,
    },
    Hull {
        amount: i64,
        reason: Reason,
    },
    Fuel {
        amount: i64,
        reason: Reason,
    },
    Food {
        amount: i64,
        reason: Reason,
    },
    Credits {
        amount: i64,
        reason: Reason,
    },
    Item {
        item: String,
        name: String,
        quantity: i64,
        reason: Reason,
    },
    ItemLost {
        item: String,
        name: String,
        quantity: i64,
        reason: Reason,
    },
    /// No room for it.
    LeftBehind {
        item: String,
        name: String,
        quantity: i64,
    },
    MineFailed {},
    SalvageFailed {},
    Repaired {
        amount: i64,
    },
    ShipBought {
        ship: String,
        name: String,
    },
    ModFitted {
        r#mod: String,
        name: String,
    },
    ModRemoved {
        r#mod: String,
        name: String,
    },
    PodBought {},
    AugmentationFitted {
        augmentation: String,
        name: String,
    },
    ItemUsed {
        item: String,
        name: String,
    },
    Shield {
        amount: i64,
        duration: i64,
    },
    ShieldFaded {},
    PodEjected {
        towed: bool,
    },
    CombatBegan {
        enemy: String,
        name: String,
        quarry: bool,
    },
    NoFight {},
    Hit {
        damage: i64,
    },
    Missed {},
    EnemyMissed {},
    EnemyDestroyed {
        enemy: String,
        name: String,
    },
    EnemyFled {
        name: String,
    },
    EnemyLeft {
        name: String,
    },
    Fled {},
    FleeFailed {},
    Negotiated {},
    NegotiationFailed {},
    Happened {
        event: String,
        text: String,
    },
    Chose {
        choice: String,
        text: String,
    },
    QuestOffered {
        quest: String,
        title: String,
    },
    QuestAccepted {
        quest: String,
        title: String,
    },
    QuestReady {
        quest: String,
        title: String,
    },
    QuestCompleted {
        quest: String,
        title: String,
    },
    QuestFailed {
        quest: String,
        title: String,
    },
    Achieved {
        achievement: String,
        name: String,
    },
    Victory {},
    Defeat {
        cause: String,
    },
}
