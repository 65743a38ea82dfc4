//! All services of this room, built from the store up.

use std::collections::HashMap;
use std::sync::Arc;

use super::Settings;
use super::beginnings::Beginnings;
use super::boards::Boards;
use super::challenge_key::ChallengeKey;
use super::clock::Clock;
use super::contents::Contents;
use super::core::Core;
use super::directory::Directory;
use super::judge::Judge;
use super::lived::Lived;
use super::maps::Maps;
use super::presence::Presences;
use super::report::Reporter;
use super::resident::Card;
use super::saves::Saves;
use super::seats::Seats;
use super::sessions::{self, Sessions};
use super::sweep::Sweeper;
use super::token::Signer;
use super::tokens::Tokens;
use crate::game::content::{Content, Files};
use crate::model::{Header, PlayerId, SessionId};
use crate::store::{Opened, Store, StoreError};

/// What the services are built from. Whatever a test wants to decide is in here.
pub struct Parts {
    /// What outlives the process.
    pub opened: Opened,
    /// The content of new games, as texts.
    pub files: Files,
    /// The same, read.
    pub content: Arc<Content>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws seeds for games that ask for none; only the low 53 bits are used.
    pub seeds: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Draws the key that signs tokens, when there is none yet.
    pub key: fn() -> [u8; 32],
    /// How many, for how long.
    pub settings: Settings,
}

/// What handlers, commands and tests call. A clone is a handle to the same services.
#[derive(Clone)]
pub struct Services {
    /// The store, the time and the settings.
    pub core: Arc<Core>,
    /// Which sessions there are.
    pub directory: Arc<Directory>,
    /// Which tokens count.
    pub tokens: Arc<Tokens>,
    /// What games play on.
    pub contents: Arc<Contents>,
    /// Players' sessions.
    pub sessions: Arc<Sessions>,
    /// Who is connected to them.
    pub presences: Arc<Presences>,
    /// Players' saves.
    pub saves: Arc<Saves>,
    /// Which games count in daily challenges.
    pub judge: Arc<Judge>,
    /// Who has begun daily challenges.
    pub beginnings: Arc<Beginnings>,
    /// What happens by itself.
    pub sweeper: Arc<Sweeper>,
    /// Figures.
    pub reporter: Arc<Reporter>,
    /// Eight digits that tell the store from others. They stay when the key of tokens is changed.
    pub mark: String,
}

impl Services {
    /// Opens the services over their store. Blocks: it reads the store. Call it inside a tokio runtime; their work runs there.
    pub fn open(parts: Parts) -> Result<Self, StoreError> {
        let Parts { opened, files, content, clock, seeds, key, settings } = parts;
        let Opened { store, sessions, unread, slots, boards, begun } = opened;
        let keys = store.keys(key)?;
        let nonces = store.nonces()?;
        let time = Lived::begin(clock, store.clock()?, &sessions, &nonces);
        let mut maps = known(&store, &time, sessions, &unread)?;
        maps.slots = slots.into_iter().map(|(player, number)| (PlayerId(player), number)).collect();

        let (signer, key) = (Signer::new(&keys), ChallengeKey::new(&keys));
        let core = Arc::new(Core::new(store, time, settings));
        let directory = Arc::new(Directory::new(core.clone(), maps));
        let has_anything = {
            let directory = directory.clone();
            move |player| directory.has_anything(player)
        };
        let tokens = Arc::new(Tokens::new(core.clone(), signer, nonces, has_anything));
        let contents = Arc::new(Contents::new(core.clone(), files, content));
        let seats = Arc::new(Seats::new(core.clone(), directory.clone(), contents.clone()));
        let boards = Arc::new(Boards::new(core.clone(), contents.clone(), key.clone(), boards));
        let judge = Judge::new(core.clone(), directory.clone(), seats.clone(), boards.clone(), key.clone());
        let judge = Arc::new(judge);
        let beginnings = Beginnings::open(core.clone(), directory.clone(), judge.clone(), &begun)?;
        let beginnings = Arc::new(beginnings);
        let presences = Arc::new(Presences::new(core.clone(), directory.clone(), seats.clone()));
        let saves =
            Saves::new(core.clone(), directory.clone(), contents.clone(), seats.clone(), judge.clone(), key.clone());
        let mark = key.mark();
        let sessions = Arc::new(Sessions::new(sessions::Parts {
            core: core.clone(),
            directory: directory.clone(),
            contents: contents.clone(),
            seats: seats.clone(),
            presences: presences.clone(),
            judge: judge.clone(),
            beginnings: beginnings.clone(),
            tokens: tokens.clone(),
            key,
            seeds,
        }));
        let reporter = Arc::new(Reporter::new(core.clone(), directory.clone(), boards.clone()));
        let sweeper = Arc::new(Sweeper {
            core: core.clone(),
            directory: directory.clone(),
            seats,
            boards,
            judge: judge.clone(),
            beginnings: beginnings.clone(),
            tokens: tokens.clone(),
            sessions: sessions.clone(),
        });
        judge.judge_soon();
        let saves = Arc::new(saves);
        Ok(Self {
            core,
            directory,
            tokens,
            contents,
            sessions,
            presences,
            saves,
            judge,
            beginnings,
            sweeper,
            reporter,
            mark,
        })
    }
}

/// What the store has, without what was deleted.
fn known(
    store: &Store,
    time: &Lived,
    sessions: Vec<Header>,
    unread: &[(uuid::Uuid, bool)],
) -> Result<Maps, StoreError> {
    let mut maps = Maps::default();
    let buried = store.tombstones()?;
    let dead: HashMap<_, _> = buried.iter().map(|stone| (stone.session_id, stone.revision)).collect();
    for header in sessions {
        let (id, mut card) = Card::of(header);
        // What the log has of it is younger than its checkpoint, by nobody knows how much.
        if store.log().holds(id.0) {
            card.active = time.now();
        }
        let revision = card.revision.max(store.log().revision(id.0).unwrap_or_default());
        if dead.get(&id.0).is_none_or(|buried| revision > *buried) {
            maps.insert(id, card);
        } else if card.outlined {
            // Whether it went on after it was to be buried can be told when it can be read.
            tracing::error!(%id, "a session that was deleted cannot be read, and stays as it is");
        } else if let Err(error) = store.remove_session(id.0) {
            // A crash between the tombstone and the removal left it behind; the next start tries again.
            tracing::error!(%id, %error, "what is left of a deleted session could not be removed");
        }
    }
    for stone in buried {
        if !maps.known.contains_key(&SessionId(stone.session_id)) {
            maps.tombstones.insert(stone);
        }
    }
    maps.tombstones.prune(time.now());
    let unread = unread.iter().filter(|(id, _)| !dead.contains_key(id));
    maps.unread = unread.map(|(id, damaged)| (SessionId(*id), *damaged)).collect();
    maps.due = maps.known.iter().filter(|(_, card)| card.due()).map(|(id, _)| *id).collect();
    Ok(maps)
}
