//! Nothing in the tests waits for ever: waits that end and say what they waited for, a flag that is set whatever stops its holder,
//! and a watchdog for what nobody thought of.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No test waits longer for anything: what takes so long, on a machine that is busy with other work, does not come.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// No test lasts longer than this, unless it says so: the longest takes a tenth of it on an idle machine.
const LONGEST: Duration = Duration::from_secs(300);

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    watch();
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited {} s for {what}, which never came", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A connection that waits for nothing for ever.
pub fn connect(address: &str) -> TcpStream {
    watch();
    let stream = TcpStream::connect(address.strip_prefix("http://").unwrap_or(address)).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// The first line that a program says.
pub fn first_line(what: &str, child: &mut Child) -> String {
    let (told, line) = std::sync::mpsc::channel();
    let out = child.stdout.take().expect("its output");
    std::thread::spawn(move || {
        let mut line = String::new();
        // Who waits is told of a program that says nothing by its silence.
        if BufReader::new(out).read_line(&mut line).is_ok() {
            drop(told.send(line));
        }
    });
    receive(what, &line)
}

/// What comes over a channel.
pub fn receive<T>(what: &str, channel: &Receiver<T>) -> T {
    channel.recv_timeout(PATIENCE).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => panic!("waited {} s for {what}, which never came", PATIENCE.as_secs()),
        RecvTimeoutError::Disconnected => panic!("who would have told of {what} has ended"),
    })
}

/// What a thread comes to. If it panicked, so does this.
pub fn join<T>(what: &str, thread: JoinHandle<T>) -> T {
    until(what, || thread.is_finished());
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// How a program ends. One that does not is killed.
pub fn wait(what: &str, child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("its state") {
            return status;
        }
        if began.elapsed() > PATIENCE {
            drop(child.kill());
            drop(child.wait());
            panic!("waited {} s for {what} to end", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a program to its end.
pub fn output(command: &mut Command) -> Output {
    watch();
    let what = format!("{command:?}");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let _reaper = Reaper::of(&child);
    let (out, err) = (child.stdout.take().expect("its output"), child.stderr.take().expect("its errors"));
    // Read aside, so that it does not wait for a reader, nor this for its end.
    let [out, err] = [all_of(out), all_of(err)];
    let status = wait(&what, &mut child);
    Output { status, stdout: join("its output", out), stderr: join("its errors", err) }
}

fn all_of(mut pipe: impl std::io::Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe");
        bytes
    })
}

/// Sets a flag when it is dropped: whatever stops who holds it, a failure too, stops those who go on until the flag is set.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Watched {
    /// The tests that run: when each began to be watched, and how long it may take.
    tests: BTreeMap<u64, (String, Instant, Duration)>,
    /// Programs that they have started.
    programs: BTreeSet<u32>,
}

static WATCHED: Mutex<Watched> = Mutex::new(Watched { tests: BTreeMap::new(), programs: BTreeSet::new() });

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A test that is watched, until its thread ends.
struct Watch(u64);

impl Drop for Watch {
    fn drop(&mut self) {
        watched().tests.remove(&self.0);
    }
}

thread_local! {
    static OWN: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Sees to it that the test of this thread ends: if not, all tests do, with its name. Whatever tests begin with calls this.
pub fn watch() {
    match std::thread::current().name() {
        // A thread that a test has begun: the test waits for it.
        None => {}
        // With one thread for all tests, each call begins anew.
        Some("main") => watch_for(LONGEST),
        Some(_) if OWN.with_borrow(Option::is_none) => watch_for(LONGEST),
        Some(_) => {}
    }
}

/// The same for one that takes longer.
pub fn watch_for(longest: Duration) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static DOG: Once = Once::new();
    let name = std::thread::current().name().unwrap_or("a thread of a test").to_owned();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    watched().tests.insert(number, (name, Instant::now(), longest));
    OWN.with_borrow_mut(|own| *own = Some(Watch(number)));
    DOG.call_once(|| drop(std::thread::spawn(guard)));
}

fn guard() {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let watched = watched();
        let late = watched.tests.values().filter(|(_, began, longest)| began.elapsed() > *longest);
        let late: Vec<_> = late.map(|(name, began, _)| format!("{name} ({} s)", began.elapsed().as_secs())).collect();
        if late.is_empty() {
            continue;
        }
        // Not by a macro: what these say is kept back until the test ends.
        let late = late.join(", ");
        let _ = writeln!(std::io::stderr(), "\n\nHANGS: {late}: it waits for what never comes. All tests end here.");
        for id in &watched.programs {
            drop(Command::new("kill").args(["-KILL", &id.to_string()]).status());
        }
        std::process::exit(101);
    }
}

/// A program that ends with the tests, even if they hang.
pub struct Reaper(u32);

impl Reaper {
    pub fn of(child: &Child) -> Self {
        watched().programs.insert(child.id());
        Self(child.id())
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        watched().programs.remove(&self.0);
    }
}

#[test]
fn whatever_stops_its_holder_sets_the_flag() {
    let done = AtomicBool::new(false);
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| until("the flag", || done.load(Ordering::Relaxed)));
            let _stop = Stop(&done);
            panic!("on purpose");
        })
    }));
    assert!(failed.is_err() && done.load(Ordering::Relaxed));
}
