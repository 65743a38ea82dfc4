//! What HTTP needs to know, all of it configurable.

use serde::{Deserialize, Serialize};

/// Limits and deadlines of requests and connections, and whom the server answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes a request's body may have.
    pub body_bytes: usize,
    /// Bytes an imported save may have.
    pub import_bytes: usize,
    /// Connections in all; fewer where the system has fewer file descriptors.
    pub connections: usize,
    /// Connections of one address, of IPv6 one /64.
    pub connections_per_address: usize,
    /// Seconds in which a head must come, from its first byte on, and at the beginning of a connection.
    pub head_secs: u64,
    /// Seconds between an answer and the next request, after which a connection is closed.
    pub idle_secs: u64,
    /// Seconds in which a body must come.
    pub body_secs: u64,
    /// Seconds after which a client that does not read its answer is cut off; slow ones have more, by what they read.
    pub send_secs: u64,
    /// Requests a minute of one player, in bursts of a tenth; 0: as many as they like.
    pub requests_per_minute: u32,
    /// New players and connections for events a minute of one address; 0: as many as it likes.
    pub connects_per_minute: u32,
    /// Daily challenges a day of one address that players begin who have played on no other day; 0: as many as they like.
    pub challenges_per_day: u32,
    /// Bytes a minute that one player may make the server read, replay and write, besides playing; an address four times as many; 0: as
    /// many as they like.
    pub work_per_minute: u64,
    /// Bytes a minute of games and saves that one player, and one address, may add to the disk; 0: as many as they like.
    pub disk_per_minute: u64,
    /// Threads that serve requests; 0: one for each core.
    pub workers: usize,
    /// Over how long connections are sent to other servers of the store at the end.
    #[serde(skip)]
    pub drain_secs: u64,
    /// The token for `/stats` and `/sessions` from elsewhere; none: only from this machine.
    #[serde(skip)]
    pub admin_token: Option<String>,
    /// Names the server answers to, besides `localhost` and addresses.
    #[serde(skip)]
    pub hosts: Vec<String>,
    /// Origins whose pages may use the API, besides the server's own.
    #[serde(skip)]
    pub origins: Vec<String>,
    /// Reverse proxies that are believed when they say whom they speak for.
    #[serde(skip)]
    pub proxies: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1024,
            import_bytes: 4 << 20,
            connections: 4096,
            // At some 80 KB each, when all of them do their worst, it is 80 MB.
            connections_per_address: 1024,
            head_secs: 5,
            idle_secs: 5,
            body_secs: 10,
            send_secs: 30,
            requests_per_minute: 600,
            connects_per_minute: 40,
            challenges_per_day: 20,
            // A second and a half of a core.
            work_per_minute: 128 << 20,
            // Some twenty new games, half of them at once.
            disk_per_minute: 640 << 10,
            workers: 0,
            drain_secs: 0,
            admin_token: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            proxies: Vec::new(),
        }
    }
}
