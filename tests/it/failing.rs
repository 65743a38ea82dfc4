//! Promise 1 on a disk that fails: every operation refused once, or done and told as an error; and a disk that is full, or broken,
//! until it is not. No answered turn is lost, reads go on, and play resumes without a restart.

use cosmic_explorer::session::Settings;
use serde_json::json;

use crate::patience::until;
use crate::server::serve;
use crate::sim::{End, Fault, Op, SimDisk};
use crate::voyage::{Client, VOYAGE, open, reopen, store_on};

/// The voyage, with the disk failing once, at one operation: what that was, and how much was refused for it. None where there are
/// not so many operations.
fn fail_once(at: u64, fault: Fault) -> Result<Option<(Op, usize)>, String> {
    let disk = SimDisk::new();
    let services = open(&disk).map_err(|error| error.to_string())?;
    let first = disk.count();
    let (told, failed) = std::sync::mpsc::channel();
    disk.plan(Some(Box::new(move |op, number| {
        let fails = number == first + at;
        if fails {
            told.send(op).expect("the test listens");
        }
        fails.then_some(fault)
    })));
    let mut client = Client::new();
    let refusals = client.sail_stubbornly(&services, &VOYAGE)?;
    client.check(&services)?;
    disk.stop_at(0);
    for end in [End::PowerCut, End::Torn(1), End::Killed] {
        let (_, services) = reopen(&disk, end)?;
        client.check(&services).map_err(|problem| format!("{end:?}: {problem}"))?;
    }
    Ok(failed.try_recv().ok().map(|op| (op, refusals)))
}

#[test]
fn one_failure_costs_nothing() {
    for fault in [Fault::Refused, Fault::Lied] {
        let mut kinds = std::collections::BTreeMap::new();
        for at in 0.. {
            let failed = fail_once(at, fault).unwrap_or_else(|problem| panic!("operation {at} {fault:?}: {problem}"));
            let Some((op, refusals)) = failed else { break };
            *kinds.entry(op).or_insert(0) += refusals;
        }
        assert!(kinds[&Op::Write] > 5 && kinds[&Op::Sync] > 5 && kinds[&Op::Rename] > 2, "{fault:?}: {kinds:?}");
        assert!(kinds.contains_key(&Op::SyncFolder) && kinds.contains_key(&Op::Open), "{fault:?}: {kinds:?}");
    }
}

/// A disk breaks in some way, and is mended later.
fn break_and_mend(way: &str, harm: impl Fn(&SimDisk), mend: impl Fn(&SimDisk)) {
    let disk = SimDisk::new();
    let server = serve(store_on(&disk), Settings::default(), Default::default());
    let client = server.player(7);
    let act = |key: &str, body: &serde_json::Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        client.send("POST", &client.path("/actions"), &headers, Some(body.to_string().as_bytes()))
    };
    assert_eq!(act("first", &json!({"type": "wait"})).status, 200);
    assert_eq!(client.get("/ready").status, 200);
    harm(&disk);
    // There may be room for a turn or two in what the log has reserved.
    let mut taken: usize = 1;
    while act(&format!("more {taken}"), &json!({"type": "wait"})).status == 200 {
        taken += 1;
        assert!(taken < 5, "{way}: it takes turns");
    }
    let before = client.get(&client.path("")).text;
    for _ in 0..3 {
        let refused = act("second", &json!({"type": "wait"}));
        assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_UNAVAILABLE"), "{way}");
        assert_eq!(refused.header("retry-after"), "5");
    }
    let refused = server.client().post("/api/sessions", &json!({}));
    assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_UNAVAILABLE"), "{way}");
    let refused = client.send("DELETE", &client.path(""), &[], None);
    assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_UNAVAILABLE"), "{way}");
    assert_eq!(server.sweep().failed, 1, "{way}");
    assert_eq!(client.get("/ready").json()["status"], "store_unavailable", "{way}");
    assert_eq!(client.get(&client.path("")).text, before, "{way}: reads go on");
    assert_eq!(client.history().len(), taken, "{way}");
    assert!(client.offers()["offered"].as_array().is_some_and(|offers| !offers.is_empty()));
    assert_eq!(client.get("/stats").json()["turn_log"]["healthy"], false);
    assert_eq!(
        act("first", &json!({"type": "wait"})).json()["revision"],
        1,
        "{way}: what was answered is answered again"
    );

    mend(&disk);
    let acted = act("second", &json!({"type": "wait"}));
    assert_eq!((acted.status, acted.json()["revision"].clone()), (200, json!(taken + 1)), "{way}: {}", acted.text);
    // The trial that tells the server comes within a second, or with the turn above.
    until(&format!("{way}, mended: the server to recover"), || client.get("/ready").status == 200);
    assert_eq!(server.sweep().failed, 0, "{way}");
    assert_eq!(client.history().len(), taken + 1);
    let other = server.player(8);
    disk.stop_at(0);

    let server = serve(store_on(&disk.after(End::PowerCut)), Settings::default(), Default::default());
    let client = client.clone().at(&server.url);
    assert_eq!((client.look()["revision"].clone(), client.history().len()), (json!(taken + 1), taken + 1), "{way}");
    assert_eq!(other.at(&server.url).look()["revision"], 0);
}

#[test]
fn a_disk_that_fails_is_waited_for() {
    let failing = |wanted: &'static [Op]| {
        move |disk: &SimDisk| {
            disk.plan(Some(Box::new(move |op, _| wanted.contains(&op).then_some(Fault::Refused))));
        }
    };
    let mend = |disk: &SimDisk| disk.plan(None);
    break_and_mend("no write", failing(&[Op::Write]), mend);
    break_and_mend("no sync", failing(&[Op::Sync, Op::SyncFolder]), mend);
    break_and_mend("nothing at all", failing(&[Op::Open, Op::Write, Op::Cut, Op::Rename, Op::Remove, Op::Sync]), mend);
    break_and_mend("a full disk", |disk| disk.room(Some(150)), |disk| disk.room(None));
    break_and_mend("a disk without a byte", |disk| disk.room(Some(0)), |disk| disk.room(None));
}

/// Log segments that are kept to be written over are room that a full disk needs.
#[test]
fn a_disk_that_takes_no_more_gets_back_what_was_kept() {
    let disk = SimDisk::new();
    let server = serve(store_on(&disk), Settings::default(), Default::default());
    let client = server.player(7);
    for _ in 0..12 {
        client.act(&json!({"type": "wait"}));
    }
    server.sweep();
    let spare = || client.get("/stats").json()["turn_log"]["spare"].as_u64().expect("a number");
    let segments = || disk.names().iter().filter(|name| name.starts_with("turns_")).count();
    assert!(spare() > 2 && segments() > 3);
    disk.plan(Some(Box::new(|op, _| (op == Op::Write).then_some(Fault::Refused))));
    assert_eq!(client.try_act(&json!({"type": "wait"})).status, 503);
    // One more than the present one: its name may have reached the marker of those that are needed.
    assert_eq!((spare(), segments()), (0, 2));
    disk.plan(None);
    client.act(&json!({"type": "wait"}));
    assert_eq!(client.history().len(), 13);
}
