//! Torn and damaged files: every file of a folder cut off and with single bits flipped, in many places. The server starts, loses
//! nothing but what was hit, shows nothing that never was, and says what it set aside.

use std::collections::BTreeSet;

use crate::play::CONTENT;
use crate::sim::{End, SimDisk};
use crate::voyage::{Client, Missing, RUNTIME, left_behind, open};

use cosmic_explorer::model::SessionId;

#[derive(Clone, Copy, Debug)]
enum Damage {
    CutAt(usize),
    Flip(usize),
}

/// What is missing once a file is damaged, and the files that are said to be.
fn hit(disk: &SimDisk, client: &Client, name: &str, damage: Damage) -> Result<(Missing, Vec<String>), String> {
    let disk = disk.after(End::Killed);
    disk.damage(name, |bytes| match damage {
        Damage::CutAt(length) => bytes.truncate(length),
        Damage::Flip(bit) => bytes[bit / 8] ^= 1 << (bit % 8),
    });
    let services = open(&disk).map_err(|error| format!("it does not start: {error}"))?;
    let token = client.token.as_ref().expect("a token").reveal();
    services.tokens.check(token).map_err(|_| "the token is no longer good")?;
    let content = RUNTIME.block_on(services.contents.find(CONTENT.hash.clone()));
    content.map_err(|error| error.to_string())?.ok_or("the content is gone")?;
    let missing = client.missing(&services)?;
    Ok((missing, services.core.store().report().set_aside))
}

fn places(length: usize) -> Vec<usize> {
    let step = (length / 70).max(1);
    (0..length).step_by(step).chain(length.saturating_sub(5)..length).collect()
}

#[test]
fn damage_costs_what_was_hit_and_nothing_else() {
    let (disk, client) = left_behind();
    let (nothing, reported) = hit(&disk, &client, "keys.json", Damage::CutAt(1 << 20)).expect("nothing is damaged");
    assert_eq!((nothing, reported), (Missing::default(), vec![]));
    let (mut tried, mut kinds) = (0, BTreeSet::new());
    for name in disk.names() {
        let mut length = 0;
        disk.after(End::Killed).damage(&name, |bytes| length = bytes.len());
        let cuts = places(length).into_iter().map(Damage::CutAt);
        let flips = places(length * 8).into_iter().map(Damage::Flip);
        for damage in cuts.chain(flips) {
            let what = format!("{name} of {length} bytes, {damage:?}");
            let (missing, reported) =
                hit(&disk, &client, &name, damage).unwrap_or_else(|problem| panic!("{what}: {problem}"));
            let owner: Option<SessionId> =
                name.strip_prefix("session_").and_then(|rest| rest.get(..36)).map(|id| id.parse().expect("an id"));
            let others = |id: &SessionId| Some(*id) != owner;
            let of_log = name.starts_with("turns_");
            let flipped = matches!(damage, Damage::Flip(_));
            assert!(!missing.sessions.iter().any(others), "{what}: {missing:?}");
            assert!(!missing.slot || name.starts_with("slot_"), "{what}");
            if of_log {
                assert!(!flipped || missing.turns.len() <= 1, "{what}: {missing:?}");
            } else {
                assert!(!missing.turns.iter().any(|(id, _)| others(id)), "{what}: {missing:?}");
            }
            // What ends early looks as if the power had failed there; that is no damage.
            if missing != Missing::default() && !of_log {
                assert!(reported.contains(&name), "{what}: {missing:?}, reported are {reported:?}");
            }
            tried += 1;
        }
        kinds.insert(name.chars().take(5).collect::<String>());
    }
    assert!(tried > 1000 && kinds.len() == 9, "{tried} in {kinds:?}");
}
