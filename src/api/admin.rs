//! What is there for those who run the server: settings, `/stats` and `/sessions`.

use std::future::{self, Ready};
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, HOST};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::answer::{Answer, sorted_json};
use super::app::App;
use super::code::Code;
use super::condition::Unconditional;
use super::extract::{Json, bearers};
use super::guard::host_name;
use super::problem::Problem;
use super::view::admin::{ChallengeStatsView, ConfigView, ResidentStatsView, ResidentView, ResidentsView, StatsView};
use crate::game::state::End;
use crate::session::Report;

/// What an admin can change while the server runs. What is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigChange {
    /// Seconds a game stays in memory for a player whose connection dropped.
    grace_secs: Option<i64>,
    /// Seconds without a request after which a game leaves memory; 0: never.
    idle_secs: Option<i64>,
    /// Games in memory.
    limit: Option<usize>,
}

/// Somebody with the admin's token.
pub struct Admin;

impl FromRequest for Admin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        future::ready(admit_admin(request).map(|()| Self))
    }
}

/// Somebody who may look inside: a browser on this machine, or the admin. On this machine is a loopback peer that names a loopback host
/// and was not forwarded.
pub struct Insider;

impl FromRequest for Insider {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];
        let direct = !forwarded.iter().any(|name| request.headers().contains_key(*name));
        let local_peer = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        let local = direct && local_peer && names_loopback(request);
        future::ready(if local { Ok(Self) } else { admit_admin(request).map(|()| Self) })
    }
}

fn admit_admin(request: &HttpRequest) -> Result<(), Problem> {
    let given = bearers(request);
    if let Some(wanted) = &App::of(request)?.settings.admin_token
        && given.iter().any(|given| wanted.as_bytes().ct_eq(given.as_bytes()).into())
    {
        return Ok(());
    }
    Err(Problem::new(
        Code::AdminTokenRequired,
        "This is for the server's admin. Send admin.token as Authorization: Bearer; /stats and /sessions are open to the machine itself.",
    ))
}

fn names_loopback(request: &HttpRequest) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host_name(host).unwrap_or_default();
    let literal = name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    literal || name.eq_ignore_ascii_case("localhost")
}

/// The settings in force.
pub async fn config(_: Admin, app: web::Data<App>) -> Answer {
    Ok(uncached(&ConfigView::of(&app.core.settings())))
}

/// Changes them until the next start.
pub async fn change_config(_: Admin, app: web::Data<App>, _: Unconditional, change: Json<ConfigChange>) -> Answer {
    let ConfigChange { grace_secs, idle_secs, limit } = change.0;
    let changed = app.core.reconfigure(|settings| {
        settings.grace_secs = grace_secs.unwrap_or(settings.grace_secs);
        settings.idle_secs = idle_secs.unwrap_or(settings.idle_secs);
        settings.limit = limit.unwrap_or(settings.limit);
    });
    let wrong = |problem| Problem::new(Code::WrongValue, format!("{problem}. Nothing was changed."));
    Ok(uncached(&ConfigView::of(&changed.map_err(wrong)?)))
}

fn uncached(body: &impl Serialize) -> HttpResponse {
    sorted_json(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")), body)
}

/// Figures.
pub async fn stats(_: Insider, app: web::Data<App>) -> Answer {
    let (report, counters, store) = (app.reporter.report(), &app.core.counters, app.core.store().report());
    let sessions = app.directory.residents().into_iter().map(|listed| ResidentStatsView {
        session_id: listed.id,
        turn_count: listed.summary.turn_count,
        wealth: listed.summary.wealth,
        game_over: listed.summary.end.is_some(),
        victory: listed.summary.end == Some(End::Victory),
    });
    let Report { boards, due, entries, refused, .. } = report;
    Ok(uncached(&StatsView {
        active_sessions: report.resident,
        total_players: report.players,
        stored: report.known - report.resident,
        limit: report.limit,
        places_taken: report.places_taken,
        tombstones: report.tombstones,
        connected: report.connected,
        link_dead: report.link_dead,
        challenge: ChallengeStatsView { boards, due, entries, refused },
        clock: figures(&report.clock),
        slow_readers: count(&counters.slow_readers),
        turns: count(&counters.turns),
        created: count(&counters.created),
        loads: count(&counters.loads),
        evictions: count(&counters.evictions),
        checkpoints: count(&counters.checkpoints),
        checkpoint_failures: count(&counters.checkpoint_failures),
        last_checkpoint_micros: count(&counters.last_checkpoint_micros),
        last_sweep_micros: count(&counters.last_sweep_micros),
        memory_bytes: memory_stats::memory_stats().map(|memory| memory.physical_mem),
        turn_log: store.turn_log,
        store: store.store,
        unread: report.unread,
        cluster: app.core.store().others().map(|others| others.report()),
        set_aside: store.set_aside,
        sessions: sessions.collect(),
    }))
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn figures(report: &impl Serialize) -> Value {
    // Reports have string keys and finite numbers only: they always serialize.
    serde_json::to_value(report).unwrap_or_default()
}

/// The games in memory.
pub async fn residents(_: Insider, app: web::Data<App>) -> Answer {
    let now = app.core.lived();
    let is_shutting_down = app.is_shutting_down();
    let sessions = app.directory.residents().into_iter().map(|listed| {
        let (connection_count, timeout_remaining_secs) = app.presences.presence(listed.id);
        ResidentView {
            session_id: listed.id,
            connection_count,
            timeout_remaining_secs,
            is_shutting_down,
            revision: listed.summary.revision,
            idle_secs: now.duration_since(listed.summary.active).as_secs(),
            created_at: listed.summary.meta.created_at,
        }
    });
    Ok(uncached(&ResidentsView { sessions: sessions.collect() }))
}
