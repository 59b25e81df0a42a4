//! One step of a migration: its script and version row, with the ledger's entry before the commit and its outcome after,
//! tried again while others hold a lock that it needs.

use std::time::{Duration, Instant};

use super::{blockers::Blockers, plan::report, settle::APPLICATION_NAME, stepwise};
use crate::{
    model::{
        failure::Failure,
        migration::{EventKind, EventOutcome, MigrationStep},
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
        error::PostgresError,
        locks,
        revisions::{self, ScriptRun, ScriptRunError},
        session::Session,
    },
    state::ledger::NewEvent,
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// What the steps of one migration share.
pub(super) struct Stepper<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) managed: &'a Managed,
    pub(super) job: &'a Job,
    /// The migrator's connection, which the scripts run on.
    pub(super) session: Session,
    pub(super) blockers: Blockers,
    backup: &'a str,
    /// The schema before the next step.
    schema: Schema,
    /// What the schema is to be before the next step; `None` when that was never recorded.
    reference: Option<Schema>,
}

/// Tries, and tries again while others hold a lock that is needed, with growing pauses in which whoever queued up behind
/// the last try can pass.
pub(super) struct Tries<'a> {
    stepper: &'a Stepper<'a>,
    label: String,
    start: Instant,
    pause: Duration,
    /// How often it was tried again.
    pub(super) retries: u32,
}

impl Tries<'_> {
    /// Makes one try. False when it is to be made again, after a pause that has passed.
    pub(super) async fn ended(
        &mut self,
        attempt: impl Future<Output = Result<(), ScriptRunError>>,
    ) -> Result<bool, Failure> {
        let (job, label) = (self.stepper.job, &self.label);
        let (done, seen) = self.stepper.blockers.during(job, label, attempt).await;
        let Err(error) = done else {
            return Ok(true);
        };
        let wait = self.pause.mul_f64(rand::random_range(0.5..1.5));
        let budget = self.stepper.daemon.settings.migrations.lock_budget;
        if !error.is_contention() || self.start.elapsed() + wait > budget {
            return Err(self.told(error, &seen));
        }
        self.retries += 1;
        tracing::warn!(retries = self.retries, blockers = seen, %error, "waiting for a lock; trying again");
        job.say(format!(
            "{label}: tries again after a pause, {}",
            waited_for(&seen)
        ));
        tokio::time::sleep(wait).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(false)
    }

    /// The failure with who stood in the way.
    fn told(&self, error: ScriptRunError, seen: &str) -> Failure {
        if !error.is_contention() {
            return error.into();
        }
        let failure = Failure::from(error);
        Failure {
            message: format!(
                "{}; tried {} times, and {}",
                failure.message,
                self.retries + 1,
                waited_for(seen)
            ),
            retry_after: Some(Duration::from_secs(30)),
            ..failure
        }
    }
}

impl<'a> Stepper<'a> {
    /// Connects, and reads the schema.
    pub(super) async fn new(
        daemon: &'a Daemon,
        managed: &'a Managed,
        job: &'a Job,
        heads: &[String],
        backup: &'a str,
        resumes: bool,
    ) -> Result<Self, Failure> {
        let name = format!("{APPLICATION_NAME}{}", job.id());
        let session = managed.database.session(Purpose::Migrator, &name).await?;
        let lock_timeout = daemon.settings.migrations.limits.lock;
        let backend = locks::backend(&session).await?;
        let blockers = Blockers::watch(managed, backend, lock_timeout).await?;
        let schema = read_schema(daemon, managed, &session).await?;
        let recorded = daemon.store.reference(managed.name(), heads).await?;
        // Nothing is applied yet: what stands there is not the revisions' business, now or later.
        let reference = recorded.or_else(|| heads.is_empty().then(|| schema.clone()));
        // What a script that is half run has made is the revision's, not somebody else's.
        let schema = match &reference {
            Some(reference) if resumes => reference.clone(),
            _ => schema,
        };
        let stepper = Self {
            daemon,
            managed,
            job,
            session,
            blockers,
            backup,
            schema,
            reference,
        };
        for difference in stepper.drift() {
            tracing::warn!(database = managed.name(), %difference, "not as the revisions made it");
        }
        Ok(stepper)
    }

    /// What is not as the revisions made it.
    pub(super) fn drift(&self) -> Vec<Difference> {
        self.reference
            .as_ref()
            .map(|reference| reference.differences(&self.schema))
            .unwrap_or_default()
    }

    /// Runs a step to its end.
    pub(super) async fn step(
        &mut self,
        before: &[String],
        step: &Step,
        script: &Script,
    ) -> Result<MigrationStep, Failure> {
        let run = ScriptRun {
            table: &self.managed.version_table,
            script,
            direction: step.direction,
            before,
            after: &step.heads_after,
            limits: self.daemon.settings.migrations.limits,
        };
        let start = Instant::now();
        let mut event = None;
        let ran = if script.transactional {
            self.in_transaction(run, &mut event).await
        } else {
            stepwise::run(self, run, &mut event).await
        };
        let retries = ran?;
        let duration = start.elapsed();
        tracing::info!(
            revision = step.revision,
            direction = step.direction.name(),
            ?duration,
            retries,
            "revision ran"
        );
        self.settle_event(event, step, duration, retries).await?;
        Ok(MigrationStep {
            duration: Some(duration),
            retries,
            ..report(step, script)
        })
    }

    /// The whole script again and again: a transaction that waits for one lock must not hold others meanwhile.
    async fn in_transaction(
        &self,
        run: ScriptRun<'_>,
        event: &mut Option<i64>,
    ) -> Result<u32, Failure> {
        let mut tries = self.tries(label(run.script));
        loop {
            let record = async |transaction_id: String| {
                *event = Some(self.record(run, &transaction_id).await?);
                Ok(())
            };
            if tries
                .ended(revisions::run(&self.session, run, record))
                .await?
            {
                return Ok(tries.retries);
            }
        }
    }

    /// Tries of something that needs locks, shown in the progress by this label.
    pub(super) fn tries(&self, label: String) -> Tries<'_> {
        Tries {
            stepper: self,
            label,
            start: Instant::now(),
            pause: SHORTEST_PAUSE,
            retries: 0,
        }
    }

    /// Writes the ledger's event, right before the commit.
    pub(super) async fn record(
        &self,
        run: ScriptRun<'_>,
        transaction_id: &str,
    ) -> Result<i64, PostgresError> {
        let event = NewEvent {
            database: self.managed.name(),
            revision: &run.script.revision,
            kind: EventKind::Ran(run.direction),
            from_heads: run.before,
            to_heads: run.after,
            principal: self.job.principal(),
            operation: Some(self.job.id()),
            sha256: &run.script.sha256,
            normalized_sha256: &run.script.normalized_sha256(),
            script: &run.script.text,
            transaction_id: Some(transaction_id),
            backup: self.backup,
            reason: "",
            fingerprint_before: &self.schema.fingerprint(),
        };
        // The script's locks are held meanwhile: a control store that hangs must not keep everyone waiting behind them.
        let writing = self.daemon.store.insert_event(&event);
        tokio::time::timeout(RECORD_TIMEOUT, writing)
            .await
            .unwrap_or_else(|_| {
                Err(PostgresError::Unexpected {
                    what: "write the event into the ledger".to_owned(),
                    detail: format!("the control store did not answer within {RECORD_TIMEOUT:?}"),
                })
            })
    }

    /// The step is committed: its outcome goes into the ledger, and what the schema is to be from now on is recorded.
    async fn settle_event(
        &mut self,
        event: Option<i64>,
        step: &Step,
        duration: Duration,
        retries: u32,
    ) -> Result<(), Failure> {
        let after = read_schema(self.daemon, self.managed, &self.session).await;
        if let Some(event) = event {
            let outcome = EventOutcome {
                applied: true,
                duration,
                retries,
                fingerprint_after: after.as_ref().map(Schema::fingerprint).unwrap_or_default(),
            };
            self.daemon
                .store
                .insert_event_outcome(event, &outcome)
                .await?;
        }
        let after = after.map_err(|failure| Failure {
            message: format!(
                "revision {} is applied, but what it made cannot be read: {}",
                step.revision, failure.message
            ),
            ..failure
        })?;
        if let Some(reference) = &self.reference {
            let reference = Schema::carry(reference, &self.schema, &after);
            self.daemon
                .store
                .put_reference(
                    self.managed.name(),
                    &step.heads_after,
                    self.job.id(),
                    &reference,
                )
                .await?;
            self.reference = Some(reference);
        }
        self.schema = after;
        Ok(())
    }

    /// Ends the sessions in order.
    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// The live schema without what drift checks leave out.
pub(super) async fn read_schema(
    daemon: &Daemon,
    managed: &Managed,
    session: &Session,
) -> Result<Schema, Failure> {
    Ok(catalog::read_in_snapshot(session, &scope(daemon, managed)).await?)
}

/// What belongs to the schema of a managed database.
pub(super) fn scope(daemon: &Daemon, managed: &Managed) -> Scope {
    Scope {
        version_table: managed.version_table.clone(),
        ignore: daemon.settings.migrations.ignore.clone(),
    }
}

/// What the progress says of a script.
pub(super) fn label(script: &Script) -> String {
    format!("{} {}", script.revision, script.message)
}

fn waited_for(seen: &str) -> String {
    if seen.is_empty() {
        "another session held a lock".to_owned()
    } else {
        format!("{seen} held a lock")
    }
}
