//! What servers that share a database learn of each other.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::engine::Engine;
use super::queries as sql;
use super::rows::{self, Wrong};
use crate::model::{PlayerId, SessionId};
use crate::store::{Arrival, Belongings, Head, News, Others, Result, Rung, Standing, Store, StoreError, Thing};

/// Sessions as they stand, without those that are damaged: whoever asks for one of these is told.
async fn readable(engine: &Engine, rows: &[Row]) -> Result<Vec<Standing>> {
    let mut readable = Vec::with_capacity(rows.len());
    for row in rows {
        let wrong = match rows::standing(row) {
            Ok(standing) => {
                readable.push(standing);
                continue;
            }
            Err(wrong) => wrong,
        };
        let id = row.try_get("id").map_err(|error| Wrong::from(error).about(engine.whole()))?;
        match wrong.about(Thing::Session(SessionId(id))) {
            StoreError::Damaged { what, problem } => drop(engine.reject(what, problem).await),
            error => return Err(error),
        }
    }
    Ok(readable)
}

#[async_trait]
impl Others for Engine {
    async fn look(&self, session: Option<SessionId>, player: Option<PlayerId>) -> Result<News> {
        self.looker.look(session, player).await
    }

    async fn belongings(&self, player: PlayerId) -> Result<Belongings> {
        let whole = self.whole();
        let all = || whole.clone();
        let owner: [&(dyn ToSql + Sync); 1] = [&player.0];
        let node: [&(dyn ToSql + Sync); 2] = [&player.0, &self.target.node];
        let (sessions, slots, begun, nonces) = tokio::try_join!(
            self.query(all(), sql::SESSIONS_OF, &node),
            self.query(all(), sql::SLOTS_OF, &owner),
            self.query(all(), sql::BEGUN_BY, &owner),
            self.query(Thing::Tokens, sql::NONCES_OF, &owner),
        )?;
        let day = |row: &Row| Ok((rows::of_word(row.try_get("day")?)?, rows::begun(row)?));
        Ok(Belongings {
            sessions: readable(self, &sessions).await?,
            slots: Self::all(&whole, &slots, |row| Ok(row.try_get::<_, i16>(0)? as u8))?,
            begun: Self::all(&whole, &begun, day)?,
            nonces: Self::first(&Thing::Tokens, &nonces, rows::nonces)?,
        })
    }

    async fn heads(&self, sessions: Vec<SessionId>) -> Result<Vec<Head>> {
        let ids: Vec<_> = sessions.into_iter().map(|id| id.0).collect();
        let rows = self.query(self.whole(), sql::HEADS, &[&ids]).await?;
        let head = |row: &Row| {
            let (id, newest, logged_out) =
                (SessionId(row.try_get("id")?), row.try_get("newest")?, row.try_get("logged_out")?);
            Ok(Head { id, event: rows::event(row)?, newest, logged_out })
        };
        Self::all(&self.whole(), &rows, head)
    }

    async fn confirm(&self) -> Result<()> {
        self.lane().receipt().await.map_err(|failure| failure.about(self.whole()))
    }

    async fn join(&self, id: SessionId, arrival: Arrival) -> Result<bool> {
        let what = Thing::Session(id);
        match arrival {
            Arrival::Player { connection, previous, takeover } => {
                let node = self.target.node;
                let rows = self.query(what, sql::JOIN, &[&id.0, &connection, &previous, &node, &takeover]).await?;
                Ok(!rows.is_empty())
            }
            Arrival::Observer => {
                self.run(what, sql::WATCH, &[&id.0]).await?;
                Ok(true)
            }
        }
    }

    async fn part(&self, id: SessionId, connection: Uuid) -> Result<()> {
        self.run(Thing::Session(id), sql::PART, &[&id.0, &connection]).await
    }

    fn ring(&self, what: Rung) {
        self.bell.ring(what);
    }

    async fn heard(&self) -> Vec<Rung> {
        self.bell.heard().await
    }

    fn now(&self) -> Timestamp {
        self.heart.now()
    }

    fn report(&self) -> Value {
        self.heart.report()
    }

    fn poll(&self) -> Duration {
        self.poll
    }
}
