//! Records from rows, and what is wrong with those that are none.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_postgres::Row;

use super::error::Failure;
use crate::game::RULES_VERSION;
use crate::model::format::{self, Kind, Unreadable};
use crate::model::{
    Beginning, Begun, BoardName, Challenge, Checkpoint, EventId, Header, HeaderStats, Map, Nonce, Nonces, Turn,
    UsedKey, VERSION,
};
use crate::store::{Standing, StoreError, Thing};

/// What is read of a row.
pub(super) type Read<T> = Result<T, Wrong>;

/// Why a row is not a record.
#[derive(Debug)]
pub(super) enum Wrong {
    Row(Failure),
    Text(Unreadable),
}

impl From<tokio_postgres::Error> for Wrong {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Row(error.into())
    }
}

impl From<Unreadable> for Wrong {
    fn from(error: Unreadable) -> Self {
        Self::Text(error)
    }
}

impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Self {
        Self::Text(error.into())
    }
}

impl Wrong {
    /// As an error of the store. The row stays as it is.
    pub fn about(self, what: Thing) -> StoreError {
        match self {
            Self::Row(failure) => StoreError::Damaged { what, problem: failure.to_string() },
            Self::Text(Unreadable::Damaged(problem)) => StoreError::Damaged { what, problem },
            Self::Text(Unreadable::Newer(_)) => StoreError::Outdated { what },
        }
    }
}

/// A value that is a word in JSON.
pub(super) fn word(value: &impl Serialize) -> Option<String> {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => Some(word),
        _ => None,
    }
}

/// The value of a word.
pub(super) fn of_word<T: DeserializeOwned>(word: String) -> serde_json::Result<T> {
    serde_json::from_value(Value::String(word))
}

/// A record of this version, or of an older one.
pub(super) fn record<T: DeserializeOwned>(kind: Kind, row: &Row) -> Read<T> {
    Ok(format::read(kind, row.try_get::<_, &str>(0)?.as_bytes())?)
}

/// A line of history.
pub(super) fn turn(row: &Row) -> Read<Turn> {
    record(Kind::Turn, row)
}

/// The name of a board.
pub(super) fn board(row: &Row) -> Read<BoardName> {
    let unknown = || Unreadable::Damaged("it is of no known difficulty".to_owned());
    let difficulty = BoardName::difficulty(row.try_get("difficulty")?).ok_or_else(unknown)?;
    Ok(BoardName { date: of_word(row.try_get("day")?)?, difficulty })
}

fn challenge(row: &Row) -> Read<Option<Challenge>> {
    let Some(day) = row.try_get::<_, Option<String>>("day")? else { return Ok(None) };
    let verdict = row.try_get::<_, Option<String>>("verdict")?.map(of_word).transpose()?;
    Ok(Some(Challenge { date: of_word(day)?, verdict }))
}

fn begun_with(row: &Row) -> Read<Option<Beginning>> {
    let (key, asked) = (row.try_get("begun_key")?, row.try_get("begun_asked")?);
    Ok(Option::zip(key, asked).map(|(key, asked)| Beginning { key, asked }))
}

/// What lists tell of a session.
pub(super) fn header(row: &Row) -> Read<Header> {
    let version = row.try_get::<_, i32>("format")? as u32;
    if version > VERSION {
        return Err(Unreadable::Newer(version).into());
    }
    Ok(Header {
        session_id: row.try_get("id")?,
        owner: row.try_get("owner")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
        last_activity: row.try_get("active_at")?,
        lived: Some(row.try_get("lived_at")?),
        revision: row.try_get::<_, i64>("revision")? as u64,
        ranked: row.try_get("ranked")?,
        permadeath: row.try_get("permadeath")?,
        challenge: challenge(row)?,
        begun_with: begun_with(row)?,
        place: row.try_get("place")?,
        turn_count: row.try_get("turn_count")?,
        end: row.try_get("ending")?,
        player_stats: HeaderStats { wealth: row.try_get("wealth")?, ship_type: row.try_get("ship")? },
        outlined: false,
    })
}

/// A session with its map, and the keys of its last turns, newest first.
pub(super) fn checkpoint(row: &Row, marks: &[Row]) -> Read<Checkpoint> {
    let (version, rules) = (row.try_get::<_, i32>("format")? as u32, row.try_get::<_, i32>("rules")? as u32);
    if rules > RULES_VERSION {
        return Err(Unreadable::Newer(version).into());
    }
    let state = format::read_part(Kind::State, version, row.try_get::<_, &str>("state")?.as_bytes())?;
    let star_map: Map = serde_json::from_str(row.try_get("map")?)?;
    let mut keys = marks
        .iter()
        .map(|row| {
            let (mark, revision): (i64, i64) = (row.try_get("mark")?, row.try_get("revision")?);
            Ok(UsedKey { mark: mark as u64, revision: revision as u64 })
        })
        .collect::<Read<Vec<_>>>()?;
    keys.reverse();
    Ok(Checkpoint {
        version: VERSION,
        session_id: row.try_get("id")?,
        owner: row.try_get("owner")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
        last_activity: row.try_get("active_at")?,
        lived: Some(row.try_get("lived_at")?),
        revision: row.try_get::<_, i64>("revision")? as u64,
        ranked: row.try_get("ranked")?,
        permadeath: row.try_get("permadeath")?,
        challenge: challenge(row)?,
        rules,
        content: row.try_get("content")?,
        keys,
        begun_with: begun_with(row)?,
        place: row.try_get("place")?,
        state,
        star_map,
    })
}

/// Who has begun a day.
pub(super) fn begun(row: &Row) -> Read<Begun> {
    let (player, session_id, at) = (row.try_get("player")?, row.try_get("session_id")?, row.try_get("at")?);
    Ok(Begun { version: VERSION, player, session_id, at })
}

/// The event that a session stands at.
pub(super) fn event(row: &Row) -> Read<EventId> {
    Ok(EventId::new(row.try_get::<_, i64>("revision")? as u64, row.try_get("digest")?))
}

/// A session as it stands.
pub(super) fn standing(row: &Row) -> Read<Standing> {
    let (event, newest, is_elsewhere) = (event(row)?, row.try_get("newest")?, row.try_get("is_elsewhere")?);
    Ok(Standing { header: Box::new(header(row)?), event, newest, is_elsewhere })
}

/// Which tokens of a player count.
pub(super) fn nonces(row: &Row) -> Read<Nonces> {
    let nonce = |number: i64| Nonce(number as u64);
    Ok(Nonces {
        version: VERSION,
        player: row.try_get("player")?,
        current: row.try_get::<_, Option<i64>>("current")?.map(nonce),
        previous: row.try_get::<_, Option<i64>>("previous")?.map(nonce),
        used: row.try_get("used_at")?,
        at: row.try_get("changed_at")?,
    })
}
