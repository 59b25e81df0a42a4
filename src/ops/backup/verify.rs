//! VerifyBackup: reads an archive, and records the level that it passed in its manifest.

use std::sync::Arc;

use chrono::Utc;

use super::{content, list::outcome, remove::keep, update};
use crate::{
    model::{
        backup::{FoundDamage, Manifest, VerificationLevel},
        failure::{Failure, Kind},
        operation::{Operation, Outcome},
    },
    ops::{context::Context, daemon::Daemon, launch::launch_on_backup, runner::job::Job},
    storage::{ArchiveSummary, Store},
};

/// Starts a verification up to `level`, which is the digest or the full read, of the archive in `store`; an empty name means
/// the first store that holds it.
pub async fn verify(
    daemon: &Arc<Daemon>,
    context: &Context,
    filename: &str,
    level: VerificationLevel,
    store: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    if !matches!(
        level,
        VerificationLevel::Digest | VerificationLevel::FullRead
    ) {
        return Err(Failure::invalid_field(
            "level",
            "must be VERIFICATION_LEVEL_DIGEST or VERIFICATION_LEVEL_FULL_READ; restores and drills check further",
        ));
    }
    let store = store.to_owned();
    launch_on_backup(daemon, context, filename, request_id, |manifest| {
        let daemon = Arc::clone(daemon);
        move |job| async move { run(&daemon, &job, manifest, level, &store).await }
    })
    .await
}

async fn run(
    daemon: &Daemon,
    job: &Job,
    manifest: Manifest,
    level: VerificationLevel,
    store: &str,
) -> Result<Outcome, Failure> {
    job.begin().await?;
    let used = keep(daemon, &manifest.filename).await?;
    let verified = verify_kept(daemon, job, &manifest, level, store).await;
    used.release().await;
    outcome(daemon, verified?).await
}

async fn verify_kept(
    daemon: &Daemon,
    job: &Job,
    manifest: &Manifest,
    level: VerificationLevel,
    store: &str,
) -> Result<Manifest, Failure> {
    let name = &manifest.filename;
    let store = daemon.backups.holder(name, store).await?;
    job.enter(1, 1, "read");
    let read = job
        .cancellable(read_recorded(daemon, job, store, manifest, level))
        .await?;
    let now = Utc::now();
    update::change_in(daemon, store, name, |manifest| {
        // Another tool's archive has its first digest now.
        manifest.sha256.clone_from(&read.sha256);
        manifest.record(VerificationLevel::Digest, now);
        if level == VerificationLevel::FullRead {
            manifest.record(VerificationLevel::FullRead, now);
        }
        Ok(())
    })
    .await
}

/// Reads an archive up to `level`. One that is found damaged is marked so, and counts no longer: not as the newest good
/// backup, not for retention, not for a restore. What other stores hold of it counts as before.
pub async fn read_recorded(
    daemon: &Daemon,
    job: &Job,
    store: &Store,
    manifest: &Manifest,
    level: VerificationLevel,
) -> Result<ArchiveSummary, Failure> {
    let failure = match read(daemon, job, store, manifest, level).await {
        Ok(summary) => return Ok(summary),
        Err(failure) => failure,
    };
    if failure.kind == Kind::DataLoss {
        let damage = FoundDamage {
            message: failure.message.clone(),
            time: Utc::now(),
        };
        let noted = update::change_in(daemon, store, &manifest.filename, |manifest| {
            manifest.damage = Some(damage.clone());
            Ok(())
        });
        if let Err(error) = noted.await {
            tracing::error!(%error, backup = %manifest.filename, "that a backup is damaged could not be recorded");
        }
    }
    Err(failure)
}

async fn read(
    daemon: &Daemon,
    job: &Job,
    store: &Store,
    manifest: &Manifest,
    level: VerificationLevel,
) -> Result<ArchiveSummary, Failure> {
    job.say("digest");
    let total = manifest.size_bytes;
    let summary = store
        .digest(manifest, |done| job.count(done, total, "bytes"))
        .await?;
    if level == VerificationLevel::FullRead {
        job.say("contents");
        content::read(daemon, job, store, manifest).await?;
    }
    job.say("");
    Ok(summary)
}
