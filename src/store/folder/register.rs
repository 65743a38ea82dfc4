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

/// A session, and the file that it was noted from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Noted {
    version: u32,
    stamp: Stamp,
    header: Header,
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
    pub fn of(stamp: Stamp, header: Header) -> Self {
        Self { version: VERSION, stamp, header }
    }

    /// What it says, if the file is still the one.
    pub fn still(self, stamp: Stamp) -> Option<Header> {
        (self.stamp == stamp).then_some(self.header)
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
    let bytes = match files.read(REGISTER) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(file = REGISTER, %error, "the register cannot be read: every session is read instead");
            return Said::default();
        }
    };
    let lines: Vec<_> = bytes.par_split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(noted).collect();
    let count = lines.len();
    // The last line of a session counts.
    let noted = lines.into_iter().flatten().map(|noted| (noted.header.session_id, noted));
    Said { sessions: noted.collect(), lines: count }
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
            self.add(&[Noted::of(stamp, Header::of(checkpoint))]);
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
    use crate::store::folder::names::is_ours;

    fn header(id: Uuid, revision: u64) -> Header {
        Header {
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
        }
    }

    #[test]
    fn it_is_written_anew_before_it_gets_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(Arc::new(LocalDisk::open(folder.path()).expect("a folder")), is_ours).expect("files");
        let files = Arc::new(files);
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
}
