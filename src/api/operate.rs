//! What is there for those who run the server and those who look inside: health, version, content, `/stats` and
//! `/sessions`.

use std::future::{self, Ready};
use std::sync::atomic::Ordering;

use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, HOST};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::App;
use super::condition::{Unconditional, etag, not_modified};
use super::extract::{Json, bearers};
use super::guard::host_name;
use super::problem::Problem;
use super::view;
use crate::game::RULES_VERSION;
use crate::session::Settings;

type Answer = Result<HttpResponse, Problem>;

/// Where everything else is.
pub(super) async fn addresses() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "addresses": ADDRESSES,
        "help": "OPTIONS says which methods an address takes. POST /api/sessions begins a game.",
    }))
}

/// What `GET /api` lists; a test holds it against the README.
const ADDRESSES: [&str; 23] = [
    "/api/sessions",
    "/api/sessions/{id}",
    "/api/sessions/{id}/map",
    "/api/sessions/{id}/actions",
    "/api/sessions/{id}/turns",
    "/api/sessions/{id}/events",
    "/api/sessions/{id}/observers",
    "/ws",
    "/api/logout",
    "/api/slots",
    "/api/slots/{n}",
    "/api/slots/{n}/load",
    "/api/slots/{n}/export",
    "/api/slots/{n}/import",
    "/api/challenge",
    "/api/leaderboard",
    "/api/leaderboard/{date}/{difficulty}/{rank}/replay",
    "/api/content",
    "/api/content/{hash}",
    "/health",
    "/ready",
    "/version",
    "/api",
];

pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

pub(super) async fn ready(app: web::Data<App>) -> HttpResponse {
    if app.shutting_down.load(Ordering::Relaxed) {
        return HttpResponse::ServiceUnavailable().json(json!({ "status": "shutting_down" }));
    }
    let log = app.registry.store().log().report();
    if !log.healthy {
        return HttpResponse::ServiceUnavailable().json(json!({ "status": "store_unavailable" }));
    }
    if log.exposed > 0 {
        // Turns that were answered are only in memory.
        return HttpResponse::ServiceUnavailable().json(json!({ "status": "turn_log_lost" }));
    }
    HttpResponse::Ok().json(json!({ "status": "ready" }))
}

pub(super) async fn version(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "rules": RULES_VERSION,
        "content": app.registry.content().hash,
    }))
}

pub(super) async fn content(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let content = app.registry.content();
    let fresh = not_modified(&request, &content.hash);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(etag(&content.hash));
    response.insert_header((CACHE_CONTROL, "public, no-cache"));
    if fresh { response.finish() } else { response.json(view::content(content)) }
}

/// Content by its hash never changes.
pub(super) async fn content_of(app: web::Data<App>, hash: web::Path<String>) -> Answer {
    let content = app.registry.find_content(hash.into_inner()).await?;
    let Some(content) = content else {
        return Err(Problem::content_not_found(
            "No game here was begun with this content. GET /api/content has the present one.",
        ));
    };
    let mut response = HttpResponse::Ok();
    response.insert_header(etag(&content.hash));
    response.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    Ok(response.json(view::content(&content)))
}

/// What an admin can change while the server runs. What is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    grace_secs: Option<i64>,
    idle_secs: Option<i64>,
    limit: Option<usize>,
}

pub(super) async fn config(_: Admin, app: web::Data<App>) -> Answer {
    Ok(shown(app.registry.settings()))
}

pub(super) async fn change_config(_: Admin, app: web::Data<App>, _: Unconditional, change: Json<Change>) -> Answer {
    let Change { grace_secs, idle_secs, limit } = change.0;
    let changed = app.registry.reconfigure(|settings| {
        settings.grace_secs = grace_secs.unwrap_or(settings.grace_secs);
        settings.idle_secs = idle_secs.unwrap_or(settings.idle_secs);
        settings.limit = limit.unwrap_or(settings.limit);
    });
    Ok(shown(changed.map_err(|problem| Problem::wrong_value(format!("{problem}. Nothing was changed.")))?))
}

fn shown(settings: Settings) -> HttpResponse {
    let Settings { grace_secs, idle_secs, limit, .. } = settings;
    let shown = json!({ "grace_secs": grace_secs, "idle_secs": idle_secs, "limit": limit });
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(shown)
}

/// Open to a browser on this machine, else for admins: a loopback peer that names a loopback host and was not forwarded.
fn admit(request: &HttpRequest, app: &App) -> Result<(), Problem> {
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];
    let direct = !forwarded.iter().any(|name| request.headers().contains_key(*name));
    let local_peer = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    if direct && local_peer && names_loopback(request) {
        return Ok(());
    }
    admit_admin(request, app)
}

/// Who brings the admin's token.
pub(super) struct Admin;

impl FromRequest for Admin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(app) = request.app_data::<web::Data<App>>() else {
            return future::ready(Err(Problem::internal("The server is not set up.")));
        };
        future::ready(admit_admin(request, app).map(|()| Self))
    }
}

fn admit_admin(request: &HttpRequest, app: &App) -> Result<(), Problem> {
    let given = bearers(request);
    if let Some(wanted) = &app.settings.admin_token
        && given.iter().any(|given| wanted.as_bytes().ct_eq(given.as_bytes()).into())
    {
        return Ok(());
    }
    Err(Problem::admin_required(
        "This is for the server's admin. Send admin.token as Authorization: Bearer; /stats and /sessions are open to the machine itself.",
    ))
}

fn names_loopback(request: &HttpRequest) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host_name(host).unwrap_or_default();
    let literal = name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    literal || name.eq_ignore_ascii_case("localhost")
}

pub(super) async fn stats(request: HttpRequest, app: web::Data<App>) -> Answer {
    admit(&request, &app)?;
    let registry = &app.registry;
    let counters = &registry.counters;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let [known, resident, players, tombstones] = registry.census();
    let [boards, due] = registry.boards();
    let (connected, link_dead) = registry.presences();
    let sessions: Vec<_> = registry
        .residents()
        .into_iter()
        .map(|listed| {
            json!({
                "session_id": listed.id,
                "turn_count": listed.card.turn_count,
                "wealth": listed.card.wealth,
                "game_over": listed.card.end.is_some(),
                "victory": listed.card.end.as_deref() == Some("victory"),
            })
        })
        .collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({
        "active_sessions": resident,
        "total_players": players,
        "stored": known - resident,
        "limit": registry.settings().limit,
        "places_taken": registry.places_taken(),
        "tombstones": tombstones,
        "connected": connected,
        "link_dead": link_dead,
        "challenge": {
            "boards": boards,
            "due": due,
            "entries": count(&registry.challenge_counts().entries),
            "refused": count(&registry.challenge_counts().refused),
        },
        "clock": registry.clock(),
        "slow_readers": count(&counters.slow_readers),
        "turns": count(&counters.turns),
        "created": count(&counters.created),
        "loads": count(&counters.loads),
        "evictions": count(&counters.evictions),
        "checkpoints": count(&counters.checkpoints),
        "checkpoint_failures": count(&counters.checkpoint_failures),
        "last_checkpoint_micros": count(&counters.last_checkpoint_micros),
        "last_sweep_micros": count(&counters.last_sweep_micros),
        "memory_bytes": memory_stats::memory_stats().map(|memory| memory.physical_mem),
        "turn_log": registry.store().log().report(),
        "store": registry.store().report(),
        "unread": registry.unread(),
        "set_aside": registry.store().reported(),
        "sessions": sessions,
    })))
}

pub(super) async fn sessions(request: HttpRequest, app: web::Data<App>) -> Answer {
    admit(&request, &app)?;
    let now = app.registry.lived();
    let is_shutting_down = app.shutting_down.load(Ordering::Relaxed);
    let sessions: Vec<_> = app
        .registry
        .residents()
        .into_iter()
        .map(|listed| {
            let (connections, remaining) = app.registry.presence(listed.id);
            json!({
                "session_id": listed.id,
                "connection_count": connections,
                "timeout_remaining_secs": remaining,
                "is_shutting_down": is_shutting_down,
                "revision": listed.card.revision,
                "idle_secs": now.duration_since(listed.card.active).as_secs(),
                "created_at": listed.card.created_at,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "sessions": sessions })))
}
