//! The folder as an engine: what the face asks, done where blocking is allowed.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::disk::Disk;
use super::files::at;
use super::opening::Found;
use super::settings::Settings;
use super::whole::Folder;
use crate::game::content::{Content, Files};
use crate::model::{
    Begun, BoardName, Checkpoint, Clock, Day, Entry, EventId, Header, Keys, Nonces, PlayerId, Save, SessionId, Step,
    Tombstone, Turn,
};
use crate::store::{
    All, Boards, Contents, Health, NewTurn, Opened, Result, Saves, Sessions, Store, StoreError, StoreReport, Then,
    Thing, Tokens,
};

/// A folder, and the runtime on whose threads it blocks.
struct Engine {
    folder: Arc<Folder>,
    runtime: Handle,
}

/// Opens a folder of this machine, and makes it if it is not there. Blocks. Call it inside a tokio runtime: its threads do the work.
pub fn open(path: &Path, settings: Settings) -> Result<Opened> {
    Ok(serve(Folder::open(path, settings)?))
}

/// Opens a disk in the same way. Damaged files are rebuilt or set aside, newer ones left alone; all of it is logged.
pub fn open_on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Opened> {
    Ok(serve(Folder::open_on(disk, settings)?))
}

fn serve((folder, found): (Folder, Found)) -> Opened {
    let Found { sessions, unread, tombstones, slots, boards, begun } = found;
    let store = Arc::new(Engine { folder: Arc::new(folder), runtime: Handle::current() });
    let unread = unread.into_iter().map(|(id, damaged)| (SessionId(id), damaged)).collect();
    let slots = slots.into_iter().map(|(player, number)| (PlayerId(player), number)).collect();
    Opened { store, sessions, unread, tombstones, slots, boards, begun }
}

impl Engine {
    /// Runs work to its end where blocking is allowed, whatever becomes of the caller.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Folder) -> Result<T> + Send + 'static) -> Result<T> {
        let folder = self.folder.clone();
        let done = self.runtime.spawn_blocking(move || work(&folder)).await;
        done.unwrap_or_else(|error| Err(at(".")(io::Error::other(error))))
    }
}

#[async_trait]
impl Sessions for Engine {
    async fn create(&self, first: Checkpoint) -> Result<()> {
        self.run(move |folder| folder.checkpoints.create(&first)).await
    }

    async fn discard(&self, id: SessionId) -> Result<()> {
        self.run(move |folder| folder.checkpoints.remove(id.0)).await
    }

    async fn read(&self, id: SessionId) -> Result<Option<Checkpoint>> {
        self.run(move |folder| folder.checkpoints.load(id.0)).await
    }

    async fn header(&self, id: SessionId) -> Result<Option<Header>> {
        self.run(move |folder| folder.checkpoints.header(id.0)).await
    }

    async fn stands_at(&self, id: SessionId, event: EventId) -> Result<bool> {
        // Nobody else writes here; what no checkpoint covers is all that could have come since.
        Ok(self.folder.log.revision(id.0).is_none_or(|revision| revision <= event.revision()))
    }

    fn append(&self, turn: NewTurn, then: Then) {
        self.folder.append(turn, then);
    }

    async fn save(&self, whole: Checkpoint) -> Result<()> {
        self.run(move |folder| folder.checkpoints.save(&whole, None)).await
    }

    async fn rename(&self, whole: Checkpoint) -> Result<()> {
        self.save(whole).await
    }

    async fn load(&self, before: EventId, whole: Checkpoint, load: Arc<Turn>) -> Result<bool> {
        if !self.stands_at(SessionId(whole.session_id), before).await? {
            return Ok(false);
        }
        self.run(move |folder| folder.checkpoints.save(&whole, Some(&load))).await?;
        Ok(true)
    }

    async fn put(&self, whole: Checkpoint, turns: Vec<Turn>) -> Result<()> {
        self.run(move |folder| folder.checkpoints.put(&whole, &turns)).await
    }

    async fn bury(&self, stone: Tombstone) -> Result<bool> {
        self.run(move |folder| folder.tombstones.bury(&stone)).await?;
        Ok(true)
    }

    async fn prune_tombstones(&self, now: Timestamp, standing: usize) -> Result<()> {
        self.run(move |folder| folder.tombstones.prune(now, standing)).await
    }

    async fn turns(&self, id: SessionId, after: u64, up_to: u64, most: usize) -> Result<Vec<Turn>> {
        self.run(move |folder| folder.histories.turns(id.0, after, up_to, most)).await
    }

    async fn lineage(&self, id: SessionId, revision: u64) -> Result<Vec<Step>> {
        self.run(move |folder| folder.histories.lineage(id.0, revision)).await
    }

    async fn history_bytes(&self, id: SessionId) -> Result<u64> {
        self.run(move |folder| folder.histories.bytes(id.0)).await
    }

    fn behind(&self) -> Vec<SessionId> {
        self.folder.log.uncovered().into_iter().map(SessionId).collect()
    }

    fn is_behind(&self, id: SessionId) -> bool {
        self.folder.log.holds(id.0)
    }

    fn is_overdue(&self, id: SessionId) -> bool {
        self.folder.log.overdue(id.0)
    }

    async fn catch_up(&self, id: SessionId) -> Result<()> {
        self.run(move |folder| folder.checkpoints.settle(id.0)).await
    }
}

#[async_trait]
impl Saves for Engine {
    async fn slot(&self, player: PlayerId, number: u8) -> Result<Option<Save>> {
        self.run(move |folder| folder.saves.read(player.0, number)).await
    }

    async fn write_slot(&self, player: PlayerId, number: u8, save: Arc<Save>) -> Result<()> {
        self.run(move |folder| folder.saves.put(player.0, number, &save)).await
    }

    async fn remove_slot(&self, player: PlayerId, number: u8) -> Result<()> {
        self.run(move |folder| folder.saves.remove(player.0, number)).await
    }
}

#[async_trait]
impl Boards for Engine {
    async fn board(&self, name: BoardName) -> Result<Vec<Entry>> {
        self.run(move |folder| folder.boards.board(name)).await
    }

    async fn entries_of(&self, name: BoardName, session: SessionId) -> Result<Vec<Entry>> {
        self.run(move |folder| folder.boards.entries_of(name, session.0)).await
    }

    async fn add_entry(&self, entry: Entry, standing: Vec<SessionId>, most: usize) -> Result<bool> {
        self.run(move |folder| folder.boards.add_entry(&entry, &standing, most)).await?;
        Ok(true)
    }

    async fn remove_boards(&self, names: Vec<BoardName>) -> Result<()> {
        self.run(move |folder| folder.boards.remove_boards(&names)).await
    }

    async fn begun(&self, day: Day) -> Result<Vec<Begun>> {
        self.run(move |folder| folder.boards.begun(day)).await
    }

    async fn add_begun(&self, day: Day, begun: Vec<Begun>) -> Result<Vec<Begun>> {
        self.run(move |folder| folder.boards.add_begun(day, &begun)).await?;
        Ok(Vec::new())
    }

    async fn remove_begun(&self, day: Day) -> Result<()> {
        self.run(move |folder| folder.boards.remove_begun(day)).await
    }
}

#[async_trait]
impl Tokens for Engine {
    async fn keys(&self, fresh: fn() -> [u8; 32]) -> Result<Keys> {
        self.run(move |folder| folder.keyring.keys(fresh)).await
    }

    async fn rotate_key(&self, fresh: fn() -> [u8; 32]) -> Result<()> {
        self.run(move |folder| folder.keyring.rotate_key(fresh)).await
    }

    async fn put_keys(&self, keys: Keys) -> Result<()> {
        self.run(move |folder| folder.keyring.put_keys(&keys)).await
    }

    async fn nonces(&self) -> Result<Vec<Nonces>> {
        self.run(|folder| folder.keyring.nonces()).await
    }

    async fn write_nonces(&self, changed: Vec<Nonces>, all: All<Nonces>) -> Result<()> {
        self.run(move |folder| folder.keyring.write_nonces(changed, all)).await
    }

    async fn prune_nonces(&self, _: Timestamp) -> Result<()> {
        // They go when the list is written anew.
        Ok(())
    }
}

#[async_trait]
impl Contents for Engine {
    async fn keep_content(&self, hash: String, files: Arc<Files>) -> Result<()> {
        self.run(move |folder| folder.contents.keep(&hash, &files)).await
    }

    async fn mend_content(&self, hash: String, files: Arc<Files>) -> Result<()> {
        self.run(move |folder| folder.contents.mend(&hash, &files)).await
    }

    async fn has_content(&self, hash: String) -> Result<bool> {
        self.run(move |folder| Ok(folder.contents.has(&hash))).await
    }

    async fn content(&self, hash: String) -> Result<Content> {
        self.run(move |folder| folder.contents.read(&hash)).await
    }

    async fn content_files(&self, hash: String) -> Result<Files> {
        self.run(move |folder| folder.contents.read_texts(&hash)).await
    }
}

#[async_trait]
impl Store for Engine {
    fn place(&self) -> String {
        self.folder.files.path().display().to_string()
    }

    fn health(&self) -> Health {
        let log = self.folder.log.report();
        match (log.healthy, log.exposed) {
            (false, _) => Health::Unavailable,
            (true, 0) => Health::Good,
            (true, _) => Health::Exposed,
        }
    }

    fn report(&self) -> StoreReport {
        self.folder.report()
    }

    async fn pressed(&self) {
        self.folder.log.pressed().await;
    }

    async fn reject(&self, what: Thing, problem: String) -> StoreError {
        let rejected = self.run(move |folder| -> Result<Infallible> { Err(folder.reject(what, &problem)) });
        match rejected.await {
            Err(error) => error,
        }
    }

    async fn clock(&self) -> Result<Option<Clock>> {
        self.run(|folder| folder.clock()).await
    }

    async fn close(&self) {
        let closed = self.run(|folder| {
            folder.log.rest();
            Ok(())
        });
        // It cannot fail, unless the runtime has ended: then there is nothing to close.
        drop(closed.await);
    }

    async fn write_clock(&self, clock: Clock) -> Result<()> {
        self.run(move |folder| folder.write_clock(&clock)).await
    }
}
