//! What outlives the process: one folder of files. All calls block but [`Store::append`], which calls back; the
//! caller decides on which thread.
//!
//! | file | what |
//! | --- | --- |
//! | `session_{id}.json` | the checkpoint of a session, [`model::Checkpoint`], replaced whole |
//! | `session_{id}.turns.jsonl` | its history, a [`model::Turn`] a line, appended before the checkpoint is replaced |
//! | `turns_{number}.log` | the turn log ([`log`]): the turns that no checkpoint covers yet, of all sessions |
//! | `slot_{player}_{n}.json` | a player's save, [`save::Save`], replaced whole |
//! | `content_{hash}.json` | the texts of the content files that games began with |
//! | `tombstones.jsonl` | sessions that are gone for good, a [`model::Tombstone`] a line |
//! | `tokens.jsonl` | which tokens of a player count, [`model::Nonces`] a line, from a rotation or a logout on; the last one holds |
//! | `leaderboard_{date}_{difficulty}.jsonl` | the board of a daily challenge, a [`board::Entry`] a line; of a player, the first good one counts |
//! | `keys.json`, `keys.copy.json` | the keys of tokens and challenges, twice: without them nobody gets at his games |
//! | `lock` | held by the server that uses the folder |
//!
//! A file that cannot be read is set aside as `*.invalid` and reported; it hurts nobody else.

pub mod board;
pub mod disk;
mod folder;
mod format;
pub mod log;
pub mod model;
pub mod replay;
pub mod save;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::game::content::{Content, Files, bundle, hex, schemas};
use board::Entry;
use disk::{Disk, LocalDisk};
use folder::Folder;
use format::{Kind, Unreadable};
use log::{Durability, Log, Record, Rejected};
use model::{Checkpoint, Deed, Header, Keys, Logged, Nonces, Step, Tombstone, Turn, UsedKey};
use save::Save;

/// How errors name the turn log, whose segments have numbers.
const LOG: &str = "turns_*.log";
/// The name of the tombstones' file.
const TOMBSTONES: &str = "tombstones.jsonl";
/// The name of the file of tokens that count.
const TOKENS: &str = "tokens.jsonl";
/// How errors name the boards' files.
const BOARDS: &str = "leaderboard_*.jsonl";
/// The keys' file, and its copy, which is written after it.
const KEYS: [&str; 2] = ["keys.json", "keys.copy.json"];

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
    /// So many turns wait for the disk already. Trying again at once may help.
    #[error("too many turns wait for the disk")]
    Busy,
    /// Another server uses the folder.
    #[error("{folder} is in use by another server")]
    Locked {
        /// Which.
        folder: String,
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

/// How a store behaves. All configurable.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// When a turn is durable.
    pub durability: Durability,
    /// Bytes of the turn log after which checkpoints are forced. At twice as many, turns are refused.
    pub log_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { durability: Durability::Turn, log_bytes: 256 << 20 }
    }
}

/// A store that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The sessions in it.
    pub sessions: Vec<Header>,
    /// The slots in it that are taken.
    pub slots: Vec<(Uuid, u8)>,
    /// The boards in it.
    pub boards: Vec<board::Name>,
}

/// The folder of one server.
#[derive(Debug)]
pub struct Store {
    folder: Arc<Folder>,
    log: Log,
    set_aside: Reports,
    /// Held while the tombstones' file is appended to or rewritten.
    graveyard: Mutex<()>,
}

/// Names of files that were set aside.
#[derive(Debug, Default)]
struct Reports(Mutex<Vec<String>>);

impl Reports {
    /// The most names that are remembered for `/stats`; the log has them all.
    const MOST: usize = 100;

    fn add(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < Self::MOST && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
}

impl Store {
    /// Opens a folder of this machine, and makes it if it is not there.
    pub fn open(path: &Path, settings: Settings) -> Result<Opened, StoreError> {
        let name = path.display().to_string();
        match LocalDisk::open(path) {
            Ok(disk) => Self::open_on(Arc::new(disk), settings),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(StoreError::Locked { folder: name }),
            Err(error) => Err(at(&name)(error)),
        }
    }

    /// Opens a disk. Damaged files are set aside, newer ones left alone; both are logged.
    pub fn open_on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Opened, StoreError> {
        let folder = Arc::new(Folder::open(disk).map_err(at("."))?);
        let set_aside = Reports::default();
        let (mut sessions, mut slots, mut boards) = (HashMap::new(), Vec::new(), Vec::new());
        for name in folder.list().map_err(at("."))? {
            slots.extend(slot_of(&name));
            boards.extend(board_of(&name));
            let Some(id) = session_of(&name) else { continue };
            match read::<Header>(&folder, &set_aside, Kind::Checkpoint, &name) {
                Ok(Some(header)) if header.session_id == id => drop(sessions.insert(id, header)),
                Ok(Some(_)) => drop(damaged(&folder, &set_aside, &name, "it holds another session")),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a session is left out"),
            }
        }
        let covered = |id: Uuid| sessions.get(&id).map(|header| header.revision);
        let Settings { durability, log_bytes } = settings;
        let log = Log::open(folder.clone(), durability, log_bytes, covered, |name| set_aside.add(name));
        let store = Self { folder, log: log.map_err(at(LOG))?, set_aside, graveyard: Mutex::default() };
        for id in store.log.uncovered() {
            if let Some(header) = sessions.get_mut(&id) {
                match store.newest(id) {
                    Ok(Some((turn, logged))) => header.advance(&turn, logged),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "a session is listed as its checkpoint has it"),
                }
            }
        }
        Ok(Opened { store, sessions: sessions.into_values().collect(), slots, boards })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The turn log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The files found damaged since the start, up to a hundred.
    pub fn set_aside(&self) -> Vec<String> {
        self.set_aside.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a turn that leads from `expected` to the next revision. It is durable when `then` is called, or not there. That is
    /// always called, on whatever thread, and must be quick: other turns wait for it.
    pub fn append(
        &self,
        session: Uuid,
        expected: u64,
        turn: &Turn,
        place: &str,
        state: Vec<u8>,
        then: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        // Stored types always serialize.
        let place = serde_json::to_vec(place).unwrap_or_default();
        let record = Record { session, revision: expected + 1, line: format::line(turn), place, state };
        let answer = |rejected| match rejected {
            Rejected::Busy => StoreError::Busy,
            Rejected::Io(error) => at(LOG)(error),
            Rejected::Conflict => at(LOG)(io::Error::other("a turn of this revision is there already")),
            Rejected::TooLarge => at(LOG)(io::Error::other("the state has grown larger than a turn can be")),
        };
        self.log.append(record, Box::new(move |taken| then(taken.map_err(answer))));
    }

    /// Writes what happened since the last checkpoint into the history, then the checkpoint itself. Where a save has taken the
    /// game's place, `load` tells of it.
    pub fn save(&self, checkpoint: &Checkpoint, load: Option<&Turn>) -> Result<(), StoreError> {
        let id = checkpoint.session_id;
        let mut lines = self.log.lines(id, 0, true).map_err(at(LOG))?;
        lines.extend(load.map(format::line));
        if !lines.is_empty() {
            self.append_lines(&turns_file(id), &lines)?;
            self.log.told(id, checkpoint.revision);
        }
        self.write(&session_file(id), checkpoint)?;
        self.log.covered(id, checkpoint.revision);
        Ok(())
    }

    /// Makes a checkpoint of a session that is not in memory, from what the log has of it.
    pub fn settle(&self, id: Uuid) -> Result<(), StoreError> {
        match self.load(id)? {
            Some(checkpoint) => self.save(&checkpoint, None),
            None => {
                self.log.covered(id, u64::MAX);
                Ok(())
            }
        }
    }

    /// A session as its checkpoint and the log have it; none where there is no file.
    pub fn load(&self, id: Uuid) -> Result<Option<Checkpoint>, StoreError> {
        let Some(mut checkpoint) = self.read::<Checkpoint>(Kind::Checkpoint, &session_file(id))? else {
            return Ok(None);
        };
        if let Some((turn, logged)) = self.newest(id)? {
            // Of the very bytes: a state of an older format would be written otherwise now.
            if model::digest(&checkpoint.star_map.digest(), &logged.bytes) != turn.digest {
                return Err(self.reject(id, "it is not the game that the turn log goes on with"));
            }
            for line in self.log.lines(id, checkpoint.revision, false).map_err(at(LOG))? {
                let turn: Turn = self.logged(&line)?;
                checkpoint.keys.extend(turn.key.map(|key| UsedKey::of(&key, turn.revision)));
            }
            checkpoint.revision = turn.revision;
            checkpoint.last_activity = checkpoint.last_activity.max(turn.at);
            checkpoint.rules = turn.rules;
            checkpoint.place = logged.place;
            checkpoint.state = logged.state;
        }
        Ok(Some(checkpoint))
    }

    /// The newest turn of a session in the log, and the state after it.
    fn newest(&self, id: Uuid) -> Result<Option<(Turn, Logged)>, StoreError> {
        let Some([line, place, bytes]) = self.log.newest(id).map_err(at(LOG))? else { return Ok(None) };
        // A turn brought up to date does not tell the version it was written in.
        let version = format::version(&line).map_err(|error| unreadable(LOG, error))?;
        let turn = self.logged(&line)?;
        let state = format::read_part(Kind::State, version, &bytes).map_err(|error| unreadable(LOG, error))?;
        let place = serde_json::from_slice(&place).map_err(|error| unreadable(LOG, error.into()))?;
        Ok(Some((turn, Logged { place, state, bytes })))
    }

    fn logged(&self, line: &[u8]) -> Result<Turn, StoreError> {
        format::read(Kind::Turn, line).map_err(|error| unreadable(LOG, error))
    }

    /// The history of a session up to a revision, oldest first, from after another.
    ///
    /// The last line of a revision counts, and lines beyond the present one belong to a future that was lost in a crash.
    pub fn turns(&self, id: Uuid, after: u64, up_to: u64, most: usize) -> Result<Vec<Turn>, StoreError> {
        let name = turns_file(id);
        // The log first: what a checkpoint takes out of it in between is in the file by then.
        let logged = self.log.lines(id, after, false).map_err(at(LOG))?;
        let file = self.folder.read(&name).map_err(at(&name))?.unwrap_or_default();
        let lines = lines(&file).chain(logged.iter().map(Vec::as_slice));
        let turns = self.read_lines::<Turn>(Kind::Turn, &name, lines).map(|turn| (turn.revision, turn));
        let turns: BTreeMap<_, _> = turns.filter(|(revision, _)| (after + 1..=up_to).contains(revision)).collect();
        let whole = turns.keys().copied().eq(after + 1..=up_to);
        if !whole && up_to > after {
            tracing::warn!(file = name, after, up_to, found = turns.len(), "turns are missing from a history");
            self.set_aside.add(&name);
        }
        Ok(turns.into_values().take(most).collect())
    }

    /// How a session's game came to its state at a revision: the actions since it began, or since the game began that was loaded
    /// into it.
    pub fn lineage(&self, id: Uuid, revision: u64) -> Result<Vec<Step>, StoreError> {
        let mut steps = Vec::new();
        for turn in self.turns(id, 0, revision, usize::MAX)? {
            match turn.deed {
                Deed::Acted { action, .. } => steps.push(Step { action, digest: turn.digest, rules: turn.rules }),
                Deed::Loaded { loaded } => steps = loaded.history,
            }
        }
        Ok(steps)
    }

    /// Buries a session. Once its tombstone is durable it is gone, and what cannot be removed now is removed at the next start.
    pub fn bury(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let id = tombstone.session_id;
        let written = {
            let _alone = self.graveyard.lock().unwrap_or_else(PoisonError::into_inner);
            self.append_lines(TOMBSTONES, &[format::line(tombstone)])
        };
        if let Err(error) = written {
            // The line may be there all the same.
            drop(self.compact_tombstones(|stone| stone.session_id != id));
            return Err(error);
        }
        if let Err(error) = self.remove_session(id) {
            tracing::warn!(%id, %error, "what is left of a deleted session will be removed at the next start");
        }
        Ok(())
    }

    /// Removes a session's files.
    pub fn remove_session(&self, id: Uuid) -> Result<(), StoreError> {
        let name = session_file(id);
        self.folder.remove(&[name.clone(), turns_file(id)]).map_err(|error| self.failed(&name, error))?;
        self.log.covered(id, u64::MAX);
        Ok(())
    }

    /// All tombstones that were written, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, StoreError> {
        let bytes = self.folder.read(TOMBSTONES).map_err(at(TOMBSTONES))?.unwrap_or_default();
        Ok(self.read_lines(Kind::Tombstone, TOMBSTONES, lines(&bytes)).collect())
    }

    /// Rewrites the tombstones' file without those that are not kept; how many are left.
    pub fn compact_tombstones(&self, keep: impl Fn(&Tombstone) -> bool) -> Result<usize, StoreError> {
        let _alone = self.graveyard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = self.tombstones()?;
        kept.retain(keep);
        let lines: Vec<_> = kept.iter().map(format::line).collect();
        self.folder.replace(TOMBSTONES, &joined(&lines)).map_err(|error| self.failed(TOMBSTONES, error))?;
        Ok(kept.len())
    }

    /// Which tokens count, oldest change first. What a killed server had written without waiting is on the platter when this
    /// answers.
    pub fn nonces(&self) -> Result<Vec<Nonces>, StoreError> {
        let Some(bytes) = self.folder.read(TOKENS).map_err(at(TOKENS))? else { return Ok(Vec::new()) };
        self.folder.append(TOKENS, &[]).map_err(|error| self.failed(TOKENS, error))?;
        Ok(self.read_lines(Kind::Nonces, TOKENS, lines(&bytes)).collect())
    }

    /// Writes down which tokens count from now on. One caller at a time.
    pub fn append_nonces(&self, changed: &[Nonces]) -> Result<(), StoreError> {
        let lines: Vec<_> = changed.iter().map(format::line).collect();
        self.append_lines(TOKENS, &lines)
    }

    /// Rewrites the file of tokens that count. One caller at a time.
    pub fn rewrite_nonces(&self, all: &[Nonces]) -> Result<(), StoreError> {
        let lines: Vec<_> = all.iter().map(format::line).collect();
        self.folder.replace(TOKENS, &joined(&lines)).map_err(|error| self.failed(TOKENS, error))
    }

    /// The entries of a board, in the order they were made. What a killed server had written without waiting is on the platter when
    /// this answers.
    pub fn board(&self, board: board::Name) -> Result<Vec<Entry>, StoreError> {
        let name = board_file(board);
        let Some(bytes) = self.folder.read(&name).map_err(at(&name))? else { return Ok(Vec::new()) };
        self.folder.append(&name, &[]).map_err(|error| self.failed(&name, error))?;
        Ok(self.read_lines(Kind::Entry, &name, lines(&bytes)).collect())
    }

    /// The entries that a session made, which is one, unless the disk failed after it was written. Reads little of the others.
    pub fn entries_of(&self, board: board::Name, session: Uuid) -> Result<Vec<Entry>, StoreError> {
        let name = board_file(board);
        let bytes = self.folder.read(&name).map_err(at(&name))?.unwrap_or_default();
        let id = session.to_string();
        let own = lines(&bytes).filter(|line| memchr::memmem::find(line, id.as_bytes()).is_some());
        let entries = self.read_lines::<Entry>(Kind::Entry, &name, own);
        Ok(entries.filter(|entry| entry.claim.session_id == session).collect())
    }

    /// Adds to its board. One caller at a time.
    pub fn append_entry(&self, entry: &Entry) -> Result<(), StoreError> {
        self.append_lines(&board_file(entry.board()), &[format::line(entry)])
    }

    /// Rewrites a board. One caller at a time.
    pub fn rewrite_board(&self, board: board::Name, entries: &[Entry]) -> Result<(), StoreError> {
        let name = board_file(board);
        let lines: Vec<_> = entries.iter().map(format::line).collect();
        self.folder.replace(&name, &joined(&lines)).map_err(|error| self.failed(&name, error))
    }

    /// Removes boards.
    pub fn remove_boards(&self, boards: &[board::Name]) -> Result<(), StoreError> {
        let names: Vec<_> = boards.iter().copied().map(board_file).collect();
        self.folder.remove(&names).map_err(|error| self.failed(BOARDS, error))
    }

    /// The server's keys; each is drawn on first use.
    pub fn keys(&self, fresh: impl Fn() -> [u8; 32]) -> Result<Keys, StoreError> {
        let mut found = [None, None];
        for (name, keys) in KEYS.iter().zip(&mut found) {
            match self.read::<Keys>(Kind::Keys, name) {
                Ok(read) => *keys = read,
                Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let [own, copy] = &found;
        let keys = own.clone().or_else(|| copy.clone());
        let first = || Keys { version: model::VERSION, current: hex(&fresh()), previous: None, challenge: None };
        let mut keys = keys.unwrap_or_else(first);
        keys.challenge.get_or_insert_with(|| hex(&fresh()));
        for (name, found) in KEYS.iter().zip(&found) {
            // A copy that differs is one that a change of the key did not get to.
            if found.as_ref() != Some(&keys) {
                self.write(name, &keys)?;
            }
        }
        Ok(keys)
    }

    /// Draws a new key for tokens. The present one becomes the previous one, and that one is forgotten.
    pub fn rotate_key(&self, fresh: fn() -> [u8; 32]) -> Result<(), StoreError> {
        let present = self.keys(fresh)?;
        let keys = Keys { current: hex(&fresh()), previous: Some(present.current), ..present };
        KEYS.iter().try_for_each(|name| self.write(name, &keys))
    }

    /// A player's save; none where the slot is empty.
    pub fn slot(&self, player: Uuid, number: u8) -> Result<Option<Save>, StoreError> {
        self.read(Kind::Save, &slot_file(player, number))
    }

    /// Writes a player's save.
    pub fn write_slot(&self, player: Uuid, number: u8, save: &Save) -> Result<(), StoreError> {
        self.write(&slot_file(player, number), save)
    }

    /// Empties a slot.
    pub fn remove_slot(&self, player: Uuid, number: u8) -> Result<(), StoreError> {
        let name = slot_file(player, number);
        self.folder.remove(std::slice::from_ref(&name)).map_err(|error| self.failed(&name, error))
    }

    /// Sets a player's save aside, because it reads but makes no sense.
    pub fn reject_slot(&self, player: Uuid, number: u8, problem: &str) -> StoreError {
        damaged(&self.folder, &self.set_aside, &slot_file(player, number), problem)
    }

    /// Keeps content for the games that begin with it.
    pub fn keep_content(&self, hash: &str, files: &Files) -> Result<(), StoreError> {
        if self.has_content(hash) { Ok(()) } else { self.write_content(hash, files) }
    }

    /// Makes sure that content which is kept can be read, as long as there is another copy of it.
    pub fn mend_content(&self, hash: &str, files: &Files) -> Result<(), StoreError> {
        let name = content_file(hash);
        let Some(bytes) = self.folder.read(&name).map_err(at(&name))? else { return Ok(()) };
        if serde_json::from_slice::<Files>(&bytes).is_ok_and(|kept| kept == *files) {
            return Ok(());
        }
        drop(damaged(&self.folder, &self.set_aside, &name, "it is not the content of its name"));
        self.write_content(hash, files)
    }

    fn write_content(&self, hash: &str, files: &Files) -> Result<(), StoreError> {
        let name = content_file(hash);
        // Stored types always serialize.
        let bytes = serde_json::to_vec_pretty(files).unwrap_or_default();
        self.folder.replace(&name, &bytes).map_err(|error| self.failed(&name, error))
    }

    /// Whether a game began with content of this hash. Any text may be asked for: what is no hash names no file.
    pub fn has_content(&self, hash: &str) -> bool {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hash && self.folder.exists(&content_file(hash))
    }

    /// Content that a game began with.
    pub fn content(&self, hash: &str) -> Result<Content, StoreError> {
        let name = content_file(hash);
        let damaged = |problem: String| StoreError::Damaged { file: name.clone(), problem };
        let bytes = if self.has_content(hash) { self.folder.read(&name).map_err(at(&name))? } else { None };
        let bytes = bytes.ok_or_else(|| damaged("the content a game began with is missing".to_owned()))?;
        let files: Files = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let content = Content::parse(&files).map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            damaged(format!("the content a game began with is no longer accepted: {first}"))
        })?;
        if content.hash == hash { Ok(content) } else { Err(damaged("it is not what its name says".to_owned())) }
    }

    /// Whether what is damaged is the session itself, and not what it refers to.
    pub fn is_own(id: Uuid, file: &str) -> bool {
        file == session_file(id)
    }

    /// Sets a session's checkpoint aside, because it reads but makes no sense.
    pub fn reject(&self, id: Uuid, problem: &str) -> StoreError {
        damaged(&self.folder, &self.set_aside, &session_file(id), problem)
    }

    fn append_lines(&self, name: &str, lines: &[Vec<u8>]) -> Result<(), StoreError> {
        // A line feed first: should the last append have been torn, this one begins on a line of its own.
        let bytes = [b"\n".to_vec(), joined(lines)].concat();
        self.folder.append(name, &bytes).map_err(|error| self.failed(name, error))
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        self.folder.replace(name, &format::file(value)).map_err(|error| self.failed(name, error))
    }

    fn failed(&self, name: &str, error: io::Error) -> StoreError {
        tracing::error!(file = name, %error, "a file could not be written");
        self.log.fail();
        at(name)(error)
    }

    /// The objects in lines of a file. Those that cannot be read are passed over, and reported.
    fn read_lines<'a, T: DeserializeOwned>(
        &'a self,
        kind: Kind,
        name: &'a str,
        lines: impl Iterator<Item = &'a [u8]>,
    ) -> impl Iterator<Item = T> {
        lines.filter_map(move |line| {
            let read = format::read(kind, line);
            if let Err(error) = &read {
                tracing::warn!(file = name, %error, "a line is passed over");
                self.set_aside.add(name);
            }
            read.ok()
        })
    }

    fn read<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<Option<T>, StoreError> {
        read(&self.folder, &self.set_aside, kind, name)
    }
}

fn read<T: DeserializeOwned>(
    folder: &Folder,
    set_aside: &Reports,
    kind: Kind,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let Some(bytes) = folder.read(name).map_err(at(name))? else { return Ok(None) };
    format::read(kind, &bytes).map(Some).map_err(|error| match error {
        Unreadable::Damaged(problem) => damaged(folder, set_aside, name, &problem),
        newer => unreadable(name, newer),
    })
}

fn unreadable(name: &str, error: Unreadable) -> StoreError {
    match error {
        Unreadable::Newer(version) => StoreError::Newer { file: name.to_owned(), version },
        Unreadable::Damaged(problem) => StoreError::Damaged { file: name.to_owned(), problem },
    }
}

fn damaged(folder: &Folder, set_aside: &Reports, name: &str, problem: &str) -> StoreError {
    let moved = folder.set_aside(name);
    tracing::error!(file = name, problem, ?moved, "a damaged file is set aside");
    set_aside.add(name);
    StoreError::Damaged { file: name.to_owned(), problem: problem.to_owned() }
}

/// Reads a folder of content, bundled with what its `pack.toml` lays it over. Only what is called `.toml` is content.
pub fn read_content(path: &Path) -> Result<Files, StoreError> {
    let mut files = Files::new();
    let folder = LocalDisk::existing(path).map_err(at(&path.display().to_string()))?;
    for name in folder.list().map_err(at("."))? {
        if Path::new(&name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
            && let Some(bytes) = folder.read(&name).map_err(at(&name))?
        {
            let text = String::from_utf8(bytes)
                .map_err(|_| StoreError::Damaged { file: name.clone(), problem: "it is not UTF-8 text".to_owned() })?;
            files.insert(name, text);
        }
    }
    Ok(bundle(files))
}

/// Writes the schemas of content files into a folder, and makes it if it is not there.
pub fn write_schemas(path: &Path) -> Result<(), StoreError> {
    let disk = LocalDisk::made(path).map_err(at(&path.display().to_string()))?;
    for (name, text) in schemas() {
        disk.put(&name, text.as_bytes()).map_err(at(&name))?;
    }
    Ok(())
}

/// Reads a file from anywhere, for commands.
pub fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    let name = path.display().to_string();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
    let read = LocalDisk::existing(folder).and_then(|folder| folder.read(file)).map_err(at(&name))?;
    read.ok_or_else(|| at(&name)(io::ErrorKind::NotFound.into()))
}

/// Writes a file to anywhere, over another if there is one, for commands; its folder is made. It is not waited for.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    disk::overwrite(path, bytes).map_err(at(&path.display().to_string()))
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

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
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

fn board_file(board: board::Name) -> String {
    format!("{board}.jsonl")
}

fn board_of(name: &str) -> Option<board::Name> {
    let (date, difficulty) = name.strip_prefix("leaderboard_")?.strip_suffix(".jsonl")?.split_once('_')?;
    Some(board::Name { date: date.parse().ok()?, difficulty: board::Name::difficulty(difficulty)? })
}

fn slot_file(player: Uuid, number: u8) -> String {
    format!("slot_{player}_{number}.json")
}

fn slot_of(name: &str) -> Option<(Uuid, u8)> {
    let (player, number) = name.strip_prefix("slot_")?.strip_suffix(".json")?.split_once('_')?;
    Some((player.parse().ok()?, number.parse().ok()?))
}
