//! The daemon as its users run it: the real binary, with a configuration file and environment of its own, in a directory
//! of its own.

use std::{
    fs::{self, File, Permissions},
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pgsteward::config::Config;
use tempfile::TempDir;

use super::{
    client::Client,
    cluster::{PASSWORD, binaries, cluster},
    database::Databases,
    wait::until,
};

/// How many of the log's last lines a failing test shows.
const SHOWN_LINES: usize = 40;

/// Where daemons of one test run: databases, and a directory with configuration, revisions, backups and logs.
pub(crate) struct Site {
    /// The control store and the managed database, which the daemon knows as `app`.
    pub(crate) databases: Databases,
    directory: TempDir,
    /// Keys that differ from what `configuration` writes.
    settings: Vec<(String, String)>,
    /// Whether the control store's owner is the login that daemons work as, too.
    one_control_login: bool,
}

impl Site {
    /// Databases and an empty directory.
    pub(crate) async fn new() -> Self {
        Self::with(Databases::create().await)
    }

    /// An empty directory for databases that are there.
    pub(crate) fn with(databases: Databases) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let site = Self {
            databases,
            directory,
            settings: Vec::new(),
            one_control_login: false,
        };
        fs::create_dir(site.revisions()).unwrap();
        site
    }

    /// Sets one key, by its dotted path, for the daemons that are started from now on.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    /// Daemons that are started from now on reach the managed database through this port.
    pub(crate) fn reach_database_at(&mut self, port: u16) {
        for role in ["admin", "migrator", "backup", "maintenance"] {
            let way = self.databases.url(role, &self.databases.managed());
            let way = way.replace(&format!(":{}/", cluster().port), &format!(":{port}/"));
            self.set(&format!("databases.app.{role}"), &way);
        }
    }

    /// Daemons that are started from now on reach their control store through this port.
    pub(crate) fn reach_control_store_at(&mut self, port: u16) {
        for (role, key) in [("control", "control.url"), ("owner", "control.owner_url")] {
            let way = self.databases.url(role, &self.databases.control());
            let way = way.replace(&format!(":{}/", cluster().port), &format!(":{port}/"));
            self.set(key, &way);
        }
    }

    /// Lets the daemons that are started from now on work as the control store's owner.
    pub(crate) fn one_control_login(&mut self) {
        self.one_control_login = true;
    }

    /// Lets them work as another role than the owner, as they do from the beginning.
    pub(crate) fn two_control_logins(&mut self) {
        self.one_control_login = false;
    }

    /// A path in the test's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The directory of the revision scripts.
    pub(crate) fn revisions(&self) -> PathBuf {
        self.path("revisions")
    }

    /// The backup store.
    pub(crate) fn store(&self) -> PathBuf {
        self.path("backups")
    }

    /// The names of all files in the backup store, sorted.
    pub(crate) fn stored_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.store()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Puts a shell script in the place of `pg_dump`, `pg_restore` or `psql`. It finds the real program's path in `$REAL` and the
    /// test's directory in `$SITE`; asked for its version, it answers as the real one.
    pub(crate) fn fake_tool(&mut self, name: &str, script: &str) {
        let directory = self.path("bin");
        if !directory.exists() {
            fs::create_dir(&directory).unwrap();
            for tool in ["pg_dump", "pg_restore", "psql"] {
                symlink(binaries().path(tool), directory.join(tool)).unwrap();
            }
        }
        let tool = directory.join(name);
        fs::remove_file(&tool).unwrap();
        let text = format!(
            "#!/bin/sh\nREAL='{}'\nSITE='{}'\n[ \"$1\" = --version ] && exec \"$REAL\" --version\n{script}\n",
            binaries().path(name).display(),
            self.directory.path().display(),
        );
        fs::write(&tool, text).unwrap();
        fs::set_permissions(&tool, Permissions::from_mode(0o755)).unwrap();
        self.set("postgres.bin_dir", directory.to_str().unwrap());
    }

    /// Puts a script in the place of the first `pg_restore` that restores into a database; others stay as they are.
    pub(crate) fn fake_restoring(&mut self, script: &str) {
        let script = format!(
            r#"case "$*" in *--dbname=*--section=pre-data*) ;; *) exec "$REAL" "$@";; esac
{script}"#
        );
        self.fake_tool("pg_restore", &script);
    }

    /// Waits until a file is there; fake tools make some to say how far they are.
    pub(crate) async fn has_file(&self, name: &str) {
        until(name, || async { self.path(name).exists().then_some(()) }).await;
    }

    /// Puts the real programs back for the daemons that are started from now on.
    pub(crate) fn real_tools(&mut self) {
        self.settings.retain(|(key, _)| key != "postgres.bin_dir");
    }

    /// Starts a daemon and waits until it is ready.
    pub(crate) async fn start(&self) -> Daemon {
        self.spawn().ready().await
    }

    /// Starts a daemon that is expected to refuse to serve; gives its exit status and what it said.
    pub(crate) async fn start_in_vain(&self) -> (ExitStatus, String) {
        self.spawn().refused().await
    }

    /// Starts a process, ready or not.
    pub(crate) fn spawn(&self) -> Process {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let configuration = self.path(&format!("daemon{number}.toml"));
        fs::write(&configuration, self.configuration()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgsteward"));
        command
            .args(serve_arguments(&configuration))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.variables());
        Process::spawn(command, self.path(&format!("daemon{number}.log")))
    }

    /// The configuration as a daemon would load it, for one that runs in this process.
    pub(crate) fn load(&self) -> Config {
        let file = self.path("loaded.toml");
        fs::write(&file, self.configuration()).unwrap();
        Config::load(Some(&file), self.variables()).unwrap()
    }

    /// The keys that were set, as variables of the environment.
    fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.settings.iter().map(|(key, value)| {
            let name = format!("PGSTEWARD__{}", key.to_uppercase().replace('.', "__"));
            (name, value.clone())
        })
    }

    fn configuration(&self) -> String {
        let managed = self.databases.managed();
        let url = |role| self.databases.url(role, &managed);
        let control = |role| self.databases.url(role, &self.databases.control());
        format!(
            r#"
data_dir = "{data}"
[listen]
grpc = "127.0.0.1:0"
[control]
url = "{control}"
{owner}
[databases.app]
admin = "{admin}"
migrator = "{migrator}"
backup = "{backup}"
maintenance = "{maintenance}"
revisions = "{revisions}"
[stores.local]
path = "{store}"
[schedule]
enabled = false
[health]
interval = "100ms"
[operations]
shutdown_grace = "10s"
[log]
format = "json"
filter = "info,pgsteward=debug"
"#,
            data = self.path("data").display(),
            control = control(if self.one_control_login {
                "owner"
            } else {
                "control"
            }),
            owner = if self.one_control_login {
                String::new()
            } else {
                format!("owner_url = \"{}\"", control("owner"))
            },
            admin = url("admin"),
            migrator = url("migrator"),
            backup = url("backup"),
            maintenance = url("maintenance"),
            revisions = self.revisions().display(),
            store = self.store().display(),
        )
    }
}

/// The one place that knows how the binary is told to serve.
pub(crate) fn serve_arguments(configuration: &Path) -> [String; 3] {
    let file = configuration.display().to_string();
    ["serve".to_owned(), "--config".to_owned(), file]
}

/// A process of the binary with its log. It is killed when this is dropped; in a failing test its log's end is shown.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the command with standard error in a file.
    pub(crate) fn spawn(mut command: Command, log: PathBuf) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// The daemon that it is, once it is ready to serve.
    pub(crate) async fn ready(mut self) -> Daemon {
        let address = until("the daemon is ready", || {
            let ended = self.child.try_wait().unwrap();
            let address = self.ready_address();
            async move {
                assert!(ended.is_none(), "the daemon ended at its start: {ended:?}");
                address
            }
        })
        .await;
        let client = Client::connect(&address, None).await;
        Daemon {
            process: self,
            address,
            client,
        }
    }

    /// The end of a daemon that refuses to serve: its exit status and what it said.
    pub(crate) async fn refused(mut self) -> (ExitStatus, String) {
        let status = self.ended().await;
        (status, self.log())
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The log's lines, each a JSON object.
    pub(crate) fn log_lines(&self) -> Vec<serde_json::Value> {
        let log = self.log();
        // The last line may still be on its way.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The address that it serves on, once it says so.
    pub(crate) fn ready_address(&self) -> Option<String> {
        let ready = self
            .log_lines()
            .into_iter()
            .find(|line| line["message"] == "ready to serve")?;
        Some(ready["address"].as_str().unwrap().to_owned())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        until("the process ends", || {
            let status = self.child.try_wait().unwrap();
            async move { status }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
        let log = self.log();
        if std::thread::panicking() {
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("the daemon's log, {} lines at its end:", shown.len());
            eprintln!("{}", shown.join("\n"));
        } else {
            assert!(!log.contains(PASSWORD), "a password is in the log: {log}");
            assert!(
                !log.contains("panicked at"),
                "the daemon met a defect: {log}"
            );
        }
    }
}

/// A daemon that serves.
pub(crate) struct Daemon {
    /// The process.
    pub(crate) process: Process,
    /// `127.0.0.1:<port>`.
    pub(crate) address: String,
    client: Client,
}

impl Daemon {
    /// A client without a token.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A client with a token.
    pub(crate) async fn client_with(&self, token: &str) -> Client {
        Client::connect(&self.address, Some(token)).await
    }

    /// Ends it at once, as a crash or the kernel's lack of memory would.
    pub(crate) fn kill9(mut self) {
        self.process.signal(Signal::SIGKILL);
        let status = self.process.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9));
    }

    /// Tells it to stop and expects that it does, in order.
    pub(crate) async fn stop(mut self) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.ended().await;
        assert_eq!(status.code(), Some(0), "{}", self.process.log());
    }

    /// The command lines of the processes that it started and that still run, zombies not counted.
    pub(crate) fn children(&self) -> Vec<String> {
        descendants(self.process.pid())
    }

    /// Waits until it has no child processes.
    pub(crate) async fn has_no_children(&self) {
        until("no child process stays", || async {
            self.children().is_empty().then_some(())
        })
        .await;
    }
}

/// The command lines of the live children of a process and of theirs.
fn descendants(pid: Pid) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        // A process may end while it is looked at.
        let Ok(stat) = fs::read_to_string(path.join("stat")) else {
            continue;
        };
        let Some((identity, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        let mut fields = rest.split(' ');
        let (state, parent) = (fields.next().unwrap(), fields.next().unwrap());
        if parent == pid.to_string() {
            let child = identity.split(' ').next().unwrap().parse().unwrap();
            if state != "Z" {
                let line = fs::read_to_string(path.join("cmdline")).unwrap_or_default();
                found.push(line.replace('\0', " "));
            }
            found.extend(descendants(Pid::from_raw(child)));
        }
    }
    found
}
