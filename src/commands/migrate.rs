//! The tables of a database, made and changed by hand.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use cosmic_explorer::config::{Config, Flags};

#[derive(Debug, Args)]
pub struct Migrate {
    /// A configuration file (TOML), which names the database; or `COSMIC_DATABASE__URL` does.
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Migrate {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::read(self.config.as_deref(), Config::environment(), Flags::default());
        let config = config.context("the configuration")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(super::database::migrate(&config))?;
        super::terminal::say("The tables of the database are those of this version.");
        Ok(ExitCode::SUCCESS)
    }
}
