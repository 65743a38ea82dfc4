//! The door: how many connections there are, and whose. They are fewer than there are file descriptors, so that saves can always
//! be written; and no address takes them all, so that another one always gets in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::proxies::{Proxies, neighbours};
use super::settings::Settings;

/// Descriptors that connections leave alone: the threads that wait for the disk have one or two each, the turn log sixteen, each
/// worker some four, and connections that are told to go keep theirs for a moment.
const RESERVE: usize = 192;

/// The connections there are.
pub struct Door {
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
    /// By address, and in the order they came; each is notified when it must go. Proxies have no address here.
    guests: HashMap<Option<IpAddr>, BTreeMap<u64, Arc<Notify>>>,
}

/// A connection that is inside, until it is dropped.
pub struct Guest {
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
        self.inside.lock()
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
        // A connection that was sent out is counted no more.
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
    fn connections_leave_descriptors_for_files() {
        let there = descriptors(0);
        assert!(affordable(usize::MAX / 2) < descriptors(usize::MAX / 2));
        assert!(there > 0 && affordable(1) == 1);
    }
}
