//! A TCP connection: what may be read of it and when, and when it has taken too long.
//!
//! actix has a deadline for the first head and none for what follows, reads requests that wait for the answers before them without
//! a bound, and waits for ever for a client that does not read. So it gets a stream that hands on little at a time, and is dropped when
//! its time is over.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};
use pin_project_lite::pin_project;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::bare::{Bare, Outgoing};
use super::chunks::Chunks;
use super::code::Code;
use super::problem::Problem;
use super::settings::Settings;

/// Bytes that are read at a time where heads come, of which one is handed on at a time: most heads have fewer.
const PIECE: usize = 512;
/// How often it is looked whether a connection has taken too long.
const TICK: Duration = Duration::from_secs(1);
/// What a client takes of an answer in a second at the least, once it has been waited for.
const SLOWEST: u64 = 4096;
/// How much longer than a body a request may take whose body no handler reads: those that read it answer in time.
const SPARE: Duration = Duration::from_secs(5);
/// How long a connection that is closed waits for the client to close too: what came unread would make the system take back the
/// answer.
const LINGER: Duration = Duration::from_secs(1);
/// How long each part of a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    head: Duration,
    idle: Duration,
    body: Duration,
    send: Duration,
}

impl Deadlines {
    /// As configured.
    pub fn new(settings: &Settings) -> Self {
        Self {
            head: Duration::from_secs(settings.head_secs),
            idle: Duration::from_secs(settings.idle_secs),
            body: Duration::from_secs(settings.body_secs),
            send: Duration::from_secs(settings.send_secs),
        }
    }
}

/// What is to be read while a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Nothing more: the next request waits.
    Nothing,
    /// So much of a body.
    Body(u64),
    /// A body in chunks.
    Chunks(Chunks),
    /// Whatever comes: the connection is no longer one for requests.
    Socket,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A head did not come in time.
    Late,
    /// No further request came.
    Idle,
    /// It does not take its answer, or its body does not come to an end.
    Stuck,
    /// Others need its place.
    SentOut,
}

/// A connection as its stream, its requests and its watch see it. All of them live in one thread.
#[derive(Debug)]
pub struct Connection {
    /// Borrowed for one call each time, and never over an await.
    stream: RefCell<TcpStream>,
    deadlines: Deadlines,
    /// A request is being answered.
    answering: Cell<bool>,
    reading: Cell<Reading>,
    /// It was taken over for a socket.
    socket: Cell<bool>,
    /// Since the request came.
    asked: Cell<Instant>,
    /// Since the last answer, or the beginning.
    idle: Cell<Instant>,
    /// Since the first byte of the next head; at the beginning, from there on.
    head: Cell<Option<Instant>>,
    /// Since when the client does not take what is written, and what it took nevertheless.
    blocked: Cell<Option<(Instant, u64)>>,
    /// What was read and not handed on.
    held: RefCell<Held>,
    /// A head was handed on to its end, and actix has not looked at it.
    headed: Cell<bool>,
    /// Waits for the answer under way, with something to read.
    parked: RefCell<Option<Waker>>,
    /// The client has closed its side, or broken off.
    over: Cell<bool>,
    /// What has come of the present head, for what actix refuses without a reason.
    bare: RefCell<Bare>,
}

impl Connection {
    /// One that was just accepted.
    pub fn new(stream: TcpStream, deadlines: Deadlines) -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            stream: RefCell::new(stream),
            deadlines,
            answering: Cell::new(false),
            reading: Cell::new(Reading::Nothing),
            socket: Cell::new(false),
            asked: Cell::new(now),
            idle: Cell::new(now),
            head: Cell::new(Some(now)),
            blocked: Cell::new(None),
            held: RefCell::default(),
            headed: Cell::new(false),
            parked: RefCell::new(None),
            over: Cell::new(false),
            bare: RefCell::default(),
        })
    }

    /// The connection that a request came over.
    pub fn of(request: &HttpRequest) -> Option<Rc<Self>> {
        request.conn_data::<Rc<Self>>().cloned()
    }

    /// Ends it at once, and lets the system forget what was not sent. A client that does not read, or does not stop talking, cannot be
    /// told anything: it would hold its connection for ever, and what waits for it the system's memory for minutes.
    pub fn abort(&self) {
        // It may have ended by itself.
        let _ = SockRef::from(&*self.stream.borrow()).set_linger(Some(Duration::ZERO));
        self.close();
    }

    /// Ends it at once. What was written before still reaches a client that reads.
    pub fn close(&self) {
        self.over.set(true);
        // It may have ended by itself.
        let _ = self.shutdown(Shutdown::Both);
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(&*self.stream.borrow()).shutdown(how)
    }

    /// Whether it waits for a request, and nothing is being sent.
    pub fn is_idle(&self) -> bool {
        !self.answering.get() && self.blocked.get().is_none()
    }

    /// Whether it is, or was, one for a socket.
    pub fn is_socket(&self) -> bool {
        self.socket.get()
    }

    /// It has ended with an error.
    pub fn set_over(&self) {
        self.over.set(true);
    }

    /// The refusal of a head that did not come in time.
    pub fn late(&self) -> Problem {
        let seconds = self.deadlines.head.as_secs();
        Problem::new(
            Code::HeadTimeout,
            format!("The head of the request did not come within {seconds} s. Send it again, all at once."),
        )
    }

    /// When it has taken too long, and how.
    fn due(&self) -> Option<(Instant, End)> {
        let Deadlines { head, idle, body, send } = self.deadlines;
        if let Some((since, taken)) = self.blocked.get() {
            return Some((since + send + Duration::from_secs(taken / SLOWEST), End::Stuck));
        }
        if self.answering.get() {
            let unfinished = matches!(self.reading.get(), Reading::Body(1..) | Reading::Chunks(_));
            return unfinished.then(|| (self.asked.get() + body + SPARE, End::Stuck));
        }
        Some(match self.head.get() {
            Some(since) => (since + head, End::Late),
            None => (self.idle.get() + idle, End::Idle),
        })
    }

    /// Waits until it has taken too long.
    pub async fn watch(&self) -> End {
        loop {
            let now = Instant::now();
            let wait = match self.due() {
                Some((due, end)) if due <= now => return end,
                Some((due, _)) => TICK.min(due - now),
                None => TICK,
            };
            sleep(wait).await;
        }
    }

    /// Sends a refusal in place of an answer, as far as the system takes it, and says that nothing follows.
    pub fn turn_away(&self, problem: &Problem) {
        // Past tokio, which does not know yet that a new connection can be written to.
        let sent = SockRef::from(&*self.stream.borrow()).send(problem.raw().as_bytes());
        tracing::debug!(?sent, %problem, "a connection is closed");
    }

    /// Whether something came that was not looked at.
    pub fn unread(&self) -> bool {
        let mut one = [MaybeUninit::uninit()];
        let mut waits = || SockRef::from(&*self.stream.borrow()).peek(&mut one).is_ok_and(|count| count > 0);
        !self.held.borrow().is_empty() || waits()
    }

    /// Waits until the client has read what was sent; not for long.
    pub async fn linger(&self) {
        if self.over.get() || self.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let ended = poll_fn(|context| {
            let mut rest = [0; 4096];
            while let Ok(1..) = std::task::ready!(self.read(context, &mut ReadBuf::new(&mut rest))) {}
            Poll::Ready(())
        });
        if timeout(LINGER, ended).await.is_err() {
            self.abort();
        }
    }

    fn write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream.borrow_mut()).poll_write(context, bytes);
        match &written {
            Poll::Pending => {
                let blocked = self.blocked.get().unwrap_or_else(|| (Instant::now(), 0));
                self.blocked.set(Some(blocked));
            }
            Poll::Ready(Ok(count)) => {
                let blocked = self.blocked.get();
                self.blocked.set(blocked.map(|(since, taken)| (since, taken + *count as u64)));
            }
            Poll::Ready(Err(_)) => self.over.set(true),
        }
        written
    }

    /// Reads what there is room for. tokio's own read knows that nothing is left after one that did not fill its room, which saves the
    /// next one a system call.
    fn read(&self, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let (room, before) = (buf.remaining(), buf.filled().len());
        let read = std::task::ready!(Pin::new(&mut *self.stream.borrow_mut()).poll_read(context, buf));
        let count = buf.filled().len() - before;
        if read.is_err() || (count == 0 && room > 0) {
            self.over.set(true);
        }
        Poll::Ready(read.map(|()| count))
    }

    /// Hands on what is held, or else what comes: so many bytes at the most.
    fn pass_on(&self, context: &mut Context<'_>, buf: &mut ReadBuf<'_>, most: usize) -> Poll<io::Result<usize>> {
        let mut held = self.held.borrow_mut();
        if !held.is_empty() {
            return Poll::Ready(Ok(held.hand_on(buf, most)));
        }
        let mut room = ReadBuf::new(buf.initialize_unfilled_to(most.min(buf.remaining())));
        let count = std::task::ready!(self.read(context, &mut room))?;
        buf.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Hands on what belongs to a body in chunks: what follows it waits.
    fn pass_on_chunks(
        &self,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        mut chunks: Chunks,
    ) -> Poll<io::Result<()>> {
        let mut held = self.held.borrow_mut();
        if held.is_empty() {
            let count = std::task::ready!(self.read(context, &mut ReadBuf::new(&mut held.bytes)))?;
            (held.from, held.to) = (0, count);
        }
        let room = buf.remaining().min(held.to - held.from);
        let most = chunks.take(&held.bytes[held.from..held.from + room]);
        held.hand_on(buf, most);
        self.reading.set(if chunks.over() { Reading::Nothing } else { Reading::Chunks(chunks) });
        Poll::Ready(Ok(()))
    }

    /// Hands on what belongs to one head.
    fn pass_on_head(&self, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let mut held = self.held.borrow_mut();
        if held.is_empty() {
            let count = std::task::ready!(self.read(context, &mut ReadBuf::new(&mut held.bytes)))?;
            (held.from, held.to) = (0, count);
        }
        let (most, ends) = held.head(buf.remaining());
        self.headed.set(ends);
        let before = buf.filled().len();
        let count = held.hand_on(buf, most);
        self.bare.borrow_mut().heard(&buf.filled()[before..]);
        Poll::Ready(Ok(count))
    }

    /// Reads nothing, but notices when the client has gone; whether there is something to read.
    fn peek(&self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.held.borrow().is_empty() {
            return Poll::Ready(Ok(true));
        }
        let peeked = std::task::ready!(self.stream.borrow().poll_peek(context, &mut ReadBuf::new(&mut [0; 1])));
        if !matches!(peeked, Ok(1..)) {
            self.over.set(true);
        }
        Poll::Ready(peeked.map(|count| count > 0))
    }

    /// Waits for the answer under way; not for ever, if the client has gone.
    fn wait(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::task::ready!(self.peek(context))? {
            *self.parked.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn go_on(&self) {
        if let Some(waker) = self.parked.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// Bytes that were read and not handed on.
#[derive(Debug)]
struct Held {
    bytes: [u8; PIECE],
    from: usize,
    to: usize,
    /// The line that has been handed on in part is empty so far.
    empty_line: bool,
    /// The head has a line that is not empty; empty ones before it do not count.
    begun: bool,
}

impl Default for Held {
    fn default() -> Self {
        Self { bytes: [0; PIECE], from: 0, to: 0, empty_line: true, begun: false }
    }
}

impl Held {
    fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Bytes of the present head in what is held, up to so many; and whether it ends with them: with an empty line.
    fn head(&mut self, most: usize) -> (usize, bool) {
        let held = &self.bytes[self.from..self.to];
        for (at, byte) in held.iter().take(most).enumerate() {
            match byte {
                b'\n' if self.empty_line && self.begun => {
                    self.begun = false;
                    return (at + 1, true);
                }
                b'\n' => self.empty_line = true,
                b'\r' => {}
                _ => (self.empty_line, self.begun) = (false, true),
            }
        }
        (held.len().min(most), false)
    }

    fn hand_on(&mut self, buf: &mut ReadBuf<'_>, most: usize) -> usize {
        let count = most.min(buf.remaining()).min(self.to - self.from);
        buf.put_slice(&self.bytes[self.from..self.from + count]);
        self.from += count;
        count
    }
}

/// What actix reads from and writes to.
pub struct Stream(pub Rc<Connection>);

impl Stream {
    /// Lets the requests of a connection find it.
    pub fn keep(&self, data: &mut Extensions) {
        data.insert(self.0.clone());
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let connection = &*self.0;
        let (reading, answering) = (connection.reading.get(), connection.answering.get());
        if reading == Reading::Socket {
            return connection.pass_on(context, buf, usize::MAX).map_ok(drop);
        }
        // Nothing more is read of a client that does not take its answers.
        if connection.blocked.get().is_some() {
            return connection.wait(context);
        }
        if let Reading::Body(left @ 1..) = reading {
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let count = std::task::ready!(connection.pass_on(context, buf, most))?;
            connection.reading.set(Reading::Body(left.saturating_sub(count as u64)));
            return Poll::Ready(Ok(()));
        }
        if let Reading::Chunks(chunks) = reading {
            return connection.pass_on_chunks(context, buf, chunks);
        }
        if answering {
            return connection.wait(context);
        }
        if connection.headed.take() {
            // It is looked at before anything else is read.
            if std::task::ready!(connection.peek(context))? {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Ok(()));
        }
        let count = std::task::ready!(connection.pass_on_head(context, buf))?;
        if count > 0 && connection.head.get().is_none() {
            connection.head.set(Some(Instant::now()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let connection = &*self.0;
        let mut bare = connection.bare.borrow_mut();
        match bare.outgoing(buf) {
            Outgoing::Own(count) => connection.write(context, &buf[..count]),
            Outgoing::Instead => {
                while !bare.instead.is_empty() {
                    let count = std::task::ready!(connection.write(context, &bare.instead))?;
                    bare.instead.drain(..count);
                }
                Poll::Ready(Ok(buf.len()))
            }
        }
    }

    /// Called when all that was to be written is with the system.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let connection = &*self.0;
        if connection.blocked.take().is_some() {
            connection.go_on();
        }
        // A socket's last words are out. A client waits for the end of what it reads, and actix for the end of what the client says.
        if connection.is_socket() && !connection.answering.get() {
            // The client may have broken off.
            let _ = connection.shutdown(Shutdown::Write);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The client may have broken off.
        let _ = self.0.shutdown(Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}

/// A request that is being answered, until this is dropped with the answer's body.
pub struct Answering(Rc<Connection>);

impl Answering {
    /// Begins with a request; none where it came over no connection.
    pub fn begin(request: &ServiceRequest) -> Option<Self> {
        let connection = Connection::of(request.request())?;
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let reading = match length {
            _ if request.head().upgrade() || request.chunked().unwrap_or(true) => Reading::Chunks(Chunks::default()),
            Some(length) => Reading::Body(length),
            None => Reading::Nothing,
        };
        connection.reading.set(reading);
        connection.answering.set(true);
        connection.asked.set(Instant::now());
        connection.head.set(None);
        Some(Self(connection))
    }

    /// Notes how it is answered.
    pub fn with(&self, status: StatusCode) {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            self.0.reading.set(Reading::Socket);
            self.0.socket.set(true);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.reading.set(Reading::Nothing);
        self.0.answering.set(false);
        self.0.idle.set(Instant::now());
        self.0.go_on();
    }
}

pin_project! {
    /// The body of an answer, which is under way until it has been handed on.
    pub struct Followed<B> {
        #[pin]
        body: B,
        answering: Option<Answering>,
    }
}

impl<B> Followed<B> {
    /// With the request it answers.
    pub fn new(body: B, answering: Option<Answering>) -> Self {
        Self { body, answering }
    }
}

impl<B: MessageBody> MessageBody for Followed<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.project().body.poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_head_is_handed_on_at_a_time_wherever_it_is_cut() {
        let heads = ["\r\n\r\nGET / HTTP/1.1\r\na: b\r\n\r\n", "GET /x HTTP/1.1\n\n", "\nPOST / HTTP/1.1\r\nc:\r\n\n"];
        let all = heads.concat();
        for cut in 1..=all.len() {
            let (mut held, mut found, mut head) = (Held::default(), Vec::new(), String::new());
            for piece in all.as_bytes().chunks(cut) {
                held.bytes[..piece.len()].copy_from_slice(piece);
                (held.from, held.to) = (0, piece.len());
                while !held.is_empty() {
                    let (most, ends) = held.head(7);
                    let mut room = [0; PIECE];
                    let mut buf = ReadBuf::new(&mut room);
                    assert_eq!(held.hand_on(&mut buf, most), most);
                    head.push_str(std::str::from_utf8(buf.filled()).expect("ASCII"));
                    if ends {
                        found.push(std::mem::take(&mut head));
                    }
                }
            }
            assert_eq!((found, head.as_str()), (heads.map(str::to_owned).to_vec(), ""), "cut at {cut}");
        }
    }
}
