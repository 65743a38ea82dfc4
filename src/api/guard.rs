//! What stands before the calls: which names the server answers to, whose pages may use it, and what is read of a body.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_cors::{Cors, CorsError};
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderValue, ORIGIN, UPGRADE,
};
use actix_web::http::{ConnectionType, Version};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};
use futures_util::Stream;

use super::app::App;
use super::code::Code;
use super::connection::{Answering, Followed};
use super::news;
use super::problem::Problem;

/// What pages of listed origins may send, and what they may read besides bodies.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const HEADERS: [&str; 7] =
    ["Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "Last-Event-ID", "Prefer"];
const EXPOSED: [&str; 6] =
    ["ETag", "Location", "Preference-Applied", "Retry-After", "X-Session-Expired", "X-Session-Expired-Reason"];

/// Counts a request of an address for pages and content, which anybody may have.
pub async fn visit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    App::of(request.request())?.limits.visit(request.request())?;
    next.call(request).await
}

/// Lets requests through that name this server and come from its own pages, from those the admin has listed, or from no page.
pub async fn pass<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Followed<EitherBody<B>>>, Error> {
    let answering = Answering::begin(&request);
    let chunks = request.chunked().unwrap_or(true).then(|| Chunks::of(&mut request));
    let ends = chunks.is_none() && keep_to_length(&mut request);
    let mut response = match admit(&request) {
        Ok(()) => match news::catch_up(request.request()).await {
            Ok(()) => in_form(next.call(request).await?),
            Err(problem) => refusal(request.into_parts().0, &problem),
        },
        Err(problem) => refusal(request.into_parts().0, &problem),
    };
    if ends {
        // What follows the body would be taken for more of it.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some(answering) = &answering {
        answering.with(response.status());
    }
    let response = match chunks {
        None => response,
        Some(chunks) => response.map_body(|_, body| EitherBody::right(BoxBody::new(Held(body.boxed(), chunks)))),
    };
    Ok(response.map_body(|_, body| Followed::new(body, answering)))
}

/// actix takes all that follows for the body of whoever says `Upgrade: websocket`, whatever length they say it has. Where that means
/// nothing, the length does. Whether it was so.
fn keep_to_length(request: &mut ServiceRequest) -> bool {
    if request.path() == "/ws" || !wants_socket(request.headers()) {
        return false;
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse().ok());
    let payload = request.take_payload();
    request.set_payload(Payload::Stream { payload: Box::pin(Measured { payload, left: length.unwrap_or(0) }) });
    true
}

/// A body of a known length.
struct Measured {
    payload: Payload,
    left: usize,
}

impl Stream for Measured {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let next = Pin::new(&mut self.payload).poll_next(context);
        next.map(|next| {
            next.map(|bytes| {
                let mut bytes = bytes?;
                bytes.truncate(self.left);
                self.left -= bytes.len();
                Ok(bytes)
            })
        })
    }
}

fn refusal<B>(request: HttpRequest, problem: &Problem) -> ServiceResponse<EitherBody<B>> {
    ServiceResponse::new(request, problem.error_response()).map_into_right_body()
}

/// actix-cors refuses in plain text.
fn in_form<B: MessageBody>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    match response.response().error().and_then(|error| error.as_error::<CorsError>()) {
        None => response.map_into_left_body(),
        Some(error) => {
            let (methods, headers) = (METHODS.join(", "), HEADERS.join(", "));
            let detail = format!("{error}. Pages may send {methods}, with the headers {headers}.");
            let problem = Problem::new(Code::PreflightRefused, detail);
            refusal(response.into_parts().0, &problem)
        }
    }
}

/// A chunked body, which the answer holds too. One that nobody holds any more actix reads on, for as long as the client likes to send,
/// or to send nothing; one that is held and not at its end when the answer goes out makes it close the connection.
#[derive(Clone)]
struct Chunks(Rc<RefCell<Payload>>);

impl Chunks {
    fn of(request: &mut ServiceRequest) -> Self {
        let chunks = Self(Rc::new(RefCell::new(request.take_payload())));
        request.set_payload(Payload::Stream { payload: Box::pin(chunks.clone()) });
        chunks
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

struct Held(BoxBody, #[expect(dead_code, reason = "it is there to be held")] Chunks);

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.0.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.0).poll_next(context)
    }
}

fn admit(request: &ServiceRequest) -> Result<(), Problem> {
    let settings = &App::of(request.request())?.settings;
    let headers = request.headers();
    let known = |item: &[u8]| matches!(item.trim_ascii().to_ascii_lowercase().as_slice(), b"" | b"100-continue");
    if request.version() >= Version::HTTP_11
        && !headers.get_all(EXPECT).all(|line| line.as_bytes().split(|byte| *byte == b',').all(known))
    {
        return Err(Problem::new(
            Code::ExpectationFailed,
            "This server knows Expect: 100-continue, and nothing else. Send it without.",
        ));
    }
    // actix refuses two of them, and none but in HTTP/1.0, which no browser speaks.
    let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
    if host.is_some_and(|host| !is_known(host, &settings.hosts)) {
        return Err(Problem::new(
            Code::UnknownHost,
            "This server does not go by that name. Use its address; or its admin adds the name to `hosts`.",
        ));
    }
    let guarded = !request.method().is_safe() || is_preflight(request) || wants_socket(headers);
    if guarded && !headers.get_all(ORIGIN).all(|origin| may_use(origin, host, &settings.origins)) {
        return Err(Problem::new(
            Code::OriginForbidden,
            "Pages of that origin may not do this here. Use the server's own page; or its admin adds the origin to `origins`.",
        ));
    }
    Ok(())
}

/// The name in a `Host`, without port and brackets; none where it is not well formed.
pub fn host_name(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

/// A page can give its own name any address, also ours, and be the server's own page to the browser. It cannot be an address.
fn is_known(host: &str, hosts: &[String]) -> bool {
    host_name(host).is_some_and(|name| {
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || hosts.iter().any(|known| name.eq_ignore_ascii_case(known))
    })
}

/// A name that ends with a dot is whole already, and the same one.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn wants_socket(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        let words = value.to_str().unwrap_or_default();
        words.split(',').any(|word| word.trim().eq_ignore_ascii_case("websocket"))
    };
    headers.get_all(UPGRADE).any(named)
}

/// Whether pages of an origin may change something. The scheme does not count: a proxy may speak https for us.
fn may_use(origin: &HeaderValue, host: Option<&str>, origins: &[String]) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let own = host.is_some_and(|host| is_own(origin, host));
    own || origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
}

/// Whether an origin is that of a `Host`. Either of them may leave out a port that is the one of its scheme.
fn is_own(origin: &str, host: &str) -> bool {
    let Some((scheme, at)) = origin.split_once("://") else { return false };
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = |at: &str| match at.rsplit_once(':') {
        // The colons of a bare IPv6 address are not those of a port.
        Some((_, port)) if !port.ends_with(']') && !port.is_empty() => port.parse::<u16>().ok().map(Some),
        _ => Some(None),
    };
    let same_port = match (port(at), port(host)) {
        (Some(origin), Some(host)) => origin.or(usual) == host.or(usual),
        _ => false,
    };
    let same_name = match (host_name(at).map(without_dot), host_name(host).map(without_dot)) {
        (Some(origin), Some(host)) => match (origin.parse::<IpAddr>(), host.parse::<IpAddr>()) {
            (Ok(origin), Ok(host)) => origin == host,
            _ => !origin.is_empty() && origin.eq_ignore_ascii_case(host),
        },
        _ => false,
    };
    same_port && same_name
}

/// Answers to pages of the listed origins so that browsers let them read it.
pub fn cors(origins: &[String]) -> Cors {
    let rules = Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(HEADERS)
        .expose_headers(EXPOSED)
        .supports_credentials()
        .max_age(3600);
    origins.iter().fold(rules, |rules, origin| rules.allowed_origin(origin))
}

/// Whether it is a name for `hosts`: without scheme and port.
pub fn is_host(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Whether it is an origin as browsers write it, for `origins`: `scheme://host[:port]`.
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, at)) = text.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => ":",
    };
    let named = host_name(at).is_some_and(|name| is_host(name) || name.parse::<Ipv6Addr>().is_ok());
    let as_written =
        !text.bytes().any(|byte| byte.is_ascii_uppercase()) && !at.ends_with(':') && !at.ends_with(default_port);
    is_host(scheme) && named && as_written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_hosts_own_whatever_either_leaves_out() {
        for (origin, host) in [
            ("http://localhost", "localhost"),
            ("https://localhost", "localhost"),
            ("https://localhost", "localhost:443"),
            ("http://localhost", "localhost:80"),
            ("https://localhost:443", "localhost"),
            ("http://LOCALHOST:80", "localhost."),
            ("http://game.example.", "Game.Example:80"),
            ("http://localhost:8080", "localhost:8080"),
            ("http://[::1]", "[::1]:80"),
            ("http://[::1]:8080", "[0:0:0:0:0:0:0:1]:8080"),
            ("https://127.0.0.1", "127.0.0.1:443"),
        ] {
            assert!(is_own(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "localhost"),
            ("", ""),
            ("http://", ""),
            ("http://localhost", "localhost:443"),
            ("https://localhost", "localhost:80"),
            ("https://localhost:80", "localhost"),
            ("http://localhost:8081", "localhost:8080"),
            ("http://localhost", "localhost:8080"),
            ("http://localhost:8080", "localhost"),
            ("http://evil.example", "localhost"),
            ("http://localhost.evil.example", "localhost"),
            ("http://localhost@evil.example", "localhost"),
            ("http://[::1]", "[::2]"),
            ("http://localhost:80x", "localhost"),
            ("ftp://localhost:80", "localhost"),
        ] {
            assert!(!is_own(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn only_names_and_origins_as_browsers_write_them_can_be_configured() {
        for good in ["game.example", "nas", "a-b_c.local", "10.0.0.1"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "http://game.example", "game.example:80", "game.example/", "*.example", "spiel.\u{fc}", "::1"] {
            assert!(!is_host(bad), "{bad}");
        }
        for good in ["https://game.example", "http://localhost:3000", "https://game.example:8443", "http://[::1]:3000"]
        {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "game.example",
            "https://",
            "https://game.example/",
            "https://game.example/play",
            "https://Game.example",
            "https://game.example:443",
            "http://game.example:80",
            "https://a@game.example",
            "https://*.example",
            "https://game.example, https://other.example",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
