//! The calls a game is played with. Each takes what it needs, makes one call, and answers.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde::Deserialize;

use super::answer::{Answer, json, sorted_json};
use super::app::App;
use super::code::Code;
use super::condition::{IfMatch, Unconditional, etag, not_modified, require_match};
use super::extract::{Id, IdempotencyKey, Json, MaybePlayer, Player, Viewer, clean_name, cookie};
use super::news;
use super::prefer::{APPLIED, Return};
use super::problem::Problem;
use super::query::Query;
use super::view::map::MapView;
use super::view::offers::OffersView;
use super::view::session::{SessionView, SessionsView};
use super::view::state::GameView;
use super::view::turn::{ActedView, HistoryView, TurnView};
use super::work::Price;
use crate::game::action::Action;
use crate::game::content::Difficulty;
use crate::game::rng::MAX_SEED;
use crate::model::PlayerId;
use crate::session::game_session::{Command, Snapshot};
use crate::session::outbox::Role;
use crate::session::sessions::{Created, NewGame};

/// Turns in a page of history, when nothing else is asked and at the most.
const MAX_PAGE: usize = 100;

/// What `POST /api/sessions` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// A name for the game; without one it is given one.
    name: Option<String>,
    /// Chooses the game's future, which makes it unranked.
    seed: Option<u64>,
    /// `normal`, where nothing else is asked.
    #[serde(default)]
    difficulty: Difficulty,
    /// Takes part in a challenge, whose seed it has.
    challenge: Option<Challenge>,
    /// Takes the way back out of the game: no saves before its end.
    permadeath: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Challenge {
    /// The seed of the day, for all.
    Daily,
}

impl TryFrom<NewSession> for NewGame {
    type Error = Problem;

    fn try_from(asked: NewSession) -> Result<Self, Problem> {
        let NewSession { name, seed, difficulty, challenge, permadeath } = asked;
        if seed.is_some_and(|seed| seed > MAX_SEED) {
            return Err(Problem::new(Code::WrongValue, format!("A seed is a whole number from 0 to {MAX_SEED}.")));
        }
        let name = name.as_deref().map(clean_name).transpose()?;
        let daily = challenge.is_some();
        if daily && seed.is_some() {
            let detail = "A challenge has the seed of its day. Leave out seed, or challenge.";
            return Err(Problem::new(Code::WrongValue, detail));
        }
        if daily && permadeath == Some(false) {
            let detail = "Games of a challenge have permadeath. Leave permadeath out, or challenge.";
            return Err(Problem::new(Code::WrongValue, detail));
        }
        Ok(Self { name, seed, difficulty, daily, permadeath: permadeath.unwrap_or_default() })
    }
}

/// Begins a game, for a new player where no token came.
pub async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    player: MaybePlayer,
    _: Unconditional,
    key: IdempotencyKey,
    body: Json<NewSession>,
) -> Answer {
    let key = key.of(&player)?;
    let asked = NewGame::try_from(body.0)?;
    let owner = match player.0 {
        Some((player, _)) => player,
        None => {
            app.limits.connect(&request)?;
            PlayerId::fresh()
        }
    };
    if asked.daily && !app.beginnings.played_before_today(owner) && app.beginnings.begun_today(owner).is_none() {
        app.limits.challenge(&request)?;
    }
    let from = app.limits.origin(&request);
    app.directory.seen(owner, from);
    app.work.pay(Some(owner), from, Price::GAME)?;
    let Created { snapshot, name } = app.sessions.create(owner, asked, key).await?;
    let token = match player.0 {
        Some((_, credentials)) => credentials.claims.ageing.then(|| app.tokens.renew(&credentials.claims)),
        None => Some(app.tokens.mint(owner)),
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
    Ok(json(&mut response, &body))
}

/// A player's games. Gives a new cookie to a browser whose own is ageing.
pub async fn list(request: HttpRequest, app: web::Data<App>, player: MaybePlayer) -> Answer {
    let Some((owner, credentials)) = player.0 else {
        return Err(Player::required());
    };
    let sessions = app.directory.list(owner).into_iter().map(SessionView::of).collect();
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    // A browser that comes back keeps its player for another 90 days, in this server's own cookie.
    if credentials.as_cookie && (credentials.claims.ageing || credentials.old) {
        response.cookie(cookie(&request, &app, &app.tokens.renew(&credentials.claims)));
    }
    Ok(sorted_json(&mut response, &SessionsView { sessions }))
}

/// The state of a game.
pub async fn look(request: HttpRequest, app: web::Data<App>, viewer: Viewer, id: Id) -> Answer {
    let snapshot = app.sessions.look(viewer.1, viewer.0, *id).await?;
    versioned(&request, &snapshot, |response, snapshot| json(response, &GameView::of(snapshot)))
}

/// The known part of the star map.
pub async fn map(request: HttpRequest, app: web::Data<App>, viewer: Viewer, id: Id) -> Answer {
    let snapshot = app.sessions.look(viewer.1, viewer.0, *id).await?;
    versioned(&request, &snapshot, |response, snapshot| sorted_json(response, &MapView::of(snapshot)))
}

/// What can be done, and why the rest cannot.
pub async fn actions(request: HttpRequest, app: web::Data<App>, player: Player, id: Id) -> Answer {
    let snapshot = app.sessions.look(Role::Player, player.0, *id).await?;
    versioned(&request, &snapshot, |response, snapshot| sorted_json(response, &OffersView::of(snapshot)))
}

/// A body that changes with what happens to the game and with nothing else.
fn versioned(
    request: &HttpRequest,
    snapshot: &Snapshot,
    body: impl FnOnce(&mut HttpResponseBuilder, &Snapshot) -> HttpResponse,
) -> Answer {
    let tag = snapshot.event.to_string();
    require_match(request, &tag)?;
    let fresh = not_modified(request, &tag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(etag(tag));
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if fresh { response.finish() } else { body(&mut response, snapshot) })
}

/// Takes an action.
pub async fn act(
    app: web::Data<App>,
    player: Player,
    id: Id,
    if_match: IfMatch,
    key: IdempotencyKey,
    wanted: Return,
    action: Json<Action>,
) -> Answer {
    let (expected, nonce) = (if_match.expected.clone(), Some(player.1));
    let command = Command { action: action.0, expected, key: key.0, nonce };
    let acted = news::act(&app, player.0, *id, command).await.map_err(|error| if_match.explain(error.into()))?;
    let mut response = HttpResponse::Ok();
    response.insert_header(etag(acted.snapshot.event));
    response.insert_header((CACHE_CONTROL, "no-store"));
    if let Some(applied) = wanted.applied() {
        response.insert_header((APPLIED, applied));
    }
    let view = if wanted == Return::Minimal { ActedView::without_state(&acted) } else { ActedView::of(&acted) };
    Ok(json(&mut response, &view))
}

/// The query of a page of history.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Turns after this revision.
    #[serde(default)]
    after: u64,
    /// Turns in the page.
    limit: Option<usize>,
    /// Another form of the history.
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// All it takes to play a finished game again, for `cosmic-explorer replay`.
    Replay,
}

/// A page of history; or the whole of a finished game, to be played again.
pub async fn turns(request: HttpRequest, app: web::Data<App>, viewer: Viewer, id: Id, page: Query<Page>) -> Answer {
    let payer = (viewer.1 == Role::Player).then_some(viewer.0);
    let from = app.limits.origin(&request);
    if let Some(Format::Replay) = page.0.format {
        app.work.pay(payer, from, Price::default())?;
        let replay = app.saves.replay(viewer.0, *id).await?;
        app.work.charge(payer, from, Price::steps(replay.history.len()));
        return Ok(json(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")), &replay));
    }
    let limit = page.0.limit.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::new(Code::BadQuery, format!("A page has 1 to {MAX_PAGE} turns.")));
    }
    app.work.pay(payer, from, Price::default())?;
    let turns = app.sessions.turns(viewer.1, viewer.0, *id, page.0.after, limit).await?;
    app.work.charge(payer, from, Price::page(app.sessions.history_bytes(*id).await));
    let next_after = if turns.len() == limit { turns.last().map(|turn| turn.revision) } else { None };
    let page = HistoryView { turns: turns.iter().map(TurnView::of).collect(), next_after };
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(sorted_json(&mut response, &page))
}

/// What `PATCH /api/sessions/{id}` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The new name.
    name: String,
}

/// Gives a game another name.
pub async fn rename(
    request: HttpRequest,
    app: web::Data<App>,
    player: Player,
    id: Id,
    if_match: IfMatch,
    body: Json<Rename>,
) -> Answer {
    let name = clean_name(&body.0.name)?;
    app.work.pay(Some(player.0), app.limits.origin(&request), Price::CHECKPOINT)?;
    let listed = app.sessions.rename(player.0, *id, name, if_match.expected.clone()).await;
    let listed = listed.map_err(|error| if_match.explain(error.into()))?;
    Ok(json(&mut HttpResponse::Ok(), &SessionView::of(listed)))
}

/// Deletes a game for good.
pub async fn delete(app: web::Data<App>, player: Player, id: Id, if_match: IfMatch) -> Answer {
    let deleted = app.sessions.delete(player.0, *id, if_match.expected.clone()).await;
    deleted.map_err(|error| if_match.explain(error.into()))?;
    Ok(HttpResponse::NoContent().finish())
}
