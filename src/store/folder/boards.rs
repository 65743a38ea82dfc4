//! The daily challenge: its boards, and who has begun it.

use std::sync::Arc;

use memchr::memmem;
use uuid::Uuid;

use super::files::{Files, at};
use super::names::{BOARDS, begun_file, board_file};
use crate::model::format::{self, Kind};
use crate::model::{Begun, BoardName, Day, Entry};
use crate::store::error::StoreError;

/// All boards.
#[derive(Debug)]
pub(super) struct Boards {
    files: Arc<Files>,
}

impl Boards {
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }

    /// The entries of a board, in the order they were made. What a killed server had written without waiting is on the platter when
    /// this answers.
    pub fn board(&self, board: BoardName) -> Result<Vec<Entry>, StoreError> {
        let name = board_file(board);
        if !self.files.exists(&name) {
            return Ok(Vec::new());
        }
        self.files.append(&name, &[]).map_err(|error| self.files.failed(&name, error))?;
        Ok(self.files.lines_of(Kind::Entry, &name)?.0)
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

    /// Adds to its board. One caller at a time.
    pub fn append_entry(&self, entry: &Entry) -> Result<(), StoreError> {
        self.files.append_lines(&board_file(entry.board()), std::slice::from_ref(entry))
    }

    /// Rewrites a board. One caller at a time.
    pub fn rewrite_board(&self, board: BoardName, entries: &[Entry]) -> Result<(), StoreError> {
        let name = board_file(board);
        let (_, unread) = self.files.lines_of::<Entry>(Kind::Entry, &name)?;
        self.files.rewrite_lines(&name, entries, &unread)
    }

    /// Removes boards.
    pub fn remove_boards(&self, boards: &[BoardName]) -> Result<(), StoreError> {
        let names: Vec<_> = boards.iter().copied().map(board_file).collect();
        self.files.remove(&names).map_err(|error| self.files.failed(BOARDS, error))
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

    /// Writes down who has begun a day's challenge. One caller at a time.
    pub fn append_begun(&self, day: Day, begun: &[Begun]) -> Result<(), StoreError> {
        self.files.append_lines(&begun_file(day), begun)
    }

    /// Rewrites who has begun a day's challenge. One caller at a time.
    pub fn rewrite_begun(&self, day: Day, all: &[Begun]) -> Result<(), StoreError> {
        let name = begun_file(day);
        let (_, unread) = self.files.lines_of::<Begun>(Kind::Begun, &name)?;
        self.files.rewrite_lines(&name, all, &unread)
    }

    /// Forgets who has begun a day's challenge.
    pub fn remove_begun(&self, day: Day) -> Result<(), StoreError> {
        let name = begun_file(day);
        self.files.remove(std::slice::from_ref(&name)).map_err(|error| self.files.failed(&name, error))
    }
}
