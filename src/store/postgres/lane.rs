//! A lane: a connection to PostgreSQL that comes back by itself. Statements on it follow one another without waiting for answers.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use super::error::Failure;
use super::queries::RECEIPT;
use super::settings::Settings;
use crate::game::RULES_VERSION;
use crate::model::VERSION;

/// What every connection is told first. A turn that was answered is on the disk of PostgreSQL, and of its standbys where there are
/// some, whatever the role or the database is set to. Plans do not depend on values, so none is made twice; and they find rows by their
/// keys, also those that are made while tables are small, and kept while these grow: what has no key costs more on paper, so much that
/// PostgreSQL would compile it. No lock outlives a node that has died.
const GREETING: &str = "SET synchronous_commit = on; SET plan_cache_mode = force_generic_plan; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
     SET client_connection_check_interval = '2s'; SET idle_in_transaction_session_timeout = '5s'";

/// How soon a connection that listens is missed.
const LOST: Duration = Duration::from_secs(1);

/// Where lanes lead.
pub(super) struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    pub timeout: Duration,
    /// Of the server: connections live on no worker's own thread.
    runtime: Handle,
    /// Of this server, among those at the database.
    pub node: Uuid,
    name: String,
    /// Connections that were made.
    pub connects: AtomicU64,
}

impl Target {
    /// What the settings name, or what is wrong with them.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        // The parser repeats what it was given, and that holds a password.
        let mut config: Config = settings.url.parse().map_err(|_| {
            "database.url is not the address of a database, as postgres://user:password@host:5432/name".to_owned()
        })?;
        config.connect_timeout(settings.timeout).application_name(&settings.name);
        config.keepalives_idle(Duration::from_secs(10)).tcp_user_timeout(settings.timeout);
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(trust(settings)?),
            timeout: settings.timeout,
            runtime: Handle::current(),
            node: Uuid::new_v4(),
            name: settings.name.clone(),
            connects: AtomicU64::default(),
        })
    }

    async fn connect(&self) -> Result<Live, Failure> {
        self.connect_and_hear(None).await
    }

    /// Connects; what the server says without being asked goes into `heard`.
    async fn connect_and_hear(&self, heard: Option<Sender<String>>) -> Result<Live, Failure> {
        let (client, mut connection) = self.config.connect(self.tls.clone()).await?;
        let (doubtful, listens) = (Arc::new(AtomicBool::new(false)), heard.is_some());
        let live = Live { client, doubtful: doubtful.clone(), statements: Mutex::default() };
        // It ends with the connection, or once the client is dropped and all has been said.
        self.runtime.spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    // The only warning a commit gives: its wait for a standby was cut.
                    AsyncMessage::Notice(notice) if notice.severity() == "WARNING" => {
                        tracing::warn!(code = notice.code().code(), message = notice.message(), "the database warns");
                        doubtful.store(true, Ordering::Release);
                    }
                    AsyncMessage::Notification(told) => {
                        // Where it is full, or nobody listens any more, it is found by looking.
                        drop(heard.as_ref().map(|heard| heard.try_send(told.payload().to_owned())));
                    }
                    _ => {}
                }
            }
        });
        live.client.batch_execute(GREETING).await?;
        if listens {
            live.client.batch_execute("LISTEN cosmic").await?;
        }
        self.connects.fetch_add(1, Ordering::Relaxed);
        Ok(live)
    }
}

/// Listens to what other nodes ring, until the connection is lost; then again.
pub(super) async fn listen(target: Arc<Target>, heard: Sender<String>) {
    loop {
        match target.connect_and_hear(Some(heard.clone())).await {
            Ok(live) => {
                // What was rung while nobody listened is found by looking.
                while !live.client.is_closed() {
                    tokio::time::sleep(LOST).await;
                }
            }
            Err(failure) => tracing::warn!(%failure, "nobody listens to the other servers; they are looked at"),
        }
        tokio::time::sleep(LOST).await;
    }
}

/// Whom to believe that it is the server.
fn trust(settings: &Settings) -> Result<ClientConfig, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let Some(pem) = &settings.ca else {
        let config = config.with_platform_verifier().map_err(|error| error.to_string())?;
        return Ok(config.with_no_client_auth());
    };
    let told = |error: &dyn std::fmt::Display| format!("database.ca: {error}");
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| told(&error))?;
        roots.add(certificate).map_err(|error| told(&error))?;
    }
    if roots.is_empty() {
        return Err(told(&"it has no certificate"));
    }
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A connection, and what is prepared on it.
struct Live {
    client: Client,
    /// The database has warned: a commit may be on no standby.
    doubtful: Arc<AtomicBool>,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

impl Live {
    async fn statement(&self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.lock().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().insert(sql, statement.clone());
        Ok(statement)
    }

    async fn query(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
        let statement = self.statement(sql).await?;
        let rows = self.client.query(&statement, values).await?;
        if self.doubtful.load(Ordering::Acquire) { Err(Failure::Unconfirmed) } else { Ok(rows) }
    }
}

/// See the top of this file.
pub(super) struct Lane {
    target: Arc<Target>,
    /// Held while it connects, so that one does for all.
    live: tokio::sync::Mutex<Option<Arc<Live>>>,
}

impl Lane {
    pub fn new(target: Arc<Target>) -> Self {
        Self { target, live: tokio::sync::Mutex::default() }
    }

    /// Says a statement until it is answered, which may be more than once; for as long as the settings have it.
    ///
    /// What was said before and was not answered may be there, and on no standby yet. So an answer that took more than one try counts
    /// once a write after it is safe.
    pub async fn query(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
        let missed = Mutex::default();
        let told = async {
            let rows = self.until_told(sql, values, &missed).await?;
            if missed.lock().is_some() {
                self.until_kept(&missed).await?;
            }
            Ok(rows)
        };
        self.in_time(told, &missed).await
    }

    /// Writes something, so that all that was visible before is as safe as it; for as long as the settings have it.
    pub async fn receipt(&self) -> Result<(), Failure> {
        let missed = Mutex::default();
        self.in_time(self.until_kept(&missed), &missed).await
    }

    /// What is told in time.
    async fn in_time<T>(
        &self,
        told: impl Future<Output = Result<T, Failure>>,
        missed: &Mutex<Option<String>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.target.timeout, told).await {
            Ok(told) => told,
            Err(_) => {
                // What does not answer for so long is thrown away.
                if let Ok(mut live) = self.live.try_lock() {
                    *live = None;
                }
                Err(Failure::TimedOut(missed.lock().take().unwrap_or_else(|| "no answer".to_owned())))
            }
        }
    }

    async fn until_kept(&self, missed: &Mutex<Option<String>>) -> Result<(), Failure> {
        let (version, rules, format) = (env!("CARGO_PKG_VERSION"), RULES_VERSION as i32, VERSION as i32);
        let Target { node, name, .. } = &*self.target;
        self.until_told(RECEIPT, &[node, name, &version, &rules, &format], missed).await?;
        Ok(())
    }

    async fn until_told(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
        missed: &Mutex<Option<String>>,
    ) -> Result<Vec<Row>, Failure> {
        let again = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(1))
            .with_max_delay(Duration::from_millis(100))
            .with_jitter()
            .without_max_times();
        let once = || self.once(sql, values);
        let note = |failure: &Failure, _| *missed.lock() = Some(failure.to_string());
        once.retry(again).when(Failure::passes).notify(note).await
    }

    /// Says a statement once.
    async fn once(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
        let live = self.live().await?;
        let answered = live.query(sql, values).await;
        if answered.as_ref().is_err_and(Failure::breaks) {
            let mut now = self.live.lock().await;
            // Another one may have connected again.
            if now.as_ref().is_some_and(|now| Arc::ptr_eq(now, &live)) {
                *now = None;
            }
        }
        answered
    }

    /// Says many statements in one go, outside of what is prepared.
    pub async fn batch(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.live().await?.client.batch_execute(sql).await?)
    }

    async fn live(&self) -> Result<Arc<Live>, Failure> {
        let mut live = self.live.lock().await;
        if let Some(live) = live.as_ref().filter(|live| !live.client.is_closed()) {
            return Ok(live.clone());
        }
        let new = Arc::new(self.target.connect().await?);
        *live = Some(new.clone());
        Ok(new)
    }
}
