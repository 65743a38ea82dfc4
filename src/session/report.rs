//! Figures of the sessions, by name, for those who run the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::boards::Boards;
use super::core::Core;
use super::directory::Directory;
use super::lived::ClockReport;

/// How many there are.
#[derive(Clone, Debug)]
pub struct Report {
    /// Sessions that are stored, in memory or not.
    pub known: usize,
    /// Sessions in memory.
    pub resident: usize,
    /// Sessions in memory at the most.
    pub limit: usize,
    /// Places in memory that are taken, by sessions or for some on their way.
    pub places_taken: usize,
    /// Players with a session.
    pub players: usize,
    /// Sessions that are gone for good, for a day.
    pub tombstones: usize,
    /// Sessions that cannot be read, so that nobody knows whose they are.
    pub unread: usize,
    /// Sessions with a connection of their player.
    pub connected: usize,
    /// Sessions whose player's connection dropped, and that wait for them to come back.
    pub link_dead: usize,
    /// Boards of daily challenges.
    pub boards: usize,
    /// Finished games of a challenge that have no verdict yet.
    pub due: usize,
    /// Entries made on boards since the start.
    pub entries: u64,
    /// Games that did not count, and entries that are not what they say, since the start.
    pub refused: u64,
    /// What the server makes of its clock.
    pub clock: ClockReport,
}

/// Makes reports.
pub struct Reporter {
    core: Arc<Core>,
    directory: Arc<Directory>,
    boards: Arc<Boards>,
}

impl Reporter {
    pub(super) fn new(core: Arc<Core>, directory: Arc<Directory>, boards: Arc<Boards>) -> Self {
        Self { core, directory, boards }
    }

    /// The figures of this moment.
    pub fn report(&self) -> Report {
        let (limit, clock) = (self.core.settings().limit, self.core.clock());
        let roster = self.directory.roster();
        Report {
            known: roster.known.len(),
            resident: roster.resident.values().filter(|resident| resident.shown.is_some()).count(),
            limit,
            places_taken: self.core.places.taken(limit),
            players: roster.by_owner.len(),
            tombstones: roster.tombstones.by_id.len(),
            unread: roster.unread.len(),
            connected: roster.connections.values().filter(|live| live.player.is_some()).count(),
            link_dead: roster.connections.values().filter(|live| live.link_dead()).count(),
            boards: self.boards.count(),
            due: roster.awaiting_verdict.len(),
            entries: count(&self.boards.counts.entries),
            refused: count(&self.boards.counts.refused),
            clock,
        }
    }
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
