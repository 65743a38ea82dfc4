//! Bytes of files: JSON objects under a checksum, each with the version of its format, brought up to date a step at a time.
//!
//! A sealed object begins with `{"checksum":"crc32c:xxxxxxxx",` and the checksum is that of every byte behind this. So a flipped
//! bit is found even where it leaves good JSON. Without the checksum an object is taken as it stands: files of version 1 had
//! none, and an admin who edits a file takes it out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::model::VERSION;

const SEAL: &[u8] = b"{\"checksum\":\"crc32c:";
/// The seal, eight hexadecimal digits, a quote and a comma.
const SEALED: usize = SEAL.len() + 10;

/// What an object is; decides how older ones become newer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Checkpoint,
    Turn,
    Save,
    /// The state in a record of the turn log, whose version the turn before it tells.
    State,
    Tombstone,
    Keys,
    Nonces,
    Entry,
}

/// Why bytes are not an object of this program.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0}")]
    Damaged(String),
    #[error("format {0} is newer than this program")]
    Newer(u32),
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// What is read of any object first.
#[derive(Deserialize)]
struct Version {
    /// Lines of history and tombstones of version 1 had none.
    #[serde(default = "one")]
    version: u32,
}

fn one() -> u32 {
    1
}

/// A whole file: indented, for people.
pub(super) fn file(value: &impl Serialize) -> Vec<u8> {
    // Stored types have string keys and finite numbers only: they always serialize.
    let mut bytes = seal(&serde_json::to_vec_pretty(value).unwrap_or_default());
    bytes.push(b'\n');
    bytes
}

/// A line, without its line feed.
pub(super) fn line(value: &impl Serialize) -> Vec<u8> {
    // As above.
    seal(&serde_json::to_vec(value).unwrap_or_default())
}

fn seal(object: &[u8]) -> Vec<u8> {
    let rest = object.get(1..).unwrap_or_default();
    let mut bytes = Vec::with_capacity(object.len() + SEALED + 1);
    bytes.extend(SEAL);
    bytes.extend(format!("{:08x}\",", crc32c::crc32c(rest)).as_bytes());
    bytes.extend(rest);
    bytes
}

fn check(bytes: &[u8]) -> Result<(), Unreadable> {
    if !bytes.starts_with(SEAL) {
        return Ok(());
    }
    let stated = bytes.get(SEAL.len()..SEAL.len() + 8).and_then(|hex| std::str::from_utf8(hex).ok());
    let stated = stated.and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let rest = bytes.get(SEALED..).unwrap_or_default();
    // A file ends with a line feed, which the checksum leaves out.
    let rest = rest.strip_suffix(b"\n").unwrap_or(rest);
    if stated == Some(crc32c::crc32c(rest)) {
        return Ok(());
    }
    Err(Unreadable::Damaged("its checksum does not hold".to_owned()))
}

/// The version an object was written in.
pub(super) fn version(bytes: &[u8]) -> Result<u32, Unreadable> {
    Ok(serde_json::from_slice::<Version>(bytes)?.version)
}

/// The revision that a line of history says it is of, found without reading the line; none where it does not stand where we write it.
pub(super) fn revision(line: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"revision\":";
    // Behind the seal and the version.
    let head = line.get(..line.len().min(SEALED + 64))?;
    let at = memchr::memmem::find(head, NAME)? + NAME.len();
    let digits = head.get(at..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

/// Reads an object of this version or of an older one.
pub(super) fn read<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, Unreadable> {
    check(bytes)?;
    match serde_json::from_slice::<Version>(bytes)?.version {
        VERSION => Ok(serde_json::from_slice(bytes)?),
        _ => read_value(kind, serde_json::from_slice(bytes)?),
    }
}

/// The same of an object that has been read already.
pub(super) fn read_value<T: DeserializeOwned>(kind: Kind, value: Value) -> Result<T, Unreadable> {
    let version = Version::deserialize(&value)?.version;
    read_version(kind, version, value)
}

/// Reads an object of a version that stands elsewhere.
pub(super) fn read_part<T: DeserializeOwned>(kind: Kind, version: u32, bytes: &[u8]) -> Result<T, Unreadable> {
    match version {
        VERSION => Ok(serde_json::from_slice(bytes)?),
        _ => read_version(kind, version, serde_json::from_slice(bytes)?),
    }
}

fn read_version<T: DeserializeOwned>(kind: Kind, version: u32, mut value: Value) -> Result<T, Unreadable> {
    if version > VERSION {
        return Err(Unreadable::Newer(version));
    }
    if version == 0 {
        return Err(Unreadable::Damaged("format 0 was never written".to_owned()));
    }
    for step in version..VERSION {
        upgrade(kind, step, &mut value);
    }
    Ok(serde_json::from_value(value)?)
}

/// Brings an object from one version to the next. What does not fit fails when it is read as what it should be.
fn upgrade(kind: Kind, from: u32, value: &mut Value) {
    let Value::Object(members) = value else { return };
    match (from, kind) {
        // Version 2: sessions remember idempotency keys, tombstones the revision.
        (1, Kind::Checkpoint) => drop(members.insert("keys".to_owned(), json!([]))),
        (1, Kind::Tombstone) => drop(members.insert("revision".to_owned(), json!(u64::MAX))),
        // Version 3: chains of quests, events that happen once, achievements.
        (2, Kind::Checkpoint | Kind::Save | Kind::State) => {
            for list in ["begun", "past", "achievements"] {
                members.insert(list.to_owned(), json!([]));
            }
        }
        _ => {}
    }
    members.insert("version".to_owned(), json!(from + 1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Thing {
        version: u32,
        size: i64,
    }

    #[test]
    fn a_flipped_bit_is_found_or_changes_nothing() {
        let thing = Thing { version: VERSION, size: 5 };
        for whole in [file(&thing), line(&thing)] {
            assert_eq!(read::<Thing>(Kind::Keys, &whole).expect("readable"), thing);
            for bit in 0..whole.len() * 8 {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                if let Ok(read) = read::<Thing>(Kind::Keys, &bytes) {
                    assert_eq!(read, thing, "bit {bit}: {}", String::from_utf8_lossy(&bytes));
                }
            }
            for length in 0..whole.len() - 1 {
                assert!(read::<Thing>(Kind::Keys, &whole[..length]).is_err(), "cut at {length}");
            }
        }
    }

    #[test]
    fn newer_formats_are_refused_and_unsealed_ones_read() {
        let newer = line(&Thing { version: VERSION + 1, size: 5 });
        assert!(matches!(read::<Thing>(Kind::Keys, &newer), Err(Unreadable::Newer(_))));
        assert_eq!(
            read::<Thing>(Kind::Keys, br#"{"size": 5}"#).expect("readable"),
            Thing { version: VERSION, size: 5 }
        );
        assert!(read::<Thing>(Kind::Keys, br#"{"version": 0, "size": 5}"#).is_err());
    }
}
