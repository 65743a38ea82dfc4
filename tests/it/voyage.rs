//! A voyage of creations, turns, checkpoints, trims, renames and deletions on a simulated disk, with a client who remembers
//! everything that was answered.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use cosmic_explorer::game::action::Action;
use cosmic_explorer::game::content::built_in;
use cosmic_explorer::game::rng::Dice;
use cosmic_explorer::model::{Change, PlayerId, Save, SessionId};
use cosmic_explorer::session::clock::ManualClock;
use cosmic_explorer::session::game_session::{Acted, Command, Expected};
use cosmic_explorer::session::outbox::Role;
use cosmic_explorer::session::sessions::NewGame;
use cosmic_explorer::session::token::Token;
use cosmic_explorer::session::{Parts, Services};
use cosmic_explorer::session::{SessionError, Settings};
use cosmic_explorer::store::{Opened, StoreError, folder};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::play::{CONTENT, decide, digest};
use crate::server::dawn;
use crate::sim::{End, SimDisk};

pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("tokio"));
pub const PLAYER: PlayerId = PlayerId(Uuid::from_u128(1));

/// Segments of one or two turns, so that trims happen all the time.
pub const STORE: folder::Settings = folder::Settings {
    durability: folder::Durability::Turn,
    log_bytes: 64 << 10,
    begin_anew: folder::BeginAnew { keys: false, tokens: false, log: false },
};

/// A session, and everything that was answered about it.
pub struct Promised {
    pub id: SessionId,
    name: String,
    /// What was done, or nothing where a save was loaded, and the digest after it.
    turns: Vec<(Option<Action>, String)>,
    pub gone: bool,
}

/// Somebody else, who logs out.
const LEAVER: PlayerId = PlayerId(Uuid::from_u128(2));

/// What a client was told, and what he asked for last without an answer.
pub struct Client {
    pub token: Option<Token>,
    /// His tokens before that, oldest first.
    replaced: Vec<Token>,
    leaver: Option<Token>,
    left: bool,
    pub sessions: Vec<Promised>,
    /// The digest of what is in the slot.
    slot: Option<String>,
    /// Asked for, and not answered.
    pub open: Option<Open>,
    dice: Dice,
}

pub enum Open {
    Create,
    Act { session: usize, command: Command },
    Rename { session: usize, name: String },
    Delete { session: usize },
    Save { digest: String },
    Load { session: usize },
    Clear,
    Rotate,
    Logout,
}

/// What was answered and is not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub sessions: Vec<SessionId>,
    pub turns: Vec<(SessionId, u64)>,
    pub slot: bool,
}

/// A step of the voyage.
#[derive(Clone, Copy)]
pub enum Step {
    Create(u64),
    Act(usize, usize),
    Rename(usize),
    Delete(usize),
    Save(usize),
    Load(usize),
    Clear,
    Rotate,
    Logout,
    Sweep,
}

pub const VOYAGE: [Step; 25] = [
    Step::Create(1),
    Step::Act(0, 3),
    Step::Logout,
    Step::Rotate,
    Step::Create(2),
    Step::Sweep,
    Step::Act(0, 3),
    Step::Act(1, 2),
    Step::Rename(0),
    Step::Act(0, 2),
    Step::Save(0),
    Step::Act(1, 1),
    Step::Load(1),
    Step::Rotate,
    Step::Act(1, 2),
    Step::Save(1),
    Step::Act(0, 1),
    Step::Load(0),
    Step::Delete(1),
    Step::Sweep,
    Step::Act(0, 2),
    Step::Clear,
    Step::Rotate,
    Step::Create(3),
    Step::Act(2, 2),
];

/// What leaves something in every kind of file.
const LAST_LEG: [Step; 4] = [Step::Act(0, 2), Step::Save(2), Step::Act(2, 1), Step::Act(0, 1)];

/// A folder as a killed server left it after all of that, and who knows what is in it.
pub fn left_behind() -> (SimDisk, Client) {
    let disk = SimDisk::new();
    let services = open(&disk).expect("services");
    let mut client = Client::new();
    client.sail(&services, &VOYAGE).expect("nothing fails");
    // A save, which the voyage has cleared; and turns that only the log has.
    client.sail(&services, &LAST_LEG).expect("nothing fails");
    disk.stop_at(0);
    drop(services);
    (disk.after(End::Killed), client)
}

/// The slot that is used.
const SLOT: u8 = 1;

fn save_digest(save: &Save) -> String {
    save.state.digest(&save.star_map.digest())
}

/// The store on a disk that nothing is wrong with.
pub fn store_on(disk: &SimDisk) -> Opened {
    let _inside = RUNTIME.enter();
    folder::open_on(Arc::new(disk.clone()), STORE).expect("a store")
}

pub fn open(disk: &SimDisk) -> Result<Services, StoreError> {
    let _inside = RUNTIME.enter();
    let opened = folder::open_on(Arc::new(disk.clone()), STORE)?;
    RUNTIME.block_on(Services::open(Parts {
        opened,
        files: built_in(),
        content: CONTENT.clone(),
        clock: Arc::new(ManualClock::at(dawn())),
        seeds: Box::new(|| 9),
        key: || *Uuid::new_v4().into_bytes().repeat(2).as_array().expect("32 bytes"),
        settings: Settings::default(),
    }))
}

impl Client {
    pub fn new() -> Self {
        Self {
            token: None,
            replaced: Vec::new(),
            leaver: None,
            left: false,
            sessions: Vec::new(),
            slot: None,
            open: None,
            dice: Dice::new(5),
        }
    }

    fn board(&mut self, services: &Services) {
        self.token.get_or_insert_with(|| services.tokens.mint(PLAYER));
        self.leaver.get_or_insert_with(|| services.tokens.mint(LEAVER));
    }

    pub fn sail(&mut self, services: &Services, voyage: &[Step]) -> Result<(), SessionError> {
        self.board(services);
        for step in voyage {
            self.step(services, *step)?;
        }
        Ok(())
    }

    /// Goes on by repeating whatever the server could not do, as it asks for.
    pub fn sail_stubbornly(&mut self, services: &Services, voyage: &[Step]) -> Result<usize, String> {
        self.board(services);
        let single = |step: &Step| match *step {
            Step::Act(session, times) => vec![Step::Act(session, 1); times],
            other => vec![other],
        };
        let mut refusals = 0;
        for step in voyage.iter().flat_map(single) {
            let mut tries = 0;
            while let Err(error) = self.step(services, step) {
                let deleted = matches!((step, &error), (Step::Delete(_), SessionError::Gone { .. }));
                if let Step::Delete(session) = step
                    && deleted
                {
                    self.sessions[session].gone = true;
                    break;
                }
                if let (Step::Clear, SessionError::SlotEmpty { .. }) = (step, &error) {
                    self.slot = None;
                    break;
                }
                if !matches!(error, SessionError::Store(StoreError::Unavailable { .. })) || tries == 3 {
                    return Err(format!("after {tries} tries: {error}"));
                }
                (tries, refusals) = (tries + 1, refusals + 1);
                if matches!(self.open, Some(Open::Act { .. })) {
                    let before = self.taken();
                    // Not answered yet again, perhaps.
                    drop(self.go_on(services));
                    if self.taken() > before {
                        break;
                    }
                }
            }
            self.open = None;
        }
        Ok(refusals)
    }

    fn taken(&self) -> usize {
        self.sessions.iter().map(|promised| promised.turns.len()).sum()
    }

    fn step(&mut self, services: &Services, step: Step) -> Result<(), SessionError> {
        match step {
            Step::Create(seed) => {
                self.open = Some(Open::Create);
                let asked = NewGame { seed: Some(seed), ..NewGame::default() };
                let created = RUNTIME.block_on(services.sessions.create(PLAYER, asked, None))?;
                self.open = None;
                let id = created.snapshot.id;
                self.sessions.push(Promised { id, name: created.name, turns: Vec::new(), gone: false });
            }
            Step::Act(session, times) => {
                for _ in 0..times {
                    self.act(services, session)?;
                }
            }
            Step::Rename(session) => {
                let name = "Another name".to_owned();
                self.open = Some(Open::Rename { session, name: name.clone() });
                let promised = &mut self.sessions[session];
                RUNTIME.block_on(services.sessions.rename(PLAYER, promised.id, name.clone(), Expected::Any))?;
                promised.name = name;
                self.open = None;
            }
            Step::Delete(session) => {
                self.open = Some(Open::Delete { session });
                let promised = &mut self.sessions[session];
                RUNTIME.block_on(services.sessions.delete(PLAYER, promised.id, Expected::Any))?;
                promised.gone = true;
                self.open = None;
            }
            Step::Save(session) => {
                let id = self.sessions[session].id;
                let digest = digest(&RUNTIME.block_on(services.sessions.look(Role::Player, PLAYER, id))?.game);
                self.open = Some(Open::Save { digest: digest.clone() });
                RUNTIME.block_on(services.saves.save(PLAYER, SLOT, id, None))?;
                self.slot = Some(digest);
                self.open = None;
            }
            Step::Load(session) => {
                self.open = Some(Open::Load { session });
                let promised = &mut self.sessions[session];
                let snapshot = RUNTIME.block_on(services.saves.load(PLAYER, SLOT, promised.id, Expected::Any, None))?;
                promised.turns.push((None, digest(&snapshot.game)));
                self.open = None;
            }
            Step::Clear => {
                self.open = Some(Open::Clear);
                RUNTIME.block_on(services.saves.clear(PLAYER, SLOT, None))?;
                self.slot = None;
                self.open = None;
            }
            Step::Rotate => {
                let token = self.token.as_ref().expect("a token");
                let claims = services.tokens.check(token.reveal()).map_err(|_| SessionError::BadToken)?;
                RUNTIME.block_on(services.tokens.write_down_uses())?;
                self.open = Some(Open::Rotate);
                let next = RUNTIME.block_on(services.tokens.rotate(&claims))?;
                self.replaced.extend(self.token.replace(next));
                self.open = None;
            }
            Step::Logout => {
                self.open = Some(Open::Logout);
                RUNTIME.block_on(services.sessions.logout(LEAVER))?;
                self.left = true;
                self.open = None;
            }
            Step::Sweep => drop(RUNTIME.block_on(services.sweeper.sweep())),
        }
        Ok(())
    }

    pub fn act(&mut self, services: &Services, session: usize) -> Result<(), SessionError> {
        let id = self.sessions[session].id;
        let snapshot = RUNTIME.block_on(services.sessions.look(Role::Player, PLAYER, id))?;
        let (action, _) = decide(&snapshot.game, &mut self.dice);
        let key = Some(format!("{session}-{}", snapshot.revision));
        let command = Command { action, expected: Expected::revision(Some(snapshot.revision)), key, nonce: None };
        self.open = Some(Open::Act { session, command: command.clone() });
        let acted = RUNTIME.block_on(services.sessions.act(PLAYER, id, command.clone()))?;
        self.answered(session, command.action, &acted);
        Ok(())
    }

    fn answered(&mut self, session: usize, action: Action, acted: &Acted) {
        let turns = &mut self.sessions[session].turns;
        assert_eq!(acted.revision, turns.len() as u64 + 1, "turns are answered in order");
        turns.push((Some(action), digest(&acted.snapshot.game)));
        self.open = None;
    }

    /// Whether everything that was answered is there, and nothing else but what was asked for last.
    pub fn check(&self, services: &Services) -> Result<(), String> {
        self.check_tokens(services)?;
        for (number, promised) in self.sessions.iter().enumerate() {
            self.check_session(services, number, promised).map_err(|problem| format!("session {number}: {problem}"))?;
        }
        self.check_slot(services)?;
        let kept = self.sessions.iter().filter(|promised| !promised.gone).count();
        let listed = services.directory.list(PLAYER).len();
        let asked = usize::from(matches!(self.open, Some(Open::Create)));
        let dying = usize::from(matches!(self.open, Some(Open::Delete { .. })));
        if !(kept - dying..=kept + asked).contains(&listed) {
            return Err(format!("{listed} sessions instead of {kept}"));
        }
        Ok(())
    }

    /// Which session.
    pub fn id(&self, session: usize) -> SessionId {
        self.sessions[session].id
    }

    /// The sessions that are not deleted, by their place in the voyage.
    pub fn kept(&self) -> Vec<usize> {
        let kept = self.sessions.iter().enumerate().filter(|(_, promised)| !promised.gone);
        kept.map(|(number, _)| number).collect()
    }

    fn check_tokens(&self, services: &Services) -> Result<(), String> {
        let good = |token: &Token| services.tokens.check(token.reveal()).is_ok();
        if !self.token.as_ref().is_some_and(good) {
            return Err("the token is no longer good".to_owned());
        }
        // The last one of these may be good for ten seconds more.
        let revoked = self.replaced.len().saturating_sub(1);
        if self.replaced[..revoked].iter().any(good) {
            return Err("a token that was replaced is good again".to_owned());
        }
        let asked = matches!(self.open, Some(Open::Logout));
        if !asked && self.leaver.as_ref().is_some_and(good) == self.left {
            return Err(format!("somebody has logged out: {}, and his token says otherwise", self.left));
        }
        Ok(())
    }

    /// What is missing of what was answered. Anything that is there and wrong is an error.
    pub fn missing(&self, services: &Services) -> Result<Missing, String> {
        self.missing_as_told(services, |error| matches!(error, SessionError::Store(StoreError::Damaged { .. })))
    }

    /// The same, where sessions and saves may also be missing because of what the server says of them.
    pub fn missing_as_told(
        &self,
        services: &Services,
        told: impl Fn(&SessionError) -> bool,
    ) -> Result<Missing, String> {
        let mut missing = Missing::default();
        if self.check_slot(services).is_err() {
            match RUNTIME.block_on(services.saves.read(PLAYER, SLOT)) {
                Err(error) if told(&error) => missing.slot = true,
                other => return Err(format!("the slot: {:?}", other.map(|save| save.name))),
            }
        }
        for (number, promised) in self.sessions.iter().enumerate() {
            let looked = RUNTIME.block_on(services.sessions.look(Role::Player, PLAYER, promised.id));
            match looked {
                Err(SessionError::Gone { .. } | SessionError::NotFound) if promised.gone => {}
                Err(error) if told(&error) => missing.sessions.push(promised.id),
                Err(error) => return Err(format!("session {number}: {error}")),
                Ok(_) if promised.gone => return Err(format!("session {number} was deleted, and is there")),
                Ok(snapshot) => {
                    let turns =
                        match RUNTIME.block_on(services.sessions.turns(Role::Player, PLAYER, promised.id, 0, 1000)) {
                            Err(error) if told(&error) => {
                                missing.sessions.push(promised.id);
                                continue;
                            }
                            turns => turns.map_err(|error| error.to_string())?,
                        };
                    let turns: BTreeMap<_, _> = turns.into_iter().map(|turn| (turn.revision, turn.digest)).collect();
                    for (revision, (_, digest)) in (1..).zip(&promised.turns) {
                        match turns.get(&revision) {
                            None => missing.turns.push((promised.id, revision)),
                            Some(found) if found == digest => {}
                            Some(_) => return Err(format!("session {number}: turn {revision} is another one")),
                        }
                    }
                    let at = snapshot.revision as usize;
                    let known =
                        at == 0 || promised.turns.get(at - 1).is_some_and(|(_, last)| *last == digest(&snapshot.game));
                    if !known {
                        return Err(format!("session {number}: its state is none that it ever had"));
                    }
                }
            }
        }
        Ok(missing)
    }

    fn check_slot(&self, services: &Services) -> Result<(), String> {
        let found = match RUNTIME.block_on(services.saves.read(PLAYER, SLOT)) {
            Ok(save) => Some(save_digest(&save)),
            Err(SessionError::SlotEmpty { .. }) => None,
            Err(error) => return Err(format!("the slot: {error}")),
        };
        let asked = match &self.open {
            Some(Open::Save { digest }) => found.as_ref() == Some(digest),
            Some(Open::Clear) => found.is_none(),
            _ => false,
        };
        if found == self.slot || asked { Ok(()) } else { Err(format!("the slot has {found:?}")) }
    }

    fn check_session(&self, services: &Services, number: usize, promised: &Promised) -> Result<(), String> {
        let looked = RUNTIME.block_on(services.sessions.look(Role::Player, PLAYER, promised.id));
        let absent = matches!(looked, Err(SessionError::Gone { .. } | SessionError::NotFound));
        let dying = matches!(self.open, Some(Open::Delete { session }) if session == number);
        if promised.gone || (dying && absent) {
            return if absent { Ok(()) } else { Err("it was deleted, and is there".to_owned()) };
        }
        let snapshot = looked.map_err(|error| error.to_string())?;
        let turns = RUNTIME
            .block_on(services.sessions.turns(Role::Player, PLAYER, promised.id, 0, 1000))
            .map_err(|error| error.to_string())?;
        let revisions: Vec<_> = turns.iter().map(|turn| turn.revision).collect();
        if revisions != (1..=snapshot.revision).collect::<Vec<_>>() {
            return Err(format!("revision {} with a history of {revisions:?}", snapshot.revision));
        }
        let mut told: Vec<_> = turns
            .into_iter()
            .map(|turn| match turn.deed {
                Change::Acted { action, .. } => (Some(action), turn.digest),
                Change::Loaded { .. } => (None, turn.digest),
            })
            .collect();
        if told.last().is_some_and(|(_, last)| *last != digest(&snapshot.game)) {
            return Err("the state is not that of the last turn".to_owned());
        }
        let beyond = told.split_off(promised.turns.len().min(told.len()));
        if told != promised.turns {
            return Err(format!("{} turns of {} are there", told.len(), promised.turns.len()));
        }
        let asked = match &self.open {
            Some(Open::Act { session, command }) if *session == number => Some(Some(&command.action)),
            Some(Open::Load { session }) if *session == number => Some(None),
            _ => None,
        };
        if beyond.len() > 1 || beyond.first().is_some_and(|(action, _)| Some(action.as_ref()) != asked) {
            return Err("there is more than was asked for".to_owned());
        }
        let listed = services.directory.list(PLAYER).into_iter().find(|listed| listed.id == promised.id);
        let name = listed.map(|listed| listed.summary.meta.name.clone());
        let renamed = match &self.open {
            Some(Open::Rename { session, name }) if *session == number => Some(name),
            _ => None,
        };
        if name.as_ref() != Some(&promised.name) && name.as_ref() != renamed {
            return Err(format!("its name is {name:?}"));
        }
        Ok(())
    }

    /// Repeats what was not answered. What can be seen of it counts from now on.
    pub fn go_on(&mut self, services: &Services) -> Result<(), String> {
        let listed = services.directory.list(PLAYER);
        match self.open.take() {
            None | Some(Open::Rotate) => {}
            Some(Open::Logout) => {
                self.left = self.leaver.as_ref().is_some_and(|token| services.tokens.check(token.reveal()).is_err());
            }
            Some(Open::Act { session, command }) => {
                let acted = RUNTIME.block_on(services.sessions.act(PLAYER, self.sessions[session].id, command.clone()));
                self.answered(session, command.action, &acted.map_err(|error| format!("repeated: {error}"))?);
            }
            Some(Open::Save { .. } | Open::Clear) => {
                let found = RUNTIME.block_on(services.saves.read(PLAYER, SLOT));
                self.slot = found.ok().as_ref().map(save_digest);
            }
            Some(Open::Load { session }) => {
                let promised = &mut self.sessions[session];
                let seen = RUNTIME
                    .block_on(services.sessions.look(Role::Player, PLAYER, promised.id))
                    .map_err(|error| error.to_string())?;
                if seen.revision > promised.turns.len() as u64 {
                    promised.turns.push((None, digest(&seen.game)));
                }
            }
            Some(Open::Create) => {
                let known = |id| self.sessions.iter().any(|promised| promised.id == id);
                let new = listed.into_iter().find(|each| !known(each.id));
                let promised = new.map(|new| Promised {
                    id: new.id,
                    name: new.summary.meta.name.clone(),
                    turns: Vec::new(),
                    gone: false,
                });
                self.sessions.extend(promised);
            }
            Some(Open::Rename { session, .. }) => {
                let promised = &mut self.sessions[session];
                let seen = listed.into_iter().find(|each| each.id == promised.id);
                promised.name = seen.ok_or("it is not listed")?.summary.meta.name.clone();
            }
            Some(Open::Delete { session }) => {
                let promised = &mut self.sessions[session];
                promised.gone = !listed.iter().any(|each| each.id == promised.id);
            }
        }
        Ok(())
    }

    /// Takes a turn more in every session.
    pub fn sail_on(&mut self, services: &Services) -> Result<(), String> {
        let here = |promised: &&Promised| {
            !promised.gone
                && RUNTIME
                    .block_on(services.sessions.look(Role::Player, PLAYER, promised.id))
                    .is_ok_and(|seen| seen.game.end.is_none())
        };
        let left: Vec<_> = self.sessions.iter().enumerate().filter(|(_, each)| here(each)).map(|(at, _)| at).collect();
        for session in left {
            self.act(services, session).map_err(|error| format!("going on: {error}"))?;
        }
        Ok(())
    }
}

/// A process ends, in a way, and the next one opens what is left of the disk.
pub fn reopen(disk: &SimDisk, end: End) -> Result<(SimDisk, Services), String> {
    let next = disk.after(end);
    let services = open(&next).map_err(|error| format!("it does not start: {error}"))?;
    Ok((next, services))
}
