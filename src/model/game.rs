//! The stored form of a game: types of their own, with ids in place of the rules' indices. A game is written as its map, which never
//! changes, and its [`State`], which does.
//!
//! The digest of a turn is SHA-256 over the map's digest and the state's JSON; so the order and form of these fields are part of the
//! format.
//!
//! It has more than 600 lines because a game and its stored form are one inverse pair, `of` and `restore`, and stand side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::game::content::{Content, Difficulty, Slot};
use crate::game::map::{Draft, Listing, Region, Sketch, StarMap};
use crate::game::rng::{Dice, MAX_SEED, STREAMS};
use crate::game::state::{CombatState, End, Game, Place, PodState, Quest, Sight, Stack, Statistics, Stock, TempEffect};
use crate::game::stats::Stats;
use crate::game::table::{Ix, Table};
use crate::hex::hex;

/// Effects that last; the rules let one of a kind be there at a time.
const MAX_EFFECTS: usize = 16;
/// Places of a map: 20 regions with 20 each, as content may have it.
const MAX_PLACES: usize = 400;

/// The changing part of a game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct State {
    pub player_stats: PlayerStats,
    pub turn_count: i64,
    pub current_region_id: String,
    pub current_node_id: String,
    pub difficulty: Difficulty,
    pub end: Option<String>,
    pub combat: Option<Combat>,
    pub current_event: Option<String>,
    pub quests: Vec<StoredQuest>,
    pub offers: Vec<StoredQuest>,
    /// Quests of chains that were accepted.
    pub begun: Vec<String>,
    /// Events that happen once, and have.
    pub past: Vec<String>,
    pub next_quest: u32,
    pub free_actions: u32,
    pub wreck: bool,
    pub statistics: Statistics,
    /// In the order they were achieved.
    pub achievements: Vec<String>,
    /// Node (its place in the map), item, level, turn it was counted.
    pub stocks: Vec<(usize, String, f64, i64)>,
    /// In map order: what is known (0 nothing, 1 that it is there, 2 what it is), visited, scanned, ore, salvage attempts,
    /// foes, the turn foes were counted.
    pub places: Vec<(u8, bool, bool, i64, i64, i64, i64)>,
    pub seed: u64,
    /// 32-bit words read of each stream.
    pub word_pos: [u64; STREAMS],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PlayerStats {
    pub health: i64,
    pub wealth: i64,
    pub food: i64,
    pub fuel: i64,
    pub ship_type: String,
    pub ship_condition: i64,
    /// In the order of fitting.
    pub ship_mods: Vec<String>,
    pub inventory: Vec<StoredStack>,
    pub pod: Option<Pod>,
    pub temp_effects: Vec<StoredEffect>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredStack {
    pub item_id: String,
    pub quantity: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Pod {
    pub hp: i64,
    pub augmentations: Vec<String>,
    pub fresh: bool,
    pub ejected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredEffect {
    pub shield: i64,
    pub duration: i64,
    pub rounds: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Combat {
    pub enemy_type: String,
    pub enemy_hp: i64,
    pub round: i64,
    pub quarry: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredQuest {
    pub number: u32,
    pub text: String,
    pub giver: usize,
    pub target: usize,
    pub weight: i64,
    pub enemy: Option<String>,
    pub reward: i64,
    pub days: i64,
    pub until: i64,
    pub done: bool,
}

/// The star map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Map {
    pub regions: Vec<StoredRegion>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredRegion {
    pub r#type: String,
    pub name: String,
    pub position: [f64; 2],
    pub connections: Vec<usize>,
    pub nodes: Vec<StoredNode>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredNode {
    pub r#type: String,
    pub name: String,
    pub position: [f64; 2],
    /// Places in the whole map's order.
    pub connections: Vec<usize>,
    pub has_repair: bool,
    pub has_trade: bool,
    pub danger: f64,
    pub ore: i64,
    pub salvage: i64,
    pub foes: i64,
    /// Item, taste in thousandths, usual stock.
    pub market: Vec<(String, i64, i64)>,
}

/// Why a stored game makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidState(String);

type Sense<T> = Result<T, InvalidState>;

fn nonsense<T>(what: impl Into<String>) -> Sense<T> {
    Err(InvalidState(what.into()))
}

fn check(holds: bool, what: &str) -> Sense<()> {
    if holds { Ok(()) } else { nonsense(what) }
}

fn look<T>(table: &Table<T>, id: &str) -> Sense<Ix<T>> {
    table.find(id).ok_or_else(|| InvalidState(format!("{id:?} is not in its content")))
}

fn ids<T>(table: &Table<T>, list: &[Ix<T>]) -> Vec<String> {
    list.iter().map(|ix| table.id(*ix).to_owned()).collect()
}

fn look_all<T>(table: &Table<T>, list: &[String]) -> Sense<Vec<Ix<T>>> {
    list.iter().map(|id| look(table, id)).collect()
}

impl Map {
    /// A map as it is written down.
    pub fn of(map: &StarMap, content: &Content) -> Self {
        let listing = |each: &Listing| (content.items.id(each.item).to_owned(), each.taste.into(), each.stock.into());
        let node = |at: usize| {
            let node = &map.nodes[at];
            StoredNode {
                r#type: content.nodes.id(node.kind).to_owned(),
                name: map.name(at).to_owned(),
                position: node.position,
                connections: map.ways(at).collect(),
                has_repair: node.repair,
                has_trade: node.trade,
                danger: node.danger,
                ore: node.ore.into(),
                salvage: node.salvage.into(),
                foes: node.foes.into(),
                market: map.market(at).iter().map(listing).collect(),
            }
        };
        let region = |region: &Region| StoredRegion {
            r#type: content.regions.id(region.kind).to_owned(),
            name: region.name.as_ref().to_owned(),
            position: region.position,
            connections: region.connections.clone(),
            nodes: region.nodes.clone().map(node).collect(),
        };
        Self { regions: map.regions.iter().map(region).collect() }
    }

    /// The map, if it makes sense.
    pub fn restore(&self, content: &Content) -> Sense<StarMap> {
        let mut map = Sketch::default();
        for stored in &self.regions {
            let first = map.nodes.len();
            for node in &stored.nodes {
                map.nodes.push(node.restore(content)?);
            }
            check(!stored.nodes.is_empty(), "a region has no places")?;
            check(stored.connections.iter().all(|to| *to < self.regions.len()), "a region leads nowhere")?;
            map.regions.push(Region {
                kind: look(&content.regions, &stored.r#type)?,
                name: stored.name.as_str().into(),
                position: stored.position,
                connections: stored.connections.clone(),
                nodes: first..map.nodes.len(),
            });
        }
        check(!map.nodes.is_empty(), "the map is empty")?;
        check(map.nodes.len() <= MAX_PLACES && map.regions.len() <= MAX_PLACES, "the map has too many places")?;
        let count = map.nodes.len();
        check(map.nodes.iter().all(|node| node.connections.iter().all(|to| *to < count)), "a route leads nowhere")?;
        let once = |node: &Draft| all_differ(&node.connections) && all_differ(node.market.iter().map(|each| each.item));
        check(map.nodes.iter().all(once), "a route or a price is there twice")?;
        check(map.regions.iter().all(|region| all_differ(&region.connections)), "a jump is there twice")?;
        Ok(map.finish())
    }

    /// SHA-256 of its JSON.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[&serde_json::to_vec(self).expect("stored types have string keys only, so they always serialize")])
    }
}

impl StoredNode {
    fn restore(&self, content: &Content) -> Sense<Draft> {
        let market = self.market.iter().map(|(item, taste, stock)| {
            let sane = |figure: i64| u16::try_from(figure).ok().filter(|figure| *figure > 0);
            let Some((taste, stock)) = sane(*taste).zip(sane(*stock)) else {
                return nonsense("a market makes no sense");
            };
            Ok(Listing { item: look(&content.items, item)?, taste, stock })
        });
        Ok(Draft {
            kind: look(&content.nodes, &self.r#type)?,
            name: self.name.clone(),
            position: self.position,
            connections: self.connections.clone(),
            repair: self.has_repair,
            trade: self.has_trade,
            danger: self.danger,
            ore: small(self.ore)?,
            salvage: small(self.salvage)?,
            foes: small(self.foes)?,
            market: market.collect::<Sense<_>>()?,
        })
    }
}

impl State {
    /// A game as it is written down.
    pub fn of(game: &Game, content: &Content) -> Self {
        let pod = |pod: &PodState| Pod {
            hp: pod.hp,
            augmentations: ids(&content.augmentations, &pod.augmentations),
            fresh: pod.fresh,
            ejected: pod.ejected,
        };
        let stack =
            |stack: &Stack| StoredStack { item_id: content.items.id(stack.item).to_owned(), quantity: stack.quantity };
        let effect = |effect: &TempEffect| {
            let TempEffect { shield, duration, rounds } = *effect;
            StoredEffect { shield, duration, rounds }
        };
        let place = |place: &Place| {
            let Place { sight, visited, scanned, ore, salvage, foes, foes_turn } = *place;
            (sight as u8, visited, scanned, ore.into(), salvage.into(), foes.into(), foes_turn.into())
        };
        let combat = |fight: CombatState| Combat {
            enemy_type: content.enemies.id(fight.enemy).to_owned(),
            enemy_hp: fight.hp,
            round: fight.round,
            quarry: fight.quarry,
        };
        let stock = |stock: &Stock| (stock.node, content.items.id(stock.item).to_owned(), stock.level, stock.turn);
        Self {
            player_stats: PlayerStats {
                health: game.health,
                wealth: game.wealth,
                food: game.food,
                fuel: game.fuel,
                ship_type: content.ships.id(game.ship).to_owned(),
                ship_condition: game.hull,
                ship_mods: ids(&content.mods, &game.mods),
                inventory: game.cargo.iter().map(stack).collect(),
                pod: game.pod.as_ref().map(pod),
                temp_effects: game.effects.iter().map(effect).collect(),
            },
            turn_count: game.turn,
            current_region_id: StarMap::region_id(game.region()),
            current_node_id: game.map.node_id(game.here),
            difficulty: game.difficulty,
            end: game.end.map(|end| end.id().to_owned()),
            combat: game.combat.map(combat),
            current_event: game.event.map(|event| content.events.id(event).to_owned()),
            quests: game.quests.iter().map(|quest| StoredQuest::of(quest, content)).collect(),
            offers: game.offers.iter().map(|quest| StoredQuest::of(quest, content)).collect(),
            begun: ids(&content.quests.quests, &game.begun),
            past: ids(&content.events, &game.past),
            next_quest: game.next_quest,
            free_actions: game.free_actions,
            wreck: game.wreck,
            statistics: game.statistics.clone(),
            achievements: ids(&content.achievements, &game.achievements),
            stocks: game.stocks.iter().map(stock).collect(),
            places: game.places.iter().map(place).collect(),
            seed: game.dice.seed,
            word_pos: game.dice.word_pos,
        }
    }

    /// The game, if it makes sense: every id known, every index and figure in its range.
    pub fn restore(&self, map: Arc<StarMap>, content: &Content) -> Sense<Game> {
        let here = map.find_node(&self.current_node_id);
        let here = here.ok_or_else(|| InvalidState("the player is nowhere".to_owned()))?;
        let (nodes, stats) = (map.nodes.len(), &self.player_stats);
        self.check_figures(nodes, content)?;
        let end = match self.end.as_deref() {
            None => None,
            Some(id) => Some(End::of_id(id).ok_or_else(|| InvalidState(format!("nothing ends with {id:?}")))?),
        };
        let game = Game {
            dice: Dice { seed: self.seed, word_pos: self.word_pos },
            difficulty: self.difficulty,
            places: self.places.iter().map(place).collect::<Sense<_>>()?,
            here,
            wreck: self.wreck,
            health: stats.health,
            wealth: stats.wealth,
            food: stats.food,
            fuel: stats.fuel,
            ship: look(&content.ships, &stats.ship_type)?,
            hull: stats.ship_condition,
            mods: look_all(&content.mods, &stats.ship_mods)?,
            pod: stats.pod.as_ref().map(|pod| pod.restore(content)).transpose()?,
            cargo: stats.inventory.iter().map(|stack| stack.restore(content)).collect::<Sense<_>>()?,
            effects: stats.temp_effects.iter().map(StoredEffect::restore).collect::<Sense<_>>()?,
            combat: self.combat.as_ref().map(|fight| fight.restore(content)).transpose()?,
            event: self.current_event.as_ref().map(|id| look(&content.events, id)).transpose()?,
            quests: self.quests.iter().map(|quest| quest.restore(nodes, content)).collect::<Sense<_>>()?,
            offers: self.offers.iter().map(|quest| quest.restore(nodes, content)).collect::<Sense<_>>()?,
            begun: look_all(&content.quests.quests, &self.begun)?,
            past: look_all(&content.events, &self.past)?,
            next_quest: self.next_quest,
            stocks: self.stocks.iter().map(|stock| restore_stock(stock, nodes, content)).collect::<Sense<_>>()?,
            turn: self.turn_count,
            free_actions: self.free_actions,
            end,
            statistics: self.statistics.clone(),
            achievements: look_all(&content.achievements, &self.achievements)?,
            map,
        };
        check_game(&game, content)?;
        Ok(game)
    }

    /// Whether every figure is in its range, on a map of so many places.
    fn check_figures(&self, nodes: usize, content: &Content) -> Sense<()> {
        let (stats, limits) = (&self.player_stats, &content.balance.limits);
        check(self.places.len() == nodes, "the places do not fit the map")?;
        check(self.seed <= MAX_SEED, "the seed is too large")?;
        check((0..=limits.health).contains(&stats.health), "health is out of range")?;
        check((0..=limits.wealth).contains(&stats.wealth), "wealth is out of range")?;
        check((0..=limits.food).contains(&stats.food), "food is out of range")?;
        check((0..=limits.fuel).contains(&stats.fuel), "fuel is out of range")?;
        check((0..=limits.turns).contains(&self.turn_count), "the turn is out of range")?;
        check(self.quests.len() <= limits.active_quests, "too many quests")?;
        check(self.offers.len() <= content.quests.offers.most, "too many offers")
    }

    /// SHA-256 over the map's digest and the state's JSON, in hex.
    pub fn digest(&self, map: &[u8; 32]) -> String {
        digest(map, &self.encode())
    }

    /// Its JSON, of which the digest is taken.
    pub fn encode(&self) -> Vec<u8> {
        // Most states have between 1 and 2 KB.
        let mut bytes = Vec::with_capacity(2048);
        serde_json::to_writer(&mut bytes, self).expect("stored types have string keys only, so they always serialize");
        bytes
    }
}

/// Whether a game's parts fit each other.
fn check_game(game: &Game, content: &Content) -> Sense<()> {
    let effective = Stats::of(game, content);
    check((0..=effective.max_hp).contains(&game.hull), "the hull is out of range")?;
    check(effective.used_cargo_space <= effective.cargo_capacity, "the cargo does not fit")?;
    check(game.cargo.is_sorted_by(|a, b| a.item < b.item), "the cargo is out of order")?;
    let fits = |slot: Slot| {
        let fitted = game.mods.iter().filter(|fitted| content.mods[**fitted].slot == slot).count();
        fitted <= usize::from(content.ships[game.ship].slots.of(slot))
    };
    check(Slot::ALL.into_iter().all(fits), "the mods do not fit the ship")?;
    check(game.effects.len() <= MAX_EFFECTS, "too many effects")?;
    let lists = all_differ(&game.begun) && all_differ(&game.past) && all_differ(&game.achievements);
    check(lists, "what happens once is there twice")?;
    check(all_differ(game.stocks.iter().map(|stock| (stock.node, stock.item))), "a stock is there twice")?;
    if let Some(pod) = &game.pod {
        check(pod.augmentations.len() <= content.pod.max_augmentations, "too many augmentations")?;
        check((0..=effective.pod_max_hp).contains(&pod.hp), "the pod's hull is out of range")?;
    }
    Ok(())
}

/// A figure of a place; content bounds all of them.
fn small(figure: i64) -> Sense<u16> {
    u16::try_from(figure).or_else(|_| nonsense("a figure of a place is out of range"))
}

fn place(stored: &(u8, bool, bool, i64, i64, i64, i64)) -> Sense<Place> {
    let (sight, visited, scanned, ore, salvage, foes, foes_turn) = *stored;
    let sight = match sight {
        0 => Sight::Unknown,
        1 => Sight::Sighted,
        2 => Sight::Charted,
        _ => return nonsense("a place is known in no known way"),
    };
    let [ore, salvage, foes, foes_turn] = [small(ore)?, small(salvage)?, small(foes)?, small(foes_turn)?];
    Ok(Place { sight, visited, scanned, ore, salvage, foes, foes_turn })
}

fn restore_stock(stored: &(usize, String, f64, i64), nodes: usize, content: &Content) -> Sense<Stock> {
    let (node, item, level, turn) = stored;
    check(*node < nodes && *level >= 0.0 && level.is_finite() && *turn >= 0, "a stock makes no sense")?;
    Ok(Stock { node: *node, item: look(&content.items, item)?, level: *level, turn: *turn })
}

impl StoredStack {
    fn restore(&self, content: &Content) -> Sense<Stack> {
        let item = look(&content.items, &self.item_id)?;
        check((1..=content.items[item].stack_size).contains(&self.quantity), "a stack is out of range")?;
        Ok(Stack { item, quantity: self.quantity })
    }
}

impl StoredEffect {
    fn restore(&self) -> Sense<TempEffect> {
        check(self.shield > 0 && self.duration > 0, "an effect is spent")?;
        Ok(TempEffect { shield: self.shield, duration: self.duration, rounds: self.rounds })
    }
}

impl Pod {
    fn restore(&self, content: &Content) -> Sense<PodState> {
        let augmentations = look_all(&content.augmentations, &self.augmentations)?;
        Ok(PodState { hp: self.hp, augmentations, fresh: self.fresh, ejected: self.ejected })
    }
}

impl Combat {
    fn restore(&self, content: &Content) -> Sense<CombatState> {
        let enemy = look(&content.enemies, &self.enemy_type)?;
        check((1..=content.enemies[enemy].hp).contains(&self.enemy_hp), "the enemy's hull is out of range")?;
        check((0..=content.balance.combat.rounds).contains(&self.round), "the round is out of range")?;
        Ok(CombatState { enemy, hp: self.enemy_hp, round: self.round, quarry: self.quarry })
    }
}

impl StoredQuest {
    fn of(quest: &Quest, content: &Content) -> Self {
        Self {
            number: quest.number,
            text: content.quests.quests.id(quest.text).to_owned(),
            giver: quest.giver,
            target: quest.target,
            weight: quest.weight,
            enemy: quest.enemy.map(|enemy| content.enemies.id(enemy).to_owned()),
            reward: quest.reward,
            days: quest.days,
            until: quest.until,
            done: quest.done,
        }
    }

    fn restore(&self, nodes: usize, content: &Content) -> Sense<Quest> {
        check(self.giver < nodes && self.target < nodes, "a quest leads nowhere")?;
        check(self.weight >= 0 && self.reward >= 0 && self.days >= 0, "a quest makes no sense")?;
        Ok(Quest {
            number: self.number,
            text: look(&content.quests.quests, &self.text)?,
            giver: self.giver,
            target: self.target,
            weight: self.weight,
            enemy: self.enemy.as_ref().map(|id| look(&content.enemies, id)).transpose()?,
            reward: self.reward,
            days: self.days,
            until: self.until,
            done: self.done,
        })
    }
}

/// The game of a map and a state, if it makes sense.
pub fn restore(map: &Map, state: &State, content: &Content) -> Sense<Game> {
    state.restore(Arc::new(map.restore(content)?), content)
}

/// Where the player is, for lists.
pub fn whereabouts(game: &Game) -> String {
    format!("{} ({})", game.map.name(game.here), game.map.regions[game.region()].name)
}

/// Whether no two are the same. What can only be there once also cannot be there without end.
fn all_differ<T: Ord>(list: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    list.into_iter().all(|each| seen.insert(each))
}

/// SHA-256 over a map's digest and a state's JSON, in hex.
pub fn digest(map: &[u8; 32], state: &[u8]) -> String {
    hex(&sha256(&[map, state]))
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part);
    }
    sha.finalize().into()
}
