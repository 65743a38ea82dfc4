//! What every service of this room is handed: the store, the time, the settings, the places in memory, and the counters.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::error::SessionError;
use super::lived::{ClockReport, Lived, Moment, later};
use super::places::Places;
use super::settings::Settings;
use crate::model::Day;
use crate::store::{Rung, Store};

/// What has been counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Turns accepted.
    pub turns: AtomicU64,
    /// Sessions created.
    pub created: AtomicU64,
    /// Sessions that left memory.
    pub evictions: AtomicU64,
    /// Sessions read back into memory.
    pub loads: AtomicU64,
    /// Checkpoints written.
    pub checkpoints: AtomicU64,
    /// Checkpoints that could not be written.
    pub checkpoint_failures: AtomicU64,
    /// Connections that were closed because they did not read.
    pub slow_readers: AtomicU64,
    /// Microseconds the last sweep took.
    pub last_sweep_micros: AtomicU64,
    /// Microseconds the last checkpoint took.
    pub last_checkpoint_micros: AtomicU64,
}

/// What every service shares. There is one for a server.
pub struct Core {
    runtime: Handle,
    pub(super) store: Arc<dyn Store>,
    pub(super) time: Lived,
    pub(super) places: Places,
    /// Held over nothing but themselves and the places.
    settings: Mutex<Settings>,
    /// Every waiter is woken when the settings change.
    pub(super) changed: Notify,
    /// What has been counted.
    pub counters: Counters,
}

impl Core {
    /// Call it inside a tokio runtime; the services' work runs there.
    pub(super) fn new(store: Arc<dyn Store>, time: Lived, settings: Settings) -> Self {
        Self {
            runtime: Handle::current(),
            store,
            time,
            places: Places::new(settings.limit),
            settings: Mutex::new(settings),
            changed: Notify::new(),
            counters: Counters::default(),
        }
    }

    /// What the wall's clock shows: for people.
    pub fn now(&self) -> Timestamp {
        self.time.clock().now()
    }

    /// A time that is past on every server of the store: by what they make of its clock they differ by less than a second.
    pub(super) fn surely_past(&self) -> Timestamp {
        let margin = if self.store.others().is_some() { 5 } else { 0 };
        later(self.now(), -margin)
    }

    /// Lived time: for everything that lasts, or has an age.
    pub fn lived(&self) -> Timestamp {
        self.time.now()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { wall: self.now(), lived: self.lived() }
    }

    /// The day, as the wall's clock shows it.
    pub fn today(&self) -> Day {
        Day::of(self.now())
    }

    /// What the wall's clock will show at a lived time, if nobody sets it.
    pub fn on_the_wall(&self, lived: Timestamp) -> Timestamp {
        let left = lived.duration_since(self.lived());
        self.now().checked_add(left).unwrap_or(Timestamp::MAX)
    }

    /// What the server makes of its clock.
    pub fn clock(&self) -> ClockReport {
        self.time.report()
    }

    /// Waits until a lived time, whatever is done to the clock meanwhile.
    pub async fn sleep_until(&self, time: Timestamp) {
        self.time.clock().sleep_until(self.time.steady(time)).await;
    }

    /// Waits for some seconds.
    pub async fn sleep(&self, secs: i64) {
        self.sleep_until(later(self.lived(), secs)).await;
    }

    /// How many, for how long.
    pub fn settings(&self) -> Settings {
        *self.settings.lock()
    }

    /// Other settings, until the next start; or what is wrong with them.
    pub fn reconfigure(&self, change: impl FnOnce(&mut Settings)) -> Result<Settings, String> {
        let (old, new) = {
            let mut settings = self.settings.lock();
            let (old, mut new) = (*settings, *settings);
            change(&mut new);
            new.check()?;
            *settings = new;
            self.places.change_limit(old.limit, new.limit);
            (old, new)
        };
        tracing::info!(?old, ?new, "an admin has changed the settings");
        self.changed.notify_waiters();
        Ok(new)
    }

    /// The store, for reports.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Tells other servers of the store, where there are any, that something has changed.
    pub(super) fn ring(&self, what: Rung) {
        if let Some(others) = self.store.others() {
            others.ring(what);
        }
    }

    /// Waits until what was found, and perhaps written elsewhere this very moment, is as safe as what this server writes itself.
    pub(super) async fn confirm(&self) -> Result<(), SessionError> {
        match self.store.others() {
            Some(others) => Ok(others.confirm().await?),
            None => Ok(()),
        }
    }

    /// Runs work for which nobody waits.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.runtime.spawn(work)
    }

    /// Runs work as a task of its own, to its end, even where the caller is stopped.
    pub(super) async fn task<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SessionError>> + Send + 'static,
    ) -> Result<T, SessionError> {
        let done = self.runtime.spawn(work).await;
        done.unwrap_or_else(|error| Err(SessionError::Internal(error.to_string())))
    }

    /// Runs work that takes long, such as to play a game again, where it holds nobody up.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SessionError> {
        let done = self.runtime.spawn_blocking(work).await;
        done.map_err(|error| SessionError::Internal(error.to_string()))
    }
}

/// Microseconds since a moment.
pub(super) fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}
