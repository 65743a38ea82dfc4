//! An address and what it answers: its route and its document, declared together.

use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::from_fn;
use actix_web::web::{self, PayloadConfig, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route};

use super::guard::visit;
use super::problem::Problem;
use super::settings::Settings;

/// A call, as documents describe it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its method. GET answers HEAD too, except where the answer does not end.
    pub method: Method,
    /// Its address; parts in braces stand for values.
    pub path: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The type of the body it takes.
    pub takes: Option<&'static str>,
    /// The statuses it answers with where nothing is wrong, and the type of the body of each.
    pub gives: Vec<(u16, Option<&'static str>)>,
}

/// An address. It answers OPTIONS with the methods it takes, and refuses every other one.
pub struct Endpoint {
    path: &'static str,
    calls: Vec<(Operation, Route)>,
    /// The methods, as `Allow` names them.
    allowed: Vec<&'static str>,
    is_listed: bool,
    counts_visits: bool,
    takes_files: bool,
}

/// An address that takes nothing yet.
pub fn at(path: &'static str) -> Endpoint {
    Endpoint { path, calls: Vec::new(), allowed: Vec::new(), is_listed: true, counts_visits: false, takes_files: false }
}

/// The name of a type, without its module and what it is generic over.
fn name_of<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

impl Endpoint {
    /// GET, and HEAD.
    pub fn get<F, Args>(self, handler: F, summary: &'static str) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(Any(Get()).or(Head())).to(handler);
        self.call(Method::GET, &["GET", "HEAD"], route, summary)
    }

    /// GET whose answer does not end: there is no HEAD of it.
    pub fn stream<F, Args>(self, handler: F, summary: &'static str) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.call(Method::GET, &["GET"], web::get().to(handler), summary)
    }

    /// POST.
    pub fn post<F, Args>(self, handler: F, summary: &'static str) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.call(Method::POST, &["POST"], web::post().to(handler), summary)
    }

    /// PUT.
    pub fn put<F, Args>(self, handler: F, summary: &'static str) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.call(Method::PUT, &["PUT"], web::put().to(handler), summary)
    }

    /// PATCH.
    pub fn patch<F, Args>(self, handler: F, summary: &'static str) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.call(Method::PATCH, &["PATCH"], web::patch().to(handler), summary)
    }

    /// DELETE.
    pub fn delete<F, Args>(self, handler: F, summary: &'static str) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.call(Method::DELETE, &["DELETE"], web::delete().to(handler), summary)
    }

    fn call(mut self, method: Method, allowed: &[&'static str], route: Route, summary: &'static str) -> Self {
        let operation = Operation { method, path: self.path, summary, takes: None, gives: Vec::new() };
        self.calls.push((operation, route));
        self.allowed.extend(allowed);
        self
    }

    /// The call before takes a body of this type.
    pub fn takes<T>(mut self) -> Self {
        if let Some((operation, _)) = self.calls.last_mut() {
            operation.takes = Some(name_of::<T>());
        }
        self
    }

    /// The call before answers with a body of this type.
    pub fn gives<T>(self, status: u16) -> Self {
        self.answers(status, Some(name_of::<T>()))
    }

    /// The call before answers with no JSON: with nothing, or in another form.
    pub fn gives_no_json(self, status: u16) -> Self {
        self.answers(status, None)
    }

    fn answers(mut self, status: u16, body: Option<&'static str>) -> Self {
        if let Some((operation, _)) = self.calls.last_mut() {
            operation.gives.push((status, body));
        }
        self
    }

    /// It is for browsers, admins, or habit: `GET /api` and documents have nothing of it.
    pub fn unlisted(mut self) -> Self {
        self.is_listed = false;
        self
    }

    /// Anybody may have it: each address is counted.
    pub fn counts_visits(mut self) -> Self {
        self.counts_visits = true;
        self
    }

    /// Its body is a file, and may be larger than others.
    pub fn takes_files(mut self) -> Self {
        self.takes_files = true;
        self
    }

    /// The address.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Whether `GET /api` and documents have it.
    pub fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// Its calls, as documents describe them.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.calls.iter().map(|(operation, _)| operation)
    }

    /// Makes it known to actix.
    pub fn register(self, config: &mut ServiceConfig, settings: &Settings) {
        let mut resource = web::resource(self.path);
        for (_, route) in self.calls {
            resource = resource.route(route);
        }
        if self.takes_files {
            resource = resource.app_data(PayloadConfig::new(settings.import_bytes));
        }
        let resource = otherwise(resource, [&self.allowed[..], &["OPTIONS"]].concat().join(", "));
        if self.counts_visits {
            config.service(resource.wrap(from_fn(visit)));
        } else {
            config.service(resource);
        }
    }
}

/// Answers the methods that have no route.
fn otherwise(resource: Resource, allowed: String) -> Resource {
    resource.default_service(web::to(move |method: Method| {
        let allowed = allowed.clone();
        async move {
            if method == Method::OPTIONS {
                return Ok(HttpResponse::NoContent().insert_header((ALLOW, allowed)).finish());
            }
            Err(Problem::allow(&allowed))
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::state::GameView;

    #[test]
    fn a_type_has_its_short_name() {
        assert_eq!(name_of::<GameView<'_>>(), "GameView");
        assert_eq!(name_of::<u8>(), "u8");
    }
}
