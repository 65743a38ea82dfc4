//! What happens by itself: sweeps, which write down what changed and let go of what nobody asks for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::beginnings::Beginnings;
use super::boards::Boards;
use super::core::{Core, micros};
use super::deletion::Deletion;
use super::directory::Directory;
use super::judge::Judge;
use super::seats::{Seats, Swept};
use super::tokens::Tokens;

/// How long a sweep waits after one in which sessions could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// Sweeps.
pub struct Sweeper {
    pub(super) core: Arc<Core>,
    pub(super) directory: Arc<Directory>,
    pub(super) seats: Arc<Seats>,
    pub(super) boards: Arc<Boards>,
    pub(super) judge: Arc<Judge>,
    pub(super) beginnings: Arc<Beginnings>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) deletion: Arc<Deletion>,
}

impl Sweeper {
    /// Sweeps again and again until it is told to stop; between sweeps, never within one: a half-done sweep could write an old state
    /// over a newer one.
    pub async fn run(&self, mut stopped: oneshot::Receiver<()>) {
        let every = Duration::from_secs(self.core.settings().sweep_secs);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                () = tokio::time::sleep(every) => {}
                () = self.core.store.pressed() => tracing::info!("the store asks for a sweep"),
            }
            let swept = self.sweep().await;
            tracing::info!(?swept, "swept");
            if swept.failed > 0 {
                // The log may press for what cannot be written; to try that again at once is of no use.
                tokio::select! {
                    _ = &mut stopped => break,
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
        }
    }

    /// Writes down what changed, and lets what is idle leave memory.
    pub async fn sweep(&self) -> Swept {
        let began = Instant::now();
        self.note_the_time().await;
        let mut swept = Swept::default();
        self.seats.sweep(&mut swept).await;
        self.seats.shrink().await;
        self.directory.readmit().await;
        // Not waited for: boards may be busy, and a full log must not wait for them.
        self.judge.judge_soon();
        self.deletion.retire_forgotten().await;
        self.seats.settle(&mut swept).await;
        self.directory.prune_tombstones().await;
        self.boards.clear().await;
        self.beginnings.forget_old().await;
        self.tokens.tidy().await;
        self.core.counters.last_sweep_micros.store(micros(began), Ordering::Relaxed);
        swept
    }

    /// Writes down everything that changed; for the end. The number of sessions that could not be written.
    pub async fn checkpoint_all(&self) -> usize {
        let failed = self.seats.checkpoint_all().await;
        // What cannot be settled is safe in the log.
        self.seats.settle(&mut Swept::default()).await;
        self.tokens.tidy().await;
        self.note_the_time().await;
        failed
    }

    /// The same when nobody asks for anything any more, and closes the store.
    pub async fn finish(&self) -> usize {
        let failed = self.checkpoint_all().await;
        self.core.store().close().await;
        failed
    }

    async fn note_the_time(&self) {
        if let Err(error) = self.core.time.note(self.core.store()).await {
            tracing::error!(%error, "the time could not be noted down; it will be tried again");
        }
    }
}
