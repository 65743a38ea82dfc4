//! What outlives the process: one folder of files. All calls block; the caller decides on which thread.
//!
//! | file | what |
//! | --- | --- |
//! | `session_{id}.json` | the checkpoint of a session, [`model::Checkpoint`], replaced whole |
//! | `session_{id}.turns.jsonl` | its history, a [`model::Turn`] a line, appended before the checkpoint is replaced |
//! | `content_{hash}.json` | the texts of the content files that games began with |
//! | `tombstones.jsonl` | sessions that are gone for good, a [`model::Tombstone`] a line |
//! | `keys.json` | the key that signs tokens |
//!
//! A file that cannot be read is set aside as `*.invalid` and reported; it hurts nobody else.

mod folder;
pub mod model;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::game::content::{Content, Files, hex};
use folder::Folder;
use model::{Checkpoint, Header, Tombstone, Turn, Version};

/// The name of the tombstones' file.
const TOMBSTONES: &str = "tombstones.jsonl";

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk said no: it may be full, read-only or gone. Trying again later may help.
    #[error("{file}: {source}")]
    Io {
        /// Which file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is damaged; it has been set aside.
    #[error("{file}: {problem}")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file was written by a newer version of this program; it is left alone.
    #[error("{file} was written by a newer version of this program (format {version})")]
    Newer {
        /// Which file.
        file: String,
        /// Its format.
        version: u32,
    },
}

/// The folder of one server.
#[derive(Debug)]
pub struct Store {
    folder: Folder,
    set_aside: Mutex<Vec<String>>,
    /// Held while the tombstones' file is appended to or rewritten.
    graveyard: Mutex<()>,
}

impl Store {
    /// The most names of set-aside files that are remembered for `/stats`; the log has them all.
    const MOST_REPORTED: usize = 100;

    /// Opens a folder, and makes it if it is not there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let folder = Folder::open(path).map_err(at(&path.display().to_string()))?;
        Ok(Self { folder, set_aside: Mutex::default(), graveyard: Mutex::default() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The files set aside since the start, up to a hundred.
    pub fn set_aside(&self) -> Vec<String> {
        self.set_aside.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The headers of all sessions in the folder. Damaged files are set aside, newer ones left alone; both are logged.
    pub fn scan(&self) -> Result<Vec<Header>, StoreError> {
        let mut headers = Vec::new();
        for name in self.folder.list().map_err(at("."))? {
            let Some(id) = session_of(&name) else { continue };
            match self.read_versioned::<Header>(&name) {
                Ok(Some(header)) if header.session_id == id => headers.push(header),
                Ok(Some(_)) => drop(self.damaged(&name, "it holds another session")),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a session is left out"),
            }
        }
        Ok(headers)
    }

    /// Writes what happened since the last checkpoint, then the checkpoint itself.
    pub fn save(&self, checkpoint: &Checkpoint, turns: &[Turn]) -> Result<(), StoreError> {
        if !turns.is_empty() {
            // A line feed first: should the last append have been torn, this one begins on a line of its own.
            let mut lines = vec![b'\n'];
            for turn in turns {
                to_line(&mut lines, turn);
            }
            let name = turns_file(checkpoint.session_id);
            self.folder.append(&name, &lines).map_err(at(&name))?;
        }
        self.write(&session_file(checkpoint.session_id), checkpoint)
    }

    /// The checkpoint of a session; none where there is no file.
    pub fn load(&self, id: Uuid) -> Result<Option<Checkpoint>, StoreError> {
        self.read_versioned(&session_file(id))
    }

    /// The history of a session up to its checkpoint's revision, oldest first, from after a revision.
    ///
    /// The last line of a revision counts, and lines beyond the checkpoint belong to a future that was lost in a crash.
    pub fn turns(&self, id: Uuid, after: u64, up_to: u64, most: usize) -> Result<Vec<Turn>, StoreError> {
        let name = turns_file(id);
        let Some(bytes) = self.folder.read(&name).map_err(at(&name))? else { return Ok(Vec::new()) };
        let mut turns = BTreeMap::new();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<Turn>(line) {
                Ok(turn) if turn.revision > after && turn.revision <= up_to => drop(turns.insert(turn.revision, turn)),
                Ok(_) => {}
                Err(error) => tracing::warn!(file = name, %error, "a line of history is passed over"),
            }
        }
        Ok(turns.into_values().take(most).collect())
    }

    /// Buries a session: the tombstone first, so that a crash in between finishes the work at the next start.
    pub fn bury(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let mut line = vec![b'\n'];
        to_line(&mut line, tombstone);
        {
            let _alone = self.graveyard.lock().unwrap_or_else(PoisonError::into_inner);
            self.folder.append(TOMBSTONES, &line).map_err(at(TOMBSTONES))?;
        }
        self.remove_session(tombstone.session_id)
    }

    /// Removes a session's files.
    pub fn remove_session(&self, id: Uuid) -> Result<(), StoreError> {
        for name in [session_file(id), turns_file(id)] {
            self.folder.remove(&name).map_err(at(&name))?;
        }
        Ok(())
    }

    /// All tombstones that were written, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, StoreError> {
        let Some(bytes) = self.folder.read(TOMBSTONES).map_err(at(TOMBSTONES))? else { return Ok(Vec::new()) };
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// Rewrites the tombstones' file without those that are not kept; how many are left.
    pub fn compact_tombstones(&self, keep: impl Fn(&Tombstone) -> bool) -> Result<usize, StoreError> {
        let _alone = self.graveyard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = self.tombstones()?;
        kept.retain(keep);
        let mut lines = Vec::new();
        for tombstone in &kept {
            to_line(&mut lines, tombstone);
        }
        self.folder.replace(TOMBSTONES, &lines).map_err(at(TOMBSTONES))?;
        Ok(kept.len())
    }

    /// The key that signs tokens, as hex; written on first use.
    pub fn key(&self, fresh: impl FnOnce() -> [u8; 32]) -> Result<String, StoreError> {
        const KEYS: &str = "keys.json";
        if let Some(keys) = self.read_versioned::<model::Keys>(KEYS)? {
            return Ok(keys.current);
        }
        let keys = model::Keys { version: model::VERSION, current: hex(&fresh()) };
        self.write(KEYS, &keys)?;
        Ok(keys.current)
    }

    /// Keeps content for the games that begin with it.
    pub fn keep_content(&self, hash: &str, files: &Files) -> Result<(), StoreError> {
        let name = content_file(hash);
        if self.folder.exists(&name) { Ok(()) } else { self.write(&name, files) }
    }

    /// Whether a game began with content of this hash.
    pub fn has_content(&self, hash: &str) -> bool {
        self.folder.exists(&content_file(hash))
    }

    /// Content that a game began with.
    pub fn content(&self, hash: &str) -> Result<Content, StoreError> {
        let name = content_file(hash);
        let damaged = |problem: String| StoreError::Damaged { file: name.clone(), problem };
        let bytes = self.folder.read(&name).map_err(at(&name))?;
        let bytes = bytes.ok_or_else(|| damaged("the content a game began with is missing".to_owned()))?;
        let files: Files = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let content = Content::parse(&files).map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            damaged(format!("the content a game began with is no longer accepted: {first}"))
        })?;
        if content.hash == hash { Ok(content) } else { Err(damaged("it is not what its name says".to_owned())) }
    }

    /// Sets a session's checkpoint aside, because it reads but makes no sense.
    pub fn reject(&self, id: Uuid, problem: &str) -> StoreError {
        self.damaged(&session_file(id), problem)
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        // Stored types have string keys and finite numbers only: they always serialize.
        let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
        bytes.push(b'\n');
        self.folder.replace(name, &bytes).map_err(at(name))
    }

    fn read_versioned<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.folder.read(name).map_err(at(name))? else { return Ok(None) };
        match serde_json::from_slice::<Version>(&bytes) {
            Ok(Version { version }) if version > model::VERSION => {
                return Err(StoreError::Newer { file: name.to_owned(), version });
            }
            Ok(Version { version: model::VERSION }) => {}
            Ok(Version { version }) => return Err(self.damaged(name, &format!("format {version} was never written"))),
            Err(error) => return Err(self.damaged(name, &error.to_string())),
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.damaged(name, &error.to_string()))
    }

    fn damaged(&self, name: &str, problem: &str) -> StoreError {
        let moved = self.folder.set_aside(name);
        tracing::error!(file = name, problem, ?moved, "a damaged file is set aside");
        let mut set_aside = self.set_aside.lock().unwrap_or_else(PoisonError::into_inner);
        if set_aside.len() < Self::MOST_REPORTED {
            set_aside.push(name.to_owned());
        }
        StoreError::Damaged { file: name.to_owned(), problem: problem.to_owned() }
    }
}

/// Reads a folder of content files: those with the names of the built-in ones, each in place of its whole file.
pub fn read_content(path: &Path) -> Result<Files, StoreError> {
    let mut files = Files::new();
    let folder = Folder::existing(path).map_err(at(&path.display().to_string()))?;
    for name in folder.list().map_err(at("."))? {
        if Path::new(&name).extension().is_some_and(|extension| extension == "toml")
            && let Some(bytes) = folder.read(&name).map_err(at(&name))?
        {
            let text = String::from_utf8(bytes)
                .map_err(|_| StoreError::Damaged { file: name.clone(), problem: "it is not UTF-8 text".to_owned() })?;
            files.insert(name, text);
        }
    }
    Ok(files)
}

/// Where saves go: the folder asked for, else `./saves` where it exists, else the platform's data folder.
pub fn saves_folder(asked: Option<PathBuf>) -> PathBuf {
    let beside = PathBuf::from("saves");
    asked.unwrap_or_else(|| {
        if beside.is_dir() {
            return beside;
        }
        directories::ProjectDirs::from("", "", "cosmic-explorer")
            .map_or(beside, |folders| folders.data_dir().join("saves"))
    })
}

fn at(file: &str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { file: file.to_owned(), source }
}

fn to_line(lines: &mut Vec<u8>, value: &impl Serialize) {
    // See `write`: stored types always serialize.
    lines.extend(serde_json::to_vec(value).unwrap_or_default());
    lines.push(b'\n');
}

fn session_file(id: Uuid) -> String {
    format!("session_{id}.json")
}

fn turns_file(id: Uuid) -> String {
    format!("session_{id}.turns.jsonl")
}

fn content_file(hash: &str) -> String {
    format!("content_{hash}.json")
}

fn session_of(name: &str) -> Option<Uuid> {
    name.strip_prefix("session_")?.strip_suffix(".json")?.parse().ok()
}
