//! Configuration: defaults, then a file, then the environment, then flags. One struct; each key is documented where it stands
//! and in the README's table, and a test holds the two together.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Config as Layers, ConfigError, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};

use crate::store::log::Durability;
use crate::{api, session, store};

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub bind: SocketAddr,
    /// The folder of saves; none: `./saves` where it exists, else the platform's data folder.
    pub saves: Option<PathBuf>,
    /// A folder of content in place of the built-in one.
    pub data: Option<PathBuf>,
    /// When a turn is durable: `turn`, before it is answered, or `sweep`, at the next checkpoint.
    pub durability: Durability,
    /// Bytes of the turn log after which checkpoints are forced.
    pub turn_log_bytes: u64,
    /// What is logged, in the form of `RUST_LOG`.
    pub log: String,
    /// Names the server answers to, besides `localhost` and addresses.
    pub hosts: Vec<String>,
    /// Origins whose pages may use the API, besides the server's own.
    pub origins: Vec<String>,
    /// Reverse proxies in front of the server: addresses and networks. They are believed when they say whom they speak for.
    pub proxies: Vec<String>,
    /// For admins.
    pub admin: Admin,
    /// Sessions in memory and in all.
    pub sessions: session::Settings,
    /// Requests.
    pub limits: api::Settings,
}

/// For admins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Opens `/stats` and `/sessions` from other machines; none: they are open on this one only.
    pub token: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            saves: None,
            data: None,
            durability: store::Settings::default().durability,
            turn_log_bytes: store::Settings::default().log_bytes,
            log: "info".to_owned(),
            hosts: Vec::new(),
            origins: Vec::new(),
            proxies: Vec::new(),
            admin: Admin::default(),
            sessions: session::Settings::default(),
            limits: api::Settings::default(),
        }
    }
}

/// What the command line sets.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// See [`Config::bind`].
    pub bind: Option<SocketAddr>,
    /// See [`Config::saves`].
    pub saves: Option<PathBuf>,
    /// See [`Config::data`].
    pub data: Option<PathBuf>,
}

impl Config {
    /// Reads the layers. `environment` is asked for variables, so that tests can bring their own.
    pub fn read(file: Option<&Path>, environment: Environment, flags: Flags) -> Result<Self, ConfigError> {
        let mut layers = Layers::builder();
        if let Some(file) = file {
            layers = layers.add_source(File::from(file).format(FileFormat::Toml));
        }
        let mut config: Self = layers.add_source(environment).build()?.try_deserialize()?;
        config.bind = flags.bind.unwrap_or(config.bind);
        config.saves = flags.saves.or(config.saves);
        config.data = flags.data.or(config.data);
        config.limits.admin_token.clone_from(&config.admin.token);
        config.limits.hosts.clone_from(&config.hosts);
        config.limits.origins.clone_from(&config.origins);
        config.limits.proxies.clone_from(&config.proxies);
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        self.sessions.check().map_err(ConfigError::Message)?;
        let fits = |name: &str, holds: bool, rule: &str| {
            if holds { Ok(()) } else { Err(ConfigError::Message(format!("{name} must be {rule}"))) }
        };
        fits("turn_log_bytes", (1 << 20..=1 << 40).contains(&self.turn_log_bytes), "1048576 to 1099511627776")?;
        fits("limits.body_bytes", (1_024..=16 << 20).contains(&limits.body_bytes), "1024 to 16777216")?;
        fits("limits.import_bytes", (1_024..=64 << 20).contains(&limits.import_bytes), "1024 to 67108864")?;
        fits("limits.connections", (16..=1_000_000).contains(&limits.connections), "16 to 1000000")?;
        let each = (1..=1_000_000).contains(&limits.connections_per_address);
        fits("limits.connections_per_address", each, "1 to 1000000")?;
        fits("limits.idle_secs", (1..=3_600).contains(&limits.idle_secs), "1 to 3600")?;
        fits("limits.send_secs", (1..=3_600).contains(&limits.send_secs), "1 to 3600")?;
        fits("limits.head_secs", (1..=3_600).contains(&limits.head_secs), "1 to 3600")?;
        fits("limits.body_secs", (1..=3_600).contains(&limits.body_secs), "1 to 3600")?;
        let rate = "0 (no limit) to 1000000";
        fits("limits.requests_per_minute", limits.requests_per_minute <= 1_000_000, rate)?;
        fits("limits.connects_per_minute", limits.connects_per_minute <= 1_000_000, rate)?;
        fits("limits.work_per_minute", limits.work_per_minute <= 1 << 40, "0 (no limit) to 1099511627776")?;
        fits("limits.disk_per_minute", limits.disk_per_minute <= 1 << 40, "0 (no limit) to 1099511627776")?;
        let names = "names without scheme and port, as game.example";
        fits("hosts", self.hosts.iter().all(|name| api::is_host(name)), names)?;
        let origins = "scheme://host[:port] in small letters and without a default port, as https://game.example";
        fits("origins", self.origins.iter().all(|origin| api::is_origin(origin)), origins)?;
        let proxies = "addresses and networks, as 10.0.0.1 and 10.0.0.0/8";
        fits("proxies", self.proxies.iter().all(|proxy| api::is_proxy(proxy)), proxies)?;
        fits("limits.workers", limits.workers <= 1_024, "0 (one for each core) to 1024")?;
        let token = self.admin.token.as_ref();
        fits("admin.token", token.is_none_or(|token| token.len() >= 16), "at least 16 characters")
    }

    /// Variables that begin with `COSMIC_`, the key in capitals, `__` between levels, `,` between the members of a list.
    pub fn environment() -> Environment {
        let variables = Environment::with_prefix("COSMIC").prefix_separator("_").separator("__").try_parsing(true);
        variables
            .list_separator(",")
            .with_list_parse_key("hosts")
            .with_list_parse_key("origins")
            .with_list_parse_key("proxies")
    }
}
