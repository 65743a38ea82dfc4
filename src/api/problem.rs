//! A refusal on its way out: RFC 9457 problem details with a stable code and a hint. Every error of a session becomes one here.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::code::Code;
use super::explain::tame;
use crate::model::{Departure, EventId, Refusal, SessionId, Unproven};
use crate::session::SessionError;
use crate::store::StoreError;

/// A refusal: a code for programs, and for people why, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    code: Code,
    detail: String,
    /// Further members, such as `revision`.
    more: Map<String, Value>,
    headers: Vec<(&'static str, String)>,
}

/// The body of a refusal.
#[derive(Debug, Serialize)]
pub struct ProblemView<'a> {
    /// Names the code as a URI.
    r#type: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable, for programs: see `docs/errors.md`.
    code: &'static str,
    /// For people: why, and what to do instead.
    detail: &'a str,
    /// What some codes tell besides: `retry_after` in seconds, `revision`, `event`, `ends_at`, `session_id`, `turn`, `expired_at`, `reason`.
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl Problem {
    /// A refusal with a code. The detail is for people: why, and what to do instead.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), more: Map::new(), headers: Vec::new() }
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

    /// Adds to the detail, if the refusal has this code.
    #[must_use]
    pub fn because(mut self, code: Code, says: &str) -> Self {
        if self.code == code {
            self.detail.push_str(says);
        }
        self
    }

    /// The address takes other methods than the one of the request.
    pub fn allow(list: &str) -> Self {
        Self::new(Code::MethodNotAllowed, format!("This address takes {list}.")).header("Allow", list)
    }

    /// A request came to a server without its state; a fault of the program.
    pub fn not_set_up() -> Self {
        Self::new(Code::Internal, "The server is not set up.")
    }

    /// The document, as it is answered.
    pub fn document(&self) -> Value {
        let status = self.code.status();
        let view = ProblemView {
            r#type: format!("urn:cosmic-explorer:problem:{}", self.code),
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            code: self.code.name(),
            detail: &self.detail,
            more: &self.more,
        };
        // Texts, numbers, and members that are JSON already: it serializes.
        serde_json::to_value(view).unwrap_or_default()
    }

    /// The whole response as text, for where there is no request to answer. The connection closes after it.
    pub fn raw(&self) -> String {
        let (status, body) = (self.code.status(), self.document().to_string());
        let reason = status.canonical_reason().unwrap_or_default();
        let retry = self.more.get("retry_after").map_or(String::new(), |seconds| format!("Retry-After: {seconds}\r\n"));
        format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             {retry}X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
            status.as_u16(),
            body.len()
        )
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.code.status();
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json");
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        for (name, value) in &self.headers {
            response.insert_header((*name, value.as_str()));
        }
        response.body(self.document().to_string())
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound => Self::new(Code::SessionNotFound, NOT_FOUND),
            SessionError::Gone { expired_at, reason } => gone(expired_at, reason),
            SessionError::BadToken => Self::new(Code::TokenInvalid, BAD_TOKEN),
            SessionError::OnlyWatches => Self::new(Code::ObserverOnly, ONLY_WATCHES),
            SessionError::LimitReached { limit, retry_after } => limit_reached(limit, retry_after),
            SessionError::TooMany { limit } => too_many(limit),
            SessionError::StoreFull => Self::new(Code::StoreFull, STORE_FULL).retry_after(3600),
            SessionError::Busy { limit } => busy(limit),
            SessionError::Contended => Self::new(Code::SessionBusy, CONTENDED).retry_after(1),
            SessionError::Replaced => Self::new(Code::Replaced, REPLACED),
            SessionError::TooManyObservers { limit } => too_many_observers(limit),
            SessionError::Closing => Self::new(Code::ShuttingDown, CLOSING).retry_after(5),
            SessionError::Stale { event } => stale(event),
            SessionError::KeyRunning => Self::new(Code::KeyInProgress, KEY_RUNNING).retry_after(1),
            SessionError::KeyReused { revision } => key_reused(revision),
            SessionError::KeyTaken => Self::new(Code::KeyReused, KEY_TAKEN),
            SessionError::SlotEmpty { number } => slot_empty(number),
            SessionError::SlotChanged { number } => slot_changed(number),
            SessionError::NotFinished => Self::new(Code::GameNotFinished, NOT_FINISHED),
            SessionError::TooLong { limit } => too_long(limit),
            SessionError::HistoryFull { limit } => history_full(limit),
            SessionError::Permadeath => Self::new(Code::Permadeath, PERMADEATH),
            SessionError::ChallengeRunning { ends_at, retry_after } => challenge_running(ends_at, retry_after),
            SessionError::ClockUnsettled { retry_after } => clock_unsettled(retry_after),
            SessionError::ChallengeBegun { session, there, ends_at, retry_after } => {
                challenge_begun(session, there, ends_at, retry_after)
            }
            SessionError::ChallengeClosed { ends_at, retry_after } => challenge_closed(ends_at, retry_after),
            SessionError::NoBoard => Self::new(Code::BoardNotFound, NO_BOARD),
            SessionError::NoEntry => Self::new(Code::EntryNotFound, NO_ENTRY),
            SessionError::EntryRefused(refusal) => entry_refused(&refusal),
            SessionError::Save(refusal) => save_refused(&refusal),
            SessionError::Refused(refused) => Self::new(refused.code.into(), refused.detail),
            SessionError::Store(error) => store_failed(error),
            SessionError::Unread { damaged: true } => Self::new(Code::SessionDamaged, DAMAGED),
            SessionError::Unread { damaged: false } => Self::new(Code::StoreUnavailable, UNREAD).retry_after(5),
            SessionError::Internal(error) => {
                tracing::error!(error, "a task failed");
                Self::new(Code::Internal, INTERNAL)
            }
        }
    }
}

const NOT_FOUND: &str = "You have no session of this id. GET /api/sessions lists those you have.";
const BAD_TOKEN: &str = "This token is damaged, has expired, or was replaced or revoked. Use the last one you were given, or start \
                         without one; POST /api/logout takes a cookie away.";
const ONLY_WATCHES: &str = "This token can only watch the session it was made for: its state, its map and its turns. To play, send \
                            your own token, or none to POST /api/sessions.";
const STORE_FULL: &str = "This server keeps as many games as it can, and none of them can go for another one of yours. Delete one of \
                          your own, or try again later.";
const REPLACED: &str = "Another connection plays this session now. Add takeover=true to take it back.";
const CONTENDED: &str = "The game was moved by other requests each time this one was tried. Nothing was changed by it. Repeat it in a moment.";
const CLOSING: &str = "The server stops, and will be back. Every game is saved.";
const KEY_RUNNING: &str = "A request with this Idempotency-Key is under way. Repeat it in a second for its answer.";
const KEY_TAKEN: &str =
    "This Idempotency-Key came with another request before. Use a fresh one; or repeat the request as it was.";
const NOT_FINISHED: &str = "A replay tells the seed, and with it the future. It is there once the game is over.";
const PERMADEATH: &str = "This game has permadeath: no save takes its place, and none is taken of it before it is over. Play on, or \
                          begin a game without permadeath.";
const NO_BOARD: &str = "There are boards of today and of days past, as long as they are kept, for easy, normal and hard: \
                        GET /api/leaderboard?date=2030-12-31&difficulty=hard.";
const NO_ENTRY: &str = "This board has no such rank. GET /api/leaderboard has all there are, from 1.";
const DAMAGED: &str = "The file of this is damaged, and it cannot be rebuilt from its history. What there is of it was kept; the \
                       server's admin can look at it, and put back a copy.";
const NEWER: &str = "This game was written by a newer version of the server, and is left as it is. It goes on when the server's admin \
                     starts that version again.";
const DISK: &str = "The server's disk does not do what it should at the moment. Repeat the request; an action, with the same \
                    Idempotency-Key, so that it is not taken twice.";
const NODE_OUTDATED: &str = "This server is older than the one that this game was played on last, and does not know its rules. Nothing \
was changed; try again, and another server answers.";
const STORE_BUSY: &str = "More turns wait for the disk than this server lets wait. Nothing was changed; try again.";
const UNREAD: &str =
    "This game cannot be read at the moment. Nothing of it is lost as far as the server knows; try again.";
const INTERNAL: &str = "Something in the server failed. The session was left as it was; try again.";

fn gone(expired_at: Timestamp, reason: Departure) -> Problem {
    let (reason, how) = match reason {
        Departure::Deleted => ("deleted", "was deleted"),
        Departure::Timeout => ("timeout", "was kept as long as this server keeps games"),
    };
    let detail = format!("This session {how}. Start a new one with POST /api/sessions.");
    Problem::new(Code::SessionExpired, detail)
        .with("expired_at", expired_at)
        .with("reason", reason)
        .header("X-Session-Expired", "true")
        .header("X-Session-Expired-Reason", reason)
}

fn limit_reached(limit: usize, retry_after: i64) -> Problem {
    let detail = format!("All {limit} places of this server are in use. Try again in {retry_after} seconds.");
    Problem::new(Code::SessionLimitReached, detail).retry_after(retry_after)
}

fn too_many(limit: usize) -> Problem {
    let detail =
        format!("You have {limit} unfinished games, as many as this server allows. Finish or delete one first.");
    Problem::new(Code::TooManySessions, detail)
}

fn busy(limit: usize) -> Problem {
    let detail =
        format!("{limit} commands wait for this session, as many as can. Nothing was changed; wait for their answers.");
    Problem::new(Code::SessionBusy, detail).retry_after(1)
}

fn too_many_observers(limit: usize) -> Problem {
    let detail = format!("{limit} watch this session, as many as can. Try again when one of them has gone.");
    Problem::new(Code::TooManyObservers, detail)
}

fn stale(event: EventId) -> Problem {
    let revision = event.revision();
    let detail = format!("The game is at revision {revision}, event {event}. Fetch the state and decide again.");
    Problem::new(Code::StaleRevision, detail).with("revision", revision).with("event", event)
}

fn key_reused(revision: u64) -> Problem {
    let detail = format!(
        "This Idempotency-Key came with another request before, which led to revision {revision}. Use a fresh one."
    );
    Problem::new(Code::KeyReused, detail).with("revision", revision)
}

fn slot_empty(number: u8) -> Problem {
    let detail = format!("There is nothing in slot {number}. GET /api/slots lists what there is.");
    Problem::new(Code::SlotEmpty, detail)
}

fn slot_changed(number: u8) -> Problem {
    let detail = format!("Slot {number} does not hold what you expect by now. Look at it again, and decide again.");
    Problem::new(Code::PreconditionFailed, detail)
}

fn too_long(limit: usize) -> Problem {
    let detail = format!(
        "This game has more than {limit} actions, the most that a save can have. Play it to its end: its replay is there then."
    );
    Problem::new(Code::GameTooLong, detail)
}

fn history_full(limit: u64) -> Problem {
    let detail = format!(
        "Saves were loaded into this game until its history had {limit} bytes, the most it can have. Begin another game and \
         load the save into that one."
    );
    Problem::new(Code::HistoryFull, detail)
}

fn challenge_running(ends_at: Timestamp, retry_after: i64) -> Problem {
    let detail = format!(
        "This would tell the seed of a challenge that others still play. Ask again when its day is over, at {ends_at}."
    );
    Problem::new(Code::ChallengeRunning, detail).with("ends_at", ends_at).retry_after(retry_after)
}

fn clock_unsettled(retry_after: i64) -> Problem {
    let detail = format!(
        "The clock of this server was set, and it is not sure yet which day it is: a challenge begins, and the seed of one is \
         told, once the clock has held for an hour. Try again in {retry_after} s; every other game can be played now."
    );
    Problem::new(Code::ClockUnsettled, detail).retry_after(retry_after)
}

fn challenge_begun(session: SessionId, there: bool, ends_at: Timestamp, retry_after: i64) -> Problem {
    let detail = if there {
        format!(
            "You have begun today's challenge: it is the game {session}. Play on there; the next one begins at {ends_at}."
        )
    } else {
        format!(
            "You have begun today's challenge, and the game is gone. There is one try a day; the next one begins at {ends_at}."
        )
    };
    Problem::new(Code::ChallengeBegun, detail)
        .with("session_id", session)
        .with("ends_at", ends_at)
        .retry_after(retry_after)
}

fn challenge_closed(ends_at: Timestamp, retry_after: i64) -> Problem {
    let detail = format!(
        "The seed of this day was told while the clock of this server was ahead, so nobody plays it for the board any more. The \
         next challenge begins at {ends_at}."
    );
    Problem::new(Code::ChallengeClosed, detail).with("ends_at", ends_at).retry_after(retry_after)
}

fn entry_refused(refusal: &Refusal) -> Problem {
    let detail =
        format!("This entry is not what the server wrote, and is shown no more: {refusal}. Look at the board again.");
    let problem = Problem::new(Code::EntryRefused, detail);
    match refusal {
        Refusal::Unproven(Unproven::Diverged { turn, .. }) => problem.with("turn", turn),
        _ => problem,
    }
}

fn save_refused(refusal: &Refusal) -> Problem {
    let unproven = match refusal {
        Refusal::Invalid(problem) => {
            let problem = tame(problem.trim_end_matches('.'));
            return Problem::new(Code::SaveInvalid, format!("This is not a save that this server made: {problem}."));
        }
        Refusal::Unproven(unproven) => unproven,
    };
    let detail = format!("This save cannot be taken: {}.", tame(&unproven.to_string()));
    match unproven {
        Unproven::Diverged { turn, .. } => Problem::new(Code::SaveDiverges, detail).with("turn", turn),
        Unproven::Unverifiable { turn, .. } => {
            let hint = "Such a game counts where the server that exported it finds its own seal unbroken: import the file as it was \
                        exported, on that server; or a later game.";
            Problem::new(Code::SaveUnprovable, format!("{detail} {hint}")).with("turn", turn)
        }
        Unproven::ContentMissing { .. } => Problem::new(Code::ContentUnknown, detail),
    }
}

fn store_failed(error: StoreError) -> Problem {
    match error {
        StoreError::Unavailable { what, source } => {
            // The store has logged it once; refusals may come by the thousand.
            tracing::debug!(%what, %source, "the store failed");
            Problem::new(Code::StoreUnavailable, DISK).retry_after(5)
        }
        StoreError::Busy => Problem::new(Code::StoreBusy, STORE_BUSY).retry_after(1),
        StoreError::Outdated { .. } => Problem::new(Code::NodeOutdated, NODE_OUTDATED).retry_after(1),
        StoreError::Newer { .. } => {
            tracing::error!(%error, "a file cannot be read");
            Problem::new(Code::SessionDamaged, NEWER)
        }
        StoreError::Damaged { .. } | StoreError::Lost { .. } | StoreError::Locked { .. } => {
            tracing::error!(%error, "a file cannot be read");
            Problem::new(Code::SessionDamaged, DAMAGED)
        }
    }
}
