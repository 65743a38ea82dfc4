//! What handlers take from a request: a JSON body, a player, a session's id, an idempotency key. Whatever is wrong with one of them
//! is refused here, so that handlers only see what is right.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::app::App;
use super::code::Code;
use super::json::parse;
use super::problem::Problem;
use crate::model::{Nonce, PlayerId, SessionId};
use crate::session::SessionError;
use crate::session::name;
use crate::session::outbox::Role;
use crate::session::token::{Claims, LIFE_SECS, Token};

/// The cookie that carried a player's token before each server had one of its own. Browsers have one jar for all ports of a host, so
/// it may be another server's: it counts only where it is good.
const OLD_COOKIE: &str = "cosmic";

/// A JSON body. Nothing at all counts as `{}`.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut payload = payload.take();
        let request = request.clone();
        let seconds = App::of(&request).map_or(0, |app| app.settings.body_secs);
        Box::pin(async move {
            let body = timeout(Duration::from_secs(seconds), body(&request, &mut payload));
            let late = |_| {
                Problem::new(
                    Code::BodyTimeout,
                    format!("The body did not come within {seconds} s. Send it again, all at once."),
                )
            };
            parse(&body.await.map_err(late)??).map(Self)
        })
    }
}

/// The bytes of a body that is said to be JSON. Nothing at all counts as `{}`.
pub async fn body(request: &HttpRequest, payload: &mut Payload) -> Result<web::Bytes, Problem> {
    let declared = request.headers().get_all(CONTENT_TYPE).map(is_json).reduce(|all, each| all && each);
    let body = web::Bytes::from_request(request, payload).await.map_err(|error| body_problem(&error))?;
    if body.is_empty() {
        return Ok(web::Bytes::from_static(b"{}"));
    }
    // A page of another site can send any body, but none that is declared to be JSON.
    if declared != Some(true) {
        return Err(Problem::new(Code::JsonRequired, "Send the body as Content-Type: application/json, in UTF-8."));
    }
    Ok(body)
}

/// JSON has one encoding; a body that says it has another is not read as if it had that one.
fn is_json(value: &HeaderValue) -> bool {
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = charset.trim().trim_matches('"');
            ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
        }
        _ => true,
    })
}

fn body_problem(error: &actix_web::Error) -> Problem {
    if let Some(PayloadError::Overflow) = error.as_error() {
        return Problem::new(Code::BodyTooLarge, "The body is larger than this server takes.");
    }
    if error.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(Code::BodyTooLarge, "The body is larger than this server takes.");
    }
    Problem::new(Code::BadBody, "The body could not be read to its end. Send it again.")
}

/// The player who asks, if a token came, with the token.
#[derive(Clone, Copy, Debug)]
pub struct MaybePlayer(pub Option<(PlayerId, Credentials)>);

/// The request was counted towards its player's limit.
pub struct Counted;

/// A good token, and how it came.
#[derive(Clone, Copy, Debug)]
pub struct Credentials {
    /// What it says.
    pub claims: Claims,
    /// Whether it came as a cookie.
    pub as_cookie: bool,
    /// The cookie is the one that all servers of a host shared.
    pub old: bool,
}

impl FromRequest for MaybePlayer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let player = |credentials: Credentials| Ok((credentials.claims.player()?, credentials));
        ready(credentials(request).and_then(|credentials| credentials.map(player).transpose()).map(Self))
    }
}

/// The player who asks for what is open to everybody, if a token came. Counted for the player, or for the address where none came.
#[derive(Clone, Copy, Debug)]
pub struct OptionalPlayer(pub Option<PlayerId>);

impl FromRequest for OptionalPlayer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let player = |credentials: Option<Credentials>| match credentials {
            Some(credentials) => Ok(Some(credentials.claims.player()?)),
            None => App::of(request)?.limits.stranger(request).map(|()| None),
        };
        ready(credentials(request).and_then(player).map(Self))
    }
}

/// The token of a request. Header before cookie, and of several the first that is good. A bad token is never a new player; a good
/// one counts towards the player's limit.
pub fn credentials(request: &HttpRequest) -> Result<Option<Credentials>, Problem> {
    let app = App::of(request)?;
    // None where nothing is there; a bad one where nothing else is.
    let of = |texts: Vec<&str>| {
        let mut checked = texts.into_iter().map(|text| app.tokens.check(text)).peekable();
        checked.peek()?;
        Some(checked.find_map(Result::ok))
    };
    let (claims, as_cookie, old) = match of(bearers(request)) {
        Some(claims) => (claims, false, false),
        None => match of(cookies(request, &app.cookie)) {
            Some(claims) => (claims, true, false),
            None => match of(cookies(request, OLD_COOKIE)).flatten() {
                Some(claims) => (Some(claims), true, true),
                None => return Ok(None),
            },
        },
    };
    let claims = claims.ok_or_else(|| Problem::from(SessionError::BadToken))?;
    if !request.extensions().contains::<Counted>() {
        app.limits.request(claims.bearer)?;
    }
    Ok(Some(Credentials { claims, as_cookie, old }))
}

/// The values of all cookies of a name. By hand, because actix gives up all of them for one byte that is not UTF-8, which any
/// other program of the host may have put into one of its own.
fn cookies<'a>(request: &'a HttpRequest, name: &str) -> Vec<&'a str> {
    let pairs = request.headers().get_all(COOKIE).flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        (found == name.as_bytes()).then(|| std::str::from_utf8(value).unwrap_or_default())
    });
    values.collect()
}

/// The cookie that brings a player back.
pub fn cookie<'a>(request: &HttpRequest, app: &App, token: &Token) -> Cookie<'a> {
    let mut cookie = cookie_of(request, app.cookie.clone(), token.reveal().to_owned());
    cookie.set_max_age(time::Duration::seconds(LIFE_SECS));
    cookie
}

/// What takes away the cookies that brought a player here, as far as they are this server's: its own, when that is no good any more
/// (or none came, and `revoked`); and the old one only where it `was_ours`.
pub fn no_cookies<'a>(request: &HttpRequest, revoked: bool, was_ours: bool) -> Result<Vec<Cookie<'a>>, Problem> {
    let app = App::of(request)?;
    let own = cookies(request, &app.cookie);
    let useless = if own.is_empty() { revoked } else { own.iter().all(|token| app.tokens.check(token).is_err()) };
    let gone = [(app.cookie.as_str(), useless), (OLD_COOKIE, was_ours && old_cookie(request)?.is_none())];
    let gone = gone.into_iter().filter(|(_, gone)| *gone).map(|(name, _)| {
        let mut cookie = cookie_of(request, name.to_owned(), String::new());
        cookie.make_removal();
        cookie
    });
    Ok(gone.collect())
}

/// What the cookie says that all servers of a host shared, if it is good here.
pub fn old_cookie(request: &HttpRequest) -> Result<Option<Claims>, Problem> {
    let app = App::of(request)?;
    Ok(cookies(request, OLD_COOKIE).into_iter().find_map(|token| app.tokens.check(token).ok()))
}

fn cookie_of<'a>(request: &HttpRequest, name: String, value: String) -> Cookie<'a> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(request.connection_info().scheme() == "https")
        .finish()
}

/// The tokens of `Authorization: Bearer` headers. What other schemes bring is for others: a proxy in front asks for a password, say.
pub fn bearers(request: &HttpRequest) -> Vec<&str> {
    // Some proxies put two headers into one, with a comma, which no token has.
    let parts = request.headers().get_all(AUTHORIZATION).flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let tokens = parts.filter_map(|part| {
        let part = part.trim_ascii();
        let end = part.iter().position(u8::is_ascii_whitespace).unwrap_or(part.len());
        let (scheme, token) = part.split_at(end);
        let bearer = scheme.strip_suffix(b":").unwrap_or(scheme).eq_ignore_ascii_case(b"bearer");
        bearer.then(|| std::str::from_utf8(token.trim_ascii()).unwrap_or_default())
    });
    tokens.collect()
}

/// The player who asks, and which of their tokens they came with. The permission is in the type: a handler that takes a `Player` is for
/// players only.
#[derive(Clone, Copy, Debug)]
pub struct Player(pub PlayerId, pub Nonce);

impl FromRequest for Player {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let player = |credentials: Option<Credentials>| {
            let claims = credentials.ok_or_else(Self::required)?.claims;
            Ok(Self(claims.player()?, claims.nonce))
        };
        ready(credentials(request).and_then(player))
    }
}

impl Player {
    /// The refusal where no token came.
    pub fn required() -> Problem {
        Problem::new(
            Code::TokenRequired,
            "Send your token as Authorization: Bearer, or as the cookie. POST /api/sessions gives a new player one.",
        )
    }
}

/// The owner of the session in the path, and whether the owner looks at it or somebody with a token to watch it.
#[derive(Clone, Copy, Debug)]
pub struct Viewer(pub PlayerId, pub Role);

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(viewer(request).map(|(owner, role)| Self(owner, role)))
    }
}

fn viewer(request: &HttpRequest) -> Result<(PlayerId, Role), Problem> {
    let claims = credentials(request)?.ok_or_else(Player::required)?.claims;
    let app = App::of(request)?;
    let id = session_id(request).ok_or(SessionError::NotFound)?;
    Ok(app.sessions.admit(&claims, id)?)
}

fn session_id(request: &HttpRequest) -> Option<SessionId> {
    request.match_info().get("id").and_then(|id| id.parse().ok())
}

/// A session's id from the path. What is no id is no session.
#[derive(Clone, Copy, Debug)]
pub struct Id(pub SessionId);

impl FromRequest for Id {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(session_id(request).map(Self).ok_or_else(|| SessionError::NotFound.into()))
    }
}

/// The name of a game as it will be shown.
pub fn clean_name(name: &str) -> Result<String, Problem> {
    name::accept(name).ok_or_else(|| {
        let detail =
            format!("A name has 1 to {} visible characters, and {} bytes at the most.", name::LONGEST, name::MAX_BYTES);
        Problem::new(Code::BadName, detail)
    })
}

const KEY: &str = "idempotency-key";

/// Characters of an idempotency key at the most.
pub const MAX_KEY: usize = 64;

/// Whether a text can be an idempotency key.
pub fn is_key(text: &str) -> bool {
    (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The client's own name for a request, from `Idempotency-Key`. Repeated under the same name, it is not done twice.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut lines = request.headers().get_all(KEY);
        let Some(header) = lines.next() else { return ready(Ok(Self(None))) };
        if lines.next().is_some() {
            return ready(Err(Problem::new(
                Code::BadHeader,
                "A request has one Idempotency-Key. Send one line of it.",
            )));
        }
        let key = header.to_str().ok().filter(|key| is_key(key));
        let bad = || {
            Problem::new(Code::BadHeader, format!("An Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters."))
        };
        ready(key.map(|key| Self(Some(key.to_owned()))).ok_or_else(bad))
    }
}

impl IdempotencyKey {
    /// The key of a request that makes a new player where none is known. There it takes none: two strangers who use the same key cannot
    /// be told apart.
    pub fn of(self, player: &MaybePlayer) -> Result<Option<String>, Problem> {
        if self.0.is_some() && player.0.is_none() {
            return Err(Problem::new(
                Code::KeyWithoutPlayer,
                "Without a token nobody can tell your Idempotency-Key from another stranger's. Begin once without a key; with the \
                 token of the answer keys hold.",
            ));
        }
        Ok(self.0)
    }
}

/// A request that is not known again by a key. A key that came is refused, because it would be passed over.
#[derive(Clone, Copy, Debug)]
pub struct NoKey;

impl FromRequest for NoKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let keyed = request.headers().contains_key(KEY);
        let refused = || {
            Problem::new(
                Code::BadHeader,
                "This call takes no Idempotency-Key: it can be repeated without. Send it without.",
            )
        };
        ready(if keyed { Err(refused()) } else { Ok(Self) })
    }
}

impl Deref for Id {
    type Target = SessionId;
    fn deref(&self) -> &SessionId {
        &self.0
    }
}
