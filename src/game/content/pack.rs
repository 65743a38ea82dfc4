//! Content packs: a folder of content with a `pack.toml`, which says whether it stands alone or over the built-in content.

use std::borrow::Cow;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

use super::files::{Files, built_in};

/// The file that makes a folder a pack.
pub(super) const PACK: &str = "pack.toml";
/// Under which the files of an overlay stand beside the built-in ones.
const OVER: &str = "pack/";

/// What `pack.toml` says.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// What people call it.
    #[garde(length(min = 1, max = 100))]
    pub name: String,
    /// What it is for.
    #[garde(length(max = 500))]
    #[serde(default)]
    pub description: String,
    /// Whether the built-in content lies under it.
    #[garde(skip)]
    pub mode: Mode,
    /// The least version of the rules that it is made for.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(default = "first")]
    pub rules: u32,
    /// Overlays: what is taken out of the built-in content first, as `items.scrap_metal` or `ships.scout.slots.rig`.
    #[garde(length(max = 1_000))]
    #[serde(default)]
    pub remove: Vec<String>,
}

fn first() -> u32 {
    1
}

/// Whether the built-in content lies under a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It does: the pack's files add to it and change single keys.
    Overlay,
    /// It does not: the pack is everything.
    Replace,
}

/// A folder's files as they are parsed, named by their hash, and kept for the games that began with them. An overlay takes the
/// built-in content along, so that a game goes on with the same whole under a program with another.
pub fn bundle(folder: Files) -> Files {
    if !lies_over(&folder) {
        return folder;
    }
    let mut all = built_in();
    all.extend(folder.into_iter().map(|(name, text)| {
        let name = if name == PACK { name } else { format!("{OVER}{name}") };
        (name, text)
    }));
    all
}

/// Whether the built-in content lies under a pack. A pack that does not say so clearly is read as if it did: then there are the
/// fewest faults besides that one.
pub(super) fn lies_over(files: &Files) -> bool {
    let replaces = |text: &String| {
        let (table, _) = DeTable::parse_recoverable(text);
        table.get_ref().get("mode").and_then(|mode| mode.get_ref().as_str()) == Some("replace")
    };
    files.get(PACK).is_some_and(|text| !replaces(text))
}

/// The file that lies over another, in a bundle.
pub(super) fn over(name: &str) -> String {
    format!("{OVER}{name}")
}

/// A file of a bundle, as its author knows it.
pub(super) fn plain(name: &str) -> &str {
    name.strip_prefix(OVER).unwrap_or(name)
}

/// The file and the path in it that an entry of `remove` names.
pub(super) fn removed(entry: &str) -> Option<(Cow<'static, str>, &str)> {
    let (stem, path) = entry.split_once('.')?;
    Some((format!("{stem}.toml").into(), path))
}
