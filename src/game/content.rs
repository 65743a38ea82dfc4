//! The content of a game: every ship, item, enemy, place, event and number the rules speak of.
//!
//! Each file of `data` has a file here with its definitions and the range of each number; [`Content`] has them all.
//! [`Content::parse`] takes the texts of the files and answers with content in which every reference leads somewhere and
//! everything fits together, or with all the faults it found, each with its file and key. Reading files is not done here.

mod achievements;
mod balance;
mod catalog;
mod check;
mod combat;
mod document;
mod enemies;
mod events;
mod files;
mod items;
mod mods;
mod names;
mod nodes;
mod pack;
mod parse;
mod pod;
mod quests;
mod reach;
mod reader;
mod regions;
mod resolve;
mod schema;
mod ships;
mod validate;
mod walk;

pub use achievements::{Achievement, Measure};
pub use balance::{
    Balance, Combat, Difficulties, Difficulty, DifficultyRules, Dock, Find, Limits, MapShape, Market, Mine, Salvage,
    Scan, Seek, Start, Travel, Upkeep,
};
pub use catalog::Content;
pub use combat::Move;
pub use enemies::{Enemy, Loot};
pub use events::{Choice, Effect, Ending, EventDef, Needs};
pub use files::{Files, built_in};
pub use items::{Category, Item, UseEffect};
pub use mods::{Mod, ModEffects};
pub use names::Names;
pub use nodes::NodeKind;
pub use pack::{Mode, Pack, bundle};
pub use parse::Checked;
pub use pod::{Augmentation, Pod, PodEffects, PodSlot};
pub use quests::{KindRules, Kinds, OfferRules, QuestKind, QuestText, Quests, RewardRules};
pub use reader::Fault;
pub use regions::{Background, Prowler, RegionKind};
pub use schema::schemas;
pub use ships::{Ship, Slot, Slots};
