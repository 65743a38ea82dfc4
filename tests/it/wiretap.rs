//! A wire between servers and their database that can be cut, stopped, and made to swallow an answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens when an answer is swallowed.
type Deed = Box<dyn Fn() + Send>;

/// What is done to what goes over it.
#[derive(Default)]
struct Switches {
    deed: Mutex<Option<Deed>>,
    /// Answers until one is swallowed, and its connection ends; negative: none.
    swallow: AtomicI64,
    swallowed: AtomicUsize,
    /// Once an answer is swallowed nothing goes on.
    freezes: AtomicBool,
    /// Nothing goes on.
    frozen: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

/// See the top of this file.
pub struct Wiretap {
    pub port: u16,
    switches: Arc<Switches>,
}

impl Wiretap {
    /// To a socket of PostgreSQL.
    pub fn new(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let switches = Arc::new(Switches { swallow: AtomicI64::new(-1), ..Switches::default() });
        let own = switches.clone();
        // It ends with the test.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let (from, to) = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
                own.open.lock().expect("a list").push(client.try_clone().expect("a copy"));
                let switches = own.clone();
                std::thread::spawn(move || ask(&switches, from, to));
                let switches = own.clone();
                std::thread::spawn(move || answer(&switches, server, client));
            }
        });
        Self { port, switches }
    }

    /// Swallows the answer after so many more, and ends its connection.
    pub fn swallow(&self, after: i64) {
        self.switches.swallow.store(after, Ordering::SeqCst);
    }

    /// Whenever an answer is swallowed, does something before its connection ends.
    pub fn whenever_swallowed(&self, deed: impl Fn() + Send + 'static) {
        *self.switches.deed.lock().expect("a deed") = Some(Box::new(deed));
    }

    /// Swallows the answer after so many more, and stops everything.
    pub fn swallow_and_freeze(&self, after: i64) {
        self.switches.freezes.store(true, Ordering::SeqCst);
        self.swallow(after);
    }

    /// Everything goes on, and nothing is swallowed.
    pub fn calm(&self) {
        self.swallow(-1);
        self.switches.freezes.store(false, Ordering::SeqCst);
        self.freeze(false);
    }

    /// Answers that were swallowed.
    pub fn swallowed(&self) -> usize {
        self.switches.swallowed.load(Ordering::SeqCst)
    }

    /// Stops everything where it is, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        self.switches.frozen.store(frozen, Ordering::SeqCst);
    }

    /// Ends all connections.
    pub fn cut(&self) {
        for client in self.switches.open.lock().expect("a list").drain(..) {
            drop(client.shutdown(Shutdown::Both));
        }
    }
}

fn thaw(switches: &Switches) {
    while switches.frozen.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ask(switches: &Switches, mut client: TcpStream, mut server: UnixStream) {
    let mut bytes = [0; 8192];
    while let Ok(read @ 1..) = client.read(&mut bytes) {
        thaw(switches);
        if server.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    drop(server.shutdown(Shutdown::Write));
}

/// What the server says, answer by answer: each ends with ReadyForQuery.
fn answer(switches: &Switches, mut server: UnixStream, mut client: TcpStream) {
    let mut held = Vec::new();
    loop {
        let mut head = [0; 5];
        if server.read_exact(&mut head[..1]).is_err() {
            break;
        }
        if server.read_exact(&mut head[1..]).is_err() {
            break;
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length.saturating_sub(4)];
        if server.read_exact(&mut body).is_err() {
            break;
        }
        held.extend(head);
        held.extend(body);
        thaw(switches);
        // Rows and what became of a statement wait for its end; the others are waited for by themselves.
        let ends = !matches!(head[0], b'D' | b'C');
        if head[0] == b'Z' && switches.swallow.fetch_sub(1, Ordering::SeqCst) == 0 {
            if let Some(deed) = &*switches.deed.lock().expect("a deed") {
                deed();
            }
            if switches.freezes.swap(false, Ordering::SeqCst) {
                switches.frozen.store(true, Ordering::SeqCst);
            }
            switches.swallowed.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if ends && client.write_all(&std::mem::take(&mut held)).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
}
