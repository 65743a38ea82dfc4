//! The door: how many connections there are, and whose. They are fewer than there are file descriptors, so that saves can always
//! be written; and nobody takes them all, so that a stranger always gets in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use tokio::sync::Notify;

use super::Settings;
use super::guard::neighbours;

/// Descriptors that connections leave alone: the threads that wait for the disk have one or two each, the turn log sixteen, each
/// worker some four, and connections that are told to go keep theirs for a moment.
const RESERVE: usize = 192;

/// Reverse proxies that are believed when they say whom they speak for.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Of the configured ones, which are well formed.
    pub fn new(listed: &[String]) -> Self {
        Self(listed.iter().filter_map(|text| network(text)).collect())
    }

    fn has(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip.to_canonical()))
    }

    /// Whom a request comes from: the peer, or the last hop before it that is no proxy of ours. What stands before that one, anybody
    /// may have written.
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.has(peer) {
            return peer;
        }
        let forwarded = if headers.contains_key("x-forwarded-for") { "x-forwarded-for" } else { "forwarded" };
        let lines: Vec<_> = headers.get_all(forwarded).filter_map(|line| line.to_str().ok()).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        let mut origin = peer;
        for hop in hops {
            let Some(ip) = hop_address(hop) else { break };
            origin = ip;
            if !self.has(ip) {
                break;
            }
        }
        origin
    }
}

/// Whether it can be configured as a proxy: an address, or a network as `10.0.0.0/8`.
pub fn is_proxy(text: &str) -> bool {
    network(text).is_some()
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The address in a member of `X-Forwarded-For` or `Forwarded`, which may have a port, brackets, quotes and other parameters.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let named = hop.split(';').find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let text = named.unwrap_or(hop).trim().trim_matches('"');
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// The connections there are.
pub(super) struct Door {
    /// In all.
    most: usize,
    /// Of one address; proxies have no bound of their own.
    each: usize,
    proxies: Proxies,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    count: usize,
    next: u64,
    /// By address, and in the order they came; each is told when it must go. Proxies are nobody.
    guests: HashMap<Option<IpAddr>, BTreeMap<u64, Arc<Notify>>>,
}

/// A connection that is inside, until it is dropped.
pub(super) struct Guest {
    door: Arc<Door>,
    whose: Option<IpAddr>,
    number: u64,
    sent_out: Arc<Notify>,
}

impl Door {
    /// As wide as the settings want it and the system allows.
    pub fn new(settings: &Settings) -> Arc<Self> {
        let proxies = Proxies::new(&settings.proxies);
        let (most, each) = (affordable(settings.connections), settings.connections_per_address);
        if most < settings.connections {
            tracing::warn!(
                most,
                wanted = settings.connections,
                "fewer connections than configured, because this system gives few file descriptors (ulimit -n)"
            );
        }
        Arc::new(Self { most, each, proxies, inside: Mutex::default() })
    }

    /// How many can be inside.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Lets a connection in. Where all are inside that can be, the newest of the address with the most goes for it, unless that is
    /// its own address, or none has more than it would have.
    pub fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Guest> {
        let whose = (!self.proxies.has(peer)).then(|| neighbours(peer));
        let mut inside = self.inside();
        let own = match whose {
            Some(_) => inside.guests.get(&whose).map_or(0, BTreeMap::len),
            None => 0,
        };
        if own >= self.each {
            return None;
        }
        if inside.count >= self.most {
            let crowds = inside.guests.iter_mut().filter(|(whose, _)| whose.is_some());
            let (_, crowd) = crowds.max_by_key(|(_, crowd)| crowd.len()).filter(|(_, crowd)| crowd.len() > own + 1)?;
            let (_, newest) = crowd.pop_last()?;
            newest.notify_one();
            inside.count -= 1;
        }
        let (number, sent_out) = (inside.next, Arc::new(Notify::new()));
        inside.next += 1;
        inside.count += 1;
        inside.guests.entry(whose).or_default().insert(number, sent_out.clone());
        Some(Guest { door: self.clone(), whose, number, sent_out })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Waits until it must go.
    pub async fn sent_out(&self) {
        self.sent_out.notified().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut inside = self.door.inside();
        let Some(crowd) = inside.guests.get_mut(&self.whose) else { return };
        // Who was sent out is counted no more.
        let left = crowd.remove(&self.number).is_some();
        if crowd.is_empty() {
            inside.guests.remove(&self.whose);
        }
        inside.count -= usize::from(left);
    }
}

/// So many connections, or as many as there are descriptors for; asks the system for more of those where it may.
fn affordable(wanted: usize) -> usize {
    let there = descriptors(wanted.saturating_add(RESERVE));
    wanted.min(there.saturating_sub(RESERVE).max(there / 2)).max(1)
}

#[cfg(unix)]
fn descriptors(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    let more = wanted.min(maximum.unwrap_or(u64::MAX));
    let now = match current {
        // No limit.
        None => wanted,
        Some(current) if current >= more => current,
        Some(current) => {
            setrlimit(Resource::Nofile, Rlimit { current: Some(more), maximum }).map_or(current, |()| more)
        }
    };
    usize::try_from(now).unwrap_or(usize::MAX)
}

/// Other systems have no such limit on sockets.
#[cfg(not(unix))]
fn descriptors(wanted: usize) -> usize {
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn door(most: usize, each: usize, proxies: &[&str]) -> Arc<Door> {
        let proxies: Vec<_> = proxies.iter().map(|text| (*text).to_owned()).collect();
        Arc::new(Door { most, each, proxies: Proxies::new(&proxies), inside: Mutex::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn is_told_to_go(guest: &Guest) -> bool {
        let mut told = Box::pin(guest.sent_out());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        told.as_mut().poll(&mut context).is_ready()
    }

    #[test]
    fn a_stranger_gets_in_and_the_newest_of_the_largest_crowd_goes() {
        let door = door(4, 3, &[]);
        let crowd: Vec<_> = (0..3).map(|_| door.enter(ip("192.0.2.1")).expect("room")).collect();
        assert!(door.enter(ip("192.0.2.1")).is_none(), "no more than its share");
        let one = door.enter(ip("192.0.2.2")).expect("room");
        let two = door.enter(ip("192.0.2.3")).expect("the crowd makes room");
        assert_eq!(crowd.iter().map(is_told_to_go).collect::<Vec<_>>(), [false, false, true]);
        let three = door.enter(ip("192.0.2.4")).expect("the crowd makes room");
        assert_eq!(crowd.iter().map(is_told_to_go).collect::<Vec<_>>(), [false, true, false]);
        assert!(door.enter(ip("192.0.2.5")).is_none(), "everybody has one, and nobody goes for another");
        for guest in [&one, &two, &three] {
            assert!(!is_told_to_go(guest));
        }
        drop(crowd);
        assert_eq!(door.inside().count, 3, "who was sent out is counted once");
        drop((one, two, three));
        let inside = door.inside();
        assert_eq!((inside.count, inside.guests.len()), (0, 0), "nobody is remembered who has gone");
    }

    #[test]
    fn a_household_is_one_and_a_proxy_is_nobody() {
        let door = door(10, 2, &["10.0.0.0/8"]);
        let _proxied: Vec<_> = (0..5).map(|_| door.enter(ip("10.1.2.3")).expect("no bound of its own")).collect();
        let _household: Vec<_> = (1..3).map(|at| door.enter(ip(&format!("2001:db8::{at}"))).expect("room")).collect();
        assert!(door.enter(ip("2001:db8::9")).is_none());
        assert!(door.enter(ip("2001:db8:0:1::9")).is_some());
    }

    #[test]
    fn only_what_our_own_proxies_say_is_believed() {
        let proxies = Proxies::new(&["10.0.0.1".to_owned(), "fd00::/8".to_owned()]);
        let origin = |peer: &str, lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            proxies.origin(ip(peer), &headers).to_string()
        };
        let xff = "x-forwarded-for";
        assert_eq!(origin("192.0.2.9", &[(xff, "198.51.100.7")]), "192.0.2.9", "a stranger is not believed");
        assert_eq!(origin("10.0.0.1", &[(xff, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(origin("::ffff:10.0.0.1", &[(xff, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(origin("10.0.0.1", &[(xff, "1.1.1.1, 198.51.100.7, fd00::2")]), "198.51.100.7", "the last stranger");
        assert_eq!(origin("10.0.0.1", &[(xff, "1.1.1.1"), (xff, "198.51.100.7")]), "198.51.100.7", "of all lines");
        assert_eq!(origin("10.0.0.1", &[(xff, "198.51.100.7:4711")]), "198.51.100.7");
        assert_eq!(
            origin("10.0.0.1", &[("forwarded", "for=1.1.1.1, for=\"[2001:db8::7]:80\";proto=https")]),
            "2001:db8::7"
        );
        assert_eq!(origin("10.0.0.1", &[(xff, "1.1.1.1"), ("forwarded", "for=2.2.2.2")]), "1.1.1.1", "one of the two");
        for nobody in ["unknown", "", "_hidden", "1.1.1.1, what"] {
            let mut headers = HeaderMap::new();
            headers.append(HeaderName::from_static(xff), HeaderValue::from_static(nobody));
            assert_eq!(proxies.origin(ip("10.0.0.1"), &headers), ip("10.0.0.1"), "{nobody:?}");
        }
    }

    #[test]
    fn connections_leave_descriptors_for_files() {
        let there = descriptors(0);
        assert!(affordable(usize::MAX / 2) < descriptors(usize::MAX / 2));
        assert!(there > 0 && affordable(1) == 1);
    }
}
