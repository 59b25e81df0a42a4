//! RunDrill and ListDrills: a backup is restored into a scratch database, compared, checked and dropped, and what that says
//! of the backup is recorded. Nothing live is touched.
//!
//! A verdict is FAILED when the backup is bad, and ERROR when it could not be judged (lessons B14); then the verdict before
//! stands. Whatever happens, the scratch database goes, and the drill is recorded.

use std::sync::Arc;

use chrono::Utc;
use uuid::Uuid;

use super::{
    build, drill_checks,
    plan::contents::{estimate, room},
};
use crate::{
    model::{
        backup::Manifest,
        drill::{Drill, DrillStage, DrillVerdict},
        failure::{Failure, Kind},
        method::Role,
        operation::{Operation, Outcome},
        page::Page,
        restore::RestoreVerification,
    },
    ops::{
        backup::{
            list::{find, find_authorized},
            remove::keep,
        },
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        recovery,
        runner::job::Job,
        scratch::create_for,
        turn::{Turn, Work},
    },
    postgres::scratch,
};

/// Starts a drill of the named backup, or of the newest good one of the database.
pub async fn run_drill(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    filename: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        if !filename.is_empty() {
            let backup = find_authorized(daemon, context, filename).await?;
            if backup.is_foreign() {
                // It is a program that runs as the admin role, whoever uploaded it.
                context.authorize_as(Role::Admin, &daemon.scope(database))?;
            }
            require_of_database(&backup, managed.name())?;
        }
        let (daemon, filename) = (Arc::clone(daemon), filename.to_owned());
        Ok(move |job| async move { run(&daemon, &managed, &job, &filename).await })
    })
    .await
}

/// Drills of one managed database, or of all that the caller may see, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    page: &Page,
) -> Result<(Vec<Drill>, Option<String>), Failure> {
    let asked = (!database.is_empty()).then_some(database);
    let databases = context.reach_of(asked)?.limit();
    if let Some(name) = asked {
        daemon.managed(name)?;
    }
    daemon.store.drills(databases.as_deref(), page).await
}

/// Records that a drill ended with its daemon.
pub async fn record_orphan(
    daemon: &Daemon,
    operation: Uuid,
    database: &str,
    failure: &Failure,
) -> Result<(), Failure> {
    let mut drill = begun(operation, database);
    drill.message = failure.to_string();
    Ok(daemon.store.insert_drill(&drill).await?)
}

fn require_of_database(backup: &Manifest, database: &str) -> Result<(), Failure> {
    if backup.database == database {
        return Ok(());
    }
    Err(Failure::new(
        Kind::FailedPrecondition,
        "BACKUP_DATABASE",
        format!(
            "{} is a backup of database {:?}, not of {database:?}",
            backup.filename, backup.database
        ),
    ))
}

/// A drill that has judged nothing yet.
fn begun(operation: Uuid, database: &str) -> Drill {
    let now = Utc::now();
    Drill {
        operation_id: operation,
        database: database.to_owned(),
        filename: String::new(),
        verdict: DrillVerdict::Error,
        message: String::new(),
        start_time: now,
        end_time: now,
        stages: Vec::new(),
        checks: Vec::new(),
        verified_tables: 0,
        verified_rows: 0,
    }
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    filename: &str,
) -> Result<Outcome, Failure> {
    let mut drill = begun(job.id(), managed.name());
    filename.clone_into(&mut drill.filename);
    let judged = rehearse(daemon, managed, job, filename, &mut drill).await;
    drill.end_time = Utc::now();
    drill.stages = job.durations();
    drill.verdict = match &judged {
        Ok(()) => DrillVerdict::Passed,
        Err(failure) => verdict(job, failure),
    };
    if let Err(failure) = &judged {
        drill.message = failure.to_string();
    }
    daemon.store.insert_drill(&drill).await?;
    match judged {
        Ok(()) => Ok(Outcome::Drill(drill)),
        Err(failure) if drill.verdict == DrillVerdict::Failed => Err(Failure {
            kind: Kind::DataLoss,
            reason: "DRILL_FAILED".to_owned(),
            message: format!("the drill failed: {}", failure.message),
            ..failure
        }),
        Err(failure) => Err(failure),
    }
}

/// What a failure says of the backup, by the stage in which it came.
fn verdict(job: &Job, failure: &Failure) -> DrillVerdict {
    let stage = job.stage();
    DrillStage::ALL
        .into_iter()
        .find(|known| known.name() == stage)
        .map_or(DrillVerdict::Error, |stage| {
            DrillVerdict::of_failure(stage, failure)
        })
}

async fn rehearse(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    filename: &str,
    drill: &mut Drill,
) -> Result<(), Failure> {
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Drill, job, patience).await?;
    let judged = turn
        .during(job, stages(daemon, managed, job, filename, drill))
        .await;
    recovery::sweep_operation(daemon, job.id()).await;
    turn.end().await;
    judged
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    filename: &str,
    drill: &mut Drill,
) -> Result<(), Failure> {
    let full = RestoreVerification::Full;
    let count = 4 + build::stages(full) + u32::from(managed.drill_checks.is_some());
    let enter = |stage: DrillStage| job.enter_next(count, stage.name());

    enter(DrillStage::Check);
    let backup = chosen(daemon, managed, filename).await?;
    backup.filename.as_str().clone_into(&mut drill.filename);
    let used = keep(daemon, &backup.filename).await?;
    require_room(daemon, managed, &backup).await?;
    // Before the work: a mistake in the configuration is found at once.
    let checks = match &managed.drill_checks {
        Some(directory) => drill_checks::read(directory).await?,
        None => Vec::new(),
    };

    enter(DrillStage::Read);
    build::check_archive(daemon, job, &backup).await?;

    enter(DrillStage::Create);
    let new = scratch::drill_name(job.id());
    let artifact = create_for(daemon, managed, job.id(), &new, &backup).await?;

    let compared = build::fill(daemon, managed, job, count, &new, &backup, full).await?;
    drill.verified_tables = compared.tables;
    drill.verified_rows = compared.rows;

    if managed.drill_checks.is_some() {
        enter(DrillStage::Checks);
        let limit = daemon.settings.restore.check_timeout;
        drill_checks::ask(managed, &new, &checks, limit, &mut drill.checks).await?;
    }

    enter(DrillStage::Drop);
    if let Err(failure) = recovery::sweep(daemon, &artifact).await {
        // The backup is judged; recovery tries again.
        tracing::warn!(%failure, "the drill's database could not be dropped yet");
    }
    used.release().await;
    Ok(())
}

/// A database without a good backup is what a drill is to find out.
async fn chosen(daemon: &Daemon, managed: &Managed, filename: &str) -> Result<Manifest, Failure> {
    if !filename.is_empty() {
        return find(daemon, filename).await;
    }
    let newest = daemon.newest_backup(managed.name()).await?;
    let newest = newest.ok_or_else(|| {
        Failure::new(
            Kind::DataLoss,
            "NO_BACKUP",
            format!("database {:?} has no good backup", managed.name()),
        )
        .with_hint("make one, and see why the schedule makes none")
    })?;
    // A listing knows nothing of contents.
    find(daemon, newest.filename.as_str()).await
}

/// A drill can fill the disk of the server that it is to protect (lessons B14).
async fn require_room(
    daemon: &Daemon,
    managed: &Managed,
    backup: &Manifest,
) -> Result<(), Failure> {
    let needed = estimate(backup);
    let refuse = |reason, message: String, hint| {
        Err(Failure::new(Kind::ResourceExhausted, reason, message).with_hint(hint))
    };
    if let Some(largest) = daemon.settings.restore.largest_drill
        && needed > largest
    {
        return refuse(
            "DRILL_TOO_LARGE",
            format!(
                "a drill of {} would make a database of about {needed} bytes, and at most {largest} are allowed",
                backup.filename
            ),
            "raise drill.max_size, or have another server do the drills",
        );
    }
    let session = managed.database.server_session("pgsteward drill").await?;
    let free = room(&session, managed).await?;
    session.close().await;
    match free {
        Some(free) if free < needed => refuse(
            "DISK_SPACE",
            format!(
                "a drill of {} would need about {needed} bytes, and the server's disk has {free}",
                backup.filename
            ),
            "make room on the server's disk",
        ),
        _ => Ok(()),
    }
}
