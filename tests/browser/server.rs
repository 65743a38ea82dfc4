//! The program itself, on a free port, that can be killed and started again where it was.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::patience::{PATIENCE, Reaper, first_line, wait};

pub struct Server {
    pub url: String,
    bind: String,
    saves: tempfile::TempDir,
    data: Option<std::path::PathBuf>,
    program: Option<Child>,
    reaper: Option<Reaper>,
}

impl Server {
    pub fn start() -> Self {
        Self::with_data(None)
    }

    /// With content of its own.
    pub fn with_data(data: Option<&Path>) -> Self {
        let saves = tempfile::tempdir().expect("a folder");
        let mut server = Self {
            url: String::new(),
            bind: "127.0.0.1:0".into(),
            saves,
            data: data.map(Path::to_path_buf),
            program: None,
            reaper: None,
        };
        server.begin();
        server
    }

    /// Starts it, after a kill at the same address.
    pub fn begin(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cosmic-explorer"));
        command.args(["--bind", &self.bind, "--saves"]).arg(self.saves.path());
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        command.env("COSMIC_LIMITS__REQUESTS_PER_MINUTE", "0").env("COSMIC_LIMITS__CONNECTS_PER_MINUTE", "0");
        let mut program =
            command.env("COSMIC_LOG", "error").stdout(Stdio::piped()).spawn().expect("the program starts");
        self.reaper = Some(Reaper::of(&program));
        let line = first_line("the program to say where it is", &mut program);
        self.program = Some(program);
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next());
        self.bind = address.unwrap_or_else(|| panic!("an address in {line:?}")).to_owned();
        self.url = format!("http://{}", self.bind);
    }

    /// As a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.kill().expect("it can be killed");
            wait("the program", &mut program);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A player's other device: plain calls with their token.
pub fn call(url: &str, token: &str, method: &str, path: &str, body: Option<&Value>) -> Value {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
    let agent = ureq::Agent::from(config);
    let request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
    let request = request.header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
    let text = body.map(Value::to_string).unwrap_or_default();
    let answer = match body {
        Some(_) => agent.run(request.body(text).expect("a request")),
        None => agent.run(request.body(()).expect("a request")),
    };
    let mut answer = answer.expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    assert!(answer.status().is_success(), "{method} {path}: {} {text}", answer.status());
    serde_json::from_str(&text).unwrap_or_default()
}
