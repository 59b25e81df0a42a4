//! Stamp: the version table is made to say that the database stands at the targets. Nothing is run; instead the live schema
//! is compared with what the scripts up to there make, the last guard against the wrong database (lessons A12).
//!
//! 1. `settle`: what an earlier migration left open is brought to its end.
//! 2. `compare`: the live schema with the recorded one, or with what the chain makes.
//! 3. `stamp`: the version table in one transaction, with an entry in the ledger for each revision that it is about.

use std::{sync::Arc, time::Instant};

use super::{compare, plan, scripts::load, settle, sql::of_field, version::database_heads};
use crate::{
    model::{
        failure::{Failure, Kind, PreconditionViolation},
        migration::{EventKind, EventOutcome, StampResult},
        operation::{Operation, Outcome},
        revision::{Graph, Script},
        schema::Schema,
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::{check_reason, launch},
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{
        database::Purpose,
        error::PostgresError,
        revisions::{ScriptRunError, transaction_id},
        server,
        session::Session,
    },
    state::ledger::NewEvent,
};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where the database is to stand.
    pub targets: Vec<String>,
    /// Whether all rows are forgotten first.
    pub purge: bool,
    /// Whether to stamp against what was seen.
    pub force: bool,
    /// Why; required with `force`.
    pub reason: String,
}

/// The version table before and after, and the scripts that say what lies between.
pub(super) struct Plan {
    pub(super) graph: Graph,
    /// The rows as they are.
    pub(super) before: Vec<String>,
    /// The rows as they are to be.
    pub(super) after: Vec<String>,
}

/// Starts a stamp.
pub async fn stamp(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    wanted: Wanted,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        if wanted.force || !wanted.reason.is_empty() {
            check_reason(&wanted.reason)?;
        }
        // What is refused now is a direct error; the plan that counts is made once the turn is held.
        make_plan(&managed, &wanted).await?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, &wanted).await })
    })
    .await
}

async fn make_plan(managed: &Managed, wanted: &Wanted) -> Result<Plan, Failure> {
    if wanted.targets.is_empty() {
        let expected = "must be given, e.g. `head` or `base`";
        return Err(Failure::invalid_field("targets", expected));
    }
    let graph = load(&managed.revisions).await?;
    let before = database_heads(managed).await?;
    let counted = if wanted.purge { &[][..] } else { &before };
    let after = graph
        .stamp_plan(counted, &wanted.targets)
        .map_err(|error| of_field("targets", error))?;
    Ok(Plan {
        graph,
        before,
        after,
    })
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<Outcome, Failure> {
    let stages = stages(daemon, managed, job, wanted);
    Turn::hold(daemon, managed, Work::Migration, job, stages)
        .await
        .map(Outcome::Stamp)
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<StampResult, Failure> {
    job.enter(1, 3, "settle");
    settle::settle(daemon, managed).await?;
    let plan = make_plan(managed, wanted).await?;
    let half_run = plan::half_run_sections(daemon, managed).await?;
    if !half_run.is_empty() && !wanted.force {
        let half_run = half_run.into_iter().map(|(revision, _)| revision);
        return Err(left_half_run(half_run.collect()));
    }

    job.enter(2, 3, "compare");
    let live = compare::live(daemon, managed).await?;
    let expected = expected(daemon, managed, job, &plan, &live, wanted.force).await?;
    let differences = expected.differences(&live);
    if !differences.is_empty() && !wanted.force {
        let message = format!(
            "the live schema of database {:?} is not what the revisions up to {} make; {} objects differ",
            managed.name(),
            shown(&plan.after),
            differences.len()
        );
        return Err(compare::refusal("SCHEMA_DIFFERS", &message, &differences).with_hint(
            "stamp the version that the schema has, or make it what it is to be; with force and a reason it is stamped as it is",
        ));
    }

    job.enter(3, 3, "stamp");
    commit(daemon, managed, job, &plan, &wanted.reason, &live).await?;
    if wanted.force {
        let client = managed.database.pooled(Purpose::Migrator).await?;
        let oid = server::database_oid(&*client).await?;
        daemon.store.forget_half_run(managed.name(), oid).await?;
    }
    // Where it was forced, what differs stays in sight: CheckDrift goes on naming it.
    daemon
        .store
        .put_reference(managed.name(), &plan.after, job.id(), &expected)
        .await?;
    Ok(StampResult {
        database: managed.name().to_owned(),
        from_heads: plan.before,
        to_heads: plan.after,
        differences,
        filename: String::new(),
    })
}

/// What the schema is to be once it is stamped. Where nobody can say, and the stamp is forced, it is what it is.
async fn expected(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    plan: &Plan,
    live: &Schema,
    force: bool,
) -> Result<Schema, Failure> {
    let recorded = compare::recorded(daemon, managed, &plan.after).await?;
    if let Some(recorded) = recorded
        && recorded.differences(live).is_empty()
    {
        return Ok(recorded);
    }
    let built = compare::built(daemon, managed, job, &plan.graph, &plan.after, live).await;
    match built {
        Err(failure) if force => {
            tracing::warn!(database = managed.name(), %failure, "stamping without a comparison");
            Ok(live.clone())
        }
        Err(failure) if failure.kind == Kind::FailedPrecondition => {
            let forced = "without a comparison nothing is stamped; with force and a reason it is";
            let hint = failure.hint.as_ref();
            let hint = hint.map_or(forced.to_owned(), |hint| format!("{hint}; {forced}"));
            Err(failure.with_hint(hint))
        }
        built => built,
    }
}

fn left_half_run(revisions: Vec<String>) -> Failure {
    let failure = Failure::new(
        Kind::FailedPrecondition,
        "REVISION_HALF_RUN",
        format!(
            "scripts were left in the middle, and nobody can say what the schema is: {}",
            revisions.join(", ")
        ),
    )
    .with_hint(
        "let the same migration go on where it stopped; with force and a reason it is forgotten",
    );
    Failure {
        preconditions: revisions
            .into_iter()
            .map(|revision| PreconditionViolation {
                kind: "REVISION_HALF_RUN".to_owned(),
                description: format!("{revision} was left in the middle"),
                subject: revision,
            })
            .collect(),
        ..failure
    }
}

fn shown(heads: &[String]) -> String {
    if heads.is_empty() {
        "base".to_owned()
    } else {
        heads.join(", ")
    }
}

/// Stage 3: the version table and the ledger. The transaction's id in the ledger tells how it ended, should we not live to
/// write that down.
pub(super) async fn commit(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    plan: &Plan,
    reason: &str,
    live: &Schema,
) -> Result<(), Failure> {
    let start = Instant::now();
    let name = format!("{}{}", settle::APPLICATION_NAME, job.id());
    let session = managed.database.session(Purpose::Migrator, &name).await?;
    write_rows(daemon, managed, &session, plan).await?;
    let transaction_id = transaction_id(&session).await?;
    let fingerprint = live.fingerprint();
    let mut events = Vec::new();
    for script in concerned(plan)? {
        let event = NewEvent {
            database: managed.name(),
            revision: &script.revision,
            kind: EventKind::Stamp,
            from_heads: &plan.before,
            to_heads: &plan.after,
            principal: job.principal(),
            operation: Some(job.id()),
            sha256: &script.sha256,
            normalized_sha256: &script.normalized_sha256(),
            script: &script.text,
            transaction_id: Some(&transaction_id),
            backup: "",
            reason,
            fingerprint_before: &fingerprint,
        };
        events.push(daemon.store.insert_event(&event).await?);
    }
    session
        .batch_execute("COMMIT")
        .await
        .map_err(PostgresError::query("commit the stamp"))?;
    session.close().await;
    tracing::info!(
        database = managed.name(),
        from = shown(&plan.before),
        to = shown(&plan.after),
        "stamped"
    );
    for event in events {
        let outcome = EventOutcome {
            applied: true,
            duration: start.elapsed(),
            retries: 0,
            fingerprint_after: fingerprint.clone(),
        };
        daemon.store.insert_event_outcome(event, &outcome).await?;
    }
    Ok(())
}

/// Begins the transaction and writes the rows, which must be the ones that the plan was made from.
async fn write_rows(
    daemon: &Daemon,
    managed: &Managed,
    session: &Session,
    plan: &Plan,
) -> Result<(), Failure> {
    let lock_timeout = daemon.settings.migrations.limits.lock.as_millis();
    session
        .batch_execute(&format!("SET lock_timeout = {lock_timeout}; BEGIN"))
        .await
        .map_err(PostgresError::query("begin a transaction"))?;
    let table = &managed.version_table;
    table.ensure(&**session).await?;
    table.lock(&**session).await?;
    let found = table.heads(&**session).await?;
    if found != plan.before {
        let expected = plan.before.clone();
        return Err(ScriptRunError::VersionChanged { found, expected }.into());
    }
    table.replace(&**session, &plan.before, &plan.after).await?;
    Ok(())
}

/// The scripts that are applied after and were not before, or the other way round, the oldest first.
fn concerned(plan: &Plan) -> Result<Vec<&Script>, Failure> {
    let mut known = plan.before.clone();
    known.retain(|row| plan.graph.get(row).is_some());
    let before = plan.graph.applied(&known)?;
    let after = plan.graph.applied(&plan.after)?;
    let mut scripts: Vec<&Script> = plan
        .graph
        .iter()
        .filter(|script| before.contains(&script.revision) != after.contains(&script.revision))
        .collect();
    scripts.reverse();
    Ok(scripts)
}
