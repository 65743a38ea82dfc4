//! The server's keys, and which tokens of a player count.

use std::fmt;
use std::ops::Not;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The keys of the server, each 32 bytes as hex. They have no `Debug`: they must not end up in a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Keys {
    pub version: u32,
    /// Signs tokens.
    pub current: String,
    /// Signed before; what it signed is still good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Makes the seeds of daily challenges. It is never changed; folders of before there were any have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// There is a list of revoked tokens, so that it is missed where there is none.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub revocations: bool,
}

/// What tells two tokens of a player apart: a number that grows with each rotation, and 32 bits drawn at random. As hex where it
/// is stored; its `Debug` shows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Nonce(pub u64);

impl Nonce {
    /// Of a player's first token.
    pub fn first() -> Self {
        Self::numbered(0)
    }

    /// Of the token that takes the place of this one's.
    pub fn next(self) -> Self {
        Self::numbered(self.number().saturating_add(1))
    }

    /// Whether it was drawn after another one of the same player.
    pub fn follows(self, other: Self) -> bool {
        self.number() > other.number()
    }

    fn number(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn numbered(number: u32) -> Self {
        let random = Uuid::new_v4().as_fields().0;
        Self(u64::from(number) << 32 | u64::from(random))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce")
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        format!("{:016x}", nonce.0)
    }
}

impl TryFrom<String> for Nonce {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let nonce = u64::from_str_radix(&text, 16).map(Self);
        nonce.ok().filter(|nonce| String::from(*nonce) == text).ok_or("a nonce has 16 hexadecimal digits")
    }
}

/// Which tokens of a player count, from a rotation or a logout on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Nonces {
    pub version: u32,
    pub player: Uuid,
    /// None: the player has logged out, and none of their tokens counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Nonce>,
    /// Counts until the current one is first used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Nonce>,
    /// When the current one was first used, in lived time; files do not keep it, nor the previous one from then on.
    #[serde(skip)]
    pub used: Option<Timestamp>,
    /// When this changed last, in lived time, see [`super::clock::Clock::lived`].
    pub at: Timestamp,
}
