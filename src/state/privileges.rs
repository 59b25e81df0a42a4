//! The last check of privileges, from the operations that made them.

use super::{ControlStore, from_json};
use crate::{model::privileges::LastReport, postgres::error::PostgresError};

impl ControlStore {
    /// The last report on who may do what in a managed database, in short; none where there was no check.
    pub async fn last_privilege_report(
        &self,
        database: &str,
    ) -> Result<Option<LastReport>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "SELECT id, ended_at, outcome #> '{value,counts}' FROM operations
                 WHERE database = $1 AND method = 'CheckPrivileges' AND state = 'SUCCEEDED'
                 ORDER BY id DESC LIMIT 1",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("read the last check of privileges"))?;
        row.map(|row| {
            Ok(LastReport {
                operation_id: row.get(0),
                time: row.get(1),
                counts: from_json("the counts of a check of privileges", row.get(2))?,
            })
        })
        .transpose()
    }
}
