//! What outlives the process: one folder of files. All calls block but [`Store::append`], which calls back; the
//! caller decides on which thread.
//!
//! | file | what |
//! | --- | --- |
//! | `session_{id}.json` | the checkpoint of a session, [`model::Checkpoint`], replaced whole |
//! | `session_{id}.turns.jsonl` | its history, a [`model::Turn`] a line and [`model::Heading`]s between, appended before the checkpoint is replaced; `….turns.2.jsonl` and on where that could not be |
//! | `turns_{number}.log` | the turn log ([`log`]): the turns that no checkpoint covers yet, of all sessions |
//! | `turns.json` | which segments of the turn log are needed |
//! | `slot_{player}_{n}.json` and `….copy.json` | a player's save, [`save::Save`], replaced whole, twice |
//! | `content_{hash}.json` and `….copy.json` | the texts of the content files that games began with, twice |
//! | `tombstones.jsonl` | sessions that are gone for good, a [`model::Tombstone`] a line |
//! | `tokens.jsonl`, `tokens.copy.jsonl` | which tokens of a player count, [`model::Nonces`] a line, from a rotation or a logout on; the last one holds |
//! | `leaderboard_{date}_{difficulty}.jsonl` | the board of a daily challenge, a [`Entry`] a line; of a player, the first good one counts |
//! | `challenge_{date}.jsonl` | who has begun a day's challenge, a [`model::Begun`] a line |
//! | `clock.json` | what the server makes of its clock, [`model::Clock`], replaced whole |
//! | `keys.json`, `keys.copy.json` | the keys of tokens and challenges, twice: without them nobody gets at his games |
//! | `lock` | held by the server that uses the folder |
//!
//! A game is as safe as its second copy. Where one bit of anything was flipped, its checksum tells which. A checkpoint that is damaged
//! or missing is rebuilt: the history, with the log, is the game, and is played again. What is damaged is kept as `*.invalid` and
//! reported; it hurts nobody else. What cannot be read *now*, because the system says no, is neither removed nor rewritten nor passed
//! over: whoever needs it is told, and it is tried again.

pub mod disk;
mod folder;
pub mod log;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use memchr::memmem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::game::content::{Content, Difficulty, Files, hex};
use crate::model::format::{self, Kind, Unreadable};
use crate::model::{
    self, Begun, BoardName, Change, Checkpoint, Clock, Day, Entry, Head, Header, Heading, Keys, Logged, Nonces, Replay,
    Save, Step, Tombstone, Turn, Unproven, UsedKey,
};
use disk::{Disk, LocalDisk};
use folder::Folder;
use log::{Durability, Log, Record, Rejected, Told};

/// How errors name the turn log, whose segments have numbers.
const LOG: &str = "turns_*.log";
/// The name of the tombstones' file.
const TOMBSTONES: &str = "tombstones.jsonl";
/// The file of tokens that count, and its copy, which is written after it.
const TOKENS: [&str; 2] = ["tokens.jsonl", "tokens.copy.jsonl"];
/// How errors name the boards' files.
const BOARDS: &str = "leaderboard_*.jsonl";
/// The name of the clock's file.
const CLOCK: &str = "clock.json";
/// The keys' file; its copy is written after it.
const KEYS: &str = "keys.json";
/// Files of one history: the first, and those that were begun because the ones before could not be appended to. When there are so many
/// the last one is all there is.
const MOST_HISTORIES: u32 = 9;
/// Bytes at the end of a history in which its last heading is looked for; it has some 400.
const TAIL: u64 = 2048;

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
    /// What all games need is gone. Nothing starts before it is back, or an admin has said that it is given up.
    #[error("{file} is missing or cannot be read, and so {loss}. Put it back, or start once with --begin-anew {word}")]
    Lost {
        /// Which file.
        file: String,
        /// What would follow.
        loss: &'static str,
        /// The word for the flag.
        word: &'static str,
    },
}

/// What an admin gives up, because it is lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeginAnew {
    /// The keys: every token is void.
    pub keys: bool,
    /// The list of revoked tokens: they count again.
    pub tokens: bool,
    /// Segments of the turn log: games go on where their checkpoints are.
    pub log: bool,
}

/// How a store behaves. All configurable.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// When a turn is durable.
    pub durability: Durability,
    /// Bytes of the turn log after which checkpoints are forced. At twice as many, turns are refused.
    pub log_bytes: u64,
    /// What is given up at this start.
    pub begin_anew: BeginAnew,
}

impl Default for Settings {
    fn default() -> Self {
        Self { durability: Durability::Turn, log_bytes: 256 << 20, begin_anew: BeginAnew::default() }
    }
}

/// A store that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The sessions in it. Of those that cannot be read now it is what their histories tell.
    pub sessions: Vec<Header>,
    /// Sessions of which nobody can tell now whose they are; and whether they are damaged, so that nobody ever will.
    pub unread: Vec<(Uuid, bool)>,
    /// The slots in it that are taken.
    pub slots: Vec<(Uuid, u8)>,
    /// The boards in it.
    pub boards: Vec<BoardName>,
    /// The days of which it is known who began their challenges.
    pub begun: Vec<Day>,
}

/// The folder of one server.
#[derive(Debug)]
pub struct Store {
    folder: Arc<Folder>,
    log: Log,
    set_aside: Reports,
    counts: Counts,
    begin_anew: BeginAnew,
    /// The keys say that there is a list of revoked tokens.
    revocations: AtomicBool,
    /// Held while the tombstones' file is appended to or rewritten.
    graveyard: Mutex<()>,
    /// The content that a game was played again on last.
    content: Mutex<Option<Arc<Content>>>,
}

/// What has been counted since the start.
#[derive(Debug, Default)]
struct Counts {
    mended: AtomicU64,
    rebuilt: AtomicU64,
    damaged: AtomicU64,
    unread: AtomicU64,
}

/// Figures for reports.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs)]
pub struct StoreReport {
    /// Objects in which a flipped bit was mended, each time they were read, and files that were written anew from their copy.
    pub mended: u64,
    /// Checkpoints that were damaged or missing, and rebuilt from their history.
    pub rebuilt: u64,
    /// Objects that could not be read, and lines that are missing from a history.
    pub damaged: u64,
    /// Times that a file could not be read because the system said no.
    pub unread: u64,
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

/// A session's history, as its files and the log have it.
#[derive(Debug, Default)]
struct History {
    head: Option<Head>,
    /// Those that were wanted.
    turns: BTreeMap<u64, Turn>,
    /// How many there are between the revisions that were asked for.
    there: usize,
    /// Lines of it cannot be read.
    damaged: bool,
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

    /// Opens a disk. Damaged files are rebuilt or set aside, newer ones left alone; all of it is logged.
    pub fn open_on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Opened, StoreError> {
        let folder = Arc::new(Folder::open(disk, is_ours).map_err(at("."))?);
        let (set_aside, counts) = (Reports::default(), Counts::default());
        let names = folder.list().map_err(at("."))?;
        let buried: HashMap<Uuid, u64> = {
            let bytes = folder.read(TOMBSTONES).map_err(at(TOMBSTONES))?.unwrap_or_default();
            let (stones, _) = parse_lines::<Tombstone>(&set_aside, &counts, Kind::Tombstone, TOMBSTONES, &bytes);
            stones.into_iter().map(|stone| (stone.session_id, stone.revision)).collect()
        };
        let (mut sessions, mut unread, mut broken) = (HashMap::new(), BTreeMap::new(), BTreeSet::new());
        let checkpoints: BTreeSet<_> = names.iter().filter_map(|name| session_of(name)).collect();
        for id in &checkpoints {
            let name = session_file(*id);
            let bytes = match folder.read(&name) {
                Ok(bytes) => bytes.unwrap_or_default(),
                Err(error) => {
                    tracing::error!(file = name, %error, "a session cannot be read now");
                    counts.unread.fetch_add(1, Ordering::Relaxed);
                    unread.insert(*id, false);
                    continue;
                }
            };
            match format::read::<Header>(Kind::Checkpoint, &bytes) {
                Ok(header) if header.session_id == *id => drop(sessions.insert(*id, header)),
                Ok(_) | Err(Unreadable::Damaged(_)) => drop(broken.insert(*id)),
                Err(Unreadable::Newer(version)) => {
                    tracing::error!(file = name, version, "a session was written by a newer version of this program");
                    unread.insert(*id, false);
                }
            }
        }
        let histories: BTreeSet<_> = names.iter().filter_map(|name| history_of(name)).collect();
        broken.extend(histories.difference(&checkpoints));
        let covered = |id: Uuid| match (sessions.get(&id), buried.get(&id)) {
            (Some(header), _) => Some(header.revision),
            // Should it have gone on after it was to be buried, its turns are later.
            (None, revision) => revision.copied(),
        };
        let Settings { durability, log_bytes, begin_anew } = settings;
        let lacks = |id: Uuid, revision: u64| {
            let mut files =
                (1..=MOST_HISTORIES).filter_map(|number| folder.read(&history_file(id, number)).ok().flatten());
            let has = |file: Vec<u8>| format::lines(&file).iter().any(|line| outline(line) == Some((false, revision)));
            !files.any(has)
        };
        let report = |name: &str| set_aside.add(name);
        let log = Log::open(folder.clone(), durability, log_bytes, begin_anew.log, covered, lacks, report);
        let log = log.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Lost {
                file: error.to_string(),
                loss: "turns that were answered are in no checkpoint",
                word: "log",
            },
            _ => at(LOG)(error),
        })?;
        let store = Self {
            folder,
            log,
            set_aside,
            counts,
            begin_anew,
            revocations: AtomicBool::new(false),
            graveyard: Mutex::default(),
            content: Mutex::default(),
        };
        for (id, revision) in buried.iter().filter(|(id, _)| !checkpoints.contains(id)) {
            // Unless it went on after it was to be buried, or nobody can tell now.
            let told = store.told(*id);
            let gone = told.is_ok_and(|told| told.is_none_or(|told| told <= *revision));
            if !gone || store.log.revision(*id).is_some() {
                continue;
            }
            store.log.covered(*id, u64::MAX);
            if broken.remove(id)
                && let Err(error) = store.remove_session(*id)
            {
                tracing::warn!(%id, %error, "what is left of a deleted session could not be removed");
            }
        }
        for id in broken {
            let begun = store.folder.look(&turns_file(id)).map_err(at(LOG))?.is_some_and(|look| look.length > 0);
            if !checkpoints.contains(&id) && !begun && store.log.revision(id).is_none() {
                // A session that was to be created when the server was killed.
                tracing::info!(%id, "a session was never created");
                continue;
            }
            match store.mend(id) {
                Ok(checkpoint) => drop(sessions.insert(id, Header::of(&checkpoint))),
                Err(error) => {
                    tracing::error!(%error, "a session cannot be brought back");
                    unread.insert(id, matches!(error, StoreError::Damaged { .. }));
                }
            }
        }
        for id in store.log.uncovered() {
            if let Some(header) = sessions.get_mut(&id) {
                match store.newest(id) {
                    Ok(Some((turn, logged))) => header.advance(&turn, logged),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "a session is listed as its checkpoint has it"),
                }
            }
        }
        for name in names.iter().filter_map(|name| name.split_once(".invalid")).map(|(name, _)| name) {
            let lost = session_of(name).filter(|id| !sessions.contains_key(id) && !buried.contains_key(id));
            unread.extend(lost.map(|id| (id, true)));
        }
        unread.retain(|id, _| match store.outline(*id) {
            Some(header) => sessions.insert(*id, Header { outlined: true, ..header }).is_some(),
            None => true,
        });
        let slots: BTreeSet<_> = names.iter().filter_map(|name| slot_of(name)).collect();
        let boards = names.iter().filter_map(|name| board_of(name)).collect();
        let begun = names.iter().filter_map(|name| begun_of(name)).collect();
        let (sessions, unread) = (sessions.into_values().collect(), unread.into_iter().collect());
        Ok(Opened { store, sessions, unread, slots: slots.into_iter().collect(), boards, begun })
    }

    /// What can be told of a session that cannot be read now, or not any more: whose it is, and how far it got.
    fn outline(&self, id: Uuid) -> Option<Header> {
        if let Some(head) = self.history(id).ok().and_then(|history| history.head) {
            return Some(head.header());
        }
        // In a newer format, or in what is left of a damaged file.
        let name = session_file(id);
        let candidates = [name.clone(), format!("{name}.invalid")];
        let bytes = candidates.iter().find_map(|name| self.folder.read(name).ok().flatten())?;
        let member = |key: &str| {
            let rest = memmem::find(&bytes, format!("\"{key}\"").as_bytes()).map(|at| &bytes[at + key.len() + 2..])?;
            let text = rest.split(|byte| *byte == b'"').nth(1)?;
            std::str::from_utf8(text).ok().map(str::to_owned)
        };
        let owner = member("owner")?.parse().ok()?;
        let time = |key| member(key).and_then(|text| text.parse().ok()).unwrap_or_default();
        let head = Head {
            revision: 0,
            session_id: id,
            owner,
            name: member("name").unwrap_or_default(),
            created_at: time("created_at"),
            last_activity: time("last_activity"),
            lived: None,
            ranked: false,
            permadeath: false,
            challenge: None,
            content: String::new(),
            seed: 0,
            difficulty: Difficulty::default(),
            begun_with: None,
        };
        Some(head.header())
    }

    /// The header of a session that could not be read before.
    pub fn header(&self, id: Uuid) -> Result<Option<Header>, StoreError> {
        Ok(self.load(id)?.as_ref().map(Header::of))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The turn log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The files found damaged since the start, mended or not, up to a hundred.
    pub fn reported(&self) -> Vec<String> {
        self.set_aside.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Figures for reports.
    pub fn report(&self) -> StoreReport {
        let Counts { mended, rebuilt, damaged, unread } = &self.counts;
        let [mended, rebuilt, damaged, unread] =
            [mended, rebuilt, damaged, unread].map(|count| count.load(Ordering::Relaxed));
        StoreReport { mended, rebuilt, damaged, unread }
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
        let line = Arc::new(format::line(turn));
        let record = Record { session, revision: expected + 1, line, place, state };
        let answer = |rejected| match rejected {
            Rejected::Busy => StoreError::Busy,
            Rejected::Io(error) => at(LOG)(error),
            Rejected::Conflict => at(LOG)(io::Error::other("a turn of this revision is there already")),
            Rejected::TooLarge => at(LOG)(io::Error::other("the state has grown larger than a turn can be")),
        };
        self.log.append(record, Box::new(move |taken| then(taken.map_err(answer))));
    }

    /// Writes the first checkpoint of a session, after what its history begins with.
    pub fn create(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let (id, head) = (checkpoint.session_id, format::line(&Heading::of(checkpoint)));
        let name = turns_file(id);
        // The folder is synced with the checkpoint.
        self.folder.append_soon(&name, &joined(&[head])).map_err(|error| self.failed(&name, error))?;
        self.write(&session_file(id), checkpoint)
    }

    /// Writes what happened since the last checkpoint into the history, then the checkpoint itself. Where a save has taken the
    /// game's place, `load` tells of it.
    pub fn save(&self, checkpoint: &Checkpoint, load: Option<&Turn>) -> Result<(), StoreError> {
        let id = checkpoint.session_id;
        let Told { lines, missing, first } = self.log.lines(id, 0, true).map_err(at(LOG))?;
        if !missing.is_empty() {
            tracing::error!(%id, turns = ?missing, "lines of a history are lost");
            self.counts.damaged.fetch_add(missing.len() as u64, Ordering::Relaxed);
        }
        let mut lines: Vec<_> = lines.iter().map(|line| line.to_vec()).collect();
        lines.extend(load.map(format::line));
        let first = first.or(load.map(|load| load.revision)).unwrap_or(checkpoint.revision + 1);
        lines.push(format::line(&Heading::of(checkpoint)));
        self.append_history(id, &lines, first - 1)?;
        self.log.told(id, checkpoint.revision, &missing);
        self.write(&session_file(id), checkpoint)?;
        self.log.covered(id, checkpoint.revision);
        Ok(())
    }

    /// Appends to a history that goes up to a revision. Where its file is gone, closed to us, or does not go so far, what follows gets
    /// a file of its own: should the other come back as it was, nothing is written over, and both are read.
    fn append_history(&self, id: Uuid, lines: &[Vec<u8>], up_to: u64) -> Result<(), StoreError> {
        let bytes = [b"\n".to_vec(), joined(lines)].concat();
        let further = (2..=MOST_HISTORIES).take_while(|number| self.folder.exists(&history_file(id, *number)));
        let number = further.last().unwrap_or(1);
        let name = history_file(id, number);
        let goes_on = match self.folder.tail(&name, TAIL) {
            Ok(tail) => {
                let lines = format::lines(&tail);
                let last = lines.iter().rev().find_map(|line| format::whole(line).then(|| outline(line)).flatten());
                // Each begins with a heading: an empty one was emptied, or is not there now.
                last.is_some_and(|(_, revision)| revision >= up_to)
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
            Err(error) => return Err(self.unread(&name, error)),
        };
        if goes_on || number == MOST_HISTORIES {
            return self.folder.append(&name, &bytes).map_err(|error| self.failed(&name, error));
        }
        tracing::error!(file = name, up_to, "a history is not what it was; what follows is in a file beside it");
        self.count(&self.counts.damaged, &name);
        let name = history_file(id, number + 1);
        self.folder.append(&name, &bytes).map_err(|error| self.failed(&name, error))
    }

    /// Makes a checkpoint of a session that is not in memory, from what the log has of it.
    pub fn settle(&self, id: Uuid) -> Result<(), StoreError> {
        match self.load(id)? {
            Some(checkpoint) => self.save(&checkpoint, None),
            // It may come back, and needs its turns then.
            None => Ok(()),
        }
    }

    /// A session as its checkpoint and the log have it, or as its history leads to; none where there is nothing of it.
    pub fn load(&self, id: Uuid) -> Result<Option<Checkpoint>, StoreError> {
        let name = session_file(id);
        let bytes = self.folder.read(&name).map_err(|error| self.unread(&name, error))?;
        let read = bytes.map(|bytes| format::read::<Checkpoint>(Kind::Checkpoint, &bytes));
        let mut checkpoint = match read {
            Some(Ok(checkpoint)) if checkpoint.session_id == id => checkpoint,
            Some(Err(error @ Unreadable::Newer(_))) => return Err(unreadable(&name, error)),
            None if !self.has_history(id) && !self.is_aside(id) => return Ok(None),
            _ => self.mend(id)?,
        };
        let logged = self.log.revision(id);
        if self.told(id)?.is_some_and(|told| told > checkpoint.revision.max(logged.unwrap_or_default())) {
            // An older checkpoint has come back: later turns were written down before.
            tracing::error!(file = name, revision = checkpoint.revision, "a checkpoint is older than its history");
            checkpoint = self.rebuild(id)?;
            self.write(&name, &checkpoint)?;
            self.count(&self.counts.rebuilt, &name);
        }
        if logged.is_none_or(|logged| logged <= checkpoint.revision) {
            return Ok(Some(checkpoint));
        }
        let newest = match self.newest(id) {
            // Its line may be there.
            Err(StoreError::Damaged { .. }) => {
                checkpoint = self.rebuild(id)?;
                self.count(&self.counts.rebuilt, &name);
                return Ok(Some(checkpoint));
            }
            newest => newest?,
        };
        if let Some((turn, logged)) = newest {
            // Of the very bytes: a state of an older format would be written otherwise now.
            if model::digest(&checkpoint.star_map.digest(), &logged.bytes) != turn.digest {
                tracing::error!(file = name, "a checkpoint is not of the game that the turn log goes on with");
                checkpoint = self.rebuild(id).map_err(|error| match error {
                    StoreError::Damaged { .. } => self.reject(id, "it is not the game that the turn log goes on with"),
                    error => error,
                })?;
                self.count(&self.counts.rebuilt, &name);
                return Ok(Some(checkpoint));
            }
            for line in self.log.lines(id, checkpoint.revision, false).map_err(at(LOG))?.lines {
                let turn: Turn = self.logged(&line)?;
                checkpoint.keys.extend(turn.key.map(|key| UsedKey::of(&key, turn.revision)));
            }
            checkpoint.revision = turn.revision;
            // What the wall's clock says of the time between is near enough.
            let since = turn.at.duration_since(checkpoint.last_activity).max(SignedDuration::ZERO);
            checkpoint.lived = checkpoint.lived.and_then(|lived| lived.checked_add(since).ok());
            checkpoint.last_activity = checkpoint.last_activity.max(turn.at);
            checkpoint.rules = turn.rules;
            checkpoint.place = logged.place;
            checkpoint.state = logged.state;
        }
        Ok(Some(checkpoint))
    }

    /// Brings a checkpoint back that is damaged or missing, and writes it anew; what is damaged is kept.
    fn mend(&self, id: Uuid) -> Result<Checkpoint, StoreError> {
        let name = session_file(id);
        let bytes = self.folder.read(&name).map_err(|error| self.unread(&name, error))?;
        let mended = bytes.as_deref().and_then(|bytes| format::read_mended::<Checkpoint>(Kind::Checkpoint, bytes).ok());
        let checkpoint = match mended.filter(|(checkpoint, _)| checkpoint.session_id == id) {
            Some((checkpoint, _)) => {
                self.count(&self.counts.mended, &name);
                checkpoint
            }
            None => match self.rebuild(id) {
                Ok(checkpoint) => {
                    self.count(&self.counts.rebuilt, &name);
                    checkpoint
                }
                Err(StoreError::Damaged { problem, .. }) if bytes.is_some() => return Err(self.reject(id, &problem)),
                Err(error) => return Err(error),
            },
        };
        if let Some(bytes) = &bytes {
            self.folder.keep_aside(&name, bytes).map_err(|error| self.failed(&name, error))?;
        }
        self.write(&name, &checkpoint)?;
        tracing::warn!(file = name, revision = checkpoint.revision, "a checkpoint was damaged or missing, and is back");
        Ok(checkpoint)
    }

    /// Plays a session's game again, from what its history begins with, to the newest turn that the history or the log has.
    fn rebuild(&self, id: Uuid) -> Result<Checkpoint, StoreError> {
        let name = turns_file(id);
        let damaged = |problem: String| StoreError::Damaged { file: name.clone(), problem };
        // What a killed server had written without waiting is on the platter before anything follows from it.
        for file in (1..=MOST_HISTORIES).map(|number| history_file(id, number)) {
            if self.folder.exists(&file) {
                self.folder.append(&file, &[]).map_err(|error| self.unread(&file, error))?;
            }
        }
        let History { head, turns, .. } = self.history(id)?;
        let head = head.ok_or_else(|| damaged("it does not say whose it is".to_owned()))?;
        let last = turns.keys().next_back().copied().max(self.log.revision(id)).unwrap_or_default().max(head.revision);
        let begin = turns.iter().rev().find(|(_, turn)| matches!(turn.deed, Change::Loaded { .. }));
        let first = begin.map_or(1, |(revision, _)| *revision);
        if let Some(gap) = (first..=last).find(|revision| !turns.contains_key(revision)) {
            return Err(damaged(format!("turn {gap} of {last} is missing")));
        }
        let mut history = Vec::new();
        for turn in turns.range(first..).map(|(_, turn)| turn) {
            match &turn.deed {
                Change::Acted { action, .. } => {
                    history.push(Step { action: action.clone(), digest: turn.digest.clone(), rules: turn.rules });
                }
                Change::Loaded { loaded } => history.clone_from(&loaded.history),
            }
        }
        let newest = turns.values().next_back();
        let hash = newest.map_or(&head.content, |turn| &turn.content).clone();
        let content = self.content_again(&hash)?;
        let (seed, difficulty) = (head.seed, head.difficulty);
        let replay =
            Replay { version: model::VERSION, name: head.name.clone(), content: hash, seed, difficulty, history };
        let game = replay.verify(&content, |_, _, _| {}).map_err(|unproven| match unproven {
            Unproven::Unverifiable { rules, .. } => {
                damaged(format!("its turns are of rules {rules}, and cannot be played again"))
            }
            unproven => damaged(unproven.to_string()),
        })?;
        let keys = turns.values().filter_map(|turn| turn.key.as_deref().map(|key| UsedKey::of(key, turn.revision)));
        Ok(head.checkpoint(newest, keys.collect(), &game, &content))
    }

    fn content_again(&self, hash: &str) -> Result<Arc<Content>, StoreError> {
        let mut last = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = last.as_ref().filter(|content| content.hash == hash) {
            return Ok(content.clone());
        }
        let content = Arc::new(self.content(hash)?);
        Ok(last.insert(content).clone())
    }

    /// The newest turn of a session in the log, and the state after it.
    fn newest(&self, id: Uuid) -> Result<Option<(Turn, Logged)>, StoreError> {
        let newest = self.log.newest(id).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                StoreError::Damaged { file: LOG.to_owned(), problem: error.to_string() }
            }
            _ => self.unread(LOG, error),
        })?;
        let Some([line, place, bytes]) = newest else { return Ok(None) };
        if bytes.is_empty() {
            let problem = "the state after the newest turn is lost".to_owned();
            return Err(StoreError::Damaged { file: LOG.to_owned(), problem });
        }
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
        let History { turns, damaged, there, .. } = self.read_history(id, after, up_to, most)?;
        let whole = there as u64 == up_to.saturating_sub(after);
        if (!whole || damaged) && up_to > after {
            tracing::warn!(%id, after, up_to, found = turns.len(), "a history is damaged, or turns are missing from it");
        }
        if !whole && up_to > after {
            self.count(&self.counts.damaged, &turns_file(id));
        }
        Ok(turns.into_values().collect())
    }

    /// Bytes of a session's history, of which the log has some more.
    pub fn history_bytes(&self, id: Uuid) -> Result<u64, StoreError> {
        let files = (1..=MOST_HISTORIES).map(|number| history_file(id, number));
        let files = files
            .enumerate()
            .map(|(at, name)| (at, self.folder.look(&name).map_err(|error| self.unread(&name, error))));
        let mut bytes = 0;
        for (at, look) in files {
            match look? {
                Some(look) => bytes += look.length,
                None if at > 0 => break,
                None => {}
            }
        }
        Ok(bytes)
    }

    fn history(&self, id: Uuid) -> Result<History, StoreError> {
        self.read_history(id, 0, u64::MAX, usize::MAX)
    }

    /// Reads of a history what is between two revisions, as many turns as are wanted, and its head. Of the others only the revision is
    /// looked at: a line may be half a megabyte, and there may be thousands.
    fn read_history(&self, id: Uuid, after: u64, up_to: u64, most: usize) -> Result<History, StoreError> {
        // The log first: what a checkpoint takes out of it in between is in the file by then.
        let logged = self.log.lines(id, after, false).map_err(at(LOG))?.lines;
        let mut files = Vec::new();
        for number in 1..=MOST_HISTORIES {
            let name = history_file(id, number);
            // The first may be missing, or have come back; the others come one after the other.
            match self.folder.read(&name).map_err(|error| self.unread(&name, error))? {
                Some(file) => files.push((name, file)),
                None if number > 1 => break,
                None => {}
            }
        }
        let (mut history, mut found) = (History::default(), BTreeMap::new());
        for (name, file) in &files {
            history.damaged |= self.look_through(name, file, &mut history.head, &mut found);
        }
        for line in logged {
            if let Some((_, revision)) = outline(&line) {
                found.insert(revision, Cow::Owned(line.to_vec()));
            }
        }
        let wanted = found.into_iter().filter(|(revision, _)| (after + 1..=up_to).contains(revision));
        let wanted: Vec<_> = wanted.collect();
        history.there = wanted.len();
        for (revision, line) in wanted.into_iter().take(most) {
            match format::read::<Turn>(Kind::Turn, &line) {
                Ok(turn) => drop(history.turns.insert(revision, turn)),
                Err(error) => {
                    tracing::warn!(%id, revision, %error, "a line of a history is passed over");
                    self.count(&self.counts.damaged, &turns_file(id));
                    history.damaged = true;
                }
            }
        }
        Ok(history)
    }

    /// Looks through a file of a history: its last head, and the line of each revision. Whether it is damaged.
    fn look_through<'a>(
        &self,
        name: &str,
        file: &'a [u8],
        last: &mut Option<Head>,
        found: &mut BTreeMap<u64, Cow<'a, [u8]>>,
    ) -> bool {
        let mut is_damaged = false;
        let lines = format::lines(file);
        let count = lines.len();
        for (at, line) in lines.into_iter().enumerate() {
            let line = match format::mended_line(line) {
                Ok((line, mended)) => {
                    if mended {
                        self.count(&self.counts.mended, name);
                    }
                    line
                }
                // What a crash left of an append that nobody was told of.
                Err(line) if at + 1 == count && !line.ends_with(b"}") => continue,
                Err(_) => {
                    tracing::warn!(file = name, line = at + 1, "a line is passed over");
                    self.count(&self.counts.damaged, name);
                    is_damaged = true;
                    continue;
                }
            };
            let seen = match outline(&line) {
                Some((false, revision)) => Ok(revision),
                Some((true, _)) => format::read::<Heading>(Kind::Turn, &line).map_err(Some).and_then(|heading| {
                    // Beyond is a load that failed.
                    drop(found.split_off(&heading.head.revision.saturating_add(1)));
                    *last = Some(heading.head);
                    Err(None)
                }),
                // Of an older form, or edited.
                None => format::read::<Turn>(Kind::Turn, &line).map(|turn| turn.revision).map_err(Some),
            };
            match seen {
                Ok(revision) => drop(found.insert(revision, line)),
                Err(None) => {}
                Err(Some(error)) => {
                    tracing::warn!(file = name, line = at + 1, %error, "a line is passed over");
                    self.count(&self.counts.damaged, name);
                    is_damaged = true;
                }
            }
        }
        is_damaged
    }

    /// Up to which revision a session's history goes, by its end.
    fn told(&self, id: Uuid) -> Result<Option<u64>, StoreError> {
        let mut told = None;
        for number in 1..=MOST_HISTORIES {
            let name = history_file(id, number);
            let tail = self.folder.tail(&name, TAIL).map_err(|error| self.unread(&name, error))?;
            if tail.is_empty() && number > 1 {
                break;
            }
            let lines = format::lines(&tail).into_iter().rev().filter_map(|line| format::mended_line(line).ok());
            let head = lines.filter_map(|(line, _)| outline(&line)).find(|(is_head, _)| *is_head);
            told = told.max(head.map(|(_, revision)| revision));
        }
        Ok(told)
    }

    fn has_history(&self, id: Uuid) -> bool {
        [1, 2].into_iter().any(|number| self.folder.exists(&history_file(id, number)))
    }

    /// Whether a session's checkpoint was set aside.
    fn is_aside(&self, id: Uuid) -> bool {
        self.folder.exists(&format!("{}.invalid", session_file(id)))
    }

    /// How a session's game came to its state at a revision: the actions since it began, or since the game began that was loaded
    /// into it.
    pub fn lineage(&self, id: Uuid, revision: u64) -> Result<Vec<Step>, StoreError> {
        let turns = self.turns(id, 0, revision, usize::MAX)?;
        // What came before a load does not count.
        let first = turns.iter().rposition(|turn| matches!(turn.deed, Change::Loaded { .. })).unwrap_or_default();
        let mut steps = Vec::new();
        for turn in turns.into_iter().skip(first) {
            match turn.deed {
                Change::Acted { action, .. } => steps.push(Step { action, digest: turn.digest, rules: turn.rules }),
                Change::Loaded { loaded } => steps = loaded.history,
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
            drop(self.retract_tombstone(id));
            return Err(error);
        }
        if let Err(error) = self.remove_session(id) {
            tracing::warn!(%id, %error, "what is left of a deleted session will be removed at the next start");
        }
        Ok(())
    }

    /// Takes a tombstone back whose session goes on.
    fn retract_tombstone(&self, id: Uuid) -> Result<(), StoreError> {
        let _alone = self.graveyard.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut kept, unread) = self.lines_of::<Tombstone>(Kind::Tombstone, TOMBSTONES)?;
        kept.retain(|stone| stone.session_id != id);
        self.rewrite_lines(TOMBSTONES, &kept, &unread)
    }

    /// Removes a session's files.
    pub fn remove_session(&self, id: Uuid) -> Result<(), StoreError> {
        let name = session_file(id);
        let histories = (1..=MOST_HISTORIES).map(|number| history_file(id, number));
        let histories = histories.filter(|history| self.folder.exists(history));
        let names: Vec<_> = std::iter::once(name.clone()).chain(histories).collect();
        self.folder.remove(&names).map_err(|error| self.failed(&name, error))?;
        self.log.covered(id, u64::MAX);
        Ok(())
    }

    /// All tombstones that were written, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, StoreError> {
        Ok(self.lines_of(Kind::Tombstone, TOMBSTONES)?.0)
    }

    /// Rewrites the tombstones' file without those that are not kept; how many are left. As long as anything of a session is left its
    /// tombstone is, or else it would come back.
    pub fn compact_tombstones(&self, keep: impl Fn(&Tombstone) -> bool) -> Result<usize, StoreError> {
        let _alone = self.graveyard.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut kept, unread) = self.lines_of::<Tombstone>(Kind::Tombstone, TOMBSTONES)?;
        let remains = |id| self.folder.exists(&session_file(id)) || self.has_history(id) || self.log.remembers(id);
        kept.retain(|stone| keep(stone) || remains(stone.session_id));
        self.rewrite_lines(TOMBSTONES, &kept, &unread)?;
        Ok(kept.len())
    }

    /// Which tokens count, oldest change first. What a killed server had written without waiting is on the platter when this
    /// answers.
    pub fn nonces(&self) -> Result<Vec<Nonces>, StoreError> {
        let mut copies = Vec::new();
        for name in TOKENS {
            let Some(bytes) = self.folder.read(name).map_err(|error| self.unread(name, error))? else { continue };
            self.folder.append(name, &[]).map_err(|error| self.failed(name, error))?;
            let lines = format::lines(&bytes);
            let (mut read, mut unread) = (Vec::new(), 0);
            for (at, line) in lines.iter().enumerate() {
                match format::read_mended::<Nonces>(Kind::Nonces, line) {
                    Ok((nonces, mended)) => {
                        read.push(nonces);
                        if mended {
                            self.count(&self.counts.mended, name);
                        }
                    }
                    Err(Unreadable::Newer(version)) => {
                        return Err(StoreError::Newer { file: name.to_owned(), version });
                    }
                    // What a crash left of an append that nobody was told of.
                    Err(Unreadable::Damaged(_)) if at + 1 == lines.len() && !line.ends_with(b"}") => {}
                    Err(Unreadable::Damaged(_)) => unread += 1,
                }
            }
            copies.push((name, bytes, read, unread));
        }
        // The copy lacks at the most what was written last. A damaged one lacks more.
        let best = copies.iter().max_by_key(|(name, _, read, unread)| (*unread == 0, read.len(), *name == TOKENS[0]));
        let whole = best.is_some_and(|(_, _, read, unread)| *unread == 0 && !read.is_empty());
        let marked = self.revocations.load(Ordering::Relaxed);
        if !marked && whole {
            self.mark_revocations()?;
        }
        if marked && !whole && !self.begin_anew.tokens {
            let loss = "tokens that were replaced or logged out would count again";
            return Err(StoreError::Lost { file: TOKENS.join(" with "), loss, word: "tokens" });
        }
        let Some((_, _, nonces, _)) = best else { return Ok(Vec::new()) };
        let wanted = joined(&nonces.iter().map(format::line).collect::<Vec<_>>());
        let nonces = nonces.clone();
        for name in TOKENS {
            let found = copies.iter().find(|(found, ..)| *found == name);
            if found.is_some_and(|(_, _, read, unread)| *unread == 0 && *read == nonces) {
                continue;
            }
            if let Some((_, bytes, read, unread)) = found
                && (*unread > 0 || read.len() + 1 < nonces.len())
            {
                tracing::error!(file = name, "which tokens count was damaged, and is taken from its copy");
                self.count(&self.counts.mended, name);
                self.folder.keep_aside(name, bytes).map_err(|error| self.failed(name, error))?;
            }
            self.folder.replace(name, &wanted).map_err(|error| self.failed(name, error))?;
        }
        Ok(nonces)
    }

    /// Writes down which tokens count from now on. One caller at a time.
    pub fn append_nonces(&self, changed: &[Nonces]) -> Result<(), StoreError> {
        let lines: Vec<_> = changed.iter().map(format::line).collect();
        TOKENS.iter().try_for_each(|name| self.append_lines(name, &lines))?;
        if self.revocations.load(Ordering::Relaxed) { Ok(()) } else { self.mark_revocations() }
    }

    /// From here on the list of revoked tokens is missed where it is not there.
    fn mark_revocations(&self) -> Result<(), StoreError> {
        if let Some(keys) = self.read_twice::<Keys>(Kind::Keys, KEYS)? {
            self.write_twice(KEYS, &format::file(&Keys { revocations: true, ..keys }))?;
        }
        self.revocations.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Rewrites the file of tokens that count. One caller at a time.
    pub fn rewrite_nonces(&self, all: &[Nonces]) -> Result<(), StoreError> {
        TOKENS.iter().try_for_each(|name| self.rewrite_lines(name, all, &[]))
    }

    /// The entries of a board, in the order they were made. What a killed server had written without waiting is on the platter when
    /// this answers.
    pub fn board(&self, board: BoardName) -> Result<Vec<Entry>, StoreError> {
        let name = board_file(board);
        if !self.folder.exists(&name) {
            return Ok(Vec::new());
        }
        self.folder.append(&name, &[]).map_err(|error| self.failed(&name, error))?;
        Ok(self.lines_of(Kind::Entry, &name)?.0)
    }

    /// The entries that a session made, which is one, unless the disk failed after it was written. Reads little of the others.
    pub fn entries_of(&self, board: BoardName, session: Uuid) -> Result<Vec<Entry>, StoreError> {
        let name = board_file(board);
        let bytes = self.folder.read(&name).map_err(at(&name))?.unwrap_or_default();
        let id = session.to_string();
        let lines = format::lines(&bytes);
        let own = lines.iter().filter(|line| memmem::find(line, id.as_bytes()).is_some());
        let entries =
            own.filter_map(|line| format::read_mended::<Entry>(Kind::Entry, line).ok()).map(|(entry, _)| entry);
        Ok(entries.filter(|entry| entry.claim.session_id == session).collect())
    }

    /// Adds to its board. One caller at a time.
    pub fn append_entry(&self, entry: &Entry) -> Result<(), StoreError> {
        self.append_lines(&board_file(entry.board()), &[format::line(entry)])
    }

    /// Rewrites a board. One caller at a time.
    pub fn rewrite_board(&self, board: BoardName, entries: &[Entry]) -> Result<(), StoreError> {
        let name = board_file(board);
        let (_, unread) = self.lines_of::<Entry>(Kind::Entry, &name)?;
        self.rewrite_lines(&name, entries, &unread)
    }

    /// Removes boards.
    pub fn remove_boards(&self, boards: &[BoardName]) -> Result<(), StoreError> {
        let names: Vec<_> = boards.iter().copied().map(board_file).collect();
        self.folder.remove(&names).map_err(|error| self.failed(BOARDS, error))
    }

    /// Who has begun a day's challenge. What a killed server had written without waiting is on the platter when this answers.
    pub fn begun(&self, day: Day) -> Result<Vec<Begun>, StoreError> {
        let name = begun_file(day);
        if !self.folder.exists(&name) {
            return Ok(Vec::new());
        }
        self.folder.append(&name, &[]).map_err(|error| self.failed(&name, error))?;
        Ok(self.lines_of(Kind::Begun, &name)?.0)
    }

    /// Writes down who has begun a day's challenge. One caller at a time.
    pub fn append_begun(&self, day: Day, begun: &[Begun]) -> Result<(), StoreError> {
        let lines: Vec<_> = begun.iter().map(format::line).collect();
        self.append_lines(&begun_file(day), &lines)
    }

    /// Rewrites who has begun a day's challenge. One caller at a time.
    pub fn rewrite_begun(&self, day: Day, all: &[Begun]) -> Result<(), StoreError> {
        let name = begun_file(day);
        let (_, unread) = self.lines_of::<Begun>(Kind::Begun, &name)?;
        self.rewrite_lines(&name, all, &unread)
    }

    /// Forgets who has begun a day's challenge.
    pub fn remove_begun(&self, day: Day) -> Result<(), StoreError> {
        let name = begun_file(day);
        self.folder.remove(std::slice::from_ref(&name)).map_err(|error| self.failed(&name, error))
    }

    /// What the server made of its clock; none where nobody can tell.
    pub fn clock(&self) -> Result<Option<Clock>, StoreError> {
        let Some(bytes) = self.folder.read(CLOCK).map_err(|error| self.unread(CLOCK, error))? else { return Ok(None) };
        match format::read_mended(Kind::Clock, &bytes) {
            Ok((clock, _)) => Ok(Some(clock)),
            Err(Unreadable::Newer(version)) => Err(StoreError::Newer { file: CLOCK.to_owned(), version }),
            Err(Unreadable::Damaged(problem)) => {
                drop(self.set_aside(CLOCK, &problem));
                Ok(None)
            }
        }
    }

    /// Writes down what the server makes of its clock.
    pub fn write_clock(&self, clock: &Clock) -> Result<(), StoreError> {
        self.write(CLOCK, clock)
    }

    /// The server's keys; each is drawn on first use.
    pub fn keys(&self, fresh: impl Fn() -> [u8; 32]) -> Result<Keys, StoreError> {
        let found = match self.read_twice::<Keys>(Kind::Keys, KEYS) {
            Err(StoreError::Damaged { .. }) => None,
            read => read?,
        };
        if found.is_none() && !self.begin_anew.keys && self.has_games()? {
            let loss = "every token would be void, and with it the way to its player's games";
            return Err(StoreError::Lost { file: format!("{KEYS} with its copy"), loss, word: "keys" });
        }
        let first = || Keys {
            version: model::VERSION,
            current: hex(&fresh()),
            previous: None,
            challenge: None,
            revocations: false,
        };
        let mut keys = found.clone().unwrap_or_else(first);
        keys.challenge.get_or_insert_with(|| hex(&fresh()));
        // A copy that differs is one that a change of the key did not get to.
        let [own, copy] = [KEYS, &copy_of(KEYS)].map(|name| self.folder.read(name));
        let differs = own.is_ok() && copy.is_ok() && own.ok() != copy.ok();
        if found.as_ref() != Some(&keys) || differs {
            self.write_twice(KEYS, &format::file(&keys))?;
        }
        self.revocations.store(keys.revocations, Ordering::Relaxed);
        Ok(keys)
    }

    /// Whether there is anything that a token leads to.
    fn has_games(&self) -> Result<bool, StoreError> {
        let names = self.folder.list().map_err(at("."))?;
        let is_game = |name: &String| {
            let name = name.split_once(".invalid").map_or(name.as_str(), |(name, _)| name);
            session_of(name).or(history_of(name)).is_some() || slot_of(name).is_some()
        };
        Ok(names.iter().any(is_game))
    }

    /// Draws a new key for tokens. The present one becomes the previous one, and that one is forgotten.
    pub fn rotate_key(&self, fresh: fn() -> [u8; 32]) -> Result<(), StoreError> {
        let present = self.keys(fresh)?;
        let keys = Keys { current: hex(&fresh()), previous: Some(present.current), ..present };
        self.write_twice(KEYS, &format::file(&keys))
    }

    /// A player's save; none where the slot is empty.
    pub fn slot(&self, player: Uuid, number: u8) -> Result<Option<Save>, StoreError> {
        self.read_twice(Kind::Save, &slot_file(player, number))
    }

    /// Writes a player's save.
    pub fn write_slot(&self, player: Uuid, number: u8, save: &Save) -> Result<(), StoreError> {
        let name = slot_file(player, number);
        if let Ok(Some(before)) = self.folder.read(&name)
            && format::read_mended::<serde::de::IgnoredAny>(Kind::Save, &before).is_err()
        {
            self.folder.keep_aside(&name, &before).map_err(|error| self.failed(&name, error))?;
        }
        self.write_twice(&name, &format::file(save))
    }

    /// Empties a slot.
    pub fn remove_slot(&self, player: Uuid, number: u8) -> Result<(), StoreError> {
        let name = slot_file(player, number);
        let names = [name.clone(), copy_of(&name)];
        self.folder.remove(&names).map_err(|error| self.failed(&name, error))
    }

    /// Sets a player's save aside, because it reads but makes no sense.
    pub fn reject_slot(&self, player: Uuid, number: u8, problem: &str) -> StoreError {
        let name = slot_file(player, number);
        drop(self.set_aside(&copy_of(&name), problem));
        self.set_aside(&name, problem)
    }

    /// Keeps content for the games that begin with it.
    pub fn keep_content(&self, hash: &str, files: &Files) -> Result<(), StoreError> {
        if self.has_content(hash) { Ok(()) } else { self.write_content(hash, files) }
    }

    /// Makes sure that content which is kept can be read, as long as there is another copy of it.
    pub fn mend_content(&self, hash: &str, files: &Files) -> Result<(), StoreError> {
        let name = content_file(hash);
        for name in [name.clone(), copy_of(&name)] {
            let Some(bytes) = self.folder.read(&name).map_err(at(&name))? else { continue };
            if !read_files(&bytes).is_ok_and(|kept| kept == *files) {
                drop(self.set_aside(&name, "it is not the content of its name"));
                return self.write_content(hash, files);
            }
        }
        Ok(())
    }

    fn write_content(&self, hash: &str, files: &Files) -> Result<(), StoreError> {
        // Stored types always serialize.
        let bytes = serde_json::to_vec_pretty(files).unwrap_or_default();
        self.write_twice(&content_file(hash), &bytes)
    }

    /// Whether a game began with content of this hash. Any text may be asked for: what is no hash names no file.
    pub fn has_content(&self, hash: &str) -> bool {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let name = content_file(hash);
        is_hash && (self.folder.exists(&name) || self.folder.exists(&copy_of(&name)))
    }

    /// Content that a game began with.
    pub fn content(&self, hash: &str) -> Result<Content, StoreError> {
        let name = content_file(hash);
        let damaged = |problem: String| StoreError::Damaged { file: name.clone(), problem };
        let mut problem = damaged("the content a game began with is missing".to_owned());
        if !self.has_content(hash) {
            return Err(problem);
        }
        for (at, file) in [name.clone(), copy_of(&name)].iter().enumerate() {
            let Some(bytes) = self.folder.read(file).map_err(|error| self.unread(file, error))? else { continue };
            let read = read_files(&bytes).map_err(|error| damaged(error.to_string()));
            let read = read.and_then(|files| {
                Content::parse(&files).map_err(|faults| {
                    let first = faults.first().map(ToString::to_string).unwrap_or_default();
                    damaged(format!("the content a game began with is no longer accepted: {first}"))
                })
            });
            match read {
                Ok(content) if content.hash == hash => {
                    if at > 0 {
                        self.count(&self.counts.mended, &name);
                        self.write_twice(&name, &bytes)?;
                    }
                    return Ok(content);
                }
                Ok(_) => problem = damaged("it is not what its name says".to_owned()),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    /// A session that was there is not there any more, and nothing that it could be rebuilt from.
    pub fn missing(&self, id: Uuid) -> StoreError {
        self.count(&self.counts.damaged, &session_file(id));
        StoreError::Damaged { file: session_file(id), problem: "it has gone".to_owned() }
    }

    /// Sets a session's checkpoint aside, because it reads but makes no sense.
    pub fn reject(&self, id: Uuid, problem: &str) -> StoreError {
        self.set_aside(&session_file(id), problem)
    }

    fn set_aside(&self, name: &str, problem: &str) -> StoreError {
        let moved = self.folder.set_aside(name);
        tracing::error!(file = name, problem, ?moved, "a damaged file is set aside");
        self.count(&self.counts.damaged, name);
        StoreError::Damaged { file: name.to_owned(), problem: problem.to_owned() }
    }

    fn count(&self, counter: &AtomicU64, name: &str) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.set_aside.add(name);
    }

    /// The system says no, now: that is no damage.
    fn unread(&self, name: &str, error: io::Error) -> StoreError {
        tracing::error!(file = name, %error, "a file cannot be read now");
        self.counts.unread.fetch_add(1, Ordering::Relaxed);
        at(name)(error)
    }

    fn append_lines(&self, name: &str, lines: &[Vec<u8>]) -> Result<(), StoreError> {
        // A line feed first: should the last append have been torn, this one begins on a line of its own.
        let bytes = [b"\n".to_vec(), joined(lines)].concat();
        self.folder.append(name, &bytes).map_err(|error| self.failed(name, error))
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        self.folder.replace(name, &format::file(value)).map_err(|error| self.failed(name, error))
    }

    /// Writes a file and its copy.
    fn write_twice(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        [name, &copy_of(name)]
            .iter()
            .try_for_each(|name| self.folder.replace(name, bytes).map_err(|error| self.failed(name, error)))
    }

    /// Reads a file of which there is a copy; none where there is neither. The one that is damaged or missing is written anew.
    fn read_twice<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<Option<T>, StoreError> {
        let (mut problem, mut unread) = (None, None);
        for (at, file) in [name, &copy_of(name)].into_iter().enumerate() {
            let bytes = match self.folder.read(file) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error) => {
                    unread = Some(self.unread(file, error));
                    continue;
                }
            };
            match format::read_mended::<T>(kind, &bytes) {
                Ok((read, mended)) => {
                    // What cannot be read now stays.
                    if (at > 0 || mended) && unread.is_none() {
                        self.renew(name, file, &bytes)?;
                    }
                    return Ok(Some(read));
                }
                Err(Unreadable::Damaged(damage)) => problem = Some(damage),
                Err(newer) => return Err(unreadable(file, newer)),
            }
        }
        match (unread, problem) {
            (Some(unread), _) => Err(unread),
            (None, Some(problem)) => {
                self.count(&self.counts.damaged, name);
                Err(StoreError::Damaged { file: name.to_owned(), problem })
            }
            (None, None) => Ok(None),
        }
    }

    /// Writes a file and its copy anew from what could be read of one; what is damaged is kept.
    fn renew(&self, name: &str, good: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let bytes = format::mended(bytes).unwrap_or_else(|| bytes.to_vec());
        tracing::warn!(file = name, from = good, "a file was damaged or missing, and is written anew");
        self.count(&self.counts.mended, name);
        if let Some(damaged) = self.folder.read(name).map_err(|error| self.unread(name, error))? {
            self.folder.keep_aside(name, &damaged).map_err(|error| self.failed(name, error))?;
        }
        self.write_twice(name, &bytes)
    }

    fn failed(&self, name: &str, error: io::Error) -> StoreError {
        tracing::error!(file = name, %error, "a file could not be written");
        // What is wrong with one file says nothing of the disk.
        let of_file = matches!(
            error.kind(),
            io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound
        );
        if !of_file {
            self.log.fail();
        }
        at(name)(error)
    }

    /// The objects in a file of lines, and the lines that cannot be read, which are reported.
    fn lines_of<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<(Vec<T>, Vec<Vec<u8>>), StoreError> {
        let bytes = self.folder.read(name).map_err(|error| self.unread(name, error))?.unwrap_or_default();
        Ok(parse_lines(&self.set_aside, &self.counts, kind, name, &bytes))
    }

    /// Rewrites a file of lines. What cannot be read of it is kept as it stands.
    fn rewrite_lines(&self, name: &str, all: &[impl Serialize], unread: &[Vec<u8>]) -> Result<(), StoreError> {
        let lines: Vec<_> = unread.iter().cloned().chain(all.iter().map(format::line)).collect();
        self.folder.replace(name, &joined(&lines)).map_err(|error| self.failed(name, error))
    }
}

/// Reads the texts of content files.
fn read_files(bytes: &[u8]) -> serde_json::Result<Files> {
    serde_json::from_slice(&format::tidy(bytes))
}

/// What a line of history is, without reading it: whether it is a heading, and its revision. None where that cannot be told so.
fn outline(line: &[u8]) -> Option<(bool, u64)> {
    // A checksum, the version, and then one or the other.
    let begin = &line[..line.len().min(120)];
    let at = memmem::find(begin, b"\"revision\":")? + b"\"revision\":".len();
    let is_head = memmem::find(&begin[..at], b"\"head\":").is_some();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let revision = std::str::from_utf8(&line[at..at + digits]).ok()?.parse().ok()?;
    format::is_sealed(line).then_some((is_head, revision))
}

/// The objects in lines. Those that cannot be read are reported.
fn parse_lines<T: DeserializeOwned>(
    set_aside: &Reports,
    counts: &Counts,
    kind: Kind,
    name: &str,
    bytes: &[u8],
) -> (Vec<T>, Vec<Vec<u8>>) {
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    for line in format::lines(bytes) {
        match format::read_mended(kind, &line) {
            Ok((object, mended)) => {
                read.push(object);
                if mended {
                    counts.mended.fetch_add(1, Ordering::Relaxed);
                    set_aside.add(name);
                }
            }
            Err(error) => {
                tracing::warn!(file = name, %error, "a line is passed over");
                counts.damaged.fetch_add(1, Ordering::Relaxed);
                set_aside.add(name);
                unread.push(line.into_owned());
            }
        }
    }
    (read, unread)
}

fn unreadable(name: &str, error: Unreadable) -> StoreError {
    match error {
        Unreadable::Newer(version) => StoreError::Newer { file: name.to_owned(), version },
        Unreadable::Damaged(problem) => StoreError::Damaged { file: name.to_owned(), problem },
    }
}

fn at(file: &str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { file: file.to_owned(), source }
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

/// The files of a history, from 1.
fn history_file(id: Uuid, number: u32) -> String {
    if number == 1 { turns_file(id) } else { format!("session_{id}.turns.{number}.jsonl") }
}

/// The name of a file's copy.
fn copy_of(name: &str) -> String {
    format!("{}.copy.json", name.strip_suffix(".json").unwrap_or(name))
}

/// Whether a file is of those that the store makes.
fn is_ours(name: &str) -> bool {
    const BEGINNINGS: [&str; 10] = [
        "session_",
        "slot_",
        "content_",
        "leaderboard_",
        "turns",
        "tombstones.",
        "tokens.",
        "keys.",
        "clock.",
        "challenge_",
    ];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn content_file(hash: &str) -> String {
    format!("content_{hash}.json")
}

fn session_of(name: &str) -> Option<Uuid> {
    name.strip_prefix("session_")?.strip_suffix(".json")?.parse().ok()
}

fn history_of(name: &str) -> Option<Uuid> {
    let (id, rest) = name.strip_prefix("session_")?.split_once('.')?;
    (rest.starts_with("turns.") && rest.ends_with("jsonl")).then_some(())?;
    id.parse().ok()
}

fn board_file(board: BoardName) -> String {
    format!("{board}.jsonl")
}

fn board_of(name: &str) -> Option<BoardName> {
    let (date, difficulty) = name.strip_prefix("leaderboard_")?.strip_suffix(".jsonl")?.split_once('_')?;
    Some(BoardName { date: date.parse().ok()?, difficulty: BoardName::difficulty(difficulty)? })
}

fn begun_file(day: Day) -> String {
    format!("challenge_{day}.jsonl")
}

fn begun_of(name: &str) -> Option<Day> {
    name.strip_prefix("challenge_")?.strip_suffix(".jsonl")?.parse().ok()
}

fn slot_file(player: Uuid, number: u8) -> String {
    format!("slot_{player}_{number}.json")
}

fn slot_of(name: &str) -> Option<(Uuid, u8)> {
    let name = name.strip_prefix("slot_")?.strip_suffix(".json")?;
    let (player, number) = name.strip_suffix(".copy").unwrap_or(name).split_once('_')?;
    Some((player.parse().ok()?, number.parse().ok()?))
}
