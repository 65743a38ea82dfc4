//! Who has begun which day's challenge: once a day, over all difficulties, and for good. Deleting the game gives no second try.
//!
//! It is written down before the first state of the game is answered, in a file of its own, which outlives the game. What a crash
//! leaves between the two is found at the start: a game of the challenge is as good as its line.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::core::Core;
use super::directory::Directory;
use super::error::SessionError;
use super::judge::Judge;
use crate::model::{self, Begun, Day, PlayerId, SessionId};
use crate::store::StoreError;

/// Seconds of lived time that a day's list is kept after somebody began: long enough that a clock which was ahead for a day, and is
/// set right, finds it still there.
const KEPT_SECS: i64 = 48 * 3600;

/// Who has begun which day's challenge.
pub struct Beginnings {
    core: Arc<Core>,
    directory: Arc<Directory>,
    judge: Arc<Judge>,
    days: Mutex<BTreeMap<Day, List>>,
    /// Held while it is written down who has begun.
    writing: tokio::sync::Mutex<()>,
}

/// Who has begun a day's challenge.
#[derive(Default)]
struct List {
    players: HashMap<PlayerId, Beginning>,
    /// What was to be written down at the start, and could not.
    unwritten: Vec<Begun>,
}

impl List {
    /// These began it, whatever is here.
    fn learn(&mut self, begun: Vec<Begun>) {
        for Begun { player, session_id, at, .. } in begun {
            self.players.insert(PlayerId(player), Beginning { session: SessionId(session_id), at });
        }
    }
}

#[derive(Clone, Copy)]
struct Beginning {
    session: SessionId,
    at: Timestamp,
}

/// A player's beginning that is not written down yet. Dropped before it is, it was none.
pub(super) struct Reservation {
    beginnings: Arc<Beginnings>,
    pub day: Day,
    owner: PlayerId,
    kept: bool,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.kept
            && let Some(list) = self.beginnings.days().get_mut(&self.day)
        {
            list.players.remove(&self.owner);
        }
    }
}

fn line(owner: &PlayerId, begun: &Beginning) -> Begun {
    Begun { version: model::VERSION, player: owner.0, session_id: begun.session.0, at: begun.at }
}

impl Beginnings {
    /// Reads who has begun, and adds the games whose line a crash, or an older version of the program, has left out.
    pub(super) async fn open(
        core: Arc<Core>,
        directory: Arc<Directory>,
        judge: Arc<Judge>,
        days: &[Day],
    ) -> Result<Self, StoreError> {
        let mut lists: BTreeMap<Day, List> = BTreeMap::new();
        for day in days {
            let list = lists.entry(*day).or_default();
            for Begun { player, session_id, at, .. } in core.store.begun(*day).await? {
                list.players.insert(PlayerId(player), Beginning { session: SessionId(session_id), at });
            }
        }
        // Nobody can begin one of a day that is over; and yesterday may be today again when the clock is set.
        let first = core.today().min(Day::of(core.lived())).before(1);
        let mut missing: BTreeMap<Day, Vec<Begun>> = BTreeMap::new();
        for (session, summary) in &directory.roster().known {
            let Some(day) = summary.meta.challenge.map(|challenge| challenge.date).filter(|day| *day >= first) else {
                continue;
            };
            let begun = Beginning { session: *session, at: summary.active };
            let players = &mut lists.entry(day).or_default().players;
            if let std::collections::hash_map::Entry::Vacant(vacant) = players.entry(summary.meta.owner) {
                missing.entry(day).or_default().push(line(&summary.meta.owner, vacant.insert(begun)));
            }
        }
        for (day, lines) in missing {
            match core.store.add_begun(day, lines.clone()).await {
                Ok(before) => lists.entry(day).or_default().learn(before),
                Err(error) => {
                    tracing::error!(%day, %error, "who began the challenge could not be written down; it will be tried again");
                    lists.entry(day).or_default().unwritten = lines;
                }
            }
        }
        Ok(Self { core, directory, judge, days: Mutex::new(lists), writing: tokio::sync::Mutex::default() })
    }

    fn days(&self) -> MutexGuard<'_, BTreeMap<Day, List>> {
        self.days.lock()
    }

    /// Writes down that a player has begun a day. The caller does not stop halfway.
    /// Answers with the game that they have begun it with, if that is another one.
    async fn write(&self, day: Day, owner: PlayerId) -> Result<Option<SessionId>, StoreError> {
        // Held over the write: that is what it is for.
        let _alone = self.writing.lock().await;
        let (unwritten, begun) = {
            let mut days = self.days();
            let Some(list) = days.get_mut(&day) else { return Ok(None) };
            let own = list.players.get_key_value(&owner).map(|(owner, begun)| line(owner, begun));
            let unwritten = std::mem::take(&mut list.unwritten);
            let begun = unwritten.iter().cloned().chain(own).collect();
            (unwritten, begun)
        };
        let written = self.core.store.add_begun(day, begun).await;
        let mut days = self.days();
        let list = days.entry(day).or_default();
        match written {
            Ok(before) => {
                let own = before.iter().find(|begun| begun.player == owner.0).map(|begun| SessionId(begun.session_id));
                list.learn(before);
                Ok(own)
            }
            Err(error) => {
                list.unwritten = unwritten;
                Err(error)
            }
        }
    }

    /// Others have heard that a player began these.
    pub(super) fn learn(&self, begun: Vec<(Day, Begun)>) {
        let mut days = self.days();
        begun.into_iter().for_each(|(day, begun)| days.entry(day).or_default().learn(vec![begun]));
    }

    /// Reserves the day's challenge for a player.
    pub(super) fn reserve(self: &Arc<Self>, owner: PlayerId, session: SessionId) -> Result<Reservation, SessionError> {
        let day = self.core.time.today()?;
        let (ends_at, retry_after) = (day.ends_at(), day.left(self.core.now()));
        if self.core.time.closed(day) {
            return Err(SessionError::ChallengeClosed { ends_at, retry_after });
        }
        let mut days = self.days();
        let players = &mut days.entry(day).or_default().players;
        if let Some(begun) = players.get(&owner) {
            let session = begun.session;
            drop(days);
            let there = self.directory.roster().known.contains_key(&session);
            return Err(SessionError::ChallengeBegun { session, there, ends_at, retry_after });
        }
        // As many as there can be games: who begins one and deletes it must not fill the disk with lines.
        if players.len() >= self.core.settings().stored {
            return Err(SessionError::StoreFull);
        }
        players.insert(owner, Beginning { session, at: self.core.lived() });
        drop(days);
        Ok(Reservation { beginnings: self.clone(), day, owner, kept: false })
    }

    /// The game that a player has begun today, deleted or not.
    pub fn begun_today(&self, owner: PlayerId) -> Option<SessionId> {
        let days = self.days();
        days.get(&self.core.today())?.players.get(&owner).map(|begun| begun.session)
    }

    /// Whether a player has a game of an earlier day.
    pub fn played_before_today(&self, owner: PlayerId) -> bool {
        let (roster, today) = (self.directory.roster(), self.core.today());
        let own = roster.by_owner.get(&owner).into_iter().flatten();
        own.filter_map(|id| roster.known.get(id)).any(|summary| Day::of(summary.meta.created_at) < today)
    }

    /// Writes a beginning down; from then on it counts for good.
    pub(super) async fn keep(&self, mut reserved: Reservation) -> Result<(), SessionError> {
        let before = self.write(reserved.day, reserved.owner).await?;
        reserved.kept = true;
        match before {
            Some(session) => {
                let (ends_at, retry_after) = (reserved.day.ends_at(), reserved.day.left(self.core.now()));
                Err(SessionError::ChallengeBegun { session, there: true, ends_at, retry_after })
            }
            None => Ok(()),
        }
    }

    /// Forgets who began the days that are long over; such a day is closed first, so that nobody begins it again whatever the clock
    /// will show.
    pub(super) async fn forget_old(&self) {
        let Ok(today) = self.core.time.today() else { return };
        let now = self.core.lived();
        let old = |list: &List| list.players.values().all(|begun| now.duration_since(begun.at).as_secs() >= KEPT_SECS);
        let over: Vec<_> = self.days().range(..today).filter(|(_, list)| old(list)).map(|(day, _)| *day).collect();
        for day in over {
            if let Err(error) = self.forget_day(day).await {
                tracing::error!(%day, %error, "who began the challenge could not be forgotten; it will be tried again");
            }
        }
    }

    async fn forget_day(&self, day: Day) -> Result<(), SessionError> {
        self.judge.close_day(day).await?;
        let _alone = self.writing.lock().await;
        self.core.store.remove_begun(day).await?;
        self.days().remove(&day);
        Ok(())
    }
}
