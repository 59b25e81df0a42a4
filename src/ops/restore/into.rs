//! Restore into a new database beside the managed one, which is not touched: no turn, no maintenance mode, no last backup.
//!
//! The new database is built under a name of the daemon's own, which is what is noted and swept, and gets the name that was
//! asked for once it is good. So no database of somebody else's is ever taken for one that was left behind.

use tokio_postgres::error::SqlState;

use super::{
    build::{self, Compared},
    plan,
    restore_backup::Wanted,
    roles::{self, Created},
};
use crate::{
    model::{
        backup::Manifest,
        failure::{Failure, Kind},
        restore::RestoreResult,
    },
    ops::{
        backup::{open, remove::keep},
        daemon::{Daemon, Managed},
        recovery,
        runner::job::Job,
        scratch::create_for,
    },
    postgres::{properties, scratch},
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
        let (mut compared, created_roles) = job
            .cancellable(built(daemon, managed, job, count, wanted))
            .await?;
        // From here on a cancellation is too late.
        job.enter_next(count, "name");
        let new = scratch::restore_name(job.id());
        let refused = give_properties(daemon, managed, &new, &wanted.backup).await?;
        compared.warnings.extend(refused);
        job.still_ours().await?;
        give_name(managed, &new, name).await?;
        Ok(RestoreResult {
            database: managed.name().to_owned(),
            filename: wanted.backup.filename.as_str().to_owned(),
            into_database: name.to_owned(),
            verified_tables: compared.tables,
            verified_rows: compared.rows,
            verification: Some(compared.verification),
            warnings: compared.warnings,
            created_roles,
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
) -> Result<(Compared, Vec<String>), Failure> {
    let filename = &wanted.backup.filename;
    job.enter_next(count, "check");
    let used = keep(daemon, filename).await?;
    let (target, create_roles) = (&wanted.target, wanted.create_roles);
    let plan = plan::check(daemon, managed, filename.as_str(), target, create_roles).await?;
    plan::require_ready(&plan)?;
    build::require_same(&wanted.backup, &plan.backup)?;
    build::check_archive(daemon, job, &plan.backup).await?;

    job.enter_next(count, "create");
    let created = if wanted.create_roles {
        roles::create_missing(daemon, managed, &plan.backup).await?
    } else {
        Created::default()
    };
    let new = scratch::restore_name(job.id());
    create_for(daemon, managed, job.id(), &new, &plan.backup).await?;

    let verify = wanted.verify;
    let mut compared = build::fill(daemon, managed, job, count, &new, &plan.backup, verify).await?;
    used.release().await;
    compared.warnings.extend(created.warnings);
    Ok((compared, created.roles))
}

/// Settings, access list, connection limit and comment as the backup has them, as far as this server can have them. Gives
/// what it refused: a setting that only a superuser may set is no reason to throw the database away.
async fn give_properties(
    daemon: &Daemon,
    managed: &Managed,
    new: &str,
    backup: &Manifest,
) -> Result<Vec<String>, Failure> {
    let Some(contents) = open::contents(daemon, backup)? else {
        return Ok(Vec::new());
    };
    let session = managed.database.server_session("pgsteward restore").await?;
    let properties = properties::that_fits(&session, contents.database).await?;
    let refused = properties::apply_as_far_as_possible(&session, &properties, new).await?;
    session.close().await;
    Ok(refused)
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
