//! The ways in which the store writes: replaced whole, appended, removed; each durable once it has answered.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::{Barrier, Disk, DiskFile, Look};

/// What a half-written file is called until it is renamed: its name, a number, and this. Those left behind by a crash are removed at
/// the start.
const TEMPORARY: &str = ".tmp";
/// What a file is called that cannot be read; with a number where there is one already.
const ASIDE: &str = ".invalid";
/// Files of one name that are set aside. Each is a damage of its own, so there are hardly ever two.
const MOST_ASIDE: u32 = 100;

/// The store's folder.
#[derive(Debug)]
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    /// Names have changed since the folder was last synced. Held while it is synced, so that whoever comes then waits for it.
    unsettled: Mutex<bool>,
    temporary: AtomicU64,
}

impl Folder {
    /// Opens it, and removes what a crash left half written of files that are ours: nothing of others.
    pub(super) fn open(disk: Arc<dyn Disk>, ours: impl Fn(&str) -> bool) -> io::Result<Self> {
        let folder = Self { disk, unsettled: Mutex::new(true), temporary: AtomicU64::new(0) };
        for name in folder.disk.list()?.iter().filter(|name| replaced_by(name).is_some_and(&ours)) {
            if let Err(error) = folder.disk.remove(name) {
                tracing::warn!(file = name, %error, "what a crash left half written could not be removed");
            }
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

    /// Whether there is such a file.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.disk.exists(name)
    }

    /// What goes by a name now.
    pub(super) fn look(&self, name: &str) -> io::Result<Option<Look>> {
        self.disk.look(name)
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
        let numbered = (2..=MOST_ASIDE).map(|number| format!("{name}{ASIDE}.{number}"));
        let mut names = std::iter::once(format!("{name}{ASIDE}")).chain(numbered);
        let free = names.find(|name| !self.disk.exists(name));
        free.ok_or_else(|| io::Error::other(format!("{MOST_ASIDE} damaged files of the name {name} are kept already")))
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

/// The file that a half-written one was to replace, by its name.
fn replaced_by(name: &str) -> Option<&str> {
    let (name, number) = name.strip_suffix(TEMPORARY)?.rsplit_once('.')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}
