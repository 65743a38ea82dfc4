//! Which content files there are: their names, the texts the program carries, and the schemas of their forms.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::achievements::Achievement;
use super::balance::Balance;
use super::combat::Move;
use super::enemies::Enemy;
use super::events::EventDef;
use super::items::Item;
use super::mods::Mod;
use super::names::Names;
use super::nodes::NodeKind;
use super::pod::PodFile;
use super::quests::Quests;
use super::regions::RegionKind;
use super::ships::Ship;
use crate::game::table::Table;

/// The texts of content files by name, as `ships.toml`.
pub type Files = BTreeMap<String, String>;

/// A content file there is: its name, the text the program carries, and the schema of its form.
pub(super) struct Known {
    pub name: &'static str,
    text: &'static str,
    pub schema: fn(&str) -> Schema,
}

macro_rules! known {
    ($($name:literal: $form:ty),* $(,)?) => {
        [$(Known {
            name: $name,
            text: include_str!(concat!("../../../data/", $name)),
            schema: schema::<$form>,
        }),*]
    };
}

/// Every content file there is.
pub(super) const KNOWN: [Known; 13] = known![
    "achievements.toml": Table<Achievement>,
    "balance.toml": Balance,
    "combat.toml": Table<Move>,
    "enemies.toml": Table<Enemy>,
    "events.toml": Table<EventDef>,
    "items.toml": Table<Item>,
    "mods.toml": Table<Mod>,
    "names.toml": Names,
    "nodes.toml": Table<NodeKind>,
    "pod.toml": PodFile,
    "quests.toml": Quests,
    "regions.toml": Table<RegionKind>,
    "ships.toml": Table<Ship>,
];

/// Files that content of earlier versions did not have.
pub(super) const LATER: [&str; 1] = ["achievements.toml"];

/// The content the program carries: the `data` folder at the time it was built.
pub fn built_in() -> Files {
    KNOWN.iter().map(|known| (known.name.to_owned(), known.text.to_owned())).collect()
}

/// The schema of a file's form. Draft 7 is what editors know.
pub(super) fn schema<T: JsonSchema>(name: &str) -> Schema {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), name.into());
    schema
}
