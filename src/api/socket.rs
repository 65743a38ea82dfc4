//! WebSockets: `GET /ws`. Who comes without a session's id gets a new session; who comes without a token says first who he is.

use actix_web::{HttpRequest, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use jiff::{SignedDuration, Timestamp};

use super::extract::{MaybePlayer, Query, parse};
use super::live::{self, Asked, Close, Frame, Incoming, Opening, Tag, Unreachable, Wanted, Wire};
use super::plug::Plug;
use super::problem::Problem;
use super::sessions::Answer;
use super::{App, guard};
use crate::session::live::Role;
use crate::session::registry::NewGame;
use crate::session::{PlayerId, SessionError, SessionId};

/// Bytes of a message; an action has some hundred.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Seconds a client has to say who it is.
const AUTH_SECS: i64 = 10;
/// Seconds a client has to answer a close.
const CLOSE_SECS: i64 = 5;

pub(super) async fn open(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    player: MaybePlayer,
    wanted: Query<Wanted>,
) -> Answer {
    guard::connect(&request, &app)?;
    let (response, session, messages) = actix_ws::handle(&request, body).map_err(|error| {
        Problem::upgrade_required(format!("This address is for WebSockets, and the handshake says: {error}."))
            .header("Upgrade", "websocket")
    })?;
    let messages = messages.max_frame_size(MESSAGE_BYTES).aggregate_continuations();
    let messages = messages.max_continuation_size(MESSAGE_BYTES);
    let wire = Socket { app: app.clone(), session, messages, plug: Plug::of(&request) };
    let wanted = wanted.0;
    let session_id =
        wanted.session_id.as_deref().map(|id| id.parse().map_err(|_| SessionError::NotFound)).transpose()?;
    match (session_id, player.0) {
        (None, carried) => {
            let (owner, token) = match carried {
                Some(carried) => (carried.claims.player, None),
                None => {
                    let owner = PlayerId::fresh();
                    (owner, Some(app.registry.signer().sign(owner, app.registry.now()).reveal().to_owned()))
                }
            };
            let created = app.registry.create(owner, NewGame::default()).await?;
            let joined = app.registry.join(owner, created.snapshot.id, wanted.joining(Role::Player)).await?;
            rt::spawn(live::run(app, wire, joined, Opening { owner, resumed: false, token }));
        }
        (Some(id), Some(carried)) => {
            let owner = carried.claims.player;
            match app.registry.join(owner, id, wanted.joining(Role::Player)).await {
                Ok(joined) => {
                    rt::spawn(live::run(app, wire, joined, Opening { owner, resumed: true, token: None }));
                }
                // By its number, because browsers do not show the status of a handshake.
                Err(SessionError::Replaced) => drop(rt::spawn(wire.refuse(SessionError::Replaced))),
                Err(error) => return Err(error.into()),
            }
        }
        (Some(id), None) => drop(rt::spawn(introduce(app, wire, id, wanted))),
    }
    Ok(response)
}

/// Waits until the client says who it is.
async fn introduce(app: web::Data<App>, mut wire: Socket, id: SessionId, wanted: Wanted) {
    let latest = app.registry.now() + SignedDuration::from_secs(AUTH_SECS);
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
        () = app.registry.sleep_until(latest) => None,
    };
    let claims = match asked {
        Some(Asked::Auth { token }) => app.registry.signer().check(&token, app.registry.now()).ok(),
        _ => None,
    };
    let Some(claims) = claims else {
        let problem = Problem::token_invalid(format!(
            "The first message must be auth with a good token, within {AUTH_SECS} seconds."
        ));
        drop(wire.send(&Frame::Error { id: &Tag::None, problem: problem.document() }).await);
        return wire.close(Close::Token).await;
    };
    let owner = claims.player;
    match app.registry.join(owner, id, wanted.joining(Role::Player)).await {
        Ok(joined) => live::run(app, wire, joined, Opening { owner, resumed: true, token: None }).await,
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
    async fn refuse(mut self, error: SessionError) {
        let why = Close::of(&error);
        let problem = Problem::from(error);
        drop(self.send(&Frame::Error { id: &Tag::None, problem: problem.document() }).await);
        self.close(why).await;
    }

    /// Says that it closes, and waits until the client does too.
    async fn part(&mut self, why: Close) {
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

    async fn close(mut self, why: Close) {
        let registry = self.app.registry.clone();
        let latest = registry.now() + SignedDuration::from_secs(CLOSE_SECS);
        tokio::select! {
            () = self.part(why) => {}
            () = registry.sleep_until(latest) => {}
        }
        if let Some(plug) = &self.plug {
            plug.pull();
        }
    }
}
