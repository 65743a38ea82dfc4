//! The server itself: `GET /api`, `/health`, `/ready`, `/version`.

use serde::Serialize;

/// Where everything is.
#[derive(Debug, Serialize)]
pub struct IndexView<'a> {
    /// The program.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The addresses there are; parts in braces stand for values.
    pub addresses: &'a [&'static str],
    /// For people.
    pub help: &'static str,
}

/// Whether the server works.
#[derive(Debug, Serialize)]
pub struct HealthView {
    /// `ok`; of `/ready`: `ready`, `shutting_down`, `store_unavailable`, or `turn_log_lost`.
    pub status: &'static str,
}

/// Which server it is.
#[derive(Debug, Serialize)]
pub struct VersionView<'a> {
    /// The program.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The version of its rules.
    pub rules: u32,
    /// The hash of the content of new games.
    pub content: &'a str,
}
