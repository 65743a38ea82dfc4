//! Playing a finished game again, and verifying every turn of it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use cosmic_explorer::files::as_text;
use cosmic_explorer::model::{Refusal, Save, Unproven, replay};
use serde_json::{Value, json};

use super::content::load_content;
use super::terminal::{input, say};

/// The exit code where nobody can tell whether a game is what it says.
const UNVERIFIABLE: u8 = 3;

#[derive(Debug, Args)]
pub struct Replay {
    /// A replay (`GET /api/sessions/{id}/turns?format=replay`) or an exported save; `-` reads from the standard input.
    file: PathBuf,
    /// Prints JSON, a line for each turn, in place of the story.
    #[arg(long)]
    json: bool,
    /// A content pack: a folder of content in place of the built-in one, or over it.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Replay {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let (_, content) = load_content(self.data.as_deref())?;
        let bytes = input(&self.file)?;
        let name = self.file.display();
        let text = as_text(&bytes).map_err(|(line, column, problem)| anyhow!("{name}:{line}:{column}: {problem}"))?;
        let file: Value = serde_json::from_str(text).with_context(|| format!("{name} is not JSON"))?;
        let read = match file.get("star_map") {
            Some(_) => Save::read(text.as_bytes()).map(|save| (save.replay(), Some(save))),
            None => replay::Replay::read(file).map(|replay| (replay, None)),
        };
        let (replay, save) = read.map_err(|refusal| anyhow!("{name}: {refusal}"))?;
        if !self.json {
            say(format!("{}, {:?}, seed {}", replay.name, replay.difficulty, replay.seed));
        }
        let told = replay.verify(&content, |turn, step, outcome| {
            if self.json {
                let line = json!({"turn": turn, "action": step.action, "outcome": outcome, "digest": step.digest});
                say(line.to_string());
            } else {
                say(format!("{turn:>5}  {}", outcome.message));
            }
        });
        let proven = match (told, save) {
            (Ok(_), Some(save)) => save.prove(&content, false),
            (Ok(_), None) => Ok(()),
            (Err(unproven), _) => Err(unproven.into()),
        };
        let (verdict, code) = match &proven {
            Ok(()) => (format!("{} turns, every one as it was played", replay.history.len()), ExitCode::SUCCESS),
            Err(Refusal::Unproven(problem @ (Unproven::Unverifiable { .. } | Unproven::ContentMissing { .. }))) => {
                (format!("unverifiable: {problem}"), ExitCode::from(UNVERIFIABLE))
            }
            Err(problem) => (problem.to_string(), ExitCode::FAILURE),
        };
        if self.json {
            say(json!({"verified": proven.is_ok(), "turns": replay.history.len(), "verdict": verdict}).to_string());
        } else {
            say(verdict);
        }
        Ok(code)
    }
}
