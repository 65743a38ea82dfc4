//! The one thread that writes the turn log: batches, segments begun and cut, turns written again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::disk::{Barrier, DiskFile, Look};
use super::index::{Entry, Job, QUEUE, Rejected, Segment, Shared, Task};
use super::segment::{FRAME, Place, Record, Rest, frame, header, segment_name};

/// Bytes that are reserved at a time: some hundred turns.
pub(super) const RESERVE: u64 = 256 << 10;
/// How often a disk that failed is tried again.
pub(super) const TRIAL: Duration = Duration::from_secs(1);
/// Segments that may be lost one after the other as soon as they are written, before turns are refused.
pub(super) const MAX_LOSSES: u32 = 3;
/// Bytes of turns that are written again at a time.
pub(super) const MAX_MOVED: usize = 4 << 20;

/// The thread that writes.
pub(super) struct Writer {
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

pub(super) struct Active {
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
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, active: None, buffer: Vec::new(), owed: false, losses: 0, hopeless: usize::MAX }
    }

    pub fn run(mut self, tasks: &mpsc::Receiver<Task>) {
        let mut looked = Instant::now();
        loop {
            match tasks.recv_timeout(TRIAL) {
                Ok(first) => {
                    let (mut batch, mut resting) = (Vec::new(), Vec::new());
                    for task in std::iter::once(first).chain(tasks.try_iter().take(QUEUE)) {
                        match task {
                            Task::Write(job) => batch.push(job),
                            Task::Rest(done) => resting.push(done),
                        }
                    }
                    if !batch.is_empty() {
                        self.serve(batch);
                    }
                    if !resting.is_empty() {
                        self.rest();
                    }
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

    fn rest(&mut self) {
        self.active = None;
        self.shared.index().active = None;
        self.shared.trim();
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
                self.shared.files.fail();
            }
        }
    }

    /// Whether a segment's name leads to its file, with so many bytes at least; if not, it is lost.
    fn is_there(&self, number: u64, bytes: u64, file: Option<(u64, u64)>) -> bool {
        let name = segment_name(number);
        let found = match self.shared.files.look(&name) {
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
            if bytes >= MAX_MOVED {
                self.move_to_the_end(&records)?;
                (records, bytes) = (Vec::new(), 0);
            }
        }
        self.move_to_the_end(&records)?;
        self.shared.trim();
        // What could not be written again, or not with its state, is safe in a checkpoint.
        self.shared.pressed.notify_one();
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
        self.shared.files.is_healthy()
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
            self.shared.files.fail();
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
                counters.files.fail();
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
        if self.losses > MAX_LOSSES {
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
        let (number, files) = (self.shared.next.load(Ordering::Relaxed), &self.shared.files);
        let name = segment_name(number);
        let spare = self.shared.index().spare.pop();
        let renamed = spare.map(|spare| files.rename(&segment_name(spare), &name));
        if let Some((spare, Err(error))) = spare.zip(renamed) {
            tracing::warn!(spare, %error, "a log segment could not be renamed; a new one does as well");
            self.shared.index().segments.insert(spare, Segment::default());
        }
        let file = files.open_file(&name)?;
        // What is written to it counts by that name only.
        files.settle(Barrier::Segment)?;
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
                self.shared.files.recover();
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
        let files = &self.shared.files;
        files.replace(TRIAL_FILE, &[0; 4096])?;
        files.remove_soon(TRIAL_FILE)
    }
}
