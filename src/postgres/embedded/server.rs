//! Server: the postmaster's life, from adoption or start until it has ended.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::error::SqlState;

use super::{
    account::Account, credentials::Credentials, error::EmbeddedError, layout::Layout, process,
    session::Session,
};
use crate::tools::binaries::Binaries;

/// How long a server may take until it answers; crash recovery replays all since the last checkpoint.
const READY_WITHIN: Duration = Duration::from_mins(1);
const READY_POLL: Duration = Duration::from_millis(50);
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// How long a fast shutdown may take (it writes all changed pages), and then an immediate one (which waits 5 s for its
/// children before it kills them).
const FAST_STOP_WITHIN: Duration = Duration::from_mins(1);
const IMMEDIATE_STOP_WITHIN: Duration = Duration::from_secs(15);

/// How often an adopted server is looked at: it is no child of this process, which would tell its end.
const ADOPTED_POLL: Duration = Duration::from_millis(200);

/// What PostgreSQL says when children of a killed server have not ended yet (`lc_messages` is C).
const CHILDREN_LEFT: &str = "pre-existing shared memory block";

/// How much of the log an error repeats at most.
const LOG_TAIL: u64 = 4096;

/// A running postmaster, our child or not.
#[derive(Debug)]
pub(super) struct Server {
    pid: i32,
    ended: watch::Receiver<bool>,
}

impl Server {
    pub(super) fn pid(&self) -> Option<u32> {
        if *self.ended.borrow() {
            return None;
        }
        u32::try_from(self.pid).ok()
    }

    pub(super) async fn exited(&self) {
        // The other half is gone only together with the runtime, and then nobody waits here.
        let _ = self.ended.clone().wait_for(|&ended| ended).await;
    }

    /// Ends it: fast (sessions are rolled back, all is written), then immediately (recovery at the next start).
    pub(super) async fn stop(&self) -> Result<(), EmbeddedError> {
        for (signal, within) in [
            (Signal::SIGINT, FAST_STOP_WITHIN),
            (Signal::SIGQUIT, IMMEDIATE_STOP_WITHIN),
        ] {
            if *self.ended.borrow() {
                return Ok(());
            }
            process::signal(self.pid, signal)?;
            if timeout(within, self.exited()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(pid = self.pid, %signal, "the embedded PostgreSQL does not end");
        }
        Err(EmbeddedError::NotStopped {
            pid: self.pid,
            waited: FAST_STOP_WITHIN + IMMEDIATE_STOP_WITHIN,
        })
    }

    /// Takes over a server that an earlier daemon left running.
    fn adopt(pid: i32) -> Self {
        tracing::info!(pid, "the embedded PostgreSQL is still running, adopting it");
        let (sender, ended) = watch::channel(false);
        tokio::spawn(async move {
            while !process::has_ended(pid) {
                sleep(ADOPTED_POLL).await;
            }
            sender.send_replace(true);
        });
        Self { pid, ended }
    }

    /// Starts a server as a child, which lives on when this process is killed.
    fn start(
        layout: &Layout,
        account: &Account,
        binaries: &Binaries,
        log: File,
    ) -> Result<Self, EmbeddedError> {
        let program = binaries.path("postgres");
        let error_log = log
            .try_clone()
            .map_err(EmbeddedError::file("open", &layout.log))?;
        let spawned = account
            .command(&program)
            .arg("-D")
            .arg(&layout.cluster)
            .args(settings(layout))
            .stdout(log)
            .stderr(error_log)
            .spawn();
        let failed = |source| EmbeddedError::Spawn { program, source };
        let mut child = match spawned {
            Ok(child) => child,
            Err(source) => return Err(failed(source)),
        };
        let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) else {
            return Err(failed(io::Error::other("it has no process id")));
        };
        let (sender, ended) = watch::channel(false);
        tokio::spawn(async move {
            match child.wait().await {
                Ok(status) => tracing::info!(pid, %status, "the embedded PostgreSQL has ended"),
                Err(error) => tracing::warn!(pid, %error, "the embedded PostgreSQL is lost"),
            }
            sender.send_replace(true);
        });
        Ok(Self { pid, ended })
    }
}

/// Settings on which the daemon relies. On the command line they win over the cluster's own files, where the rest
/// (memory, connections: initdb chooses 128 MB and 100) can be changed with ALTER SYSTEM.
fn settings(layout: &Layout) -> Vec<OsString> {
    let mut arguments = Vec::new();
    for (name, value) in [
        (
            "unix_socket_directories",
            layout.socket_directory.as_os_str(),
        ),
        ("hba_file", layout.access_rules.as_os_str()),
        ("listen_addresses", "".as_ref()),
        ("port", "5432".as_ref()),
        ("unix_socket_permissions", "0700".as_ref()),
        ("password_encryption", "scram-sha-256".as_ref()),
        ("fsync", "on".as_ref()),
        ("cluster_name", "pgsteward".as_ref()),
        ("log_destination", "stderr".as_ref()),
        ("logging_collector", "off".as_ref()),
        ("lc_messages", "C".as_ref()),
    ] {
        let mut setting = OsString::from(format!("--{name}="));
        setting.push(value);
        arguments.push(setting);
    }
    arguments
}

/// A server that answers: the one that still runs, or a new one.
pub(super) async fn adopt_or_start(
    layout: &Layout,
    account: &Account,
    binaries: &Binaries,
    credentials: &Credentials,
) -> Result<Server, EmbeddedError> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let (log, log_start) = open_log(&layout.log)?;
        let adopted = process::running_server(layout)?;
        let server = match adopted {
            Some(pid) => Server::adopt(pid),
            None => Server::start(layout, account, binaries, log)?,
        };
        if is_ready(&server, layout, credentials, deadline).await? {
            return Ok(server);
        }
        let output = read_log(&layout.log, log_start);
        let children_left = output.contains(CHILDREN_LEFT);
        // An adopted server that ended was on its way down; the children of a killed one end soon.
        if Instant::now() > deadline || !(adopted.is_some() || children_left) {
            return Err(EmbeddedError::EndedEarly {
                output,
                log: layout.log.clone(),
            });
        }
        sleep(READY_POLL).await;
    }
}

/// Waits until the server answers a query (true) or has ended (false).
async fn is_ready(
    server: &Server,
    layout: &Layout,
    credentials: &Credentials,
    deadline: Instant,
) -> Result<bool, EmbeddedError> {
    const DATABASE: &str = "postgres";
    let mut next_report = Instant::now() + PROGRESS_EVERY;
    loop {
        match Session::open(&layout.socket_directory, credentials, DATABASE).await {
            Ok(session) => {
                session.close().await;
                return Ok(true);
            }
            // It speaks, and it is not about starting up or shutting down.
            Err(source)
                if source
                    .code()
                    .is_some_and(|code| *code != SqlState::CANNOT_CONNECT_NOW) =>
            {
                server.stop().await?;
                return Err(EmbeddedError::Connect {
                    database: DATABASE.to_owned(),
                    source,
                });
            }
            Err(_) => {}
        }
        let now = Instant::now();
        if now > deadline {
            return Err(EmbeddedError::NotReady {
                pid: server.pid,
                waited: READY_WITHIN,
                log: layout.log.clone(),
            });
        }
        if now > next_report {
            next_report = now + PROGRESS_EVERY;
            tracing::info!(
                pid = server.pid,
                "waiting for the embedded PostgreSQL, which may be in crash recovery"
            );
        }
        if timeout(READY_POLL, server.exited()).await.is_ok() {
            return Ok(false);
        }
    }
}

/// The server's log, for appending, and its present length.
fn open_log(path: &Path) -> Result<(File, u64), EmbeddedError> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(EmbeddedError::file("open", path))?;
    let length = fs::metadata(path)
        .map_err(EmbeddedError::file("look at", path))?
        .len();
    Ok((log, length))
}

/// What was logged since `start`, the end of it where it is much.
fn read_log(path: &Path, start: u64) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(end.saturating_sub(LOG_TAIL))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}
