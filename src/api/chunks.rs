//! Where a chunked body ends (RFC 9112, 7.1): what follows it belongs to the next request, and must wait for its turn.

/// How far a chunked body has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunks(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the size of a chunk, so far.
    Size(u64),
    /// Behind a size, up to the end of its line.
    Extension(u64),
    /// So much of a chunk is to come.
    Data(u64),
    /// In the end of the line behind a chunk.
    End,
    /// In the lines behind the last chunk; whether the present one is empty so far.
    Trailer(bool),
    /// It has ended.
    Over,
    /// It is no chunked body: the framework says so, and nothing follows.
    Broken,
}

impl Default for State {
    fn default() -> Self {
        Self::Size(0)
    }
}

impl Chunks {
    /// Bytes of the body at the beginning of what came.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && self.0 != State::Over {
            at += match self.0 {
                State::Broken => bytes.len() - at,
                State::Data(left) => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    let left = left - most as u64;
                    self.0 = if left == 0 { State::End } else { State::Data(left) };
                    most
                }
                state => {
                    self.0 = state.after(bytes[at]);
                    1
                }
            };
        }
        at
    }

    /// Whether it has ended.
    pub fn over(self) -> bool {
        self.0 == State::Over
    }
}

impl State {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(0) | Self::Extension(0), b'\n') => Self::Trailer(true),
            (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(size),
            (Self::Size(size), byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                size.checked_mul(16).map_or(Self::Broken, |size| Self::Size(size + digit))
            }
            (Self::Size(size) | Self::Extension(size), _) => Self::Extension(size),
            (Self::End, b'\n') => Self::Size(0),
            (Self::End, b'\r') => Self::End,
            (Self::Trailer(true), b'\n') => Self::Over,
            (Self::Trailer(_), b'\n') => Self::Trailer(true),
            (Self::Trailer(empty), b'\r') => Self::Trailer(empty),
            (Self::Trailer(_), _) => Self::Trailer(false),
            (Self::End | Self::Data(_) | Self::Over | Self::Broken, _) => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_it_ends_however_it_is_cut() {
        for body in [
            "0\r\n\r\n",
            "7\r\n{\"type\"\r\n8\r\n:\"wait\"}\r\n0\r\n\r\n",
            "3;a=\"b\"\r\n\r\n\r\r\n0\r\nLast: one\r\nMore: x\r\n\r\n",
            "00A\r\n0123456789\r\n000\r\n\r\n",
        ] {
            let all = format!("{body}\r\nGET / HTTP/1.1\r\n\r\n");
            for cut in 1..all.len() {
                let (mut chunks, mut taken) = (Chunks::default(), 0);
                for piece in all.as_bytes().chunks(cut) {
                    taken += chunks.take(piece);
                }
                assert!(chunks.over());
                assert_eq!(taken, body.len(), "{body:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_chunked_body_has_no_end() {
        for body in ["2\r\nabc\r\n0\r\n\r\n", "fffffffffffffffffffff\r\nx", "ffffffffffffffff\r\nxyz"] {
            let mut chunks = Chunks::default();
            assert_eq!(chunks.take(body.as_bytes()), body.len());
            assert!(!chunks.over(), "{body}");
        }
    }
}
