//! VerifyBackup: reads an archive to its end, and records the level that it passed in its manifest.

use std::sync::Arc;

use chrono::Utc;

use super::dump::read_back;
use crate::{
    model::{
        backup::{FoundDamage, Manifest, VerificationLevel},
        failure::{Failure, Kind},
        operation::{Operation, Outcome},
    },
    ops::{context::Context, daemon::Daemon, launch::launch_on_backup, runner::job::Job},
    storage::Store,
};

/// Starts a verification.
pub async fn verify(
    daemon: &Arc<Daemon>,
    context: &Context,
    filename: &str,
    store: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch_on_backup(daemon, context, filename, request_id, |manifest| {
        let daemon = Arc::clone(daemon);
        let store = store.to_owned();
        move |job| async move { run(&daemon, &job, &store, manifest).await }
    })
    .await
}

/// Reads an archive to its end. One that is found damaged is marked so, and counts no longer: not as the newest good
/// backup, not for retention, not for a restore. What other stores hold of it counts as before.
pub async fn read_recorded(job: &Job, store: &Store, manifest: &Manifest) -> Result<(), Failure> {
    let Err(failure) = read_back(store, job, manifest).await else {
        return Ok(());
    };
    if failure.kind == Kind::DataLoss {
        let mut manifest = manifest.clone();
        manifest.damage = Some(FoundDamage {
            message: failure.message.clone(),
            time: Utc::now(),
        });
        if let Err(error) = store.put_manifest(&manifest).await {
            let error = Failure::from(error);
            tracing::error!(%error, backup = %manifest.filename, "that a backup is damaged could not be recorded");
        }
    }
    Err(failure)
}

async fn run(
    daemon: &Daemon,
    job: &Job,
    store: &str,
    manifest: Manifest,
) -> Result<Outcome, Failure> {
    job.begin().await?;
    let name = &manifest.filename;
    let _pin = daemon.backups.pin(name)?;
    let store = daemon.backups.holder(name, store).await?;
    job.enter(1, 1, "read");
    job.cancellable(read_recorded(job, store, &manifest))
        .await?;
    // Read again: another level may have been recorded meanwhile.
    let mut manifest = store.manifest(name).await?;
    let now = Utc::now();
    manifest.record(VerificationLevel::Digest, now);
    manifest.record(VerificationLevel::FullRead, now);
    store.put_manifest(&manifest).await?;
    Ok(Outcome::Backup(manifest))
}
