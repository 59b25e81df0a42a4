//! The `replaced_databases` table: databases that a swap set aside, kept for a rollback until their time is up.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::ControlStore;
use crate::{model::restore::ReplacedDatabase, postgres::error::PostgresError};

impl ControlStore {
    /// Writes down, before the swap, under which name the live database will be kept and for how long. Gives the note,
    /// with size 0.
    pub async fn note_replaced(
        &self,
        name: &str,
        database: &str,
        operation: Uuid,
        keep: Duration,
    ) -> Result<ReplacedDatabase, PostgresError> {
        let client = self.client().await?;
        client
            .query_one(
                "INSERT INTO replaced_databases (name, database, operation, expires_at)
                 VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
                 RETURNING name, database, replaced_at, expires_at,
                           (SELECT method FROM operations WHERE id = operation)",
                &[&name, &database, &operation, &keep.as_secs_f64()],
            )
            .await
            .map(|row| noted(&row))
            .map_err(PostgresError::query("record the replaced database"))
    }

    /// Strikes a replaced database out: it was dropped, swapped back, or the swap did not happen.
    pub async fn strike_replaced(&self, name: &str) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute("DELETE FROM replaced_databases WHERE name = $1", &[&name])
            .await
            .map(|_| ())
            .map_err(PostgresError::query("strike out the replaced database"))
    }

    /// What was noted for a managed database, newest first, with size 0: whether each still stands, and how large it is,
    /// only its server knows.
    pub async fn noted_replaced(
        &self,
        database: &str,
    ) -> Result<Vec<ReplacedDatabase>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT replaced.name, replaced.database, replaced.replaced_at, replaced.expires_at, operations.method
                 FROM replaced_databases AS replaced JOIN operations ON operations.id = replaced.operation
                 WHERE replaced.database = $1 ORDER BY replaced.replaced_at DESC",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("list the replaced databases"))?;
        Ok(rows.iter().map(noted).collect())
    }

    /// The names of those whose time is up, by the control store's clock, and whose swap is over.
    pub async fn expired_replaced(&self, database: &str) -> Result<Vec<String>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT replaced.name
                 FROM replaced_databases AS replaced JOIN operations ON operations.id = replaced.operation
                 WHERE replaced.database = $1 AND replaced.expires_at <= clock_timestamp()
                   AND operations.ended_at IS NOT NULL",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("list the replaced databases"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

fn noted(row: &Row) -> ReplacedDatabase {
    ReplacedDatabase {
        name: row.get(0),
        database: row.get(1),
        replace_time: row.get(2),
        expire_time: row.get(3),
        size_bytes: 0,
        method: row.get(4),
    }
}
