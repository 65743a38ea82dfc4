//! Checkpoints: sessions as they are written down, brought up to the newest turn of the log, and rebuilt where they are damaged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use memchr::memmem;
use parking_lot::Mutex;
use uuid::Uuid;

use super::contents::Contents;
use super::files::{Files, at, joined, unreadable};
use super::history::{Histories, History};
use super::log::{Log, Told};
use super::names::{LOG, MAX_HISTORIES, history_file, session_file, thing, turns_file};
use super::register::Register;
use crate::game::content::{Content, Difficulty};
use crate::model::format::{self, Kind, Unreadable};
use crate::model::{
    self, Change, Checkpoint, Head, Header, Heading, Logged, Replay, SessionId, Turn, Unproven, UsedKey, lineage,
};
use crate::store::error::{StoreError, Thing};

/// The checkpoints of all sessions.
#[derive(Debug)]
pub(super) struct Checkpoints {
    files: Arc<Files>,
    log: Arc<Log>,
    histories: Arc<Histories>,
    contents: Arc<Contents>,
    register: Arc<Register>,
    /// The content that a game was played again on last.
    last_content: Mutex<Option<Arc<Content>>>,
}

impl Checkpoints {
    pub fn new(
        files: Arc<Files>,
        log: Arc<Log>,
        histories: Arc<Histories>,
        contents: Arc<Contents>,
        register: Arc<Register>,
    ) -> Self {
        Self { files, log, histories, contents, register, last_content: Mutex::default() }
    }

    /// What can be told of a session that cannot be read now, or not any more: whose it is, and how far it got.
    pub fn outline(&self, id: Uuid) -> Option<Header> {
        if let Some(head) = self.histories.read(id).ok().and_then(|history| history.head) {
            return Some(head.header());
        }
        // In a newer format, or in what is left of a damaged file.
        let name = session_file(id);
        let candidates = [name.clone(), format!("{name}.invalid")];
        let bytes = candidates.iter().find_map(|name| self.files.read(name).ok().flatten())?;
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

    /// Writes the first checkpoint of a session, after what its history begins with.
    pub fn create(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let id = checkpoint.session_id;
        let name = turns_file(id);
        let head = self.files.lines(&name, &[Heading::of(checkpoint)])?;
        // The folder is synced with the checkpoint.
        self.files.append_soon(&name, &joined(&head)).map_err(|error| self.files.failed(&name, error))?;
        self.write(checkpoint)
    }

    /// Writes a checkpoint in the place of the one before.
    fn write(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.files.write(&session_file(checkpoint.session_id), checkpoint)?;
        self.register.note(checkpoint);
        Ok(())
    }

    /// Writes what happened since the last checkpoint into the history, then the checkpoint itself. Where a save has taken the
    /// game's place, `load` tells of it.
    pub fn save(&self, checkpoint: &Checkpoint, load: Option<&Turn>) -> Result<(), StoreError> {
        let id = checkpoint.session_id;
        let Told { lines, missing, first } = self.log.lines(id, 0, true).map_err(at(LOG))?;
        if !missing.is_empty() {
            tracing::error!(%id, turns = ?missing, "lines of a history are lost");
            self.files.counts.damaged.fetch_add(missing.len() as u64, Ordering::Relaxed);
        }
        let mut lines: Vec<_> = lines.iter().map(|line| line.to_vec()).collect();
        lines.extend(self.files.lines(&turns_file(id), load.as_slice())?);
        let first = first.or(load.map(|load| load.revision)).unwrap_or(checkpoint.revision + 1);
        lines.extend(self.files.lines(&turns_file(id), &[Heading::of(checkpoint)])?);
        self.histories.append(id, &lines, first - 1)?;
        self.log.told(id, checkpoint.revision, &missing);
        self.write(checkpoint)?;
        self.log.covered(id, checkpoint.revision);
        Ok(())
    }

    /// Writes a session down that is not there, with its whole history.
    pub fn put(&self, checkpoint: &Checkpoint, turns: &[Turn]) -> Result<(), StoreError> {
        let name = turns_file(checkpoint.session_id);
        let mut lines = self.files.lines(&name, turns)?;
        lines.extend(self.files.lines(&name, &[Heading::of(checkpoint)])?);
        self.files.append(&name, &joined(&lines)).map_err(|error| self.files.failed(&name, error))?;
        self.write(checkpoint)
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
        let bytes = self.files.read(&name).map_err(|error| self.files.unread(&name, error))?;
        let read = bytes.map(|bytes| format::read::<Checkpoint>(Kind::Checkpoint, &bytes));
        let mut checkpoint = match read {
            Some(Ok(checkpoint)) if checkpoint.session_id == id => checkpoint,
            Some(Err(error @ Unreadable::Newer(_))) => return Err(unreadable(&name, error)),
            None if !self.histories.is_there(id) && !self.is_aside(id) => return Ok(None),
            _ => self.mend(id)?,
        };
        let logged = self.log.revision(id);
        if self.histories.told(id)?.is_some_and(|told| told > checkpoint.revision.max(logged.unwrap_or_default())) {
            // An older checkpoint has come back: later turns were written down before.
            tracing::error!(file = name, revision = checkpoint.revision, "a checkpoint is older than its history");
            checkpoint = self.rebuild(id)?;
            self.write(&checkpoint)?;
            self.files.count(&self.files.counts.rebuilt, &name);
        }
        if logged.is_none_or(|logged| logged <= checkpoint.revision) {
            return Ok(Some(checkpoint));
        }
        let newest = match self.newest(id) {
            // Its line may be there.
            Err(StoreError::Damaged { .. }) => {
                checkpoint = self.rebuild(id)?;
                self.files.count(&self.files.counts.rebuilt, &name);
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
                self.files.count(&self.files.counts.rebuilt, &name);
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
    pub fn mend(&self, id: Uuid) -> Result<Checkpoint, StoreError> {
        let name = session_file(id);
        let bytes = self.files.read(&name).map_err(|error| self.files.unread(&name, error))?;
        let mended = bytes.as_deref().and_then(|bytes| format::read_mended::<Checkpoint>(Kind::Checkpoint, bytes).ok());
        let checkpoint = match mended.filter(|(checkpoint, _)| checkpoint.session_id == id) {
            Some((checkpoint, _)) => {
                self.files.count(&self.files.counts.mended, &name);
                checkpoint
            }
            None => match self.rebuild(id) {
                Ok(checkpoint) => {
                    self.files.count(&self.files.counts.rebuilt, &name);
                    checkpoint
                }
                Err(StoreError::Damaged { problem, .. }) if bytes.is_some() => return Err(self.reject(id, &problem)),
                Err(error) => return Err(error),
            },
        };
        if let Some(bytes) = &bytes {
            self.files.keep_aside(&name, bytes).map_err(|error| self.files.failed(&name, error))?;
        }
        self.write(&checkpoint)?;
        tracing::warn!(file = name, revision = checkpoint.revision, "a checkpoint was damaged or missing, and is back");
        Ok(checkpoint)
    }

    /// Plays a session's game again, from what its history begins with, to the newest turn that the history or the log has.
    fn rebuild(&self, id: Uuid) -> Result<Checkpoint, StoreError> {
        let name = turns_file(id);
        let damaged = |problem: String| StoreError::Damaged { what: thing(&name), problem };
        // What a killed server had written without waiting is on the platter before anything follows from it.
        for file in (1..=MAX_HISTORIES).map(|number| history_file(id, number)) {
            if self.files.exists(&file) {
                self.files.append(&file, &[]).map_err(|error| self.files.unread(&file, error))?;
            }
        }
        let History { head, turns, .. } = self.histories.read(id)?;
        let head = head.ok_or_else(|| damaged("it does not say whose it is".to_owned()))?;
        let last = turns.keys().next_back().copied().max(self.log.revision(id)).unwrap_or_default().max(head.revision);
        let begin = turns.iter().rev().find(|(_, turn)| matches!(turn.deed, Change::Loaded { .. }));
        let first = begin.map_or(1, |(revision, _)| *revision);
        if let Some(gap) = (first..=last).find(|revision| !turns.contains_key(revision)) {
            return Err(damaged(format!("turn {gap} of {last} is missing")));
        }
        let newest = turns.values().next_back().cloned();
        let keys = turns.values().filter_map(|turn| turn.key.as_deref().map(|key| UsedKey::of(key, turn.revision)));
        let keys = keys.collect();
        let history = lineage(turns.into_values());
        let hash = newest.as_ref().map_or(&head.content, |turn| &turn.content).clone();
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
        Ok(head.checkpoint(newest.as_ref(), keys, &game, &content))
    }

    fn content_again(&self, hash: &str) -> Result<Arc<Content>, StoreError> {
        let mut last = self.last_content.lock();
        if let Some(content) = last.as_ref().filter(|content| content.hash == hash) {
            return Ok(content.clone());
        }
        let content = Arc::new(self.contents.read(hash)?);
        Ok(last.insert(content).clone())
    }

    /// The newest turn of a session in the log, and the state after it.
    pub fn newest(&self, id: Uuid) -> Result<Option<(Turn, Logged)>, StoreError> {
        let newest = self.log.newest(id).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                StoreError::Damaged { what: Thing::Log, problem: error.to_string() }
            }
            _ => self.files.unread(LOG, error),
        })?;
        let Some([line, place, bytes]) = newest else { return Ok(None) };
        if bytes.is_empty() {
            let problem = "the state after the newest turn is lost".to_owned();
            return Err(StoreError::Damaged { what: Thing::Log, problem });
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

    /// Whether a session's checkpoint was set aside.
    fn is_aside(&self, id: Uuid) -> bool {
        self.files.exists(&format!("{}.invalid", session_file(id)))
    }

    /// Removes a session's files.
    pub fn remove(&self, id: Uuid) -> Result<(), StoreError> {
        let name = session_file(id);
        let histories = (1..=MAX_HISTORIES).map(|number| history_file(id, number));
        let histories = histories.filter(|history| self.files.exists(history));
        let names: Vec<_> = std::iter::once(name.clone()).chain(histories).collect();
        self.files.remove(&names).map_err(|error| self.files.failed(&name, error))?;
        self.log.covered(id, u64::MAX);
        Ok(())
    }

    /// Sets a session's checkpoint aside, because it reads but makes no sense; or tells of one that is not there any more.
    pub fn reject(&self, id: Uuid, problem: &str) -> StoreError {
        let name = session_file(id);
        if self.files.exists(&name) {
            return self.files.reject(&name, problem);
        }
        self.files.count(&self.files.counts.damaged, &name);
        StoreError::Damaged { what: Thing::Session(SessionId(id)), problem: problem.to_owned() }
    }
}
