//! The bytes of a segment of the turn log: written, found again, and mended. Pure functions over slices.
//!
//! A segment is
//!
//! ```text
//! header  "COSMICTL", version u32, CRC32C of those 12 bytes;
//!         number u64, number of the segment the file was before or the same again, CRC32C of those 32 bytes
//! record  magic F5 C0 5A FF, length u32, CRC32C u32, body of that length
//! body    session 16 bytes, revision u64, and three lines of JSON: the turn as history has it, where the player is, the state
//! ```
//!
//! with all numbers little-endian. The CRC covers the number of the segment, the offset of the record in it, the length and the
//! body, so that a record counts only where it was written. JSON is UTF-8, in which FF never occurs: behind damage a reader looks
//! for the next magic, and goes on. Behind the last record there are [`FRAME`] zeros, the end mark, and behind that whatever was
//! there: zeros, reserved for what comes, or what the file held as an earlier segment, which does not count any more.
//!
//! A record in which one bit was flipped is mended: its CRC tells which.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;
use uuid::Uuid;

use crate::model::format::{self, Kind};

/// The format of segments that this version writes. Those of version 1 have the first line of the header, and only zeros behind the
/// last record.
pub(super) const VERSION: u32 = 2;
pub(super) const HEADER: usize = 36;
pub(super) const FIRST_HEADER: usize = 16;
pub(super) const NAME: &[u8; 8] = b"COSMICTL";
pub(super) const MAGIC: &[u8; 4] = b"\xf5\xc0\x5a\xff";
/// Magic, length and CRC.
pub(super) const FRAME: usize = 12;
/// Session and revision.
pub(super) const TAG: usize = 24;
/// No record is larger (they have about 3 KB): a larger one is not taken, and what says that it is one is damaged.
pub(super) const LONGEST: usize = 1 << 20;

/// A turn on its way into the log.
#[derive(Debug)]
pub(super) struct Record {
    /// Whose.
    pub session: Uuid,
    /// The revision it leads to.
    pub revision: u64,
    /// The line of history: JSON without a line feed.
    pub line: Arc<Vec<u8>>,
    /// Where the player is then, as JSON.
    pub place: Vec<u8>,
    /// The state after it, as JSON; nothing in a turn that is written again where a later one has it.
    pub state: Vec<u8>,
}

impl Record {
    /// Bytes of its body.
    pub fn length(&self) -> usize {
        TAG + self.line.len() + self.place.len() + self.state.len() + 2
    }
}

/// What a record holds: the line of history; where the player is; the state.
pub(super) type Lines = [Vec<u8>; 3];

/// A record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub segment: u64,
    pub offset: u64,
    /// Of the body.
    pub length: u32,
}

/// What the body of a record says: the line of history, and the rest.
pub(super) fn parts(body: &[u8]) -> (Vec<u8>, Rest) {
    let mut lines = body[TAG..].splitn(3, |byte| *byte == b'\n').map(<[u8]>::to_vec);
    let mut next = || lines.next().unwrap_or_default();
    (next(), Rest { place: next(), state: next() })
}

#[derive(Debug)]
pub(super) struct Rest {
    pub place: Vec<u8>,
    pub state: Vec<u8>,
}

pub(super) fn segment_name(number: u64) -> String {
    format!("turns_{number:010}.log")
}

pub(super) fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("turns_")?.strip_suffix(".log")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

pub(super) fn header(number: u64, previous: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(NAME);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&number.to_le_bytes());
    header[24..32].copy_from_slice(&previous.to_le_bytes());
    for crc in [12, 32] {
        let sum = crc32c::crc32c(&header[..crc]);
        header[crc..crc + 4].copy_from_slice(&sum.to_le_bytes());
    }
    header
}

/// The version a segment says it has; none where its header is damaged.
pub(super) fn header_version(bytes: &[u8]) -> Option<u32> {
    let header = bytes.get(..FIRST_HEADER)?;
    let whole = &header[..8] == NAME && number_at(header, 12)? == crc32c::crc32c(&header[..12]);
    if whole { number_at(header, 8) } else { None }
}

/// The number of a segment, and of the one that its file was before; none where its header is damaged.
pub(super) fn header_numbers(bytes: &[u8]) -> Option<[u64; 2]> {
    let header = bytes.get(..HEADER)?;
    let number = |at: usize| Some(u64::from_le_bytes(header[at..at + 8].try_into().ok()?));
    if number_at(header, 32)? == crc32c::crc32c(&header[..32]) { Some([number(16)?, number(24)?]) } else { None }
}

pub(super) fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

pub(super) fn checksum(segment: u64, offset: u64, body: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &offset.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &(body.len() as u64).to_le_bytes());
    crc32c::crc32c_append(crc, body)
}

/// Appends a record; the length of its body, and the CRC32C of its line.
pub(super) fn frame(bytes: &mut Vec<u8>, record: &Record, segment: u64, offset: u64) -> (u32, u32) {
    let begin = bytes.len();
    bytes.extend([0; FRAME]);
    bytes.extend(record.session.as_bytes());
    bytes.extend(record.revision.to_le_bytes());
    for line in [record.line.as_slice(), &record.place] {
        bytes.extend(line);
        bytes.push(b'\n');
    }
    bytes.extend(&record.state);
    let body = begin + FRAME;
    // No longer than `LONGEST`.
    let length = (bytes.len() - body) as u32;
    let crc = checksum(segment, offset, &bytes[body..]);
    let sum = crc32c::crc32c(&record.line);
    bytes[begin..begin + 4].copy_from_slice(MAGIC);
    bytes[begin + 4..begin + 8].copy_from_slice(&length.to_le_bytes());
    bytes[begin + 8..body].copy_from_slice(&crc.to_le_bytes());
    (length, sum)
}

/// The body of the record at the beginning of some bytes, where one bit of it was flipped. Its line of history has a checksum of its
/// own, which must hold too.
pub(super) fn mended_record(bytes: &[u8], segment: u64, offset: u64) -> Option<Vec<u8>> {
    let frame = bytes.get(..FRAME)?;
    let whole = |body: &[u8]| {
        let line = body.get(TAG..).and_then(|lines| lines.split(|byte| *byte == b'\n').next());
        line.is_some_and(|line| format::read::<serde::de::IgnoredAny>(Kind::Turn, line).is_ok())
    };
    // In the frame: few enough to try them all.
    for bit in 0..8 * FRAME {
        let mut frame: [u8; FRAME] = frame.try_into().ok()?;
        frame[bit / 8] ^= 1 << (bit % 8);
        if &frame[..4] == MAGIC
            && let Some(length) = number_at(&frame, 4).map(|length| length as usize)
            && (TAG..=LONGEST).contains(&length)
            && let Some(body) = bytes.get(FRAME..FRAME + length)
            && number_at(&frame, 8) == Some(checksum(segment, offset, body))
        {
            return whole(body).then(|| body.to_vec());
        }
    }
    let length = number_at(frame, 4)? as usize;
    if &frame[..4] != MAGIC || !(TAG..=LONGEST).contains(&length) {
        return None;
    }
    let mut body = bytes.get(FRAME..FRAME + length)?.to_vec();
    let bit = format::flipped(number_at(frame, 8)? ^ checksum(segment, offset, &body), length)?;
    body[bit / 8] ^= 1 << (bit % 8);
    whole(&body).then_some(body)
}

/// The body of the record at a place in some bytes, which was written at an offset of a segment; none if there is none.
pub(super) fn record_at(bytes: &[u8], at: usize, segment: u64, offset: u64) -> Option<&[u8]> {
    let frame = bytes.get(at..at + FRAME)?;
    let length = number_at(frame, 4)? as usize;
    if &frame[..4] != MAGIC || !(TAG..=LONGEST).contains(&length) {
        return None;
    }
    let body = bytes.get(at + FRAME..at + FRAME + length)?;
    (number_at(frame, 8)? == checksum(segment, offset, body)).then_some(body)
}

/// The end of what cannot be read, where it looks as if it had been written to its end: records of which each leads to the next, and
/// the last to the end mark or the end of the file. JSON does not end with a zero, and what a torn record leads to is as a rule
/// something else; and none of it may be a record of the segment that the file was before.
pub(super) fn written_to_its_end(bytes: &[u8], begin: usize, previous: Option<u64>) -> Option<usize> {
    let mut at = begin;
    loop {
        let frame = bytes.get(at..)?;
        if frame.iter().take(FRAME).all(|byte| *byte == 0) {
            return (at > begin).then_some(at);
        }
        let length =
            number_at(frame, 4).map(|length| length as usize).filter(|length| (1..=LONGEST).contains(length))?;
        let stale = previous.is_some_and(|previous| record_at(bytes, at, previous, at as u64).is_some());
        let end = at + FRAME + length;
        if stale || !frame.starts_with(MAGIC) || *bytes.get(end - 1)? == 0 {
            return None;
        }
        at = end;
    }
}

/// A record that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub session: Uuid,
    pub revision: u64,
    pub place: Place,
    pub sum: u32,
}

/// What is in a segment.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Every record that can be read.
    pub found: Vec<Found>,
    /// The stretches that cannot.
    pub damaged: Vec<Range<usize>>,
    /// Records in which a bit was mended.
    pub mended: u64,
    /// There is no end mark behind the last record.
    pub torn: bool,
}

/// Reads a segment. A torn end is no damage: it is what a crash leaves of turns nobody was told of.
pub(super) fn scan(bytes: &[u8], segment: u64) -> Scanned {
    let magic = memmem::Finder::new(MAGIC);
    let mut scanned = Scanned::default();
    let (mut good, previous) = match (header_version(bytes), header_numbers(bytes)) {
        (Some(1), _) => (FIRST_HEADER, None),
        (Some(_), Some([number, previous])) if number == segment => (HEADER, Some(previous)),
        // The file was to become this segment, and nothing was written to it yet.
        (Some(_), Some(_)) => return scanned,
        _ => (0, None),
    };
    let mut at = good.max(FIRST_HEADER);
    while at < bytes.len() {
        let mended = || {
            // Only where a record must be: behind the end there may be thousands of an earlier segment.
            if at != good && at != HEADER { None } else { mended_record(&bytes[at..], segment, at as u64) }
        };
        let whole = record_at(bytes, at, segment, at as u64).map(|body| (Cow::Borrowed(body), 0));
        let body = whole.or_else(|| mended().map(|body| (Cow::Owned(body), 1)));
        if let Some((body, mended)) = body
            && let (Ok(session), Ok(revision)) = (Uuid::from_slice(&body[..16]), body[16..TAG].try_into())
        {
            if good < at {
                scanned.damaged.push(good..at);
            }
            let place = Place { segment, offset: at as u64, length: body.len() as u32 };
            let revision = u64::from_le_bytes(revision);
            let line = body[TAG..].split(|byte| *byte == b'\n').next().unwrap_or_default();
            scanned.found.push(Found { session, revision, place, sum: crc32c::crc32c(line) });
            scanned.mended += mended;
            at += FRAME + body.len();
            good = at;
        } else {
            at = bytes.get(at + 1..).and_then(|rest| magic.find(rest)).map_or(bytes.len(), |next| at + 1 + next);
        }
    }
    if let Some(end) = written_to_its_end(bytes, good, previous) {
        scanned.damaged.push(good..end);
    }
    scanned.torn = bytes.get(good..good + FRAME).is_none_or(|mark| mark.iter().any(|byte| *byte != 0));
    let unwritten = bytes.len() < HEADER || bytes.iter().take(HEADER).all(|byte| *byte == 0);
    if good == 0 && !unwritten {
        scanned.damaged.push(0..HEADER);
    }
    scanned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(session: u128, revision: u64) -> Record {
        let line = Arc::new(format::line(&serde_json::json!({"version": 3, "revision": revision})).expect("JSON"));
        let (place, state) = (b"\"Home\"".to_vec(), format!("{{\"turn_count\":{session}}}").into_bytes());
        Record { session: Uuid::from_u128(session), revision, line, place, state }
    }

    fn segment(number: u64, records: u64) -> Vec<u8> {
        over(number, number, records)
    }

    /// A segment whose file was another before.
    fn over(previous: u64, number: u64, records: u64) -> Vec<u8> {
        let mut bytes = header(number, previous).to_vec();
        for revision in 1..=records {
            let offset = bytes.len() as u64;
            frame(&mut bytes, &record(u128::from(number), revision), number, offset);
        }
        bytes
    }

    /// Where its records end.
    fn ends(bytes: &[u8], number: u64) -> Vec<usize> {
        let end = |place: &Place| place.offset as usize + FRAME + place.length as usize;
        scan(bytes, number).found.iter().map(|found| end(&found.place)).collect()
    }

    fn revisions(bytes: &[u8], number: u64) -> Vec<u64> {
        scan(bytes, number).found.iter().map(|found| found.revision).collect()
    }

    #[test]
    fn a_torn_end_costs_what_was_torn_and_nothing_else() {
        let whole = segment(3, 5);
        let ends = ends(&whole, 3);
        for length in 0..=whole.len() {
            let expected = ends.iter().filter(|end| **end <= length).count() as u64;
            let Scanned { found, damaged, .. } = scan(&whole[..length], 3);
            assert_eq!(found.len() as u64, expected, "cut at {length}");
            assert!(damaged.is_empty(), "cut at {length}: {damaged:?}");
        }
    }

    #[test]
    fn one_flipped_bit_costs_nothing() {
        let whole = segment(3, 5);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Scanned { found, damaged, mended, .. } = scan(&bytes, 3);
            let revisions: Vec<_> = found.iter().map(|found| found.revision).collect();
            assert_eq!(revisions, [1, 2, 3, 4, 5], "bit {bit}");
            let hit_header = bit / 8 < HEADER;
            assert_eq!((damaged.len(), mended), if hit_header { (1, 0) } else { (0, 1) }, "bit {bit}");
        }
    }

    #[test]
    fn two_flipped_bits_cost_one_record() {
        let whole = segment(3, 5);
        for bit in HEADER * 8..whole.len() * 8 - 8 {
            let mut bytes = whole.clone();
            for bit in [bit, bit + 8] {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let Scanned { found, mended, .. } = scan(&bytes, 3);
            let between = found.len() == 5 && mended == 2;
            assert!(found.len() == 4 && mended == 0 || between, "bit {bit}: {found:?}");
        }
    }

    #[test]
    fn what_a_file_held_before_does_not_count() {
        let old = segment(3, 6);
        for records in 1..5 {
            let new = [over(3, 9, records), vec![0; FRAME]].concat();
            let ends = ends(&new, 9);
            // All of it, or as much as was written before the power failed: nothing, or a sector, which the header is in.
            for length in std::iter::once(0).chain(HEADER..=new.len()) {
                let bytes = [&new[..length], &old[length..]].concat();
                let expected = ends.iter().filter(|end| bytes[..**end] == new[..**end]).count();
                let Scanned { found, damaged, .. } = scan(&bytes, 9);
                assert_eq!((found.len(), damaged), (expected, Vec::new()), "{records} records, cut at {length}");
            }
        }
    }

    /// Whatever was written of a batch, in whatever order: nothing counts but what is whole and of this segment.
    #[test]
    fn sectors_that_were_written_in_no_order_do_no_harm() {
        const SECTOR: usize = 32;
        let (old, new) = (segment(3, 6), [over(3, 9, 4), vec![0; FRAME]].concat());
        let (ends, sectors) = (ends(&new, 9), new.len().div_ceil(SECTOR));
        for written in 0..1 << sectors {
            let mut bytes = old.clone();
            for sector in (0..sectors).filter(|sector| written >> sector & 1 == 1) {
                let range = sector * SECTOR..((sector + 1) * SECTOR).min(new.len());
                bytes[range.clone()].copy_from_slice(&new[range]);
            }
            let same = |from: usize, to: usize| bytes[from..to] == new[from..to];
            let whole =
                std::iter::once(&HEADER).chain(&ends).zip(&ends).filter(|(from, to)| same(**from, **to)).count();
            let found = scan(&bytes, 9).found.len();
            assert!(found == whole || found == 0 && !same(0, HEADER), "{written:b}: {found} of {whole}");
        }
    }

    #[test]
    fn damage_to_the_last_records_is_seen_before_what_a_file_held() {
        let new = [over(3, 9, 3), vec![0; FRAME]].concat();
        let old = segment(3, 6);
        let ends = ends(&new, 9);
        let whole = [&new, &old[new.len()..]].concat();
        let seen = |bytes: &[u8]| {
            let Scanned { found, damaged, .. } = scan(bytes, 9);
            (found.len(), damaged.len(), damaged.first().cloned())
        };
        for bit in (ends[2] - 40) * 8..ends[2] * 8 - 8 {
            let mut bytes = whole.clone();
            for bit in [bit, bit + 8] {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            assert_eq!(seen(&bytes), (2, 1, Some(ends[1]..ends[2])), "bit {bit}");
            bytes[ends[1] - 9] ^= 3;
            assert_eq!(seen(&bytes), (1, 1, Some(ends[0]..ends[2])), "bit {bit}, and the one before");
        }
    }

    #[test]
    fn segments_of_version_1_are_read() {
        let mut bytes = header(3, 3)[..FIRST_HEADER].to_vec();
        bytes[8] = 1;
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_le_bytes());
        for revision in 1..=3 {
            let offset = bytes.len() as u64;
            frame(&mut bytes, &record(3, revision), 3, offset);
        }
        bytes.extend([0; 100]);
        let Scanned { found, damaged, .. } = scan(&bytes, 3);
        assert_eq!((found.len(), damaged.len()), (3, 0));
    }

    #[test]
    fn a_record_counts_only_where_it_was_written() {
        let whole = segment(3, 2);
        assert_eq!(revisions(&whole, 3), [1, 2]);
        assert_eq!(revisions(&whole, 4), [0; 0]);
        let mut moved = header(3, 3).to_vec();
        moved.extend(&whole[scan(&whole, 3).found[1].place.offset as usize..]);
        assert_eq!(revisions(&moved, 3), [0; 0]);
    }
}
