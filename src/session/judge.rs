//! The judge of daily challenges: which finished games count, and when the seed of a day may be told.
//!
//! A finished game is *due* until it has a verdict. That is found after the answer to the game's last turn, by playing the game
//! again: by a task of its own, or by a request for a board, or by the game's deletion, whichever comes first. The entry is durable before the
//! verdict is; so whenever the server ends, the next one finds the game due, and its entry or not, and makes none twice.

use std::sync::Arc;

use super::boards::{Board, Boards};
use super::challenge_key::ChallengeKey;
use super::core::Core;
use super::directory::Directory;
use super::edit::Edit;
use super::error::SessionError;
use super::seats::Seats;
use crate::model::{BoardName, Checkpoint, Day, PlayerId, Replay, SessionId, Verdict};
use crate::store::StoreError;

/// Finds the verdicts of finished games.
pub struct Judge {
    core: Arc<Core>,
    directory: Arc<Directory>,
    seats: Arc<Seats>,
    boards: Arc<Boards>,
    key: ChallengeKey,
    /// Held while verdicts are found, so that of two games of a player the one that was finished first counts.
    judging: tokio::sync::Mutex<()>,
}

impl Judge {
    pub(super) fn new(
        core: Arc<Core>,
        directory: Arc<Directory>,
        seats: Arc<Seats>,
        boards: Arc<Boards>,
        key: ChallengeKey,
    ) -> Self {
        Self { core, directory, seats, boards, key, judging: tokio::sync::Mutex::default() }
    }

    /// The seed of a day that is over; none before it is, or where nobody can tell.
    pub async fn seed_of(self: &Arc<Self>, day: Day) -> Option<u64> {
        self.may_tell(day).await.ok().map(|()| self.key.seed(day))
    }

    /// Whether the seed of a day may be told: from its end on. Before it is told the day is closed, so that a clock that is set back
    /// lets nobody play it with the seed in hand.
    pub(super) async fn may_tell(self: &Arc<Self>, day: Day) -> Result<(), SessionError> {
        let time = &self.core.time;
        if time.closed(day) {
            return Ok(());
        }
        let now = self.core.surely_past();
        if !day.over(now) {
            return Err(SessionError::ChallengeRunning { ends_at: day.ends_at(), retry_after: day.left(now) });
        }
        if day >= time.today()? {
            // It was set back this very moment.
            return Err(SessionError::ChallengeRunning {
                ends_at: day.ends_at(),
                retry_after: day.left(self.core.surely_past()),
            });
        }
        self.close_day(day).await
    }

    /// From here on no game of a day counts that ends; those that have ended count, so they are looked at first.
    pub(super) async fn close_day(self: &Arc<Self>, day: Day) -> Result<(), SessionError> {
        if self.core.time.closed(day) {
            return Ok(());
        }
        self.judge_all().await?;
        let core = self.core.clone();
        self.core.task(async move { Ok(core.time.close(core.store(), day).await?) }).await
    }

    /// A board, with every game on it that was finished. None for days that are to come, or longer ago than boards are kept.
    pub async fn board(self: &Arc<Self>, name: BoardName) -> Result<Arc<Board>, SessionError> {
        let today = self.core.today();
        if name.date > today || name.date < today.before(self.core.settings().board_days) {
            return Err(SessionError::NoBoard);
        }
        self.judge_due().await;
        self.boards.board(name).await
    }

    /// What it takes to play the game of an entry again, once its day is over. Ranks count from 1.
    pub async fn board_replay(self: &Arc<Self>, name: BoardName, rank: usize) -> Result<Replay, SessionError> {
        let board = self.board(name).await?;
        self.may_tell(name.date).await?;
        let standing = rank.checked_sub(1).and_then(|at| board.standings.get(at)).ok_or(SessionError::NoEntry)?;
        self.boards.replay(name, standing.claim.clone()).await
    }

    /// Finds the verdicts of finished games, soon.
    pub(super) fn judge_soon(self: &Arc<Self>) {
        let me = self.clone();
        self.core.spawn(async move { me.judge_due().await });
    }

    /// Finds the verdicts of all finished games that have none. What fails is tried again, by the next one who comes here.
    pub(super) async fn judge_due(self: &Arc<Self>) {
        if let Err(error) = self.judge_all().await {
            tracing::error!(%error, "games that were finished have not been entered yet");
        }
    }

    async fn judge_all(self: &Arc<Self>) -> Result<(), SessionError> {
        if self.directory.roster().awaiting_verdict.is_empty() {
            return Ok(());
        }
        let me = self.clone();
        self.core.task(async move { me.judge_each().await }).await
    }

    async fn judge_each(&self) -> Result<(), SessionError> {
        let _alone = self.judging.lock().await;
        let due: Vec<_> = {
            let mut roster = self.directory.roster();
            let known: Vec<_> =
                roster.awaiting_verdict.iter().filter_map(|id| Some((*id, roster.known.get(id)?.clone()))).collect();
            // What is being buried comes back here should that fail.
            roster.awaiting_verdict.retain(|id| known.iter().any(|(known, _)| known == id));
            known.into_iter().map(|(id, summary)| (id, summary.meta.owner, summary.revision)).collect()
        };
        // One that cannot be read now keeps nobody else from the board.
        let (mut order, mut failed) = (Vec::new(), None);
        for (id, owner, revision) in due {
            match self.core.store.turns(id, revision.saturating_sub(1), revision, 1).await {
                Ok(last) => order.push((last.last().map(|turn| turn.at), id, owner)),
                Err(error) => failed = Some(error.into()),
            }
        }
        order.sort_unstable();
        for (_, id, owner) in order {
            match self.judge(owner, id).await {
                Err(error @ SessionError::Store(StoreError::Unavailable { .. })) => {
                    failed = Some(error);
                    continue;
                }
                // Done; or it is being deleted, which does the same.
                Ok(()) | Err(SessionError::NotFound | SessionError::Gone { .. }) => {}
                // At the next start again.
                Err(error) => tracing::error!(%id, %error, "a finished game cannot be entered"),
            }
            self.directory.roster().awaiting_verdict.remove(&id);
        }
        failed.map_or(Ok(()), Err)
    }

    async fn judge(&self, owner: PlayerId, id: SessionId) -> Result<(), SessionError> {
        match self.verdict(self.seats.stored_form(owner, id).await?).await? {
            Some(verdict) => self.seats.edit(owner, id, Edit::Judge(verdict)).await,
            None => Ok(()),
        }
    }

    /// What becomes of a game, and its entry if it counts, durably; none where it is not due.
    pub(super) async fn verdict(&self, form: Checkpoint) -> Result<Option<Verdict>, SessionError> {
        let Some(challenge) = form.challenge.filter(|_| form.awaits_verdict()) else { return Ok(None) };
        self.boards.enter(challenge.date, form).await.map(Some)
    }
}
