//! Every refusal of the API: RFC 9457 problem details with a stable code and a hint. One table says which status a code has.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::json::tame;
use crate::model::{Departure, Refusal, Unproven};
use crate::session::SessionError;
use crate::store::StoreError;

/// A refusal on its way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    status: u16,
    code: String,
    detail: String,
    /// Further members, such as `revision`.
    more: Map<String, Value>,
    headers: Vec<(&'static str, String)>,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal;)*) => {
        impl Problem {$(
            $(#[$doc])*
            pub fn $name<T: Into<String>>(detail: T) -> Self {
                Self::new($status, $code, detail)
            }
        )*}
    };
}

problems! {
    /// The body is not JSON.
    malformed_json = 400 "MALFORMED_JSON";
    /// The body is JSON nested too deeply.
    too_deep = 400 "JSON_TOO_DEEP";
    /// A number is larger than any we read.
    number_range = 400 "NUMBER_OUT_OF_RANGE";
    /// The query string is not one this call takes.
    bad_query = 400 "BAD_QUERY";
    /// What came is no request.
    bad_request = 400 "BAD_REQUEST";
    /// A header is not well formed.
    bad_header = 400 "BAD_HEADER";
    /// A stranger's request cannot be known again by a key.
    key_of_stranger = 400 "KEY_WITHOUT_PLAYER";
    /// The body could not be read to its end.
    bad_body = 400 "BAD_BODY";
    /// A page of another origin asks for what pages may not send.
    preflight_refused = 400 "PREFLIGHT_REFUSED";
    /// No token came.
    token_required = 401 "TOKEN_REQUIRED";
    /// The token is forged, damaged, expired or revoked.
    token_invalid = 401 "TOKEN_INVALID";
    /// A page for admins.
    admin_required = 401 "ADMIN_TOKEN_REQUIRED";
    /// The token can only watch.
    observer_only = 403 "OBSERVER_ONLY";
    /// A page of another origin.
    origin_forbidden = 403 "ORIGIN_FORBIDDEN";
    /// No such address.
    not_found = 404 "NOT_FOUND";
    /// No such session for this player.
    session_not_found = 404 "SESSION_NOT_FOUND";
    /// No such content.
    content_not_found = 404 "CONTENT_NOT_FOUND";
    /// No such slot.
    slot_not_found = 404 "SLOT_NOT_FOUND";
    /// There is no save in the slot.
    slot_empty = 404 "SLOT_EMPTY";
    /// There is no board of this day and difficulty.
    board_not_found = 404 "BOARD_NOT_FOUND";
    /// The board has no such rank.
    entry_not_found = 404 "ENTRY_NOT_FOUND";
    /// The address knows other methods.
    method_not_allowed = 405 "METHOD_NOT_ALLOWED";
    /// The head of a request did not come in time.
    head_timeout = 408 "HEAD_TIMEOUT";
    /// The body did not come in time.
    body_timeout = 408 "BODY_TIMEOUT";
    /// Too many unfinished games.
    too_many_sessions = 409 "TOO_MANY_SESSIONS";
    /// A request with the same idempotency key is under way.
    key_running = 409 "KEY_IN_PROGRESS";
    /// The client's connection was replaced by another one.
    replaced = 409 "REPLACED";
    /// As many watch the session as can.
    too_many_observers = 409 "TOO_MANY_OBSERVERS";
    /// Slot 0 is a view.
    slot_read_only = 409 "SLOT_READ_ONLY";
    /// The game is not over yet.
    game_not_finished = 409 "GAME_NOT_FINISHED";
    /// The game has more actions than a save can have.
    game_too_long = 409 "GAME_TOO_LONG";
    /// A game's history takes no more saves.
    history_full = 409 "HISTORY_FULL";
    /// The game has permadeath.
    permadeath = 409 "PERMADEATH";
    /// The seed of a challenge is not told yet.
    challenge_running = 409 "CHALLENGE_RUNNING";
    /// The player has begun the day's challenge.
    challenge_begun = 409 "CHALLENGE_BEGUN";
    /// The seed of the day is known.
    challenge_closed = 409 "CHALLENGE_CLOSED";
    /// An entry of a board is not what it says.
    entry_refused = 409 "ENTRY_REFUSED";
    /// The session is gone for good.
    session_expired = 410 "SESSION_EXPIRED";
    /// An old client must say how long its body is.
    length_required = 411 "LENGTH_REQUIRED";
    /// The client acted on an old state.
    stale_revision = 412 "STALE_REVISION";
    /// What is there is another version.
    precondition_failed = 412 "PRECONDITION_FAILED";
    /// The body is too large.
    body_too_large = 413 "BODY_TOO_LARGE";
    /// The address is too long.
    uri_too_long = 414 "URI_TOO_LONG";
    /// The body is not declared to be JSON.
    json_required = 415 "JSON_REQUIRED";
    /// The server does not go by this name.
    unknown_host = 421 "UNKNOWN_HOST";
    /// The body is JSON, but no object.
    not_an_object = 422 "NOT_AN_OBJECT";
    /// A field has the wrong type.
    wrong_type = 422 "WRONG_TYPE";
    /// A field has a value that is not possible.
    wrong_value = 422 "WRONG_VALUE";
    /// A field is missing.
    missing_field = 422 "MISSING_FIELD";
    /// A field is not known.
    unknown_field = 422 "UNKNOWN_FIELD";
    /// A field stands twice.
    duplicate_field = 422 "DUPLICATE_FIELD";
    /// A word that is not among those a field takes, such as an action that does not exist.
    unknown_value = 422 "UNKNOWN_VALUE";
    /// A name is empty, too long or has characters that do not show.
    bad_name = 422 "BAD_NAME";
    /// The client expects what nobody can do.
    expectation_failed = 417 "EXPECTATION_FAILED";
    /// The address is for WebSockets.
    upgrade_required = 426 "UPGRADE_REQUIRED";
    /// An idempotency key came with another action before.
    key_reused = 422 "KEY_REUSED";
    /// A save does not read, or makes no sense.
    save_invalid = 422 "SAVE_INVALID";
    /// A save is not where its history leads to.
    save_diverges = 422 "SAVE_DIVERGES";
    /// A save of older rules has no seal of this server.
    save_unprovable = 422 "SAVE_UNPROVABLE";
    /// A save plays on content that is not here.
    content_unknown = 422 "CONTENT_UNKNOWN";
    /// The head is too large.
    headers_too_large = 431 "HEADERS_TOO_LARGE";
    /// A player asks too often.
    too_many_requests = 429 "TOO_MANY_REQUESTS";
    /// A player or an address lets the server work too much.
    too_much_work = 429 "TOO_MUCH_WORK";
    /// An address brings too many players and connections.
    too_many_connects = 429 "TOO_MANY_CONNECTS";
    /// New players of an address begin the day's challenge too often.
    too_many_challenges = 429 "TOO_MANY_CHALLENGES";
    /// Something in the server failed.
    internal = 500 "INTERNAL";
    /// Too many connections, in all or of an address.
    too_many_connections = 503 "TOO_MANY_CONNECTIONS";
    /// Memory is full.
    session_limit = 503 "SESSION_LIMIT_REACHED";
    /// The store is full.
    store_full = 503 "STORE_FULL";
    /// The server's clock was set lately.
    clock_unsettled = 503 "CLOCK_UNSETTLED";
    /// Too many commands wait for the session.
    session_busy = 503 "SESSION_BUSY";
    /// The server stops.
    shutting_down = 503 "SHUTTING_DOWN";
    /// Too many turns wait for the disk.
    store_busy = 503 "STORE_BUSY";
    /// The disk does not work.
    store_unavailable = 503 "STORE_UNAVAILABLE";
    /// The file of a session or save is damaged.
    damaged = 500 "SESSION_DAMAGED";
}

impl Problem {
    fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), more: Map::new(), headers: Vec::new() }
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        // Only plain values are ever given.
        self.more.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Says when to try again, in the body and the header.
    #[must_use]
    pub fn retry_after(self, seconds: i64) -> Self {
        self.with("retry_after", seconds).header("Retry-After", seconds)
    }

    /// The seconds after which to try again, where that helps.
    pub fn waits(&self) -> Option<i64> {
        self.more.get("retry_after").and_then(Value::as_i64)
    }

    /// Says more, where it is the refusal of a code.
    #[must_use]
    pub fn because(mut self, code: &str, says: &str) -> Self {
        if self.code == code {
            self.detail.push_str(says);
        }
        self
    }

    /// The address knows other methods.
    pub fn allow(list: &str) -> Self {
        Self::method_not_allowed(format!("This address takes {list}.")).header("Allow", list)
    }
}

impl Problem {
    /// The document, as it is answered.
    pub fn document(&self) -> Value {
        let status = self.status_code();
        let mut document = json!({
            "type": format!("urn:cosmic-explorer:problem:{}", self.code),
            "title": status.canonical_reason().unwrap_or("Problem"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        });
        if let Value::Object(members) = &mut document {
            members.extend(self.more.clone());
        }
        document
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        // All in the table above are valid.
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json");
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if self.status == 401 {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        for (name, value) in &self.headers {
            response.insert_header((*name, value.as_str()));
        }
        response.body(self.document().to_string())
    }
}

/// What is said of a file that is damaged beyond its second copy.
const DAMAGED: &str = "The file of this is damaged, and it cannot be rebuilt from its history. What there is of it was kept; the \
                       server's admin can look at it, and put back a copy.";

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound => {
                Self::session_not_found("You have no session of this id. GET /api/sessions lists those you have.")
            }
            SessionError::Gone { expired_at, reason } => {
                let (reason, how) = match reason {
                    Departure::Deleted => ("deleted", "was deleted"),
                    Departure::Timeout => ("timeout", "was kept as long as this server keeps games"),
                };
                Self::session_expired(format!("This session {how}. Start a new one with POST /api/sessions."))
                    .with("expired_at", expired_at)
                    .with("reason", reason)
                    .header("X-Session-Expired", "true")
                    .header("X-Session-Expired-Reason", reason)
            }
            SessionError::BadToken => Self::token_invalid(
                "This token is damaged, has expired, or was replaced or revoked. Use the last one you were given, or start \
                 without one; POST /api/logout takes a cookie away.",
            ),
            SessionError::OnlyWatches => Self::observer_only(
                "This token can only watch the session it was made for: its state, its map and its turns. To play, send your own \
                 token, or none to POST /api/sessions.",
            ),
            SessionError::LimitReached { limit, retry_after } => {
                let detail =
                    format!("All {limit} places of this server are in use. Try again in {retry_after} seconds.");
                Self::session_limit(detail).retry_after(retry_after)
            }
            SessionError::TooMany { limit } => Self::too_many_sessions(format!(
                "You have {limit} unfinished games, as many as this server allows. Finish or delete one first."
            )),
            SessionError::StoreFull => {
                Self::store_full("This server keeps as many games as it can, and none of them can go for another one of yours. Delete one of your own, or try \
                     again later.")
                    .retry_after(3600)
            }
            SessionError::Busy { limit } => Self::session_busy(format!(
                "{limit} commands wait for this session, as many as can. Nothing was changed; wait for their answers."
            ))
            .retry_after(1),
            SessionError::Replaced => Self::replaced(
                "Another connection plays this session now. Add takeover=true to take it back.",
            ),
            SessionError::TooManyObservers { limit } => Self::too_many_observers(format!(
                "{limit} watch this session, as many as can. Try again when one of them has gone."
            )),
            SessionError::Closing => {
                Self::shutting_down("The server stops, and will be back. Every game is saved.").retry_after(5)
            }
            SessionError::Stale { event } => {
                let revision = event.revision();
                let detail = format!("The game is at revision {revision}, event {event}. Fetch the state and decide again.");
                Self::stale_revision(detail).with("revision", revision).with("event", event)
            }
            SessionError::KeyRunning => Self::key_running(
                "A request with this Idempotency-Key is under way. Repeat it in a second for its answer.",
            )
            .retry_after(1),
            SessionError::KeyReused { revision } => Self::key_reused(format!(
                "This Idempotency-Key came with another request before, which led to revision {revision}. Use a fresh one."
            ))
            .with("revision", revision),
            SessionError::KeyTaken => Self::key_reused(
                "This Idempotency-Key came with another request before. Use a fresh one; or repeat the request as it was.",
            ),
            SessionError::SlotEmpty { number } => {
                Self::slot_empty(format!("There is nothing in slot {number}. GET /api/slots lists what there is."))
            }
            SessionError::SlotChanged { number } => Self::precondition_failed(format!(
                "Slot {number} does not hold what you expect by now. Look at it again, and decide again."
            )),
            SessionError::NotFinished => Self::game_not_finished(
                "A replay tells the seed, and with it the future. It is there once the game is over.",
            ),
            SessionError::TooLong { limit } => Self::game_too_long(format!(
                "This game has more than {limit} actions, the most that a save can have. Play it to its end: its replay is there then."
            )),
            SessionError::HistoryFull { limit } => Self::history_full(format!(
                "Saves were loaded into this game until its history had {limit} bytes, the most it can have. Begin another game and \
                 load the save into that one."
            )),
            SessionError::Permadeath => Self::permadeath(
                "This game has permadeath: no save takes its place, and none is taken of it before it is over. Play on, or begin a \
                 game without permadeath.",
            ),
            SessionError::ChallengeRunning { ends_at, retry_after } => Self::challenge_running(format!(
                "This would tell the seed of a challenge that others still play. Ask again when its day is over, at {ends_at}."
            ))
            .with("ends_at", ends_at)
            .retry_after(retry_after),
            SessionError::ClockUnsettled { retry_after } => Self::clock_unsettled(format!(
                "The clock of this server was set, and it is not sure yet which day it is: a challenge begins, and the seed of one is                  told, once the clock has held for an hour. Try again in {retry_after} s; every other game can be played now."
            ))
            .retry_after(retry_after),
            SessionError::ChallengeBegun { session, there, ends_at, retry_after } => {
                let detail = if there {
                    format!("You have begun today's challenge: it is the game {session}. Play on there; the next one begins at {ends_at}.")
                } else {
                    format!("You have begun today's challenge, and the game is gone. There is one try a day; the next one begins at {ends_at}.")
                };
                Self::challenge_begun(detail).with("session_id", session).with("ends_at", ends_at).retry_after(retry_after)
            }
            SessionError::ChallengeClosed { ends_at, retry_after } => Self::challenge_closed(format!(
                "The seed of this day was told while the clock of this server was ahead, so nobody plays it for the board any more. The                  next challenge begins at {ends_at}."
            ))
            .with("ends_at", ends_at)
            .retry_after(retry_after),
            SessionError::NoBoard => Self::board_not_found(
                "There are boards of today and of days past, as long as they are kept, for easy, normal and hard: \
                 GET /api/leaderboard?date=2030-12-31&difficulty=hard.",
            ),
            SessionError::NoEntry => {
                Self::entry_not_found("This board has no such rank. GET /api/leaderboard has all there are, from 1.")
            }
            SessionError::EntryRefused(refusal) => {
                let problem = Self::entry_refused(format!(
                    "This entry is not what the server wrote, and is shown no more: {refusal}. Look at the board again."
                ));
                match refusal {
                    Refusal::Unproven(Unproven::Diverged { turn, .. }) => problem.with("turn", turn),
                    _ => problem,
                }
            }
            SessionError::Save(Refusal::Invalid(problem)) => {
                Self::save_invalid(format!("This is not a save that this server made: {}.", tame(problem.trim_end_matches('.'))))
            }
            SessionError::Save(Refusal::Unproven(unproven)) => {
                let detail = format!("This save cannot be taken: {}.", tame(&unproven.to_string()));
                match unproven {
                    Unproven::Diverged { turn, .. } => Self::save_diverges(detail).with("turn", turn),
                    Unproven::Unverifiable { turn, .. } => Self::save_unprovable(format!(
                        "{detail} Such a game counts where the server that exported it finds its own seal unbroken: import the file as it \
                         was exported, on that server; or a later game."
                    ))
                    .with("turn", turn),
                    Unproven::ContentMissing { .. } => Self::content_unknown(detail),
                }
            }
            SessionError::Refused(refused) => {
                // A code serializes to its name.
                let code = serde_json::to_value(refused.code).unwrap_or_default();
                Self::new(409, code.as_str().unwrap_or_default(), refused.detail)
            }
            SessionError::Store(StoreError::Unavailable { what, source }) => {
                // The store has told of it once; refusals may come by the thousand.
                tracing::debug!(%what, %source, "the store failed");
                let detail = "The server's disk does not do what it should at the moment. Repeat the request; an action, with the same \
                              Idempotency-Key, so that it is not taken twice.";
                Self::store_unavailable(detail).retry_after(5)
            }
            SessionError::Store(StoreError::Busy) => {
                Self::store_busy("More turns wait for the disk than this server lets wait. Nothing was changed; try again.")
                    .retry_after(1)
            }
            SessionError::Store(error @ StoreError::Newer { .. }) => {
                tracing::error!(%error, "a file cannot be read");
                Self::damaged(
                    "This game was written by a newer version of the server, and is left as it is. It goes on when the server's admin \
                     starts that version again.",
                )
            }
            SessionError::Store(error @ (StoreError::Damaged { .. } | StoreError::Lost { .. } | StoreError::Locked { .. })) => {
                tracing::error!(%error, "a file cannot be read");
                Self::damaged(DAMAGED)
            }
            SessionError::Unread { damaged: true } => Self::damaged(DAMAGED),
            SessionError::Unread { damaged: false } => Self::store_unavailable(
                "This game cannot be read at the moment. Nothing of it is lost as far as the server knows; try again.",
            )
            .retry_after(5),
            SessionError::Internal(error) => {
                tracing::error!(error, "a task failed");
                Self::internal("Something in the server failed. The session was left as it was; try again.")
            }
        }
    }
}
