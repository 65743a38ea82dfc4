//! `data/names.toml`: words for the names of regions and places.

use std::collections::{BTreeMap, BTreeSet};

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

/// Words for names, by the ids of regions and places.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Names of regions, by region kind.
    #[garde(custom(name_lists))]
    pub regions: BTreeMap<String, Vec<String>>,
    /// First words of places, by region kind.
    #[garde(custom(name_lists))]
    pub firsts: BTreeMap<String, Vec<String>>,
    /// Last words of places, by kind of place.
    #[garde(custom(name_lists))]
    pub lasts: BTreeMap<String, Vec<String>>,
}

// garde hands over the field as it is and the context by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn name_lists(lists: &BTreeMap<String, Vec<String>>, (): &()) -> garde::Result {
    for (key, list) in lists {
        let mut seen = BTreeSet::new();
        for name in list {
            if name.is_empty() || name.chars().count() > 40 {
                return Err(garde::Error::new(format!("{key}: a name has 1 to 40 characters")));
            }
            if !seen.insert(name) {
                return Err(garde::Error::new(format!("{key}: {name:?} stands twice")));
            }
        }
    }
    Ok(())
}
