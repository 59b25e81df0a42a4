//! The `maintenance` table: which databases are in maintenance mode, and what that changed on their servers.

use super::{ControlStore, from_json, to_json};
use crate::{
    model::maintenance::{AccessChange, Entered},
    postgres::error::PostgresError,
};

impl ControlStore {
    /// Who entered maintenance mode and what was changed for it; `None` while the mode is off.
    pub async fn maintenance(
        &self,
        database: &str,
    ) -> Result<Option<(Entered, AccessChange)>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "SELECT reason, principal, entered_at, ended_sessions, access FROM maintenance
                 WHERE database = $1",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("read the maintenance mode"))?;
        row.map(|row| {
            let entered = Entered {
                reason: row.get(0),
                principal: row.get(1),
                time: row.get(2),
                ended_sessions: u32::try_from(row.get::<_, i32>(3)).unwrap_or_default(),
            };
            Ok((entered, from_json("the access change", row.get(4))?))
        })
        .transpose()
    }

    /// Writes down that the mode is being entered and what will be changed. False when it is on already.
    pub async fn insert_maintenance(
        &self,
        database: &str,
        reason: &str,
        principal: &str,
        access: &AccessChange,
    ) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO maintenance (database, reason, principal, access) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (database) DO NOTHING",
                &[&database, &reason, &principal, &to_json("the access change", access)?],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("record the maintenance mode"))
    }

    /// Writes what further was changed on the server, and how many sessions were ended. False when the mode is off.
    pub async fn update_maintenance(
        &self,
        database: &str,
        ended_sessions: u32,
        access: &AccessChange,
    ) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE maintenance SET ended_sessions = ended_sessions + $2, access = $3
                 WHERE database = $1",
                &[
                    &database,
                    &i32::try_from(ended_sessions).unwrap_or(i32::MAX),
                    &to_json("the access change", access)?,
                ],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("record the maintenance mode"))
    }

    /// The mode is off: what was changed has been undone.
    pub async fn delete_maintenance(&self, database: &str) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute("DELETE FROM maintenance WHERE database = $1", &[&database])
            .await
            .map(|_| ())
            .map_err(PostgresError::query(
                "record the end of the maintenance mode",
            ))
    }
}
