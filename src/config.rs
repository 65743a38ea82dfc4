//! Configuration: defaults, then a file, then the environment, then flags. One struct; each key is documented where it stands
//! and in the table of docs/configuration.md, and a test holds the two together. Whatever is wrong is told at once, with where it stands.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use config::{Config as Layers, Environment, File, FileFormat, Map, Source, Value, ValueKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::files::{self, as_text};
use crate::store::folder::{self, Durability};
use crate::{api, session};

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen: an address or a name, a port, or both; see [`addresses`].
    pub bind: String,
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
    /// A database in the place of the folder.
    pub database: Database,
    /// This server among others at the database.
    pub node: Node,
}

/// A database in the place of the folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// Where it is, with user and password; none: games are in the folder.
    pub url: Option<Secret>,
    /// A file of certificates of those who vouch for it; none: the system's.
    pub ca: Option<PathBuf>,
    /// Connections that take turns.
    pub writers: u64,
    /// Connections that read.
    pub readers: u64,
    /// How long anything is tried there.
    pub timeout_secs: u64,
    /// Whether its tables are made and changed at the start.
    pub migrate: bool,
    /// Whether one is taken that does not keep what it says it has kept.
    pub allow_unsafe: bool,
    /// Whether this server is ready only while what is committed is on a standby too.
    pub require_sync: bool,
    /// Whether servers tell each other at once of what they have done.
    pub notify: bool,
    /// How often each looks what others have done, whatever was told.
    pub poll_secs: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            ca: None,
            writers: 1,
            readers: 3,
            timeout_secs: 5,
            migrate: true,
            allow_unsafe: false,
            require_sync: false,
            notify: true,
            poll_secs: 2,
        }
    }
}

/// This server among others at the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// What it is called there; none: as its machine.
    pub name: Option<String>,
    /// Over how long it sends its players to the others once it is told to stop.
    pub drain_secs: u64,
}

impl Default for Node {
    fn default() -> Self {
        Self { name: None, drain_secs: 10 }
    }
}

/// A text that shows in no message.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
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
            bind: "127.0.0.1:8080".to_owned(),
            saves: None,
            data: None,
            durability: folder::Settings::default().durability,
            turn_log_bytes: folder::Settings::default().log_bytes,
            log: "info".to_owned(),
            hosts: Vec::new(),
            origins: Vec::new(),
            proxies: Vec::new(),
            admin: Admin::default(),
            sessions: session::Settings::default(),
            limits: api::Settings::default(),
            database: Database::default(),
            node: Node::default(),
        }
    }
}

/// What the command line sets.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// See [`Config::bind`].
    pub bind: Option<String>,
    /// See [`Config::saves`].
    pub saves: Option<PathBuf>,
    /// See [`Config::data`].
    pub data: Option<PathBuf>,
}

/// What is wrong with a configuration, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub Vec<String>);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Wrong {}

impl From<String> for Wrong {
    fn from(line: String) -> Self {
        Self(vec![line])
    }
}

impl Config {
    /// Reads the layers. `environment` is asked for variables, so that tests can bring their own.
    pub fn read(file: Option<&Path>, environment: Environment, flags: Flags) -> Result<Self, Wrong> {
        let mut layers = Laid::default();
        if let Some(path) = file {
            layers.lay_file(path)?;
        }
        let variables = environment.collect().map_err(|error| format!("the environment: {error}"))?;
        layers.lay_variables(variables);
        let Laid { json, places, mut wrong } = layers;
        if !wrong.is_empty() {
            return Err(Wrong(wrong));
        }
        let mut config: Self = serde_path_to_error::deserialize(json).map_err(|error| {
            // Of the right type by now, so it is a number.
            let key = error.path().to_string();
            format!("{}: is too large", places.get(&key).unwrap_or(&key))
        })?;
        let bind = places.get("bind").filter(|_| flags.bind.is_none()).map_or("--bind", String::as_str);
        config.bind = flags.bind.unwrap_or(config.bind);
        config.saves = flags.saves.or(config.saves);
        config.data = flags.data.or(config.data);
        if let Err(problem) = host_and_port(&config.bind) {
            wrong.push(format!("{bind}: {problem}"));
        }
        if let Err(problem) = config.check() {
            // It begins with the key.
            let (key, rule) = problem.split_once(' ').unwrap_or_default();
            wrong.push(format!("{}: {rule}", places.get(key).map_or(key, String::as_str)));
        }
        if wrong.is_empty() { Ok(config) } else { Err(Wrong(wrong)) }
    }

    /// All settings as TOML, without what is secret. Those that are not set are left out.
    pub fn shown(&self) -> Result<String, toml::ser::Error> {
        const HIDDEN: &str = "***";
        let mut shown = self.clone();
        if let Some(Secret(url)) = &mut shown.database.url {
            // User and password may also stand behind the name.
            let (_, rest) = url.split_once("://").unwrap_or_default();
            let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
            *url = format!("postgres://{HIDDEN}@{}", place.split('?').next().unwrap_or_default());
        }
        if let Some(token) = &mut shown.admin.token {
            HIDDEN.clone_into(token);
        }
        toml::to_string(&shown)
    }

    /// What HTTP needs to know: the limits, and what stands outside their table.
    pub fn api_settings(&self) -> api::Settings {
        api::Settings {
            admin_token: self.admin.token.clone(),
            drain_secs: self.node.drain_secs,
            hosts: self.hosts.clone(),
            origins: self.origins.clone(),
            proxies: self.proxies.clone(),
            ..self.limits.clone()
        }
    }

    fn check(&self) -> Result<(), String> {
        let limits = &self.limits;
        self.sessions.check()?;
        let fits = |name: &str, holds: bool, rule: &str| {
            if holds { Ok(()) } else { Err(format!("{name} must be {rule}")) }
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
        fits("limits.challenges_per_day", limits.challenges_per_day <= 1_000_000, rate)?;
        fits("limits.work_per_minute", limits.work_per_minute <= 1 << 40, "0 (no limit) to 1099511627776")?;
        fits("limits.disk_per_minute", limits.disk_per_minute <= 1 << 40, "0 (no limit) to 1099511627776")?;
        let names = "names without scheme and port, as game.example";
        fits("hosts", self.hosts.iter().all(|name| api::is_host(name)), names)?;
        let origins = "scheme://host[:port] in small letters and without a default port, as https://game.example";
        fits("origins", self.origins.iter().all(|origin| api::is_origin(origin)), origins)?;
        let proxies = "addresses and networks, as 10.0.0.1 and 10.0.0.0/8";
        fits("proxies", self.proxies.iter().all(|proxy| api::is_proxy(proxy)), proxies)?;
        fits("limits.workers", limits.workers <= 1_024, "0 (one for each core) to 1024")?;
        fits("database.writers", (1..=4).contains(&self.database.writers), "1 to 4")?;
        fits("database.readers", (1..=64).contains(&self.database.readers), "1 to 64")?;
        fits("database.timeout_secs", (1..=60).contains(&self.database.timeout_secs), "1 to 60")?;
        fits("database.poll_secs", (1..=60).contains(&self.database.poll_secs), "1 to 60")?;
        let url = self.database.url.as_ref();
        let is_url = |url: &Secret| url.0.starts_with("postgres://") || url.0.starts_with("postgresql://");
        fits(
            "database.url",
            url.is_none_or(is_url),
            "the address of a database, as postgres://user:password@host/name",
        )?;
        fits("durability", url.is_none() || self.durability == Durability::Turn, "\"turn\" where there is a database")?;
        fits("node.drain_secs", self.node.drain_secs <= 600, "0 to 600")?;
        let name = self.node.name.as_deref();
        fits("node.name", name.is_none_or(|name| (1..=60).contains(&name.len())), "1 to 60 bytes")?;
        let token = self.admin.token.as_ref();
        fits("admin.token", token.is_none_or(|token| token.len() >= 16), "at least 16 characters")
    }

    /// Variables that begin with `COSMIC_`, the key in capitals, `__` between levels, `,` between the members of a list. An empty
    /// one sets nothing.
    pub fn environment() -> Environment {
        Environment::with_prefix("COSMIC").prefix_separator("_").separator("__").ignore_empty(true)
    }
}

/// What the layers set so far, over the defaults.
struct Laid {
    json: Json,
    /// Where each key is set that is.
    places: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Default for Laid {
    fn default() -> Self {
        // Text keys, and no number that JSON has not: it serializes.
        let json = serde_json::to_value(Config::default()).unwrap_or_default();
        Self { json, places: BTreeMap::new(), wrong: Vec::new() }
    }
}

impl Laid {
    fn lay_file(&mut self, path: &Path) -> Result<(), Wrong> {
        let name = path.display();
        let bytes = files::read(path).map_err(|error| format!("{error}; --config names a file of TOML"))?;
        let text = as_text(&bytes).map_err(|(line, column, problem)| format!("{name}:{line}:{column}: {problem}"))?;
        let layer = Layers::builder().add_source(File::from_str(text, FileFormat::Toml)).build();
        let layer = layer.and_then(|layer| layer.collect()).map_err(|error| format!("{name}: {error}"))?;
        self.lay_table("", layer, &|key| format!("{name}: {key}"));
        Ok(())
    }

    fn lay_table(&mut self, path: &str, table: Map<String, Value>, place: &dyn Fn(&str) -> String) {
        // In order, so that the same is told each time.
        for (name, value) in table.into_iter().collect::<BTreeMap<_, _>>() {
            let key = if path.is_empty() { name } else { format!("{path}.{name}") };
            match (self.there(&key), value.kind) {
                (Some(Json::Object(_)), ValueKind::Table(table)) => self.lay_table(&key, table, place),
                (Some(_), kind) => self.set(&key, &kind, place(&key)),
                (None, _) => {
                    let hint =
                        self.nearest(&key).unwrap_or_else(|| "docs/configuration.md lists those there are".to_owned());
                    self.wrong.push(format!("{}: there is no such key; {hint}", place(&key)));
                }
            }
        }
    }

    fn lay_variables(&mut self, variables: Map<String, Value>) {
        for (key, value) in variables.into_iter().collect::<BTreeMap<_, _>>() {
            let variable = variable(&key);
            if self.there(&key).is_some() {
                self.set(&key, &value.kind, variable);
            } else if let Some(near) = self.near(&key) {
                self.wrong.push(format!("{variable}: there is no such key; did you mean {}?", self::variable(&near)));
            } else if key.split_once('.').is_some_and(|(table, _)| self.there(table).is_some()) {
                self.wrong
                    .push(format!("{variable}: there is no such key; docs/configuration.md lists those there are"));
            }
            // Another program's: there is a desktop of that name.
        }
    }

    fn there(&self, key: &str) -> Option<&Json> {
        self.json.pointer(&format!("/{}", key.replace('.', "/")))
    }

    /// A known key that is a few letters away, or stands in a table.
    fn near(&self, key: &str) -> Option<String> {
        let mut known = Vec::new();
        leaves("", &self.json, &mut known);
        let misplaced = |each: &String| each.rsplit('.').next() == Some(key);
        let distance = |each: &String| strsim::osa_distance(key, each);
        let near = known.iter().filter(|each| distance(each) <= 2 || misplaced(each)).min_by_key(|each| distance(each));
        near.cloned()
    }

    fn nearest(&self, key: &str) -> Option<String> {
        self.near(key).map(|near| format!("did you mean {near}?"))
    }

    fn set(&mut self, key: &str, value: &ValueKind, place: String) {
        let Some(there) = self.json.pointer_mut(&format!("/{}", key.replace('.', "/"))) else { return };
        match fitting(key, there, value) {
            Ok(fitting) => {
                *there = fitting;
                self.places.insert(key.to_owned(), place);
            }
            Err(wanted) => {
                let is = match value {
                    ValueKind::Table(_) => "a table".to_owned(),
                    ValueKind::Array(_) => "a list".to_owned(),
                    ValueKind::String(text) => format!("{text:?}"),
                    other => other.to_string(),
                };
                self.wrong.push(format!("{place}: must be {wanted}; it is {is}"));
            }
        }
    }
}

fn variable(key: &str) -> String {
    format!("COSMIC_{}", key.to_uppercase().replace('.', "__"))
}

fn leaves(path: &str, json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                leaves(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value, found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

/// A value as its key takes it, or what the key takes. Variables are all text.
fn fitting(key: &str, there: &Json, value: &ValueKind) -> Result<Json, &'static str> {
    let number = || match value {
        ValueKind::I64(number) => u64::try_from(*number).ok(),
        ValueKind::U64(number) => Some(*number),
        ValueKind::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let text = |value: &ValueKind| match value {
        ValueKind::String(text) => Some(json!(text)),
        _ => None,
    };
    match (key, there) {
        ("bind", _) => {
            let port = || number().map(|port| json!(port.to_string()));
            text(value).or_else(port).ok_or("an address and a port, as \"127.0.0.1:8080\"")
        }
        ("durability", _) => match value {
            ValueKind::String(word) if ["turn", "sweep"].contains(&word.as_str()) => Ok(json!(word)),
            _ => Err("\"turn\" or \"sweep\""),
        },
        (_, Json::Number(_)) => number().map(|number| json!(number)).ok_or("a whole number, 0 or more"),
        (_, Json::Bool(_)) => match value {
            ValueKind::Boolean(yes) => Some(json!(yes)),
            ValueKind::String(word) => word.trim().parse::<bool>().ok().map(|yes| json!(yes)),
            _ => None,
        }
        .ok_or("true or false"),
        (_, Json::Array(_)) => match value {
            ValueKind::String(words) => Some(words.split(',').map(str::trim).filter(|word| !word.is_empty()).collect()),
            ValueKind::Array(words) => {
                words.iter().map(|word| text(&word.kind)).collect::<Option<_>>().map(Json::Array)
            }
            _ => None,
        }
        .ok_or("a list of texts in quotes"),
        (_, Json::Object(_)) => Err("a table of keys"),
        _ => text(value).ok_or("a text in quotes"),
    }
}

/// Host and port of what is asked for. A port alone is one of this machine, 127.0.0.1: nobody is to be let in by an oversight. An
/// address or a name alone has the port 8080.
fn host_and_port(bind: &str) -> Result<(String, u16), String> {
    const USUAL: u16 = 8080;
    let bind = bind.trim();
    if let Ok(address) = bind.parse::<SocketAddr>() {
        return Ok((address.ip().to_string(), address.port()));
    }
    if let Ok(address) = bind.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok((address.to_string(), USUAL));
    }
    let (host, port) = match bind.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None if !bind.is_empty() && bind.bytes().all(|byte| byte.is_ascii_digit()) => ("", bind),
        None => (bind, "8080"),
    };
    let form = "an address and a port are written as 127.0.0.1:8080, [::1]:8080, localhost:8080 or 8080";
    let port = port.parse().map_err(|_| format!("{port:?} is no port from 0 to 65535; {form}"))?;
    match host {
        "" if bind.is_empty() => Err(format!("it is empty; {form}")),
        "" => Ok(("127.0.0.1".to_owned(), port)),
        host if api::is_host(host) => Ok((host.to_owned(), port)),
        host => Err(format!("{host:?} is no address and no name; {form}")),
    }
}

/// The addresses that [`Config::bind`] means, IPv4 first, because most clients try that; or what is wrong with it. May ask the
/// network for a name.
pub fn addresses(bind: &str) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = host_and_port(bind)?;
    let found =
        (host.as_str(), port).to_socket_addrs().map_err(|error| format!("nobody knows the name {host:?}: {error}"))?;
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    if found.is_empty() { Err(format!("the name {host:?} has no address")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::{Config, Secret};

    #[test]
    fn what_is_shown_has_no_secret_and_reads_again() {
        let urls = [
            "postgres://me:hush@db.example/cosmic",
            "postgres://db.example/cosmic?user=me&password=hush",
            "postgres:///hush@x",
        ];
        for url in urls {
            let mut config = Config::default();
            config.database.url = Some(Secret(url.to_owned()));
            config.admin.token = Some("hush".to_owned());
            let shown = config.shown().expect("TOML");
            assert!(!shown.contains("hush"), "{shown}");
            let read: Config = toml::from_str(&shown).expect("a configuration");
            assert_eq!(read.sessions, config.sessions);
        }
    }

    #[test]
    fn a_port_alone_is_one_of_this_machine_and_names_are_found() {
        for (bind, addresses) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("8080", "127.0.0.1:8080"),
            (":8081", "127.0.0.1:8081"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0", "0.0.0.0:8080"),
            ("[::1]:80", "[::1]:80"),
            ("::1", "[::1]:8080"),
            ("[::]", "[::]:8080"),
            (" 127.0.0.1:5 ", "127.0.0.1:5"),
        ] {
            let found = super::addresses(bind).expect("addresses");
            assert_eq!(found, [addresses.parse().expect("an address")], "{bind}");
        }
        let localhost = super::addresses("localhost:9").expect("addresses");
        assert_eq!(localhost[0], "127.0.0.1:9".parse().expect("an address"));
        for (bad, said) in [
            ("", "it is empty"),
            ("localhost:", "is no port"),
            ("localhost:http", "\"http\" is no port"),
            ("99999", "is no port"),
            ("127.0.0.1:65536", "is no port"),
            ("http://localhost:8080", "is no address and no name"),
            ("a b:1", "is no address and no name"),
        ] {
            let problem = super::addresses(bad).expect_err("a problem");
            assert!(problem.contains(said), "{bad}: {problem}");
        }
    }
}
