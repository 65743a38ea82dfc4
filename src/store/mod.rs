//! What outlives the process, whatever the engine: the face that sessions see. An engine stands in a room of its own.

mod error;
pub mod folder;
#[cfg(feature = "postgres")]
pub mod postgres;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::game::content::{Content, Files};
use crate::model::{
    Begun, BoardName, Checkpoint, Clock, Day, Entry, EventId, Header, Keys, Nonce, Nonces, PlayerId, Save, SessionId,
    Step, Tombstone, Turn,
};
pub use error::{StoreError, Thing};

/// What an operation on a store leads to.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A store that was just opened, and what is in it.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The sessions in it. Of those that cannot be read now it is what their histories tell.
    pub sessions: Vec<Box<Header>>,
    /// Sessions of which nobody can tell now whose they are; and whether they are damaged, so that nobody ever will.
    pub unread: Vec<(SessionId, bool)>,
    /// Sessions that are gone for good, oldest first.
    pub tombstones: Vec<Tombstone>,
    /// The slots in it that are taken.
    pub slots: Vec<(PlayerId, u8)>,
    /// The boards in it.
    pub boards: Vec<BoardName>,
    /// The days of which it is known who began their challenges.
    pub begun: Vec<Day>,
}

/// A turn that is to be taken.
#[derive(Debug)]
pub struct NewTurn {
    /// Of which session.
    pub session: SessionId,
    /// The event that the turn was built on. It is taken only where the session still stands there.
    pub before: EventId,
    /// The player's token, where nobody has looked whether it counts. It is taken only where it does.
    pub token: Option<Shown>,
    /// As history will have it.
    pub turn: Arc<Turn>,
    /// How the game will stand, for lists.
    pub stands: Stands,
    /// The state after, as JSON.
    pub state: Vec<u8>,
}

/// A token that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Which of its player's.
    pub nonce: Nonce,
    /// When, in lived time.
    pub at: Timestamp,
}

/// How a game stands, as lists tell it.
#[derive(Clone, Debug)]
pub struct Stands {
    /// Where the player is.
    pub place: String,
    /// Their ship's id.
    pub ship_type: String,
    /// Turns that were played.
    pub turn_count: i64,
    /// Credits.
    pub wealth: i64,
    /// How it ended, by its id.
    pub end: Option<String>,
}

/// What became of a turn.
#[derive(Debug)]
pub enum Appended {
    /// It is durable.
    Taken,
    /// The session does not stand where the turn was built: somebody else has moved it. Nothing was written.
    Moved,
    /// The session is gone for good. Nothing was written.
    Gone,
    /// The player's token has been revoked. Nothing was written.
    Revoked,
    /// It may be durable, or not: the answer was lost. The session is to be read again before anything else happens to it.
    Unknown,
    /// It could not be written, and is not there.
    Failed(StoreError),
}

/// What is called when it is known what became of a turn: on whatever thread, once. It must be quick, for other turns wait for it.
pub type Then = Box<dyn FnOnce(Appended) + Send>;

/// All entries that count.
pub struct All<T> {
    /// How many there are.
    pub count: usize,
    /// Gives them; called only by an engine that writes them anew.
    pub list: Box<dyn FnOnce() -> Vec<T> + Send>,
}

/// Whether turns are taken and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// They are.
    Good,
    /// They are not taken now.
    Unavailable,
    /// Turns that were answered are only in memory.
    Exposed,
}

/// Figures, as an engine gives them.
#[derive(Clone, Debug)]
pub struct StoreReport {
    /// How turns are written.
    pub turn_log: Value,
    /// What was found damaged, and what became of it.
    pub store: Value,
    /// What was found damaged since the start, mended or not, by its names in the engine; up to a hundred.
    pub set_aside: Vec<String>,
}

/// Sessions, their turns and their tombstones.
///
/// A session's own calls come one after the other, but for those that only read.
#[async_trait]
pub trait Sessions {
    /// Writes a new session down. Where that fails it may be there all the same: [`Self::discard`] it.
    async fn create(&self, first: Checkpoint) -> Result<()>;

    /// Removes what there is of a session that was never answered.
    async fn discard(&self, id: SessionId) -> Result<()>;

    /// A session with every turn that was taken; none where there is nothing of it.
    async fn read(&self, id: SessionId) -> Result<Option<Checkpoint>>;

    /// What lists tell of a session; none where there is nothing of it.
    async fn header(&self, id: SessionId) -> Result<Option<Header>>;

    /// Whether a session still stands at the event that the caller saw last; if not, somebody else has moved it, or it is gone.
    async fn stands_at(&self, id: SessionId, event: EventId) -> Result<bool>;

    /// Takes a turn. Never waits.
    fn append(&self, turn: NewTurn, then: Then);

    /// Writes a session down as it stands. Of what is there already nothing gets worse: a rank that was lost stays lost, and a verdict
    /// stays.
    async fn save(&self, whole: Checkpoint) -> Result<()>;

    /// Writes down a session that has another name.
    async fn rename(&self, whole: Checkpoint) -> Result<()>;

    /// Writes down a session in which a save has taken its game's place, which `load` tells of. False where the session stood at
    /// another event than its holder knows: nothing was written.
    async fn load(&self, before: EventId, whole: Checkpoint, load: Arc<Turn>) -> Result<bool>;

    /// Writes a session down that is not there, with its whole history.
    async fn put(&self, whole: Checkpoint, turns: Vec<Turn>) -> Result<()>;

    /// Buries a session: from then on it is gone for good. False where it does not stand at the tombstone's revision: nothing was
    /// written.
    async fn bury(&self, stone: Tombstone) -> Result<bool>;

    /// Forgets the tombstones that have stood long enough by a lived time, where so many others stand.
    async fn prune_tombstones(&self, now: Timestamp, standing: usize) -> Result<()>;

    /// The turns of a session from after a revision up to another, oldest first, so many at the most.
    async fn turns(&self, id: SessionId, after: u64, up_to: u64, most: usize) -> Result<Vec<Turn>>;

    /// How a session's game came to its state at a revision: the actions since it began, or since the game began that was loaded into
    /// it.
    async fn lineage(&self, id: SessionId, revision: u64) -> Result<Vec<Step>>;

    /// Bytes of a session's history.
    async fn history_bytes(&self, id: SessionId) -> Result<u64>;

    /// Sessions with turns that are durable, but not yet where they are read from quickest.
    fn behind(&self) -> Vec<SessionId>;

    /// Whether a session is one of them.
    fn is_behind(&self, id: SessionId) -> bool;

    /// Whether a session is so far behind that it is to be saved before its next turn.
    fn is_overdue(&self, id: SessionId) -> bool;

    /// Brings a session up to date that nobody has in memory.
    async fn catch_up(&self, id: SessionId) -> Result<()>;
}

/// Players' saves, by slots.
#[async_trait]
pub trait Saves {
    /// A player's save; none where the slot is empty.
    async fn slot(&self, player: PlayerId, number: u8) -> Result<Option<Save>>;

    /// Writes a player's save, in the place of what the slot holds.
    async fn write_slot(&self, player: PlayerId, number: u8, save: Arc<Save>) -> Result<()>;

    /// Empties a slot.
    async fn remove_slot(&self, player: PlayerId, number: u8) -> Result<()>;
}

/// The daily challenge: its boards, and who has begun it. One caller at a time for each board and each day.
#[async_trait]
pub trait Boards {
    /// The entries of a board, in the order they were made.
    async fn board(&self, name: BoardName) -> Result<Vec<Entry>>;

    /// The entries that a session made, which is one, unless the store failed after it was written.
    async fn entries_of(&self, name: BoardName, session: SessionId) -> Result<Vec<Entry>>;

    /// Adds to its board, on which these sessions stand then, of so many at the most. Others need not be kept. False where another
    /// game of its player stands there already.
    async fn add_entry(&self, entry: Entry, standing: Vec<SessionId>, most: usize) -> Result<bool>;

    /// Removes boards.
    async fn remove_boards(&self, names: Vec<BoardName>) -> Result<()>;

    /// Who has begun a day's challenge.
    async fn begun(&self, day: Day) -> Result<Vec<Begun>>;

    /// Writes down who has begun a day's challenge; where that fails they have not. Answers with those who had begun it before with
    /// another game: of these nothing was written.
    async fn add_begun(&self, day: Day, begun: Vec<Begun>) -> Result<Vec<Begun>>;

    /// Forgets who has begun a day's challenge.
    async fn remove_begun(&self, day: Day) -> Result<()>;
}

/// The server's keys, and which tokens count.
#[async_trait]
pub trait Tokens {
    /// The server's keys; each is drawn on first use.
    async fn keys(&self, fresh: fn() -> [u8; 32]) -> Result<Keys>;

    /// Draws a new key for tokens. The present one becomes the previous one, and that one is forgotten.
    async fn rotate_key(&self, fresh: fn() -> [u8; 32]) -> Result<()>;

    /// Takes over the keys of another store.
    async fn put_keys(&self, keys: Keys) -> Result<()>;

    /// Which tokens count, oldest change first.
    async fn nonces(&self) -> Result<Vec<Nonces>>;

    /// Writes down which tokens count from now on: what has changed, or where that is due what `all` gives, with it. One caller at a
    /// time. Where nothing has changed and nothing is due, it does nothing.
    async fn write_nonces(&self, changed: Vec<Nonces>, all: All<Nonces>) -> Result<()>;

    /// Forgets players whose tokens have not changed since a lived time: none of their tokens is good any more.
    async fn prune_nonces(&self, since: Timestamp) -> Result<()>;
}

/// The content that games began with, by its hash.
#[async_trait]
pub trait Contents {
    /// Keeps content for the games that begin with it.
    async fn keep_content(&self, hash: String, files: Arc<Files>) -> Result<()>;

    /// Makes sure that content which is kept can be read, as long as there is another copy of it.
    async fn mend_content(&self, hash: String, files: Arc<Files>) -> Result<()>;

    /// Whether a game began with content of this hash. Any text may be asked for.
    async fn has_content(&self, hash: String) -> Result<bool>;

    /// Content that a game began with.
    async fn content(&self, hash: String) -> Result<Content>;

    /// The same as texts.
    async fn content_files(&self, hash: String) -> Result<Files>;
}

/// A session, as the store has it now.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What lists tell of it.
    pub header: Box<Header>,
    /// Where it stands.
    pub event: EventId,
    /// The newest connection of its player, on whatever server.
    pub newest: Option<Uuid>,
    /// Somebody is known to play it on another server now.
    pub is_elsewhere: bool,
}

/// What has become elsewhere of a session and of a player's tokens.
#[derive(Debug, Default)]
pub struct News {
    /// The session; none where it is not there.
    pub session: Option<Standing>,
    /// It is gone for good.
    pub stone: Option<Tombstone>,
    /// Which tokens of the player count.
    pub nonces: Option<Nonces>,
}

/// What a player has.
#[derive(Debug, Default)]
pub struct Belongings {
    /// Their sessions.
    pub sessions: Vec<Standing>,
    /// Their slots that are taken.
    pub slots: Vec<u8>,
    /// The challenges they have begun.
    pub begun: Vec<(Day, Begun)>,
    /// Which of their tokens count.
    pub nonces: Option<Nonces>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Which.
    pub id: SessionId,
    /// The event that led to its state.
    pub event: EventId,
    /// The newest connection of its player, on whatever server.
    pub newest: Option<Uuid>,
    /// Whether its player has logged out for good.
    pub logged_out: bool,
}

/// What another server says has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rung {
    /// A session.
    Session(SessionId),
    /// The tokens of a player.
    Player(PlayerId),
}

/// The other servers of a store that many have. What is in a server's memory may be out of date, and does no harm: a turn is taken
/// only where it was built. This tells what is new.
#[async_trait]
pub trait Others: Send + Sync {
    /// What has become of a session, and of a player's tokens.
    async fn look(&self, session: Option<SessionId>, player: Option<PlayerId>) -> Result<News>;

    /// What a player has.
    async fn belongings(&self, player: PlayerId) -> Result<Belongings>;

    /// Where sessions stand. Those that are gone are left out.
    async fn heads(&self, sessions: Vec<SessionId>) -> Result<Vec<Head>>;

    /// Writes something. Once that is kept, so is, and as safely, whatever was seen before: what another server has written may be seen
    /// before it is on a standby.
    async fn confirm(&self) -> Result<()>;

    /// A connection joins a session: a player's takes over, where it may; an observer's is to be told what happens elsewhere. False
    /// where another connection has replaced the player's previous one.
    async fn join(&self, id: SessionId, joining: Arrival) -> Result<bool>;

    /// A player's connection has ended.
    async fn part(&self, id: SessionId, connection: Uuid) -> Result<()>;

    /// Tells the others that something has changed, soon. It may be lost: they look by themselves too.
    fn ring(&self, what: Rung);

    /// Waits until the others have said that something has changed.
    async fn heard(&self) -> Vec<Rung>;

    /// The time by the clock that all of them go by.
    fn now(&self) -> Timestamp;

    /// Which servers there are, for reports.
    fn report(&self) -> Value;

    /// How often to look what has become of the sessions that somebody is connected to, whatever was heard.
    fn poll(&self) -> Duration;
}

/// A connection that joins a session.
#[derive(Clone, Copy, Debug)]
pub enum Arrival {
    /// Its player's.
    Player {
        /// Which.
        connection: Uuid,
        /// The client's connection before.
        previous: Option<Uuid>,
        /// Whether it takes over, whatever came after the previous one.
        takeover: bool,
    },
    /// That of somebody who watches.
    Observer,
}

/// All that outlives the process. What is answered is durable, and no call blocks the thread.
#[async_trait]
pub trait Store: Sessions + Saves + Boards + Tokens + Contents + Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// Whether turns are taken and kept.
    fn health(&self) -> Health;

    /// The other servers that may write here too; none where this one is alone.
    fn others(&self) -> Option<&dyn Others> {
        None
    }

    /// Figures.
    fn report(&self) -> StoreReport;

    /// Waits until sessions should be saved, because too much is behind.
    async fn pressed(&self);

    /// A thing reads, but makes no sense: sets it aside, or whatever keeps it from harm. What to tell of it.
    async fn reject(&self, what: Thing, problem: String) -> StoreError;

    /// What the server made of its clock; none where nobody can tell.
    async fn clock(&self) -> Result<Option<Clock>>;

    /// Writes down what the server makes of its clock.
    async fn write_clock(&self, clock: Clock) -> Result<()>;

    /// The server ends: puts away what only a running one needs. Turns may still come, and count.
    async fn close(&self);
}
