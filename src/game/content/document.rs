//! A content file as a tree of values, before anything is known of their types: read, laid over another, and with the place
//! of each value.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a text stands.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a> {
    pub text: &'a str,
    /// It is the built-in text under a pack.
    pub built_in: bool,
}

/// A file, made of one text or of a pack's laid over the built-in one.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub table: DeTable<'a>,
    /// The first is the lowest.
    pub layers: Vec<Layer<'a>>,
    /// What is no TOML: in which layer, where, and what.
    pub broken: Vec<(usize, Range<usize>, String)>,
}

impl<'a> Document<'a> {
    /// Lays a text over what is there: tables are merged key by key, everything else is replaced.
    pub fn lay(&mut self, layer: Layer<'a>) {
        let (table, errors) = DeTable::parse_recoverable(layer.text);
        let at = self.layers.len();
        self.broken
            .extend(errors.iter().map(|error| (at, error.span().unwrap_or_default(), error.message().to_owned())));
        let table = table.into_inner();
        match long_key(&table) {
            Some(span) => self.broken.push((at, span, format!("this key is longer than {MAX_KEY_BYTES} bytes"))),
            None => merge(&mut self.table, table),
        }
        self.layers.push(layer);
    }

    /// Takes out what stands under a path of keys; the keys that are there instead where it leads nowhere.
    pub fn remove(&mut self, path: &str) -> Result<(), Vec<String>> {
        let mut table = &mut self.table;
        let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
        for key in parents.split('.').filter(|key| !key.is_empty()) {
            if !matches!(table.get(key).map(Spanned::get_ref), Some(DeValue::Table(_))) {
                return Err(keys(table));
            }
            let Some(DeValue::Table(inner)) = table.get_mut(key).map(Spanned::get_mut) else { return Ok(()) };
            table = inner;
        }
        table.remove(last).map(|_| ()).ok_or_else(|| keys(table))
    }

    /// Where each value stands, by its path: in which layer, and its key or, in an array, the value itself.
    pub fn places(&self) -> BTreeMap<String, (usize, Range<usize>)> {
        let mut places = BTreeMap::new();
        for (at, layer) in self.layers.iter().enumerate() {
            if self.broken.iter().any(|(broken, ..)| *broken == at) {
                continue;
            }
            let (table, _) = DeTable::parse_recoverable(layer.text);
            place(&mut places, at, "", table.get_ref());
        }
        places
    }
}

/// Every fault has the path of its key, and every stored state has ids: neither may be as long as a pack likes.
const MAX_KEY_BYTES: usize = 100;

/// Where a key is that is too long.
fn long_key(table: &DeTable<'_>) -> Option<Range<usize>> {
    table.iter().find_map(|(key, value)| {
        if key.get_ref().len() > MAX_KEY_BYTES { Some(key.span()) } else { long_key_within(value.get_ref()) }
    })
}

fn long_key_within(value: &DeValue<'_>) -> Option<Range<usize>> {
    match value {
        DeValue::Table(table) => long_key(table),
        DeValue::Array(array) => array.iter().find_map(|value| long_key_within(value.get_ref())),
        _ => None,
    }
}

fn keys(table: &DeTable<'_>) -> Vec<String> {
    table.keys().map(|key| key.get_ref().to_string()).collect()
}

fn merge<'a>(under: &mut DeTable<'a>, over: DeTable<'a>) {
    for (key, value) in over {
        match (under.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut), value.get_ref()) {
            (Some(DeValue::Table(under)), DeValue::Table(_)) => {
                if let DeValue::Table(over) = value.into_inner() {
                    merge(under, over);
                }
            }
            _ => drop(under.insert(key, value)),
        }
    }
}

/// The path of a key in a table.
pub(super) fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn place(places: &mut BTreeMap<String, (usize, Range<usize>)>, layer: usize, path: &str, table: &DeTable<'_>) {
    for (key, value) in table {
        let path = below(path, key.get_ref());
        places.insert(path.clone(), (layer, key.span()));
        place_within(places, layer, &path, value.get_ref());
    }
}

fn place_within(places: &mut BTreeMap<String, (usize, Range<usize>)>, layer: usize, path: &str, value: &DeValue<'_>) {
    match value {
        DeValue::Table(table) => place(places, layer, path, table),
        DeValue::Array(array) => {
            for (at, value) in array.iter().enumerate() {
                let path = format!("{path}[{at}]");
                places.insert(path.clone(), (layer, value.span()));
                place_within(places, layer, &path, value.get_ref());
            }
        }
        _ => {}
    }
}

/// Line and column of a place in a text, from 1 on; columns are characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (1 + before.matches('\n').count(), 1 + line.chars().count())
}
