//! CheckDrift: whether the live schema still is what the revisions made of it. A difference is no failure of the check; it
//! is logged, and stands in the result.
//!
//! 1. `read`: the live schema and its version.
//! 2. `compare`: with what was recorded for that version, or, where nothing was, with what the chain makes.

use std::sync::Arc;

use super::{compare, guard, version::database_heads};
use crate::{
    model::{
        drift::{DriftReport, Reference},
        failure::Failure,
        operation::{Operation, Outcome},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
};

/// How many objects the log names.
const LOGGED: usize = 20;

/// Starts a check.
pub async fn check(
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
    let stages = stages(daemon, managed, job);
    let ended = Turn::hold(daemon, managed, Work::Inspection, job, stages).await;
    let report = ended?;
    log(&report);
    Ok(Outcome::Drift(report))
}

async fn stages(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<DriftReport, Failure> {
    job.enter(1, 2, "read");
    let heads = database_heads(managed).await?;
    let live = compare::live(daemon, managed).await?;

    job.enter(2, 2, "compare");
    let recorded = compare::recorded(daemon, managed, &heads).await?;
    let (expected, reference) = if let Some(recorded) = recorded {
        (recorded, Reference::Recorded)
    } else {
        let graph = compare::chain_of(managed, &heads).await?;
        let built = compare::built(daemon, managed, job, &graph, &heads, &live).await?;
        (built, Reference::Built)
    };
    Ok(DriftReport {
        database: managed.name().to_owned(),
        heads,
        differences: expected.differences(&live),
        reference,
        expected_fingerprint: expected.fingerprint(),
        live_fingerprint: live.fingerprint(),
        ddl_guard: guard::state(daemon, managed).await?,
    })
}

fn log(report: &DriftReport) {
    let database = &report.database;
    if report.differences.is_empty() {
        tracing::info!(database, "the schema is what the revisions made");
        return;
    }
    let first = report.differences.iter().take(LOGGED);
    let objects: Vec<String> = first.map(|difference| difference.key.to_string()).collect();
    tracing::warn!(
        database,
        count = report.differences.len(),
        objects = objects.join(", "),
        "the schema is not what the revisions made"
    );
}
