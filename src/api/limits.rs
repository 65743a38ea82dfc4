//! How often somebody may come: requests of a player, requests, visits and connections of an address, and messages of a connection.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::code::Code;
use super::problem::Problem;
use super::proxies::{Proxies, neighbours};
use super::settings::Settings;
use crate::session::Core;
use crate::session::token::Bearer;

/// Keys of a limit that are remembered. Only those of the last minute need to be, and this many are 4 MB.
const MAX_KEYS: usize = 1 << 16;

/// How many times a player's requests an address may ask for what is open to everybody and changes nothing: pages and content.
const VISITORS: u32 = 10;

/// Messages, pings and pongs of a connection that are heard beyond those of [`HEARD_SECS`] each. A client sends a pong every ten
/// seconds, and its orders, of which as many may wait.
const MAX_HEARD: f64 = 512.0;
/// Seconds that pay for one of them. Clients that redo what they had under way send a few hundred at once, and then none.
const HEARD_SECS: f64 = 0.05;

/// All limits; those that are not set are none.
pub struct Limits {
    requests: Option<Limit<Bearer>>,
    strangers: Option<Limit<IpAddr>>,
    visits: Option<Limit<IpAddr>>,
    connects: Option<Limit<IpAddr>>,
    challenges: Option<Limit<IpAddr>>,
    proxies: Proxies,
}

impl Limits {
    /// As configured, in lived time.
    pub fn new(settings: &Settings, core: &Arc<Core>) -> Self {
        let (requests, connects) = (settings.requests_per_minute, settings.connects_per_minute);
        let now = || {
            let core = core.clone();
            move || core.lived()
        };
        // A household comes back all at once when its line does, so a minute's connects may come together. A minute's requests in
        // one moment would be felt by others.
        Self {
            requests: Limit::per_minute(requests, requests / 10, now()),
            strangers: Limit::per_minute(requests, requests / 10, now()),
            // A page is some fifty files, and a household opens several at once.
            visits: Limit::per_minute(requests.saturating_mul(VISITORS), requests, now()),
            connects: Limit::per_minute(connects, connects, now()),
            challenges: Limit::per_day(settings.challenges_per_day, now()),
            proxies: Proxies::new(&settings.proxies),
        }
    }

    /// Whom a request comes from: the address that is counted for it.
    pub fn origin(&self, request: &HttpRequest) -> IpAddr {
        // A TCP connection has a peer.
        let peer = request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        neighbours(self.proxies.origin(peer, request.headers()))
    }

    /// Whether the messages of a connection are counted.
    pub fn noise(&self) -> bool {
        self.requests.is_some()
    }

    /// Counts a request of a player, or of those who watch a session.
    pub fn request(&self, bearer: Bearer) -> Result<(), Problem> {
        refuse_over(
            self.requests.as_ref(),
            Code::TooManyRequests,
            || bearer,
            |most, wait| format!("This server takes {most} requests a minute of a player. Go on in {wait} s."),
        )
    }

    /// Counts a request for what is open to everybody, of an address that brought no token.
    pub fn stranger(&self, request: &HttpRequest) -> Result<(), Problem> {
        refuse_over(
            self.strangers.as_ref(),
            Code::TooManyRequests,
            || self.origin(request),
            |most, wait| {
                format!("This server takes {most} requests a minute of an address without a token. Go on in {wait} s.")
            },
        )
    }

    /// Counts a request of an address for pages and content, which anybody may have.
    pub fn visit(&self, request: &HttpRequest) -> Result<(), Problem> {
        refuse_over(
            self.visits.as_ref(),
            Code::TooManyRequests,
            || self.origin(request),
            |_, wait| format!("This address asks for more pages than anybody looks at. Go on in {wait} s."),
        )
    }

    /// Counts a new player, or a new connection for events, of an address.
    pub fn connect(&self, request: &HttpRequest) -> Result<(), Problem> {
        refuse_over(
            self.connects.as_ref(),
            Code::TooManyConnects,
            || self.origin(request),
            |most, wait| {
                format!(
                    "This server takes {most} new players and connections a minute of an address. Try again in {wait} s."
                )
            },
        )
    }

    /// Counts the day's challenge of a player who has played on no other day, of an address: somebody who makes new players tries the
    /// day out.
    pub fn challenge(&self, request: &HttpRequest) -> Result<(), Problem> {
        refuse_over(
            self.challenges.as_ref(),
            Code::TooManyChallenges,
            || self.origin(request),
            |most, wait| {
                format!(
                    "This server lets {most} new players a day of an address begin the challenge. Any other game can be begun now; or \
                 try again in {wait} s."
                )
            },
        )
    }
}

/// Counts one of a key, if there is a limit; refuses it where that is one too many. The detail is told the limit and the seconds to wait.
fn refuse_over<K: Hash + Eq + Clone>(
    limit: Option<&Limit<K>>,
    code: Code,
    key: impl FnOnce() -> K,
    detail: impl FnOnce(u32, i64) -> String,
) -> Result<(), Problem> {
    let Some(limit) = limit else { return Ok(()) };
    limit.count(&key()).map_err(|wait| Problem::new(code, detail(limit.most, wait)).retry_after(wait))
}

/// So many in a period of each key.
struct Limit<K: Hash + Eq + Clone> {
    /// As refusals tell it.
    most: u32,
    limiter: RateLimiter<K, Keys<K>, Time, NoOpMiddleware<Duration>>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// So many a minute; none where there is no limit.
    fn per_minute(most: u32, burst: u32, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Option<Self> {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(NonZeroU32::new(most)?).allow_burst(burst);
        Some(Self::of(most, quota, now))
    }

    /// So many a day, all at once if need be; none where there is no limit.
    fn per_day(most: u32, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Option<Self> {
        let burst = NonZeroU32::new(most)?;
        let quota = Quota::with_period(Duration::from_secs(24 * 3600) / most)?.allow_burst(burst);
        Some(Self::of(most, quota, now))
    }

    fn of(most: u32, quota: Quota, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { most, limiter: RateLimiter::new(quota, Keys(Mutex::default()), Time::new(now)) }
    }

    /// Counts one of a key; the seconds to wait where that is one too many.
    fn count(&self, key: &K) -> Result<(), i64> {
        if self.limiter.len() >= MAX_KEYS {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.limiter.clock().now());
            i64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i64::MAX).max(1)
        })
    }
}

/// When each key has used up what it took. A map of our own, because those of governor have no bound.
struct Keys<K>(Mutex<HashMap<K, Nanos>>);

impl<K> Keys<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Nanos>> {
        self.0.lock()
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
    /// Forgets keys that may do everything again. If that frees too little, it forgets all: a limit on each address does not hold a flood
    /// from so many of them, and others should neither wait for this on every request nor be refused.
    fn retain_recent(&self, drop_below: Nanos) {
        let mut keys = self.lock();
        keys.retain(|_, next| *next > drop_below);
        if keys.len() > MAX_KEYS / 2 {
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

/// Lived time as governor wants it.
pub struct Time {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    began: Timestamp,
}

impl Time {
    /// From now on.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { began: now(), now: Box::new(now) }
    }

    /// The time that has passed.
    pub fn passed(&self) -> Duration {
        Clock::now(self)
    }
}

impl Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        // It never goes back.
        Duration::try_from((self.now)().duration_since(self.began)).unwrap_or_default()
    }
}

/// How much a client has said over a connection of late. What is refused costs the server too, and so do pings.
#[derive(Debug)]
pub struct Noise {
    heard: f64,
    at: Instant,
}

impl Noise {
    /// Of a connection that begins.
    pub fn new() -> Self {
        Self { heard: 0.0, at: Instant::now() }
    }

    /// Counts one more; whether it is too many.
    pub fn add(&mut self) -> bool {
        let now = Instant::now();
        let passed = now.duration_since(self.at).as_secs_f64() / HEARD_SECS;
        (self.heard, self.at) = ((self.heard - passed).max(0.0) + 1.0, now);
        self.heard > MAX_HEARD
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::clock::{Clock, ManualClock};

    fn later(passed: Duration) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::try_from(passed).expect("a duration in range")
    }

    fn limit(clock: &Arc<ManualClock>) -> Limit<usize> {
        let clock = clock.clone();
        Limit::per_minute(60, 6, move || later(clock.steady())).expect("a limit")
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_flooding_it_refuses_nobody() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let limit = limit(&clock);
        for key in 0..3 * MAX_KEYS {
            assert_eq!(limit.count(&key), Ok(()));
            assert!(limit.limiter.len() <= MAX_KEYS);
        }
    }

    #[test]
    fn who_may_do_everything_again_is_forgotten_first() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let limit = limit(&clock);
        for key in 0..MAX_KEYS - 1 {
            assert_eq!(limit.count(&key), Ok(()));
        }
        clock.advance(60);
        let greedy = usize::MAX;
        for _ in 0..6 {
            assert_eq!(limit.count(&greedy), Ok(()));
        }
        assert_eq!(limit.count(&greedy), Err(1));
        assert_eq!(limit.limiter.len(), 1);
    }
}
