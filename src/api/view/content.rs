//! The content of games: `GET /api/content`.

use serde::Serialize;

use crate::game::content::{
    Achievement, Augmentation, Content, Difficulties, Dock, Enemy, Item, Limits, Mod, Move, NodeKind, Pod, RegionKind,
    Ship,
};
use crate::game::table::Table;

/// The content a client needs to show a game: everything but the words names are made of. Tables are objects by id.
#[derive(Debug, Serialize)]
pub struct ContentView<'a> {
    /// Names it: content of the same hash is the same.
    pub hash: &'a str,
    /// Ships.
    pub ships: &'a Table<Ship>,
    /// Modules of ships.
    pub mods: &'a Table<Mod>,
    /// What a hold carries.
    pub items: &'a Table<Item>,
    /// Enemies.
    pub enemies: &'a Table<Enemy>,
    /// Moves in a fight.
    pub combat_moves: &'a Table<Move>,
    /// The flight pod.
    pub pod: &'a Pod,
    /// What a pod can be fitted with.
    pub augmentations: &'a Table<Augmentation>,
    /// Kinds of region.
    pub regions: &'a Table<RegionKind>,
    /// Kinds of place.
    pub nodes: &'a Table<NodeKind>,
    /// What a difficulty means.
    pub difficulties: &'a Difficulties,
    /// What is worth remembering.
    pub achievements: &'a Table<Achievement>,
    /// Turns, quests, and other bounds of a game.
    pub limits: &'a Limits,
    /// What docks take for their services.
    pub dock: &'a Dock,
}

impl<'a> ContentView<'a> {
    /// Of content.
    pub fn of(content: &'a Content) -> Self {
        Self {
            hash: &content.hash,
            ships: &content.ships,
            mods: &content.mods,
            items: &content.items,
            enemies: &content.enemies,
            combat_moves: &content.moves,
            pod: &content.pod,
            augmentations: &content.augmentations,
            regions: &content.regions,
            nodes: &content.nodes,
            difficulties: &content.balance.difficulty,
            achievements: &content.achievements,
            limits: &content.balance.limits,
            dock: &content.balance.dock,
        }
    }
}
