//! The turn log: what makes a turn durable before it is answered.
//!
//! Segments `turns_{number}.log` are only ever appended to, by one thread (`writer.rs`). It takes whatever turns of all sessions are
//! waiting, writes them in one go, syncs once, and only then tells those who wait. What a segment is stands in `segment.rs`.
//!
//! To write over what is there costs half of what it costs to make a file longer: the system finds no room, clears no memory,
//! and changes no length. So a segment that nobody needs is renamed to be the next one, as long as there are no more than
//! `SEGMENTS`.
//!
//! A record holds the whole changing state, so recovery reads the newest of each session and replays nothing. It begins at the
//! end of what checkpoints cover: a record is needed until a checkpoint of its session, of its revision or a later one, is
//! durable, or the session is buried. A segment without any such record is removed. Which ones are needed stands in `MARKER`, so
//! that one which is not there at a start is missed.
//!
//! What is in the log is in memory too, as far as `MAX_LINES` and `MAX_STATES` go: the lines of history, and the newest state of each session. So a
//! segment that is removed, cut or damaged under the server costs nothing. That its name still leads to the file that is written is
//! looked at before a batch is answered, and for the other segments once in `TRIAL`; what is lost with one is written again.
//!
//! After a failed write or sync the segment is cut to its durable length and a new one is begun; until the disk has taken that,
//! and a small file as a trial, every turn is refused.
//!
//! With `durability = sweep` there are no segments: turns are held in memory until the next checkpoint.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread::JoinHandle;

use serde::Serialize;
use uuid::Uuid;

use super::files::Files;
use super::index::{Entry, Job, QUEUE, Rejected, Shared, Task, Then, is_lost};
use super::segment::{LONGEST, Lines, Place, Record, segment_name, segment_number};
use super::settings::{Durability, Settings};
use super::writer::Writer;

/// Unsaved turns after which a session is due for a checkpoint: in a log, so that reading them back stays quick; in memory, so
/// that memory stays bounded (a turn has about 500 bytes).
const MAX_LOGGED: usize = 4096;
const MAX_HELD: usize = 256;
/// Notes of torn segments that are kept, newest first. A crash leaves one at the most.
const MAX_NOTES: usize = 32;

/// Figures for reports.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct LogReport {
    /// Whether turns are accepted.
    pub healthy: bool,
    pub segments: usize,
    /// In all segments.
    pub bytes: u64,
    /// Segments that nobody needs, kept to be written over.
    pub spare: usize,
    /// Turns that no checkpoint covers yet.
    pub uncovered: usize,
    /// Sessions they belong to.
    pub sessions: usize,
    /// Turns waiting for the disk.
    pub queued: u64,
    pub batches: u64,
    pub turns: u64,
    pub failures: u64,
    /// Turns in the last batch.
    pub last_batch: u64,
    /// What the last write and sync took.
    pub last_micros: u64,
    /// Stretches of segments that could not be read.
    pub damaged: u64,
    /// Records in which a flipped bit was mended.
    pub mended: u64,
    /// Segments that were gone, cut or replaced while the server ran.
    pub lost: u64,
    /// Turns that were written again for that, or because the log was full.
    pub moved: u64,
    /// Turns that are only in memory, because their segment is lost and they could not be written again yet.
    pub exposed: usize,
}

/// Lines of history that the log has.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub lines: Vec<Arc<Vec<u8>>>,
    /// Turns whose line cannot be read.
    pub missing: Vec<u64>,
    /// The first turn there is, whether its line can be read or not.
    pub first: Option<u64>,
}

/// The turn log of one files.
pub struct Log {
    shared: Arc<Shared>,
    durability: Durability,
    queue: Option<SyncSender<Task>>,
    writer: Option<JoinHandle<()>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("report", &self.report()).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log of a folder with files of these names, and reads where its turns are. `covered` tells up to which revision nobody needs a session's turns: that of
    /// its checkpoint, or of its tombstone; none where neither can be read now. `lacks` tells whether a history lacks a turn, which is
    /// asked of segments that were damaged and are back. `report` is told the names of damaged segments.
    /// Where `begin_anew.log` is set, what segments held that are missing is given up.
    pub(super) fn open(
        files: Arc<Files>,
        names: &[String],
        settings: &Settings,
        covered: impl Fn(Uuid) -> Option<u64>,
        lacks: impl Fn(Uuid, u64) -> bool,
        report: impl Fn(&str),
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(files, settings.log_bytes));
        let notes: Vec<_> =
            names.iter().filter(|name| name.starts_with("turns_") && name.ends_with(".log.invalid")).collect();
        for note in notes.iter().rev().skip(MAX_NOTES) {
            // Empty ones only: the others hold what was damaged.
            if shared.files.look(note)?.is_some_and(|look| look.length == 0) {
                shared.files.remove_soon(note)?;
            }
        }
        let there: BTreeMap<_, _> = names.iter().filter_map(|name| Some((segment_number(name)?, name))).collect();
        let marked = shared.read_marker(&report)?;
        let missing: Vec<_> = marked.iter().filter(|number| !there.contains_key(number)).copied().collect();
        let next = there.keys().chain(&marked).max().map_or(0, |last| last + 1);
        shared.next.fetch_max(next, Ordering::Relaxed);
        let missing_names = missing.into_iter().map(segment_name).collect::<Vec<_>>().join(", ");
        if !missing_names.is_empty() {
            if !settings.begin_anew.log {
                return Err(io::Error::new(io::ErrorKind::NotFound, missing_names));
            }
            tracing::error!(files = missing_names, "log segments are missing, and the turns in them are given up");
        }
        let given_up = !missing_names.is_empty();
        for (number, name) in there {
            if shared.recover(number, name, &covered, &lacks)? {
                report(name);
            }
        }
        shared.trim();
        if given_up {
            shared.mark()?;
        }
        let (queue, jobs) = mpsc::sync_channel(QUEUE);
        let writer = Writer::new(shared.clone());
        let writer = std::thread::Builder::new().name("turn-log".into()).spawn(move || writer.run(&jobs))?;
        Ok(Self { shared, durability: settings.durability, queue: Some(queue), writer: Some(writer) })
    }

    /// Takes a turn. It is durable when `then` is called, or not there. That is always called, on whatever thread, and must be
    /// quick: other turns wait for it.
    pub(super) fn append(&self, mut record: Record, then: Then) {
        if record.length() > LONGEST {
            return then(Err(Rejected::TooLarge));
        }
        let newest = {
            let mut index = self.shared.index();
            let newest = index.sessions.get(&record.session).and_then(|entries| entries.last());
            let newest = newest.map_or(0, |entry| entry.revision);
            if newest < record.revision && self.durability == Durability::Sweep {
                let (line, sum) = (Some(std::mem::take(&mut record.line)), 0);
                let revision = record.revision;
                let held = Entry { revision, place: None, line, rest: None, whole: false, sum, told: false };
                index.insert(record.session, held);
            }
            newest
        };
        if newest >= record.revision {
            return then(Err(Rejected::Conflict));
        }
        if self.durability == Durability::Sweep {
            return then(Ok(()));
        }
        let refused = match &self.queue {
            Some(queue) => {
                self.shared.queued.fetch_add(1, Ordering::Relaxed);
                queue.try_send(Task::Write(Job { record, then })).err()
            }
            // Only while it is dropped, when nobody can call.
            None => None,
        };
        if let Some(TrySendError::Full(Task::Write(job)) | TrySendError::Disconnected(Task::Write(job))) = refused {
            self.shared.answer(job, Err(Rejected::Busy));
        }
    }

    /// Puts away the segment that is written, once all turns that have come are in it. A turn that comes later begins the next one.
    pub fn rest(&self) {
        let (done, rested) = mpsc::channel();
        if let Some(queue) = &self.queue
            && queue.send(Task::Rest(done)).is_ok()
        {
            // Nothing is ever sent: the other end is dropped when it is done, or the thread has ended.
            let _ = rested.recv();
        }
    }

    /// The newest turn of a session that no checkpoint covers. Held in memory it has no state here: the session's holder
    /// has it.
    pub(super) fn newest(&self, session: Uuid) -> io::Result<Option<Lines>> {
        let (place, line, rest) = {
            let index = self.shared.index();
            let Some(last) = index.sessions.get(&session).and_then(|entries| entries.last()) else { return Ok(None) };
            (last.place, last.line.clone(), last.rest.clone())
        };
        match (line, rest, place) {
            (Some(line), Some(rest), _) => Ok(Some([line.to_vec(), rest.place.clone(), rest.state.clone()])),
            (_, _, Some(place)) => self.shared.read(place).map(Some),
            _ => Ok(None),
        }
    }

    /// The revision of a session's newest turn that no checkpoint covers.
    pub fn revision(&self, session: Uuid) -> Option<u64> {
        let index = self.shared.index();
        index.sessions.get(&session).and_then(|entries| entries.last()).map(|last| last.revision)
    }

    /// The lines of a session's turns that no checkpoint covers, oldest first, from after a revision. Those that are in its
    /// history file already are left out where `untold` asks for it.
    pub(super) fn lines(&self, session: Uuid, after: u64, untold: bool) -> io::Result<Told> {
        let wanted: Vec<_> = {
            let index = self.shared.index();
            let entries = index.sessions.get(&session).into_iter().flatten();
            let wanted = entries.filter(|entry| entry.revision > after && !(untold && entry.told));
            let lost = |place: &Place| index.segments.get(&place.segment).is_none_or(|segment| segment.lost);
            let readable = |place: Option<Place>| place.filter(|place| !lost(place));
            wanted.map(|entry| (entry.revision, entry.line.clone(), readable(entry.place))).collect()
        };
        let mut told = Told { first: wanted.first().map(|(revision, ..)| *revision), ..Told::default() };
        let places: Vec<_> =
            wanted.iter().filter(|(_, line, _)| line.is_none()).filter_map(|wanted| wanted.2).collect();
        let mut read = self.shared.read_all(&places).into_iter();
        for (revision, line, place) in wanted {
            let line = match line {
                Some(line) => Some(line),
                // One for each place, in their order.
                None => match place.and_then(|_| read.next()).transpose() {
                    Ok(read) => read.map(|[line, ..]| Arc::new(line)),
                    Err(error) if is_lost(&error) => {
                        tracing::error!(%session, revision, %error, "the line of a turn is lost");
                        None
                    }
                    Err(error) => return Err(error),
                },
            };
            match line {
                Some(line) => told.lines.push(line),
                None => told.missing.push(revision),
            }
        }
        Ok(told)
    }

    /// The lines up to a revision are in the history file.
    pub(super) fn told(&self, session: Uuid, revision: u64, missing: &[u64]) {
        for entry in self.shared.index().sessions.get_mut(&session).into_iter().flatten() {
            entry.told |= entry.revision <= revision && !missing.contains(&entry.revision);
        }
    }

    /// A checkpoint of a revision is durable, or the session is gone: what the log has of it up to there can go.
    pub(super) fn covered(&self, session: Uuid, revision: u64) {
        let mut index = self.shared.index();
        index.retain(session, |entry| entry.revision > revision);
        if revision == u64::MAX {
            index.bury(session);
        }
        drop(index);
        self.shared.trim();
    }

    /// Whether there may be records of a buried session, which a start would find.
    pub(super) fn remembers(&self, session: Uuid) -> bool {
        let mut index = self.shared.index();
        let Some(last) = index.buried.get(&session).copied() else { return false };
        let remembers = index.remembers(last);
        if !remembers {
            index.buried.remove(&session);
        }
        remembers
    }

    /// Sessions that have turns no checkpoint covers.
    pub fn uncovered(&self) -> Vec<Uuid> {
        self.shared.index().sessions.keys().copied().collect()
    }

    /// Whether a session has turns no checkpoint covers.
    pub fn holds(&self, session: Uuid) -> bool {
        self.shared.index().sessions.contains_key(&session)
    }

    /// Whether a session has so many unsaved turns that a checkpoint is due.
    pub fn overdue(&self, session: Uuid) -> bool {
        let most = if self.durability == Durability::Turn { MAX_LOGGED } else { MAX_HELD };
        self.shared.index().sessions.get(&session).is_some_and(|entries| entries.len() >= most)
    }

    /// Waits until the log is so large that checkpoints should be made.
    pub async fn pressed(&self) {
        self.shared.pressed.notified().await;
    }

    /// Figures for reports.
    pub fn report(&self) -> LogReport {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let shared = &self.shared;
        let index = shared.index();
        LogReport {
            healthy: shared.files.is_healthy() && index.bytes() < 2 * shared.most_bytes,
            segments: index.segments.len(),
            bytes: index.bytes(),
            spare: index.spare.len(),
            uncovered: index.sessions.values().map(Vec::len).sum(),
            sessions: index.sessions.len(),
            queued: count(&shared.queued),
            batches: count(&shared.batches),
            turns: count(&shared.turns),
            failures: count(&shared.failures),
            last_batch: count(&shared.last_batch),
            last_micros: count(&shared.last_micros),
            damaged: count(&shared.damaged),
            mended: count(&shared.mended),
            lost: count(&shared.lost),
            moved: count(&shared.moved),
            exposed: index.exposed(),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.take();
        // A callback may be the last to hold the store; then this is the writer itself, which ends by itself.
        let elsewhere = |writer: &JoinHandle<()>| writer.thread().id() != std::thread::current().id();
        if let Some(writer) = self.writer.take().filter(elsewhere) {
            // It only ends; had it panicked, its callers were told.
            drop(writer.join());
        }
        self.shared.index().active = None;
        self.shared.trim();
    }
}
