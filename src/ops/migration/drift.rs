//! CheckDrift: whether the live schema still is what the revisions made of it, or whether the declared schema is what they
//! make. A difference is no failure of the check; it is logged, and stands in the result.
//!
//! 1. `read`: the live schema and its version.
//! 2. `compare`: with what was recorded for that version, or, where nothing was, with what the chain makes.
//!
//! With models:
//!
//! 1. `build`: what all revisions make, and what the models declare.
//! 2. `compare`: both, each read in its scratch database.

use std::sync::Arc;

use futures_util::future::try_join;

use super::{
    compare, guard,
    models::{self, build_both},
    scratch::Chain,
    scripts::load,
    step,
    version::database_heads,
};
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
    postgres::catalog::read_in_snapshot,
};

/// How many objects the log names.
const LOGGED: usize = 20;

/// Starts a check: of the live schema, or of the models.
pub async fn check(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    of_models: bool,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        if of_models {
            models::directory(&managed)?;
        }
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, of_models).await })
    })
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    of_models: bool,
) -> Result<Outcome, Failure> {
    let stages = async {
        if of_models {
            stages_of_models(daemon, managed, job).await
        } else {
            stages(daemon, managed, job).await
        }
    };
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
        ddl_guard: Some(guard::state(daemon, managed).await?),
    })
}

async fn stages_of_models(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
) -> Result<DriftReport, Failure> {
    job.enter(1, 2, "build");
    let graph = load(&managed.revisions).await?;
    let heads = graph.heads();
    let chain = Chain::up_to(&graph, &heads)?;
    let both = build_both(daemon, managed, job, &chain).await?;

    job.enter(2, 2, "compare");
    let scope = step::scope(daemon, managed);
    let (made, declared) = Box::pin(try_join(
        read_in_snapshot(&both.chain.session, &scope),
        read_in_snapshot(&both.models.session, &scope),
    ))
    .await?;
    both.drop().await;
    Ok(DriftReport {
        database: managed.name().to_owned(),
        heads,
        differences: made.differences(&declared),
        reference: Reference::Models,
        expected_fingerprint: made.fingerprint(),
        live_fingerprint: declared.fingerprint(),
        ddl_guard: None,
    })
}

fn log(report: &DriftReport) {
    let database = &report.database;
    if report.reference == Reference::Models {
        let count = report.differences.len();
        tracing::info!(
            database,
            count,
            "the models were compared with the revisions"
        );
        return;
    }
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
