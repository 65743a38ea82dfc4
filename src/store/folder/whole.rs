//! A folder as a whole: its parts, opened together. All calls block but [`Folder::append`], which calls back.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::boards::Boards;
use super::checkpoints::Checkpoints;
use super::contents::Contents;
use super::disk::{Disk, LocalDisk};
use super::files::{Files, at};
use super::history::Histories;
use super::index::Rejected;
use super::keys::Keyring;
use super::log::Log;
use super::names::{CLOCK, LOG};
use super::opening::{Found, Opening};
use super::saves::Saves;
use super::segment::Record;
use super::settings::Settings;
use super::tombstones::Tombstones;
use crate::model::Clock;
use crate::model::format::{self, Kind, Unreadable};
use crate::store::{Appended, NewTurn, Result, StoreError, StoreReport, Then, Thing};

/// The folder of one server.
#[derive(Debug)]
pub(super) struct Folder {
    pub files: Arc<Files>,
    pub log: Arc<Log>,
    pub histories: Arc<Histories>,
    pub contents: Arc<Contents>,
    pub checkpoints: Arc<Checkpoints>,
    pub tombstones: Tombstones,
    pub keyring: Keyring,
    pub boards: Boards,
    pub saves: Saves,
}

impl Folder {
    /// Opens a folder of this machine, and makes it if it is not there.
    pub fn open(path: &Path, settings: Settings) -> Result<(Self, Found)> {
        let name = path.display().to_string();
        match LocalDisk::open(path) {
            Ok(disk) => Self::open_on(Arc::new(disk), settings),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(StoreError::Locked { folder: name }),
            Err(error) => Err(at(&name)(error)),
        }
    }

    /// Opens a disk. Damaged files are rebuilt or set aside, newer ones left alone; all of it is logged.
    pub fn open_on(disk: Arc<dyn Disk>, settings: Settings) -> Result<(Self, Found)> {
        let opening = Opening::begin(disk)?;
        let log = Arc::new(opening.open_log(&settings)?);
        let files = opening.files();
        let histories = Arc::new(Histories::new(files.clone(), log.clone()));
        let contents = Arc::new(Contents::new(files.clone()));
        let register = opening.register();
        let checkpoints = Checkpoints::new(files.clone(), log.clone(), histories.clone(), contents.clone(), register);
        let checkpoints = Arc::new(checkpoints);
        let folder = Self {
            tombstones: Tombstones::new(
                files.clone(),
                log.clone(),
                histories.clone(),
                checkpoints.clone(),
                opening.tombstones(),
            ),
            keyring: Keyring::new(files.clone(), settings.begin_anew),
            boards: Boards::new(files.clone()),
            saves: Saves::new(files.clone()),
            files,
            log,
            histories,
            contents,
            checkpoints,
        };
        let found = opening.bring_back(&folder.log, &folder.histories, &folder.checkpoints)?;
        Ok((folder, found))
    }

    /// Takes a turn.
    pub fn append(&self, NewTurn { session, before, turn, stands, state, .. }: NewTurn, then: Then) {
        let (line, place) = match (format::line(&*turn), serde_json::to_vec(&stands.place)) {
            (Ok(line), Ok(place)) => (Arc::new(line), place),
            (Err(error), _) | (_, Err(error)) => return then(Appended::Failed(at(LOG)(error.into()))),
        };
        let record = Record { session: session.0, revision: before.revision() + 1, line, place, state };
        let answer = |taken| match taken {
            Ok(()) => Appended::Taken,
            Err(Rejected::Conflict) => Appended::Moved,
            Err(Rejected::Busy) => Appended::Failed(StoreError::Busy),
            Err(Rejected::Io(error)) => Appended::Failed(at(LOG)(error)),
            Err(Rejected::TooLarge) => {
                let problem = io::Error::other("the state has grown larger than a turn can be");
                Appended::Failed(at(LOG)(problem))
            }
        };
        self.log.append(record, Box::new(move |taken| then(answer(taken))));
    }

    /// Figures for reports.
    pub fn report(&self) -> StoreReport {
        // They have string keys and finite numbers only: they always serialize.
        StoreReport {
            turn_log: serde_json::to_value(self.log.report()).unwrap_or_default(),
            store: serde_json::to_value(self.files.report()).unwrap_or_default(),
            set_aside: self.files.reported(),
        }
    }

    /// Sets aside what reads but makes no sense.
    pub fn reject(&self, what: Thing, problem: &str) -> StoreError {
        match what {
            Thing::Session(id) => self.checkpoints.reject(id.0, problem),
            Thing::Save(player, number) => self.saves.reject(player.0, number, problem),
            what => StoreError::Damaged { what, problem: problem.to_owned() },
        }
    }

    /// What the server made of its clock; none where nobody can tell.
    pub fn clock(&self) -> Result<Option<Clock>> {
        let Some(bytes) = self.files.read(CLOCK).map_err(|error| self.files.unread(CLOCK, error))? else {
            return Ok(None);
        };
        match format::read_mended(Kind::Clock, &bytes) {
            Ok((clock, _)) => Ok(Some(clock)),
            Err(Unreadable::Newer(version)) => Err(StoreError::Newer { what: Thing::Clock, version }),
            Err(Unreadable::Damaged(problem)) => {
                drop(self.files.reject(CLOCK, &problem));
                Ok(None)
            }
        }
    }

    /// Writes down what the server makes of its clock.
    pub fn write_clock(&self, clock: &Clock) -> Result<()> {
        self.files.write(CLOCK, clock)
    }
}
