//! The calls for a player's saves.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::future::{Ready, ready};

use super::condition::{IfMatch, SlotCondition, etag, not_modified, wanted};
use super::extract::{IdempotencyKey, Json, MaybePlayer, Player, cookie};
use super::problem::Problem;
use super::sessions::{Answer, clean_name};
use super::view::{self, GameView, SlotView};
use super::{App, guard};
use crate::session::slots::{AUTOSAVE, SLOTS, tag};
use crate::session::{PlayerId, SessionError, SessionId};

/// A slot from the path: 0 to 4.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(u8);

impl FromRequest for Slot {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("slot").unwrap_or_default();
        // One digit: another spelling of a number is another name, and unknown.
        let number =
            text.parse().ok().filter(|number| text.len() == 1 && (*number == AUTOSAVE || SLOTS.contains(number)));
        let unknown = || {
            let [first, last] = [SLOTS.start(), SLOTS.end()];
            Problem::slot_not_found(format!("Slots are {first} to {last}, and {AUTOSAVE} is the game last played."))
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
        Err(Problem::slot_read_only(format!(
            "Slot {AUTOSAVE} is the game last played, as it stands. Use one of {} to {}.",
            SLOTS.start(),
            SLOTS.end()
        )))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    session_id: String,
}

impl Which {
    fn id(&self) -> Result<SessionId, Problem> {
        self.session_id.parse().map_err(|_| SessionError::NotFound.into())
    }
}

pub(super) async fn list(app: web::Data<App>, player: Player) -> Answer {
    let slots = app.registry.slots(player.0).await?;
    let slots: Vec<_> = slots.into_iter().map(|(number, save)| SlotView::of(number, save)).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "slots": slots })))
}

pub(super) async fn look(request: HttpRequest, app: web::Data<App>, player: Player, slot: Slot) -> Answer {
    let save = app.registry.slot(player.0, slot.0).await?;
    let tag = tag(&save);
    wanted(&request, &tag)?;
    let fresh = not_modified(&request, &tag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(etag(tag));
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if fresh { response.finish() } else { response.json(SlotView::of(slot.0, save)) })
}

pub(super) async fn save(
    app: web::Data<App>,
    player: Player,
    slot: Slot,
    condition: SlotCondition,
    body: Json<Which>,
) -> Answer {
    let save = app.registry.save(player.0, slot.writable()?, body.0.id()?, condition.check()).await?;
    Ok(HttpResponse::Ok().insert_header(etag(tag(&save))).json(SlotView::of(slot.0, save)))
}

pub(super) async fn clear(app: web::Data<App>, player: Player, slot: Slot, condition: SlotCondition) -> Answer {
    app.registry.clear(player.0, slot.writable()?, condition.check()).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn load(
    app: web::Data<App>,
    player: Player,
    slot: Slot,
    if_match: IfMatch,
    key: IdempotencyKey,
    body: Json<Which>,
) -> Answer {
    let loaded = app.registry.load_slot(player.0, slot.0, body.0.id()?, if_match.expected.clone(), key.0).await;
    let snapshot = loaded.map_err(|error| if_match.explain(error.into()))?;
    let mut response = HttpResponse::Ok();
    response.insert_header(etag(snapshot.event));
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(view::json(&mut response, &GameView::of(&snapshot)))
}

pub(super) async fn export(app: web::Data<App>, player: Player, slot: Slot) -> Answer {
    let save = app.registry.export(player.0, slot.0).await?;
    let file = format!("attachment; filename=\"cosmic-explorer-{}-turn-{}.json\"", slot.0, save.state.turn_count);
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    response.insert_header((CONTENT_DISPOSITION, file));
    Ok(response.json(save))
}

pub(super) async fn import(
    request: HttpRequest,
    app: web::Data<App>,
    player: MaybePlayer,
    slot: Slot,
    condition: SlotCondition,
    key: IdempotencyKey,
    body: Json<Value>,
) -> Answer {
    let number = slot.writable()?;
    let key = key.of(&player)?;
    if player.0.is_none() {
        guard::connect(&request, &app)?;
    }
    let mut proven = app.registry.prove(body.0).await?;
    proven.rename(clean_name(proven.name())?);
    let registry = &app.registry;
    let (owner, token) = match player.0 {
        Some((player, _)) => (player, None),
        None => {
            let owner = PlayerId::fresh();
            (owner, Some(registry.mint(owner)))
        }
    };
    let save = registry.import(owner, number, proven, condition.check(), key).await?;
    let mut response = HttpResponse::Created();
    response.insert_header(etag(tag(&save)));
    let mut body = json!(SlotView::of(number, save));
    if let Some(token) = token {
        response.cookie(cookie(&request, &app, &token));
        body["token"] = token.reveal().into();
    }
    Ok(response.json(body))
}
