//! Opening a folder: what is in it, what a crash or a broken disk has left of it, and what can be brought back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use uuid::Uuid;

use super::checkpoints::Checkpoints;
use super::disk::Disk;
use super::files::{Files, at};
use super::history::{Histories, outline};
use super::log::Log;
use super::names::{
    LOG, MAX_HISTORIES, TOMBSTONES, begun_of, board_of, history_file, history_of, is_ours, session_file, session_of,
    slot_of, turns_file,
};
use super::register::{self, Noted, Register, Said};
use super::settings::Settings;
use crate::model::format::{self, Kind, Unreadable};
use crate::model::{BoardName, Day, Header, Tombstone};
use crate::store::error::StoreError;

/// Threads that look at checkpoints.
const LOOKING: usize = 16;

/// What is in a folder.
pub(super) struct Found {
    pub sessions: Vec<Box<Header>>,
    pub unread: Vec<(Uuid, bool)>,
    pub tombstones: Vec<Tombstone>,
    pub slots: Vec<(Uuid, u8)>,
    pub boards: Vec<BoardName>,
    pub begun: Vec<Day>,
}

/// A folder that is being opened.
pub(super) struct Opening {
    files: Arc<Files>,
    /// Of files that are neither checkpoints nor histories, in order.
    names: Vec<String>,
    /// All tombstones, oldest first.
    stones: Vec<Tombstone>,
    /// Deleted sessions, and their revisions then.
    buried: HashMap<Uuid, u64>,
    /// Sessions that have a checkpoint, whether it can be read or not.
    checkpoints: BTreeSet<Uuid>,
    /// Those whose checkpoint can be read.
    sessions: BTreeMap<Uuid, Box<Header>>,
    /// Those that cannot be read; and whether they are damaged.
    unread: BTreeMap<Uuid, bool>,
    /// Those whose checkpoint is damaged or missing.
    broken: BTreeSet<Uuid>,
    register: Arc<Register>,
}

impl Opening {
    /// Looks what there is.
    pub fn begin(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let files = Arc::new(Files::new(disk));
        // Either takes its time where there are many sessions.
        let (names, said) = rayon::join(|| files.tidy(is_ours), || register::read(&files));
        let (mut names, mut checkpoints, mut histories) = (names.map_err(at("."))?, Vec::new(), Vec::new());
        names.retain(|name| match (session_of(name), history_of(name)) {
            (None, None) => true,
            (session, history) => {
                checkpoints.extend(session);
                histories.extend(history);
                false
            }
        });
        let checkpoints: BTreeSet<_> = checkpoints.into_iter().collect();
        let broken = histories.into_iter().filter(|id| !checkpoints.contains(id)).collect();
        let bytes = files.read(TOMBSTONES).map_err(at(TOMBSTONES))?.unwrap_or_default();
        let (stones, _) = files.parse_lines::<Tombstone>(Kind::Tombstone, TOMBSTONES, &bytes);
        let buried = stones.iter().map(|stone| (stone.session_id, stone.revision)).collect();
        let (sessions, unread) = Default::default();
        let register = Arc::new(Register::new(files.clone(), &said));
        let mut opening = Self { files, names, stones, buried, checkpoints, sessions, unread, broken, register };
        opening.read_checkpoints(said);
        Ok(opening)
    }

    pub fn files(&self) -> Arc<Files> {
        self.files.clone()
    }

    pub fn register(&self) -> Arc<Register> {
        self.register.clone()
    }

    /// How many tombstones there are.
    pub fn tombstones(&self) -> usize {
        self.stones.len()
    }

    /// Of a checkpoint that is still as it was noted it is enough what the register says.
    fn read_checkpoints(&mut self, mut said: Said) {
        let look = |id: &Uuid| {
            let name = session_file(*id);
            // Before it is read: what is written meanwhile is another file then.
            let stamp = self.files.stamp(&name).ok().flatten();
            let still = said.sessions.get(id).zip(stamp).is_some_and(|(noted, stamp)| noted.still(stamp));
            // None where it is still as it was noted.
            let read = (!still).then(|| self.files.read(&name).map(|bytes| header(&bytes.unwrap_or_default())));
            (*id, read, stamp)
        };
        let found = || self.checkpoints.par_iter().map(look).collect();
        // A disk that has not been read yet answers many as fast as one.
        let found: Vec<_> = match ThreadPoolBuilder::new().num_threads(LOOKING).build() {
            Ok(pool) => pool.install(found),
            Err(_) => found(),
        };
        let mut fresh = Vec::new();
        for (id, read, stamp) in found {
            let Some(read) = read else {
                self.sessions.extend(said.sessions.remove(&id).map(|noted| (id, noted.header())));
                continue;
            };
            let name = session_file(id);
            match read {
                Ok(Ok(header)) if header.session_id == id => {
                    fresh.extend(stamp.map(|stamp| Noted::of(stamp, header.clone())));
                    self.sessions.insert(id, header);
                }
                Ok(Ok(_) | Err(Unreadable::Damaged(_))) => drop(self.broken.insert(id)),
                Ok(Err(Unreadable::Newer(version))) => {
                    tracing::error!(file = name, version, "a session was written by a newer version of this program");
                    self.unread.insert(id, false);
                }
                Err(error) => {
                    tracing::error!(file = name, %error, "a session cannot be read now");
                    self.files.counts.unread.fetch_add(1, Ordering::Relaxed);
                    self.unread.insert(id, false);
                }
            }
        }
        self.register.add(&fresh);
    }

    /// Opens the log, and finds in it what no checkpoint covers.
    pub fn open_log(&self, settings: &Settings) -> Result<Log, StoreError> {
        let covered = |id: Uuid| match (self.sessions.get(&id), self.buried.get(&id)) {
            (Some(header), _) => Some(header.revision),
            // Should it have gone on after it was to be buried, its turns are later.
            (None, revision) => revision.copied(),
        };
        let lacks = |id: Uuid, revision: u64| {
            let mut files =
                (1..=MAX_HISTORIES).filter_map(|number| self.files.read(&history_file(id, number)).ok().flatten());
            let has = |file: Vec<u8>| format::lines(&file).iter().any(|line| outline(line) == Some((false, revision)));
            !files.any(has)
        };
        let report = |name: &str| self.files.tell(name);
        let log = Log::open(self.files.clone(), &self.names, settings, covered, lacks, report);
        log.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Lost {
                file: error.to_string(),
                loss: "turns that were answered are in no checkpoint",
                word: "log",
            },
            _ => at(LOG)(error),
        })
    }

    /// Brings back what is damaged or missing, and tells what there is.
    pub fn bring_back(
        mut self,
        log: &Log,
        histories: &Histories,
        checkpoints: &Checkpoints,
    ) -> Result<Found, StoreError> {
        self.remove_buried(log, histories, checkpoints);
        self.mend_broken(log, checkpoints)?;
        self.bring_up_to_date(log, checkpoints);
        let Self { names, mut stones, buried, mut sessions, mut unread, .. } = self;
        for name in names.iter().filter_map(|name| name.split_once(".invalid")).map(|(name, _)| name) {
            let lost = session_of(name).filter(|id| !sessions.contains_key(id) && !buried.contains_key(id));
            unread.extend(lost.map(|id| (id, true)));
        }
        unread.retain(|id, _| match checkpoints.outline(*id) {
            Some(header) => sessions.insert(*id, Box::new(Header { outlined: true, ..header })).is_some(),
            None => true,
        });
        sessions.retain(|id, header| {
            let Some(buried) = buried.get(id) else { return true };
            if header.revision.max(log.revision(*id).unwrap_or_default()) > *buried {
                // It went on: it was not buried after all.
                return true;
            }
            if header.outlined {
                // Whether it went on can be told when it can be read.
                tracing::error!(%id, "a session that was deleted cannot be read, and stays as it is");
            } else if let Err(error) = checkpoints.remove(*id) {
                // A crash between the tombstone and the removal left it behind; the next start tries again.
                tracing::error!(%id, %error, "what is left of a deleted session could not be removed");
            }
            false
        });
        unread.retain(|id, _| !buried.contains_key(id));
        stones.retain(|stone| !sessions.contains_key(&stone.session_id));
        // A save and its copy are one.
        let slots: BTreeSet<_> = names.iter().filter_map(|name| slot_of(name)).collect();
        Ok(Found {
            sessions: sessions.into_values().collect(),
            unread: unread.into_iter().collect(),
            tombstones: stones,
            slots: slots.into_iter().collect(),
            boards: names.iter().filter_map(|name| board_of(name)).collect(),
            begun: names.iter().filter_map(|name| begun_of(name)).collect(),
        })
    }

    /// Removes what a crash left of deleted sessions.
    fn remove_buried(&mut self, log: &Log, histories: &Histories, checkpoints: &Checkpoints) {
        for (id, revision) in self.buried.iter().filter(|(id, _)| !self.checkpoints.contains(id)) {
            // Unless it went on after it was to be buried, or nobody can tell now.
            let told = histories.told(*id);
            let gone = told.is_ok_and(|told| told.is_none_or(|told| told <= *revision));
            if !gone || log.revision(*id).is_some() {
                continue;
            }
            log.covered(*id, u64::MAX);
            if self.broken.remove(id)
                && let Err(error) = checkpoints.remove(*id)
            {
                tracing::warn!(%id, %error, "what is left of a deleted session could not be removed");
            }
        }
    }

    fn mend_broken(&mut self, log: &Log, checkpoints: &Checkpoints) -> Result<(), StoreError> {
        for id in std::mem::take(&mut self.broken) {
            let begun = self.files.look(&turns_file(id)).map_err(at(LOG))?.is_some_and(|look| look.length > 0);
            if !self.checkpoints.contains(&id) && !begun && log.revision(id).is_none() {
                // A session that was to be created when the server was killed.
                tracing::info!(%id, "a session was never created");
                continue;
            }
            match checkpoints.mend(id) {
                Ok(checkpoint) => drop(self.sessions.insert(id, Box::new(Header::of(&checkpoint)))),
                Err(error) => {
                    tracing::error!(%error, "a session cannot be brought back");
                    self.unread.insert(id, matches!(error, StoreError::Damaged { .. }));
                }
            }
        }
        Ok(())
    }

    /// Lists sessions as the log has them, where it has later turns.
    fn bring_up_to_date(&mut self, log: &Log, checkpoints: &Checkpoints) {
        for id in log.uncovered() {
            if let Some(header) = self.sessions.get_mut(&id) {
                match checkpoints.newest(id) {
                    Ok(Some((turn, logged))) => header.advance(&turn, logged),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "a session is listed as its checkpoint has it"),
                }
            }
        }
    }
}

fn header(bytes: &[u8]) -> Result<Box<Header>, Unreadable> {
    format::read(Kind::Checkpoint, bytes).map(Box::new)
}
