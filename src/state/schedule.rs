//! The `schedule_jobs`, `schedule_runs` and `schedule_attempts` tables: what lasts of the schedule, for all daemons.
//!
//! Whoever moves a job's `considered` on deals with the ticks that it passes: of daemons that share the store, exactly one.
//! The move and what is recorded of the ticks are one transaction, so that no tick is lost between them; and a claimed tick
//! stays claimed until its operation is recorded, so that none is lost there either: who finds its claimer dead takes the
//! claim over (`adopt_claims`).

mod jobs;
mod runs;

use chrono::{DateTime, Utc};
use tokio_postgres::{Row, error::SqlState};
use uuid::Uuid;

use super::{ControlStore, alerts};
use crate::{
    model::{
        alert::Alert,
        schedule::{Due, OpenRun, RunState, Stage, Verdict},
    },
    postgres::error::PostgresError,
};

impl ControlStore {
    /// Claims the last of these ticks for this daemon, if nobody has dealt with them and no other run of the job is open.
    pub async fn claim_tick(
        &self,
        job: &str,
        considered: DateTime<Utc>,
        due: &Due,
    ) -> Result<bool, PostgresError> {
        let missed = i64::from(due.ticks) - 1;
        self.deal_with(
            job,
            considered,
            due,
            missed,
            "INSERT INTO schedule_runs (job, slot, daemon, ticks) VALUES ($1, $2, $3, $4)
             ON CONFLICT (job, slot) DO NOTHING",
            &[],
        )
        .await
    }

    /// Records that these ticks were missed or skipped, if nobody has dealt with them.
    pub async fn pass_ticks(
        &self,
        job: &str,
        considered: DateTime<Utc>,
        due: &Due,
        state: RunState,
        message: &str,
    ) -> Result<bool, PostgresError> {
        let missed = match state {
            RunState::Missed => i64::from(due.ticks),
            _ => 0,
        };
        self.deal_with(
            job,
            considered,
            due,
            missed,
            "INSERT INTO schedule_runs (job, slot, daemon, ticks, state, message, ended_at)
             VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp()) ON CONFLICT (job, slot) DO NOTHING",
            &[&state.name(), &message],
        )
        .await
    }

    async fn deal_with(
        &self,
        job: &str,
        considered: DateTime<Utc>,
        due: &Due,
        missed: i64,
        insert: &str,
        further: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<bool, PostgresError> {
        let what = || PostgresError::query("deal with the schedule's tick");
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(what())?;
        let moved = transaction
            .execute(
                "UPDATE schedule_jobs SET considered = $3, missed = missed + $4
                 WHERE job = $1 AND considered = $2",
                &[&job, &considered, &due.last, &missed],
            )
            .await
            .map_err(what())?;
        if moved == 0 {
            return Ok(false);
        }
        let ticks = i64::from(due.ticks);
        let mut values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
            vec![&job, &due.last, &self.daemon, &ticks];
        values.extend_from_slice(further);
        let inserted = match transaction.execute(insert, &values).await.map_err(what()) {
            Ok(inserted) => inserted,
            // Another daemon has a run of the job open: the tick is looked at again, with that run in sight.
            Err(error) if error.is(&SqlState::UNIQUE_VIOLATION) => return Ok(false),
            Err(error) => return Err(error),
        };
        transaction.commit().await.map_err(what())?;
        Ok(inserted == 1)
    }

    /// Claims a run that waits to be tried again. False when another daemon has it.
    pub async fn claim_retry(
        &self,
        job: &str,
        slot: DateTime<Utc>,
        attempt: u32,
    ) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE schedule_runs SET state = 'CLAIMED', daemon = $4, attempt = attempt + 1,
                                          retry_at = NULL
                 WHERE job = $1 AND slot = $2 AND attempt = $3 AND state = 'RETRYING'",
                &[&job, &slot, &number(attempt), &self.daemon],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("claim the schedule's retry"))
    }

    /// Takes over the claims of a dead daemon, of these jobs. They are started by this one as its own.
    pub async fn adopt_claims(&self, dead: Uuid, jobs: &[&str]) -> Result<u64, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE schedule_runs SET daemon = $2
                 WHERE daemon = $1 AND state = 'CLAIMED' AND job = ANY($3)",
                &[&dead, &self.daemon, &jobs],
            )
            .await
            .map_err(PostgresError::query("take over a dead daemon's ticks"))
    }

    /// Records that a claimed run's attempt has started its operation. False when the claim is no longer this daemon's.
    pub async fn run_started(
        &self,
        job: &str,
        slot: DateTime<Utc>,
        attempt: u32,
        operation: Uuid,
    ) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "WITH started AS (
                     UPDATE schedule_runs SET state = 'STARTED', operation = $4, message = ''
                     WHERE job = $1 AND slot = $2 AND attempt = $3 AND state = 'CLAIMED' AND daemon = $5
                     RETURNING job, slot, attempt, operation)
                 INSERT INTO schedule_attempts (job, slot, attempt, operation, message)
                 SELECT job, slot, attempt, operation, '' FROM started",
                &[&job, &slot, &number(attempt), &operation, &self.daemon],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("record the schedule's run"))
    }

    /// Records what became of an attempt, and the alert that tells of it. False when another daemon has done so, or has
    /// taken over the claim of an attempt that this one could not start.
    pub async fn settle_run(
        &self,
        job: &str,
        run: &OpenRun,
        verdict: &Verdict,
        alert: Option<&Alert>,
    ) -> Result<bool, PostgresError> {
        let (slot, attempt) = (run.slot, run.attempt);
        let claimed = run.stage == Stage::Ours;
        let what = || PostgresError::query("record the end of the schedule's run");
        let (state, message, retry_at) = match verdict {
            Verdict::Over { state, message } => (*state, message, None),
            Verdict::Retry { at, message } => (RunState::Retrying, message, Some(*at)),
        };
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(what())?;
        let ended = transaction
            .query_opt(
                "UPDATE schedule_runs AS run SET state = $4, message = $5, retry_at = $6,
                     ended_at = CASE WHEN $6::timestamptz IS NULL THEN coalesce(
                         (SELECT ended_at FROM operations WHERE id = run.operation), clock_timestamp()) END
                 WHERE run.job = $1 AND run.slot = $2 AND run.attempt = $3
                   AND CASE WHEN $7 THEN run.state = 'CLAIMED' AND run.daemon = $8
                            ELSE run.state IN ('STARTED', 'RETRYING') END
                 RETURNING run.ended_at",
                &[
                    &job,
                    &slot,
                    &number(attempt),
                    &state.name(),
                    message,
                    &retry_at,
                    &claimed,
                    &self.daemon,
                ],
            )
            .await
            .map_err(what())?;
        let Some(ended) = ended else {
            return Ok(false);
        };
        if claimed {
            transaction
                .execute(
                    "INSERT INTO schedule_attempts (job, slot, attempt, message) VALUES ($1, $2, $3, $4)",
                    &[&job, &slot, &number(attempt), message],
                )
                .await
                .map_err(what())?;
        } else {
            transaction
                .execute(
                    "UPDATE schedule_attempts SET message = $4
                     WHERE job = $1 AND slot = $2 AND attempt = $3 AND message = ''",
                    &[&job, &slot, &number(attempt), message],
                )
                .await
                .map_err(what())?;
        }
        if state == RunState::Succeeded {
            let ended: Option<DateTime<Utc>> = ended.get(0);
            transaction
                .execute(
                    "UPDATE schedule_jobs SET last_success = greatest(last_success, $2) WHERE job = $1",
                    &[&job, &ended],
                )
                .await
                .map_err(what())?;
        }
        if let Some(alert) = alert {
            alerts::insert(&transaction, alert).await?;
        }
        transaction.commit().await.map_err(what())?;
        Ok(true)
    }
}

fn number(attempt: u32) -> i32 {
    i32::try_from(attempt).unwrap_or(i32::MAX)
}

fn count(row: &Row, column: &str) -> u32 {
    u32::try_from(row.get::<_, i32>(column)).unwrap_or_default()
}

fn run_state(row: &Row, column: &str) -> Result<RunState, PostgresError> {
    let name: &str = row.get(column);
    RunState::ALL
        .into_iter()
        .find(|state| state.name() == name)
        .ok_or_else(|| PostgresError::Unexpected {
            what: "read the schedule's run".to_owned(),
            detail: format!("unknown state {name:?}"),
        })
}
