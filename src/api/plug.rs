//! The plug of a connection: pulled, it ends at once, whatever has not been sent. A client that does not read cannot be told
//! anything, and would hold its connection for ever.

use std::net::Shutdown;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use socket2::{SockRef, Socket};

use super::bare::Stream;

#[derive(Clone)]
pub(super) struct Plug(Arc<Socket>);

impl Plug {
    /// Keeps the plug of a new connection.
    pub fn keep(stream: &Stream, data: &mut Extensions) {
        if let Ok(socket) = SockRef::from(&stream.tcp).try_clone() {
            data.insert(Self(Arc::new(socket)));
        }
    }

    /// The plug of the connection that a request came over.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.conn_data::<Self>().cloned()
    }

    pub fn pull(&self) {
        // It may have ended by itself.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
