//! A real server on a free port, with a clock that stands still, and a plain client for it.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cosmic_explorer::api;
use cosmic_explorer::game::content::built_in;
use cosmic_explorer::session::clock::ManualClock;
use cosmic_explorer::session::{Parts, Services};
use cosmic_explorer::session::{SessionError, Settings};
use cosmic_explorer::store::{Opened, StoreError, folder};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::patience::{PATIENCE, join, receive, until, watch};
use crate::play::CONTENT;
use crate::voyage::RUNTIME;

pub struct Server {
    pub url: String,
    pub clock: Arc<ManualClock>,
    pub services: Services,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<usize>>,
}

pub fn start() -> (tempfile::TempDir, Server) {
    start_with(Settings::default(), unlimited())
}

/// Settings for tests, which ask more often than players.
pub fn unlimited() -> api::Settings {
    api::Settings { requests_per_minute: 0, connects_per_minute: 0, challenges_per_day: 0, ..api::Settings::default() }
}

pub fn start_with(settings: Settings, api: api::Settings) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start_in(folder.path(), settings, api);
    (folder, server)
}

/// A time at which tests begin.
pub fn dawn() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time in range")
}

pub fn start_in(saves: &Path, settings: Settings, api: api::Settings) -> Server {
    serve(open(saves, Default::default()), settings, api)
}

/// The same with another time at which its clock begins.
pub fn start_at(saves: &Path, now: Timestamp) -> Server {
    serve_at(now, saves, Settings::default())
}

/// The same with settings.
pub fn serve_at(now: Timestamp, saves: &Path, settings: Settings) -> Server {
    serve_by(Arc::new(ManualClock::at(now)), open(saves, Default::default()), settings, unlimited())
}

/// Opens a folder. A server that has just stopped may hold it a moment longer: its last threads are still ending, or another test
/// is starting a program, which has a copy of what this process has open until it has become that program.
pub fn open(saves: &Path, settings: folder::Settings) -> Opened {
    if let Some(opened) = crate::cluster::instead_of(saves) {
        return opened;
    }
    let mut opened = None;
    let _inside = RUNTIME.enter();
    until("the folder to be free", || match folder::open(saves, settings) {
        Err(StoreError::Locked { .. }) => false,
        other => {
            opened = Some(other);
            true
        }
    });
    opened.expect("it was opened").expect("a store")
}

/// A server over a store that the test has opened.
pub fn serve(opened: Opened, settings: Settings, api: api::Settings) -> Server {
    serve_by(Arc::new(ManualClock::at(dawn())), opened, settings, api)
}

fn serve_by(clock: Arc<ManualClock>, opened: Opened, settings: Settings, mut api: api::Settings) -> Server {
    // Two are enough, and many servers run at once.
    api.workers = 2;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (ready, started) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let time = clock.clone();
    let thread = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
        runtime.block_on(async move {
            let seeds = AtomicU64::new(1);
            let services = Services::open(Parts {
                opened,
                content: CONTENT.clone(),
                files: built_in(),
                clock: time,
                seeds: Box::new(move || seeds.fetch_add(1, Ordering::Relaxed)),
                key: || [7; 32],
                settings,
            })
            .await
            .expect("services");
            ready.send((services.clone(), tokio::runtime::Handle::current())).expect("the test waits");
            let told = async { drop(stopped.await) };
            api::serve(listener, services, api, told).await.expect("it serves")
        })
    });
    let (services, runtime) = receive("a server to start", &started);
    Server { url, clock, services, runtime, stop: Some(stop), thread: Some(thread) }
}

/// Edits a stored session as an admin would: without its checksum.
pub fn edit(saves: &Path, session: &str, change: impl FnOnce(&str) -> String) {
    let file = saves.join(format!("session_{session}.json"));
    let text = std::fs::read_to_string(&file).expect("a save");
    let (_, rest) = text.split_once(',').expect("a checksum");
    let edited = change(&format!("{{{rest}"));
    assert!(edited.len() > 1_000 && edited[1..] != *rest, "the edit changes something");
    std::fs::write(file, edited).expect("a save");
}

impl Server {
    /// Stops it as SIGTERM does; the number of sessions that were not saved.
    pub fn stop(mut self) -> usize {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<usize> {
        // The server may have ended by itself.
        let _ = self.stop.take()?.send(());
        let thread = self.thread.take()?;
        // A test that has failed must not fail twice.
        if !std::thread::panicking() {
            return Some(join("a server to stop", thread));
        }
        let began = Instant::now();
        while !thread.is_finished() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
        None
    }

    pub fn sweep(&self) -> cosmic_explorer::session::Swept {
        let services = self.services.clone();
        self.runtime.block_on(async move { services.sweeper.sweep().await })
    }

    /// A new token in the place of one, as a socket that resumes gets it.
    pub fn rotate(&self, token: &str) -> Result<String, SessionError> {
        let claims = self.services.tokens.check(token).map_err(|_| SessionError::BadToken)?;
        let rotated = self.runtime.block_on(self.services.tokens.rotate(&claims))?;
        Ok(rotated.reveal().to_owned())
    }

    /// A player's token as this server's cookie.
    pub fn cookie(&self, token: &str) -> String {
        format!("cosmic_{}={token}", self.services.mark)
    }

    pub fn write_down_uses(&self) {
        self.runtime.block_on(self.services.tokens.write_down_uses()).expect("it is written");
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// A client with a new game of a seed.
    pub fn player(&self, seed: u64) -> Client {
        let mut client = self.client();
        client.begin(json!({ "seed": seed }));
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// One player, and the session he plays.
#[derive(Clone)]
pub struct Client {
    pub agent: ureq::Agent,
    pub url: String,
    pub token: Option<String>,
    pub session: String,
}

pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code of a refusal, after checking that it is a whole problem document.
    pub fn code(&self) -> String {
        assert!(self.status >= 400, "{} {}", self.status, self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        for member in ["type", "title", "detail", "code"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
        }
        problem["code"].as_str().expect("a code").to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }
}

impl Client {
    pub fn new(url: &str) -> Self {
        watch();
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        Self { agent: config.into(), url: url.to_owned(), token: None, session: String::new() }
    }

    /// The same player at another server.
    pub fn at(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Reply {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Reply, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body)?),
            None => self.agent.run(request.body(())?),
        }?;
        let text = response.body_mut().read_to_string()?;
        Ok(Reply { status: response.status().as_u16(), headers: response.headers().clone(), text })
    }

    /// The same player at another session.
    pub fn with_session(&self, session: &str) -> Self {
        Self { session: session.to_owned(), ..self.clone() }
    }

    /// Another token, for the same session.
    pub fn with_token(&self, token: Option<String>) -> Self {
        Self { token, ..self.clone() }
    }

    /// A body that goes on.
    pub fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Box<dyn std::io::Read + Send> {
        let mut request = ureq::http::Request::builder().uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // It may go on for as long as a test does.
        let request = request.body(()).expect("a request");
        let request = self.agent.configure_request(request).timeout_global(Some(3 * PATIENCE)).build();
        let response = self.agent.run(request).expect("an answer");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().expect("a header"))
        );
        Box::new(response.into_body().into_reader())
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_text(path, body.to_string().as_bytes())
    }

    pub fn post_text(&self, path: &str, body: &[u8]) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], Some(body))
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/sessions/{}{rest}", self.session)
    }

    pub fn begin(&mut self, body: Value) -> Value {
        let reply = self.post("/api/sessions", &body);
        assert_eq!(reply.status, 201, "{}", reply.text);
        let created = reply.json();
        self.session = created["session_id"].as_str().expect("an id").to_owned();
        if let Some(token) = created["token"].as_str() {
            self.token = Some(token.to_owned());
        }
        created
    }

    pub fn look(&self) -> Value {
        let reply = self.get(&self.path(""));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    pub fn offers(&self) -> Value {
        let reply = self.get(&self.path("/actions"));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    pub fn try_act(&self, action: &Value) -> Reply {
        self.post(&self.path("/actions"), action)
    }

    pub fn act(&self, action: &Value) -> Value {
        let reply = self.try_act(action);
        assert_eq!(reply.status, 200, "{action}: {}", reply.text);
        reply.json()
    }

    pub fn history(&self) -> Vec<Value> {
        let mut turns = Vec::new();
        let mut after = json!(0);
        while !after.is_null() {
            let page = self.get(&self.path(&format!("/turns?after={after}"))).json();
            turns.extend(page["turns"].as_array().expect("turns").clone());
            after = page["next_after"].clone();
        }
        turns
    }
}
