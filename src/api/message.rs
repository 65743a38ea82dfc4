//! The words of a client: the query it connects with, and its frames. Its own name for a frame, the `id`, is read first and by itself, so
//! that every refusal has it, whatever else is wrong with the frame.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::code::Code;
use super::explain::quote;
use super::extract::{MAX_KEY, is_key};
use super::json::parse;
use super::problem::Problem;
use crate::game::action::Action;
use crate::model::strict::Strict;
use crate::session::outbox::{ConnectionId, Role};
use crate::session::presence::Joining;

/// The query of a request for a connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectQuery {
    /// The session; a new one where none is named.
    pub session_id: Option<String>,
    /// The last event the client has.
    last_event_id: Option<String>,
    /// The same as stand-ins for `EventSource` send it, which cannot send the header.
    #[serde(rename = "lastEventId")]
    header_last_event_id: Option<String>,
    /// The client's connection before this one.
    pub previous: Option<ConnectionId>,
    /// Takes over from another connection of the player.
    #[serde(default)]
    pub takeover: bool,
    /// How states after the first one are told.
    #[serde(default)]
    pub state: StateForm,
}

/// How states after the first one are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateForm {
    /// Each as a whole.
    #[default]
    Whole,
    /// As what has changed since the one before.
    Patch,
}

impl ConnectQuery {
    /// As the session takes it.
    pub fn joining(&self, role: Role) -> Joining {
        let Self { previous, takeover, .. } = *self;
        Joining { role, last_event: self.last_event().map(str::to_owned), previous, takeover }
    }

    /// The last event the client has. Some clients send an empty one where they have none.
    pub fn last_event(&self) -> Option<&str> {
        let mut sent = [&self.header_last_event_id, &self.last_event_id].into_iter().filter_map(Option::as_deref);
        sent.find(|text| !text.is_empty())
    }

    /// The same from the header, which a browser that comes back sends with the query of the first time.
    pub fn set_last_event(&mut self, last: &str) {
        self.header_last_event_id = Some(last.to_owned());
    }
}

/// A client's own name for a frame; the answer to it has the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RequestId {
    /// At most as long as a key.
    Text(String),
    /// Any number.
    Number(Number),
    /// The frame has none.
    #[default]
    None,
}

/// What a client asks.
#[derive(Debug)]
pub enum ClientFrame {
    /// Says which player it is; only before `hello`.
    Auth { token: String },
    /// An action.
    Act { key: Option<String>, if_revision: Option<u64>, action: Action },
    /// The player puts the game away.
    Leave,
    /// Answers a ping.
    Pong,
}

/// What stands in a message of each type, besides its `id`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "id", default)]
    _id: IgnoredAny,
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "id", default)]
    _id: IgnoredAny,
    key: Option<String>,
    if_revision: Option<u64>,
    action: Action,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "id", default)]
    _id: IgnoredAny,
}

/// Any message, as far as all have it.
#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    _type: String,
}

/// A frame as it came, and its name.
pub fn read(message: &[u8]) -> (RequestId, Result<ClientFrame, Problem>) {
    let heading = Heading::of(message);
    let asked = heading.asked(message);
    (heading.id.and_then(Result::ok).unwrap_or_default(), asked)
}

/// The name of a frame that is refused unread.
pub fn id_of(message: &[u8]) -> RequestId {
    Heading::of(message).id.and_then(Result::ok).unwrap_or_default()
}

#[derive(Default)]
struct Heading {
    /// The first `id`, if it can be one.
    id: Option<Result<RequestId, Problem>>,
    kind: Option<String>,
}

impl Heading {
    /// As much of it as can be read; whatever is broken behind.
    fn of(message: &[u8]) -> Self {
        let mut heading = Self::default();
        let mut json = serde_json::Deserializer::from_slice(message);
        // What is wrong is found when the message is read.
        let _ = (&mut heading).deserialize(Strict(&mut json));
        heading
    }

    fn asked(&self, message: &[u8]) -> Result<ClientFrame, Problem> {
        let Some(kind) = &self.kind else {
            // It says what is wrong. A type that comes late, behind what is broken, is none.
            parse::<Typed>(message)?;
            return Err(Problem::new(Code::WrongType, "A message is a JSON object with a type."));
        };
        let asked = match kind.as_str() {
            "auth" => parse::<Auth>(message).map(|auth| ClientFrame::Auth { token: auth.token }),
            "act" => {
                parse(message).map(|Act { key, if_revision, action, .. }| ClientFrame::Act { key, if_revision, action })
            }
            "leave" => parse::<Plain>(message).map(|_| ClientFrame::Leave),
            "pong" => parse::<Plain>(message).map(|_| ClientFrame::Pong),
            other => {
                parse::<Typed>(message)?;
                let detail = format!("There is no message {}. Messages are: auth, act, leave, pong.", quote(other));
                Err(Problem::new(Code::UnknownValue, detail))
            }
        }?;
        if let Some(Err(problem)) = &self.id {
            return Err(problem.clone());
        }
        if let ClientFrame::Act { key: Some(key), .. } = &asked
            && !is_key(key)
        {
            return Err(Problem::new(Code::WrongValue, format!("A key has 1 to {MAX_KEY} visible ASCII characters.")));
        }
        Ok(asked)
    }
}

impl<'de> DeserializeSeed<'de> for &mut Heading {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Heading {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            match name.as_ref() {
                "id" if self.id.is_none() => self.id = Some(named(map.next_value()?)),
                "type" if self.kind.is_none() => self.kind = map.next_value::<Value>()?.as_str().map(str::to_owned),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A name is as short as a key.
fn named(id: Value) -> Result<RequestId, Problem> {
    match id {
        Value::String(text) if text.len() <= MAX_KEY => Ok(RequestId::Text(text)),
        Value::String(_) => Err(Problem::new(Code::WrongValue, format!("An id has at most {MAX_KEY} bytes."))),
        Value::Number(number) => Ok(RequestId::Number(number)),
        Value::Null => Ok(RequestId::None),
        _ => Err(Problem::new(Code::WrongType, "The field \"id\" must be a text or a number.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(message: &str) -> (Value, String) {
        let (id, asked) = read(message.as_bytes());
        (
            json!(id),
            asked.map_or_else(
                |problem| problem.document()["code"].as_str().unwrap_or_default().to_owned(),
                |_| String::new(),
            ),
        )
    }

    #[test]
    fn the_name_is_read_whatever_else_is_wrong() {
        let long = "k".repeat(65);
        for (message, id, code) in [
            (r#"{"type":"act","id":"x1","action":{"type":"wait"}}"#.to_owned(), json!("x1"), ""),
            (r#"{"type":"act","id":"x1","action":{"type":"nope"}}"#.to_owned(), json!("x1"), "UNKNOWN_VALUE"),
            (r#"{"action":["wait"],"id":7,"type":"act"}"#.to_owned(), json!(7), "WRONG_TYPE"),
            (r#"{"type":"act","id":7.0,"action":{"type":"buy_food","amount":1.5}}"#.to_owned(), json!(7), "WRONG_TYPE"),
            (r#"{"type":"act","id":-1.5}"#.to_owned(), json!(-1.5), "MISSING_FIELD"),
            (r#"{"type":"nope","id":"x"}"#.to_owned(), json!("x"), "UNKNOWN_VALUE"),
            (r#"{"id":"x"}"#.to_owned(), json!("x"), "MISSING_FIELD"),
            (r#"{"type":5,"id":"x"}"#.to_owned(), json!("x"), "WRONG_TYPE"),
            (r#"{"type":"leave","id":"x","more":1}"#.to_owned(), json!("x"), "UNKNOWN_FIELD"),
            (r#"{"type":"pong","id":"x"}"#.to_owned(), json!("x"), ""),
            (
                r#"{"type":"act","type":"act","id":"x","action":{"type":"wait"}}"#.to_owned(),
                json!("x"),
                "DUPLICATE_FIELD",
            ),
            (r#"{"type":"act","id":"x","id":"y","action":{"type":"wait"}}"#.to_owned(), json!("x"), "DUPLICATE_FIELD"),
            (r#"{"type":"act","id":"x","action":{"#.to_owned(), json!("x"), "MALFORMED_JSON"),
            (r#"{"id":"x", oops"#.to_owned(), json!("x"), "MALFORMED_JSON"),
            (format!(r#"{{"id":"x","type":"act","action":{{"a":{}"#, "[".repeat(500)), json!("x"), "JSON_TOO_DEEP"),
            (
                format!(r#"{{"id":"x","type":"act","key":"{long}","action":{{"type":"wait"}}}}"#),
                json!("x"),
                "WRONG_VALUE",
            ),
            (format!(r#"{{"id":"{long}","type":"leave"}}"#), json!(null), "WRONG_VALUE"),
            (r#"{"id":{},"type":"leave"}"#.to_owned(), json!(null), "WRONG_TYPE"),
            (r#"{"id":null,"type":"leave"}"#.to_owned(), json!(null), ""),
            (r#"["act"]"#.to_owned(), json!(null), "NOT_AN_OBJECT"),
            ("hello".to_owned(), json!(null), "MALFORMED_JSON"),
        ] {
            assert_eq!(told(&message), (id, code.to_owned()), "{message:.80}");
        }
    }
}
