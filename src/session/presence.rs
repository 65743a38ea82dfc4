//! Players and observers come and go: joining a session with what was missed, dropping, coming back in time or not, leaving.
//!
//! A connection joins under the session's lock, under which turns are committed: what it missed ends where what it is told
//! begins.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::core::Core;
use super::directory::Directory;
use super::error::SessionError;
use super::game_session::Snapshot;
use super::lived::later;
use super::outbox::{ConnectionId, Connections, End, MAX_OBSERVERS, Outbox, Role};
use super::seats::{Seats, session, session_mut};

use crate::model::{EventId, PlayerId, SessionId, Turn};
use crate::store::{Arrival, Rung};

/// How a connection joins a session.
#[derive(Clone, Debug)]
pub struct Joining {
    /// To play, or to watch.
    pub role: Role,
    /// The last event the client has.
    pub last_event: Option<String>,
    /// The client's connection before this one.
    pub previous: Option<ConnectionId>,
    /// It wants the session although another connection has replaced its previous one.
    pub takeover: bool,
}

/// A connection that has joined a session. Dropped, it has parted.
pub struct Presence {
    presences: Arc<Presences>,
    /// Which session.
    pub session: SessionId,
    /// Which connection.
    pub connection: ConnectionId,
    /// What for.
    pub role: Role,
    /// What it is told.
    pub outbox: Arc<Outbox>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.presences.leave_connection(self.session, self.connection);
    }
}

/// What a connection is told when it joins.
pub struct Joined {
    /// The connection.
    pub presence: Presence,
    /// The session as it is.
    pub snapshot: Snapshot,
    /// Its last event.
    pub head: EventId,
    /// What happened since the last event the client has; none where that cannot be told without a gap.
    pub missed: Option<Vec<Arc<Turn>>>,
}

/// Who is connected to sessions.
pub struct Presences {
    core: Arc<Core>,
    directory: Arc<Directory>,
    seats: Arc<Seats>,
}

impl Presences {
    pub(super) fn new(core: Arc<Core>, directory: Arc<Directory>, seats: Arc<Seats>) -> Self {
        Self { core, directory, seats }
    }

    /// Joins a session, with what was missed.
    pub async fn join(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        joining: Joining,
    ) -> Result<Joined, SessionError> {
        let me = self.clone();
        let join = async move {
            let seated = me.seats.enter_as(joining.role, owner, id).await?;
            let session = session(&seated)?;
            let (head, snapshot) = (session.event(), session.snapshot());
            let last = joining.last_event.as_deref().and_then(|last| last.parse().ok());
            let missed = match last {
                Some(last) => me.seats.turns_since(session, last).await?,
                None => None,
            };
            let presence = me.arrive(owner, id, joining).await?;
            Ok(Joined { presence, snapshot, head, missed })
        };
        self.core.task(join).await
    }

    /// The caller holds the session's seat.
    async fn arrive(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        joining: Joining,
    ) -> Result<Presence, SessionError> {
        let connection = ConnectionId::fresh();
        let Some(others) = self.core.store.others() else { return self.connect(owner, id, connection, &joining) };
        let arrival = match joining.role {
            Role::Player => Arrival::Player {
                connection: connection.0,
                previous: joining.previous.map(|previous| previous.0),
                takeover: joining.takeover,
            },
            Role::Observer => Arrival::Observer,
        };
        if !others.join(id, arrival).await? {
            return Err(SessionError::Replaced);
        }
        if joining.role == Role::Player {
            // It may take over from one on another server.
            others.ring(Rung::Session(id));
        }
        // The store has decided, for all servers.
        self.connect(owner, id, connection, &Joining { takeover: true, ..joining })
    }

    /// The caller holds the session's seat.
    fn connect(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        connection: ConnectionId,
        joining: &Joining,
    ) -> Result<Presence, SessionError> {
        let (outbox, role) = (Arc::new(Outbox::default()), joining.role);
        let mut roster = self.directory.roster();
        // It may have been deleted meanwhile.
        roster.summary(owner, id)?;
        if roster.closing {
            return Err(SessionError::Closing);
        }
        let live = roster.connections.entry(id).or_default();
        match role {
            Role::Player => {
                let own = |previous| live.newest.is_none() || [live.newest, live.before].contains(&Some(previous));
                if !joining.takeover && !joining.previous.is_none_or(own) {
                    return Err(SessionError::Replaced);
                }
                live.cancel();
                (live.newest, live.before) = (Some(connection), joining.previous);
                if let Some((_, old)) = live.player.replace((connection, outbox.clone())) {
                    old.end(End::Replaced);
                }
            }
            Role::Observer if live.observers.len() >= MAX_OBSERVERS => {
                return Err(SessionError::TooManyObservers { limit: MAX_OBSERVERS });
            }
            Role::Observer => live.observers.push((connection, outbox.clone())),
        }
        drop(roster);
        Ok(Presence { presences: self.clone(), session: id, connection, role, outbox })
    }

    /// A connection has ended, however it did.
    fn leave_connection(self: &Arc<Self>, id: SessionId, connection: ConnectionId) {
        let mut roster = self.directory.roster();
        let now = self.core.moment();
        let Some(live) = roster.connections.get_mut(&id) else { return };
        live.observers.retain(|(each, _)| *each != connection);
        if live.player.as_ref().is_some_and(|(each, _)| *each == connection) {
            live.player = None;
            self.set_timer(id, live);
            if let Some(summary) = roster.known.get_mut(&id) {
                // An open connection was activity.
                summary.touch(now);
            }
            self.part(id, connection);
        } else if live.newest.is_none() && live.observers.is_empty() {
            roster.connections.remove(&id);
        }
    }

    /// Other servers need not tell this one any more.
    fn part(&self, id: SessionId, connection: ConnectionId) {
        if self.core.store.others().is_none() {
            return;
        }
        let core = self.core.clone();
        drop(self.core.spawn(async move {
            if let Some(others) = core.store.others()
                && let Err(error) = others.part(id, connection.0).await
            {
                tracing::warn!(%id, %error, "that a connection has ended could not be written down");
            }
        }));
    }

    /// Waits for the player of a link-dead session.
    pub(super) fn set_timer(self: &Arc<Self>, id: SessionId, live: &mut Connections) {
        if let Some(connection) = live.newest.filter(|_| live.link_dead()) {
            let me = self.clone();
            live.cancel();
            live.timer = Some(self.core.spawn(async move { me.end_grace(id, connection).await }).abort_handle());
        }
    }

    /// Lets a session leave memory whose player does not come back in time.
    async fn end_grace(self: Arc<Self>, id: SessionId, connection: ConnectionId) {
        loop {
            let changed = self.core.changed.notified();
            // None: it has a newer connection, or has left, and this timer means nothing any more.
            let Some(deadline) = self.deadline(id, connection) else { return };
            if self.core.lived() < deadline {
                tokio::select! {
                    () = self.core.sleep_until(deadline) => {}
                    () = changed => {}
                }
                continue;
            }
            let seat = self.directory.roster().resident.get(&id).map(|resident| resident.seat.clone());
            let Some(seat) = seat else { return drop(self.directory.roster().connections.remove(&id)) };
            let mut seated = seat.lock_owned().await;
            let Some(session) = seated.as_mut() else { continue };
            if let Err(error) = self.seats.checkpoint(id, session).await {
                tracing::error!(%id, %error, "a session that nobody came back to could not be written; it stays for now");
                drop(seated);
                self.core.sleep(self.core.settings().sweep_secs as i64).await;
                continue;
            }
            // Nobody joins while the seat is held; but a request may have come.
            if self.deadline(id, connection).is_some_and(|deadline| self.core.lived() >= deadline) {
                self.seats.unseat(id, &mut seated);
            }
        }
    }

    /// When a dropped connection's session leaves memory, if it is still the newest; in lived time.
    fn deadline(&self, id: SessionId, connection: ConnectionId) -> Option<Timestamp> {
        let roster = self.directory.roster();
        roster.connections.get(&id).filter(|live| live.link_dead() && live.newest == Some(connection))?;
        Some(later(roster.known.get(&id)?.active, self.core.settings().grace_secs))
    }

    /// The player puts the game away: it is written down and leaves memory, without grace. From any connection but the player's
    /// newest this changes nothing.
    pub async fn leave(self: &Arc<Self>, id: SessionId, connection: ConnectionId) -> Result<(), SessionError> {
        let me = self.clone();
        let leave = async move {
            let own = || me.directory.roster().connections.get(&id).is_some_and(|live| live.newest == Some(connection));
            let seat = me.directory.roster().resident.get(&id).map(|resident| resident.seat.clone());
            let Some(seat) = seat.filter(|_| own()) else { return Ok(()) };
            let mut seated = seat.lock_owned().await;
            me.seats.checkpoint(id, session_mut(&mut seated)?).await?;
            // Another connection may have taken over meanwhile; none can now.
            if own() {
                me.seats.unseat(id, &mut seated);
            }
            Ok(())
        };
        self.core.task(leave).await
    }

    /// Sends connections to other servers of the store, where there are any, a few at a time.
    pub async fn drain(&self, over: Duration) {
        if self.core.store.others().is_none() {
            return;
        }
        let live: Vec<_> = self.directory.roster().connections.keys().copied().collect();
        let Ok(count @ 1..) = u32::try_from(live.len()) else { return };
        for id in live {
            if let Some(live) = self.directory.roster().connections.get(&id) {
                live.end(End::Shutdown);
            }
            tokio::time::sleep(over / count).await;
        }
    }

    /// Ends every connection, and takes no more.
    pub fn close(&self) {
        let mut roster = self.directory.roster();
        roster.closing = true;
        roster.connections.values().for_each(|live| live.end(End::Shutdown));
    }

    /// Connections of a session, and the seconds until it leaves memory because nobody came back to it.
    pub fn presence(&self, id: SessionId) -> (usize, Option<i64>) {
        let roster = self.directory.roster();
        let Some(live) = roster.connections.get(&id) else { return (0, None) };
        let newest = live.newest.filter(|_| live.link_dead());
        let connections = live.outboxes().count();
        drop(roster);
        let left = newest.and_then(|connection| self.deadline(id, connection));
        (connections, left.map(|deadline| deadline.duration_since(self.core.lived()).as_secs().max(0)))
    }

    /// Sessions with a connection of their player, and those that wait for one to come back.
    pub fn presences(&self) -> (usize, usize) {
        let roster = self.directory.roster();
        let connected = roster.connections.values().filter(|live| live.player.is_some()).count();
        (connected, roster.connections.values().filter(|live| live.link_dead()).count())
    }
}
