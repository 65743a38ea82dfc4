//! What a handler answers with, and how its body is written.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::problem::Problem;

/// A response, or a refusal.
pub type Answer = Result<HttpResponse, Problem>;

/// A JSON body with its members in the order of their type, written into as much room as most of them need.
pub fn json(response: &mut HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    let mut bytes = Vec::with_capacity(4096);
    serde_json::to_writer(&mut bytes, body).expect("views have string keys, and are written into memory");
    response.content_type(ContentType::json()).body(bytes)
}

/// A JSON body with the members of every object in the order of their names, as these answers have always had them.
pub fn sorted_json(response: &mut HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    json(response, &serde_json::to_value(body).expect("views have string keys"))
}
