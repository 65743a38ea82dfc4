//! The texts of the content files that games began with, each kept twice.

use std::sync::Arc;

use super::files::{Files, at};
use super::names::{content_file, copy_of, thing};
use crate::game::content::{Content, Files as Texts};
use crate::model::format;
use crate::store::error::StoreError;

/// The content of all games.
#[derive(Debug)]
pub(super) struct Contents {
    files: Arc<Files>,
}

impl Contents {
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }

    /// Keeps content for the games that begin with it.
    pub fn keep(&self, hash: &str, files: &Texts) -> Result<(), StoreError> {
        if self.has(hash) { Ok(()) } else { self.write_texts(hash, files) }
    }

    /// Makes sure that content which is kept can be read, as long as there is another copy of it.
    pub fn mend(&self, hash: &str, files: &Texts) -> Result<(), StoreError> {
        let name = content_file(hash);
        for name in [name.clone(), copy_of(&name)] {
            let Some(bytes) = self.files.read(&name).map_err(at(&name))? else { continue };
            if !read_files(&bytes).is_ok_and(|kept| kept == *files) {
                drop(self.files.reject(&name, "it is not the content of its name"));
                return self.write_texts(hash, files);
            }
        }
        Ok(())
    }

    fn write_texts(&self, hash: &str, files: &Texts) -> Result<(), StoreError> {
        let name = content_file(hash);
        let bytes = serde_json::to_vec_pretty(files).map_err(|error| at(&name)(error.into()))?;
        self.files.write_bytes_twice(&name, &bytes)
    }

    /// Whether a game began with content of this hash. Any text may be asked for: what is no hash names no file.
    pub fn has(&self, hash: &str) -> bool {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let name = content_file(hash);
        is_hash && (self.files.exists(&name) || self.files.exists(&copy_of(&name)))
    }

    /// The texts of content that a game began with, once they have been read as content.
    pub fn read_texts(&self, hash: &str) -> Result<Texts, StoreError> {
        let content = self.read(hash)?;
        let name = content_file(&content.hash);
        // Reading has put a good one first.
        let bytes = self.files.read(&name).map_err(|error| self.files.unread(&name, error))?.unwrap_or_default();
        read_files(&bytes).map_err(|error| StoreError::Damaged { what: thing(&name), problem: error.to_string() })
    }

    /// Content that a game began with.
    pub fn read(&self, hash: &str) -> Result<Content, StoreError> {
        let name = content_file(hash);
        let damaged = |problem: String| StoreError::Damaged { what: thing(&name), problem };
        let mut problem = damaged("the content a game began with is missing".to_owned());
        if !self.has(hash) {
            return Err(problem);
        }
        for (at, file) in [name.clone(), copy_of(&name)].iter().enumerate() {
            let Some(bytes) = self.files.read(file).map_err(|error| self.files.unread(file, error))? else { continue };
            let read = read_files(&bytes).map_err(|error| damaged(error.to_string()));
            let read = read.and_then(|files| {
                Content::parse(&files).map_err(|faults| {
                    let first = faults.first().map(ToString::to_string).unwrap_or_default();
                    damaged(format!("the content a game began with is no longer accepted: {first}"))
                })
            });
            match read {
                Ok(content) if content.hash == hash => {
                    if at > 0 {
                        self.files.count(&self.files.counts.mended, &name);
                        self.files.write_bytes_twice(&name, &bytes)?;
                    }
                    return Ok(content);
                }
                Ok(_) => problem = damaged("it is not what its name says".to_owned()),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }
}

/// Reads the texts of content files.
fn read_files(bytes: &[u8]) -> serde_json::Result<Texts> {
    serde_json::from_slice(&format::tidy(bytes))
}
