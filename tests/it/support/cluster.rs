//! The suite's PostgreSQL: one cluster for the whole test process, made when the first test asks for it.
//!
//! Nothing of it outlives the process, however that ends: a watchdog shell holds the read end of a pipe from this
//! process, and when the pipe closes it ends the server and removes the directory. Data are not made durable; a crash
//! of PostgreSQL itself is not what is tested here.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use nix::unistd::{User, geteuid};
use pgsteward::tools::binaries::Binaries;

use super::{installation, wait::until_blocking};

/// The superuser's name.
pub(crate) const SUPERUSER: &str = "postgres";
/// Every role's password. It has characters that must be escaped in URLs, and is looked for in the daemon's log.
pub(crate) const PASSWORD: &str = "s3cret:/@%'\"";

/// For speed; `max_prepared_transactions` since a test has one, logical levels are of no use here.
const SETTINGS: &str = "
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_connections = 300
max_prepared_transactions = 5
autovacuum = off
jit = off
listen_addresses = '127.0.0.1'
log_min_messages = fatal
";

const WATCHDOG: &str = r#"
"$1" -D "$2/data" -p "$3" -k "$2" >"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server
wait $server
rm -rf "$2"
"#;

/// The running cluster.
pub(crate) struct Cluster {
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    /// Where it looks for locales before it takes the system's.
    locales: PathBuf,
    /// Closes with the process, which ends the cluster.
    _alive: ChildStdin,
}

/// The cluster, started by whoever comes first.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// The real programs.
pub(crate) fn binaries() -> Binaries {
    let needed = [
        "initdb",
        "postgres",
        "pg_amcheck",
        "pg_config",
        "pg_dump",
        "pg_restore",
        "psql",
    ];
    Binaries::find(None, &needed).unwrap()
}

/// A client program that works in a database as the superuser.
pub(crate) fn as_superuser(program: &str, database: &str) -> Command {
    let mut command = Command::new(binaries().path(program));
    command
        .args(["-h", "127.0.0.1", "-U", SUPERUSER, "-d", database, "-p"])
        .arg(cluster().port.to_string())
        .env("PGPASSWORD", PASSWORD);
    command
}

impl Cluster {
    fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("pgsteward-it-")
            .tempdir()
            .unwrap()
            .keep();
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        let password_file = directory.join("password");
        fs::write(&password_file, PASSWORD).unwrap();
        if let Some(user) = server_account() {
            let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
            chown(&directory, Some(uid), Some(gid)).unwrap();
            chown(&password_file, Some(uid), Some(gid)).unwrap();
        }

        let data = directory.join("data");
        let made = as_server_account(&binaries().path("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(&password_file)
            .args(["--username", SUPERUSER, "--auth", "scram-sha-256"])
            .args(["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {said}");
        let configuration = data.join("postgresql.conf");
        let defaults = fs::read_to_string(&configuration).unwrap();
        fs::write(&configuration, defaults + SETTINGS).unwrap();

        // Another process may take the port between the look and the start; then the next one is tried.
        for _ in 0..10 {
            if let Some(cluster) = Self::serve(&directory) {
                return cluster;
            }
        }
        panic!(
            "PostgreSQL does not start: {}",
            fs::read_to_string(directory.join("log")).unwrap()
        );
    }

    /// Makes a locale known to the server, if it is not yet: the system may have but C's.
    pub(crate) fn know_locale(&self, name: &str) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock();
        let target = self.locales.join(name);
        if target.exists() {
            return;
        }
        fs::create_dir_all(&self.locales).unwrap();
        let (language, charset) = name.split_once('.').unwrap();
        let made = Command::new("localedef")
            .args(["--no-archive", "-i", language, "-f", charset])
            .arg(&target)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(
            target.join("LC_MONETARY").exists(),
            "localedef needs the sources that Debian's package locales has: {said}"
        );
    }

    // The watchdog is not waited for: it ends after this process.
    #[allow(clippy::zombie_processes)]
    fn serve(directory: &Path) -> Option<Self> {
        let port = free_port();
        let mut watchdog = as_server_account(Path::new("/bin/sh"))
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(installation::mirror(directory))
            .arg(directory)
            .arg(port.to_string())
            .env("LOCPATH", system_locales_after(&locales(directory)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal ends the tests; the watchdog comes after.
            .process_group(0)
            .spawn()
            .unwrap();
        let alive = watchdog.stdin.take().unwrap();
        let log = directory.join("log");
        let ready = until_blocking("PostgreSQL starts", || {
            let status = fs::read_to_string(directory.join("data/postmaster.pid"));
            // Line 8 is what pg_ctl goes by, too.
            if status.is_ok_and(|text| text.lines().nth(7).map(str::trim) == Some("ready")) {
                return Some(true);
            }
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.contains("could not create any TCP/IP sockets")
                .then_some(false)
        });
        ready.then_some(Self {
            port,
            locales: locales(directory),
            _alive: alive,
        })
    }
}

fn locales(directory: &Path) -> PathBuf {
    directory.join("locales")
}

/// The variable replaces the system's own place, which is named again.
fn system_locales_after(own: &Path) -> String {
    format!("{}:/usr/lib/locale", own.display())
}

/// A port of 127.0.0.1 that nobody had a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// PostgreSQL refuses to run as root.
fn server_account() -> Option<User> {
    let by_name = |name| User::from_name(name).unwrap();
    geteuid()
        .is_root()
        .then(|| by_name(SUPERUSER).or_else(|| by_name("nobody")).unwrap())
}

fn as_server_account(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .current_dir("/");
    if let Some(user) = server_account() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}
