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
//! durable. A segment without any such record is removed.
//!
//! After a failed write or sync the segment is cut to its durable length and a new one is begun; until the disk has taken that,
//! and a small file as a trial, every turn is refused.
//!
//! With `durability = sweep` there are no segments: turns are held in memory until the next checkpoint.

use std::collections::{BTreeMap, HashMap};
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

use super::disk::{Barrier, DiskFile};
use super::folder::Folder;

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
    /// Stretches of segments that could not be read at the start.
    pub damaged: u64,
}

/// A turn on its way into the log.
#[derive(Debug)]
pub struct Record {
    /// Whose.
    pub session: Uuid,
    /// The revision it leads to.
    pub revision: u64,
    /// The line of history: JSON without a line feed.
    pub line: Vec<u8>,
    /// Where the player is then, as JSON.
    pub place: Vec<u8>,
    /// The state after it, as JSON.
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
    healthy: AtomicBool,
    pressed: Notify,
    queued: AtomicU64,
    batches: AtomicU64,
    turns: AtomicU64,
    failures: AtomicU64,
    last_batch: AtomicU64,
    last_micros: AtomicU64,
    damaged: AtomicU64,
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
}

#[derive(Default)]
struct Segment {
    bytes: u64,
    /// Entries in it.
    entries: usize,
    /// It could not be read whole: it is set aside instead of removed.
    damaged: bool,
}

struct Entry {
    revision: u64,
    kept: Kept,
    /// Its line is in the history file.
    told: bool,
}

#[derive(Clone)]
enum Kept {
    Logged(Place),
    Held(Arc<[u8]>),
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
    fn insert(&mut self, session: Uuid, revision: u64, kept: Kept) {
        if let Kept::Logged(place) = &kept {
            self.segments.entry(place.segment).or_default().entries += 1;
        }
        let entries = self.sessions.entry(session).or_default();
        // A turn that was written and yet refused may have been found at the start: the later one counts.
        let later = entries.partition_point(|entry| entry.revision < revision);
        let gone: Vec<_> = entries.drain(later..).collect();
        entries.push(Entry { revision, kept, told: false });
        self.release(&gone);
    }

    fn release(&mut self, gone: &[Entry]) {
        for entry in gone {
            if let Kept::Logged(place) = entry.kept
                && let Some(segment) = self.segments.get_mut(&place.segment)
            {
                segment.entries -= 1;
            }
        }
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

    /// Removes segments that nobody needs, or keeps them to be written over.
    fn trim(&self) {
        let mut gone = Vec::new();
        {
            let mut index = self.index();
            let Index { segments, active, spare, .. } = &mut *index;
            // Nothing is written before the first turn, nor after the last; and a disk that fails may be full.
            let most = if active.is_some() && self.healthy.load(Ordering::Relaxed) { SEGMENTS } else { 0 };
            let mut excess = (segments.len() + spare.len()).saturating_sub(most);
            if most == 0 {
                segments.extend(spare.drain(..).map(|number| (number, Segment::default())));
            }
            let done = segments.extract_if(.., |number, segment| segment.entries == 0 && *active != Some(*number));
            for (number, segment) in done {
                // A shorter one would have to be made longer.
                if excess == 0 && !segment.damaged && segment.bytes >= self.segment_bytes() {
                    spare.push(number);
                } else {
                    excess = excess.saturating_sub(1);
                    gone.push((number, segment));
                }
            }
        }
        for (number, segment) in gone {
            let name = segment_name(number);
            let gone = if segment.damaged { self.folder.set_aside(&name) } else { self.folder.remove_soon(&name) };
            if let Err(error) = gone {
                tracing::warn!(file = name, %error, "a log segment could not be removed");
                self.index().segments.insert(number, segment);
            }
        }
    }

    fn full(&self) -> bool {
        self.index().bytes() >= 2 * self.most_bytes
    }

    /// What the records at some places of one segment hold.
    fn read(&self, segment: u64, places: &[Place]) -> io::Result<Vec<Lines>> {
        let stretches: Vec<_> = places.iter().map(|place| (place.offset, FRAME + place.length as usize)).collect();
        let records = self.folder.read_at(&segment_name(segment), &stretches)?;
        let read = records.iter().zip(places).map(|(bytes, place)| {
            let body = record_at(bytes, 0, segment, place.offset);
            let body =
                body.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a logged turn has been damaged"))?;
            let mut lines = body[TAG..].splitn(3, |byte| *byte == b'\n').map(<[u8]>::to_vec);
            Ok(std::array::from_fn(|_| lines.next().unwrap_or_default()))
        });
        read.collect()
    }
}

impl Log {
    /// Opens the log, and reads where its turns are. `covered` tells the revision of a session's checkpoint; none where there
    /// is no such session. `report` is told the names of damaged segments.
    pub(super) fn open(
        folder: Arc<Folder>,
        durability: Durability,
        most_bytes: u64,
        covered: impl Fn(Uuid) -> Option<u64>,
        report: impl Fn(&str),
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            folder,
            most_bytes,
            index: Mutex::default(),
            healthy: AtomicBool::new(true),
            pressed: Notify::new(),
            queued: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_batch: AtomicU64::new(0),
            last_micros: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
        });
        let mut next = 0;
        for name in shared.folder.list()? {
            let Some(number) = segment_number(&name) else { continue };
            next = next.max(number + 1);
            if shared.recover(number, &name, &covered)? {
                report(&name);
            }
        }
        shared.trim();
        let (queue, jobs) = mpsc::sync_channel(QUEUE);
        let writer = Writer { shared: shared.clone(), active: None, next, buffer: Vec::new() };
        let writer = std::thread::Builder::new().name("turn-log".into()).spawn(move || writer.run(&jobs))?;
        Ok(Self { shared, durability, queue: Some(queue), writer: Some(writer) })
    }

    /// Takes a turn. It is durable when `then` is called, or not there. That is always called, on whatever thread, and must be
    /// quick: other turns wait for it.
    pub fn append(&self, record: Record, then: Then) {
        if record.length() > LONGEST {
            return then(Err(Rejected::TooLarge));
        }
        let newest = {
            let mut index = self.shared.index();
            let newest = index.sessions.get(&record.session).and_then(|entries| entries.last());
            let newest = newest.map_or(0, |entry| entry.revision);
            if newest < record.revision && self.durability == Durability::Sweep {
                let held = Kept::Held(record.line.as_slice().into());
                index.insert(record.session, record.revision, held);
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
        let newest = {
            let index = self.shared.index();
            index.sessions.get(&session).and_then(|entries| entries.last()).map(|last| last.kept.clone())
        };
        match newest {
            Some(Kept::Logged(place)) => Ok(self.shared.read(place.segment, &[place])?.pop()),
            _ => Ok(None),
        }
    }

    /// The lines of a session's turns that no checkpoint covers, oldest first, from after a revision. Those that are in its
    /// history file already are left out where `untold` asks for it.
    pub(super) fn lines(&self, session: Uuid, after: u64, untold: bool) -> io::Result<Vec<Vec<u8>>> {
        let (mut logged, mut held) = (Vec::new(), Vec::new());
        for entry in self.shared.index().sessions.get(&session).into_iter().flatten() {
            if entry.revision > after && !(untold && entry.told) {
                match &entry.kept {
                    Kept::Logged(place) => logged.push(*place),
                    Kept::Held(line) => held.push(line.clone()),
                }
            }
        }
        let mut lines = Vec::with_capacity(logged.len() + held.len());
        // A segment is opened once for all of them that are in it.
        for run in logged.chunk_by(|one, next| one.segment == next.segment) {
            lines.extend(self.shared.read(run[0].segment, run)?.into_iter().map(|[line, ..]| line));
        }
        // Where both are, the mode has changed since the log was written: held are the later ones.
        lines.extend(held.iter().map(|line| line.to_vec()));
        Ok(lines)
    }

    /// The lines up to a revision are in the history file.
    pub(super) fn told(&self, session: Uuid, revision: u64) {
        for entry in self.shared.index().sessions.get_mut(&session).into_iter().flatten() {
            entry.told |= entry.revision <= revision;
        }
    }

    /// A checkpoint of a revision is durable, or the session is gone: what the log has of it up to there can go.
    pub(super) fn covered(&self, session: Uuid, revision: u64) {
        self.shared.index().retain(session, |entry| entry.revision > revision);
        self.shared.trim();
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
    fn recover(&self, number: u64, name: &str, covered: impl Fn(Uuid) -> Option<u64>) -> io::Result<bool> {
        // What a killed server wrote may not have been synced; it is, before anybody sees it.
        self.folder.open_file(name)?.sync(Barrier::Recovered)?;
        let bytes = self.folder.read(name)?.unwrap_or_default();
        if let Some(version) = header_version(&bytes).filter(|version| *version > VERSION) {
            let problem = format!("{name} was written by a newer version of this program (format {version})");
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
        let (found, damaged) = scan(&bytes, number);
        let is_damaged = !damaged.is_empty();
        let mut index = self.index();
        index.segments.insert(number, Segment { bytes: bytes.len() as u64, entries: 0, damaged: is_damaged });
        for Range { start, end } in damaged {
            tracing::error!(file = name, start, end, "a stretch of the turn log cannot be read and is passed over");
            self.damaged.fetch_add(1, Ordering::Relaxed);
        }
        for (session, revision, place) in found {
            if covered(session).is_some_and(|covered| revision > covered) {
                index.insert(session, revision, Kept::Logged(place));
            }
        }
        Ok(is_damaged)
    }
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    active: Option<Active>,
    /// The number of the next segment.
    next: u64,
    /// A batch as it is written; at most a full queue of turns, some 3 MB.
    buffer: Vec<u8>,
}

struct Active {
    number: u64,
    file: Box<dyn DiskFile>,
    /// The segment its file was before; its own number where it was none.
    previous: u64,
    /// Bytes that are on the platter.
    durable: u64,
    /// The length of the file, with what is behind the last record.
    reserved: u64,
}

impl Writer {
    fn run(mut self, jobs: &mpsc::Receiver<Job>) {
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
        }
    }

    fn healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Relaxed)
    }

    fn serve(&mut self, batch: Vec<Job>) {
        if !self.healthy() {
            self.recover();
        }
        let written = if !self.healthy() {
            Err(io::Error::other("the disk failed, and has not recovered"))
        } else if self.shared.full() {
            self.shared.pressed.notify_one();
            Err(io::Error::new(io::ErrorKind::StorageFull, "the turn log is full, and checkpoints do not keep up"))
        } else {
            self.write(&batch)
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

    fn write(&mut self, batch: &[Job]) -> io::Result<()> {
        let began = Instant::now();
        let written = self.try_write(batch);
        let counters = &self.shared;
        match &written {
            Ok(()) => {
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
        written
    }

    fn try_write(&mut self, batch: &[Job]) -> io::Result<()> {
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
        let mut places = Vec::with_capacity(batch.len());
        for Job { record, .. } in batch {
            let offset = active.durable + bytes.len() as u64;
            let length = frame(bytes, record, active.number, offset);
            places.push(Place { segment: active.number, offset, length });
        }
        let end = active.durable + bytes.len() as u64;
        bytes.extend([0; FRAME]);
        let marked = end + FRAME as u64;
        if marked > active.reserved {
            active.reserved = marked + RESERVE.min(self.shared.segment_bytes());
            if active.file.reserve(active.reserved).is_err() {
                // A disk that is almost full needs every byte; whether the batch fits is seen next.
                active.file.cut(active.durable)?;
            }
        }
        active.file.write(active.durable, bytes)?;
        active.file.sync(Barrier::Logged)?;
        active.durable = end;
        let mut index = self.shared.index();
        index.segments.entry(active.number).or_default().bytes = active.durable;
        for (Job { record, .. }, place) in batch.iter().zip(places) {
            index.insert(record.session, record.revision, Kept::Logged(place));
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<Active> {
        let (number, folder) = (self.next, &self.shared.folder);
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
        let reserved = file.length()?;
        self.next = number + 1;
        self.shared.index().active = Some(number);
        self.shared.trim();
        Ok(Active { number, file, previous: spare.unwrap_or(number), durable: 0, reserved })
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
        const TRIAL_FILE: &str = "trial";
        if let Some(active) = &mut self.active {
            active.file.cut(active.durable)?;
            active.file.sync(Barrier::Cut)?;
            if active.durable == 0 {
                self.next = active.number;
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

/// Appends a record; the length of its body.
fn frame(bytes: &mut Vec<u8>, record: &Record, segment: u64, offset: u64) -> u32 {
    let begin = bytes.len();
    bytes.extend([0; FRAME]);
    bytes.extend(record.session.as_bytes());
    bytes.extend(record.revision.to_le_bytes());
    for line in [&record.line, &record.place] {
        bytes.extend(line);
        bytes.push(b'\n');
    }
    bytes.extend(&record.state);
    let body = begin + FRAME;
    // No longer than `LONGEST`.
    let length = (bytes.len() - body) as u32;
    let crc = checksum(segment, offset, &bytes[body..]);
    bytes[begin..begin + 4].copy_from_slice(MAGIC);
    bytes[begin + 4..begin + 8].copy_from_slice(&length.to_le_bytes());
    bytes[begin + 8..body].copy_from_slice(&crc.to_le_bytes());
    length
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

type Found = Vec<(Uuid, u64, Place)>;

/// Every record of a segment that can be read, and the stretches that cannot. A torn end is no damage: it is what a crash leaves
/// of turns nobody was told of.
fn scan(bytes: &[u8], segment: u64) -> (Found, Vec<Range<usize>>) {
    let magic = memmem::Finder::new(MAGIC);
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    let (mut good, previous) = match (header_version(bytes), header_numbers(bytes)) {
        (Some(1), _) => (FIRST_HEADER, None),
        (Some(_), Some([number, previous])) if number == segment => (HEADER, Some(previous)),
        // The file was to become this segment, and nothing was written to it yet.
        (Some(_), Some(_)) => return (found, damaged),
        _ => (0, None),
    };
    let mut at = good.max(FIRST_HEADER);
    while at < bytes.len() {
        if let Some(body) = record_at(bytes, at, segment, at as u64)
            && let (Ok(session), Ok(revision)) = (Uuid::from_slice(&body[..16]), body[16..TAG].try_into())
        {
            if good < at {
                damaged.push(good..at);
            }
            let place = Place { segment, offset: at as u64, length: body.len() as u32 };
            found.push((session, u64::from_le_bytes(revision), place));
            at += FRAME + body.len();
            good = at;
        } else {
            at = bytes.get(at + 1..).and_then(|rest| magic.find(rest)).map_or(bytes.len(), |next| at + 1 + next);
        }
    }
    if let Some(end) = written_to_its_end(bytes, good, previous) {
        damaged.push(good..end);
    }
    let unwritten = bytes.len() < HEADER || bytes.iter().take(HEADER).all(|byte| *byte == 0);
    if good == 0 && !unwritten {
        damaged.push(0..HEADER);
    }
    (found, damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(session: u128, revision: u64) -> Record {
        let line = format!("{{\"revision\":{revision}}}").into_bytes();
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
        scan(bytes, number).0.iter().map(|(_, _, place)| end(place)).collect()
    }

    fn revisions(bytes: &[u8], number: u64) -> Vec<u64> {
        scan(bytes, number).0.iter().map(|(_, revision, _)| *revision).collect()
    }

    #[test]
    fn a_torn_end_costs_what_was_torn_and_nothing_else() {
        let whole = segment(3, 5);
        let ends = ends(&whole, 3);
        for length in 0..=whole.len() {
            let expected = ends.iter().filter(|end| **end <= length).count() as u64;
            let (found, damaged) = scan(&whole[..length], 3);
            assert_eq!(found.len() as u64, expected, "cut at {length}");
            assert!(damaged.is_empty(), "cut at {length}: {damaged:?}");
        }
    }

    #[test]
    fn one_flipped_bit_costs_one_record() {
        let whole = segment(3, 5);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (found, damaged) = scan(&bytes, 3);
            let hit_header = bit / 8 < HEADER;
            assert_eq!(found.len(), if hit_header { 5 } else { 4 }, "bit {bit}");
            let last = !hit_header && found.iter().all(|(_, revision, _)| *revision != 5);
            // Damage to the frame of the last record cannot be told from a torn end.
            assert!(damaged.len() == 1 || (last && damaged.is_empty()), "bit {bit}: {damaged:?}");
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
                let (found, damaged) = scan(&bytes, 9);
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
            let found = scan(&bytes, 9).0.len();
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
            let (found, damaged) = scan(bytes, 9);
            (found.len(), damaged.len(), damaged.first().cloned())
        };
        for bit in (ends[2] - 40) * 8..ends[2] * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(seen(&bytes), (2, 1, Some(ends[1]..ends[2])), "bit {bit}");
            bytes[ends[1] - 9] ^= 1;
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
        let (found, damaged) = scan(&bytes, 3);
        assert_eq!((found.len(), damaged.len()), (3, 0));
    }

    #[test]
    fn a_record_counts_only_where_it_was_written() {
        let whole = segment(3, 2);
        assert_eq!(revisions(&whole, 3), [1, 2]);
        assert_eq!(revisions(&whole, 4), [0; 0]);
        let mut moved = header(3, 3).to_vec();
        moved.extend(&whole[scan(&whole, 3).0[1].2.offset as usize..]);
        assert_eq!(revisions(&moved, 3), [0; 0]);
    }
}
