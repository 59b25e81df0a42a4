//! The prober: looks at the control store and each database every few seconds, so that probes never touch PostgreSQL.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chrono::Utc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    model::{
        failure::Failure,
        health::{ConnectionHealth, DatabaseHealth, DatabaseState},
        maintenance::{Entered, Maintenance},
    },
    ops::daemon::{Daemon, Managed},
    postgres::{database::Purpose, server},
};

/// What the prober last saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Whether the control store answers.
    pub control_store_reachable: bool,
    /// Each managed database.
    pub databases: BTreeMap<String, DatabaseHealth>,
}

/// Holds what was last seen, and tells of each change.
#[derive(Debug)]
pub struct Prober {
    seen: watch::Sender<Seen>,
}

impl Default for Prober {
    fn default() -> Self {
        Self {
            seen: watch::Sender::new(Seen::default()),
        }
    }
}

impl Prober {
    /// What was last seen, and each change of it.
    pub fn seen(&self) -> watch::Receiver<Seen> {
        self.seen.subscribe()
    }

    /// Looks once, so that a daemon that says it is ready knows how it is.
    pub async fn look(daemon: &Daemon) {
        let seen = look(daemon).await;
        daemon.prober.seen.send_replace(seen);
    }

    /// Looks again and again, until the token is cancelled.
    pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(daemon.settings.health_interval) => {}
            }
            Self::look(&daemon).await;
        }
    }
}

async fn look(daemon: &Daemon) -> Seen {
    let timeout = daemon.settings.health_timeout;
    let control = tokio::time::timeout(timeout, daemon.store.ping());
    let looks = daemon.databases.values().map(|managed| async {
        let health = database(daemon, managed).await;
        (managed.name().to_owned(), health)
    });
    let (control, databases) = tokio::join!(control, futures_util::future::join_all(looks));
    Seen {
        control_store_reachable: matches!(control, Ok(Ok(()))),
        databases: databases.into_iter().collect(),
    }
}

/// One database, by one connection for each purpose: a role that lost its login must not show only when it is needed.
async fn database(daemon: &Daemon, managed: &Managed) -> DatabaseHealth {
    let (connections, server_version) = ask_all(daemon, managed, By::Pool).await;
    let timeout = daemon.settings.health_timeout;
    let asking = daemon.store.maintenance(managed.name());
    let maintenance = match tokio::time::timeout(timeout, asking).await {
        Ok(Ok(recorded)) => Some(Maintenance {
            database: managed.name().to_owned(),
            entered: recorded.map(|(entered, _)| entered),
            other_sessions: 0,
            sessions: Vec::new(),
        }),
        // While the control store is away, a closed database must not look open.
        Ok(Err(_)) | Err(_) => last_known(daemon, managed),
    };
    verdict(managed, connections, server_version, maintenance)
}

fn in_maintenance(entered: &Entered) -> String {
    let until = entered.expires_at.map_or_else(String::new, |end| {
        format!(" until {}", end.format("%Y-%m-%dT%H:%M:%SZ"))
    });
    format!(
        "in maintenance mode{until} by {}: {}",
        entered.principal, entered.reason
    )
}

fn last_known(daemon: &Daemon, managed: &Managed) -> Option<Maintenance> {
    let seen = daemon.prober.seen.borrow();
    seen.databases.get(managed.name())?.maintenance.clone()
}

/// Which connections are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Those that calls use, every few seconds.
    Pool,
    /// New ones, which a role that lost its login does not get.
    Login,
}

/// Asks the server its version as each purpose.
pub(super) async fn ask_all(
    daemon: &Daemon,
    managed: &Managed,
    by: By,
) -> (Vec<ConnectionHealth>, String) {
    let asked = Purpose::ALL.map(|purpose| ask(daemon, managed, purpose, by));
    let answers = futures_util::future::join_all(asked).await;
    let version = answers.iter().map(|(_, version)| version.clone()).max();
    let connections = answers
        .into_iter()
        .map(|(connection, _)| connection)
        .collect();
    (connections, version.unwrap_or_default())
}

/// Asks the server its version as one purpose, within the health timeout.
async fn ask(
    daemon: &Daemon,
    managed: &Managed,
    purpose: Purpose,
    by: By,
) -> (ConnectionHealth, String) {
    let timeout = daemon.settings.health_timeout;
    let start = Instant::now();
    let asking = async {
        if by == By::Pool {
            let client = managed.database.pooled(purpose).await?;
            return server::setting(&**client, "server_version").await;
        }
        let session = managed.database.session(purpose, "pgsteward").await?;
        let version = server::setting(&*session, "server_version").await?;
        session.close().await;
        Ok(version)
    };
    let answer = tokio::time::timeout(timeout, asking).await;
    let (error, version) = match answer {
        Ok(Ok(version)) => (None, version),
        Ok(Err(error)) => (Some(Failure::from(error).to_string()), String::new()),
        Err(_) => {
            let error = format!("no answer within {}", humantime::format_duration(timeout));
            (Some(error), String::new())
        }
    };
    let health = ConnectionHealth {
        purpose: purpose.name(),
        error,
        latency: start.elapsed(),
    };
    (health, version)
}

/// Puts together what was found.
pub(super) fn verdict(
    managed: &Managed,
    connections: Vec<ConnectionHealth>,
    server_version: String,
    maintenance: Option<Maintenance>,
) -> DatabaseHealth {
    let broken = connections.iter().find_map(|c| {
        c.error
            .as_ref()
            .map(|error| format!("{}: {error}", c.purpose))
    });
    let entered = maintenance.as_ref().and_then(|m| m.entered.as_ref());
    let (state, message) = match (broken, entered) {
        (Some(error), _) => (DatabaseState::Unreachable, error),
        (None, Some(entered)) => (DatabaseState::Maintenance, in_maintenance(entered)),
        (None, None) => (DatabaseState::Healthy, String::new()),
    };
    DatabaseHealth {
        database: managed.name().to_owned(),
        state,
        message,
        check_time: Utc::now(),
        server_version,
        connections,
        schema_version: None,
        maintenance,
        last_backup: None,
        last_good_drill: None,
        last_drill: None,
    }
}
