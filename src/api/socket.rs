//! WebSockets: `GET /ws`. Who comes without a session's id gets a new session; who comes without a token says first who he is.

use actix_web::{HttpRequest, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use jiff::Timestamp;

use super::extract::{Carried, IdempotencyKey, MaybePlayer, carried, cookie};
use super::json::parse;
use super::live::{self, Asked, CLOSE_SECS, Close, Frame, Incoming, Opening, Tag, Unreachable, Wanted, Wire};
use super::plug::Plug;
use super::problem::Problem;
use super::query::Query;
use super::sessions::Answer;
use super::{App, guard};
use crate::session::live::Role;
use crate::session::presence::Joined;
use crate::session::registry::NewGame;
use crate::session::token::{Bearer, Claims};
use crate::session::{PlayerId, SessionError, SessionId};

/// Bytes of a message; an action has some hundred.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Seconds a client has to say who it is.
const AUTH_SECS: i64 = 10;

pub(super) async fn open(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    key: IdempotencyKey,
    wanted: Query<Wanted>,
) -> Answer {
    let carried = carried(&request)?;
    let player = carried.map(|carried| carried.claims.player().map(|player| (player, carried))).transpose();
    if wanted.0.session_id.is_some() && key.0.is_some() {
        return Err(Problem::bad_header(
            "This session is there already: it takes no Idempotency-Key to come back to it.",
        ));
    }
    guard::connect(&request, &app)?;
    let (mut response, session, messages) = actix_ws::handle(&request, body).map_err(|error| {
        Problem::upgrade_required(format!("This address is for WebSockets, and the handshake says: {error}."))
            .header("Upgrade", "websocket")
    })?;
    let messages = messages.max_frame_size(MESSAGE_BYTES).aggregate_continuations();
    let messages = messages.max_continuation_size(MESSAGE_BYTES);
    let wire = Socket { app: app.clone(), session, messages, plug: Plug::of(&request) };
    let wanted = wanted.0;
    let Some(id) = wanted.session_id.as_deref() else {
        let key = key.of(&MaybePlayer(player?))?;
        let (joined, opening) = begin(&app, carried, &wanted, key).await?;
        rt::spawn(live::run(app, wire, joined, opening));
        return Ok(response);
    };
    let id = id.parse().map_err(|_| SessionError::NotFound)?;
    let Some(carried) = carried else {
        rt::spawn(introduce(app, wire, id, wanted));
        return Ok(response);
    };
    match resume(&app, &carried.claims, id, &wanted).await {
        Ok((joined, mut opening)) => {
            if let Some(token) = opening.token.take_if(|_| carried.as_cookie) {
                let failed = |_| Problem::internal("The cookie could not be set.");
                response.add_cookie(&cookie(&request, &app, &token)).map_err(failed)?;
            }
            rt::spawn(live::run(app, wire, joined, opening));
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
    carried: Option<Carried>,
    wanted: &Wanted,
    key: Option<String>,
) -> Result<(Joined, Opening), Problem> {
    let known = carried.map(|carried| carried.claims.player()).transpose()?;
    let owner = known.unwrap_or_else(PlayerId::fresh);
    let created = app.registry.create(owner, NewGame::default(), key).await?;
    let joined = app.registry.join(owner, created.snapshot.id, wanted.joining(Role::Player)).await?;
    if let Some(carried) = carried {
        app.registry.recheck(&carried.claims)?;
    }
    let token = if known.is_none() { Some(app.registry.mint(owner)) } else { None };
    Ok((joined, Opening { owner, bearer: Bearer::Player(owner), resumed: false, token }))
}

/// Joins a session that is there, and replaces the player's token.
async fn resume(app: &App, claims: &Claims, id: SessionId, wanted: &Wanted) -> Result<(Joined, Opening), SessionError> {
    let (owner, role) = app.registry.admit(claims, id)?;
    let joined = app.registry.join(owner, id, wanted.joining(role)).await?;
    let token = match role {
        Role::Observer => None,
        Role::Player => match app.registry.rotate(claims).await {
            Ok(token) => Some(token),
            // The old one stays good.
            Err(SessionError::Store(error)) => {
                tracing::warn!(%error, "a token could not be replaced");
                None
            }
            Err(error) => return Err(error),
        },
    };
    Ok((joined, Opening { owner, bearer: claims.bearer, resumed: true, token }))
}

/// Waits until the client says who it is.
async fn introduce(app: web::Data<App>, mut wire: Socket, id: SessionId, wanted: Wanted) {
    let asked = async {
        loop {
            match wire.receive().await {
                Incoming::Text(text) => return parse::<Asked>(text.as_bytes()).ok(),
                Incoming::Alive => {}
                Incoming::Refused(_) | Incoming::Closed => return None,
            }
        }
    };
    let asked = tokio::select! {
        asked = asked => asked,
        () = app.registry.sleep(AUTH_SECS) => None,
    };
    let claims = match asked {
        Some(Asked::Auth { token }) => app.registry.check(&token).ok(),
        _ => None,
    };
    let Some(claims) = claims else {
        let problem = Problem::token_invalid(format!(
            "The first message must be auth with a good token, within {AUTH_SECS} seconds."
        ));
        return wire.hang_up(Some(problem), Close::Token).await;
    };
    match resume(&app, &claims, id, &wanted).await {
        Ok((joined, opening)) => live::run(app, wire, joined, opening).await,
        Err(error) => wire.refuse(error).await,
    }
}

struct Socket {
    app: web::Data<App>,
    session: Session,
    messages: AggregatedMessageStream,
    plug: Option<Plug>,
}

impl Socket {
    /// Says why a session cannot be joined.
    async fn refuse(self, error: SessionError) {
        let why = Close::of(&error);
        self.hang_up(Some(error.into()), why).await;
    }

    /// Closes, in time, whatever the client does.
    async fn hang_up(mut self, problem: Option<Problem>, why: Close) {
        let registry = self.app.registry.clone();
        tokio::select! {
            () = self.part(problem, why) => {}
            () = registry.sleep(CLOSE_SECS) => {}
        }
        if let Some(plug) = &self.plug {
            plug.pull();
        }
    }

    /// Says why it closes, and waits until the client does too.
    async fn part(&mut self, problem: Option<Problem>, why: Close) {
        if let Some(problem) = problem {
            drop(self.send(&Frame::Error { id: &Tag::None, problem: problem.document() }).await);
        }
        let reason = CloseReason { code: CloseCode::from(why.code()), description: None };
        if self.session.clone().close(Some(reason)).await.is_ok() {
            while !matches!(self.receive().await, Incoming::Closed) {}
        }
    }
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
            Some(Ok(AggregatedMessage::Binary(_))) => {
                Incoming::Refused(Problem::malformed_json("Messages are JSON, as text."))
            }
            Some(Ok(AggregatedMessage::Ping(bytes))) => match self.session.pong(&bytes).await {
                Ok(()) => Incoming::Alive,
                Err(_) => Incoming::Closed,
            },
            Some(Ok(AggregatedMessage::Pong(_))) => Incoming::Alive,
            // What breaks the protocol cannot be read on from.
            Some(Ok(AggregatedMessage::Close(_)) | Err(_)) | None => Incoming::Closed,
        }
    }

    async fn close(self, why: Close) {
        self.hang_up(None, why).await;
    }
}
