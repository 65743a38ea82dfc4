//! The disk as the store sees it: one folder of flat files, with every point at which bytes must have reached the platter
//! named. Tests bring a disk of their own, which fails, is full, or forgets what was not synced.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A point at which the store waits for the disk. Each is needed: `tests/it/power.rs` takes them out one by one, and loses
/// something each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The folder, when the server starts: a killed server may have renamed a file without waiting.
    Opened,
    /// A log segment found at the start: a killed server may have written turns without waiting.
    Recovered,
    /// A batch of turns in the log.
    Logged,
    /// The folder, before the first turn of a new log segment.
    Segment,
    /// A log segment that was cut after a failed write.
    Cut,
    /// Lines appended to a history or to the tombstones.
    Appended,
    /// The folder, after the first such lines.
    Created,
    /// A file written beside the one it is to replace.
    Written,
    /// The folder, after a file was renamed over another.
    Renamed,
    /// The folder, after files were removed.
    Removed,
}

impl Barrier {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Opened,
        Self::Recovered,
        Self::Logged,
        Self::Segment,
        Self::Cut,
        Self::Appended,
        Self::Created,
        Self::Written,
        Self::Renamed,
        Self::Removed,
    ];
}

/// A folder of flat files. Names are made by the store, never by a client. Nothing waits for the platter but `sync`.
pub trait Disk: Debug + Send + Sync {
    /// Where it is, for reports.
    fn path(&self) -> &Path;
    /// The names of the files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// The bytes of a file; none where there is no file.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Whether there is such a file.
    fn exists(&self, name: &str) -> bool;
    /// Bytes of a file; none where there is no file.
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.read(name)?.map(|bytes| bytes.len() as u64))
    }
    /// Stretches of a file: offset and length of each.
    fn read_at(&self, name: &str, stretches: &[(u64, usize)]) -> io::Result<Vec<Vec<u8>>>;
    /// A file to write to, which nobody else has open; made if it is not there.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Renames a file, over another if there is one.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Waits until the names in the folder are on the platter.
    fn sync(&self, barrier: Barrier) -> io::Result<()>;
}

/// Writes a file that is no part of a store, and makes its folder.
pub(super) fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}

/// A file open for writing.
pub trait DiskFile: Debug + Send {
    /// Bytes in it.
    fn length(&self) -> io::Result<u64>;
    /// Writes from a place on, no later than its end; on failure some of the bytes may be there.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes it so long with zeros, so that to sync what is written there later needs no change of its length.
    fn reserve(&mut self, length: u64) -> io::Result<()>;
    /// Shortens it.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Waits until its bytes are on the platter.
    fn sync(&mut self, barrier: Barrier) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug)]
pub struct LocalDisk {
    path: PathBuf,
    /// Held, and with it the lock, as long as the folder is open.
    _lock: Option<File>,
}

impl LocalDisk {
    /// Opens a folder for one server alone, and makes it if it is not there. Only its owner may look in.
    ///
    /// The error is of kind `WouldBlock` when another server has it open.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)?;
        let mut disk = Self::existing(path)?;
        let lock = private().append(true).create(true).open(disk.path.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(io::ErrorKind::WouldBlock, "another server uses this folder"),
            TryLockError::Error(error) => error,
        })?;
        disk._lock = Some(lock);
        Ok(disk)
    }

    /// Opens a folder for files that anybody may read, and makes it if it is not there.
    pub fn made(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).create(path)?;
        Self::existing(path)
    }

    /// Writes a file that can be written again.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.path.join(name), bytes)
    }

    /// Opens a folder that must be there, only to read.
    pub fn existing(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.canonicalize()?, _lock: None })
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Disk for LocalDisk {
    fn path(&self) -> &Path {
        &self.path
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is not UTF-8 was not written by us.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn exists(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.path.join(name)) {
            Ok(file) => Ok(Some(file.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_at(&self, name: &str, stretches: &[(u64, usize)]) -> io::Result<Vec<Vec<u8>>> {
        let mut file = File::open(self.path.join(name))?;
        let read = stretches.iter().map(|(offset, length)| {
            file.seek(SeekFrom::Start(*offset))?;
            let mut bytes = vec![0; *length];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        });
        read.collect()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = private().write(true).create(true).truncate(false).open(self.path.join(name))?;
        Ok(Box::new(LocalFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self, _: Barrier) -> io::Result<()> {
        // Other platforms do not open folders as files.
        if cfg!(unix) { File::open(&self.path)?.sync_all() } else { Ok(()) }
    }
}

#[derive(Debug)]
struct LocalFile(File);

impl DiskFile for LocalFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(at))?;
        self.0.write_all(bytes)
    }

    fn reserve(&mut self, length: u64) -> io::Result<()> {
        let there = self.0.seek(SeekFrom::End(0))?;
        // In one go: this is a fraction of a megabyte.
        self.0.write_all(&vec![0; length.saturating_sub(there) as usize])
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&mut self, _: Barrier) -> io::Result<()> {
        // The length is part of what it takes to read the data back, so fdatasync writes it too.
        self.0.sync_data()
    }
}
