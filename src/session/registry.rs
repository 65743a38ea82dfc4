//! The registry: every session the server knows, and those in memory.
//!
//! A session in memory holds one of `limit` places, from before anything is awaited for it until it has left. Each has a lock
//! of its own; whoever holds it may await the disk, because nobody may act on a session while it is being read or written.
//! The maps stand under one short lock that is never held over an await. Work that touches the disk runs in tasks of its own,
//! so that a client that hangs up cannot stop it halfway.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedMutexGuard, oneshot};
use uuid::Uuid;

use super::begun::Beginnings;
use super::challenge::{Boards, Secret};
use super::clock::Clock;
use super::contents::Contents;
use super::edit::Edit;
use super::live::{End, Role};
use super::lived::{ClockReport, Lived, Moment};
use super::maps::{Maps, Resident, Seat, Seated, Yields, idle_secs, past};
use super::places::{Place, Places};
use super::resident::{Acted, Card, Command, Expected, Fresh, GameSession, Snapshot, Written};
use super::revocation::Tokens;
use super::slots::Doors;
use super::token::Signer;
use super::{SessionError, Settings};
use crate::game::content::{Content, Difficulty, Files};
use crate::game::rng::MAX_SEED;
use crate::game::rules;
use crate::model::{self, Beginning, Challenge, Change, Departure, EventId, PlayerId, SessionId, Tombstone, Turn};
use crate::store::{Opened, Store, StoreError};

/// What the registry is built from. Whatever a test wants to decide is in here.
pub struct Wiring {
    /// What outlives the process.
    pub opened: Opened,
    /// The content of new games, as texts.
    pub files: Files,
    /// The same, read.
    pub content: Arc<Content>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws seeds for games that ask for none; only the low 53 bits are used.
    pub seeds: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Draws the key that signs tokens, when there is none yet.
    pub key: fn() -> [u8; 32],
    /// How many, for how long.
    pub settings: Settings,
}

/// A session that was just created.
#[derive(Debug)]
pub struct Created {
    /// Its first state.
    pub snapshot: Snapshot,
    /// Its name in lists.
    pub name: String,
}

/// What a new game asks for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewGame {
    /// A name; else one is made.
    pub name: Option<String>,
    /// A seed from 0 to [`MAX_SEED`], which makes the game unranked.
    pub seed: Option<u64>,
    /// How hard.
    pub difficulty: Difficulty,
    /// The day's challenge: its seed, and permadeath.
    pub daily: bool,
    /// No save takes the game's place.
    pub permadeath: bool,
}

/// A session in lists.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Which.
    pub id: SessionId,
    /// What is told of it.
    pub card: Card,
    /// Whether it is in memory.
    pub resident: bool,
}

/// What has been counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Turns accepted.
    pub turns: AtomicU64,
    /// Sessions created.
    pub created: AtomicU64,
    /// Sessions that left memory.
    pub evictions: AtomicU64,
    /// Sessions read back into memory.
    pub loads: AtomicU64,
    /// Checkpoints written.
    pub checkpoints: AtomicU64,
    /// Checkpoints that could not be written.
    pub checkpoint_failures: AtomicU64,
    /// Connections that were closed because they did not read.
    pub slow_readers: AtomicU64,
    /// Microseconds the last sweep took.
    pub last_sweep_micros: AtomicU64,
    /// Microseconds the last checkpoint took.
    pub last_checkpoint_micros: AtomicU64,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions written down.
    pub checkpoints: usize,
    /// Sessions that left memory.
    pub evicted: usize,
    /// Sessions that could not be written down; they stay, and are tried again.
    pub failed: usize,
}

impl Swept {
    /// Counts a checkpoint, if one was written; whether all is well.
    fn count(&mut self, id: SessionId, written: Result<bool, SessionError>) -> bool {
        match written {
            Ok(written) => {
                self.checkpoints += usize::from(written);
                true
            }
            Err(error) => {
                tracing::error!(%id, %error, "a checkpoint failed; it will be tried again");
                self.failed += 1;
                false
            }
        }
    }
}

/// Commands that are under way or wait for a session; beyond, they are refused.
const MOST_COMMANDS: usize = 128;

/// A command and its key, which are under way as long as this lives.
pub(super) struct Running {
    registry: Arc<Registry>,
    id: SessionId,
    key: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut maps = self.registry.maps();
        let Entry::Occupied(mut commands) = maps.commands.entry(self.id) else { return };
        commands.get_mut().count -= 1;
        if let Some(key) = &self.key {
            commands.get_mut().keys.retain(|each| each != key);
        }
        if commands.get().count == 0 {
            commands.remove();
        }
    }
}

/// A game that is being begun under a key, as long as this lives.
struct Begun {
    registry: Arc<Registry>,
    owner: PlayerId,
    key: String,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.registry.maps().beginning.remove(&(self.owner, std::mem::take(&mut self.key)));
    }
}

/// Every session the server knows.
pub struct Registry {
    me: Weak<Self>,
    runtime: Handle,
    store: Arc<Store>,
    pub(super) contents: Arc<Contents>,
    pub(super) tokens: Tokens,
    pub(super) secret: Secret,
    pub(super) boards: Boards,
    pub(super) begun: Beginnings,
    pub(super) doors: Doors,
    pub(super) time: Lived,
    seeds: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Held over nothing but themselves.
    settings: Mutex<Settings>,
    /// A fresh waiter is woken when they change.
    pub(super) changed: Notify,
    places: Places,
    maps: Mutex<Maps>,
    /// Held while sessions are tried again that could not be read.
    readmitting: tokio::sync::Mutex<()>,
    /// The last session has left memory.
    pub(super) empty: Notify,
    /// What has been counted.
    pub counters: Counters,
}

impl Registry {
    /// Opens the registry over its store. Blocks: it reads the folder. Call it inside a tokio runtime; its work runs there.
    pub fn open(wiring: Wiring) -> Result<Arc<Self>, StoreError> {
        let Wiring {
            opened: Opened { store, sessions, unread, slots, boards, begun },
            files,
            content,
            clock,
            seeds,
            key,
            settings,
        } = wiring;
        let keys = store.keys(key)?;
        let nonces = store.nonces()?;
        let time = Lived::begin(clock, store.clock()?, &sessions, &nonces);
        let tokens = Tokens::open(Signer::new(&keys), nonces);
        let mut maps = Maps::default();
        let buried = store.tombstones()?;
        let dead: HashMap<_, _> = buried.iter().map(|stone| (stone.session_id, stone.revision)).collect();
        for header in sessions {
            let (id, mut card) = Card::of(header);
            // What the log has of it is younger than its checkpoint, by nobody knows how much.
            if store.log().holds(id.0) {
                card.active = time.now();
            }
            let revision = card.revision.max(store.log().revision(id.0).unwrap_or_default());
            if dead.get(&id.0).is_none_or(|buried| revision > *buried) {
                maps.insert(id, card);
            } else if card.outlined {
                // Whether it went on after it was to be buried can be told when it can be read.
                tracing::error!(%id, "a session that was deleted cannot be read, and stays as it is");
            } else if let Err(error) = store.remove_session(id.0) {
                // A crash between the tombstone and the removal left it behind; the next start tries again.
                tracing::error!(%id, %error, "what is left of a deleted session could not be removed");
            }
        }
        for stone in buried {
            if !maps.known.contains_key(&SessionId(stone.session_id)) {
                maps.tombstones.insert(stone);
            }
        }
        maps.tombstones.prune(time.now());
        maps.unread = unread.into_iter().map(|(id, damaged)| (SessionId(id), damaged)).collect();
        maps.unread.retain(|id, _| !dead.contains_key(&id.0));
        maps.due = maps.known.iter().filter(|(_, card)| card.due()).map(|(id, _)| *id).collect();
        maps.slots = slots.into_iter().map(|(player, number)| (PlayerId(player), number)).collect();
        let begun = Beginnings::open(&store, &begun, maps.known.iter().map(|(id, card)| (*id, card)), &time)?;
        let store = Arc::new(store);
        let contents = Arc::new(Contents::new(store.clone(), files, content));
        let places = Places::new(settings.limit);
        let registry = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            runtime: Handle::current(),
            store,
            contents,
            tokens,
            secret: Secret::new(&keys),
            boards: Boards::new(boards),
            begun,
            doors: Doors::default(),
            time,
            seeds,
            settings: Mutex::new(settings),
            changed: Notify::new(),
            places,
            maps: Mutex::new(maps),
            readmitting: tokio::sync::Mutex::default(),
            empty: Notify::new(),
            counters: Counters::default(),
        });
        registry.judge_soon();
        Ok(registry)
    }

    /// What the wall's clock shows: for people.
    pub fn now(&self) -> Timestamp {
        self.time.clock().now()
    }

    /// Lived time: for everything that lasts, or has an age.
    pub fn lived(&self) -> Timestamp {
        self.time.now()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { wall: self.now(), lived: self.lived() }
    }

    /// What the wall's clock will show at a lived time, if nobody sets it.
    pub fn on_the_wall(&self, lived: Timestamp) -> Timestamp {
        let left = lived.duration_since(self.lived());
        self.now().checked_add(left).unwrap_or(Timestamp::MAX)
    }

    /// What the server makes of its clock.
    pub fn clock(&self) -> ClockReport {
        self.time.report()
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Eight digits that tell the folder of saves from others. They stay when the key of tokens is changed.
    pub fn mark(&self) -> String {
        self.secret.mark()
    }

    /// The content of new games.
    pub fn content(&self) -> &Arc<Content> {
        self.contents.present()
    }

    /// How many, for how long.
    pub fn settings(&self) -> Settings {
        *self.settings.lock()
    }

    /// Other settings, until the next start; or what is wrong with them.
    pub fn reconfigure(&self, change: impl FnOnce(&mut Settings)) -> Result<Settings, String> {
        let (old, new) = {
            let mut settings = self.settings.lock();
            let (old, mut new) = (*settings, *settings);
            change(&mut new);
            new.check()?;
            *settings = new;
            self.places.change_limit(old.limit, new.limit);
            (old, new)
        };
        tracing::info!(?old, ?new, "an admin has changed the settings");
        self.changed.notify_waiters();
        Ok(new)
    }

    /// The store, for reports.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Begins a game. Again under the same key, it is answered as it stands, and not begun again.
    pub async fn create(&self, owner: PlayerId, asked: NewGame, key: Option<String>) -> Result<Created, SessionError> {
        self.task(move |me| async move {
            let Some(key) = key else { return me.do_create(owner, asked, None).await };
            let begun_with = Beginning::of(key, &asked);
            let _begun = match me.begin_under(owner, &begun_with)? {
                Ok(begun) => begun,
                Err(id) => {
                    let snapshot = session(&me.enter(owner, id).await?)?.snapshot();
                    let name = me.maps().card(owner, id)?.name.clone();
                    return Ok(Created { snapshot, name });
                }
            };
            me.do_create(owner, asked, Some(Arc::new(begun_with))).await
        })
        .await
    }

    /// Marks a game as being begun; or the one that was begun before under the same key.
    fn begin_under(
        self: &Arc<Self>,
        owner: PlayerId,
        begun_with: &Beginning,
    ) -> Result<Result<Begun, SessionId>, SessionError> {
        let key = begun_with.key.clone();
        let mut maps = self.maps();
        if maps.beginning.contains(&(owner, key.clone())) {
            return Err(SessionError::KeyRunning);
        }
        match maps.begun_with(owner, &key).transpose()? {
            Some((id, known)) if known.asked == begun_with.asked => return Ok(Err(id)),
            Some(_) => return Err(SessionError::KeyTaken),
            None => maps.beginning.insert((owner, key.clone())),
        };
        drop(maps);
        Ok(Ok(Begun { registry: self.clone(), owner, key }))
    }

    /// The state of a session, as far as it is durable; brings it back into memory.
    pub async fn look(&self, role: Role, owner: PlayerId, id: SessionId) -> Result<Snapshot, SessionError> {
        {
            let mut maps = self.maps();
            self.touch(role, self.card(&mut maps, owner, id)?);
            if let Some(shown) = maps.resident.get(&id).and_then(|resident| resident.shown.clone()) {
                return Ok(shown);
            }
        }
        self.task(move |me| async move {
            let seated = me.enter_as(role, owner, id).await?;
            Ok(session(&seated)?.snapshot())
        })
        .await
    }

    /// Takes an action. It is durable when this answers.
    ///
    /// A client that hangs up can stop this until the turn is with the store, and then no more: whoever is told that it is durable
    /// takes the session with him, commits, and lets it go.
    pub async fn act(&self, owner: PlayerId, id: SessionId, command: Command) -> Result<Acted, SessionError> {
        let me = self.arc()?;
        let running = me.claim(owner, id, command.key.clone())?;
        let mut seated = self.approach(owner, id).await?;
        let session = session_mut(&mut seated)?;
        if let Some(revision) = command.key.as_deref().and_then(|key| session.revision_of(key)) {
            return me.answer_again(id, session.snapshot(), revision, &command).await;
        }
        if session.doubtful() || me.store.log().overdue(id.0) {
            seated = self.task(move |me| me.brought_up_to_date(id, seated)).await?;
        }
        let session = session_mut(&mut seated)?;
        let (prepared, written) = session.prepare(command, me.now())?;
        let (answer, answered) = oneshot::channel();
        let (expected, registry) = (session.revision(), me.clone());
        let Written { turn, place, state } = written;
        let told = turn.clone();
        me.store.append(id.0, expected, &turn, &place, state, move |durable| {
            let acted = durable.map_err(SessionError::from).and_then(|()| {
                let session = session_mut(&mut seated)?;
                let acted = session.commit(prepared);
                registry.counters.turns.fetch_add(1, Ordering::Relaxed);
                registry.publish(id, session, Some(&told));
                if session.due() {
                    registry.judge_soon();
                }
                Ok(acted)
            });
            drop((seated, running));
            // The client may have hung up.
            drop(answer.send(acted));
        });
        answered.await.unwrap_or_else(|_| Err(SessionError::Internal("the store has closed".to_owned())))
    }

    async fn brought_up_to_date(self: Arc<Self>, id: SessionId, mut seated: Seated) -> Result<Seated, SessionError> {
        self.checkpoint(id, session_mut(&mut seated)?).await?;
        Ok(seated)
    }

    /// Like [`Self::enter`], for callers that can be stopped at any time: only waiting for the session's lock is done in place.
    async fn approach(&self, owner: PlayerId, id: SessionId) -> Result<Seated, SessionError> {
        if let Some(seat) = self.seat_of(Role::Player, owner, id)? {
            let seated = seat.lock_owned().await;
            if seated.is_some() {
                return Ok(seated);
            }
        }
        self.task(move |me| async move { me.enter(owner, id).await }).await
    }

    /// Counts a command, and marks its key as under way, until the answer is dropped.
    pub(super) fn claim(
        self: &Arc<Self>,
        owner: PlayerId,
        id: SessionId,
        key: Option<String>,
    ) -> Result<Running, SessionError> {
        let mut maps = self.maps();
        self.card(&mut maps, owner, id)?;
        let commands = maps.commands.entry(id).or_default();
        if key.as_ref().is_some_and(|key| commands.keys.contains(key)) {
            return Err(SessionError::KeyRunning);
        }
        if commands.count >= MOST_COMMANDS {
            return Err(SessionError::Busy { limit: MOST_COMMANDS });
        }
        commands.count += 1;
        commands.keys.extend(key.clone());
        drop(maps);
        Ok(Running { registry: self.clone(), id, key })
    }

    /// The answer to a command that was taken before, with the state as it is now.
    async fn answer_again(
        &self,
        id: SessionId,
        snapshot: Snapshot,
        revision: u64,
        command: &Command,
    ) -> Result<Acted, SessionError> {
        let turns = self.blocking(move |store| store.turns(id.0, revision - 1, revision, 1)).await?;
        match turns.into_iter().next() {
            Some(Turn { deed: Change::Acted { action, outcome }, digest, .. }) if action == command.action => {
                Ok(Acted { revision, outcome, digest, snapshot })
            }
            Some(_) => Err(SessionError::KeyReused { revision }),
            None => Err(SessionError::Internal("the turn of a key is not in the history".to_owned())),
        }
    }

    /// Gives a session another name.
    pub async fn rename(
        &self,
        owner: PlayerId,
        id: SessionId,
        name: String,
        expected: Expected,
    ) -> Result<Listed, SessionError> {
        self.task(move |me| async move {
            let mut seated = me.enter(owner, id).await?;
            let session = session_mut(&mut seated)?;
            expected.check(session.event())?;
            session.rename(name);
            me.publish(id, session, None);
            me.checkpoint(id, session).await?;
            let card = me.maps().card(owner, id)?.clone();
            Ok(Listed { id, card, resident: true })
        })
        .await
    }

    /// A page of history, oldest first, from after a revision. Needs no place in memory.
    pub async fn turns(
        &self,
        role: Role,
        owner: PlayerId,
        id: SessionId,
        after: u64,
        most: usize,
    ) -> Result<Vec<Turn>, SessionError> {
        let up_to = {
            let mut maps = self.maps();
            let card = self.card(&mut maps, owner, id)?;
            self.touch(role, card);
            card.revision
        };
        self.blocking(move |store| store.turns(id.0, after, up_to, most)).await
    }

    /// Deletes a session for good, and leaves a tombstone. Needs no place in memory.
    pub async fn delete(&self, owner: PlayerId, id: SessionId, expected: Expected) -> Result<(), SessionError> {
        self.bury(owner, id, Departure::Deleted, expected).await
    }

    async fn bury(
        &self,
        owner: PlayerId,
        id: SessionId,
        reason: Departure,
        expected: Expected,
    ) -> Result<(), SessionError> {
        self.task(move |me| async move {
            let mut tombstone = Tombstone {
                version: model::VERSION,
                session_id: id.0,
                revision: 0,
                owner: owner.0,
                expired_at: me.now(),
                lived: Some(me.lived()),
                reason,
                begun_with: None,
            };
            let shown = {
                let mut maps = me.maps();
                maps.card(owner, id)?;
                maps.resident.get(&id).and_then(|resident| resident.shown.as_ref().map(|shown| shown.event))
            };
            me.is_as_expected(id, shown, &expected).await?;
            // From here on nobody finds it any more.
            let (card, resident) = {
                let mut maps = me.maps();
                let card = maps.card(owner, id)?;
                tombstone.revision = card.revision;
                tombstone.begun_with = card.begun_with.as_deref().cloned();
                maps.tombstones.insert(tombstone.clone());
                (maps.remove(id), maps.resident.remove(&id))
            };
            // Whoever is acting on it finishes first, and nobody acts on it until it is buried.
            let mut seated = match &resident {
                Some(resident) => Some(resident.seat.clone().lock_owned().await),
                None => None,
            };
            let session = seated.as_ref().and_then(|seated| seated.as_ref());
            tombstone.revision = session.map_or(tombstone.revision, GameSession::revision);
            let stone = tombstone.clone();
            // Again, because now nothing can happen to it any more that the client has not seen.
            let may = match me.is_as_expected(id, session.map(GameSession::event), &expected).await {
                Ok(()) => me.last_verdict(id, session, card.as_ref()).await,
                stale => stale,
            };
            let buried = match may {
                Ok(()) => me.blocking(move |store| store.bury(&stone)).await,
                not => not,
            };
            if buried.is_ok() {
                seated.as_mut().and_then(|seated| seated.take());
                let gone = End::Gone { expired_at: tombstone.expired_at, reason: tombstone.reason };
                let mut maps = me.maps();
                maps.due.remove(&id);
                me.see_off(&mut maps, id, gone);
                return buried;
            }
            let mut maps = me.maps();
            maps.tombstones.remove(id);
            if let Some(card) = card {
                if card.due() {
                    maps.due.insert(id);
                }
                maps.insert(id, card);
            }
            // An empty seat would be waited at for ever.
            if let Some(resident) = resident.filter(|_| seated.as_ref().is_some_and(|seated| seated.is_some())) {
                maps.resident.insert(id, resident);
            }
            // Its connection may have dropped meanwhile, and its timer have found nothing to wait for.
            if let Some(live) = maps.live.get_mut(&id) {
                me.set_timer(id, live);
            }
            drop(maps);
            // What happened while it was out of the maps.
            if let Some(session) = seated.as_ref().and_then(|seated| seated.as_ref()) {
                me.publish(id, session, None);
            }
            buried
        })
        .await
    }

    /// Whether a session is what the client that deletes it has seen last: by its event, or if it is not in memory by its file.
    async fn is_as_expected(
        &self,
        id: SessionId,
        event: Option<EventId>,
        expected: &Expected,
    ) -> Result<(), SessionError> {
        if *expected == Expected::Any {
            return Ok(());
        }
        if let Some(event) = event {
            return expected.check(event);
        }
        let form = self.blocking(move |store| store.load(id.0)).await?.ok_or(SessionError::NotFound)?;
        expected.check(EventId::new(form.revision, &form.state.digest(&form.star_map.digest())))
    }

    /// A game that was finished counts before it goes, so that nobody plays the day again. The caller holds its seat, if it has one.
    async fn last_verdict(
        &self,
        id: SessionId,
        session: Option<&GameSession>,
        card: Option<&Card>,
    ) -> Result<(), SessionError> {
        let form = match session {
            Some(session) => session.due().then(|| session.checkpoint(self.moment())),
            None if card.is_some_and(Card::due) => match self.blocking(move |store| store.load(id.0)).await {
                // Nobody can tell what became of it.
                Err(SessionError::Store(StoreError::Damaged { .. } | StoreError::Newer { .. })) => None,
                read => read?,
            },
            None => None,
        };
        match form {
            Some(form) => self.verdict(form).await.map(drop),
            None => Ok(()),
        }
    }

    /// A player's own sessions, oldest first. Needs no place in memory.
    pub fn list(&self, owner: PlayerId) -> Vec<Listed> {
        let maps = self.maps();
        let own = maps.by_owner.get(&owner).into_iter().flatten();
        own.filter_map(|id| maps.known.get(id).map(|card| listed(&maps, *id, card))).collect()
    }

    /// The sessions in memory, for reports.
    pub fn residents(&self) -> Vec<Listed> {
        let maps = self.maps();
        let resident = maps.resident.iter().filter(|(_, resident)| resident.shown.is_some());
        let mut list: Vec<_> = resident
            .filter_map(|(id, _)| maps.known.get(id).map(|card| Listed { id: *id, card: card.clone(), resident: true }))
            .collect();
        list.sort_by_key(|listed| listed.id);
        list
    }

    /// How many sessions are known, in memory, players, and tombstones.
    pub fn census(&self) -> [usize; 4] {
        let maps = self.maps();
        let resident = maps.resident.values().filter(|resident| resident.shown.is_some()).count();
        [maps.known.len(), resident, maps.by_owner.len(), maps.tombstones.by_id.len()]
    }

    /// Places in memory that are taken, by sessions or for some on their way.
    pub fn places_taken(&self) -> usize {
        self.places.taken(self.settings().limit)
    }

    /// Content by its hash, the present or an older one; none where no game here began with it.
    pub async fn find_content(&self, hash: String) -> Result<Option<Arc<Content>>, SessionError> {
        let contents = self.contents.clone();
        self.blocking(move |_| contents.find(&hash)).await
    }

    /// Writes down what changed, and lets what is idle leave memory.
    pub async fn sweep(&self) -> Swept {
        let began = Instant::now();
        self.note_the_time().await;
        let now = self.lived();
        let due = |maps: &Maps, id| maps.idle(id, now, self.settings().idle_secs);
        let residents: Vec<_> = {
            let maps = self.maps();
            let seats = maps.resident.iter().filter(|(_, resident)| !resident.leaving);
            seats.map(|(id, resident)| (*id, resident.seat.clone(), due(&maps, *id))).collect()
        };
        let mut swept = Swept::default();
        for (id, seat, idle) in residents {
            let mut seated = seat.lock_owned().await;
            let Some(session) = seated.as_mut() else { continue };
            if !swept.count(id, self.checkpoint(id, session).await) {
                continue;
            }
            // It may have been asked for while this waited.
            if idle && due(&self.maps(), id) {
                self.unseat(id, &mut seated);
                swept.evicted += 1;
            }
        }
        self.shrink().await;
        self.readmit().await;
        // Not waited for: boards may be busy, and a full log must not wait for them.
        self.judge_soon();
        self.retire_forgotten(now).await;
        self.settle(&mut swept).await;
        self.bring_out_the_dead(now).await;
        self.clear_boards().await;
        self.forget_beginnings().await;
        self.tidy_tokens().await;
        self.counters.last_sweep_micros.store(micros(began), Ordering::Relaxed);
        swept
    }

    /// The owner's session. Where it could not be read it is tried again, for the next time.
    fn card<'a>(&self, maps: &'a mut Maps, owner: PlayerId, id: SessionId) -> Result<&'a mut Card, SessionError> {
        let card = maps.card(owner, id);
        if let Err(SessionError::Unread { damaged: false }) = &card
            && let Ok(me) = self.arc()
        {
            self.runtime.spawn(async move { me.readmit().await });
        }
        card
    }

    /// Tries to read sessions again that could not be read. Once at a time.
    pub async fn readmit(&self) {
        let Ok(_alone) = self.readmitting.try_lock() else { return };
        let unread: Vec<_> = self.maps().unread.iter().filter(|(_, damaged)| !**damaged).map(|(id, _)| *id).collect();
        for id in unread {
            match self.blocking(move |store| store.header(id.0)).await {
                Ok(header) => {
                    let mut maps = self.maps();
                    if header.is_none() && self.store.log().holds(id.0) {
                        // It is on its way back, perhaps.
                        continue;
                    }
                    maps.unread.remove(&id);
                    if let Some(header) = header {
                        let (id, card) = Card::of(header);
                        tracing::info!(%id, "a session can be read again");
                        maps.insert(id, card);
                    }
                }
                Err(error) => {
                    tracing::error!(%id, %error, "a session cannot be read yet");
                    if matches!(error, SessionError::Store(StoreError::Damaged { .. })) {
                        self.maps().unread.insert(id, true);
                    }
                }
            }
        }
    }

    /// How many sessions cannot be read, so that nobody knows whose they are.
    pub fn unread(&self) -> usize {
        self.maps().unread.len()
    }

    /// Writes down everything that changed; for the end. The number of sessions that could not be written.
    pub async fn checkpoint_all(&self) -> usize {
        let seats: Vec<_> = self.maps().resident.iter().map(|(id, resident)| (*id, resident.seat.clone())).collect();
        let mut swept = Swept::default();
        for (id, seat) in seats {
            let mut seated = seat.lock_owned().await;
            let Some(session) = seated.as_mut() else { continue };
            swept.count(id, self.checkpoint(id, session).await);
        }
        // What cannot be settled is safe in the log.
        self.settle(&mut Swept::default()).await;
        self.tidy_tokens().await;
        self.note_the_time().await;
        swept.failed
    }

    async fn note_the_time(&self) {
        let Ok(me) = self.arc() else { return };
        if let Err(error) = self.blocking(move |store| me.time.note(store)).await {
            tracing::error!(%error, "the time could not be noted down; it will be tried again");
        }
    }

    /// Makes checkpoints of sessions that are not in memory, where only the log has their last turns.
    async fn settle(&self, swept: &mut Swept) {
        for id in self.store.log().uncovered().into_iter().map(SessionId) {
            let settled = self.aside(id, move |store| store.settle(id.0)).await;
            swept.count(id, settled.map(|settled| settled.is_some()));
        }
    }

    /// Works on the files of a session that is not in memory; whoever wants to bring it back waits. None where it is in memory,
    /// or being buried.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        id: SessionId,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Option<T>, SessionError> {
        let seat = Seat::default();
        // Nobody else has seen this seat: the lock is free.
        let seated = seat.clone().lock_owned().await;
        {
            let mut maps = self.maps();
            if maps.resident.contains_key(&id) || !maps.known.contains_key(&id) {
                return Ok(None);
            }
            maps.resident.insert(id, Resident { leaving: true, ..Resident::coming(seat) });
        }
        let done = self.blocking(work).await;
        self.maps().resident.remove(&id);
        drop(seated);
        done.map(Some)
    }

    /// Changes a session where it is: in memory, or as it is stored. Needs no place in memory.
    pub(super) async fn edit(&self, owner: PlayerId, id: SessionId, edit: Edit) -> Result<(), SessionError> {
        loop {
            let seat = {
                let mut maps = self.maps();
                let card = maps.card(owner, id)?;
                if !edit.is_wanted(card.ranked, card.end.is_some()) {
                    return Ok(());
                }
                maps.resident.get(&id).map(|resident| resident.seat.clone())
            };
            if let Some(seat) = seat {
                let mut seated = seat.lock_owned().await;
                let Some(session) = seated.as_mut() else {
                    // It left while this waited.
                    tokio::task::yield_now().await;
                    continue;
                };
                session.edit(edit);
                if edit.is_urgent() {
                    self.checkpoint(id, session).await?;
                }
                self.publish(id, session, None);
                return Ok(());
            }
            let written = self.aside(id, move |store| match store.load(id.0)? {
                Some(mut form) => {
                    edit.apply(&mut form.ranked, &mut form.challenge);
                    store.save(&form, None)
                }
                None => Ok(()),
            });
            if written.await?.is_some() {
                if let Some(card) = self.maps().known.get_mut(&id) {
                    edit.apply(&mut card.ranked, &mut card.challenge);
                }
                return Ok(());
            }
        }
    }

    async fn do_create(
        &self,
        owner: PlayerId,
        asked: NewGame,
        begun_with: Option<Arc<Beginning>>,
    ) -> Result<Created, SessionError> {
        // Before anybody has to give way for it; and again when it counts.
        self.may_create(owner)?;
        let id = SessionId(Uuid::now_v7());
        let reserved = if asked.daily { Some(self.begin_day(owner, id)?) } else { None };
        let place = self.make_room(owner).await?;
        self.make_way(owner).await?;
        let now = self.moment();
        let challenge = reserved.as_ref().map(|reserved| Challenge { date: reserved.day, verdict: None });
        let seed = match challenge {
            Some(challenge) => self.secret.seed(challenge.date),
            None => asked.seed.unwrap_or_else(|| (self.seeds)() & MAX_SEED),
        };
        let game = rules::begin(self.content(), seed, asked.difficulty);
        let name = asked.name.unwrap_or_else(|| format!("Voyage from {}", game.node().name));
        let fresh = Fresh {
            name: name.clone(),
            ranked: asked.seed.is_none(),
            permadeath: asked.permadeath || challenge.is_some(),
            challenge,
            game,
            content: self.content().clone(),
            begun_with,
        };
        let mut session = GameSession::new(id, owner, now.wall, fresh, place);
        let seat = Seat::default();
        // Nobody else has seen this seat: the lock is free.
        let mut seated = seat.clone().lock_owned().await;
        {
            let mut maps = self.maps();
            self.count(&maps, owner)?;
            let born = maps.seen.get(&owner).copied();
            maps.insert(id, Card { born, ..session.card(now) });
            maps.resident.insert(id, Resident::coming(seat));
        }
        let mut written = self.write_first(id, &mut session, now).await;
        if let (Ok(()), Some(reserved)) = (&written, reserved) {
            written = self.keep_beginning(reserved).await;
        }
        if let Err(error) = written {
            {
                let mut maps = self.maps();
                maps.remove(id);
                maps.resident.remove(&id);
            }
            // Its file may be there all the same.
            drop(self.blocking(move |store| store.remove_session(id.0)).await);
            return Err(error);
        }
        self.counters.created.fetch_add(1, Ordering::Relaxed);
        let snapshot = session.snapshot();
        self.publish(id, &session, None);
        *seated = Some(session);
        Ok(Created { snapshot, name })
    }

    fn may_create(&self, owner: PlayerId) -> Result<(), SessionError> {
        let (now, maps) = (self.lived(), self.maps());
        self.may_play(&maps, owner)?;
        maps.departs(owner, now, &self.settings()).map(drop)
    }

    fn count(&self, maps: &Maps, owner: PlayerId) -> Result<(), SessionError> {
        self.may_play(maps, owner)?;
        if maps.known.len() >= self.settings().stored {
            return Err(SessionError::StoreFull);
        }
        Ok(())
    }

    /// Whether a player may have one more unfinished game.
    pub(super) fn may_play(&self, maps: &Maps, owner: PlayerId) -> Result<(), SessionError> {
        let limit = self.settings().per_player;
        if maps.unfinished(owner) >= limit { Err(SessionError::TooMany { limit }) } else { Ok(()) }
    }

    /// Lets a game go for good for a player's next one, where one must.
    async fn make_way(&self, owner: PlayerId) -> Result<(), SessionError> {
        let now = self.lived();
        let departs = self.maps().departs(owner, now, &self.settings())?;
        let Some((id, owner)) = departs else { return Ok(()) };
        // Boxed: deleting is a task, and tasks are built from futures like this one.
        Box::pin(self.bury(owner, id, Departure::Timeout, Expected::Any)).await
    }

    /// Remembers where a player was seen, for the shares of addresses.
    pub fn seen(&self, player: PlayerId, from: IpAddr) {
        self.maps().see(player, from);
    }

    /// Bytes of a session's history on the disk; 0 where nobody can tell.
    pub async fn history_bytes(&self, id: SessionId) -> u64 {
        self.blocking(move |store| store.history_bytes(id.0)).await.unwrap_or_default()
    }

    /// Nobody has asked for them in so long: they go for good.
    async fn retire_forgotten(&self, now: Timestamp) {
        let secs = self.settings().retention_days * 24 * 3600;
        let forgotten: Vec<_> = {
            let maps = self.maps();
            let known = maps.known.iter().filter(|(id, _)| maps.idle(**id, now, secs));
            known.map(|(id, card)| (*id, card.owner)).collect()
        };
        for (id, owner) in forgotten {
            // It may have been asked for while this waited for the ones before.
            if self.maps().idle(id, now, secs)
                && let Err(error) = self.bury(owner, id, Departure::Timeout, Expected::Any).await
            {
                tracing::error!(%id, %error, "a forgotten session could not be removed; it will be tried again");
            }
        }
    }

    /// That its player asks for a session is activity; that others watch it is none.
    fn touch(&self, role: Role, card: &mut Card) {
        if role == Role::Player {
            card.touch(self.moment());
        }
    }

    /// Where the owner's session sits, if it is in memory.
    fn seat_of(&self, role: Role, owner: PlayerId, id: SessionId) -> Result<Option<Seat>, SessionError> {
        let mut maps = self.maps();
        self.touch(role, self.card(&mut maps, owner, id)?);
        Ok(maps.resident.get(&id).map(|resident| resident.seat.clone()))
    }

    /// The owner's session, alone with the caller until he lets go; read back from disk where it must be.
    pub(super) async fn enter(&self, owner: PlayerId, id: SessionId) -> Result<Seated, SessionError> {
        self.enter_as(Role::Player, owner, id).await
    }

    /// The same for somebody who watches.
    pub(super) async fn enter_as(&self, role: Role, owner: PlayerId, id: SessionId) -> Result<Seated, SessionError> {
        loop {
            if let Some(seat) = self.seat_of(role, owner, id)? {
                let seated = seat.lock_owned().await;
                if seated.is_some() {
                    return Ok(seated);
                }
                // It left, or could not come, while this waited. Whoever left it in the map has forgotten it.
                let mut maps = self.maps();
                if maps
                    .resident
                    .get(&id)
                    .is_some_and(|resident| Arc::ptr_eq(&resident.seat, OwnedMutexGuard::mutex(&seated)))
                {
                    maps.resident.remove(&id);
                }
                continue;
            }
            let place = self.make_room(owner).await?;
            let seat = Seat::default();
            let seated = seat.clone().lock_owned().await;
            {
                let mut maps = self.maps();
                maps.card(owner, id)?;
                if maps.resident.contains_key(&id) {
                    // Somebody else was faster. The place goes back.
                    continue;
                }
                maps.resident.insert(id, Resident::coming(seat));
            }
            return self.seat(id, seated, place).await;
        }
    }

    /// Reads a session back into the empty seat that was set for it.
    async fn seat(&self, id: SessionId, mut seated: Seated, place: Place) -> Result<Seated, SessionError> {
        match self.load(id, place).await {
            Ok(session) => {
                self.counters.loads.fetch_add(1, Ordering::Relaxed);
                self.publish(id, &session, None);
                *seated = Some(session);
                Ok(seated)
            }
            Err(error) => {
                // It stays known: its owner is told what is wrong, each time, and it may come back.
                self.maps().resident.remove(&id);
                Err(error)
            }
        }
    }

    async fn load(&self, id: SessionId, place: Place) -> Result<GameSession, SessionError> {
        let me = self.arc()?;
        self.blocking(move |store| {
            let checkpoint = store.load(id.0)?.ok_or_else(|| store.missing(id.0))?;
            let content = me.contents.of(&checkpoint.content)?;
            let session = GameSession::restore(checkpoint, content, place);
            let mut session = session.map_err(|problem| store.reject(id.0, &problem.to_string()))?;
            // That it was asked for counts, after a restart too.
            if store.log().holds(id.0) || me.settings().retention_days > 0 {
                session.touch();
            }
            Ok(session)
        })
        .await
    }

    /// A place in memory: a free one, or that of somebody who can give way. It is taken before anything is awaited.
    async fn make_room(&self, owner: PlayerId) -> Result<Place, SessionError> {
        loop {
            if let Some(place) = self.places.take() {
                return Ok(place);
            }
            let place = self.clear_place(Some(owner)).await?;
            if let Some(place) = place.and_then(|place| self.places.hand_on(place)) {
                return Ok(place);
            }
        }
    }

    /// Makes somebody leave who can; none where he was asked for meanwhile.
    async fn clear_place(&self, asks: Option<PlayerId>) -> Result<Option<Place>, SessionError> {
        let now = self.lived();
        let victim = self.maps().victim(asks, now, &self.settings());
        let Some((id, seat, why)) = victim else { return Err(self.limit_reached(now)) };
        let mut seated = seat.lock_owned().await;
        let result = self.make_leave(id, &mut seated, why).await;
        if let Some(resident) = self.maps().resident.get_mut(&id) {
            resident.leaving = false;
        }
        result
    }

    /// After the limit was lowered: makes those leave who can.
    async fn shrink(&self) {
        loop {
            if !self.places.is_crowded() {
                return;
            }
            match self.clear_place(None).await {
                Ok(place) => drop(place.and_then(|place| self.places.hand_on(place))),
                // All of them are in use, or cannot be written; at the next sweep again.
                Err(_) => return,
            }
        }
    }

    /// Lets a session leave for another one; not if it was asked for in the meantime.
    async fn make_leave(&self, id: SessionId, seated: &mut Seated, why: Yields) -> Result<Option<Place>, SessionError> {
        let Some(session) = seated.as_mut() else { return Ok(None) };
        self.checkpoint(id, session).await?;
        let now = self.lived();
        {
            let mut maps = self.maps();
            if !maps.still_yields(id, why, now, self.settings().yield_secs) {
                return Ok(None);
            }
            if why == Yields::Crowded {
                self.see_off(&mut maps, id, End::Crowded);
            }
        }
        Ok(self.unseat(id, seated))
    }

    /// Takes a session that is written down out of memory.
    pub(super) fn unseat(&self, id: SessionId, seated: &mut Seated) -> Option<Place> {
        let session = seated.take()?;
        let mut maps = self.maps();
        maps.resident.remove(&id);
        self.see_off(&mut maps, id, End::Left);
        drop(maps);
        self.counters.evictions.fetch_add(1, Ordering::Relaxed);
        Some(session.leave())
    }

    fn limit_reached(&self, now: Timestamp) -> SessionError {
        let maps = self.maps();
        let longest = maps.resident.keys().filter_map(|id| maps.known.get(id)).map(|card| idle_secs(card, now)).max();
        let wait = self.settings().yield_secs - longest.unwrap_or(0);
        SessionError::LimitReached { limit: self.settings().limit, retry_after: wait.clamp(1, 3600) }
    }

    /// Writes a session down if a checkpoint would say something new; whether it did. The caller holds its seat, so that nobody
    /// acts on it meanwhile.
    pub(super) async fn checkpoint(&self, id: SessionId, session: &mut GameSession) -> Result<bool, SessionError> {
        if !session.dirty() {
            return Ok(false);
        }
        self.write(id, session, None).await?;
        Ok(true)
    }

    /// Writes a new session down.
    async fn write_first(&self, id: SessionId, session: &mut GameSession, now: Moment) -> Result<(), SessionError> {
        let checkpoint = session.checkpoint(now);
        let me = self.arc()?;
        let written = self.blocking(move |store| {
            me.contents.keep(&checkpoint.content)?;
            store.create(&checkpoint)
        });
        let written = written.await;
        let counter = if written.is_ok() { &self.counters.checkpoints } else { &self.counters.checkpoint_failures };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = &written {
            tracing::error!(%id, %error, "a new session could not be written");
        }
        written?;
        session.saved();
        Ok(())
    }

    /// Writes a session down, with the line of history that no action led to.
    pub(super) async fn write(
        &self,
        id: SessionId,
        session: &mut GameSession,
        load: Option<Arc<Turn>>,
    ) -> Result<(), SessionError> {
        let began = Instant::now();
        let own = self.maps().known.get(&id).map(|card| Moment { wall: card.last_activity, lived: card.active });
        let last_activity = own.unwrap_or_else(|| self.moment());
        let checkpoint = session.checkpoint(last_activity);
        let me = self.arc()?;
        let written = self
            .blocking(move |store| {
                me.contents.keep(&checkpoint.content)?;
                store.save(&checkpoint, load.as_deref())
            })
            .await;
        let counter = if written.is_ok() { &self.counters.checkpoints } else { &self.counters.checkpoint_failures };
        counter.fetch_add(1, Ordering::Relaxed);
        self.counters.last_checkpoint_micros.store(micros(began), Ordering::Relaxed);
        written?;
        session.saved();
        Ok(())
    }

    /// Ends the connections of a session that is in memory no more.
    fn see_off(&self, maps: &mut Maps, id: SessionId, end: End) {
        if let Some(live) = maps.live.remove(&id) {
            live.end(end);
        }
        if maps.resident.is_empty() {
            self.empty.notify_one();
        }
    }

    /// Shows readers what has become of a session, and tells its connections of the turn that led there.
    pub(super) fn publish(&self, id: SessionId, session: &GameSession, turn: Option<&Arc<Turn>>) {
        let mut maps = self.maps();
        if let Some(card) = maps.known.get_mut(&id) {
            session.tell(card);
        }
        if session.due() {
            maps.due.insert(id);
        }
        let snapshot = session.snapshot();
        if let (Some(live), Some(turn)) = (maps.live.get(&id), turn) {
            let slow = live.tell(turn, &snapshot);
            self.counters.slow_readers.fetch_add(slow as u64, Ordering::Relaxed);
        }
        if let Some(resident) = maps.resident.get_mut(&id) {
            resident.shown = Some(snapshot);
        }
    }

    /// Forgets tombstones that have stood long enough, and rewrites their file when most of it is out of date.
    async fn bring_out_the_dead(&self, now: Timestamp) {
        let stale = {
            let mut maps = self.maps();
            maps.tombstones.prune(now);
            maps.tombstones.lines > 2 * maps.tombstones.order.len() + 100
        };
        if !stale {
            return;
        }
        match self.blocking(move |store| store.compact_tombstones(|stone| !past(stone, now))).await {
            Ok(lines) => self.maps().tombstones.lines = lines,
            Err(error) => tracing::error!(%error, "the tombstones could not be rewritten"),
        }
    }

    pub(super) fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock()
    }

    pub(super) fn arc(&self) -> Result<Arc<Self>, SessionError> {
        self.me.upgrade().ok_or_else(|| SessionError::Internal("the registry has closed".to_owned()))
    }

    /// Runs work as a task of its own, to its end, whatever becomes of the caller.
    pub(super) async fn task<T, F>(&self, work: impl FnOnce(Arc<Self>) -> F + Send + 'static) -> Result<T, SessionError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SessionError>> + Send + 'static,
    {
        let me = self.arc()?;
        let done = self.runtime.spawn(async move { work(me).await }).await;
        done.unwrap_or_else(|error| Err(SessionError::Internal(error.to_string())))
    }

    /// Runs disk work where blocking is allowed.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SessionError> {
        let store = self.store.clone();
        match self.runtime.spawn_blocking(move || work(&store)).await {
            Ok(done) => Ok(done?),
            Err(error) => Err(SessionError::Internal(error.to_string())),
        }
    }
}

fn listed(maps: &Maps, id: SessionId, card: &Card) -> Listed {
    Listed { id, card: card.clone(), resident: maps.resident.contains_key(&id) }
}

/// The session in a seat that was entered.
pub(super) fn session(seated: &Seated) -> Result<&GameSession, SessionError> {
    seated.as_ref().ok_or_else(|| SessionError::Internal("an empty seat was entered".to_owned()))
}

/// See [`session`].
pub(super) fn session_mut(seated: &mut Seated) -> Result<&mut GameSession, SessionError> {
    seated.as_mut().ok_or_else(|| SessionError::Internal("an empty seat was entered".to_owned()))
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}
