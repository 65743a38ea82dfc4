//! A session that somebody else moves: it is read again, what was missed is told once and in order, and the action is tried again.
//! One folder has one server, so here two of them share an open store, as two servers share a database.

use std::sync::Arc;

use cosmic_explorer::game::content::built_in;
use cosmic_explorer::game::rng::Dice;
use cosmic_explorer::model::SessionId;
use cosmic_explorer::session::clock::ManualClock;
use cosmic_explorer::session::game_session::{Command, Expected};
use cosmic_explorer::session::outbox::Role;
use cosmic_explorer::session::presence::Joining;
use cosmic_explorer::session::sessions::NewGame;
use cosmic_explorer::session::{Parts, Services, SessionError, Settings};
use cosmic_explorer::store::{Opened, Store};

use crate::play::{CONTENT, decide};
use crate::server::dawn;
use crate::sim::SimDisk;
use crate::voyage::{PLAYER, RUNTIME, store_on};

fn services(opened: Opened) -> Services {
    let parts = Parts {
        opened,
        files: built_in(),
        content: CONTENT.clone(),
        clock: Arc::new(ManualClock::at(dawn())),
        seeds: Box::new(|| 9),
        key: || [7; 32],
        settings: Settings::default(),
    };
    RUNTIME.block_on(Services::open(parts)).expect("services")
}

/// Another server over the same store, which knows a session.
fn another(store: &Arc<dyn Store>, id: SessionId) -> Services {
    let header = RUNTIME.block_on(store.header(id)).expect("it reads").expect("a session");
    services(Opened {
        store: store.clone(),
        sessions: vec![Box::new(header)],
        unread: vec![],
        tombstones: vec![],
        slots: vec![],
        boards: vec![],
        begun: vec![],
    })
}

/// Acts on what one server shows, through another, which has an older state.
fn act(shown: &Services, through: &Services, id: SessionId, dice: &mut Dice) -> u64 {
    let snapshot = RUNTIME.block_on(shown.sessions.look(Role::Player, PLAYER, id)).expect("a state");
    let (action, _) = decide(&snapshot.game, dice);
    let command = Command { action, expected: Expected::Any, key: None, nonce: None };
    RUNTIME.block_on(through.sessions.act(PLAYER, id, command)).expect("a turn").revision
}

#[test]
fn two_servers_play_one_game_and_tell_every_turn_once() {
    let opened = store_on(&SimDisk::new());
    let store = opened.store.clone();
    let here = services(opened);
    let created = RUNTIME.block_on(here.sessions.create(PLAYER, NewGame::default(), None)).expect("a game");
    let id = created.snapshot.id;
    let there = another(&store, id);
    let joining = Joining { role: Role::Player, last_event: None, previous: None, takeover: false };
    let joined = RUNTIME.block_on(here.presences.join(PLAYER, id, joining)).expect("it joins");

    let mut dice = Dice::new(4);
    let (mut heard, mut head) = (Vec::new(), 0);
    for _ in 0..6 {
        for (shown, through) in [(&here, &there), (&there, &here)] {
            head = act(shown, through, id, &mut dice);
        }
        let news = joined.presence.outbox.take().expect("something is told");
        assert_eq!(news.end, None);
        heard.extend(news.turns.iter().map(|turn| turn.revision));
        assert_eq!(news.state.expect("a state").revision, head);
    }
    assert_eq!((heard, head), ((1..=12).collect(), 12), "each once, in order");
}

#[test]
fn a_key_that_another_server_has_taken_is_answered_and_not_done_again() {
    let opened = store_on(&SimDisk::new());
    let store = opened.store.clone();
    let here = services(opened);
    let created = RUNTIME.block_on(here.sessions.create(PLAYER, NewGame::default(), None)).expect("a game");
    let id = created.snapshot.id;
    let there = another(&store, id);
    let (action, _) = decide(&created.snapshot.game, &mut Dice::new(4));
    let command = Command { action, expected: Expected::revision(Some(0)), key: Some("one".to_owned()), nonce: None };
    let first = RUNTIME.block_on(there.sessions.act(PLAYER, id, command.clone())).expect("a turn");
    let again = RUNTIME.block_on(here.sessions.act(PLAYER, id, command.clone())).expect("the same turn");
    assert_eq!((first.revision, &first.digest), (again.revision, &again.digest));
    let other = Command { key: Some("two".to_owned()), ..command };
    let stale = RUNTIME.block_on(there.sessions.act(PLAYER, id, other.clone()));
    assert!(matches!(stale, Err(SessionError::Stale { event }) if event.revision() == 1), "{stale:?}");
    let stale = RUNTIME.block_on(here.sessions.act(PLAYER, id, other));
    assert!(matches!(stale, Err(SessionError::Stale { event }) if event.revision() == 1), "{stale:?}");
}
