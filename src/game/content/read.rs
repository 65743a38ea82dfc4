//! Reading content: from the texts of its files to values that are whole, or to all that is wrong with them.

use std::collections::BTreeMap;
use std::fmt;

use garde::Validate;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{Content, PodFile};

/// The texts of content files by name, as `ships.toml`.
pub type Files = BTreeMap<String, String>;

macro_rules! carried {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../../data/", $name)))),*] };
}

/// Every content file there is, with the text the program carries.
const FILES: [(&str, &str); 13] = carried![
    "achievements.toml",
    "balance.toml",
    "combat.toml",
    "enemies.toml",
    "events.toml",
    "items.toml",
    "mods.toml",
    "names.toml",
    "nodes.toml",
    "pod.toml",
    "quests.toml",
    "regions.toml",
    "ships.toml"
];

/// The content the program carries: the `data` folder at the time it was built.
pub fn built_in() -> Files {
    FILES.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

/// A fault in content: where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file's name.
    pub file: String,
    /// The path of keys to the value, dotted.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.key, self.problem)
    }
}
impl Content {
    /// Content from the texts of its files, or every fault found in them.
    pub fn parse(files: &Files) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader { files, faults: Vec::new() };
        let parts = (
            (
                reader.read("ships.toml"),
                reader.read("mods.toml"),
                reader.read("items.toml"),
                reader.read("enemies.toml"),
            ),
            (reader.read("combat.toml"), reader.read::<PodFile>("pod.toml"), reader.read("regions.toml")),
            (reader.read("nodes.toml"), reader.read("names.toml"), reader.read("events.toml")),
            (reader.read("quests.toml"), reader.read("balance.toml"), reader.read_or_none("achievements.toml")),
        );
        for name in files.keys().filter(|name| !FILES.iter().any(|(known, _)| known == name)) {
            reader.fault(name, "", "no such content file is known");
        }
        let (
            (Some(ships), Some(mods), Some(items), Some(enemies)),
            (Some(moves), Some(pod), Some(regions)),
            (Some(nodes), Some(names), Some(events)),
            (Some(quests), Some(balance), Some(achievements)),
        ) = parts
        else {
            return Err(reader.faults);
        };
        let PodFile { pod, augmentations } = pod;
        let hash = hash(files);
        let mut content = Self {
            hash,
            ships,
            mods,
            items,
            enemies,
            moves,
            pod,
            augmentations,
            regions,
            nodes,
            names,
            events,
            quests,
            balance,
            achievements,
        };
        content.resolve(&mut reader);
        content.check(&mut reader);
        if reader.faults.is_empty() { Ok(content) } else { Err(reader.faults) }
    }
}

pub(super) struct Reader<'a> {
    files: &'a Files,
    pub(super) faults: Vec<Fault>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, file: &str, key: &str, problem: &str) {
        self.faults.push(Fault { file: file.to_owned(), key: key.to_owned(), problem: problem.to_owned() });
    }

    /// A file that content of earlier versions did not have.
    fn read_or_none<T: DeserializeOwned + Default + Validate<Context = ()>>(&mut self, file: &str) -> Option<T> {
        if self.files.contains_key(file) { self.read(file) } else { Some(T::default()) }
    }

    fn read<T: DeserializeOwned + Validate<Context = ()>>(&mut self, file: &str) -> Option<T> {
        let Some(text) = self.files.get(file) else {
            self.fault(file, "", "the file is missing");
            return None;
        };
        let parsed = match toml::Deserializer::parse(text) {
            Ok(deserializer) => serde_path_to_error::deserialize(deserializer)
                .map_err(|error| (error.path().to_string(), error.into_inner())),
            Err(error) => Err((String::new(), error)),
        };
        match parsed {
            Ok(value) => {
                let value: T = value;
                if let Err(report) = value.validate() {
                    for (path, error) in report.iter() {
                        self.fault(file, &path.to_string(), error.message());
                    }
                }
                Some(value)
            }
            Err((path, error)) => {
                let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
                let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
                self.fault(file, &path, &format!("{place}{}", error.message()));
                None
            }
        }
    }
}
fn hash(files: &Files) -> String {
    let mut sha = Sha256::new();
    for (name, text) in files {
        for part in [name, text] {
            sha.update((part.len() as u64).to_le_bytes());
            sha.update(part);
        }
    }
    hex(&sha.finalize())
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}
