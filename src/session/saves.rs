//! Players' saves: four slots, and slot 0, which is the game last played.
//!
//! A game whose future somebody may know is not ranked. So what is loaded, exported or imported is unranked, and so is the game
//! that a loaded or exported save was taken from, as long as it goes on.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::challenge_key::ChallengeKey;
use super::contents::Contents;
use super::core::Core;
use super::directory::Directory;
use super::edit::Edit;
use super::error::SessionError;
use super::game_session::{Expected, Snapshot};
use super::judge::Judge;
use super::roster::Seated;
use super::seats::{Seats, session, session_mut};
use super::sessions::MAX_TRIES;
use crate::game::content::Content;
use crate::game::state::Game;
use crate::hex::hex;
use crate::model::{AUTOSAVE, Beginning, Change, MAX_STEPS, PlayerId, Refusal, Replay, SLOTS, Save, SessionId};
use crate::store::{Rung, StoreError, Thing};

/// Bytes of a session's history beyond which no save is loaded into it: each brings every action of its game.
const MAX_HISTORY: u64 = 8 << 20;
/// Saves whose lists are kept in memory, at some 10 KB each.
const MAX_SHOWN: usize = 1_024;
/// Whether a write to a slot may go on, with what it holds.
pub type SlotCheck = Box<dyn FnOnce(Option<&Save>) -> bool + Send>;

/// Names what a slot shows: another save in it has another name.
pub fn tag(save: &Save) -> String {
    let Save { version, session_id, name, created_at, saved_at, revision, rules, content, place, .. } = save;
    let digest = save.state.digest(&save.star_map.digest());
    let shown = (version, session_id, name, created_at, saved_at, revision, rules, content, place, digest);
    let shown = serde_json::to_vec(&shown).expect("texts, numbers and times always serialize");
    hex(&Sha256::digest(shown)[..8])
}

/// Locks for writing slots. A player's is held while a slot is looked at and written, so that what was looked at is what is replaced.
/// Players share them, because one for each would be kept for ever.
#[derive(Default)]
struct Doors([tokio::sync::Mutex<()>; 32]);

impl Doors {
    fn of(&self, owner: PlayerId) -> &tokio::sync::Mutex<()> {
        &self.0[usize::from(owner.0.as_bytes()[15]) % self.0.len()]
    }
}

/// A save that a client brings, with what is already proven of it.
#[derive(Debug)]
pub struct Proven(Save);

impl Proven {
    /// What the game is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Gives it another name, which proves nothing.
    pub fn rename(&mut self, name: String) {
        self.0.name = name;
    }

    /// How many actions it has.
    pub fn steps(&self) -> usize {
        self.0.history.len()
    }
}

/// A game whose place a save has taken.
#[derive(Debug)]
pub struct Resumed {
    /// As it stands now.
    pub snapshot: Snapshot,
    /// How many actions the save had.
    pub steps: usize,
}

impl Deref for Resumed {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// What [`Saves`] stands on.
pub(super) struct Parts {
    pub core: Arc<Core>,
    pub directory: Arc<Directory>,
    pub contents: Arc<Contents>,
    pub seats: Arc<Seats>,
    pub judge: Arc<Judge>,
    pub key: ChallengeKey,
}

/// Players' saves.
pub struct Saves {
    core: Arc<Core>,
    directory: Arc<Directory>,
    contents: Arc<Contents>,
    seats: Arc<Seats>,
    judge: Arc<Judge>,
    key: ChallengeKey,
    doors: Doors,
}

/// A save that is to take a game's place.
struct Loading {
    number: u8,
    save: Save,
    game: Game,
    content: Arc<Content>,
    expected: Expected,
    key: Option<String>,
}

impl Saves {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { core, directory, contents, seats, judge, key } = parts;
        Self { core, directory, contents, seats, judge, key, doors: Doors::default() }
    }

    /// A player's saves, by slot. Without their histories.
    pub async fn list(self: &Arc<Self>, owner: PlayerId) -> Result<Vec<(u8, Save)>, SessionError> {
        let me = self.clone();
        let work = async move {
            let mut saves = Vec::new();
            if let Some((played, id)) = me.last_played(owner) {
                saves.push((AUTOSAVE, Save { saved_at: played, ..me.copy(owner, id, false).await? }));
            }
            for number in SLOTS {
                if !me.directory.roster().slots.contains(&(owner, number)) {
                    continue;
                }
                match me.shown(owner, number).await {
                    Ok(save) => saves.push((number, save)),
                    // It has been set aside, and is told of in `/stats`; the others are there.
                    Err(SessionError::Store(StoreError::Damaged { .. } | StoreError::Newer { .. })) => {}
                    Err(SessionError::SlotEmpty { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(saves)
        };
        self.core.task(work).await
    }

    /// The save in a slot.
    pub async fn read(self: &Arc<Self>, owner: PlayerId, number: u8) -> Result<Save, SessionError> {
        let me = self.clone();
        let work = async move {
            if number != AUTOSAVE {
                return me.stored(owner, number).await;
            }
            let (played, id) = me.last_played(owner).ok_or(SessionError::SlotEmpty { number })?;
            Ok(Save { saved_at: played, ..short(me.copy(owner, id, true).await?)? })
        };
        self.core.task(work).await
    }

    /// The save in a slot, without its history.
    pub async fn look(self: &Arc<Self>, owner: PlayerId, number: u8) -> Result<Save, SessionError> {
        let me = self.clone();
        let work = async move {
            if number != AUTOSAVE {
                return me.shown(owner, number).await;
            }
            let (played, id) = me.last_played(owner).ok_or(SessionError::SlotEmpty { number })?;
            Ok(Save { saved_at: played, ..me.copy(owner, id, false).await? })
        };
        self.core.task(work).await
    }

    /// Whether there is a save in a slot.
    pub fn has(&self, owner: PlayerId, number: u8) -> bool {
        self.directory.roster().slots.contains(&(owner, number))
    }

    /// Saves a session's game as it stands.
    pub async fn save(
        self: &Arc<Self>,
        owner: PlayerId,
        number: u8,
        id: SessionId,
        check: Option<SlotCheck>,
    ) -> Result<Save, SessionError> {
        let me = self.clone();
        let work = async move {
            let _door = me.doors.of(owner).lock().await;
            me.check(owner, number, check).await?;
            me.may_copy(owner, id).await?;
            let now = me.core.moment();
            me.directory.roster().summary(owner, id)?.touch(now);
            let save = short(me.copy(owner, id, true).await?)?;
            me.fill(owner, number, save).await
        };
        self.core.task(work).await
    }

    /// Empties a slot.
    pub async fn clear(
        self: &Arc<Self>,
        owner: PlayerId,
        number: u8,
        check: Option<SlotCheck>,
    ) -> Result<(), SessionError> {
        let me = self.clone();
        let work = async move {
            let _door = me.doors.of(owner).lock().await;
            me.check(owner, number, check).await?;
            if !me.directory.roster().slots.contains(&(owner, number)) {
                return Err(SessionError::SlotEmpty { number });
            }
            me.core.store.remove_slot(owner, number).await?;
            let mut roster = me.directory.roster();
            roster.slots.remove(&(owner, number));
            roster.shown_slots.remove(&(owner, number));
            Ok(())
        };
        self.core.task(work).await
    }

    /// Lets a save take the place of a session's game: a revision of its own. Again under the same key, it is answered and not done again.
    pub async fn load(
        self: &Arc<Self>,
        owner: PlayerId,
        number: u8,
        id: SessionId,
        expected: Expected,
        key: Option<String>,
    ) -> Result<Resumed, SessionError> {
        let me = self.clone();
        let work = async move {
            let _running = me.directory.claim(owner, id, key.clone())?;
            if let Some(key) = &key
                && let Some(snapshot) = me.loaded_before(owner, id, number, key).await?
            {
                me.core.confirm().await?;
                return Ok(Resumed { snapshot, steps: 0 });
            }
            if me.directory.roster().summary(owner, id)?.meta.permadeath {
                return Err(SessionError::Permadeath);
            }
            let save = me.read(owner, number).await?;
            let source = SessionId(save.session_id);
            if number == AUTOSAVE {
                me.may_copy(owner, source).await?;
            }
            if source != id {
                me.unrank(owner, source).await?;
            }
            let content = me.contents.of(&save.content).await?;
            let game = match save.restore(&content) {
                Ok(game) => game,
                Err(problem) => {
                    let what = Thing::Save(owner, number);
                    return Err(me.core.store.reject(what, problem.to_string()).await.into());
                }
            };
            let mut seated = me.seats.enter(owner, id).await?;
            me.may_resume(owner, id, game.end.is_some())?;
            if me.core.store.history_bytes(id).await? > MAX_HISTORY {
                return Err(SessionError::HistoryFull { limit: MAX_HISTORY });
            }
            let loading = Loading { number, save, game, content, expected, key };
            me.take_place(id, &mut seated, loading).await
        };
        self.core.task(work).await
    }

    /// Lets a save take the game's place, where nobody else moves the session meanwhile.
    async fn take_place(&self, id: SessionId, seated: &mut Seated, loading: Loading) -> Result<Resumed, SessionError> {
        let Loading { number, save, game, content, expected, key } = loading;
        for _ in 0..MAX_TRIES {
            let session = session_mut(seated)?;
            let (save, game, content) = (save.clone(), game.clone(), content.clone());
            let steps = save.history.len();
            let (turn, before) =
                session.load(number, save, (game, content), &expected, key.clone(), self.core.now())?;
            let turn = Arc::new(turn);
            match self.seats.write_load(id, session, before.event(), turn.clone()).await {
                Ok(true) => {
                    self.seats.publish(id, session, Some(&turn));
                    self.core.ring(Rung::Session(id));
                    return Ok(Resumed { snapshot: session.snapshot(), steps });
                }
                Ok(false) => {
                    session.unload(before);
                    self.seats.reload(id, seated).await?;
                }
                Err(error) => {
                    session.unload(before);
                    return Err(error);
                }
            }
        }
        Err(SessionError::Contended)
    }

    /// The session as it stands, if a save was loaded under the key before.
    async fn loaded_before(
        &self,
        owner: PlayerId,
        id: SessionId,
        number: u8,
        key: &str,
    ) -> Result<Option<Snapshot>, SessionError> {
        let seated = self.seats.enter(owner, id).await?;
        let session = session(&seated)?;
        let Some(revision) = session.revision_of(key) else { return Ok(None) };
        let turns = self.core.store.turns(id, revision - 1, revision, 1).await?;
        match turns.first().map(|turn| &turn.deed) {
            Some(Change::Loaded { loaded }) if loaded.slot == number => Ok(Some(session.snapshot())),
            _ => Err(SessionError::KeyReused { revision }),
        }
    }

    /// A save for a file, without its owner.
    pub async fn export(self: &Arc<Self>, owner: PlayerId, number: u8) -> Result<Save, SessionError> {
        let me = self.clone();
        let work = async move {
            let save = me.read(owner, number).await?;
            if number == AUTOSAVE {
                me.may_copy(owner, SessionId(save.session_id)).await?;
            }
            me.unrank(owner, SessionId(save.session_id)).await?;
            let (key, save) = (me.key.clone(), save.exported());
            me.core.compute(move || key.seal_save(save)).await
        };
        self.core.task(work).await
    }

    /// Looks at a save that a client brings, and plays it again.
    pub async fn prove(self: &Arc<Self>, file: impl AsRef<[u8]> + Send + 'static) -> Result<Proven, SessionError> {
        let me = self.clone();
        let work = async move {
            let key = me.key.clone();
            let read = move || -> Result<(Save, bool), Refusal> {
                let file = file.as_ref();
                let mut save = Save::read(file)?;
                let sealed = save.seal.take().is_some_and(|seal| key.has_sealed(file, &seal));
                Ok((save, sealed))
            };
            let (save, sealed) = me.core.compute(read).await??;
            let content = me.contents.known(&save.content).await?;
            let prove = move || -> Result<Proven, Refusal> {
                save.prove(&content, sealed)?;
                save.check_count()?;
                Ok(Proven(save))
            };
            Ok(me.core.compute(prove).await??)
        };
        self.core.task(work).await
    }

    /// Puts a proven save into a slot.
    pub async fn import(
        self: &Arc<Self>,
        owner: PlayerId,
        number: u8,
        proven: Proven,
        check: Option<SlotCheck>,
        key: Option<String>,
    ) -> Result<Save, SessionError> {
        let me = self.clone();
        let work = async move {
            let _door = me.doors.of(owner).lock().await;
            let Proven(mut save) = proven;
            save.owner = Some(owner.0);
            save.imported_with = key.map(|key| Beginning::of(key, &(&save.name, save.replay())));
            if let Some(again) = &save.imported_with
                && let Ok(there) = me.stored(owner, number).await
                && let Some(before) = there.imported_with.as_ref().filter(|before| before.key == again.key)
            {
                return if before == again { Ok(there) } else { Err(SessionError::KeyTaken) };
            }
            me.check(owner, number, check).await?;
            save.saved_at = me.core.now();
            me.fill(owner, number, save).await
        };
        self.core.task(work).await
    }

    /// All it takes to play a finished game again.
    pub async fn replay(self: &Arc<Self>, owner: PlayerId, id: SessionId) -> Result<Replay, SessionError> {
        let me = self.clone();
        let work = async move {
            if me.directory.roster().summary(owner, id)?.end.is_none() {
                return Err(SessionError::NotFinished);
            }
            me.may_copy(owner, id).await?;
            Ok(me.copy(owner, id, true).await?.replay())
        };
        self.core.task(work).await
    }

    /// Whether a session's game may be taken out of it: not while it has permadeath and goes on, because its future could be tried
    /// out in the copy; and not with the seed of a challenge whose day is not over. What may be copied stays so.
    async fn may_copy(&self, owner: PlayerId, id: SessionId) -> Result<(), SessionError> {
        let challenge = {
            let mut roster = self.directory.roster();
            let summary = roster.summary(owner, id)?;
            if summary.meta.permadeath && summary.end.is_none() {
                return Err(SessionError::Permadeath);
            }
            summary.meta.challenge
        };
        match challenge {
            Some(challenge) => self.judge.may_tell(challenge.date).await,
            None => Ok(()),
        }
    }

    /// The session that was played last, and when.
    fn last_played(&self, owner: PlayerId) -> Option<(Timestamp, SessionId)> {
        let roster = self.directory.roster();
        let own = roster.by_owner.get(&owner)?;
        let played = own
            .iter()
            .filter_map(|id| roster.known.get(id).map(|summary| (summary.active, summary.last_activity, *id)));
        played.max().map(|(_, played, id)| (played, id))
    }

    /// The caller holds the player's door.
    async fn check(&self, owner: PlayerId, number: u8, check: Option<SlotCheck>) -> Result<(), SessionError> {
        let Some(check) = check else { return Ok(()) };
        let save = match self.stored(owner, number).await {
            Ok(save) => Some(save),
            Err(SessionError::SlotEmpty { .. }) => None,
            Err(error) => return Err(error),
        };
        if check(save.as_ref()) { Ok(()) } else { Err(SessionError::SlotChanged { number }) }
    }

    async fn stored(&self, owner: PlayerId, number: u8) -> Result<Save, SessionError> {
        let read = self.core.store.slot(owner, number).await;
        if matches!(read, Ok(None)) {
            let mut roster = self.directory.roster();
            roster.slots.remove(&(owner, number));
            roster.shown_slots.remove(&(owner, number));
        }
        read?.ok_or(SessionError::SlotEmpty { number })
    }

    /// A stored save without its history: it is asked for with every list, and may take long to read.
    async fn shown(&self, owner: PlayerId, number: u8) -> Result<Save, SessionError> {
        let known = self.directory.roster().shown_slots.get(&(owner, number)).cloned();
        if let Some(save) = known {
            return Ok(Save::clone(&save));
        }
        let save = self.stored(owner, number).await?;
        let save = Save { history: Vec::new(), ..save };
        self.show(owner, number, &save, false);
        Ok(save)
    }

    /// Keeps a save for lists. One that was only read does not take the place of one that was written meanwhile.
    fn show(&self, owner: PlayerId, number: u8, save: &Save, written: bool) {
        let shown = Arc::new(without_history(save));
        let mut roster = self.directory.roster();
        if roster.shown_slots.len() >= MAX_SHOWN {
            roster.shown_slots.clear();
        }
        // It may have been emptied meanwhile.
        if roster.slots.contains(&(owner, number)) && (written || !roster.shown_slots.contains_key(&(owner, number))) {
            roster.shown_slots.insert((owner, number), shown);
        }
    }

    async fn fill(&self, owner: PlayerId, number: u8, save: Save) -> Result<Save, SessionError> {
        {
            let mut roster = self.directory.roster();
            // As many saves as sessions in all; half of them are for players with a game.
            let stored = self.core.settings().stored;
            let most = if roster.by_owner.contains_key(&owner) { stored } else { stored.div_ceil(2) };
            if !roster.slots.contains(&(owner, number)) && roster.slots.len() >= most {
                return Err(SessionError::StoreFull);
            }
            roster.slots.insert((owner, number));
            roster.shown_slots.remove(&(owner, number));
        }
        self.contents.keep(&save.content).await?;
        let save = Arc::new(save);
        self.core.store.write_slot(owner, number, save.clone()).await?;
        self.show(owner, number, &save, true);
        // Nobody else has it any more, so it is not copied.
        Ok(Arc::unwrap_or_clone(save))
    }

    async fn copy(&self, owner: PlayerId, id: SessionId, with_history: bool) -> Result<Save, SessionError> {
        let form = self.seats.stored_form(owner, id).await?;
        let now = self.core.now();
        let history = if with_history { self.core.store.lineage(id, form.revision).await? } else { Vec::new() };
        Ok(Save::of(form, history, now))
    }

    /// A game that goes on is no longer ranked; durably, before anybody learns its future. Needs no place in memory.
    async fn unrank(&self, owner: PlayerId, id: SessionId) -> Result<(), SessionError> {
        // It may be gone: only its save is left.
        if self.directory.roster().summary(owner, id).is_err() {
            Ok(())
        } else {
            self.seats.edit(owner, id, Edit::Unrank).await
        }
    }

    /// A finished game that goes on counts as one more that is unfinished.
    fn may_resume(&self, owner: PlayerId, id: SessionId, finished: bool) -> Result<(), SessionError> {
        let mut roster = self.directory.roster();
        let resumes = !finished && roster.summary(owner, id)?.end.is_some();
        if resumes { roster.may_play(owner, &self.core.settings()) } else { Ok(()) }
    }
}

/// Whether a game can be saved: whatever is saved can be brought back.
fn short(save: Save) -> Result<Save, SessionError> {
    if save.history.len() > MAX_STEPS { Err(SessionError::TooLong { limit: MAX_STEPS }) } else { Ok(save) }
}

/// Copied without its history, which may be long.
fn without_history(save: &Save) -> Save {
    let Save { version, owner, session_id, created_at, saved_at, revision, rules, .. } = *save;
    let Save { name, content, place, state, star_map, seal, imported_with, .. } = save;
    Save {
        version,
        owner,
        imported_with: imported_with.clone(),
        session_id,
        name: name.clone(),
        created_at,
        saved_at,
        revision,
        rules,
        content: content.clone(),
        place: place.clone(),
        state: state.clone(),
        star_map: star_map.clone(),
        history: Vec::new(),
        seal: seal.clone(),
    }
}
