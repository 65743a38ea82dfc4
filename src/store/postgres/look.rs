//! What every request asks: what has become of its session and its player. Whatever waits is asked in one statement.

use std::collections::HashMap;
use std::io;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_postgres::Row;
use uuid::Uuid;

use super::lane::Lane;
use super::queries::NEWS;
use super::rows::{self, Read};
use crate::model::format::{self, Kind};
use crate::model::{PlayerId, SessionId};
use crate::store::{News, Result, StoreError, Thing};

/// Questions that can wait; each has a request that waits with it.
const QUEUE: usize = 4_096;
/// Questions of a statement.
const MOST: usize = 64;

struct Question {
    session: Option<Uuid>,
    player: Option<Uuid>,
    answer: oneshot::Sender<Result<News>>,
}

/// Asks, one statement after the other.
pub(super) struct Looker {
    queue: Sender<Question>,
    task: AbortHandle,
}

impl Drop for Looker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Looker {
    /// Call it inside the runtime that is to do the work.
    pub fn new(lane: Lane) -> Self {
        let (queue, questions) = channel(QUEUE);
        Self { queue, task: tokio::spawn(run(lane, questions)).abort_handle() }
    }

    /// What has become of a session, and of a player's tokens or those of its owner.
    pub async fn look(&self, session: Option<SessionId>, player: Option<PlayerId>) -> Result<News> {
        let (answer, answered) = oneshot::channel();
        let question = Question { session: session.map(|id| id.0), player: player.map(|player| player.0), answer };
        self.queue.send(question).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> StoreError {
    unavailable("the store has closed".to_owned())
}

fn unavailable(problem: String) -> StoreError {
    StoreError::Unavailable { what: Thing::Store("the database".to_owned()), source: io::Error::other(problem) }
}

async fn run(lane: Lane, mut queue: Receiver<Question>) {
    let mut asked = Vec::with_capacity(MOST);
    while queue.recv_many(&mut asked, MOST).await > 0 {
        let numbers: Vec<_> = (0..asked.len() as i64).collect();
        let sessions: Vec<_> = asked.iter().map(|question| question.session).collect();
        let players: Vec<_> = asked.iter().map(|question| question.player).collect();
        let rows = lane.query(NEWS, &[&numbers, &sessions, &players]).await;
        let mut found = HashMap::new();
        let mut failed = None;
        match &rows {
            Ok(rows) => found.extend(rows.iter().filter_map(|row| Some((row.try_get::<_, i64>(0).ok()?, row)))),
            Err(failure) => failed = Some(failure.to_string()),
        }
        for (number, question) in (0..).zip(asked.drain(..)) {
            let what = || Thing::Session(SessionId(question.session.unwrap_or_default()));
            let news = match (&failed, found.get(&number)) {
                (Some(problem), _) => Err(unavailable(problem.clone())),
                (None, Some(row)) => news(row).map_err(|wrong| wrong.about(what())),
                (None, None) => Err(unavailable("it was not answered".to_owned())),
            };
            // Whoever asked may have hung up.
            drop(question.answer.send(news));
        }
    }
}

fn news(row: &Row) -> Read<News> {
    let there = row.try_get::<_, Option<Uuid>>("id")?.is_some();
    let stone: Option<&str> = row.try_get("stone")?;
    let stone = stone.filter(|_| !there).map(|stone| format::read(Kind::Tombstone, stone.as_bytes())).transpose()?;
    let has_nonces = row.try_get::<_, Option<Uuid>>("player")?.is_some();
    Ok(News {
        session: there.then(|| rows::standing(row)).transpose()?,
        stone,
        nonces: has_nonces.then(|| rows::nonces(row)).transpose()?,
    })
}
