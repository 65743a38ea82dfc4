//! Which database, and how it is used.

use std::time::Duration;

/// Which database, and how it is used.
#[derive(Clone)]
pub struct Settings {
    /// Where it is, with user and password: `postgres://…`, as `libpq` takes it. It shows in no message.
    pub url: String,
    /// Certificates of those who vouch for the server, as PEM; none: the system's.
    pub ca: Option<Vec<u8>>,
    /// Connections that take turns.
    pub writers: usize,
    /// Connections that read.
    pub readers: usize,
    /// How long anything is tried.
    pub timeout: Duration,
    /// Whether its tables may be made and changed at the start.
    pub migrate: bool,
    /// Whether a database is taken that does not keep what it says it has kept.
    pub allow_unsafe: bool,
    /// Whether this server is ready only while what is committed is on a standby too.
    pub require_sync: bool,
    /// Whether servers tell each other at once of what they have done.
    pub notify: bool,
    /// How often to look what others have done, whatever was told.
    pub poll: Duration,
    /// What this server calls itself there.
    pub name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca: None,
            writers: 1,
            readers: 3,
            timeout: Duration::from_secs(5),
            migrate: true,
            allow_unsafe: false,
            require_sync: false,
            notify: true,
            poll: Duration::from_secs(2),
            name: "cosmic-explorer".to_owned(),
        }
    }
}
