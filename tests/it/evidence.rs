//! Nothing that may hold an answered turn is removed, rewritten or passed over because it could not be read now: every kind of file,
//! every way in which it is not there, at a start and while the server runs; and then it is mended.

use cosmic_explorer::model::SessionId;
use cosmic_explorer::session::Services;
use cosmic_explorer::session::SessionError;
use cosmic_explorer::session::outbox::Role;
use cosmic_explorer::store::StoreError;

use crate::sim::{End, SimDisk};
use crate::voyage::{Client, PLAYER, RUNTIME, left_behind, open};

/// How a file is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The system's error number for opening it.
    Denied(i32),
    Moved,
    Newer,
    OneBit,
    Cut,
    Emptied,
}

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const EACCES: i32 = 13;

const FAULTS: [Fault; 8] = [
    Fault::Denied(EIO),
    Fault::Denied(EACCES),
    Fault::Denied(EMFILE),
    Fault::Moved,
    Fault::Newer,
    Fault::OneBit,
    Fault::Cut,
    Fault::Emptied,
];

/// The kinds of files, as the names of each begin and end.
const KINDS: [(&str, &str); 12] = [
    ("session_", ".json"),
    ("session_", ".turns.jsonl"),
    ("turns_", ".log"),
    ("turns.json", ""),
    ("slot_", "_1.json"),
    ("slot_", ".copy.json"),
    ("content_", ".copy.json"),
    ("tombstones", ""),
    ("tokens.jsonl", ""),
    ("tokens.copy", ""),
    ("keys.json", ""),
    ("keys.copy", ""),
];

fn is_of(name: &str, (begin, end): (&str, &str)) -> bool {
    let other = end == ".json" && (name.ends_with(".copy.json") || name.contains("turns"));
    name.starts_with(begin) && name.ends_with(end) && !other
}

/// What was in the files that are hit, and what is there now.
type Before = Vec<(String, Vec<u8>, Option<Vec<u8>>)>;

fn harm(disk: &SimDisk, kind: (&'static str, &'static str), fault: Fault, session: Option<SessionId>) -> Before {
    let hit = move |name: &str, session: Option<SessionId>| {
        is_of(name, kind) && session.is_none_or(|id| !name.starts_with("session_") || name.contains(&id.to_string()))
    };
    let names: Vec<_> = disk.names().into_iter().filter(|name| hit(name, session)).collect();
    assert!(!names.is_empty(), "{kind:?}");
    if let Fault::Denied(error) = fault {
        disk.deny(Some((Box::new(move |name| hit(name, session)), error)));
        return Vec::new();
    }
    let mut before = Vec::new();
    for name in names {
        let mut bytes = disk.take(&name);
        let was = bytes.clone();
        match fault {
            Fault::Moved | Fault::Denied(_) => {
                before.push((name, was, None));
                continue;
            }
            Fault::Newer if name.ends_with(".log") => {
                bytes[8] = 99;
                let crc = crc32c::crc32c(&bytes[..12]);
                bytes[12..16].copy_from_slice(&crc.to_le_bytes());
            }
            Fault::Newer => {
                // As a newer program writes it: with a checksum that holds, so without one here.
                let text = String::from_utf8(bytes).expect("text");
                let lines = text.lines().map(|line| match line.split_once("\",") {
                    Some((sum, rest)) if sum.starts_with("{\"checksum") => format!("{{{rest}"),
                    _ => line.to_owned(),
                });
                let text = lines.collect::<Vec<_>>().join("\n");
                bytes = text
                    .replace("\"version\":3", "\"version\":99")
                    .replace("\"version\": 3", "\"version\": 99")
                    .into_bytes();
            }
            Fault::OneBit => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
            }
            Fault::Cut => bytes.truncate(bytes.len() / 2),
            Fault::Emptied => bytes.clear(),
        }
        before.push((name.clone(), was, Some(bytes.clone())));
        disk.put_back(&name, bytes);
    }
    before
}

fn mend(disk: &SimDisk, fault: Fault, before: Before) {
    disk.deny(None);
    for (name, bytes, harmed) in before {
        let now = disk.names().contains(&name).then(|| disk.take(&name));
        if let Some(now) = &now {
            disk.put_back(&name, now.clone());
        }
        if name == "turns.json" && now != harmed {
            // The server has written it anew: nobody puts back an older one.
        } else if fault == Fault::OneBit && name.ends_with(".jsonl") {
            // Who mends a bit does it in the file as it is now: it may have grown.
            let mut now = disk.take(&name);
            let middle = bytes.len() / 2;
            if now.get(middle) == Some(&(bytes[middle] ^ 4)) {
                now[middle] ^= 4;
            }
            disk.put_back(&name, now);
        } else {
            disk.put_back(&name, bytes);
        }
    }
}

/// Whether it is a refusal that says what is wrong with a file, and not that there never was a game.
fn says_so(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Unread { .. }
            | SessionError::Store(
                StoreError::Unavailable { .. }
                    | StoreError::Damaged { .. }
                    | StoreError::Newer { .. }
                    | StoreError::Busy
            )
    )
}

/// Everybody plays on: whose session is hit may be told that it cannot be read now.
fn play_on(services: &Services, client: &mut Client, hit: Option<SessionId>) -> Result<(), String> {
    let missing = client.missing_as_told(services, says_so)?;
    for session in client.kept() {
        let id = client.id(session);
        if missing.turns.iter().any(|(each, _)| *each == id) {
            // Its last turns are not there now: to play on would make another game of it.
            continue;
        }
        let may_fail = hit.is_none_or(|hit| hit == id);
        match client.act(services, session) {
            Ok(()) => {}
            Err(error) if may_fail && says_so(&error) => client.open = None,
            Err(SessionError::Refused(_)) => client.open = None,
            Err(error) => return Err(format!("session {session}: {error}")),
        }
    }
    Ok(())
}

/// Whether what all games need may keep a server from starting: then nothing has happened.
fn may_refuse(kind: (&str, &str), fault: Fault) -> bool {
    match kind.0 {
        // A missing or unreadable segment: nobody can tell whose turns it has.
        "turns_" => matches!(fault, Fault::Denied(_) | Fault::Moved | Fault::Newer),
        "turns.json" => matches!(fault, Fault::Denied(_) | Fault::Newer),
        "tombstones" => matches!(fault, Fault::Denied(_)),
        "tokens.jsonl" | "tokens.copy" | "keys.json" | "keys.copy" => matches!(fault, Fault::Denied(_) | Fault::Newer),
        _ => false,
    }
}

#[test]
fn what_cannot_be_read_at_a_start_is_there_when_it_can() {
    let (start, _) = left_behind();
    let mut refused = 0;
    for kind in KINDS {
        for fault in FAULTS {
            for killed in [false, true] {
                let what = format!("{kind:?} {fault:?} {killed}");
                // The folder is made anew: clients cannot be copied.
                let (disk, mut client) = left_behind();
                let hit = kind.0.starts_with("session_").then(|| client.id(client.kept()[0]));
                let before = harm(&disk, kind, fault, hit);
                match open(&disk) {
                    Ok(services) => {
                        play_on(&services, &mut client, hit).unwrap_or_else(|problem| panic!("{what}: {problem}"));
                        if !killed {
                            RUNTIME.block_on(services.sweeper.checkpoint_all());
                        }
                        disk.stop_at(0);
                    }
                    Err(error) => {
                        assert!(may_refuse(kind, fault), "{what}: it does not start: {error}");
                        refused += 1;
                    }
                }
                let disk = disk.after(End::Killed);
                mend(&disk, fault, before);
                let services = open(&disk).unwrap_or_else(|error| panic!("{what}, mended: {error}"));
                client.check(&services).unwrap_or_else(|problem| panic!("{what}, mended: {problem}"));
            }
        }
    }
    assert!(refused > 10 && !start.names().is_empty(), "{refused}");
}

#[test]
fn what_cannot_be_read_under_a_running_server_is_there_when_it_can() {
    for kind in KINDS {
        for fault in FAULTS {
            for (killed, swept) in [(false, false), (true, false), (false, true), (true, true)] {
                let what = format!("{kind:?} {fault:?}, killed {killed}, swept {swept}");
                let (disk, mut client) = left_behind();
                let services = open(&disk).expect("services");
                for session in client.kept() {
                    client.act(&services, session).expect("a turn");
                }
                let hit = kind.0.starts_with("session_").then(|| client.id(client.kept()[0]));
                let before = harm(&disk, kind, fault, hit);
                play_on(&services, &mut client, hit).unwrap_or_else(|problem| panic!("{what}: {problem}"));
                if swept {
                    RUNTIME.block_on(services.sweeper.sweep());
                    play_on(&services, &mut client, hit).unwrap_or_else(|problem| panic!("{what}, swept: {problem}"));
                }
                if !killed {
                    RUNTIME.block_on(services.sweeper.checkpoint_all());
                }
                disk.stop_at(0);
                let disk = disk.after(End::Killed);
                mend(&disk, fault, before);
                let services = open(&disk).unwrap_or_else(|error| panic!("{what}, mended: {error}"));
                client.check(&services).unwrap_or_else(|problem| panic!("{what}, mended: {problem}"));
            }
        }
    }
}

/// A checkpoint is a copy of its history: whatever becomes of it, nothing is lost.
#[test]
fn a_game_is_as_safe_as_its_second_copy() {
    for fault in [Fault::Moved, Fault::OneBit, Fault::Cut, Fault::Emptied] {
        let (disk, client) = left_behind();
        harm(&disk, ("session_", ".json"), fault, None);
        let services = open(&disk).expect("it starts");
        client.check(&services).unwrap_or_else(|problem| panic!("{fault:?}: {problem}"));
        let report = services.core.store().report().store;
        let [rebuilt, mended] = ["rebuilt", "mended"].map(|key| report[key].as_u64().expect("a count"));
        assert!(rebuilt + mended >= 2, "{fault:?}: {report:?}");
        for session in client.kept() {
            let id = client.id(session);
            let looked = RUNTIME.block_on(services.sessions.look(Role::Player, PLAYER, id));
            assert!(looked.is_ok(), "{fault:?}: {looked:?}");
        }
    }
}

/// Log segments vanish under the server, their turns are written again, and the process ends anywhere in that; then the segments are put
/// back.
#[test]
fn turns_that_are_written_again_are_there_whenever_that_ends() {
    let mut moved = 0;
    for end in [End::Killed, End::PowerCut, End::Torn(1), End::Torn(2), End::Torn(3)] {
        for op in 0..16 {
            let (disk, mut client) = left_behind();
            let services = open(&disk).expect("services");
            for session in client.kept() {
                client.act(&services, session).expect("a turn");
            }
            let logs: Vec<_> = disk.names().into_iter().filter(|name| name.ends_with(".log")).collect();
            let taken: Vec<_> = logs.into_iter().map(|name| (disk.take(&name), name)).collect();
            disk.stop_at(disk.count() + op);
            // It may be answered or not.
            drop(client.act(&services, client.kept()[0]));
            moved += services.core.store().report().turn_log["moved"].as_u64().expect("a count");
            disk.stop_at(0);
            let disk = disk.after(end);
            for (bytes, name) in taken {
                if !disk.names().contains(&name) {
                    disk.put_back(&name, bytes);
                }
            }
            let services = open(&disk).unwrap_or_else(|error| panic!("{end:?}, {op}: {error}"));
            client.check(&services).unwrap_or_else(|problem| panic!("{end:?}, {op}: {problem}"));
        }
    }
    assert!(moved > 0, "nothing was written again");
}
