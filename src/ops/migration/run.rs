//! Upgrade and Downgrade, as a list of stages, under the database's turn:
//!
//! 1. `settle`: what an earlier run left open is brought to its end.
//! 2. `plan`: again, from what the database has now; refused if anything stands against it.
//! 3. `rehearse`: the plan on a scratch copy of the schema, where that is asked for or the rule.
//! 4. `backup`: where the configuration wants one.
//! 5. `upgrade` or `downgrade`: script by script, each with its entry in the ledger.

use std::sync::Arc;

use super::{
    plan::{self, Plan, Wanted},
    rehearse, settle,
    step::Stepper,
};
use crate::{
    model::{
        backup::BackupKind,
        failure::Failure,
        migration::MigrationResult,
        operation::{Operation, Outcome},
        rehearsal::Rehearsal,
        review::observed,
    },
    ops::{
        audited,
        backup::dump,
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
};

const STAGES: u32 = 5;

/// Starts a migration, or with `validate_only` its rehearsal.
pub async fn migrate(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    wanted: Wanted,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        // What is refused now is a direct error; the plan that runs is made once the turn is held.
        let plan = plan::make(daemon, &managed, &wanted).await?;
        if !wanted.validate_only {
            plan.require_runnable(&wanted)?;
        }
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, &wanted).await })
    })
    .await
}

/// What a migration would do now, with its SQL. Changes nothing.
pub async fn dry_run(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    wanted: &Wanted,
) -> Result<MigrationResult, Failure> {
    audited::immediate(daemon, context, &daemon.scope(database), async {
        let managed = daemon.managed(database)?;
        let plan = plan::make(daemon, managed, wanted).await?;
        Ok(plan.shown(daemon, managed, wanted))
    })
    .await
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<Outcome, Failure> {
    // The stages hold a rehearsal and a backup: on the heap, they cost nothing where they are not at work.
    let stages = Box::pin(stages(daemon, managed, job, wanted));
    Turn::hold(daemon, managed, Work::Migration, job, stages)
        .await
        .map(Outcome::Migration)
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    wanted: &Wanted,
) -> Result<MigrationResult, Failure> {
    job.enter(1, STAGES, "settle");
    settle::settle(daemon, managed).await?;

    job.enter(2, STAGES, "plan");
    let mut plan = plan::make(daemon, managed, wanted).await?;
    if !wanted.validate_only {
        plan.require_runnable(wanted)?;
    }

    job.enter(3, STAGES, "rehearse");
    let rehearsals = if plan.is_to_be_rehearsed(daemon, wanted) {
        rehearsed(daemon, managed, job, &mut plan).await?
    } else {
        Vec::new()
    };
    if wanted.validate_only {
        let shown = plan.shown(daemon, managed, wanted);
        return Ok(MigrationResult {
            rehearsals,
            ..shown
        });
    }
    // The rehearsal may have seen what the text hides.
    plan.require_runnable(wanted)?;

    job.enter(4, STAGES, "backup");
    let backup = if plan.is_to_be_backed_up(daemon) {
        let backup = dump::dump(daemon, managed, job, BackupKind::PreMigration).await?;
        dump::read_back(daemon.backups.primary(), job, &backup).await?;
        let backup = dump::commit(daemon, managed, job, backup).await?;
        Some(backup.filename.as_str().to_owned())
    } else {
        None
    };

    job.enter(5, STAGES, wanted.direction.name());
    let ran = all_steps(daemon, managed, job, plan, backup).await;
    if ran.is_err()
        && let Err(failure) = settle::settle(daemon, managed).await
    {
        tracing::warn!(%failure, "what a failed migration left open is settled by the next one");
    }
    let result = ran?;
    Ok(MigrationResult {
        rehearsals,
        ..result
    })
}

/// Runs the plan on a scratch copy and adds what was seen to its findings.
async fn rehearsed(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    plan: &mut Plan,
) -> Result<Vec<Rehearsal>, Failure> {
    let rehearsals =
        rehearse::rehearse(daemon, managed, job, &plan.steps, &plan.from_heads).await?;
    for ((rehearsal, (_, script)), findings) in
        rehearsals.iter().zip(&plan.steps).zip(&mut plan.findings)
    {
        *findings = observed::joined(std::mem::take(findings), rehearsal, script);
    }
    Ok(rehearsals)
}

async fn all_steps(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    plan: Plan,
    backup: Option<String>,
) -> Result<MigrationResult, Failure> {
    let total = plan.steps.len() as u64;
    let mut result = MigrationResult {
        database: managed.name().to_owned(),
        from_heads: plan.from_heads.clone(),
        to_heads: plan.from_heads,
        backup,
        ..MigrationResult::default()
    };
    if plan.steps.is_empty() {
        return Ok(result);
    }
    let backup = result.backup.as_deref().unwrap_or_default();
    let mut stepper = Stepper::new(
        daemon,
        managed,
        job,
        &result.from_heads,
        backup,
        plan.resumes,
    )
    .await?;
    result.drift_before = stepper.drift();
    for (done, (step, script)) in plan.steps.iter().enumerate() {
        job.count(done as u64, total, "revisions");
        let ran = stepper.step(&result.to_heads, step, script).await?;
        result.to_heads.clone_from(&step.heads_after);
        result.steps.push(ran);
    }
    job.count(total, total, "revisions");
    stepper.close().await;
    Ok(result)
}
