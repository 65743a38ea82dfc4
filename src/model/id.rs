//! The names of sessions and players.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

/// The name of a session, a UUIDv7. It names and does not admit: that takes its owner's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Not the name of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl FromStr for SessionId {
    type Err = NotAnId;

    /// Only the one form that we write: another spelling of an id is another name, and unknown.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let id = Uuid::try_parse(text).map_err(|_| NotAnId)?;
        if id.to_string() == text { Ok(Self(id)) } else { Err(NotAnId) }
    }
}

/// An anonymous player. Never sent to anybody in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(pub Uuid);

impl PlayerId {
    /// A new one.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}
