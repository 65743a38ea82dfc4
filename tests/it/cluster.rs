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

use crate::patience::{Reaper, until};
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
    fn wait_until(&mut self, told: &str, folder: &Path) {
        let mut line = String::new();
        self.told.read_line(&mut line).expect("a line");
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(line.trim_end(), told, "PostgreSQL did not start: {}", log());
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
    /// The server is this one's only, and ends with the test run, if it has not been killed.
    alone: bool,
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

/// A folder for a server, which it may read.
fn place() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("cosmic-pg").tempdir().expect("a folder").keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("its mode");
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        chown(&folder, Some(65534), Some(65534)).expect("its owner");
    }
    folder
}

impl Cluster {
    fn start(binaries: &Path) -> Self {
        let folder = place();
        let data = folder.join("data");
        run(unprivileged(&binaries.join("initdb")).arg("-D").arg(&data).args([
            "--username=cosmic",
            "--auth=trust",
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
        ]));
        Self::run(binaries, folder)
    }

    /// A server that follows this one.
    pub fn standby(&self) -> &'static Self {
        let folder = place();
        let copy = &mut unprivileged(&self.binaries.join("pg_basebackup"));
        copy.args(["-U", "cosmic", "-R", "-X", "stream", "--checkpoint=fast", "--no-sync", "-h"]).arg(&self.folder);
        run(copy.arg("-D").arg(folder.join("data")));
        // It ends with the test run.
        Box::leak(Box::new(Self::run(&self.binaries, folder)))
    }

    fn run(binaries: &Path, folder: PathBuf) -> Self {
        let data = folder.join("data");
        // It ends with the test run, however that ends: the shell reads until nobody holds the other end any more.
        let script = r#"
            # One that was killed leaves processes behind, which end soon: until then it does not start again.
            run() {
                for _ in 1 2 3 4 5 6 7 8 9; do
                    "$1" -D "$2" -k "$3" -c listen_addresses= -c fsync=off -c max_connections=400 -c max_wal_size=256MB \
                        >>"$3/log" 2>&1 </dev/null & own=$!
                    until "$4" -q -h "$3" -U cosmic; do kill -0 $own 2>/dev/null || { sleep 0.5; continue 2; }; sleep 0.05; done
                    echo ready; return
                done
                exit 1
            }
            stay() { echo gone; }
            run "$@"
            while read -r signal then; do kill -"$signal" $own; wait $own; "$then" "$@"; done
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
        cluster.keeper.lock().wait_until("ready", &cluster.folder);
        cluster
    }

    /// Ends the server by a signal, and starts it again.
    pub fn end(&self, signal: &str) {
        let mut keeper = self.keeper.lock();
        writeln!(keeper.orders, "{signal} run").expect("the shell reads");
        keeper.wait_until("ready", &self.folder);
    }

    /// Kills the server for good.
    pub fn die(&self) {
        let mut keeper = self.keeper.lock();
        writeln!(keeper.orders, "KILL stay").expect("the shell reads");
        keeper.wait_until("gone", &self.folder);
    }

    /// Says something to it, outside of any test's database.
    pub fn say(&self, sql: &str) {
        self.psql("postgres", sql);
    }

    /// Says something to what it has of a test's database; what comes back, a row a line.
    pub fn on(&self, database: &Database, sql: &str) -> String {
        self.psql(&database.name, sql)
    }

    /// Changes a setting.
    pub fn set(&self, name: &str, value: &str) {
        self.say(&format!("ALTER SYSTEM SET {name} = '{value}'"));
        self.say("SELECT pg_reload_conf()");
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://cosmic@/{database}?host={}", self.folder.display())
    }

    fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.binaries.join("psql"));
        let output = psql.args(["-qXAt", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(self.url(database)).output();
        let output = output.expect("a program that runs");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }
}

impl Database {
    /// An empty one; none where there is no PostgreSQL.
    pub fn new() -> Option<Self> {
        Some(Self::on(CLUSTER.as_ref()?, false))
    }

    /// One on a server of its own, which may be killed.
    pub fn alone() -> Option<Self> {
        CLUSTER.as_ref()?;
        // It ends with the test run.
        Some(Self::on(Box::leak(Box::new(Cluster::start(&binaries()?))), true))
    }

    fn on(cluster: &'static Cluster, alone: bool) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.psql("postgres", &format!("CREATE DATABASE {name}"));
        Self { cluster, name, alone }
    }

    /// The server that it is on.
    pub fn cluster(&self) -> &'static Cluster {
        self.cluster
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// The same on whichever of two servers takes writes.
    pub fn url_with(&self, standby: &Cluster) -> String {
        let (one, two) = (self.cluster.folder.display(), standby.folder.display());
        format!("postgres://cosmic@/{}?host={one}&host={two}&target_session_attrs=read-write", self.name)
    }

    /// Says something there; what comes back, a row a line.
    pub fn say(&self, sql: &str) -> String {
        self.cluster.psql(&self.name, sql)
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

/// PgBouncer before a database.
pub struct Pooler {
    folder: PathBuf,
    database: String,
    child: Child,
    _reaper: Reaper,
}

impl Pooler {
    /// Where it is.
    pub fn url(&self) -> String {
        format!("postgres://cosmic@/{}?host={}&port=6432", self.database, self.folder.display())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Database {
    /// A pooler before it, in one of its modes; none where there is no PgBouncer, or an older one, which prepares no statements in
    /// transactions.
    pub fn pooled(&self, mode: &str) -> Option<Pooler> {
        let found =
            ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().map(Path::new).find(|path| path.is_file());
        let Some(program) = found else {
            assert!(std::env::var_os("CI").is_none(), "there is no PgBouncer");
            eprintln!("SKIPPED: there is no PgBouncer here");
            return None;
        };
        let output = Command::new(program).arg("--version").output().expect("a program that runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = told.split(['.', ' ', '\n']).filter_map(|word| word.parse().ok()).nth(1);
        let prepares = number.is_some_and(|minor: u32| minor >= 21);
        if mode == "transaction" && !prepares {
            eprintln!("SKIPPED: this PgBouncer is older than 1.21: {told}");
            return None;
        }
        let prepared = if prepares { "max_prepared_statements = 100" } else { "" };
        let folder = place();
        let own = folder.display();
        let settings = format!(
            "[databases]\n{} = host={} user=cosmic\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {own}\nlisten_port = 6432\n\
             auth_type = any\npool_mode = {mode}\ndefault_pool_size = 60\nlogfile = {own}/log\n{prepared}\n",
            self.name,
            self.cluster.folder.display(),
        );
        std::fs::write(folder.join("ini"), settings).expect("a file");
        let mut command = unprivileged(program);
        let child = command.args(["-q"]).arg(folder.join("ini")).spawn().expect("a program that runs");
        let reaper = Reaper::of(&child);
        let pooler = Pooler { folder, database: self.name.clone(), child, _reaper: reaper };
        until("the pooler", || pooler.folder.join(".s.PGSQL.6432").exists());
        Some(pooler)
    }
}

/// A transaction that somebody leaves open; it ends with this.
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Database {
    /// Says something in a transaction that is left open.
    pub fn hold(&self, sql: &str) -> Held {
        let mut psql = Command::new(self.cluster.binaries.join("psql"));
        psql.args(["-qXAt", "-v", "ON_ERROR_STOP=1"]).arg(self.url());
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program that runs");
        let input = child.stdin.as_mut().expect("its input");
        writeln!(input, "BEGIN; {sql}; SELECT 'held';").expect("it reads");
        let mut told = BufReader::new(child.stdout.as_mut().expect("its output")).lines();
        assert!(told.any(|line| line.expect("a line") == "held"), "{sql}");
        Held(child)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.alone {
            self.cluster.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}
