//! What one player, and one address, may make the server do in a minute besides playing: reading, replaying and writing, in bytes.
//!
//! A request costs what it makes the server do, whatever it is answered. What that is may only be known when it is done; so a player
//! a player who has spent more than there was pays it off before the next request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::code::Code;
use super::limits::Time;
use super::problem::Problem;
use super::settings::Settings;
use crate::model::PlayerId;
use crate::session::Core;

/// Accounts that are remembered, 6 MB at the most.
const MAX_ACCOUNTS: usize = 1 << 16;
/// Files of saves that are read and proven at a time, each in some 20 MB.
const MAX_IMPORTS: usize = 4;
/// What an address may do in a minute, as often as one player: a household has some.
const HOUSEHOLD: f64 = 4.0;

/// Minutes' worth of new games that an address has in hand: a class begins all at once, some sixty.
const AT_ONCE: f64 = 3.2;

/// An account is kept for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Player(PlayerId),
    Address(IpAddr),
}

/// The accounts that pay for a request: the player's, if there is one, and the address's.
fn payers(player: Option<PlayerId>, from: IpAddr) -> impl Iterator<Item = Who> {
    player.map(Who::Player).into_iter().chain([Who::Address(from)])
}

/// What something costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Price {
    /// Bytes that are read, parsed or written, or as much time as that takes, some 10 ns each.
    work: f64,
    /// Bytes that stay on the disk.
    disk: f64,
}

impl Price {
    /// A checkpoint that replaces another: three syncs take a millisecond.
    pub const CHECKPOINT: Self = Self { work: 512.0 * 1024.0, disk: 0.0 };
    /// A new game: its checkpoint stays.
    pub const GAME: Self = Self { work: 512.0 * 1024.0, disk: 33.0 * 1024.0 };
    /// A list of saves, most of which are in memory.
    pub const LIST: Self = Self { work: 64.0 * 1024.0, disk: 0.0 };

    /// To read so many actions, and to write them as JSON.
    pub fn steps(steps: usize) -> Self {
        Self { work: 1024.0 * steps as f64, disk: 0.0 }
    }

    /// To play so many actions again, which came in so many bytes.
    pub fn proof(bytes: usize, steps: usize) -> Self {
        Self { work: 4.0 * bytes as f64 + 4096.0 * steps as f64, disk: 0.0 }
    }

    /// To look through a history of so many bytes, of which few are parsed.
    pub fn page(bytes: u64) -> Self {
        Self { work: bytes as f64 / 4.0, disk: 0.0 }
    }

    /// To write a save of so many actions into a slot; or over another one, which makes room for most of it.
    pub fn save(steps: usize, over: bool) -> Self {
        let bytes = 33.0 * 1024.0 + 256.0 * steps as f64;
        Self { work: 512.0 * 1024.0 + bytes, disk: if over { bytes / 8.0 } else { bytes } }
    }

    /// To load a save of so many actions: each becomes part of the game's history.
    pub fn load(steps: usize) -> Self {
        Self { work: 512.0 * 1024.0 + 1024.0 * steps as f64, disk: 160.0 * steps as f64 }
    }
}

/// What somebody has spent and not paid off.
#[derive(Clone, Copy, Debug)]
struct Account {
    spent: Price,
    at: Duration,
}

/// All accounts.
pub struct Work {
    /// Of a player in a minute; none where there is no limit.
    work: Option<f64>,
    disk: Option<f64>,
    time: Time,
    accounts: Mutex<HashMap<Who, Account>>,
    /// One file of an address at a time.
    turns: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    imports: Arc<Semaphore>,
}

impl Work {
    pub fn new(settings: &Settings, core: &Arc<Core>) -> Self {
        // Where requests are not limited, what they cost is not either.
        let limited = settings.requests_per_minute > 0;
        let some = |per_minute: u64| (limited && per_minute > 0).then_some(per_minute as f64);
        let core = core.clone();
        Self {
            work: some(settings.work_per_minute),
            disk: some(settings.disk_per_minute),
            time: Time::new(move || core.lived()),
            accounts: Mutex::default(),
            turns: Mutex::default(),
            imports: Arc::new(Semaphore::new(MAX_IMPORTS)),
        }
    }

    /// The seconds until somebody may go on: each account has half a minute's worth in hand, and addresses more room on the disk.
    fn wait(&self, who: Who) -> Option<i64> {
        let now = self.time.passed();
        let accounts = self.accounts.lock();
        let Price { work, disk } = self.left(who, accounts.get(&who)?, now);
        let secs = |spent: f64, rate: Option<f64>, at_once| rate.map_or(0.0, |rate| (spent / rate - at_once) * 60.0);
        let at_once = if matches!(who, Who::Address(_)) { AT_ONCE } else { 0.5 };
        let wait = secs(work, self.rate(who, self.work), 0.5).max(secs(disk, self.disk, at_once));
        // At most some minutes, and never less than nothing.
        (wait > 0.0).then_some(wait.ceil() as i64)
    }

    fn rate(&self, who: Who, rate: Option<f64>) -> Option<f64> {
        rate.map(|rate| if matches!(who, Who::Address(_)) { HOUSEHOLD * rate } else { rate })
    }

    /// What is not paid off.
    fn left(&self, who: Who, account: &Account, now: Duration) -> Price {
        let minutes = now.saturating_sub(account.at).as_secs_f64() / 60.0;
        let left = |spent: f64, rate: Option<f64>| rate.map_or(0.0, |rate| (spent - rate * minutes).max(0.0));
        Price { work: left(account.spent.work, self.rate(who, self.work)), disk: left(account.spent.disk, self.disk) }
    }

    /// Charges a price to a player and their address, if neither has spent too much already.
    pub fn pay(&self, player: Option<PlayerId>, from: IpAddr, price: Price) -> Result<(), Problem> {
        if let Some(wait) = payers(player, from).filter_map(|who| self.wait(who)).max() {
            let detail = format!(
                "This lets the server read, replay and write more than it does in a minute for one player or address. Nothing was done; \
                 go on in {wait} s. Playing on needs no such wait."
            );
            return Err(Problem::new(Code::TooMuchWork, detail).retry_after(wait));
        }
        self.charge(player, from, price);
        Ok(())
    }

    /// Charges what something has cost.
    pub fn charge(&self, player: Option<PlayerId>, from: IpAddr, price: Price) {
        for who in payers(player, from) {
            self.add(who, price);
        }
    }

    fn add(&self, who: Who, price: Price) {
        let now = self.time.passed();
        let mut accounts = self.accounts.lock();
        if accounts.len() >= MAX_ACCOUNTS && !accounts.contains_key(&who) {
            accounts.retain(|who, account| {
                let Price { work, disk } = self.left(*who, account, now);
                work > 0.0 || disk > 0.0
            });
            // An account for each address does not hold a flood from so many of them.
            if accounts.len() > MAX_ACCOUNTS / 2 {
                accounts.clear();
            }
        }
        let account = accounts.entry(who).or_insert(Account { spent: Price::default(), at: now });
        let Price { work, disk } = self.left(who, account, now);
        *account = Account { spent: Price { work: work + price.work, disk: disk + price.disk }, at: now };
    }

    /// Waits for a turn to bring a file. It is over when both are dropped.
    pub async fn turn(&self, from: IpAddr) -> Turn {
        let own = {
            let mut turns = self.turns.lock();
            // A request that has or awaits a turn holds its semaphore; there are no more of them than connections.
            turns.retain(|_, own| Arc::strong_count(own) > 1);
            turns.entry(from).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
        };
        // These are never closed.
        let own = own.acquire_owned().await.ok();
        Turn(own, self.imports.clone().acquire_owned().await.ok())
    }
}

/// A turn to bring a file.
pub struct Turn(
    #[expect(dead_code, reason = "they are there to be held")] Option<OwnedSemaphorePermit>,
    #[expect(dead_code, reason = "they are there to be held")] Option<OwnedSemaphorePermit>,
);
