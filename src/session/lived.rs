//! What the server makes of its clock: lived time, which nobody can set, and whether the day can be believed.
//!
//! Lived time begins as what the wall's clock shows when a folder is first used, and goes on by steady time alone. Over a restart
//! it goes on by what the wall's clock shows, but a pause counts a day at most, and a clock that went back counts as no pause. So
//! one reading of a clock that jumped ages nothing, and nothing gets younger.
//!
//! The day is the wall's. After a jump that steady time does not confirm it is not believed before the clock has held for an hour.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use super::clock::Clock;
use super::error::SessionError;
use crate::model::{self, Day, Header, Nonces};
use crate::store::{Store, StoreError};

/// Seconds by which the wall's clock may differ from steady time before that is a jump. Clocks are corrected by less all the time.
const TOLERANCE_SECS: i64 = 300;
/// How long the clock must hold after a jump. Long enough to set it right again after a slip.
const HOLD: Duration = Duration::from_secs(3600);
/// Seconds that a pause of the server counts at the most. Nobody can tell a longer one from a clock that is wrong at the start.
const LONGEST_PAUSE_SECS: i64 = 24 * 3600;
/// Seconds between two notes of the time, where nothing else is new; sweeps take them. What a crash loses the next start takes from
/// the wall.
const NOTE: Duration = Duration::from_secs(1);
/// The first of January 2026, in Unix seconds. A clock that shows an earlier time was never set: this program is younger.
const NEVER_SET_SECS: i64 = 1_767_225_600;
/// Closed days that are listed one by one, some 13 bytes each; of more the earliest, and all before it, are closed for good.
const MAX_CLOSED: usize = 1_000;

/// The same moment by the wall's clock and in lived time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For people.
    pub wall: Timestamp,
    /// For ages.
    pub lived: Timestamp,
}

/// A time some seconds later; the last there is where it would be later still.
pub(super) fn later(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// What the server makes of its clock.
pub(super) struct Lived {
    clock: Arc<dyn Clock>,
    /// Lived time and steady time at the start.
    start: (Timestamp, Duration),
    seen: Mutex<Seen>,
    /// Held while the file is written, so that a later one is not replaced by an earlier one.
    writing: tokio::sync::Mutex<()>,
}

struct Seen {
    /// What both faces of the clock showed when they were last compared.
    anchor: (Timestamp, Duration),
    /// The steady time from which on the day is believed.
    settles: Duration,
    jumps: u64,
    /// When the clock was found to have jumped last, as it showed then, and by how many seconds.
    last_jump: Option<(Timestamp, i64)>,
    closed: Closed,
    /// The steady time of the last note; none before the first.
    noted: Option<Duration>,
    /// There is something new to note.
    due: bool,
}

/// Days of which no challenge counts any more.
#[derive(Clone, Default)]
struct Closed {
    days: BTreeSet<Day>,
    up_to: Option<Day>,
}

impl Closed {
    fn has(&self, day: Day) -> bool {
        self.up_to.is_some_and(|last| day <= last) || self.days.contains(&day)
    }

    fn insert(&mut self, day: Day) {
        self.days.insert(day);
        while self.days.len() > MAX_CLOSED {
            self.up_to = self.days.pop_first().max(self.up_to);
        }
    }
}

/// What `/stats` tells of the clock.
#[derive(Clone, Debug, Serialize)]
pub struct ClockReport {
    /// How often it has jumped since the start, against steady time.
    pub jumps: u64,
    /// When it was found to have jumped last, by itself.
    pub last_jump_at: Option<Timestamp>,
    /// By how many seconds; back if negative.
    pub last_jump_secs: Option<i64>,
    /// Seconds that it must still hold before days are believed.
    pub unsettled_secs: i64,
    /// Lived time.
    pub lived: Timestamp,
}

impl Lived {
    /// Goes on from what is stored. Where nothing is, or it cannot be read, from the last that the folder's own stamps tell: time
    /// that nobody knows of ages nothing.
    pub fn begin(
        clock: Arc<dyn Clock>,
        stored: Option<model::Clock>,
        sessions: &[Box<Header>],
        nonces: &[Nonces],
    ) -> Self {
        let (wall, steady) = (clock.now(), clock.steady());
        let pause = |since: Timestamp| wall.duration_since(since).as_secs().clamp(0, LONGEST_PAUSE_SECS);
        let mut seen = Seen {
            anchor: (wall, steady),
            settles: steady,
            jumps: 0,
            last_jump: None,
            closed: Closed::default(),
            noted: None,
            due: true,
        };
        let lived = match stored {
            Some(model::Clock { wall: last, lived, unsettled_secs, closed, closed_to, .. }) => {
                seen.closed = Closed { days: closed, up_to: closed_to };
                seen.settles = steady.saturating_add(Duration::from_secs(unsettled_secs).min(HOLD));
                let back = wall.duration_since(last).as_secs();
                if back < -TOLERANCE_SECS {
                    seen.jumped(wall, steady, back);
                }
                later(lived, pause(last))
            }
            None => {
                let own = sessions.iter().filter_map(|session| session.lived).max();
                let stamps = || sessions.iter().map(|session| session.last_activity);
                let stamps = || stamps().chain(nonces.iter().map(|line| line.at));
                // Folders of before there was lived time have the wall's stamps only, perhaps also of a wrong clock.
                let last = stamps().filter(|stamp| *stamp <= wall).max().or_else(|| stamps().max());
                own.unwrap_or_else(|| last.map_or(wall, |last| later(last, pause(last))))
            }
        };
        if wall.as_second() < NEVER_SET_SECS {
            tracing::warn!(%wall, "the clock was never set: there is no daily challenge before it is");
        }
        Self { clock, start: (lived, steady), seen: Mutex::new(seen), writing: tokio::sync::Mutex::default() }
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Lived time. Waits for nothing.
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.clock.steady().saturating_sub(self.start.1));
        self.start.0.checked_add(passed.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
    }

    /// The steady time of a lived one.
    pub fn steady(&self, lived: Timestamp) -> Duration {
        let since = Duration::try_from(lived.duration_since(self.start.0)).unwrap_or_default();
        self.start.1.saturating_add(since)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock()
    }

    /// Compares the two faces of the clock.
    fn look(&self) -> (MutexGuard<'_, Seen>, Timestamp, Duration) {
        let mut seen = self.seen();
        let (wall, steady) = (self.clock.now(), self.clock.steady());
        let passed = steady.saturating_sub(seen.anchor.1);
        let shown = wall.duration_since(seen.anchor.0).as_secs();
        let by = shown.saturating_sub(i64::try_from(passed.as_secs()).unwrap_or(i64::MAX));
        if by.abs() > TOLERANCE_SECS {
            seen.jumped(wall, steady, by);
        } else if passed >= HOLD {
            // A clock that is a little fast does not jump.
            seen.anchor = (wall, steady);
        }
        (seen, wall, steady)
    }

    /// Today, if the clock can be believed; else how many seconds to wait.
    pub fn today(&self) -> Result<Day, SessionError> {
        let (seen, wall, steady) = self.look();
        let left = seen.unsettled(wall, steady);
        if left == 0 { Ok(Day::of(wall)) } else { Err(SessionError::ClockUnsettled { retry_after: left }) }
    }

    /// Whether no challenge of a day counts any more.
    pub fn closed(&self, day: Day) -> bool {
        self.seen().closed.has(day)
    }

    /// Closes a day, durably.
    pub async fn close(&self, store: &dyn Store, day: Day) -> Result<(), StoreError> {
        // Held over the write: that is what it is for.
        let _alone = self.writing.lock().await;
        let mut closed = self.seen().closed.clone();
        closed.insert(day);
        self.write(store, &closed).await?;
        self.seen().closed = closed;
        Ok(())
    }

    /// Looks at the clock, and notes down what it shows where that is due.
    pub async fn note(&self, store: &dyn Store) -> Result<(), StoreError> {
        let due = {
            let (seen, _, steady) = self.look();
            seen.due || seen.noted.is_none_or(|noted| steady.saturating_sub(noted) >= NOTE)
        };
        if !due {
            return Ok(());
        }
        let _alone = self.writing.lock().await;
        let closed = self.seen().closed.clone();
        self.write(store, &closed).await
    }

    /// The caller is alone.
    async fn write(&self, store: &dyn Store, closed: &Closed) -> Result<(), StoreError> {
        let (wall, steady, unsettled, jumps) = {
            let (seen, wall, steady) = self.look();
            (wall, steady, seen.settles.saturating_sub(steady), seen.jumps)
        };
        let clock = model::Clock {
            version: model::VERSION,
            wall,
            lived: self.now(),
            unsettled_secs: unsettled.as_secs(),
            closed: closed.days.clone(),
            closed_to: closed.up_to,
        };
        store.write_clock(clock).await?;
        let mut seen = self.seen();
        seen.noted = Some(steady);
        seen.due = seen.jumps != jumps;
        Ok(())
    }

    pub fn report(&self) -> ClockReport {
        let (seen, wall, steady) = self.look();
        let (last_jump_at, last_jump_secs) = seen.last_jump.unzip();
        let unsettled_secs = seen.unsettled(wall, steady);
        ClockReport { jumps: seen.jumps, last_jump_at, last_jump_secs, unsettled_secs, lived: self.now() }
    }
}

impl Seen {
    fn jumped(&mut self, wall: Timestamp, steady: Duration, by: i64) {
        let minutes = by.unsigned_abs() / 60;
        let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        let way = if by < 0 { "back" } else { "ahead" };
        tracing::warn!(
            %wall,
            "the clock was set {way} by {days} d {hours} h {minutes} min. Nothing ages by that; the daily challenge waits until the clock has \
             held for an hour"
        );
        self.jumps += 1;
        self.last_jump = Some((wall, by));
        self.settles = steady.saturating_add(HOLD);
        self.anchor = (wall, steady);
        self.due = true;
    }

    /// Seconds until the day can be believed.
    fn unsettled(&self, wall: Timestamp, steady: Duration) -> i64 {
        if wall.as_second() < NEVER_SET_SECS {
            return HOLD.as_secs() as i64;
        }
        let left = self.settles.saturating_sub(steady);
        left.as_millis().div_ceil(1000).min(HOLD.as_millis()) as i64
    }
}
