//! The calls for tokens: one to watch a session with, and an end of all a player has.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use serde::Deserialize;

use super::answer::{Answer, sorted_json};
use super::app::App;
use super::code::Code;
use super::condition::Unconditional;
use super::extract::{Id, Json, NoKey, Player, no_cookies, old_cookie};
use super::problem::Problem;
use super::view::session::InvitationView;

/// A body without any field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Lets others watch a session.
pub async fn invite(
    app: web::Data<App>,
    player: Player,
    id: Id,
    _: Unconditional,
    _: NoKey,
    _: Json<Nothing>,
) -> Answer {
    let token = app.sessions.invite(player.0, *id)?;
    // Browsers send no fragment, so that the token gets into no log. It is relative to the page, which a proxy may have put below a
    // path that is not known here.
    let body = InvitationView {
        token: token.reveal(),
        link: format!("#watch={}&game={}", token.reveal(), *id),
        expires_at: app.core.on_the_wall(token.expires_at()),
    };
    Ok(sorted_json(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")), &body))
}

/// Revokes all tokens of a player. A cookie that is no good is taken away too, whatever the answer: scripts cannot do it, and nobody can
/// begin anew with it. A refusal takes away no cookie that was not sent, because a page of another site can bring one about; and none
/// that may be another server's.
pub async fn logout(
    request: HttpRequest,
    app: web::Data<App>,
    player: Result<Player, Problem>,
    _: Unconditional,
    _: NoKey,
    _: Json<Nothing>,
) -> Answer {
    let ours = old_cookie(&request)?.is_some();
    let revoked = match player {
        Ok(player) => app.sessions.logout(player.0).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let gone = no_cookies(&request, revoked.is_ok(), ours)?;
    let mut response = match revoked {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(problem) => problem.error_response(),
    };
    for cookie in gone {
        response
            .add_cookie(&cookie)
            .map_err(|_| Problem::new(Code::Internal, "The cookie could not be taken away."))?;
    }
    Ok(response)
}
