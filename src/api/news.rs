//! What other servers have done with what a request is about: looked up before anything is answered from memory.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};

use super::app::App;
use super::extract::{Counted, credentials};
use super::problem::Problem;
use crate::model::SessionId;

/// Brings up to date what the request's session, or its player, is known by. Nothing where this server is alone.
pub async fn catch_up(request: &HttpRequest) -> Result<(), Problem> {
    let app = App::of(request)?;
    if !app.others.are_there()
        || request.method() == Method::OPTIONS
        || !(request.path().starts_with("/api/") || request.path() == "/ws")
    {
        return Ok(());
    }
    // Whoever asks too much makes nobody look. What is wrong with a token is for whoever needs one.
    let Ok(found) = credentials(request) else { return Ok(()) };
    let Some(credentials) = found else { return Ok(()) };
    request.extensions_mut().insert(Counted);
    let named = |text: &str| text.parse::<SessionId>().ok();
    let in_path = request.path().split('/').find_map(named);
    let in_query = || request.query_string().split('&').find_map(|pair| named(pair.strip_prefix("session_id=")?));
    let session = in_path.or_else(in_query);
    Ok(app.others.catch_up(credentials.claims.player().ok(), session).await?)
}
