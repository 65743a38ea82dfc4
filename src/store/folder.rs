//! The ways in which the store writes: replaced whole, appended, removed; each durable once it has answered.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::{Barrier, Disk, DiskFile};

/// What a half-written file is called until it is renamed; those left behind by a crash are removed at the start.
const TEMPORARY: &str = ".tmp";

/// The store's folder.
#[derive(Debug)]
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    /// Names have changed since the folder was last synced. Held while it is synced, so that whoever comes then waits for it.
    unsettled: Mutex<bool>,
    temporary: AtomicU64,
}

impl Folder {
    /// Opens it, and removes what a crash left half written.
    pub(super) fn open(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let folder = Self { disk, unsettled: Mutex::new(true), temporary: AtomicU64::new(0) };
        for name in folder.disk.list()?.iter().filter(|name| name.ends_with(TEMPORARY)) {
            folder.disk.remove(name)?;
        }
        folder.settle(Barrier::Opened)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        self.disk.path()
    }

    /// The names of the files, in order.
    pub(super) fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.disk.list()?;
        names.sort();
        Ok(names)
    }

    /// The bytes of a file; none where there is no file.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(name)
    }

    /// The bytes in a file; none where there is no file.
    pub(super) fn length(&self, name: &str) -> io::Result<Option<u64>> {
        self.disk.length(name)
    }

    /// Whether there is such a file.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.disk.exists(name)
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
        let mut file = self.open_file(name)?;
        let before = file.length()?;
        let written = file.write(before, bytes).and_then(|()| file.sync(Barrier::Appended));
        if written.is_err() {
            // So that a disk that stays full is not filled further by every try. Readers pass over what remains.
            drop(file.cut(before));
        }
        written?;
        self.settle(Barrier::Created)
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

    /// Renames a file out of the way, as `name.invalid`. Should it come back after a power cut, it is set aside again.
    pub(super) fn set_aside(&self, name: &str) -> io::Result<()> {
        self.rename(name, &format!("{name}.invalid"))
    }

    /// Renames a file. It may go by its old name before the next [`Self::settle`].
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let renamed = self.disk.rename(from, to);
        self.unsettle();
        renamed
    }

    /// To be called after the change: before it, another's sync could come in between and miss it.
    fn unsettle(&self) {
        *self.unsettled.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Waits until the names in the folder are on the platter, if any has changed.
    pub(super) fn settle(&self, barrier: Barrier) -> io::Result<()> {
        let mut unsettled = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        if *unsettled {
            self.disk.sync(barrier)?;
            *unsettled = false;
        }
        Ok(())
    }
}
