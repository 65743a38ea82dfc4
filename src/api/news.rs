//! What other servers have done with what a request is about: looked up before anything is answered from memory.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};

use super::app::App;
use super::extract::{Counted, credentials};
use super::problem::Problem;
use crate::model::{PlayerId, SessionId};
use crate::session::SessionError;
use crate::session::game_session::{Acted, Command};

/// Brings up to date what the request's session, or its player, is known by. Nothing where this server is alone.
pub async fn catch_up(request: &HttpRequest) -> Result<(), Problem> {
    let app = App::of(request)?;
    if !app.others.are_there()
        || request.method() == Method::OPTIONS
        || !(request.path().starts_with("/api/") || request.path() == "/ws")
    {
        return Ok(());
    }
    let named = |text: &str| text.parse::<SessionId>().ok();
    let in_path = request.path().split('/').find_map(named);
    // An act on a game that is here is decided where it is taken, with its token: that looks at all there is to look at.
    let acts = request.method() == Method::POST && request.path().ends_with("/actions");
    if acts && in_path.is_some_and(|id| app.directory.is_here(id)) {
        return Ok(());
    }
    // Whoever asks too much makes nobody look. What is wrong with a token is for whoever needs one.
    let Ok(found) = credentials(request) else { return Ok(()) };
    let Some(credentials) = found else { return Ok(()) };
    request.extensions_mut().insert(Counted);
    let in_query = || request.query_string().split('&').find_map(|pair| named(pair.strip_prefix("session_id=")?));
    let session = in_path.or_else(in_query);
    Ok(app.others.catch_up(credentials.claims.player().ok(), session).await?)
}

/// Takes an action, on a session that may be gone since somebody looked: then what has become of it is told.
pub async fn act(app: &App, owner: PlayerId, id: SessionId, command: Command) -> Result<Acted, SessionError> {
    match app.sessions.act(owner, id, command.clone()).await {
        Err(SessionError::NotFound) if app.others.are_there() => {
            app.others.catch_up(Some(owner), Some(id)).await?;
            app.sessions.act(owner, id, command).await
        }
        acted => acted,
    }
}
