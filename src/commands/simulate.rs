//! Many games played by policies, and a report of them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use cosmic_explorer::files;
use cosmic_explorer::game::content::Difficulty;
use cosmic_explorer::simulate::{self, Policy, html, report};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::content::load_content;
use super::terminal::say;

#[derive(Debug, Args)]
pub struct Simulate {
    /// Games to play with each policy; with spam, with each kind of action.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    games: u64,
    /// Who plays: random, spam, greedy, trader, fighter, miner, quester, planner, or all of them, each on the same games.
    #[arg(long, default_value = "all", value_parser = policies)]
    policy: Policies,
    /// easy, normal or hard.
    #[arg(long, default_value = "normal", value_parser = difficulty)]
    difficulty: Difficulty,
    /// Decides all chance: the same seed gives the same report.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder for the report; made if it is not there.
    #[arg(long, default_value = ".")]
    out: PathBuf,
    /// A folder of content in place of the built-in one.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// One policy, or all.
#[derive(Clone, Debug)]
struct Policies(Vec<Policy>);

fn policies(name: &str) -> Result<Policies, String> {
    if name == "all" {
        return Ok(Policies(Policy::ALL.into()));
    }
    name.parse().map(|policy| Policies(vec![policy])).map_err(|problem: String| format!("{problem}, or all"))
}

fn difficulty(name: &str) -> Result<Difficulty, String> {
    serde_json::from_value(json!(name)).map_err(|_| "choose one of easy, normal, hard".to_owned())
}

impl Simulate {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let (_, content) = load_content(self.data.as_deref())?;
        let Self { games, policy: Policies(policies), difficulty, seed, out, .. } = self;
        let plan = simulate::Plan { games, policies, difficulty, seed };
        // Drawn on the error output, and only where that is a terminal.
        let bar = ProgressBar::new(plan.total());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} games, {per_sec}, {eta} left") {
            bar.set_style(style);
        }
        let played = simulate::run(&content, &plan, &|| bar.inc(1));
        bar.finish_and_clear();
        let report = report::json(&content, &plan, &played);
        let file = out.join("report.json");
        files::write(&file, serde_json::to_string_pretty(&report)?.as_bytes())?;
        let page = out.join("report.html");
        files::write(&page, html::page(&content, &plan, &played).as_bytes())?;
        for policy in &played {
            let rate = report::Share::of(policy.tally.wins, policy.tally.games);
            let [rate, from, to] = [rate.rate, rate.from, rate.to].map(|share| 100.0 * share);
            let best = policy.kinds.first().map(|(kind, ..)| format!(", at best with {kind}")).unwrap_or_default();
            say(format!("{:<8} {rate:5.1} % won ({from:.1} to {to:.1}){best}", policy.policy));
        }
        say(format!("{}\n{}", file.display(), page.display()));
        Ok(ExitCode::SUCCESS)
    }
}
