//! The `operation_approvals` table: operations that wait for a second person, and who let them go on.
//!
//! Both sides go by the control store's clock and by single statements: an approval counts only while the operation waits
//! and its time is not up, and an operation lapses only when its time is up. So never both.

use uuid::Uuid;

use super::ControlStore;
use crate::postgres::error::PostgresError;

/// How it stands with an operation that waits for its approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nobody has approved it yet.
    Waits,
    /// It was approved, cancelled or ended: it waits no more.
    Over,
    /// Its time is up.
    Lapsed,
}

impl ControlStore {
    /// Approves an operation that waits, unless its time is up or this principal asked for it. False when it was not
    /// approved; why not, its record tells.
    pub async fn approve_operation(
        &self,
        id: Uuid,
        principal: &str,
        reason: &str,
    ) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "WITH approved AS (
                     UPDATE operations SET state = 'QUEUED'
                     FROM operation_approvals AS wanted
                     WHERE operations.id = $1 AND wanted.operation = operations.id
                       AND operations.state = 'AWAITING_APPROVAL' AND operations.principal <> $2
                       AND wanted.expires_at > clock_timestamp()
                     RETURNING operations.id)
                 UPDATE operation_approvals
                 SET approved_at = clock_timestamp(), principal = $2, reason = $3
                 WHERE operation IN (SELECT id FROM approved)",
                &[&id, &principal, &reason],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("record the approval"))
    }

    /// How it stands with an operation that waits, or waited.
    pub async fn waiting(&self, id: Uuid) -> Result<Waiting, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "SELECT operations.state = 'AWAITING_APPROVAL', wanted.expires_at <= clock_timestamp()
                 FROM operations JOIN operation_approvals AS wanted ON wanted.operation = operations.id
                 WHERE operations.id = $1",
                &[&id],
            )
            .await
            .map_err(PostgresError::query("see whether the operation is approved"))?;
        Ok(match row.map(|row| (row.get(0), row.get(1))) {
            Some((true, true)) => Waiting::Lapsed,
            Some((true, false)) => Waiting::Waits,
            _ => Waiting::Over,
        })
    }
}
