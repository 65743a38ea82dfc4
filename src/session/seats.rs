//! Seats: how sessions come into memory, are changed and written down there, and leave it.
//!
//! A session in memory holds one of `limit` places, from before anything is awaited for it until it has left. Each has a lock
//! of its own, its seat. Its holder may await the store, because nobody may act on a session while it is being read or written.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::contents::Contents;
use super::core::{Core, micros};
use super::directory::Directory;
use super::edit::Edit;
use super::error::SessionError;
use super::game_session::GameSession;
use super::lived::Moment;
use super::outbox::{End, Role};
use super::places::Place;
use super::roster::{Resident, Seat, Seated, Yields, idle_secs};
use crate::model::{Checkpoint, EventId, Meta, PlayerId, SessionId, Turn};
use crate::store::{StoreError, Thing};

/// Sessions that are written down at once when nobody plays any more: the disk waits for all of them together. In a sweep they come one
/// after the other, so that turns do not wait for them.
const AT_ONCE: usize = 32;
/// Turns that are told again at the most; a game has some three hundred.
const MAX_TOLD_AGAIN: u64 = 1_000;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions written down.
    pub checkpoints: usize,
    /// Sessions that left memory.
    pub evicted: usize,
    /// Sessions that could not be written down; they stay, and are tried again.
    pub failed: usize,
}

impl Swept {
    /// Counts a checkpoint, if one was written; whether all is well.
    fn count(&mut self, id: SessionId, written: Result<bool, SessionError>) -> bool {
        match written {
            Ok(written) => {
                self.checkpoints += usize::from(written);
                true
            }
            Err(error) => {
                tracing::error!(%id, %error, "a checkpoint failed; it will be tried again");
                self.failed += 1;
                false
            }
        }
    }
}

/// The sessions in memory.
pub(super) struct Seats {
    core: Arc<Core>,
    directory: Arc<Directory>,
    contents: Arc<Contents>,
}

impl Seats {
    pub fn new(core: Arc<Core>, directory: Arc<Directory>, contents: Arc<Contents>) -> Self {
        Self { core, directory, contents }
    }

    /// The owner's session, alone with the caller until they let go; read back from the store where it must be.
    pub async fn enter(self: &Arc<Self>, owner: PlayerId, id: SessionId) -> Result<Seated, SessionError> {
        self.enter_as(Role::Player, owner, id).await
    }

    /// The same for somebody who watches.
    pub async fn enter_as(
        self: &Arc<Self>,
        role: Role,
        owner: PlayerId,
        id: SessionId,
    ) -> Result<Seated, SessionError> {
        loop {
            if let Some(seat) = self.directory.seat_of(role, owner, id)? {
                let seated = seat.lock_owned().await;
                if seated.is_some() {
                    return Ok(seated);
                }
                // It left, or could not come, while this waited, and its empty seat was left in the map.
                let mut roster = self.directory.roster();
                if roster
                    .resident
                    .get(&id)
                    .is_some_and(|resident| Arc::ptr_eq(&resident.seat, OwnedMutexGuard::mutex(&seated)))
                {
                    roster.resident.remove(&id);
                }
                continue;
            }
            let place = self.make_room(owner).await?;
            let seat = Seat::default();
            let seated = seat.clone().lock_owned().await;
            {
                let mut roster = self.directory.roster();
                roster.summary(owner, id)?;
                if roster.resident.contains_key(&id) {
                    // Somebody else was faster. The place goes back.
                    continue;
                }
                roster.resident.insert(id, Resident::coming(seat));
            }
            return self.seat(id, seated, place).await;
        }
    }

    /// Like [`Self::enter`], for callers that can be stopped at any time: only waiting for the session's lock is done in place.
    pub async fn approach(self: &Arc<Self>, owner: PlayerId, id: SessionId) -> Result<Seated, SessionError> {
        if let Some(seat) = self.directory.seat_of(Role::Player, owner, id)? {
            let seated = seat.lock_owned().await;
            if seated.is_some() {
                return Ok(seated);
            }
        }
        let me = self.clone();
        self.core.task(async move { me.enter(owner, id).await }).await
    }

    /// Reads a session back into the empty seat that was set for it.
    async fn seat(&self, id: SessionId, mut seated: Seated, place: Place) -> Result<Seated, SessionError> {
        match self.load(id, place).await {
            Ok(session) => {
                self.core.counters.loads.fetch_add(1, Ordering::Relaxed);
                self.publish(id, &session, None);
                *seated = Some(session);
                Ok(seated)
            }
            Err(error) => {
                // It stays known: its owner is told what is wrong, each time, and it may come back.
                self.directory.roster().resident.remove(&id);
                Err(error)
            }
        }
    }

    async fn load(&self, id: SessionId, place: Place) -> Result<GameSession, SessionError> {
        let store = &self.core.store;
        let Some(checkpoint) = store.read(id).await? else {
            return Err(store.reject(Thing::Session(id), "it has gone".to_owned()).await.into());
        };
        let content = self.contents.of(&checkpoint.content).await?;
        let mut session = match GameSession::restore(checkpoint, content, place) {
            Ok(session) => session,
            Err(problem) => return Err(store.reject(Thing::Session(id), problem.to_string()).await.into()),
        };
        // That it was asked for counts, after a restart too.
        if store.is_behind(id) || self.core.settings().retention_days > 0 {
            session.touch();
        }
        Ok(session)
    }

    /// Reads a session again that the store has gone on with, without the copy in memory, and tells its connections what they missed.
    pub async fn reload(&self, id: SessionId, seated: &mut Seated) -> Result<(), SessionError> {
        let told = session(seated)?.event();
        let Some(place) = seated.take().map(GameSession::leave) else { return Ok(()) };
        let session = match self.load(id, place).await {
            Ok(session) => seated.insert(session),
            Err(error) => {
                let mut roster = self.directory.roster();
                roster.resident.remove(&id);
                self.directory.disconnect_all(&mut roster, id, End::Left);
                return Err(error);
            }
        };
        let missed = self.turns_since(session, told).await.unwrap_or_else(|error| {
            tracing::error!(%error, %id, "what its connections missed cannot be read; they are sent away, and come back");
            None
        });
        match &missed {
            Some(missed) => missed.iter().for_each(|turn| self.publish(id, session, Some(turn))),
            // What they were told has not happened, or nobody can tell now: they come back, and are told.
            None => self.directory.disconnect_all(&mut self.directory.roster(), id, End::Left),
        }
        self.publish(id, session, None);
        Ok(())
    }

    /// Reads a session again where it is in memory and the store has gone on with it.
    pub async fn freshen(&self, id: SessionId, event: EventId) -> Result<(), SessionError> {
        let seat = match self.directory.roster().resident.get(&id) {
            Some(resident) if resident.shown.as_ref().is_none_or(|shown| shown.event != event) => resident.seat.clone(),
            _ => return Ok(()),
        };
        let mut seated = seat.lock_owned().await;
        let Some(session) = seated.as_ref() else { return Ok(()) };
        let own = session.event();
        // A turn of this server may have been taken since the store was looked at.
        if own == event || (own.revision() > event.revision() && self.core.store.stands_at(id, own).await?) {
            return Ok(());
        }
        self.reload(id, &mut seated).await
    }

    /// What no turn changes of a session in memory, as another server has changed it.
    pub async fn learn_meta(&self, id: SessionId, meta: &Meta) {
        let seat = self.directory.roster().resident.get(&id).map(|resident| resident.seat.clone());
        let Some(seat) = seat else { return };
        let mut seated = seat.lock_owned().await;
        if let Some(session) = seated.as_mut() {
            session.learn(meta);
            self.publish(id, session, None);
        }
    }

    /// A session is gone for good, as another server says.
    pub async fn give_up(&self, id: SessionId, end: End) {
        let seat = self.directory.roster().resident.get(&id).map(|resident| resident.seat.clone());
        let mut seated = match seat {
            Some(seat) => Some(seat.lock_owned().await),
            None => None,
        };
        let mut roster = self.directory.roster();
        roster.remove(id);
        roster.resident.remove(&id);
        roster.awaiting_verdict.remove(&id);
        self.directory.disconnect_all(&mut roster, id, end);
        drop(roster);
        drop(seated.as_mut().and_then(|seated| seated.take()).map(GameSession::leave));
    }

    /// The turns of a session since an event; none where that cannot be told without a gap. The caller holds its seat.
    pub async fn turns_since(
        &self,
        session: &GameSession,
        last: EventId,
    ) -> Result<Option<Vec<Arc<Turn>>>, SessionError> {
        let head = session.event();
        if last.revision() == head.revision() {
            return Ok((last == head).then(Vec::new));
        }
        let (after, up_to) = (last.revision(), head.revision());
        if after > up_to || up_to - after > MAX_TOLD_AGAIN {
            return Ok(None);
        }
        // The turn that led to the event is read too, to see that it is the same.
        let turns = self.core.store.turns(session.id(), after.saturating_sub(1), up_to, usize::MAX).await?;
        let mut turns: Vec<_> = turns.into_iter().map(Arc::new).collect();
        let known = if after == 0 { Some(session.first_event()) } else { turns.first().map(|turn| EventId::of(turn)) };
        if after > 0 && !turns.is_empty() {
            turns.remove(0);
        }
        let whole = turns.iter().map(|turn| turn.revision).eq(after + 1..=up_to);
        Ok((known == Some(last) && whole).then_some(turns))
    }

    /// A place in memory: a free one, or that of somebody who can give way. It is taken before anything is awaited.
    pub async fn make_room(&self, owner: PlayerId) -> Result<Place, SessionError> {
        loop {
            if let Some(place) = self.core.places.take() {
                return Ok(place);
            }
            let place = self.clear_place(Some(owner)).await?;
            if let Some(place) = place.and_then(|place| self.core.places.hand_on(place)) {
                return Ok(place);
            }
        }
    }

    /// Makes a session leave that can; none where it was asked for meanwhile.
    async fn clear_place(&self, asks: Option<PlayerId>) -> Result<Option<Place>, SessionError> {
        let now = self.core.lived();
        let victim = self.directory.roster().victim(asks, now, &self.core.settings());
        let Some((id, seat, why)) = victim else { return Err(self.limit_reached(now)) };
        let mut seated = seat.lock_owned().await;
        let result = self.make_leave(id, &mut seated, why).await;
        if let Some(resident) = self.directory.roster().resident.get_mut(&id) {
            resident.leaving = false;
        }
        result
    }

    /// After the limit was lowered: makes those leave who can.
    pub async fn shrink(&self) {
        while self.core.places.is_crowded() {
            match self.clear_place(None).await {
                Ok(place) => drop(place.and_then(|place| self.core.places.hand_on(place))),
                // All of them are in use, or cannot be written; at the next sweep again.
                Err(_) => return,
            }
        }
    }

    /// Lets a session leave for another one; not if it was asked for in the meantime.
    async fn make_leave(&self, id: SessionId, seated: &mut Seated, why: Yields) -> Result<Option<Place>, SessionError> {
        let Some(session) = seated.as_mut() else { return Ok(None) };
        self.checkpoint(id, session).await?;
        let now = self.core.lived();
        {
            let mut roster = self.directory.roster();
            if !roster.still_yields(id, why, now, self.core.settings().yield_secs) {
                return Ok(None);
            }
            if why == Yields::Crowded {
                self.directory.disconnect_all(&mut roster, id, End::Crowded);
            }
        }
        Ok(self.unseat(id, seated))
    }

    /// Takes a session that is written down out of memory.
    pub fn unseat(&self, id: SessionId, seated: &mut Seated) -> Option<Place> {
        let session = seated.take()?;
        let mut roster = self.directory.roster();
        roster.resident.remove(&id);
        self.directory.disconnect_all(&mut roster, id, End::Left);
        drop(roster);
        self.core.counters.evictions.fetch_add(1, Ordering::Relaxed);
        Some(session.leave())
    }

    fn limit_reached(&self, now: Timestamp) -> SessionError {
        let (roster, settings) = (self.directory.roster(), self.core.settings());
        let longest =
            roster.resident.keys().filter_map(|id| roster.known.get(id)).map(|summary| idle_secs(summary, now)).max();
        let wait = settings.yield_secs - longest.unwrap_or(0);
        SessionError::LimitReached { limit: settings.limit, retry_after: wait.clamp(1, 3600) }
    }

    /// Writes a session down if a checkpoint would say something new; whether it did. The caller holds its seat, so that nobody
    /// acts on it meanwhile.
    pub async fn checkpoint(&self, id: SessionId, session: &mut GameSession) -> Result<bool, SessionError> {
        if !session.dirty() {
            return Ok(false);
        }
        let checkpoint = self.form(id, session);
        let content = checkpoint.content.clone();
        self.written(session, &content, self.core.store.save(checkpoint)).await?;
        Ok(true)
    }

    /// Writes a new session down.
    pub async fn write_first(&self, id: SessionId, session: &mut GameSession, now: Moment) -> Result<(), SessionError> {
        let checkpoint = session.checkpoint(now);
        let created = async {
            self.contents.keep(&checkpoint.content).await?;
            self.core.store.create(checkpoint).await
        };
        let written = self.counted(created.await);
        if let Err(error) = &written {
            tracing::error!(%id, %error, "a new session could not be written");
        }
        written?;
        session.saved();
        Ok(())
    }

    /// Writes a session down that has another name.
    pub async fn write_name(&self, id: SessionId, session: &mut GameSession) -> Result<(), SessionError> {
        let checkpoint = self.form(id, session);
        let content = checkpoint.content.clone();
        self.written(session, &content, self.core.store.rename(checkpoint)).await
    }

    /// Writes a session down in which a save has taken its game's place; whether it stood where its holder thinks it did.
    pub async fn write_load(
        &self,
        id: SessionId,
        session: &mut GameSession,
        before: EventId,
        load: Arc<Turn>,
    ) -> Result<bool, SessionError> {
        let checkpoint = self.form(id, session);
        let content = checkpoint.content.clone();
        let mut taken = false;
        let write = async {
            taken = self.core.store.load(before, checkpoint, load).await?;
            Ok(())
        };
        self.written(session, &content, write).await?;
        Ok(taken)
    }

    /// A session as it is to be stored now.
    fn form(&self, id: SessionId, session: &GameSession) -> Checkpoint {
        let known = self
            .directory
            .roster()
            .known
            .get(&id)
            .map(|summary| Moment { wall: summary.last_activity, lived: summary.active });
        session.checkpoint(known.unwrap_or_else(|| self.core.moment()))
    }

    /// Counts what is written of a session, and notes that it was.
    async fn written(
        &self,
        session: &mut GameSession,
        content: &str,
        write: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), SessionError> {
        let began = Instant::now();
        let written = async {
            self.contents.keep(content).await?;
            write.await
        };
        let written = self.counted(written.await);
        self.core.counters.last_checkpoint_micros.store(micros(began), Ordering::Relaxed);
        written?;
        session.saved();
        Ok(())
    }

    fn counted(&self, written: Result<(), StoreError>) -> Result<(), StoreError> {
        let counters = &self.core.counters;
        let counter = if written.is_ok() { &counters.checkpoints } else { &counters.checkpoint_failures };
        counter.fetch_add(1, Ordering::Relaxed);
        written
    }

    /// Shows readers what has become of a session, and tells its connections of the turn that led there.
    pub fn publish(&self, id: SessionId, session: &GameSession, turn: Option<&Arc<Turn>>) {
        let mut roster = self.directory.roster();
        if let Some(summary) = roster.known.get_mut(&id) {
            session.tell(summary);
        }
        if session.awaits_verdict() {
            roster.awaiting_verdict.insert(id);
        }
        let snapshot = session.snapshot();
        if let (Some(live), Some(turn)) = (roster.connections.get(&id), turn) {
            let slow = live.tell(turn, &snapshot);
            self.core.counters.slow_readers.fetch_add(slow as u64, Ordering::Relaxed);
        }
        if let Some(resident) = roster.resident.get_mut(&id) {
            resident.shown = Some(snapshot);
        }
    }

    /// Works on what is stored of a session that is not in memory; a request that brings it back waits. None where it is in memory,
    /// or being buried.
    pub async fn while_stored<T>(
        &self,
        id: SessionId,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<Option<T>, SessionError> {
        let seat = Seat::default();
        // Nobody else has seen this seat: the lock is free.
        let seated = seat.clone().lock_owned().await;
        {
            let mut roster = self.directory.roster();
            if roster.resident.contains_key(&id) || !roster.known.contains_key(&id) {
                return Ok(None);
            }
            roster.resident.insert(id, Resident { leaving: true, ..Resident::coming(seat) });
        }
        let done = work.await;
        self.directory.roster().resident.remove(&id);
        drop(seated);
        Ok(Some(done?))
    }

    /// Changes a session where it is: in memory, or as it is stored. Needs no place in memory.
    pub async fn edit(&self, owner: PlayerId, id: SessionId, edit: Edit) -> Result<(), SessionError> {
        loop {
            let seat = {
                let mut roster = self.directory.roster();
                let summary = roster.summary(owner, id)?;
                if !edit.is_wanted(summary.meta.ranked, summary.end.is_some()) {
                    return Ok(());
                }
                roster.resident.get(&id).map(|resident| resident.seat.clone())
            };
            if let Some(seat) = seat {
                let mut seated = seat.lock_owned().await;
                let Some(session) = seated.as_mut() else {
                    // It left while this waited.
                    tokio::task::yield_now().await;
                    continue;
                };
                session.edit(edit);
                if edit.is_urgent() {
                    self.checkpoint(id, session).await?;
                }
                self.publish(id, session, None);
                return Ok(());
            }
            let store = &self.core.store;
            let change = async {
                let Some(mut form) = store.read(id).await? else { return Ok(()) };
                edit.apply(&mut form.ranked, &mut form.challenge);
                store.save(form).await
            };
            if self.while_stored(id, change).await?.is_some() {
                if let Some(summary) = self.directory.roster().known.get_mut(&id) {
                    let meta = Arc::make_mut(&mut summary.meta);
                    edit.apply(&mut meta.ranked, &mut meta.challenge);
                }
                return Ok(());
            }
        }
    }

    /// A session as it would be stored now. Needs no place in memory.
    pub async fn stored_form(&self, owner: PlayerId, id: SessionId) -> Result<Checkpoint, SessionError> {
        loop {
            let seat = {
                let mut roster = self.directory.roster();
                roster.summary(owner, id)?;
                roster.resident.get(&id).map(|resident| resident.seat.clone())
            };
            if let Some(seat) = seat {
                // It may have left while this waited.
                let seated = seat.lock_owned().await;
                let Some(form) = seated.as_ref().map(|session| session.checkpoint(self.core.moment())) else {
                    drop(seated);
                    tokio::task::yield_now().await;
                    continue;
                };
                return Ok(form);
            }
            // Alone, because what is damaged is written anew.
            if let Some(stored) = self.while_stored(id, self.core.store.read(id)).await? {
                return stored.ok_or(SessionError::NotFound);
            }
        }
    }

    /// Writes down what changed, and lets what is idle leave memory.
    pub async fn sweep(&self, swept: &mut Swept) {
        let now = self.core.lived();
        let is_idle = |id| self.directory.roster().idle(id, now, self.core.settings().idle_secs);
        for (id, seat) in self.seats(|resident| !resident.leaving) {
            let mut seated = seat.lock_owned().await;
            let Some(session) = seated.as_mut() else { continue };
            if !swept.count(id, self.checkpoint(id, session).await) {
                continue;
            }
            if is_idle(id) {
                self.unseat(id, &mut seated);
                swept.evicted += 1;
            }
        }
    }

    /// Writes down everything that changed; for the end. The number of sessions that could not be written.
    pub async fn checkpoint_all(&self) -> usize {
        let written = stream::iter(self.seats(|_| true)).map(|(id, seat)| async move {
            let mut seated = seat.lock_owned().await;
            let session = seated.as_mut()?;
            Some((id, self.checkpoint(id, session).await))
        });
        let mut swept = Swept::default();
        let mut written = pin!(written.buffer_unordered(AT_ONCE));
        while let Some(written) = written.next().await {
            let Some((id, written)) = written else { continue };
            swept.count(id, written);
        }
        swept.failed
    }

    fn seats(&self, which: impl Fn(&Resident) -> bool) -> Vec<(SessionId, Seat)> {
        let roster = self.directory.roster();
        let seats = roster.resident.iter().filter(|(_, resident)| which(resident));
        seats.map(|(id, resident)| (*id, resident.seat.clone())).collect()
    }

    /// Brings sessions up to date in the store that are not in memory.
    pub async fn settle(&self, swept: &mut Swept) {
        for id in self.core.store.behind() {
            let settled = self.while_stored(id, self.core.store.catch_up(id)).await;
            swept.count(id, settled.map(|settled| settled.is_some()));
        }
    }
}

/// The session in a seat that was entered.
pub(super) fn session(seated: &Seated) -> Result<&GameSession, SessionError> {
    seated.as_ref().ok_or_else(|| SessionError::Internal("an empty seat was entered".to_owned()))
}

/// See [`session`].
pub(super) fn session_mut(seated: &mut Seated) -> Result<&mut GameSession, SessionError> {
    seated.as_mut().ok_or_else(|| SessionError::Internal("an empty seat was entered".to_owned()))
}
