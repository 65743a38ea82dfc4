//! The register: what lists, limits and lookups need of every session, in one file, so that a start reads one file and not a hundred
//! thousand.
//!
//! It is a copy and no more. What it says of a session counts only where the checkpoint is the very file it was noted from. Where it is
//! not, or where a part of the register is damaged or missing, the checkpoint itself is read. So its lines are not waited for, and what
//! is wrong with it is nobody's loss.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::disk::{DiskFile, Stamp};
use super::files::{Files, joined};
use super::names::{REGISTER, session_file};
use crate::model::format::{self, VERSION};
use crate::model::{Checkpoint, Header};

/// Lines that are added before it is written anew, besides as many as it had then: a few megabytes.
const MAX_ADDED: usize = 10_000;
/// Bytes that are read at a time, by each thread.
const PIECE: u64 = 1 << 20;
/// Bytes of a line at the most: some hundreds are usual. Of one that is longer the checkpoint is read.
const LONGEST: u64 = 1 << 14;

/// A session, and the file that it was noted from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Noted {
    version: u32,
    stamp: Stamp,
    /// Boxed, because a start moves a hundred thousand of them about.
    header: Box<Header>,
}

/// The register of a folder.
#[derive(Debug)]
pub(super) struct Register {
    files: Arc<Files>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The file, and where its end is; none before the first line, and after one that could not be written.
    open: Option<(Box<dyn DiskFile>, u64)>,
    /// Lines that it had when it was last written whole, and since.
    whole: usize,
    added: usize,
}

impl Noted {
    pub fn of(stamp: Stamp, header: Box<Header>) -> Self {
        Self { version: VERSION, stamp, header }
    }

    /// Whether the file is still the one.
    pub fn still(&self, stamp: Stamp) -> bool {
        self.stamp == stamp
    }

    /// What it says.
    pub fn header(self) -> Box<Header> {
        self.header
    }
}

/// What a register says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Of every session, as far as it can be read.
    pub sessions: HashMap<Uuid, Noted>,
    /// Lines of it.
    lines: usize,
}

/// Reads what there is.
pub(super) fn read(files: &Files) -> Said {
    try_read(files).unwrap_or_else(|error| {
        tracing::warn!(file = REGISTER, %error, "the register cannot be read: every session is read instead");
        Said::default()
    })
}

fn try_read(files: &Files) -> io::Result<Said> {
    let Some(look) = files.look(REGISTER)? else { return Ok(Said::default()) };
    // In pieces, side by side: what is read is still near the processor when it is looked at.
    let pieces = look.length.div_ceil(PIECE);
    let pieces: Vec<_> =
        (0..pieces).into_par_iter().map(|at| read_piece(files, at * PIECE, look.length)).collect::<io::Result<_>>()?;
    let count = pieces.iter().map(Vec::len).sum();
    let mut sessions = HashMap::with_capacity(count);
    // The last line of a session counts.
    sessions.extend(pieces.into_iter().flatten().flatten().map(|noted| (noted.header.session_id, noted)));
    Ok(Said { sessions, lines: count })
}

/// The lines that begin in a piece, and none for each that is no good.
fn read_piece(files: &Files, from: u64, length: u64) -> io::Result<Vec<Option<Noted>>> {
    // With the end of the line before, and of the last one.
    let begin = from.saturating_sub(1);
    let end = length.min(from + PIECE + LONGEST);
    let bytes = files.read_at(REGISTER, &[(begin, usize::try_from(end - begin).unwrap_or(usize::MAX))])?.concat();
    let (mut at, mut lines) = (begin, Vec::new());
    for line in bytes.split(|byte| *byte == b'\n') {
        let begins_here = (from == 0 || at > begin) && at < from + PIECE;
        at += line.len() as u64 + 1;
        if begins_here && !line.is_empty() {
            lines.push(noted(line));
        }
    }
    Ok(lines)
}

fn noted(line: &[u8]) -> Option<Noted> {
    let noted: Noted = format::is_whole(line).then(|| serde_json::from_slice(line).ok())??;
    (noted.version == VERSION).then_some(noted)
}

impl Register {
    /// As it is there.
    pub fn new(files: Arc<Files>, said: &Said) -> Self {
        let whole = said.sessions.len();
        Self { files, state: Mutex::new(State { open: None, whole, added: said.lines - whole }) }
    }

    /// Notes a session whose checkpoint has just been written.
    pub fn note(&self, checkpoint: &Checkpoint) {
        // Where it cannot be told which file that is, it is read at the next start.
        if let Ok(Some(stamp)) = self.files.stamp(&session_file(checkpoint.session_id)) {
            self.add(&[Noted::of(stamp, Box::new(Header::of(checkpoint)))]);
        }
    }

    /// Adds lines.
    pub fn add(&self, noted: &[Noted]) {
        if noted.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        let added = self.try_add(&mut state, noted);
        if let Err(error) = added {
            tracing::warn!(file = REGISTER, %error, "sessions could not be noted: they are read at the next start");
            state.open = None;
            return;
        }
        state.added += noted.len();
        if state.added > state.whole + MAX_ADDED
            && let Err(error) = self.tidy(&mut state)
        {
            tracing::warn!(file = REGISTER, %error, "the register could not be written anew; it will be tried again");
            // Not at once.
            state.whole = state.added;
        }
    }

    fn try_add(&self, state: &mut State, noted: &[Noted]) -> io::Result<()> {
        let (file, end) = match &mut state.open {
            Some(open) => open,
            None => {
                let file = self.files.open_file(REGISTER)?;
                let end = file.length()?;
                state.open.insert((file, end))
            }
        };
        let lines: Vec<_> = noted.iter().map(format::line).collect::<Result<_, _>>()?;
        // Should the line before have been torn, these begin on a line of their own.
        let bytes = [b"\n".to_vec(), joined(&lines)].concat();
        file.write(*end, &bytes)?;
        *end += bytes.len() as u64;
        Ok(())
    }

    /// Leaves out what no longer counts.
    fn tidy(&self, state: &mut State) -> io::Result<()> {
        let said = read(&self.files);
        let kept: Vec<_> = said
            .sessions
            .into_values()
            .filter(|noted| self.files.exists(&session_file(noted.header.session_id)))
            .collect();
        self.write(state, &kept)
    }

    fn write(&self, state: &mut State, all: &[Noted]) -> io::Result<()> {
        state.open = None;
        let lines: Vec<_> = all.par_iter().map(format::line).collect::<Result<_, _>>()?;
        self.files.replace(REGISTER, &joined(&lines))?;
        (state.whole, state.added) = (all.len(), 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HeaderStats;
    use crate::store::folder::disk::LocalDisk;

    fn header(id: Uuid, revision: u64) -> Box<Header> {
        Box::new(Header {
            session_id: id,
            owner: Uuid::from_u128(7),
            name: "A name".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            last_activity: jiff::Timestamp::UNIX_EPOCH,
            lived: None,
            revision,
            ranked: true,
            permadeath: false,
            challenge: None,
            begun_with: None,
            place: "A place".to_owned(),
            turn_count: 3,
            end: None,
            player_stats: HeaderStats { wealth: 500, ship_type: "scout".to_owned() },
            outlined: false,
        })
    }

    #[test]
    fn it_is_written_anew_before_it_gets_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = LocalDisk::open(folder.path()).expect("a folder");
        let files = Arc::new(Files::new(Arc::new(disk)));
        let register = Register::new(files.clone(), &Said::default());
        let ids = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3)];
        let stamp = Stamp { number: 1, length: 2, written: (3, 4) };
        for id in &ids[..2] {
            files.replace(&session_file(*id), b"{}").expect("it is written");
        }
        let mut longest = 0;
        for revision in 0..2 * MAX_ADDED as u64 + 100 {
            for id in ids {
                register.add(&[Noted::of(stamp, header(id, revision))]);
            }
            longest = longest.max(register.state.lock().added);
        }
        assert!(longest <= MAX_ADDED + 3, "{longest}");
        let noted = read(&files).sessions;
        // The third has no file: it was deleted long ago, or a moment ago.
        for id in &ids[..2] {
            assert_eq!(noted[id].header.revision, 2 * MAX_ADDED as u64 + 99);
        }
        let lines = files.read(REGISTER).expect("it reads").expect("a file");
        // Each addition has an empty line before it.
        assert!(lines.split(|byte| *byte == b'\n').count() <= 2 * MAX_ADDED + 10);
    }
    #[test]
    fn it_is_read_in_pieces_and_every_line_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = LocalDisk::open(folder.path()).expect("a folder");
        let files = Arc::new(Files::new(Arc::new(disk)));
        let register = Register::new(files.clone(), &Said::default());
        let stamp = Stamp { number: 1, length: 2, written: (3, 4) };
        let count = 6_000;
        for id in 0..count {
            let mut header = header(Uuid::from_u128(id), 1);
            // Lines of many lengths, so that pieces end anywhere.
            header.name = "n".repeat(usize::try_from(id % 97).expect("a small number"));
            register.add(&[Noted::of(stamp, header)]);
        }
        assert!(files.look(REGISTER).expect("it is there").expect("it is there").length > 2 * PIECE);
        let said = read(&files);
        assert_eq!((said.sessions.len() as u128, said.lines as u128), (count, count));
        // One line is longer than any should be: it is no good, and the others are.
        let mut long = header(Uuid::from_u128(count), 1);
        long.name = "n".repeat(2 * usize::try_from(LONGEST).expect("a small number"));
        register.add(&[Noted::of(stamp, long), Noted::of(stamp, header(Uuid::from_u128(count + 1), 1))]);
        let said = read(&files);
        assert!(said.sessions.contains_key(&Uuid::from_u128(count + 1)));
        assert!(said.sessions.len() as u128 > count);
    }
}
