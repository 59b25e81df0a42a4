//! CreateBackup.

use std::sync::Arc;

use super::{copy, dump, list::outcome, update::Marks};
use crate::{
    model::{
        backup::{BackupKind, Manifest},
        failure::Failure,
        labels::{self, Labels},
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

/// Starts a backup, with the labels and the hold that it is to have from its beginning.
pub async fn create(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    kind: BackupKind,
    marks: Marks,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        // Wrong labels are found before the work, not after it.
        labels::changed(&Labels::new(), &marks.labels, &marks.remove_labels)?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, kind, &marks).await })
    })
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    kind: BackupKind,
    marks: &Marks,
) -> Result<Outcome, Failure> {
    let stages = stages(daemon, managed, job, kind, marks);
    let made = Turn::hold(daemon, managed, Work::Backup, job, stages).await?;
    outcome(daemon, made).await
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    kind: BackupKind,
    marks: &Marks,
) -> Result<Manifest, Failure> {
    let stages = STAGES + copy::stages(daemon);
    job.enter(1, stages, "dump");
    let mut manifest = dump::dump(daemon, managed, job, kind).await?;
    job.enter(2, stages, "read back");
    dump::read_back(daemon.backups.primary(), job, &manifest).await?;
    job.enter(3, stages, "commit");
    marks.put_on(&mut manifest)?;
    let manifest = dump::commit(daemon, managed, job, manifest).await?;
    copy::copy_all(daemon, job, &manifest, STAGES).await?;
    Ok(manifest)
}
