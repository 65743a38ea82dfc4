//! The register of sessions: whatever becomes of it, lists say the same.

use crate::sim::{End, SimDisk};
use crate::voyage::{Client, PLAYER, RUNTIME, left_behind, open};

const REGISTER: &str = "register.jsonl";

/// What lists say of all games, after a start over a disk that a kill left.
fn lists(disk: &SimDisk) -> Vec<String> {
    let services = open(&disk.after(End::Killed)).expect("services");
    services.directory.list(PLAYER).iter().map(|listed| format!("{listed:?}")).collect()
}

/// A folder whose register has a line of every game, and what lists say of them.
fn registered() -> (SimDisk, Client, Vec<String>) {
    let (disk, client) = left_behind();
    // Some were read and noted again.
    drop(open(&disk).expect("services"));
    let told = lists(&disk);
    assert!(told.len() >= 2 && disk.size(REGISTER) > 0, "{told:?}");
    (disk, client, told)
}

#[test]
fn whatever_becomes_of_the_register_lists_say_the_same() {
    let (disk, _, told) = registered();
    let whole = disk.take(REGISTER);
    assert_eq!(lists(&disk), told, "without it");
    let cut = |at: usize| whole[..at].to_vec();
    let mut damaged =
        vec![Vec::new(), b"\xff\xfe\n{}\n[]\n{\"checksum\":\"crc32c:".to_vec(), [&*whole, b"{\"che"].concat()];
    damaged.extend((1..8).map(|part| cut(whole.len() * part / 8)));
    damaged.extend((0..whole.len()).step_by(37).map(|at| {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        flipped
    }));
    // Lines in another order: the last one of a game may be an older one.
    let mut lines: Vec<_> = whole.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.reverse();
    damaged.push(lines.join(&b'\n'));
    for bytes in damaged {
        disk.put_back(REGISTER, bytes.clone());
        assert_eq!(lists(&disk), told, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_start_reads_no_checkpoint_that_is_as_it_was_noted() {
    let (disk, client, told) = registered();
    let is_session = |name: &str| name.starts_with("session_") && name.ends_with(".json");
    // EIO.
    disk.deny(Some((Box::new(is_session), 5)));
    let services = open(&disk).expect("services");
    let listed: Vec<_> = services.directory.list(PLAYER).iter().map(|listed| format!("{listed:?}")).collect();
    assert_eq!(listed, told);
    assert_eq!(services.core.store().report().store["unread"], 0);
    let id = client.id(client.kept()[0]);
    let refused = RUNTIME.block_on(services.sessions.look(cosmic_explorer::session::outbox::Role::Player, PLAYER, id));
    assert!(refused.is_err(), "its owner is told");
    disk.deny(None);
    client.check(&services).expect("all of it");
}

#[test]
fn a_checkpoint_that_is_another_one_is_read() {
    let (disk, client, told) = registered();
    let id = client.id(client.kept()[0]);
    let name = format!("session_{id}.json");
    disk.damage(&name, |bytes| {
        let text = String::from_utf8(bytes.clone()).expect("text");
        let (_, rest) = text.split_once(',').expect("a checksum");
        let at = rest.find("\"name\": \"").expect("a name") + 9;
        *bytes = format!("{{{}X{}", &rest[..at], &rest[at..]).into_bytes();
    });
    let now = lists(&disk);
    assert_ne!(now, told);
    // And noted.
    drop(open(&disk).expect("services"));
    assert_eq!(lists(&disk), now);
    disk.take(REGISTER);
    assert_eq!(lists(&disk), now);
}
