//! What stands before the calls: how often somebody may come.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};
use jiff::Timestamp;

use super::problem::Problem;
use super::{App, Settings};
use crate::session::PlayerId;
use crate::session::registry::Registry;

/// Keys of a limit that are remembered. Only who came within the last minute needs to be, and this many are 4 MB.
const MOST_KEYS: usize = 1 << 16;

/// How often somebody may come.
pub(super) struct Limits {
    requests: Option<Limit<PlayerId>>,
    connects: Option<Limit<IpAddr>>,
}

impl Limits {
    pub(super) fn new(settings: &Settings, registry: &Arc<Registry>) -> Self {
        let (requests, connects) = (settings.requests_per_minute, settings.connects_per_minute);
        let now = || {
            let registry = registry.clone();
            move || registry.now()
        };
        // A household comes back all at once when its line does, so a minute's connects may come together. A minute's requests in
        // one moment would be felt by others.
        Self { requests: Limit::new(requests, requests / 10, now()), connects: Limit::new(connects, connects, now()) }
    }
}

/// Counts a request of a player.
pub(super) fn request(app: &App, player: PlayerId) -> Result<(), Problem> {
    let Some(limit) = &app.limits.requests else { return Ok(()) };
    limit.count(&player).map_err(|wait| {
        let most = app.settings.requests_per_minute;
        let detail = format!("This server takes {most} requests a minute of a player. Go on in {wait} s.");
        Problem::too_many_requests(detail).retry_after(wait)
    })
}

/// Counts a new player, or a new connection for events, of an address.
pub(super) fn connect(request: &HttpRequest, app: &App) -> Result<(), Problem> {
    let Some(limit) = &app.limits.connects else { return Ok(()) };
    // A TCP connection has a peer.
    let peer = request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| neighbours(peer.ip()));
    limit.count(&peer).map_err(|wait| {
        let most = app.settings.connects_per_minute;
        let detail = format!(
            "This server takes {most} new players and connections a minute of an address. Try again in {wait} s."
        );
        Problem::too_many_connects(detail).retry_after(wait)
    })
}

/// Who is counted as one: an IPv4 address, or the /64 that a household or a machine has of IPv6.
fn neighbours(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// So many a minute of each key.
struct Limit<K: Hash + Eq + Clone>(RateLimiter<K, Keys<K>, Time, NoOpMiddleware<Duration>>);

impl<K: Hash + Eq + Clone> Limit<K> {
    /// None where there is no limit.
    fn new(per_minute: u32, burst: u32, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Option<Self> {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?).allow_burst(burst);
        let time = Time { shown: Mutex::new((now(), Duration::ZERO)), now: Box::new(now) };
        Some(Self(RateLimiter::new(quota, Keys(Mutex::default()), time)))
    }

    /// Counts one of a key; the seconds to wait where that is one too many.
    fn count(&self, key: &K) -> Result<(), i64> {
        if self.0.len() >= MOST_KEYS {
            self.0.retain_recent();
        }
        self.0.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.0.clock().now());
            i64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i64::MAX).max(1)
        })
    }
}

/// When each key has used up what it took. A map of our own, because those of governor have no bound.
struct Keys<K>(Mutex<HashMap<K, Nanos>>);

impl<K> Keys<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> StateStore for Keys<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut keys = self.lock();
        let (outcome, next) = measure(keys.get(key).copied())?;
        keys.insert(key.clone(), next);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Keys<K> {
    /// Forgets who may do everything again. Where that are too few, it forgets all: who floods from so many addresses is not held by
    /// a limit on each, and others should neither wait for this on every request nor be refused.
    fn retain_recent(&self, drop_below: Nanos) {
        let mut keys = self.lock();
        keys.retain(|_, next| *next > drop_below);
        if keys.len() > MOST_KEYS / 2 {
            keys.clear();
        }
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

/// The registry's clock as governor wants it: one that never goes back. A step back counts as no time; else everybody would be refused
/// until the old time has come again.
struct Time {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// What the clock showed last, and the time that has passed.
    shown: Mutex<(Timestamp, Duration)>,
}

impl Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        /// No limit remembers longer, and a clock that jumps by centuries cannot overflow anything.
        const LONGEST: Duration = Duration::from_secs(3600);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        let passed = Duration::try_from(now.duration_since(shown.0)).unwrap_or_default();
        *shown = (now, shown.1 + passed.min(LONGEST));
        shown.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::clock::{Clock, ManualClock};

    fn limit(clock: &Arc<ManualClock>) -> Limit<usize> {
        let clock = clock.clone();
        Limit::new(60, 6, move || clock.now()).expect("a limit")
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_flooding_it_refuses_nobody() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let limit = limit(&clock);
        for key in 0..3 * MOST_KEYS {
            assert_eq!(limit.count(&key), Ok(()));
            assert!(limit.0.len() <= MOST_KEYS);
        }
    }

    #[test]
    fn who_may_do_everything_again_is_forgotten_first() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let limit = limit(&clock);
        for key in 0..MOST_KEYS - 1 {
            assert_eq!(limit.count(&key), Ok(()));
        }
        clock.advance(60);
        let greedy = usize::MAX;
        for _ in 0..6 {
            assert_eq!(limit.count(&greedy), Ok(()));
        }
        assert_eq!(limit.count(&greedy), Err(1));
        assert_eq!(limit.0.len(), 1);
    }

    #[test]
    fn a_clock_that_jumps_refuses_nobody_for_longer() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let limit = limit(&clock);
        for step in [-86_400, 86_400 * 365 * 1_000, -86_400 * 365 * 1_000] {
            while limit.count(&0).is_ok() {}
            clock.advance(step);
            let _ = limit.count(&0);
            clock.advance(1);
            assert_eq!(limit.count(&0), Ok(()), "{step}");
        }
    }

    #[test]
    fn neighbours_are_counted_as_one() {
        let of = |ip: &str| neighbours(ip.parse().expect("an address")).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:3:3:4:5:6"), "2001:db8:1:3::");
    }
}
