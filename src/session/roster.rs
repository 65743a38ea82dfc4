//! What the directory knows of every session, under its one short lock: summaries, owners, seats in memory, tombstones. Every `now`
//! here is lived time.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use smallvec::SmallVec;
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
    /// In order. Most players have one, which needs no list.
    pub by_owner: HashMap<PlayerId, SmallVec<[SessionId; 1]>>,
    pub resident: HashMap<SessionId, Resident>,
    pub yielding: Yielding,
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
/// One of so many that are in memory is found ahead as one that gives way.
const LOOKED_AHEAD: usize = 64;
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

/// Sessions that give way next, worked out together: to look at all that are in memory for each one that comes would hold the lock for
/// milliseconds.
#[derive(Default)]
pub(super) struct Yielding {
    /// In order, each with when somebody last asked for it.
    next: VecDeque<(SessionId, Timestamp)>,
    to: GivesWay,
}

/// For whom it is certain that sessions give way because they are idle, and not because an address has too many.
#[derive(Default)]
enum GivesWay {
    #[default]
    ToNobody,
    To(IpAddr),
    ToAll,
}

impl GivesWay {
    /// Of what each address has, the most first, while so many more come.
    fn of(held: &[(usize, IpAddr)], coming: usize, share: usize) -> Self {
        match held {
            [] => Self::ToAll,
            // However many of them come meanwhile, nobody will have more than their share.
            [(most, _), ..] if most + coming <= share => Self::ToAll,
            [(most, address), others @ ..] if others.first().is_none_or(|(count, _)| count + coming < *most) => {
                Self::To(*address)
            }
            _ => Self::ToNobody,
        }
    }
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
        let own = self.by_owner.entry(summary.meta.owner).or_default();
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
        if let Some(id) = self.next_yielding(asks, from, now, settings) {
            return self.leaves(id, Yields::Idle);
        }
        let candidates = self.resident.iter().filter(|(_, resident)| !resident.leaving);
        let candidates = candidates.filter_map(|(id, _)| self.known.get(id).map(|summary| (*id, summary)));
        let candidates: Vec<_> =
            candidates.map(|(id, summary)| (id, summary, self.seen.get(&summary.meta.owner).copied())).collect();
        let held = counted(candidates.iter().filter_map(|(.., address)| *address));
        let own = held.iter().find(|(_, address)| from == Some(*address)).map_or(0, |(count, _)| *count);
        let crowd = held.first().map(|(count, address)| (*address, *count));
        let crowd = crowd.filter(|(address, _)| asks.is_some() && from != Some(*address));
        let share = (settings.limit * settings.address_share / 100).max(1);
        let first = |(lonely, summary, id): &(bool, &Summary, SessionId)| {
            (summary.end.is_none(), !*lonely, summary.active, *id)
        };
        let of_crowd = |address: IpAddr| {
            let own = candidates.iter().filter(move |(.., whose)| *whose == Some(address));
            own.map(|(id, summary, _)| (self.lonely(*id), *summary, *id)).min_by_key(first)
        };
        let ahead = candidates.len() / LOOKED_AHEAD;
        let mut next = VecDeque::new();
        let mut idle = || {
            let idle = candidates.iter().map(|(id, summary, _)| (*id, *summary));
            next = first_idle(
                idle.filter(|(id, summary)| self.may_yield(*id, summary, now, settings.yield_secs)),
                ahead + 1,
            );
            next.pop_front().map(|(id, _)| id)
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
        let to = GivesWay::of(&held, ahead, share);
        self.yielding = Yielding { next, to };
        self.leaves(id, why)
    }

    fn leaves(&mut self, id: SessionId, why: Yields) -> Option<(SessionId, Seat, Yields)> {
        let resident = self.resident.get_mut(&id)?;
        resident.leaving = true;
        Some((id, resident.seat.clone(), why))
    }

    /// The next session that was found to give way, if it still does.
    fn next_yielding(
        &mut self,
        asks: Option<PlayerId>,
        from: Option<IpAddr>,
        now: Timestamp,
        settings: &Settings,
    ) -> Option<SessionId> {
        let good = match self.yielding.to {
            GivesWay::ToAll => true,
            GivesWay::To(address) => asks.is_none() || from == Some(address),
            GivesWay::ToNobody => asks.is_none(),
        };
        if !good {
            return None;
        }
        while let Some((id, active)) = self.yielding.next.pop_front() {
            let stays = self.resident.get(&id).is_none_or(|resident| resident.leaving);
            let same = |summary: &&Summary| summary.active == active;
            let yields = |summary: &Summary| self.may_yield(id, summary, now, settings.yield_secs);
            if !stays && self.known.get(&id).filter(same).is_some_and(yields) {
                return Some(id);
            }
        }
        None
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

/// How often each address is there, the most first.
fn counted(addresses: impl Iterator<Item = IpAddr>) -> Vec<(usize, IpAddr)> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for address in addresses {
        *counts.entry(address).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(address, count)| (count, address)).collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    counts
}

/// So many of those that give way first: finished games, then those that have been idle longest.
fn first_idle<'a>(
    idle: impl Iterator<Item = (SessionId, &'a Summary)>,
    count: usize,
) -> VecDeque<(SessionId, Timestamp)> {
    let mut idle: Vec<_> = idle.map(|(id, summary)| (summary.end.is_none(), summary.active, id)).collect();
    if idle.len() > count {
        idle.select_nth_unstable(count);
        idle.truncate(count);
    }
    idle.sort_unstable();
    idle.into_iter().map(|(_, active, id)| (id, active)).collect()
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

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::model::{Header, HeaderStats};

    const COUNT: u128 = 1_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    /// Sessions in memory, each of a player of its own, the first ones idle longest.
    fn full() -> Roster {
        let mut roster = Roster::default();
        for number in 1..=COUNT {
            let header = Header {
                session_id: Uuid::from_u128(number),
                owner: Uuid::from_u128(number),
                name: String::new(),
                created_at: at(0),
                last_activity: at(i64::try_from(number).expect("a small number")),
                lived: None,
                revision: 9,
                ranked: false,
                permadeath: false,
                challenge: None,
                begun_with: None,
                place: String::new(),
                turn_count: 9,
                end: None,
                player_stats: HeaderStats { wealth: 0, ship_type: String::new() },
                outlined: false,
            };
            let (id, summary) = Summary::of(header);
            roster.insert(id, summary);
            roster.resident.insert(id, Resident::coming(Seat::default()));
        }
        roster
    }

    fn settings() -> Settings {
        Settings { limit: 1_000, address_share: 50, yield_secs: 100, ..Settings::default() }
    }

    fn next(roster: &mut Roster, asks: u128) -> Option<(u128, Yields)> {
        let victim = roster.victim(Some(PlayerId(Uuid::from_u128(asks))), at(5_000), &settings());
        victim.map(|(id, _, why)| (id.0.as_u128(), why))
    }

    #[test]
    fn the_longest_idle_give_way_in_order_however_they_are_found() {
        let mut roster = full();
        for number in 1..=300 {
            assert_eq!(next(&mut roster, COUNT + 1), Some((number, Yields::Idle)));
        }
        assert!(!roster.yielding.next.is_empty(), "they were found one by one");
        // Somebody comes back to the next one, and the one after it goes.
        let back = SessionId(Uuid::from_u128(301));
        roster.known.get_mut(&back).expect("it is there").active = at(4_999);
        let gone = SessionId(Uuid::from_u128(302));
        roster.resident.remove(&gone);
        assert_eq!(next(&mut roster, COUNT + 1), Some((303, Yields::Idle)));
    }

    #[test]
    fn those_found_ahead_spare_no_address_that_has_more_than_its_share() {
        let (crowd, other): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut roster = full();
        for number in 1..=COUNT {
            let from = if number > 400 { crowd } else { other };
            roster.see(PlayerId(Uuid::from_u128(number)), from);
        }
        roster.see(PlayerId(Uuid::from_u128(COUNT + 1)), crowd);
        roster.see(PlayerId(Uuid::from_u128(COUNT + 2)), other);
        // Who asks from the crowd gets the place of the longest idle.
        assert_eq!(next(&mut roster, COUNT + 1), Some((1, Yields::Idle)));
        assert_eq!(next(&mut roster, COUNT + 1), Some((2, Yields::Idle)));
        assert!(!roster.yielding.next.is_empty(), "they were found one by one");
        // Who asks from elsewhere, or from nobody knows where, gets one of the crowd.
        assert_eq!(next(&mut roster, COUNT + 2), Some((401, Yields::Crowded)));
        assert_eq!(next(&mut roster, COUNT + 3), Some((402, Yields::Crowded)));
    }
}
