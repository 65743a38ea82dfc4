//! The calls a game is played with. Each takes what it needs, makes one call, and answers.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::condition::{IfMatch, Unconditional, etag, not_modified, wanted};
use super::extract::{Id, IdempotencyKey, Json, MaybePlayer, Player, Viewer, cookie};
use super::problem::Problem;
use super::query::Query;
use super::view::{self, ActedView, GameView, SessionView, TurnView};
use super::work::{self, Price};
use super::{App, guard};
use crate::game::action::Action;
use crate::game::content::Difficulty;
use crate::game::rng::MAX_SEED;
use crate::model::PlayerId;
use crate::session::live::Role;
use crate::session::name;
use crate::session::registry::{Created, NewGame};
use crate::session::resident::{Command, Snapshot};

pub(super) type Answer = Result<HttpResponse, Problem>;

/// Turns in a page of history, when nothing else is asked and at the most.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSession {
    name: Option<String>,
    seed: Option<u64>,
    #[serde(default)]
    difficulty: Difficulty,
    challenge: Option<Challenge>,
    permadeath: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Challenge {
    /// The seed of the day, for all.
    Daily,
}

pub(super) async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    player: MaybePlayer,
    _: Unconditional,
    key: IdempotencyKey,
    body: Json<NewSession>,
) -> Answer {
    let key = key.of(&player)?;
    let NewSession { name, seed, difficulty, challenge, permadeath } = body.0;
    if seed.is_some_and(|seed| seed > MAX_SEED) {
        return Err(Problem::wrong_value(format!("A seed is a whole number from 0 to {MAX_SEED}.")));
    }
    let name = name.as_deref().map(clean_name).transpose()?;
    if challenge.is_some() && seed.is_some() {
        return Err(Problem::wrong_value("A challenge has the seed of its day. Leave out seed, or challenge."));
    }
    if challenge.is_some() && permadeath == Some(false) {
        return Err(Problem::wrong_value("Games of a challenge have permadeath. Leave permadeath out, or challenge."));
    }
    let permadeath = permadeath.unwrap_or_default();
    let asked = NewGame { name, seed, difficulty, daily: challenge.is_some(), permadeath };
    let owner = match player.0 {
        Some((player, _)) => player,
        None => {
            guard::connect(&request, &app)?;
            PlayerId::fresh()
        }
    };
    let registry = &app.registry;
    if challenge.is_some() && !registry.played_before_today(owner) && registry.begun_today(owner).is_none() {
        guard::challenge(&request, &app)?;
    }
    let from = guard::origin(&request, &app);
    registry.seen(owner, from);
    work::pay(&app, Some(owner), from, Price::GAME)?;
    let Created { snapshot, name } = app.registry.create(owner, asked, key).await?;
    let token = match player.0 {
        Some((_, carried)) => carried.claims.ageing.then(|| app.registry.renew(&carried.claims)),
        None => Some(app.registry.mint(owner)),
    };
    let mut body = GameView { name: Some(name), ..GameView::of(&snapshot) };
    let mut response = HttpResponse::Created();
    // Relative to what was asked: a proxy may have put it below a path that is not known here.
    response.insert_header((LOCATION, format!("sessions/{}", snapshot.id)));
    response.insert_header(etag(snapshot.event));
    if let Some(token) = token {
        response.cookie(cookie(&request, &app, &token));
        body.token = Some(token.reveal().to_owned());
    }
    Ok(view::json(&mut response, &body))
}

/// A name as it will be shown.
pub(super) fn clean_name(name: &str) -> Result<String, Problem> {
    name::accept(name).ok_or_else(|| {
        Problem::bad_name(format!(
            "A name has 1 to {} visible characters, and {} bytes at the most.",
            name::LONGEST,
            name::MOST_BYTES
        ))
    })
}

pub(super) async fn list(request: HttpRequest, app: web::Data<App>, player: MaybePlayer) -> Answer {
    let Some((owner, carried)) = player.0 else {
        return Err(Player::required());
    };
    let sessions: Vec<_> = app.registry.list(owner).into_iter().map(SessionView::of).collect();
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    // A browser that comes back keeps its player for another 90 days, in this server's own cookie.
    if carried.as_cookie && (carried.claims.ageing || carried.old) {
        response.cookie(cookie(&request, &app, &app.registry.renew(&carried.claims)));
    }
    Ok(response.json(json!({ "sessions": sessions })))
}

pub(super) async fn look(request: HttpRequest, app: web::Data<App>, viewer: Viewer, id: Id) -> Answer {
    let snapshot = app.registry.look(viewer.1, viewer.0, *id).await?;
    versioned(&request, &snapshot, GameView::of)
}

pub(super) async fn map(request: HttpRequest, app: web::Data<App>, viewer: Viewer, id: Id) -> Answer {
    let snapshot = app.registry.look(viewer.1, viewer.0, *id).await?;
    versioned(&request, &snapshot, view::map)
}

pub(super) async fn actions(request: HttpRequest, app: web::Data<App>, player: Player, id: Id) -> Answer {
    let snapshot = app.registry.look(Role::Player, player.0, *id).await?;
    versioned(&request, &snapshot, view::actions)
}

/// A body that changes with what happens to the game and with nothing else.
fn versioned<'a, T: Serialize>(
    request: &HttpRequest,
    snapshot: &'a Snapshot,
    body: impl FnOnce(&'a Snapshot) -> T,
) -> Answer {
    let tag = snapshot.event.to_string();
    wanted(request, &tag)?;
    let fresh = not_modified(request, &tag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(etag(tag));
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if fresh { response.finish() } else { view::json(&mut response, &body(snapshot)) })
}

pub(super) async fn act(
    app: web::Data<App>,
    player: Player,
    id: Id,
    if_match: IfMatch,
    key: IdempotencyKey,
    action: Json<Action>,
) -> Answer {
    let command = Command { action: action.0, expected: if_match.expected.clone(), key: key.0 };
    let acted = app.registry.act(player.0, *id, command).await.map_err(|error| if_match.explain(error.into()))?;
    let mut response = HttpResponse::Ok();
    response.insert_header(etag(acted.snapshot.event));
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(view::json(&mut response, &ActedView::of(&acted)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Turns after this revision.
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// All it takes to play a finished game again, for `cosmic-explorer replay`.
    Replay,
}

pub(super) async fn turns(
    request: HttpRequest,
    app: web::Data<App>,
    viewer: Viewer,
    id: Id,
    page: Query<Page>,
) -> Answer {
    let payer = (viewer.1 == Role::Player).then_some(viewer.0);
    let from = guard::origin(&request, &app);
    if let Some(Format::Replay) = page.0.format {
        work::pay(&app, payer, from, Price::default())?;
        let replay = app.registry.replay(viewer.0, *id).await?;
        work::charge(&app, payer, from, Price::steps(replay.history.len()));
        return Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(replay));
    }
    let limit = page.0.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Problem::bad_query(format!("A page has 1 to {PAGE} turns.")));
    }
    work::pay(&app, payer, from, Price::default())?;
    let turns = app.registry.turns(viewer.1, viewer.0, *id, page.0.after, limit).await?;
    work::charge(&app, payer, from, Price::page(app.registry.history_bytes(*id).await));
    let next = if turns.len() == limit { turns.last().map(|turn| turn.revision) } else { None };
    let turns: Vec<_> = turns.iter().map(TurnView::of).collect();
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(response.json(json!({ "turns": turns, "next_after": next })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    name: String,
}

pub(super) async fn rename(
    request: HttpRequest,
    app: web::Data<App>,
    player: Player,
    id: Id,
    if_match: IfMatch,
    body: Json<Rename>,
) -> Answer {
    let name = clean_name(&body.0.name)?;
    work::pay(&app, Some(player.0), guard::origin(&request, &app), Price::CHECKPOINT)?;
    let listed = app.registry.rename(player.0, *id, name, if_match.expected.clone()).await;
    let listed = listed.map_err(|error| if_match.explain(error.into()))?;
    Ok(HttpResponse::Ok().json(SessionView::of(listed)))
}

pub(super) async fn delete(app: web::Data<App>, player: Player, id: Id, if_match: IfMatch) -> Answer {
    let deleted = app.registry.delete(player.0, *id, if_match.expected.clone()).await;
    deleted.map_err(|error| if_match.explain(error.into()))?;
    Ok(HttpResponse::NoContent().finish())
}
