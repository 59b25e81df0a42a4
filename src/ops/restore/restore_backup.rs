//! Restore, as a list of stages. The live database is not touched before the last.
//!
//! 1. `check`: the pre-flight again, now that the turn is held, and the archive read to its end.
//! 2. `last backup`: of the present state.
//! 3. `create`: an empty database beside the live one, with the live one's properties.
//! 4. `load`: the archive's SQL.
//! 5. `analyze`.
//! 6. `verify`: every table's rows and the schema version against the manifest.
//! 7. `swap`: two renames in one transaction.

use std::sync::Arc;

use chrono::Utc;

use super::{plan, rebuild, swap};
use crate::{
    model::{
        backup::{BackupKind, Manifest, VerificationLevel},
        failure::Failure,
        operation::{Operation, Outcome},
        restore::RestoreResult,
    },
    ops::{
        backup::{dump, list::find, verify::read_recorded},
        context::Context,
        daemon::{Daemon, Managed},
        launch::{check_reason, launch},
        recovery,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{access, scratch},
};

const STAGES: u32 = 7;

/// Starts a restore. `confirm` must be the database's name, typed once more.
pub async fn restore(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    filename: &str,
    confirm: &str,
    reason: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        check_confirmation(&managed, confirm)?;
        // It is for the audit log, which holds the whole request.
        check_reason(reason)?;
        let plan = plan::check(daemon, &managed, filename).await?;
        plan::require_ready(&plan)?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, plan.backup).await })
    })
    .await
}

/// Refuses unless the name was typed once more.
pub fn check_confirmation(managed: &Managed, confirm: &str) -> Result<(), Failure> {
    if confirm == managed.name() {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "confirm_database",
        format!("must be the database's name, {:?}", managed.name()),
    ))
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    backup: Manifest,
) -> Result<Outcome, Failure> {
    let _pin = daemon.backups.pin(&backup.filename)?;
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Restore, job, patience).await?;
    let restored = async {
        let built = turn
            .during(job, build(daemon, managed, job, &backup))
            .await?;
        // From here on a cancellation is too late: the swap happens or it does not, never by half.
        job.enter(7, STAGES, "swap");
        let new = scratch::restore_name(job.id());
        let replaced = swap::swap(daemon, managed, &turn, job, &new).await?;
        Ok(RestoreResult {
            database: managed.name().to_owned(),
            filename: backup.filename.as_str().to_owned(),
            pre_restore_backup: built.pre_restore_backup,
            replaced,
            verified_tables: built.verified.tables,
            verified_rows: built.verified.rows,
        })
    }
    .await;
    recovery::sweep_operation(daemon, job.id()).await;
    turn.end().await;
    restored.map(Outcome::Restore)
}

struct Built {
    pre_restore_backup: String,
    verified: rebuild::Verified,
}

/// Stages 1 to 6: a verified copy beside the live database. May be dropped at any await.
async fn build(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    backup: &Manifest,
) -> Result<Built, Failure> {
    job.enter(1, STAGES, "check");
    let session = managed.database.server_session("pgsteward restore").await?;
    let roles = managed.database.roles();
    access::end_other_sessions(&session, managed.database.server_name(), &roles).await?;
    session.close().await;
    let plan = plan::check(daemon, managed, backup.filename.as_str()).await?;
    plan::require_ready(&plan)?;
    let store = daemon.backups.holder(&backup.filename, "").await?;
    read_recorded(job, store, backup).await?;

    job.enter(2, STAGES, "last backup");
    let last = dump::dump(daemon, managed, job, BackupKind::PreRestore).await?;
    dump::read_back(daemon.backups.primary(), job, &last).await?;
    let last = dump::commit(daemon, managed, job, last).await?;

    job.enter(3, STAGES, "create");
    let new = scratch::restore_name(job.id());
    crate::ops::scratch::create(daemon, managed, job.id(), &new).await?;

    job.enter(4, STAGES, "load");
    rebuild::load(daemon, managed, job, &new, backup).await?;

    job.enter(5, STAGES, "analyze");
    rebuild::analyze(managed, &new).await?;

    job.enter(6, STAGES, "verify");
    let verified = rebuild::verify(managed, &new, backup).await?;
    if let Err(failure) = record_restored(daemon, backup).await {
        // A store that cannot be written to is no reason to keep the restored database from its users.
        tracing::warn!(%failure, "that the backup was restored could not be recorded in its manifest");
    }
    Ok(Built {
        pre_restore_backup: last.filename.as_str().to_owned(),
        verified,
    })
}

/// The backup has been restored and compared: the highest level of checking there is.
async fn record_restored(daemon: &Daemon, backup: &Manifest) -> Result<(), Failure> {
    let mut manifest = find(daemon, backup.filename.as_str()).await?;
    let now = Utc::now();
    for level in [
        VerificationLevel::Digest,
        VerificationLevel::FullRead,
        VerificationLevel::Restored,
    ] {
        manifest.record(level, now);
    }
    Ok(daemon.backups.put_manifest(&manifest).await?)
}
