//! The control store: pgsteward's own database, which holds operations, the audit log, maintenance mode and schedule
//! runs. It never lives inside a managed database, so that a restore cannot rewrite history.
//!
//! One file per table, each an `impl ControlStore` of short queries. Its tables are the revisions in the repository's
//! `migrations/`, applied by `schema` with the same engine that serves MigrationService; `ownership` keeps them apart from
//! the role that the daemon works as. `anchor` and `spool` are no tables but files of the daemon, which go with the audit
//! log: what it has seen of it, and what waits to be written to it.

pub mod alerts;
pub mod anchor;
pub mod approvals;
pub mod artifacts;
pub mod audit;
pub mod backup_locks;
pub mod drills;
pub mod journal;
pub mod ledger;
pub mod liveness;
pub mod maintenance;
pub mod operation_approvals;
pub mod operations;
pub mod ownership;
pub mod privileges;
pub mod references;
pub mod rehearsals;
pub mod replaced;
pub mod schedule;
pub mod schema;
pub mod spool;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use deadpool_postgres::Pool;
use tokio::sync::Semaphore;
use tokio_postgres::Config;
use uuid::Uuid;

use self::audit::append::Appender;
use crate::postgres::{
    database::{ConnectionSettings, get, pool},
    error::PostgresError,
    pooled::Pooled,
};

/// The control store's connections, and the identity under which this daemon writes to it.
#[derive(Debug)]
pub struct ControlStore {
    login: Config,
    /// The login that owns the tables, where it is not the one that works with them.
    owner: Option<Config>,
    settings: ConnectionSettings,
    pool: Pool,
    daemon: Uuid,
    audit: Arc<Appender>,
    /// Who reads the whole audit log, each with a session of its own.
    audit_readers: Arc<Semaphore>,
    /// For how long this daemon works on while it cannot prove that it lives.
    control_grace: Duration,
    /// When it last proved that it lives.
    proven: Mutex<Instant>,
}

impl ControlStore {
    /// Prepares the pool; connects to nothing yet. `daemon` names this process for as long as it lives.
    pub fn new(
        login: Config,
        settings: ConnectionSettings,
        daemon: Uuid,
    ) -> Result<Self, PostgresError> {
        // The audit log's writer has a connection of its own: however much is read, what changes something can be recorded.
        let own = ConnectionSettings {
            pool_size: 1,
            ..settings.clone()
        };
        let own = pool(&login, &own)?;
        let pool = pool(&login, &settings)?;
        Ok(Self {
            audit_readers: Arc::new(Semaphore::new(audit::records::MOST_READERS)),
            audit: Arc::new(Appender::new(own, login.clone(), settings.clone())),
            pool,
            login,
            owner: None,
            settings,
            daemon,
            control_grace: liveness::CONTROL_GRACE,
            proven: Mutex::new(Instant::now()),
        })
    }

    /// The same store, whose tables another login owns and makes.
    #[must_use]
    pub fn owned_by(self, owner: Config) -> Self {
        let owner = Some(owner);
        Self { owner, ..self }
    }

    /// The same for a daemon that works on for so long while it cannot prove that it lives.
    #[must_use]
    pub fn with_control_grace(self, control_grace: Duration) -> Self {
        Self {
            control_grace,
            ..self
        }
    }

    /// The roles that it is worked with and owned by.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        [Some(&self.login), self.owner.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(Config::get_user)
    }

    /// The id of this daemon process.
    pub fn daemon(&self) -> Uuid {
        self.daemon
    }

    /// Whether the control store answers.
    pub async fn ping(&self) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .simple_query("SELECT 1")
            .await
            .map(|_| ())
            .map_err(PostgresError::query("ask the control store"))
    }

    async fn client(&self) -> Result<Pooled, PostgresError> {
        get(&self.pool, &self.login, &self.settings).await
    }
}

/// Turns a value into the JSON that a `jsonb` column keeps.
fn to_json(what: &str, value: &impl serde::Serialize) -> Result<serde_json::Value, PostgresError> {
    serde_json::to_value(value).map_err(|error| PostgresError::Unexpected {
        what: format!("write {what}"),
        detail: error.to_string(),
    })
}

/// Reads a value back from a `jsonb` column.
fn from_json<T: serde::de::DeserializeOwned>(
    what: &str,
    value: serde_json::Value,
) -> Result<T, PostgresError> {
    serde_json::from_value(value).map_err(|error| PostgresError::Unexpected {
        what: format!("read {what}"),
        detail: error.to_string(),
    })
}
