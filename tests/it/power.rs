//! Promise 1 on a disk that forgets: a voyage is stopped before every single operation on the disk; the process is killed or the
//! power cut; and whatever was answered must be there after. Taken out one by one, every sync turns out to be needed.

use cosmic_explorer::session::SessionError;
use cosmic_explorer::store::StoreError;
use cosmic_explorer::store::folder::disk::Barrier;

use crate::sim::{End, Fault, Op, SimDisk};
use crate::voyage::{Client, VOYAGE, open, reopen};

const ENDS: [End; 4] = [End::PowerCut, End::Torn(1), End::Torn(2), End::Torn(3)];

/// Runs the voyage up to an operation, and ends the process there in every way; the operations there were, or what was lost.
fn stop_at(op: Option<u64>, without: Option<Barrier>) -> Result<u64, String> {
    let disk = SimDisk::new();
    disk.without(without);
    if let Some(op) = op {
        disk.stop_at(op);
    }
    let mut client = Client::new();
    let opened = open(&disk);
    let sailed = opened
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|services| client.sail(services, &VOYAGE).map_err(|error| error.to_string()));
    if op.is_none() {
        sailed?;
    }
    let count = disk.count();
    disk.stop_at(0);
    drop(opened);
    if client.token.is_none() {
        // It died before anybody was told anything.
        return Ok(count);
    }

    for end in ENDS {
        let (_, services) = reopen(&disk, end)?;
        client.check(&services).map_err(|problem| format!("{end:?}: {problem}"))?;
    }
    // Killed, started again, and then the power fails: at once, and after the client has repeated his request and gone on.
    let (seen, services) = reopen(&disk, End::Killed)?;
    client.check(&services).map_err(|problem| format!("killed: {problem}"))?;
    for end in ENDS {
        let (_, services) = reopen(&seen, end)?;
        client.check(&services).map_err(|problem| format!("killed, then {end:?}: {problem}"))?;
    }
    for going_on in [false, true] {
        client.go_on(&services)?;
        if going_on {
            client.sail_on(&services)?;
        }
        for end in ENDS {
            let (_, services) = reopen(&seen, end)?;
            client
                .check(&services)
                .map_err(|problem| format!("killed, gone on ({going_on}), then {end:?}: {problem}"))?;
        }
    }
    Ok(count)
}

/// The first loss there is, stopping at every operation.
fn sail_everywhere(without: Option<Barrier>) -> Result<u64, String> {
    let whole = stop_at(None, without)?;
    for op in 0..whole {
        stop_at(Some(op), without).map_err(|problem| format!("stopped before operation {op} of {whole}: {problem}"))?;
    }
    Ok(whole)
}

#[test]
fn nothing_that_was_answered_is_lost_whenever_the_power_fails() {
    let operations = sail_everywhere(None).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(operations > 100, "only {operations} operations");
}

/// A turn that is refused because a sync failed, although its bytes are on the platter, does not come back once the server has
/// shown that it is not there.
fn refused_turn_stays_away(without: Option<Barrier>) -> Result<(), String> {
    let disk = SimDisk::new();
    disk.without(without);
    let services = open(&disk).map_err(|error| error.to_string())?;
    let mut client = Client::new();
    client.sail(&services, &VOYAGE[..7]).map_err(|error| error.to_string())?;
    // The first turn of a segment would only be overwritten by the next one.
    client.act(&services, 0).map_err(|error| error.to_string())?;
    let mut left = 1;
    disk.plan(Some(Box::new(move |op, _| {
        let fails = op == Op::Sync && left > 0;
        left -= u32::from(fails);
        fails.then_some(Fault::Lied)
    })));
    let refused = client.act(&services, 0);
    assert!(matches!(refused, Err(SessionError::Store(StoreError::Unavailable { .. }))), "{refused:?}");
    client.open = None;
    client.check(&services).map_err(|problem| format!("refused: {problem}"))?;
    client.act(&services, 1).map_err(|error| format!("going on: {error}"))?;
    disk.stop_at(0);
    for end in ENDS.into_iter().chain([End::Killed]) {
        let (_, services) = reopen(&disk, end)?;
        client.check(&services).map_err(|problem| format!("{end:?}: {problem}"))?;
    }
    Ok(())
}

#[test]
fn a_refused_turn_does_not_come_back() {
    refused_turn_stays_away(None).unwrap_or_else(|problem| panic!("{problem}"));
}

#[test]
fn every_sync_is_needed() {
    for barrier in Barrier::ALL {
        let loss = sail_everywhere(Some(barrier)).map(drop).and_then(|()| refused_turn_stays_away(Some(barrier)));
        let loss = loss.expect_err(&format!("{barrier:?} can be taken out"));
        println!("without {barrier:?}: {loss}");
    }
}
