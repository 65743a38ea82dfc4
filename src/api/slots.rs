//! The calls for a player's saves.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, web};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

use super::answer::{Answer, json, sorted_json};
use super::app::App;
use super::code::Code;
use super::condition::{IfMatch, SlotCondition, etag, not_modified, require_match};
use super::extract::{IdempotencyKey, Json, MaybePlayer, Player, body, clean_name, cookie};
use super::json::parse;
use super::problem::Problem;
use super::view::slot::{ImportedView, SlotView, SlotsView};
use super::view::state::GameView;
use super::work::{Price, Turn};
use crate::model::{AUTOSAVE, PlayerId, SLOTS, SessionId};
use crate::session::SessionError;
use crate::session::saves::{Resumed, tag};

/// A slot from the path: 0 to 4.
#[derive(Clone, Copy, Debug)]
pub struct Slot(u8);

impl FromRequest for Slot {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("n").unwrap_or_default();
        // One digit: another spelling of a number is another name, and unknown.
        let number =
            text.parse().ok().filter(|number| text.len() == 1 && (*number == AUTOSAVE || SLOTS.contains(number)));
        let unknown = || {
            let [first, last] = [SLOTS.start(), SLOTS.end()];
            Problem::new(
                Code::SlotNotFound,
                format!("Slots are {first} to {last}, and {AUTOSAVE} is the game last played."),
            )
        };
        ready(number.map(Self).ok_or_else(unknown))
    }
}

impl Slot {
    /// The slot, if it can be written.
    fn writable(self) -> Result<u8, Problem> {
        if self.0 != AUTOSAVE {
            return Ok(self.0);
        }
        Err(Problem::new(
            Code::SlotReadOnly,
            format!(
                "Slot {AUTOSAVE} is the game last played, as it stands. Use one of {} to {}.",
                SLOTS.start(),
                SLOTS.end()
            ),
        ))
    }
}

/// Names the session of a save or load.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its id.
    session_id: String,
}

impl Which {
    fn id(&self) -> Result<SessionId, Problem> {
        self.session_id.parse().map_err(|_| SessionError::NotFound.into())
    }
}

/// A player's saves.
pub async fn list(request: HttpRequest, app: web::Data<App>, player: Player) -> Answer {
    app.work.pay(Some(player.0), app.limits.origin(&request), Price::LIST)?;
    let slots = app.saves.list(player.0).await?;
    let slots = slots.into_iter().map(|(number, save)| SlotView::of(number, save)).collect();
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(sorted_json(&mut response, &SlotsView { slots }))
}

/// A save.
pub async fn look(request: HttpRequest, app: web::Data<App>, player: Player, slot: Slot) -> Answer {
    app.work.pay(Some(player.0), app.limits.origin(&request), Price::LIST)?;
    let save = app.saves.look(player.0, slot.0).await?;
    let tag = tag(&save);
    require_match(&request, &tag)?;
    let fresh = not_modified(&request, &tag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(etag(tag));
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if fresh { response.finish() } else { json(&mut response, &SlotView::of(slot.0, save)) })
}

/// Saves a game as it stands.
pub async fn save(
    request: HttpRequest,
    app: web::Data<App>,
    player: Player,
    slot: Slot,
    condition: SlotCondition,
    body: Json<Which>,
) -> Answer {
    let (number, from) = (slot.writable()?, app.limits.origin(&request));
    let over = app.saves.has(player.0, number);
    app.work.pay(Some(player.0), from, Price::CHECKPOINT)?;
    let save = app.saves.save(player.0, number, body.0.id()?, condition.check()).await?;
    app.work.charge(Some(player.0), from, Price::save(save.history.len(), over));
    Ok(json(HttpResponse::Ok().insert_header(etag(tag(&save))), &SlotView::of(slot.0, save)))
}

/// Empties a slot.
pub async fn clear(
    request: HttpRequest,
    app: web::Data<App>,
    player: Player,
    slot: Slot,
    condition: SlotCondition,
) -> Answer {
    app.work.pay(Some(player.0), app.limits.origin(&request), Price::CHECKPOINT)?;
    app.saves.clear(player.0, slot.writable()?, condition.check()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A save takes the place of a game's state.
pub async fn load(
    request: HttpRequest,
    app: web::Data<App>,
    player: Player,
    slot: Slot,
    if_match: IfMatch,
    key: IdempotencyKey,
    body: Json<Which>,
) -> Answer {
    let from = app.limits.origin(&request);
    app.work.pay(Some(player.0), from, Price::CHECKPOINT)?;
    let loaded = app.saves.load(player.0, slot.0, body.0.id()?, if_match.expected.clone(), key.0).await;
    let Resumed { snapshot, steps } = loaded.map_err(|error| if_match.explain(error.into()))?;
    app.work.charge(Some(player.0), from, Price::load(steps));
    let mut response = HttpResponse::Ok();
    response.insert_header(etag(snapshot.event));
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(json(&mut response, &GameView::of(&snapshot)))
}

/// A save as a file, with the whole game from its beginning.
pub async fn export(request: HttpRequest, app: web::Data<App>, player: Player, slot: Slot) -> Answer {
    let from = app.limits.origin(&request);
    app.work.pay(Some(player.0), from, Price::LIST)?;
    let save = app.saves.export(player.0, slot.0).await?;
    app.work.charge(Some(player.0), from, Price::steps(save.history.len()));
    let file = format!("attachment; filename=\"cosmic-explorer-{}-turn-{}.json\"", slot.0, save.state.turn_count);
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    response.insert_header((CONTENT_DISPOSITION, file));
    Ok(json(&mut response, &save))
}

/// Takes such a file, after playing it again.
pub async fn import(
    request: HttpRequest,
    app: web::Data<App>,
    player: MaybePlayer,
    slot: Slot,
    condition: SlotCondition,
    key: IdempotencyKey,
    file: File,
) -> Answer {
    let number = slot.writable()?;
    let key = key.of(&player)?;
    let known = player.0.map(|(player, _)| player);
    if known.is_none() {
        app.limits.connect(&request)?;
    }
    let from = app.limits.origin(&request);
    let File { bytes, turn } = file;
    app.work.pay(known, from, Price::proof(bytes.len(), 0))?;
    let mut proven = app.saves.prove(bytes).await?;
    // It is as large as a save now.
    drop(turn);
    app.work.charge(known, from, Price::proof(0, proven.steps()));
    proven.rename(clean_name(proven.name())?);
    let (owner, token) = match known {
        Some(player) => (player, None),
        None => {
            let owner = PlayerId::fresh();
            (owner, Some(app.tokens.mint(owner)))
        }
    };
    let save = app.saves.import(owner, number, proven, condition.check(), key).await?;
    app.work.charge(known, from, Price::save(save.history.len(), false));
    let mut response = HttpResponse::Created();
    response.insert_header(etag(tag(&save)));
    let mut body = ImportedView { slot: SlotView::of(number, save), token: None };
    if let Some(token) = token {
        response.cookie(cookie(&request, &app, &token));
        body.token = Some(token.reveal().to_owned());
    }
    Ok(sorted_json(&mut response, &body))
}

/// A file that a client brings, and the turn to bring it: one of an address at a time, and few in all, so that what is made of them
/// has a bound. It is JSON.
pub struct File {
    bytes: web::Bytes,
    turn: Turn,
}

impl FromRequest for File {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = match App::of(request) {
            Ok(app) => app.clone(),
            Err(problem) => return Box::pin(ready(Err(problem))),
        };
        let (request, mut payload) = (request.clone(), payload.take());
        let seconds = app.settings.body_secs;
        Box::pin(async move {
            let came = timeout(Duration::from_secs(seconds), async {
                let turn = app.work.turn(app.limits.origin(&request)).await;
                (body(&request, &mut payload).await, turn)
            });
            let (bytes, turn) = came.await.map_err(|_| {
                Problem::new(Code::BodyTimeout, format!(
                    "The file did not come within {seconds} s, or others of your address were read all the time. Send it again, all at \
                     once and one at a time."
                ))
                .retry_after(1)
            })?;
            let bytes = bytes?;
            // What is no JSON is refused as everywhere.
            parse::<IgnoredAny>(&bytes)?;
            Ok(Self { bytes, turn })
        })
    }
}
