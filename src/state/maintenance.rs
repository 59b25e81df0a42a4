//! The `maintenance` table: which databases are in maintenance mode, and what that changed on their servers.

use std::time::Duration;

use super::{ControlStore, from_json, to_json};
use crate::{
    model::maintenance::{AccessChange, Entered, Entry},
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
                "SELECT reason, principal, entered_at, ended_sessions, access, drains_until, expires_at FROM maintenance
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
                drains_until: row.get(5),
                expires_at: row.get(6),
            };
            Ok((entered, from_json("the access change", row.get(4))?))
        })
        .transpose()
    }

    /// Writes down that the mode is being entered and what will be changed. False when it is on already.
    pub async fn insert_maintenance(
        &self,
        database: &str,
        entry: &Entry,
        principal: &str,
        access: &AccessChange,
    ) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        let seconds = |span: Option<Duration>| span.map(|span| span.as_secs_f64());
        client
            .execute(
                "INSERT INTO maintenance (database, reason, principal, access, drains_until, expires_at)
                 VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5),
                         clock_timestamp() + make_interval(secs => $6))
                 ON CONFLICT (database) DO NOTHING",
                &[
                    &database,
                    &entry.reason,
                    &principal,
                    &to_json("the access change", access)?,
                    &seconds(entry.drain),
                    &seconds(entry.expire_after),
                ],
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

    /// Sets when the mode ends by itself, reckoned from now.
    pub async fn set_maintenance_end(
        &self,
        database: &str,
        after: Duration,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE maintenance SET expires_at = clock_timestamp() + make_interval(secs => $2) WHERE database = $1",
                &[&database, &after.as_secs_f64()],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("set the end of the maintenance mode"))
    }

    /// How long until the first maintenance mode ends by itself, and the databases whose mode was to have ended by now.
    pub async fn due_maintenance(&self) -> Result<(Option<Duration>, Vec<String>), PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT database, extract(epoch FROM expires_at - clock_timestamp())::float8
                 FROM maintenance WHERE expires_at IS NOT NULL ORDER BY expires_at",
                &[],
            )
            .await
            .map_err(PostgresError::query(
                "see which maintenance modes are to end",
            ))?;
        let left: Vec<(String, f64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let next = left.iter().find(|(_, left)| *left > 0.0);
        let next = next.and_then(|(_, left)| Duration::try_from_secs_f64(*left).ok());
        let due = left
            .into_iter()
            .filter(|(_, left)| *left <= 0.0)
            .map(|(database, _)| database);
        Ok((next, due.collect()))
    }

    /// Whether a restore or rollback of the database waits or is at work: neither can be made without the mode.
    pub async fn has_open_restore(&self, database: &str) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .query_one(
                "SELECT EXISTS (SELECT FROM operations WHERE database = $1 AND ended_at IS NULL
                                AND method IN ('Restore', 'RollbackRestore'))",
                &[&database],
            )
            .await
            .map(|row| row.get(0))
            .map_err(PostgresError::query("see whether a restore is at work"))
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
