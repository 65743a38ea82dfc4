//! The bell: servers tell each other that something has changed, after it is committed. What it was stands in the rows, and whoever
//! missed the bell finds it there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::lane::{Lane, Target, listen};
use super::queries::RING;
use crate::model::{PlayerId, SessionId};
use crate::store::Rung;

/// What waits to be rung, and what was heard. What is beyond is found by looking.
const QUEUE: usize = 4_096;
/// How long what is to be rung is gathered after the last time: PostgreSQL wakes everybody who listens for each.
const GATHER: Duration = Duration::from_millis(10);
/// Of 8,000 bytes that a message may have, 37 each.
const MOST: usize = 200;

/// Rings, and hears the others ring. A clone is the same bell.
#[derive(Clone)]
pub(super) struct Bell {
    queue: Sender<Rung>,
    heard: Arc<Mutex<Receiver<String>>>,
    /// Begins what this node says.
    own: String,
    _tasks: Arc<Tasks>,
}

struct Tasks(Vec<AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Bell {
    /// Call it inside the runtime that is to do the work. One that does not `notify` neither rings nor hears.
    pub fn new(target: &Arc<Target>, lane: Arc<Lane>, notify: bool) -> Self {
        let (queue, rung) = channel(QUEUE);
        let (hears, heard) = channel(QUEUE);
        let own = format!("{} ", target.node.simple());
        let mut tasks = Vec::new();
        if notify {
            tasks.push(tokio::spawn(listen(target.clone(), hears)).abort_handle());
            tasks.push(tokio::spawn(ring(lane, rung, own.clone())).abort_handle());
        }
        Self { queue, heard: Arc::new(Mutex::new(heard)), own, _tasks: Arc::new(Tasks(tasks)) }
    }

    /// Rings, soon.
    pub fn ring(&self, what: Rung) {
        match self.queue.try_send(what) {
            // Without `notify` there is nobody at the other end.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => tracing::warn!("too much is rung; the others will find it by looking"),
        }
    }

    /// What others have rung. To stop waiting loses nothing.
    pub async fn heard(&self) -> Vec<Rung> {
        let mut heard = self.heard.lock().await;
        loop {
            let Some(told) = heard.recv().await else { return std::future::pending().await };
            let mut rung = self.read(&told);
            while let Ok(told) = heard.try_recv() {
                rung.extend(self.read(&told));
            }
            if !rung.is_empty() {
                return rung.into_iter().collect();
            }
        }
    }

    fn read(&self, told: &str) -> HashSet<Rung> {
        if told.starts_with(&self.own) {
            return HashSet::new();
        }
        told.split(' ').skip(1).filter_map(of_word).collect()
    }
}

fn word(rung: &Rung) -> String {
    match rung {
        Rung::Session(id) => format!("s{}", id.0.simple()),
        Rung::Player(player) => format!("p{}", player.0.simple()),
    }
}

fn of_word(word: &str) -> Option<Rung> {
    let (kind, id) = word.split_at_checked(1)?;
    let id = Uuid::try_parse(id).ok()?;
    match kind {
        "s" => Some(Rung::Session(SessionId(id))),
        "p" => Some(Rung::Player(PlayerId(id))),
        _ => None,
    }
}

async fn ring(lane: Arc<Lane>, mut queue: Receiver<Rung>, own: String) {
    let mut next = Vec::with_capacity(MOST);
    let mut free = tokio::time::Instant::now();
    while queue.recv_many(&mut next, MOST).await > 0 {
        tokio::time::sleep_until(free).await;
        free = tokio::time::Instant::now() + GATHER;
        while next.len() < MOST
            && let Ok(more) = queue.try_recv()
        {
            next.push(more);
        }
        let rung: HashSet<_> = next.drain(..).collect();
        let told = rung.iter().map(word).fold(own.clone(), |told, word| format!("{told}{word} "));
        if let Err(failure) = lane.query(RING, &[&told.trim_end()]).await {
            tracing::warn!(%failure, "the other servers are not told; they look by themselves");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rung_is_heard() {
        for rung in [Rung::Session(SessionId(Uuid::now_v7())), Rung::Player(PlayerId::fresh())] {
            assert_eq!(of_word(&word(&rung)), Some(rung));
        }
        for foreign in ["", "s", "x01", "s1", "séé"] {
            assert_eq!(of_word(foreign), None, "{foreign}");
        }
    }
}
