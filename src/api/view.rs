//! What clients see: types of the API's own, made from snapshots. What the player has not discovered is not in them, and a
//! running game's seed is in none.

use std::collections::BTreeMap;

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, HttpResponseBuilder};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::game::action::{Action, Cost, Refused};
use crate::game::content::{Content, Difficulty, QuestKind, Slot};
use crate::game::event::{Event, Outcome, Reason};
use crate::game::map::StarMap;
use crate::game::offers::Offers;
use crate::game::rules::{Prices, Risk, apply, enemy_hit_chance, risk, usual_price};
use crate::game::state::{End, Game, Quest, Sight, Statistics};
use crate::game::stats::Stats;
use crate::game::story;
use crate::model::{Change, Day, Loaded, Save, SessionId, Turn, Verdict};
use crate::session::challenge::Standing;
use crate::session::registry::Listed;
use crate::session::resident::{Acted, Snapshot};

/// A JSON body, written into as much room as most of them need.
pub fn json(response: &mut HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    let mut bytes = Vec::with_capacity(4096);
    // Views have string keys and finite numbers only: they always serialize.
    let _ = serde_json::to_writer(&mut bytes, body);
    response.content_type(ContentType::json()).body(bytes)
}

/// Decimals of a figure that anybody has use for; behind them stands only what floats make of sums.
const DECIMALS: f64 = 1e6;

fn rounded(figure: f64) -> f64 {
    (figure * DECIMALS).round() / DECIMALS
}

fn round<S: Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*figure))
}

/// A figure that is whole for one effective stat and not for another, and looks the same here as in the state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Figure {
    Whole(i64),
    #[serde(serialize_with = "round")]
    Real(f64),
}

/// The state of a game, with effective stats and the present place; nothing in it changes without an action.
#[derive(Debug, Serialize)]
#[allow(missing_docs)] // The README describes the fields.
pub struct StateView<'a> {
    pub turn_count: i64,
    pub max_turns: i64,
    pub difficulty: Difficulty,
    pub goal: i64,
    pub game_over: bool,
    pub victory: bool,
    pub end: Option<&'static str>,
    pub permadeath: bool,
    pub challenge: Option<ChallengeView>,
    /// Told once the game is over; that of a challenge by its board, once its day is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    pub content: &'a str,
    pub at_repair_location: bool,
    pub current_region_id: String,
    pub current_node_id: String,
    pub current_location: LocationView<'a>,
    pub player_stats: PlayerView<'a>,
    pub combat: Option<CombatView<'a>>,
    pub current_event: Option<EventView<'a>>,
    pub available_choices: Vec<ChoiceView<'a>>,
    pub active_quests: Vec<QuestView<'a>>,
    pub offered_quests: Vec<QuestView<'a>>,
    pub statistics: &'a Statistics,
    pub achievements: Vec<&'a str>,
}

/// The challenge that a game takes part in.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ChallengeView {
    pub date: Day,
    /// From then on its games do not count, and its seed is told.
    pub ends_at: Timestamp,
}

impl ChallengeView {
    fn of(date: Day) -> Self {
        Self { date, ends_at: date.ends_at() }
    }
}

/// A game as it stands.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct GameView<'a> {
    pub session_id: SessionId,
    /// Of a game that was just begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For a new player.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub revision: u64,
    pub state: StateView<'a>,
}

impl<'a> GameView<'a> {
    /// Of a session.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let (session_id, revision, state) = (snapshot.id, snapshot.revision, StateView::of(snapshot));
        Self { session_id, name: None, token: None, revision, state }
    }
}

/// What an action led to, and the game as it stands.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ActedView<'a> {
    pub revision: u64,
    pub outcome: OutcomeView<'a>,
    /// Of the state at that revision.
    pub digest: &'a str,
    pub state: StateView<'a>,
}

impl<'a> ActedView<'a> {
    /// Of an accepted action.
    pub fn of(acted: &'a Acted) -> Self {
        let Acted { revision, outcome, digest, snapshot } = acted;
        let state = StateView::of(snapshot);
        Self { revision: *revision, outcome: OutcomeView::of(outcome, snapshot), digest, state }
    }
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct LocationView<'a> {
    pub region: RegionView<'a>,
    pub node: NodeView<'a>,
    /// What a trade dock asks and pays for one unit, and how many it has.
    pub market: Vec<PriceView<'a>>,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PriceView<'a> {
    pub item_id: &'a str,
    pub buy: i64,
    pub sell: i64,
    /// What docks ask and pay for it on the average of all places.
    pub usual: i64,
    pub stock: i64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct RegionView<'a> {
    pub id: String,
    pub r#type: &'a str,
    pub name: &'a str,
    pub position: [f64; 2],
    #[serde(serialize_with = "round")]
    pub danger_level: f64,
    /// Those on the player's map.
    pub connections: Vec<String>,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct NodeView<'a> {
    pub id: String,
    pub name: &'a str,
    pub position: [f64; 2],
    pub visited: bool,
    /// Whether more than name and position is known.
    pub charted: bool,
    #[serde(flatten)]
    pub chart: Option<ChartView<'a>>,
}

/// What is known of a charted place.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ChartView<'a> {
    pub r#type: &'a str,
    pub has_repair: bool,
    pub has_trade: bool,
    #[serde(serialize_with = "round")]
    pub danger_level: f64,
    pub connections: Vec<String>,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PlayerView<'a> {
    pub health: i64,
    pub wealth: i64,
    pub food: i64,
    pub fuel: i64,
    pub ship_type: &'a str,
    pub ship_condition: i64,
    pub max_hp: i64,
    pub shield: i64,
    pub ship_mods: BTreeMap<&'static str, Vec<&'a str>>,
    pub inventory: Vec<StackView<'a>>,
    pub cargo_capacity: i64,
    pub used_cargo_space: i64,
    #[serde(serialize_with = "round")]
    pub fuel_efficiency: f64,
    #[serde(serialize_with = "round")]
    pub speed: f64,
    pub combat_power: i64,
    #[serde(serialize_with = "round")]
    pub mining_yield: f64,
    #[serde(serialize_with = "round")]
    pub salvage_chance: f64,
    #[serde(serialize_with = "round")]
    pub scan_bonus: f64,
    #[serde(serialize_with = "round")]
    pub accuracy: f64,
    pub hull_repair: i64,
    pub has_flight_pod: bool,
    pub in_pod_mode: bool,
    pub just_bought_pod: bool,
    pub pod_hp: i64,
    pub pod_max_hp: i64,
    pub pod_augmentations: Vec<&'a str>,
    pub temp_effects: Vec<EffectView>,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct StackView<'a> {
    pub item_id: &'a str,
    pub quantity: i64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct EffectView {
    pub effect_type: &'static str,
    pub value: i64,
    pub duration: i64,
    /// `turns` or `rounds`.
    pub unit: &'static str,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct CombatView<'a> {
    pub enemy_type: &'a str,
    pub enemy_name: &'a str,
    pub enemy_hp: i64,
    pub enemy_max_hp: i64,
    pub round: i64,
    pub quarry: bool,
    /// The chance that the enemy hits a plain attack.
    #[serde(serialize_with = "round")]
    pub enemy_hit_chance: f64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct EventView<'a> {
    pub id: &'a str,
    pub text: &'a str,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ChoiceView<'a> {
    pub id: &'a str,
    pub label: &'a str,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct QuestView<'a> {
    pub id: String,
    pub kind: QuestKind,
    pub title: String,
    pub text: String,
    pub giver_node_id: String,
    pub target_node_id: String,
    pub target_region_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enemy_type: Option<&'a str>,
    pub cargo_weight: i64,
    /// The item that must be aboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<&'a str>,
    pub reward: i64,
    /// Accepted: the last turn it can be finished. Offered: turns allowed once accepted.
    pub deadline: i64,
    pub done: bool,
}

impl<'a> StateView<'a> {
    /// Of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let (game, content) = (&*snapshot.game, &*snapshot.content);
        let stats = Stats::of(game, content);
        let rules = content.difficulty(game.difficulty);
        let event = game.event.map(|event| (event, &content.events[event]));
        let here = game.offers.iter().filter(|offer| offer.giver == game.here);
        Self {
            turn_count: game.turn,
            max_turns: content.balance.limits.turns,
            difficulty: game.difficulty,
            goal: rules.goal,
            game_over: game.end.is_some(),
            victory: game.end == Some(End::Victory),
            end: game.end.map(End::id),
            permadeath: snapshot.permadeath,
            challenge: snapshot.challenge.map(|challenge| ChallengeView::of(challenge.date)),
            seed: game.end.filter(|_| snapshot.challenge.is_none()).map(|_| game.dice.seed),
            content: &content.hash,
            at_repair_location: game.node().repair,
            current_region_id: StarMap::region_id(game.region()),
            current_node_id: game.map.node_id(game.here),
            current_location: LocationView::of(game, content),
            player_stats: PlayerView::of(game, content, &stats),
            combat: CombatView::of(game, content, &stats),
            current_event: event.map(|(ix, event)| EventView { id: content.events.id(ix), text: &event.text }),
            available_choices: choices(game, content),
            active_quests: game.quests.iter().map(|quest| QuestView::of(game, content, quest, quest.until)).collect(),
            offered_quests: here.map(|quest| QuestView::of(game, content, quest, quest.days)).collect(),
            statistics: &game.statistics,
            achievements: game.achievements.iter().map(|ix| content.achievements.id(*ix)).collect(),
        }
    }
}

fn choices<'a>(game: &Game, content: &'a Content) -> Vec<ChoiceView<'a>> {
    let Some(event) = game.event else { return Vec::new() };
    let choices = content.events[event].choices.iter();
    choices.map(|choice| ChoiceView { id: &choice.id, label: &choice.label }).collect()
}

impl<'a> LocationView<'a> {
    fn of(game: &'a Game, content: &'a Content) -> Self {
        let price = |prices: Prices<'_>| PriceView {
            item_id: content.items.id(prices.item()),
            buy: prices.ask(1),
            sell: prices.bid(1),
            usual: usual_price(content, prices.item()),
            stock: prices.stock(),
        };
        Self {
            region: RegionView::of(game, content, game.region()),
            node: NodeView::of(game, content, game.here),
            market: Prices::here(game, content).map(price).collect(),
        }
    }
}

impl<'a> RegionView<'a> {
    fn of(game: &'a Game, content: &'a Content, at: usize) -> Self {
        let region = &game.map.regions[at];
        let known = region.connections.iter().filter(|to| game.knows_region(**to));
        Self {
            id: StarMap::region_id(at),
            r#type: content.regions.id(region.kind),
            name: &region.name,
            position: region.position,
            danger_level: content.regions[region.kind].danger,
            connections: known.map(|to| StarMap::region_id(*to)).collect(),
        }
    }
}

impl<'a> NodeView<'a> {
    fn of(game: &'a Game, content: &'a Content, at: usize) -> Self {
        let node = &game.map.nodes[at];
        let place = &game.places[at];
        let known = node.connections.iter().filter(|to| game.places[**to].sight > Sight::Unknown);
        let chart = (place.sight == Sight::Charted).then(|| ChartView {
            r#type: content.nodes.id(node.kind),
            has_repair: node.repair,
            has_trade: node.trade,
            danger_level: node.danger,
            connections: known.map(|to| game.map.node_id(*to)).collect(),
        });
        Self {
            id: game.map.node_id(at),
            name: &node.name,
            position: node.position,
            visited: place.visited,
            charted: chart.is_some(),
            chart,
        }
    }
}

impl<'a> PlayerView<'a> {
    fn of(game: &'a Game, content: &'a Content, stats: &Stats) -> Self {
        let fitted = |slot: Slot| {
            let mods = game.mods.iter().filter(|fitted| content.mods[**fitted].slot == slot);
            mods.map(|fitted| content.mods.id(*fitted)).collect()
        };
        let name = |slot| match slot {
            Slot::High => "high",
            Slot::Mid => "mid",
            Slot::Low => "low",
            Slot::Rig => "rig",
        };
        let stack = |stack: &crate::game::state::Stack| StackView {
            item_id: content.items.id(stack.item),
            quantity: stack.quantity,
        };
        let effect = |effect: &crate::game::state::TempEffect| EffectView {
            effect_type: "temp_hp",
            value: effect.shield,
            duration: effect.duration,
            unit: if effect.rounds { "rounds" } else { "turns" },
        };
        let augmentations = game.pod.iter().flat_map(|pod| &pod.augmentations);
        Self {
            health: game.health,
            wealth: game.wealth,
            food: game.food,
            fuel: game.fuel,
            ship_type: content.ships.id(game.ship),
            ship_condition: game.hull,
            max_hp: stats.max_hp,
            shield: stats.shield,
            ship_mods: Slot::ALL.into_iter().map(|slot| (name(slot), fitted(slot))).collect(),
            inventory: game.cargo.iter().map(stack).collect(),
            cargo_capacity: stats.cargo_capacity,
            used_cargo_space: stats.used_cargo_space,
            fuel_efficiency: stats.fuel_efficiency,
            speed: stats.speed,
            combat_power: stats.combat_power,
            mining_yield: stats.mining_yield,
            salvage_chance: stats.salvage_chance,
            scan_bonus: stats.scan_bonus,
            accuracy: stats.accuracy,
            hull_repair: stats.hull_repair,
            has_flight_pod: game.pod.is_some(),
            in_pod_mode: game.in_pod(),
            just_bought_pod: game.pod.as_ref().is_some_and(|pod| pod.fresh),
            pod_hp: game.pod.as_ref().map_or(0, |pod| pod.hp),
            pod_max_hp: stats.pod_max_hp,
            pod_augmentations: augmentations.map(|fitted| content.augmentations.id(*fitted)).collect(),
            temp_effects: game.effects.iter().map(effect).collect(),
        }
    }
}

impl<'a> CombatView<'a> {
    fn of(game: &Game, content: &'a Content, stats: &Stats) -> Option<Self> {
        let fight = game.combat?;
        let enemy = &content.enemies[fight.enemy];
        Some(Self {
            enemy_type: content.enemies.id(fight.enemy),
            enemy_name: &enemy.name,
            enemy_hp: fight.hp,
            enemy_max_hp: enemy.hp,
            round: fight.round,
            quarry: fight.quarry,
            enemy_hit_chance: enemy_hit_chance(content, stats, enemy, 1.0),
        })
    }
}

impl<'a> QuestView<'a> {
    fn of(game: &Game, content: &'a Content, quest: &Quest, deadline: i64) -> Self {
        Self {
            id: quest.id(),
            kind: quest.kind(content),
            title: story::quest_title(game, content, quest),
            text: story::quest_text(game, content, quest),
            giver_node_id: game.map.node_id(quest.giver),
            target_node_id: game.map.node_id(quest.target),
            target_region_id: StarMap::region_id(game.map.nodes[quest.target].region),
            enemy_type: quest.enemy.map(|enemy| content.enemies.id(enemy)),
            cargo_weight: quest.weight,
            takes: content.quests.quests[quest.text].takes.as_ref().map(|item| content.items.id(item.ix())),
            reward: quest.reward,
            deadline,
            done: quest.done,
        }
    }
}

/// What the player knows of the star map.
pub fn map(snapshot: &Snapshot) -> Value {
    let (game, content) = (&snapshot.game, &*snapshot.content);
    let known = (0..game.map.regions.len()).filter(|region| game.knows_region(*region));
    let regions: Vec<_> = known
        .map(|at| {
            let nodes = game.map.regions[at].nodes.clone().filter(|node| game.places[*node].sight > Sight::Unknown);
            let nodes: Vec<_> = nodes.map(|node| NodeView::of(game, content, node)).collect();
            let mut region = json!(RegionView::of(game, content, at));
            region["nodes"] = json!(nodes);
            region
        })
        .collect();
    json!({
        "session_id": snapshot.id,
        "revision": snapshot.revision,
        "current_region_id": StarMap::region_id(game.region()),
        "current_node_id": game.map.node_id(game.here),
        "regions": regions,
    })
}

#[derive(Debug, Serialize)]
struct OfferView {
    action: Action,
    cost: Cost,
    /// Credits it brings for certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    gain: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    odds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
    /// Hull points, or the pod's, that it may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<i64>,
    /// How the voyage may end with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_end: Option<&'static str>,
    /// Of what changes the ship: the effective stats that would be others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    after: BTreeMap<&'static str, Figure>,
}

/// Nothing is left to chance in these, so that nothing of the future is told.
fn after(game: &Game, content: &Content, action: &Action) -> BTreeMap<&'static str, Figure> {
    let fits = match action {
        Action::BuyMod { .. } | Action::RemoveMod { .. } | Action::BuyShip { .. } | Action::BuyAugmentation { .. } => {
            apply(game, content, action).ok()
        }
        _ => None,
    };
    let Some((next, _)) = fits else { return BTreeMap::new() };
    let figures = |game: &Game| {
        let stats = Stats::of(game, content);
        [
            ("max_hp", Figure::Whole(stats.max_hp)),
            ("pod_max_hp", Figure::Whole(stats.pod_max_hp)),
            ("cargo_capacity", Figure::Whole(stats.cargo_capacity)),
            ("fuel_efficiency", Figure::Real(stats.fuel_efficiency)),
            ("speed", Figure::Real(stats.speed)),
            ("combat_power", Figure::Whole(stats.combat_power)),
            ("mining_yield", Figure::Real(stats.mining_yield)),
            ("salvage_chance", Figure::Real(stats.salvage_chance)),
            ("scan_bonus", Figure::Real(stats.scan_bonus)),
            ("accuracy", Figure::Real(stats.accuracy)),
            ("hull_repair", Figure::Whole(stats.hull_repair)),
        ]
    };
    let changes = figures(game).into_iter().zip(figures(&next)).filter(|(before, after)| before != after);
    changes.map(|(_, after)| after).collect()
}

#[derive(Debug, Serialize)]
struct RefusalView {
    action: Action,
    #[serde(flatten)]
    refused: Refused,
}

/// What can be done now, and why the rest cannot.
pub fn actions(snapshot: &Snapshot) -> Value {
    let Offers { offered, refused } = Offers::of(&snapshot.game, &snapshot.content);
    let offered = offered.into_iter().map(|(action, plan)| {
        let Risk { hull, end } = risk(&snapshot.game, &snapshot.content, &plan);
        OfferView {
            after: after(&snapshot.game, &snapshot.content, &action),
            action,
            cost: plan.cost,
            gain: (plan.gain > 0).then_some(plan.gain),
            odds: plan.odds.map(rounded),
            max: plan.max,
            worst: (hull > 0).then_some(hull),
            may_end: end.map(End::id),
        }
    });
    let refused = refused.into_iter().map(|(action, refused)| RefusalView { action, refused });
    json!({
        "session_id": snapshot.id,
        "revision": snapshot.revision,
        "offered": offered.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
    })
}

/// What an accepted action brought about.
#[derive(Debug, Serialize)]
pub struct OutcomeView<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    choices: Vec<ChoiceView<'a>>,
    rewards: RewardsView<'a>,
    combat: Option<CombatView<'a>>,
}

#[derive(Debug, Default, Serialize)]
struct RewardsView<'a> {
    wealth: i64,
    items: Vec<StackView<'a>>,
}

impl<'a> OutcomeView<'a> {
    /// Of an outcome and the state after it.
    pub fn of(outcome: &'a Outcome, snapshot: &'a Snapshot) -> Self {
        let (game, content) = (&*snapshot.game, &*snapshot.content);
        let mut rewards = RewardsView::default();
        for event in &outcome.events {
            match event {
                Event::Credits { amount, .. } if *amount > 0 => rewards.wealth += amount,
                Event::Item { item, quantity, reason, .. } if *reason != Reason::Purchase => {
                    rewards.items.push(StackView { item_id: item, quantity: *quantity });
                }
                _ => {}
            }
        }
        let combat = CombatView::of(game, content, &Stats::of(game, content));
        Self { outcome, choices: choices(game, content), rewards, combat }
    }
}

/// A session in a player's list.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SessionView {
    pub session_id: String,
    pub name: String,
    /// `live` in memory, `stored` on disk only, `finished` however it is kept.
    pub status: &'static str,
    pub created_at: Timestamp,
    pub last_activity: Timestamp,
    pub revision: u64,
    pub turn_count: i64,
    pub ship_type: String,
    pub place: String,
    pub wealth: i64,
    pub permadeath: bool,
    pub challenge: Option<EntryView>,
}

/// The challenge of a session in a list, and what became of it.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct EntryView {
    #[serde(flatten)]
    pub challenge: ChallengeView,
    pub verdict: Option<Verdict>,
}

impl SessionView {
    /// Of a session in lists.
    pub fn of(listed: Listed) -> Self {
        let Listed { id, card, resident } = listed;
        let status = match (&card.end, resident) {
            (Some(_), _) => "finished",
            (None, true) => "live",
            (None, false) => "stored",
        };
        Self {
            session_id: id.to_string(),
            name: card.name,
            status,
            created_at: card.created_at,
            last_activity: card.last_activity,
            revision: card.revision,
            turn_count: card.turn_count,
            ship_type: card.ship_type,
            place: card.place,
            wealth: card.wealth,
            permadeath: card.permadeath,
            challenge: card.challenge.map(|challenge| EntryView {
                challenge: ChallengeView::of(challenge.date),
                verdict: challenge.verdict,
            }),
        }
    }
}

/// An entry of a board. It tells neither player nor session.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct StandingView<'a> {
    pub rank: usize,
    pub name: &'a str,
    pub score: u64,
    pub victory: bool,
    pub end: &'a str,
    pub turn_count: i64,
    pub wealth: i64,
    /// Actions it took.
    pub revision: u64,
    pub finished_at: Timestamp,
    pub permadeath: bool,
    pub rules: u32,
    pub content: &'a str,
    /// Whether this server can play it again, and has.
    pub verified: bool,
    /// Of whoever asks.
    pub yours: bool,
}

impl<'a> StandingView<'a> {
    /// Of an entry. `own` is the rank of whoever asks.
    pub fn of(rank: usize, standing: &'a Standing, own: Option<usize>) -> Self {
        let Standing { claim, verified } = standing;
        Self {
            rank,
            name: &claim.name,
            score: claim.score,
            victory: claim.won,
            end: &claim.end,
            turn_count: claim.turns,
            wealth: claim.wealth,
            revision: claim.revision,
            finished_at: claim.finished_at,
            // Games of a challenge always have it.
            permadeath: true,
            rules: claim.rules,
            content: &claim.content,
            verified: *verified,
            yours: own == Some(rank),
        }
    }
}

/// A save in a list.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SlotView {
    pub slot: u8,
    pub name: String,
    pub session_id: String,
    pub created_at: Timestamp,
    pub saved_at: Timestamp,
    /// The format of the save.
    pub version: u32,
    pub revision: u64,
    pub turn_count: i64,
    pub wealth: i64,
    pub health: i64,
    /// Hull points.
    pub ship_condition: i64,
    pub ship_type: String,
    pub place: String,
    pub difficulty: Difficulty,
    pub game_over: bool,
    pub victory: bool,
    pub rules: u32,
    pub content: String,
}

impl SlotView {
    /// Of the save in a slot. All of it is told by the state itself.
    pub fn of(slot: u8, save: Save) -> Self {
        let stats = save.state.player_stats;
        Self {
            slot,
            name: save.name,
            session_id: save.session_id.to_string(),
            created_at: save.created_at,
            saved_at: save.saved_at,
            version: save.version,
            revision: save.revision,
            turn_count: save.state.turn_count,
            wealth: stats.wealth,
            health: stats.health,
            ship_condition: stats.ship_condition,
            ship_type: stats.ship_type,
            place: save.place,
            difficulty: save.state.difficulty,
            game_over: save.state.end.is_some(),
            victory: save.state.end.as_deref() == Some("victory"),
            rules: save.rules,
            content: save.content,
        }
    }
}

/// A line of history.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct TurnView<'a> {
    pub revision: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub deed: DeedView<'a>,
    pub digest: &'a str,
    pub rules: u32,
    pub content: &'a str,
}

/// What led to a revision: an action, or a save that took the game's place.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum DeedView<'a> {
    Acted { action: &'a Action, outcome: &'a Outcome },
    Loaded { loaded: LoadedView<'a> },
}

/// A save that took the game's place.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct LoadedView<'a> {
    pub slot: u8,
    pub name: &'a str,
    pub saved_at: Timestamp,
}

impl<'a> TurnView<'a> {
    /// Of a stored turn.
    pub fn of(turn: &'a Turn) -> Self {
        let deed = match &turn.deed {
            Change::Acted { action, outcome } => DeedView::Acted { action, outcome },
            Change::Loaded { loaded: Loaded { slot, name, saved_at, .. } } => {
                DeedView::Loaded { loaded: LoadedView { slot: *slot, name, saved_at: *saved_at } }
            }
        };
        let Turn { revision, at, digest, rules, content, .. } = turn;
        Self { revision: *revision, at: *at, deed, digest, rules: *rules, content }
    }
}

/// The content a client needs to show a game: everything but the words names are made of.
pub fn content(content: &Content) -> Value {
    json!({
        "hash": content.hash,
        "ships": content.ships,
        "mods": content.mods,
        "items": content.items,
        "enemies": content.enemies,
        "combat_moves": content.moves,
        "pod": content.pod,
        "augmentations": content.augmentations,
        "regions": content.regions,
        "nodes": content.nodes,
        "difficulties": content.balance.difficulty,
        "achievements": content.achievements,
        "limits": content.balance.limits,
        "dock": content.balance.dock,
    })
}
