//! The store's face: what every engine keeps to. The tests are written once; an engine brings a [`Bed`] and runs them all.

mod folder;
mod postgres;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmic_explorer::game::RULES_VERSION;
use cosmic_explorer::game::content::{Difficulty, built_in};
use cosmic_explorer::game::rng::Dice;
use cosmic_explorer::game::rules;
use cosmic_explorer::model::{
    Beginning, Begun, Change, Checkpoint, Clock, Day, Departure, Entry, EventId, Map, Nonce, Nonces, PlayerId, Save,
    SessionId, State, Step, Tombstone, Turn, VERSION, digest,
};
use cosmic_explorer::store::{All, Appended, Health, NewTurn, Opened, Stands, Store, StoreError, Thing};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::play::{CONTENT, decide};
use crate::server::dawn;
use crate::voyage::RUNTIME;

/// Where an engine keeps things.
pub trait Bed {
    /// Opens the engine over what is there. The one before it has been dropped.
    fn open(&self) -> Opened;
}

/// A game that is played beside the store: what the store must have.
pub struct Played {
    pub form: Checkpoint,
    game: cosmic_explorer::game::state::Game,
    dice: Dice,
    pub turns: Vec<Turn>,
}

impl Played {
    pub fn begin(owner: PlayerId, seed: u64) -> Self {
        let game = rules::begin(&CONTENT, seed, Difficulty::Normal);
        let form = Checkpoint {
            version: VERSION,
            session_id: Uuid::now_v7(),
            owner: owner.0,
            name: "A voyage".to_owned(),
            created_at: dawn(),
            last_activity: dawn(),
            lived: Some(dawn()),
            revision: 0,
            ranked: true,
            permadeath: false,
            challenge: None,
            rules: RULES_VERSION,
            content: CONTENT.hash.clone(),
            keys: Vec::new(),
            begun_with: Some(Beginning::of("the first".to_owned(), &seed)),
            place: cosmic_explorer::model::whereabouts(&game),
            state: State::of(&game, &CONTENT),
            star_map: Map::of(&game.map, &CONTENT),
        };
        Self { form, game, dice: Dice::new(seed), turns: Vec::new() }
    }

    pub fn id(&self) -> SessionId {
        SessionId(self.form.session_id)
    }

    pub fn head(&self) -> EventId {
        EventId::new(self.form.revision, &self.form.state.digest(&self.form.star_map.digest()))
    }

    /// The next turn, as a session would give it to the store. It is not taken yet.
    pub fn next(&mut self) -> (NewTurn, Checkpoint) {
        let (action, _) = decide(&self.game, &mut self.dice);
        let (game, outcome) = rules::apply(&self.game, &CONTENT, &action).expect("an action that is offered");
        let state = State::of(&game, &CONTENT);
        let bytes = state.encode();
        let revision = self.form.revision + 1;
        let turn = Turn {
            version: VERSION,
            revision,
            at: dawn() + SignedDuration::from_secs(revision as i64),
            deed: Change::Acted { action, outcome },
            digest: digest(&self.form.star_map.digest(), &bytes),
            rules: RULES_VERSION,
            content: CONTENT.hash.clone(),
            key: Some(format!("key {revision}")),
        };
        let place = cosmic_explorer::model::whereabouts(&game);
        let before = self.head();
        let after = Checkpoint { revision, place: place.clone(), state, ..self.form.clone() };
        self.game = game;
        let turn = Arc::new(turn);
        let stands = Stands {
            place,
            ship_type: after.state.player_stats.ship_type.clone(),
            turn_count: after.state.turn_count,
            wealth: after.state.player_stats.wealth,
            end: after.state.end.clone(),
        };
        (NewTurn { session: self.id(), before, token: None, turn, stands, state: bytes }, after)
    }

    /// Plays a turn, which the store takes.
    pub fn play(&mut self, store: &dyn Store) {
        let (turn, after) = self.next();
        self.turns.push(Turn::clone(&turn.turn));
        assert!(matches!(append(store, turn), Appended::Taken));
        self.form = after;
    }

    /// Whether the store has the game as it was played.
    pub fn check(&self, store: &dyn Store) {
        let read = RUNTIME.block_on(store.read(self.id())).expect("it reads").expect("a session");
        assert_eq!((read.revision, &read.state, &read.place), (self.form.revision, &self.form.state, &self.form.place));
        assert_eq!((&read.star_map, read.owner, &read.name), (&self.form.star_map, self.form.owner, &self.form.name));
        assert_eq!((read.ranked, &read.begun_with), (self.form.ranked, &self.form.begun_with));
        let header = RUNTIME.block_on(store.header(self.id())).expect("it reads").expect("a session");
        assert_eq!((header.revision, header.owner), (self.form.revision, self.form.owner));
        let turns = RUNTIME.block_on(store.turns(self.id(), 0, u64::MAX, usize::MAX)).expect("they read");
        assert_eq!(turns, self.turns);
    }
}

/// Gives a turn to the store, and waits until it is known what became of it.
pub fn append(store: &dyn Store, turn: NewTurn) -> Appended {
    let (answer, answered) = std::sync::mpsc::channel();
    store.append(turn, Box::new(move |appended| drop(answer.send(appended))));
    crate::patience::receive("the store to answer", &answered)
}

fn create(store: &dyn Store, seed: u64) -> Played {
    let played = Played::begin(PlayerId::fresh(), seed);
    RUNTIME.block_on(store.create(played.form.clone())).expect("it is created");
    played
}

fn stone(played: &Played, at: Timestamp) -> Tombstone {
    Tombstone {
        version: VERSION,
        session_id: played.form.session_id,
        revision: played.form.revision,
        owner: played.form.owner,
        expired_at: at,
        lived: Some(at),
        reason: Departure::Deleted,
        begun_with: None,
    }
}

pub fn a_session_is_there_from_its_creation_to_its_burial(bed: &dyn Bed) {
    let Opened { store, sessions, tombstones, .. } = bed.open();
    assert!(sessions.is_empty() && tombstones.is_empty());
    assert_eq!(store.health(), Health::Good);
    let nobody = SessionId(Uuid::now_v7());
    assert!(RUNTIME.block_on(store.read(nobody)).expect("it reads").is_none());
    assert!(RUNTIME.block_on(store.header(nobody)).expect("it reads").is_none());

    let (mut played, never) = (create(&*store, 1), create(&*store, 2));
    played.check(&*store);
    played.play(&*store);
    RUNTIME.block_on(store.discard(never.id())).expect("it goes");
    assert!(RUNTIME.block_on(store.read(never.id())).expect("it reads").is_none());
    drop(store);

    let Opened { store, sessions, tombstones, .. } = bed.open();
    let found: Vec<_> = sessions.iter().map(|header| (header.session_id, header.revision)).collect();
    assert_eq!((found, tombstones.len()), (vec![(played.form.session_id, 1)], 0));
    played.check(&*store);
    let stone = stone(&played, dawn());
    assert!(RUNTIME.block_on(store.bury(stone.clone())).expect("it is buried"));
    assert!(RUNTIME.block_on(store.read(played.id())).expect("it reads").is_none());
    assert!(!store.is_behind(played.id()));
    drop(store);

    let Opened { store, sessions, tombstones, .. } = bed.open();
    assert_eq!((sessions.len(), tombstones), (0, vec![stone]));
    assert!(RUNTIME.block_on(store.read(played.id())).expect("it reads").is_none());
}

pub fn a_turn_is_taken_once_and_only_where_it_was_built(bed: &dyn Bed) {
    let store = bed.open().store;
    let mut played = create(&*store, 3);
    played.play(&*store);
    played.play(&*store);
    let (late, after) = played.next();
    let copy = |turn: &NewTurn, before| NewTurn {
        session: turn.session,
        before,
        token: turn.token,
        turn: turn.turn.clone(),
        stands: turn.stands.clone(),
        state: turn.state.clone(),
    };
    let before = EventId::of(&played.turns[0]);
    assert!(matches!(append(&*store, copy(&late, before)), Appended::Moved), "an earlier state");
    let stands = |event| RUNTIME.block_on(store.stands_at(played.id(), event)).expect("it looks");
    assert!(stands(late.before) && !stands(before));
    let again = copy(&late, late.before);
    played.turns.push(Turn::clone(&late.turn));
    assert!(matches!(append(&*store, late), Appended::Taken));
    assert!(matches!(append(&*store, again), Appended::Moved), "it was taken already");
    played.form = after;
    played.check(&*store);
    drop(store);
    played.check(&*bed.open().store);
}

pub fn turns_of_many_sessions_are_all_there_and_in_order(bed: &dyn Bed) {
    let store = bed.open().store;
    let mut games: Vec<_> = (10..15).map(|seed| create(&*store, seed)).collect();
    for round in 0..12 {
        games.iter_mut().for_each(|played| played.play(&*store));
        if round == 5 {
            // Some are written down whole, and their history goes on.
            for played in &games[..3] {
                RUNTIME.block_on(store.save(played.form.clone())).expect("it is saved");
                assert!(!store.is_behind(played.id()));
            }
        }
    }
    for id in store.behind() {
        RUNTIME.block_on(store.catch_up(id)).expect("it catches up");
    }
    assert!(store.behind().is_empty());
    games.iter().for_each(|played| played.check(&*store));
    let id = games[0].id();
    let page = RUNTIME.block_on(store.turns(id, 3, 12, 4)).expect("they read");
    assert_eq!(page, games[0].turns[3..7]);
    let none = RUNTIME.block_on(store.turns(id, 12, 12, 4)).expect("they read");
    assert!(none.is_empty());
    let steps = RUNTIME.block_on(store.lineage(id, 12)).expect("they read");
    let digests: Vec<_> = games[0].turns.iter().map(|turn| &turn.digest).collect();
    assert_eq!(steps.iter().map(|step| &step.digest).collect::<Vec<_>>(), digests);
    assert!(RUNTIME.block_on(store.history_bytes(id)).expect("they read") > 0);
    drop(store);
    let store = bed.open().store;
    games.iter().for_each(|played| played.check(&*store));
}

pub fn a_save_takes_the_place_of_a_game(bed: &dyn Bed) {
    let store = bed.open().store;
    let (mut from, mut into) = (create(&*store, 20), create(&*store, 21));
    from.play(&*store);
    into.play(&*store);
    into.play(&*store);
    let history = RUNTIME.block_on(store.lineage(from.id(), 1)).expect("they read");
    let save = Save::of(from.form.clone(), history.clone(), dawn());
    let loaded = save.clone().loaded(1, 3, dawn());
    let whole = Checkpoint {
        revision: 3,
        state: save.state.clone(),
        star_map: save.star_map.clone(),
        place: save.place,
        ranked: false,
        ..into.form.clone()
    };
    let load =
        |before| RUNTIME.block_on(store.load(before, whole.clone(), Arc::new(loaded.clone()))).expect("it looks");
    assert!(!load(EventId::of(&into.turns[0])), "an earlier state");
    assert!(load(into.head()));
    into.form = whole.clone();
    into.turns.push(loaded);
    into.check(&*store);
    let steps = RUNTIME.block_on(store.lineage(into.id(), 3)).expect("they read");
    assert_eq!(steps, history, "the game is the one that was loaded");
    drop(store);
    into.check(&*bed.open().store);
}

pub fn slots_hold_what_was_written_last(bed: &dyn Bed) {
    let store = bed.open().store;
    let (ann, ben) = (PlayerId::fresh(), PlayerId::fresh());
    let played = Played::begin(ann, 30);
    let save = |name: &str| Arc::new(Save { name: name.to_owned(), ..Save::of(played.form.clone(), vec![], dawn()) });
    let name = |store: &dyn Store, player, number| {
        RUNTIME.block_on(store.slot(player, number)).expect("it reads").map(|save| save.name)
    };
    assert_eq!(name(&*store, ann, 1), None);
    for (player, number, text) in [(ann, 1, "first"), (ann, 2, "second"), (ben, 1, "other"), (ann, 1, "later")] {
        RUNTIME.block_on(store.write_slot(player, number, save(text))).expect("it is written");
    }
    RUNTIME.block_on(store.remove_slot(ann, 2)).expect("it goes");
    drop(store);
    let Opened { store, mut slots, .. } = bed.open();
    slots.sort_by_key(|(player, _)| *player != ann);
    assert_eq!(slots, [(ann, 1), (ben, 1)]);
    assert_eq!(name(&*store, ann, 1).as_deref(), Some("later"));
    assert_eq!((name(&*store, ann, 2), name(&*store, ben, 1).as_deref()), (None, Some("other")));
}

fn entry(played: &Played, day: Day, at: Timestamp) -> Entry {
    let history: Vec<Step> = Vec::new();
    Entry::of(&played.form, day, "Somebody".to_owned(), at, history)
}

pub fn a_board_keeps_who_stands_on_it(bed: &dyn Bed) {
    let store = bed.open().store;
    let day = Day::of(dawn());
    let games: Vec<_> = (0..40).map(|seed| Played::begin(PlayerId::fresh(), 40 + seed)).collect();
    let most = 8;
    for (at, played) in games.iter().enumerate() {
        // The newest stand, because they were finished earlier; the others have fallen off.
        let standing = games[..=at].iter().rev().take(most).map(Played::id).collect();
        let finished = dawn() - SignedDuration::from_secs(at as i64);
        let added = RUNTIME.block_on(store.add_entry(entry(played, day, finished), standing, most));
        assert!(added.expect("it is added"));
    }
    let name = entry(&games[0], day, dawn()).board();
    drop(store);
    let Opened { store, boards, .. } = bed.open();
    assert_eq!(boards, [name]);
    let entries = RUNTIME.block_on(store.board(name)).expect("it reads");
    let found: Vec<_> = entries.iter().map(|entry| entry.claim.session_id).collect();
    let wanted: Vec<_> = games.iter().map(|played| played.form.session_id).collect();
    assert!(found.ends_with(&wanted[wanted.len() - most..]), "in the order they were made");
    assert!(found.len() <= most + most / 4 + 10, "{} are kept", found.len());
    let own = RUNTIME.block_on(store.entries_of(name, games[39].id())).expect("it reads");
    assert_eq!(own.len(), 1);
    RUNTIME.block_on(store.remove_boards(vec![name])).expect("it goes");
    assert!(RUNTIME.block_on(store.board(name)).expect("it reads").is_empty());
    drop(store);
    assert!(bed.open().boards.is_empty());
}

pub fn who_has_begun_a_day_is_known_until_it_is_forgotten(bed: &dyn Bed) {
    let store = bed.open().store;
    let day = Day::of(dawn());
    let begun = |id: u128| Begun {
        version: VERSION,
        player: Uuid::from_u128(id),
        session_id: Uuid::from_u128(100 + id),
        at: dawn(),
    };
    RUNTIME.block_on(store.add_begun(day, vec![begun(1)])).expect("it is written");
    RUNTIME.block_on(store.add_begun(day, vec![begun(2), begun(3)])).expect("it is written");
    drop(store);
    let Opened { store, begun: days, .. } = bed.open();
    assert_eq!(days, [day]);
    assert_eq!(RUNTIME.block_on(store.begun(day)).expect("it reads"), [begun(1), begun(2), begun(3)]);
    RUNTIME.block_on(store.remove_begun(day)).expect("it goes");
    assert!(RUNTIME.block_on(store.begun(day)).expect("it reads").is_empty());
}

pub fn the_last_that_was_written_of_a_players_tokens_counts(bed: &dyn Bed) {
    let store = bed.open().store;
    let line = |player: u128, current: u64| Nonces {
        version: VERSION,
        player: Uuid::from_u128(player),
        current: Some(Nonce(current << 32)),
        previous: None,
        used: None,
        at: dawn(),
    };
    let mut wanted = BTreeMap::new();
    assert!(RUNTIME.block_on(store.nonces()).expect("they read").is_empty());
    for current in 1..=400 {
        let changed = line(u128::from(current % 7), current);
        wanted.insert(changed.player, changed.clone());
        let all: Vec<_> = wanted.values().cloned().collect();
        RUNTIME
            .block_on(store.write_nonces(vec![changed], All { count: all.len(), list: Box::new(move || all) }))
            .expect("they are written");
    }
    drop(store);
    let found = RUNTIME.block_on(bed.open().store.nonces()).expect("they read");
    assert!(found.len() <= 2 * 7 + 101, "{} lines", found.len());
    let found: BTreeMap<_, _> = found.into_iter().map(|line| (line.player, line)).collect();
    assert_eq!(found, wanted);
}

pub fn keys_are_drawn_once_and_changed_when_that_is_asked(bed: &dyn Bed) {
    let store = bed.open().store;
    let first = RUNTIME.block_on(store.keys(|| [1; 32])).expect("keys");
    assert!(first == RUNTIME.block_on(store.keys(|| [2; 32])).expect("keys"), "they show in no message");
    RUNTIME.block_on(store.rotate_key(|| [3; 32])).expect("a new key");
    drop(store);
    let second = RUNTIME.block_on(bed.open().store.keys(|| [4; 32])).expect("keys");
    assert!(second.previous.as_ref() == Some(&first.current) && second.challenge == first.challenge);
    assert!(second.current != first.current);
}

pub fn content_is_kept_by_its_hash(bed: &dyn Bed) {
    let store = bed.open().store;
    let (hash, files) = (CONTENT.hash.clone(), Arc::new(built_in()));
    for nothing in [hash.as_str(), "", "..", "../keys", &"0".repeat(64)] {
        assert!(!RUNTIME.block_on(store.has_content(nothing.to_owned())).expect("it looks"), "{nothing:?}");
        assert!(matches!(RUNTIME.block_on(store.content(nothing.to_owned())), Err(StoreError::Damaged { .. })));
    }
    RUNTIME.block_on(store.keep_content(hash.clone(), files.clone())).expect("it is kept");
    RUNTIME.block_on(store.keep_content(hash.clone(), files.clone())).expect("it is kept");
    RUNTIME.block_on(store.mend_content(hash.clone(), files)).expect("nothing is to be mended");
    drop(store);
    let store = bed.open().store;
    assert!(RUNTIME.block_on(store.has_content(hash.clone())).expect("it looks"));
    assert_eq!(RUNTIME.block_on(store.content(hash.clone())).expect("it reads").hash, hash);
}

pub fn the_clock_is_what_was_noted_last(bed: &dyn Bed) {
    let store = bed.open().store;
    assert!(RUNTIME.block_on(store.clock()).expect("it reads").is_none());
    let clock = |secs| Clock {
        version: VERSION,
        wall: dawn(),
        lived: dawn() + SignedDuration::from_secs(secs),
        unsettled_secs: 0,
        closed: [Day::of(dawn())].into(),
        closed_to: None,
    };
    RUNTIME.block_on(store.write_clock(clock(1))).expect("it is written");
    RUNTIME.block_on(store.write_clock(clock(2))).expect("it is written");
    drop(store);
    assert_eq!(RUNTIME.block_on(bed.open().store.clock()).expect("it reads"), Some(clock(2)));
}

pub fn tombstones_stand_for_a_day(bed: &dyn Bed) {
    let store = bed.open().store;
    let day = SignedDuration::from_hours(24);
    let mut young = Vec::new();
    for seed in 0..240 {
        let played = create(&*store, 200 + seed);
        let is_young = seed % 4 == 0;
        let at = if is_young { dawn() + day } else { dawn() };
        RUNTIME.block_on(store.bury(stone(&played, at))).expect("it is buried");
        young.extend(is_young.then_some(played.form.session_id));
    }
    RUNTIME.block_on(store.prune_tombstones(dawn() + day, young.len())).expect("they go");
    drop(store);
    let left: Vec<_> = bed.open().tombstones.iter().map(|stone| stone.session_id).collect();
    assert!(left == young, "{} of {} stand", left.len(), young.len());
}

pub fn what_makes_no_sense_is_told_and_kept_from_harm(bed: &dyn Bed) {
    let store = bed.open().store;
    let (played, other) = (create(&*store, 50), create(&*store, 51));
    let what = Thing::Session(played.id());
    let told = RUNTIME.block_on(store.reject(what.clone(), "it has no ship".to_owned()));
    assert!(matches!(&told, StoreError::Damaged { what: found, .. } if *found == what), "{told}");
    assert!(told.to_string().contains("it has no ship"), "{told}");
    assert!(!store.report().set_aside.is_empty());
    other.check(&*store);
}

/// Runs the suite over a bed that an expression makes anew for each test.
#[macro_export]
macro_rules! store_suite {
    ($bed:expr) => {
        $crate::store_suite! { $bed;
            a_session_is_there_from_its_creation_to_its_burial,
            a_turn_is_taken_once_and_only_where_it_was_built,
            turns_of_many_sessions_are_all_there_and_in_order,
            a_save_takes_the_place_of_a_game,
            slots_hold_what_was_written_last,
            a_board_keeps_who_stands_on_it,
            who_has_begun_a_day_is_known_until_it_is_forgotten,
            the_last_that_was_written_of_a_players_tokens_counts,
            keys_are_drawn_once_and_changed_when_that_is_asked,
            content_is_kept_by_its_hash,
            the_clock_is_what_was_noted_last,
            tombstones_stand_for_a_day,
            what_makes_no_sense_is_told_and_kept_from_harm,
        }
    };
    ($bed:expr; $($test:ident,)*) => {
        $(#[test] fn $test() {
            // There may be none here.
            if let Some(bed) = $bed {
                $crate::store::$test(&bed);
            }
        })*

        /// A test of the suite that is not listed above would run nowhere.
        #[test]
        fn every_test_of_the_suite_is_run() {
            let suite = include_str!("mod.rs");
            let tests = suite.lines().filter(|line| line.starts_with("pub fn ") && line.ends_with("(bed: &dyn Bed) {"));
            assert_eq!(tests.count(), [$(stringify!($test)),*].len());
        }
    };
}
