//! Sessions, their turns and their tombstones.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::append::{digits, text};
use super::engine::Engine;
use super::queries as sql;
use super::rows::{self, Wrong, word};
use crate::game::RULES_VERSION;
use crate::model::{self, Checkpoint, EventId, Header, SessionId, Step, Tombstone, Turn, UsedKey, VERSION, lineage};
use crate::store::{NewTurn, Others, Result, Sessions, Then, Thing};

/// Writes a session that is not there yet, with its history.
async fn insert(engine: &Engine, first: &Checkpoint, turns: &[Turn]) -> Result<()> {
    let what = Thing::Session(SessionId(first.session_id));
    let (map, map_digest) = (Engine::json(&what, &first.star_map)?, first.star_map.digest());
    let bytes = first.state.encode();
    let digest = model::digest(&map_digest, &bytes);
    let state = text(&bytes);
    let (revision, rules, format) = (first.revision as i64, first.rules as i32, VERSION as i32);
    let lived = first.lived.unwrap_or(first.last_activity);
    let (day, verdict) = (first.challenge.map(|of| of.date.to_string()), first.challenge.and_then(|of| of.verdict));
    let verdict = verdict.as_ref().and_then(word);
    let begun = first.begun_with.as_ref();
    let (key, asked) = (begun.map(|begun| &begun.key), begun.map(|begun| &begun.asked));
    let stats = &first.state.player_stats;
    let revisions: Vec<_> = turns.iter().map(|turn| turn.revision as i64).collect();
    let names: Vec<_> = turns.iter().map(|_| Uuid::new_v4()).collect();
    let marks: Vec<_> = turns.iter().map(|turn| turn.key.as_deref().map(|key| UsedKey::mark(key) as i64)).collect();
    let lines = turns.iter().map(|turn| Engine::json(&what, turn)).collect::<Result<Vec<_>>>()?;
    let values: [&(dyn ToSql + Sync); 28] = [
        &first.session_id,
        &first.owner,
        &revision,
        &digest,
        &format,
        &rules,
        &first.content,
        &first.created_at,
        &first.last_activity,
        &lived,
        &first.name,
        &first.place,
        &stats.ship_type,
        &first.state.turn_count,
        &stats.wealth,
        &first.state.end,
        &first.ranked,
        &first.permadeath,
        &day,
        &verdict,
        &key,
        &asked,
        &state,
        &map,
        &revisions,
        &names,
        &marks,
        &lines,
    ];
    engine.run(what, sql::CREATE, &values).await
}

#[async_trait]
impl Sessions for Engine {
    async fn create(&self, first: Checkpoint) -> Result<()> {
        insert(self, &first, &[]).await
    }

    async fn discard(&self, id: SessionId) -> Result<()> {
        self.run(Thing::Session(id), sql::DISCARD, &[&id.0]).await
    }

    async fn read(&self, id: SessionId) -> Result<Option<Checkpoint>> {
        let what = Thing::Session(id);
        let rows = self.query(what.clone(), sql::READ, &[&id.0]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let revision: i64 = row.try_get("revision").map_err(|error| Wrong::from(error).about(what.clone()))?;
        let marks = self.query(what.clone(), sql::MARKS, &[&id.0, &revision, &(UsedKey::MOST as i64)]).await?;
        rows::checkpoint(row, &marks).map(Some).map_err(|wrong| wrong.about(what))
    }

    async fn header(&self, id: SessionId) -> Result<Option<Header>> {
        let what = Thing::Session(id);
        let rows = self.query(what.clone(), sql::HEADERS, &[&Some(id.0)]).await?;
        Self::first(&what, &rows, rows::header)
    }

    async fn stands_at(&self, id: SessionId, event: EventId) -> Result<bool> {
        Ok(self.heads(vec![id]).await?.first().is_some_and(|head| head.event == event))
    }

    fn append(&self, turn: NewTurn, then: Then) {
        self.appender(turn.session).append(turn, then);
    }

    async fn save(&self, whole: Checkpoint) -> Result<()> {
        let verdict = whole.challenge.and_then(|challenge| challenge.verdict).as_ref().and_then(word);
        let lived = whole.lived.unwrap_or(whole.last_activity);
        let values: [&(dyn ToSql + Sync); 5] =
            [&whole.session_id, &whole.last_activity, &lived, &whole.ranked, &verdict];
        self.run(Thing::Session(SessionId(whole.session_id)), sql::SAVE, &values).await
    }

    async fn rename(&self, whole: Checkpoint) -> Result<()> {
        let what = Thing::Session(SessionId(whole.session_id));
        self.run(what, sql::RENAME, &[&whole.session_id, &whole.name]).await
    }

    async fn put(&self, whole: Checkpoint, turns: Vec<Turn>) -> Result<()> {
        insert(self, &whole, &turns).await
    }

    async fn load(&self, before: EventId, whole: Checkpoint, load: Arc<Turn>) -> Result<bool> {
        let what = Thing::Session(SessionId(whole.session_id));
        let (map, map_digest) = (Self::json(&what, &whole.star_map)?, whole.star_map.digest());
        let bytes = whole.state.encode();
        let (state, digest) = (text(&bytes), model::digest(&map_digest, &bytes));
        let (revision, rules, format) = (whole.revision as i64, RULES_VERSION as i32, VERSION as i32);
        let lived = whole.lived.unwrap_or(whole.last_activity);
        let (before, name) = (digits(before), Uuid::new_v4());
        let mark = load.key.as_deref().map(|key| UsedKey::mark(key) as i64);
        let line = Self::json(&what, &*load)?;
        let stats = &whole.state.player_stats;
        let values: [&(dyn ToSql + Sync); 19] = [
            &whole.session_id,
            &revision,
            &before,
            &digest,
            &format,
            &rules,
            &whole.content,
            &whole.last_activity,
            &lived,
            &whole.place,
            &stats.ship_type,
            &whole.state.turn_count,
            &stats.wealth,
            &whole.state.end,
            &state,
            &map,
            &name,
            &mark,
            &line,
        ];
        if !self.query(what.clone(), sql::LOAD, &values).await?.is_empty() {
            return Ok(true);
        }
        // It may have been taken, and its answer lost.
        let (ids, revisions) = (vec![whole.session_id], vec![revision]);
        let (nonces, shown) = ([None::<i64>], [None::<Timestamp>]);
        let values: [&(dyn ToSql + Sync); 6] = [&ids, &revisions, &rules, &format, &&nonces[..], &&shown[..]];
        let rows = self.query(what.clone(), sql::LOOK, &values).await?;
        let append = Self::first(&what, &rows, |row| Ok(row.try_get::<_, Option<Uuid>>("append")?))?;
        let found = append.flatten() == Some(name);
        if found {
            self.lane().receipt().await.map_err(|failure| failure.about(what))?;
        }
        Ok(found)
    }

    async fn bury(&self, stone: Tombstone) -> Result<bool> {
        let what = Thing::Session(SessionId(stone.session_id));
        let text = Self::json(&Thing::Tombstones, &stone)?;
        let (lived, revision) = (stone.lived.unwrap_or(stone.expired_at), stone.revision as i64);
        self.run(what.clone(), sql::BURY, &[&stone.session_id, &lived, &text, &revision]).await?;
        let rows = self.query(what.clone(), sql::BURIED, &[&stone.session_id]).await?;
        Ok(Self::first(&what, &rows, |row| Ok(row.try_get(0)?))? == Some(true))
    }

    async fn prune_tombstones(&self, now: Timestamp, _: usize) -> Result<()> {
        let past = now - SignedDuration::from_secs(Tombstone::STANDS_SECS);
        self.run(Thing::Tombstones, sql::PRUNE_TOMBSTONES, &[&past]).await?;
        self.run(self.whole(), sql::PRUNE_NODES, &[]).await
    }

    async fn turns(&self, id: SessionId, after: u64, up_to: u64, most: usize) -> Result<Vec<Turn>> {
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let what = Thing::Session(id);
        let values: [&(dyn ToSql + Sync); 4] = [&id.0, &bound(after), &bound(up_to), &bound(most as u64)];
        let rows = self.query(what.clone(), sql::TURNS, &values).await?;
        Self::all(&what, &rows, rows::turn)
    }

    async fn lineage(&self, id: SessionId, revision: u64) -> Result<Vec<Step>> {
        Ok(lineage(self.turns(id, 0, revision, usize::MAX).await?))
    }

    async fn history_bytes(&self, id: SessionId) -> Result<u64> {
        let what = Thing::Session(id);
        let rows = self.query(what.clone(), sql::HISTORY_BYTES, &[&id.0]).await?;
        Ok(Self::first(&what, &rows, |row| Ok(row.try_get::<_, i64>(0)?))?.unwrap_or_default() as u64)
    }

    fn behind(&self) -> Vec<SessionId> {
        Vec::new()
    }

    fn is_behind(&self, _: SessionId) -> bool {
        false
    }

    fn is_overdue(&self, _: SessionId) -> bool {
        false
    }

    async fn catch_up(&self, _: SessionId) -> Result<()> {
        Ok(())
    }
}
