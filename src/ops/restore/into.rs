//! Restore into a new database beside the managed one, which is not touched: no turn, no maintenance mode, no last backup.
//!
//! The new database is built under a name of the daemon's own, which is what is noted and swept, and gets the name that was
//! asked for once it is good. So no database of somebody else's is ever taken for one that was left behind.

use tokio_postgres::error::SqlState;

use super::{
    build::{self, Compared},
    plan,
    restore_backup::Wanted,
};
use crate::{
    model::{
        failure::{Failure, Kind},
        restore::RestoreResult,
    },
    ops::{
        backup::remove::keep,
        daemon::{Daemon, Managed},
        recovery,
        runner::job::Job,
        scratch::create_for,
    },
    postgres::scratch,
};

/// The stages: `check`, `create`, `load`, `analyze`, `verify`, `name`.
pub(super) async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
    name: &str,
) -> Result<RestoreResult, Failure> {
    job.begin().await?;
    let count = 3 + build::stages(wanted.verify);
    let restored = async {
        let compared = job
            .cancellable(built(daemon, managed, job, count, wanted))
            .await?;
        // From here on a cancellation is too late.
        job.enter_next(count, "name");
        give_name(managed, &scratch::restore_name(job.id()), name).await?;
        Ok(RestoreResult {
            database: managed.name().to_owned(),
            filename: wanted.backup.filename.as_str().to_owned(),
            into_database: name.to_owned(),
            verified_tables: compared.tables,
            verified_rows: compared.rows,
            verification: Some(compared.verification),
            warnings: compared.warnings,
            stages: job.durations(),
            ..RestoreResult::default()
        })
    }
    .await;
    recovery::sweep_operation(daemon, job.id()).await;
    restored
}

async fn built(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    count: u32,
    wanted: &Wanted,
) -> Result<Compared, Failure> {
    let filename = &wanted.backup.filename;
    job.enter_next(count, "check");
    let used = keep(daemon, filename).await?;
    let (target, create_roles) = (&wanted.target, wanted.create_roles);
    let plan = plan::check(daemon, managed, filename.as_str(), target, create_roles).await?;
    plan::require_ready(&plan)?;
    build::require_same(&wanted.backup, &plan.backup)?;
    build::check_archive(daemon, job, &plan.backup).await?;

    job.enter_next(count, "create");
    let new = scratch::restore_name(job.id());
    create_for(daemon, managed, job.id(), &new, &plan.backup).await?;

    let verify = wanted.verify;
    let compared = build::fill(daemon, managed, job, count, &new, &plan.backup, verify).await?;
    used.release().await;
    Ok(compared)
}

async fn give_name(managed: &Managed, from: &str, to: &str) -> Result<(), Failure> {
    let session = managed.database.server_session("pgsteward restore").await?;
    let named = scratch::rename(&session, from, to).await;
    session.close().await;
    match named {
        Err(error) if error.is(&SqlState::DUPLICATE_DATABASE) => Err(Failure::new(
            Kind::FailedPrecondition,
            "DATABASE_EXISTS",
            format!("somebody has made a database {to:?} meanwhile"),
        )
        .with_hint("restore into another name")),
        other => Ok(other?),
    }
}
