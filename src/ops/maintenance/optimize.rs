//! Optimize: VACUUM and ANALYZE of every table that the maintenance role may, the largest first.
//!
//! A table that fails or may not be vacuumed does not stop the others; each one's outcome stands in the result.

use std::{sync::Arc, time::Instant};

use crate::{
    model::{
        failure::Failure,
        maintenance::{OptimizeOutcome, OptimizeResult, OptimizedTable},
        operation::{Operation, Outcome},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{
        database::Purpose,
        error::PostgresError,
        quote::qualified,
        session::Session,
        tables::{VacuumTarget, vacuum_targets},
    },
};

/// How long VACUUM waits for a table's lock before the table is reported as failed.
const LOCK_TIMEOUT: &str = "30s";

/// Starts an optimize run.
pub async fn optimize(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job).await })
    })
    .await
}

async fn run(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<Outcome, Failure> {
    let stages = all_tables(managed, job);
    let tables = Turn::hold(daemon, managed, Work::Optimize, job, stages).await?;
    Ok(Outcome::Optimize(OptimizeResult {
        database: managed.name().to_owned(),
        tables,
    }))
}

async fn all_tables(managed: &Managed, job: &Job) -> Result<Vec<OptimizedTable>, Failure> {
    job.enter(1, 1, "vacuum and analyze");
    let session = managed
        .database
        .session(Purpose::Maintenance, "pgsteward optimize")
        .await?;
    session
        .batch_execute(&format!(
            "SET statement_timeout = 0; SET lock_timeout = '{LOCK_TIMEOUT}'"
        ))
        .await
        .map_err(PostgresError::query("prepare the optimize session"))?;
    let targets = vacuum_targets(&session).await?;
    let total = targets.len() as u64;
    let mut done = Vec::with_capacity(targets.len());
    for target in targets {
        job.count(done.len() as u64, total, "tables");
        job.say(format!("{}.{}", target.schema, target.table));
        done.push(one_table(&session, target).await?);
    }
    job.count(total, total, "tables");
    session.close().await;
    Ok(done)
}

/// An error of the table stands in its outcome; a lost connection ends the run.
async fn one_table(session: &Session, target: VacuumTarget) -> Result<OptimizedTable, Failure> {
    let start = Instant::now();
    let outcome = if target.permitted {
        let name = qualified(&target.schema, &target.table);
        match session
            .batch_execute(&format!("VACUUM (ANALYZE) {name}"))
            .await
            .map_err(PostgresError::query(format!("vacuum {name}")))
        {
            Ok(()) => OptimizeOutcome::Optimized,
            Err(error) if session.is_closed() => return Err(error.into()),
            Err(error) => {
                let failure = Failure::from(error);
                tracing::warn!(table = name, %failure, "a table could not be optimized");
                OptimizeOutcome::Failed(failure.message)
            }
        }
    } else {
        OptimizeOutcome::Skipped(
            "the maintenance role may not vacuum it: it owns neither the table nor the database"
                .to_owned(),
        )
    };
    Ok(OptimizedTable {
        schema: target.schema,
        table: target.table,
        outcome,
        duration: start.elapsed(),
        size_bytes: target.size_bytes,
    })
}
