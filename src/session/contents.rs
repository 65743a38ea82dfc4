//! The content that games play on: the present one, and those that older games began with, by their hashes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use super::core::Core;
use super::error::SessionError;
use crate::game::content::{Content, Files};
use crate::model::Unproven;
use crate::store::StoreError;
use parking_lot::Mutex;

/// Older content that is kept because it was shown: few servers have more.
const MAX_SHOWN: usize = 4;

/// Content by its hash.
pub struct Contents {
    core: Arc<Core>,
    /// The content of new games, as texts and read.
    files: Arc<Files>,
    present: Arc<Content>,
    /// That of older games in memory. Held while one is read, so that what two ask for at once is read once.
    older: tokio::sync::Mutex<HashMap<String, Weak<Content>>>,
    /// Older content that was shown last: to read it takes far longer than to show it, and anybody may ask.
    shown: Mutex<VecDeque<Arc<Content>>>,
}

impl Contents {
    pub(super) async fn open(core: Arc<Core>, files: Files, present: Arc<Content>) -> Self {
        let files = Arc::new(files);
        if let Err(error) = core.store.mend_content(present.hash.clone(), files.clone()).await {
            // Nobody needs it before there is other content.
            tracing::error!(%error, "damaged content could not be mended");
        }
        Self { core, files, present, older: tokio::sync::Mutex::default(), shown: Mutex::default() }
    }

    /// The content of new games.
    pub fn present(&self) -> &Arc<Content> {
        &self.present
    }

    /// The content a game began with.
    pub(super) async fn of(&self, hash: &str) -> Result<Arc<Content>, StoreError> {
        if self.present.hash == hash {
            return Ok(self.present.clone());
        }
        let mut older = self.older.lock().await;
        if let Some(content) = older.get(hash).and_then(Weak::upgrade) {
            return Ok(content);
        }
        let content = Arc::new(self.core.store.content(hash.to_owned()).await?);
        // Bounded: what no game in memory holds is forgotten.
        older.retain(|_, content| content.strong_count() > 0);
        older.insert(hash.to_owned(), Arc::downgrade(&content));
        Ok(content)
    }

    /// The content that a client's file names. It may name anything.
    pub(super) async fn known(&self, hash: &str) -> Result<Arc<Content>, SessionError> {
        if hash == self.present.hash || self.core.store.has_content(hash.to_owned()).await? {
            return Ok(self.of(hash).await?);
        }
        Err(SessionError::Save(Unproven::ContentMissing { content: hash.chars().take(64).collect() }.into()))
    }

    /// Keeps the content of a game, if it is the present one; an older one is kept already.
    pub(super) async fn keep(&self, hash: &str) -> Result<(), StoreError> {
        if hash != self.present.hash {
            return Ok(());
        }
        self.core.store.keep_content(hash.to_owned(), self.files.clone()).await
    }

    /// Content to be shown; none where no game here began with it.
    pub async fn find(&self, hash: String) -> Result<Option<Arc<Content>>, SessionError> {
        if !self.core.store.has_content(hash.clone()).await? {
            return Ok(None);
        }
        let content = self.of(&hash).await?;
        let mut shown = self.shown.lock();
        if !shown.iter().any(|each| each.hash == hash) {
            if shown.len() == MAX_SHOWN {
                shown.pop_front();
            }
            shown.push_back(content.clone());
        }
        Ok(Some(content))
    }
}
