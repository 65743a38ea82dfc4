//! What the directory knows of every session, under its one short lock: cards, owners, seats in memory, tombstones. Every `now`
//! here is lived time.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::live::Live;
use super::resident::{Card, GameSession, Snapshot};
use super::saves::SLOTS;
use super::{SessionError, Settings};

use crate::model::{Beginning, PlayerId, Save, SessionId, Tombstone};

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
    /// Sessions that could not be read, so that nobody knows whose they are; and whether they are damaged.
    pub unread: HashMap<SessionId, bool>,
    /// Games that are being begun, by their idempotency keys; each has a request that waits for it.
    pub beginning: HashSet<(PlayerId, String)>,
    /// Slots that are taken.
    pub slots: HashSet<(PlayerId, u8)>,
    /// Saves as lists show them, without their histories.
    pub shown_slots: HashMap<(PlayerId, u8), Arc<Save>>,
    /// Where players were last seen. In memory only: files have no addresses.
    pub seen: HashMap<PlayerId, IpAddr>,
    /// The first games of players, by the address they were begun from; none where that was before the server started.
    pub born: HashMap<Option<IpAddr>, BTreeSet<SessionId>>,
}

/// Players whose addresses are remembered; those with games in memory count, of whom there are fewer.
const MOST_SEEN: usize = 1 << 16;
/// Turns after which a first game is more than a look.
const A_LOOK: u64 = 8;

/// Why a session gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Yields {
    /// It is finished, or nobody has asked for it for long enough.
    Idle,
    /// Its address holds more places than any other, and nobody is connected to it.
    Lonely,
    /// Its address holds more places than its share.
    Crowded,
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
        let own = self.by_owner.entry(card.owner).or_default();
        if own.is_empty() {
            self.born.entry(card.born).or_default().insert(id);
        }
        own.insert(id);
        self.known.insert(id, card);
    }

    pub fn remove(&mut self, id: SessionId) -> Option<Card> {
        let card = self.known.remove(&id)?;
        if let Some(born) = self.born.get_mut(&card.born) {
            born.remove(&id);
            if born.is_empty() {
                self.born.remove(&card.born);
            }
        }
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
            None => match self.unread.get(&id) {
                // Also to who does not own it: nobody knows who does.
                Some(damaged) => Err(SessionError::Unread { damaged: *damaged }),
                None => Err(self.tombstones.answer(owner, id)),
            },
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
        let idle = |card: &Card| !card.outlined && self::idle_secs(card, now) >= idle_secs;
        idle_secs > 0 && self.lonely(id) && self.known.get(&id).is_some_and(idle)
    }

    /// Whether a player may have one more unfinished game.
    pub fn may_play(&self, owner: PlayerId, settings: &Settings) -> Result<(), SessionError> {
        let (limit, own) = (settings.per_player, self.by_owner.get(&owner).into_iter().flatten());
        let unfinished = own.filter(|id| self.known.get(id).is_some_and(|card| card.end.is_none())).count();
        if unfinished >= limit { Err(SessionError::TooMany { limit }) } else { Ok(()) }
    }

    /// Remembers where a player was seen.
    pub fn see(&mut self, player: PlayerId, from: IpAddr) {
        if self.seen.len() >= MOST_SEEN && !self.seen.contains_key(&player) {
            let resident: HashSet<_> =
                self.resident.keys().filter_map(|id| self.known.get(id)).map(|card| card.owner).collect();
            self.seen.retain(|player, _| resident.contains(player));
            if self.seen.len() > MOST_SEEN / 2 {
                self.seen.clear();
            }
        }
        self.seen.insert(player, from);
    }

    /// Who gives way when memory is full, to whom, and why. First the address that holds more than its share, unless it is the one
    /// that asks; then finished games and who has been idle longest, and long enough; then the address that holds the most, where that
    /// is more than the one that asks would have.
    pub fn victim(
        &mut self,
        asks: Option<PlayerId>,
        now: Timestamp,
        settings: &Settings,
    ) -> Option<(SessionId, Seat, Yields)> {
        let from = asks.and_then(|player| self.seen.get(&player).copied());
        let candidates = self.resident.iter().filter(|(_, resident)| !resident.leaving);
        let candidates = candidates.filter_map(|(id, _)| self.known.get(id).map(|card| (*id, card)));
        let candidates: Vec<_> = candidates.map(|(id, card)| (id, card, self.seen.get(&card.owner).copied())).collect();
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for address in candidates.iter().filter_map(|(.., address)| *address) {
            *held.entry(address).or_default() += 1;
        }
        let own = from.map_or(0, |from| held.get(&from).copied().unwrap_or_default());
        let crowd = held.into_iter().max_by_key(|(address, count)| (*count, *address));
        let crowd = crowd.filter(|(address, _)| asks.is_some() && from != Some(*address));
        let share = (settings.limit * settings.address_share / 100).max(1);
        let first = |(lonely, card, id): &(bool, &Card, SessionId)| (card.end.is_none(), !*lonely, card.active, *id);
        let of_crowd = |address: IpAddr| {
            let own = candidates.iter().filter(move |(.., whose)| *whose == Some(address));
            own.map(|(id, card, _)| (self.lonely(*id), *card, *id)).min_by_key(first)
        };
        let idle = || {
            let idle = candidates.iter().filter(|(id, card, _)| self.may_yield(*id, card, now, settings.yield_secs));
            idle.min_by_key(|(id, card, _)| (card.end.is_none(), card.active, *id)).map(|(id, ..)| *id)
        };
        let (id, why) = match crowd {
            Some((address, count)) if count > share => (of_crowd(address)?.2, Yields::Crowded),
            Some((address, count)) => match idle() {
                Some(id) => (id, Yields::Idle),
                None => {
                    let (lonely, _, id) = of_crowd(address).filter(|_| count > own + 1)?;
                    if !lonely {
                        return None;
                    }
                    (id, Yields::Lonely)
                }
            },
            None => (idle()?, Yields::Idle),
        };
        let resident = self.resident.get_mut(&id)?;
        resident.leaving = true;
        Some((id, resident.seat.clone(), why))
    }

    /// Whether a session can still be made to give way.
    pub fn still_yields(&self, id: SessionId, why: Yields, now: Timestamp, yield_secs: i64) -> bool {
        self.known.get(&id).is_some_and(|card| match why {
            Yields::Idle => self.may_yield(id, card, now, yield_secs),
            Yields::Lonely => self.lonely(id),
            Yields::Crowded => true,
        })
    }

    /// Which game goes for good for a player's next one, if one must; or none can.
    ///
    /// Nobody's game goes because somebody else begins one, but for the first looks of players who never came back; and first those
    /// from the address that has the most of them. A player has a hundredth of the store and an address's new players a tenth, once half
    /// of it is full; beyond that their own go.
    pub fn departs(
        &self,
        owner: PlayerId,
        now: Timestamp,
        settings: &Settings,
    ) -> Result<Option<(SessionId, PlayerId)>, SessionError> {
        let (stored, known) = (settings.stored, self.known.len());
        let (full, tight) = (known >= stored, known >= stored.div_ceil(2));
        let Some(own) = self.by_owner.get(&owner) else {
            let from = self.seen.get(&owner).copied();
            let own = from.and_then(|from| self.born.get(&Some(from)));
            if let Some(own) = own.filter(|own| tight && own.len() >= (stored / 10).max(settings.per_player)) {
                let look = own.iter().find_map(|id| self.look(*id, now, settings));
                return look.map(Some).ok_or(SessionError::StoreFull);
            }
            return if full { self.first_look(now, settings).map(Some) } else { Ok(None) };
        };
        let most = (stored / 100).max(2 * settings.per_player);
        if full || (tight && own.len() >= most) {
            let finished = own.iter().filter_map(|id| self.known.get(id).map(|card| (card, *id)));
            let finished = finished.filter(|(card, _)| card.end.is_some());
            if let Some((_, id)) = finished.min_by_key(|(card, id)| (card.active, *id)) {
                return Ok(Some((id, owner)));
            }
        }
        if full { self.first_look(now, settings).map(Some) } else { Ok(None) }
    }

    fn first_look(&self, now: Timestamp, settings: &Settings) -> Result<(SessionId, PlayerId), SessionError> {
        let mut crowds: Vec<_> = self.born.iter().collect();
        crowds.sort_by_key(|(address, born)| (address.is_none(), std::cmp::Reverse(born.len())));
        let looks = crowds.into_iter().flat_map(|(_, born)| born).find_map(|id| self.look(*id, now, settings));
        looks.ok_or(SessionError::StoreFull)
    }

    /// A first look that nobody came back to: a few turns of a player who has nothing else, and is not here.
    fn look(&self, id: SessionId, now: Timestamp, settings: &Settings) -> Option<(SessionId, PlayerId)> {
        let card = self.known.get(&id)?;
        let nothing_else = self.by_owner.get(&card.owner).is_some_and(|own| own.len() == 1)
            && !SLOTS.into_iter().any(|number| self.slots.contains(&(card.owner, number)));
        let gone = self.lonely(id) && (!self.resident.contains_key(&id) || idle_secs(card, now) >= settings.yield_secs);
        let look = card.revision <= A_LOOK && card.end.is_none() && nothing_else && gone && !card.outlined;
        look.then_some((id, card.owner))
    }
}

pub(super) fn idle_secs(card: &Card, now: Timestamp) -> i64 {
    now.duration_since(card.active).as_secs()
}

/// Whether a tombstone has stood long enough.
pub(super) fn past(stone: &Tombstone, now: Timestamp) -> bool {
    now.duration_since(stone.lived.unwrap_or(stone.expired_at)).as_secs() >= TOMBSTONE_SECS
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
