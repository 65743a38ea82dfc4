//! Checking a folder of content.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use cosmic_explorer::game::content::{Checked, Fault};
use serde_json::json;

use super::content::examine;
use super::terminal::{count, say, told};

#[derive(Debug, Args)]
pub struct Check {
    /// The folder.
    folder: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let folder = self.folder.display();
        let Checked { content, warnings } = match examine(&self.folder) {
            Ok((_, checked)) => checked,
            // In the same form as any other answer.
            Err(error) if self.json => {
                let fault = Fault { file: folder.to_string(), problem: told(&error.into()), ..Fault::default() };
                Checked { content: Err(vec![fault]), warnings: Vec::new() }
            }
            Err(error) => return Err(error).with_context(|| format!("content in {folder}")),
        };
        let (content, faults) = match content {
            Ok(content) => (Some(content), Vec::new()),
            Err(faults) => (None, faults),
        };
        if self.json {
            let hash = content.as_ref().map(|content| &content.hash);
            say(json!({"content": hash, "faults": faults, "warnings": warnings}).to_string());
        } else {
            for (kind, found) in [("", &faults), ("warning: ", &warnings)] {
                for each in found {
                    // As a path, so that terminals and editors open it.
                    let at = if each.built_in { String::new() } else { format!("{}/", folder) };
                    say(format!("{kind}{at}{each}"));
                }
            }
            let warned = count(warnings.len(), "warning", "warnings");
            match content {
                Some(content) => say(format!("{folder} can be played, with {warned}: content {}", content.hash)),
                None => say(format!("{folder} cannot be played: {}", count(faults.len(), "fault", "faults"))),
            }
        }
        Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
