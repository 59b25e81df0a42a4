//! CreateBackup.

use std::sync::Arc;

use super::{copy, dump};
use crate::{
    model::{
        backup::{BackupKind, Manifest},
        failure::Failure,
        operation::{Operation, Outcome},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
};

/// Without those of the copies.
const STAGES: u32 = 3;

/// Starts a backup.
pub async fn create(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    kind: BackupKind,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, kind).await })
    })
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    kind: BackupKind,
) -> Result<Outcome, Failure> {
    let stages = stages(daemon, managed, job, kind);
    Turn::hold(daemon, managed, Work::Backup, job, stages)
        .await
        .map(Outcome::Backup)
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    kind: BackupKind,
) -> Result<Manifest, Failure> {
    let stages = STAGES + copy::stages(daemon);
    job.enter(1, stages, "dump");
    let manifest = dump::dump(daemon, managed, job, kind).await?;
    job.enter(2, stages, "read back");
    dump::read_back(daemon.backups.primary(), job, &manifest).await?;
    job.enter(3, stages, "commit");
    let manifest = dump::commit(daemon, managed, job, manifest).await?;
    copy::copy_all(daemon, job, &manifest, STAGES).await?;
    Ok(manifest)
}
