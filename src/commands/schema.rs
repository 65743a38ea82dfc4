//! Schemas of the content files, for editors.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use cosmic_explorer::files::write_schemas;

#[derive(Debug, Args)]
pub struct Schemas {
    /// Where to, as `my-pack/schema`; made if it is not there.
    folder: PathBuf,
}

impl Schemas {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        write_schemas(&self.folder).with_context(|| format!("schemas in {}", self.folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
