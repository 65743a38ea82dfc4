//! What the files of the folder are called.

use uuid::Uuid;

use crate::model::{BoardName, Day, PlayerId, SessionId};
use crate::store::error::Thing;

/// How errors name the turn log, whose segments have numbers.
pub(super) const LOG: &str = "turns_*.log";
/// The name of the tombstones' file.
pub(super) const TOMBSTONES: &str = "tombstones.jsonl";
/// The file of tokens that count, and its copy, which is written after it.
pub(super) const TOKENS: [&str; 2] = ["tokens.jsonl", "tokens.copy.jsonl"];
/// How errors name the boards' files.
pub(super) const BOARDS: &str = "leaderboard_*.jsonl";
/// The name of the register.
pub(super) const REGISTER: &str = "register.jsonl";
/// The name of the clock's file.
pub(super) const CLOCK: &str = "clock.json";
/// The keys' file; its copy is written after it.
pub(super) const KEYS: &str = "keys.json";
/// Files of one history: the first, and those that were begun because the ones before could not be appended to. When there are so many
/// the last one is all there is.
pub(super) const MAX_HISTORIES: u32 = 9;

pub(super) fn session_file(id: Uuid) -> String {
    format!("session_{id}.json")
}

pub(super) fn turns_file(id: Uuid) -> String {
    format!("session_{id}.turns.jsonl")
}

/// The files of a history, from 1.
pub(super) fn history_file(id: Uuid, number: u32) -> String {
    if number == 1 { turns_file(id) } else { format!("session_{id}.turns.{number}.jsonl") }
}

/// The name of a file's copy.
pub(super) fn copy_of(name: &str) -> String {
    format!("{}.copy.json", name.strip_suffix(".json").unwrap_or(name))
}

/// Whether a file is of those that the store makes.
pub(super) fn is_ours(name: &str) -> bool {
    const BEGINNINGS: [&str; 11] = [
        "session_",
        "register.",
        "slot_",
        "content_",
        "leaderboard_",
        "turns",
        "tombstones.",
        "tokens.",
        "keys.",
        "clock.",
        "challenge_",
    ];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

pub(super) fn content_file(hash: &str) -> String {
    format!("content_{hash}.json")
}

pub(super) fn session_of(name: &str) -> Option<Uuid> {
    name.strip_prefix("session_")?.strip_suffix(".json")?.parse().ok()
}

pub(super) fn history_of(name: &str) -> Option<Uuid> {
    let (id, rest) = name.strip_prefix("session_")?.split_once('.')?;
    (rest.starts_with("turns.") && rest.ends_with("jsonl")).then_some(())?;
    id.parse().ok()
}

pub(super) fn board_file(board: BoardName) -> String {
    format!("{board}.jsonl")
}

pub(super) fn board_of(name: &str) -> Option<BoardName> {
    let (date, difficulty) = name.strip_prefix("leaderboard_")?.strip_suffix(".jsonl")?.split_once('_')?;
    Some(BoardName { date: date.parse().ok()?, difficulty: BoardName::difficulty(difficulty)? })
}

pub(super) fn begun_file(day: Day) -> String {
    format!("challenge_{day}.jsonl")
}

pub(super) fn begun_of(name: &str) -> Option<Day> {
    name.strip_prefix("challenge_")?.strip_suffix(".jsonl")?.parse().ok()
}

pub(super) fn slot_file(player: Uuid, number: u8) -> String {
    format!("slot_{player}_{number}.json")
}

pub(super) fn slot_of(name: &str) -> Option<(Uuid, u8)> {
    let name = name.strip_prefix("slot_")?.strip_suffix(".json")?;
    let (player, number) = name.strip_suffix(".copy").unwrap_or(name).split_once('_')?;
    Some((player.parse().ok()?, number.parse().ok()?))
}

/// What a file holds a part of.
pub(super) fn thing(name: &str) -> Thing {
    let base = name.split_once(".invalid").map_or(name, |(base, _)| base);
    let content = || base.strip_prefix("content_").and_then(|rest| rest.split('.').next()).map(str::to_owned);
    let found = session_of(base).or_else(|| history_of(base)).map(|id| Thing::Session(SessionId(id)));
    let found = found.or_else(|| slot_of(base).map(|(player, number)| Thing::Save(PlayerId(player), number)));
    let found = found.or_else(|| board_of(base).map(Thing::Board)).or_else(|| begun_of(base).map(Thing::Begun));
    let found = found.or_else(|| content().map(Thing::Content));
    found.unwrap_or_else(|| match base {
        LOG => Thing::Log,
        TOMBSTONES => Thing::Tombstones,
        CLOCK => Thing::Clock,
        BOARDS => Thing::Boards,
        KEYS => Thing::Keys,
        _ if TOKENS.contains(&base) => Thing::Tokens,
        _ if base == copy_of(KEYS) => Thing::Keys,
        _ => Thing::Store(name.to_owned()),
    })
}
