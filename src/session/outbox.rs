//! The connections of a session, and what each of them is still to be sent.
//!
//! One connection is the player's; the next one takes over from it. Others only watch. A turn reaches every connection once, in
//! order, from the revision at which it joined.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::game_session::Snapshot;

use crate::model::{Departure, Turn};

/// Turns that may wait for a connection. Each has a few kilobytes (the rules bound it), so it is far less than a mebibyte.
const MAX_WAITING: usize = 64;
/// Connections that watch a session.
pub(super) const MAX_OBSERVERS: usize = 16;

/// The name of a connection. It admits to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionId(pub(super) Uuid);

impl ConnectionId {
    pub(super) fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It plays.
    Player,
    /// It only watches.
    Observer,
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The player has come over another connection.
    Replaced,
    /// The session is gone for good.
    Gone {
        /// Since when.
        expired_at: Timestamp,
        /// Why.
        reason: Departure,
    },
    /// The session has left memory; it can be resumed.
    Left,
    /// The session has given way to somebody whose address holds fewer places; it can be resumed when there is one.
    Crowded,
    /// The player has revoked their tokens.
    Revoked,
    /// More waited for the client than can wait.
    Slow,
    /// The server stops.
    Shutdown,
}

/// What a connection is told at once.
#[derive(Debug, Default)]
pub struct Updates {
    /// Turns, in order.
    pub turns: Vec<Arc<Turn>>,
    /// The state after the last of them.
    pub state: Option<Snapshot>,
    /// Nothing follows.
    pub end: Option<End>,
}

/// What waits for a connection.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Updates>,
    news: Notify,
    cut: Notify,
}

impl Outbox {
    fn waiting(&self) -> MutexGuard<'_, Updates> {
        self.waiting.lock()
    }

    /// Tells of a turn. Whether the client keeps up; if not, the outbox has ended.
    fn tell(&self, turn: &Arc<Turn>, state: Snapshot) -> bool {
        let mut waiting = self.waiting();
        if waiting.end.is_some() {
            return true;
        }
        if waiting.turns.len() >= MAX_WAITING {
            *waiting = Updates { end: Some(End::Slow), ..Updates::default() };
            self.cut.notify_one();
        } else {
            waiting.turns.push(turn.clone());
            // Only the newest state is of any use.
            waiting.state = Some(state);
        }
        self.news.notify_one();
        waiting.end.is_none()
    }

    /// Nothing follows what waits.
    pub(super) fn end(&self, end: End) {
        self.waiting().end.get_or_insert(end);
        self.news.notify_one();
    }

    /// Waits for news, and takes them. To stop waiting loses nothing.
    pub async fn updates(&self) -> Updates {
        loop {
            if let Some(news) = self.take() {
                return news;
            }
            self.news.notified().await;
        }
    }

    /// What waits by now. An end is still there the next time.
    pub fn take(&self) -> Option<Updates> {
        let mut waiting = self.waiting();
        let end = waiting.end;
        let news = std::mem::replace(&mut *waiting, Updates { end, ..Updates::default() });
        let any = !news.turns.is_empty() || news.state.is_some() || end.is_some();
        any.then_some(news)
    }

    /// Waits until the client has been too slow; then it is no use to wait until it has taken what is being sent.
    pub async fn cut(&self) {
        self.cut.notified().await;
    }
}

/// The connections of a session.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub player: Option<(ConnectionId, Arc<Outbox>)>,
    pub observers: Vec<(ConnectionId, Arc<Outbox>)>,
    /// The player's newest connection, open or dropped. A client that comes back from an older one was replaced.
    pub newest: Option<ConnectionId>,
    /// What the newest named as the client's connection before it. The client may come from there again: it may never have read
    /// the newest one's name.
    pub before: Option<ConnectionId>,
    /// Ends the session's stay in memory when its player does not come back in time.
    pub timer: Option<AbortHandle>,
}

impl Connections {
    /// Whether the player's newest connection, as the store knows it, is another one than that here.
    pub(super) fn is_replaced_by(&self, newest: Option<Uuid>) -> bool {
        self.player.is_some() && newest.is_some_and(|newest| self.newest != Some(ConnectionId(newest)))
    }

    /// The player's connection ends if it is.
    pub(super) fn replaced_by(&mut self, newest: Option<Uuid>) {
        if self.is_replaced_by(newest)
            && let Some((_, old)) = self.player.take()
        {
            self.newest = newest.map(ConnectionId);
            self.before = None;
            old.end(End::Replaced);
        }
    }

    /// The connection dropped, and its player may come back.
    pub fn link_dead(&self) -> bool {
        self.player.is_none() && self.newest.is_some()
    }

    pub fn outboxes(&self) -> impl Iterator<Item = &Arc<Outbox>> {
        self.player.iter().chain(&self.observers).map(|(_, outbox)| outbox)
    }

    /// Tells everybody of a turn; how many were too slow.
    pub fn tell(&self, turn: &Arc<Turn>, state: &Snapshot) -> usize {
        self.outboxes().filter(|outbox| !outbox.tell(turn, state.clone())).count()
    }

    pub fn end(&self, end: End) {
        self.outboxes().for_each(|outbox| outbox.end(end));
        self.cancel();
    }

    /// The player is back.
    pub fn cancel(&self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}
