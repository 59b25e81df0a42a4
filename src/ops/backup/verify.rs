//! VerifyBackup: reads an archive to its end, and records the level that it passed in its manifest.

use std::sync::Arc;

use chrono::Utc;

use super::{dump::read_back, list::find};
use crate::{
    model::{
        backup::{FoundDamage, Manifest, VerificationLevel},
        failure::{Failure, Kind},
        operation::{Operation, Outcome},
    },
    ops::{context::Context, daemon::Daemon, launch::launch_on_backup, runner::job::Job},
};

/// Starts a verification.
pub async fn verify(
    daemon: &Arc<Daemon>,
    context: &Context,
    filename: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch_on_backup(daemon, context, filename, request_id, |manifest| {
        let daemon = Arc::clone(daemon);
        move |job| async move { run(&daemon, &job, manifest).await }
    })
    .await
}

/// Reads an archive to its end. One that is found damaged is marked so, and counts no longer: not as the newest good
/// backup, not for retention, not for a restore.
pub async fn read_recorded(daemon: &Daemon, job: &Job, manifest: &Manifest) -> Result<(), Failure> {
    let Err(failure) = read_back(daemon, job, manifest).await else {
        return Ok(());
    };
    if failure.kind == Kind::DataLoss {
        let mut manifest = manifest.clone();
        manifest.damage = Some(FoundDamage {
            message: failure.message.clone(),
            time: Utc::now(),
        });
        if let Err(error) = daemon.backups.put_manifest(&manifest).await {
            let error = Failure::from(error);
            tracing::error!(%error, backup = %manifest.filename, "that a backup is damaged could not be recorded");
        }
    }
    Err(failure)
}

async fn run(daemon: &Daemon, job: &Job, manifest: Manifest) -> Result<Outcome, Failure> {
    job.begin().await?;
    job.enter(1, 1, "read");
    job.cancellable(read_recorded(daemon, job, &manifest))
        .await?;
    // Read again: another level may have been recorded meanwhile.
    let mut manifest = find(daemon, manifest.filename.as_str()).await?;
    let now = Utc::now();
    manifest.record(VerificationLevel::Digest, now);
    manifest.record(VerificationLevel::FullRead, now);
    daemon.backups.put_manifest(&manifest).await?;
    Ok(Outcome::Backup(manifest))
}
