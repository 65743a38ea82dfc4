//! Tombstones: sessions that are gone for good.

use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::checkpoints::Checkpoints;
use super::files::Files;
use super::history::Histories;
use super::log::Log;
use super::names::{TOMBSTONES, session_file};
use crate::model::Tombstone;
use crate::model::format::Kind;
use crate::store::error::StoreError;

/// All tombstones.
#[derive(Debug)]
pub(super) struct Tombstones {
    files: Arc<Files>,
    log: Arc<Log>,
    histories: Arc<Histories>,
    checkpoints: Arc<Checkpoints>,
    /// Held while the file is appended to or rewritten.
    writing: Mutex<()>,
}

impl Tombstones {
    pub fn new(files: Arc<Files>, log: Arc<Log>, histories: Arc<Histories>, checkpoints: Arc<Checkpoints>) -> Self {
        Self { files, log, histories, checkpoints, writing: Mutex::default() }
    }

    /// Buries a session. Once its tombstone is durable it is gone, and what cannot be removed now is removed at the next start.
    pub fn bury(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let id = tombstone.session_id;
        let written = {
            let _alone = self.writing.lock();
            self.files.append_lines(TOMBSTONES, std::slice::from_ref(tombstone))
        };
        if let Err(error) = written {
            // The line may be there all the same.
            drop(self.retract(id));
            return Err(error);
        }
        if let Err(error) = self.checkpoints.remove(id) {
            tracing::warn!(%id, %error, "what is left of a deleted session will be removed at the next start");
        }
        Ok(())
    }

    /// Takes a tombstone back whose session goes on.
    fn retract(&self, id: Uuid) -> Result<(), StoreError> {
        let _alone = self.writing.lock();
        let (mut kept, unread) = self.files.lines_of::<Tombstone>(Kind::Tombstone, TOMBSTONES)?;
        kept.retain(|stone| stone.session_id != id);
        self.files.rewrite_lines(TOMBSTONES, &kept, &unread)
    }

    /// All tombstones that were written, oldest first.
    pub fn all(&self) -> Result<Vec<Tombstone>, StoreError> {
        Ok(self.files.lines_of(Kind::Tombstone, TOMBSTONES)?.0)
    }

    /// Rewrites the tombstones' file without those that are not kept; how many are left. As long as anything of a session is left its
    /// tombstone is, or else it would come back.
    pub fn compact(&self, keep: impl Fn(&Tombstone) -> bool) -> Result<usize, StoreError> {
        let _alone = self.writing.lock();
        let (mut kept, unread) = self.files.lines_of::<Tombstone>(Kind::Tombstone, TOMBSTONES)?;
        let remains =
            |id| self.files.exists(&session_file(id)) || self.histories.is_there(id) || self.log.remembers(id);
        kept.retain(|stone| keep(stone) || remains(stone.session_id));
        self.files.rewrite_lines(TOMBSTONES, &kept, &unread)?;
        Ok(kept.len())
    }
}
