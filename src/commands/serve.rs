//! Serving the game until the process is told to stop.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use cosmic_explorer::api;
use cosmic_explorer::config::{Config, Flags};
use cosmic_explorer::files::saves_folder;
use cosmic_explorer::session::clock::StoreClock;
use cosmic_explorer::session::{Parts, Services};
use cosmic_explorer::store::folder::{self, BeginAnew, Settings};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;

use super::content::load_content;
use super::database;
use super::system::{listen, random, told_to_stop};
use super::terminal::log_to_stderr;

/// Threads for work that waits for the disk. More would only wait for each other, and each keeps some memory of its own.
const DISK_THREADS: usize = 32;

#[derive(Clone, Debug, Default, Args)]
pub struct Serve {
    /// Where to listen: an address or a name, a port, or both [default: 127.0.0.1:8080].
    #[arg(long)]
    bind: Option<String>,
    /// The folder of saves [default: ./saves where it exists, else the platform's data folder].
    #[arg(long)]
    saves: Option<PathBuf>,
    /// A content pack: a folder of content in place of the built-in one, or over it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// A configuration file (TOML).
    #[arg(long)]
    config: Option<PathBuf>,
    /// Prints the configuration as it stands, without secrets, and ends.
    #[arg(long)]
    print_config: bool,
    /// Ends when the last game has left memory, for servers that are started by a launcher.
    #[arg(long)]
    exit_when_empty: bool,
    /// Gives up what is lost, where the server says that it is and does not start for it: the keys (every token is void), the list
    /// of revoked tokens (they count again), or segments of the turn log (games go on where their checkpoints are).
    #[arg(long, value_enum, value_name = "WHAT")]
    begin_anew: Vec<Anew>,
}

/// See [`BeginAnew`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Anew {
    Keys,
    Tokens,
    Log,
}

impl Serve {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = Builder::new_multi_thread().max_blocking_threads(DISK_THREADS).enable_all().build()?;
        runtime.block_on(serve(self))
    }
}

async fn serve(options: Serve) -> anyhow::Result<ExitCode> {
    let Serve { bind, saves, data, config, print_config, exit_when_empty, begin_anew } = options;
    let flags = Flags { bind, saves, data };
    let config = Config::read(config.as_deref(), Config::environment(), flags).context("the configuration")?;
    if print_config {
        print!("{}", config.shown()?);
        return Ok(ExitCode::SUCCESS);
    }
    let filter = EnvFilter::try_new(&config.log).context("the configuration: log")?;
    log_to_stderr(quiet(filter, &config.log));
    let (files, content) = load_content(config.data.as_deref())?;
    let http = config.api_settings();
    let begin_anew = BeginAnew {
        keys: begin_anew.contains(&Anew::Keys),
        tokens: begin_anew.contains(&Anew::Tokens),
        log: begin_anew.contains(&Anew::Log),
    };
    let settings = Settings { durability: config.durability, log_bytes: config.turn_log_bytes, begin_anew };
    let opened = match database::open(&config).await? {
        Some(opened) => opened,
        None => {
            let path = saves_folder(config.saves);
            folder::open(&path, settings).with_context(|| format!("saves in {}", path.display()))?
        }
    };
    let saves = opened.store.place();
    let clock = Arc::new(StoreClock::new(opened.store.clone()));
    let services = Services::open(Parts {
        opened,
        files,
        content: Arc::new(content),
        clock,
        seeds: Box::new(|| u64::from_le_bytes(random())),
        key: random,
        settings: config.sessions,
    })
    .await?;
    let listener = listen(&config.bind)?;
    let address = listener.local_addr()?;
    let stop = told_to_stop()?;
    // The process that started the server may not listen any more.
    let _ = writeln!(std::io::stdout(), "Cosmic Explorer is listening on http://{address}, saves in {saves}");
    let directory = services.directory.clone();
    let stop = async move {
        tokio::select! {
            () = stop => {}
            () = directory.emptied(), if exit_when_empty => tracing::info!("the last game has left memory"),
        }
    };
    let failed = api::serve(listener, services, http, stop).await?;
    if failed > 0 {
        bail!("{failed} sessions could not be written down");
    }
    tracing::info!("every game is saved");
    Ok(ExitCode::SUCCESS)
}

/// What the framework says of its own start is for those who ask for it.
fn quiet(filter: EnvFilter, asked: &str) -> EnvFilter {
    let everything = |directive: &str| ["debug", "trace"].iter().any(|level| directive.eq_ignore_ascii_case(level));
    if asked.split(',').map(str::trim).any(|directive| everything(directive) || directive.contains("actix")) {
        return filter;
    }
    let directive = "actix_server=warn".parse();
    directive.map_or_else(|_| EnvFilter::new(asked), |directive| filter.add_directive(directive))
}
