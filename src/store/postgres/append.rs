//! How turns are taken: whatever turns of all sessions are waiting go in one statement, each with its own condition.
//!
//! Every turn is appended under a name. So where the answer is lost the same is said again, and a turn that is there under the
//! name is not doubled but found.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio::task::AbortHandle;
use tokio_postgres::Row;
use uuid::Uuid;

use super::bell::Bell;
use super::error::Failure;
use super::lane::{Lane, Target};
use super::queries::{APPEND, LOOK};
use crate::game::RULES_VERSION;
use crate::model::{EventId, SessionId, UsedKey, VERSION};
use crate::store::{Appended, NewTurn, Rung, StoreError, Then, Thing};

/// Turns that can wait. A session has one at a time, so only as many sessions acting at once fill it.
const QUEUE: usize = 1024;
/// Turns of a statement. Larger ones take their time from all that are in them, and bring no more.
const MOST: usize = 64;
/// How often a turn is tried whose session's row somebody else holds for a moment.
const LOCKED_TRIES: usize = 50;

/// A turn, under the name of its append.
struct Named {
    turn: NewTurn,
    name: Uuid,
    line: String,
    /// Since when it waits.
    since: Instant,
}

/// One that waits.
type Waiting = (Named, Then);

/// What stands in the way of a turn.
enum Verdict {
    Taken,
    Moved,
    Gone,
    Revoked,
    Outdated,
    /// Nothing, but that somebody held the row.
    Locked,
}

/// Figures.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub turns: AtomicU64,
    pub batches: AtomicU64,
    pub moved: AtomicU64,
    pub unknown: AtomicU64,
    /// Turns that were found under their name.
    pub found: AtomicU64,
}

/// Takes turns, one statement after the other.
pub(super) struct Appender {
    queue: Sender<Waiting>,
    task: AbortHandle,
}

impl Drop for Appender {
    fn drop(&mut self) {
        // What waits is answered by nobody: whoever asked hears that the store has closed.
        self.task.abort();
    }
}

impl Appender {
    /// Call it inside the runtime that is to do the work.
    pub fn new(target: Arc<Target>, bell: Bell, counts: Arc<Counts>) -> Self {
        let (queue, waiting) = channel(QUEUE);
        let (node, timeout) = (target.node, target.timeout);
        let writer = Writer { lane: Lane::new(target), node, timeout, bell, counts };
        Self { queue, task: tokio::spawn(run(writer, waiting)).abort_handle() }
    }

    /// Takes a turn, soon.
    pub fn append(&self, turn: NewTurn, then: Then) {
        let line = match serde_json::to_string(&*turn.turn) {
            Ok(line) => line,
            Err(error) => {
                let source = std::io::Error::other(error);
                return then(Appended::Failed(StoreError::Unavailable { what: Thing::Session(turn.session), source }));
            }
        };
        match self.queue.try_send((Named { turn, name: Uuid::new_v4(), line, since: Instant::now() }, then)) {
            Ok(()) => {}
            Err(TrySendError::Full((_, then))) => then(Appended::Failed(StoreError::Busy)),
            Err(TrySendError::Closed((named, then))) => {
                let source = std::io::Error::other("the store has closed");
                let what = Thing::Session(named.turn.session);
                then(Appended::Failed(StoreError::Unavailable { what, source }));
            }
        }
    }
}

/// What writes turns.
struct Writer {
    lane: Lane,
    node: Uuid,
    /// How long a turn waits to be said.
    timeout: Duration,
    bell: Bell,
    counts: Arc<Counts>,
}

async fn run(writer: Writer, mut queue: Receiver<Waiting>) {
    let mut next = Vec::with_capacity(MOST);
    while queue.recv_many(&mut next, MOST).await > 0 {
        let (mut left, late): (Vec<_>, Vec<_>) = std::mem::take(&mut next)
            .into_iter()
            .partition(|(named, _): &Waiting| named.since.elapsed() < writer.timeout);
        late.into_iter().for_each(give_up);
        // A statement sees each row as it was before: of a session there is one turn in it.
        while !left.is_empty() {
            let mut sessions = std::collections::HashSet::new();
            let (batch, later) = left.into_iter().partition(|(named, _): &Waiting| sessions.insert(named.turn.session));
            take(&writer, batch).await;
            left = later;
        }
    }
}

/// Gives up a turn that was never said: for certain it is not there.
fn give_up((named, then): Waiting) {
    let source = std::io::Error::other("it waited until it was late");
    then(Appended::Failed(StoreError::Unavailable { what: Thing::Session(named.turn.session), source }));
}

/// Takes turns of different sessions, and tells each what became of it.
async fn take(writer: &Writer, batch: Vec<Waiting>) {
    let counts = &*writer.counts;
    let (mut batch, mut thens): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    for _ in 0..LOCKED_TRIES {
        counts.batches.fetch_add(1, Ordering::Relaxed);
        let judged = match verdicts(writer, &batch).await {
            Ok(judged) => judged,
            Err(failure) => return fail(thens, &failure, counts),
        };
        let mut locked = Vec::new();
        for ((named, then), verdict) in batch.into_iter().zip(thens).zip(judged) {
            match verdict {
                Verdict::Taken => {
                    counts.turns.fetch_add(1, Ordering::Relaxed);
                    then(Appended::Taken);
                }
                Verdict::Moved => {
                    counts.moved.fetch_add(1, Ordering::Relaxed);
                    then(Appended::Moved);
                }
                Verdict::Gone => then(Appended::Gone),
                Verdict::Revoked => then(Appended::Revoked),
                Verdict::Outdated => {
                    then(Appended::Failed(StoreError::Outdated { what: Thing::Session(named.turn.session) }));
                }
                Verdict::Locked => locked.push((named, then)),
            }
        }
        if locked.is_empty() {
            return;
        }
        (batch, thens) = locked.into_iter().unzip();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    thens.into_iter().for_each(|then| then(Appended::Failed(StoreError::Busy)));
}

/// They may have been taken, or not.
fn fail(thens: Vec<Then>, failure: &Failure, counts: &Counts) {
    tracing::error!(%failure, turns = thens.len(), "what became of turns is not known");
    counts.unknown.fetch_add(thens.len() as u64, Ordering::Relaxed);
    thens.into_iter().for_each(|then| then(Appended::Unknown));
}

/// What became of each.
async fn verdicts(writer: &Writer, batch: &[Named]) -> Result<Vec<Verdict>, Failure> {
    let taken = say(writer, batch).await?;
    let mut taken: HashMap<Uuid, Verdict> = taken.into_iter().map(|id| (id, Verdict::Taken)).collect();
    let open: Vec<_> = batch.iter().filter(|named| !taken.contains_key(&named.turn.session.0)).collect();
    if !open.is_empty() {
        taken.extend(look(&writer.lane, &open, &writer.counts).await?);
    }
    // Every one is in it: what was not taken was looked at.
    let verdict = |named: &Named| taken.remove(&named.turn.session.0).unwrap_or(Verdict::Gone);
    Ok(batch.iter().map(verdict).collect())
}

/// Says them, and tells whose sessions took them.
async fn say(writer: &Writer, batch: &[Named]) -> Result<Vec<Uuid>, Failure> {
    fn all<'a, T>(batch: &'a [Named], of: impl Fn(&'a Named) -> T) -> Vec<T> {
        batch.iter().map(of).collect()
    }
    let ids = all(batch, |named| named.turn.session.0);
    let revisions = all(batch, |named| named.turn.turn.revision as i64);
    let befores = all(batch, |named| digits(named.turn.before));
    let digests = all(batch, |named| named.turn.turn.digest.as_str());
    let names = all(batch, |named| named.name);
    let times: Vec<Timestamp> = all(batch, |named| named.turn.turn.at);
    let marks = all(batch, |named| named.turn.turn.key.as_deref().map(|key| UsedKey::mark(key) as i64));
    let lines = all(batch, |named| named.line.as_str());
    let states = all(batch, |named| text(&named.turn.state));
    let places = all(batch, |named| named.turn.stands.place.as_str());
    let ships = all(batch, |named| named.turn.stands.ship_type.as_str());
    let counts = all(batch, |named| named.turn.stands.turn_count);
    let wealths = all(batch, |named| named.turn.stands.wealth);
    let endings = all(batch, |named| named.turn.stands.end.as_deref());
    let nonces = all(batch, |named| nonce(&named.turn));
    let shown = all(batch, |named| named.turn.token.map(|token| token.at));
    let (rules, format) = (RULES_VERSION as i32, VERSION as i32);
    let rows = writer
        .lane
        .query(
            APPEND,
            &[
                &ids,
                &revisions,
                &befores,
                &digests,
                &names,
                &times,
                &marks,
                &lines,
                &states,
                &places,
                &ships,
                &counts,
                &wealths,
                &endings,
                &rules,
                &format,
                &writer.node,
                &nonces,
                &shown,
            ],
        )
        .await?;
    let mut taken = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = row.try_get(0)?;
        // Somebody on another node hears of it.
        if row.try_get(1)? {
            writer.bell.ring(Rung::Session(SessionId(id)));
        }
        taken.push(id);
    }
    Ok(taken)
}

/// What stands in the way of those that were not taken.
async fn look(lane: &Lane, open: &[&Named], counts: &Counts) -> Result<HashMap<Uuid, Verdict>, Failure> {
    let ids: Vec<_> = open.iter().map(|named| named.turn.session.0).collect();
    let revisions: Vec<_> = open.iter().map(|named| named.turn.turn.revision as i64).collect();
    let nonces: Vec<_> = open.iter().map(|named| nonce(&named.turn)).collect();
    let shown: Vec<_> = open.iter().map(|named| named.turn.token.map(|token| token.at)).collect();
    let (rules, format) = (RULES_VERSION as i32, VERSION as i32);
    let rows = lane.query(LOOK, &[&ids, &revisions, &rules, &format, &nonces, &shown]).await?;
    let mut found = HashMap::new();
    let mut doubtful = false;
    for row in &rows {
        let id = row.try_get(0)?;
        let Some(named) = open.iter().find(|named| named.turn.session.0 == id) else { continue };
        let verdict = verdict(row, named)?;
        if matches!(verdict, Verdict::Taken) {
            doubtful = true;
            counts.found.fetch_add(1, Ordering::Relaxed);
        }
        found.insert(id, verdict);
    }
    if doubtful {
        // It is visible here, and may be on no standby yet.
        lane.receipt().await?;
    }
    Ok(found)
}

fn nonce(turn: &NewTurn) -> Option<i64> {
    turn.token.map(|token| token.nonce.0 as i64)
}

fn verdict(row: &Row, named: &Named) -> Result<Verdict, Failure> {
    let (revision, digest): (Option<i64>, Option<&str>) = (row.try_get("revision")?, row.try_get("digest")?);
    let (newer, append): (Option<bool>, Option<Uuid>) = (row.try_get("newer")?, row.try_get("append")?);
    let revoked: bool = row.try_get("revoked")?;
    let Some((revision, digest)) = revision.zip(digest) else { return Ok(Verdict::Gone) };
    let stands = EventId::new(revision as u64, digest) == named.turn.before;
    Ok(match () {
        () if append == Some(named.name) => Verdict::Taken,
        () if !stands => Verdict::Moved,
        () if newer == Some(true) => Verdict::Outdated,
        () if revoked => Verdict::Revoked,
        () => Verdict::Locked,
    })
}

/// The digits of a digest that an event has.
pub(super) fn digits(event: EventId) -> String {
    let text = event.to_string();
    text.split_once('-').map(|(_, digits)| digits.to_owned()).unwrap_or_default()
}

/// JSON is text.
pub(super) fn text(json: &[u8]) -> &str {
    std::str::from_utf8(json).unwrap_or_default()
}
