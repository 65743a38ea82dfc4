//! A session in memory: the game, its revision, and what has happened since it was last written down.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::{PlayerId, SessionError, SessionId};
use crate::game::RULES_VERSION;
use crate::game::action::Action;
use crate::game::content::Content;
use crate::game::event::Outcome;
use crate::game::rules;
use crate::game::state::Game;
use crate::store::model::{self, Checkpoint, Header, State, Turn};

/// A place among the sessions in memory: held by one, or reserved for one on its way.
pub type Place = OwnedSemaphorePermit;

/// A session as readers see it, at one revision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which session.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// Of this state.
    pub revision: u64,
    /// The game.
    pub game: Game,
    /// What it plays on.
    pub content: Arc<Content>,
}

/// What an accepted action led to.
#[derive(Clone, Debug)]
pub struct Acted {
    /// What happened.
    pub outcome: Outcome,
    /// The state after.
    pub snapshot: Snapshot,
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
}

impl Card {
    /// Of a session that is only stored.
    pub fn of(header: Header) -> (SessionId, Self) {
        let card = Self {
            owner: PlayerId(header.owner),
            name: header.name,
            created_at: header.created_at,
            last_activity: header.last_activity,
            revision: header.revision,
            turn_count: header.turn_count,
            ship_type: header.player_stats.ship_type,
            place: header.place,
            wealth: header.player_stats.wealth,
            end: header.end,
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
    revision: u64,
    game: Game,
    content: Arc<Content>,
    map_digest: [u8; 32],
    /// The revision of the checkpoint on disk.
    saved: u64,
    /// Accepted since then.
    unsaved: Vec<Turn>,
    /// Something else than the game changed since then.
    changed: bool,
    place: Place,
}

/// A game that is to become a session.
#[derive(Debug)]
pub struct Fresh {
    /// Its name in lists.
    pub name: String,
    /// Whether its seed was drawn by the server.
    pub ranked: bool,
    /// The game.
    pub game: Game,
    /// What it plays on.
    pub content: Arc<Content>,
}

impl GameSession {
    /// After this many turns since the last checkpoint another one is due, so that memory stays bounded.
    pub const MOST_UNSAVED: usize = 256;

    /// A new session.
    pub fn new(id: SessionId, owner: PlayerId, now: Timestamp, fresh: Fresh, place: Place) -> Self {
        let map_digest = model::Map::of(&fresh.game.map, &fresh.content).digest();
        Self {
            id,
            owner,
            name: fresh.name,
            created_at: now,
            ranked: fresh.ranked,
            revision: 0,
            game: fresh.game,
            content: fresh.content,
            map_digest,
            saved: 0,
            unsaved: Vec::new(),
            changed: true,
            place,
        }
    }

    /// A session from its checkpoint, or what is wrong with that.
    pub fn restore(checkpoint: Checkpoint, content: Arc<Content>, place: Place) -> Result<Self, model::Nonsense> {
        let map = Arc::new(checkpoint.star_map.restore(&content)?);
        let game = checkpoint.state.restore(map, &content)?;
        Ok(Self {
            id: SessionId(checkpoint.session_id),
            owner: PlayerId(checkpoint.owner),
            name: checkpoint.name,
            created_at: checkpoint.created_at,
            ranked: checkpoint.ranked,
            revision: checkpoint.revision,
            game,
            content,
            map_digest: checkpoint.star_map.digest(),
            saved: checkpoint.revision,
            unsaved: Vec::new(),
            changed: false,
            place,
        })
    }

    /// The state as readers see it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            id: self.id,
            created_at: self.created_at,
            revision: self.revision,
            game: self.game.clone(),
            content: self.content.clone(),
        }
    }

    /// What lists tell of it.
    pub fn card(&self, last_activity: Timestamp) -> Card {
        Card {
            owner: self.owner,
            name: self.name.clone(),
            created_at: self.created_at,
            last_activity,
            revision: self.revision,
            turn_count: self.game.turn,
            ship_type: self.content.ships.id(self.game.ship).to_owned(),
            place: self.whereabouts(),
            wealth: self.game.wealth,
            end: self.game.end.map(|end| end.id().to_owned()),
        }
    }

    fn whereabouts(&self) -> String {
        let node = self.game.node();
        format!("{} ({})", node.name, self.game.map.regions[node.region].name)
    }

    /// Takes an action: all of it, or none.
    pub fn act(&mut self, action: &Action, expected: Option<u64>, now: Timestamp) -> Result<Acted, SessionError> {
        if expected.is_some_and(|expected| expected != self.revision) {
            return Err(SessionError::Stale { revision: self.revision });
        }
        let (game, outcome) = rules::apply(&self.game, &self.content, action)?;
        let turn = Turn {
            revision: self.revision + 1,
            at: now,
            action: action.clone(),
            outcome: outcome.clone(),
            digest: State::of(&game, &self.content).digest(&self.map_digest),
            rules: RULES_VERSION,
            content: self.content.hash.clone(),
        };
        self.game = game;
        self.revision = turn.revision;
        self.unsaved.push(turn);
        Ok(Acted { outcome, snapshot: self.snapshot() })
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: String) {
        self.name = name;
        self.changed = true;
    }

    /// Whether a checkpoint would say something new.
    pub fn dirty(&self) -> bool {
        self.changed || self.revision != self.saved
    }

    /// Whether so much is unsaved that a checkpoint is due now.
    pub fn overdue(&self) -> bool {
        self.unsaved.len() >= Self::MOST_UNSAVED
    }

    /// What a checkpoint writes. It is taken back by [`Self::saved`], or stays due.
    pub fn checkpoint(&self, last_activity: Timestamp) -> (Checkpoint, Vec<Turn>) {
        let checkpoint = Checkpoint {
            version: model::VERSION,
            session_id: self.id.0,
            owner: self.owner.0,
            name: self.name.clone(),
            created_at: self.created_at,
            last_activity,
            revision: self.revision,
            ranked: self.ranked,
            rules: RULES_VERSION,
            content: self.content.hash.clone(),
            place: self.whereabouts(),
            state: State::of(&self.game, &self.content),
            star_map: model::Map::of(&self.game.map, &self.content),
        };
        (checkpoint, self.unsaved.clone())
    }

    /// The checkpoint is on disk.
    pub fn saved(&mut self) {
        self.saved = self.revision;
        self.unsaved.clear();
        self.changed = false;
    }

    /// The revision up to which history is on disk, and what came after it.
    pub fn history(&self) -> (u64, &[Turn]) {
        (self.saved, &self.unsaved)
    }

    /// Gives up memory, and hands on the place.
    pub fn leave(self) -> Place {
        self.place
    }
}
