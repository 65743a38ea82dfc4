//! Clients that play as fast as they are answered, one action at a time: over plain requests, and over a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use super::games::Script;

/// How a client plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Plain requests, answered with the whole state.
    Whole,
    /// Plain requests, answered without it.
    Minimal,
    /// A socket that hears whole states.
    Socket,
    /// A socket that hears what has changed.
    Patches,
    /// Looks at the state, and does nothing.
    Look,
    /// Looks whether the state has changed, which it has not.
    Peek,
    /// Plain requests to a bare handler.
    Bare,
    /// Messages to a bare socket.
    Echo,
}

impl Way {
    /// In tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "turn, whole answer",
            Self::Minimal => "turn, return=minimal",
            Self::Socket => "turn, socket",
            Self::Patches => "turn, socket, patches",
            Self::Look => "state",
            Self::Peek => "state, If-None-Match",
            Self::Bare => "bare handler",
            Self::Echo => "bare socket",
        }
    }
}

/// A connection that is kept open.
pub struct Wire {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    pub body: Vec<u8>,
    tag: String,
}

impl Wire {
    pub fn open(address: SocketAddr) -> Self {
        let writer = TcpStream::connect(address).expect("a connection");
        writer.set_nodelay(true).expect("no delay");
        let reader = BufReader::new(writer.try_clone().expect("a clone"));
        Self { reader, writer, body: Vec::new(), tag: String::new() }
    }

    /// Sends a whole request; the status of the answer, whose body is in `body`.
    pub fn ask(&mut self, request: &[u8]) -> u16 {
        self.writer.write_all(request).expect("it is sent");
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a status line");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut length = 0;
        loop {
            line.clear();
            self.reader.read_line(&mut line).expect("a header");
            if line == "\r\n" {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length");
            } else if name.eq_ignore_ascii_case("etag") {
                value.trim().clone_into(&mut self.tag);
            }
        }
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body).expect("a body");
        status
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// A request with a token, and with more header lines.
pub fn request(method: &str, path: &str, token: &str, more: &str, body: &str) -> Vec<u8> {
    let token = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{token}{more}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A player, who plays one game after the other.
pub struct Player<'a> {
    way: Way,
    scripts: &'a [Script],
    address: SocketAddr,
    wire: Wire,
    token: String,
    session: String,
    socket: Option<WebSocket<TcpStream>>,
    /// Which game, and how far.
    game: usize,
    turn: usize,
    /// Bytes of the last answer.
    pub bytes: usize,
}

impl<'a> Player<'a> {
    pub fn new(way: Way, address: SocketAddr, scripts: &'a [Script], first: usize) -> Self {
        let (token, session) = Default::default();
        let wire = Wire::open(address);
        let mut player =
            Self { way, scripts, address, wire, token, session, socket: None, game: first, turn: 0, bytes: 0 };
        match way {
            Way::Bare => {}
            Way::Echo => player.socket = Some(dial(address, "/ws", "")),
            _ => player.begin(),
        }
        player
    }

    /// Asks another server from now on.
    pub fn go_to(&mut self, address: SocketAddr) {
        (self.address, self.wire) = (address, Wire::open(address));
    }

    /// A socket to their session, on some server.
    pub fn listen(&self, address: SocketAddr) -> Ears {
        let mut socket = dial(address, &format!("/ws?session_id={}", self.session), &self.token);
        socket.read().expect("hello");
        Ears(socket)
    }

    /// Opens its connection anew: a server closes one that was silent while others were measured.
    pub fn reconnect(&mut self) {
        self.wire = Wire { tag: std::mem::take(&mut self.wire.tag), ..Wire::open(self.address) };
    }

    fn script(&self) -> &'a Script {
        &self.scripts[self.game % self.scripts.len()]
    }

    /// Begins the next game.
    fn begin(&mut self) {
        self.socket = None;
        let body = format!(r#"{{"seed":{},"difficulty":"easy"}}"#, self.script().seed);
        let status = self.wire.ask(&request("POST", "/api/sessions", &self.token, "", &body));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&self.wire.body));
        let created = self.wire.json();
        if let Some(token) = created["token"].as_str() {
            token.clone_into(&mut self.token);
        }
        created["session_id"].as_str().expect("an id").clone_into(&mut self.session);
        self.turn = 0;
        let more = match self.way {
            Way::Socket => "",
            Way::Patches => "&state=patch",
            _ => return,
        };
        let mut socket = dial(self.address, &format!("/ws?session_id={}{more}", self.session), &self.token);
        let hello = socket.read().expect("hello");
        assert!(hello.to_text().is_ok_and(|text| text.contains(r#""type":"hello""#)), "{hello}");
        self.socket = Some(socket);
    }

    /// Does one thing, and waits for the answer; how long that took.
    pub fn once(&mut self) -> Duration {
        if matches!(self.way, Way::Whole | Way::Minimal | Way::Socket | Way::Patches)
            && self.turn == self.script().actions.len()
        {
            self.game += 1;
            self.begin();
        }
        let path = format!("/api/sessions/{}", self.session);
        let action = match self.way {
            Way::Whole | Way::Minimal | Way::Socket | Way::Patches => &self.script().actions[self.turn],
            _ => r#"{"type":"wait"}"#,
        };
        self.turn += 1;
        let asked = match self.way {
            Way::Whole => request("POST", &format!("{path}/actions"), &self.token, "", action),
            Way::Minimal => {
                request("POST", &format!("{path}/actions"), &self.token, "Prefer: return=minimal\r\n", action)
            }
            Way::Bare => request("POST", "/", "as-long-as-a-token-is-as-long-as-a-token-is", "", action),
            Way::Look => request("GET", &path, &self.token, "", ""),
            Way::Peek => {
                if self.wire.tag.is_empty() {
                    self.wire.ask(&request("GET", &path, &self.token, "", ""));
                }
                request("GET", &path, &self.token, &format!("If-None-Match: {}\r\n", self.wire.tag), "")
            }
            Way::Socket | Way::Patches | Way::Echo => {
                return self.say(&format!(r#"{{"type":"act","id":1,"action":{action}}}"#));
            }
        };
        let began = Instant::now();
        let status = self.wire.ask(&asked);
        let took = began.elapsed();
        assert!(matches!(status, 200 | 304), "{status} {action}: {}", String::from_utf8_lossy(&self.wire.body));
        self.bytes = self.wire.body.len();
        took
    }

    fn say(&mut self, message: &str) -> Duration {
        let way = self.way;
        let socket = self.socket.as_mut().expect("a socket");
        let began = Instant::now();
        socket.send(Message::text(message)).expect("it is sent");
        self.bytes = 0;
        loop {
            let Message::Text(text) = socket.read().expect("an answer") else { continue };
            self.bytes += text.len();
            assert!(!text.starts_with(r#"{"type":"error""#), "{message}: {text}");
            if way == Way::Echo || text.starts_with(r#"{"type":"result""#) {
                return began.elapsed();
            }
        }
    }
}

/// A socket that only hears.
pub struct Ears(WebSocket<TcpStream>);

impl Ears {
    /// Answers the pings that have come, and waits for none.
    pub fn stay(&mut self) {
        self.0.get_ref().set_nonblocking(true).expect("it does not wait");
        // What goes wrong but that nothing has come ends the socket, which is to stay open.
        while match self.0.read() {
            Ok(_) => true,
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        } {}
        // The answers to pings go out with the next read, or now.
        drop(self.0.flush());
    }

    /// Waits until it is told of a turn.
    pub fn hear_turn(&mut self) {
        loop {
            let Message::Text(text) = self.0.read().expect("a frame") else { continue };
            if text.starts_with(r#"{"type":"turn""#) {
                return;
            }
        }
    }
}

fn dial(address: SocketAddr, path: &str, token: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
    if !token.is_empty() {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
    }
    tungstenite::client(request, stream).expect("a socket").0
}
