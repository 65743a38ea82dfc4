//! HTTP: extract, one call to a service, respond. One app, for the program and for its tests.

mod admin;
mod answer;
mod app;
mod assets;
mod bare;
mod challenge;
mod channel;
mod chunks;
mod code;
mod condition;
mod connection;
mod content;
mod door;
mod doorkeeper;
mod endpoint;
mod endpoints;
mod explain;
mod extract;
mod frame;
mod frame_limit;
mod guard;
mod health;
mod json;
mod limits;
mod message;
mod news;
mod patch;
mod prefer;
mod problem;
mod proxies;
mod query;
mod sessions;
mod settings;
mod slots;
mod socket;
mod stream;
mod tokens;
mod view;
mod work;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::App as ActixApp;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, DefaultHeaders, from_fn};
use actix_web::web;
use socket2::SockRef;
use tokio::sync::oneshot;
use tracing::{Span, field};
use tracing_actix_web::{RootSpanBuilder, TracingLogger};

use crate::session::Services;
use app::App;
pub use code::Code;
use connection::{Deadlines, Stream};
use door::Door;
use doorkeeper::Doorkeeper;
pub use endpoint::Operation;
pub use endpoints::operations;
use explain::clip;
pub use guard::{is_host, is_origin};
pub use proxies::is_proxy;
pub use settings::Settings;

/// Connections that are being closed, besides those inside.
const ON_THEIR_WAY_OUT: usize = 64;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// How long requests under way may take once the server is told to stop.
const GRACE_SECS: u64 = 10;

/// Serves until `shutdown` is over; then finishes what is under way, writes everything down, and answers with the number of
/// sessions that could not be written.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<usize> {
    let app = web::Data::new(App::new(services.clone(), settings));
    let running = server(listener, &app)?;
    let handle = running.handle();
    let running = tokio::spawn(running);
    let (stop_sweeping, stopped) = oneshot::channel();
    let (stop_looking, looked_enough) = oneshot::channel();
    let Services { sweeper, presences, others, .. } = services;
    let looking = tokio::spawn(others.run(looked_enough));
    let sweeping = {
        let sweeper = sweeper.clone();
        tokio::spawn(async move { sweeper.run(stopped).await })
    };

    shutdown.await;
    tracing::info!("stopping");
    app.shut_down();
    // Clients reconnect as soon as they are told, perhaps to another server: so first it is all written down.
    sweeper.checkpoint_all().await;
    presences.drain(Duration::from_secs(app.settings.drain_secs)).await;
    presences.close();
    handle.stop(true).await;
    running.await.map_err(io::Error::other)??;
    drop(stop_sweeping);
    sweeping.await.map_err(io::Error::other)?;
    drop(stop_looking);
    looking.await.map_err(io::Error::other)?;
    Ok(sweeper.finish().await)
}

/// The server, which listens.
fn server(listener: TcpListener, app: &web::Data<App>) -> io::Result<Server> {
    let workers = match app.settings.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let door = Door::new(&app.settings);
    let deadlines = Deadlines::new(&app.settings);
    let lingering = Arc::default();
    let server = ServerBuilder::new()
        .workers(workers)
        // Those beyond are on their way out. Connections that come then wait in the system's queue.
        .max_concurrent_connections((door.most() + ON_THEIR_WAY_OUT).div_ceil(workers))
        .disable_signals()
        .shutdown_timeout(GRACE_SECS);
    // Many may come at once, and a stranger should not have to wait until their turn. It has been listening already.
    let _ = SockRef::from(&listener).listen(BACKLOG);
    let stopping = server.graceful_shutdown_signal();
    let app = app.clone();
    let server = server.listen("http", listener, move || {
        let origins = &app.settings.origins;
        // The last one is the first to see a request.
        let service = ActixApp::new()
            .wrap(Condition::new(!origins.is_empty(), guard::cors(origins)))
            .wrap(from_fn(guard::pass))
            .wrap(TracingLogger::<RequestSpan>::new())
            .wrap(
                DefaultHeaders::new()
                    .add(("X-Content-Type-Options", "nosniff"))
                    .add(("Referrer-Policy", "no-referrer"))
                    .add(("X-Frame-Options", "DENY")),
            )
            .configure(|config| endpoints::register(config, &app));
        let service = service.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            // The connection keeps these.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(Duration::from_secs(1))
            // An answer to a client that does not read.
            .h1_write_buffer_size(16 * 1024)
            .on_connect_ext(Stream::keep)
            .h1(map_config(service, |()| AppConfig::default()));
        Doorkeeper::new(http, door.clone(), deadlines, Arc::clone(&lingering))
    })?;
    Ok(server.run())
}

/// What the log says of a request, with whatever is logged during it: little, because every request pays for it.
struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        tracing::info_span!("request", method = %request.method(), path = %clip(request.path()), status = field::Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, actix_web::Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("status", status.as_u16());
    }
}
