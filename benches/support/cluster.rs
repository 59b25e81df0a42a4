//! The run's PostgreSQL: a cluster of its own, durable as a production one, with room enough that no checkpoint falls into
//! one measurement and not into the next.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::Signal,
    unistd::{User, geteuid},
};
use pgsteward::tools::binaries::Binaries;
use tokio_postgres::{Client, Config, NoTls};

use super::process::{Janitor, Running};

/// The superuser's name.
pub(crate) const SUPERUSER: &str = "postgres";
/// Every role's password; the cluster lives on loopback, as long as the run.
pub(crate) const PASSWORD: &str = "lifeline";

/// Autovacuum is off, since it would work beside some measurements and not beside others.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 512MB
max_wal_size = 4GB
checkpoint_timeout = 30min
fsync = on
autovacuum = off
";

/// Programs that the run itself needs.
const PROGRAMS: [&str; 6] = [
    "initdb",
    "postgres",
    "pg_dump",
    "pg_restore",
    "psql",
    "vacuumdb",
];

/// The running cluster; it ends when this is dropped.
pub(crate) struct Cluster {
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    /// Where its programs are.
    pub(crate) binaries: Binaries,
    server: Running,
}

impl Cluster {
    /// Makes and starts it in the run's directory.
    pub(crate) fn start(janitor: &Arc<Janitor>) -> Result<Self> {
        let binaries = Binaries::find(None, &PROGRAMS)?;
        let directory = janitor.directory().join("cluster");
        initialize(&binaries, &directory)?;
        // Another process may take the port between the look and the start; then the next one is tried.
        let mut problem = None;
        for _ in 0..5 {
            let port = free_port()?;
            match serve(&binaries, &directory, port, janitor) {
                Ok(server) => {
                    return Ok(Self {
                        port,
                        binaries,
                        server,
                    });
                }
                Err(error) => problem = Some(error),
            }
        }
        Err(problem.context("no attempt")?).context("PostgreSQL does not start")
    }

    /// Ends it at once, as a crash would, and starts it again on the same port.
    pub(crate) fn restart(&mut self, janitor: &Arc<Janitor>) -> Result<()> {
        let directory = janitor.directory().join("cluster");
        self.server.stop()?;
        self.server = serve(&self.binaries, &directory, self.port, janitor)?;
        Ok(())
    }

    /// A session with the password.
    pub(crate) async fn connect(&self, role: &str, database: &str) -> Result<Client> {
        let (client, connection) = Config::new()
            .host("127.0.0.1")
            .port(self.port)
            .user(role)
            .password(PASSWORD)
            .dbname(database)
            .connect(NoTls)
            .await
            .with_context(|| format!("{role} cannot connect to {database}"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// The superuser in a database.
    pub(crate) async fn superuser(&self, database: &str) -> Result<Client> {
        self.connect(SUPERUSER, database).await
    }

    /// Makes an empty database of that name, in place of one that may be there.
    pub(crate) async fn recreate(&self, database: &str) -> Result<()> {
        self.drop_database(database).await?;
        let create = format!("CREATE DATABASE {database} TEMPLATE template0");
        Ok(self
            .superuser("postgres")
            .await?
            .batch_execute(&create)
            .await?)
    }

    /// Drops a database, if it is there.
    pub(crate) async fn drop_database(&self, database: &str) -> Result<()> {
        let drop = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
        Ok(self
            .superuser("postgres")
            .await?
            .batch_execute(&drop)
            .await?)
    }
}

/// `initdb`, and the settings.
fn initialize(binaries: &Binaries, directory: &Path) -> Result<()> {
    fs::create_dir(directory)?;
    let password_file = directory.join("password");
    fs::write(&password_file, PASSWORD)?;
    if let Some(user) = server_account()? {
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        chown(directory, Some(uid), Some(gid))?;
        chown(&password_file, Some(uid), Some(gid))?;
    }
    let data = directory.join("data");
    let made = as_server_account(&binaries.path("initdb"))?
        .arg("--pgdata")
        .arg(&data)
        .arg("--pwfile")
        .arg(&password_file)
        .args(["--username", SUPERUSER, "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
        .output()?;
    if !made.status.success() {
        bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
    }
    let configuration = data.join("postgresql.conf");
    let defaults = fs::read_to_string(&configuration)?;
    fs::write(&configuration, defaults + SETTINGS)?;
    Ok(())
}

fn serve(
    binaries: &Binaries,
    directory: &Path,
    port: u16,
    janitor: &Arc<Janitor>,
) -> Result<Running> {
    let data = directory.join("data");
    let mut command = as_server_account(&binaries.path("postgres"))?;
    command
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-k"])
        .arg(directory);
    // SIGQUIT is PostgreSQL's immediate shutdown: nothing of it is kept.
    let log = directory.join("log");
    let mut server = Running::start(command, log, Signal::SIGQUIT, janitor)?;
    server.until(|_| {
        let status = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        // Line 8 is what pg_ctl goes by, too.
        let ready = status.lines().nth(7).map(str::trim) == Some("ready");
        Ok(ready.then_some(()))
    })?;
    Ok(server)
}

/// A port of 127.0.0.1 that nobody had a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}

/// PostgreSQL refuses to run as root.
fn server_account() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    match User::from_name(SUPERUSER)? {
        Some(user) => Ok(Some(user)),
        None => Ok(Some(
            User::from_name("nobody")?.context("there is neither a user postgres nor nobody")?,
        )),
    }
}

fn as_server_account(program: &PathBuf) -> Result<Command> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .current_dir("/");
    if let Some(user) = server_account()? {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(command)
}
