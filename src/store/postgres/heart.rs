//! The heartbeat: it tells the database that this server is there, and learns whether the database is, what time it is there, whether
//! it has a standby, and which other servers are about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::error::Failure;
use super::lane::Lane;
use super::queries::BEAT;
use crate::store::Health;

/// How often it beats.
const EVERY: Duration = Duration::from_secs(2);
/// Beats without an answer, after which turns are not taken.
const MISSED: usize = 2;
/// An answer that took longer tells no time.
const SLOW: Duration = Duration::from_secs(1);

/// The database's clock, carried on by this machine's steady one from one look to the next.
struct Time {
    began: Instant,
    /// What the database's clock showed when this began, in Unix microseconds.
    origin: AtomicI64,
    /// The latest time that was told.
    told: AtomicI64,
}

impl Time {
    fn passed(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    fn set(&self, there: Timestamp, passed: i64) {
        self.origin.store(there.as_microsecond() - passed, Ordering::Relaxed);
    }

    /// It stands still where a look put it back by less than looks may be wrong by. By more it is put back: somebody has set it.
    fn now(&self) -> Timestamp {
        let time = self.origin.load(Ordering::Relaxed) + self.passed();
        let told = self.told.fetch_max(time, Ordering::Relaxed);
        let is_set_back = told - time > SLOW.as_micros() as i64;
        if is_set_back {
            self.told.store(time, Ordering::Relaxed);
        }
        let time = if is_set_back { time } else { told.max(time) };
        Timestamp::from_microsecond(time).unwrap_or(Timestamp::MAX)
    }
}

struct Learned {
    missed: AtomicUsize,
    needs_standby: bool,
    has_standby: AtomicBool,
    time: Time,
    /// Names and versions of the servers that are about.
    servers: Mutex<Vec<(String, String)>>,
}

/// See the top of this file.
pub(super) struct Heart {
    learned: Arc<Learned>,
    task: AbortHandle,
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heart {
    /// Begins to beat, once the database has answered. Call it inside the runtime that is to do the work.
    pub async fn begin(lane: Arc<Lane>, needs_standby: bool) -> Result<Self, Failure> {
        let time = Time { began: Instant::now(), origin: AtomicI64::new(0), told: AtomicI64::new(0) };
        let learned = Arc::new(Learned {
            missed: AtomicUsize::new(0),
            needs_standby,
            has_standby: AtomicBool::new(false),
            time,
            servers: Mutex::default(),
        });
        // Nothing goes by the clock before it is known, however long that took.
        learned.beat(&lane, Duration::MAX).await?;
        learned.tell_of_standby();
        let own = learned.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                own.try_to_beat(&lane).await;
            }
        });
        Ok(Self { learned, task: task.abort_handle() })
    }

    /// Whether turns are taken.
    pub fn health(&self) -> Health {
        let Learned { missed, needs_standby, has_standby, .. } = &*self.learned;
        let answers = missed.load(Ordering::Relaxed) < MISSED;
        let is_kept = !needs_standby || has_standby.load(Ordering::Relaxed);
        if answers && is_kept { Health::Good } else { Health::Unavailable }
    }

    /// What the database's clock shows.
    pub fn now(&self) -> Timestamp {
        self.learned.time.now()
    }

    /// For reports.
    pub fn report(&self) -> Value {
        let off = Timestamp::now().duration_since(self.now()).as_millis() as f64 / 1000.0;
        let servers = self.learned.servers.lock();
        let servers: Vec<_> = servers.iter().map(|(name, version)| json!({"name": name, "version": version})).collect();
        json!({
            "servers": servers,
            "has_standby": self.learned.has_standby.load(Ordering::Relaxed),
            "own_clock_ahead_secs": off,
        })
    }
}

impl Learned {
    async fn try_to_beat(&self, lane: &Lane) {
        let had = self.has_standby.load(Ordering::Relaxed);
        match self.beat(lane, SLOW).await {
            Ok(()) => self.missed.store(0, Ordering::Relaxed),
            Err(failure) => {
                tracing::error!(%failure, "the database does not answer");
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
        if had != self.has_standby.load(Ordering::Relaxed) {
            self.tell_of_standby();
        }
    }

    fn tell_of_standby(&self) {
        match (self.has_standby.load(Ordering::Relaxed), self.needs_standby) {
            (true, _) => tracing::info!("a synchronous standby has what is committed"),
            (false, true) => tracing::error!("database.require_sync is set, and no synchronous standby is connected"),
            (false, false) => {}
        }
    }

    async fn beat(&self, lane: &Lane, slow: Duration) -> Result<(), Failure> {
        lane.receipt().await?;
        let asked = self.time.passed();
        let rows = lane.query(BEAT, &[]).await?;
        let answered = self.time.passed();
        let Some(row) = rows.first() else { return Ok(()) };
        if Duration::from_micros((answered - asked).unsigned_abs()) < slow {
            self.time.set(row.try_get("time")?, asked.midpoint(answered));
        }
        self.has_standby.store(row.try_get("has_standby")?, Ordering::Relaxed);
        let (names, versions): (Vec<String>, Vec<String>) = (row.try_get("names")?, row.try_get("versions")?);
        *self.servers.lock() = names.into_iter().zip(versions).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_back_only_where_it_was_set() {
        let micros = Timestamp::from_microsecond;
        let time = Time { began: Instant::now(), origin: AtomicI64::new(0), told: AtomicI64::new(0) };
        let noon = 1_800_000_000_000_000;
        time.set(micros(noon).expect("a time"), time.passed());
        let first = time.now();
        assert!(first.as_microsecond() >= noon);
        time.set(micros(noon - 900_000).expect("a time"), time.passed());
        assert!(time.now() >= first);
        let hour = 3_600_000_000;
        time.set(micros(noon - hour).expect("a time"), time.passed());
        assert!(time.now() < first);
    }
}
