//! All that is in one store, copied into another, and compared.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use cosmic_explorer::config::{Config, Secret};
use cosmic_explorer::model::{Checkpoint, SessionId, Turn};
use cosmic_explorer::store::folder::{self, Settings};
use cosmic_explorer::store::{All, Opened, Store};
use jiff::Timestamp;
use serde_json::Value;

use super::database;
use super::terminal::say;

/// A folder, which is made where it is missing, or a database.
pub async fn open(place: &str, config: &Config) -> anyhow::Result<Opened> {
    if !place.starts_with("postgres://") && !place.starts_with("postgresql://") {
        return folder::open(Path::new(place), Settings::default()).with_context(|| place.to_owned());
    }
    let mut config = config.clone();
    config.database.url = Some(Secret(place.to_owned()));
    database::open(&config).await?.context("there is no database")
}

/// Copies all there is. What is there already is not written again.
pub async fn copy(from: Opened, to: Opened) -> anyhow::Result<ExitCode> {
    if let Some((id, _)) = from.unread.first() {
        bail!("session {id} cannot be read; nothing was copied. Bring it back first, or take it out");
    }
    let (old, new) = (&*from.store, &*to.store);
    // Whoever has a token there has it here.
    new.put_keys(old.keys(super::system::random).await?).await?;
    let nonces = old.nonces().await?;
    let all = nonces.clone();
    new.write_nonces(nonces, All { count: all.len(), list: Box::new(move || all) }).await?;
    if let Some(clock) = old.clock().await? {
        new.write_clock(clock).await?;
    }
    let mut contents = HashSet::new();
    let (mut copied, mut there) = (0, 0);
    for header in &from.sessions {
        let id = SessionId(header.session_id);
        let form = old.read(id).await?.with_context(|| format!("session {id} has gone"))?;
        keep(old, new, &form.content, &mut contents).await?;
        let turns = old.turns(id, 0, form.revision, usize::MAX).await?;
        for turn in &turns {
            keep(old, new, &turn.content, &mut contents).await?;
        }
        if is_the_same(new, &form, &turns).await? {
            there += 1;
            continue;
        }
        // What an earlier copy left of it, or an older state of it.
        new.discard(id).await?;
        new.put(form.clone(), turns.clone()).await?;
        if !is_the_same(new, &form, &turns).await? {
            bail!("session {id} is not the same there; run it again");
        }
        copied += 1;
    }
    for (player, number) in &from.slots {
        if let Some(save) = old.slot(*player, *number).await? {
            keep(old, new, &save.content, &mut contents).await?;
            new.write_slot(*player, *number, Arc::new(save)).await?;
        }
    }
    for stone in from.tombstones.iter().filter(|stone| !to.tombstones.contains(stone)) {
        new.bury(stone.clone()).await?;
    }
    let entries = copy_boards(&from, new).await?;
    for day in &from.begun {
        let begun = old.begun(*day).await?;
        let known: HashSet<_> = new.begun(*day).await?.into_iter().map(|begun| begun.session_id).collect();
        new.add_begun(*day, begun.into_iter().filter(|begun| !known.contains(&begun.session_id)).collect()).await?;
    }
    new.close().await;
    say(format!(
        "{copied} games copied, {there} were there; {} saves, {entries} entries of boards. All are the same.",
        from.slots.len()
    ));
    Ok(ExitCode::SUCCESS)
}

async fn copy_boards(from: &Opened, new: &dyn Store) -> anyhow::Result<usize> {
    let mut count = 0;
    for board in &from.boards {
        let entries = from.store.board(*board).await?;
        let known: HashSet<_> = new.board(*board).await?.into_iter().map(|entry| entry.claim.session_id).collect();
        let standing: Vec<_> = entries.iter().map(|entry| SessionId(entry.claim.session_id)).collect();
        for entry in entries {
            if !known.contains(&entry.claim.session_id) {
                new.add_entry(entry, standing.clone(), usize::MAX / 2).await?;
            }
            count += 1;
        }
    }
    Ok(count)
}

async fn keep(old: &dyn Store, new: &dyn Store, hash: &str, kept: &mut HashSet<String>) -> anyhow::Result<()> {
    if kept.insert(hash.to_owned()) {
        // Older content may be gone, and only turns of before a load name it.
        match old.content_files(hash.to_owned()).await {
            Ok(files) => new.keep_content(hash.to_owned(), Arc::new(files)).await?,
            Err(error) => tracing::error!(%error, "it is not copied"),
        }
    }
    Ok(())
}

/// Whether a session is there as it is here, with every turn.
async fn is_the_same(new: &dyn Store, form: &Checkpoint, turns: &[Turn]) -> anyhow::Result<bool> {
    let id = SessionId(form.session_id);
    let copy = new.read(id).await?.is_some_and(|copy| plain(&copy) == plain(form));
    Ok(copy && new.turns(id, 0, form.revision, usize::MAX).await? == turns)
}

/// A session as it is compared: times to the microsecond, and without what each store writes in its own way.
fn plain(form: &Checkpoint) -> Value {
    let micros = |time: Timestamp| Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time);
    let plain = Checkpoint {
        created_at: micros(form.created_at),
        last_activity: micros(form.last_activity),
        lived: Some(micros(form.lived.unwrap_or(form.last_activity))),
        ..form.clone()
    };
    serde_json::to_value(plain).unwrap_or_default()
}
