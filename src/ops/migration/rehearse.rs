//! The rehearsal of a plan: all its scripts are run on a scratch copy of the live schema, statement by statement, then the
//! downgrades of its upgrades the other way. A plan whose every script is on record, each with the schema that it would
//! meet now, is not run again.
//!
//! The fingerprints of a rehearsal are those of the live schema with what the scripts changed: what a scratch copy goes
//! without makes no other schema of it.

use chrono::Utc;

use super::scratch::Scratch;
use crate::{
    model::{
        failure::{Classified, Failure, Kind},
        migration::Direction,
        rehearsal::{Rehearsal, RehearsedStatement, WayBack},
        revision::{Script, Step},
        schema::{Difference, Schema},
    },
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{
        catalog::{self, Scope},
        database::Purpose,
        rehearsal::{Observer, RehearsalError},
        revisions::ScriptRun,
    },
};

/// Says what each script of the plan does, in its order. The live database is not touched.
pub(super) async fn rehearse(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    steps: &[(Step, Script)],
    from_heads: &[String],
) -> Result<Vec<Rehearsal>, Failure> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let scope = whole(managed);
    let live = live(managed).await?;
    let recorded = recorded(daemon, managed, steps, &live).await?;
    if recorded.len() == steps.len() {
        tracing::info!("the plan was rehearsed before, on the same schema");
        return Ok(recorded);
    }
    let scratch = Scratch::copy(daemon, managed, job).await?;
    let plan = Plan {
        daemon,
        managed,
        job,
        steps,
        from_heads,
        live: &live,
    };
    let rehearsed = plan.run(&scratch, &scope).await;
    scratch.drop().await;
    let rehearsals = rehearsed?;
    for rehearsal in &rehearsals {
        daemon
            .store
            .put_rehearsal(managed.name(), rehearsal)
            .await?;
    }
    Ok(rehearsals)
}

/// Everything: what drift checks leave out can be dropped by a script all the same, and is to be seen then.
fn whole(managed: &Managed) -> Scope {
    Scope {
        version_table: managed.version_table.clone(),
        ignore: Vec::new(),
    }
}

/// The live schema, as rehearsals see it.
pub(super) async fn live(managed: &Managed) -> Result<Schema, Failure> {
    let session = managed
        .database
        .session(Purpose::Migrator, "pgsteward rehearsal")
        .await?;
    let live = catalog::read_in_snapshot(&session, &whole(managed)).await?;
    session.close().await;
    Ok(live)
}

/// The records of the plan's first steps, each beginning with the schema that the one before gave, up to the first step
/// without one.
pub(super) async fn recorded(
    daemon: &Daemon,
    managed: &Managed,
    steps: &[(Step, Script)],
    live: &Schema,
) -> Result<Vec<Rehearsal>, Failure> {
    let mut fingerprint = live.fingerprint();
    let mut found = Vec::with_capacity(steps.len());
    for (step, script) in steps {
        let record = daemon
            .store
            .rehearsal(managed.name(), &script.sha256, step.direction, &fingerprint)
            .await?;
        let Some(record) = record else {
            break;
        };
        fingerprint.clone_from(&record.fingerprint_after);
        found.push(record);
    }
    Ok(found)
}

/// A plan on its way through a scratch copy.
struct Plan<'a> {
    daemon: &'a Daemon,
    managed: &'a Managed,
    job: &'a Job,
    steps: &'a [(Step, Script)],
    from_heads: &'a [String],
    live: &'a Schema,
}

impl Plan<'_> {
    async fn run(&self, scratch: &Scratch<'_>, scope: &Scope) -> Result<Vec<Rehearsal>, Failure> {
        let session = scratch.session("pgsteward rehearsal").await?;
        let watcher = scratch.admin_session("pgsteward rehearsal").await?;
        let holder = scratch.admin_session("pgsteward rehearsal").await?;
        let mut observer = Observer::new(&session, &watcher, &holder, scope).await?;
        let copy = observer.now().schema.clone();
        for difference in self.live.differences(&copy) {
            tracing::info!(%difference, "the scratch copy is not as the live schema");
        }

        let total = self.steps.len() as u64;
        // The schema before each step.
        let mut schemas = Vec::with_capacity(self.steps.len());
        let mut rehearsals = Vec::with_capacity(self.steps.len());
        for (position, (step, script)) in self.steps.iter().enumerate() {
            self.job.count(position as u64, total, "revisions");
            self.job.say(format!("rehearses {}", script.revision));
            schemas.push(observer.now().schema.clone());
            let statements = observer
                .script(self.section(position, step.direction))
                .await
                .map_err(|error| failed(script, error))?;
            let before = schemas.last().unwrap_or(&copy);
            let after = &observer.now().schema;
            rehearsals.push(self.record(step, script, statements, &copy, before, after));
        }
        self.job.count(total, total, "revisions");
        self.way_back(&mut observer, &schemas, &mut rehearsals)
            .await?;
        drop(observer);
        for session in [session, watcher, holder] {
            session.close().await;
        }
        Ok(rehearsals)
    }

    fn record(
        &self,
        step: &Step,
        script: &Script,
        statements: Vec<RehearsedStatement>,
        copy: &Schema,
        before: &Schema,
        after: &Schema,
    ) -> Rehearsal {
        let fingerprint = |schema| Schema::carry(self.live, copy, schema).fingerprint();
        Rehearsal {
            revision: script.revision.clone(),
            direction: step.direction,
            sha256: script.sha256.clone(),
            fingerprint_before: fingerprint(before),
            fingerprint_after: fingerprint(after),
            rehearse_time: Utc::now(),
            statements,
            way_back: None,
        }
    }

    /// Runs the downgrades of the plan's upgrades, the last first, and says what each pair leaves different. It ends at
    /// the first script that has none or whose downgrade fails: those before it cannot be reached.
    async fn way_back(
        &self,
        observer: &mut Observer<'_>,
        schemas: &[Schema],
        rehearsals: &mut [Rehearsal],
    ) -> Result<(), Failure> {
        let mut left: Vec<Difference> = Vec::new();
        for (position, (step, script)) in self.steps.iter().enumerate().rev() {
            if step.direction == Direction::Downgrade || script.downgrade_sql.trim().is_empty() {
                break;
            }
            self.job
                .say(format!("rehearses the way back of {}", script.revision));
            let ran = observer
                .script(self.section(position, Direction::Downgrade))
                .await;
            if let Err(error) = ran {
                rehearsals[position].way_back = Some(WayBack::Failed(said(error)?));
                break;
            }
            let all = schemas[position].differences(&observer.now().schema);
            let own = all.iter().filter(|difference| !left.contains(difference));
            rehearsals[position].way_back = Some(WayBack::Ran(own.cloned().collect()));
            left = all;
        }
        Ok(())
    }

    /// One section of the plan's script at this position.
    fn section(&self, position: usize, direction: Direction) -> ScriptRun<'_> {
        let (step, script) = &self.steps[position];
        let below = match position.checked_sub(1) {
            Some(previous) => self.steps[previous].0.heads_after.as_slice(),
            None => self.from_heads,
        };
        let there = step.heads_after.as_slice();
        let is_way_back = direction != step.direction;
        let (before, after) = if is_way_back {
            (there, below)
        } else {
            (below, there)
        };
        ScriptRun {
            table: &self.managed.version_table,
            script,
            direction,
            before,
            after,
            limits: self.daemon.settings.migrations.limits,
        }
    }
}

/// Whether it is the script's fault, and not the server's or that of somebody else at work.
fn is_of_script(error: &RehearsalError) -> bool {
    matches!(
        error.kind(),
        Kind::FailedPrecondition | Kind::DeadlineExceeded | Kind::Internal | Kind::InvalidArgument
    ) && !matches!(error, RehearsalError::Shared { .. })
}

fn failed(script: &Script, error: RehearsalError) -> Failure {
    if !is_of_script(&error) {
        return error.into();
    }
    let failure = Failure::from(error);
    Failure::new(
        Kind::FailedPrecondition,
        "REHEARSAL_FAILED",
        format!(
            "revision {} failed on a scratch copy of the schema; the live database was not touched: {}",
            script.revision, failure.message
        ),
    )
    .with_hint(
        "correct the script; one that needs rows, which the copy lacks, can run only with migrations.rehearse = false",
    )
}

/// What a failed way back says; what is not the script's fault is no finding on it.
fn said(error: RehearsalError) -> Result<String, Failure> {
    let refused = matches!(error, RehearsalError::Shared { .. });
    let is_finding = refused || is_of_script(&error);
    let failure = Failure::from(error);
    if is_finding {
        Ok(failure.message)
    } else {
        Err(failure)
    }
}
