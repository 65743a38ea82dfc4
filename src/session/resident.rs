//! A session in memory: the game, its revision, and how an action becomes a turn: prepared on a copy, committed once it is
//! durable.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::SessionError;
use super::edit::Edit;
use super::lived::Moment;
use super::places::Place;
use crate::game::RULES_VERSION;
use crate::game::action::Action;
use crate::game::content::Content;
use crate::game::event::Outcome;
use crate::game::rules;
use crate::game::state::Game;
use crate::model::{
    self, Beginning, Challenge, Change, Checkpoint, EventId, Header, PlayerId, Save, SessionId, State, Turn, UsedKey,
};

/// A session as readers see it, at one revision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which session.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// No save takes the game's place.
    pub permadeath: bool,
    /// The challenge it takes part in.
    pub challenge: Option<Challenge>,
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
    /// Where the player will be.
    pub place: String,
    /// The state after, as JSON.
    pub state: Vec<u8>,
}

/// What lists and `/stats` tell of a session, kept for every session whether in memory or not.
#[derive(Clone, Debug)]
pub struct Card {
    /// Whose it is.
    pub owner: PlayerId,
    /// Its name.
    pub name: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When its owner last asked for it.
    pub last_activity: Timestamp,
    /// The same in lived time.
    pub active: Timestamp,
    /// Of its state.
    pub revision: u64,
    /// The game's own clock.
    pub turn_count: i64,
    /// The ship flown.
    pub ship_type: String,
    /// Where the player is.
    pub place: String,
    /// Credits.
    pub wealth: i64,
    /// Whether it has ended, and how.
    pub end: Option<String>,
    /// Whether its future is known to nobody.
    pub ranked: bool,
    /// No save takes the game's place.
    pub permadeath: bool,
    /// The challenge it takes part in.
    pub challenge: Option<Challenge>,
    /// Where it was begun from, since the server started; never written down.
    pub born: Option<IpAddr>,
    /// It could not be read when the server started: this may be far behind, and nothing follows from it.
    pub outlined: bool,
    /// The key it was begun with.
    pub begun_with: Option<Arc<Beginning>>,
}

impl Card {
    /// Its owner asks for it.
    pub fn touch(&mut self, now: Moment) {
        (self.last_activity, self.active) = (now.wall, now.lived);
    }

    /// Whether its game has ended, and takes part in a challenge that has not heard of that.
    pub fn due(&self) -> bool {
        self.end.is_some() && self.challenge.is_some_and(|challenge| challenge.verdict.is_none())
    }

    /// Of a session that is only stored.
    pub fn of(header: Header) -> (SessionId, Self) {
        let card = Self {
            owner: PlayerId(header.owner),
            name: header.name,
            created_at: header.created_at,
            last_activity: header.last_activity,
            active: header.lived.unwrap_or(header.last_activity),
            revision: header.revision,
            turn_count: header.turn_count,
            ship_type: header.player_stats.ship_type,
            place: header.place,
            wealth: header.player_stats.wealth,
            end: header.end,
            ranked: header.ranked,
            permadeath: header.permadeath,
            challenge: header.challenge,
            born: None,
            outlined: header.outlined,
            begun_with: header.begun_with.map(Arc::new),
        };
        (SessionId(header.session_id), card)
    }
}

/// A session in memory.
#[derive(Debug)]
pub struct GameSession {
    id: SessionId,
    owner: PlayerId,
    name: String,
    created_at: Timestamp,
    ranked: bool,
    permadeath: bool,
    challenge: Option<Challenge>,
    begun_with: Option<Arc<Beginning>>,
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
    doubtful: bool,
    place: Place,
}

/// What a session was before a save took its game's place; good until that is durable.
#[derive(Debug)]
pub struct Before {
    ranked: bool,
    event: EventId,
    game: Arc<Game>,
    content: Arc<Content>,
    map_digest: [u8; 32],
}

/// A game that is to become a session.
#[derive(Debug)]
pub struct Fresh {
    /// Its name in lists.
    pub name: String,
    /// Whether its seed was drawn by the server.
    pub ranked: bool,
    /// No save takes the game's place.
    pub permadeath: bool,
    /// The challenge it takes part in.
    pub challenge: Option<Challenge>,
    /// The game.
    pub game: Game,
    /// What it plays on.
    pub content: Arc<Content>,
    /// The key it was begun with.
    pub begun_with: Option<Arc<Beginning>>,
}

impl GameSession {
    /// Idempotency keys that are remembered: as many as can be under way without an answer, 128 of a connection and 128 of the session.
    /// With fewer, who repeats all of them has each one done again push out the next.
    pub const MOST_KEYS: usize = 256;

    /// A new session.
    pub fn new(id: SessionId, owner: PlayerId, now: Timestamp, fresh: Fresh, place: Place) -> Self {
        let map_digest = model::Map::of(&fresh.game.map, &fresh.content).digest();
        let digest = State::of(&fresh.game, &fresh.content).digest(&map_digest);
        Self {
            id,
            owner,
            name: fresh.name,
            created_at: now,
            ranked: fresh.ranked,
            permadeath: fresh.permadeath,
            challenge: fresh.challenge,
            begun_with: fresh.begun_with,
            event: EventId::new(0, &digest),
            game: Arc::new(fresh.game),
            content: fresh.content,
            map_digest,
            keys: VecDeque::new(),
            dirty: true,
            doubtful: false,
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
            owner: PlayerId(checkpoint.owner),
            name: checkpoint.name,
            created_at: checkpoint.created_at,
            ranked: checkpoint.ranked,
            permadeath: checkpoint.permadeath,
            challenge: checkpoint.challenge,
            begun_with: checkpoint.begun_with.map(Arc::new),
            event,
            game: Arc::new(game),
            content,
            map_digest,
            keys: checkpoint.keys.into(),
            dirty: false,
            doubtful: false,
            place,
        };
        session.forget_keys();
        Ok(session)
    }

    /// The state as readers see it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            id: self.id,
            created_at: self.created_at,
            permadeath: self.permadeath,
            challenge: self.challenge,
            revision: self.event.revision(),
            event: self.event,
            game: self.game.clone(),
            content: self.content.clone(),
        }
    }

    /// What lists tell of it.
    pub fn card(&self, now: Moment) -> Card {
        let mut card = Card {
            owner: self.owner,
            name: String::new(),
            created_at: self.created_at,
            last_activity: now.wall,
            active: now.lived,
            revision: 0,
            turn_count: 0,
            ship_type: String::new(),
            place: String::new(),
            wealth: 0,
            end: None,
            ranked: false,
            permadeath: self.permadeath,
            challenge: None,
            born: None,
            outlined: false,
            begun_with: self.begun_with.clone(),
        };
        self.tell(&mut card);
        card
    }

    /// Brings what lists tell of it up to date. After every turn, so it writes into what is there.
    pub fn tell(&self, card: &mut Card) {
        self.name.clone_into(&mut card.name);
        card.outlined = false;
        card.revision = self.event.revision();
        card.turn_count = self.game.turn;
        self.content.ships.id(self.game.ship).clone_into(&mut card.ship_type);
        model::whereabouts(&self.game).clone_into(&mut card.place);
        card.wealth = self.game.wealth;
        card.end = self.game.end.map(|end| end.id().to_owned());
        card.ranked = self.ranked;
        card.challenge = self.challenge;
    }

    /// Whether its game has ended, and takes part in a challenge that has not heard of that.
    pub fn due(&self) -> bool {
        self.game.end.is_some() && self.challenge.is_some_and(|challenge| challenge.verdict.is_none())
    }

    /// Changes what is no turn.
    pub(super) fn edit(&mut self, edit: Edit) {
        edit.apply(&mut self.ranked, &mut self.challenge);
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
        let Command { action, expected, key } = command;
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
        let written = Written { turn: Arc::new(turn), place: model::whereabouts(&game), state };
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
    ) -> Result<(Turn, Before), SessionError> {
        expected.check(self.event)?;
        let map_digest = save.star_map.digest();
        let turn = Turn { key, ..save.loaded(slot, self.event.revision() + 1, now) };
        let before = Before {
            ranked: std::mem::replace(&mut self.ranked, false),
            event: std::mem::replace(&mut self.event, EventId::of(&turn)),
            game: std::mem::replace(&mut self.game, Arc::new(game)),
            content: std::mem::replace(&mut self.content, content),
            map_digest: std::mem::replace(&mut self.map_digest, map_digest),
        };
        self.remember(turn.key.as_deref());
        self.dirty = true;
        Ok((turn, before))
    }

    /// The save that was loaded could not be written: the game is what it was.
    pub fn unload(&mut self, before: Before) {
        let Before { ranked, event, game, content, map_digest } = before;
        (self.ranked, self.event, self.game) = (ranked, event, game);
        (self.content, self.map_digest) = (content, map_digest);
        self.keys.retain(|used| used.revision <= event.revision());
        self.doubtful = true;
    }

    /// Whether it must be written before anything else happens.
    pub fn doubtful(&self) -> bool {
        self.doubtful
    }

    /// The key that led to its state.
    fn remember(&mut self, key: Option<&str>) {
        self.keys.extend(key.map(|key| UsedKey::of(key, self.event.revision())));
        self.forget_keys();
    }

    fn forget_keys(&mut self) {
        while self.keys.len() > Self::MOST_KEYS {
            self.keys.pop_front();
        }
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: String) {
        self.name = name;
        self.dirty = true;
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
        Checkpoint {
            version: model::VERSION,
            session_id: self.id.0,
            owner: self.owner.0,
            name: self.name.clone(),
            created_at: self.created_at,
            last_activity: last_activity.wall,
            lived: Some(last_activity.lived),
            revision: self.event.revision(),
            ranked: self.ranked,
            permadeath: self.permadeath,
            challenge: self.challenge,
            rules: RULES_VERSION,
            content: self.content.hash.clone(),
            keys: self.keys.iter().copied().collect(),
            begun_with: self.begun_with.as_deref().cloned(),
            place: model::whereabouts(&self.game),
            state: State::of(&self.game, &self.content),
            star_map: model::Map::of(&self.game.map, &self.content),
        }
    }

    /// The checkpoint is on disk.
    pub fn saved(&mut self) {
        self.dirty = false;
        self.doubtful = false;
    }

    /// Gives up memory, and hands on the place.
    pub fn leave(self) -> Place {
        self.place
    }
}
