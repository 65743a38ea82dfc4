//! A player's sessions: `GET /api/sessions`, and the link for those who watch one.

use jiff::Timestamp;
use serde::Serialize;

use super::state::ChallengeView;
use crate::model::Verdict;
use crate::session::directory::Listed;

/// A player's sessions.
#[derive(Debug, Serialize)]
pub struct SessionsView {
    /// By their ids, so in the order they were begun.
    pub sessions: Vec<SessionView>,
}

/// A session in a player's list.
#[derive(Debug, Serialize)]
pub struct SessionView {
    /// Its id.
    pub session_id: String,
    /// Its name.
    pub name: String,
    /// `live` in memory, `stored` on disk only, `finished` however it is kept.
    pub status: &'static str,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was played last.
    pub last_activity: Timestamp,
    /// Its revision.
    pub revision: u64,
    /// Turns that have passed.
    pub turn_count: i64,
    /// The ship, an id of the content.
    pub ship_type: String,
    /// Where the player is, for people.
    pub place: String,
    /// Credits.
    pub wealth: i64,
    /// Whether there is no way back.
    pub permadeath: bool,
    /// The challenge it takes part in.
    pub challenge: Option<EntryView>,
}

/// The challenge of a session in a list, and what became of it.
#[derive(Debug, Serialize)]
pub struct EntryView {
    /// The challenge.
    #[serde(flatten)]
    pub challenge: ChallengeView,
    /// Whether the game counts, once it is over and examined.
    pub verdict: Option<Verdict>,
}

/// Lets others watch a session.
#[derive(Debug, Serialize)]
pub struct InvitationView<'a> {
    /// For programs.
    pub token: &'a str,
    /// For browsers, relative to the game's page.
    pub link: String,
    /// When the token ends.
    pub expires_at: Timestamp,
}

impl SessionView {
    /// Of a session in lists.
    pub fn of(listed: Listed) -> Self {
        let Listed { id, summary, resident } = listed;
        let status = match (&summary.end, resident || summary.is_elsewhere) {
            (Some(_), _) => "finished",
            (None, true) => "live",
            (None, false) => "stored",
        };
        Self {
            session_id: id.to_string(),
            name: summary.meta.name.clone(),
            status,
            created_at: summary.meta.created_at,
            last_activity: summary.last_activity,
            revision: summary.revision,
            turn_count: summary.turn_count,
            ship_type: summary.ship_type.into(),
            place: summary.place.into(),
            wealth: summary.wealth,
            permadeath: summary.meta.permadeath,
            challenge: summary.meta.challenge.map(|challenge| EntryView {
                challenge: ChallengeView::of(challenge.date),
                verdict: challenge.verdict,
            }),
        }
    }
}
