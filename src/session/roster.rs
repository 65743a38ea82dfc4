//! What the directory knows of every session, under its one short lock: summaries, owners, seats in memory, tombstones. Every `now`
//! here is lived time.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::error::SessionError;
use super::game_session::{GameSession, Snapshot, Summary};
use super::outbox::Connections;
use super::settings::Settings;

use crate::model::{Beginning, PlayerId, SLOTS, Save, SessionId, Tombstone};

/// Tombstones kept at the most; the oldest go first.
const MAX_TOMBSTONES: usize = 10_000;

/// Where a session sits in memory: empty while it comes, and for good once it has left.
pub(super) type Seat = Arc<tokio::sync::Mutex<Option<GameSession>>>;
pub(super) type Seated = OwnedMutexGuard<Option<GameSession>>;

#[derive(Default)]
pub(super) struct Roster {
    pub known: HashMap<SessionId, Summary>,
    /// In order. Most players have one, and a list of one is small.
    pub by_owner: HashMap<PlayerId, Vec<SessionId>>,
    pub resident: HashMap<SessionId, Resident>,
    /// The connections of sessions, and the players who may come back.
    pub connections: HashMap<SessionId, Connections>,
    /// The server stops: nobody joins any more.
    pub closing: bool,
    pub tombstones: Tombstones,
    /// Commands of a session that are under way or wait for it.
    pub commands: HashMap<SessionId, Commands>,
    /// Finished games of a challenge that have no verdict yet.
    pub awaiting_verdict: BTreeSet<SessionId>,
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
const MAX_SEEN: usize = 1 << 16;
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

impl Roster {
    /// For so many sessions.
    pub fn of_size(count: usize) -> Self {
        Self { known: HashMap::with_capacity(count), by_owner: HashMap::with_capacity(count), ..Self::default() }
    }

    pub fn insert(&mut self, id: SessionId, summary: Summary) {
        let own = self.by_owner.entry(summary.meta.owner).or_insert_with(|| Vec::with_capacity(1));
        if own.is_empty() {
            self.born.entry(summary.born).or_default().insert(id);
        }
        if let Err(at) = own.binary_search(&id) {
            own.insert(at, id);
        }
        self.known.insert(id, summary);
    }

    pub fn remove(&mut self, id: SessionId) -> Option<Summary> {
        let summary = self.known.remove(&id)?;
        if let Some(born) = self.born.get_mut(&summary.born) {
            born.remove(&id);
            if born.is_empty() {
                self.born.remove(&summary.born);
            }
        }
        if let Some(own) = self.by_owner.get_mut(&summary.meta.owner) {
            own.retain(|own| *own != id);
            if own.is_empty() {
                self.by_owner.remove(&summary.meta.owner);
            }
        }
        Some(summary)
    }

    /// The owner's session. Everybody else gets the same answer as for one that never was.
    pub fn summary(&mut self, owner: PlayerId, id: SessionId) -> Result<&mut Summary, SessionError> {
        match self.known.get_mut(&id) {
            Some(summary) if summary.meta.owner == owner => Ok(summary),
            Some(_) => Err(SessionError::NotFound),
            None => match self.unread.get(&id) {
                // Also to who does not own it: nobody knows who does.
                Some(damaged) => Err(SessionError::Unread { damaged: *damaged }),
                None => Err(self.tombstones.answer(owner, id)),
            },
        }
    }

    /// The player's session that was begun with a key, and what was asked for then; or why there is none any more.
    pub fn begun_with(&self, owner: PlayerId, key: &str) -> Option<Result<(SessionId, Beginning), SessionError>> {
        let own = self.by_owner.get(&owner).into_iter().flatten();
        let known = own.filter_map(|id| Some((*id, self.known.get(id)?.meta.begun_with.as_deref()?.clone())));
        if let Some(found) = known.into_iter().find(|(_, begun_with)| begun_with.key == key) {
            return Some(Ok(found));
        }
        let mut stones = self.tombstones.by_id.values();
        let buried = stones.find(|stone| {
            stone.owner == owner.0 && stone.begun_with.as_ref().is_some_and(|begun_with| begun_with.key == key)
        })?;
        Some(Err(self.tombstones.answer(owner, SessionId(buried.session_id))))
    }

    /// Whether a session can leave memory: its player is not connected, and their grace is over.
    pub fn lonely(&self, id: SessionId) -> bool {
        self.connections.get(&id).is_none_or(|live| live.newest.is_none())
    }

    /// Whether a session can be made to give way: it is finished, or nobody has asked for it for long enough.
    pub fn may_yield(&self, id: SessionId, summary: &Summary, now: Timestamp, yield_secs: i64) -> bool {
        summary.end.is_some() || (self.lonely(id) && idle_secs(summary, now) >= yield_secs)
    }

    /// Whether a session has been idle for so long that it leaves memory.
    pub fn idle(&self, id: SessionId, now: Timestamp, idle_secs: i64) -> bool {
        let idle = |summary: &Summary| !summary.outlined && self::idle_secs(summary, now) >= idle_secs;
        idle_secs > 0 && self.lonely(id) && self.known.get(&id).is_some_and(idle)
    }

    /// Whether a player may have one more unfinished game.
    pub fn may_play(&self, owner: PlayerId, settings: &Settings) -> Result<(), SessionError> {
        let (limit, own) = (settings.per_player, self.by_owner.get(&owner).into_iter().flatten());
        let unfinished = own.filter(|id| self.known.get(id).is_some_and(|summary| summary.end.is_none())).count();
        if unfinished >= limit { Err(SessionError::TooMany { limit }) } else { Ok(()) }
    }

    /// Remembers where a player was seen.
    pub fn see(&mut self, player: PlayerId, from: IpAddr) {
        if self.seen.len() >= MAX_SEEN && !self.seen.contains_key(&player) {
            let resident: HashSet<_> =
                self.resident.keys().filter_map(|id| self.known.get(id)).map(|summary| summary.meta.owner).collect();
            self.seen.retain(|player, _| resident.contains(player));
            if self.seen.len() > MAX_SEEN / 2 {
                self.seen.clear();
            }
        }
        self.seen.insert(player, from);
    }

    /// The session that gives way when memory is full, and why. First one of the address that holds more than its share, unless that
    /// address asks; then a finished game, or the one that has been idle longest and long enough; then one of the address that holds
    /// the most, where that is more than the asking one would have.
    pub fn victim(
        &mut self,
        asks: Option<PlayerId>,
        now: Timestamp,
        settings: &Settings,
    ) -> Option<(SessionId, Seat, Yields)> {
        let from = asks.and_then(|player| self.seen.get(&player).copied());
        let candidates = self.resident.iter().filter(|(_, resident)| !resident.leaving);
        let candidates = candidates.filter_map(|(id, _)| self.known.get(id).map(|summary| (*id, summary)));
        let candidates: Vec<_> =
            candidates.map(|(id, summary)| (id, summary, self.seen.get(&summary.meta.owner).copied())).collect();
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for address in candidates.iter().filter_map(|(.., address)| *address) {
            *held.entry(address).or_default() += 1;
        }
        let own = from.map_or(0, |from| held.get(&from).copied().unwrap_or_default());
        let crowd = held.into_iter().max_by_key(|(address, count)| (*count, *address));
        let crowd = crowd.filter(|(address, _)| asks.is_some() && from != Some(*address));
        let share = (settings.limit * settings.address_share / 100).max(1);
        let first = |(lonely, summary, id): &(bool, &Summary, SessionId)| {
            (summary.end.is_none(), !*lonely, summary.active, *id)
        };
        let of_crowd = |address: IpAddr| {
            let own = candidates.iter().filter(move |(.., whose)| *whose == Some(address));
            own.map(|(id, summary, _)| (self.lonely(*id), *summary, *id)).min_by_key(first)
        };
        let idle = || {
            let idle =
                candidates.iter().filter(|(id, summary, _)| self.may_yield(*id, summary, now, settings.yield_secs));
            idle.min_by_key(|(id, summary, _)| (summary.end.is_none(), summary.active, *id)).map(|(id, ..)| *id)
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
        self.known.get(&id).is_some_and(|summary| match why {
            Yields::Idle => self.may_yield(id, summary, now, yield_secs),
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
            let finished = own.iter().filter_map(|id| self.known.get(id).map(|summary| (summary, *id)));
            let finished = finished.filter(|(summary, _)| summary.end.is_some());
            if let Some((_, id)) = finished.min_by_key(|(summary, id)| (summary.active, *id)) {
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
        let summary = self.known.get(&id)?;
        let nothing_else = self.by_owner.get(&summary.meta.owner).is_some_and(|own| own.len() == 1)
            && !SLOTS.into_iter().any(|number| self.slots.contains(&(summary.meta.owner, number)));
        let gone =
            self.lonely(id) && (!self.resident.contains_key(&id) || idle_secs(summary, now) >= settings.yield_secs);
        let look = summary.revision <= A_LOOK && summary.end.is_none() && nothing_else && gone && !summary.outlined;
        look.then_some((id, summary.meta.owner))
    }
}

pub(super) fn idle_secs(summary: &Summary, now: Timestamp) -> i64 {
    now.duration_since(summary.active).as_secs()
}

/// Sessions that are gone for good, oldest first; for a day, and ten thousand at the most.
#[derive(Default)]
pub(super) struct Tombstones {
    pub by_id: HashMap<SessionId, Tombstone>,
    pub order: VecDeque<SessionId>,
}

impl Tombstones {
    pub fn insert(&mut self, tombstone: Tombstone) {
        let id = SessionId(tombstone.session_id);
        if self.by_id.insert(id, tombstone).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > MAX_TOMBSTONES {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(id) = self.order.pop_front() {
            self.by_id.remove(&id);
        }
    }

    pub fn prune(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|id| self.by_id.get(id).is_none_or(|stone| stone.is_past(now))) {
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
