//! The daily challenge: its boards, and who has begun it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use memchr::memmem;
use parking_lot::Mutex;
use uuid::Uuid;

use super::files::{Files, at};
use super::names::{BOARDS, begun_file, board_file};
use crate::model::format::{self, Kind};
use crate::model::{Begun, BoardName, Day, Entry, SessionId};
use crate::store::error::StoreError;

/// All boards.
#[derive(Debug)]
pub(super) struct Boards {
    files: Arc<Files>,
    /// How many lines boards have. There are no more of them than there are files.
    lines: Mutex<BTreeMap<BoardName, usize>>,
    /// Sessions whose line may be in the file although their players were told that they have not begun. Held while the file is written.
    unconfirmed: Mutex<HashMap<Day, HashSet<Uuid>>>,
}

impl Boards {
    pub fn new(files: Arc<Files>) -> Self {
        Self { files, lines: Mutex::default(), unconfirmed: Mutex::default() }
    }

    /// The entries of a board, in the order they were made. What a killed server had written without waiting is on the platter when
    /// this answers.
    pub fn board(&self, board: BoardName) -> Result<Vec<Entry>, StoreError> {
        let name = board_file(board);
        if !self.files.exists(&name) {
            return Ok(Vec::new());
        }
        self.files.append(&name, &[]).map_err(|error| self.files.failed(&name, error))?;
        let entries = self.files.lines_of(Kind::Entry, &name)?.0;
        self.lines.lock().insert(board, entries.len());
        Ok(entries)
    }

    /// The entries that a session made, which is one, unless the disk failed after it was written. Reads little of the others.
    pub fn entries_of(&self, board: BoardName, session: Uuid) -> Result<Vec<Entry>, StoreError> {
        let name = board_file(board);
        let bytes = self.files.read(&name).map_err(at(&name))?.unwrap_or_default();
        let id = session.to_string();
        let lines = format::lines(&bytes);
        let own = lines.iter().filter(|line| memmem::find(line, id.as_bytes()).is_some());
        let entries =
            own.filter_map(|line| format::read_mended::<Entry>(Kind::Entry, line).ok()).map(|(entry, _)| entry);
        Ok(entries.filter(|entry| entry.claim.session_id == session).collect())
    }

    /// Adds to its board, on which these sessions stand then. When many more lines are in its file than can stand on it, it is written
    /// anew without the others.
    pub fn add_entry(&self, entry: &Entry, standing: &[SessionId], most: usize) -> Result<(), StoreError> {
        let board = entry.board();
        self.files.append_lines(&board_file(board), std::slice::from_ref(entry))?;
        let lines = {
            let mut lines = self.lines.lock();
            let lines = lines.entry(board).or_default();
            *lines += 1;
            *lines
        };
        if lines > most + most / 4 + 10
            && let Err(error) = self.thin_out(board, standing)
        {
            tracing::error!(%board, %error, "a board could not be written anew; it will be tried again with a later entry");
        }
        Ok(())
    }

    fn thin_out(&self, board: BoardName, standing: &[SessionId]) -> Result<(), StoreError> {
        let name = board_file(board);
        let (mut entries, unread) = self.files.lines_of::<Entry>(Kind::Entry, &name)?;
        let mut left: HashSet<_> = standing.iter().map(|id| id.0).collect();
        entries.retain(|entry| left.remove(&entry.claim.session_id));
        self.files.rewrite_lines(&name, &entries, &unread)?;
        self.lines.lock().insert(board, entries.len());
        Ok(())
    }

    /// Removes boards.
    pub fn remove_boards(&self, boards: &[BoardName]) -> Result<(), StoreError> {
        let names: Vec<_> = boards.iter().copied().map(board_file).collect();
        self.files.remove(&names).map_err(|error| self.files.failed(BOARDS, error))?;
        self.lines.lock().retain(|board, _| !boards.contains(board));
        Ok(())
    }

    /// Who has begun a day's challenge. What a killed server had written without waiting is on the platter when this answers.
    pub fn begun(&self, day: Day) -> Result<Vec<Begun>, StoreError> {
        let name = begun_file(day);
        if !self.files.exists(&name) {
            return Ok(Vec::new());
        }
        self.files.append(&name, &[]).map_err(|error| self.files.failed(&name, error))?;
        Ok(self.files.lines_of(Kind::Begun, &name)?.0)
    }

    /// Writes down who has begun a day's challenge; where that fails they have not.
    pub fn add_begun(&self, day: Day, begun: &[Begun]) -> Result<(), StoreError> {
        let mut unconfirmed = self.unconfirmed.lock();
        self.retract_begun(day, &mut unconfirmed)?;
        let written = self.files.append_lines(&begun_file(day), begun);
        if written.is_err() {
            // They may be there all the same.
            unconfirmed.entry(day).or_default().extend(begun.iter().map(|begun| begun.session_id));
            // What cannot be taken back now is with the next one.
            drop(self.retract_begun(day, &mut unconfirmed));
        }
        written
    }

    /// Takes back who was told that they have not begun.
    fn retract_begun(&self, day: Day, unconfirmed: &mut HashMap<Day, HashSet<Uuid>>) -> Result<(), StoreError> {
        let Some(taken_back) = unconfirmed.get(&day) else { return Ok(()) };
        let name = begun_file(day);
        let (mut kept, unread) = self.files.lines_of::<Begun>(Kind::Begun, &name)?;
        kept.retain(|begun| !taken_back.contains(&begun.session_id));
        self.files.rewrite_lines(&name, &kept, &unread)?;
        unconfirmed.remove(&day);
        Ok(())
    }

    /// Forgets who has begun a day's challenge.
    pub fn remove_begun(&self, day: Day) -> Result<(), StoreError> {
        let mut unconfirmed = self.unconfirmed.lock();
        let name = begun_file(day);
        self.files.remove(std::slice::from_ref(&name)).map_err(|error| self.files.failed(&name, error))?;
        unconfirmed.remove(&day);
        Ok(())
    }
}
