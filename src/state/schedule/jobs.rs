//! What is recorded of each job: how far its ticks were dealt with, its pause, whether it is overdue, and its open runs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{count, run_state};
use crate::{
    model::{
        alert::Alert,
        failure::Failure,
        operation::OperationState,
        schedule::{End, Known, OpenRun, Pause, RunState, Stage},
    },
    postgres::error::PostgresError,
    state::{ControlStore, alerts, from_json},
};

impl ControlStore {
    /// Makes jobs known. Those that are, stay as they are.
    pub async fn introduce_jobs(
        &self,
        jobs: &[&str],
        now: DateTime<Utc>,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO schedule_jobs (job, first_seen, considered)
                 SELECT job, $2, $2 FROM unnest($1::text[]) AS job ON CONFLICT (job) DO NOTHING",
                &[&jobs, &now],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the schedule's jobs"))
    }

    /// What is known of these jobs; nothing of those that were never introduced.
    pub async fn known_jobs(
        &self,
        jobs: &[&str],
    ) -> Result<BTreeMap<String, Known>, PostgresError> {
        let what = || PostgresError::query("read the schedule's state");
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT job, first_seen, considered, last_success, missed, paused_at, paused_until,
                        paused_by, pause_reason, overdue_since, overdue_told,
                        coalesce((SELECT message FROM schedule_runs AS failed
                                  WHERE failed.job = jobs.job AND failed.state IN ('FAILED', 'RETRYING')
                                    AND (jobs.last_success IS NULL OR failed.slot > jobs.last_success
                                         OR failed.ended_at > jobs.last_success)
                                  ORDER BY slot DESC LIMIT 1), '') AS last_error
                 FROM schedule_jobs AS jobs WHERE job = ANY($1)",
                &[&jobs],
            )
            .await
            .map_err(what())?;
        let mut all: BTreeMap<String, Known> = rows
            .iter()
            .map(|row| (row.get("job"), known(row)))
            .collect();
        let rows = client
            .query(
                "SELECT runs.job, runs.slot, runs.attempt, runs.by_hand, runs.state, runs.daemon,
                        runs.operation, runs.retry_at, runs.message,
                        operations.state AS operation_state, operations.failure,
                        operations.cancel_requested
                 FROM schedule_runs AS runs LEFT JOIN operations ON operations.id = runs.operation
                 WHERE runs.job = ANY($1) AND runs.state IN ('CLAIMED', 'STARTED', 'RETRYING')
                 ORDER BY runs.slot",
                &[&jobs],
            )
            .await
            .map_err(what())?;
        for row in &rows {
            if let Some(known) = all.get_mut(row.get::<_, &str>("job")) {
                known.open.push(open_run(row, self.daemon)?);
            }
        }
        Ok(all)
    }

    /// The managed databases that are in maintenance mode.
    pub async fn closed_databases(&self) -> Result<BTreeSet<String>, PostgresError> {
        let client = self.client().await?;
        client
            .query("SELECT database FROM maintenance", &[])
            .await
            .map(|rows| rows.iter().map(|row| row.get(0)).collect())
            .map_err(PostgresError::query("read the maintenance mode"))
    }

    /// Pauses a job, in place of an earlier pause.
    pub async fn pause_job(&self, job: &str, pause: &Pause) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO schedule_jobs (job, first_seen, considered, paused_at, paused_until,
                                            paused_by, pause_reason)
                 VALUES ($1, $2, $2, $2, $3, $4, $5)
                 ON CONFLICT (job) DO UPDATE SET paused_at = $2, paused_until = $3, paused_by = $4,
                                                 pause_reason = $5",
                &[
                    &job,
                    &pause.since,
                    &pause.until,
                    &pause.principal,
                    &pause.reason,
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("pause the schedule"))
    }

    /// Ends a pause at this moment. It stays recorded as one that was: ticks of its time that nobody has dealt with yet are
    /// passed over, and the job is not overdue for it.
    pub async fn resume_job(&self, job: &str, now: DateTime<Utc>) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE schedule_jobs SET paused_until = least(paused_until, $2)
                 WHERE job = $1 AND paused_at IS NOT NULL",
                &[&job, &now],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("resume the schedule"))
    }

    /// Records since when a job is overdue, or that it is no more, and the alert that tells of it. False when that was
    /// recorded already: each daemon sees it, one tells it.
    pub async fn mark_overdue(
        &self,
        job: &str,
        since: Option<DateTime<Utc>>,
        alert: Option<&Alert>,
    ) -> Result<bool, PostgresError> {
        let what = || PostgresError::query("record that the job is overdue");
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(what())?;
        let told = alert.is_some();
        let marked = transaction
            .execute(
                "UPDATE schedule_jobs SET overdue_since = $2, overdue_told = $2 IS NOT NULL AND $3
                 WHERE job = $1 AND ((overdue_since IS NULL) <> ($2::timestamptz IS NULL)
                                     OR $2 IS NOT NULL AND $3 AND NOT overdue_told)",
                &[&job, &since, &told],
            )
            .await
            .map_err(what())?;
        if marked == 0 {
            return Ok(false);
        }
        if let Some(alert) = alert {
            alerts::insert(&transaction, alert).await?;
        }
        transaction.commit().await.map_err(what())?;
        Ok(true)
    }
}

fn known(row: &Row) -> Known {
    let paused_at: Option<DateTime<Utc>> = row.get("paused_at");
    let pause = paused_at.map(|since| Pause {
        since,
        until: row.get("paused_until"),
        principal: row.get("paused_by"),
        reason: row.get("pause_reason"),
    });
    Known {
        first_seen: row.get("first_seen"),
        considered: row.get("considered"),
        last_success: row.get("last_success"),
        missed: u64::try_from(row.get::<_, i64>("missed")).unwrap_or_default(),
        pause,
        overdue_since: row.get("overdue_since"),
        overdue_told: row.get("overdue_told"),
        last_error: row.get("last_error"),
        open: Vec::new(),
    }
}

fn open_run(row: &Row, us: Uuid) -> Result<OpenRun, PostgresError> {
    let stage = match run_state(row, "state")? {
        RunState::Claimed if row.get::<_, Uuid>("daemon") == us => Stage::Ours,
        RunState::Retrying => Stage::Retrying {
            at: row.get("retry_at"),
            message: row.get("message"),
        },
        RunState::Started => started(row)?,
        _ => Stage::UnderWay,
    };
    Ok(OpenRun {
        slot: row.get("slot"),
        attempt: count(row, "attempt"),
        by_hand: row.get("by_hand"),
        operation: row.get("operation"),
        stage,
    })
}

fn started(row: &Row) -> Result<Stage, PostgresError> {
    let state: Option<&str> = row.get("operation_state");
    if state == Some(OperationState::Succeeded.name()) {
        return Ok(Stage::Ended(End::Succeeded));
    }
    let failure: Option<Value> = row.get("failure");
    let Some(failure) = failure else {
        return Ok(Stage::UnderWay);
    };
    let failure: Failure = from_json("an operation's failure", failure)?;
    let asked: bool = row.get("cancel_requested");
    Ok(Stage::Ended(End::of_failure(failure, asked)))
}
