//! What PostgreSQL says, as an error of the store.

use std::io;

use tokio_postgres::error::SqlState;

use crate::store::{StoreError, Thing};

/// Why a statement was not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// PostgreSQL refused it, or the connection was lost.
    #[error("{}", told(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// A wait for a standby was cut: what was written may be nowhere else.
    #[error("a commit was not confirmed by its standby")]
    Unconfirmed,
    /// Nothing was heard in time.
    #[error("it was tried in vain until it was late: {0}")]
    TimedOut(String),
}

/// With what PostgreSQL itself says, which the error alone does not.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => {
            let source = std::error::Error::source(error);
            source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
        }
    }
}

impl Failure {
    /// Whether to try again helps: what was under way was not committed, or may be said again.
    pub fn passes(&self) -> bool {
        match self {
            Self::Postgres(error) => {
                let conflict = |code| is_conflict(code) || *code == SqlState::TOO_MANY_CONNECTIONS;
                self.breaks() || error.code().is_some_and(conflict)
            }
            Self::Unconfirmed => true,
            Self::TimedOut(_) => false,
        }
    }

    /// Whether the connection is of no more use.
    pub fn breaks(&self) -> bool {
        let Self::Postgres(error) = self else { return true };
        let io = std::error::Error::source(error).is_some_and(|source| source.is::<io::Error>());
        error.is_closed()
            || io
            || error.code().is_some_and(|code| {
                [
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::CANNOT_CONNECT_NOW,
                    // A primary that has become a standby.
                    SqlState::READ_ONLY_SQL_TRANSACTION,
                    // A statement that was prepared before its tables changed.
                    SqlState::FEATURE_NOT_SUPPORTED,
                    SqlState::INVALID_SQL_STATEMENT_NAME,
                ]
                .contains(code)
                    || code.code().starts_with("08")
            })
    }

    /// As an error of the store.
    pub fn about(self, what: Thing) -> StoreError {
        StoreError::Unavailable { what, source: io::Error::other(self) }
    }
}

fn is_conflict(code: &SqlState) -> bool {
    [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE].contains(code)
}
