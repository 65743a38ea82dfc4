//! WebSockets: `GET /ws`. Without a session's id a client gets a new session; without a token its first message says which player it is.

use std::fmt;
use std::future::pending;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::Version;
use actix_web::{FromRequest, HttpRequest, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session};
use jiff::Timestamp;
use tokio::task::yield_now;

use super::answer::Answer;
use super::app::App;
use super::channel::{self, CLOSE_SECS, Incoming, Opening, Unreachable, Wire};
use super::code::Code;
use super::connection::Connection;
use super::extract::{Credentials, IdempotencyKey, MaybePlayer, cookie, credentials};
use super::frame::{Close, Frame};
use super::frame_limit::FrameLimit;
use super::limits::Noise;
use super::message::{self, ClientFrame, ConnectQuery, RequestId};
use super::problem::Problem;
use super::query::Query;
use super::work::Price;
use crate::model::{PlayerId, SessionId};
use crate::session::SessionError;
use crate::session::outbox::Role;
use crate::session::presence::Joined;
use crate::session::sessions::NewGame;
use crate::session::token::{Bearer, Claims};

/// Bytes of a message; an action has some hundred.
const MAX_MESSAGE: usize = 64 * 1024;
/// Messages that are passed over until a client closes too: more than were on their way when it was told.
const MAX_AFTER_CLOSE: usize = 1 << 13;
/// Seconds a client has to say which player it is.
const AUTH_SECS: i64 = 10;

/// Opens a socket to a session, or to a new one.
pub async fn open(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    key: IdempotencyKey,
    query: Query<ConnectQuery>,
) -> Answer {
    let credentials = credentials(&request)?;
    let player =
        credentials.map(|credentials| credentials.claims.player().map(|player| (player, credentials))).transpose();
    if query.0.session_id.is_some() && key.0.is_some() {
        return Err(Problem::new(
            Code::BadHeader,
            "This session is there already: it takes no Idempotency-Key to come back to it.",
        ));
    }
    app.limits.connect(&request)?;
    let no_socket = |says: &dyn fmt::Display| {
        Problem::new(Code::UpgradeRequired, format!("This address is for WebSockets, and the handshake says: {says}."))
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", 13)
    };
    if request.version() < Version::HTTP_11 {
        return Err(no_socket(&"it takes HTTP/1.1"));
    }
    let mut body: Payload = Payload::Stream { payload: Box::pin(FrameLimit::of(body.into_inner(), MAX_MESSAGE)) };
    let body = web::Payload::from_request(&request, &mut body).await;
    let body = body.map_err(|_| Problem::new(Code::Internal, "The connection could not be taken over."))?;
    let (mut response, session, messages) = actix_ws::handle(&request, body).map_err(|error| no_socket(&error))?;
    let messages = messages.max_frame_size(MAX_MESSAGE).aggregate_continuations();
    let messages = messages.max_continuation_size(MAX_MESSAGE);
    let wire = Socket { app: app.clone(), session, messages, connection: Connection::of(&request), broken: false };
    let query = query.0;
    let Some(id) = query.session_id.as_deref() else {
        let key = key.of(&MaybePlayer(player?))?;
        let (joined, opening) = begin(&app, app.limits.origin(&request), credentials, &query, key).await?;
        rt::spawn(channel::run(app, wire, joined, opening));
        return Ok(response);
    };
    let id = id.parse().map_err(|_| SessionError::NotFound)?;
    let Some(credentials) = credentials else {
        rt::spawn(introduce(app, wire, id, query));
        return Ok(response);
    };
    match resume(&app, &credentials.claims, id, &query).await {
        Ok((joined, mut opening)) => {
            if let Some(token) = opening.token.take_if(|_| credentials.as_cookie) {
                let failed = |_| Problem::new(Code::Internal, "The cookie could not be set.");
                response.add_cookie(&cookie(&request, &app, &token)).map_err(failed)?;
            }
            rt::spawn(channel::run(app, wire, joined, opening));
        }
        // By its number, because browsers do not show the status of a handshake.
        Err(SessionError::Replaced) => drop(rt::spawn(wire.refuse(SessionError::Replaced))),
        Err(error) => return Err(error.into()),
    }
    Ok(response)
}

/// Begins a session, for a new player where none is known.
async fn begin(
    app: &App,
    from: IpAddr,
    credentials: Option<Credentials>,
    query: &ConnectQuery,
    key: Option<String>,
) -> Result<(Joined, Opening), Problem> {
    let known = credentials.map(|credentials| credentials.claims.player()).transpose()?;
    let owner = known.unwrap_or_else(PlayerId::fresh);
    app.directory.seen(owner, from);
    app.work.pay(Some(owner), from, Price::GAME)?;
    let created = app.sessions.create(owner, NewGame::default(), key).await?;
    let joined = app.presences.join(owner, created.snapshot.id, query.joining(Role::Player)).await?;
    if let Some(credentials) = credentials {
        app.tokens.recheck(&credentials.claims)?;
    }
    let token = if known.is_none() { Some(app.tokens.mint(owner)) } else { None };
    Ok((joined, Opening { owner, bearer: Bearer::Player(owner), resumed: false, token, form: query.state }))
}

/// Joins a session that is there, and replaces the player's token.
async fn resume(
    app: &App,
    claims: &Claims,
    id: SessionId,
    query: &ConnectQuery,
) -> Result<(Joined, Opening), SessionError> {
    let (owner, role) = app.sessions.admit(claims, id)?;
    let joined = app.presences.join(owner, id, query.joining(role)).await?;
    let token = match role {
        Role::Observer => None,
        Role::Player => match app.tokens.rotate(claims).await {
            Ok(token) => Some(token),
            // The old one stays good.
            Err(SessionError::Store(error)) => {
                tracing::warn!(%error, "a token could not be replaced");
                None
            }
            Err(error) => return Err(error),
        },
    };
    Ok((joined, Opening { owner, bearer: claims.bearer, resumed: true, token, form: query.state }))
}

/// Waits until the client says which player it is.
async fn introduce(app: web::Data<App>, mut wire: Socket, id: SessionId, query: ConnectQuery) {
    let mut noise = Noise::new();
    let first = async {
        loop {
            let incoming = wire.receive().await;
            if noise.add() {
                return Err(Close::Noisy);
            }
            match incoming {
                Incoming::Text(text) => {
                    let (request_id, frame) = message::read(text.as_bytes());
                    return Ok((request_id, frame.ok()));
                }
                Incoming::Alive => {}
                Incoming::Refused(id, _) => return Ok((id, None)),
                Incoming::Broken(why) => return Err(why),
                Incoming::Closed => return Err(Close::Gone),
            }
        }
    };
    let first = tokio::select! {
        first = first => first,
        () = app.core.sleep(AUTH_SECS) => Ok((RequestId::None, None)),
    };
    let (request_id, frame) = match first {
        Ok(first) => first,
        Err(why) => return wire.hang_up(None, why).await,
    };
    let claims = match frame {
        Some(ClientFrame::Auth { token }) => app.tokens.check(&token).ok(),
        _ => None,
    };
    let Some(claims) = claims else {
        let problem = Problem::new(
            Code::TokenInvalid,
            format!("The first message must be auth with a good token, within {AUTH_SECS} seconds."),
        );
        return wire.hang_up(Some((request_id, problem)), Close::Token).await;
    };
    match resume(&app, &claims, id, &query).await {
        Ok((joined, opening)) => channel::run(app, wire, joined, opening).await,
        Err(error) => wire.refuse(error).await,
    }
}

struct Socket {
    app: web::Data<App>,
    session: Session,
    messages: AggregatedMessageStream,
    connection: Option<Rc<Connection>>,
    /// Nothing more can be read.
    broken: bool,
}

impl Socket {
    /// Says why a session cannot be joined.
    async fn refuse(self, error: SessionError) {
        let why = Close::of(&error);
        self.hang_up(Some((RequestId::None, error.into())), why).await;
    }

    /// Closes, in time, whatever the client does.
    async fn hang_up(mut self, problem: Option<(RequestId, Problem)>, why: Close) {
        let core = self.app.core.clone();
        let parted = tokio::select! {
            parted = self.part(problem, why) => parted,
            () = core.sleep(CLOSE_SECS) => Parted::Not,
        };
        match (&self.connection, parted) {
            (Some(connection), Parted::Client) => connection.close(),
            (Some(connection), Parted::Not) => connection.abort(),
            // Its last words may still be on their way: the connection lingers by itself.
            (_, Parted::Server) | (None, _) => {}
        }
    }

    /// Says why it closes, and waits until the client does too, or the answer has ended.
    async fn part(&mut self, problem: Option<(RequestId, Problem)>, why: Close) -> Parted {
        if let Some((id, problem)) = problem {
            drop(self.send(&Frame::Error { id: &id, problem: problem.document() }).await);
        }
        let reason = CloseReason { code: CloseCode::from(why.code()), description: Some(why.reason().to_owned()) };
        if self.session.clone().close(Some(reason)).await.is_ok() {
            // Its last words are on their way before the connection ends, whatever else comes.
            yield_now().await;
            if self.broken {
                // There is nothing to be heard any more.
                return pending().await;
            }
            for _ in 0..MAX_AFTER_CLOSE {
                match self.messages.recv().await {
                    Some(Ok(AggregatedMessage::Close(_))) => return Parted::Client,
                    Some(Ok(_)) => {}
                    // With the last words the answer ends, and with it what is heard.
                    Some(Err(_)) | None => return Parted::Server,
                }
            }
        }
        Parted::Not
    }
}

/// How a socket has been closed.
enum Parted {
    /// The client has closed too.
    Client,
    /// All is said, and nothing more is heard.
    Server,
    /// The client does not stop, or does not read.
    Not,
}

impl Wire for Socket {
    const HEARTBEAT: i64 = 10;
    const ANSWERS: bool = true;

    async fn send(&mut self, frame: &Frame<'_>) -> Result<(), Unreachable> {
        self.session.text(frame.json()).await.map_err(|_| Unreachable)
    }

    async fn beat(&mut self, now: Timestamp) -> Result<(), Unreachable> {
        self.session.ping(b"").await.map_err(|_| Unreachable)?;
        self.send(&Frame::Ping { time: now }).await
    }

    async fn receive(&mut self) -> Incoming {
        match self.messages.recv().await {
            Some(Ok(AggregatedMessage::Text(text))) => Incoming::Text(text.to_string()),
            Some(Ok(AggregatedMessage::Binary(bytes))) => Incoming::Refused(
                message::id_of(&bytes),
                Problem::new(Code::MalformedJson, "Messages are JSON, as text."),
            ),
            Some(Ok(AggregatedMessage::Ping(bytes))) => match self.session.pong(&bytes).await {
                Ok(()) => Incoming::Alive,
                Err(_) => Incoming::Closed,
            },
            Some(Ok(AggregatedMessage::Pong(_))) => Incoming::Alive,
            Some(Err(error)) => {
                self.broken = true;
                broken(&error).map_or(Incoming::Closed, Incoming::Broken)
            }
            Some(Ok(AggregatedMessage::Close(_))) | None => Incoming::Closed,
        }
    }

    async fn close(self, why: Close) {
        self.hang_up(None, why).await;
    }
}

/// Why a connection whose bytes cannot be read is closed; none where it has ended by itself. The crate tells some of it only in words;
/// a test holds them.
fn broken(error: &ProtocolError) -> Option<Close> {
    let ProtocolError::Io(error) = error else {
        return Some(if matches!(error, ProtocolError::Overflow) { Close::TooLarge } else { Close::Protocol });
    };
    let words = error.to_string();
    let payload = error.get_ref().and_then(|inner| inner.downcast_ref::<PayloadError>());
    match error.kind() {
        ErrorKind::InvalidData if words.contains("reserved bits") => Some(Close::Protocol),
        ErrorKind::InvalidData => Some(Close::NotText),
        _ if matches!(payload, Some(PayloadError::Overflow)) || words.contains("continuation size") => {
            Some(Close::TooLarge)
        }
        _ => None,
    }
}
