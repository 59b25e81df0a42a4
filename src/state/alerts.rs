//! The `alerts` table: what the webhook is told. An alert is written in the transaction that records what it tells of, so
//! that it is written once; and it is sent by the daemon that moves its `due_at` on.
//!
//! A daemon that dies after the webhook took an alert and before that was recorded leaves it to be sent once more: better
//! twice than never.

use std::time::Duration;

use tokio_postgres::Transaction;

use super::{ControlStore, from_json, to_json};
use crate::{model::alert::Alert, postgres::error::PostgresError};

/// An alert that this daemon is to send.
#[derive(Debug)]
pub struct TakenAlert {
    /// Its number.
    pub id: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What it says.
    pub alert: Alert,
}

/// Writes an alert within the transaction that records what it tells of.
pub(super) async fn insert(
    transaction: &Transaction<'_>,
    alert: &Alert,
) -> Result<(), PostgresError> {
    transaction
        .execute(
            "INSERT INTO alerts (alert) VALUES ($1)",
            &[&to_json("an alert", alert)?],
        )
        .await
        .map(|_| ())
        .map_err(PostgresError::query("record the alert"))
}

impl ControlStore {
    /// The next alert that is due, for this daemon to send within `lease`; after that another may. Those of one job go one
    /// after the other: that it is good again must not come before that it was overdue.
    pub async fn take_alert(&self, lease: Duration) -> Result<Option<TakenAlert>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "UPDATE alerts SET attempts = attempts + 1,
                                   due_at = clock_timestamp() + make_interval(secs => $1)
                 WHERE id = (SELECT id FROM alerts AS next
                             WHERE ended_at IS NULL AND due_at <= clock_timestamp()
                               AND NOT EXISTS (SELECT FROM alerts AS earlier
                                               WHERE earlier.ended_at IS NULL AND earlier.id < next.id
                                                 AND earlier.alert->>'job' = next.alert->>'job')
                             ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
                 RETURNING id, attempts, alert",
                &[&lease.as_secs_f64()],
            )
            .await
            .map_err(PostgresError::query("look for alerts"))?;
        row.map(|row| {
            Ok(TakenAlert {
                id: row.get(0),
                attempt: u32::try_from(row.get::<_, i32>(1)).unwrap_or_default(),
                alert: from_json("an alert", row.get(2))?,
            })
        })
        .transpose()
    }

    /// Records that an alert was sent, or is given up with this error.
    pub async fn end_alert(&self, id: i64, error: Option<&str>) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE alerts SET ended_at = clock_timestamp(), error = $2 WHERE id = $1",
                &[&id, &error],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record that the alert was sent"))
    }

    /// Records that an alert could not be sent, and when it is tried again.
    pub async fn put_off_alert(
        &self,
        id: i64,
        wait: Duration,
        error: &str,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE alerts SET due_at = clock_timestamp() + make_interval(secs => $2), error = $3
                 WHERE id = $1",
                &[&id, &wait.as_secs_f64(), &error],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record that the alert was not sent"))
    }
}
