//! Every address the server answers. Routes are registered from this table, `GET /api` lists it, and documents are made of it.

use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, PayloadConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::sorted_json;
use super::app::App;
use super::code::Code;
use super::endpoint::{Endpoint, Operation, at};
use super::explain::clip;
use super::problem::Problem;
use super::view::admin::{ConfigView, ResidentsView, StatsView};
use super::view::board::{BoardView, TodayView};
use super::view::content::ContentView;
use super::view::map::MapView;
use super::view::offers::OffersView;
use super::view::server::{HealthView, IndexView, VersionView};
use super::view::session::{InvitationView, SessionView, SessionsView};
use super::view::slot::{ImportedView, SlotView, SlotsView};
use super::view::state::GameView;
use super::view::turn::{ActedView, HistoryView};
use super::{admin, assets, challenge, content, health, sessions, slots, socket, stream, tokens};
use crate::game::action::Action;
use crate::model::{Replay, Save};

/// All of them, in the order of `GET /api`.
fn all() -> Vec<Endpoint> {
    [games(), saves(), boards(), server(), admins(), page()].into_iter().flatten().collect()
}

fn games() -> Vec<Endpoint> {
    vec![
        at("/api/sessions")
            .get(sessions::list, "Lists your games.")
            .gives::<SessionsView>(200)
            .post(sessions::create, "Begins a game, and makes a new player where no token came.")
            .takes::<sessions::NewSession>()
            .gives::<GameView>(201),
        at("/api/sessions/{id}")
            .get(sessions::look, "The state of a game.")
            .gives::<GameView>(200)
            .gives_no_json(304)
            .patch(sessions::rename, "Gives a game another name.")
            .takes::<sessions::Rename>()
            .gives::<SessionView>(200)
            .delete(sessions::delete, "Deletes a game for good.")
            .gives_no_json(204),
        at("/api/sessions/{id}/map")
            .get(sessions::map, "What you know of the star map.")
            .gives::<MapView>(200)
            .gives_no_json(304),
        at(TURNS)
            .get(sessions::actions, "What can be done now, at what cost and with what odds; and why the rest cannot.")
            .gives::<OffersView>(200)
            .gives_no_json(304)
            .post(sessions::act, "Takes an action. The turn is on disk when this answers.")
            .takes::<Action>()
            .gives::<ActedView>(200),
        at("/api/sessions/{id}/turns")
            .get(
                sessions::turns,
                "A page of the history; with format=replay the whole of a finished game, to be played again.",
            )
            .gives::<HistoryView>(200)
            .gives::<Replay>(200),
        at("/api/sessions/{id}/events").stream(stream::events, "The events of a game as a stream.").gives_no_json(200),
        at("/api/sessions/{id}/observers")
            .post(tokens::invite, "Lets others watch a game.")
            .takes::<tokens::Nothing>()
            .gives::<InvitationView>(201),
        at("/ws").stream(socket::open, "A WebSocket: a new game, or one that goes on.").gives_no_json(101),
        at("/api/logout")
            .post(tokens::logout, "Revokes all your tokens, for good, and takes the cookie away.")
            .takes::<tokens::Nothing>()
            .gives_no_json(204),
    ]
}

fn saves() -> Vec<Endpoint> {
    vec![
        at("/api/slots").get(slots::list, "Lists your saves.").gives::<SlotsView>(200),
        at("/api/slots/{n}")
            .get(slots::look, "A save.")
            .gives::<SlotView>(200)
            .gives_no_json(304)
            .put(slots::save, "Saves a game as it stands.")
            .takes::<slots::Which>()
            .gives::<SlotView>(200)
            .delete(slots::clear, "Empties a slot.")
            .gives_no_json(204),
        at("/api/slots/{n}/load")
            .post(slots::load, "The save takes the place of a game's state.")
            .takes::<slots::Which>()
            .gives::<GameView>(200),
        at("/api/slots/{n}/export")
            .get(slots::export, "The save as a file, with the whole game from its beginning.")
            .gives::<Save>(200),
        at("/api/slots/{n}/import")
            .post(slots::import, "Takes such a file, after playing it again.")
            .takes::<Save>()
            .gives::<ImportedView>(201)
            .takes_files(),
    ]
}

fn boards() -> Vec<Endpoint> {
    vec![
        at("/api/challenge").get(challenge::today, "The challenge of the day.").gives::<TodayView>(200),
        at("/api/leaderboard").get(challenge::board, "A board, best game first.").gives::<BoardView>(200),
        at("/api/leaderboard/{date}/{difficulty}/{rank}/replay")
            .get(challenge::replay, "The game of an entry, to be played again, once its day is over.")
            .gives::<Replay>(200),
    ]
}

fn server() -> Vec<Endpoint> {
    vec![
        at("/api/content")
            .get(content::present, "Ships, modules, items and places of new games.")
            .gives::<ContentView>(200)
            .gives_no_json(304)
            .counts_visits(),
        at("/api/content/{hash}")
            .get(content::by_hash, "Those of a game, which never change.")
            .gives::<ContentView>(200)
            .counts_visits(),
        at("/health").get(health::health, "Whether the server runs.").gives::<HealthView>(200),
        at("/ready").get(health::ready, "Whether it serves games.").gives::<HealthView>(200).gives::<HealthView>(503),
        at("/version").get(health::version, "Which server it is.").gives::<VersionView>(200),
        at("/api").get(index, "What addresses there are.").gives::<IndexView>(200),
        at("/api/").get(index, "The same.").gives::<IndexView>(200).unlisted(),
    ]
}

fn admins() -> Vec<Endpoint> {
    vec![
        at("/stats").get(admin::stats, "Figures.").gives::<StatsView>(200).unlisted(),
        at("/sessions").get(admin::residents, "The games in memory.").gives::<ResidentsView>(200).unlisted(),
        at("/api/admin/config")
            .get(admin::config, "The settings in force that can be changed.")
            .gives::<ConfigView>(200)
            .patch(admin::change_config, "Changes them until the next start.")
            .takes::<admin::ConfigChange>()
            .gives::<ConfigView>(200)
            .unlisted(),
    ]
}

fn page() -> Vec<Endpoint> {
    let files = [
        at("/").get(assets::index, "The browser game."),
        at("/{folder:css|js|img}/{name:.+}").get(assets::file, "Its files."),
        at("/{name:favicon\\.ico|robots\\.txt|manifest\\.webmanifest}")
            .get(assets::beside, "Files that are looked for."),
    ];
    files.into_iter().map(|file| file.gives_no_json(200).gives_no_json(304).counts_visits().unlisted()).collect()
}

/// Where turns are taken.
const TURNS: &str = "/api/sessions/{id}/actions";

/// The calls of the API, as documents describe them.
pub fn operations() -> Vec<Operation> {
    let listed = all().into_iter().filter(Endpoint::is_listed);
    listed.flat_map(|endpoint| endpoint.operations().cloned().collect::<Vec<_>>()).collect()
}

/// Makes them known to actix, with what they need.
pub fn register(config: &mut ServiceConfig, app: &web::Data<App>) {
    config.app_data(app.clone()).app_data(PayloadConfig::new(app.settings.body_bytes));
    // Addresses are tried in this order, so first what is asked for most.
    let (most, rest): (Vec<_>, Vec<_>) = all().into_iter().partition(|endpoint| endpoint.path() == TURNS);
    for endpoint in most.into_iter().chain(rest) {
        endpoint.register(config, &app.settings);
    }
    config.default_service(web::to(nothing_here));
}

async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if request.method() == Method::OPTIONS && request.path() == "*" {
        return Ok(HttpResponse::NoContent().finish());
    }
    let path = clip(request.path());
    let detail = format!("There is nothing at {path}. The game is at /, and GET /api says what else there is.");
    Err(Problem::new(Code::NotFound, detail))
}

/// Where everything is.
async fn index() -> HttpResponse {
    static ADDRESSES: LazyLock<Vec<&str>> =
        LazyLock::new(|| all().iter().filter(|endpoint| endpoint.is_listed()).map(Endpoint::path).collect());
    let index = IndexView {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        addresses: &ADDRESSES,
        help: "OPTIONS says which methods an address takes. POST /api/sessions begins a game.",
    };
    sorted_json(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")), &index)
}
