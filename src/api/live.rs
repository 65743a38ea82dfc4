//! A connection to a session: what it is told, in which words, and when it is given up. The same over a WebSocket and an event
//! stream, which differ in how a frame is written and in whether anything comes back.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use actix_web::web;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::{self, Asked, Tag};
use super::problem::Problem;
use super::view::{ActedView, StateView, TurnView};
use super::{App, guard};
use crate::model::{Departure, EventId, PlayerId, SessionId, Turn};
use crate::session::SessionError;
use crate::session::live::{ConnectionId, End, Line, News, Role};
use crate::session::presence::{Joined, Joining, Presence};
use crate::session::resident::{Acted, Command, Expected, Snapshot};
use crate::session::token::{Bearer, Token};
use crate::store::StoreError;

/// Pings without an answer after which a client is dead.
const MOST_MISSES: u32 = 3;
/// Orders of a connection that wait for the one before them.
const MOST_ORDERS: usize = 128;
/// Messages, pings and pongs of a connection that are heard beyond those of [`HEARD_SECS`] each. A client sends a pong every ten
/// seconds, and its orders, of which as many may wait.
const MOST_HEARD: f64 = 512.0;
/// Seconds that pay for one of them. Clients that redo what they had under way send a few hundred at once, and then none.
const HEARD_SECS: f64 = 0.05;
/// Seconds a client has for taking what it is sent.
const SEND_SECS: i64 = 30;
/// Seconds it has for the last of it, and to close too.
pub(super) const CLOSE_SECS: i64 = 5;

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    /// The first of a connection.
    Hello {
        session_id: SessionId,
        connection: ConnectionId,
        /// The session was there before.
        resumed: bool,
        /// All that was missed follows; else the state is where to begin.
        recovered: bool,
        /// The last event so far.
        head: &'a EventId,
        revision: u64,
        state: StateView<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
        /// The client has the last event with this; not while what it missed is still to come.
        #[serde(skip)]
        up_to_date: bool,
    },
    /// A turn. The only frame with an event's id.
    Turn {
        id: EventId,
        #[serde(flatten)]
        turn: TurnView<'a>,
    },
    /// The state after the turns before.
    State { revision: u64, state: StateView<'a> },
    /// The answer to a command, with its id.
    Result {
        id: &'a Tag,
        #[serde(flatten)]
        acted: Option<ActedView<'a>>,
    },
    /// The refusal of a command, with its id where it had one.
    Error { id: &'a Tag, problem: Value },
    /// Answer with `pong`, or with a pong frame.
    Ping { time: Timestamp },
    /// Another connection plays this session now.
    Replaced {},
    /// The session is gone for good.
    Expired { expired_at: Timestamp, reason: Departure },
    /// The server stops, and will be back.
    Shutdown {},
}

impl Frame<'_> {
    /// Its type, which event streams name it by.
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

    pub fn json(&self) -> String {
        // Views have string keys and finite numbers only: they always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a client wants of a connection, in the query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub session_id: Option<String>,
    last_event_id: Option<String>,
    /// What stands-ins for `EventSource` add, which cannot send the header; to an address that may have the other name.
    #[serde(rename = "lastEventId")]
    said_last: Option<String>,
    pub previous: Option<ConnectionId>,
    #[serde(default)]
    pub takeover: bool,
}

impl Wanted {
    pub fn joining(&self, role: Role) -> Joining {
        let Self { previous, takeover, .. } = *self;
        Joining { role, last_event: self.last_event().map(str::to_owned), previous, takeover }
    }

    /// The last event the client has. Some say the empty one where they have none.
    pub fn last_event(&self) -> Option<&str> {
        let mut said = [&self.said_last, &self.last_event_id].into_iter().filter_map(Option::as_deref);
        said.find(|text| !text.is_empty())
    }

    /// The same from a header, which a browser that comes back sends with the query of the first time.
    pub fn say_last(&mut self, last: &str) {
        self.said_last = Some(last.to_owned());
    }
}

/// Why a connection is closed; DESIGN section 4 has the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
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
    Shutdown,
    Left,
    Token,
    Unknown,
    Slow,
    /// It says more than anybody needs to.
    Noisy,
    Replaced,
    Expired,
    /// Try again later.
    Busy,
}

impl Close {
    /// As a WebSocket says it.
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

    fn after(end: End) -> Self {
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

/// What comes back over a connection.
#[derive(Debug)]
pub(super) enum Incoming {
    Text(String),
    /// Not a message, but a sign of life.
    Alive,
    /// A message that nobody takes, by its name.
    Refused(Tag, Problem),
    /// What cannot be read on from.
    Broken(Close),
    Closed,
}

/// The other side cannot be reached any more.
#[derive(Debug)]
pub(super) struct Unreachable;

/// How frames reach a client.
pub(super) trait Wire {
    /// Seconds between heartbeats.
    const HEARTBEAT: i64;
    /// Whether heartbeats are answered.
    const ANSWERS: bool;

    async fn send(&mut self, frame: &Frame<'_>) -> Result<(), Unreachable>;
    async fn beat(&mut self, now: Timestamp) -> Result<(), Unreachable>;
    /// What comes next. Whoever stops waiting loses nothing.
    async fn receive(&mut self) -> Incoming;
    /// Says why, as far as that is possible, and hangs up.
    async fn close(self, why: Close);
}

/// What a connection begins with, besides what [`Joined`] says.
pub(super) struct Opening {
    pub owner: PlayerId,
    /// Who is counted for what is said.
    pub bearer: Bearer,
    pub resumed: bool,
    /// For the client to keep.
    pub token: Option<Token>,
}

/// Serves a connection until one side ends it.
pub(super) async fn run<W: Wire>(app: web::Data<App>, mut wire: W, joined: Joined, opening: Opening) {
    let why = Connection::serve(app, &mut wire, joined, opening).await;
    // The presence has parted by now: closing may take a while.
    wire.close(why).await;
}

/// What a client asks of its session.
enum Order {
    Act(Box<Command>),
    Leave,
}

/// What an order led to; nothing where the player has left.
type Done = Result<Option<Acted>, SessionError>;
type UnderWay = Option<(Tag, Pin<Box<dyn Future<Output = Done>>>)>;

struct Connection<'a, W> {
    app: web::Data<App>,
    wire: &'a mut W,
    presence: Presence,
    owner: PlayerId,
    bearer: Bearer,
    /// The revision of the last state that was sent.
    shown: u64,
    /// The state to be sent once the answer under way is out, which most often has it too.
    later: Option<Snapshot>,
    /// What waits for the order under way.
    orders: VecDeque<(Tag, Order)>,
    under_way: UnderWay,
    /// The order under way is to leave: its answer is the last word.
    leaving: bool,
    misses: u32,
    noise: Noise,
}

/// How much a client has said of late. What is refused costs the server too, and so do pings.
#[derive(Debug)]
pub(super) struct Noise {
    heard: f64,
    at: Instant,
}

impl Noise {
    pub fn new() -> Self {
        Self { heard: 0.0, at: Instant::now() }
    }

    /// Counts one more; whether it is too many.
    pub fn add(&mut self) -> bool {
        let now = Instant::now();
        let passed = now.duration_since(self.at).as_secs_f64() / HEARD_SECS;
        (self.heard, self.at) = ((self.heard - passed).max(0.0) + 1.0, now);
        self.heard > MOST_HEARD
    }
}

impl<W: Wire> Connection<'_, W> {
    async fn serve(app: web::Data<App>, wire: &mut W, joined: Joined, opening: Opening) -> Close {
        let Joined { presence, snapshot, head, missed } = joined;
        let mut connection = Connection {
            app,
            wire,
            presence,
            owner: opening.owner,
            bearer: opening.bearer,
            shown: snapshot.revision,
            later: None,
            orders: VecDeque::new(),
            under_way: None,
            leaving: false,
            misses: 0,
            noise: Noise::new(),
        };
        let hello = Frame::Hello {
            session_id: connection.presence.session,
            connection: connection.presence.connection,
            resumed: opening.resumed,
            recovered: missed.is_some(),
            head: &head,
            revision: snapshot.revision,
            state: StateView::of(&snapshot),
            token: opening.token.as_ref().map(Token::reveal),
            up_to_date: missed.as_ref().is_none_or(Vec::is_empty),
        };
        let missed = missed.unwrap_or_default();
        if let Err(why) = connection.say(&hello).await {
            return why;
        }
        if let Err(why) = connection.tell_turns(&missed).await {
            return why;
        }
        // They may be many, and the connection may last.
        drop(missed);
        connection.go_on().await
    }

    async fn go_on(&mut self) -> Close {
        let registry = self.app.registry.clone();
        let mut beat = registry.lived() + SignedDuration::from_secs(W::HEARTBEAT);
        loop {
            // In this order: whoever says much is told things all the same, and is not dead while he does.
            let done = tokio::select! {
                biased;
                (id, done) = done(&mut self.under_way) => self.answer(&id, done).await,
                news = self.presence.line.news(), if !self.leaving => self.tell(news).await,
                incoming = self.wire.receive() => self.hear(incoming).await,
                () = registry.sleep_until(beat) => {
                    beat = registry.lived() + SignedDuration::from_secs(W::HEARTBEAT);
                    self.beat().await
                }
            };
            if let Err(why) = done {
                return why;
            }
        }
    }

    /// Sends a frame; not for ever to a client that does not read.
    async fn say(&mut self, frame: &Frame<'_>) -> Result<(), Close> {
        in_time(&self.app, &self.presence.line, self.wire.send(frame)).await
    }

    async fn tell_turns(&mut self, turns: &[Arc<Turn>]) -> Result<(), Close> {
        for turn in turns {
            self.say(&Frame::Turn { id: EventId::of(turn), turn: TurnView::of(turn) }).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, news: News) -> Result<(), Close> {
        let News { turns, state, end } = news;
        self.tell_turns(&turns).await?;
        self.later = state.or(self.later.take());
        if self.under_way.is_none() {
            self.show().await?;
        }
        let Some(end) = end else { return Ok(()) };
        match end {
            End::Replaced => self.say(&Frame::Replaced {}).await?,
            End::Gone { expired_at, reason } => self.say(&Frame::Expired { expired_at, reason }).await?,
            End::Shutdown => self.say(&Frame::Shutdown {}).await?,
            End::Left | End::Crowded | End::Revoked | End::Slow => {}
        }
        Err(Close::after(end))
    }

    /// Sends the newest state, if it is not known yet.
    async fn show(&mut self) -> Result<(), Close> {
        let Some(snapshot) = self.later.take().filter(|snapshot| snapshot.revision > self.shown) else { return Ok(()) };
        self.shown = snapshot.revision;
        self.say(&Frame::State { revision: snapshot.revision, state: StateView::of(&snapshot) }).await
    }

    async fn beat(&mut self) -> Result<(), Close> {
        if W::ANSWERS {
            if self.misses >= MOST_MISSES {
                return Err(Close::Silent);
            }
            self.misses += 1;
        }
        let now = self.app.registry.now();
        in_time(&self.app, &self.presence.line, self.wire.beat(now)).await
    }

    async fn hear(&mut self, incoming: Incoming) -> Result<(), Close> {
        self.misses = 0;
        if self.app.limits.noise() && self.noise.add() {
            return Err(Close::Noisy);
        }
        let text = match incoming {
            Incoming::Text(text) => text,
            Incoming::Alive => return Ok(()),
            Incoming::Refused(id, problem) => return self.refuse(&id, problem).await,
            Incoming::Broken(why) => return Err(why),
            Incoming::Closed => return Err(Close::Gone),
        };
        let (id, asked) = message::read(text.as_bytes());
        if let Err(problem) = guard::request(&self.app, self.bearer) {
            return self.refuse(&id, problem).await;
        }
        match asked {
            Ok(Asked::Act { key, if_revision, action }) => {
                self.order(id, Order::Act(Box::new(Command { action, expected: Expected::revision(if_revision), key })))
                    .await
            }
            Ok(Asked::Leave) => self.order(id, Order::Leave).await,
            Ok(Asked::Pong) => Ok(()),
            Ok(Asked::Auth { .. }) => {
                let problem = Problem::unknown_value("This connection has a player already. Open another one.");
                self.refuse(&id, problem).await
            }
            Err(problem) => self.refuse(&id, problem).await,
        }
    }

    async fn refuse(&mut self, id: &Tag, problem: Problem) -> Result<(), Close> {
        self.say(&Frame::Error { id, problem: problem.document() }).await
    }

    async fn order(&mut self, id: Tag, order: Order) -> Result<(), Close> {
        if self.presence.role == Role::Observer && matches!(order, Order::Act(_)) {
            return self.refuse(&id, Problem::observer_only("This connection can only watch.")).await;
        }
        if self.orders.len() >= MOST_ORDERS {
            return self.refuse(&id, SessionError::Busy { limit: MOST_ORDERS }.into()).await;
        }
        self.orders.push_back((id, order));
        self.begin_next();
        Ok(())
    }

    /// One at a time, in order.
    fn begin_next(&mut self) {
        if self.under_way.is_some() {
            return;
        }
        let Some((id, order)) = self.orders.pop_front() else { return };
        let (registry, owner) = (self.app.registry.clone(), self.owner);
        let (session, connection) = (self.presence.session, self.presence.connection);
        self.leaving = matches!(order, Order::Leave);
        let done: Pin<Box<dyn Future<Output = Done>>> = match order {
            Order::Act(command) => Box::pin(async move { registry.act(owner, session, *command).await.map(Some) }),
            Order::Leave => Box::pin(async move { registry.leave(session, connection).await.map(|()| None) }),
        };
        self.under_way = Some((id, done));
    }

    async fn answer(&mut self, id: &Tag, done: Done) -> Result<(), Close> {
        // The turn itself comes before the answer to whoever took it. An end is still there the next time.
        if let Some(News { turns, state, .. }) = self.presence.line.take() {
            self.tell_turns(&turns).await?;
            self.later = state.or(self.later.take());
        }
        match done {
            Ok(Some(acted)) => {
                self.shown = self.shown.max(acted.snapshot.revision);
                self.say(&Frame::Result { id, acted: Some(ActedView::of(&acted)) }).await?;
            }
            Ok(None) => {
                self.say(&Frame::Result { id, acted: None }).await?;
                return Err(Close::Left);
            }
            Err(error) => self.refuse(id, error.into()).await?,
        }
        self.leaving = false;
        self.show().await?;
        self.begin_next();
        Ok(())
    }
}

/// Waits until something is sent; not for ever, and not for a client that is too slow already.
async fn in_time(app: &App, line: &Line, sending: impl Future<Output = Result<(), Unreachable>>) -> Result<(), Close> {
    tokio::select! {
        sent = sending => sent.map_err(|Unreachable| Close::Gone),
        () = line.cut() => Err(Close::Slow),
        () = app.registry.sleep(SEND_SECS) => Err(Close::Slow),
    }
}

/// What the order under way led to; never, where there is none.
async fn done(under_way: &mut UnderWay) -> (Tag, Done) {
    let Some((id, future)) = under_way else { return pending().await };
    let done = future.as_mut().await;
    let id = std::mem::take(id);
    *under_way = None;
    (id, done)
}
