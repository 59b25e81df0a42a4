//! Optimize: VACUUM and ANALYZE of every table that the maintenance role may, as a list of stages:
//!
//! 1. `vacuum and analyze`: tables with rows of their own, several at once, the largest first.
//! 2. `analyze`: partitioned and foreign tables, where there are any.
//!
//! A table that fails or may not be vacuumed does not stop the others; each one's outcome stands in the result. The numbers
//! of dead rows come from the statistics and those of pages from the catalog, where VACUUM itself has put them: what
//! `VACUUM VERBOSE` says is in the server's language and differs between versions.

mod vacuum;

use std::{sync::Arc, time::Duration};

use self::vacuum::Vacuum;
use super::crew::Crew;
use crate::{
    model::{
        failure::Failure,
        maintenance::optimize::{
            IndexCleanup, OptimizeOptions, OptimizePlan, OptimizeResult, plan,
        },
        operation::{Operation, Outcome},
        table_name::TableName,
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{database::Purpose, vacuum as sql},
};

/// More than this is no list that somebody wrote.
const MOST_TABLES: usize = 1000;
/// As PostgreSQL allows.
const MOST_PARALLEL_WORKERS: u32 = 1024;
/// As many as the configuration allows.
pub(super) const MOST_JOBS: usize = 64;

/// Starts an optimize run. `options` is what was read of the request: one that cannot be read is refused once it is recorded.
pub async fn optimize(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    options: Result<OptimizeOptions, Failure>,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let options = options?;
        check(&options)?;
        require_known(&managed, &options.tables).await?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, options).await })
    })
    .await
}

fn check(options: &OptimizeOptions) -> Result<(), Failure> {
    let vacuums = [
        ("freeze", options.freeze),
        ("no_truncate", options.no_truncate),
        ("index_cleanup", options.index_cleanup != IndexCleanup::Auto),
        ("parallel_workers", options.parallel_workers.is_some()),
    ];
    if options.analyze_only
        && let Some((field, _)) = vacuums.iter().find(|(_, given)| *given)
    {
        let problem = "is an option of VACUUM, and with `analyze_only` there is none";
        return Err(Failure::invalid_field(field, problem));
    }
    if options.jobs > MOST_JOBS {
        let problem = format!("must be 0 to {MOST_JOBS}");
        return Err(Failure::invalid_field("jobs", problem));
    }
    if options.tables.len() > MOST_TABLES {
        let problem = format!("must be at most {MOST_TABLES}");
        return Err(Failure::invalid_field("tables", problem));
    }
    if options
        .parallel_workers
        .is_some_and(|workers| workers > MOST_PARALLEL_WORKERS)
    {
        let problem = format!("must be 0 to {MOST_PARALLEL_WORKERS}");
        return Err(Failure::invalid_field("parallel_workers", problem));
    }
    check_lock_timeout(options.lock_timeout)
}

/// PostgreSQL counts its timeouts in milliseconds, as 32-bit numbers, and reads 0 as none.
pub(super) fn check_lock_timeout(timeout: Option<Duration>) -> Result<(), Failure> {
    let fits =
        |timeout: Duration| (1..=i32::MAX.cast_unsigned().into()).contains(&timeout.as_millis());
    if timeout.is_none_or(fits) {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "lock_timeout",
        "must be 1 ms to 24 days",
    ))
}

/// Refuses names that the database does not have, all of them at once.
async fn require_known(managed: &Managed, names: &[TableName]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let client = managed.database.pooled(Purpose::Maintenance).await?;
    let known = sql::tables(&client).await?;
    let unknown: Vec<String> = names
        .iter()
        .filter(|name| !known.iter().any(|table| table.name == **name))
        .map(ToString::to_string)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "tables",
        format!(
            "names what is no table of database {:?}: {}",
            managed.name(),
            unknown.join(", ")
        ),
    ))
}

async fn run(
    daemon: &Daemon,
    managed: &Arc<Managed>,
    job: &Job,
    options: OptimizeOptions,
) -> Result<Outcome, Failure> {
    let settings = &daemon.settings.maintenance;
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Optimize, job, patience).await?;
    let plan = turn.during(job, look(managed, &options)).await?;

    let jobs = match options.jobs {
        0 => settings.jobs,
        jobs => jobs,
    };
    let vacuum = Vacuum::new(options, settings.lock_timeout);
    let stages = if plan.read_through.is_empty() { 1 } else { 2 };
    job.enter(1, stages, vacuum.first_stage());
    let crew = Crew::new(vacuum.clone(), managed, jobs, plan.plain);
    let (turn, mut tables, yields) = crew.work_off(daemon, job, turn, 0).await?;
    let (turn, yields) = if plan.read_through.is_empty() {
        (turn, yields)
    } else {
        job.enter(2, stages, "analyze");
        let crew = Crew::new(vacuum, managed, jobs, plan.read_through);
        let (turn, analyzed, yields) = crew.work_off(daemon, job, turn, yields).await?;
        tables.extend(analyzed);
        (turn, yields)
    };
    turn.end().await;
    tables.extend(plan.skipped);
    Ok(Outcome::Optimize(OptimizeResult {
        database: managed.name().to_owned(),
        tables,
        fresh: plan.fresh,
        yields,
    }))
}

async fn look(managed: &Managed, options: &OptimizeOptions) -> Result<OptimizePlan, Failure> {
    let session = managed
        .database
        .session(Purpose::Maintenance, "pgsteward optimize")
        .await?;
    let tables = sql::tables(&session).await?;
    session.close().await;
    Ok(plan(tables, options))
}
