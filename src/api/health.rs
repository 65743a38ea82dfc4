//! Whether the server works, and which one it is.

use actix_web::{HttpResponse, HttpResponseBuilder, web};

use super::answer::sorted_json;
use super::app::App;
use super::view::server::{HealthView, VersionView};
use crate::game::RULES_VERSION;
use crate::store::Health;

/// It runs.
pub async fn health() -> HttpResponse {
    status(HttpResponse::Ok(), "ok")
}

/// It serves games: it does not stop, and turns are written down.
pub async fn ready(app: web::Data<App>) -> HttpResponse {
    if app.is_shutting_down() {
        return status(HttpResponse::ServiceUnavailable(), "shutting_down");
    }
    match app.core.store().health() {
        Health::Good => status(HttpResponse::Ok(), "ready"),
        Health::Unavailable => status(HttpResponse::ServiceUnavailable(), "store_unavailable"),
        Health::Exposed => status(HttpResponse::ServiceUnavailable(), "turn_log_lost"),
    }
}

fn status(mut response: HttpResponseBuilder, status: &'static str) -> HttpResponse {
    sorted_json(&mut response, &HealthView { status })
}

/// Program, rules and content.
pub async fn version(app: web::Data<App>) -> HttpResponse {
    let version = VersionView {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        rules: RULES_VERSION,
        content: &app.contents.present().hash,
    };
    sorted_json(&mut HttpResponse::Ok(), &version)
}
