//! Clients that stay connected: a WebSocket, and an event stream.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::{HandshakeError, Message, WebSocket};

use crate::patience::{PATIENCE, connect};
use crate::server::Client;

pub use crate::patience::until;

pub struct Socket {
    ws: WebSocket<TcpStream>,
    /// The first frame.
    pub hello: Value,
    /// Every turn it was told of.
    pub turns: Vec<Value>,
}

/// A connection that was refused: the status of the handshake, or the code it was closed with.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    Status(u16, String),
    Closed(u16),
}

impl Socket {
    /// Opens a socket, and reads nothing yet.
    pub fn dial(url: &str, query: &str, token: Option<&str>) -> Result<WebSocket<TcpStream>, Refusal> {
        let bearer = token.map_or(String::new(), |token| format!("Bearer {token}"));
        let header = if bearer.is_empty() { ("accept", "*/*") } else { ("authorization", bearer.as_str()) };
        Self::shake(url, query, header).map(|(ws, _)| ws)
    }

    /// A socket with an idempotency key, for a new game.
    pub fn begin_under(url: &str, key: &str, token: Option<&str>) -> Result<Self, Refusal> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers = [("idempotency-key", key), ("authorization", bearer.as_deref().unwrap_or("none"))];
        Self::greet(Self::shake_with(url, "", &headers)?.0)
    }

    fn shake(
        url: &str,
        query: &str,
        header: (&'static str, &str),
    ) -> Result<(WebSocket<TcpStream>, Response), Refusal> {
        Self::shake_with(url, query, &[header])
    }

    fn shake_with(
        url: &str,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(WebSocket<TcpStream>, Response), Refusal> {
        let address = url.strip_prefix("http://").expect("an address");
        let mut request = format!("ws://{address}/ws{query}").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let stream = connect(address);
        stream.set_nodelay(true).expect("no delay");
        match tungstenite::client(request, stream) {
            Ok(shaken) => Ok(shaken),
            Err(HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                let body: Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap_or_default();
                let code = body["code"].as_str().unwrap_or_default().to_owned();
                Err(Refusal::Status(response.status().as_u16(), code))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A browser's socket: with a cookie. The socket, and the cookie that was set.
    pub fn with_cookie(url: &str, query: &str, cookie: &str) -> (Self, String) {
        let (ws, response) = Self::shake(url, query, ("cookie", cookie)).expect("a socket");
        let set = response.headers()["set-cookie"].to_str().expect("ASCII").to_owned();
        (Self::greet(ws).expect("hello"), set)
    }

    pub fn open(url: &str, query: &str, token: Option<&str>) -> Result<Self, Refusal> {
        Self::greet(Self::dial(url, query, token)?)
    }

    /// Reads the first frame.
    pub fn greet(ws: WebSocket<TcpStream>) -> Result<Self, Refusal> {
        let mut socket = Self { ws, hello: Value::Null, turns: Vec::new() };
        loop {
            let frame = socket.read().map_err(Refusal::Closed)?;
            if frame["type"] == "hello" {
                socket.hello = frame;
                return Ok(socket);
            }
        }
    }

    /// A socket of somebody who has not said yet who they are.
    pub fn strange(url: &str, session: &str) -> Self {
        let ws = Self::dial(url, &format!("?session_id={session}"), None).expect("a socket");
        Self { ws, hello: Value::Null, turns: Vec::new() }
    }

    /// A player's socket to the session he plays.
    pub fn resume(url: &str, client: &Client, more: &str) -> Result<Self, Refusal> {
        let query = format!("?session_id={}{more}", client.session);
        Self::open(url, &query, client.token.as_deref())
    }

    /// The same where the server may be gone, or go while it answers.
    pub fn try_resume(url: &str, client: &Client, more: &str) -> Option<Self> {
        let address = url.strip_prefix("http://")?;
        let query = format!("?session_id={}{more}", client.session);
        let mut request = format!("ws://{address}/ws{query}").into_client_request().ok()?;
        let bearer = format!("Bearer {}", client.token.as_deref()?);
        request.headers_mut().insert("authorization", bearer.parse().ok()?);
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Self::greet(tungstenite::client(request, stream).ok()?.0).ok()
    }

    /// Reads the frame that comes within some time, if one does; whether the connection goes on.
    pub fn read_within(&mut self, time: std::time::Duration) -> bool {
        self.ws.get_ref().set_read_timeout(Some(time)).expect("a timeout");
        match self.ws.read() {
            Ok(Message::Text(text)) => {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if frame["type"] == "turn" {
                    self.turns.push(frame);
                }
                true
            }
            Ok(Message::Close(_)) => false,
            Err(tungstenite::Error::Io(error)) => error.kind() == std::io::ErrorKind::WouldBlock,
            Ok(_) => true,
            Err(_) => false,
        }
    }

    /// The next frame; or the code it was closed with, 1006 where there was none.
    pub fn read(&mut self) -> Result<Value, u16> {
        loop {
            match self.ws.read() {
                Ok(Message::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    if frame["type"] == "turn" {
                        self.turns.push(frame.clone());
                    }
                    return Ok(frame);
                }
                Ok(Message::Close(Some(close))) => return Err(close.code.into()),
                Ok(Message::Close(None)) => return Err(1005),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("waited {} s for a frame, and nothing came", PATIENCE.as_secs());
                }
                Err(_) => return Err(1006),
            }
        }
    }

    /// Reads until a frame of a type.
    pub fn wait_for(&mut self, name: &str) -> Value {
        loop {
            let frame = self.read().unwrap_or_else(|code| panic!("closed with {code}, and no {name}"));
            if frame["type"] == name {
                return frame;
            }
        }
    }

    /// Reads until it is closed; the code, and the reason for people.
    pub fn wait_for_end(&mut self) -> (u16, String) {
        loop {
            match self.ws.read() {
                Ok(Message::Close(Some(close))) => return (close.code.into(), close.reason.to_string()),
                Ok(_) => {}
                Err(error) => return (1006, error.to_string()),
            }
        }
    }

    /// Reads bytes as they come until the connection ends, and how that was.
    pub fn read_to_end(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(self.ws.get_mut(), &mut bytes).map(|_| bytes)
    }

    /// Sends bytes as they are.
    pub fn say_raw(&mut self, bytes: &[u8]) {
        use std::io::Write;
        self.ws.get_mut().write_all(bytes).expect("it is sent");
    }

    pub fn say_text(&mut self, text: &str) {
        // The server may have hung up by now.
        drop(self.ws.send(Message::text(text)));
    }

    /// Reads until it is closed; the code.
    pub fn wait_for_close(&mut self) -> u16 {
        loop {
            if let Err(code) = self.read() {
                return code;
            }
        }
    }

    /// Waits until the server has read what was sent so far.
    pub fn round_trip(&mut self) {
        self.ws.send(Message::Ping("?".into())).expect("it is sent");
        while !matches!(self.ws.read().expect("an answer"), Message::Pong(_)) {}
    }

    pub fn say(&mut self, frame: &Value) {
        self.try_say(frame).expect("it is sent");
    }

    pub fn try_say(&mut self, frame: &Value) -> Result<(), tungstenite::Error> {
        self.ws.send(Message::text(frame.to_string()))
    }

    pub fn close(&mut self) {
        self.ws.close(None).expect("it is sent");
        self.wait_for_close();
    }

    pub fn say_bytes(&mut self, bytes: Vec<u8>) {
        self.ws.send(Message::binary(bytes)).expect("it is sent");
    }

    /// Acts, and waits for the answer.
    pub fn act(&mut self, id: u64, action: &Value) -> Value {
        self.say(&json!({"type": "act", "id": id, "action": action}));
        loop {
            let frame = self.read().expect("an answer");
            if matches!(frame["type"].as_str(), Some("result" | "error")) && frame["id"] == id {
                return frame;
            }
        }
    }

    pub fn connection(&self) -> &str {
        self.hello["connection"].as_str().expect("a connection")
    }

    /// The last event it has.
    pub fn last(&self) -> String {
        let last = self.turns.last().map_or(&self.hello["head"], |turn| &turn["id"]);
        last.as_str().expect("an event's id").to_owned()
    }

    pub fn revisions(&self) -> Vec<u64> {
        self.turns.iter().map(|turn| turn["revision"].as_u64().expect("a revision")).collect()
    }
}

/// An event as a stream brings it.
#[derive(Clone, Debug, Default)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub retry: Option<u64>,
    pub data: Value,
    pub comment: bool,
}

pub struct EventStream(BufReader<Box<dyn Read + Send>>);

impl EventStream {
    pub fn open(client: &Client, query: &str, headers: &[(&str, &str)]) -> Self {
        Self(BufReader::new(client.stream(&client.path(&format!("/events{query}")), headers)))
    }

    /// The next event or comment; none at the end.
    pub fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        let mut any = false;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches('\n');
            if line.is_empty() {
                if any {
                    return Some(event);
                }
                continue;
            }
            any = true;
            let (field, value) = line.split_once(':').expect("a field");
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => event.comment = true,
                "event" => event.name = value.to_owned(),
                "id" => event.id = Some(value.to_owned()),
                "retry" => event.retry = value.parse().ok(),
                "data" => event.data = serde_json::from_str(value).expect("JSON"),
                other => panic!("{other}"),
            }
        }
    }

    pub fn wait_for(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().unwrap_or_else(|| panic!("no {name}"));
            if event.name == name {
                return event;
            }
        }
    }
}
