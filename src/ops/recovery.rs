//! Recovery: what a killed daemon left is found and put in order, at start and from time to time.
//!
//! 1. Open operations of daemons that are dead are marked failed.
//! 2. What ended operations may have left (`artifacts`) is swept.
//! 3. Maintenance mode is made true again where a crash fell between its record and the server's grants.
//! 4. Replaced databases whose time is up are dropped.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{daemon::Daemon, maintenance, restore};
use crate::{
    model::{
        audit::AuditOutcome,
        backup::BackupName,
        failure::{Failure, Kind},
        operation::OperationState,
    },
    postgres::scratch,
    state::artifacts::{Artifact, ArtifactKind},
};

const INTERVAL: Duration = Duration::from_secs(30);

/// Puts in order now. Each part that fails is logged and does not stop the others.
pub async fn recover(daemon: &Daemon) {
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
    }
}

/// Puts in order again and again, until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => recover(&daemon).await,
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
            let failure = Failure::new(
                Kind::Aborted,
                "DAEMON_DIED",
                "the daemon that ran this operation ended without finishing it",
            )
            .with_hint("what it had made is swept; start it again");
            let ended = daemon
                .store
                .end_operation(orphan.id, OperationState::Failed, None, &Err(failure))
                .await?;
            if ended {
                daemon
                    .store
                    .insert_audit_outcome(
                        orphan.audit_entry,
                        AuditOutcome::Failed,
                        "DAEMON_DIED",
                        &orphan.id.to_string(),
                    )
                    .await?;
            }
        }
    }
    Ok(())
}

async fn sweep_leftovers(daemon: &Daemon) -> Result<(), Failure> {
    for artifact in daemon.store.leftovers().await? {
        tracing::warn!(name = artifact.name, operation = %artifact.operation, "sweeping what an operation left");
        sweep(daemon, &artifact).await?;
    }
    Ok(())
}

/// Sweeps what this operation may have left, after its work has ended well or badly.
pub async fn sweep_operation(daemon: &Daemon, operation: Uuid) {
    let swept = async {
        for artifact in daemon.store.artifacts_of(operation).await? {
            sweep(daemon, &artifact).await?;
        }
        Ok(())
    };
    log(
        "sweep what the operation left; it is tried again later",
        swept.await,
    );
}

/// Removes one thing if it is there, then strikes it out.
async fn sweep(daemon: &Daemon, artifact: &Artifact) -> Result<(), Failure> {
    match artifact.kind {
        ArtifactKind::Archive => {
            // A manifest makes the archive a backup: the store leaves it alone then.
            let name = BackupName::parse(&artifact.name)?;
            daemon.backups.sweep(&[name]).await?;
        }
        ArtifactKind::Database => {
            let managed = daemon.managed(&artifact.database)?;
            let session = managed.database.server_session("pgsteward sweep").await?;
            scratch::drop(&session, &artifact.name).await?;
            session.close().await;
        }
    }
    daemon.store.strike_artifact(artifact).await?;
    Ok(())
}
