//! HTTP: extract, one call into the registry, respond. One app, for the program and for its tests.

mod bare;
mod challenge;
mod condition;
mod connection;
mod door;
mod extract;
mod frames;
mod guard;
mod json;
mod live;
mod message;
mod operate;
mod page;
mod problem;
mod query;
mod sessions;
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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::{Condition, DefaultHeaders, from_fn};
use actix_web::web::{self, PayloadConfig, ServiceConfig};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, Resource, Route};
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use tokio::sync::oneshot;
use tracing::{Span, field};
use tracing_actix_web::{RootSpanBuilder, TracingLogger};

use crate::session::registry::Registry;
use connection::{Deadlines, Doorkeeper, Stream};
use door::Door;
pub use door::is_proxy;
pub use guard::{is_host, is_origin};
use json::clip;
use problem::Problem;

/// What HTTP needs to know. All configurable.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes a request's body may have.
    pub body_bytes: usize,
    /// Bytes an imported save may have.
    pub import_bytes: usize,
    /// Connections in all; fewer where the system has fewer file descriptors.
    pub connections: usize,
    /// Connections of one address, of IPv6 one /64.
    pub connections_per_address: usize,
    /// Seconds in which a head must come, from its first byte on, and at the beginning of a connection.
    pub head_secs: u64,
    /// Seconds between an answer and the next request, after which a connection is closed.
    pub idle_secs: u64,
    /// Seconds in which a body must come.
    pub body_secs: u64,
    /// Seconds after which a client that does not read its answer is cut off; slow ones have more, by what they read.
    pub send_secs: u64,
    /// Requests a minute of one player, in bursts of a tenth; 0: as many as he likes.
    pub requests_per_minute: u32,
    /// New players and connections for events a minute of one address; 0: as many as it likes.
    pub connects_per_minute: u32,
    /// Daily challenges a day of one address that players begin who have played on no other day; 0: as many as they like.
    pub challenges_per_day: u32,
    /// Bytes a minute that one player may make the server read, replay and write, besides playing; an address four times as many; 0: as
    /// many as they like.
    pub work_per_minute: u64,
    /// Bytes a minute of games and saves that one player, and one address, may add to the disk; 0: as many as they like.
    pub disk_per_minute: u64,
    /// Threads that serve requests; 0: one for each core.
    pub workers: usize,
    /// The token for `/stats` and `/sessions` from elsewhere; none: only from this machine.
    #[serde(skip)]
    pub admin_token: Option<String>,
    /// Names the server answers to, besides `localhost` and addresses.
    #[serde(skip)]
    pub hosts: Vec<String>,
    /// Origins whose pages may use the API, besides the server's own.
    #[serde(skip)]
    pub origins: Vec<String>,
    /// Reverse proxies that are believed when they say whom they speak for.
    #[serde(skip)]
    pub proxies: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1024,
            import_bytes: 4 << 20,
            connections: 4096,
            // At some 80 KB each, when all of them do their worst, it is 80 MB.
            connections_per_address: 1024,
            head_secs: 5,
            idle_secs: 5,
            body_secs: 10,
            send_secs: 30,
            requests_per_minute: 600,
            connects_per_minute: 40,
            challenges_per_day: 20,
            // A second and a half of a core.
            work_per_minute: 128 << 20,
            // Some twenty new games, half of them at once.
            disk_per_minute: 640 << 10,
            workers: 0,
            admin_token: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            proxies: Vec::new(),
        }
    }
}

/// What every handler can reach.
pub struct App {
    /// Every session.
    registry: Arc<Registry>,
    settings: Settings,
    /// The name of the cookie that carries a player's token: this folder's own, because browsers have one jar for all ports of a host.
    cookie: String,
    limits: guard::Limits,
    work: work::Work,
    shutting_down: AtomicBool,
}

/// Connections that are being closed, besides those inside.
const ON_THEIR_WAY_OUT: usize = 64;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// How long requests under way may take once the server is told to stop.
const GRACE_SECS: u64 = 10;

/// How long a sweep waits after one in which sessions could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is over; then finishes what is under way, writes everything down, and answers with the number of
/// sessions that could not be written.
pub async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<usize> {
    let (limits, work) = (guard::Limits::new(&settings, &registry), work::Work::new(&settings, &registry));
    let shutting_down = AtomicBool::new(false);
    let cookie = format!("cosmic_{}", registry.mark());
    let app = web::Data::new(App { registry: registry.clone(), settings, cookie, limits, work, shutting_down });
    let workers = match app.settings.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let door = Door::new(&app.settings);
    let deadlines = Deadlines::new(&app.settings);
    let lingering = Arc::default();
    let server = ServerBuilder::new()
        .workers(workers)
        // Those beyond are on their way out. Whoever comes then waits in the system's queue.
        .max_concurrent_connections((door.most() + ON_THEIR_WAY_OUT).div_ceil(workers))
        .disable_signals()
        .shutdown_timeout(GRACE_SECS);
    // Many may come at once, and a stranger should not have to wait until their turn. It has been listening already.
    let _ = SockRef::from(&listener).listen(BACKLOG);
    let stopping = server.graceful_shutdown_signal();
    let shared = app.clone();
    let server = server.listen("http", listener, move || {
        let origins = &shared.settings.origins;
        // The last one is the first to see a request.
        let app = ActixApp::new()
            .wrap(Condition::new(!origins.is_empty(), guard::cors(origins)))
            .wrap(from_fn(guard::pass))
            .wrap(TracingLogger::<RequestSpan>::new())
            .wrap(
                DefaultHeaders::new()
                    .add(("X-Content-Type-Options", "nosniff"))
                    .add(("Referrer-Policy", "no-referrer"))
                    .add(("X-Frame-Options", "DENY")),
            )
            .configure(|config| routes(config, &shared));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
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
            .h1(map_config(app, |()| AppConfig::default()));
        Doorkeeper::new(http, door.clone(), deadlines, Arc::clone(&lingering))
    })?;
    let running = server.run();
    let handle = running.handle();
    let running = tokio::spawn(running);

    // Told to stop between sweeps, never within one: a half-done sweep could write an old state over a newer one.
    let (stop_sweeping, mut stopped) = oneshot::channel::<()>();
    let sweeper = registry.clone();
    let sweeping = tokio::spawn(async move {
        let every = Duration::from_secs(sweeper.settings().sweep_secs);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                () = tokio::time::sleep(every) => {}
                () = sweeper.store().log().pressed() => tracing::info!("the turn log is large"),
            }
            let swept = sweeper.sweep().await;
            tracing::info!(?swept, "swept");
            if swept.failed > 0 {
                // The log may press for what cannot be written; to try that again at once is of no use.
                tokio::select! {
                    _ = &mut stopped => break,
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
        }
    });

    shutdown.await;
    tracing::info!("stopping");
    app.shutting_down.store(true, Ordering::Relaxed);
    // Whoever is told goes, and comes back to another server, perhaps: first it is all written down.
    registry.checkpoint_all().await;
    registry.close();
    handle.stop(true).await;
    running.await.map_err(io::Error::other)??;
    drop(stop_sweeping);
    sweeping.await.map_err(io::Error::other)?;
    Ok(registry.checkpoint_all().await)
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

fn routes(config: &mut ServiceConfig, app: &web::Data<App>) {
    config
        .app_data(app.clone())
        .app_data(PayloadConfig::new(app.settings.body_bytes))
        // First what is asked for most: addresses are tried in this order.
        .service(resource(
            "/api/sessions/{id}/actions",
            vec![get(sessions::actions), (Method::POST, web::post().to(sessions::act))],
        ))
        .service(resource("/", vec![get(page::index)]).wrap(from_fn(guard::visit)))
        .service(resource("/{folder:css|js|img}/{name:.+}", vec![get(page::file)]).wrap(from_fn(guard::visit)))
        .service(
            resource("/{name:favicon\\.ico|robots\\.txt|manifest\\.webmanifest}", vec![get(page::beside)])
                .wrap(from_fn(guard::visit)),
        )
        .service(resource("/api", vec![get(operate::addresses)]))
        .service(resource("/api/", vec![get(operate::addresses)]))
        .service(resource("/health", vec![get(operate::health)]))
        .service(resource("/ready", vec![get(operate::ready)]))
        .service(resource("/version", vec![get(operate::version)]))
        .service(resource("/stats", vec![get(operate::stats)]))
        .service(resource("/sessions", vec![get(operate::sessions)]))
        .service(resource(
            "/api/admin/config",
            vec![get(operate::config), (Method::PATCH, web::patch().to(operate::change_config))],
        ))
        .service(resource("/api/content", vec![get(operate::content)]).wrap(from_fn(guard::visit)))
        .service(resource("/api/content/{hash}", vec![get(operate::content_of)]).wrap(from_fn(guard::visit)))
        .service(resource("/api/sessions", vec![get(sessions::list), (Method::POST, web::post().to(sessions::create))]))
        .service(resource(
            "/api/sessions/{id}",
            vec![
                get(sessions::look),
                (Method::PATCH, web::patch().to(sessions::rename)),
                (Method::DELETE, web::delete().to(sessions::delete)),
            ],
        ))
        .service(resource("/ws", vec![(Method::GET, web::get().to(socket::open))]))
        .service(resource("/api/sessions/{id}/events", vec![(Method::GET, web::get().to(stream::events))]))
        .service(resource("/api/sessions/{id}/map", vec![get(sessions::map)]))
        .service(resource("/api/sessions/{id}/turns", vec![get(sessions::turns)]))
        .service(resource("/api/sessions/{id}/observers", vec![(Method::POST, web::post().to(tokens::invite))]))
        .service(resource("/api/logout", vec![(Method::POST, web::post().to(tokens::logout))]))
        .service(resource("/api/challenge", vec![get(challenge::today)]))
        .service(resource("/api/leaderboard", vec![get(challenge::board)]))
        .service(resource("/api/leaderboard/{date}/{difficulty}/{rank}/replay", vec![get(challenge::replay)]))
        .service(resource("/api/slots", vec![get(slots::list)]))
        .service(resource(
            "/api/slots/{slot}",
            vec![
                get(slots::look),
                (Method::PUT, web::put().to(slots::save)),
                (Method::DELETE, web::delete().to(slots::clear)),
            ],
        ))
        .service(resource("/api/slots/{slot}/load", vec![(Method::POST, web::post().to(slots::load))]))
        .service(resource("/api/slots/{slot}/export", vec![get(slots::export)]))
        .service(
            resource("/api/slots/{slot}/import", vec![(Method::POST, web::post().to(slots::import))])
                .app_data(PayloadConfig::new(app.settings.import_bytes)),
        )
        .default_service(web::to(|request: HttpRequest| async move {
            if request.method() == Method::OPTIONS && request.path() == "*" {
                return Ok(HttpResponse::NoContent().finish());
            }
            let path = clip(request.path());
            let detail = format!("There is nothing at {path}. The game is at /, and GET /api says what else there is.");
            Err(Problem::not_found(detail))
        }));
}

/// A GET answers HEAD too, which stands for both here.
fn get<F, Args>(handler: F) -> (Method, Route)
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    (Method::HEAD, web::route().guard(Any(Get()).or(Head())).to(handler))
}

/// An address, which answers OPTIONS with the methods it takes, and so every other one.
fn resource(path: &str, routes: Vec<(Method, Route)>) -> Resource {
    let methods = routes.iter().map(|(method, _)| if method == Method::HEAD { "GET, HEAD" } else { method.as_str() });
    let allowed: Vec<_> = methods.chain(["OPTIONS"]).collect();
    let allowed = allowed.join(", ");
    let mut resource = web::resource(path);
    for (_, route) in routes {
        resource = resource.route(route);
    }
    resource.default_service(web::to(move |method: Method| {
        let allowed = allowed.clone();
        async move {
            if method == Method::OPTIONS {
                return Ok(HttpResponse::NoContent().insert_header((ALLOW, allowed)).finish());
            }
            Err(Problem::allow(&allowed))
        }
    }))
}
