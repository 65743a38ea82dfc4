//! A store that is one folder of files. All calls block but [`Store::append`], which calls back; the caller decides on which thread.
//!
//! | file | what |
//! | --- | --- |
//! | `session_{id}.json` | the checkpoint of a session, [`crate::model::Checkpoint`], replaced whole |
//! | `session_{id}.turns.jsonl` | its history, a [`crate::model::Turn`] a line and [`crate::model::Heading`]s between, appended before the checkpoint is replaced; `….turns.2.jsonl` and on where that could not be |
//! | `turns_{number}.log` | the turn log ([`log`]): the turns that no checkpoint covers yet, of all sessions |
//! | `turns.json` | which segments of the turn log are needed |
//! | `slot_{player}_{n}.json` and `….copy.json` | a player's save, [`Save`], replaced whole, twice |
//! | `content_{hash}.json` and `….copy.json` | the texts of the content files that games began with, twice |
//! | `tombstones.jsonl` | sessions that are gone for good, a [`crate::model::Tombstone`] a line |
//! | `tokens.jsonl`, `tokens.copy.jsonl` | which tokens of a player count, [`crate::model::Nonces`] a line, from a rotation or a logout on; the last one holds |
//! | `leaderboard_{date}_{difficulty}.jsonl` | the board of a daily challenge, a [`Entry`] a line; of a player, the first good one counts |
//! | `challenge_{date}.jsonl` | who has begun a day's challenge, a [`crate::model::Begun`] a line |
//! | `clock.json` | what the server makes of its clock, [`crate::model::Clock`], replaced whole |
//! | `keys.json`, `keys.copy.json` | the keys of tokens and challenges, twice: without them nobody gets at his games |
//! | `lock` | held by the server that uses the folder |
//!
//! A game is as safe as its second copy. Where one bit of anything was flipped, its checksum tells which. A checkpoint that is damaged
//! or missing is rebuilt: the history, with the log, is the game, and is played again. What is damaged is kept as `*.invalid` and
//! reported; it hurts nobody else. What cannot be read *now*, because the system says no, is neither removed nor rewritten nor passed
//! over: whoever needs it is told, and it is tried again.

mod boards;
mod checkpoints;
mod contents;
pub mod disk;
mod files;
mod history;
mod index;
mod keys;
pub mod log;
mod names;
mod opening;
mod saves;
mod segment;
mod settings;
mod tombstones;
mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::error::{StoreError, Thing};
use crate::game::content::{Content, Files as Texts};
use crate::model::format::{self, Kind, Unreadable};
use crate::model::{
    Begun, BoardName, Checkpoint, Clock, Day, Entry, Header, Keys, Nonces, Save, Step, Tombstone, Turn,
};
use boards::Boards;
use checkpoints::Checkpoints;
use contents::Contents;
use disk::{Disk, LocalDisk};
pub use files::StoreReport;
use files::{Files, at};
use history::Histories;
use index::Rejected;
use keys::Keyring;
use log::Log;
use names::{CLOCK, LOG};
use saves::Saves;
use segment::Record;
pub use settings::{BeginAnew, Settings};
use tombstones::Tombstones;

/// A store that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The sessions in it. Of those that cannot be read now it is what their histories tell.
    pub sessions: Vec<Header>,
    /// Sessions of which nobody can tell now whose they are; and whether they are damaged, so that nobody ever will.
    pub unread: Vec<(Uuid, bool)>,
    /// The slots in it that are taken.
    pub slots: Vec<(Uuid, u8)>,
    /// The boards in it.
    pub boards: Vec<BoardName>,
    /// The days of which it is known who began their challenges.
    pub begun: Vec<Day>,
}

/// The folder of one server.
#[derive(Debug)]
pub struct Store {
    files: Arc<Files>,
    log: Arc<Log>,
    histories: Arc<Histories>,
    contents: Arc<Contents>,
    checkpoints: Arc<Checkpoints>,
    tombstones: Tombstones,
    keyring: Keyring,
    boards: Boards,
    saves: Saves,
}

impl Store {
    /// Opens a folder of this machine, and makes it if it is not there.
    pub fn open(path: &Path, settings: Settings) -> Result<Opened, StoreError> {
        let name = path.display().to_string();
        match LocalDisk::open(path) {
            Ok(disk) => Self::open_on(Arc::new(disk), settings),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(StoreError::Locked { folder: name }),
            Err(error) => Err(at(&name)(error)),
        }
    }

    /// Opens a disk. Damaged files are rebuilt or set aside, newer ones left alone; all of it is logged.
    pub fn open_on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Opened, StoreError> {
        let opening = opening::Opening::begin(disk)?;
        let log = Arc::new(opening.open_log(&settings)?);
        let files = opening.files();
        let histories = Arc::new(Histories::new(files.clone(), log.clone()));
        let contents = Arc::new(Contents::new(files.clone()));
        let checkpoints = Arc::new(Checkpoints::new(files.clone(), log.clone(), histories.clone(), contents.clone()));
        let store = Self {
            tombstones: Tombstones::new(files.clone(), log.clone(), histories.clone(), checkpoints.clone()),
            keyring: Keyring::new(files.clone(), settings.begin_anew),
            boards: Boards::new(files.clone()),
            saves: Saves::new(files.clone()),
            files,
            log,
            histories,
            contents,
            checkpoints,
        };
        let found = opening.bring_back(&store.log, &store.histories, &store.checkpoints)?;
        let opening::Found { sessions, unread, slots, boards, begun } = found;
        Ok(Opened { store, sessions, unread, slots, boards, begun })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.files.path()
    }

    /// The turn log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The files found damaged since the start, mended or not, up to a hundred.
    pub fn reported(&self) -> Vec<String> {
        self.files.reported()
    }

    /// Figures for reports.
    pub fn report(&self) -> StoreReport {
        self.files.report()
    }

    /// Takes a turn that leads from `expected` to the next revision. It is durable when `then` is called, or not there. That is
    /// always called, on whatever thread, and must be quick: other turns wait for it.
    pub fn append(
        &self,
        session: Uuid,
        expected: u64,
        turn: &Turn,
        place: &str,
        state: Vec<u8>,
        then: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        let (line, place) = match (format::line(turn), serde_json::to_vec(place)) {
            (Ok(line), Ok(place)) => (Arc::new(line), place),
            (Err(error), _) | (_, Err(error)) => return then(Err(at(LOG)(error.into()))),
        };
        let record = Record { session, revision: expected + 1, line, place, state };
        let answer = |rejected| match rejected {
            Rejected::Busy => StoreError::Busy,
            Rejected::Io(error) => at(LOG)(error),
            Rejected::Conflict => at(LOG)(io::Error::other("a turn of this revision is there already")),
            Rejected::TooLarge => at(LOG)(io::Error::other("the state has grown larger than a turn can be")),
        };
        self.log.append(record, Box::new(move |taken| then(taken.map_err(answer))));
    }

    /// The history of a session up to a revision, oldest first, from after another.
    ///
    /// The last line of a revision counts, and lines beyond the present one belong to a future that was lost in a crash.
    pub fn turns(&self, id: Uuid, after: u64, up_to: u64, most: usize) -> Result<Vec<Turn>, StoreError> {
        self.histories.turns(id, after, up_to, most)
    }

    /// Bytes of a session's history, of which the log has some more.
    pub fn history_bytes(&self, id: Uuid) -> Result<u64, StoreError> {
        self.histories.bytes(id)
    }

    /// How a session's game came to its state at a revision: the actions since it began, or since the game began that was loaded
    /// into it.
    pub fn lineage(&self, id: Uuid, revision: u64) -> Result<Vec<Step>, StoreError> {
        self.histories.lineage(id, revision)
    }

    /// The header of a session that could not be read before.
    pub fn header(&self, id: Uuid) -> Result<Option<Header>, StoreError> {
        self.checkpoints.header(id)
    }

    /// Writes the first checkpoint of a session, after what its history begins with.
    pub fn create(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.checkpoints.create(checkpoint)
    }

    /// Writes what happened since the last checkpoint into the history, then the checkpoint itself. Where a save has taken the
    /// game's place, `load` tells of it.
    pub fn save(&self, checkpoint: &Checkpoint, load: Option<&Turn>) -> Result<(), StoreError> {
        self.checkpoints.save(checkpoint, load)
    }

    /// Makes a checkpoint of a session that is not in memory, from what the log has of it.
    pub fn settle(&self, id: Uuid) -> Result<(), StoreError> {
        self.checkpoints.settle(id)
    }

    /// A session as its checkpoint and the log have it, or as its history leads to; none where there is nothing of it.
    pub fn load(&self, id: Uuid) -> Result<Option<Checkpoint>, StoreError> {
        self.checkpoints.load(id)
    }

    /// Removes a session's files.
    pub fn remove_session(&self, id: Uuid) -> Result<(), StoreError> {
        self.checkpoints.remove(id)
    }

    /// A session that was there is not there any more, and nothing that it could be rebuilt from.
    pub fn missing(&self, id: Uuid) -> StoreError {
        self.checkpoints.missing(id)
    }

    /// Sets a session's checkpoint aside, because it reads but makes no sense.
    pub fn reject(&self, id: Uuid, problem: &str) -> StoreError {
        self.checkpoints.reject(id, problem)
    }

    /// Buries a session. Once its tombstone is durable it is gone, and what cannot be removed now is removed at the next start.
    pub fn bury(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        self.tombstones.bury(tombstone)
    }

    /// All tombstones that were written, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, StoreError> {
        self.tombstones.all()
    }

    /// Rewrites the tombstones' file without those that are not kept; how many are left. As long as anything of a session is left its
    /// tombstone is, or else it would come back.
    pub fn compact_tombstones(&self, keep: impl Fn(&Tombstone) -> bool) -> Result<usize, StoreError> {
        self.tombstones.compact(keep)
    }

    /// Which tokens count, oldest change first. What a killed server had written without waiting is on the platter when this
    /// answers.
    pub fn nonces(&self) -> Result<Vec<Nonces>, StoreError> {
        self.keyring.nonces()
    }

    /// Writes down which tokens count from now on. One caller at a time.
    pub fn append_nonces(&self, changed: &[Nonces]) -> Result<(), StoreError> {
        self.keyring.append_nonces(changed)
    }

    /// Rewrites the file of tokens that count. One caller at a time.
    pub fn rewrite_nonces(&self, all: &[Nonces]) -> Result<(), StoreError> {
        self.keyring.rewrite_nonces(all)
    }

    /// The server's keys; each is drawn on first use.
    pub fn keys(&self, fresh: impl Fn() -> [u8; 32]) -> Result<Keys, StoreError> {
        self.keyring.keys(fresh)
    }

    /// Draws a new key for tokens. The present one becomes the previous one, and that one is forgotten.
    pub fn rotate_key(&self, fresh: fn() -> [u8; 32]) -> Result<(), StoreError> {
        self.keyring.rotate_key(fresh)
    }

    /// The entries of a board, in the order they were made. What a killed server had written without waiting is on the platter when
    /// this answers.
    pub fn board(&self, board: BoardName) -> Result<Vec<Entry>, StoreError> {
        self.boards.board(board)
    }

    /// The entries that a session made, which is one, unless the disk failed after it was written. Reads little of the others.
    pub fn entries_of(&self, board: BoardName, session: Uuid) -> Result<Vec<Entry>, StoreError> {
        self.boards.entries_of(board, session)
    }

    /// Adds to its board. One caller at a time.
    pub fn append_entry(&self, entry: &Entry) -> Result<(), StoreError> {
        self.boards.append_entry(entry)
    }

    /// Rewrites a board. One caller at a time.
    pub fn rewrite_board(&self, board: BoardName, entries: &[Entry]) -> Result<(), StoreError> {
        self.boards.rewrite_board(board, entries)
    }

    /// Removes boards.
    pub fn remove_boards(&self, boards: &[BoardName]) -> Result<(), StoreError> {
        self.boards.remove_boards(boards)
    }

    /// Who has begun a day's challenge. What a killed server had written without waiting is on the platter when this answers.
    pub fn begun(&self, day: Day) -> Result<Vec<Begun>, StoreError> {
        self.boards.begun(day)
    }

    /// Writes down who has begun a day's challenge. One caller at a time.
    pub fn append_begun(&self, day: Day, begun: &[Begun]) -> Result<(), StoreError> {
        self.boards.append_begun(day, begun)
    }

    /// Rewrites who has begun a day's challenge. One caller at a time.
    pub fn rewrite_begun(&self, day: Day, all: &[Begun]) -> Result<(), StoreError> {
        self.boards.rewrite_begun(day, all)
    }

    /// Forgets who has begun a day's challenge.
    pub fn remove_begun(&self, day: Day) -> Result<(), StoreError> {
        self.boards.remove_begun(day)
    }

    /// A player's save; none where the slot is empty.
    pub fn slot(&self, player: Uuid, number: u8) -> Result<Option<Save>, StoreError> {
        self.saves.read(player, number)
    }

    /// Writes a player's save.
    pub fn write_slot(&self, player: Uuid, number: u8, save: &Save) -> Result<(), StoreError> {
        self.saves.put(player, number, save)
    }

    /// Empties a slot.
    pub fn remove_slot(&self, player: Uuid, number: u8) -> Result<(), StoreError> {
        self.saves.remove(player, number)
    }

    /// Sets a player's save aside, because it reads but makes no sense.
    pub fn reject_slot(&self, player: Uuid, number: u8, problem: &str) -> StoreError {
        self.saves.reject(player, number, problem)
    }

    /// Keeps content for the games that begin with it.
    pub fn keep_content(&self, hash: &str, files: &Texts) -> Result<(), StoreError> {
        self.contents.keep(hash, files)
    }

    /// Makes sure that content which is kept can be read, as long as there is another copy of it.
    pub fn mend_content(&self, hash: &str, files: &Texts) -> Result<(), StoreError> {
        self.contents.mend(hash, files)
    }

    /// Whether a game began with content of this hash. Any text may be asked for: what is no hash names no file.
    pub fn has_content(&self, hash: &str) -> bool {
        self.contents.has(hash)
    }

    /// Content that a game began with.
    pub fn content(&self, hash: &str) -> Result<Content, StoreError> {
        self.contents.read(hash)
    }

    /// What the server made of its clock; none where nobody can tell.
    pub fn clock(&self) -> Result<Option<Clock>, StoreError> {
        let Some(bytes) = self.files.read(CLOCK).map_err(|error| self.files.unread(CLOCK, error))? else {
            return Ok(None);
        };
        match format::read_mended(Kind::Clock, &bytes) {
            Ok((clock, _)) => Ok(Some(clock)),
            Err(Unreadable::Newer(version)) => Err(StoreError::Newer { what: Thing::Clock, version }),
            Err(Unreadable::Damaged(problem)) => {
                drop(self.files.reject(CLOCK, &problem));
                Ok(None)
            }
        }
    }

    /// Writes down what the server makes of its clock.
    pub fn write_clock(&self, clock: &Clock) -> Result<(), StoreError> {
        self.files.write(CLOCK, clock)
    }
}
