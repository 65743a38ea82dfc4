//! The directory: every session that is known, and what is under way with it. All of it stands under one short lock that is never held
//! over an await.

use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::core::Core;
use super::error::SessionError;
use super::game_session::Summary;
use super::outbox::{End, Role};
use super::roster::{Roster, Seat};
use crate::model::{PlayerId, SLOTS, SessionId};
use crate::store::StoreError;

/// Commands that are under way or wait for a session; beyond, they are refused.
const MAX_COMMANDS: usize = 128;

/// A session in lists.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Which.
    pub id: SessionId,
    /// What is told of it.
    pub summary: Summary,
    /// Whether it is in memory.
    pub resident: bool,
}

/// A command and its key, which are under way as long as this lives.
pub(super) struct Running {
    directory: Arc<Directory>,
    id: SessionId,
    key: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut roster = self.directory.roster();
        let Entry::Occupied(mut commands) = roster.commands.entry(self.id) else { return };
        commands.get_mut().count -= 1;
        if let Some(key) = &self.key {
            commands.get_mut().keys.retain(|each| each != key);
        }
        if commands.get().count == 0 {
            commands.remove();
        }
    }
}

/// Every session that is known.
pub struct Directory {
    core: Arc<Core>,
    roster: Mutex<Roster>,
    /// Held while sessions are tried again that could not be read.
    readmitting: tokio::sync::Mutex<()>,
    /// The last session has left memory.
    empty: Notify,
}

impl Directory {
    pub(super) fn new(core: Arc<Core>, roster: Roster) -> Self {
        Self { core, roster: Mutex::new(roster), readmitting: tokio::sync::Mutex::default(), empty: Notify::new() }
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock()
    }

    /// The owner's session. Where it could not be read it is tried again, for the next time.
    pub(super) fn summary<'a>(
        self: &Arc<Self>,
        roster: &'a mut Roster,
        owner: PlayerId,
        id: SessionId,
    ) -> Result<&'a mut Summary, SessionError> {
        let summary = roster.summary(owner, id);
        if let Err(SessionError::Unread { damaged: false }) = &summary {
            let me = self.clone();
            self.core.spawn(async move { me.readmit().await });
        }
        summary
    }

    /// That its player asks for a session is activity; that others watch it is none.
    pub(super) fn touch(&self, role: Role, summary: &mut Summary) {
        if role == Role::Player {
            summary.touch(self.core.moment());
        }
    }

    /// Where the owner's session sits, if it is in memory.
    pub(super) fn seat_of(
        self: &Arc<Self>,
        role: Role,
        owner: PlayerId,
        id: SessionId,
    ) -> Result<Option<Seat>, SessionError> {
        let mut roster = self.roster();
        self.touch(role, self.summary(&mut roster, owner, id)?);
        Ok(roster.resident.get(&id).map(|resident| resident.seat.clone()))
    }

    /// Whether a session is in memory, or on its way there.
    pub fn is_here(&self, id: SessionId) -> bool {
        self.roster().resident.contains_key(&id)
    }

    /// Whose a session is, or was, as long as its tombstone stands.
    pub(super) fn owner_of(&self, id: SessionId) -> Option<PlayerId> {
        let roster = self.roster();
        let summary = roster.known.get(&id).map(|summary| summary.meta.owner);
        summary.or_else(|| roster.tombstones.by_id.get(&id).map(|stone| PlayerId(stone.owner)))
    }

    /// Whether a player has a game or a save.
    pub(super) fn has_anything(&self, player: PlayerId) -> bool {
        let roster = self.roster();
        roster.by_owner.contains_key(&player)
            || SLOTS.into_iter().any(|number| roster.slots.contains(&(player, number)))
    }

    /// Remembers where a player was seen, for the shares of addresses.
    pub fn seen(&self, player: PlayerId, from: IpAddr) {
        self.roster().see(player, from);
    }

    /// Counts a command, and marks its key as under way, until the answer is dropped.
    pub(super) fn claim(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        key: Option<String>,
    ) -> Result<Running, SessionError> {
        let mut roster = self.roster();
        self.summary(&mut roster, owner, id)?;
        let commands = roster.commands.entry(id).or_default();
        if key.as_ref().is_some_and(|key| commands.keys.contains(key)) {
            return Err(SessionError::KeyRunning);
        }
        if commands.count >= MAX_COMMANDS {
            return Err(SessionError::Busy { limit: MAX_COMMANDS });
        }
        commands.count += 1;
        commands.keys.extend(key.clone());
        drop(roster);
        Ok(Running { directory: self.clone(), id, key })
    }

    /// A player's own sessions, oldest first.
    pub fn list(&self, owner: PlayerId) -> Vec<Listed> {
        let roster = self.roster();
        let own = roster.by_owner.get(&owner).into_iter().flatten();
        let listed = |id: &SessionId| {
            let (summary, resident) = (roster.known.get(id)?.clone(), roster.resident.contains_key(id));
            Some(Listed { id: *id, summary, resident })
        };
        own.filter_map(listed).collect()
    }

    /// The sessions in memory, for reports.
    pub fn residents(&self) -> Vec<Listed> {
        let roster = self.roster();
        let resident = roster.resident.iter().filter(|(_, resident)| resident.shown.is_some());
        let mut list: Vec<_> = resident
            .filter_map(|(id, _)| {
                roster.known.get(id).map(|summary| Listed { id: *id, summary: summary.clone(), resident: true })
            })
            .collect();
        list.sort_by_key(|listed| listed.id);
        list
    }

    /// Ends the connections of a session that is in memory no more.
    pub(super) fn disconnect_all(&self, roster: &mut Roster, id: SessionId, end: End) {
        if let Some(live) = roster.connections.remove(&id) {
            live.end(end);
        }
        if roster.resident.is_empty() {
            self.empty.notify_one();
        }
    }

    /// Ends a player's own connections to their sessions.
    pub(super) fn disconnect_player(&self, player: PlayerId, end: End) {
        let roster = self.roster();
        let own = roster.by_owner.get(&player).into_iter().flatten().filter_map(|id| roster.connections.get(id));
        own.filter_map(|live| live.player.as_ref()).for_each(|(_, outbox)| outbox.end(end));
    }

    /// Waits until the last session has left memory.
    pub async fn emptied(&self) {
        self.empty.notified().await;
    }

    /// Tries to read sessions again that could not be read. Once at a time.
    pub async fn readmit(&self) {
        let Ok(_alone) = self.readmitting.try_lock() else { return };
        let unread: Vec<_> = self.roster().unread.iter().filter(|(_, damaged)| !**damaged).map(|(id, _)| *id).collect();
        for id in unread {
            match self.core.store.header(id).await {
                Ok(header) => {
                    let mut roster = self.roster();
                    if header.is_none() && self.core.store.is_behind(id) {
                        // It is on its way back, perhaps.
                        continue;
                    }
                    roster.unread.remove(&id);
                    if let Some(header) = header {
                        let (id, summary) = Summary::of(header);
                        tracing::info!(%id, "a session can be read again");
                        roster.insert(id, summary);
                    }
                }
                Err(error) => {
                    tracing::error!(%id, %error, "a session cannot be read yet");
                    if matches!(error, StoreError::Damaged { .. }) {
                        self.roster().unread.insert(id, true);
                    }
                }
            }
        }
    }

    /// Forgets tombstones that have stood long enough.
    pub(super) async fn prune_tombstones(&self) {
        let now = self.core.lived();
        let standing = {
            let mut roster = self.roster();
            roster.tombstones.prune(now);
            roster.tombstones.order.len()
        };
        if let Err(error) = self.core.store.prune_tombstones(now, standing).await {
            tracing::error!(%error, "old tombstones could not be forgotten; it will be tried again");
        }
    }
}
