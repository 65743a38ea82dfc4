//! A server of PostgreSQL for the tests of a run, from the installed binaries, and a database of it for each test.
//!
//! Where there are no binaries the tests say so and pass; with `CI` set that is an error.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use cosmic_explorer::store::Opened;
use cosmic_explorer::store::postgres::{self, Settings};
use parking_lot::Mutex;

use crate::voyage::RUNTIME;
use crate::wiretap::Wiretap;

/// The server of this run.
static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| match binaries() {
    Some(binaries) => Some(Cluster::start(&binaries)),
    None if std::env::var_os("CI").is_some() => panic!("there is no PostgreSQL; COSMIC_TEST_PG_BIN names its binaries"),
    None => {
        eprintln!("SKIPPED: there is no PostgreSQL here; COSMIC_TEST_PG_BIN names its binaries");
        None
    }
});

/// A server.
pub struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    keeper: Mutex<Keeper>,
}

/// The shell that starts it, and ends it when its standard input ends.
struct Keeper {
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
    _shell: Child,
}

impl Keeper {
    fn wait_until_ready(&mut self, folder: &Path) {
        let mut line = String::new();
        self.told.read_line(&mut line).expect("a line");
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(line, "ready\n", "PostgreSQL did not start: {}", log());
    }
}

fn wanted() -> bool {
    std::env::var("COSMIC_TEST_STORE").is_ok_and(|store| store == "postgres")
}

/// Whether games are in a database: then a test that reads or writes files of theirs has nothing to test.
pub fn not_on_files() -> bool {
    if wanted() {
        eprintln!("SKIPPED: this is about files");
    }
    wanted()
}

/// With `COSMIC_TEST_STORE=postgres` servers have a database in the place of a folder, the same for the same folder.
pub fn instead_of(folder: &Path) -> Option<Opened> {
    static DATABASES: LazyLock<Mutex<HashMap<PathBuf, Database>>> = LazyLock::new(Mutex::default);
    if !wanted() {
        return None;
    }
    let settings = {
        let mut databases = DATABASES.lock();
        // Those whose folder is gone go with it.
        databases.retain(|folder, _| folder.exists());
        let fresh = || Database::new().expect("COSMIC_TEST_STORE asks for PostgreSQL");
        databases.entry(folder.to_owned()).or_insert_with(fresh).settings()
    };
    Some(RUNTIME.block_on(postgres::open(settings)).expect("it opens"))
}

/// A database that goes when this does.
pub struct Database {
    cluster: &'static Cluster,
    name: String,
}

/// The folder of `initdb`.
fn binaries() -> Option<PathBuf> {
    let named = std::env::var_os("COSMIC_TEST_PG_BIN").map(PathBuf::from);
    let asked = || {
        let output = Command::new("pg_config").arg("--bindir").output().ok()?;
        Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
    };
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).max()
    };
    let mut places = [named, asked(), debian()].into_iter().flatten();
    places.find(|place| place.join("initdb").is_file())
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program that runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Cluster {
    fn start(binaries: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("cosmic-pg").tempdir().expect("a folder").keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            chown(&folder, Some(65534), Some(65534)).expect("its owner");
        }
        let data = folder.join("data");
        run(unprivileged(&binaries.join("initdb")).arg("-D").arg(&data).args([
            "--username=cosmic",
            "--auth=trust",
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
        ]));
        // It ends with the test run, however that ends: the shell reads until nobody holds the other end any more.
        let script = r#"
            run() {
                "$1" -D "$2" -k "$3" -c listen_addresses= -c fsync=off -c max_connections=400 -c max_wal_size=256MB \
                    >>"$3/log" 2>&1 </dev/null & own=$!
                until "$4" -q -h "$3" -U cosmic; do kill -0 $own || exit 1; sleep 0.05; done
                echo ready
            }
            run "$@"
            while read -r signal; do kill -"$signal" $own; wait $own; run "$@"; done
            kill -INT $own; wait $own; rm -rf "$3""#;
        let mut keeper = unprivileged(Path::new("sh"))
            .args(["-c", script, "sh"])
            .arg(binaries.join("postgres"))
            .arg(&data)
            .arg(&folder)
            .arg(binaries.join("pg_isready"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let told = BufReader::new(keeper.stdout.take().expect("its output"));
        let orders = keeper.stdin.take().expect("its input");
        let keeper = Mutex::new(Keeper { orders, told, _shell: keeper });
        let cluster = Self { folder, binaries: binaries.to_owned(), keeper };
        cluster.keeper.lock().wait_until_ready(&cluster.folder);
        cluster
    }

    /// Ends the server by a signal, and starts it again.
    pub fn end(&self, signal: &str) {
        let mut keeper = self.keeper.lock();
        writeln!(keeper.orders, "{signal}").expect("the shell reads");
        keeper.wait_until_ready(&self.folder);
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://cosmic@/{database}?host={}", self.folder.display())
    }

    fn psql(&self, database: &str, sql: &str) {
        run(Command::new(self.binaries.join("psql"))
            .args(["-qX", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url(database)));
    }
}

impl Database {
    /// An empty one; none where there is no PostgreSQL.
    pub fn new() -> Option<Self> {
        Self::on(CLUSTER.as_ref()?)
    }

    /// One on a server of its own, which may be killed.
    pub fn alone() -> Option<Self> {
        CLUSTER.as_ref()?;
        // It ends with the test run.
        Self::on(Box::leak(Box::new(Cluster::start(&binaries()?))))
    }

    fn on(cluster: &'static Cluster) -> Option<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.psql("postgres", &format!("CREATE DATABASE {name}"));
        Some(Self { cluster, name })
    }

    /// The server that it is on.
    pub fn cluster(&self) -> &Cluster {
        self.cluster
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// A wire to it, and how a server gets to it over that.
    pub fn tapped(&self) -> (Wiretap, Settings) {
        let wire = Wiretap::new(self.cluster.folder.join(".s.PGSQL.5432"));
        let url = format!("postgres://cosmic@127.0.0.1:{}/{}?sslmode=disable", wire.port, self.name);
        (wire, Settings { url, ..self.settings() })
    }

    /// How a server gets to it. The cluster does not sync: no test cuts its power.
    pub fn settings(&self) -> Settings {
        Settings { url: self.cluster.url(&self.name), allow_unsafe: true, ..Settings::default() }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.cluster.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}
