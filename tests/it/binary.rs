//! The program itself: started, stopped in the middle of a fight, started again.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use cosmic_explorer::game::rng::Dice;
use serde_json::{Value, json};

use crate::patience::{Reaper, first_line, output, wait, watch};
use crate::play::{choose_offer, game, play};
use crate::server::Client;
use crate::wire::Socket;

pub struct Program {
    child: Child,
    pub url: String,
    _reaper: Reaper,
}

pub fn program(saves: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
    command.args(["--bind", "127.0.0.1:0", "--saves"]).arg(saves).args(more);
    command.env("COSMIC_LOG", "warn").env("COSMIC_LIMITS__WORKERS", "2");
    command.env("COSMIC_LIMITS__REQUESTS_PER_MINUTE", "0").env("COSMIC_LIMITS__CONNECTS_PER_MINUTE", "0");
    command.env("COSMIC_LIMITS__CHALLENGES_PER_DAY", "0");
    command
}

fn run(saves: &Path) -> Program {
    start(program(saves, &[]))
}

pub fn start(mut program: Command) -> Program {
    try_start(&mut program).expect("it says where it listens")
}

/// None where it ends before it says where it listens.
pub fn try_start(program: &mut Command) -> Option<Program> {
    watch();
    let mut child = program.stdout(Stdio::piped()).spawn().expect("it starts");
    let reaper = Reaper::of(&child);
    let line = first_line("a program to say where it listens", &mut child);
    let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) else {
        wait("a program that does not start", &mut child);
        return None;
    };
    Some(Program { url: url.trim_end_matches(',').to_owned(), child, _reaper: reaper })
}

impl Program {
    /// Sends a signal.
    pub fn tell(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Sends a signal, and waits for the exit code.
    pub fn end(mut self, signal: &str) -> Option<i32> {
        self.tell(signal);
        wait("a program", &mut self.child).code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone when the test went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Goes on with a policy until a fight is in its second round, or the game is over.
pub fn play_until(client: &Client, dice: &mut Dice, stop_in_fight: bool) -> Value {
    loop {
        let state = client.look()["state"].clone();
        let in_fight = state["combat"]["round"].as_i64().is_some_and(|round| round >= 1);
        if state["game_over"] == true || (stop_in_fight && in_fight) {
            return state;
        }
        client.act(&choose_offer(&state, &client.offers(), dice)["action"]);
    }
}

#[test]
fn a_game_stopped_in_a_fight_goes_on_to_the_same_end() {
    // The same seed and policy, once through and once stopped by SIGTERM, in a fight and later again.
    let fights = |seed: &u64| {
        let mut met = false;
        play(game(*seed), *seed, |_, _, _, after| met |= after.combat.is_some_and(|fight| fight.round > 0));
        met
    };
    for (seed, signal) in (11..).filter(fights).zip(["-TERM", "-INT"]) {
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let whole = run(folders[0].path());
        let mut uninterrupted = Client::new(&whole.url);
        uninterrupted.begin(json!({ "seed": seed }));
        play_until(&uninterrupted, &mut Dice::new(seed), false);

        let mut dice = Dice::new(seed);
        let first = run(folders[1].path());
        let mut client = Client::new(&first.url);
        client.begin(json!({ "seed": seed }));
        let stopped = play_until(&client, &mut dice, true);
        assert!(!stopped["combat"].is_null(), "seed {seed} has a fight: {stopped}");
        let before = client.get(&client.path("")).text;
        assert_eq!(first.end(signal), Some(0));

        let second = run(folders[1].path());
        let client = client.at(&second.url);
        assert_eq!(client.get(&client.path("")).text, before, "the same revision and state");
        play_until(&client, &mut dice, false);
        let digests = |client: &Client| -> Vec<Value> {
            client.history().iter().map(|turn| json!([turn["revision"], turn["action"], turn["digest"]])).collect()
        };
        assert_eq!(digests(&client), digests(&uninterrupted));
        assert_eq!(second.end(signal), Some(0));
        assert_eq!(whole.end(signal), Some(0));
    }
}

#[test]
fn twenty_sessions_are_written_down_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = run(folder.path());
    let mut players: Vec<_> = (0..20).map(|_| Client::new(&server.url)).collect();
    for (seed, player) in players.iter_mut().enumerate() {
        player.begin(json!({ "seed": seed }));
        for _ in 0..seed {
            player.act(&json!({"type": "wait"}));
        }
    }
    assert_eq!(server.end("-TERM"), Some(0));
    let server = run(folder.path());
    for (seed, player) in players.iter_mut().enumerate() {
        player.url.clone_from(&server.url);
        assert_eq!(player.look()["revision"], seed);
        assert_eq!(player.history().len(), seed);
    }
}

#[test]
fn a_server_for_one_game_ends_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = start(program(folder.path(), &["--exit-when-empty"]));
    let mut socket = Socket::open(&server.url, "", None).expect("a socket");
    assert_eq!(socket.act(1, &json!({"type": "wait"}))["revision"], 1);
    assert_eq!(server.child.try_wait().expect("its state"), None);
    socket.say(&json!({"type": "leave"}));
    assert_eq!(socket.wait_for_close(), 4000);
    assert_eq!(wait("a server for one game", &mut server.child).code(), Some(0));

    let client = {
        let mut client = Client::new("");
        client.token = socket.hello["token"].as_str().map(str::to_owned);
        client.with_session(socket.hello["session_id"].as_str().expect("an id"))
    };
    let mut server = start(program(folder.path(), &["--exit-when-empty"]));
    assert_eq!(client.clone().at(&server.url).look()["revision"], 1);
    assert_eq!(
        client
            .at(&server.url)
            .send(
                "DELETE",
                &format!("/api/sessions/{}", socket.hello["session_id"].as_str().expect("an id")),
                &[],
                None
            )
            .status,
        204
    );
    assert_eq!(wait("a server for one game", &mut server.child).code(), Some(0));
}

/// Two hundred megabytes of bodies leave nothing behind.
#[test]
fn large_bodies_do_not_grow_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = run(folder.path());
    let mut client = Client::new(&server.url);
    client.begin(json!({ "seed": 1 }));
    let memory = || client.get("/stats").json()["memory_bytes"].as_u64().expect("bytes");
    let send = || {
        let body = vec![b' '; 10_000_000];
        let kind = [("content-type", "application/json")];
        // The server may hang up while the body is still on its way, which the client then tells as an error.
        if let Ok(reply) = client.try_send("POST", &client.path("/actions"), &kind, Some(&body)) {
            assert_eq!(reply.status, 413);
        }
    };
    // The allocator keeps what it needs at the most; that is reached first.
    for _ in 0..20 {
        send();
    }
    let before = memory();
    for _ in 0..20 {
        send();
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 10_000_000, "{grown} bytes more");
    assert_eq!(client.look()["revision"], 0);
}

#[test]
fn wrong_content_and_wrong_configuration_do_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::write(data.join("ships.toml"), "[scout]\ncost = 1\n").expect("a file");
    let ended = output(&mut program(folder.path(), &["--data", data.to_str().expect("UTF-8")]));
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("ships.toml:1:2: scout.name: is missing") && said.contains("mods.toml"), "{said}");

    let ended = output(&mut program(folder.path(), &["--config", "/does/not/exist.toml"]));
    assert!(!ended.status.success());
    let ended = output(&mut program(folder.path(), &["--bind", "somewhere"]));
    assert!(!ended.status.success());
    // Flags before a command would be those of no command, and count for nothing.
    let ended = output(&mut program(folder.path(), &["serve"]));
    assert!(!ended.status.success());
}

#[test]
fn a_folder_of_content_takes_the_place_of_the_built_in_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    for (name, text) in cosmic_explorer::game::content::built_in() {
        std::fs::write(data.join(name), text.replace("Scout Vessel", "Paper Boat")).expect("a file");
    }
    let server = start(program(folder.path(), &["--data", data.to_str().expect("UTF-8")]));
    let content = Client::new(&server.url).get("/api/content").json();
    assert_eq!(content["ships"]["scout"]["name"], "Paper Boat");
    assert_eq!(server.end("-TERM"), Some(0));
}
