//! What players do with their sessions: begin, look at, act, rename, page through, delete. Work that touches the store runs in tasks
//! of its own, so that a client that hangs up cannot stop it halfway.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::SessionError;
use super::beginnings::{Beginnings, Reservation};
use super::challenge_key::ChallengeKey;
use super::contents::Contents;
use super::core::Core;
use super::directory::{Directory, Listed};
use super::judge::Judge;
use super::live::{End, Role};
use super::maps::{Maps, Resident, Seat, Seated};
use super::presence::Presences;
use super::resident::{Acted, Card, Command, Expected, Fresh, GameSession, Snapshot, Written};
use super::seats::{Seats, session, session_mut};
use super::token::{Bearer, Claims, Token};
use super::tokens::Tokens;
use crate::game::content::Difficulty;
use crate::game::rng::MAX_SEED;
use crate::game::rules;
use crate::model::{self, Beginning, Challenge, Change, Departure, EventId, PlayerId, SessionId, Tombstone, Turn};
use crate::store::StoreError;

/// A session that was just created.
#[derive(Debug)]
pub struct Created {
    /// Its first state.
    pub snapshot: Snapshot,
    /// Its name in lists.
    pub name: String,
}

/// What a new game asks for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewGame {
    /// A name; else one is made.
    pub name: Option<String>,
    /// A seed from 0 to [`MAX_SEED`], which makes the game unranked.
    pub seed: Option<u64>,
    /// How hard.
    pub difficulty: Difficulty,
    /// The day's challenge: its seed, and permadeath.
    pub daily: bool,
    /// No save takes the game's place.
    pub permadeath: bool,
}

/// A game that is being begun under a key, as long as this lives.
struct Begun {
    directory: Arc<Directory>,
    owner: PlayerId,
    key: String,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.directory.maps().beginning.remove(&(self.owner, std::mem::take(&mut self.key)));
    }
}

/// What [`Sessions`] stands on.
pub(super) struct Parts {
    pub core: Arc<Core>,
    pub directory: Arc<Directory>,
    pub contents: Arc<Contents>,
    pub seats: Arc<Seats>,
    pub presences: Arc<Presences>,
    pub judge: Arc<Judge>,
    pub beginnings: Arc<Beginnings>,
    pub tokens: Arc<Tokens>,
    pub key: ChallengeKey,
    pub seeds: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// Players' sessions.
pub struct Sessions(Parts);

impl Sessions {
    pub(super) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Begins a game. Again under the same key, it is answered as it stands, and not begun again.
    pub async fn create(
        self: &Arc<Self>,
        owner: PlayerId,
        asked: NewGame,
        key: Option<String>,
    ) -> Result<Created, SessionError> {
        let me = self.clone();
        let create = async move {
            let Some(key) = key else { return me.do_create(owner, asked, None).await };
            let begun_with = Beginning::of(key, &asked);
            let _begun = match me.begin_under(owner, &begun_with)? {
                Ok(begun) => begun,
                Err(id) => {
                    let snapshot = session(&me.0.seats.enter(owner, id).await?)?.snapshot();
                    let name = me.0.directory.maps().card(owner, id)?.name.clone();
                    return Ok(Created { snapshot, name });
                }
            };
            me.do_create(owner, asked, Some(Arc::new(begun_with))).await
        };
        self.0.core.task(create).await
    }

    /// Marks a game as being begun; or the one that was begun before under the same key.
    fn begin_under(&self, owner: PlayerId, begun_with: &Beginning) -> Result<Result<Begun, SessionId>, SessionError> {
        let key = begun_with.key.clone();
        let mut maps = self.0.directory.maps();
        if maps.beginning.contains(&(owner, key.clone())) {
            return Err(SessionError::KeyRunning);
        }
        match maps.begun_with(owner, &key).transpose()? {
            Some((id, known)) if known.asked == begun_with.asked => return Ok(Err(id)),
            Some(_) => return Err(SessionError::KeyTaken),
            None => maps.beginning.insert((owner, key.clone())),
        };
        drop(maps);
        Ok(Ok(Begun { directory: self.0.directory.clone(), owner, key }))
    }

    async fn do_create(
        self: &Arc<Self>,
        owner: PlayerId,
        asked: NewGame,
        begun_with: Option<Arc<Beginning>>,
    ) -> Result<Created, SessionError> {
        let Parts { core, directory, seats, beginnings, .. } = &self.0;
        // Before anybody has to give way for it; and again when it counts.
        self.may_create(owner)?;
        let id = SessionId(Uuid::now_v7());
        let reserved = if asked.daily { Some(beginnings.reserve(owner, id)?) } else { None };
        let place = seats.make_room(owner).await?;
        self.make_way(owner).await?;
        let now = core.moment();
        let fresh = self.fresh(asked, begun_with, reserved.as_ref());
        let name = fresh.name.clone();
        let mut session = GameSession::new(id, owner, now.wall, fresh, place);
        let seat = Seat::default();
        // Nobody else has seen this seat: the lock is free.
        let mut seated = seat.clone().lock_owned().await;
        {
            let mut maps = directory.maps();
            self.count(&maps, owner)?;
            let born = maps.seen.get(&owner).copied();
            maps.insert(id, Card { born, ..session.card(now) });
            maps.resident.insert(id, Resident::coming(seat));
        }
        let mut written = seats.write_first(id, &mut session, now).await;
        if let (Ok(()), Some(reserved)) = (&written, reserved) {
            written = beginnings.keep(reserved).await;
        }
        if let Err(error) = written {
            {
                let mut maps = directory.maps();
                maps.remove(id);
                maps.resident.remove(&id);
            }
            // Its file may be there all the same.
            drop(core.blocking(move |store| store.remove_session(id.0)).await);
            return Err(error);
        }
        core.counters.created.fetch_add(1, Ordering::Relaxed);
        let snapshot = session.snapshot();
        seats.publish(id, &session, None);
        *seated = Some(session);
        Ok(Created { snapshot, name })
    }

    fn fresh(&self, asked: NewGame, begun_with: Option<Arc<Beginning>>, reserved: Option<&Reservation>) -> Fresh {
        let content = self.0.contents.present().clone();
        let challenge = reserved.map(|reserved| Challenge { date: reserved.day, verdict: None });
        let seed = match challenge {
            Some(challenge) => self.0.key.seed(challenge.date),
            None => asked.seed.unwrap_or_else(|| (self.0.seeds)() & MAX_SEED),
        };
        let game = rules::begin(&content, seed, asked.difficulty);
        Fresh {
            name: asked.name.unwrap_or_else(|| format!("Voyage from {}", game.node().name)),
            ranked: asked.seed.is_none(),
            permadeath: asked.permadeath || challenge.is_some(),
            challenge,
            game,
            content,
            begun_with,
        }
    }

    fn may_create(&self, owner: PlayerId) -> Result<(), SessionError> {
        let Parts { core, directory, .. } = &self.0;
        let (now, settings, maps) = (core.lived(), core.settings(), directory.maps());
        maps.may_play(owner, &settings)?;
        maps.departs(owner, now, &settings).map(drop)
    }

    fn count(&self, maps: &Maps, owner: PlayerId) -> Result<(), SessionError> {
        let settings = self.0.core.settings();
        maps.may_play(owner, &settings)?;
        if maps.known.len() >= settings.stored { Err(SessionError::StoreFull) } else { Ok(()) }
    }

    /// Lets a game go for good for a player's next one, where one must.
    async fn make_way(self: &Arc<Self>, owner: PlayerId) -> Result<(), SessionError> {
        let Parts { core, directory, .. } = &self.0;
        let departs = directory.maps().departs(owner, core.lived(), &core.settings())?;
        match departs {
            Some((id, owner)) => self.bury(owner, id, Departure::Timeout, Expected::Any).await,
            None => Ok(()),
        }
    }

    /// The state of a session, as far as it is durable; brings it back into memory.
    pub async fn look(self: &Arc<Self>, role: Role, owner: PlayerId, id: SessionId) -> Result<Snapshot, SessionError> {
        let Parts { core, directory, .. } = &self.0;
        {
            let mut maps = directory.maps();
            directory.touch(role, directory.card(&mut maps, owner, id)?);
            if let Some(shown) = maps.resident.get(&id).and_then(|resident| resident.shown.clone()) {
                return Ok(shown);
            }
        }
        let seats = self.0.seats.clone();
        let look = async move { Ok(session(&seats.enter_as(role, owner, id).await?)?.snapshot()) };
        core.task(look).await
    }

    /// Takes an action. It is durable when this answers.
    ///
    /// A client that hangs up can stop this until the turn is with the store, and then no more: whoever is told that it is durable
    /// takes the session along, commits, and lets it go.
    pub async fn act(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        command: Command,
    ) -> Result<Acted, SessionError> {
        let Parts { core, directory, seats, .. } = &self.0;
        let running = directory.claim(owner, id, command.key.clone())?;
        let mut seated = seats.approach(owner, id).await?;
        let session = session_mut(&mut seated)?;
        if let Some(revision) = command.key.as_deref().and_then(|key| session.revision_of(key)) {
            return self.answer_again(id, session.snapshot(), revision, &command).await;
        }
        if session.doubtful() || core.store.log().overdue(id.0) {
            seated = self.brought_up_to_date(id, seated).await?;
        }
        let session = session_mut(&mut seated)?;
        let (prepared, written) = session.prepare(command, core.now())?;
        let (answer, answered) = oneshot::channel();
        let (expected, me) = (session.revision(), self.clone());
        let Written { turn, place, state } = written;
        let told = turn.clone();
        core.store.append(id.0, expected, &turn, &place, state, move |durable| {
            let acted = durable.map_err(SessionError::from).and_then(|()| {
                let Parts { core, seats, judge, .. } = &me.0;
                let session = session_mut(&mut seated)?;
                let acted = session.commit(prepared);
                core.counters.turns.fetch_add(1, Ordering::Relaxed);
                seats.publish(id, session, Some(&told));
                if session.due() {
                    judge.judge_soon();
                }
                Ok(acted)
            });
            drop((seated, running));
            // The client may have hung up.
            drop(answer.send(acted));
        });
        answered.await.unwrap_or_else(|_| Err(SessionError::Internal("the store has closed".to_owned())))
    }

    /// Writes a session down before anything else happens to it.
    async fn brought_up_to_date(&self, id: SessionId, mut seated: Seated) -> Result<Seated, SessionError> {
        let seats = self.0.seats.clone();
        let write = async move {
            seats.checkpoint(id, session_mut(&mut seated)?).await?;
            Ok(seated)
        };
        self.0.core.task(write).await
    }

    /// The answer to a command that was taken before, with the state as it is now.
    async fn answer_again(
        &self,
        id: SessionId,
        snapshot: Snapshot,
        revision: u64,
        command: &Command,
    ) -> Result<Acted, SessionError> {
        let turns = self.0.core.blocking(move |store| store.turns(id.0, revision - 1, revision, 1)).await?;
        match turns.into_iter().next() {
            Some(Turn { deed: Change::Acted { action, outcome }, digest, .. }) if action == command.action => {
                Ok(Acted { revision, outcome, digest, snapshot })
            }
            Some(_) => Err(SessionError::KeyReused { revision }),
            None => Err(SessionError::Internal("the turn of a key is not in the history".to_owned())),
        }
    }

    /// Gives a session another name.
    pub async fn rename(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        name: String,
        expected: Expected,
    ) -> Result<Listed, SessionError> {
        let me = self.clone();
        let rename = async move {
            let Parts { directory, seats, .. } = &me.0;
            let mut seated = seats.enter(owner, id).await?;
            let session = session_mut(&mut seated)?;
            expected.check(session.event())?;
            session.rename(name);
            seats.publish(id, session, None);
            seats.checkpoint(id, session).await?;
            let card = directory.maps().card(owner, id)?.clone();
            Ok(Listed { id, card, resident: true })
        };
        self.0.core.task(rename).await
    }

    /// A page of history, oldest first, from after a revision. Needs no place in memory.
    pub async fn turns(
        &self,
        role: Role,
        owner: PlayerId,
        id: SessionId,
        after: u64,
        most: usize,
    ) -> Result<Vec<Turn>, SessionError> {
        let Parts { core, directory, .. } = &self.0;
        let up_to = {
            let mut maps = directory.maps();
            let card = directory.card(&mut maps, owner, id)?;
            directory.touch(role, card);
            card.revision
        };
        core.blocking(move |store| store.turns(id.0, after, up_to, most)).await
    }

    /// Bytes of a session's history on the disk; 0 where nobody can tell.
    pub async fn history_bytes(&self, id: SessionId) -> u64 {
        self.0.core.blocking(move |store| store.history_bytes(id.0)).await.unwrap_or_default()
    }

    /// Deletes a session for good, and leaves a tombstone. Needs no place in memory.
    pub async fn delete(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        expected: Expected,
    ) -> Result<(), SessionError> {
        self.bury(owner, id, Departure::Deleted, expected).await
    }

    /// Removes for good what nobody has asked for in so long.
    pub(super) async fn retire_forgotten(self: &Arc<Self>) {
        let Parts { core, directory, .. } = &self.0;
        let (now, secs) = (core.lived(), core.settings().retention_days * 24 * 3600);
        let forgotten: Vec<_> = {
            let maps = directory.maps();
            let known = maps.known.iter().filter(|(id, _)| maps.idle(**id, now, secs));
            known.map(|(id, card)| (*id, card.owner)).collect()
        };
        for (id, owner) in forgotten {
            // It may have been asked for while this waited for the ones before.
            if directory.maps().idle(id, now, secs)
                && let Err(error) = self.bury(owner, id, Departure::Timeout, Expected::Any).await
            {
                tracing::error!(%id, %error, "a forgotten session could not be removed; it will be tried again");
            }
        }
    }

    async fn bury(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        reason: Departure,
        expected: Expected,
    ) -> Result<(), SessionError> {
        let me = self.clone();
        self.0.core.task(async move { me.do_bury(owner, id, reason, expected).await }).await
    }

    async fn do_bury(
        &self,
        owner: PlayerId,
        id: SessionId,
        reason: Departure,
        expected: Expected,
    ) -> Result<(), SessionError> {
        let Parts { core, directory, .. } = &self.0;
        let shown = {
            let mut maps = directory.maps();
            maps.card(owner, id)?;
            maps.resident.get(&id).and_then(|resident| resident.shown.as_ref().map(|shown| shown.event))
        };
        self.is_as_expected(id, shown, &expected).await?;
        let mut tombstone = Tombstone {
            version: model::VERSION,
            session_id: id.0,
            revision: 0,
            owner: owner.0,
            expired_at: core.now(),
            lived: Some(core.lived()),
            reason,
            begun_with: None,
        };
        // From here on nobody finds it any more.
        let (card, resident) = {
            let mut maps = directory.maps();
            let card = maps.card(owner, id)?;
            tombstone.revision = card.revision;
            tombstone.begun_with = card.begun_with.as_deref().cloned();
            maps.tombstones.insert(tombstone.clone());
            (maps.remove(id), maps.resident.remove(&id))
        };
        // Whoever is acting on it finishes first, and nobody acts on it until it is buried.
        let mut seated = match &resident {
            Some(resident) => Some(resident.seat.clone().lock_owned().await),
            None => None,
        };
        let session = seated.as_ref().and_then(|seated| seated.as_ref());
        tombstone.revision = session.map_or(tombstone.revision, GameSession::revision);
        let stone = tombstone.clone();
        // Again, because now nothing can happen to it any more that the client has not seen.
        let may = match self.is_as_expected(id, session.map(GameSession::event), &expected).await {
            Ok(()) => self.last_verdict(id, session, card.as_ref()).await,
            stale => stale,
        };
        let buried = match may {
            Ok(()) => core.blocking(move |store| store.bury(&stone)).await,
            not => not,
        };
        if buried.is_err() {
            self.unbury(id, card, resident, seated.as_ref());
            return buried;
        }
        seated.as_mut().and_then(|seated| seated.take());
        let gone = End::Gone { expired_at: tombstone.expired_at, reason: tombstone.reason };
        let mut maps = directory.maps();
        maps.due.remove(&id);
        directory.disconnect_all(&mut maps, id, gone);
        Ok(())
    }

    /// A session could not be buried, and is found again.
    fn unbury(&self, id: SessionId, card: Option<Card>, resident: Option<Resident>, seated: Option<&Seated>) {
        let Parts { directory, seats, presences, .. } = &self.0;
        let session = seated.and_then(|seated| seated.as_ref());
        let mut maps = directory.maps();
        maps.tombstones.remove(id);
        if let Some(card) = card {
            if card.due() {
                maps.due.insert(id);
            }
            maps.insert(id, card);
        }
        // An empty seat would be waited at for ever.
        if let Some(resident) = resident.filter(|_| session.is_some()) {
            maps.resident.insert(id, resident);
        }
        // Its connection may have dropped meanwhile, and its timer have found nothing to wait for.
        if let Some(live) = maps.live.get_mut(&id) {
            presences.set_timer(id, live);
        }
        drop(maps);
        // What happened while it was out of the maps.
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
        let form = self.0.core.blocking(move |store| store.load(id.0)).await?.ok_or(SessionError::NotFound)?;
        expected.check(EventId::new(form.revision, &form.state.digest(&form.star_map.digest())))
    }

    /// A game that was finished counts before it goes, so that nobody plays the day again. The caller holds its seat, if it has one.
    async fn last_verdict(
        &self,
        id: SessionId,
        session: Option<&GameSession>,
        card: Option<&Card>,
    ) -> Result<(), SessionError> {
        let core = &self.0.core;
        let form = match session {
            Some(session) => session.due().then(|| session.checkpoint(core.moment())),
            None if card.is_some_and(Card::due) => match core.blocking(move |store| store.load(id.0)).await {
                // Nobody can tell what became of it.
                Err(SessionError::Store(StoreError::Damaged { .. } | StoreError::Newer { .. })) => None,
                read => read?,
            },
            None => None,
        };
        match form {
            Some(form) => self.0.judge.verdict(form).await.map(drop),
            None => Ok(()),
        }
    }

    /// A token that a player gives to those who are to watch their session.
    pub fn invite(&self, owner: PlayerId, id: SessionId) -> Result<Token, SessionError> {
        self.0.directory.maps().card(owner, id)?;
        Ok(self.0.tokens.watch(id))
    }

    /// Whose session it is to the bearer of a token: the player's own, as far as anybody knows yet, or one they may watch.
    pub fn admit(&self, claims: &Claims, id: SessionId) -> Result<(PlayerId, Role), SessionError> {
        match claims.bearer {
            Bearer::Player(player) => Ok((player, Role::Player)),
            Bearer::Observer(watched) => {
                let owner = self.0.directory.owner_of(watched).filter(|_| watched == id);
                Ok((owner.ok_or(SessionError::NotFound)?, Role::Observer))
            }
        }
    }

    /// Revokes every token of a player, and ends the connections that came with one.
    pub async fn logout(self: &Arc<Self>, player: PlayerId) -> Result<(), SessionError> {
        let me = self.clone();
        let logout = async move {
            me.0.tokens.revoke(player).await?;
            me.0.directory.disconnect_player(player, End::Revoked);
            Ok(())
        };
        self.0.core.task(logout).await
    }
}
