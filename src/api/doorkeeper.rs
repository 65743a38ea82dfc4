//! Serves connections: from the door, which may turn them away, to their end.

use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_http::error::DispatchError;
use actix_service::{Service, ServiceFactory};
use tokio::net::TcpStream;

use super::code::Code;
use super::connection::{Connection, Deadlines, End, Stream};
use super::door::{Door, Guest};
use super::problem::Problem;

/// Connections that are turned away and wait until the client closes too; others are closed at once.
const MAX_LINGERING: usize = 32;

/// Lets connections in through the door, and serves them with the service it is given.
pub struct Doorkeeper<S> {
    serving: S,
    door: Arc<Door>,
    deadlines: Deadlines,
    lingering: Arc<AtomicUsize>,
}

impl<S> Doorkeeper<S> {
    /// One for all threads shares `door` and `lingering`.
    pub fn new(serving: S, door: Arc<Door>, deadlines: Deadlines, lingering: Arc<AtomicUsize>) -> Self {
        Self { serving, door, deadlines, lingering }
    }
}

type Serving = Pin<Box<dyn Future<Output = Result<(), DispatchError>>>>;

impl<S> ServiceFactory<TcpStream> for Doorkeeper<S>
where
    S: ServiceFactory<(Stream, Option<SocketAddr>), Config = (), Response = (), Error = DispatchError, InitError = ()>
        + 'static,
    <S::Service as Service<(Stream, Option<SocketAddr>)>>::Future: 'static,
{
    type Response = ();
    type Error = DispatchError;
    type Config = ();
    type Service = Doorkeeper<S::Service>;
    type InitError = ();
    type Future = Pin<Box<dyn Future<Output = Result<Self::Service, ()>>>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let serving = self.serving.new_service(());
        let (door, deadlines, lingering) = (self.door.clone(), self.deadlines, self.lingering.clone());
        Box::pin(async move { Ok(Doorkeeper::new(serving.await?, door, deadlines, lingering)) })
    }
}

impl<S> Service<TcpStream> for Doorkeeper<S>
where
    S: Service<(Stream, Option<SocketAddr>), Response = (), Error = DispatchError>,
    S::Future: 'static,
{
    type Response = ();
    type Error = DispatchError;
    type Future = Serving;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), DispatchError>> {
        self.serving.poll_ready(context)
    }

    fn call(&self, stream: TcpStream) -> Serving {
        // A client without an address has gone already.
        let Ok(peer) = stream.peer_addr() else { return Box::pin(done()) };
        let connection = Connection::new(stream, self.deadlines);
        match self.door.enter(peer.ip()) {
            Some(guest) => {
                let serving = self.serving.call((Stream(connection.clone()), Some(peer)));
                Box::pin(serve(connection, guest, serving))
            }
            None => {
                connection.turn_away(&crowded(Some(peer.ip())));
                if self.lingering.fetch_add(1, Ordering::Relaxed) < MAX_LINGERING {
                    let lingering = self.lingering.clone();
                    return Box::pin(async move {
                        connection.linger().await;
                        lingering.fetch_sub(1, Ordering::Relaxed);
                        Ok(())
                    });
                }
                self.lingering.fetch_sub(1, Ordering::Relaxed);
                Box::pin(done())
            }
        }
    }
}

fn done() -> Ready<Result<(), DispatchError>> {
    ready(Ok(()))
}

fn crowded(peer: Option<IpAddr>) -> Problem {
    tracing::debug!(?peer, "a connection is turned away");
    Problem::new(Code::TooManyConnections, "Too many connections come from this address, or all there are to this server are in use. Close those you do not need, and \
         try again in 5 seconds.",
    )
    .retry_after(5)
}

async fn serve(
    connection: Rc<Connection>,
    guest: Guest,
    serving: impl Future<Output = Result<(), DispatchError>>,
) -> Result<(), DispatchError> {
    let end = {
        // Pinned here, so that it is dropped before the connection lingers.
        tokio::pin!(serving);
        tokio::select! {
            biased;
            served = &mut serving => served.map(|()| None),
            end = connection.watch() => Ok(Some(end)),
            () = guest.sent_out() => Ok(Some(End::SentOut)),
        }
    };
    let idle = connection.is_idle();
    match end {
        Err(error) => {
            connection.set_over();
            return Err(error);
        }
        // What a client still says to a socket that has ended would break it off before it has read why.
        Ok(None) if !connection.unread() && !connection.is_socket() => return Ok(()),
        Ok(None) => {}
        Ok(Some(End::Late)) if idle => connection.turn_away(&connection.late()),
        Ok(Some(end)) => {
            if end == End::SentOut && idle {
                connection.turn_away(&crowded(None));
            }
            // Others may hold it still.
            if end == End::Stuck {
                connection.abort();
            } else {
                connection.close();
            }
            return Ok(());
        }
    }
    // Others may need its place meanwhile.
    tokio::select! {
        () = connection.linger() => {}
        () = guest.sent_out() => {}
    }
    Ok(())
}
