//! What the registry knows of every session, under its one short lock: cards, owners, seats in memory, tombstones.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::live::Live;
use super::resident::{Card, GameSession, Snapshot};
use super::{PlayerId, SessionError, SessionId};
use crate::store::model::{Beginning, Tombstone};

/// Seconds a tombstone stands: a day.
const TOMBSTONE_SECS: i64 = 24 * 3600;
/// Tombstones kept at the most; the oldest go first.
const MOST_TOMBSTONES: usize = 10_000;

/// Where a session sits in memory: empty while it comes, and for good once it has left.
pub(super) type Seat = Arc<tokio::sync::Mutex<Option<GameSession>>>;
pub(super) type Seated = OwnedMutexGuard<Option<GameSession>>;

#[derive(Default)]
pub(super) struct Maps {
    pub known: HashMap<SessionId, Card>,
    pub by_owner: HashMap<PlayerId, BTreeSet<SessionId>>,
    pub resident: HashMap<SessionId, Resident>,
    /// Who is connected, or may come back.
    pub live: HashMap<SessionId, Live>,
    /// The server stops: nobody joins any more.
    pub closing: bool,
    pub tombstones: Tombstones,
    /// Commands of a session that are under way or wait for it.
    pub commands: HashMap<SessionId, Commands>,
    /// Finished games of a challenge that have no verdict yet.
    pub due: BTreeSet<SessionId>,
    /// Games that are being begun, by their idempotency keys; each has a request that waits for it.
    pub beginning: HashSet<(PlayerId, String)>,
    /// Slots that are taken.
    pub slots: HashSet<(PlayerId, u8)>,
}

/// The commands of a session that are under way or wait for it.
#[derive(Default)]
pub(super) struct Commands {
    pub count: usize,
    /// Their idempotency keys.
    pub keys: Vec<String>,
}

/// A session in memory, or on its way in or out.
pub(super) struct Resident {
    pub seat: Seat,
    /// The state that is durable, for readers; none while it comes.
    pub shown: Option<Snapshot>,
    /// Somebody is making it leave.
    pub leaving: bool,
}

impl Resident {
    pub fn coming(seat: Seat) -> Self {
        Self { seat, shown: None, leaving: false }
    }
}

impl Maps {
    pub fn insert(&mut self, id: SessionId, card: Card) {
        self.by_owner.entry(card.owner).or_default().insert(id);
        self.known.insert(id, card);
    }

    pub fn remove(&mut self, id: SessionId) -> Option<Card> {
        let card = self.known.remove(&id)?;
        if let Some(own) = self.by_owner.get_mut(&card.owner) {
            own.remove(&id);
            if own.is_empty() {
                self.by_owner.remove(&card.owner);
            }
        }
        Some(card)
    }

    /// The owner's session. Everybody else gets the same answer as for one that never was.
    pub fn card(&mut self, owner: PlayerId, id: SessionId) -> Result<&mut Card, SessionError> {
        match self.known.get_mut(&id) {
            Some(card) if card.owner == owner => Ok(card),
            Some(_) => Err(SessionError::NotFound),
            None => Err(self.tombstones.answer(owner, id)),
        }
    }

    /// The player's session that was begun with a key, and what was asked for then; or why there is none any more.
    pub fn begun_with(&self, owner: PlayerId, key: &str) -> Option<Result<(SessionId, Arc<Beginning>), SessionError>> {
        let own = self.by_owner.get(&owner).into_iter().flatten();
        let known = own.filter_map(|id| Some((*id, self.known.get(id)?.begun_with.clone()?)));
        if let Some(found) = known.into_iter().find(|(_, begun_with)| begun_with.key == key) {
            return Some(Ok(found));
        }
        let mut stones = self.tombstones.by_id.values();
        let buried = stones.find(|stone| {
            stone.owner == owner.0 && stone.begun_with.as_ref().is_some_and(|begun_with| begun_with.key == key)
        })?;
        Some(Err(self.tombstones.answer(owner, SessionId(buried.session_id))))
    }

    /// Whether a session can leave memory: its player is not connected, and nobody waits for him to come back.
    pub fn lonely(&self, id: SessionId) -> bool {
        self.live.get(&id).is_none_or(|live| live.newest.is_none())
    }

    /// Whether a session can be made to give way: it is finished, or nobody has asked for it for long enough.
    pub fn may_yield(&self, id: SessionId, card: &Card, now: Timestamp, yield_secs: i64) -> bool {
        card.end.is_some() || (self.lonely(id) && idle_secs(card, now) >= yield_secs)
    }

    /// Whether a session has been idle for so long that it leaves memory.
    pub fn idle(&self, id: SessionId, now: Timestamp, idle_secs: i64) -> bool {
        let idle = |card: &Card| self::idle_secs(card, now) >= idle_secs;
        idle_secs > 0 && self.lonely(id) && self.known.get(&id).is_some_and(idle)
    }

    pub fn unfinished(&self, owner: PlayerId) -> usize {
        let own = self.by_owner.get(&owner).into_iter().flatten();
        own.filter(|id| self.known.get(id).is_some_and(|card| card.end.is_none())).count()
    }

    /// Who gives way when memory is full: finished games, then who has been idle longest, and long enough.
    pub fn victim(&mut self, now: Timestamp, yield_secs: i64) -> Option<(SessionId, Seat)> {
        let candidates = self.resident.iter().filter(|(_, resident)| !resident.leaving);
        let candidates = candidates.filter_map(|(id, _)| self.known.get(id).map(|card| (*id, card)));
        let (id, _) = candidates
            .filter(|(id, card)| self.may_yield(*id, card, now, yield_secs))
            .min_by_key(|(id, card)| (card.end.is_none(), card.last_activity, *id))?;
        let resident = self.resident.get_mut(&id)?;
        resident.leaving = true;
        Some((id, resident.seat.clone()))
    }
}

pub(super) fn idle_secs(card: &Card, now: Timestamp) -> i64 {
    now.duration_since(card.last_activity).as_secs()
}

/// Whether a tombstone has stood long enough.
pub(super) fn past(stone: &Tombstone, now: Timestamp) -> bool {
    now.duration_since(stone.expired_at).as_secs() >= TOMBSTONE_SECS
}

/// Sessions that are gone for good, oldest first; for a day, and ten thousand at the most.
#[derive(Default)]
pub(super) struct Tombstones {
    pub by_id: HashMap<SessionId, Tombstone>,
    pub order: VecDeque<SessionId>,
    /// Lines in the file, which only grows until it is rewritten.
    pub lines: usize,
}

impl Tombstones {
    pub fn insert(&mut self, tombstone: Tombstone) {
        let id = SessionId(tombstone.session_id);
        if self.by_id.insert(id, tombstone).is_none() {
            self.order.push_back(id);
        }
        self.lines += 1;
        while self.order.len() > MOST_TOMBSTONES {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(id) = self.order.pop_front() {
            self.by_id.remove(&id);
        }
    }

    pub fn prune(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|id| self.by_id.get(id).is_none_or(|stone| past(stone, now))) {
            self.drop_oldest();
        }
    }

    pub fn remove(&mut self, id: SessionId) {
        self.by_id.remove(&id);
        self.order.retain(|each| *each != id);
    }

    fn answer(&self, owner: PlayerId, id: SessionId) -> SessionError {
        match self.by_id.get(&id) {
            Some(stone) if stone.owner == owner.0 => {
                SessionError::Gone { expired_at: stone.expired_at, reason: stone.reason }
            }
            _ => SessionError::NotFound,
        }
    }
}
