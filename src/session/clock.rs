//! The clock, passed in, so that tests move it instead of sleeping. It has two faces: what the wall shows, which somebody may set,
//! and steady time, which only goes on.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::store::Store;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// What the wall shows: for what people read, and for days.
    fn now(&self) -> Timestamp;
    /// How long it has been since some moment. It never jumps, whoever sets the clock: for everything that lasts.
    fn steady(&self) -> Duration;
    /// Waits until a steady time; not at all where it is past.
    fn sleep_until(&self, steady: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The system's clock, to the microsecond: all stores keep as much.
#[derive(Debug)]
struct SystemClock {
    began: std::time::Instant,
}

impl SystemClock {
    /// From now on.
    fn new() -> Self {
        Self { began: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Also goes on while the machine sleeps, so that to wake up is no jump of the wall's clock.
    #[cfg(target_os = "linux")]
    fn steady(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // Since the machine was started: never negative.
        let steady = Duration::try_from(time).unwrap_or_else(|_| self.began.elapsed());
        Duration::from_micros(u64::try_from(steady.as_micros()).unwrap_or(u64::MAX))
    }

    #[cfg(not(target_os = "linux"))]
    fn steady(&self) -> Duration {
        self.began.elapsed()
    }

    fn sleep_until(&self, steady: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(steady.saturating_sub(self.steady())))
    }
}

/// The clock that all servers of a store go by, and this machine's own where a store is one server's alone.
pub struct StoreClock {
    store: Arc<dyn Store>,
    own: SystemClock,
}

impl StoreClock {
    /// That of a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, own: SystemClock::new() }
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Timestamp {
        self.store.others().map_or_else(|| self.own.now(), |others| others.now())
    }

    fn steady(&self) -> Duration {
        self.own.steady()
    }

    fn sleep_until(&self, steady: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.own.sleep_until(steady)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<(Timestamp, Duration)>);

impl ManualClock {
    /// A clock that shows a time.
    pub fn at(now: Timestamp) -> Self {
        Self(watch::Sender::new((now, Duration::ZERO)))
    }

    /// Time goes by; never back.
    pub fn advance(&self, seconds: i64) {
        assert!(seconds >= 0, "time goes on; what can be set back is the wall's clock");
        self.step(seconds);
        self.0.send_modify(|(_, steady)| *steady += Duration::from_secs(seconds.unsigned_abs()));
    }

    /// Somebody sets the wall's clock, on or back. No time goes by.
    pub fn step(&self, seconds: i64) {
        self.0.send_modify(|(now, _)| *now += SignedDuration::from_secs(seconds));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.borrow().0
    }

    fn steady(&self) -> Duration {
        self.0.borrow().1
    }

    fn sleep_until(&self, steady: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // The sender is this clock, which is borrowed.
            drop(self.0.subscribe().wait_for(|(_, passed)| *passed >= steady).await);
        })
    }
}
