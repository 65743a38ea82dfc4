//! A connection to a session, whatever it comes over: which frames it is sent, in which order its commands are taken, and when it is given
//! up. A WebSocket and an event stream differ in how a frame is written, and in whether anything comes back.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::web;
use jiff::{SignedDuration, Timestamp};

use super::app::App;
use super::code::Code;
use super::frame::{Changes, Close, Frame};
use super::limits::Noise;
use super::message::{self, ClientFrame, RequestId, StateForm};
use super::news;
use super::patch::Document;
use super::problem::Problem;
use super::view::state::StateView;
use super::view::turn::{ActedView, TurnView};
use crate::model::{EventId, PlayerId, Turn};
use crate::session::SessionError;
use crate::session::game_session::{Acted, Command, Expected, Snapshot};
use crate::session::outbox::{End, Outbox, Role, Updates};
use crate::session::presence::{Joined, Presence};
use crate::session::token::{Bearer, Token};

/// Pings without an answer after which a client is dead.
const MAX_MISSES: u32 = 3;
/// Orders of a connection that wait for the one before them.
const MAX_ORDERS: usize = 128;
/// Seconds a client has for taking what it is sent.
const SEND_SECS: i64 = 30;
/// Seconds it has for the last of it, and to close too.
pub const CLOSE_SECS: i64 = 5;

/// What comes back over a connection.
#[derive(Debug)]
pub enum Incoming {
    /// A message.
    Text(String),
    /// Not a message, but a sign of life.
    Alive,
    /// A message that cannot be read, with its name.
    Refused(RequestId, Problem),
    /// Nothing after this can be read.
    Broken(Close),
    /// The client has gone.
    Closed,
}

/// The other side cannot be reached any more.
#[derive(Debug)]
pub struct Unreachable;

/// How frames reach a client.
pub trait Wire {
    /// Seconds between heartbeats.
    const HEARTBEAT: i64;
    /// Whether heartbeats are answered.
    const ANSWERS: bool;

    /// Sends a frame.
    async fn send(&mut self, frame: &Frame<'_>) -> Result<(), Unreachable>;
    /// Sends a heartbeat.
    async fn beat(&mut self, now: Timestamp) -> Result<(), Unreachable>;
    /// What comes next. Cancel safe: a caller that stops waiting loses nothing.
    async fn receive(&mut self) -> Incoming;
    /// Says why, as far as that is possible, and hangs up.
    async fn close(self, why: Close);
}

/// What a connection begins with, besides [`Joined`].
pub struct Opening {
    /// The session's player.
    pub owner: PlayerId,
    /// What comes is counted for this one.
    pub bearer: Bearer,
    /// Whether the session was there before.
    pub resumed: bool,
    /// A new one, for the client to keep.
    pub token: Option<Token>,
    /// How states after the first one are told.
    pub form: StateForm,
}

/// Serves a connection until one side ends it.
pub async fn run<W: Wire>(app: web::Data<App>, mut wire: W, joined: Joined, opening: Opening) {
    let why = Channel::serve(app, &mut wire, joined, opening).await;
    // The presence has parted by now: closing may take a while.
    wire.close(why).await;
}

/// What a client asks of its session: one at a time, in order.
enum Order {
    Act(Box<Command>),
    Leave,
}

/// What an order led to; nothing where the player has left.
type Done = Result<Option<Acted>, SessionError>;
type UnderWay = Option<(RequestId, Pin<Box<dyn Future<Output = Done>>>)>;

struct Channel<'a, W> {
    app: web::Data<App>,
    wire: &'a mut W,
    presence: Presence,
    owner: PlayerId,
    bearer: Bearer,
    /// The revision of the last state that was sent.
    shown: u64,
    /// That state, for a client that hears only what has changed since.
    base: Option<Document>,
    /// The state to be sent once the answer under way is out, which most often has it too.
    later: Option<Snapshot>,
    /// What waits for the order under way.
    orders: VecDeque<(RequestId, Order)>,
    under_way: UnderWay,
    /// The order under way is to leave: its answer is the last word.
    leaving: bool,
    misses: u32,
    noise: Noise,
}

impl<W: Wire> Channel<'_, W> {
    async fn serve(app: web::Data<App>, wire: &mut W, joined: Joined, opening: Opening) -> Close {
        let Joined { presence, snapshot, head, missed } = joined;
        let mut channel = Channel {
            app,
            wire,
            presence,
            owner: opening.owner,
            bearer: opening.bearer,
            shown: snapshot.revision,
            base: (opening.form == StateForm::Patch).then(|| Document::of(&StateView::of(&snapshot))),
            later: None,
            orders: VecDeque::new(),
            under_way: None,
            leaving: false,
            misses: 0,
            noise: Noise::new(),
        };
        let hello = Frame::Hello {
            session_id: channel.presence.session,
            connection: channel.presence.connection,
            resumed: opening.resumed,
            recovered: missed.is_some(),
            head: &head,
            revision: snapshot.revision,
            state: StateView::of(&snapshot),
            token: opening.token.as_ref().map(Token::reveal),
            up_to_date: missed.as_ref().is_none_or(Vec::is_empty),
        };
        let missed = missed.unwrap_or_default();
        if let Err(why) = channel.say(&hello).await {
            return why;
        }
        if let Err(why) = channel.tell_turns(&missed).await {
            return why;
        }
        // They may be many, and the connection may last.
        drop(missed);
        channel.go_on().await
    }

    async fn go_on(&mut self) -> Close {
        let core = self.app.core.clone();
        let mut beat = core.lived() + SignedDuration::from_secs(W::HEARTBEAT);
        loop {
            // In this order: a client that says much hears the news all the same, and is not given up meanwhile.
            let done = tokio::select! {
                biased;
                (id, done) = done(&mut self.under_way) => self.answer(&id, done).await,
                news = self.presence.outbox.updates(), if !self.leaving => self.tell(news).await,
                incoming = self.wire.receive() => self.hear(incoming).await,
                () = core.sleep_until(beat) => {
                    beat = core.lived() + SignedDuration::from_secs(W::HEARTBEAT);
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
        in_time(&self.app, &self.presence.outbox, self.wire.send(frame)).await
    }

    async fn tell_turns(&mut self, turns: &[Arc<Turn>]) -> Result<(), Close> {
        for turn in turns {
            self.say(&Frame::Turn { id: EventId::of(turn), turn: TurnView::of(turn) }).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, news: Updates) -> Result<(), Close> {
        let Updates { turns, state, end } = news;
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
        let changes = self.changes_to(&snapshot);
        let state = if changes.is_some() { None } else { Some(StateView::of(&snapshot)) };
        self.say(&Frame::State { revision: snapshot.revision, state, changes }).await
    }

    /// The state is sent: what has changed, where the client wants to hear that.
    fn changes_to(&mut self, snapshot: &Snapshot) -> Option<Changes> {
        let from = std::mem::replace(&mut self.shown, snapshot.revision);
        let base = self.base.as_mut()?;
        let newer = Document::of(&StateView::of(snapshot));
        let patch = base.changes_to(&newer);
        *base = newer;
        Some(Changes { from, patch })
    }

    async fn beat(&mut self) -> Result<(), Close> {
        if W::ANSWERS {
            if self.misses >= MAX_MISSES {
                return Err(Close::Silent);
            }
            self.misses += 1;
        }
        let now = self.app.core.now();
        in_time(&self.app, &self.presence.outbox, self.wire.beat(now)).await
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
        if let Err(problem) = self.app.limits.request(self.bearer) {
            return self.refuse(&id, problem).await;
        }
        match asked {
            Ok(ClientFrame::Act { key, if_revision, action }) => {
                self.order(
                    id,
                    Order::Act(Box::new(Command {
                        action,
                        expected: Expected::revision(if_revision),
                        key,
                        nonce: None,
                    })),
                )
                .await
            }
            Ok(ClientFrame::Leave) => self.order(id, Order::Leave).await,
            Ok(ClientFrame::Pong) => Ok(()),
            Ok(ClientFrame::Auth { .. }) => {
                let problem =
                    Problem::new(Code::UnknownValue, "This connection has a player already. Open another one.");
                self.refuse(&id, problem).await
            }
            Err(problem) => self.refuse(&id, problem).await,
        }
    }

    async fn refuse(&mut self, id: &RequestId, problem: Problem) -> Result<(), Close> {
        self.say(&Frame::Error { id, problem: problem.document() }).await
    }

    async fn order(&mut self, id: RequestId, order: Order) -> Result<(), Close> {
        if self.presence.role == Role::Observer && matches!(order, Order::Act(_)) {
            return self.refuse(&id, Problem::new(Code::ObserverOnly, "This connection can only watch.")).await;
        }
        if self.orders.len() >= MAX_ORDERS {
            return self.refuse(&id, SessionError::Busy { limit: MAX_ORDERS }.into()).await;
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
        let (app, owner) = (self.app.clone(), self.owner);
        let (session, connection) = (self.presence.session, self.presence.connection);
        self.leaving = matches!(order, Order::Leave);
        let done: Pin<Box<dyn Future<Output = Done>>> = match order {
            Order::Act(command) => Box::pin(async move { news::act(&app, owner, session, *command).await.map(Some) }),
            Order::Leave => Box::pin(async move { app.presences.leave(session, connection).await.map(|()| None) }),
        };
        self.under_way = Some((id, done));
    }

    async fn answer(&mut self, id: &RequestId, done: Done) -> Result<(), Close> {
        // The turn itself comes before the answer to the player who took it. An end is still there the next time.
        if let Some(Updates { turns, state, .. }) = self.presence.outbox.take() {
            self.tell_turns(&turns).await?;
            self.later = state.or(self.later.take());
        }
        match done {
            Ok(Some(acted)) => {
                let changes = self.changes_to(&acted.snapshot);
                let view = if changes.is_some() { ActedView::without_state(&acted) } else { ActedView::of(&acted) };
                self.say(&Frame::Result { id, acted: Some(view), changes }).await?;
            }
            Ok(None) => {
                self.say(&Frame::Result { id, acted: None, changes: None }).await?;
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
async fn in_time(
    app: &App,
    line: &Outbox,
    sending: impl Future<Output = Result<(), Unreachable>>,
) -> Result<(), Close> {
    tokio::select! {
        sent = sending => sent.map_err(|Unreachable| Close::Gone),
        () = line.cut() => Err(Close::Slow),
        () = app.core.sleep(SEND_SECS) => Err(Close::Slow),
    }
}

/// What the order under way led to; never, where there is none.
async fn done(under_way: &mut UnderWay) -> (RequestId, Done) {
    let Some((id, future)) = under_way else { return pending().await };
    let done = future.as_mut().await;
    let id = std::mem::take(id);
    *under_way = None;
    (id, done)
}
