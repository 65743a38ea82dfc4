//! PostgreSQL as an engine: what the face asks, each a statement.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::append::{Appender, Counts};
use super::bell::Bell;
use super::heart::Heart;
use super::lane::{Lane, Target};
use super::look::Looker;
use super::migrate as tables;
use super::queries as sql;
use super::rows::{self, Read, Wrong, record};
use super::settings::Settings;
use crate::game::content::{Content, Files};
use crate::hex::hex;
use crate::model::format::Kind;
use crate::model::{
    self, Begun, BoardName, Claim, Clock, Day, Entry, Keys, Nonces, PlayerId, Save, SessionId, VERSION,
};
use crate::store::{
    All, Boards, Contents, Health, Opened, Others, Result, Saves, Store, StoreError, StoreReport, Thing, Tokens,
};

/// Things that made no sense, as they are told of.
const MAX_ASIDE: usize = 100;

/// A database.
pub(super) struct Engine {
    pub target: Arc<Target>,
    readers: Vec<Lane>,
    turn: AtomicUsize,
    appenders: Vec<Appender>,
    counts: Arc<Counts>,
    pub looker: Looker,
    pub bell: Bell,
    /// How often to look what others have done.
    pub poll: Duration,
    /// Without password.
    place: String,
    /// How the server keeps what it says it has kept.
    server: Vec<(String, String)>,
    pub heart: Heart,
    aside: Mutex<Vec<String>>,
}

/// Opens a database, and makes its tables where that is wanted. Call it inside the runtime that is to do the work.
pub async fn open(settings: Settings) -> Result<Opened> {
    let (target, lane, place) = reach(&settings).await?;
    let server = server(&lane, &place, settings.allow_unsafe).await?;
    let lane = Arc::new(lane);
    let beating = Heart::begin(lane.clone(), settings.require_sync).await;
    let heart = beating.map_err(|failure| failure.about(Thing::Store(place.clone())))?;
    let counts = Arc::new(Counts::default());
    let bell = Bell::new(&target, lane, settings.notify);
    let engine = Engine {
        readers: (0..settings.readers.max(1)).map(|_| Lane::new(target.clone())).collect(),
        turn: AtomicUsize::new(0),
        looker: Looker::new(Lane::new(target.clone())),
        appenders: (0..settings.writers.max(1))
            .map(|_| Appender::new(target.clone(), bell.clone(), counts.clone()))
            .collect(),
        counts,
        bell,
        poll: settings.poll,
        target,
        place,
        server,
        heart,
        aside: Mutex::default(),
    };
    engine.opened().await
}

/// Makes the tables of a database, or brings them up to date.
pub async fn migrate(settings: &Settings) -> Result<()> {
    reach(&Settings { migrate: true, ..settings.clone() }).await.map(drop)
}

/// A way to a database that has the tables of this version, and what it is called.
async fn reach(settings: &Settings) -> Result<(Arc<Target>, Lane, String)> {
    let place = place(&settings.url);
    let refuse = |problem: String| StoreError::Damaged { what: Thing::Store(place.clone()), problem };
    let target = Arc::new(Target::new(settings).map_err(refuse)?);
    let lane = Lane::new(target.clone());
    if settings.migrate {
        tables::migrate(&lane, &place).await?;
    }
    tables::check(&lane, &place).await?;
    Ok((target, lane, place))
}

/// Where a database is, without who may use it.
fn place(url: &str) -> String {
    let address = url.split_once("://").map_or(url, |(_, rest)| rest);
    let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
    format!("the database at {}", address.split('?').next().unwrap_or_default())
}

/// How the server keeps what it says it has kept; refused where that is not at all.
async fn server(lane: &Lane, place: &str, allow_unsafe: bool) -> Result<Vec<(String, String)>> {
    let what = || Thing::Store(place.to_owned());
    let rows = lane.query(sql::SERVER, &[]).await.map_err(|failure| failure.about(what()))?;
    let read = |row: &Row| -> Read<(String, String)> { Ok((row.try_get(0)?, row.try_get(1)?)) };
    let found: Vec<_> = rows.iter().filter_map(|row| read(row).ok()).collect();
    for (name, setting) in &found {
        tracing::info!(name, setting, "a setting of the database");
    }
    let off =
        found.iter().find(|(name, setting)| matches!(name.as_str(), "fsync" | "full_page_writes") && setting == "off");
    match off {
        Some((name, _)) if !allow_unsafe => Err(StoreError::Damaged {
            what: what(),
            problem: format!(
                "{name} is off there: a power cut would lose turns. Set it to on, or database.allow_unsafe"
            ),
        }),
        _ => Ok(found),
    }
}

impl Engine {
    /// A connection to read and to write what is no turn; one after the other, so that a long answer holds up few.
    pub fn lane(&self) -> &Lane {
        let at = self.turn.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        &self.readers[at]
    }

    pub async fn query(&self, what: Thing, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        self.lane().query(sql, values).await.map_err(|failure| failure.about(what))
    }

    pub async fn run(&self, what: Thing, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<()> {
        self.query(what, sql, values).await.map(drop)
    }

    /// All rows as records.
    pub fn all<T>(what: &Thing, rows: &[Row], of: impl Fn(&Row) -> Read<T>) -> Result<Vec<T>> {
        rows.iter().map(|row| of(row).map_err(|wrong| wrong.about(what.clone()))).collect()
    }

    /// The first row as a record.
    pub fn first<T>(what: &Thing, rows: &[Row], of: impl Fn(&Row) -> Read<T>) -> Result<Option<T>> {
        rows.first().map(|row| of(row).map_err(|wrong| wrong.about(what.clone()))).transpose()
    }

    pub fn whole(&self) -> Thing {
        Thing::Store(self.place.clone())
    }

    /// The appender of a session: always the same one, so that its turns follow one another.
    pub fn appender(&self, id: SessionId) -> &Appender {
        &self.appenders[id.0.as_u128() as usize % self.appenders.len()]
    }

    /// A session that cannot be read, and whether it never will.
    async fn unreadable(&self, id: SessionId, wrong: Wrong) -> (SessionId, bool) {
        match wrong.about(Thing::Session(id)) {
            StoreError::Damaged { what, problem } => {
                self.reject(what, problem).await;
                (id, true)
            }
            _ => (id, false),
        }
    }

    async fn opened(self) -> Result<Opened> {
        let all = self.whole();
        let (mut sessions, mut unread) = (Vec::new(), Vec::new());
        for row in self.query(all.clone(), sql::HEADERS, &[&None::<Uuid>]).await? {
            let id = row.try_get("id").map_err(|error| Wrong::from(error).about(all.clone()))?;
            match rows::header(&row) {
                Ok(header) => sessions.push(Box::new(header)),
                Err(wrong) => unread.push(self.unreadable(SessionId(id), wrong).await),
            }
        }
        let tombstones = self.query(Thing::Tombstones, sql::TOMBSTONES, &[]).await?;
        let tombstones = Self::all(&Thing::Tombstones, &tombstones, |row| record(Kind::Tombstone, row))?;
        let slot = |row: &Row| Ok((PlayerId(row.try_get(0)?), row.try_get::<_, i16>(1)? as u8));
        let slots = Self::all(&all, &self.query(all.clone(), sql::SLOTS, &[]).await?, slot)?;
        let boards = self.query(Thing::Boards, sql::BOARDS, &[]).await?;
        let boards = Self::all(&Thing::Boards, &boards, rows::board)?;
        let days = self.query(all.clone(), sql::BEGUN_DAYS, &[]).await?;
        let begun = Self::all(&all, &days, |row| Ok(rows::of_word(row.try_get(0)?)?))?;
        Ok(Opened { store: Arc::new(self), sessions, unread, tombstones, slots, boards, begun })
    }

    /// JSON of a record that has string keys and finite numbers only.
    pub fn json(what: &Thing, record: &impl Serialize) -> Result<String> {
        let failed = |error| StoreError::Unavailable {
            what: what.clone(),
            source: io::Error::other::<serde_json::Error>(error),
        };
        serde_json::to_string(record).map_err(failed)
    }
}

#[async_trait]
impl Saves for Engine {
    async fn slot(&self, player: PlayerId, number: u8) -> Result<Option<Save>> {
        let what = Thing::Save(player, number);
        let rows = self.query(what.clone(), sql::SLOT, &[&player.0, &i16::from(number)]).await?;
        Self::first(&what, &rows, |row| record(Kind::Save, row))
    }

    async fn write_slot(&self, player: PlayerId, number: u8, save: Arc<Save>) -> Result<()> {
        let what = Thing::Save(player, number);
        let text = Self::json(&what, &*save)?;
        self.run(what, sql::WRITE_SLOT, &[&player.0, &i16::from(number), &text]).await
    }

    async fn remove_slot(&self, player: PlayerId, number: u8) -> Result<()> {
        self.run(Thing::Save(player, number), sql::REMOVE_SLOT, &[&player.0, &i16::from(number)]).await
    }
}

#[async_trait]
impl Boards for Engine {
    async fn board(&self, name: BoardName) -> Result<Vec<Entry>> {
        self.entries(name, None).await
    }

    async fn entries_of(&self, name: BoardName, session: SessionId) -> Result<Vec<Entry>> {
        self.entries(name, Some(session.0)).await
    }

    async fn add_entry(&self, entry: Entry, _: Vec<SessionId>, most: usize) -> Result<bool> {
        let name = entry.board();
        let what = Thing::Board(name);
        let text = Self::json(&what, &entry)?;
        let Claim { player, session_id, score, finished_at, .. } = entry.claim;
        let (score, most) = (i64::try_from(score).unwrap_or(i64::MAX), i64::try_from(most).unwrap_or(i64::MAX));
        let (day, difficulty) = (name.date.to_string(), BoardName::word(name.difficulty));
        // Others add to it too: the database knows who stands on it.
        self.run(what.clone(), sql::THIN_OUT, &[&day, &difficulty, &most]).await?;
        let values: [&(dyn ToSql + Sync); 7] = [&day, &difficulty, &player, &session_id, &score, &finished_at, &text];
        self.run(what.clone(), sql::ADD_ENTRY, &values).await?;
        let rows = self.query(what.clone(), sql::ENTRY_OF, &[&day, &difficulty, &player]).await?;
        Ok(Self::first(&what, &rows, |row| Ok(row.try_get::<_, Uuid>(0)?))? == Some(session_id))
    }

    async fn remove_boards(&self, names: Vec<BoardName>) -> Result<()> {
        for name in names {
            let (day, difficulty) = (name.date.to_string(), BoardName::word(name.difficulty));
            self.run(Thing::Board(name), sql::REMOVE_BOARD, &[&day, &difficulty]).await?;
        }
        Ok(())
    }

    async fn begun(&self, day: Day) -> Result<Vec<Begun>> {
        let what = Thing::Begun(day);
        let rows = self.query(what.clone(), sql::BEGUN, &[&day.to_string()]).await?;
        Self::all(&what, &rows, rows::begun)
    }

    async fn add_begun(&self, day: Day, begun: Vec<Begun>) -> Result<Vec<Begun>> {
        let sessions: Vec<_> = begun.iter().map(|begun| begun.session_id).collect();
        let players: Vec<_> = begun.iter().map(|begun| begun.player).collect();
        let times: Vec<_> = begun.iter().map(|begun| begun.at).collect();
        let what = Thing::Begun(day);
        self.run(what.clone(), sql::ADD_BEGUN, &[&day.to_string(), &sessions, &players, &times]).await?;
        let rows = self.query(what.clone(), sql::BEGUN_BEFORE, &[&day.to_string(), &sessions, &players]).await?;
        Self::all(&what, &rows, rows::begun)
    }

    async fn remove_begun(&self, day: Day) -> Result<()> {
        self.run(Thing::Begun(day), sql::REMOVE_BEGUN, &[&day.to_string()]).await
    }
}

impl Engine {
    async fn entries(&self, name: BoardName, session: Option<Uuid>) -> Result<Vec<Entry>> {
        let what = Thing::Board(name);
        let (day, difficulty) = (name.date.to_string(), BoardName::word(name.difficulty));
        let rows = self.query(what.clone(), sql::BOARD, &[&day, &difficulty, &session]).await?;
        Self::all(&what, &rows, |row| record(Kind::Entry, row))
    }

    async fn present_keys(&self) -> Result<Option<Keys>> {
        let rows = self.query(Thing::Keys, sql::KEYS, &[]).await?;
        Self::first(&Thing::Keys, &rows, |row| record(Kind::Keys, row))
    }
}

#[async_trait]
impl Tokens for Engine {
    async fn keys(&self, fresh: fn() -> [u8; 32]) -> Result<Keys> {
        if let Some(keys) = self.present_keys().await? {
            return Ok(keys);
        }
        let drawn = Keys {
            version: VERSION,
            current: hex(&fresh()),
            previous: None,
            challenge: Some(hex(&fresh())),
            revocations: true,
        };
        self.run(Thing::Keys, sql::DRAW_KEYS, &[&Self::json(&Thing::Keys, &drawn)?]).await?;
        let lost = || StoreError::Unavailable { what: Thing::Keys, source: io::Error::other("they were not written") };
        self.present_keys().await?.ok_or_else(lost)
    }

    async fn rotate_key(&self, fresh: fn() -> [u8; 32]) -> Result<()> {
        let present = self.keys(fresh).await?;
        let old = Self::json(&Thing::Keys, &present)?;
        let new = Keys { current: hex(&fresh()), previous: Some(present.current.clone()), ..present };
        // Said again, it finds the present ones no more.
        self.run(Thing::Keys, sql::CHANGE_KEYS, &[&old, &Self::json(&Thing::Keys, &new)?]).await
    }

    async fn put_keys(&self, keys: Keys) -> Result<()> {
        self.run(Thing::Keys, sql::PUT_KEYS, &[&Self::json(&Thing::Keys, &keys)?]).await
    }

    async fn nonces(&self) -> Result<Vec<Nonces>> {
        let rows = self.query(Thing::Tokens, sql::NONCES, &[]).await?;
        Self::all(&Thing::Tokens, &rows, rows::nonces)
    }

    async fn write_nonces(&self, changed: Vec<Nonces>, _: All<Nonces>) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let number = |nonce: Option<model::Nonce>| nonce.map(|nonce| nonce.0 as i64);
        let players: Vec<_> = changed.iter().map(|line| line.player).collect();
        let current: Vec<_> = changed.iter().map(|line| number(line.current)).collect();
        let previous: Vec<_> = changed.iter().map(|line| number(line.previous)).collect();
        let times: Vec<_> = changed.iter().map(|line| line.at).collect();
        self.run(Thing::Tokens, sql::WRITE_NONCES, &[&players, &current, &previous, &times]).await
    }

    async fn prune_nonces(&self, since: Timestamp) -> Result<()> {
        self.run(Thing::Tokens, sql::PRUNE_NONCES, &[&since]).await
    }
}

#[async_trait]
impl Contents for Engine {
    async fn keep_content(&self, hash: String, files: Arc<Files>) -> Result<()> {
        let what = Thing::Content(hash.clone());
        let text = Self::json(&what, &*files)?;
        self.run(what, sql::KEEP_CONTENT, &[&hash, &text]).await
    }

    async fn mend_content(&self, _: String, _: Arc<Files>) -> Result<()> {
        // There is one copy, and PostgreSQL has checked it.
        Ok(())
    }

    async fn has_content(&self, hash: String) -> Result<bool> {
        let what = Thing::Content(hash.clone());
        let rows = self.query(what.clone(), sql::HAS_CONTENT, &[&hash]).await?;
        Ok(Self::first(&what, &rows, |row| Ok(row.try_get(0)?))? == Some(true))
    }

    async fn content(&self, hash: String) -> Result<Content> {
        let files = self.content_files(hash.clone()).await?;
        let damaged = |problem: String| StoreError::Damaged { what: Thing::Content(hash.clone()), problem };
        let parsed = tokio::task::spawn_blocking(move || Content::parse(&files)).await;
        let content = parsed.map_err(|error| damaged(error.to_string()))?.map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            damaged(format!("the content a game began with is no longer accepted: {first}"))
        })?;
        if content.hash == hash { Ok(content) } else { Err(damaged("it is not what its name says".to_owned())) }
    }

    async fn content_files(&self, hash: String) -> Result<Files> {
        let what = Thing::Content(hash.clone());
        let rows = self.query(what.clone(), sql::CONTENT, &[&hash]).await?;
        let files = Self::first(&what, &rows, |row| Ok(serde_json::from_str(row.try_get(0)?)?))?;
        let problem = "the content a game began with is missing".to_owned();
        files.ok_or(StoreError::Damaged { what, problem })
    }
}

#[async_trait]
impl Store for Engine {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn others(&self) -> Option<&dyn Others> {
        Some(self)
    }

    fn health(&self) -> Health {
        self.heart.health()
    }

    fn report(&self) -> StoreReport {
        let counts = &self.counts;
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        StoreReport {
            turn_log: json!({
                "healthy": self.health() == Health::Good,
                "turns": read(&counts.turns),
                "batches": read(&counts.batches),
                "moved": read(&counts.moved),
                "unknown": read(&counts.unknown),
                "found": read(&counts.found),
                "connects": read(&self.target.connects),
            }),
            store: self.server.iter().cloned().collect::<std::collections::BTreeMap<_, _>>().into_iter().collect(),
            set_aside: self.aside.lock().clone(),
        }
    }

    async fn pressed(&self) {
        // Nothing is ever behind.
        std::future::pending().await
    }

    async fn reject(&self, what: Thing, problem: String) -> StoreError {
        tracing::error!(%what, problem, "it makes no sense, and stays as it is");
        let mut aside = self.aside.lock();
        let name = what.to_string();
        if aside.len() < MAX_ASIDE && !aside.contains(&name) {
            aside.push(name);
        }
        StoreError::Damaged { what, problem }
    }

    async fn clock(&self) -> Result<Option<Clock>> {
        let rows = self.query(Thing::Clock, sql::CLOCK, &[]).await?;
        Self::first(&Thing::Clock, &rows, |row| record(Kind::Clock, row))
    }

    async fn write_clock(&self, clock: Clock) -> Result<()> {
        self.run(Thing::Clock, sql::WRITE_CLOCK, &[&Self::json(&Thing::Clock, &clock)?]).await
    }

    async fn close(&self) {
        // All is where it belongs.
    }
}
