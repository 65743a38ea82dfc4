//! Deleting sessions for good: because their player says so, to make room, or because nobody has asked for them in so long.

use std::sync::Arc;

use super::core::Core;
use super::directory::Directory;
use super::error::SessionError;
use super::game_session::{Expected, GameSession, Summary};
use super::judge::Judge;
use super::outbox::End;
use super::presence::Presences;
use super::roster::{Resident, Seated};
use super::seats::Seats;
use crate::model::{self, Departure, EventId, PlayerId, SessionId, Tombstone};
use crate::store::{Rung, StoreError};

/// Deletes sessions.
pub(super) struct Deletion {
    core: Arc<Core>,
    directory: Arc<Directory>,
    seats: Arc<Seats>,
    presences: Arc<Presences>,
    judge: Arc<Judge>,
}

impl Deletion {
    pub fn new(
        core: Arc<Core>,
        directory: Arc<Directory>,
        seats: Arc<Seats>,
        presences: Arc<Presences>,
        judge: Arc<Judge>,
    ) -> Self {
        Self { core, directory, seats, presences, judge }
    }

    /// Removes for good what nobody has asked for in so long.
    pub async fn retire_forgotten(self: &Arc<Self>) {
        let Self { core, directory, .. } = &**self;
        let (now, secs) = (core.lived(), core.settings().retention_days * 24 * 3600);
        let forgotten: Vec<_> = {
            let roster = directory.roster();
            let known = roster.known.iter().filter(|(id, _)| roster.idle(**id, now, secs));
            known.map(|(id, summary)| (*id, summary.meta.owner)).collect()
        };
        for (id, owner) in forgotten {
            // It may have been asked for while this waited for the ones before.
            if directory.roster().idle(id, now, secs)
                && let Err(error) = self.delete(owner, id, Departure::Timeout, Expected::Any).await
            {
                tracing::error!(%id, %error, "a forgotten session could not be removed; it will be tried again");
            }
        }
    }

    /// Deletes a session for good, and leaves a tombstone. Needs no place in memory.
    pub async fn delete(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        reason: Departure,
        expected: Expected,
    ) -> Result<(), SessionError> {
        let me = self.clone();
        self.core.task(async move { me.bury(owner, id, reason, expected).await }).await
    }

    async fn bury(
        &self,
        owner: PlayerId,
        id: SessionId,
        reason: Departure,
        expected: Expected,
    ) -> Result<(), SessionError> {
        let Self { core, directory, .. } = self;
        let shown = {
            let mut roster = directory.roster();
            roster.summary(owner, id)?;
            roster.resident.get(&id).and_then(|resident| resident.shown.as_ref().map(|shown| shown.event))
        };
        self.is_as_expected(id, shown, &expected).await?;
        let (expired_at, lived) = (core.now(), core.lived());
        // From here on nobody finds it any more.
        let (mut tombstone, summary, resident) = {
            let mut roster = directory.roster();
            let summary = roster.summary(owner, id)?;
            let tombstone = Tombstone {
                version: model::VERSION,
                session_id: id.0,
                revision: summary.revision,
                owner: owner.0,
                expired_at,
                lived: Some(lived),
                reason,
                begun_with: summary.meta.begun_with.as_deref().cloned(),
            };
            roster.tombstones.insert(tombstone.clone());
            (tombstone, roster.remove(id), roster.resident.remove(&id))
        };
        // An action under way finishes first, and none begins until it is buried.
        let mut seated = match &resident {
            Some(resident) => Some(resident.seat.clone().lock_owned().await),
            None => None,
        };
        let session = seated.as_ref().and_then(|seated| seated.as_ref());
        tombstone.revision = session.map_or(tombstone.revision, GameSession::revision);
        // Again, because now nothing can happen to it any more that the client has not seen.
        let may = match self.is_as_expected(id, session.map(GameSession::event), &expected).await {
            Ok(()) => self.last_verdict(id, session, summary.as_ref()).await,
            stale => stale,
        };
        let buried = match may {
            Ok(()) => self.write_down(tombstone).await,
            not => not,
        };
        if buried.is_err() {
            self.unbury(id, summary, resident, seated.as_ref());
            return buried;
        }
        core.ring(Rung::Session(id));
        seated.as_mut().and_then(|seated| seated.take());
        let gone = End::Gone { expired_at, reason };
        let mut roster = directory.roster();
        roster.awaiting_verdict.remove(&id);
        directory.disconnect_all(&mut roster, id, gone);
        Ok(())
    }

    async fn write_down(&self, tombstone: Tombstone) -> Result<(), SessionError> {
        // Somebody else may have moved it: the next request sees that.
        if self.core.store.bury(tombstone).await? { Ok(()) } else { Err(SessionError::Contended) }
    }

    /// A session could not be buried, and is found again.
    fn unbury(&self, id: SessionId, summary: Option<Summary>, resident: Option<Resident>, seated: Option<&Seated>) {
        let Self { directory, seats, presences, .. } = self;
        let session = seated.and_then(|seated| seated.as_ref());
        let mut roster = directory.roster();
        roster.tombstones.remove(id);
        if let Some(summary) = summary {
            if summary.awaits_verdict() {
                roster.awaiting_verdict.insert(id);
            }
            roster.insert(id, summary);
        }
        // An empty seat would be waited at for ever.
        if let Some(resident) = resident.filter(|_| session.is_some()) {
            roster.resident.insert(id, resident);
        }
        // Its connection may have dropped meanwhile, and its timer have found nothing to wait for.
        if let Some(live) = roster.connections.get_mut(&id) {
            presences.set_timer(id, live);
        }
        drop(roster);
        // What happened while it was out of the roster.
        if let Some(session) = session {
            seats.publish(id, session, None);
        }
    }

    /// Whether a session is what the client that deletes it has seen last: by its event, or if it is not in memory as it is stored.
    async fn is_as_expected(
        &self,
        id: SessionId,
        event: Option<EventId>,
        expected: &Expected,
    ) -> Result<(), SessionError> {
        if *expected == Expected::Any {
            return Ok(());
        }
        if let Some(event) = event {
            return expected.check(event);
        }
        let form = self.core.store.read(id).await?.ok_or(SessionError::NotFound)?;
        expected.check(EventId::new(form.revision, &form.state.digest(&form.star_map.digest())))
    }

    /// A game that was finished counts before it goes, so that nobody plays the day again. The caller holds its seat, if it has one.
    async fn last_verdict(
        &self,
        id: SessionId,
        session: Option<&GameSession>,
        summary: Option<&Summary>,
    ) -> Result<(), SessionError> {
        let core = &self.core;
        let form = match session {
            Some(session) => session.awaits_verdict().then(|| session.checkpoint(core.moment())),
            None if summary.is_some_and(Summary::awaits_verdict) => match core.store.read(id).await {
                // Nobody can tell what became of it.
                Err(StoreError::Damaged { .. } | StoreError::Newer { .. }) => None,
                read => read?,
            },
            None => None,
        };
        match form {
            Some(form) => self.judge.verdict(form).await.map(drop),
            None => Ok(()),
        }
    }
}
