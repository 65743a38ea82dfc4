//! What is changed of a session without an action: in memory, as it is stored, and as lists show it.

use crate::model::{Challenge, Verdict};

/// A change of a session that is no turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// Somebody is about to learn its future: nobody may win a rank with it.
    Unrank,
    /// What became of its game in the challenge.
    Judge(Verdict),
}

impl Edit {
    /// Whether it would change anything of a game.
    pub fn is_wanted(self, ranked: bool, ended: bool) -> bool {
        match self {
            Self::Unrank => ranked && !ended,
            Self::Judge(_) => true,
        }
    }

    /// Whether it must be durable before anything follows from it.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Unrank)
    }

    /// What becomes of a session's rank and challenge.
    pub fn apply(self, ranked: &mut bool, challenge: &mut Option<Challenge>) {
        match self {
            Self::Unrank => *ranked = false,
            Self::Judge(verdict) => *challenge = challenge.map(|challenge| challenge.judged(verdict)),
        }
    }
}
