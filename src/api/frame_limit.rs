//! A look at the heads of WebSocket frames as their bytes go by. The crate reads a frame whole before it looks how long it is, so a
//! client could announce one of a gigabyte and have it kept.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// The longest head of a frame, in bytes: two, eight of the length, four of the mask.
const HEAD: usize = 14;

/// The bytes of a connection, up to the first frame that is longer than may be.
pub struct FrameLimit {
    payload: Payload,
    longest: u64,
    /// What has come of a frame's head.
    head: ([u8; HEAD], usize),
    /// Bytes of the frame that are still to come.
    left: u64,
}

impl FrameLimit {
    /// Of a connection.
    pub fn of(payload: Payload, longest: usize) -> Self {
        Self { payload, longest: longest as u64, head: ([0; HEAD], 0), left: 0 }
    }

    /// Whether all frames in there are of a length that may be.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left > 0 {
                let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            bytes = rest;
            let (head, length) = &mut self.head;
            head[*length] = *byte;
            *length += 1;
            if let Some(payload) = length_of(&head[..*length]) {
                self.head.1 = 0;
                self.left = payload;
                if payload > self.longest {
                    return false;
                }
            }
        }
        true
    }
}

/// The length of a frame's payload, once its head is whole.
fn length_of(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let (length, at) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(head.get(2..10)?.try_into().ok()?), 10),
        short => (u64::from(short), 2),
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    (head.len() == at + mask).then_some(length)
}

impl Stream for FrameLimit {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.payload).poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(bytes))) if !self.pass(bytes) => Poll::Ready(Some(Err(PayloadError::Overflow))),
            _ => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: u64, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = match length {
            0..126 => vec![0x81, length as u8 | mask],
            126..0x1_0000 => [&[0x81, 126 | mask][..], &(length as u16).to_be_bytes()].concat(),
            _ => [&[0x81, 127 | mask][..], &length.to_be_bytes()].concat(),
        };
        bytes.extend(if masked { &[1, 2, 3, 4][..] } else { &[] });
        bytes
    }

    #[test]
    fn a_frame_that_is_too_long_is_found_by_its_head_however_it_comes() {
        for masked in [true, false] {
            for step in [1, 2, 3, 7, 1000, 100_000] {
                let mut frames = FrameLimit::of(Payload::None, 65_536);
                let mut bytes = Vec::new();
                for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
                    bytes.extend(frame(length, masked));
                    bytes.extend(vec![0xff; length as usize]);
                }
                assert!(bytes.chunks(step).all(|chunk| frames.pass(chunk)), "{step}");
                let long = frame(65_537, masked);
                let passed: Vec<_> = long.chunks(step).map(|chunk| frames.pass(chunk)).collect();
                assert!(passed.ends_with(&[false]) && passed.iter().filter(|passed| !**passed).count() == 1);
            }
        }
        assert!(!FrameLimit::of(Payload::None, 65_536).pass(&frame(u64::MAX, true)));
    }
}
