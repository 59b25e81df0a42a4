//! VerifyBackup: reads an archive to its end, and records the level that it passed in its manifest.

use std::sync::Arc;

use chrono::Utc;

use super::{dump::read_back, update};
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
        let damage = FoundDamage {
            message: failure.message.clone(),
            time: Utc::now(),
        };
        let noted = update::change(daemon, &manifest.filename, |manifest| {
            manifest.damage = Some(damage);
            Ok(())
        });
        if let Err(error) = noted.await {
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
    let level = VerificationLevel::FullRead;
    update::record_level(daemon, &manifest.filename, level)
        .await
        .map(Outcome::Backup)
}
