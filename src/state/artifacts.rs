//! The `artifacts` table: what an operation is about to make and must not leave behind.
//!
//! A row is written before the thing is made and removed once the thing is gone or has become good; so after a crash at
//! any moment the rows of ended operations say what to sweep.

use tokio_postgres::Row;
use uuid::Uuid;

use super::ControlStore;
use crate::postgres::error::PostgresError;

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    /// An archive in the store.
    Archive,
    /// A scratch database on the server of a managed database.
    Database,
    /// Half-built indexes in a managed database; its name is the operation's id.
    Indexes,
}

impl ArtifactKind {
    fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Database => "database",
            Self::Indexes => "indexes",
        }
    }
}

/// A thing that was left, or may have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The operation that made it.
    pub operation: Uuid,
    /// What it is.
    pub kind: ArtifactKind,
    /// The managed database that the operation worked on.
    pub database: String,
    /// The archive's or the scratch database's name, or the operation's id.
    pub name: String,
}

impl ControlStore {
    /// Writes down that the thing is about to be made. False when another operation is making one of that name.
    pub async fn note_artifact(&self, artifact: &Artifact) -> Result<bool, PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO artifacts (operation, kind, database, name) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (kind, name) DO NOTHING",
                &[
                    &artifact.operation,
                    &artifact.kind.name(),
                    &artifact.database,
                    &artifact.name,
                ],
            )
            .await
            .map(|count| count == 1)
            .map_err(PostgresError::query("note what the operation makes"))
    }

    /// Strikes the thing out: it is gone, or it has become good.
    pub async fn strike_artifact(&self, artifact: &Artifact) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "DELETE FROM artifacts WHERE kind = $1 AND name = $2",
                &[&artifact.kind.name(), &artifact.name],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("strike out what the operation made"))
    }

    /// What this operation has noted and not struck out.
    pub async fn artifacts_of(&self, operation: Uuid) -> Result<Vec<Artifact>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT operation, kind, database, name FROM artifacts WHERE operation = $1",
                &[&operation],
            )
            .await
            .map_err(PostgresError::query("list what the operation made"))?;
        Ok(rows.iter().map(artifact).collect())
    }

    /// What ended operations may have left.
    pub async fn leftovers(&self) -> Result<Vec<Artifact>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT artifacts.operation, artifacts.kind, artifacts.database, artifacts.name
                 FROM artifacts JOIN operations ON operations.id = artifacts.operation
                 WHERE operations.ended_at IS NOT NULL ORDER BY artifacts.operation",
                &[],
            )
            .await
            .map_err(PostgresError::query("list what ended operations left"))?;
        Ok(rows.iter().map(artifact).collect())
    }
}

fn artifact(row: &Row) -> Artifact {
    Artifact {
        operation: row.get(0),
        kind: match row.get(1) {
            "archive" => ArtifactKind::Archive,
            "indexes" => ArtifactKind::Indexes,
            _ => ArtifactKind::Database,
        },
        database: row.get(2),
        name: row.get(3),
    }
}
