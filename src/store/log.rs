//! The turn log: what makes a turn durable before it is answered.
//!
//! Segments `turns_{number}.log` are only ever appended to, by one thread. It takes whatever turns of all sessions are waiting,
//! writes them in one go, syncs once, and only then tells those who wait. A segment is
//!
//! ```text
//! header  "COSMICTL", version u32, CRC32C of those 12 bytes;
//!         number u64, number of the segment the file was before or the same again, CRC32C of those 32 bytes
//! record  magic F5 C0 5A FF, length u32, CRC32C u32, body of that length
//! body    session 16 bytes, revision u64, and three lines of JSON: the turn as history has it, where the player is, the state
//! ```
//!
//! with all numbers little-endian. The CRC covers the number of the segment, the offset of the record in it, the length and the
//! body, so that a record counts only where it was written. JSON is UTF-8, in which FF never occurs: behind damage a reader looks
//! for the next magic, and goes on. Behind the last record there are [`FRAME`] zeros, the end mark, and behind that whatever was
//! there: zeros, reserved for what comes, or what the file held as an earlier segment, which does not count any more.
//!
//! To write over what is there costs half of what it costs to make a file longer: the system finds no room, clears no memory,
//! and changes no length. So a segment that nobody needs is renamed to be the next one, as long as there are no more than
//! [`SEGMENTS`].
//!
//! A record holds the whole changing state, so recovery reads the newest of each session and replays nothing. It begins at the
//! end of what checkpoints cover: a record is needed until a checkpoint of its session, of its revision or a later one, is
//! durable, or the session is buried. A segment without any such record is removed. Which ones are needed stands in [`MARKER`], so
//! that one which is not there at a start is missed.
//!
//! What is in the log is in memory too, as far as [`MOST_KEPT`] goes: the lines of history, and the newest state of each session. So a
//! segment that is removed, cut or damaged under the server costs nothing. That its name still leads to the file that is written is
//! looked at before a batch is answered, and for the other segments once in [`TRIAL`]; what is lost with one is written again.
//!
//! A record in which one bit was flipped is mended: its CRC tells which.
//!
//! After a failed write or sync the segment is cut to its durable length and a new one is begun; until the disk has taken that,
//! and a small file as a trial, every turn is refused.
//!
//! With `durability = sweep` there are no segments: turns are held in memory until the next checkpoint.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use memchr::memmem;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;

use super::disk::{Barrier, DiskFile, Look};
use super::folder::Folder;
use crate::model;
use crate::model::format::{self, Kind, Unreadable};

/// The format of segments that this version writes. Those of version 1 have the first line of the header, and only zeros behind the
/// last record.
const VERSION: u32 = 2;
const HEADER: usize = 36;
const FIRST_HEADER: usize = 16;
const NAME: &[u8; 8] = b"COSMICTL";
const MAGIC: &[u8; 4] = b"\xf5\xc0\x5a\xff";
/// Magic, length and CRC.
const FRAME: usize = 12;
/// Session and revision.
const TAG: usize = 24;
/// No record is larger (they have about 3 KB): a larger one is not taken, and what says that it is one is damaged.
const LONGEST: usize = 1 << 20;

/// Segments of a full log. So many are kept, whether they are needed or not.
const SEGMENTS: usize = 16;
/// Bytes that are reserved at a time: some hundred turns.
const RESERVE: u64 = 256 << 10;

/// Turns that can wait for the disk. A session has one at a time, so only as many sessions acting at once fill it.
const QUEUE: usize = 1024;
/// How often a disk that failed is tried again.
const TRIAL: Duration = Duration::from_secs(1);
/// Unsaved turns after which a session is due for a checkpoint: in a log, so that reading them back stays quick; in memory, so
/// that memory stays bounded (a turn has about 500 bytes).
const MOST_LOGGED: usize = 4096;
const MOST_HELD: usize = 256;
/// Bytes of logged turns that are in memory too: those of some 50,000 turns, or of 10,000 sessions.
const MOST_KEPT: usize = 32 << 20;
/// Notes of torn segments that are kept, newest first. A crash leaves one at the most.
const MOST_NOTES: usize = 32;
/// Segments that may be lost one after the other as soon as they are written, before turns are refused.
const MOST_LOSSES: u32 = 3;
/// Bytes of turns that are written again at a time.
const MOST_MOVED: usize = 4 << 20;

/// The file that says which segments are needed.
pub(super) const MARKER: &str = "turns.json";

/// See [`MARKER`].
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
    /// Numbers of segments that hold turns which nothing else has.
    needed: BTreeSet<u64>,
    /// The number of the next one, so that none is used twice.
    #[serde(default)]
    next: u64,
}

/// What is known of the marker.
#[derive(Default)]
struct Marked {
    /// What it may name as needed; none where there is no file.
    needed: Option<BTreeSet<u64>>,
    /// It was not written as it should have been.
    doubtful: bool,
}

/// When a turn is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Before it is answered.
    #[default]
    Turn,
    /// At the next checkpoint: a crash loses what happened since.
    Sweep,
}

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

/// A turn on its way into the log.
#[derive(Debug)]
pub struct Record {
    /// Whose.
    pub session: Uuid,
    /// The revision it leads to.
    pub revision: u64,
    /// The line of history: JSON without a line feed.
    pub line: Arc<Vec<u8>>,
    /// Where the player is then, as JSON.
    pub place: Vec<u8>,
    /// The state after it, as JSON; nothing in a turn that is written again where a later one has it.
    pub state: Vec<u8>,
}

impl Record {
    /// Bytes of its body.
    fn length(&self) -> usize {
        TAG + self.line.len() + self.place.len() + self.state.len() + 2
    }
}

/// What a record holds: the line of history; where the player is; the state.
pub(super) type Lines = [Vec<u8>; 3];

/// Lines of history that the log has.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub lines: Vec<Arc<Vec<u8>>>,
    /// Turns whose line cannot be read.
    pub missing: Vec<u64>,
    /// The first turn there is, whether its line can be read or not.
    pub first: Option<u64>,
}

/// Why a turn was not taken into the log.
#[derive(Debug)]
pub enum Rejected {
    /// The disk failed, or had failed before and has not recovered.
    Io(io::Error),
    /// So many turns wait already.
    Busy,
    /// The log knows a turn of this revision or a later one: the caller acts on an old state.
    Conflict,
    /// It could not be read back.
    TooLarge,
}

/// The turn log of one folder.
pub struct Log {
    shared: Arc<Shared>,
    durability: Durability,
    queue: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("report", &self.report()).finish_non_exhaustive()
    }
}

struct Shared {
    folder: Arc<Folder>,
    /// Bytes after which checkpoints are forced. At twice as many, turns are refused.
    most_bytes: u64,
    index: Mutex<Index>,
    /// What [`MARKER`] says.
    marked: Mutex<Marked>,
    /// The number of the next segment: none is used twice.
    next: AtomicU64,
    healthy: AtomicBool,
    pressed: Notify,
    queued: AtomicU64,
    batches: AtomicU64,
    turns: AtomicU64,
    failures: AtomicU64,
    last_batch: AtomicU64,
    last_micros: AtomicU64,
    damaged: AtomicU64,
    mended: AtomicU64,
    lost: AtomicU64,
    moved: AtomicU64,
}

/// Where the turns are that no checkpoint covers yet.
#[derive(Default)]
struct Index {
    /// By revision, oldest first.
    sessions: HashMap<Uuid, Vec<Entry>>,
    segments: BTreeMap<u64, Segment>,
    /// The one that is written; it is never removed. None before the first and after the last turn.
    active: Option<u64>,
    /// Segments that nobody needs, to be written over.
    spare: Vec<u64>,
    /// Bytes of entries that are in memory.
    kept: usize,
    /// Buried sessions of which there may be records, and the last segment that may have any. Bounded by the records there are.
    buried: HashMap<Uuid, u64>,
}

#[derive(Default)]
struct Segment {
    bytes: u64,
    /// Entries in it.
    entries: usize,
    /// It could not be read whole: it is set aside instead of removed.
    damaged: bool,
    /// It has no end mark: a crash has torn the last turns, of which nobody was told, or somebody has cut it. A note is left of it,
    /// should it be put back.
    torn: bool,
    /// The file it is in; none where that is not known.
    file: Option<(u64, u64)>,
    /// It is gone, cut or another file.
    lost: bool,
}

struct Entry {
    revision: u64,
    /// Where it is logged; none where turns are held in memory only.
    place: Option<Place>,
    /// Its line, where that is in memory.
    line: Option<Arc<Vec<u8>>>,
    /// Where the player is, and the state, of a session's newest turn.
    rest: Option<Arc<Rest>>,
    /// The record at the place has the state; else a later turn has it.
    whole: bool,
    /// CRC32C of the line: the same turn written again has the same.
    sum: u32,
    /// Its line is in the history file.
    told: bool,
}

#[derive(Debug)]
struct Rest {
    place: Vec<u8>,
    state: Vec<u8>,
}

impl Entry {
    /// Bytes of it that memory has besides its place.
    fn kept(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.len())
            + self.rest.as_ref().map_or(0, |rest| rest.place.len() + rest.state.len())
    }
}

/// A record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    segment: u64,
    offset: u64,
    /// Of the body.
    length: u32,
}

/// What follows once a turn is durable, or refused.
type Then = Box<dyn FnOnce(Result<(), Rejected>) + Send>;

struct Job {
    record: Record,
    then: Then,
}

impl Index {
    fn insert(&mut self, session: Uuid, mut entry: Entry) {
        let entries = self.sessions.entry(session).or_default();
        let later = entries.partition_point(|other| other.revision < entry.revision);
        let same = entries.get(later).filter(|same| same.revision == entry.revision && same.sum == entry.sum);
        if same.is_some_and(|same| same.whole && !entry.whole && later + 1 == entries.len()) {
            // Written again, and of what came after it nothing is there: the first one has the state.
            return;
        }
        let is_same = same.is_some();
        if entry.place.is_some() && self.kept + entry.kept() > MOST_KEPT {
            (entry.line, entry.rest) = (None, None);
        }
        if let Some(place) = &entry.place {
            self.segments.entry(place.segment).or_default().entries += 1;
        }
        self.kept += entry.kept();
        let entries = self.sessions.entry(session).or_default();
        let mut gone = Vec::new();
        if is_same {
            // Written again: it counts where it is now, and what came after it still does.
            gone.push(std::mem::replace(&mut entries[later], entry));
        } else {
            // A turn that was written and yet refused may have been found at the start: the later one counts.
            gone.extend(entries.drain(later..));
            if let Some(last) = entries.last_mut() {
                // Only the newest state is of any use.
                let before = last.kept();
                last.rest = None;
                self.kept -= before - last.kept();
            }
            entries.push(entry);
        }
        self.release(&gone);
    }

    fn release(&mut self, gone: &[Entry]) {
        for entry in gone {
            self.kept -= entry.kept();
            if let Some(place) = entry.place
                && let Some(segment) = self.segments.get_mut(&place.segment)
            {
                segment.entries -= 1;
            }
        }
    }

    /// Segments that are needed: those with entries, and the one that is written.
    fn needed(&self) -> BTreeSet<u64> {
        let held = self.segments.iter().filter(|(_, segment)| segment.entries > 0).map(|(number, _)| *number);
        held.chain(self.active).collect()
    }

    /// Forgets entries of a session that are not kept.
    fn retain(&mut self, session: Uuid, keep: impl Fn(&Entry) -> bool) {
        let Some(entries) = self.sessions.get_mut(&session) else { return };
        let gone: Vec<_> = entries.extract_if(.., |entry| !keep(entry)).collect();
        if entries.is_empty() {
            self.sessions.remove(&session);
        }
        self.release(&gone);
    }

    fn bury(&mut self, session: Uuid) {
        let last = self.segments.keys().next_back().copied().max(self.spare.iter().max().copied());
        if let Some(last) = last {
            self.buried.insert(session, last);
        }
    }

    /// Whether there may be records of a buried session.
    fn remembers(&self, last: u64) -> bool {
        self.segments.range(..=last).next().is_some() || self.spare.iter().any(|number| *number <= last)
    }

    /// Turns in segments that are lost.
    fn exposed(&self) -> usize {
        self.segments.values().filter(|segment| segment.lost).map(|segment| segment.entries).sum()
    }

    fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }
}

impl Shared {
    fn answer(&self, job: Job, answer: Result<(), Rejected>) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        (job.then)(answer);
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // Nothing under this lock can panic halfway through a change.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes after which a segment is followed by the next.
    fn segment_bytes(&self) -> u64 {
        self.most_bytes / SEGMENTS as u64
    }

    /// Says in [`MARKER`] which segments are needed.
    fn mark(&self) -> io::Result<()> {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked up while nobody else writes it, so that it never goes back.
        let needed = self.index().needed();
        let known = marked.needed.as_ref().map_or(needed.is_empty(), |known| *known == needed);
        if known && !marked.doubtful {
            return Ok(());
        }
        let next = self.next.load(Ordering::Relaxed);
        let marker = Marker { version: model::VERSION, needed, next };
        let written = self.folder.replace(MARKER, &format::file(&marker));
        marked.doubtful = written.is_err();
        match &mut marked.needed {
            // Either may be there.
            Some(known) if written.is_err() => known.extend(marker.needed),
            known => *known = Some(marker.needed),
        }
        written
    }

    /// Removes segments that nobody needs, or keeps them to be written over.
    fn trim(&self) {
        let (mut done, most) = {
            let mut index = self.index();
            // Nothing is written before the first turn, nor after the last; and a disk that fails may be full.
            let most = if index.active.is_some() && self.healthy.load(Ordering::Relaxed) { SEGMENTS } else { 0 };
            let Index { segments, active, spare, .. } = &mut *index;
            if most == 0 {
                segments.extend(spare.drain(..).map(|number| (number, Segment::default())));
            }
            let done = segments.extract_if(.., |number, segment| segment.entries == 0 && *active != Some(*number));
            (done.collect::<Vec<_>>(), most)
        };
        if done.is_empty() {
            return;
        }
        // Before they go: a start would miss them.
        if let Err(error) = self.mark() {
            tracing::warn!(%error, "log segments that nobody needs stay, because their marker could not be written");
            let marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
            let is_marked = |number: &u64| marked.needed.as_ref().is_some_and(|needed| needed.contains(number));
            let mut index = self.index();
            for (number, segment) in done.extract_if(.., |(number, _)| is_marked(number)) {
                index.segments.insert(number, segment);
            }
        }
        let mut gone = Vec::new();
        {
            let mut index = self.index();
            let mut excess = (index.segments.len() + index.spare.len() + done.len()).saturating_sub(most);
            for (number, segment) in done {
                // A shorter one would have to be made longer.
                let whole = !(segment.damaged || segment.torn || segment.lost);
                if excess == 0 && whole && segment.bytes >= self.segment_bytes() {
                    index.spare.push(number);
                } else {
                    excess = excess.saturating_sub(1);
                    gone.push((number, segment));
                }
            }
        }
        let mut index = self.index();
        let mut buried = std::mem::take(&mut index.buried);
        buried.retain(|_, last| index.remembers(*last));
        index.buried = buried;
        drop(index);
        for (number, segment) in gone {
            let name = segment_name(number);
            let gone = match segment {
                // What goes by its name now is another file, and nobody knows whose.
                Segment { lost: true, .. } => Ok(()),
                Segment { damaged: true, .. } => self.folder.set_aside(&name).map(drop),
                Segment { torn: true, .. } => {
                    self.folder.keep_aside(&name, &[]).and_then(|()| self.folder.remove_soon(&name))
                }
                _ => self.folder.remove_soon(&name),
            };
            if let Err(error) = gone {
                tracing::warn!(file = name, %error, "a log segment could not be removed");
                self.index().segments.insert(number, segment);
            }
        }
    }

    fn exposed(&self) -> usize {
        self.index().exposed()
    }

    fn entries(&self) -> usize {
        self.index().sessions.values().map(Vec::len).sum()
    }

    fn full(&self) -> bool {
        self.index().bytes() >= 2 * self.most_bytes
    }

    /// A session's turns, as they would be written again. What is not in memory is read; what cannot be is left out.
    fn records(&self, session: Uuid) -> Vec<Record> {
        let entries: Vec<_> = {
            let index = self.index();
            let entries = index.sessions.get(&session).into_iter().flatten();
            entries.map(|entry| (entry.revision, entry.line.clone(), entry.rest.clone(), entry.place)).collect()
        };
        let (last, mut records) = (entries.len().saturating_sub(1), Vec::new());
        for (at, (revision, line, rest, place)) in entries.into_iter().enumerate() {
            let record = match (line, rest, place) {
                // Held in memory only, as is wanted.
                (_, _, None) => continue,
                (Some(line), Some(rest), _) => {
                    Record { session, revision, line, place: rest.place.clone(), state: rest.state.clone() }
                }
                (Some(line), None, _) if at < last => {
                    Record { session, revision, line, place: Vec::new(), state: Vec::new() }
                }
                (_, _, Some(place)) => match self.read(place) {
                    Ok([line, place, state]) => Record { session, revision, line: Arc::new(line), place, state },
                    Err(error) => {
                        tracing::error!(%session, revision, %error, "a turn cannot be written again");
                        continue;
                    }
                },
            };
            records.push(record);
        }
        records
    }

    /// What the record at a place holds; an error of the kind `InvalidData` where that cannot be told.
    fn read(&self, place: Place) -> io::Result<Lines> {
        let Place { segment, offset, length } = place;
        let stretch = (offset, FRAME + length as usize);
        let records = self.folder.read_at(&segment_name(segment), &[stretch])?;
        let bytes = records.first().map(Vec::as_slice).unwrap_or_default();
        let mended;
        let body = match record_at(bytes, 0, segment, offset) {
            Some(body) => Some(body),
            None => {
                mended = mended_record(bytes, segment, offset);
                mended.as_deref()
            }
        };
        let Some(body) = body else {
            self.damaged.fetch_add(1, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a logged turn has been damaged"));
        };
        let (line, Rest { place, state }) = parts(body);
        Ok([line, place, state])
    }
}

/// What the body of a record says: the line of history, and the rest.
fn parts(body: &[u8]) -> (Vec<u8>, Rest) {
    let mut lines = body[TAG..].splitn(3, |byte| *byte == b'\n').map(<[u8]>::to_vec);
    let mut next = || lines.next().unwrap_or_default();
    (next(), Rest { place: next(), state: next() })
}

impl Log {
    /// Opens the log, and reads where its turns are. `covered` tells up to which revision nobody needs a session's turns: that of
    /// its checkpoint, or of its tombstone; none where neither can be read now. `lacks` tells whether a history lacks a turn, which is
    /// asked of segments that were damaged and are back. `report` is told the names of damaged segments.
    /// `missing_too`: it is known that segments are missing, and what they held is given up.
    pub(super) fn open(
        folder: Arc<Folder>,
        durability: Durability,
        most_bytes: u64,
        missing_too: bool,
        covered: impl Fn(Uuid) -> Option<u64>,
        lacks: impl Fn(Uuid, u64) -> bool,
        report: impl Fn(&str),
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            folder,
            most_bytes,
            index: Mutex::default(),
            marked: Mutex::default(),
            next: AtomicU64::new(0),
            healthy: AtomicBool::new(true),
            pressed: Notify::new(),
            queued: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_batch: AtomicU64::new(0),
            last_micros: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            mended: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            moved: AtomicU64::new(0),
        });
        let names = shared.folder.list()?;
        let notes: Vec<_> =
            names.iter().filter(|name| name.starts_with("turns_") && name.ends_with(".log.invalid")).collect();
        for note in notes.iter().rev().skip(MOST_NOTES) {
            // Empty ones only: the others hold what was damaged.
            if shared.folder.look(note)?.is_some_and(|look| look.length == 0) {
                shared.folder.remove_soon(note)?;
            }
        }
        let there: BTreeMap<_, _> = names.iter().filter_map(|name| Some((segment_number(name)?, name))).collect();
        let marked = shared.read_marker(&report)?;
        let missing: Vec<_> = marked.iter().filter(|number| !there.contains_key(number)).copied().collect();
        let next = there.keys().chain(&marked).max().map_or(0, |last| last + 1);
        shared.next.fetch_max(next, Ordering::Relaxed);
        let missing_names = missing.into_iter().map(segment_name).collect::<Vec<_>>().join(", ");
        if !missing_names.is_empty() {
            if !missing_too {
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
        let writer = Writer {
            shared: shared.clone(),
            active: None,
            buffer: Vec::new(),
            owed: false,
            losses: 0,
            hopeless: usize::MAX,
        };
        let writer = std::thread::Builder::new().name("turn-log".into()).spawn(move || writer.run(&jobs))?;
        Ok(Self { shared, durability, queue: Some(queue), writer: Some(writer) })
    }

    /// Takes a turn. It is durable when `then` is called, or not there. That is always called, on whatever thread, and must be
    /// quick: other turns wait for it.
    pub fn append(&self, mut record: Record, then: Then) {
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
                queue.try_send(Job { record, then }).err()
            }
            // Only while it is dropped, when nobody can call.
            None => None,
        };
        if let Some(TrySendError::Full(job) | TrySendError::Disconnected(job)) = refused {
            self.shared.answer(job, Err(Rejected::Busy));
        }
    }

    /// Says that the disk failed elsewhere: no turn is taken until a trial has gone well.
    pub(super) fn fail(&self) {
        self.shared.healthy.store(false, Ordering::Relaxed);
    }

    /// The newest turn of a session that no checkpoint covers. Held in memory it has no state here: whoever holds the session
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
        for (revision, line, place) in wanted {
            match (line, place) {
                (Some(line), _) => told.lines.push(line),
                (None, Some(place)) => match self.shared.read(place) {
                    Ok([line, ..]) => told.lines.push(Arc::new(line)),
                    Err(error) if is_lost(&error) => {
                        tracing::error!(%session, revision, %error, "the line of a turn is lost");
                        told.missing.push(revision);
                    }
                    Err(error) => return Err(error),
                },
                (None, None) => told.missing.push(revision),
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
        let most = if self.durability == Durability::Turn { MOST_LOGGED } else { MOST_HELD };
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
            healthy: shared.healthy.load(Ordering::Relaxed) && index.bytes() < 2 * shared.most_bytes,
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
        // Whoever is called back may be the last to hold the store; then this is the writer itself, which ends by itself.
        let elsewhere = |writer: &JoinHandle<()>| writer.thread().id() != std::thread::current().id();
        if let Some(writer) = self.writer.take().filter(elsewhere) {
            // It only ends; had it panicked, its callers were told.
            drop(writer.join());
        }
        self.shared.index().active = None;
        self.shared.trim();
    }
}

impl Shared {
    /// Reads a segment that was there at the start; whether it is damaged.
    fn recover(
        &self,
        number: u64,
        name: &str,
        covered: impl Fn(Uuid) -> Option<u64>,
        lacks: impl Fn(Uuid, u64) -> bool,
    ) -> io::Result<bool> {
        // What a killed server wrote may not have been synced; it is, before anybody sees it.
        self.folder.open_file(name)?.sync(Barrier::Recovered)?;
        let bytes = self.folder.read(name)?.unwrap_or_default();
        if let Some(version) = header_version(&bytes).filter(|version| *version > VERSION) {
            let problem = format!("{name} was written by a newer version of this program (format {version})");
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
        let Scanned { found, damaged, mended, torn } = scan(&bytes, number);
        let is_damaged = !damaged.is_empty();
        let file = self.folder.look(name)?.map(|look| look.id);
        let mut index = self.index();
        let segment = Segment { bytes: bytes.len() as u64, damaged: is_damaged, torn, file, ..Segment::default() };
        index.segments.insert(number, segment);
        for Range { start, end } in damaged {
            tracing::error!(file = name, start, end, "a stretch of the turn log cannot be read and is passed over");
            self.damaged.fetch_add(1, Ordering::Relaxed);
        }
        if mended > 0 {
            tracing::warn!(file = name, turns = mended, "flipped bits in the turn log are mended");
            self.mended.fetch_add(mended, Ordering::Relaxed);
        }
        // It was damaged, and has been put back: what was missing of it then may be missing still.
        let is_back = self.folder.exists(&format!("{name}.invalid"));
        for Found { session, revision, place, sum } in found {
            let covered = covered(session);
            // What cannot be read now may be read at the next start: then this is what it lacks.
            if covered.is_none_or(|covered| revision > covered || is_back && lacks(session, revision)) {
                let body = record_at(&bytes[place.offset as usize..], 0, number, place.offset);
                let (line, rest) = body.map(parts).unzip();
                let (line, rest) = (line.map(Arc::new), rest.map(Arc::new));
                let whole = rest.as_ref().is_none_or(|rest| !rest.state.is_empty());
                let rest = rest.filter(|_| whole);
                index.insert(session, Entry { revision, place: Some(place), line, rest, whole, sum, told: false });
            }
        }
        Ok(is_damaged)
    }

    /// The numbers of the segments that were needed when the server ended.
    fn read_marker(&self, report: &impl Fn(&str)) -> io::Result<BTreeSet<u64>> {
        let Some(bytes) = self.folder.read(MARKER)? else { return Ok(BTreeSet::new()) };
        let marker = match format::read_mended::<Marker>(Kind::Marker, &bytes) {
            Ok((marker, _)) => marker,
            Err(Unreadable::Newer(version)) => {
                let problem = format!("{MARKER} was written by a newer version of this program (format {version})");
                return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
            }
            Err(error) => {
                // It is only a second witness.
                tracing::error!(file = MARKER, %error, "which log segments are needed cannot be read");
                report(MARKER);
                return Ok(BTreeSet::new());
            }
        };
        self.next.fetch_max(marker.next, Ordering::Relaxed);
        self.marked.lock().unwrap_or_else(PoisonError::into_inner).needed = Some(marker.needed.clone());
        Ok(marker.needed)
    }
}

/// Whether what was to be read will not be there later either.
fn is_lost(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    active: Option<Active>,
    /// A batch as it is written; at most a full queue of turns, some 3 MB.
    buffer: Vec<u8>,
    /// Turns of a lost segment are still to be written again.
    owed: bool,
    /// Segments in a row that were lost at once.
    losses: u32,
    /// Turns in the log when to write them again was of no use.
    hopeless: usize,
}

struct Active {
    number: u64,
    file: Box<dyn DiskFile>,
    /// What its name must lead to.
    id: (u64, u64),
    /// The segment its file was before; its own number where it was none.
    previous: u64,
    /// Bytes that are on the platter.
    durable: u64,
    /// The length of the file, with what is behind the last record.
    reserved: u64,
}

impl Writer {
    fn run(mut self, jobs: &mpsc::Receiver<Job>) {
        let mut looked = Instant::now();
        loop {
            match jobs.recv_timeout(TRIAL) {
                Ok(first) => {
                    let batch: Vec<_> = std::iter::once(first).chain(jobs.try_iter().take(QUEUE)).collect();
                    self.serve(batch);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if !self.healthy() {
                        self.recover();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if looked.elapsed() >= TRIAL {
                self.look_after_segments();
                looked = Instant::now();
            }
        }
    }

    /// Looks whether the segments are still there, and writes again what was in those that are not.
    fn look_after_segments(&mut self) {
        let segments: Vec<_> = {
            let index = self.shared.index();
            let held = index.segments.iter().filter(|(_, segment)| segment.entries > 0);
            held.map(|(number, segment)| (*number, segment.bytes, segment.file, segment.lost)).collect()
        };
        for (number, bytes, file, known) in segments {
            self.owed |= !known && !self.is_there(number, bytes, file);
        }
        if !self.owed || !self.healthy() {
            return;
        }
        match self.write_again(|segment| segment.lost) {
            Ok(()) => self.owed = false,
            Err(error) => {
                tracing::error!(%error, "turns of a lost log segment are only in memory; they will be tried again");
                self.shared.healthy.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Whether a segment's name leads to its file, with so many bytes at least; if not, it is lost.
    fn is_there(&self, number: u64, bytes: u64, file: Option<(u64, u64)>) -> bool {
        let name = segment_name(number);
        let found = match self.shared.folder.look(&name) {
            Ok(found) => found,
            // Nobody can tell now.
            Err(_) => return true,
        };
        if found.is_some_and(|look| file.is_none_or(|id| id == look.id) && look.length >= bytes) {
            return true;
        }
        tracing::error!(file = name, ?found, "a log segment is gone, cut or another file; its turns are written again");
        let mut index = self.shared.index();
        if let Some(segment) = index.segments.get_mut(&number).filter(|segment| !segment.lost) {
            segment.lost = true;
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        false
    }

    /// Writes turns again, with all others of their sessions, so that they stand in order. What is not in memory and cannot be read
    /// stays where it is.
    fn write_again(&mut self, which: impl Fn(&Segment) -> bool) -> io::Result<()> {
        let sessions: Vec<Uuid> = {
            let index = self.shared.index();
            let hit =
                |entry: &Entry| entry.place.is_some_and(|place| index.segments.get(&place.segment).is_some_and(&which));
            let hit = index.sessions.iter().filter(|(_, entries)| entries.iter().any(hit));
            hit.map(|(session, _)| *session).collect()
        };
        let (mut records, mut bytes) = (Vec::new(), 0);
        for session in sessions {
            for record in self.shared.records(session) {
                bytes += record.length();
                records.push(record);
            }
            // In one go, or nearly so: what a crash leaves of it says the same as what is there.
            if bytes >= MOST_MOVED {
                self.move_to_the_end(&records)?;
                (records, bytes) = (Vec::new(), 0);
            }
        }
        self.move_to_the_end(&records)?;
        self.shared.trim();
        if self.shared.exposed() > 0 {
            // Only a checkpoint can save them.
            self.shared.pressed.notify_one();
        }
        Ok(())
    }

    fn move_to_the_end(&mut self, records: &[Record]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let records: Vec<_> = records.iter().collect();
        let places = self.put(&records)?;
        let mut index = self.shared.index();
        for (record, (place, sum)) in records.iter().zip(places) {
            let entries = index.sessions.get_mut(&record.session);
            let entry = entries.and_then(|entries| entries.iter_mut().find(|entry| entry.revision == record.revision));
            // A checkpoint may have covered it meanwhile.
            let Some(entry) = entry else { continue };
            (entry.sum, entry.whole) = (sum, !record.state.is_empty());
            let before = entry.place.replace(place);
            index.segments.entry(place.segment).or_default().entries += 1;
            if let Some(before) = before.and_then(|before| index.segments.get_mut(&before.segment)) {
                before.entries -= 1;
            }
            self.shared.moved.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Relaxed)
    }

    fn serve(&mut self, mut batch: Vec<Job>) {
        if !self.healthy() {
            self.recover();
        }
        if self.healthy() && self.shared.full() && self.shared.entries() < self.hopeless {
            // Turns that no checkpoint can be made of keep others' segments; written again they take what they need.
            self.compact();
        }
        let written = if !self.healthy() {
            Err(io::Error::other("the disk failed, and has not recovered"))
        } else if self.shared.full() {
            self.shared.pressed.notify_one();
            Err(io::Error::new(io::ErrorKind::StorageFull, "the turn log is full, and checkpoints do not keep up"))
        } else {
            self.write(&mut batch)
        };
        if written.is_ok() && self.shared.index().bytes() >= self.shared.most_bytes {
            self.shared.pressed.notify_one();
        }
        for job in batch {
            let answer = match &written {
                Ok(()) => Ok(()),
                Err(error) => Err(Rejected::Io(io::Error::new(error.kind(), error.to_string()))),
            };
            self.shared.answer(job, answer);
        }
    }

    /// Writes everything again that is needed, so that what is not goes.
    fn compact(&mut self) {
        let written = self.write_again(|_| true);
        tracing::warn!(?written, "the turn log is full, and what is needed of it was written again");
        // Not again before there is less of it.
        self.hopeless = if self.shared.full() { self.shared.entries() } else { usize::MAX };
        if written.is_err() {
            // What was written in part must not be found at a start.
            self.shared.healthy.store(false, Ordering::Relaxed);
            self.recover();
        }
    }

    fn write(&mut self, batch: &mut [Job]) -> io::Result<()> {
        let began = Instant::now();
        let records: Vec<_> = batch.iter().map(|job| &job.record).collect();
        let written = self.put(&records);
        let counters = &self.shared;
        match &written {
            Ok(_) => {
                counters.batches.fetch_add(1, Ordering::Relaxed);
                counters.turns.fetch_add(batch.len() as u64, Ordering::Relaxed);
                counters.last_batch.store(batch.len() as u64, Ordering::Relaxed);
                let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                counters.last_micros.store(micros, Ordering::Relaxed);
            }
            Err(error) => {
                tracing::error!(%error, turns = batch.len(), "the turn log could not be written");
                counters.failures.fetch_add(1, Ordering::Relaxed);
                counters.healthy.store(false, Ordering::Relaxed);
                // What failed must be gone before anything else happens, if the disk can do that much.
                self.recover();
            }
        }
        let mut index = self.shared.index();
        for (Job { record, .. }, (place, sum)) in batch.iter_mut().zip(written?) {
            let rest = Rest { place: std::mem::take(&mut record.place), state: std::mem::take(&mut record.state) };
            let (line, rest) = (Some(record.line.clone()), Some(Arc::new(rest)));
            let (revision, place) = (record.revision, Some(place));
            let entry = Entry { revision, place, line, rest, whole: true, sum, told: false };
            index.insert(record.session, entry);
        }
        Ok(())
    }

    /// Writes records, and waits until they are on the platter, in a segment whose name leads there. Where each is, and the sum of its
    /// body.
    fn put(&mut self, records: &[&Record]) -> io::Result<Vec<(Place, u32)>> {
        // Before, because a file that was cut grows again when it is written behind its end.
        if self.is_active_there() {
            let written = self.try_put(records)?;
            // What was written is of no use where nobody finds it.
            if self.is_active_there() {
                self.losses = 0;
                return Ok(written);
            }
        }
        self.owed = true;
        self.active = None;
        self.shared.index().active = None;
        self.losses += 1;
        if self.losses > MOST_LOSSES {
            self.losses = 0;
            return Err(io::Error::other("log segments vanish as soon as they are written"));
        }
        // What it held before goes first, because what is written now follows on it.
        self.write_again(|segment| segment.lost)?;
        self.owed = false;
        self.put(records)
    }

    /// Whether the segment that is written is still there, with all that was written and reserved.
    fn is_active_there(&self) -> bool {
        let active = self.active.as_ref();
        active.is_none_or(|active| self.is_there(active.number, active.reserved, Some(active.id)))
    }

    fn try_put(&mut self, records: &[&Record]) -> io::Result<Vec<(Place, u32)>> {
        let active = match self.active.take() {
            Some(active) if active.durable < self.shared.segment_bytes() => self.active.insert(active),
            _ => {
                let begun = self.begin()?;
                self.active.insert(begun)
            }
        };
        let bytes = &mut self.buffer;
        bytes.clear();
        if active.durable == 0 {
            bytes.extend(header(active.number, active.previous));
        }
        let mut places = Vec::with_capacity(records.len());
        for record in records {
            let offset = active.durable + bytes.len() as u64;
            let (length, sum) = frame(bytes, record, active.number, offset);
            places.push((Place { segment: active.number, offset, length }, sum));
        }
        let end = active.durable + bytes.len() as u64;
        bytes.extend([0; FRAME]);
        let marked = end + FRAME as u64;
        if marked > active.reserved {
            active.reserved = marked + RESERVE.min(self.shared.segment_bytes());
            if active.file.reserve(active.reserved).is_err() {
                // A disk that is almost full needs every byte; whether the batch fits is seen next.
                active.file.cut(active.durable)?;
                active.reserved = marked;
            }
        }
        active.file.write(active.durable, bytes)?;
        active.file.sync(Barrier::Logged)?;
        active.durable = end;
        let mut index = self.shared.index();
        let segment = index.segments.entry(active.number).or_default();
        (segment.bytes, segment.file) = (active.durable, Some(active.id));
        Ok(places)
    }

    fn begin(&mut self) -> io::Result<Active> {
        let (number, folder) = (self.shared.next.load(Ordering::Relaxed), &self.shared.folder);
        let name = segment_name(number);
        let spare = self.shared.index().spare.pop();
        let renamed = spare.map(|spare| folder.rename(&segment_name(spare), &name));
        if let Some((spare, Err(error))) = spare.zip(renamed) {
            tracing::warn!(spare, %error, "a log segment could not be renamed; a new one does as well");
            self.shared.index().segments.insert(spare, Segment::default());
        }
        let file = folder.open_file(&name)?;
        // What is written to it counts by that name only.
        folder.settle(Barrier::Segment)?;
        let Look { id, length: reserved } = file.look()?;
        self.shared.next.store(number + 1, Ordering::Relaxed);
        self.shared.index().active = Some(number);
        // From here on it is missed where it is not there.
        if let Err(error) = self.shared.mark() {
            let mut index = self.shared.index();
            index.active = None;
            index.segments.insert(number, Segment::default());
            return Err(error);
        }
        self.shared.trim();
        Ok(Active { number, file, id, previous: spare.unwrap_or(number), durable: 0, reserved })
    }

    /// Brings the log back to what is durable, and tries whether the disk takes anything.
    fn recover(&mut self) {
        match self.try_recover() {
            Ok(()) => {
                tracing::info!("the disk takes turns again");
                self.shared.healthy.store(true, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "the disk does not take turns; it will be tried again"),
        }
    }

    fn try_recover(&mut self) -> io::Result<()> {
        const TRIAL_FILE: &str = "turns_trial.log";
        if let Some(active) = &mut self.active {
            active.file.cut(active.durable)?;
            active.file.sync(Barrier::Cut)?;
            if active.durable == 0 {
                self.shared.next.store(active.number, Ordering::Relaxed);
            }
            self.active = None;
        }
        self.shared.trim();
        let folder = &self.shared.folder;
        folder.replace(TRIAL_FILE, &[0; 4096])?;
        folder.remove_soon(TRIAL_FILE)
    }
}

fn segment_name(number: u64) -> String {
    format!("turns_{number:010}.log")
}

fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("turns_")?.strip_suffix(".log")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

fn header(number: u64, previous: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(NAME);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&number.to_le_bytes());
    header[24..32].copy_from_slice(&previous.to_le_bytes());
    for crc in [12, 32] {
        let sum = crc32c::crc32c(&header[..crc]);
        header[crc..crc + 4].copy_from_slice(&sum.to_le_bytes());
    }
    header
}

/// The version a segment says it has; none where its header is damaged.
fn header_version(bytes: &[u8]) -> Option<u32> {
    let header = bytes.get(..FIRST_HEADER)?;
    let whole = &header[..8] == NAME && number_at(header, 12)? == crc32c::crc32c(&header[..12]);
    if whole { number_at(header, 8) } else { None }
}

/// The number of a segment, and of the one that its file was before; none where its header is damaged.
fn header_numbers(bytes: &[u8]) -> Option<[u64; 2]> {
    let header = bytes.get(..HEADER)?;
    let number = |at: usize| Some(u64::from_le_bytes(header[at..at + 8].try_into().ok()?));
    if number_at(header, 32)? == crc32c::crc32c(&header[..32]) { Some([number(16)?, number(24)?]) } else { None }
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn checksum(segment: u64, offset: u64, body: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &offset.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &(body.len() as u64).to_le_bytes());
    crc32c::crc32c_append(crc, body)
}

/// Appends a record; the length of its body, and the CRC32C of its line.
fn frame(bytes: &mut Vec<u8>, record: &Record, segment: u64, offset: u64) -> (u32, u32) {
    let begin = bytes.len();
    bytes.extend([0; FRAME]);
    bytes.extend(record.session.as_bytes());
    bytes.extend(record.revision.to_le_bytes());
    for line in [record.line.as_slice(), &record.place] {
        bytes.extend(line);
        bytes.push(b'\n');
    }
    bytes.extend(&record.state);
    let body = begin + FRAME;
    // No longer than `LONGEST`.
    let length = (bytes.len() - body) as u32;
    let crc = checksum(segment, offset, &bytes[body..]);
    let sum = crc32c::crc32c(&record.line);
    bytes[begin..begin + 4].copy_from_slice(MAGIC);
    bytes[begin + 4..begin + 8].copy_from_slice(&length.to_le_bytes());
    bytes[begin + 8..body].copy_from_slice(&crc.to_le_bytes());
    (length, sum)
}

/// The body of the record at the beginning of some bytes, where one bit of it was flipped. Its line of history has a checksum of its
/// own, which must hold too.
fn mended_record(bytes: &[u8], segment: u64, offset: u64) -> Option<Vec<u8>> {
    let frame = bytes.get(..FRAME)?;
    let whole = |body: &[u8]| {
        let line = body.get(TAG..).and_then(|lines| lines.split(|byte| *byte == b'\n').next());
        line.is_some_and(|line| format::read::<serde::de::IgnoredAny>(Kind::Turn, line).is_ok())
    };
    // In the frame: few enough to try them all.
    for bit in 0..8 * FRAME {
        let mut frame: [u8; FRAME] = frame.try_into().ok()?;
        frame[bit / 8] ^= 1 << (bit % 8);
        if &frame[..4] == MAGIC
            && let Some(length) = number_at(&frame, 4).map(|length| length as usize)
            && (TAG..=LONGEST).contains(&length)
            && let Some(body) = bytes.get(FRAME..FRAME + length)
            && number_at(&frame, 8) == Some(checksum(segment, offset, body))
        {
            return whole(body).then(|| body.to_vec());
        }
    }
    let length = number_at(frame, 4)? as usize;
    if &frame[..4] != MAGIC || !(TAG..=LONGEST).contains(&length) {
        return None;
    }
    let mut body = bytes.get(FRAME..FRAME + length)?.to_vec();
    let bit = format::flipped(number_at(frame, 8)? ^ checksum(segment, offset, &body), length)?;
    body[bit / 8] ^= 1 << (bit % 8);
    whole(&body).then_some(body)
}

/// The body of the record at a place in some bytes, which was written at an offset of a segment; none if there is none.
fn record_at(bytes: &[u8], at: usize, segment: u64, offset: u64) -> Option<&[u8]> {
    let frame = bytes.get(at..at + FRAME)?;
    let length = number_at(frame, 4)? as usize;
    if &frame[..4] != MAGIC || !(TAG..=LONGEST).contains(&length) {
        return None;
    }
    let body = bytes.get(at + FRAME..at + FRAME + length)?;
    (number_at(frame, 8)? == checksum(segment, offset, body)).then_some(body)
}

/// The end of what cannot be read, where it looks as if it had been written to its end: records of which each leads to the next, and
/// the last to the end mark or the end of the file. JSON does not end with a zero, and what a torn record leads to is as a rule
/// something else; and none of it may be a record of the segment that the file was before.
fn written_to_its_end(bytes: &[u8], begin: usize, previous: Option<u64>) -> Option<usize> {
    let mut at = begin;
    loop {
        let frame = bytes.get(at..)?;
        if frame.iter().take(FRAME).all(|byte| *byte == 0) {
            return (at > begin).then_some(at);
        }
        let length =
            number_at(frame, 4).map(|length| length as usize).filter(|length| (1..=LONGEST).contains(length))?;
        let stale = previous.is_some_and(|previous| record_at(bytes, at, previous, at as u64).is_some());
        let end = at + FRAME + length;
        if stale || !frame.starts_with(MAGIC) || *bytes.get(end - 1)? == 0 {
            return None;
        }
        at = end;
    }
}

/// A record that was found.
#[derive(Debug)]
struct Found {
    session: Uuid,
    revision: u64,
    place: Place,
    sum: u32,
}

/// What is in a segment.
#[derive(Debug, Default)]
struct Scanned {
    /// Every record that can be read.
    found: Vec<Found>,
    /// The stretches that cannot.
    damaged: Vec<Range<usize>>,
    /// Records in which a bit was mended.
    mended: u64,
    /// There is no end mark behind the last record.
    torn: bool,
}

/// Reads a segment. A torn end is no damage: it is what a crash leaves of turns nobody was told of.
fn scan(bytes: &[u8], segment: u64) -> Scanned {
    let magic = memmem::Finder::new(MAGIC);
    let mut scanned = Scanned::default();
    let (mut good, previous) = match (header_version(bytes), header_numbers(bytes)) {
        (Some(1), _) => (FIRST_HEADER, None),
        (Some(_), Some([number, previous])) if number == segment => (HEADER, Some(previous)),
        // The file was to become this segment, and nothing was written to it yet.
        (Some(_), Some(_)) => return scanned,
        _ => (0, None),
    };
    let mut at = good.max(FIRST_HEADER);
    while at < bytes.len() {
        let mended = || {
            // Only where a record must be: behind the end there may be thousands of an earlier segment.
            if at != good && at != HEADER { None } else { mended_record(&bytes[at..], segment, at as u64) }
        };
        let whole = record_at(bytes, at, segment, at as u64).map(|body| (Cow::Borrowed(body), 0));
        let body = whole.or_else(|| mended().map(|body| (Cow::Owned(body), 1)));
        if let Some((body, mended)) = body
            && let (Ok(session), Ok(revision)) = (Uuid::from_slice(&body[..16]), body[16..TAG].try_into())
        {
            if good < at {
                scanned.damaged.push(good..at);
            }
            let place = Place { segment, offset: at as u64, length: body.len() as u32 };
            let revision = u64::from_le_bytes(revision);
            let line = body[TAG..].split(|byte| *byte == b'\n').next().unwrap_or_default();
            scanned.found.push(Found { session, revision, place, sum: crc32c::crc32c(line) });
            scanned.mended += mended;
            at += FRAME + body.len();
            good = at;
        } else {
            at = bytes.get(at + 1..).and_then(|rest| magic.find(rest)).map_or(bytes.len(), |next| at + 1 + next);
        }
    }
    if let Some(end) = written_to_its_end(bytes, good, previous) {
        scanned.damaged.push(good..end);
    }
    scanned.torn = bytes.get(good..good + FRAME).is_none_or(|mark| mark.iter().any(|byte| *byte != 0));
    let unwritten = bytes.len() < HEADER || bytes.iter().take(HEADER).all(|byte| *byte == 0);
    if good == 0 && !unwritten {
        scanned.damaged.push(0..HEADER);
    }
    scanned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(session: u128, revision: u64) -> Record {
        let line = Arc::new(format::line(&serde_json::json!({"version": 3, "revision": revision})));
        let (place, state) = (b"\"Home\"".to_vec(), format!("{{\"turn_count\":{session}}}").into_bytes());
        Record { session: Uuid::from_u128(session), revision, line, place, state }
    }

    fn segment(number: u64, records: u64) -> Vec<u8> {
        over(number, number, records)
    }

    /// A segment whose file was another before.
    fn over(previous: u64, number: u64, records: u64) -> Vec<u8> {
        let mut bytes = header(number, previous).to_vec();
        for revision in 1..=records {
            let offset = bytes.len() as u64;
            frame(&mut bytes, &record(u128::from(number), revision), number, offset);
        }
        bytes
    }

    /// Where its records end.
    fn ends(bytes: &[u8], number: u64) -> Vec<usize> {
        let end = |place: &Place| place.offset as usize + FRAME + place.length as usize;
        scan(bytes, number).found.iter().map(|found| end(&found.place)).collect()
    }

    fn revisions(bytes: &[u8], number: u64) -> Vec<u64> {
        scan(bytes, number).found.iter().map(|found| found.revision).collect()
    }

    #[test]
    fn a_torn_end_costs_what_was_torn_and_nothing_else() {
        let whole = segment(3, 5);
        let ends = ends(&whole, 3);
        for length in 0..=whole.len() {
            let expected = ends.iter().filter(|end| **end <= length).count() as u64;
            let Scanned { found, damaged, .. } = scan(&whole[..length], 3);
            assert_eq!(found.len() as u64, expected, "cut at {length}");
            assert!(damaged.is_empty(), "cut at {length}: {damaged:?}");
        }
    }

    #[test]
    fn one_flipped_bit_costs_nothing() {
        let whole = segment(3, 5);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Scanned { found, damaged, mended, .. } = scan(&bytes, 3);
            let revisions: Vec<_> = found.iter().map(|found| found.revision).collect();
            assert_eq!(revisions, [1, 2, 3, 4, 5], "bit {bit}");
            let hit_header = bit / 8 < HEADER;
            assert_eq!((damaged.len(), mended), if hit_header { (1, 0) } else { (0, 1) }, "bit {bit}");
        }
    }

    #[test]
    fn two_flipped_bits_cost_one_record() {
        let whole = segment(3, 5);
        for bit in HEADER * 8..whole.len() * 8 - 8 {
            let mut bytes = whole.clone();
            for bit in [bit, bit + 8] {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let Scanned { found, mended, .. } = scan(&bytes, 3);
            let between = found.len() == 5 && mended == 2;
            assert!(found.len() == 4 && mended == 0 || between, "bit {bit}: {found:?}");
        }
    }

    #[test]
    fn what_a_file_held_before_does_not_count() {
        let old = segment(3, 6);
        for records in 1..5 {
            let new = [over(3, 9, records), vec![0; FRAME]].concat();
            let ends = ends(&new, 9);
            // All of it, or as much as was written before the power failed: nothing, or a sector, which the header is in.
            for length in std::iter::once(0).chain(HEADER..=new.len()) {
                let bytes = [&new[..length], &old[length..]].concat();
                let expected = ends.iter().filter(|end| bytes[..**end] == new[..**end]).count();
                let Scanned { found, damaged, .. } = scan(&bytes, 9);
                assert_eq!((found.len(), damaged), (expected, Vec::new()), "{records} records, cut at {length}");
            }
        }
    }

    /// Whatever was written of a batch, in whatever order: nothing counts but what is whole and of this segment.
    #[test]
    fn sectors_that_were_written_in_no_order_do_no_harm() {
        const SECTOR: usize = 32;
        let (old, new) = (segment(3, 6), [over(3, 9, 4), vec![0; FRAME]].concat());
        let (ends, sectors) = (ends(&new, 9), new.len().div_ceil(SECTOR));
        for written in 0..1 << sectors {
            let mut bytes = old.clone();
            for sector in (0..sectors).filter(|sector| written >> sector & 1 == 1) {
                let range = sector * SECTOR..((sector + 1) * SECTOR).min(new.len());
                bytes[range.clone()].copy_from_slice(&new[range]);
            }
            let same = |from: usize, to: usize| bytes[from..to] == new[from..to];
            let whole =
                std::iter::once(&HEADER).chain(&ends).zip(&ends).filter(|(from, to)| same(**from, **to)).count();
            let found = scan(&bytes, 9).found.len();
            assert!(found == whole || found == 0 && !same(0, HEADER), "{written:b}: {found} of {whole}");
        }
    }

    #[test]
    fn damage_to_the_last_records_is_seen_before_what_a_file_held() {
        let new = [over(3, 9, 3), vec![0; FRAME]].concat();
        let old = segment(3, 6);
        let ends = ends(&new, 9);
        let whole = [&new, &old[new.len()..]].concat();
        let seen = |bytes: &[u8]| {
            let Scanned { found, damaged, .. } = scan(bytes, 9);
            (found.len(), damaged.len(), damaged.first().cloned())
        };
        for bit in (ends[2] - 40) * 8..ends[2] * 8 - 8 {
            let mut bytes = whole.clone();
            for bit in [bit, bit + 8] {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            assert_eq!(seen(&bytes), (2, 1, Some(ends[1]..ends[2])), "bit {bit}");
            bytes[ends[1] - 9] ^= 3;
            assert_eq!(seen(&bytes), (1, 1, Some(ends[0]..ends[2])), "bit {bit}, and the one before");
        }
    }

    #[test]
    fn segments_of_version_1_are_read() {
        let mut bytes = header(3, 3)[..FIRST_HEADER].to_vec();
        bytes[8] = 1;
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_le_bytes());
        for revision in 1..=3 {
            let offset = bytes.len() as u64;
            frame(&mut bytes, &record(3, revision), 3, offset);
        }
        bytes.extend([0; 100]);
        let Scanned { found, damaged, .. } = scan(&bytes, 3);
        assert_eq!((found.len(), damaged.len()), (3, 0));
    }

    #[test]
    fn a_record_counts_only_where_it_was_written() {
        let whole = segment(3, 2);
        assert_eq!(revisions(&whole, 3), [1, 2]);
        assert_eq!(revisions(&whole, 4), [0; 0]);
        let mut moved = header(3, 3).to_vec();
        moved.extend(&whole[scan(&whole, 3).found[1].place.offset as usize..]);
        assert_eq!(revisions(&moved, 3), [0; 0]);
    }
}
