//! Reading content files into values, and gathering all that is wrong with them, each fault with its place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use garde::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::document::{Document, Layer, line_and_column};
use super::files::{Files, KNOWN, LATER, schema};
use super::pack::{Mode, PACK, Pack, lies_over, over, plain, removed};
use super::walk::{Ids, Walk, instead};
use crate::game::RULES_VERSION;

/// A fault in content: where, and what.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file's name.
    pub file: String,
    /// It stands in the built-in file of that name, under a pack.
    pub built_in: bool,
    /// From 1 on; none where there is no such file.
    pub line: Option<usize>,
    /// In characters, from 1 on.
    pub column: Option<usize>,
    /// The path of keys to the value, dotted.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, built_in, line, column, key, problem } = self;
        f.write_str(if *built_in { "built-in " } else { "" })?;
        f.write_str(file)?;
        if let (Some(line), Some(column)) = (line, column) {
            write!(f, ":{line}:{column}")?;
        }
        if key.is_empty() { write!(f, ": {problem}") } else { write!(f, ": {key}: {problem}") }
    }
}

/// Reads the files, and gathers what is wrong.
pub(super) struct Reader<'a> {
    documents: BTreeMap<&'a str, Document<'a>>,
    pub faults: Vec<Fault>,
    /// Of the faults, those that a walk by the schema finds too, and tells better.
    rough: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub fn open(files: &'a Files) -> Self {
        let mut reader = Self { documents: BTreeMap::new(), faults: Vec::new(), rough: Vec::new() };
        let lies_over = lies_over(files);
        for (name, text) in files {
            let plain = plain(name);
            let is_over = plain.len() < name.len();
            if plain != PACK && !KNOWN.iter().any(|known| known.name == plain) || (is_over && !lies_over) {
                let names = KNOWN.iter().map(|known| known.name).chain([PACK]);
                reader.fault(plain, "", &format!("is no content file; {}", instead(plain, names)));
            } else if !is_over {
                let built_in = lies_over && name != PACK;
                reader.documents.entry(name).or_default().lay(Layer { text, built_in });
            }
        }
        let pack = reader.read::<Pack>(PACK).filter(|_| files.contains_key(PACK));
        if let Some(pack) = &pack {
            reader.prepare(pack);
        }
        for known in KNOWN {
            let over = files.get(&over(known.name)).filter(|_| lies_over);
            if let Some(text) = over {
                reader.documents.entry(known.name).or_default().lay(Layer { text, built_in: false });
            }
            if !reader.documents.contains_key(known.name) && !LATER.contains(&known.name) {
                reader.fault(known.name, "", "the file is missing");
            }
        }
        reader.tell_broken();
        reader
    }

    /// What a pack asks for before its files are laid over.
    fn prepare(&mut self, pack: &Pack) {
        if pack.rules > RULES_VERSION {
            let problem = format!("is made for rules {}; this program plays {RULES_VERSION}", pack.rules);
            self.fault(PACK, "rules", &problem);
        }
        if pack.mode == Mode::Replace && !pack.remove.is_empty() {
            self.fault(PACK, "remove", "is for overlays; what this pack does not have is not there");
            return;
        }
        for (at, entry) in pack.remove.iter().enumerate() {
            let key = format!("remove[{at}]");
            let Some((file, path)) = removed(entry) else {
                self.fault(PACK, &key, "must be a file and a key in it, as items.scrap_metal");
                continue;
            };
            let gone = match self.documents.get_mut(file.as_ref()).filter(|_| file != PACK) {
                Some(document) => document.remove(path).map_err(|keys| {
                    let last = path.rsplit('.').next().unwrap_or_default();
                    format!("there is no such key; {}", instead(last, keys.iter().map(String::as_str)))
                }),
                None => Err(format!("there is no {file}")),
            };
            if let Err(problem) = gone {
                self.fault(PACK, &key, &problem);
            }
        }
    }

    /// Tells what is no TOML.
    fn tell_broken(&mut self) {
        for (name, document) in &self.documents {
            for (layer, span, problem) in &document.broken {
                let Layer { text, built_in } = document.layers[*layer];
                let (line, column) = line_and_column(text, span.start);
                self.faults.push(Fault {
                    file: (*name).to_owned(),
                    built_in,
                    line: Some(line),
                    column: Some(column),
                    key: String::new(),
                    problem: problem.clone(),
                });
            }
        }
    }

    pub fn fault(&mut self, file: &str, key: &str, problem: &str) {
        let (file, key, problem) = (file.to_owned(), key.to_owned(), problem.to_owned());
        self.faults.push(Fault { file, key, problem, ..Fault::default() });
    }

    /// A fault of a value's form, or of what it refers to.
    pub fn rough(&mut self, file: &str, key: &str, problem: &str) {
        self.fault(file, key, problem);
        self.rough.extend(self.faults.last().cloned());
    }

    /// A file that content may lack.
    pub fn read_or_none<T: DeserializeOwned + Default + Validate<Context = ()>>(&mut self, file: &str) -> Option<T> {
        if self.documents.contains_key(file) { self.read(file) } else { Some(T::default()) }
    }

    pub fn read<T: DeserializeOwned + Validate<Context = ()>>(&mut self, file: &str) -> Option<T> {
        let document = self.documents.get(file)?;
        if !document.broken.is_empty() {
            return None;
        }
        let whole = Spanned::new(0..0, DeValue::Table(document.table.clone()));
        match serde_path_to_error::deserialize::<_, T>(ValueDeserializer::from(whole)) {
            Ok(value) => {
                if let Err(report) = value.validate() {
                    for (path, error) in report.iter() {
                        self.fault(file, &path.to_string(), error.message());
                    }
                }
                Some(value)
            }
            Err(error) => {
                let path = error.path().to_string();
                let path = if path == "." { "" } else { &path };
                self.rough(file, path, error.inner().message());
                None
            }
        }
    }

    /// All that is wrong, in the order of files and lines.
    pub fn explain(mut self) -> Vec<Fault> {
        let known = || KNOWN.iter().map(|known| (known.name, (known.schema)(known.name)));
        let packs = [(PACK, schema::<Pack>(PACK))];
        let schemas: BTreeMap<_, _> = known().chain(packs).map(|(name, schema)| (name, schema.to_value())).collect();
        let whole = |document: &&Document<'_>| document.broken.is_empty();
        let mut ids = Ids::new();
        for (name, schema) in &schemas {
            if let Some(document) = self.documents.get(name).filter(whole) {
                for (kind, defined) in Walk::through(schema, &Ids::new(), &document.table).defined {
                    ids.entry(kind).or_insert((name, Vec::new())).1.extend(defined);
                }
            }
        }
        // What a broken file defines nobody knows, and what refers to it is no fault of its own.
        for (name, schema) in &schemas {
            let Some(document) = self.documents.get(name).filter(whole) else { continue };
            let found = Walk::through(schema, &ids, &document.table).faults;
            if !found.is_empty() {
                self.faults.retain(|fault| {
                    let told = found.iter().any(|(key, _)| *key == fault.key) || self.rough.contains(fault);
                    fault.file != *name || !told
                });
            }
            for (key, problem) in found {
                self.fault(name, &key, &problem);
            }
        }
        let mut faults = self.placed();
        // The built-in content refers to nothing that it does not have.
        for fault in faults.iter_mut().filter(|fault| fault.built_in && fault.problem.contains(" is not defined in ")) {
            fault.problem.push_str("; the pack has removed it");
        }
        faults
    }

    /// The faults, each with the place of the value or of the nearest one around it.
    pub fn placed(self) -> Vec<Fault> {
        let mut faults = self.faults;
        for (name, document) in &self.documents {
            let mut ours = faults.iter_mut().filter(|fault| fault.file == *name && fault.line.is_none()).peekable();
            if ours.peek().is_none() {
                continue;
            }
            let places = document.places();
            for fault in ours {
                let mut path: Cow<'_, str> = fault.key.as_str().into();
                while !path.is_empty() && !places.contains_key(path.as_ref()) {
                    path = path.rfind(['.', '[']).map_or("", |at| &path[..at]).to_owned().into();
                }
                let (layer, at) = match places.get(path.as_ref()) {
                    Some((layer, span)) => (*layer, span.start),
                    // In an overlay what is missing is missing in the pack.
                    None => (document.layers.len() - 1, 0),
                };
                let Layer { text, built_in } = document.layers[layer];
                let (line, column) = line_and_column(text, at);
                (fault.built_in, fault.line, fault.column) = (built_in, Some(line), Some(column));
            }
        }
        faults.sort();
        faults.dedup();
        faults
    }
}
