//! The history of runs.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{count, run_state};
use crate::{
    model::{failure::Failure, operation::OperationState, page::Page, schedule::JobRun},
    postgres::error::PostgresError,
    state::ControlStore,
};

const COLUMNS: &str = "slot, runs.state, operation, operations.state AS operation_state, attempt, \
                       ticks, by_hand, message, retry_at, runs.ended_at";

impl ControlStore {
    /// Records a run that a person asked for. The same operation is recorded once.
    pub async fn record_run_by_hand(
        &self,
        job: &str,
        slot: DateTime<Utc>,
        operation: Uuid,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO schedule_runs (job, slot, daemon, operation, state, by_hand)
                 SELECT $1::text, $2::timestamptz, $3::uuid, $4::uuid, 'STARTED', true
                 WHERE NOT EXISTS (SELECT FROM schedule_runs WHERE job = $1 AND operation = $4)
                 ON CONFLICT (job, slot) DO NOTHING",
                &[&job, &slot, &self.daemon, &operation],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the run"))
    }

    /// Forgets runs and alerts that ended more than 400 days ago, so many of each at most. Whoever asks for more asks again.
    pub async fn forget_old_runs(&self) -> Result<(), PostgresError> {
        let what = || PostgresError::query("forget the schedule's old runs");
        let client = self.client().await?;
        client
            .execute(
                "WITH old AS (
                     SELECT job, slot FROM schedule_runs
                     WHERE ended_at < clock_timestamp() - interval '400 days' LIMIT 10000),
                 attempts AS (
                     DELETE FROM schedule_attempts USING old
                     WHERE schedule_attempts.job = old.job AND schedule_attempts.slot = old.slot)
                 DELETE FROM schedule_runs USING old
                 WHERE schedule_runs.job = old.job AND schedule_runs.slot = old.slot",
                &[],
            )
            .await
            .map_err(what())?;
        client
            .execute(
                "DELETE FROM alerts WHERE id IN (
                     SELECT id FROM alerts
                     WHERE ended_at < clock_timestamp() - interval '400 days' LIMIT 10000)",
                &[],
            )
            .await
            .map(|_| ())
            .map_err(what())
    }

    /// The runs of a job, the latest first, and the token of the next page.
    pub async fn job_runs(
        &self,
        job: &str,
        page: &Page,
    ) -> Result<(Vec<JobRun>, Option<String>), Failure> {
        let before = match &page.after {
            None => None,
            Some(token) => {
                let micros = token.parse().map_err(|_| Page::stale())?;
                Some(DateTime::from_timestamp_micros(micros).ok_or_else(Page::stale)?)
            }
        };
        let limit = i64::try_from(page.size + 1).unwrap_or(i64::MAX);
        let client = self.client().await?;
        let rows = client
            .query(
                &format!(
                    "SELECT {COLUMNS} FROM schedule_runs AS runs
                     LEFT JOIN operations ON operations.id = runs.operation
                     WHERE job = $1 AND ($2::timestamptz IS NULL OR slot < $2)
                     ORDER BY slot DESC LIMIT $3"
                ),
                &[&job, &before, &limit],
            )
            .await
            .map_err(PostgresError::query("list the schedule's runs"))?;
        let mut runs = rows.iter().map(run).collect::<Result<Vec<_>, _>>()?;
        let more = runs.len() > page.size;
        runs.truncate(page.size);
        let next = runs.last().filter(|_| more);
        let next = next.map(|run| run.slot.timestamp_micros().to_string());
        Ok((runs, next))
    }
}

fn run(row: &Row) -> Result<JobRun, PostgresError> {
    let operation_state: Option<&str> = row.get("operation_state");
    Ok(JobRun {
        slot: row.get("slot"),
        state: run_state(row, "state")?,
        operation_id: row.get("operation"),
        operation_state: operation_state.and_then(|name| {
            OperationState::ALL
                .into_iter()
                .find(|state| state.name() == name)
        }),
        attempt: count(row, "attempt"),
        ticks: u64::try_from(row.get::<_, i64>("ticks")).unwrap_or_default(),
        by_hand: row.get("by_hand"),
        message: row.get("message"),
        retry_at: row.get("retry_at"),
        ended_at: row.get("ended_at"),
    })
}
