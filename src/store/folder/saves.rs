//! Players' saves, each kept twice.

use std::sync::Arc;

use uuid::Uuid;

use super::files::Files;
use super::names::{copy_of, slot_file};
use crate::model::Save;
use crate::model::format::{self, Kind};
use crate::store::error::StoreError;

/// The saves of all players.
#[derive(Debug)]
pub(super) struct Saves {
    files: Arc<Files>,
}

impl Saves {
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }

    /// A player's save; none where the slot is empty.
    pub fn read(&self, player: Uuid, number: u8) -> Result<Option<Save>, StoreError> {
        self.files.read_twice(Kind::Save, &slot_file(player, number))
    }

    /// Writes a player's save.
    pub fn put(&self, player: Uuid, number: u8, save: &Save) -> Result<(), StoreError> {
        let name = slot_file(player, number);
        if let Ok(Some(before)) = self.files.read(&name)
            && format::read_mended::<serde::de::IgnoredAny>(Kind::Save, &before).is_err()
        {
            self.files.keep_aside(&name, &before).map_err(|error| self.files.failed(&name, error))?;
        }
        self.files.write_twice(&name, save)
    }

    /// Empties a slot.
    pub fn remove(&self, player: Uuid, number: u8) -> Result<(), StoreError> {
        let name = slot_file(player, number);
        let names = [name.clone(), copy_of(&name)];
        self.files.remove(&names).map_err(|error| self.files.failed(&name, error))
    }

    /// Sets a player's save aside, because it reads but makes no sense.
    pub fn reject(&self, player: Uuid, number: u8, problem: &str) -> StoreError {
        let name = slot_file(player, number);
        drop(self.files.reject(&copy_of(&name), problem));
        self.files.reject(&name, problem)
    }
}
