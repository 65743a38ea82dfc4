//! What can be done now, and why the rest cannot: `GET /api/sessions/{id}/actions`.

use serde::{Serialize, Serializer};

use super::figure::{round, rounded};
use crate::game::action::{Action, ActionError, Cost};
use crate::game::offers::{Offers, stats_after};
use crate::game::rules::{Plan, Risk, risk};
use crate::game::state::End;
use crate::game::stats::Stats;
use crate::model::SessionId;
use crate::session::game_session::Snapshot;

/// Every action that names something the player can know of here.
#[derive(Debug, Serialize)]
pub struct OffersView {
    /// The game.
    pub session_id: SessionId,
    /// The revision they hold for.
    pub revision: u64,
    /// What would be accepted.
    pub offered: Vec<OfferView>,
    /// What would be refused.
    pub refused: Vec<RefusalView>,
}

/// An action that would be accepted. Quantities are 1.
#[derive(Debug, Serialize)]
pub struct OfferView {
    /// The very body to send.
    pub action: Action,
    /// What it takes.
    pub cost: Cost,
    /// Credits it brings for certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<i64>,
    /// The chance that it goes well, where chance decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odds: Option<f64>,
    /// The largest quantity that would be accepted, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Hull points, or the pod's, that it may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<i64>,
    /// How the voyage may end with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_end: Option<&'static str>,
    /// Of what changes the ship: the effective stats that would be others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ChangedStats>,
}

/// An action that would be refused, and why.
#[derive(Debug, Serialize)]
pub struct RefusalView {
    /// The action.
    pub action: Action,
    /// Its code and reason.
    #[serde(flatten)]
    pub refused: ActionError,
}

/// The effective stats that an action would change, with their new values; see `player_stats`.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct ChangedStats {
    /// Hull points of the whole hull.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_hp: Option<i64>,
    /// Points of the whole pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_max_hp: Option<i64>,
    /// Room in the hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cargo_capacity: Option<i64>,
    /// Multiplies the fuel of a move.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "round_some")]
    pub fuel_efficiency: Option<f64>,
    /// Relative to a standard hull.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "round_some")]
    pub speed: Option<f64>,
    /// Damage of an ordinary hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combat_power: Option<i64>,
    /// Multiplies what is mined.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "round_some")]
    pub mining_yield: Option<f64>,
    /// Added to the chance to salvage.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "round_some")]
    pub salvage_chance: Option<f64>,
    /// Improves the chance of a find.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "round_some")]
    pub scan_bonus: Option<f64>,
    /// Added to the chance to hit.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "round_some")]
    pub accuracy: Option<f64>,
    /// Hull points that are mended a turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hull_repair: Option<i64>,
}

fn round_some<S: Serializer>(figure: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match figure {
        Some(figure) => round(figure, serializer),
        None => serializer.serialize_none(),
    }
}

impl ChangedStats {
    /// None where nothing changes.
    fn between(before: &Stats, after: &Stats) -> Option<Self> {
        fn changed<T: PartialEq>(before: T, after: T) -> Option<T> {
            (before != after).then_some(after)
        }
        let changes = Self {
            max_hp: changed(before.max_hp, after.max_hp),
            pod_max_hp: changed(before.pod_max_hp, after.pod_max_hp),
            cargo_capacity: changed(before.cargo_capacity, after.cargo_capacity),
            fuel_efficiency: changed(before.fuel_efficiency, after.fuel_efficiency),
            speed: changed(before.speed, after.speed),
            combat_power: changed(before.combat_power, after.combat_power),
            mining_yield: changed(before.mining_yield, after.mining_yield),
            salvage_chance: changed(before.salvage_chance, after.salvage_chance),
            scan_bonus: changed(before.scan_bonus, after.scan_bonus),
            accuracy: changed(before.accuracy, after.accuracy),
            hull_repair: changed(before.hull_repair, after.hull_repair),
        };
        (changes != Self::default()).then_some(changes)
    }
}

impl OffersView {
    /// Of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let Offers { offered, refused } = Offers::of(&snapshot.game, &snapshot.content);
        let stats = Stats::of(&snapshot.game, &snapshot.content);
        let offered = offered.into_iter().map(|(action, plan)| OfferView::of(snapshot, &stats, action, &plan));
        let refused = refused.into_iter().map(|(action, refused)| RefusalView { action, refused });
        Self {
            session_id: snapshot.id,
            revision: snapshot.revision,
            offered: offered.collect(),
            refused: refused.collect(),
        }
    }
}

impl OfferView {
    fn of(snapshot: &Snapshot, stats: &Stats, action: Action, plan: &Plan) -> Self {
        let (game, content) = (&snapshot.game, &snapshot.content);
        let Risk { hull, end } = risk(game, content, plan);
        let after = stats_after(game, content, &action);
        Self {
            after: after.and_then(|after| ChangedStats::between(stats, &after)),
            action,
            cost: plan.cost,
            gain: (plan.gain > 0).then_some(plan.gain),
            odds: plan.odds.map(rounded),
            max: plan.max,
            worst: (hull > 0).then_some(hull),
            may_end: end.map(End::id),
        }
    }
}
