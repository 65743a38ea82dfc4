//! What other servers of the store have done. What is in memory is brought up to date before a request is answered from it, and
//! the connections of a session are told what has happened to it elsewhere. A store that is this server's alone has none of it.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::beginnings::Beginnings;
use super::core::Core;
use super::directory::Directory;
use super::error::SessionError;
use super::game_session::Summary;
use super::outbox::End;
use super::seats::Seats;
use super::tokens::Tokens;
use crate::model::{Nonces, PlayerId, SessionId, Tombstone};
use crate::store::{self, Belongings, Head, News, Rung, Standing, StoreError};

/// Looks what other servers have done.
pub struct Others {
    pub(super) core: Arc<Core>,
    pub(super) directory: Arc<Directory>,
    pub(super) seats: Arc<Seats>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) beginnings: Arc<Beginnings>,
}

impl Others {
    /// Whether there may be any.
    pub fn are_there(&self) -> bool {
        self.core.store.others().is_some()
    }

    /// Brings up to date what is known of a session, or where none is named of all that a player has; and of the player's tokens.
    pub async fn catch_up(
        self: &Arc<Self>,
        player: Option<PlayerId>,
        session: Option<SessionId>,
    ) -> Result<(), SessionError> {
        if !self.are_there() {
            return Ok(());
        }
        let me = self.clone();
        // A client that hangs up does not stop it halfway.
        let work = async move {
            let Some(others) = me.core.store.others() else { return Ok(()) };
            match (session, player) {
                (Some(id), player) => me.learn(id, others.look(Some(id), player).await?).await,
                (None, Some(player)) => me.learn_all(player, others.belongings(player).await?).await,
                (None, None) => Ok(()),
            }
        };
        self.core.task(work).await
    }

    async fn learn(&self, id: SessionId, news: News) -> Result<(), SessionError> {
        let News { session, stone, nonces } = news;
        self.learn_nonces(nonces);
        match session {
            Some(standing) => self.learn_session(standing).await,
            None => {
                self.forget(id, stone).await;
                Ok(())
            }
        }
    }

    async fn learn_all(&self, player: PlayerId, belongings: Belongings) -> Result<(), SessionError> {
        let Belongings { sessions, slots, begun, nonces } = belongings;
        self.learn_nonces(nonces);
        self.beginnings.learn(begun);
        let there: HashSet<_> = sessions.iter().map(|standing| SessionId(standing.header.session_id)).collect();
        for standing in sessions {
            self.learn_session(standing).await?;
        }
        let gone: Vec<_> = {
            let mut roster = self.directory.roster();
            roster.slots.retain(|(owner, number)| *owner != player || slots.contains(number));
            roster.slots.extend(slots.into_iter().map(|number| (player, number)));
            // Another server may have written another save into one.
            roster.shown_slots.retain(|(owner, _), _| *owner != player);
            let own = roster.by_owner.get(&player).into_iter().flatten();
            own.copied().filter(|id| !there.contains(id)).collect()
        };
        for id in gone {
            let Some(others) = self.core.store.others() else { continue };
            // One that is being begun here may be there by now; and of one that is damaged nothing new can be told.
            match others.look(Some(id), None).await {
                Err(StoreError::Damaged { .. }) => {}
                news => self.learn(id, news?).await?,
            }
        }
        Ok(())
    }

    fn learn_nonces(&self, nonces: Option<Nonces>) {
        if let Some(nonces) = nonces {
            let player = PlayerId(nonces.player);
            if self.tokens.learn(nonces) {
                self.directory.disconnect_player(player, End::Revoked);
            }
        }
    }

    async fn learn_session(&self, standing: Standing) -> Result<(), SessionError> {
        let Standing { header, event, newest, is_elsewhere } = standing;
        let (id, mut new) = Summary::of(*header);
        new.is_elsewhere = is_elsewhere;
        let changed = {
            let mut roster = self.directory.roster();
            roster.unread.remove(&id);
            if new.awaits_verdict() {
                roster.awaiting_verdict.insert(id);
            }
            match roster.known.get_mut(&id) {
                Some(known) => {
                    let meta = (known.meta != new.meta).then(|| new.meta.clone());
                    known.learn(new);
                    meta
                }
                None => {
                    roster.insert(id, new);
                    None
                }
            }
        };
        if let Some(meta) = changed {
            self.seats.learn_meta(id, &meta).await;
        }
        self.replace(id, newest).await?;
        self.seats.freshen(id, event).await
    }

    /// A player's connection to this server ends where a newer one has come elsewhere.
    async fn replace(&self, id: SessionId, newest: Option<Uuid>) -> Result<(), SessionError> {
        let seat = {
            let roster = self.directory.roster();
            let replaced = roster.connections.get(&id).is_some_and(|live| live.is_replaced_by(newest));
            roster.resident.get(&id).filter(|_| replaced).map(|resident| resident.seat.clone())
        };
        let (Some(seat), Some(others)) = (seat, self.core.store.others()) else { return Ok(()) };
        // One may have come here since the store was looked at; none comes while this holds the seat.
        let seated = seat.lock_owned().await;
        let newest = others.heads(vec![id]).await?.first().and_then(|head| head.newest);
        if let Some(live) = self.directory.roster().connections.get_mut(&id) {
            live.replaced_by(newest);
        }
        drop(seated);
        Ok(())
    }

    /// A session is not there.
    async fn forget(&self, id: SessionId, stone: Option<Tombstone>) {
        let end = match &stone {
            Some(stone) => End::Gone { expired_at: stone.expired_at, reason: stone.reason },
            None => End::Left,
        };
        {
            let mut roster = self.directory.roster();
            // One that is being begun here is not written down yet.
            let coming = roster.resident.get(&id).is_some_and(|resident| resident.shown.is_none());
            if coming && stone.is_none() {
                return;
            }
            if let Some(stone) = stone {
                roster.tombstones.insert(stone);
            }
            if !roster.known.contains_key(&id) {
                return;
            }
        }
        self.seats.give_up(id, end).await;
    }

    /// Looks again and again, and whenever somebody says that there is something to see, until it is told to stop.
    pub async fn run(self: Arc<Self>, mut stopped: oneshot::Receiver<()>) {
        let Some(others) = self.core.store.others() else { return };
        let mut round = tokio::time::interval(others.poll());
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let looked = tokio::select! {
                _ = &mut stopped => return,
                rung = others.heard() => self.answer(rung).await,
                _ = round.tick() => self.look_round(others).await,
            };
            if let Err(error) = looked {
                tracing::error!(%error, "what other servers have done could not be seen; it will be tried again");
            }
        }
    }

    /// Looks at what is said to have changed, where somebody here may want to know.
    async fn answer(self: &Arc<Self>, rung: Vec<Rung>) -> Result<(), SessionError> {
        for rung in rung {
            match rung {
                Rung::Session(id) if self.directory.roster().connections.contains_key(&id) => {
                    self.catch_up(None, Some(id)).await?;
                }
                Rung::Session(_) => {}
                Rung::Player(player) => self.catch_up(Some(player), None).await?,
            }
        }
        Ok(())
    }

    /// Looks at all sessions that somebody is connected to here.
    async fn look_round(self: &Arc<Self>, others: &dyn store::Others) -> Result<(), SessionError> {
        let live: Vec<_> = self.directory.roster().connections.keys().copied().collect();
        if live.is_empty() {
            return Ok(());
        }
        let mut left: HashSet<_> = live.iter().copied().collect();
        for Head { id, event, newest, logged_out } in others.heads(live).await? {
            let roster = self.directory.roster();
            let shown = roster.resident.get(&id).and_then(|resident| resident.shown.as_ref());
            let same = shown.is_none_or(|shown| shown.event == event);
            let replaced = roster.connections.get(&id).is_some_and(|live| live.is_replaced_by(newest));
            if same && !replaced && !logged_out {
                left.remove(&id);
            }
        }
        // Those that have moved, whose players have gone elsewhere or for good, and those that are not there.
        for id in left {
            self.catch_up(None, Some(id)).await?;
        }
        Ok(())
    }
}
