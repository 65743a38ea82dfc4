//! A session in memory: the game, its revision, and how an action becomes a turn: prepared on a copy, committed once it is
//! durable.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::edit::Edit;
use super::error::SessionError;
use super::lived::Moment;
use super::places::Place;
use crate::game::RULES_VERSION;
use crate::game::action::Action;
use crate::game::content::Content;
use crate::game::event::Outcome;
use crate::game::rules;
use crate::game::state::{End, Game};
use crate::model::{
    self, Change, Checkpoint, EventId, Header, Meta, Nonce, PlayerId, Save, SessionId, State, Turn, UsedKey,
};
use crate::store::Stands;

/// A session as readers see it, at one revision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which session.
    pub id: SessionId,
    /// What no turn changes of it.
    pub meta: Arc<Meta>,
    /// Of this state.
    pub revision: u64,
    /// What led to this state: no other state, of whatever history, has it.
    pub event: EventId,
    /// The game.
    pub game: Arc<Game>,
    /// What it plays on.
    pub content: Arc<Content>,
}

/// The state that a request is meant for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    #[default]
    Any,
    /// One of these; none is never the present one.
    OneOf(Vec<Version>),
}

/// How a client names a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// By its revision alone, in whatever history.
    Revision(u64),
    /// By the event that led there.
    Event(EventId),
}

impl Expected {
    /// Of that revision, where one is given.
    pub fn revision(revision: Option<u64>) -> Self {
        revision.map_or(Self::Any, |revision| Self::OneOf(vec![Version::Revision(revision)]))
    }

    /// Refuses where the state is another one.
    pub fn check(&self, event: EventId) -> Result<(), SessionError> {
        let Self::OneOf(versions) = self else { return Ok(()) };
        let holds = versions.iter().any(|version| match version {
            Version::Revision(revision) => *revision == event.revision(),
            Version::Event(expected) => *expected == event,
        });
        if holds { Ok(()) } else { Err(SessionError::Stale { event }) }
    }
}

/// What a player asks of a session.
#[derive(Clone, Debug)]
pub struct Command {
    /// What to do.
    pub action: Action,
    /// Only if the state is still this one.
    pub expected: Expected,
    /// The same command again, under the same key, is answered and not done again.
    pub key: Option<String>,
    /// Which of the player's tokens it came with, where nobody has looked whether that counts on other servers too.
    pub nonce: Option<Nonce>,
}

/// What an accepted action led to.
#[derive(Clone, Debug)]
pub struct Acted {
    /// The revision it led to.
    pub revision: u64,
    /// What happened.
    pub outcome: Outcome,
    /// Of the state it led to, in hex.
    pub digest: String,
    /// The state as it is now: that of the revision, or a later one where the action had been taken before.
    pub snapshot: Snapshot,
}

/// An action that has been applied to a copy, and waits to be durable.
#[derive(Debug)]
pub struct Prepared {
    event: EventId,
    outcome: Outcome,
    digest: String,
    key: Option<String>,
    game: Game,
}

/// What must be durable first.
#[derive(Debug)]
pub struct Written {
    /// As history will have it.
    pub turn: Arc<Turn>,
    /// How the game will stand.
    pub stands: Stands,
    /// The state after, as JSON.
    pub state: Vec<u8>,
}

/// What lists and `/stats` tell of a session, kept for every session whether in memory or not.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What no turn changes of it.
    pub meta: Arc<Meta>,
    /// When its owner last asked for it.
    pub last_activity: Timestamp,
    /// The same in lived time.
    pub active: Timestamp,
    /// Of its state.
    pub revision: u64,
    /// The game's own clock.
    pub turn_count: i64,
    /// The ship flown.
    pub ship_type: Box<str>,
    /// Where the player is.
    pub place: Box<str>,
    /// Credits.
    pub wealth: i64,
    /// Whether it has ended, and how.
    pub end: Option<End>,
    /// Where it was begun from, since the server started; never written down.
    pub born: Option<IpAddr>,
    /// It could not be read when the server started: this may be far behind, and nothing follows from it.
    pub outlined: bool,
    /// Another server had it in play when this one asked last.
    pub is_elsewhere: bool,
}

impl Summary {
    /// Its owner asks for it.
    pub fn touch(&mut self, now: Moment) {
        (self.last_activity, self.active) = (now.wall, now.lived);
    }

    /// Whether its game has ended, and takes part in a challenge that has not heard of that.
    pub fn awaits_verdict(&self) -> bool {
        self.end.is_some() && self.meta.challenge.is_some_and(|challenge| challenge.verdict.is_none())
    }

    /// Takes over how it stands in the store. That somebody has asked for it here meanwhile counts.
    pub fn learn(&mut self, stored: Self) {
        let last_activity = self.last_activity.max(stored.last_activity);
        let active = self.active.max(stored.active);
        *self = Self { last_activity, active, born: self.born, ..stored };
    }

    /// Of a session that is only stored.
    pub fn of(header: Header) -> (SessionId, Self) {
        let summary = Self {
            meta: Arc::new(header.meta()),
            last_activity: header.last_activity,
            active: header.lived.unwrap_or(header.last_activity),
            revision: header.revision,
            turn_count: header.turn_count,
            ship_type: header.player_stats.ship_type.into(),
            place: header.place.into(),
            wealth: header.player_stats.wealth,
            end: header.end.as_deref().and_then(End::of_id),
            born: None,
            outlined: header.outlined,
            is_elsewhere: false,
        };
        (SessionId(header.session_id), summary)
    }
}

/// A session in memory.
#[derive(Debug)]
pub struct GameSession {
    id: SessionId,
    meta: Arc<Meta>,
    /// What led to its state.
    event: EventId,
    game: Arc<Game>,
    content: Arc<Content>,
    map_digest: [u8; 32],
    /// The last idempotency keys, oldest first.
    keys: VecDeque<UsedKey>,
    /// A checkpoint would say something new.
    dirty: bool,
    /// Another state could not be written, and may be on disk all the same.
    unconfirmed: bool,
    place: Place,
}

/// What a session was before a save took its game's place; good until that is durable.
#[derive(Debug)]
pub struct Undo {
    meta: Arc<Meta>,
    event: EventId,
    game: Arc<Game>,
    content: Arc<Content>,
    map_digest: [u8; 32],
}

/// A game that is to become a session.
#[derive(Debug)]
pub struct NewSession {
    /// What no turn will change of it.
    pub meta: Meta,
    /// The game.
    pub game: Game,
    /// What it plays on.
    pub content: Arc<Content>,
}

impl Undo {
    /// Where the session stood.
    pub fn event(&self) -> EventId {
        self.event
    }
}

impl GameSession {
    /// A new session.
    pub fn new(id: SessionId, fresh: NewSession, place: Place) -> Self {
        let map_digest = model::Map::of(&fresh.game.map, &fresh.content).digest();
        let digest = State::of(&fresh.game, &fresh.content).digest(&map_digest);
        Self {
            id,
            meta: Arc::new(fresh.meta),
            event: EventId::new(0, &digest),
            game: Arc::new(fresh.game),
            content: fresh.content,
            map_digest,
            keys: VecDeque::new(),
            dirty: true,
            unconfirmed: false,
            place,
        }
    }

    /// A session as the store has it, or what is wrong with that.
    pub fn restore(checkpoint: Checkpoint, content: Arc<Content>, place: Place) -> Result<Self, model::InvalidState> {
        let game = model::restore(&checkpoint.star_map, &checkpoint.state, &content)?;
        let map_digest = checkpoint.star_map.digest();
        let event = EventId::new(checkpoint.revision, &checkpoint.state.digest(&map_digest));
        let mut session = Self {
            id: SessionId(checkpoint.session_id),
            meta: Arc::new(checkpoint.meta()),
            event,
            game: Arc::new(game),
            content,
            map_digest,
            keys: checkpoint.keys.into(),
            dirty: false,
            unconfirmed: false,
            place,
        };
        session.forget_keys();
        Ok(session)
    }

    /// The state as readers see it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            id: self.id,
            meta: self.meta.clone(),
            revision: self.event.revision(),
            event: self.event,
            game: self.game.clone(),
            content: self.content.clone(),
        }
    }

    /// What lists tell of it.
    pub fn summary(&self, now: Moment) -> Summary {
        let mut summary = Summary {
            is_elsewhere: false,
            meta: self.meta.clone(),
            last_activity: now.wall,
            active: now.lived,
            revision: 0,
            turn_count: 0,
            ship_type: Box::default(),
            place: Box::default(),
            wealth: 0,
            end: None,
            born: None,
            outlined: false,
        };
        self.tell(&mut summary);
        summary
    }

    /// Brings what lists tell of it up to date. After every turn, so it writes into what is there.
    pub fn tell(&self, summary: &mut Summary) {
        summary.meta.clone_from(&self.meta);
        summary.outlined = false;
        summary.revision = self.event.revision();
        summary.turn_count = self.game.turn;
        become_text(&mut summary.ship_type, self.content.ships.id(self.game.ship));
        become_text(&mut summary.place, &model::whereabouts(&self.game));
        summary.wealth = self.game.wealth;
        summary.end = self.game.end;
    }

    /// Whether its game has ended, and takes part in a challenge that has not heard of that.
    pub fn awaits_verdict(&self) -> bool {
        self.game.end.is_some() && self.meta.challenge.is_some_and(|challenge| challenge.verdict.is_none())
    }

    /// Changes what is no turn.
    pub(super) fn edit(&mut self, edit: Edit) {
        let meta = Arc::make_mut(&mut self.meta);
        edit.apply(&mut meta.ranked, &mut meta.challenge);
        self.dirty = true;
    }

    /// The revision that a key led to, if it is one of the last.
    pub fn revision_of(&self, key: &str) -> Option<u64> {
        let mark = UsedKey::mark(key);
        self.keys.iter().rev().find(|used| used.mark == mark).map(|used| used.revision)
    }

    /// Which session.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whose it is.
    pub fn owner(&self) -> PlayerId {
        self.meta.owner
    }

    /// The event that led to its state.
    pub fn event(&self) -> EventId {
        self.event
    }

    /// The event its game began with, as long as no save has taken its place: the map is the same then.
    pub fn first_event(&self) -> EventId {
        let game = rules::begin(&self.content, self.game.dice.seed, self.game.difficulty);
        EventId::new(0, &State::of(&game, &self.content).digest(&self.map_digest))
    }

    /// Applies a command to a copy. Nothing has happened until what is to be written is durable, and the rest committed.
    pub fn prepare(&self, command: Command, now: Timestamp) -> Result<(Prepared, Written), SessionError> {
        let Command { action, expected, key, .. } = command;
        expected.check(self.event)?;
        let (game, outcome) = rules::apply(&self.game, &self.content, &action)?;
        let state = State::of(&game, &self.content).encode();
        let (revision, digest) = (self.event.revision() + 1, model::digest(&self.map_digest, &state));
        let turn = Turn {
            version: model::VERSION,
            revision,
            at: now,
            deed: Change::Acted { action, outcome: outcome.clone() },
            digest: digest.clone(),
            rules: RULES_VERSION,
            content: self.content.hash.clone(),
            key: key.clone(),
        };
        let stands = Stands {
            place: model::whereabouts(&game),
            ship_type: self.content.ships.id(game.ship).to_owned(),
            turn_count: game.turn,
            wealth: game.wealth,
            end: game.end.map(|end| end.id().to_owned()),
        };
        let written = Written { turn: Arc::new(turn), stands, state };
        let event = EventId::new(revision, &digest);
        Ok((Prepared { event, outcome, digest, key, game }, written))
    }

    /// Takes a prepared action that is durable now.
    pub fn commit(&mut self, prepared: Prepared) -> Acted {
        let Prepared { event, outcome, digest, key, game } = prepared;
        let revision = event.revision();
        self.game = Arc::new(game);
        self.event = event;
        self.dirty = true;
        self.remember(key.as_deref());
        Acted { revision, outcome, digest, snapshot: self.snapshot() }
    }

    /// Lets a save take the game's place; the line of history that tells of it, which must be written, and what it takes to
    /// [`Self::unload`] it should that fail.
    pub fn load(
        &mut self,
        slot: u8,
        save: Save,
        (game, content): (Game, Arc<Content>),
        expected: &Expected,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<(Turn, Undo), SessionError> {
        expected.check(self.event)?;
        let map_digest = save.star_map.digest();
        let turn = Turn { key, ..save.loaded(slot, self.event.revision() + 1, now) };
        let before = Undo {
            meta: self.meta.clone(),
            event: std::mem::replace(&mut self.event, EventId::of(&turn)),
            game: std::mem::replace(&mut self.game, Arc::new(game)),
            content: std::mem::replace(&mut self.content, content),
            map_digest: std::mem::replace(&mut self.map_digest, map_digest),
        };
        Arc::make_mut(&mut self.meta).ranked = false;
        self.remember(turn.key.as_deref());
        self.dirty = true;
        Ok((turn, before))
    }

    /// The save that was loaded could not be written: the game is what it was.
    pub fn unload(&mut self, before: Undo) {
        let Undo { meta, event, game, content, map_digest } = before;
        (self.meta, self.event, self.game) = (meta, event, game);
        (self.content, self.map_digest) = (content, map_digest);
        self.keys.retain(|used| used.revision <= event.revision());
        self.unconfirmed = true;
    }

    /// Whether it must be written before anything else happens.
    pub fn unconfirmed(&self) -> bool {
        self.unconfirmed
    }

    /// The key that led to its state.
    fn remember(&mut self, key: Option<&str>) {
        self.keys.extend(key.map(|key| UsedKey::of(key, self.event.revision())));
        self.forget_keys();
    }

    fn forget_keys(&mut self) {
        while self.keys.len() > UsedKey::MOST {
            self.keys.pop_front();
        }
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: String) {
        Arc::make_mut(&mut self.meta).name = name;
        self.dirty = true;
    }

    /// Takes over what has become elsewhere of what no turn changes. What was lost here stays lost.
    pub fn learn(&mut self, elsewhere: &Meta) {
        let meta = Arc::make_mut(&mut self.meta);
        meta.name.clone_from(&elsewhere.name);
        meta.ranked &= elsewhere.ranked;
        if let Some(challenge) = &mut meta.challenge {
            challenge.verdict = challenge.verdict.or(elsewhere.challenge.and_then(|challenge| challenge.verdict));
        }
    }

    /// Makes a checkpoint due.
    pub fn touch(&mut self) {
        self.dirty = true;
    }

    /// The revision of its state.
    pub fn revision(&self) -> u64 {
        self.event.revision()
    }

    /// Whether a checkpoint would say something new.
    pub fn dirty(&self) -> bool {
        self.dirty
    }

    /// What a checkpoint writes. It stays due until [`Self::saved`].
    pub fn checkpoint(&self, last_activity: Moment) -> Checkpoint {
        let Meta { owner, name, created_at, ranked, permadeath, challenge, begun_with } = Meta::clone(&self.meta);
        Checkpoint {
            version: model::VERSION,
            session_id: self.id.0,
            owner: owner.0,
            name,
            created_at,
            last_activity: last_activity.wall,
            lived: Some(last_activity.lived),
            revision: self.event.revision(),
            ranked,
            permadeath,
            challenge,
            rules: RULES_VERSION,
            content: self.content.hash.clone(),
            keys: self.keys.iter().copied().collect(),
            begun_with: begun_with.map(|begun_with| *begun_with),
            place: model::whereabouts(&self.game),
            state: State::of(&self.game, &self.content),
            star_map: model::Map::of(&self.game.map, &self.content),
        }
    }

    /// The checkpoint is on disk.
    pub fn saved(&mut self) {
        self.dirty = false;
        self.unconfirmed = false;
    }

    /// Gives up memory, and hands on the place.
    pub fn leave(self) -> Place {
        self.place
    }
}

/// Takes no memory anew where the text is the same.
fn become_text(text: &mut Box<str>, new: &str) {
    if **text != *new {
        *text = new.into();
    }
}
