//! The files of the folder, and the ways in which they are written: replaced whole, appended, removed; each durable once it has answered.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk::{Barrier, Disk, DiskFile, Look, Stamp};
use super::names::{copy_of, thing};
use crate::model::format::{self, Kind, Unreadable};
use crate::store::error::StoreError;

/// What a half-written file is called until it is renamed: its name, a number, and this. Those left behind by a crash are removed at
/// the start.
const TEMPORARY: &str = ".tmp";
/// What a file is called that cannot be read; with a number where there is one already.
const ASIDE: &str = ".invalid";
/// Files of one name that are set aside. Each is a damage of its own, so there are hardly ever two.
const MAX_ASIDE: u32 = 100;
/// The most names that are remembered for `/stats`; the log has them all.
const MAX_REPORTS: usize = 100;

/// The store's folder.
#[derive(Debug)]
pub(super) struct Files {
    disk: Arc<dyn Disk>,
    /// Names have changed since the folder was last synced. Held while it is synced, so that the next caller waits for it.
    unsettled: Mutex<bool>,
    temporary: AtomicU64,
    /// Whether the disk takes what is written; if not, no turn is taken until a trial has gone well.
    healthy: AtomicBool,
    /// Names of files that were found damaged since the start.
    reports: Mutex<Vec<String>>,
    pub counts: Counts,
}

/// What has been counted since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub mended: AtomicU64,
    pub rebuilt: AtomicU64,
    pub damaged: AtomicU64,
    pub unread: AtomicU64,
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

impl Files {
    /// As they are; see [`Self::tidy`].
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            unsettled: Mutex::new(true),
            temporary: AtomicU64::new(0),
            healthy: AtomicBool::new(true),
            reports: Mutex::default(),
            counts: Counts::default(),
        }
    }

    /// Removes what a crash left half written of files that are ours: nothing of others. The names of the other files, in order.
    pub(super) fn tidy(&self, ours: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
        let mut names = self.list()?;
        for name in names.extract_if(.., |name| replaced_by(name).is_some_and(&ours)) {
            if let Err(error) = self.disk.remove(&name) {
                tracing::warn!(file = name, %error, "what a crash left half written could not be removed");
            }
        }
        self.settle(Barrier::Opened)?;
        Ok(names)
    }

    pub(super) fn path(&self) -> &Path {
        self.disk.path()
    }

    /// The names of the files, in order.
    pub(super) fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.disk.list()?;
        names.sort_unstable();
        Ok(names)
    }

    /// The bytes of a file; none where there is no file.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(name)
    }

    /// Whether there is such a file.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.disk.exists(name)
    }

    /// What goes by a name now.
    pub(super) fn look(&self, name: &str) -> io::Result<Option<Look>> {
        self.disk.look(name)
    }

    /// What tells the file of a name from others.
    pub(super) fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        self.disk.stamp(name)
    }

    /// The end of a file, of so many bytes at the most; nothing where there is no file.
    pub(super) fn tail(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let Some(Look { length, .. }) = self.disk.look(name)? else { return Ok(Vec::new()) };
        let length_read = length.min(most);
        let mut read = self.disk.read_at(name, &[(length - length_read, length_read as usize)])?;
        Ok(read.pop().unwrap_or_default())
    }

    /// Stretches of a file: offset and length of each.
    pub(super) fn read_at(&self, name: &str, stretches: &[(u64, usize)]) -> io::Result<Vec<Vec<u8>>> {
        self.disk.read_at(name, stretches)
    }

    /// Opens a file to write to. Its name may not be on the platter before the next [`Self::settle`].
    pub(super) fn open_file(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let new = !self.disk.exists(name);
        let file = self.disk.open(name)?;
        if new {
            self.unsettle();
        }
        Ok(file)
    }

    /// Replaces a file whole: written beside, synced, renamed, the folder synced.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // Two may replace the same file at once.
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let beside = format!("{name}.{number}{TEMPORARY}");
        let written = self.write_beside(&beside, bytes).and_then(|()| self.disk.rename(&beside, name));
        if written.is_err() {
            // A full disk needs every byte. What cannot be removed now is removed at the next start.
            drop(self.disk.remove(&beside));
        }
        self.unsettle();
        written?;
        self.settle(Barrier::Renamed)
    }

    fn write_beside(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.disk.open(name)?;
        file.write(0, bytes)?;
        file.sync(Barrier::Written)
    }

    /// Appends to a file and syncs it, and the folder where the file is new.
    pub(super) fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.append_soon(name, bytes)?;
        self.settle(Barrier::Created)
    }

    /// Appends to a file and syncs it. A new one may not be in the folder before the next [`Self::settle`].
    pub(super) fn append_soon(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.open_file(name)?;
        let before = file.length()?;
        let written = file.write(before, bytes).and_then(|()| file.sync(Barrier::Appended));
        if written.is_err() && !bytes.is_empty() {
            // So that a disk that stays full is not filled further by every try. Readers pass over what remains.
            drop(file.cut(before));
        }
        written
    }

    /// Removes files; those that are not there are removed already.
    pub(super) fn remove(&self, names: &[String]) -> io::Result<()> {
        for name in names {
            self.remove_soon(name)?;
        }
        self.settle(Barrier::Removed)
    }

    /// Removes a file that does no harm should it come back after a power cut.
    pub(super) fn remove_soon(&self, name: &str) -> io::Result<()> {
        let removed = self.disk.remove(name);
        self.unsettle();
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Renames a file out of the way, as `name.invalid`; what it is called then. Should it come back after a power cut, it is set
    /// aside again.
    pub(super) fn set_aside(&self, name: &str) -> io::Result<String> {
        let aside = self.aside(name)?;
        self.rename(name, &aside)?;
        Ok(aside)
    }

    /// Keeps what a file holds beside it, as `name.invalid`, before the file is replaced.
    pub(super) fn keep_aside(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.replace(&self.aside(name)?, bytes)
    }

    /// A name that nothing has yet.
    fn aside(&self, name: &str) -> io::Result<String> {
        let numbered = (2..=MAX_ASIDE).map(|number| format!("{name}{ASIDE}.{number}"));
        let mut names = std::iter::once(format!("{name}{ASIDE}")).chain(numbered);
        let free = names.find(|name| !self.disk.exists(name));
        free.ok_or_else(|| io::Error::other(format!("{MAX_ASIDE} damaged files of the name {name} are kept already")))
    }

    /// Renames a file. It may go by its old name before the next [`Self::settle`].
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let renamed = self.disk.rename(from, to);
        self.unsettle();
        renamed
    }

    /// To be called after the change: before it, another's sync could come in between and miss it.
    fn unsettle(&self) {
        *self.unsettled.lock() = true;
    }

    /// Waits until the names in the folder are on the platter, if any has changed.
    pub(super) fn settle(&self, barrier: Barrier) -> io::Result<()> {
        let mut unsettled = self.unsettled.lock();
        if *unsettled {
            self.disk.sync(barrier)?;
            *unsettled = false;
        }
        Ok(())
    }

    /// Remembers the name of a damaged file.
    pub fn tell(&self, name: &str) {
        let mut names = self.reports.lock();
        if names.len() < MAX_REPORTS && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }

    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// The disk has failed.
    pub fn fail(&self) {
        self.healthy.store(false, Ordering::Relaxed);
    }

    /// The disk takes what is written again.
    pub fn recover(&self) {
        self.healthy.store(true, Ordering::Relaxed);
    }

    /// The files found damaged since the start, mended or not, up to a hundred.
    pub fn reported(&self) -> Vec<String> {
        self.reports.lock().clone()
    }

    /// Figures for reports.
    pub fn report(&self) -> StoreReport {
        let Counts { mended, rebuilt, damaged, unread } = &self.counts;
        let [mended, rebuilt, damaged, unread] =
            [mended, rebuilt, damaged, unread].map(|count| count.load(Ordering::Relaxed));
        StoreReport { mended, rebuilt, damaged, unread }
    }

    pub fn reject(&self, name: &str, problem: &str) -> StoreError {
        let moved = self.set_aside(name);
        tracing::error!(file = name, problem, ?moved, "a damaged file is set aside");
        self.count(&self.counts.damaged, name);
        StoreError::Damaged { what: thing(name), problem: problem.to_owned() }
    }

    pub fn count(&self, counter: &AtomicU64, name: &str) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.tell(name);
    }

    /// The system says no, now: that is no damage.
    pub fn unread(&self, name: &str, error: io::Error) -> StoreError {
        tracing::error!(file = name, %error, "a file cannot be read now");
        self.counts.unread.fetch_add(1, Ordering::Relaxed);
        at(name)(error)
    }

    /// Lines as they stand in a file, without their line feeds.
    pub fn lines(&self, name: &str, values: &[impl Serialize]) -> Result<Vec<Vec<u8>>, StoreError> {
        values.iter().map(|value| format::line(value).map_err(|error| at(name)(error.into()))).collect()
    }

    /// Appends lines to a file.
    pub fn append_lines(&self, name: &str, values: &[impl Serialize]) -> Result<(), StoreError> {
        // A line feed first: should the last append have been torn, this one begins on a line of its own.
        let bytes = [b"\n".to_vec(), joined(&self.lines(name, values)?)].concat();
        self.append(name, &bytes).map_err(|error| self.failed(name, error))
    }

    /// Writes a file.
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let bytes = format::file(value).map_err(|error| at(name)(error.into()))?;
        self.replace(name, &bytes).map_err(|error| self.failed(name, error))
    }

    /// Writes a file and its copy.
    pub fn write_twice(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let bytes = format::file(value).map_err(|error| at(name)(error.into()))?;
        self.write_bytes_twice(name, &bytes)
    }

    /// The same of what is bytes already.
    pub fn write_bytes_twice(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        [name, &copy_of(name)]
            .iter()
            .try_for_each(|name| self.replace(name, bytes).map_err(|error| self.failed(name, error)))
    }

    /// Reads a file of which there is a copy; none where there is neither. The one that is damaged or missing is written anew.
    pub fn read_twice<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<Option<T>, StoreError> {
        let (mut problem, mut unread) = (None, None);
        for (at, file) in [name, &copy_of(name)].into_iter().enumerate() {
            let bytes = match self.read(file) {
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
                Err(StoreError::Damaged { what: thing(name), problem })
            }
            (None, None) => Ok(None),
        }
    }

    /// Writes a file and its copy anew from what could be read of one; what is damaged is kept.
    pub fn renew(&self, name: &str, good: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let bytes = format::mended(bytes).unwrap_or_else(|| bytes.to_vec());
        tracing::warn!(file = name, from = good, "a file was damaged or missing, and is written anew");
        self.count(&self.counts.mended, name);
        if let Some(damaged) = self.read(name).map_err(|error| self.unread(name, error))? {
            self.keep_aside(name, &damaged).map_err(|error| self.failed(name, error))?;
        }
        self.write_bytes_twice(name, &bytes)
    }

    pub fn failed(&self, name: &str, error: io::Error) -> StoreError {
        tracing::error!(file = name, %error, "a file could not be written");
        // What is wrong with one file says nothing of the disk.
        let of_file = matches!(
            error.kind(),
            io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound
        );
        if !of_file {
            self.fail();
        }
        at(name)(error)
    }

    /// The objects in a file of lines, and the lines that cannot be read, which are reported.
    pub fn lines_of<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<(Vec<T>, Vec<Vec<u8>>), StoreError> {
        let bytes = self.read(name).map_err(|error| self.unread(name, error))?.unwrap_or_default();
        Ok(self.parse_lines(kind, name, &bytes))
    }

    /// Rewrites a file of lines. What cannot be read of it is kept as it stands.
    pub fn rewrite_lines(&self, name: &str, all: &[impl Serialize], unread: &[Vec<u8>]) -> Result<(), StoreError> {
        let lines: Vec<_> = unread.iter().cloned().chain(self.lines(name, all)?).collect();
        self.replace(name, &joined(&lines)).map_err(|error| self.failed(name, error))
    }

    /// The objects in lines. Those that cannot be read are reported.
    pub fn parse_lines<T: DeserializeOwned>(&self, kind: Kind, name: &str, bytes: &[u8]) -> (Vec<T>, Vec<Vec<u8>>) {
        let (mut read, mut unread) = (Vec::new(), Vec::new());
        for line in format::lines(bytes) {
            match format::read_mended(kind, &line) {
                Ok((object, mended)) => {
                    read.push(object);
                    if mended {
                        self.count(&self.counts.mended, name);
                    }
                }
                Err(error) => {
                    tracing::warn!(file = name, %error, "a line is passed over");
                    self.count(&self.counts.damaged, name);
                    unread.push(line.into_owned());
                }
            }
        }
        (read, unread)
    }
}

/// Whether a file of lines, one for each change, is to be written anew: it has more than twice as many as there are that count, and a
/// hundred, because to write it costs more than a few lines do.
pub(super) fn is_stale(lines: usize, count: usize) -> bool {
    lines > 2 * count + 100
}

/// The file that a half-written one was to replace, by its name.
fn replaced_by(name: &str) -> Option<&str> {
    let (name, number) = name.strip_suffix(TEMPORARY)?.rsplit_once('.')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

pub(super) fn at(file: &str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Unavailable { what: thing(file), source }
}

pub(super) fn unreadable(name: &str, error: Unreadable) -> StoreError {
    match error {
        Unreadable::Newer(version) => StoreError::Newer { what: thing(name), version },
        Unreadable::Damaged(problem) => StoreError::Damaged { what: thing(name), problem },
    }
}

pub(super) fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}
