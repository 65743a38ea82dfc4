//! Histories: the turns of a session, a line each, in one file or in several where the first could not be appended to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use memchr::memmem;
use uuid::Uuid;

use super::files::{Files, at, joined};
use super::log::Log;
use super::names::{LOG, MAX_HISTORIES, history_file, turns_file};
use crate::model::format::{self, Kind};
use crate::model::{Head, Heading, Step, Turn, lineage};
use crate::store::error::StoreError;

/// Bytes at the end of a history in which its last heading is looked for; it has some 400.
pub(super) const TAIL: u64 = 2048;

/// A session's history, as its files and the log have it.
#[derive(Debug, Default)]
pub(super) struct History {
    pub head: Option<Head>,
    /// Those that were wanted.
    pub turns: BTreeMap<u64, Turn>,
    /// How many there are between the revisions that were asked for.
    there: usize,
    /// Lines of it cannot be read.
    damaged: bool,
}

/// The histories of all sessions.
#[derive(Debug)]
pub(super) struct Histories {
    files: Arc<Files>,
    log: Arc<Log>,
}

impl Histories {
    pub fn new(files: Arc<Files>, log: Arc<Log>) -> Self {
        Self { files, log }
    }

    /// Appends to a history that goes up to a revision. Where its file is gone, closed to us, or does not go so far, what follows gets
    /// a file of its own: should the other come back as it was, nothing is written over, and both are read.
    pub fn append(&self, id: Uuid, lines: &[Vec<u8>], up_to: u64) -> Result<(), StoreError> {
        let bytes = [b"\n".to_vec(), joined(lines)].concat();
        let further = (2..=MAX_HISTORIES).take_while(|number| self.files.exists(&history_file(id, *number)));
        let number = further.last().unwrap_or(1);
        let name = history_file(id, number);
        let goes_on = match self.files.tail(&name, TAIL) {
            Ok(tail) => {
                let lines = format::lines(&tail);
                let last = lines.iter().rev().find_map(|line| format::whole(line).then(|| outline(line)).flatten());
                // Each begins with a heading: an empty one was emptied, or is not there now.
                last.is_some_and(|(_, revision)| revision >= up_to)
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
            Err(error) => return Err(self.files.unread(&name, error)),
        };
        if goes_on || number == MAX_HISTORIES {
            return self.files.append(&name, &bytes).map_err(|error| self.files.failed(&name, error));
        }
        tracing::error!(file = name, up_to, "a history is not what it was; what follows is in a file beside it");
        self.files.count(&self.files.counts.damaged, &name);
        let name = history_file(id, number + 1);
        self.files.append(&name, &bytes).map_err(|error| self.files.failed(&name, error))
    }

    /// The history of a session up to a revision, oldest first, from after another.
    ///
    /// The last line of a revision counts, and lines beyond the present one belong to a future that was lost in a crash.
    pub fn turns(&self, id: Uuid, after: u64, up_to: u64, most: usize) -> Result<Vec<Turn>, StoreError> {
        let History { turns, damaged, there, .. } = self.read_history(id, after, up_to, most)?;
        let whole = there as u64 == up_to.saturating_sub(after);
        if (!whole || damaged) && up_to > after {
            tracing::warn!(%id, after, up_to, found = turns.len(), "a history is damaged, or turns are missing from it");
        }
        if !whole && up_to > after {
            self.files.count(&self.files.counts.damaged, &turns_file(id));
        }
        Ok(turns.into_values().collect())
    }

    /// Bytes of a session's history, of which the log has some more.
    pub fn bytes(&self, id: Uuid) -> Result<u64, StoreError> {
        let files = (1..=MAX_HISTORIES).map(|number| history_file(id, number));
        let files = files
            .enumerate()
            .map(|(at, name)| (at, self.files.look(&name).map_err(|error| self.files.unread(&name, error))));
        let mut bytes = 0;
        for (at, look) in files {
            match look? {
                Some(look) => bytes += look.length,
                None if at > 0 => break,
                None => {}
            }
        }
        Ok(bytes)
    }

    pub fn read(&self, id: Uuid) -> Result<History, StoreError> {
        self.read_history(id, 0, u64::MAX, usize::MAX)
    }

    /// Reads of a history what is between two revisions, as many turns as are wanted, and its head. Of the others only the revision is
    /// looked at: a line may be half a megabyte, and there may be thousands.
    fn read_history(&self, id: Uuid, after: u64, up_to: u64, most: usize) -> Result<History, StoreError> {
        // The log first: what a checkpoint takes out of it in between is in the file by then.
        let logged = self.log.lines(id, after, false).map_err(at(LOG))?.lines;
        let mut files = Vec::new();
        for number in 1..=MAX_HISTORIES {
            let name = history_file(id, number);
            // The first may be missing, or have come back; the others come one after the other.
            match self.files.read(&name).map_err(|error| self.files.unread(&name, error))? {
                Some(file) => files.push((name, file)),
                None if number > 1 => break,
                None => {}
            }
        }
        let (mut history, mut found) = (History::default(), BTreeMap::new());
        for (name, file) in &files {
            history.damaged |= self.look_through(name, file, &mut history.head, &mut found);
        }
        for line in logged {
            if let Some((_, revision)) = outline(&line) {
                found.insert(revision, Cow::Owned(line.to_vec()));
            }
        }
        let wanted = found.into_iter().filter(|(revision, _)| (after + 1..=up_to).contains(revision));
        let wanted: Vec<_> = wanted.collect();
        history.there = wanted.len();
        for (revision, line) in wanted.into_iter().take(most) {
            match format::read::<Turn>(Kind::Turn, &line) {
                Ok(turn) => drop(history.turns.insert(revision, turn)),
                Err(error) => {
                    tracing::warn!(%id, revision, %error, "a line of a history is passed over");
                    self.files.count(&self.files.counts.damaged, &turns_file(id));
                    history.damaged = true;
                }
            }
        }
        Ok(history)
    }

    /// Looks through a file of a history: its last head, and the line of each revision. Whether it is damaged.
    fn look_through<'a>(
        &self,
        name: &str,
        file: &'a [u8],
        last: &mut Option<Head>,
        found: &mut BTreeMap<u64, Cow<'a, [u8]>>,
    ) -> bool {
        let mut is_damaged = false;
        let lines = format::lines(file);
        let count = lines.len();
        for (at, line) in lines.into_iter().enumerate() {
            let line = match format::mended_line(line) {
                Ok((line, mended)) => {
                    if mended {
                        self.files.count(&self.files.counts.mended, name);
                    }
                    line
                }
                // What a crash left of an append that nobody was told of.
                Err(line) if at + 1 == count && !line.ends_with(b"}") => continue,
                Err(_) => {
                    tracing::warn!(file = name, line = at + 1, "a line is passed over");
                    self.files.count(&self.files.counts.damaged, name);
                    is_damaged = true;
                    continue;
                }
            };
            let seen = match outline(&line) {
                Some((false, revision)) => Ok(revision),
                Some((true, _)) => format::read::<Heading>(Kind::Turn, &line).map_err(Some).and_then(|heading| {
                    // Beyond is a load that failed.
                    drop(found.split_off(&heading.head.revision.saturating_add(1)));
                    *last = Some(heading.head);
                    Err(None)
                }),
                // Of an older form, or edited.
                None => format::read::<Turn>(Kind::Turn, &line).map(|turn| turn.revision).map_err(Some),
            };
            match seen {
                Ok(revision) => drop(found.insert(revision, line)),
                Err(None) => {}
                Err(Some(error)) => {
                    tracing::warn!(file = name, line = at + 1, %error, "a line is passed over");
                    self.files.count(&self.files.counts.damaged, name);
                    is_damaged = true;
                }
            }
        }
        is_damaged
    }

    /// Up to which revision a session's history goes, by its end.
    pub fn told(&self, id: Uuid) -> Result<Option<u64>, StoreError> {
        let mut told = None;
        for number in 1..=MAX_HISTORIES {
            let name = history_file(id, number);
            let tail = self.files.tail(&name, TAIL).map_err(|error| self.files.unread(&name, error))?;
            if tail.is_empty() && number > 1 {
                break;
            }
            let lines = format::lines(&tail).into_iter().rev().filter_map(|line| format::mended_line(line).ok());
            let head = lines.filter_map(|(line, _)| outline(&line)).find(|(is_head, _)| *is_head);
            told = told.max(head.map(|(_, revision)| revision));
        }
        Ok(told)
    }

    pub fn is_there(&self, id: Uuid) -> bool {
        [1, 2].into_iter().any(|number| self.files.exists(&history_file(id, number)))
    }

    /// How a session's game came to its state at a revision: the actions since it began, or since the game began that was loaded
    /// into it.
    pub fn lineage(&self, id: Uuid, revision: u64) -> Result<Vec<Step>, StoreError> {
        Ok(lineage(self.turns(id, 0, revision, usize::MAX)?))
    }
}

/// What a line of history is, without reading it: whether it is a heading, and its revision. None where that cannot be told so.
pub(super) fn outline(line: &[u8]) -> Option<(bool, u64)> {
    // A checksum, the version, and then one or the other.
    let begin = &line[..line.len().min(120)];
    let at = memmem::find(begin, b"\"revision\":")? + b"\"revision\":".len();
    let is_head = memmem::find(&begin[..at], b"\"head\":").is_some();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let revision = std::str::from_utf8(&line[at..at + digits]).ok()?.parse().ok()?;
    format::is_sealed(line).then_some((is_head, revision))
}
