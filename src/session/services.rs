//! All services of this room, built from the store up.

use std::sync::Arc;

use super::beginnings::Beginnings;
use super::boards::Boards;
use super::challenge_key::ChallengeKey;
use super::clock::Clock;
use super::contents::Contents;
use super::core::Core;
use super::deletion::Deletion;
use super::directory::Directory;
use super::game_session::Summary;
use super::judge::Judge;
use super::lived::Lived;
use super::others::Others;
use super::presence::Presences;
use super::report::Reporter;
use super::roster::Roster;
use super::saves::{self, Saves};
use super::seats::Seats;
use super::sessions::{self, Sessions};
use super::settings::Settings;
use super::sweep::Sweeper;
use super::token::Signer;
use super::tokens::Tokens;
use crate::game::content::{Content, Files};
use crate::model::{BoardName, Day, Header};
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
    /// What other servers of the store do.
    pub others: Arc<Others>,
    /// Figures.
    pub reporter: Arc<Reporter>,
    /// Eight digits that tell the store from others. They stay when the key of tokens is changed.
    pub mark: String,
}

/// What the other services stand on.
struct Ground {
    core: Arc<Core>,
    directory: Arc<Directory>,
    tokens: Arc<Tokens>,
    contents: Arc<Contents>,
    key: ChallengeKey,
}

impl Services {
    /// Opens the services over their store. Call it inside a tokio runtime; their work runs there.
    pub async fn open(parts: Parts) -> Result<Self, StoreError> {
        let Parts { opened, files, content, clock, seeds, key, settings } = parts;
        let Opened { store, sessions, unread, tombstones, slots, boards, begun } = opened;
        let keys = store.keys(key).await?;
        let nonces = store.nonces().await?;
        let time = Lived::begin(clock, store.clock().await?, &sessions, &nonces);
        let mut roster = known(&*store, &time, sessions);
        tombstones.into_iter().for_each(|stone| roster.tombstones.insert(stone));
        roster.tombstones.prune(time.now());
        roster.unread = unread.into_iter().collect();
        roster.slots = slots.into_iter().collect();

        let core = Arc::new(Core::new(store, time, settings));
        let directory = Arc::new(Directory::new(core.clone(), roster));
        let has_anything = {
            let directory = directory.clone();
            move |player| directory.has_anything(player)
        };
        let tokens = Arc::new(Tokens::new(core.clone(), Signer::new(&keys), nonces, has_anything));
        let contents = Arc::new(Contents::open(core.clone(), files, content).await);
        let ground = Ground { core, directory, tokens, contents, key: ChallengeKey::new(&keys) };
        let services = ground.build(boards, &begun, seeds).await?;
        services.judge.judge_soon();
        Ok(services)
    }
}

impl Ground {
    fn judge(&self, boards: Vec<BoardName>) -> (Arc<Seats>, Arc<Boards>, Arc<Judge>) {
        let Self { core, directory, contents, key, .. } = self;
        let seats = Arc::new(Seats::new(core.clone(), directory.clone(), contents.clone()));
        let boards = Arc::new(Boards::new(core.clone(), contents.clone(), key.clone(), boards));
        let judge = Judge::new(core.clone(), directory.clone(), seats.clone(), boards.clone(), key.clone());
        let judge = Arc::new(judge);
        (seats, boards, judge)
    }

    async fn build(
        self,
        boards: Vec<BoardName>,
        begun: &[Day],
        seeds: Box<dyn Fn() -> u64 + Send + Sync>,
    ) -> Result<Services, StoreError> {
        let (seats, boards, judge) = self.judge(boards);
        let Self { core, directory, tokens, contents, key } = self;
        let beginnings = Beginnings::open(core.clone(), directory.clone(), judge.clone(), begun).await?;
        let beginnings = Arc::new(beginnings);
        let presences = Arc::new(Presences::new(core.clone(), directory.clone(), seats.clone()));
        let deletion = Deletion::new(core.clone(), directory.clone(), seats.clone(), presences.clone(), judge.clone());
        let deletion = Arc::new(deletion);
        let saves = {
            let (core, directory, contents) = (core.clone(), directory.clone(), contents.clone());
            saves::Parts { core, directory, contents, seats: seats.clone(), judge: judge.clone(), key: key.clone() }
        };
        let sessions = sessions::Parts {
            core: core.clone(),
            directory: directory.clone(),
            contents: contents.clone(),
            seats: seats.clone(),
            deletion: deletion.clone(),
            judge: judge.clone(),
            beginnings: beginnings.clone(),
            tokens: tokens.clone(),
            key: key.clone(),
            seeds,
        };
        let sessions = Arc::new(Sessions::new(sessions));
        let others = {
            let (core, directory, seats) = (core.clone(), directory.clone(), seats.clone());
            Others { core, directory, seats, tokens: tokens.clone(), beginnings: beginnings.clone() }
        };
        let sweeper = Sweeper {
            core: core.clone(),
            directory: directory.clone(),
            seats,
            boards: boards.clone(),
            judge: judge.clone(),
            beginnings: beginnings.clone(),
            tokens: tokens.clone(),
            deletion,
        };
        Ok(Services {
            reporter: Arc::new(Reporter::new(core.clone(), directory.clone(), boards)),
            sweeper: Arc::new(sweeper),
            others: Arc::new(others),
            saves: Arc::new(Saves::new(saves)),
            mark: key.mark(),
            core,
            directory,
            tokens,
            contents,
            sessions,
            presences,
            judge,
            beginnings,
        })
    }
}

/// What the store has.
fn known(store: &dyn Store, time: &Lived, sessions: Vec<Box<Header>>) -> Roster {
    let mut roster = Roster::of_size(sessions.len());
    for header in sessions {
        let (id, mut summary) = Summary::of(*header);
        // Its last turns are younger than what was written down of it, by nobody knows how much.
        if store.is_behind(id) {
            summary.active = time.now();
        }
        if summary.awaits_verdict() {
            roster.awaiting_verdict.insert(id);
        }
        roster.insert(id, summary);
    }
    roster
}
