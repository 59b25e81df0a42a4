//! Prober: looks at the control store and each database every few seconds, so that probes and status are answered from
//! memory and cost PostgreSQL nothing.
//!
//! What it believes changes only after several looks in a row (`model::health::Belief`); once one look says the other, the
//! next ones come soon, so that a true change is told within the time that `health.interval` and `health.timeout` add up to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::Utc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    model::{
        failure::Failure,
        health::{Belief, ConnectionHealth, DatabaseHealth, DatabaseState, Look},
        maintenance::{Entered, Maintenance},
    },
    ops::daemon::{Daemon, Managed},
    postgres::{database::Purpose, server},
};

/// The pause before a look that is to confirm or refute the one before.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The name under which the control store's connection is known.
const CONTROL: &str = "control";

/// What the prober last saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The connection to the control store; none before the first look.
    pub control_store: Option<ConnectionHealth>,
    /// Each managed database.
    pub databases: BTreeMap<String, DatabaseHealth>,
}

impl Seen {
    /// Whether the control store answers.
    pub fn control_store_is_reachable(&self) -> bool {
        let seen = self.control_store.as_ref();
        seen.is_some_and(|connection| connection.error.is_none())
    }
}

/// A connection: the managed database, empty for the control store, and the purpose.
type Key = (String, &'static str);

/// Holds what was last seen, and tells of each change.
#[derive(Debug)]
pub struct Prober {
    seen: watch::Sender<Seen>,
    beliefs: Mutex<BTreeMap<Key, Belief>>,
    /// One look at a time: two at once would count as two in a row, and an older one could be shown last.
    looking: tokio::sync::Mutex<()>,
}

impl Default for Prober {
    fn default() -> Self {
        Self {
            seen: watch::Sender::new(Seen::default()),
            beliefs: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
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
        let _alone = daemon.prober.looking.lock().await;
        let seen = look(daemon).await;
        daemon.prober.seen.send_replace(seen);
    }

    /// Looks again and again, until the token is cancelled.
    pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) {
        loop {
            let interval = daemon.settings.health.interval;
            let pause = if daemon.prober.is_in_doubt() {
                interval.min(LOOK_AGAIN)
            } else {
                interval
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            Self::look(&daemon).await;
        }
    }

    fn is_in_doubt(&self) -> bool {
        let beliefs = self.beliefs.lock().unwrap_or_else(PoisonError::into_inner);
        beliefs.values().any(Belief::is_in_doubt)
    }

    /// Takes a look into account, and gives what is believed.
    fn hear(&self, daemon: &Daemon, database: &str, look: Look) -> ConnectionHealth {
        let mut beliefs = self.beliefs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (database.to_owned(), look.purpose);
        let thresholds = daemon.settings.health.thresholds;
        if let Some(belief) = beliefs.get_mut(&key) {
            belief.hear(look, thresholds);
            return belief.health.clone();
        }
        let belief = Belief::first(look);
        let health = belief.health.clone();
        beliefs.insert(key, belief);
        health
    }

    /// Takes a look at its word; since when it has been so is what the prober has seen, where it saw the same.
    pub(super) fn at_its_word(&self, database: &str, look: Look) -> ConnectionHealth {
        let beliefs = self.beliefs.lock().unwrap_or_else(PoisonError::into_inner);
        let believed = beliefs.get(&(database.to_owned(), look.purpose));
        let since = believed
            .map(|belief| &belief.health)
            .filter(|health| health.error.is_some() == look.error.is_some())
            .map_or(look.time, |health| health.since);
        ConnectionHealth {
            since,
            ..look.into()
        }
    }
}

async fn look(daemon: &Daemon) -> Seen {
    let looks = daemon.databases.values().map(|managed| async {
        let health = database(daemon, managed).await;
        (managed.name().to_owned(), health)
    });
    let (control, databases) = tokio::join!(
        look_at_control(daemon),
        futures_util::future::join_all(looks)
    );
    Seen {
        control_store: Some(daemon.prober.hear(daemon, "", control)),
        databases: databases.into_iter().collect(),
    }
}

/// Asks the control store whether it is there, within the health timeout.
pub(super) async fn look_at_control(daemon: &Daemon) -> Look {
    let asking = async { daemon.store.ping().await.map_err(Failure::from) };
    timed(daemon, CONTROL, asking).await.0
}

/// One database, by one connection for each purpose: a role that lost its login must not show only when it is needed.
async fn database(daemon: &Daemon, managed: &Managed) -> DatabaseHealth {
    let (looks, server_version) = ask_all(daemon, managed, By::Pool).await;
    let hear = |look| daemon.prober.hear(daemon, managed.name(), look);
    let connections = looks.into_iter().map(hear).collect();
    let asking = daemon.store.maintenance(managed.name());
    let maintenance = match tokio::time::timeout(daemon.settings.health.timeout, asking).await {
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
pub(super) async fn ask_all(daemon: &Daemon, managed: &Managed, by: By) -> (Vec<Look>, String) {
    let asked = Purpose::ALL.map(|purpose| ask(daemon, managed, purpose, by));
    let answers = futures_util::future::join_all(asked).await;
    let version = answers.iter().filter_map(|(_, version)| version.clone());
    let version = version.max().unwrap_or_default();
    let looks = answers.into_iter().map(|(look, _)| look).collect();
    (looks, version)
}

/// Asks the server its version as one purpose, within the health timeout.
async fn ask(
    daemon: &Daemon,
    managed: &Managed,
    purpose: Purpose,
    by: By,
) -> (Look, Option<String>) {
    let asking = async {
        if by == By::Pool {
            let client = managed.database.pooled(purpose).await?;
            return Ok(server::setting(&*client, "server_version").await?);
        }
        let session = managed.database.session(purpose, "pgsteward").await?;
        let version = server::setting(&*session, "server_version").await?;
        session.close().await;
        Ok(version)
    };
    timed(daemon, purpose.name(), asking).await
}

async fn timed<T>(
    daemon: &Daemon,
    purpose: &'static str,
    asking: impl Future<Output = Result<T, Failure>>,
) -> (Look, Option<T>) {
    let timeout = daemon.settings.health.timeout;
    let (time, start) = (Utc::now(), Instant::now());
    let (error, answer) = match tokio::time::timeout(timeout, asking).await {
        Ok(Ok(answer)) => (None, Some(answer)),
        Ok(Err(failure)) => (Some(failure.to_string()), None),
        Err(_) => {
            let error = format!("no answer within {}", humantime::format_duration(timeout));
            (Some(error), None)
        }
    };
    let look = Look {
        purpose,
        error,
        latency: start.elapsed(),
        time,
    };
    (look, answer)
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
        privileges: None,
        overdue_jobs: Vec::new(),
    }
}
