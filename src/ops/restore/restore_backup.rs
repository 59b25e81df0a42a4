//! Restore, as a list of stages. The live database is not touched before the last.
//!
//! 0. Where a second person is asked for, the operation first waits for one, and holds nothing.
//! 1. `check`: the pre-flight again, now that the turn is held, and the archive read to its end.
//! 2. `last backup`: of the present state, unless it is to be skipped.
//! 3. `create`: an empty database beside the live one, with the live one's properties.
//! 4. `load`: the archive's contents.
//! 5. `analyze`.
//! 6. `verify`: every table and the schema version against the manifest, as far as asked.
//! 7. `swap`: two renames in one transaction.

use std::sync::Arc;

use super::{
    build::{self, Compared},
    into, plan,
    request::RestoreRequest,
    roles::{self, Created},
    swap, tables,
};
use crate::{
    model::{
        backup::{BackupKind, Manifest},
        failure::Failure,
        operation::{Operation, Outcome},
        restore::{RestoreResult, RestoreTarget, RestoreVerification},
    },
    ops::{
        backup::{dump, list::find_authorized, remove::keep},
        context::Context,
        daemon::{Daemon, Managed},
        launch::{check_reason, launch_approved},
        maintenance::mode,
        recovery,
        runner::job::Job,
        scratch::create_for,
        turn::{Turn, Work},
    },
    postgres::{access, scratch},
};

/// A restore that was asked for and not refused.
pub(super) struct Wanted {
    /// The backup as it was then.
    pub(super) backup: Manifest,
    /// What is written.
    pub(super) target: RestoreTarget,
    /// How far it is compared.
    pub(super) verify: RestoreVerification,
    /// Whether to create the roles that the server lacks.
    pub(super) create_roles: bool,
    /// Whether to go without the backup of the present state.
    pub(super) skip_last_backup: bool,
}

/// Starts a restore. What it restores is settled here: the backup as it is now.
pub async fn restore(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request: RestoreRequest,
    request_id: &str,
) -> Result<Operation, Failure> {
    let approval_time = daemon.settings.restore.approval_time;
    launch_approved(
        daemon,
        context,
        database,
        request_id,
        approval_time,
        async |managed| {
            let target = request.target(managed.name())?;
            // It is for the audit log, which holds the whole request.
            check_reason(&request.reason)?;
            let (filename, create_roles) = (&request.filename, request.create_roles);
            find_authorized(daemon, context, filename).await?;
            let plan = plan::check(daemon, &managed, filename, &target, create_roles).await?;
            if approval_time.is_some() {
                plan::require_nearly_ready(&plan)?;
            } else {
                plan::require_ready(&plan)?;
            }
            let wanted = Wanted {
                backup: plan.backup,
                target,
                verify: request.verify,
                create_roles,
                skip_last_backup: request.skip_last_backup,
            };
            let daemon = Arc::clone(daemon);
            Ok(move |job| async move { run(&daemon, &managed, &job, &wanted).await })
        },
    )
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<Outcome, Failure> {
    job.approved().await?;
    let restored = match &wanted.target {
        RestoreTarget::Database(name) => into::run(daemon, managed, job, wanted, name).await,
        RestoreTarget::Tables { tables, schema } => {
            tables::run(daemon, managed, job, wanted, tables, schema).await
        }
        RestoreTarget::Live => live(daemon, managed, job, wanted).await,
    };
    restored.map(Outcome::Restore)
}

async fn live(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<RestoreResult, Failure> {
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Restore, job, patience).await?;
    let restored = async {
        let count = 4 + build::stages(wanted.verify) - u32::from(wanted.skip_last_backup);
        let built = turn
            .during(job, beside(daemon, managed, job, count, wanted))
            .await?;
        // From here on a cancellation is too late: the swap happens or it does not, never by half.
        job.enter_next(count, "swap");
        let new = scratch::restore_name(job.id());
        let replaced = swap::swap(daemon, managed, &turn, job, &new).await?;
        Ok(RestoreResult {
            database: managed.name().to_owned(),
            filename: wanted.backup.filename.as_str().to_owned(),
            pre_restore_backup: built.last_backup,
            replaced: Some(replaced),
            verified_tables: built.compared.tables,
            verified_rows: built.compared.rows,
            verification: Some(built.compared.verification),
            warnings: built.compared.warnings,
            created_roles: built.created_roles,
            stages: job.durations(),
            ..RestoreResult::default()
        })
    }
    .await;
    recovery::sweep_operation(daemon, job.id()).await;
    turn.end().await;
    restored
}

struct Built {
    last_backup: String,
    created_roles: Vec<String>,
    compared: Compared,
}

/// All stages before the swap: a verified copy beside the live database. May be dropped at any await.
async fn beside(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    count: u32,
    wanted: &Wanted,
) -> Result<Built, Failure> {
    let filename = &wanted.backup.filename;
    job.enter_next(count, "check");
    let used = keep(daemon, filename).await?;
    // It may have waited long for its approval: nobody's session is ended in a database that is open again, which is refused
    // next.
    if mode::is_on(daemon, managed).await? {
        let session = managed.database.server_session("pgsteward restore").await?;
        let roles = managed.database.roles();
        access::end_other_sessions(&session, managed.database.server_name(), &roles).await?;
        session.close().await;
    }
    let (target, create_roles) = (&wanted.target, wanted.create_roles);
    let plan = plan::check(daemon, managed, filename.as_str(), target, create_roles).await?;
    plan::require_ready(&plan)?;
    build::require_same(&wanted.backup, &plan.backup)?;
    let backup = plan.backup;
    build::check_archive(daemon, job, &backup).await?;

    let last_backup = if wanted.skip_last_backup {
        tracing::warn!("the restore goes without a backup of the present state, as asked");
        String::new()
    } else {
        job.enter_next(count, "last backup");
        let last = dump::dump(daemon, managed, job, BackupKind::PreRestore).await?;
        dump::read_back(daemon.backups.primary(), job, &last).await?;
        let last = dump::commit(daemon, managed, job, last).await?;
        last.filename.as_str().to_owned()
    };

    job.enter_next(count, "create");
    let created = if wanted.create_roles {
        roles::create_missing(daemon, managed, &backup).await?
    } else {
        Created::default()
    };
    let new = scratch::restore_name(job.id());
    create_for(daemon, managed, job.id(), &new, &backup).await?;

    let mut compared =
        build::fill(daemon, managed, job, count, &new, &backup, wanted.verify).await?;
    used.release().await;
    compared.warnings.extend(created.warnings);
    Ok(Built {
        last_backup,
        created_roles: created.roles,
        compared,
    })
}
