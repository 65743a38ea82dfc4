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
use super::error::SessionError;
use super::name;
use crate::game::content::{Content, Difficulty};
use crate::model::{
    BoardName, Change, Checkpoint, Claim, Day, Entry, PlayerId, Refusal, Replay, SessionId, Step, Turn, Verdict,
};
use crate::store::StoreError;

/// Actions of a game that are kept with its entry; most have some three hundred. It is half a megabyte.
const MAX_ACTIONS: u64 = 4_096;
/// Boards that are kept in memory.
const MAX_READ: usize = 32;

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

/// An entry, and whether it is what it says; if so, whether its game could be played again.
type Examined = (Entry, Result<bool, Refusal>);

/// The boards.
pub(super) struct Boards {
    core: Arc<Core>,
    contents: Arc<Contents>,
    key: ChallengeKey,
    /// Held while boards are read or written.
    alone: tokio::sync::Mutex<()>,
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
        while self.read.len() > MAX_READ
            && let Some(oldest) = self.read.iter().min_by_key(|(_, (asked, _))| *asked).map(|(name, _)| *name)
        {
            self.read.remove(&oldest);
        }
    }
}

impl Boards {
    pub fn new(core: Arc<Core>, contents: Arc<Contents>, key: ChallengeKey, known: Vec<BoardName>) -> Self {
        let shelf = Shelf { known: known.into_iter().collect(), ..Shelf::default() };
        Self {
            core,
            contents,
            key,
            alone: tokio::sync::Mutex::default(),
            shelf: Mutex::new(shelf),
            counts: Counts::default(),
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shelf().known.len()
    }

    /// A board, with every entry that is good. Empty where nobody is on it.
    pub async fn board(&self, name: BoardName) -> Result<Arc<Board>, SessionError> {
        if self.core.store.others().is_none() {
            let mut shelf = self.shelf();
            match shelf.find(name) {
                Some(board) => return Ok(board),
                None if !shelf.known.contains(&name) => return Ok(Arc::default()),
                None => {}
            }
        }
        let _alone = self.alone.lock().await;
        self.read_board(name).await
    }

    /// What it takes to play the game of an entry again, if it still is what it was.
    pub async fn replay(&self, name: BoardName, claim: Claim) -> Result<Replay, SessionError> {
        let _alone = self.alone.lock().await;
        let entries = self.core.store.entries_of(name, SessionId(claim.session_id)).await?;
        let examined = match entries.into_iter().find(|entry| entry.claim == claim) {
            Some(entry) => self.examine(name, vec![entry]).await?.pop(),
            None => None,
        };
        let refusal = match examined {
            Some((entry, Ok(_))) => return Ok(entry.replay()),
            Some((_, Err(refusal))) => refusal,
            None => Refusal::Invalid("it is no longer what it was".to_owned()),
        };
        // It was changed since the board was read; so others may have been.
        self.shelf().read.remove(&name);
        Err(SessionError::EntryRefused(refusal))
    }

    /// A board as it is in memory, or as it is stored, every entry played again. The caller is alone.
    async fn read_board(&self, name: BoardName) -> Result<Arc<Board>, SessionError> {
        let read = self.shelf().find(name);
        if let Some(board) = read.as_ref().filter(|_| self.core.store.others().is_none()) {
            return Ok(board.clone());
        }
        let mut entries = self.core.store.board(name).await?;
        let mut board = Board::default();
        let (mut sessions, mut players) = (BTreeSet::new(), BTreeSet::new());
        // Others may have added to it. What was found good before is.
        if let Some(read) = read {
            entries.retain(|entry| match read.standings.iter().find(|standing| standing.claim == entry.claim) {
                Some(known) => {
                    if sessions.insert(entry.claim.session_id) {
                        board.standings.push(known.clone());
                    }
                    false
                }
                None => true,
            });
        }
        for (line, (entry, verified)) in (1..).zip(self.examine(name, entries).await?) {
            match verified {
                // One that was written twice, because the store failed after the first time.
                Ok(_) if !sessions.insert(entry.claim.session_id) => {}
                Ok(verified) => board.standings.push(Standing { claim: entry.claim, verified }),
                Err(refusal) => {
                    tracing::error!(board = %name, line, %refusal, "an entry is refused");
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        board.standings.sort_by_cached_key(Standing::rank);
        // A player who fell off may have come back with a better game; the old entry may still be stored.
        board.standings.retain(|standing| players.insert(standing.claim.player));
        board.standings.truncate(self.core.settings().board_entries);
        let board = Arc::new(board);
        let mut shelf = self.shelf();
        if !board.standings.is_empty() {
            shelf.known.insert(name);
        }
        shelf.put(name, board.clone());
        Ok(board)
    }

    /// Whether entries are what they say: played again, with the content that each began with.
    async fn examine(&self, name: BoardName, entries: Vec<Entry>) -> Result<Vec<Examined>, SessionError> {
        let mut contents: BTreeMap<String, Option<Arc<Content>>> = BTreeMap::new();
        for Entry { claim, .. } in &entries {
            if !contents.contains_key(&claim.content) {
                let content = match self.contents.of(&claim.content).await {
                    Ok(content) => Some(content),
                    Err(StoreError::Damaged { .. }) => None,
                    Err(error) => return Err(error.into()),
                };
                contents.insert(claim.content.clone(), content);
            }
        }
        let key = self.key.clone();
        let examine = move |entry: Entry| {
            let content = contents.get(&entry.claim.content).and_then(Option::as_deref);
            let verified = key.examine(name, &entry, content);
            (entry, verified)
        };
        self.core.compute(move || entries.into_iter().map(examine).collect()).await
    }

    /// What becomes of a finished game of a day, and its entry if it counts, durably. The caller does not stop halfway.
    pub async fn enter(&self, date: Day, form: Checkpoint) -> Result<Verdict, SessionError> {
        let _alone = self.alone.lock().await;
        let name = BoardName { date, difficulty: form.state.difficulty };
        let mut board = self.read_board(name).await?;
        if board.has(form.session_id) {
            // The server ended before it could write down the verdict.
            return Ok(Verdict::Counted);
        }
        let mut entry = match self.candidate(date, &form, &board).await? {
            Ok(entry) => entry,
            Err(verdict) => return Ok(verdict),
        };
        entry.seal = self.key.seal(&entry.claim);
        let entry = match self.examine(name, vec![entry]).await?.pop() {
            Some((entry, Ok(true))) => entry,
            unproven => {
                let refusal = unproven.and_then(|(_, verified)| verified.err()).map(|refusal| refusal.to_string());
                let problem = refusal.unwrap_or_else(|| "nobody can play it again".to_owned());
                tracing::error!(board = %name, session = %form.session_id, problem, "a finished game does not count");
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                return Ok(Verdict::Unproven);
            }
        };
        let most = self.core.settings().board_entries;
        let standing = Standing { claim: entry.claim.clone(), verified: true };
        let place = board.place(&standing);
        if place >= most {
            return Ok(Verdict::TooLow);
        }
        let changed = Arc::make_mut(&mut board);
        changed.standings.insert(place, standing);
        changed.standings.truncate(most);
        let standing = changed.standings.iter().map(|standing| SessionId(standing.claim.session_id)).collect();
        if !self.core.store.add_entry(entry, standing, most).await? {
            return Ok(Verdict::NotFirst);
        }
        let mut shelf = self.shelf();
        shelf.known.insert(name);
        shelf.put(name, board);
        drop(shelf);
        self.counts.entries.fetch_add(1, Ordering::Relaxed);
        Ok(Verdict::Counted)
    }

    /// The entry that a finished game would make, or why it makes none.
    async fn candidate(
        &self,
        date: Day,
        form: &Checkpoint,
        board: &Board,
    ) -> Result<Result<Entry, Verdict>, SessionError> {
        if !form.ranked {
            return Ok(Err(Verdict::Unranked));
        }
        if form.revision > MAX_ACTIONS {
            return Ok(Err(Verdict::TooLong));
        }
        let turns = self.core.store.turns(SessionId(form.session_id), 0, form.revision, usize::MAX).await?;
        let Some(finished_at) = turns.last().map(|turn| turn.at) else { return Ok(Err(Verdict::Unproven)) };
        if Day::of(finished_at) != date || self.core.time.closed(date) {
            return Ok(Err(Verdict::Late));
        }
        if board.rank_of(PlayerId(form.owner)).is_some() {
            return Ok(Err(Verdict::NotFirst));
        }
        let step = |turn: Turn| match turn.deed {
            Change::Acted { action, .. } => Some(Step { action, digest: turn.digest, rules: turn.rules }),
            Change::Loaded { .. } => None,
        };
        let history: Option<Vec<_>> = turns.into_iter().map(step).collect();
        let entry = history.map(|history| Entry::of(form, date, name::show(&form.name), finished_at, history));
        Ok(entry.ok_or(Verdict::Unranked))
    }

    /// Removes boards that have been kept long enough.
    pub async fn clear(&self) {
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
        let _alone = self.alone.lock().await;
        if let Err(error) = self.core.store.remove_boards(old.clone()).await {
            tracing::error!(%error, "old boards could not be removed; it will be tried again");
            return;
        }
        let mut shelf = self.shelf();
        for name in &old {
            shelf.known.remove(name);
            shelf.read.remove(name);
        }
    }
}
