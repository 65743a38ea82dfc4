//! What actix refuses by itself, before there is a request: a head that is broken, too large or late. It answers with a status and
//! nothing else. Here the answer gets its reason on the way out; for that the heads are looked at as they come.

use memchr::{memchr, memchr_iter, memmem};

use super::code::Code;
use super::problem::Problem;

/// Bytes of a path that are read at the most; actix takes one of 65,534.
const MAX_PATH: usize = 65_000;
/// Lines of a head that actix takes.
const MAX_LINES: usize = 96;

/// What has come of a head, as far as a refusal needs it.
#[derive(Debug, Default)]
struct Head {
    /// The beginning of the present line, in small letters, and its whole length.
    start: [u8; 16],
    /// The end of it.
    end: [u8; 8],
    length: usize,
    /// Lines before it, and the length of the first.
    lines: usize,
    first: usize,
    /// What the lines said.
    hosts: usize,
    has_length: bool,
    old: bool,
    post: bool,
    nul: bool,
    /// It is whole: what follows is a body.
    over: bool,
}

impl Head {
    /// Takes some of a line, without its end.
    fn take(&mut self, text: &[u8]) {
        self.nul |= memchr(0, text).is_some();
        if let Some(room) = self.start.get_mut(self.length..) {
            let count = room.len().min(text.len());
            room[..count].copy_from_slice(&text[..count]);
            room[..count].make_ascii_lowercase();
        }
        let kept = self.end.len().min(text.len());
        self.end.rotate_left(kept);
        let from = self.end.len() - kept;
        self.end[from..].copy_from_slice(&text[text.len() - kept..]);
        self.length += text.len();
    }

    fn end_line(&mut self) {
        let named = |name: &[u8]| self.start.starts_with(name);
        match (self.lines, self.length) {
            // Empty lines before a head do not count.
            (0, 0) => return,
            (0, length) => {
                self.first = length;
                self.old = &self.end == b"HTTP/1.0";
                self.post = named(b"post ");
            }
            (_, 0) => self.over = true,
            _ => {
                self.hosts += usize::from(named(b"host:"));
                self.has_length |= named(b"content-length:");
            }
        }
        (self.lines, self.length, self.start) = (self.lines + 1, 0, [0; 16]);
    }

    /// Why actix has refused it with this status.
    fn refusal(&self, status: u16) -> Problem {
        let path = self.first.max(if self.lines == 0 { self.length } else { 0 });
        match status {
            408 => Problem::new(
                Code::HeadTimeout,
                "The head of the request did not come in time. Send it again, all at once.",
            ),
            400 | 431 if path > MAX_PATH => Problem::new(
                Code::UriTooLong,
                format!(
                    "The address has more than {MAX_PATH} bytes. No address of this server is as long; GET /api lists them."
                ),
            ),
            431 => Problem::new(
                Code::HeadersTooLarge,
                format!(
                    "The head has more than {MAX_LINES} lines, or more than 128 KiB. Send fewer headers; cookies are the most frequent reason."
                ),
            ),
            _ if self.nul => Problem::new(Code::BadRequest, "There is a NUL byte in the head. Send text."),
            _ if self.hosts > 1 => Problem::new(Code::BadRequest, "The head has two Host lines. Send one."),
            _ if self.over && self.hosts == 0 && !self.old => {
                Problem::new(Code::BadRequest, "The head has no Host line, which HTTP/1.1 demands. Send one.")
            }
            _ if self.old && self.post && !self.has_length => Problem::new(
                Code::LengthRequired,
                "In HTTP/1.0 a POST says how long its body is, with Content-Length: 0 where there is none.",
            ),
            _ => Problem::new(
                Code::BadRequest,
                "This is not a request of HTTP/1.1. Look at its first line, at the form of each header, and that Content-Length comes once \
                 and without Transfer-Encoding.",
            ),
        }
    }
}

/// A connection's heads, and what is said instead of a bare refusal.
#[derive(Debug, Default)]
pub struct Bare {
    head: Head,
    /// What is to be written instead.
    pub instead: Vec<u8>,
}

/// What is to be written of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// They themselves, so many of them.
    Own(usize),
    /// What is said instead of all of them.
    Instead,
}

impl Bare {
    /// Looks at what has come.
    pub fn heard(&mut self, mut bytes: &[u8]) {
        while !self.head.over && !bytes.is_empty() {
            let end = memchr(b'\n', bytes);
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            let mut from = 0;
            for at in memchr_iter(b'\r', line).chain([line.len()]) {
                self.head.take(&line[from..at]);
                from = at + 1;
            }
            if end.is_some() {
                self.head.end_line();
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
    }

    /// What is to be written of some bytes that actix writes.
    pub fn outgoing(&mut self, bytes: &[u8]) -> Outgoing {
        if !self.instead.is_empty() {
            return Outgoing::Instead;
        }
        match bare(bytes) {
            Some((0, status)) => {
                self.instead = self.head.refusal(status).raw().into_bytes();
                Outgoing::Instead
            }
            // What stands before it is written first.
            Some((at, _)) => Outgoing::Own(at),
            None => {
                // An answer: the next head is another one.
                self.head = Head::default();
                Outgoing::Own(bytes.len())
            }
        }
    }
}

/// Where a bare refusal begins, with which these bytes end, and its status. The server's own answers have a body, or are no refusals.
fn bare(bytes: &[u8]) -> Option<(usize, u16)> {
    let head = bytes.strip_suffix(b"\r\n\r\n")?;
    let at = memmem::rfind(head, b"HTTP/1.")?;
    let head = std::str::from_utf8(&head[at..]).ok()?.to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let bare = matches!(status, 400 | 408 | 431)
        && head.contains("\r\ncontent-length: 0")
        && !head.contains("\r\ncontent-type:");
    bare.then_some((at, status))
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::*;

    const REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\ndate: now\r\n\r\n";

    #[test]
    fn only_a_bare_refusal_is_replaced() {
        assert_eq!(bare(REFUSED), Some((0, 400)));
        let behind = [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", REFUSED].concat();
        assert_eq!(bare(&behind), Some((behind.len() - REFUSED.len(), 400)));
        for other in [
            &b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 304 Not Modified\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ncontent-type: application/problem+json\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\n",
            b"event: turn\r\n\r\n",
            b"",
        ] {
            assert_eq!(bare(other), None);
            assert_eq!(Bare::default().outgoing(other), Outgoing::Own(other.len()));
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong_with_the_head() {
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(70_000));
        for (head, status, wanted, code) in [
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400, 400, "two Host"),
            ("GET / HTTP/1.1\r\naccept: b\r\n\r\n", 400, 400, "no Host"),
            ("GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n", 400, 400, "NUL"),
            ("POST / HTTP/1.0\r\n\r\n", 400, 411, "Content-Length: 0"),
            ("\r\nPOST / HTTP/1.0\n\n", 400, 411, "Content-Length: 0"),
            (&long, 400, 414, "bytes"),
            (long.trim_end(), 431, 414, "bytes"),
            ("GET / HTTP/1.1\r\nhost: a\r\n", 431, 431, "96 lines"),
            ("GET", 408, 408, "in time"),
            ("\x16\x03\x01", 400, 400, "HTTP/1.1"),
        ] {
            let mut whole = Bare::default();
            whole.heard(head.as_bytes());
            let mut parts = Bare::default();
            head.as_bytes().chunks(3).for_each(|part| parts.heard(part));
            for bare in [whole, parts] {
                let problem = bare.head.refusal(status);
                assert_eq!(problem.status_code().as_u16(), wanted, "{head:.40}");
                assert!(problem.to_string().contains(code), "{problem}");
            }
        }
    }
}
