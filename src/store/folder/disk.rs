//! The disk as the store sees it: one folder of flat files, with every point at which bytes must have reached the platter
//! named. Tests bring a disk of their own, which fails, is full, or forgets what was not synced.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

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
    /// What goes by a name now; none where nothing does.
    fn look(&self, name: &str) -> io::Result<Option<Look>>;
    /// What tells the file of a name from others; none where there is none.
    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>>;
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

/// A file as a name leads to it: another one of the same name is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What the system tells it from others by; always the same where it has nothing of the kind.
    pub id: (u64, u64),
    /// Bytes in it.
    pub length: u64,
}

/// What tells a file from those that stood by its name before: as long as it is the same, nobody has replaced it or written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its inode. Without the number of its device, which a container gets anew at each start; 0 where the system has nothing of the kind.
    pub number: u64,
    /// Bytes in it.
    pub length: u64,
    /// When it was written last: seconds since 1970, and nanoseconds.
    pub written: (u64, u32),
}

/// A file open for writing.
pub trait DiskFile: Debug + Send {
    /// The file, whatever has become of its name.
    fn look(&self) -> io::Result<Look>;
    /// Bytes in it.
    fn length(&self) -> io::Result<u64> {
        Ok(self.look()?.length)
    }
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
    /// Held, and with them the locks, as long as the folder is open.
    _locks: Vec<File>,
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
        let used = || io::Error::new(io::ErrorKind::WouldBlock, "another server uses this folder");
        // The folder itself, because a file in it can be removed, and the next server would lock another one of its name.
        if let Ok(folder) = File::open(&disk.path) {
            match folder.try_lock() {
                Ok(()) => disk._locks.push(folder),
                Err(TryLockError::WouldBlock) => return Err(used()),
                // Some file systems lock files only.
                Err(TryLockError::Error(_)) => {}
            }
        }
        let lock = private().append(true).create(true).open(disk.path.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => used(),
            TryLockError::Error(error) => error,
        })?;
        disk._locks.push(lock);
        Ok(disk)
    }

    fn existing(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.canonicalize()?, _locks: Vec::new() })
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

    fn look(&self, name: &str) -> io::Result<Option<Look>> {
        match look(At::Name(&self.path.join(name))) {
            Ok(look) => Ok(Some(look)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        let metadata = match fs::metadata(self.path.join(name)) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        let written = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let written = (written.as_secs(), written.subsec_nanos());
        Ok(Some(Stamp { number, length: metadata.len(), written }))
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
        let (from, to) = (self.path.join(from), self.path.join(to));
        match fs::read_link(&to) {
            Ok(_) => replace_target(&from, &to.canonicalize()?),
            Err(_) => fs::rename(from, to),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self, _: Barrier) -> io::Result<()> {
        // Other platforms do not open folders as files.
        if cfg!(unix) { File::open(&self.path)?.sync_all() } else { Ok(()) }
    }
}

/// Replaces what a symbolic link leads to, which may be on another disk, and leaves the link.
fn replace_target(from: &Path, target: &Path) -> io::Result<()> {
    let mut beside = target.as_os_str().to_owned();
    beside.push(".0.tmp");
    fs::copy(from, &beside)?;
    File::open(&beside)?.sync_all()?;
    fs::rename(&beside, target)?;
    if let Some(folder) = target.parent().filter(|_| cfg!(unix)) {
        File::open(folder)?.sync_all()?;
    }
    fs::remove_file(from)
}

/// What is looked at.
#[derive(Clone, Copy)]
enum At<'a> {
    Name(&'a Path),
    File(&'a File),
}

/// Does not ask when the file was written. Since Linux 6.13 that makes the next write note its time to the nanosecond, and syncing that
/// costs as much again as syncing what was written.
#[cfg(target_os = "linux")]
fn look(at: At<'_>) -> io::Result<Look> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
    use rustix::io::Errno;
    let wanted = StatxFlags::INO | StatxFlags::SIZE;
    let found = match at {
        At::Name(path) => statx(CWD, path, AtFlags::empty(), wanted),
        At::File(file) => statx(file, "", AtFlags::EMPTY_PATH, wanted),
    };
    match found {
        Ok(found) => {
            Ok(Look { id: (makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino), length: found.stx_size })
        }
        // Old containers do not let it through.
        Err(Errno::NOSYS | Errno::PERM) => look_by_metadata(at),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn look(at: At<'_>) -> io::Result<Look> {
    look_by_metadata(at)
}

fn look_by_metadata(at: At<'_>) -> io::Result<Look> {
    let metadata = match at {
        At::Name(path) => fs::metadata(path)?,
        At::File(file) => file.metadata()?,
    };
    #[cfg(unix)]
    let id = {
        use std::os::unix::fs::MetadataExt;
        (metadata.dev(), metadata.ino())
    };
    #[cfg(not(unix))]
    let id = (0, 0);
    Ok(Look { id, length: metadata.len() })
}

#[derive(Debug)]
struct LocalFile(File);

impl DiskFile for LocalFile {
    fn look(&self) -> io::Result<Look> {
        look(At::File(&self.0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_looks_the_same_by_its_name_and_open_and_as_its_metadata_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, b"some bytes").expect("it is written");
        let file = File::open(&path).expect("it is there");
        let by_name = look(At::Name(&path)).expect("it is there");
        assert_eq!(by_name.length, 10);
        assert_eq!(by_name, look(At::File(&file)).expect("it is open"));
        assert_eq!(by_name, look_by_metadata(At::Name(&path)).expect("it is there"));
        let gone = look(At::Name(&folder.path().join("other"))).expect_err("it is not there");
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }
}
