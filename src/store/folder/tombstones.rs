//! Tombstones: sessions that are gone for good.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use super::checkpoints::Checkpoints;
use super::files::{Files, is_stale};
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
    /// Lines in the file. Held while it is appended to or rewritten.
    lines: Mutex<usize>,
}

impl Tombstones {
    pub fn new(
        files: Arc<Files>,
        log: Arc<Log>,
        histories: Arc<Histories>,
        checkpoints: Arc<Checkpoints>,
        found: usize,
    ) -> Self {
        Self { files, log, histories, checkpoints, lines: Mutex::new(found) }
    }

    /// Buries a session. Once its tombstone is durable it is gone, and what cannot be removed now is removed at the next start.
    pub fn bury(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let id = tombstone.session_id;
        let written = {
            let mut lines = self.lines.lock();
            *lines += 1;
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
        let _alone = self.lines.lock();
        let (mut kept, unread) = self.files.lines_of::<Tombstone>(Kind::Tombstone, TOMBSTONES)?;
        kept.retain(|stone| stone.session_id != id);
        self.files.rewrite_lines(TOMBSTONES, &kept, &unread)
    }

    /// Rewrites the file without those that have stood long enough, when much of it may be out of date. As long as anything of a
    /// session is left its tombstone is, or else it would come back.
    pub fn prune(&self, now: Timestamp, standing: usize) -> Result<(), StoreError> {
        let mut lines = self.lines.lock();
        if !is_stale(*lines, standing) {
            return Ok(());
        }
        let (mut kept, unread) = self.files.lines_of::<Tombstone>(Kind::Tombstone, TOMBSTONES)?;
        let remains =
            |id| self.files.exists(&session_file(id)) || self.histories.is_there(id) || self.log.remembers(id);
        kept.retain(|stone| !stone.is_past(now) || remains(stone.session_id));
        self.files.rewrite_lines(TOMBSTONES, &kept, &unread)?;
        *lines = kept.len();
        Ok(())
    }
}
