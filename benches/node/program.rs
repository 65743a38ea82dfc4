//! Programs that are measured: this one's server, and bare handlers of the framework. Each is a process of its own, so that its processor
//! time and memory are its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::{App, HttpRequest, HttpServer, web};
use futures_util::StreamExt;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A server in a process of its own.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    /// This project's server over a folder, with nobody kept from anything.
    pub fn cosmic(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::build(env!("CARGO_BIN_EXE_cosmic-explorer"), folder, settings)
    }

    /// The same of another build of it.
    pub fn build(program: &str, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1:0", "--saves"]).arg(folder);
        let free = [
            ("COSMIC_LIMITS__REQUESTS_PER_MINUTE", "0"),
            ("COSMIC_LIMITS__CONNECTS_PER_MINUTE", "0"),
            ("COSMIC_SESSIONS__PER_PLAYER", "100000"),
            ("COSMIC_SESSIONS__LIMIT", "100000"),
            ("COSMIC_SESSIONS__STORED", "200000"),
            ("COSMIC_LIMITS__CONNECTIONS", "10000"),
            ("COSMIC_LIMITS__CONNECTIONS_PER_ADDRESS", "10000"),
            ("COSMIC_LOG", "error"),
        ];
        command.envs(free).envs(settings.iter().copied());
        Self::start(command)
    }

    /// A bare handler that reads a body and answers with so many bytes, over plain requests at `/` and over a socket at `/ws`.
    pub fn bare(bytes: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--serve", &bytes.to_string()]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split([',', '/', '\n', ' ']).next());
        let address = address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("where? {line}"));
        Self { child, address }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its processor time so far.
    pub fn processor(&self) -> Duration {
        processor_of(self.child.id()).expect("it runs")
    }

    /// Bytes that it has in memory.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).expect("a figure") * 1024
    }

    /// Ends it as a service manager does; how long it took.
    pub fn stop(mut self) -> Duration {
        let began = Instant::now();
        self.signal("TERM");
        self.child.wait().expect("it ends");
        began.elapsed()
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it ends");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "it is told to end");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The processor time of a process so far; none where there is no such process any more.
pub fn processor_of(id: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // utime and stime: the fields 14 and 15 of proc(5), of which two stand before the bracket. A tick is a hundredth.
    Some(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

/// What [`Program::bare`] runs.
pub fn serve_bare(bytes: usize) {
    actix_web::rt::System::new().block_on(async move {
        let answer = "x".repeat(bytes);
        let server = HttpServer::new(move || {
            let (whole, echoed) = (answer.clone(), answer.clone());
            let socket = move |request: HttpRequest, body: web::Payload| {
                let echoed = echoed.clone();
                async move {
                    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
                    actix_web::rt::spawn(async move {
                        while let Some(Ok(message)) = messages.next().await {
                            let answered = match message {
                                actix_ws::Message::Text(_) => session.text(echoed.clone()).await,
                                actix_ws::Message::Ping(bytes) => session.pong(&bytes).await,
                                _ => return,
                            };
                            if answered.is_err() {
                                return;
                            }
                        }
                    });
                    Ok::<_, actix_web::Error>(response)
                }
            };
            let plain = move |_: web::Bytes| {
                let answer = whole.clone();
                async move { actix_web::HttpResponse::Ok().content_type("application/json").body(answer) }
            };
            App::new().route("/ws", web::get().to(socket)).default_service(web::to(plain))
        });
        let server = server.bind("127.0.0.1:0").expect("it listens");
        println!("http://{}", server.addrs()[0]);
        server.run().await.expect("it serves");
    });
}
