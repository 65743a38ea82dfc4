//! The state of a game: what most answers carry.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::figure::round;
use super::map::{NodeView, RegionView};
use crate::game::content::{Content, Difficulty, QuestKind, Slot};
use crate::game::map::StarMap;
use crate::game::rules::{Prices, enemy_hit_chance, usual_price};
use crate::game::state::{End, Game, Quest, Stack, Statistics, TempEffect};
use crate::game::stats::Stats;
use crate::game::story;
use crate::model::{Day, SessionId};
use crate::session::game_session::Snapshot;

/// A game as it stands.
#[derive(Debug, Serialize)]
pub struct GameView<'a> {
    /// The game.
    pub session_id: SessionId,
    /// Of a game that was just begun: its name, as it was cleaned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For a new player, or in place of an old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Counts what has changed the state: actions, and saves that were loaded.
    pub revision: u64,
    /// At that revision.
    pub state: StateView<'a>,
}

/// The state of a game, with effective stats and the present place; nothing in it changes without an action.
#[derive(Debug, Serialize)]
pub struct StateView<'a> {
    /// Turns that have passed.
    pub turn_count: i64,
    /// Turns a game has.
    pub max_turns: i64,
    /// As it was chosen.
    pub difficulty: Difficulty,
    /// Credits to own for a victory.
    pub goal: i64,
    /// Whether it has ended.
    pub game_over: bool,
    /// Whether it was won.
    pub victory: bool,
    /// How it has ended, if it has.
    pub end: Option<&'static str>,
    /// Whether there is no way back: no saves before its end.
    pub permadeath: bool,
    /// The challenge it takes part in.
    pub challenge: Option<ChallengeView>,
    /// Told once the game is over; that of a challenge by its board, once its day is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The hash of the content it is played on.
    pub content: &'a str,
    /// Whether there is a repair dock here.
    pub at_repair_location: bool,
    /// The region the player is in.
    pub current_region_id: String,
    /// The place the player is at.
    pub current_node_id: String,
    /// The same in full.
    pub current_location: LocationView<'a>,
    /// The player, the ship and the pod.
    pub player_stats: PlayerView<'a>,
    /// The fight, if there is one.
    pub combat: Option<CombatView<'a>>,
    /// The event that waits for a choice.
    pub current_event: Option<EventView<'a>>,
    /// Its choices.
    pub available_choices: Vec<ChoiceView<'a>>,
    /// Those the player has accepted.
    pub active_quests: Vec<QuestView<'a>>,
    /// Those that are offered here.
    pub offered_quests: Vec<QuestView<'a>>,
    /// Sums over the whole game.
    pub statistics: &'a Statistics,
    /// Ids of the achievements so far.
    pub achievements: Vec<&'a str>,
}

/// The challenge that a game takes part in.
#[derive(Debug, Serialize)]
pub struct ChallengeView {
    /// Its day, in UTC.
    pub date: Day,
    /// From then on its games do not count, and its seed is told.
    pub ends_at: Timestamp,
}

/// The present place.
#[derive(Debug, Serialize)]
pub struct LocationView<'a> {
    /// Its region.
    pub region: RegionView<'a>,
    /// The place itself.
    pub node: NodeView<'a>,
    /// What a trade dock asks and pays for one unit, and how many it has.
    pub market: Vec<PriceView<'a>>,
}

/// What a dock trades an item for.
#[derive(Debug, Serialize)]
pub struct PriceView<'a> {
    /// The item.
    pub item_id: &'a str,
    /// Credits the player pays for one.
    pub buy: i64,
    /// Credits the player gets for one.
    pub sell: i64,
    /// What docks ask and pay for it on the average of all places.
    pub usual: i64,
    /// How many the dock has.
    pub stock: i64,
}

/// The player, the ship and the pod. Stats are effective: with everything that is fitted.
#[derive(Debug, Serialize)]
pub struct PlayerView<'a> {
    /// The crew's health.
    pub health: i64,
    /// Credits.
    pub wealth: i64,
    /// Rations.
    pub food: i64,
    /// Units of fuel.
    pub fuel: i64,
    /// An id of the content.
    pub ship_type: &'a str,
    /// Hull points.
    pub ship_condition: i64,
    /// Hull points of the whole hull.
    pub max_hp: i64,
    /// Points that an effect keeps off the hull.
    pub shield: i64,
    /// Ids of the fitted modules, by the slot they take.
    pub ship_mods: BTreeMap<&'static str, Vec<&'a str>>,
    /// What is in the hold.
    pub inventory: Vec<StackView<'a>>,
    /// Room in the hold.
    pub cargo_capacity: i64,
    /// Room that is taken.
    pub used_cargo_space: i64,
    /// Multiplies the fuel of a move.
    #[serde(serialize_with = "round")]
    pub fuel_efficiency: f64,
    /// Relative to a standard hull.
    #[serde(serialize_with = "round")]
    pub speed: f64,
    /// Damage of an ordinary hit.
    pub combat_power: i64,
    /// Multiplies what is mined.
    #[serde(serialize_with = "round")]
    pub mining_yield: f64,
    /// Added to the chance to salvage.
    #[serde(serialize_with = "round")]
    pub salvage_chance: f64,
    /// Improves the chance of a find.
    #[serde(serialize_with = "round")]
    pub scan_bonus: f64,
    /// Added to the chance to hit.
    #[serde(serialize_with = "round")]
    pub accuracy: f64,
    /// Hull points that are mended a turn.
    pub hull_repair: i64,
    /// Whether there is a pod.
    pub has_flight_pod: bool,
    /// Whether the ship is lost, and the player is in the pod.
    pub in_pod_mode: bool,
    /// Whether the pod was bought in this turn.
    pub just_bought_pod: bool,
    /// Points of the pod.
    pub pod_hp: i64,
    /// Points of the whole pod.
    pub pod_max_hp: i64,
    /// Ids of the augmentations of the pod.
    pub pod_augmentations: Vec<&'a str>,
    /// Effects that pass.
    pub temp_effects: Vec<EffectView>,
}

/// So many of an item.
#[derive(Debug, Serialize)]
pub struct StackView<'a> {
    /// The item.
    pub item_id: &'a str,
    /// How many.
    pub quantity: i64,
}

/// An effect that passes.
#[derive(Debug, Serialize)]
pub struct EffectView {
    /// What it does.
    pub effect_type: &'static str,
    /// How much of it.
    pub value: i64,
    /// How long it still holds.
    pub duration: i64,
    /// `turns` or `rounds`.
    pub unit: &'static str,
}

/// A fight.
#[derive(Debug, Serialize)]
pub struct CombatView<'a> {
    /// An id of the content.
    pub enemy_type: &'a str,
    /// For people.
    pub enemy_name: &'a str,
    /// Its hull points.
    pub enemy_hp: i64,
    /// Those of its whole hull.
    pub enemy_max_hp: i64,
    /// Rounds so far.
    pub round: i64,
    /// Whether it is the target of a bounty here.
    pub quarry: bool,
    /// The chance that the enemy hits a plain attack.
    #[serde(serialize_with = "round")]
    pub enemy_hit_chance: f64,
}

/// An event that waits for a choice.
#[derive(Debug, Serialize)]
pub struct EventView<'a> {
    /// An id of the content.
    pub id: &'a str,
    /// For people.
    pub text: &'a str,
}

/// An answer to an event.
#[derive(Debug, Serialize)]
pub struct ChoiceView<'a> {
    /// As `choose` takes it.
    pub id: &'a str,
    /// For people.
    pub label: &'a str,
}

/// A quest that is offered or accepted.
#[derive(Debug, Serialize)]
pub struct QuestView<'a> {
    /// As the actions take it.
    pub id: String,
    /// What is to be done.
    pub kind: QuestKind,
    /// For people.
    pub title: String,
    /// For people.
    pub text: String,
    /// The place where it is offered.
    pub giver_node_id: String,
    /// The place it leads to.
    pub target_node_id: String,
    /// The region of that.
    pub target_region_id: String,
    /// Of a bounty: the enemy, an id of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enemy_type: Option<&'a str>,
    /// Room in the hold that its cargo takes.
    pub cargo_weight: i64,
    /// The item that must be aboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<&'a str>,
    /// Credits.
    pub reward: i64,
    /// Accepted: the last turn it can be finished. Offered: turns allowed once accepted.
    pub deadline: i64,
    /// Whether it only has to be turned in.
    pub done: bool,
}

impl<'a> GameView<'a> {
    /// Of a session.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let (session_id, revision, state) = (snapshot.id, snapshot.revision, StateView::of(snapshot));
        Self { session_id, name: None, token: None, revision, state }
    }
}

impl ChallengeView {
    /// Of a day.
    pub fn of(date: Day) -> Self {
        Self { date, ends_at: date.ends_at() }
    }
}

impl<'a> StateView<'a> {
    /// Of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let (game, content) = (&*snapshot.game, &*snapshot.content);
        let stats = Stats::of(game, content);
        let rules = content.balance.difficulty.of(game.difficulty);
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
            permadeath: snapshot.meta.permadeath,
            challenge: snapshot.meta.challenge.map(|challenge| ChallengeView::of(challenge.date)),
            seed: game.end.filter(|_| snapshot.meta.challenge.is_none()).map(|_| game.dice.seed),
            content: &content.hash,
            at_repair_location: game.node().repair,
            current_region_id: StarMap::region_id(game.region()),
            current_node_id: game.map.node_id(game.here),
            current_location: LocationView::of(game, content),
            player_stats: PlayerView::of(game, content, &stats),
            combat: CombatView::of(game, content, &stats),
            current_event: event.map(|(ix, event)| EventView { id: content.events.id(ix), text: &event.text }),
            available_choices: ChoiceView::all(game, content),
            active_quests: game.quests.iter().map(|quest| QuestView::of(game, content, quest, quest.until)).collect(),
            offered_quests: here.map(|quest| QuestView::of(game, content, quest, quest.days)).collect(),
            statistics: &game.statistics,
            achievements: game.achievements.iter().map(|ix| content.achievements.id(*ix)).collect(),
        }
    }
}

impl<'a> ChoiceView<'a> {
    /// Those of the event that waits, if there is one.
    pub fn all(game: &Game, content: &'a Content) -> Vec<Self> {
        let Some(event) = game.event else { return Vec::new() };
        let choices = content.events[event].choices.iter();
        choices.map(|choice| Self { id: &choice.id, label: &choice.label }).collect()
    }
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
        let stack = |stack: &Stack| StackView { item_id: content.items.id(stack.item), quantity: stack.quantity };
        let effect = |effect: &TempEffect| EffectView {
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
    /// Of a game, if there is a fight.
    pub fn of(game: &Game, content: &'a Content, stats: &Stats) -> Option<Self> {
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
            target_region_id: StarMap::region_id(game.map.nodes[quest.target].region()),
            enemy_type: quest.enemy.map(|enemy| content.enemies.id(enemy)),
            cargo_weight: quest.weight,
            takes: content.quests.quests[quest.text].takes.as_ref().map(|item| content.items.id(item.ix())),
            reward: quest.reward,
            deadline,
            done: quest.done,
        }
    }
}
