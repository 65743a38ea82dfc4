//! A disk in memory that tests can make fail, fill, stop at any operation, and cut the power of: then it has only what was
//! synced, or some of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cosmic_explorer::game::rng::{Dice, Draws, Stream};
use cosmic_explorer::store::folder::disk::{Barrier, Disk, DiskFile, Look, Stamp};

/// What changes a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    Open,
    Write,
    Cut,
    Rename,
    Remove,
    Sync,
    SyncFolder,
}

/// How an operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done.
    Refused,
    /// It is done, by half where it can be, and on the platter; yet an error is returned.
    Lied,
}

/// Decides of each operation, by its kind and number, whether it fails.
pub type Plan = Box<dyn FnMut(Op, u64) -> Option<Fault> + Send>;

/// Whether a file, by its name, is one of those that cannot be opened.
pub type Denied = Box<dyn Fn(&str) -> bool + Send>;

#[derive(Clone, Default)]
struct Inode {
    /// As programs see it.
    bytes: Vec<u8>,
    /// As the platter has it.
    synced: Vec<u8>,
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// Operations so far.
    count: u64,
    /// The process dies before this one.
    stop: Option<u64>,
    /// A sync that does nothing.
    skip: Option<Barrier>,
    plan: Option<Plan>,
    /// Files that cannot be opened, and the system's error number for it.
    denied: Option<(Denied, i32)>,
    /// Bytes that fit.
    capacity: Option<usize>,
}

/// How much outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process was killed: all it wrote is there.
    Killed,
    /// The power failed: only what was synced is there.
    PowerCut,
    /// The power failed: what was synced is there, and of the rest what chance left.
    Torn(u64),
}

/// The disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

impl std::fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimDisk")
    }
}

fn gone() -> io::Error {
    io::Error::other("the process is dead")
}

impl State {
    fn admit(&self, name: &str) -> io::Result<()> {
        match &self.denied {
            Some((denied, error)) if denied(name) => Err(io::Error::from_raw_os_error(*error)),
            _ => Ok(()),
        }
    }

    /// Counts an operation, and fails it if it is to fail. True: it is done, and yet told as an error.
    fn step(&mut self, op: Op) -> io::Result<bool> {
        let number = self.count;
        self.count += 1;
        if self.stop.is_some_and(|stop| number >= stop) {
            return Err(gone());
        }
        match self.plan.as_mut().and_then(|plan| plan(op, number)) {
            Some(Fault::Refused) => Err(io::Error::other(format!("{op:?} was made to fail"))),
            Some(Fault::Lied) => Ok(true),
            None => Ok(false),
        }
    }

    /// Writes over a file from a place on, as much as fits.
    fn put(&mut self, inode: usize, at: usize, bytes: &[u8]) -> usize {
        let room = self.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(self.used()));
        let file = &mut self.inodes[inode].bytes;
        let fits = bytes.len().min((file.len() - at).saturating_add(room));
        file.resize(file.len().max(at + fits), 0);
        file[at..at + fits].copy_from_slice(&bytes[..fits]);
        fits
    }

    fn used(&self) -> usize {
        let linked: BTreeSet<_> = self.names.values().collect();
        linked.iter().map(|inode| self.inodes[**inode].bytes.len()).sum()
    }
}

fn told(lied: bool) -> io::Result<()> {
    if lied { Err(io::Error::other("it was done, and told as an error")) } else { Ok(()) }
}

impl SimDisk {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations so far.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// Lets the process die before an operation.
    pub fn stop_at(&self, op: u64) {
        self.state().stop = Some(op);
    }

    /// Takes a sync out.
    pub fn without(&self, barrier: Option<Barrier>) {
        self.state().skip = barrier;
    }

    /// Makes operations fail, or none any more.
    pub fn plan(&self, plan: Option<Plan>) {
        self.state().plan = plan;
    }

    /// Lets no file be opened that is denied, or any again.
    pub fn deny(&self, denied: Option<(Denied, i32)>) {
        self.state().denied = denied;
    }

    /// Takes a file away behind everybody's back; what was in it.
    pub fn take(&self, name: &str) -> Vec<u8> {
        let mut state = self.state();
        let inode = state.names.remove(name).expect("a file");
        state.synced_names.remove(name);
        state.inodes[inode].bytes.clone()
    }

    /// Puts a file there behind everybody's back, in the place of another if there is one.
    pub fn put_back(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        state.inodes.push(on_platter(bytes));
        let inode = state.inodes.len() - 1;
        state.names.insert(name.to_owned(), inode);
        state.synced_names.insert(name.to_owned(), inode);
    }

    /// Leaves room for so many bytes more, or for any number.
    pub fn room(&self, bytes: Option<usize>) {
        let mut state = self.state();
        state.capacity = bytes.map(|bytes| state.used() + bytes);
    }

    /// The disk as the next process finds it.
    pub fn after(&self, end: End) -> Self {
        let state = self.state();
        let mut next = State { skip: state.skip, ..State::default() };
        match end {
            End::Killed => {
                next.inodes.clone_from(&state.inodes);
                next.names.clone_from(&state.names);
                next.synced_names.clone_from(&state.synced_names);
            }
            End::PowerCut => {
                next.inodes = state.inodes.iter().map(|inode| on_platter(inode.synced.clone())).collect();
                next.names.clone_from(&state.synced_names);
                next.synced_names.clone_from(&state.synced_names);
            }
            End::Torn(seed) => {
                let mut dice = Dice::new(seed);
                let mut draws = dice.stream(Stream::Events);
                next.inodes = state.inodes.iter().map(|inode| on_platter(torn(inode, &mut draws))).collect();
                let all: BTreeSet<_> = state.names.keys().chain(state.synced_names.keys()).collect();
                for name in all {
                    let from = if draws.chance(0.5) { &state.names } else { &state.synced_names };
                    if let Some(inode) = from.get(name) {
                        next.names.insert(name.clone(), *inode);
                    }
                }
                next.synced_names.clone_from(&next.names);
            }
        }
        Self(Arc::new(Mutex::new(next)))
    }

    /// Changes a file behind everybody's back, on the platter too.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let inode = state.names[name];
        let inode = &mut state.inodes[inode];
        change(&mut inode.bytes);
        inode.synced.clone_from(&inode.bytes);
    }

    /// Bytes of a file.
    pub fn size(&self, name: &str) -> usize {
        let state = self.state();
        state.names.get(name).map_or(0, |inode| state.inodes[*inode].bytes.len())
    }

    /// The names of the files.
    pub fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }
}

fn on_platter(bytes: Vec<u8>) -> Inode {
    Inode { synced: bytes.clone(), bytes }
}

/// What was synced, and what was written since up to some byte.
fn torn(inode: &Inode, draws: &mut Draws<'_>) -> Vec<u8> {
    let Inode { bytes, synced } = inode;
    let same = bytes.iter().zip(synced).take_while(|(a, b)| a == b).count();
    let up_to = same + draws.below((bytes.len() - same) as u64 + 1) as usize;
    let behind = synced.get(up_to..).unwrap_or_default();
    [&bytes[..up_to], behind].concat()
}

impl Disk for SimDisk {
    fn path(&self) -> &Path {
        Path::new("/simulated")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let state = self.state();
        if state.names.contains_key(name) {
            state.admit(name)?;
        }
        Ok(state.names.get(name).map(|inode| state.inodes[*inode].bytes.clone()))
    }

    fn exists(&self, name: &str) -> bool {
        self.state().names.contains_key(name)
    }

    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        let state = self.state();
        let Some(inode) = state.names.get(name) else { return Ok(None) };
        let bytes = &state.inodes[*inode].bytes;
        // No two states of a file have the same time here.
        let mut hash = DefaultHasher::new();
        hash.write(bytes);
        Ok(Some(Stamp { number: 0, length: bytes.len() as u64, written: (hash.finish(), 0) }))
    }

    fn look(&self, name: &str) -> io::Result<Option<Look>> {
        let state = self.state();
        let look = |inode: &usize| Look { id: (0, *inode as u64), length: state.inodes[*inode].bytes.len() as u64 };
        Ok(state.names.get(name).map(look))
    }

    fn read_at(&self, name: &str, stretches: &[(u64, usize)]) -> io::Result<Vec<Vec<u8>>> {
        let bytes = self.read(name)?.ok_or(io::ErrorKind::NotFound)?;
        let read = stretches.iter().map(|(offset, length)| {
            let begin = usize::try_from(*offset).expect("a small file");
            Ok(bytes.get(begin..begin + length).ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())
        });
        read.collect()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        if state.names.contains_key(name) {
            state.admit(name)?;
        }
        let lied = state.step(Op::Open)?;
        let inode = match state.names.get(name) {
            Some(inode) => *inode,
            None => {
                state.inodes.push(Inode::default());
                let inode = state.inodes.len() - 1;
                state.names.insert(name.to_owned(), inode);
                inode
            }
        };
        told(lied)?;
        Ok(Box::new(SimFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let lied = state.step(Op::Rename)?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        told(lied)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let lied = state.step(Op::Remove)?;
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        told(lied)
    }

    fn sync(&self, barrier: Barrier) -> io::Result<()> {
        let mut state = self.state();
        let lied = state.step(Op::SyncFolder)?;
        if state.skip != Some(barrier) {
            state.synced_names = state.names.clone();
        }
        told(lied)
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: usize,
}

impl DiskFile for SimFile {
    fn look(&self) -> io::Result<Look> {
        let length = self.disk.state().inodes[self.inode].bytes.len() as u64;
        Ok(Look { id: (0, self.inode as u64), length })
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let lied = state.step(Op::Write)?;
        // The kernel may have flushed what it has so far, asked or not; a lie is the worst case of that.
        let wanted = if lied { &bytes[..bytes.len() / 2] } else { bytes };
        let fits = state.put(self.inode, usize::try_from(at).expect("a small file"), wanted);
        if lied {
            let inode = &mut state.inodes[self.inode];
            inode.synced.clone_from(&inode.bytes);
            return told(true);
        }
        if fits < bytes.len() {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
        }
        Ok(())
    }

    fn reserve(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let lied = state.step(Op::Write)?;
        let there = state.inodes[self.inode].bytes.len();
        let zeros = vec![0; usize::try_from(length).expect("a small file").saturating_sub(there)];
        if state.put(self.inode, there, &zeros) < zeros.len() {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
        }
        told(lied)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let lied = state.step(Op::Cut)?;
        state.inodes[self.inode].bytes.truncate(usize::try_from(length).expect("a small file"));
        told(lied)
    }

    fn sync(&mut self, barrier: Barrier) -> io::Result<()> {
        let mut state = self.disk.state();
        let lied = state.step(Op::Sync)?;
        if state.skip != Some(barrier) {
            let inode = &mut state.inodes[self.inode];
            inode.synced.clone_from(&inode.bytes);
        }
        told(lied)
    }
}
