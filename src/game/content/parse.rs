//! Content from the texts of its files: whole, with every reference resolved, or all that is wrong with it.

use sha2::{Digest, Sha256};

use super::catalog::Content;
use super::check::check;
use super::files::Files;
use super::pod::PodFile;
use super::reach::never_seen;
use super::reader::{Fault, Reader};
use super::resolve::resolve;
use crate::hex::hex;

/// What a look at content finds.
#[derive(Debug)]
pub struct Checked {
    /// The content, or every fault of it.
    pub content: Result<Content, Vec<Fault>>,
    /// What is good, and can never appear in a game.
    pub warnings: Vec<Fault>,
}

impl Content {
    /// Content from the texts of its files ([`super::bundle`]), or every fault found in them.
    pub fn parse(files: &Files) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::open(files);
        let content = Self::build(&mut reader, files);
        content.filter(|_| reader.faults.is_empty()).ok_or_else(|| reader.explain())
    }

    /// As [`Self::parse`], with warnings of what can never appear.
    pub fn check_all(files: &Files) -> Checked {
        let content = Self::parse(files);
        let Ok(good) = &content else { return Checked { content, warnings: Vec::new() } };
        let mut reader = Reader::open(files);
        for (file, key, problem) in never_seen(good) {
            reader.fault(file, &key, problem);
        }
        Checked { content, warnings: reader.placed() }
    }

    /// The content, where every file can be read; what is wrong with it is with the reader.
    fn build(reader: &mut Reader<'_>, files: &Files) -> Option<Self> {
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
        let (
            (Some(ships), Some(mods), Some(items), Some(enemies)),
            (Some(moves), Some(pod), Some(regions)),
            (Some(nodes), Some(names), Some(events)),
            (Some(quests), Some(balance), Some(achievements)),
        ) = parts
        else {
            return None;
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
        resolve(&mut content, reader);
        check(&content, reader);
        Some(content)
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
