//! Event streams: `GET /api/sessions/{id}/events`, for clients that only listen, or act through plain requests.

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::Version;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, rt, web};
use futures_util::stream::poll_fn;
use jiff::Timestamp;
use russe::{Event, Message};
use tokio::sync::mpsc;

use super::answer::Answer;
use super::app::App;
use super::channel::{self, CLOSE_SECS, Incoming, Opening, Unreachable, Wire};
use super::code::Code;
use super::connection::Connection;
use super::extract::{Id, Player, credentials};
use super::frame::{Close, Frame};
use super::message::ConnectQuery;
use super::problem::Problem;
use super::query::Query;

/// What a browser waits before it comes back.
const RETRY: Duration = Duration::from_secs(1);
/// What it waits where it should not come back by itself: there is no word for never.
const NO_RETRY: Duration = Duration::from_secs(24 * 3600);

/// The events of a session, from now on or from the last one the client has.
pub async fn events(request: HttpRequest, app: web::Data<App>, id: Id, query: Query<ConnectQuery>) -> Answer {
    let mut query = query.0;
    if query.session_id.is_some() {
        return Err(Problem::new(Code::BadQuery, "The session's id is in the path here."));
    }
    // A browser that comes back by itself sends it in the header, with the query of the first time.
    if let Some(last) = request.headers().get("last-event-id").and_then(|last| last.to_str().ok())
        && !last.is_empty()
    {
        query.set_last_event(last);
    }
    app.limits.connect(&request)?;
    let claims = credentials(&request)?.ok_or_else(Player::required)?.claims;
    let (owner, role) = app.sessions.admit(&claims, *id)?;
    let joined = app.presences.join(owner, *id, query.joining(role)).await?;
    app.tokens.recheck(&claims)?;
    let (sender, mut receiver) = mpsc::channel(1);
    let wire = EventStream { app: app.clone(), sender, connection: Connection::of(&request) };
    let resumed = joined.head.revision() > 0 || query.last_event().is_some();
    let opening = Opening { owner, bearer: claims.bearer, resumed, token: None, form: query.state };
    rt::spawn(channel::run(app, wire, joined, opening));
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream");
    // Nothing else goes over this connection: it may be cut off.
    response.force_close();
    response.insert_header((CACHE_CONTROL, "no-store"));
    // For proxies that would hold it back.
    response.insert_header(("X-Accel-Buffering", "no"));
    let mut response = response.streaming(poll_fn(move |context| receiver.poll_recv(context)));
    // HTTP/1.0 knows no chunks: there the stream ends with the connection.
    if request.version() < Version::HTTP_11 {
        response.head_mut().no_chunking(true);
    }
    Ok(response)
}

struct EventStream {
    app: web::Data<App>,
    sender: mpsc::Sender<Result<web::Bytes, Problem>>,
    connection: Option<Rc<Connection>>,
}

impl EventStream {
    async fn write(&self, event: Event) -> Result<(), Unreachable> {
        let text = event.into_bytestring().map_err(|_| Unreachable)?;
        self.sender.send(Ok(text.into_bytes())).await.map_err(|_| Unreachable)
    }
}

impl Wire for EventStream {
    const HEARTBEAT: i64 = 15;
    const ANSWERS: bool = false;

    async fn send(&mut self, frame: &Frame<'_>) -> Result<(), Unreachable> {
        let retry = match frame {
            Frame::Hello { .. } => Some(RETRY),
            Frame::Replaced {} | Frame::Expired { .. } => Some(NO_RETRY),
            _ => None,
        };
        self.write(Event::Message(Message {
            data: frame.json().into(),
            event: Some(frame.name().into()),
            retry,
            id: frame.event().map(|id| id.to_string().into()),
        }))
        .await
    }

    async fn beat(&mut self, _: Timestamp) -> Result<(), Unreachable> {
        self.write(Event::Comment("".into())).await
    }

    async fn receive(&mut self) -> Incoming {
        self.sender.closed().await;
        Incoming::Closed
    }

    async fn close(self, why: Close) {
        let Self { app, sender, connection } = self;
        // The stream ends with what was sent, if that is read.
        drop(sender);
        if why != Close::Slow {
            app.core.sleep(CLOSE_SECS).await;
        }
        if let Some(connection) = connection {
            connection.close();
        }
    }
}
