//! The control store's own tables: the revisions in the repository's `migrations/`, embedded in the binary and applied at
//! start by the engine that serves MigrationService.

use std::time::{Duration, Instant};

use super::ControlStore;
use crate::{
    model::{
        failure::{Classified, Failure, Kind},
        migration::Direction,
        revision::{Graph, Script},
    },
    postgres::{
        lock,
        revisions::{self, ScriptLimits, ScriptRun},
        session::Session,
        versions::VersionTable,
    },
};

/// The embedded revisions: (file name, text), by name.
const REVISIONS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/control_revisions.rs"));

const LOCK: &str = "pgsteward:control:schema";
const LOCK_PATIENCE: Duration = Duration::from_mins(1);
const LOCK_POLL: Duration = Duration::from_millis(100);

/// Why the control store cannot be used by this daemon.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer daemon has upgraded it.
    #[error("the control store has revision {}, which this daemon does not know", unknown.join(", "))]
    Newer {
        /// The ids that no embedded script has.
        unknown: Vec<String>,
    },
    /// Another daemon holds the lock on its schema.
    #[error(
        "another daemon has been upgrading the control store for {}",
        humantime::format_duration(LOCK_PATIENCE)
    )]
    Busy,
}

impl Classified for SchemaError {
    fn kind(&self) -> Kind {
        match self {
            Self::Newer { .. } => Kind::FailedPrecondition,
            Self::Busy => Kind::Aborted,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Newer { .. } => "CONTROL_STORE_NEWER",
            Self::Busy => "CONTROL_STORE_BUSY",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Newer { .. } => {
                "this daemon is older than its control store: start the newer version of pgsteward"
            }
            Self::Busy => "start again when the other daemon is done",
        };
        Some(hint.to_owned())
    }
}

impl ControlStore {
    /// Brings the control store's tables up to date, under a lock, as the login that owns them. Refuses when they are newer
    /// than this daemon.
    pub async fn upgrade_schema(&self) -> Result<(), Failure> {
        // Two sessions: running a script ends with DISCARD ALL, which gives advisory locks back.
        let lock = self.owner_session("pgsteward control schema lock").await?;
        take_lock(&lock).await?;
        let session = self.owner_session("pgsteward control schema").await?;
        self.check_ownership(&session).await?;
        upgrade(&session).await?;
        self.grant(&session).await?;
        session.close().await;
        lock.close().await;
        Ok(())
    }
}

async fn take_lock(session: &Session) -> Result<(), Failure> {
    let start = Instant::now();
    while !lock::try_lock(session, LOCK).await? {
        if start.elapsed() > LOCK_PATIENCE {
            return Err(SchemaError::Busy.into());
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
    Ok(())
}

async fn upgrade(session: &Session) -> Result<(), Failure> {
    let table = VersionTable {
        schema: "public".to_owned(),
        name: "alembic_version".to_owned(),
    };
    let scripts = REVISIONS
        .iter()
        .map(|(name, text)| Script::parse(name, text))
        .collect::<Result<Vec<_>, _>>()?;
    let graph = Graph::new(scripts)?;
    let mut heads = table.heads(&**session).await?;
    let unknown: Vec<String> = heads
        .iter()
        .filter(|head| graph.get(head).is_none())
        .cloned()
        .collect();
    if !unknown.is_empty() {
        return Err(SchemaError::Newer { unknown }.into());
    }
    for step in graph.upgrade_plan(&heads, "head")? {
        let Some(script) = graph.get(&step.revision) else {
            continue;
        };
        tracing::info!(revision = step.revision, "upgrading the control store");
        let run = ScriptRun {
            table: &table,
            script,
            direction: Direction::Upgrade,
            before: &heads,
            after: &step.heads_after,
            limits: ScriptLimits::default(),
        };
        // The ledger is for managed databases; its own tables are made here.
        revisions::run(session, run, async |_| Ok(())).await?;
        heads = step.heads_after;
    }
    Ok(())
}
