//! The database that is configured.

use cosmic_explorer::config::Config;
use cosmic_explorer::store::Opened;

/// Opens the database, where one is configured.
#[cfg(feature = "postgres")]
pub async fn open(config: &Config) -> anyhow::Result<Option<Opened>> {
    use cosmic_explorer::store::postgres;
    match settings(config)? {
        Some(settings) => Ok(Some(postgres::open(settings).await?)),
        None => Ok(None),
    }
}

/// Makes the tables of the database that is configured, or brings them up to date.
#[cfg(feature = "postgres")]
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    use anyhow::Context;
    let settings = settings(config)?.context("no database is configured: set COSMIC_DATABASE__URL")?;
    Ok(cosmic_explorer::store::postgres::migrate(&settings).await?)
}

/// The same for a build that has none.
#[cfg(not(feature = "postgres"))]
pub async fn migrate(_: &Config) -> anyhow::Result<()> {
    anyhow::bail!("this program was built without the feature postgres")
}

/// The same for a build that has none.
#[cfg(not(feature = "postgres"))]
pub async fn open(config: &Config) -> anyhow::Result<Option<Opened>> {
    match config.database.url {
        Some(_) => anyhow::bail!("database.url is set, and this program was built without the feature postgres"),
        None => Ok(None),
    }
}

/// The database that is configured, if one is.
#[cfg(feature = "postgres")]
fn settings(config: &Config) -> anyhow::Result<Option<cosmic_explorer::store::postgres::Settings>> {
    let database = &config.database;
    let Some(url) = &database.url else { return Ok(None) };
    Ok(Some(cosmic_explorer::store::postgres::Settings {
        url: url.0.clone(),
        ca: database.ca.as_deref().map(cosmic_explorer::files::read).transpose()?,
        writers: usize::try_from(database.writers).unwrap_or(1),
        readers: usize::try_from(database.readers).unwrap_or(1),
        timeout: std::time::Duration::from_secs(database.timeout_secs),
        migrate: database.migrate,
        allow_unsafe: database.allow_unsafe,
        require_sync: database.require_sync,
        notify: database.notify,
        poll: std::time::Duration::from_secs(database.poll_secs),
        name: config.node.name.clone().unwrap_or_else(machine),
    }))
}

/// What this machine is called.
#[cfg(all(feature = "postgres", target_os = "linux"))]
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The same where nobody asks the system.
#[cfg(all(feature = "postgres", not(target_os = "linux")))]
fn machine() -> String {
    "cosmic-explorer".to_owned()
}
