//! Bytes of files: JSON objects under a checksum, each with the version of its format, brought up to date a step at a time.
//!
//! A sealed object begins with `{"checksum":"crc32c:xxxxxxxx",` and the checksum is that of every byte behind this. So a flipped
//! bit is found even where it leaves good JSON; and it is mended, because each bit changes the checksum in a way of its own.
//! Without the checksum an object is taken as it stands: files of version 1 had none, and an admin who edits a file takes it out.
//!
//! What editors and copying programs do to text is no damage: a byte order mark, CRLF line ends, line feeds at the end.

use std::borrow::Cow;

use memchr::memmem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The format written by this version of the program.
pub const VERSION: u32 = 3;

const SEAL: &[u8] = b"{\"checksum\":\"crc32c:";
/// The seal, eight hexadecimal digits, a quote and a comma.
const SEALED: usize = SEAL.len() + 10;

/// What an object is; decides how older ones become newer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Checkpoint,
    Turn,
    Save,
    /// The state in a record of the turn log, whose version the turn before it tells.
    State,
    Tombstone,
    Keys,
    Nonces,
    Entry,
    /// Which segments of the turn log are needed.
    Marker,
    Clock,
    Begun,
}

/// Why bytes are not an object of this program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
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
pub(crate) fn file(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = seal(&serde_json::to_vec_pretty(value)?);
    bytes.push(b'\n');
    Ok(bytes)
}

/// A line, without its line feed.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    Ok(seal(&serde_json::to_vec(value)?))
}

fn seal(object: &[u8]) -> Vec<u8> {
    let rest = object.get(1..).unwrap_or_default();
    let mut bytes = Vec::with_capacity(object.len() + SEALED + 1);
    bytes.extend(SEAL);
    bytes.extend(format!("{:08x}\",", crc32c::crc32c(rest)).as_bytes());
    bytes.extend(rest);
    bytes
}

/// Without what editors and copying programs add: a byte order mark, line feeds at the end, CRLF line ends. JSON has none of them
/// within its strings.
pub(crate) fn tidy(bytes: &[u8]) -> Cow<'_, [u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_end();
    let mut ends = memmem::find_iter(bytes, b"\r\n").peekable();
    if ends.peek().is_none() {
        return bytes.into();
    }
    let (mut tidy, mut from) = (Vec::with_capacity(bytes.len()), 0);
    for end in ends {
        tidy.extend(&bytes[from..end]);
        from = end + 1;
    }
    tidy.extend(&bytes[from..]);
    tidy.into()
}

/// Whether a tidy object is as it was written.
fn check(bytes: &[u8]) -> Result<(), Unreadable> {
    // Half a seal is a damaged one.
    let sealed =
        bytes.starts_with(&SEAL[..12]) || memmem::find(&bytes[..bytes.len().min(SEALED)], b"crc32c:").is_some();
    if !sealed || holds(bytes) {
        return Ok(());
    }
    Err(Unreadable::Damaged("its checksum does not hold".to_owned()))
}

/// Whether an object is sealed, and its checksum holds.
fn holds(bytes: &[u8]) -> bool {
    bytes.get(SEALED - 2..SEALED) == Some(b"\",")
        && stated(bytes).is_some_and(|stated| stated == crc32c::crc32c(bytes.get(SEALED..).unwrap_or_default()))
}

/// The checksum that an object states.
fn stated(bytes: &[u8]) -> Option<u32> {
    let hex = bytes.get(SEAL.len()..SEAL.len() + 8).filter(|_| bytes.starts_with(SEAL))?;
    let small = hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u32::from_str_radix(std::str::from_utf8(hex).ok().filter(|_| small)?, 16).ok()
}

/// Whether an object is of a version that this program reads, and as it was written but for a bit.
pub(crate) fn whole(bytes: &[u8]) -> bool {
    let line = mended_line(Cow::Borrowed(bytes)).ok();
    line.and_then(|(line, _)| version(&line).ok()).is_some_and(|version| version <= VERSION)
}

/// A line of a file.
pub(crate) type Line<'a> = Cow<'a, [u8]>;

/// A line as it was written, and whether a bit of it was mended; or as it is, where that cannot be told.
pub(crate) fn mended_line(line: Line<'_>) -> Result<(Line<'_>, bool), Line<'_>> {
    if check(&line).is_ok() {
        return Ok((line, false));
    }
    mended(&line).map(|line| (Cow::Owned(line), true)).ok_or(line)
}

/// Whether an object is sealed, and as it was written.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    is_sealed(bytes) && holds(bytes)
}

/// Whether an object begins as sealed ones do.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(SEAL)
}

/// The object as it was written, where one bit of it was flipped since.
pub(crate) fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = tidy(bytes).into_owned();
    // The line feed behind it.
    if holds(&bytes[..bytes.len().saturating_sub(1)]) {
        bytes.pop();
        return Some(bytes);
    }
    // In the seal: few enough to try them all.
    for bit in 0..8 * SEALED.min(bytes.len()) {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if holds(&bytes) {
            return Some(bytes);
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    // Behind it.
    let wrong = stated(&bytes)? ^ crc32c::crc32c(bytes.get(SEALED..)?);
    let bit = flipped(wrong, bytes.len() - SEALED)?;
    bytes[SEALED + bit / 8] ^= 1 << (bit % 8);
    holds(&bytes).then_some(bytes)
}

/// Which bit of so many bytes makes their CRC32C differ in this way, if one bit does.
///
/// A CRC is linear: a flipped bit changes it by what that bit alone leaves in the register, which is the polynomial for the last bit,
/// and one step of the register further for each bit before. No two bits of anything we write leave the same.
pub(crate) fn flipped(difference: u32, length: usize) -> Option<usize> {
    /// Castagnoli's, reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut left = POLYNOMIAL;
    for bit in (0..8 * length).rev() {
        if left == difference {
            return Some(bit);
        }
        left = (left >> 1) ^ if left & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    None
}

/// The objects in a file of lines, each with what is needed to put it back as it stood. A line break that was flipped, or a byte that
/// was flipped into one, parts or joins no lines.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut found: Vec<Cow<'_, [u8]>> = Vec::new();
    for line in bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Quotes within JSON strings are escaped, so this is the beginning of an object wherever it stands.
        let mut parts: Vec<_> = memmem::find_iter(line, SEAL).collect();
        if parts.first() != Some(&0) {
            parts.insert(0, 0);
        }
        parts.push(line.len());
        for part in parts.windows(2) {
            let part = &line[part[0]..part[1]];
            let torn = found.last().is_some_and(|last| !last.ends_with(b"}") && last.starts_with(SEAL));
            match found.last_mut() {
                Some(last) if torn && !part.starts_with(SEAL) && part.ends_with(b"}") => {
                    let joined = [last.as_ref(), b"\n", part].concat();
                    if mended(&joined).is_some() {
                        *last = joined.into();
                        continue;
                    }
                    found.push(part.into());
                }
                _ => found.push(part.into()),
            }
        }
    }
    // What is left of a flipped line break is no line.
    found.retain(|line| line.len() > 1 && !line.trim_ascii().is_empty());
    found
}

/// The version an object was written in.
pub(crate) fn version(bytes: &[u8]) -> Result<u32, Unreadable> {
    Ok(serde_json::from_slice::<Version>(bytes)?.version)
}

/// Reads an object of this version or of an older one.
pub(crate) fn read<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, Unreadable> {
    let bytes = tidy(bytes);
    let bytes = bytes.as_ref();
    check(bytes)?;
    match serde_json::from_slice::<Version>(bytes)?.version {
        VERSION => Ok(serde_json::from_slice(bytes)?),
        _ => read_value(kind, serde_json::from_slice(bytes)?),
    }
}

/// The same, where one bit may have been flipped. Whether that was so.
pub(crate) fn read_mended<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<(T, bool), Unreadable> {
    match read(kind, bytes) {
        Ok(read) => Ok((read, false)),
        Err(Unreadable::Damaged(problem)) => {
            let mended = mended(bytes).and_then(|bytes| read(kind, &bytes).ok());
            mended.map(|read| (read, true)).ok_or(Unreadable::Damaged(problem))
        }
        Err(newer) => Err(newer),
    }
}

/// The same of an object that has been read already.
pub(crate) fn read_value<T: DeserializeOwned>(kind: Kind, value: Value) -> Result<T, Unreadable> {
    let version = Version::deserialize(&value)?.version;
    read_version(kind, version, value)
}

/// Reads an object of a version that stands elsewhere.
pub(crate) fn read_part<T: DeserializeOwned>(kind: Kind, version: u32, bytes: &[u8]) -> Result<T, Unreadable> {
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

    fn file(value: &impl Serialize) -> Vec<u8> {
        super::file(value).expect("JSON")
    }

    fn line(value: &impl Serialize) -> Vec<u8> {
        super::line(value).expect("JSON")
    }

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
                let (mended, _) = read_mended::<Thing>(Kind::Keys, &bytes).expect("mended");
                assert_eq!(mended, thing, "bit {bit}: {}", String::from_utf8_lossy(&bytes));
            }
            for length in 0..whole.len() - 1 {
                assert!(read_mended::<Thing>(Kind::Keys, &whole[..length]).is_err(), "cut at {length}");
            }
        }
    }

    #[test]
    fn two_flipped_bits_are_not_mended() {
        let whole = line(&Thing { version: VERSION, size: 5 });
        for first in 0..whole.len() * 8 {
            for second in (0..first).step_by(7) {
                let mut bytes = whole.clone();
                for bit in [first, second] {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                if let Ok((read, _)) = read_mended::<Thing>(Kind::Keys, &bytes) {
                    assert_eq!(read, Thing { version: VERSION, size: 5 }, "{first}, {second}");
                }
            }
        }
    }

    #[test]
    fn what_editors_do_to_text_is_no_damage() {
        let thing = Thing { version: VERSION, size: 5 };
        let text = String::from_utf8(file(&thing)).expect("text");
        for edited in [
            text.replace('\n', "\r\n"),
            format!("\u{feff}{text}"),
            format!("{text}\n"),
            format!("\u{feff}{}\r\n\r\n", text.replace('\n', "\r\n")),
            text.trim_end().to_owned(),
        ] {
            assert_eq!(read::<Thing>(Kind::Keys, edited.as_bytes()).expect("readable"), thing, "{edited:?}");
        }
        let two = [line(&thing), line(&thing)].join(&b"\r\n"[..]);
        assert_eq!(lines(&two).iter().map(|line| read::<Thing>(Kind::Keys, line)).filter_map(Result::ok).count(), 2);
    }

    #[test]
    fn no_flipped_bit_in_a_file_of_lines_costs_anything() {
        let things: Vec<_> = (0..3).map(|size| Thing { version: VERSION, size }).collect();
        // As they are appended, one after the other: a line feed before, and one behind.
        let whole: Vec<u8> = things.iter().flat_map(|thing| [&b"\n"[..], &line(thing), b"\n"].concat()).collect();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = lines(&bytes);
            let read = found.iter().map(|line| read_mended::<Thing>(Kind::Keys, line).expect("mended").0);
            assert_eq!(read.collect::<Vec<_>>(), things, "bit {bit}: {}", String::from_utf8_lossy(&bytes));
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

    #[test]
    fn no_flipped_bit_in_a_history_costs_a_line() {
        let folder = std::fs::read_dir("tests/saves/v3").expect("golden saves");
        let files = folder.map(|entry| std::fs::read(entry.expect("a file").path()).expect("a file"));
        let histories = files.filter(|file| file.starts_with(b"\n{") && memmem::find(file, b"\"outcome\"").is_some());
        let whole = histories.min_by_key(Vec::len).expect("a history");
        let read = |bytes: &[u8]| -> Vec<Vec<u8>> {
            lines(bytes).into_iter().filter_map(|line| Some(mended_line(line).ok()?.0.into_owned())).collect()
        };
        let wanted = read(&whole);
        assert!(wanted.len() > 5);
        for bit in (0..whole.len() * 8).step_by(5) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&bytes), wanted, "bit {bit}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_no_empty_object() {
        let bad = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(super::file(&bad).is_err() && super::line(&bad).is_err(), "JSON has no such keys");
    }
}
