//! The `migration_statements` table: the statements of non-transactional scripts that are half run.
//!
//! A row is written before its statement is sent and marked after it ended, so that a run that was cut off goes on at the
//! right statement. All rows of a script go once its version row is written.

use super::ControlStore;
use crate::{model::migration::Direction, postgres::error::PostgresError};

/// One section of one script on one database.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// The managed database.
    pub database: &'a str,
    /// Its OID on its server: what is half run in one database is not in the one that a restore puts in its place.
    pub oid: u32,
    /// The revision's id.
    pub revision: &'a str,
    /// The section.
    pub direction: Direction,
}

/// A statement that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournaledStatement {
    /// Its text as it was sent.
    pub sql: String,
    /// The transaction that it ran in; `None` for one that PostgreSQL runs outside of transaction blocks.
    pub transaction_id: Option<String>,
    /// Whether it is known to have ended well.
    pub ended: bool,
}

impl ControlStore {
    /// The statements that were begun, in their order; none when the section is not half run.
    pub async fn journal(
        &self,
        section: Section<'_>,
    ) -> Result<Vec<JournaledStatement>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT sql, transaction_id, ended_at IS NOT NULL FROM migration_statements
                 WHERE database = $1 AND oid = $2 AND revision = $3 AND direction = $4 ORDER BY position",
                &[
                    &section.database,
                    &section.oid,
                    &section.revision,
                    &section.direction.name(),
                ],
            )
            .await
            .map_err(PostgresError::query("read the journal of the script"))?;
        Ok(rows
            .iter()
            .map(|row| JournaledStatement {
                sql: row.get(0),
                transaction_id: row.get(1),
                ended: row.get(2),
            })
            .collect())
    }

    /// Writes down that a statement is about to be sent, in place of an earlier try.
    pub async fn journal_begin(
        &self,
        section: Section<'_>,
        position: usize,
        sql: &str,
        transaction_id: Option<&str>,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO migration_statements (database, oid, revision, direction, position, sql, transaction_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (database, oid, revision, direction, position) DO UPDATE
                 SET sql = excluded.sql, transaction_id = excluded.transaction_id, started_at = clock_timestamp(),
                     ended_at = NULL",
                &[
                    &section.database,
                    &section.oid,
                    &section.revision,
                    &section.direction.name(),
                    &number(position),
                    &sql,
                    &transaction_id,
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("write the journal of the script"))
    }

    /// Writes down that a statement has ended well.
    pub async fn journal_end(
        &self,
        section: Section<'_>,
        position: usize,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "UPDATE migration_statements SET ended_at = clock_timestamp()
                 WHERE database = $1 AND oid = $2 AND revision = $3 AND direction = $4 AND position = $5",
                &[
                    &section.database,
                    &section.oid,
                    &section.revision,
                    &section.direction.name(),
                    &number(position),
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("write the journal of the script"))
    }

    /// Strikes out a statement that has failed and left nothing.
    pub async fn journal_retract(
        &self,
        section: Section<'_>,
        position: usize,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "DELETE FROM migration_statements
                 WHERE database = $1 AND oid = $2 AND revision = $3 AND direction = $4 AND position = $5",
                &[
                    &section.database,
                    &section.oid,
                    &section.revision,
                    &section.direction.name(),
                    &number(position),
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("write the journal of the script"))
    }

    /// Forgets a section: it is run to its end, or nothing of it is left.
    pub async fn journal_clear(&self, section: Section<'_>) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "DELETE FROM migration_statements
                 WHERE database = $1 AND oid = $2 AND revision = $3 AND direction = $4",
                &[
                    &section.database,
                    &section.oid,
                    &section.revision,
                    &section.direction.name(),
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("clear the journal of the script"))
    }

    /// The sections of a database that are half run.
    pub async fn half_run(
        &self,
        database: &str,
        oid: u32,
    ) -> Result<Vec<(String, Direction)>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT DISTINCT revision, direction FROM migration_statements
                 WHERE database = $1 AND oid = $2 ORDER BY revision",
                &[&database, &oid],
            )
            .await
            .map_err(PostgresError::query("list the half-run scripts"))?;
        Ok(rows
            .iter()
            .map(|row| {
                let direction = match row.get(1) {
                    "downgrade" => Direction::Downgrade,
                    _ => Direction::Upgrade,
                };
                (row.get(0), direction)
            })
            .collect())
    }

    /// Forgets all half-run sections of a database: a person has put it right.
    pub async fn forget_half_run(&self, database: &str, oid: u32) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "DELETE FROM migration_statements WHERE database = $1 AND oid = $2",
                &[&database, &oid],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("forget the half-run scripts"))
    }
}

fn number(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}
