//! Which tokens count. All of a player's that are well signed, until one of them is rotated or the player logs out; from then on those
//! with one of the two nonces that stand here, or none.
//!
//! A rotation whose answer is lost locks nobody out: the token that was presented becomes the previous one, and is good until the
//! current one is used and ten seconds longer. Presented again, it gets the current nonce again, so that two pages of a browser
//! which come back at once do not drive each other out.
//!
//! Nonces are numbered, and only this server signs. So a nonce that follows the current one tells that the disk has lost a later
//! line, or that an admin has brought back an older folder. It counts, or else everybody who had come back since would be locked
//! out of their games for good.
//!
//! Every time here is lived time: neither a token nor a revocation ends because somebody has set the clock.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use super::core::Core;
use super::error::SessionError;
use super::token::{BadToken, Bearer, Claims, LIFE_SECS, Signer, Token};
use crate::model::{self, Nonce, Nonces, PlayerId, SessionId};
use crate::store::All;

/// How long the previous token stays good once the current one is used: for requests that were under way with it.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// Signs and checks tokens, and knows which are revoked.
pub struct Tokens {
    core: Arc<Core>,
    signer: Signer,
    /// Whether a player has something stored.
    has_anything: Box<dyn Fn(PlayerId) -> bool + Send + Sync>,
    list: Mutex<List>,
    /// Held while changes are written, so that they are written in their order.
    writing: tokio::sync::Mutex<()>,
}

/// What counts of a player's tokens.
#[derive(Clone, Copy)]
struct Entry {
    /// None: the player has logged out.
    current: Option<Nonce>,
    previous: Option<Nonce>,
    /// When the current one was first used, and the previous one began to end.
    used: Option<Timestamp>,
    /// When this changed last.
    at: Timestamp,
}

/// The players of whom not every token counts.
#[derive(Default)]
struct List {
    entries: HashMap<PlayerId, Entry>,
    /// Those whose entry is not written down yet, because nobody waits for it.
    unwritten: HashSet<PlayerId>,
}

impl Tokens {
    pub(super) fn new(
        core: Arc<Core>,
        signer: Signer,
        lines: Vec<Nonces>,
        has_anything: impl Fn(PlayerId) -> bool + Send + Sync + 'static,
    ) -> Self {
        let mut list = List::default();
        for Nonces { player, current, previous, used, at, .. } in lines {
            list.entries.insert(PlayerId(player), Entry { current, previous, used, at });
        }
        let has_anything = Box::new(has_anything);
        Self { core, signer, has_anything, list: Mutex::new(list), writing: tokio::sync::Mutex::default() }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock()
    }

    /// Writes down which tokens were first used. That happens by itself; this waits for it.
    pub async fn write_down_uses(self: &Arc<Self>) -> Result<(), SessionError> {
        let me = self.clone();
        self.core.task(async move { me.write_down().await }).await
    }

    async fn write_down(self: &Arc<Self>) -> Result<(), SessionError> {
        // Held over the write: that is what it is for.
        let _alone = self.writing.lock().await;
        let (players, changed) = {
            let mut list = self.list();
            let players = std::mem::take(&mut list.unwritten);
            let changed = players.iter().filter_map(|player| list.entries.get_key_value(player)).map(line).collect();
            (players, changed)
        };
        let written = self.core.store.write_nonces(changed, self.all()).await;
        if written.is_err() {
            self.list().unwritten.extend(players);
        }
        Ok(written?)
    }

    /// Every player of whom not every token counts.
    fn all(self: &Arc<Self>) -> All<Nonces> {
        let me = self.clone();
        let count = me.list().entries.len();
        All { count, list: Box::new(move || me.list().entries.iter().map(line).collect()) }
    }

    /// What a token says, if it is good. It waits for nothing: every request comes through here.
    pub fn check(self: &Arc<Self>, text: &str) -> Result<Claims, BadToken> {
        let now = self.core.lived();
        let claims = self.signer.check(text, now)?;
        let Bearer::Player(player) = claims.bearer else { return Ok(claims) };
        let first_used = self.list().admit(player, claims.nonce, now)?;
        if first_used {
            let me = self.clone();
            // Should it fail, the sweeper tries again.
            self.core.spawn(async move { drop(me.write_down_uses().await) });
        }
        Ok(claims)
    }

    /// The first token of a new player.
    pub fn mint(&self, player: PlayerId) -> Token {
        self.signer.sign(Bearer::Player(player), Nonce::first(), self.core.lived())
    }

    /// The same token with a new life: to a rotation or a logout it is the same, also to one that comes at this moment. For the
    /// previous token it is the current one, because it may take its place in a browser.
    pub fn renew(&self, claims: &Claims) -> Token {
        let current = claims.player().ok().and_then(|player| self.list().current(player));
        self.signer.sign(claims.bearer, current.unwrap_or(claims.nonce), self.core.lived())
    }

    /// A token to watch a session with. Whether it may be had is for the caller to ask.
    pub fn watch(&self, id: SessionId) -> Token {
        self.signer.sign(Bearer::Observer(id), Nonce::first(), self.core.lived())
    }

    /// Whether a token that was good a moment ago still is: asked after joining a session in between.
    pub fn recheck(&self, claims: &Claims) -> Result<(), SessionError> {
        let Bearer::Player(player) = claims.bearer else { return Ok(()) };
        let admitted = self.list().admit(player, claims.nonce, self.core.lived());
        admitted.map(|_| ()).map_err(|BadToken| SessionError::BadToken)
    }

    /// Whether a token still is good by what the store says, where others write there too.
    pub(super) async fn look(&self, player: PlayerId, nonce: Option<Nonce>) -> Result<(), SessionError> {
        let (Some(others), Some(nonce)) = (self.core.store.others(), nonce) else { return Ok(()) };
        if let Some(nonces) = others.look(None, Some(player)).await?.nonces {
            self.learn(nonces);
        }
        let admitted = self.list().admit(player, nonce, self.core.lived());
        admitted.map(|_| ()).map_err(|BadToken| SessionError::BadToken)
    }

    /// A new token in the place of one that is good. The old one stays good until the new one is used, and ten seconds longer.
    pub async fn rotate(self: &Arc<Self>, claims: &Claims) -> Result<Token, SessionError> {
        let (player, nonce) = (claims.player()?, claims.nonce);
        let me = self.clone();
        let rotate = async move {
            let _alone = me.writing.lock().await;
            let now = me.core.lived();
            let current = {
                let mut list = me.list();
                // It may have been revoked since it was checked.
                list.admit(player, nonce, now).map_err(|BadToken| SessionError::BadToken)?;
                list.current(player)
            };
            if let Some(current) = current.filter(|current| *current != nonce) {
                // The answer to the last rotation was lost, or is on its way to another page.
                return Ok(current);
            }
            let next = nonce.next();
            me.change(player, Entry { current: Some(next), previous: Some(nonce), used: None, at: now }).await?;
            // Another server may have been faster, or the player have logged out there.
            if let Some(others) = me.core.store.others()
                && let Some(nonces) = others.look(None, Some(player)).await?.nonces
            {
                me.learn(nonces);
                let mut list = me.list();
                list.admit(player, nonce, now).map_err(|BadToken| SessionError::BadToken)?;
                return Ok(list.current(player).unwrap_or(next));
            }
            Ok(next)
        };
        let nonce = self.core.task(rotate).await?;
        Ok(self.signer.sign(Bearer::Player(player), nonce, self.core.lived()))
    }

    /// Revokes every token of a player. The caller does not stop halfway.
    pub(super) async fn revoke(self: &Arc<Self>, player: PlayerId) -> Result<(), SessionError> {
        let _alone = self.writing.lock().await;
        self.change(player, Entry { current: None, previous: None, used: None, at: self.core.lived() }).await
    }

    /// What the store has of a player's tokens counts, where another server has changed it. Whether they have logged out since.
    pub(super) fn learn(&self, nonces: Nonces) -> bool {
        let Nonces { player, current, previous, used, at, .. } = nonces;
        let mut list = self.list();
        let there = list.entries.get(&PlayerId(player)).copied();
        // The ten seconds of the previous one run from its first use, wherever that was.
        let same = there.is_some_and(|there| {
            there.current == current && (there.used.is_some() || (there.previous == previous && used.is_none()))
        });
        if !same {
            list.entries.insert(PlayerId(player), Entry { current, previous, used, at });
            list.unwritten.remove(&PlayerId(player));
        }
        current.is_none() && there.is_none_or(|there| there.current.is_some())
    }

    /// Writes down what counts of a player from now on; once that is durable, it counts. The caller is alone.
    async fn change(self: &Arc<Self>, player: PlayerId, entry: Entry) -> Result<(), SessionError> {
        self.core.store.write_nonces(vec![line((&player, &entry))], self.all()).await?;
        let mut list = self.list();
        // As many as there can be players with a game or a save; so nobody who has one is forgotten for others.
        let most = 2 * self.core.settings().stored;
        if !list.entries.contains_key(&player) {
            // The directory's lock within this one, never the other way round.
            list.make_room(most, |player| (self.has_anything)(*player));
        }
        list.entries.insert(player, entry);
        list.unwritten.remove(&player);
        Ok(())
    }

    /// Forgets whom no token concerns any more, and writes down what is not written yet.
    pub(super) async fn tidy(self: &Arc<Self>) {
        let now = self.core.lived();
        self.list().prune(now);
        if let Err(error) = self.core.store.prune_nonces(now - life()).await {
            tracing::error!(%error, "old tokens could not be forgotten; it will be tried again");
        }
        if let Err(error) = self.write_down_uses().await {
            tracing::error!(%error, "which tokens count could not be written down; it will be tried again");
        }
    }
}

/// After a change no token of before is good for longer.
fn life() -> SignedDuration {
    SignedDuration::from_secs(LIFE_SECS) + GRACE
}

fn line((player, entry): (&PlayerId, &Entry)) -> Nonces {
    Nonces {
        version: model::VERSION,
        player: player.0,
        current: entry.current,
        // Ten seconds are not worth a second line.
        previous: entry.previous.filter(|_| entry.used.is_none()),
        used: entry.used,
        at: entry.at,
    }
}

impl List {
    /// Whether a player's token counts, and if so, whether that is new and to be written down.
    fn admit(&mut self, player: PlayerId, nonce: Nonce, now: Timestamp) -> Result<bool, BadToken> {
        let Some(entry) = self.entries.get_mut(&player) else { return Ok(false) };
        let current = entry.current.ok_or(BadToken)?;
        if nonce.follows(current) {
            *entry = Entry { current: Some(nonce), previous: None, used: None, at: now };
        } else if nonce == current {
            if entry.previous.is_none() || entry.used.is_some() {
                return Ok(false);
            }
            (entry.used, entry.at) = (Some(now), now);
        } else {
            let ends = |used| now.duration_since(used) >= GRACE;
            let good = entry.previous == Some(nonce) && !entry.used.is_some_and(ends);
            return if good { Ok(false) } else { Err(BadToken) };
        }
        self.unwritten.insert(player);
        Ok(true)
    }

    /// What a good token of a player has, or is to have in its place.
    fn current(&self, player: PlayerId) -> Option<Nonce> {
        self.entries.get(&player).and_then(|entry| entry.current)
    }

    /// Forgets whom no token concerns any more: a revoked one was issued before the change, or while that was being written.
    ///
    /// Not sooner, even where the player has no game any more: a revoked token would open their next one.
    fn prune(&mut self, now: Timestamp) {
        self.entries.retain(|_, entry| now.duration_since(entry.at) < life());
    }

    /// Makes room for one more, and for some after it, because it looks at all: players of whom nothing is stored go first, then those who changed longest ago.
    fn make_room(&mut self, most: usize, stores: impl Fn(&PlayerId) -> bool) {
        if self.entries.len() < most {
            return;
        }
        let mut order: Vec<_> = self.entries.iter().map(|(id, entry)| (stores(id), entry.at, *id)).collect();
        order.sort_unstable();
        for (_, _, id) in order.iter().take(self.entries.len() - most + most.div_ceil(10)) {
            self.entries.remove(id);
        }
    }
}
