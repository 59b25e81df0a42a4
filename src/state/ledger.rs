//! The `migration_events` table: who ran which script when, from where to where, and its text as it was.
//! Alembic's own table keeps no history; this ledger is append-only.

use std::time::Duration;

use uuid::Uuid;

use super::ControlStore;
use crate::{model::migration::Direction, postgres::error::PostgresError};

/// One script that ran.
#[derive(Debug)]
pub struct MigrationEvent<'a> {
    /// The managed database.
    pub database: &'a str,
    /// The revision's id.
    pub revision: &'a str,
    /// The section that ran.
    pub direction: Direction,
    /// The version table's rows before.
    pub from_heads: &'a [String],
    /// The version table's rows after.
    pub to_heads: &'a [String],
    /// Who asked for it.
    pub principal: &'a str,
    /// The operation that ran it.
    pub operation: Uuid,
    /// How long it took.
    pub duration: Duration,
    /// SHA-256 of the script's file.
    pub sha256: &'a str,
    /// The section's SQL.
    pub script: &'a str,
}

impl ControlStore {
    /// Appends an event.
    pub async fn record_migration(&self, event: &MigrationEvent<'_>) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO migration_events (database, revision, direction, from_heads, to_heads,
                                               principal, operation, duration, sha256, script)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, make_interval(secs => $8), $9, $10)",
                &[
                    &event.database,
                    &event.revision,
                    &event.direction.name(),
                    &event.from_heads,
                    &event.to_heads,
                    &event.principal,
                    &event.operation,
                    &event.duration.as_secs_f64(),
                    &event.sha256,
                    &event.script,
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the migration"))
    }
}
