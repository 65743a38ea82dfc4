//! A look into a folder of saves, or a database, with the server stopped: list, verify, export, import, copy, and a new key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use cosmic_explorer::config::{Config, Flags};
use cosmic_explorer::files::saves_folder;
use cosmic_explorer::game::content::{Content, Files};
use cosmic_explorer::model::{BoardName, Checkpoint, Nonce, PlayerId, Save, SessionId, VERSION};
use cosmic_explorer::session::ChallengeKey;
use cosmic_explorer::session::token::{Bearer, Signer};
use cosmic_explorer::store::Opened;
use cosmic_explorer::store::folder::{self, Settings};
use jiff::Timestamp;
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

use super::content::load_content;
use super::copy::{copy, open};
use super::database;
use super::system::random;
use super::terminal::{input, log_to_stderr, say};

#[derive(Debug, Args)]
pub struct Saves {
    /// The folder of saves [default: the database of COSMIC_DATABASE__URL where that is set, else ./saves where it exists, else the
    /// platform's data folder].
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
    /// Makes a game of an exported file, for a new player, and prints their token.
    Import {
        /// The file; `-` reads from the standard input.
        file: PathBuf,
    },
    /// Copies all there is, with the servers stopped, and compares what was copied game by game.
    ///
    /// Where it was stopped before, it goes on. What is in the other place under other names stays there.
    Copy {
        /// A folder, or a database: postgres://…
        #[arg(long)]
        from: String,
        /// The same.
        #[arg(long)]
        to: String,
    },
    /// Draws a new key to sign tokens with.
    ///
    /// Tokens under the present key stay good until they expire, and are renewed under the new one. Those under the key before it
    /// do not: unless a key got into wrong hands, leave 90 days between two changes, which is as long as a token lives.
    RotateKey,
}

/// A folder, and the content its games play on.
struct Folder {
    opened: Opened,
    present: Arc<Content>,
    older: BTreeMap<String, Arc<Content>>,
}

impl Folder {
    async fn content(&mut self, hash: &str) -> anyhow::Result<Arc<Content>> {
        if hash == self.present.hash {
            return Ok(self.present.clone());
        }
        if let Some(content) = self.older.get(hash) {
            return Ok(content.clone());
        }
        let content = Arc::new(self.opened.store.content(hash.to_owned()).await?);
        self.older.insert(hash.to_owned(), content.clone());
        Ok(content)
    }

    async fn session(&self, id: SessionId) -> anyhow::Result<Save> {
        let checkpoint = self.opened.store.read(id).await?.context("there is no such game")?;
        let history = self.opened.store.lineage(id, checkpoint.revision).await?;
        let at = checkpoint.last_activity;
        Ok(Save::of(checkpoint, history, at))
    }

    async fn slot(&self, player: PlayerId, number: u8) -> anyhow::Result<Save> {
        self.opened.store.slot(player, number).await?.context("there is no such save")
    }

    /// All there is, by the names `list` gives.
    fn names(&self) -> Vec<String> {
        let mut sessions: Vec<_> = self.opened.sessions.iter().map(|header| header.session_id).collect();
        let mut slots = self.opened.slots.clone();
        sessions.sort_unstable();
        slots.sort_unstable_by_key(|(player, number)| (player.0, *number));
        let sessions = sessions.iter().map(Uuid::to_string);
        sessions.chain(slots.iter().map(|(player, number)| format!("{}/{number}", player.0))).collect()
    }

    async fn find(&self, name: &str) -> anyhow::Result<Save> {
        let unknown =
            || format!("{name:?} names no game (its id) and no save (PLAYER/SLOT); `saves list` has the names");
        match name.split_once('/') {
            Some((player, number)) => {
                let (player, number) = (player.parse().ok().map(PlayerId), number.parse().ok());
                let (player, number) = player.zip(number).with_context(unknown)?;
                self.slot(player, number).await
            }
            None => self.session(SessionId(name.parse().ok().with_context(unknown)?)).await,
        }
    }

    async fn list(&self) {
        for name in self.names() {
            match self.find(&name).await {
                Ok(save) => say(line(&name, &save)),
                Err(error) => say(format!("{name:<38}  {error}")),
            }
        }
    }

    /// Says of everything there is whether it is what it says; whether all of it is.
    async fn verify(&mut self) -> anyhow::Result<bool> {
        let mut good = true;
        for name in self.names() {
            match self.prove(&name).await {
                Ok(turns) => say(format!("{name:<38}  good: {turns} actions")),
                Err(error) => {
                    good = false;
                    say(format!("{name:<38}  BAD: {error}"));
                }
            }
        }
        let mut boards = self.opened.boards.clone();
        boards.sort_unstable();
        for board in boards {
            good &= self.examine(board).await?;
        }
        for name in self.opened.store.report().set_aside {
            good = false;
            say(format!("{name:<38}  BAD: damaged"));
        }
        Ok(good)
    }

    async fn prove(&mut self, name: &str) -> anyhow::Result<usize> {
        let save = self.find(name).await?;
        let content = self.content(&save.content).await?;
        save.prove(&content, true)?;
        Ok(save.history.len())
    }

    async fn key(&self) -> anyhow::Result<ChallengeKey> {
        Ok(ChallengeKey::new(&self.opened.store.keys(random).await?))
    }

    /// Says of every entry of a board whether it is what it says; whether all of them are.
    async fn examine(&mut self, board: BoardName) -> anyhow::Result<bool> {
        let key = self.key().await?;
        let mut good = true;
        for (line, entry) in (1..).zip(self.opened.store.board(board).await?) {
            let content = self.content(&entry.claim.content).await.ok();
            let told = match key.examine(board, &entry, content.as_deref()) {
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

    /// Makes a game of an exported one. `files` are the present content's, which the folder keeps for games to come.
    async fn import(&mut self, file: &[u8], files: Files) -> anyhow::Result<(SessionId, PlayerId, String)> {
        let save = Save::read(file)?;
        let content = self.content(&save.content).await?;
        let key = self.key().await?;
        save.prove(&content, save.seal.as_ref().is_some_and(|seal| key.has_sealed(file, seal)))?;
        save.check_count()?;
        let store = &self.opened.store;
        let (id, owner, now) = (SessionId(Uuid::now_v7()), PlayerId::fresh(), Timestamp::now());
        let lived = store.clock().await?.map_or(now, |clock| clock.lived);
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
        store.put(checkpoint, vec![turn]).await?;
        let token = Signer::new(&store.keys(random).await?).sign(Bearer::Player(owner), Nonce::first(), lived);
        store.keep_content(self.present.hash.clone(), Arc::new(files)).await?;
        Ok((id, owner, token.reveal().to_owned()))
    }
}

impl Saves {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.look_after())
    }

    async fn look_after(self) -> anyhow::Result<ExitCode> {
        // Damaged files are set aside, and that is told.
        log_to_stderr(EnvFilter::new("error"));
        let config = Config::read(None, Config::environment(), Flags::default()).context("the configuration")?;
        if let SavesCommand::Copy { from, to } = self.command {
            return copy(open(&from, &config).await?, open(&to, &config).await?).await;
        }
        let (files, content) = load_content(self.data.as_deref())?;
        let named = match self.saves {
            None if config.database.url.is_some() => None,
            saves => Some(saves_folder(saves)),
        };
        let opened = match named {
            None => database::open(&config).await?.context("there is no database")?,
            Some(path) if path.is_dir() => folder::open(&path, Settings::default())?,
            Some(path) => bail!("there is no folder {}", path.display()),
        };
        let mut folder = Folder { opened, present: Arc::new(content), older: BTreeMap::new() };
        match self.command {
            SavesCommand::List => folder.list().await,
            SavesCommand::Verify => {
                if !folder.verify().await? {
                    return Ok(ExitCode::FAILURE);
                }
            }
            SavesCommand::Export { what } => {
                let key = folder.key().await?;
                let save = key.seal_save(folder.find(&what).await?.exported());
                say(serde_json::to_string(&save)?);
            }
            SavesCommand::Import { file } => {
                let (id, player, token) = folder.import(&input(&file)?, files).await?;
                say(format!("session {id}\nplayer  {}\ntoken   {token}", player.0));
            }
            // It has ended above.
            SavesCommand::Copy { .. } => {}
            SavesCommand::RotateKey => {
                folder.opened.store.rotate_key(random).await?;
                say(
                    "Tokens are signed with a new key. Those under the last one stay good; those under an older one do not.",
                );
            }
        }
        Ok(ExitCode::SUCCESS)
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
