//! Upgrade and Downgrade, as a list of stages: wait for the turn, plan again from what the database has, run script by
//! script, and write each into the ledger.

use std::{sync::Arc, time::Instant};

use super::{scripts::load, version::database_heads};
use crate::{
    model::{
        failure::Failure,
        migration::{Direction, MigrationResult, MigrationStep},
        operation::{Operation, Outcome},
        revision::{Graph, Script, Step},
    },
    ops::{
        audited,
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{
        database::Purpose,
        revisions::{self, ScriptLimits},
        session::Session,
    },
    state::ledger::MigrationEvent,
};

/// The steps of a migration and the scripts that they run.
struct Plan {
    from_heads: Vec<String>,
    steps: Vec<(Step, Script)>,
}

impl Plan {
    /// What the steps would leave in the version table.
    fn to_heads(&self) -> Vec<String> {
        let last = self.steps.last();
        last.map_or_else(
            || self.from_heads.clone(),
            |(step, _)| step.heads_after.clone(),
        )
    }
}

/// Starts a migration.
pub async fn migrate(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    direction: Direction,
    target: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        // A target that cannot be reached is a direct error; the plan that runs is made once the turn is held.
        plan(&managed, direction, target).await?;
        let (daemon, target) = (Arc::clone(daemon), target.to_owned());
        Ok(move |job| async move { run(&daemon, &managed, &job, direction, &target).await })
    })
    .await
}

/// What a migration would do now, with its SQL. Changes nothing.
pub async fn dry_run(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    direction: Direction,
    target: &str,
) -> Result<MigrationResult, Failure> {
    audited::immediate(daemon, context, Some(database), async {
        let managed = daemon.managed(database)?;
        let plan = plan(managed, direction, target).await?;
        Ok(MigrationResult {
            database: managed.name().to_owned(),
            to_heads: plan.to_heads(),
            from_heads: plan.from_heads,
            steps: plan
                .steps
                .iter()
                .map(|(step, script)| MigrationStep {
                    sql: section(script, step.direction).to_owned(),
                    ..report(step, script)
                })
                .collect(),
            validate_only: true,
        })
    })
    .await
}

async fn plan(managed: &Managed, direction: Direction, target: &str) -> Result<Plan, Failure> {
    if target.is_empty() {
        let expected = "must be given, e.g. `head`, `-1` or `base`";
        return Err(Failure::invalid_field("target", expected));
    }
    let graph = load(&managed.revisions).await?;
    let from_heads = database_heads(managed).await?;
    let steps = match direction {
        Direction::Upgrade => graph.upgrade_plan(&from_heads, target)?,
        Direction::Downgrade => graph.downgrade_plan(&from_heads, target)?,
    };
    let steps = with_scripts(&graph, steps)?;
    Ok(Plan { from_heads, steps })
}

/// Every section is checked before the first one runs.
fn with_scripts(graph: &Graph, steps: Vec<Step>) -> Result<Vec<(Step, Script)>, Failure> {
    let mut planned = Vec::with_capacity(steps.len());
    for step in steps {
        if let Some(script) = graph.get(&step.revision) {
            script.statements(step.direction)?;
            planned.push((step, script.clone()));
        }
    }
    Ok(planned)
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    direction: Direction,
    target: &str,
) -> Result<Outcome, Failure> {
    let stages = all_steps(daemon, managed, job, direction, target);
    Turn::hold(daemon, managed, Work::Migration, job, stages)
        .await
        .map(Outcome::Migration)
}

async fn all_steps(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    direction: Direction,
    target: &str,
) -> Result<MigrationResult, Failure> {
    let plan = plan(managed, direction, target).await?;
    job.enter(1, 1, direction.name());
    let total = plan.steps.len() as u64;
    let session = managed
        .database
        .session(Purpose::Migrator, "pgsteward migration")
        .await?;
    let mut result = MigrationResult {
        database: managed.name().to_owned(),
        from_heads: plan.from_heads.clone(),
        to_heads: plan.from_heads,
        steps: Vec::with_capacity(plan.steps.len()),
        validate_only: false,
    };
    for (done, (step, script)) in plan.steps.iter().enumerate() {
        job.count(done as u64, total, "revisions");
        job.say(format!("{} {}", step.revision, script.message));
        let ran = one_step(
            daemon,
            managed,
            job,
            &session,
            &result.to_heads,
            step,
            script,
        )
        .await?;
        result.to_heads.clone_from(&step.heads_after);
        result.steps.push(ran);
    }
    job.count(total, total, "revisions");
    session.close().await;
    Ok(result)
}

async fn one_step(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    session: &Session,
    before: &[String],
    step: &Step,
    script: &Script,
) -> Result<MigrationStep, Failure> {
    let limits = ScriptLimits {
        lock: daemon.settings.migration_lock_timeout,
        statement: daemon.settings.migration_statement_timeout,
    };
    let start = Instant::now();
    revisions::run(
        session,
        &managed.version_table,
        script,
        step.direction,
        before,
        &step.heads_after,
        limits,
    )
    .await?;
    let duration = start.elapsed();
    tracing::info!(
        revision = step.revision,
        direction = step.direction.name(),
        ?duration,
        "revision ran"
    );
    daemon
        .store
        .record_migration(&MigrationEvent {
            database: managed.name(),
            revision: &step.revision,
            direction: step.direction,
            from_heads: before,
            to_heads: &step.heads_after,
            principal: job.principal(),
            operation: job.id(),
            duration,
            sha256: &script.sha256,
            script: section(script, step.direction),
        })
        .await?;
    Ok(MigrationStep {
        duration: Some(duration),
        ..report(step, script)
    })
}

fn report(step: &Step, script: &Script) -> MigrationStep {
    MigrationStep {
        revision: step.revision.clone(),
        direction: step.direction,
        message: script.message.clone(),
        sql: String::new(),
        duration: None,
        transactional: script.transactional,
    }
}

fn section(script: &Script, direction: Direction) -> &str {
    match direction {
        Direction::Upgrade => &script.upgrade_sql,
        Direction::Downgrade => &script.downgrade_sql,
    }
}
