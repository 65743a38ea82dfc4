//! What players do with their sessions: begin, look at, act, rename, page through, delete. Work that touches the store runs in tasks
//! of its own, so that a client that hangs up cannot stop it halfway.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::beginnings::{Beginnings, Reservation};
use super::challenge_key::ChallengeKey;
use super::contents::Contents;
use super::core::Core;
use super::deletion::Deletion;
use super::directory::{Directory, Listed, Running};
use super::error::SessionError;
use super::game_session::{Acted, Command, Expected, GameSession, NewSession, Prepared, Snapshot, Summary, Written};
use super::judge::Judge;
use super::lived::Moment;
use super::outbox::{End, Role};
use super::roster::{Resident, Roster, Seat, Seated};
use super::seats::{Seats, session, session_mut};
use super::token::{Bearer, Claims, Token};
use super::tokens::Tokens;
use crate::game::content::Difficulty;
use crate::game::rng::MAX_SEED;
use crate::game::rules;
use crate::model::{Beginning, Challenge, Change, Departure, Meta, PlayerId, SessionId, Turn};
use crate::store::{Appended, NewTurn, Rung, Shown, StoreError, Thing};

/// How often an action is tried on a session that somebody else moves meanwhile.
pub(super) const MAX_TRIES: usize = 8;

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
        self.directory.roster().beginning.remove(&(self.owner, std::mem::take(&mut self.key)));
    }
}

/// What became of an action that was tried on the state in memory.
enum Tried {
    Acted(Box<Acted>),
    /// Somebody else has moved the session, which is to be read again.
    Moved(Seated, Running),
    /// Somebody else has deleted it.
    Gone(Seated),
}

/// What [`Sessions`] stands on.
pub(super) struct Parts {
    pub core: Arc<Core>,
    pub directory: Arc<Directory>,
    pub contents: Arc<Contents>,
    pub seats: Arc<Seats>,
    pub deletion: Arc<Deletion>,
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
                    me.0.core.confirm().await?;
                    let snapshot = session(&me.0.seats.enter(owner, id).await?)?.snapshot();
                    let name = me.0.directory.roster().summary(owner, id)?.meta.name.clone();
                    return Ok(Created { snapshot, name });
                }
            };
            me.do_create(owner, asked, Some(begun_with)).await
        };
        self.0.core.task(create).await
    }

    /// Marks a game as being begun; or the one that was begun before under the same key.
    fn begin_under(&self, owner: PlayerId, begun_with: &Beginning) -> Result<Result<Begun, SessionId>, SessionError> {
        let key = begun_with.key.clone();
        let mut roster = self.0.directory.roster();
        if roster.beginning.contains(&(owner, key.clone())) {
            return Err(SessionError::KeyRunning);
        }
        match roster.begun_with(owner, &key).transpose()? {
            Some((id, known)) if known.asked == begun_with.asked => return Ok(Err(id)),
            Some(_) => return Err(SessionError::KeyTaken),
            None => roster.beginning.insert((owner, key.clone())),
        };
        drop(roster);
        Ok(Ok(Begun { directory: self.0.directory.clone(), owner, key }))
    }

    async fn do_create(
        self: &Arc<Self>,
        owner: PlayerId,
        asked: NewGame,
        begun_with: Option<Beginning>,
    ) -> Result<Created, SessionError> {
        let Parts { core, directory, seats, beginnings, .. } = &self.0;
        // Before anybody has to give way for it; and again when it counts.
        self.may_create(owner)?;
        let id = SessionId(Uuid::now_v7());
        let reserved = if asked.daily { Some(beginnings.reserve(owner, id)?) } else { None };
        let place = seats.make_room(owner).await?;
        self.make_way(owner).await?;
        let now = core.moment();
        let fresh = self.new_session(owner, now, asked, begun_with, reserved.as_ref());
        let name = fresh.meta.name.clone();
        let mut session = GameSession::new(id, fresh, place);
        let seat = Seat::default();
        // Nobody else has seen this seat: the lock is free.
        let mut seated = seat.clone().lock_owned().await;
        {
            let mut roster = directory.roster();
            self.count(&roster, owner)?;
            let born = roster.seen.get(&owner).copied();
            roster.insert(id, Summary { born, ..session.summary(now) });
            roster.resident.insert(id, Resident::coming(seat));
        }
        let mut written = seats.write_first(id, &mut session, now).await;
        if let (Ok(()), Some(reserved)) = (&written, reserved) {
            written = beginnings.keep(reserved).await;
        }
        if let Err(error) = written {
            {
                let mut roster = directory.roster();
                roster.remove(id);
                roster.resident.remove(&id);
            }
            // Its file may be there all the same.
            drop(core.store.discard(id).await);
            return Err(error);
        }
        core.counters.created.fetch_add(1, Ordering::Relaxed);
        let snapshot = session.snapshot();
        seats.publish(id, &session, None);
        *seated = Some(session);
        Ok(Created { snapshot, name })
    }

    fn new_session(
        &self,
        owner: PlayerId,
        now: Moment,
        asked: NewGame,
        begun_with: Option<Beginning>,
        reserved: Option<&Reservation>,
    ) -> NewSession {
        let content = self.0.contents.present().clone();
        let challenge = reserved.map(|reserved| Challenge { date: reserved.day, verdict: None });
        let seed = match challenge {
            Some(challenge) => self.0.key.seed(challenge.date),
            None => asked.seed.unwrap_or_else(|| (self.0.seeds)() & MAX_SEED),
        };
        let game = rules::begin(&content, seed, asked.difficulty);
        let meta = Meta {
            owner,
            name: asked.name.unwrap_or_else(|| format!("Voyage from {}", game.map.name(game.here))),
            created_at: now.wall,
            ranked: asked.seed.is_none(),
            permadeath: asked.permadeath || challenge.is_some(),
            challenge,
            begun_with: begun_with.map(Box::new),
        };
        NewSession { meta, game, content }
    }

    fn may_create(&self, owner: PlayerId) -> Result<(), SessionError> {
        let Parts { core, directory, .. } = &self.0;
        let (now, settings, roster) = (core.lived(), core.settings(), directory.roster());
        roster.may_play(owner, &settings)?;
        roster.departs(owner, now, &settings).map(drop)
    }

    fn count(&self, roster: &Roster, owner: PlayerId) -> Result<(), SessionError> {
        let settings = self.0.core.settings();
        roster.may_play(owner, &settings)?;
        if roster.known.len() >= settings.stored { Err(SessionError::StoreFull) } else { Ok(()) }
    }

    /// Lets a game go for good for a player's next one, where one must.
    async fn make_way(&self, owner: PlayerId) -> Result<(), SessionError> {
        let Parts { core, directory, deletion, .. } = &self.0;
        let departs = directory.roster().departs(owner, core.lived(), &core.settings())?;
        match departs {
            Some((id, owner)) => deletion.delete(owner, id, Departure::Timeout, Expected::Any).await,
            None => Ok(()),
        }
    }

    /// The state of a session, as far as it is durable; brings it back into memory.
    pub async fn look(self: &Arc<Self>, role: Role, owner: PlayerId, id: SessionId) -> Result<Snapshot, SessionError> {
        let Parts { core, directory, .. } = &self.0;
        {
            let mut roster = directory.roster();
            directory.touch(role, directory.summary(&mut roster, owner, id)?);
            if let Some(shown) = roster.resident.get(&id).and_then(|resident| resident.shown.clone()) {
                return Ok(shown);
            }
        }
        let seats = self.0.seats.clone();
        let look = async move { Ok(session(&seats.enter_as(role, owner, id).await?)?.snapshot()) };
        core.task(look).await
    }

    /// Takes an action. It is durable when this answers.
    ///
    /// A client that hangs up can stop this until the turn is with the store, and then no more: the closure
    /// that hears of it owns the session's lock, commits, and lets it go.
    pub async fn act(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        command: Command,
    ) -> Result<Acted, SessionError> {
        let mut running = self.0.directory.claim(owner, id, command.key.clone())?;
        for _ in 0..MAX_TRIES {
            let seated = self.0.seats.approach(owner, id).await?;
            match self.try_to_act(id, seated, running, &command).await? {
                Tried::Acted(acted) => return Ok(*acted),
                Tried::Moved(seated, again) => {
                    self.reload(id, seated).await?;
                    running = again;
                }
                Tried::Gone(mut seated) => {
                    drop(self.0.seats.unseat(id, &mut seated));
                    self.0.directory.roster().remove(id);
                    return Err(SessionError::NotFound);
                }
            }
        }
        Err(SessionError::Contended)
    }

    /// Takes an action on the state that is in memory.
    async fn try_to_act(
        self: &Arc<Self>,
        id: SessionId,
        mut seated: Seated,
        running: Running,
        command: &Command,
    ) -> Result<Tried, SessionError> {
        let core = &self.0.core;
        let session = session_mut(&mut seated)?;
        if let Some(revision) = command.key.as_deref().and_then(|key| session.revision_of(key)) {
            self.0.tokens.look(session.owner(), command.nonce).await?;
            let acted = self.answer_again(id, session.snapshot(), revision, command).await?;
            return Ok(Tried::Acted(Box::new(acted)));
        }
        if session.unconfirmed() || core.store.is_overdue(id) {
            seated = self.brought_up_to_date(id, seated).await?;
        }
        let session = session_mut(&mut seated)?;
        let (prepared, written) = match session.prepare(command.clone(), core.now()) {
            Ok(prepared) => prepared,
            // A refusal holds for the present state only.
            Err(refused) if core.store.stands_at(id, session.event()).await? => {
                self.0.tokens.look(session.owner(), command.nonce).await?;
                return Err(refused);
            }
            Err(_) => return Ok(Tried::Moved(seated, running)),
        };
        let Written { turn, stands, state } = written;
        let told = turn.clone();
        let token = command.nonce.map(|nonce| Shown { nonce, at: core.lived() });
        let turn = NewTurn { session: id, before: session.event(), token, turn, stands, state };
        let (answer, answered) = oneshot::channel();
        let me = self.clone();
        let then = move |appended| {
            let tried = match appended {
                Appended::Moved => Ok(Tried::Moved(seated, running)),
                Appended::Gone => Ok(Tried::Gone(seated)),
                appended => me.conclude(id, seated, prepared, &told, appended).map(|acted| {
                    drop(running);
                    Tried::Acted(Box::new(acted))
                }),
            };
            // The client may have hung up.
            drop(answer.send(tried));
        };
        core.store.append(turn, Box::new(then));
        answered.await.unwrap_or_else(|_| Err(SessionError::Internal("the store has closed".to_owned())))
    }

    /// What became of a turn becomes of the session.
    fn conclude(
        &self,
        id: SessionId,
        mut seated: Seated,
        prepared: Prepared,
        turn: &Arc<Turn>,
        appended: Appended,
    ) -> Result<Acted, SessionError> {
        let Parts { core, seats, judge, .. } = &self.0;
        match appended {
            Appended::Taken => {
                let session = session_mut(&mut seated)?;
                let acted = session.commit(prepared);
                core.counters.turns.fetch_add(1, Ordering::Relaxed);
                seats.publish(id, session, Some(turn));
                if session.awaits_verdict() {
                    judge.judge_soon();
                }
                Ok(acted)
            }
            Appended::Failed(error) => Err(error.into()),
            Appended::Revoked => Err(SessionError::BadToken),
            // What is in memory is out of date, or may be: the next command reads it again, and is told how it stands.
            Appended::Gone | Appended::Moved | Appended::Unknown => {
                drop(seats.unseat(id, &mut seated));
                let source = io::Error::other("what became of the turn is not known");
                Err(StoreError::Unavailable { what: Thing::Session(id), source }.into())
            }
        }
    }

    /// Reads a session again that somebody else has moved.
    async fn reload(&self, id: SessionId, mut seated: Seated) -> Result<(), SessionError> {
        let seats = self.0.seats.clone();
        self.0.core.task(async move { seats.reload(id, &mut seated).await }).await
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
        let turns = self.0.core.store.turns(id, revision - 1, revision, 1).await?;
        self.0.core.confirm().await?;
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
            seats.write_name(id, session).await?;
            me.0.core.ring(Rung::Session(id));
            let summary = directory.roster().summary(owner, id)?.clone();
            Ok(Listed { id, summary, resident: true })
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
            let mut roster = directory.roster();
            let summary = directory.summary(&mut roster, owner, id)?;
            directory.touch(role, summary);
            summary.revision
        };
        Ok(core.store.turns(id, after, up_to, most).await?)
    }

    /// Bytes of a session's history on the disk; 0 where nobody can tell.
    pub async fn history_bytes(&self, id: SessionId) -> u64 {
        self.0.core.store.history_bytes(id).await.unwrap_or_default()
    }

    /// Deletes a session for good, and leaves a tombstone. Needs no place in memory.
    pub async fn delete(&self, owner: PlayerId, id: SessionId, expected: Expected) -> Result<(), SessionError> {
        self.0.deletion.delete(owner, id, Departure::Deleted, expected).await
    }

    /// A token that a player gives to those who are to watch their session.
    pub fn invite(&self, owner: PlayerId, id: SessionId) -> Result<Token, SessionError> {
        self.0.directory.roster().summary(owner, id)?;
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
            me.0.core.ring(Rung::Player(player));
            Ok(())
        };
        self.0.core.task(logout).await
    }
}
