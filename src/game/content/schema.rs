//! JSON schemas of the content files, for editors.

use std::collections::BTreeMap;

use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};

use super::files::{KNOWN, schema};
use super::pack::{PACK, Pack};

/// The schemas by file name: `ships.json` of a whole `ships.toml`, and `ships.overlay.json` of one in an overlay, where
/// everything may be left out that the built-in file has.
pub fn schemas() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, ending: &str, schema: &Schema| {
        let stem = name.trim_end_matches(".toml");
        // A schema is made of strings and numbers, which always serialize.
        let text = serde_json::to_string_pretty(schema).unwrap_or_default();
        all.insert(format!("{stem}{ending}"), text + "\n");
    };
    add(PACK, ".json", &schema::<Pack>(PACK));
    for known in KNOWN {
        let mut schema = (known.schema)(known.name);
        add(known.name, ".json", &schema);
        RecursiveTransform(|schema: &mut Schema| {
            schema.remove("required");
        })
        .transform(&mut schema);
        add(known.name, ".overlay.json", &schema);
    }
    all
}
