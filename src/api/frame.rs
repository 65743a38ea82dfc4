//! The words of the server over a connection to a session: frames, which are the same over a WebSocket and an event stream, and why a
//! connection is closed.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::message::RequestId;
use super::view::state::StateView;
use super::view::turn::{ActedView, TurnView};
use crate::model::{Departure, EventId, SessionId};
use crate::session::SessionError;
use crate::session::outbox::{ConnectionId, End};
use crate::store::StoreError;

/// What the server says. Event streams name a frame by its type.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame<'a> {
    /// The first of a connection.
    Hello {
        session_id: SessionId,
        connection: ConnectionId,
        /// Whether the session was there before.
        resumed: bool,
        /// Whether all that was missed follows; else the state is where to begin.
        recovered: bool,
        /// The last event so far.
        head: &'a EventId,
        revision: u64,
        state: StateView<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
        /// Whether the client has the last event with this; not while what it missed is still to come.
        #[serde(skip)]
        up_to_date: bool,
    },
    /// A turn. The only frame with an event's id.
    Turn {
        id: EventId,
        #[serde(flatten)]
        turn: TurnView<'a>,
    },
    /// The state after the turns before: the whole of it, or what has changed.
    State {
        revision: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<StateView<'a>>,
        #[serde(flatten)]
        changes: Option<Changes>,
    },
    /// The answer to a command, with its id.
    Result {
        id: &'a RequestId,
        #[serde(flatten)]
        acted: Option<ActedView<'a>>,
        /// In place of the whole state.
        #[serde(flatten)]
        changes: Option<Changes>,
    },
    /// The refusal of a command, with its id where it had one.
    Error { id: &'a RequestId, problem: Value },
    /// Answer with `pong`, or with a pong frame.
    Ping { time: Timestamp },
    /// Another connection plays this session now.
    Replaced {},
    /// The session is gone for good.
    Expired { expired_at: Timestamp, reason: Departure },
    /// The server stops, and will be back.
    Shutdown {},
}

/// What has changed of the state, for a client that asked for that.
#[derive(Debug, Serialize)]
pub struct Changes {
    /// The revision of the last state that the client was sent over this connection.
    pub from: u64,
    /// What makes the newer state of that one.
    pub patch: Box<RawValue>,
}

impl Frame<'_> {
    /// Its type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Turn { .. } => "turn",
            Self::State { .. } => "state",
            Self::Result { .. } => "result",
            Self::Error { .. } => "error",
            Self::Ping { .. } => "ping",
            Self::Replaced {} => "replaced",
            Self::Expired { .. } => "expired",
            Self::Shutdown {} => "shutdown",
        }
    }

    /// The event a client has when it has this frame.
    pub fn event(&self) -> Option<&EventId> {
        match self {
            Self::Turn { id, .. } => Some(id),
            Self::Hello { head, up_to_date: true, .. } => Some(head),
            _ => None,
        }
    }

    /// As it is sent.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("views have string keys")
    }
}

/// Why a connection is closed; the numbers are those of RFC 6455, and from 4000 on our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It has closed itself, or cannot be reached.
    Gone,
    /// What came breaks the protocol.
    Protocol,
    /// A text that is not UTF-8.
    NotText,
    /// A message that is too large.
    TooLarge,
    /// Something in the server failed.
    Failed,
    /// It has not answered.
    Silent,
    /// The server stops.
    Shutdown,
    /// The player has put the game away.
    Left,
    /// The token is missing, or no longer good.
    Token,
    /// The player has no such session.
    Unknown,
    /// It reads too slowly.
    Slow,
    /// It says more than anybody needs to.
    Noisy,
    /// Another connection plays the session.
    Replaced,
    /// The session is gone for good.
    Expired,
    /// Try again later.
    Busy,
}

impl Close {
    /// The number, as a WebSocket sends it.
    pub fn code(self) -> u16 {
        match self {
            Self::Gone => 1000,
            Self::Shutdown => 1001,
            Self::Protocol => 1002,
            Self::NotText => 1007,
            Self::TooLarge => 1009,
            Self::Failed => 1011,
            Self::Busy => 1013,
            Self::Left => 4000,
            Self::Token => 4401,
            Self::Unknown => 4404,
            Self::Slow | Self::Silent => 4408,
            Self::Noisy => 4429,
            Self::Replaced => 4409,
            Self::Expired => 4410,
        }
    }

    /// The same for people, in at most 123 bytes, and what to do.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Gone => "Good bye.",
            Self::Shutdown => "The server stops, and will be back. Come back.",
            Self::Protocol => "This breaks the WebSocket protocol (RFC 6455).",
            Self::NotText => "A text message must be UTF-8.",
            Self::TooLarge => "A message has at most 65536 bytes.",
            Self::Failed => "Something in the server failed. Come back.",
            Self::Busy => "Not now. The error before this says why. Come back later.",
            Self::Left => "The game was put away, and is there when you ask for it.",
            Self::Token => "The token is missing or no longer good.",
            Self::Unknown => "You have no session of this id.",
            Self::Slow => "You read too slowly. Come back with your last event.",
            Self::Silent => "You have not answered three pings. Come back with your last event.",
            Self::Noisy => "You say too much that is no action. Come back, and say less.",
            Self::Replaced => "Another connection plays this session now.",
            Self::Expired => "This session is gone for good.",
        }
    }

    /// For a session that could not be joined.
    pub fn of(error: &SessionError) -> Self {
        match error {
            SessionError::NotFound => Self::Unknown,
            SessionError::Gone { .. } => Self::Expired,
            SessionError::Replaced => Self::Replaced,
            SessionError::Closing => Self::Shutdown,
            SessionError::BadToken | SessionError::OnlyWatches => Self::Token,
            SessionError::Internal(_)
            | SessionError::Store(StoreError::Damaged { .. } | StoreError::Newer { .. } | StoreError::Locked { .. }) => {
                Self::Failed
            }
            _ => Self::Busy,
        }
    }

    /// After the session's own last word.
    pub fn after(end: End) -> Self {
        match end {
            End::Replaced => Self::Replaced,
            End::Gone { .. } => Self::Expired,
            End::Left => Self::Left,
            End::Crowded => Self::Busy,
            End::Revoked => Self::Token,
            End::Slow => Self::Slow,
            End::Shutdown => Self::Shutdown,
        }
    }
}
