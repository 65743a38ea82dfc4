//! All content of a game in one value.

use super::achievements::Achievement;
use super::balance::Balance;
use super::combat::Move;
use super::enemies::Enemy;
use super::events::EventDef;
use super::items::Item;
use super::mods::Mod;
use super::names::Names;
use super::nodes::NodeKind;
use super::pod::{Augmentation, Pod};
use super::quests::Quests;
use super::regions::RegionKind;
use super::ships::Ship;
use crate::game::table::Table;

/// All content of a game. Read-only, shared by every game that began with it.
#[derive(Debug)]
pub struct Content {
    /// SHA-256 over the names and texts of the files, in hex: the content's name for ever.
    pub hash: String,
    /// Hulls.
    pub ships: Table<Ship>,
    /// Modules.
    pub mods: Table<Mod>,
    /// What a hold carries.
    pub items: Table<Item>,
    /// Who shoots back.
    pub enemies: Table<Enemy>,
    /// Combat moves.
    pub moves: Table<Move>,
    /// The flight pod.
    pub pod: Pod,
    /// What a pod can be fitted with.
    pub augmentations: Table<Augmentation>,
    /// Kinds of region.
    pub regions: Table<RegionKind>,
    /// Kinds of place.
    pub nodes: Table<NodeKind>,
    /// Words for names.
    pub names: Names,
    /// What may happen on arrival.
    pub events: Table<EventDef>,
    /// Work.
    pub quests: Quests,
    /// Every other number.
    pub balance: Balance,
    /// What is worth remembering.
    pub achievements: Table<Achievement>,
}
