//! The server's keys, and which tokens of a player count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::files::{Files, at, is_stale, joined};
use super::names::{KEYS, TOKENS, copy_of, history_of, session_of, slot_of, thing};
use super::settings::BeginAnew;
use crate::hex::hex;
use crate::model::format::{self, Kind, Unreadable};
use crate::model::{self, Keys, Nonces};
use crate::store::All;
use crate::store::error::StoreError;

/// The keys and the list of tokens.
#[derive(Debug)]
pub(super) struct Keyring {
    files: Arc<Files>,
    begin_anew: BeginAnew,
    /// The keys say that there is a list of revoked tokens.
    revocations: AtomicBool,
    list: Mutex<List>,
}

/// What is known of the list of tokens. Held while it is written.
#[derive(Debug)]
struct List {
    lines: usize,
    /// A line may be there that was answered with an error.
    unconfirmed: bool,
}

impl Keyring {
    pub fn new(files: Arc<Files>, begin_anew: BeginAnew) -> Self {
        let list = List { lines: 0, unconfirmed: false };
        Self { files, begin_anew, revocations: AtomicBool::new(false), list: Mutex::new(list) }
    }

    /// Which tokens count, oldest change first. What a killed server had written without waiting is on the platter when this
    /// answers.
    pub fn nonces(&self) -> Result<Vec<Nonces>, StoreError> {
        let mut copies = Vec::new();
        for name in TOKENS {
            let Some(bytes) = self.files.read(name).map_err(|error| self.files.unread(name, error))? else { continue };
            self.files.append(name, &[]).map_err(|error| self.files.failed(name, error))?;
            let lines = format::lines(&bytes);
            let (mut read, mut unread) = (Vec::new(), 0);
            for (at, line) in lines.iter().enumerate() {
                match format::read_mended::<Nonces>(Kind::Nonces, line) {
                    Ok((nonces, mended)) => {
                        read.push(nonces);
                        if mended {
                            self.files.count(&self.files.counts.mended, name);
                        }
                    }
                    Err(Unreadable::Newer(version)) => {
                        return Err(StoreError::Newer { what: thing(name), version });
                    }
                    // What a crash left of an append that nobody was told of.
                    Err(Unreadable::Damaged(_)) if at + 1 == lines.len() && !line.ends_with(b"}") => {}
                    Err(Unreadable::Damaged(_)) => unread += 1,
                }
            }
            copies.push((name, bytes, read, unread));
        }
        // The copy lacks at the most what was written last. A damaged one lacks more.
        let best = copies.iter().max_by_key(|(name, _, read, unread)| (*unread == 0, read.len(), *name == TOKENS[0]));
        let whole = best.is_some_and(|(_, _, read, unread)| *unread == 0 && !read.is_empty());
        let marked = self.revocations.load(Ordering::Relaxed);
        if !marked && whole {
            self.mark_revocations()?;
        }
        if marked && !whole && !self.begin_anew.tokens {
            let loss = "tokens that were replaced or logged out would count again";
            return Err(StoreError::Lost { file: TOKENS.join(" with "), loss, word: "tokens" });
        }
        let Some((_, _, nonces, _)) = best else { return Ok(Vec::new()) };
        let wanted = joined(&self.files.lines(TOKENS[0], nonces)?);
        let nonces = nonces.clone();
        self.list.lock().lines = nonces.len();
        for name in TOKENS {
            let found = copies.iter().find(|(found, ..)| *found == name);
            if found.is_some_and(|(_, _, read, unread)| *unread == 0 && *read == nonces) {
                continue;
            }
            if let Some((_, bytes, read, unread)) = found
                && (*unread > 0 || read.len() + 1 < nonces.len())
            {
                tracing::error!(file = name, "which tokens count was damaged, and is taken from its copy");
                self.files.count(&self.files.counts.mended, name);
                self.files.keep_aside(name, bytes).map_err(|error| self.files.failed(name, error))?;
            }
            self.files.replace(name, &wanted).map_err(|error| self.files.failed(name, error))?;
        }
        Ok(nonces)
    }

    /// Writes down which tokens count from now on: appends what has changed; or writes all anew, because much may be out of date or a
    /// line may be there that was answered with an error.
    pub fn write_nonces(&self, changed: Vec<Nonces>, all: All<Nonces>) -> Result<(), StoreError> {
        let mut list = self.list.lock();
        let is_stale = list.unconfirmed || is_stale(list.lines, all.count);
        if changed.is_empty() && !is_stale {
            return Ok(());
        }
        // Until it is known to have gone well.
        list.unconfirmed = true;
        if is_stale {
            let mut all = (all.list)();
            all.retain(|line| changed.iter().all(|changed| changed.player != line.player));
            all.extend(changed);
            TOKENS.iter().try_for_each(|name| self.files.rewrite_lines(name, &all, &[]))?;
            list.lines = all.len();
        } else {
            list.lines += changed.len();
            TOKENS.iter().try_for_each(|name| self.files.append_lines(name, &changed))?;
        }
        if !self.revocations.load(Ordering::Relaxed) {
            self.mark_revocations()?;
        }
        list.unconfirmed = false;
        Ok(())
    }

    /// From here on the list of revoked tokens is missed where it is not there.
    fn mark_revocations(&self) -> Result<(), StoreError> {
        if let Some(keys) = self.files.read_twice::<Keys>(Kind::Keys, KEYS)? {
            self.files.write_twice(KEYS, &Keys { revocations: true, ..keys })?;
        }
        self.revocations.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The server's keys; each is drawn on first use.
    pub fn keys(&self, fresh: fn() -> [u8; 32]) -> Result<Keys, StoreError> {
        let found = match self.files.read_twice::<Keys>(Kind::Keys, KEYS) {
            Err(StoreError::Damaged { .. }) => None,
            read => read?,
        };
        if found.is_none() && !self.begin_anew.keys && self.has_games()? {
            let loss = "every token would be void, and with it the way to its player's games";
            return Err(StoreError::Lost { file: format!("{KEYS} with its copy"), loss, word: "keys" });
        }
        let first = || Keys {
            version: model::VERSION,
            current: hex(&fresh()),
            previous: None,
            challenge: None,
            revocations: false,
        };
        let mut keys = found.clone().unwrap_or_else(first);
        keys.challenge.get_or_insert_with(|| hex(&fresh()));
        // A copy that differs is one that a change of the key did not get to.
        let [own, copy] = [KEYS, &copy_of(KEYS)].map(|name| self.files.read(name));
        let differs = own.is_ok() && copy.is_ok() && own.ok() != copy.ok();
        if found.as_ref() != Some(&keys) || differs {
            self.files.write_twice(KEYS, &keys)?;
        }
        self.revocations.store(keys.revocations, Ordering::Relaxed);
        Ok(keys)
    }

    /// Whether there is anything that a token leads to.
    fn has_games(&self) -> Result<bool, StoreError> {
        let names = self.files.list().map_err(at("."))?;
        let is_game = |name: &String| {
            let name = name.split_once(".invalid").map_or(name.as_str(), |(name, _)| name);
            session_of(name).or(history_of(name)).is_some() || slot_of(name).is_some()
        };
        Ok(names.iter().any(is_game))
    }

    /// Takes over the keys of another folder, or of a database.
    pub fn put_keys(&self, keys: &Keys) -> Result<(), StoreError> {
        self.files.write_twice(KEYS, keys)?;
        self.revocations.store(keys.revocations, Ordering::Relaxed);
        Ok(())
    }

    /// Draws a new key for tokens. The present one becomes the previous one, and that one is forgotten.
    pub fn rotate_key(&self, fresh: fn() -> [u8; 32]) -> Result<(), StoreError> {
        let present = self.keys(fresh)?;
        let keys = Keys { current: hex(&fresh()), previous: Some(present.current), ..present };
        self.files.write_twice(KEYS, &keys)
    }
}
