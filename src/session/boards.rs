//! The boards of daily challenges. A board is read once, and each of its entries played again. What is not what it says is not
//! shown.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::challenge_key::ChallengeKey;
use super::contents::Contents;
use super::core::Core;
use super::{SessionError, name};
use crate::game::content::{Content, Difficulty};
use crate::model::{BoardName, Change, Checkpoint, Claim, Day, Entry, PlayerId, Refusal, Replay, Step, Verdict};
use crate::store::{Store, StoreError};

/// Actions of a game that are kept with its entry; most have some three hundred. It is half a megabyte.
const MOST_ACTIONS: u64 = 4_096;
/// Boards that are kept in memory.
const MOST_READ: usize = 32;

/// An entry on a board.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What it says.
    pub claim: Claim,
    /// Whether its game could be played again.
    pub verified: bool,
}

impl Standing {
    /// The best one first; of equals the one that was finished first.
    fn rank(&self) -> impl Ord + use<> {
        (Reverse(self.claim.score), self.claim.finished_at, self.claim.session_id)
    }
}

/// A board, best entry first.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Its entries.
    pub standings: Vec<Standing>,
    /// Lines in its file, which only grows until it is rewritten.
    lines: usize,
}

impl Board {
    /// The rank of a player's entry, from 1.
    pub fn rank_of(&self, player: PlayerId) -> Option<usize> {
        self.standings.iter().position(|standing| standing.claim.player == player.0).map(|at| at + 1)
    }

    fn has(&self, session: uuid::Uuid) -> bool {
        self.standings.iter().any(|standing| standing.claim.session_id == session)
    }

    /// Where an entry belongs.
    fn place(&self, standing: &Standing) -> usize {
        self.standings.partition_point(|other| other.rank() < standing.rank())
    }
}

/// What has been counted since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Entries made.
    pub entries: AtomicU64,
    /// Games that did not count, and entries that are not what they say.
    pub refused: AtomicU64,
}

/// The boards.
pub(super) struct Boards {
    core: Arc<Core>,
    contents: Arc<Contents>,
    key: ChallengeKey,
    /// Held while boards' files are read or written.
    alone: Arc<tokio::sync::Mutex<()>>,
    shelf: Mutex<Shelf>,
    pub counts: Counts,
}

#[derive(Default)]
struct Shelf {
    /// Those that have a file.
    known: BTreeSet<BoardName>,
    /// Those in memory, and when each was asked for, in no unit.
    read: BTreeMap<BoardName, (u64, Arc<Board>)>,
    asked: u64,
}

impl Shelf {
    fn find(&mut self, name: BoardName) -> Option<Arc<Board>> {
        self.asked += 1;
        let (asked, board) = self.read.get_mut(&name)?;
        *asked = self.asked;
        Some(board.clone())
    }

    fn put(&mut self, name: BoardName, board: Arc<Board>) {
        self.asked += 1;
        self.read.insert(name, (self.asked, board));
        while self.read.len() > MOST_READ
            && let Some(oldest) = self.read.iter().min_by_key(|(_, (asked, _))| *asked).map(|(name, _)| *name)
        {
            self.read.remove(&oldest);
        }
    }
}

impl Boards {
    pub fn new(core: Arc<Core>, contents: Arc<Contents>, key: ChallengeKey, known: Vec<BoardName>) -> Self {
        let shelf = Shelf { known: known.into_iter().collect(), ..Shelf::default() };
        Self { core, contents, key, alone: Arc::default(), shelf: Mutex::new(shelf), counts: Counts::default() }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shelf().known.len()
    }

    /// A board, with every entry that is good. Empty where nobody is on it.
    pub async fn board(self: &Arc<Self>, name: BoardName) -> Result<Arc<Board>, SessionError> {
        {
            let mut shelf = self.shelf();
            match shelf.find(name) {
                Some(board) => return Ok(board),
                None if !shelf.known.contains(&name) => return Ok(Arc::default()),
                None => {}
            }
        }
        self.alone(move |me, store| me.read_board(store, name)).await
    }

    /// What it takes to play the game of an entry again, if it still is what it was.
    pub async fn replay(self: &Arc<Self>, name: BoardName, claim: Claim) -> Result<Replay, SessionError> {
        let found = self.alone(move |me, store| {
            let entry = store.entries_of(name, claim.session_id)?.into_iter().find(|entry| entry.claim == claim);
            let gone = || Refusal::Invalid("it is no longer what it was".to_owned());
            let examined = match entry {
                Some(entry) => me.examine(name, &entry, &mut BTreeMap::new())?.map(|_| entry),
                None => Err(gone()),
            };
            if examined.is_err() {
                // It was changed since the board was read; so others may have been.
                me.shelf().read.remove(&name);
            }
            Ok(examined)
        });
        Ok(found.await?.map_err(SessionError::EntryRefused)?.replay())
    }

    /// What becomes of a finished game of a day, and its entry if it counts, durably.
    pub async fn enter(self: &Arc<Self>, date: Day, form: Checkpoint) -> Result<Verdict, SessionError> {
        self.alone(move |me, store| me.enter_on_board(store, date, &form)).await
    }

    /// Works on the boards, alone. Waiting for that takes no thread.
    async fn alone<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SessionError> {
        let (me, alone) = (self.clone(), self.alone.clone().lock_owned().await);
        self.core
            .blocking(move |store| {
                let _alone = alone;
                work(&me, store)
            })
            .await
    }

    /// A board as it is in memory, or as its file has it, every entry played again. Blocks; the caller is alone.
    fn read_board(&self, store: &Store, name: BoardName) -> Result<Arc<Board>, StoreError> {
        if let Some(board) = self.shelf().find(name) {
            return Ok(board);
        }
        let entries = store.board(name)?;
        let mut board = Board { standings: Vec::new(), lines: entries.len() };
        let (mut sessions, mut players, mut contents) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        for (line, entry) in (1..).zip(entries) {
            match self.examine(name, &entry, &mut contents)? {
                // One that was written twice, because the disk failed after the first time.
                Ok(_) if !sessions.insert(entry.claim.session_id) => {}
                Ok(verified) => board.standings.push(Standing { claim: entry.claim, verified }),
                Err(refusal) => {
                    tracing::error!(board = %name, line, %refusal, "an entry is refused");
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        board.standings.sort_by_cached_key(Standing::rank);
        // A player who fell off may have come back with a better game; the old line stands until the file is rewritten.
        board.standings.retain(|standing| players.insert(standing.claim.player));
        board.standings.truncate(self.core.settings().board_entries);
        let board = Arc::new(board);
        self.shelf().put(name, board.clone());
        Ok(board)
    }

    /// Whether an entry is what it says. `contents` remembers older content over several of them.
    fn examine(
        &self,
        name: BoardName,
        entry: &Entry,
        contents: &mut BTreeMap<String, Option<Arc<Content>>>,
    ) -> Result<Result<bool, Refusal>, StoreError> {
        let hash = &entry.claim.content;
        if !contents.contains_key(hash) {
            let content = match self.contents.of(hash) {
                Ok(content) => Some(content),
                Err(StoreError::Damaged { .. }) => None,
                Err(error) => return Err(error),
            };
            contents.insert(hash.clone(), content);
        }
        let content = contents.get(hash).and_then(Option::as_deref);
        Ok(self.key.examine(name, entry, content))
    }

    /// Blocks; the caller is alone.
    fn enter_on_board(&self, store: &Store, date: Day, form: &Checkpoint) -> Result<Verdict, StoreError> {
        let name = BoardName { date, difficulty: form.state.difficulty };
        let mut board = self.read_board(store, name)?;
        if board.has(form.session_id) {
            // The server ended before it could write down the verdict.
            return Ok(Verdict::Counted);
        }
        let mut entry = match self.candidate(store, date, form, &board)? {
            Ok(entry) => entry,
            Err(verdict) => return Ok(verdict),
        };
        entry.seal = self.key.seal(&entry.claim);
        match self.examine(name, &entry, &mut BTreeMap::new())? {
            Ok(true) => {}
            unproven => {
                let problem =
                    unproven.map_or_else(|refusal| refusal.to_string(), |_| "nobody can play it again".to_owned());
                tracing::error!(board = %name, session = %form.session_id, problem, "a finished game does not count");
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                return Ok(Verdict::Unproven);
            }
        }
        let most = self.core.settings().board_entries;
        let standing = Standing { claim: entry.claim.clone(), verified: true };
        let place = board.place(&standing);
        if place >= most {
            return Ok(Verdict::TooLow);
        }
        store.append_entry(&entry)?;
        let changed = Arc::make_mut(&mut board);
        changed.standings.insert(place, standing);
        changed.standings.truncate(most);
        changed.lines += 1;
        if changed.lines > most + most / 4 + 10 {
            self.thin_out(store, name, changed);
        }
        let mut shelf = self.shelf();
        shelf.known.insert(name);
        shelf.put(name, board);
        drop(shelf);
        self.counts.entries.fetch_add(1, Ordering::Relaxed);
        Ok(Verdict::Counted)
    }

    /// The entry that a finished game would make, or why it makes none.
    fn candidate(
        &self,
        store: &Store,
        date: Day,
        form: &Checkpoint,
        board: &Board,
    ) -> Result<Result<Entry, Verdict>, StoreError> {
        if !form.ranked {
            return Ok(Err(Verdict::Unranked));
        }
        if form.revision > MOST_ACTIONS {
            return Ok(Err(Verdict::TooLong));
        }
        let turns = store.turns(form.session_id, 0, form.revision, usize::MAX)?;
        let Some(finished_at) = turns.last().map(|turn| turn.at) else { return Ok(Err(Verdict::Unproven)) };
        if Day::of(finished_at) != date || self.core.time.closed(date) {
            return Ok(Err(Verdict::Late));
        }
        if board.rank_of(PlayerId(form.owner)).is_some() {
            return Ok(Err(Verdict::NotFirst));
        }
        let step = |turn: crate::model::Turn| match turn.deed {
            Change::Acted { action, .. } => Some(Step { action, digest: turn.digest, rules: turn.rules }),
            Change::Loaded { .. } => None,
        };
        let history: Option<Vec<_>> = turns.into_iter().map(step).collect();
        let entry = history.map(|history| Entry::of(form, date, name::show(&form.name), finished_at, history));
        Ok(entry.ok_or(Verdict::Unranked))
    }

    /// Writes a board without what fell off it. What fails is done with a later entry.
    fn thin_out(&self, store: &Store, name: BoardName, board: &mut Board) {
        let kept = store.board(name).and_then(|mut entries| {
            let mut left: BTreeSet<_> = board.standings.iter().map(|standing| standing.claim.session_id).collect();
            entries.retain(|entry| left.remove(&entry.claim.session_id));
            store.rewrite_board(name, &entries)?;
            Ok(entries.len())
        });
        match kept {
            Ok(lines) => board.lines = lines,
            Err(error) => tracing::error!(board = %name, %error, "a board could not be rewritten"),
        }
    }

    /// Removes boards that have been kept long enough.
    pub async fn clear(self: &Arc<Self>) {
        let Ok(today) = self.core.time.today() else { return };
        let days = self.core.settings().board_days;
        let (first, first_lived) = (today.before(days), Day::of(self.core.lived()).before(days));
        let old: Vec<_> = {
            let shelf = self.shelf();
            // Where the wall's clock and lived time have come apart, because one was wrong, a board stays that is young by either;
            // but there are no more of them than at other times.
            let most = (days as usize + 1).saturating_mul(Difficulty::ALL.len());
            let surplus = shelf.known.len().saturating_sub(most);
            let past = shelf.known.iter().copied().filter(|name| name.date < first);
            past.enumerate()
                .filter(|(at, name)| *at < surplus || name.date < first_lived)
                .map(|(_, name)| name)
                .collect()
        };
        if old.is_empty() {
            return;
        }
        let cleared = self.alone(move |me, store| {
            store.remove_boards(&old)?;
            let mut shelf = me.shelf();
            for name in &old {
                shelf.known.remove(name);
                shelf.read.remove(name);
            }
            Ok(())
        });
        if let Err(error) = cleared.await {
            tracing::error!(%error, "old boards could not be removed; it will be tried again");
        }
    }
}
