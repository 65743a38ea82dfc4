//! What admins do without a server: replays, and a look into a folder of saves.

mod simulate;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use cosmic_explorer::files::{self, FileError, as_text, read_content, saves_folder, write_schemas};
use cosmic_explorer::game::content::{Checked, Content, Fault, Files};
use cosmic_explorer::model::{
    BoardName, Checkpoint, Nonce, PlayerId, Refusal, Save, SessionId, Unproven, VERSION, replay,
};
use cosmic_explorer::session::challenge::Secret;
use cosmic_explorer::session::token::{Bearer, Signer};
use cosmic_explorer::store::{Opened, Settings, Store};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

pub use simulate::Simulate;

/// Nobody can tell whether a game is what it says.
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

#[derive(Debug, Args)]
pub struct Check {
    /// The folder.
    folder: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Schemas {
    /// Where to, as `my-pack/schema`; made if it is not there.
    folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Saves {
    /// The folder of saves [default: ./saves where it exists, else the platform's data folder].
    #[arg(long, global = true)]
    saves: Option<PathBuf>,
    /// A content pack: a folder of content in place of the built-in one, or over it.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: SavesCommand,
}

#[derive(Debug, Subcommand)]
enum SavesCommand {
    /// Lists the games and the saves in the folder.
    List,
    /// Reads every game, save and entry of a board in it, and plays it again; ends with 1 if one is not what it says.
    Verify,
    /// Prints a game (its id) or a save (PLAYER/SLOT) as a file that can be imported.
    Export {
        /// As `list` names it.
        what: String,
    },
    /// Makes a game of an exported file, for a new player, and prints his token.
    Import {
        /// The file; `-` reads from the standard input.
        file: PathBuf,
    },
    /// Draws a new key to sign tokens with.
    ///
    /// Tokens under the present key stay good until they expire, and are renewed under the new one. Those under the key before it
    /// do not: unless a key got into wrong hands, leave 90 days between two changes, which is as long as a token lives.
    RotateKey,
}

/// Prints a line. Whoever asked for it may not listen any more, which ends nothing.
fn say(line: impl AsRef<str>) {
    let _ = writeln!(io::stdout(), "{}", line.as_ref());
}

fn input(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        Ok(bytes)
    } else {
        Ok(files::read(file)?)
    }
}

impl Replay {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let (_, content) = crate::load_content(self.data.as_deref())?;
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

/// A number with what it counts.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The content in a folder, and everything that is wrong with it; what cannot be read among it.
pub fn examine(folder: &Path) -> Result<(Files, Checked), FileError> {
    let (files, unreadable) = read_content(folder)?;
    let Checked { content, warnings } = Content::check_all(&files);
    if unreadable.is_empty() {
        return Ok((files, Checked { content, warnings }));
    }
    let mut faults = content.err().unwrap_or_default();
    faults.retain(|fault| !unreadable.iter().any(|each| each.file == fault.file));
    faults.extend(unreadable);
    faults.sort();
    Ok((files, Checked { content: Err(faults), warnings: Vec::new() }))
}

impl Check {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let folder = self.folder.display();
        let Checked { content, warnings } = match examine(&self.folder) {
            Ok((_, checked)) => checked,
            // In the same form as any other answer.
            Err(error) if self.json => {
                let fault = Fault { file: folder.to_string(), problem: crate::told(&error.into()), ..Fault::default() };
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

impl Schemas {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        write_schemas(&self.folder).with_context(|| format!("schemas in {}", self.folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A folder, and the content its games play on.
struct Folder {
    opened: Opened,
    present: Arc<Content>,
    older: BTreeMap<String, Arc<Content>>,
}

impl Folder {
    fn content(&mut self, hash: &str) -> anyhow::Result<Arc<Content>> {
        if hash == self.present.hash {
            return Ok(self.present.clone());
        }
        if let Some(content) = self.older.get(hash) {
            return Ok(content.clone());
        }
        let content = Arc::new(self.opened.store.content(hash)?);
        self.older.insert(hash.to_owned(), content.clone());
        Ok(content)
    }

    fn session(&self, id: Uuid) -> anyhow::Result<Save> {
        let checkpoint = self.opened.store.load(id)?.context("there is no such game")?;
        let history = self.opened.store.lineage(id, checkpoint.revision)?;
        let at = checkpoint.last_activity;
        Ok(Save::of(checkpoint, history, at))
    }

    fn slot(&self, player: Uuid, number: u8) -> anyhow::Result<Save> {
        self.opened.store.slot(player, number)?.context("there is no such save")
    }

    /// All there is, by the names `list` gives.
    fn names(&self) -> Vec<String> {
        let mut sessions: Vec<_> = self.opened.sessions.iter().map(|header| header.session_id).collect();
        let mut slots = self.opened.slots.clone();
        sessions.sort_unstable();
        slots.sort_unstable();
        let sessions = sessions.iter().map(Uuid::to_string);
        sessions.chain(slots.iter().map(|(player, number)| format!("{player}/{number}"))).collect()
    }

    fn find(&self, name: &str) -> anyhow::Result<Save> {
        let unknown =
            || format!("{name:?} names no game (its id) and no save (PLAYER/SLOT); `saves list` has the names");
        match name.split_once('/') {
            Some((player, number)) => {
                let (player, number) = (player.parse().ok(), number.parse().ok());
                let (player, number) = player.zip(number).with_context(unknown)?;
                self.slot(player, number)
            }
            None => self.session(name.parse().ok().with_context(unknown)?),
        }
    }

    fn prove(&mut self, name: &str) -> anyhow::Result<usize> {
        let save = self.find(name)?;
        let content = self.content(&save.content)?;
        save.prove(&content, true)?;
        Ok(save.history.len())
    }

    /// Tells of every entry of a board; whether all of them are what they say.
    fn examine(&mut self, board: BoardName) -> anyhow::Result<bool> {
        let secret = Secret::new(&self.opened.store.keys(crate::random)?);
        let mut good = true;
        for (line, entry) in (1..).zip(self.opened.store.board(board)?) {
            let content = self.content(&entry.claim.content).ok();
            let told = match secret.examine(board, &entry, content.as_deref()) {
                Ok(true) => format!("good: {} actions", entry.history.len()),
                Ok(false) => "unverifiable, but sealed by this server".to_owned(),
                Err(refusal) => {
                    good = false;
                    format!("BAD: {refusal}")
                }
            };
            say(format!("{:<38}  {told}", format!("{board} {line}")));
        }
        Ok(good)
    }

    fn import(&mut self, file: &[u8]) -> anyhow::Result<(SessionId, PlayerId, String)> {
        let save = Save::read(file)?;
        let content = self.content(&save.content)?;
        let secret = Secret::new(&self.opened.store.keys(crate::random)?);
        save.prove(&content, save.seal.as_ref().is_some_and(|seal| secret.has_sealed(file, seal)))?;
        save.check_count()?;
        let store = &self.opened.store;
        let (id, owner, now) = (SessionId(Uuid::now_v7()), PlayerId::fresh(), Timestamp::now());
        let lived = store.clock()?.map_or(now, |clock| clock.lived);
        let turn = save.clone().loaded(0, 1, now);
        let checkpoint = Checkpoint {
            version: VERSION,
            session_id: id.0,
            owner: owner.0,
            name: save.name,
            created_at: save.created_at,
            last_activity: now,
            lived: Some(lived),
            revision: turn.revision,
            ranked: false,
            permadeath: false,
            challenge: None,
            rules: save.rules,
            content: save.content,
            keys: Vec::new(),
            begun_with: None,
            place: save.place,
            state: save.state,
            star_map: save.star_map,
        };
        store.save(&checkpoint, Some(&turn))?;
        let token = Signer::new(&store.keys(crate::random)?).sign(Bearer::Player(owner), Nonce::first(), lived);
        Ok((id, owner, token.reveal().to_owned()))
    }
}

impl Saves {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        // Damaged files are set aside, and that is told.
        crate::log_to_stderr(EnvFilter::new("error"));
        let (files, content) = crate::load_content(self.data.as_deref())?;
        let path = saves_folder(self.saves);
        if !path.is_dir() {
            bail!("there is no folder {}", path.display());
        }
        let opened = Store::open(&path, Settings::default())?;
        let mut folder = Folder { opened, present: Arc::new(content), older: BTreeMap::new() };
        let mut code = ExitCode::SUCCESS;
        match self.command {
            SavesCommand::List => {
                for name in folder.names() {
                    match folder.find(&name) {
                        Ok(save) => say(line(&name, &save)),
                        Err(error) => say(format!("{name:<38}  {error}")),
                    }
                }
            }
            SavesCommand::Verify => {
                for name in folder.names() {
                    match folder.prove(&name) {
                        Ok(turns) => say(format!("{name:<38}  good: {turns} actions")),
                        Err(error) => {
                            code = ExitCode::FAILURE;
                            say(format!("{name:<38}  BAD: {error}"));
                        }
                    }
                }
                let mut boards = folder.opened.boards.clone();
                boards.sort_unstable();
                for board in boards {
                    if !folder.examine(board)? {
                        code = ExitCode::FAILURE;
                    }
                }
                for name in folder.opened.store.reported() {
                    code = ExitCode::FAILURE;
                    say(format!("{name:<38}  BAD: damaged"));
                }
            }
            SavesCommand::Export { what } => {
                let secret = Secret::new(&folder.opened.store.keys(crate::random)?);
                let save = secret.seal_save(folder.find(&what)?.exported());
                say(serde_json::to_string(&save)?);
            }
            SavesCommand::Import { file } => {
                let file = input(&file)?;
                let (id, player, token) = folder.import(&file)?;
                folder.opened.store.keep_content(&folder.present.hash, &files)?;
                say(format!("session {id}\nplayer  {}\ntoken   {token}", player.0));
            }
            SavesCommand::RotateKey => {
                folder.opened.store.rotate_key(crate::random)?;
                say(
                    "Tokens are signed with a new key. Those under the last one stay good; those under an older one do not.",
                );
            }
        }
        Ok(code)
    }
}

fn line(name: &str, save: &Save) -> String {
    let stats = &save.state.player_stats;
    let end = save.state.end.as_deref().unwrap_or("goes on");
    let Save { name: title, place, saved_at, revision, .. } = save;
    let turn = save.state.turn_count;
    format!(
        "{name:<38}  turn {turn:>3}, revision {revision:>5}, {:>6} cr, {end}, {saved_at:.0}: {title}, {place}",
        stats.wealth
    )
}
