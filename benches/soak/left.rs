//! What is left when everything has ended: each number must be what it was before, or nothing.

use std::{
    fmt, fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::support::{daemon::Daemon, database::Databases};

/// More open files than before that are no leak: pooled connections come and go.
const FILES: i64 = 12;
/// Tasks that are about to end when a daemon says that it has stopped: those of its pooled connections, 20 at most, and of
/// the clients' connections.
pub(crate) const TASKS: u64 = 32;
/// Growth of memory that is no leak: what allocators keep after the largest backup.
const MEMORY: f64 = 1.25;
const MEMORY_MB: f64 = 10.0;

/// What the daemon holds.
pub(crate) struct Held {
    files: i64,
    threads: i64,
    children: i64,
    sessions: i64,
    locks: i64,
}

impl Held {
    /// Looks at the process and at the server.
    pub(crate) async fn by(daemon: &Daemon, databases: &Databases) -> Result<Self> {
        let process = format!("/proc/{}", daemon.kernel().0);
        let server = databases.cluster.superuser("postgres").await?;
        let count =
            async |query: &str| -> Result<i64> { Ok(server.query_one(query, &[]).await?.get(0)) };
        Ok(Self {
            files: entries(&format!("{process}/fd"))?,
            threads: entries(&format!("{process}/task"))?,
            children: fs::read_to_string(format!("{process}/task/{}/children", daemon.kernel().0))?
                .split_whitespace()
                .count()
                .try_into()?,
            sessions: count(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgsteward%'",
            )
            .await?,
            locks: count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").await?,
        })
    }

    /// Each number with what it was.
    pub(crate) fn beside(&self, after: &Self) -> [(&'static str, i64, i64); 5] {
        [
            ("open files", self.files, after.files),
            ("threads", self.threads, after.threads),
            ("child processes", self.children, after.children),
            ("sessions", self.sessions, after.sessions),
            ("advisory locks", self.locks, after.locks),
        ]
    }
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} files, {} threads, {} children, {} sessions, {} locks",
            self.files, self.threads, self.children, self.sessions, self.locks
        )
    }
}

fn entries(directory: &str) -> Result<i64> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {directory}"))?;
    Ok(entries.count().try_into()?)
}

/// Waits until every operation has ended and all that they left is swept.
pub(crate) async fn until_calm(databases: &Databases, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        let control = databases
            .cluster
            .superuser(&databases.full("control"))
            .await?;
        let open: i64 = control
            .query_one(
                "SELECT (SELECT count(*) FROM operations WHERE ended_at IS NULL)
                      + (SELECT count(*) FROM artifacts)",
                &[],
            )
            .await?
            .get(0);
        if open == 0 {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{open} operations or things that they made are still there"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The mean of the second and of the last fifth.
pub(crate) fn memory(samples: &[f64]) -> (f64, f64) {
    let fifth = (samples.len() / 5).max(1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let second = samples.iter().skip(fifth).take(fifth);
    let second: Vec<f64> = second.copied().collect();
    (mean(&second), mean(&samples[samples.len() - fifth..]))
}

/// That nothing is left, and that the daemon ends in order with no task that nobody waits for.
pub(crate) async fn nothing(
    before: &Held,
    after: &Held,
    (early, late): (f64, f64),
    databases: &Databases,
    daemon: &Daemon,
) -> Result<()> {
    ensure!(after.files <= before.files + FILES, "files are left open");
    ensure!(after.children == 0, "child processes are left");
    ensure!(
        after.sessions <= before.sessions + FILES,
        "sessions are left"
    );
    ensure!(after.locks <= before.locks, "advisory locks are left");
    ensure!(
        late <= early * MEMORY + MEMORY_MB,
        "memory grew from {early:.1} to {late:.1} MB"
    );
    let server = databases.cluster.superuser("postgres").await?;
    let scratch: i64 = server
        .query_one(
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgsteward\\_%'",
            &[],
        )
        .await?
        .get(0);
    ensure!(scratch == 0, "{scratch} scratch databases are left");
    let staged = daemon.staged()?;
    ensure!(staged.is_empty(), "in the store is left: {staged:?}");
    ensure!(
        !daemon.log().contains("panicked at"),
        "the daemon met a defect"
    );
    Ok(())
}
