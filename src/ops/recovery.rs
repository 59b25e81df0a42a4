//! Recovery: what a killed daemon left is found and put in order, at start and from time to time.
//!
//! 1. Open operations of daemons that are dead are marked failed.
//! 2. What ended operations may have left (`artifacts`) is swept.
//! 3. Maintenance mode is made true again where a crash fell between its record and the server's grants.
//! 4. Replaced databases whose time is up are dropped.
//! 5. The DDL guard is made what the configuration says.
//!
//! And once an hour the stores themselves are looked through for what nobody has noted: what was left by a daemon whose
//! control store is gone.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{daemon::Daemon, maintenance, migration::guard, restore};
use crate::{
    model::{
        audit::AuditOutcome,
        backup::BackupName,
        failure::{Failure, Kind},
        method::Method,
        operation::OperationState,
    },
    postgres::scratch,
    state::{
        artifacts::{Artifact, ArtifactKind},
        operations::Orphan,
    },
    storage::Marker,
};

const INTERVAL: Duration = Duration::from_secs(30);

/// Looks at the stores' markers are this many intervals apart: an hour.
const MARKER_INTERVALS: u32 = 120;

/// How many things are swept at once.
const SWEPT_AT_ONCE: usize = 4;

/// A marker of an operation that is not known here is old enough to be swept.
const MARKER_AGE: TimeDelta = TimeDelta::hours(24);

/// Puts in order now. Each part that fails is logged and does not stop the others.
pub async fn recover(daemon: &Daemon, told: &mut guard::Told) {
    log(
        "end the operations of dead daemons",
        end_orphans(daemon).await,
    );
    log("sweep what operations left", sweep_leftovers(daemon).await);
    for managed in daemon.databases.values() {
        log(
            "make maintenance mode true",
            maintenance::mode::reassert(daemon, managed).await,
        );
        log(
            "drop replaced databases whose time is up",
            restore::replaced::drop_expired(daemon, managed).await,
        );
        log(
            "make the DDL guard what the configuration says",
            guard::keep(daemon, managed, told).await,
        );
    }
}

/// Puts in order again and again, until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, mut told: guard::Told, stop: CancellationToken) {
    for round in 0_u32.. {
        let recovering = async {
            if round % MARKER_INTERVALS == 0 {
                log(
                    "sweep what was left in the stores",
                    sweep_markers(&daemon).await,
                );
            }
            tokio::time::sleep(INTERVAL).await;
            recover(&daemon, &mut told).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = recovering => {}
        }
    }
}

fn log(what: &str, result: Result<(), Failure>) {
    if let Err(failure) = result {
        tracing::warn!(%failure, "could not {what}");
    }
}

async fn end_orphans(daemon: &Daemon) -> Result<(), Failure> {
    for dead in daemon.store.dead_daemons().await? {
        for orphan in daemon.store.open_operations_of(dead).await? {
            tracing::warn!(operation = %orphan.id, method = orphan.method, database = orphan.database,
                "marking the operation of a dead daemon as failed");
            end_orphan(daemon, &orphan).await?;
        }
    }
    Ok(())
}

async fn end_orphan(daemon: &Daemon, orphan: &Orphan) -> Result<(), Failure> {
    let failure = if swapped(daemon, orphan).await {
        Failure::new(
            Kind::Aborted,
            "DAEMON_DIED",
            "the daemon that ran this operation ended after the swap: the database is the restored one",
        )
        .with_hint("ListReplacedDatabases shows the one before; RollbackRestore goes back to it")
    } else {
        Failure::new(
            Kind::Aborted,
            "DAEMON_DIED",
            "the daemon that ran this operation ended without finishing it",
        )
        .with_hint("start it again: what it had made beside the database is swept, and a migration goes on where it stopped")
    };
    if orphan.method == Method::RunDrill.name() {
        restore::drill::record_orphan(daemon, orphan.id, &orphan.database, &failure).await?;
    }
    let failed = OperationState::Failed;
    let ended = daemon
        .store
        .end_operation(orphan.id, failed, None, &Err(failure))
        .await?;
    if ended {
        let (outcome, id) = (AuditOutcome::Failed, orphan.id.to_string());
        daemon
            .store
            .insert_audit_outcome(orphan.audit_entry, outcome, "DAEMON_DIED", &id)
            .await?;
    }
    Ok(())
}

/// Whether the operation came as far as to set the live database aside.
async fn swapped(daemon: &Daemon, orphan: &Orphan) -> bool {
    let name = scratch::replaced_name(orphan.id);
    let asked = async {
        let managed = daemon.managed(&orphan.database)?;
        restore::replaced::standing(daemon, managed).await
    };
    asked
        .await
        .is_ok_and(|standing| standing.iter().any(|replaced| replaced.name == name))
}

async fn sweep_leftovers(daemon: &Daemon) -> Result<(), Failure> {
    sweep_all(daemon, daemon.store.leftovers().await?).await;
    Ok(())
}

/// Sweeps beside the markers whose makers are dead.
async fn sweep_markers(daemon: &Daemon) -> Result<(), Failure> {
    for marker in daemon.backups.markers().await {
        if is_abandoned(daemon, &marker).await? {
            tracing::info!(store = marker.store, backup = %marker.filename, "sweeping what was left in a store");
            let store = daemon.backups.get(&marker.store)?;
            store.sweep(&marker.filename).await?;
        }
    }
    Ok(())
}

/// An operation that has ended works no more. One that is not known is another daemon's, which may be at work: that is
/// waited for.
async fn is_abandoned(daemon: &Daemon, marker: &Marker) -> Result<bool, Failure> {
    let known = match marker.operation {
        Some(id) => daemon.store.operation(id).await?,
        None => None,
    };
    Ok(match known {
        Some(operation) => operation.end_time.is_some(),
        None => Utc::now() - marker.time > MARKER_AGE,
    })
}

/// Sweeps what this operation may have left, after its work has ended well or badly.
pub async fn sweep_operation(daemon: &Daemon, operation: Uuid) {
    let swept = async {
        sweep_all(daemon, daemon.store.artifacts_of(operation).await?).await;
        Ok(())
    };
    log("list what the operation left", swept.await);
}

/// What cannot be swept now stays noted, and is tried again later; it does not stand in the way of the rest.
///
/// Several at once: to drop a database makes the server write all others to disk, those that are dropped next included.
async fn sweep_all(daemon: &Daemon, artifacts: Vec<Artifact>) {
    let sweeping = async |artifact: Artifact| {
        tracing::info!(name = artifact.name, operation = %artifact.operation, "sweeping what an operation left");
        log(
            "sweep what an operation left",
            sweep(daemon, &artifact).await,
        );
    };
    stream::iter(artifacts)
        .for_each_concurrent(SWEPT_AT_ONCE, sweeping)
        .await;
}

/// Removes one thing if it is there, then strikes it out.
pub(super) async fn sweep(daemon: &Daemon, artifact: &Artifact) -> Result<(), Failure> {
    match artifact.kind {
        ArtifactKind::Archive => {
            // A manifest makes the archive a backup: the store leaves it alone then.
            let name = BackupName::parse(&artifact.name)?;
            daemon.backups.sweep(&name).await?;
        }
        ArtifactKind::Database => {
            let managed = daemon.managed(&artifact.database)?;
            let session = managed.database.server_session("pgsteward sweep").await?;
            scratch::drop(&session, &artifact.name).await?;
            session.close().await;
        }
        ArtifactKind::Indexes => {
            let managed = daemon.managed(&artifact.database)?;
            maintenance::reindex::sweep(managed).await?;
        }
    }
    daemon.store.strike_artifact(artifact).await?;
    Ok(())
}
