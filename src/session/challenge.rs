//! The daily challenge: one seed a day for all, and its boards.
//!
//! A finished game is *due* until it has a verdict. That is found after the answer to the game's last turn, by playing the game
//! again: by a task of its own, or by whoever looks at a board or deletes the game first. The entry is durable before the
//! verdict is; so whenever the server ends, the next one finds the game due, and its entry or not, and makes none twice.
//!
//! A board is read once, and each of its entries played again. What is not what it says is not shown.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::{Mutex, MutexGuard};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::edit::Edit;
use super::registry::Registry;
use super::{SessionError, name};
use crate::game::content::{Content, Difficulty};
use crate::game::rng::MAX_SEED;
use crate::hex::hex;
use crate::model::{
    BoardName, Change, Checkpoint, Claim, Day, Entry, Keys, PlayerId, Refusal, Replay, Save, SessionId, Step, Unproven,
    Verdict,
};
use crate::store::{Store, StoreError};

/// Actions of a game that are kept with its entry; most have some three hundred. It is half a megabyte.
const MOST_ACTIONS: u64 = 4_096;
/// Boards that are kept in memory.
const MOST_READ: usize = 32;

/// The key of the challenges. It never changes, because past days must keep their seeds.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// Of the server's keys.
    pub fn new(keys: &Keys) -> Self {
        let key = keys.challenge.as_deref().unwrap_or_default();
        // HMAC takes keys of every length.
        #[allow(clippy::unwrap_used)]
        let hmac = Hmac::new_from_slice(key.as_bytes()).unwrap();
        Self(hmac)
    }

    fn sign(&self, what: &str) -> [u8; 32] {
        self.0.clone().chain_update(what.as_bytes()).finalize().into_bytes().into()
    }

    /// What tells this folder from others, for as long as it has its keys. It tells nothing of them.
    pub fn mark(&self) -> String {
        hex(&self.sign("mark")[..4])
    }

    /// The seed of a day: nobody who knows other days' can tell.
    pub fn seed(&self, day: Day) -> u64 {
        let mac = self.sign(&format!("daily challenge:{day}"));
        mac.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)) & MAX_SEED
    }

    /// A save for a file, under this server's seal. Whoever brings it back, also under later rules, has changed nothing.
    pub fn seal_save(&self, save: Save) -> Save {
        let save = Save { owner: None, seal: None, ..save };
        let file = serde_json::to_vec(&save).expect("stored types have string keys only, so they always serialize");
        Save { seal: self.save_seal(&file), ..save }
    }

    /// Whether this server has sealed what a file says.
    pub fn has_sealed(&self, file: &[u8], seal: &str) -> bool {
        self.save_seal(file).is_some_and(|own| own.as_bytes().ct_eq(seal.as_bytes()).into())
    }

    fn save_seal(&self, file: &[u8]) -> Option<String> {
        // One that is too large to be brought back needs none.
        let said = Save::sealed_part(file).ok()?;
        let hmac = self.0.clone().chain_update(b"exported save:").chain_update(said);
        Some(hex(&hmac.finalize().into_bytes()))
    }

    fn seal(&self, claim: &Claim) -> String {
        // Not the stored form, which a later version may write in another way.
        let Claim { date, difficulty, player, session_id, name, score, won, end, .. } = claim;
        let Claim { turns, wealth, revision, digest, rules, content, finished_at, .. } = claim;
        let difficulty = BoardName::word(*difficulty);
        hex(&self.sign(&format!(
            "leaderboard entry:{date}\n{difficulty}\n{player}\n{session_id}\n{name}\n{score}\n{won}\n{end}\n{turns}\n{wealth}\n\
             {revision}\n{digest}\n{rules}\n{content}\n{finished_at}"
        )))
    }

    /// Whether an entry of a board is what it says, and whether it could be played again: under older rules, or on content that is
    /// gone, the seal of the server that saw its end must do.
    pub fn examine(&self, name: BoardName, entry: &Entry, content: Option<&Content>) -> Result<bool, Refusal> {
        if entry.board() != name {
            return Err(Refusal::Invalid(format!("it is one of {}", entry.board())));
        }
        let missing = || Unproven::ContentMissing { content: entry.claim.content.clone() }.into();
        let proven = content.ok_or_else(missing);
        let proven = proven.and_then(|content| entry.prove(content, self.seed(entry.claim.date)));
        let verified = match proven {
            Ok(()) => true,
            Err(Refusal::Unproven(Unproven::Unverifiable { .. } | Unproven::ContentMissing { .. })) => false,
            Err(refusal) => return Err(refusal),
        };
        if entry.seal == self.seal(&entry.claim) {
            return Ok(verified);
        }
        Err(Refusal::Invalid("its seal is not this server's".to_owned()))
    }
}

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
#[derive(Default)]
pub(super) struct Boards {
    /// Held by whoever looks for verdicts, so that of two games of a player the one that was finished first counts.
    judging: tokio::sync::Mutex<()>,
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
    pub fn new(known: Vec<BoardName>) -> Self {
        let boards = Self::default();
        boards.shelf().known.extend(known);
        boards
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shelf().known.len()
    }
}

impl Registry {
    /// The day.
    pub fn today(&self) -> Day {
        Day::of(self.now())
    }

    /// The seed of a day that is over; none before it is, or where nobody can tell.
    pub async fn seed_of(&self, day: Day) -> Option<u64> {
        self.may_tell(day).await.ok().map(|()| self.secret.seed(day))
    }

    /// Whether the seed of a day may be told: from its end on. Before it is told the day is closed, so that a clock that is set back
    /// lets nobody play it with the seed in hand.
    pub(super) async fn may_tell(&self, day: Day) -> Result<(), SessionError> {
        if self.time.closed(day) {
            return Ok(());
        }
        let now = self.now();
        if !day.over(now) {
            return Err(SessionError::ChallengeRunning { ends_at: day.ends_at(), retry_after: day.left(now) });
        }
        if day >= self.time.today()? {
            // It was set back this very moment.
            return Err(SessionError::ChallengeRunning { ends_at: day.ends_at(), retry_after: day.left(self.now()) });
        }
        self.close_day(day).await
    }

    /// From here on no game of a day counts that ends; those that have ended count, so they are looked at first.
    pub(super) async fn close_day(&self, day: Day) -> Result<(), SessionError> {
        if self.time.closed(day) {
            return Ok(());
        }
        if !self.maps().due.is_empty() {
            self.task(|me| async move { me.judge_all().await }).await?;
        }
        let me = self.arc()?;
        self.blocking(move |store| me.time.close(store, day)).await
    }

    /// How many boards there are, and games that are due.
    pub fn boards(&self) -> [usize; 2] {
        [self.boards.count(), self.maps().due.len()]
    }

    /// What has been counted since the start.
    pub fn challenge_counts(&self) -> &Counts {
        &self.boards.counts
    }

    /// A board, with every game on it that was finished. None for days that are to come, or longer ago than boards are kept.
    pub async fn board(&self, name: BoardName) -> Result<Arc<Board>, SessionError> {
        let today = self.today();
        if name.date > today || name.date < today.before(self.settings().board_days) {
            return Err(SessionError::NoBoard);
        }
        self.judge_due().await;
        {
            let mut shelf = self.boards.shelf();
            match shelf.find(name) {
                Some(board) => return Ok(board),
                None if !shelf.known.contains(&name) => return Ok(Arc::default()),
                None => {}
            }
        }
        self.at_boards(move |me, store| me.read_board(store, name)).await
    }

    /// What it takes to play the game of an entry again, once its day is over. Ranks count from 1.
    pub async fn board_replay(&self, name: BoardName, rank: usize) -> Result<Replay, SessionError> {
        let board = self.board(name).await?;
        self.may_tell(name.date).await?;
        let standing = rank.checked_sub(1).and_then(|at| board.standings.get(at)).ok_or(SessionError::NoEntry)?;
        let claim = standing.claim.clone();
        let found = self.at_boards(move |me, store| {
            let entry = store.entries_of(name, claim.session_id)?.into_iter().find(|entry| entry.claim == claim);
            let gone = || Refusal::Invalid("it is no longer what it was".to_owned());
            let examined = match entry {
                Some(entry) => me.examine(name, &entry, &mut BTreeMap::new())?.map(|_| entry),
                None => Err(gone()),
            };
            if examined.is_err() {
                // It was changed since the board was read; so others may have been.
                me.boards.shelf().read.remove(&name);
            }
            Ok(examined)
        });
        Ok(found.await?.map_err(SessionError::EntryRefused)?.replay())
    }

    /// Works on the files of boards, alone. Who waits for that takes no thread.
    async fn at_boards<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self, &Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SessionError> {
        let (me, alone) = (self.arc()?, self.boards.alone.clone().lock_owned().await);
        self.blocking(move |store| {
            let _alone = alone;
            work(&me, store)
        })
        .await
    }

    /// A board as it is in memory, or as its file has it, every entry played again. Blocks; the caller is alone.
    fn read_board(&self, store: &Store, name: BoardName) -> Result<Arc<Board>, StoreError> {
        if let Some(board) = self.boards.shelf().find(name) {
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
                    self.boards.counts.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        board.standings.sort_by_cached_key(Standing::rank);
        // Who had fallen off may have come back with a better one; the old line stands until the file is rewritten.
        board.standings.retain(|standing| players.insert(standing.claim.player));
        board.standings.truncate(self.settings().board_entries);
        let board = Arc::new(board);
        self.boards.shelf().put(name, board.clone());
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
        Ok(self.secret.examine(name, entry, content))
    }

    /// Finds the verdicts of finished games, soon.
    pub(super) fn judge_soon(&self) {
        if let Ok(me) = self.arc() {
            self.runtime().spawn(async move { me.judge_due().await });
        }
    }

    /// Finds the verdicts of all finished games that have none. What fails is tried again, by the next one who comes here.
    pub(super) async fn judge_due(&self) {
        if self.maps().due.is_empty() {
            return;
        }
        if let Err(error) = self.task(|me| async move { me.judge_all().await }).await {
            tracing::error!(%error, "games that were finished have not been entered yet");
        }
    }

    async fn judge_all(&self) -> Result<(), SessionError> {
        let _alone = self.boards.judging.lock().await;
        let due: Vec<_> = {
            let mut maps = self.maps();
            let known: Vec<_> = maps.due.iter().filter_map(|id| Some((*id, maps.known.get(id)?.clone()))).collect();
            // What is being buried comes back here should that fail.
            maps.due.retain(|id| known.iter().any(|(known, _)| known == id));
            known.into_iter().map(|(id, card)| (id, card.owner, card.revision)).collect()
        };
        // One that cannot be read now keeps nobody else from the board.
        let (mut order, mut failed) = (Vec::new(), None);
        for (id, owner, revision) in due {
            match self.blocking(move |store| store.turns(id.0, revision.saturating_sub(1), revision, 1)).await {
                Ok(last) => order.push((last.last().map(|turn| turn.at), id, owner)),
                Err(error) => failed = Some(error),
            }
        }
        order.sort_unstable();
        for (_, id, owner) in order {
            match self.judge(owner, id).await {
                Ok(()) => {}
                Err(error @ SessionError::Store(StoreError::Unavailable { .. })) => failed = Some(error),
                // It is being deleted, which does the same.
                Err(SessionError::NotFound | SessionError::Gone { .. }) => drop(self.maps().due.remove(&id)),
                Err(error) => {
                    // At the next start again.
                    tracing::error!(%id, %error, "a finished game cannot be entered");
                    self.maps().due.remove(&id);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn judge(&self, owner: PlayerId, id: SessionId) -> Result<(), SessionError> {
        let Some(verdict) = self.verdict(self.stored_form(owner, id).await?).await? else {
            self.maps().due.remove(&id);
            return Ok(());
        };
        self.edit(owner, id, Edit::Judge(verdict)).await?;
        self.maps().due.remove(&id);
        Ok(())
    }

    /// What becomes of a game, and its entry if it counts, durably; none where it is not due.
    pub(super) async fn verdict(&self, form: Checkpoint) -> Result<Option<Verdict>, SessionError> {
        let Some(challenge) = form.challenge.filter(|_| form.due()) else { return Ok(None) };
        self.at_boards(move |me, store| me.enter_on_board(store, challenge.date, &form)).await.map(Some)
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
        entry.seal = self.secret.seal(&entry.claim);
        match self.examine(name, &entry, &mut BTreeMap::new())? {
            Ok(true) => {}
            unproven => {
                let problem =
                    unproven.map_or_else(|refusal| refusal.to_string(), |_| "nobody can play it again".to_owned());
                tracing::error!(board = %name, session = %form.session_id, problem, "a finished game does not count");
                self.boards.counts.refused.fetch_add(1, Ordering::Relaxed);
                return Ok(Verdict::Unproven);
            }
        }
        let most = self.settings().board_entries;
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
        let mut shelf = self.boards.shelf();
        shelf.known.insert(name);
        shelf.put(name, board);
        drop(shelf);
        self.boards.counts.entries.fetch_add(1, Ordering::Relaxed);
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
        if Day::of(finished_at) != date || self.time.closed(date) {
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
    pub(super) async fn clear_boards(&self) {
        let Ok(today) = self.time.today() else { return };
        let days = self.settings().board_days;
        let (first, first_lived) = (today.before(days), Day::of(self.lived()).before(days));
        let old: Vec<_> = {
            let shelf = self.boards.shelf();
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
        let cleared = self.at_boards(move |me, store| {
            store.remove_boards(&old)?;
            let mut shelf = me.boards.shelf();
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
