//! Where the turns are that no checkpoint covers yet: the turn log's index, its segments, and which of them are needed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;

use super::disk::Barrier;
use super::files::Files;
use super::segment::{
    FRAME, Found, Lines, Place, Record, Rest, Scanned, VERSION, header_version, mended_record, parts, record_at, scan,
    segment_name,
};
use crate::model;
use crate::model::format::{self, Kind, Unreadable};

/// Turns that can wait for the disk. A session has one at a time, so only as many sessions acting at once fill it.
pub(super) const QUEUE: usize = 1024;
/// Segments of a full log. So many are kept, whether they are needed or not.
pub(super) const SEGMENTS: usize = 16;
/// Bytes of logged lines that are in memory too: those of some 50,000 turns. What is not is only in its segment.
const MAX_LINES: usize = 24 << 20;
/// Records that are read in one go: some 200 KB.
const READ_AT_ONCE: usize = 64;
/// Bytes of states that are in memory too: those of some 400 sessions. Few, because whoever holds a session has its state, and
/// a line without its state is played again.
const MAX_STATES: usize = 1 << 20;

/// The file that says which segments are needed.
pub(super) const MARKER: &str = "turns.json";

/// See [`MARKER`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Marker {
    version: u32,
    /// Numbers of segments that hold turns which nothing else has.
    needed: BTreeSet<u64>,
    /// The number of the next one, so that none is used twice.
    #[serde(default)]
    next: u64,
}

/// What is known of the marker.
#[derive(Default)]
pub(super) struct Marked {
    /// What it may name as needed; none where there is no file.
    pub needed: Option<BTreeSet<u64>>,
    /// It was not written as it should have been.
    pub unconfirmed: bool,
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

/// What the log's thread is asked.
pub(super) enum Task {
    /// To write a turn.
    Write(Job),
    /// To put away its segment, after all that came before. It is done when the sender is dropped.
    Rest(mpsc::Sender<Infallible>),
}

pub(super) struct Shared {
    pub files: Arc<Files>,
    /// Bytes after which checkpoints are forced. At twice as many, turns are refused.
    pub most_bytes: u64,
    pub index: Mutex<Index>,
    /// What [`MARKER`] says.
    pub marked: Mutex<Marked>,
    /// The number of the next segment: none is used twice.
    pub next: AtomicU64,
    pub pressed: Notify,
    pub queued: AtomicU64,
    pub batches: AtomicU64,
    pub turns: AtomicU64,
    pub failures: AtomicU64,
    pub last_batch: AtomicU64,
    pub last_micros: AtomicU64,
    pub damaged: AtomicU64,
    pub mended: AtomicU64,
    pub lost: AtomicU64,
    pub moved: AtomicU64,
}

/// Where the turns are that no checkpoint covers yet.
#[derive(Default)]
pub(super) struct Index {
    /// By revision, oldest first.
    pub sessions: HashMap<Uuid, Vec<Entry>>,
    pub segments: BTreeMap<u64, Segment>,
    /// The one that is written; it is never removed. None before the first and after the last turn.
    pub active: Option<u64>,
    /// Segments that nobody needs, to be written over.
    pub spare: Vec<u64>,
    /// Bytes of lines and of states that are in memory.
    lines: usize,
    states: usize,
    /// Buried sessions of which there may be records, and the last segment that may have any. Bounded by the records there are.
    pub buried: HashMap<Uuid, u64>,
}

#[derive(Default)]
pub(super) struct Segment {
    pub bytes: u64,
    /// Entries in it.
    pub entries: usize,
    /// It could not be read whole: it is set aside instead of removed.
    pub damaged: bool,
    /// It has no end mark: a crash has torn the last turns, of which nobody was told, or somebody has cut it. A note is left of it,
    /// should it be put back.
    pub torn: bool,
    /// The file it is in; none where that is not known.
    pub file: Option<(u64, u64)>,
    /// It is gone, cut or another file.
    pub lost: bool,
}

pub(super) struct Entry {
    pub revision: u64,
    /// Where it is logged; none where turns are held in memory only.
    pub place: Option<Place>,
    /// Its line, where that is in memory.
    pub line: Option<Arc<Vec<u8>>>,
    /// Where the player is, and the state, of a session's newest turn.
    pub rest: Option<Arc<Rest>>,
    /// The record at the place has the state; else a later turn has it.
    pub whole: bool,
    /// CRC32C of the line: the same turn written again has the same.
    pub sum: u32,
    /// Its line is in the history file.
    pub told: bool,
}

impl Entry {
    /// Bytes of its line that memory has.
    fn line_bytes(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.len())
    }

    /// Bytes of its state that memory has.
    fn state_bytes(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.place.len() + rest.state.len())
    }
}

/// What follows once a turn is durable, or refused.
pub(super) type Then = Box<dyn FnOnce(Result<(), Rejected>) + Send>;

pub(super) struct Job {
    pub record: Record,
    pub then: Then,
}

impl Index {
    pub fn insert(&mut self, session: Uuid, mut entry: Entry) {
        let entries = self.sessions.entry(session).or_default();
        let later = entries.partition_point(|other| other.revision < entry.revision);
        let same = entries.get(later).filter(|same| same.revision == entry.revision && same.sum == entry.sum);
        if same.is_some_and(|same| same.whole && !entry.whole && later + 1 == entries.len()) {
            // Written again, and of what came after it nothing is there: the first one has the state.
            return;
        }
        let is_same = same.is_some();
        if let Some(place) = &entry.place {
            self.segments.entry(place.segment).or_default().entries += 1;
            if self.lines + entry.line_bytes() > MAX_LINES {
                entry.line = None;
            }
            if self.states + entry.state_bytes() > MAX_STATES {
                entry.rest = None;
            }
        }
        self.lines += entry.line_bytes();
        self.states += entry.state_bytes();
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
                self.states -= last.state_bytes();
                last.rest = None;
            }
            entries.push(entry);
        }
        self.release(&gone);
    }

    pub fn release(&mut self, gone: &[Entry]) {
        for entry in gone {
            self.lines -= entry.line_bytes();
            self.states -= entry.state_bytes();
            if let Some(place) = entry.place
                && let Some(segment) = self.segments.get_mut(&place.segment)
            {
                segment.entries -= 1;
            }
        }
    }

    /// Segments that are needed: those with entries, and the one that is written.
    pub fn needed(&self) -> BTreeSet<u64> {
        let held = self.segments.iter().filter(|(_, segment)| segment.entries > 0).map(|(number, _)| *number);
        held.chain(self.active).collect()
    }

    /// Forgets entries of a session that are not kept.
    pub fn retain(&mut self, session: Uuid, keep: impl Fn(&Entry) -> bool) {
        let Some(entries) = self.sessions.get_mut(&session) else { return };
        let gone: Vec<_> = entries.extract_if(.., |entry| !keep(entry)).collect();
        if entries.is_empty() {
            self.sessions.remove(&session);
        }
        self.release(&gone);
    }

    pub fn bury(&mut self, session: Uuid) {
        let last = self.segments.keys().next_back().copied().max(self.spare.iter().max().copied());
        if let Some(last) = last {
            self.buried.insert(session, last);
        }
    }

    /// Whether there may be records of a buried session.
    pub fn remembers(&self, last: u64) -> bool {
        self.segments.range(..=last).next().is_some() || self.spare.iter().any(|number| *number <= last)
    }

    /// Turns in segments that are lost.
    pub fn exposed(&self) -> usize {
        self.segments.values().filter(|segment| segment.lost).map(|segment| segment.entries).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }
}

impl Shared {
    pub fn new(files: Arc<Files>, most_bytes: u64) -> Self {
        Self {
            files,
            most_bytes,
            index: Mutex::default(),
            marked: Mutex::default(),
            next: AtomicU64::new(0),
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
        }
    }

    pub fn answer(&self, job: Job, answer: Result<(), Rejected>) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        (job.then)(answer);
    }

    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock()
    }

    /// Bytes after which a segment is followed by the next.
    pub fn segment_bytes(&self) -> u64 {
        self.most_bytes / SEGMENTS as u64
    }

    /// Says in [`MARKER`] which segments are needed.
    pub fn mark(&self) -> io::Result<()> {
        let mut marked = self.marked.lock();
        // Looked up while nobody else writes it, so that it never goes back.
        let needed = self.index().needed();
        let known = marked.needed.as_ref().map_or(needed.is_empty(), |known| *known == needed);
        if known && !marked.unconfirmed {
            return Ok(());
        }
        let next = self.next.load(Ordering::Relaxed);
        let marker = Marker { version: model::VERSION, needed, next };
        let bytes = format::file(&marker).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| self.files.replace(MARKER, &bytes));
        marked.unconfirmed = written.is_err();
        match &mut marked.needed {
            // Either may be there.
            Some(known) if written.is_err() => known.extend(marker.needed),
            known => *known = Some(marker.needed),
        }
        written
    }

    /// Removes segments that nobody needs, or keeps them to be written over.
    pub fn trim(&self) {
        let (mut done, most) = {
            let mut index = self.index();
            // Nothing is written before the first turn, nor after the last; and a disk that fails may be full.
            let most = if index.active.is_some() && self.files.is_healthy() { SEGMENTS } else { 0 };
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
            let marked = self.marked.lock();
            let is_marked = |number: &u64| marked.needed.as_ref().is_some_and(|needed| needed.contains(number));
            let mut index = self.index();
            for (number, segment) in done.extract_if(.., |(number, _)| is_marked(number)) {
                index.segments.insert(number, segment);
            }
        }
        let gone = self.spare(done, most);
        let mut index = self.index();
        let mut buried = std::mem::take(&mut index.buried);
        buried.retain(|_, last| index.remembers(*last));
        index.buried = buried;
        drop(index);
        self.remove(gone);
    }

    /// Keeps segments that nobody needs to be written over, of so many in all; those that are to go.
    fn spare(&self, done: Vec<(u64, Segment)>, most: usize) -> Vec<(u64, Segment)> {
        let mut index = self.index();
        let mut excess = (index.segments.len() + index.spare.len() + done.len()).saturating_sub(most);
        let mut gone = Vec::new();
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
        gone
    }

    fn remove(&self, segments: Vec<(u64, Segment)>) {
        for (number, segment) in segments {
            let name = segment_name(number);
            let gone = match segment {
                // What goes by its name now is another file, and nobody knows whose.
                Segment { lost: true, .. } => Ok(()),
                Segment { damaged: true, .. } => self.files.set_aside(&name).map(drop),
                Segment { torn: true, .. } => {
                    self.files.keep_aside(&name, &[]).and_then(|()| self.files.remove_soon(&name))
                }
                _ => self.files.remove_soon(&name),
            };
            if let Err(error) = gone {
                tracing::warn!(file = name, %error, "a log segment could not be removed");
                self.index().segments.insert(number, segment);
            }
        }
    }

    pub fn entries(&self) -> usize {
        self.index().sessions.values().map(Vec::len).sum()
    }

    pub fn full(&self) -> bool {
        self.index().bytes() >= 2 * self.most_bytes
    }

    /// A session's turns, as they would be written again. What is not in memory is read; what cannot be is left out.
    pub fn records(&self, session: Uuid) -> Vec<Record> {
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
                (line, _, Some(place)) => match (self.read(place), line) {
                    (Ok([line, place, state]), _) => Record { session, revision, line: Arc::new(line), place, state },
                    // The state is played again, should it be needed before there is a checkpoint.
                    (Err(_), Some(line)) => Record { session, revision, line, place: Vec::new(), state: Vec::new() },
                    (Err(error), None) => {
                        tracing::error!(%session, revision, %error, "a turn cannot be written again");
                        continue;
                    }
                },
            };
            records.push(record);
        }
        records
    }

    /// What the records at places hold, in their order. Those beside each other in a segment are read in one go.
    pub fn read_all(&self, places: &[Place]) -> Vec<io::Result<Lines>> {
        let same = places.chunk_by(|one, next| one.segment == next.segment);
        let together =
            same.flat_map(|same| same.chunks(READ_AT_ONCE)).flat_map(|places| match self.stretches(places) {
                Ok(records) => places.iter().zip(records).map(|(place, bytes)| self.record(*place, &bytes)).collect(),
                // One of them may lie behind the end.
                Err(_) => places.iter().map(|place| self.read(*place)).collect::<Vec<_>>(),
            });
        together.collect()
    }

    /// What the record at a place holds; an error of the kind `InvalidData` where that cannot be told.
    pub fn read(&self, place: Place) -> io::Result<Lines> {
        let records = self.stretches(&[place])?;
        self.record(place, records.first().map(Vec::as_slice).unwrap_or_default())
    }

    /// The bytes at places of one segment.
    fn stretches(&self, places: &[Place]) -> io::Result<Vec<Vec<u8>>> {
        let Some(first) = places.first() else { return Ok(Vec::new()) };
        let stretches: Vec<_> = places.iter().map(|place| (place.offset, FRAME + place.length as usize)).collect();
        self.files.read_at(&segment_name(first.segment), &stretches)
    }

    /// What is in the bytes of a place.
    fn record(&self, Place { segment, offset, .. }: Place, bytes: &[u8]) -> io::Result<Lines> {
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

    /// Reads a segment that was there at the start; whether it is damaged.
    pub fn recover(
        &self,
        number: u64,
        name: &str,
        covered: impl Fn(Uuid) -> Option<u64>,
        lacks: impl Fn(Uuid, u64) -> bool,
    ) -> io::Result<bool> {
        // What a killed server wrote may not have been synced; it is, before anybody sees it.
        self.files.open_file(name)?.sync(Barrier::Recovered)?;
        let bytes = self.files.read(name)?.unwrap_or_default();
        if let Some(version) = header_version(&bytes).filter(|version| *version > VERSION) {
            let problem = format!("{name} was written by a newer version of this program (format {version})");
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
        let Scanned { found, damaged, mended, torn } = scan(&bytes, number);
        let is_damaged = !damaged.is_empty();
        let file = self.files.look(name)?.map(|look| look.id);
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
        let is_back = self.files.exists(&format!("{name}.invalid"));
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
    pub fn read_marker(&self, report: &impl Fn(&str)) -> io::Result<BTreeSet<u64>> {
        let Some(bytes) = self.files.read(MARKER)? else { return Ok(BTreeSet::new()) };
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
        self.marked.lock().needed = Some(marker.needed.clone());
        Ok(marker.needed)
    }
}

/// Whether what was to be read will not be there later either.
pub(super) fn is_lost(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
