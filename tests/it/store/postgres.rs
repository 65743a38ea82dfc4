//! The suite over PostgreSQL: each opening finds what a node that was killed would have left. And what only this engine can meet.

use std::sync::Arc;
use std::sync::mpsc::channel;

use cosmic_explorer::model::{Nonces, PlayerId, SessionId, VERSION};
use cosmic_explorer::store::{All, Appended, NewTurn, Opened, Store, StoreError, postgres};

use super::{Bed, Played, create};
use crate::cluster::Database;
use crate::patience::join;
use crate::server::dawn;
use crate::voyage::RUNTIME;

impl Bed for Database {
    fn open(&self) -> Opened {
        RUNTIME.block_on(postgres::open(self.settings())).expect("it opens")
    }
}

crate::store_suite!(Database::new());

/// What stands in the way of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    Nothing,
    /// Another turn was taken.
    Behind,
    /// The revision is the same and the history another.
    Forked,
    Gone,
    LoggedOut,
    Outdated,
    Locked,
}

const OBSTACLES: [Obstacle; 7] = [
    Obstacle::Nothing,
    Obstacle::Behind,
    Obstacle::Forked,
    Obstacle::Gone,
    Obstacle::LoggedOut,
    Obstacle::Outdated,
    Obstacle::Locked,
];

impl Obstacle {
    fn put(self, store: &dyn Store, database: &Database, played: &mut Played) {
        let id = played.id().0;
        match self {
            Self::Nothing | Self::Locked => {}
            Self::Behind => drop(database.say(&format!("UPDATE sessions SET revision = 7 WHERE id = '{id}'"))),
            Self::Forked => {
                drop(database.say(&format!("UPDATE sessions SET digest = reverse(digest) WHERE id = '{id}'")))
            }
            Self::Gone => RUNTIME.block_on(store.discard(played.id())).expect("it goes"),
            Self::LoggedOut => {
                let none = All { count: 0, list: Box::new(Vec::new) };
                let line = Nonces {
                    version: VERSION,
                    player: played.form.owner,
                    current: None,
                    previous: None,
                    used: None,
                    at: dawn(),
                };
                RUNTIME.block_on(store.write_nonces(vec![line], none)).expect("it is written");
            }
            Self::Outdated => drop(database.say(&format!("UPDATE sessions SET rules = 99 WHERE id = '{id}'"))),
        }
    }

    fn led_to(self, appended: &Appended) -> bool {
        match self {
            Self::Nothing => matches!(appended, Appended::Taken),
            Self::Behind | Self::Forked => matches!(appended, Appended::Moved),
            Self::Gone => matches!(appended, Appended::Gone),
            Self::LoggedOut => matches!(appended, Appended::Revoked),
            Self::Outdated => matches!(appended, Appended::Failed(StoreError::Outdated { .. })),
            Self::Locked => matches!(appended, Appended::Failed(StoreError::Busy)),
        }
    }
}

/// Gives many turns to the store at once, and waits until it is known what became of them.
fn append_all(store: &Arc<dyn Store>, turns: Vec<NewTurn>) -> Vec<(SessionId, Appended)> {
    let (told, answers) = channel();
    for turn in turns {
        let (told, id) = (told.clone(), turn.session);
        store.append(turn, Box::new(move |appended| drop(told.send((id, appended)))));
    }
    drop(told);
    let mut all = Vec::new();
    while let Ok(answer) = answers.recv_timeout(crate::patience::PATIENCE) {
        all.push(answer);
    }
    all
}

#[test]
fn turns_in_batches_are_each_told_what_became_of_them() {
    for count in [1, 64, 256] {
        let Some(database) = Database::new() else { return };
        let store = database.open().store;
        let mut games: Vec<_> = OBSTACLES
            .iter()
            .cycle()
            .zip(0..count.max(7))
            .map(|(obstacle, seed)| (*obstacle, create(&*store, seed)))
            .collect();
        games.iter_mut().for_each(|(obstacle, played)| obstacle.put(&*store, &database, played));
        let locked: Vec<_> = games.iter().filter(|(obstacle, _)| *obstacle == Obstacle::Locked).collect();
        let ids: Vec<_> = locked.iter().map(|(_, played)| format!("'{}'", played.id().0)).collect();
        let holder = database.hold(&format!("SELECT 1 FROM sessions WHERE id IN ({}) FOR UPDATE", ids.join(",")));
        let turns: Vec<_> = games.iter_mut().map(|(_, played)| played.next().0).collect();
        let told = if count == 1 {
            turns.into_iter().flat_map(|turn| append_all(&store, vec![turn])).collect()
        } else {
            append_all(&store, turns)
        };
        drop(holder);
        assert_eq!(told.len(), games.len());
        for (id, appended) in told {
            let (obstacle, _) = games.iter().find(|(_, played)| played.id() == id).expect("one of them");
            assert!(obstacle.led_to(&appended), "{obstacle:?} led to {appended:?}");
            let written = database.say(&format!("SELECT count(*) FROM turns WHERE session_id = '{}'", id.0));
            assert_eq!(written, if *obstacle == Obstacle::Nothing { "1" } else { "0" }, "{obstacle:?}");
        }
    }
}

#[test]
fn an_empty_database_may_be_opened_by_many_at_once() {
    let Some(database) = Database::new() else { return };
    let opening: Vec<_> = (0..5)
        .map(|_| {
            let settings = database.settings();
            std::thread::spawn(move || RUNTIME.block_on(postgres::open(settings)).map(|opened| opened.store.place()))
        })
        .collect();
    let places: Vec<_> = opening.into_iter().map(|opening| join("a server to open", opening)).collect();
    assert!(places.iter().all(Result::is_ok), "{places:?}");
    assert_eq!(database.say("SELECT version, oldest FROM schema_version"), "2|1");
}

#[test]
fn what_is_damaged_or_newer_is_told_of_and_holds_nothing_else_up() {
    let Some(database) = Database::new() else { return };
    let store = database.open().store;
    let [whole, damaged, newer] = [1, 2, 3].map(|seed| create(&*store, seed));
    database.say(&format!("UPDATE sessions SET day = 'someday' WHERE id = '{}'", damaged.id().0));
    database.say(&format!("UPDATE sessions SET format = 99 WHERE id = '{}'", newer.id().0));
    drop(store);
    let Opened { store, sessions, mut unread, .. } = database.open();
    unread.sort_by_key(|(id, _)| *id);
    assert_eq!(sessions.iter().map(|header| header.session_id).collect::<Vec<_>>(), [whole.form.session_id]);
    assert_eq!(unread, [(damaged.id(), true), (newer.id(), false)]);
    assert_eq!(store.report().set_aside, [format!("session {}", damaged.id())]);
    let owner = PlayerId(damaged.form.owner);
    let others = store.others().expect("a database has others");
    assert!(RUNTIME.block_on(others.belongings(owner)).expect("they read").sessions.is_empty());
}

#[test]
fn what_nobody_needs_any_more_goes() {
    let Some(database) = Database::new() else { return };
    let store = database.open().store;
    database.say(
        "INSERT INTO nodes SELECT gen_random_uuid(), 'long gone', '0', 1, 1, now() - interval '2 days', now() - interval '2 days'",
    );
    let player = PlayerId::fresh();
    let line = |player: PlayerId, at| Nonces {
        version: VERSION,
        player: player.0,
        current: None,
        previous: None,
        used: None,
        at,
    };
    let none = All { count: 0, list: Box::new(Vec::new) };
    let later = dawn() + jiff::SignedDuration::from_secs(1);
    let lines = vec![line(player, later), line(PlayerId::fresh(), dawn())];
    RUNTIME.block_on(store.write_nonces(lines, none)).expect("it is written");
    RUNTIME.block_on(store.prune_nonces(dawn())).expect("they go");
    let left = RUNTIME.block_on(store.nonces()).expect("they read");
    assert_eq!(left.iter().map(|line| line.player).collect::<Vec<_>>(), [player.0]);
    RUNTIME.block_on(store.prune_tombstones(dawn(), 0)).expect("they go");
    assert_eq!(database.say("SELECT count(*) FROM nodes"), "1");
}

#[test]
fn the_time_is_the_databases() {
    let Some(database) = Database::new() else { return };
    let store = database.open().store;
    let before: jiff::Timestamp = told_time(&database);
    let now = store.others().expect("a database has others").now();
    let after = told_time(&database);
    let error = jiff::SignedDuration::from_secs(1);
    assert!(before - error <= now && now <= after + error, "{before} {now} {after}");
}

fn told_time(database: &Database) -> jiff::Timestamp {
    let micros = database.say("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8");
    jiff::Timestamp::from_microsecond(micros.parse().expect("a number")).expect("a time")
}
