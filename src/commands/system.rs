//! What commands ask of the system: random bytes, a place to listen, and the signal to stop.

use std::io;
use std::net::TcpListener;

use anyhow::anyhow;
use cosmic_explorer::config;
use rand::TryRng;
use rand::rngs::SysRng;

/// Bytes from the operating system. A machine that has none cannot sign tokens, and must not start.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[allow(clippy::expect_used)]
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Listens; the error says what to do about it.
pub fn listen(bind: &str) -> anyhow::Result<TcpListener> {
    let addresses = config::addresses(bind).map_err(|problem| anyhow!("listening on {bind}: {problem}"))?;
    TcpListener::bind(addresses.as_slice()).map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "the port is in use, perhaps by another server of this game: stop that, or take another port, as with --bind \
                 127.0.0.1:8081 (0 takes a free one)"
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not listen there: ports below 1024 are for those who may; take another one, as with --bind \
                 127.0.0.1:8080"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address: take one that it has, 127.0.0.1 for itself alone, or 0.0.0.0 for all it has"
            }
            _ => return anyhow!("listening on {bind}: {error}"),
        };
        anyhow!("listening on {bind}: {what}")
    })
}

/// Waits for SIGTERM or SIGINT. From the call on: the server may be stopped as soon as it says that it listens.
pub fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = signals.0.recv() => {}
            _ = signals.1.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler there is nothing to wait for but the end of the process.
            std::future::pending::<()>().await;
        }
    })
}
