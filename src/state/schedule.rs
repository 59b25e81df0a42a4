//! The `schedule_runs` table: its key (job, slot) makes daemons that share the store run each tick once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ControlStore;
use crate::{
    model::{operation::OperationState, schedule::JobRun},
    postgres::error::PostgresError,
};

impl ControlStore {
    /// Claims a tick for this daemon. False when another daemon has it.
    pub async fn claim_slot(&self, job: &str, slot: DateTime<Utc>) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO schedule_runs (job, slot, daemon) VALUES ($1, $2, $3)
                 ON CONFLICT (job, slot) DO NOTHING",
                &[&job, &slot, &self.daemon],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("claim the schedule's tick"))
    }

    /// Writes what came of a claimed tick: an operation, or why there is none.
    pub async fn close_slot(
        &self,
        job: &str,
        slot: DateTime<Utc>,
        operation: Option<Uuid>,
        message: &str,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE schedule_runs SET operation = $3, message = $4 WHERE job = $1 AND slot = $2",
                &[&job, &slot, &operation, &message],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the schedule's run"))
    }

    /// Whether this operation is recorded as a run of the job.
    pub async fn has_run(&self, job: &str, operation: Uuid) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .query_one(
                "SELECT EXISTS (SELECT FROM schedule_runs WHERE job = $1 AND operation = $2)",
                &[&job, &operation],
            )
            .await
            .map(|row| row.get(0))
            .map_err(PostgresError::query("look for the schedule's run"))
    }

    /// The last run of a job.
    pub async fn last_run(&self, job: &str) -> Result<Option<JobRun>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "SELECT runs.slot, runs.operation, runs.message, operations.state
                 FROM schedule_runs AS runs LEFT JOIN operations ON operations.id = runs.operation
                 WHERE runs.job = $1 ORDER BY runs.slot DESC LIMIT 1",
                &[&job],
            )
            .await
            .map_err(PostgresError::query("read the schedule's last run"))?;
        Ok(row.map(|row| {
            let state: Option<String> = row.get(3);
            JobRun {
                slot: row.get(0),
                operation_id: row.get(1),
                message: row.get(2),
                state: state.and_then(|name| {
                    OperationState::ALL
                        .into_iter()
                        .find(|state| state.name() == name)
                }),
            }
        }))
    }
}
