//! The content of games, for clients to show them with.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::{Answer, sorted_json};
use super::app::App;
use super::code::Code;
use super::condition::{etag, not_modified};
use super::problem::Problem;
use super::view::content::ContentView;

/// That of new games.
pub async fn present(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let content = app.contents.present();
    let fresh = not_modified(&request, &content.hash);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(etag(&content.hash));
    response.insert_header((CACHE_CONTROL, "public, no-cache"));
    if fresh { response.finish() } else { sorted_json(&mut response, &ContentView::of(content)) }
}

/// That of a game, by its hash. It never changes.
pub async fn by_hash(app: web::Data<App>, hash: web::Path<String>) -> Answer {
    let content = app.contents.find(hash.into_inner()).await?;
    let Some(content) = content else {
        return Err(Problem::new(
            Code::ContentNotFound,
            "No game here was begun with this content. GET /api/content has the present one.",
        ));
    };
    let mut response = HttpResponse::Ok();
    response.insert_header(etag(&content.hash));
    response.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    Ok(sorted_json(&mut response, &ContentView::of(&content)))
}
