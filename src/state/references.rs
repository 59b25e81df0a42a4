//! The `schema_references` table: what the schema of a database is to be, by the rows of its version table.

use uuid::Uuid;

use super::{ControlStore, from_json, to_json};
use crate::{model::schema::Schema, postgres::error::PostgresError};

impl ControlStore {
    /// Records what the schema is to be while the version table has these rows, in place of what was recorded before.
    pub async fn put_reference(
        &self,
        database: &str,
        heads: &[String],
        operation: Uuid,
        schema: &Schema,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO schema_references (database, heads, operation, fingerprint, schema)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (database, heads) DO UPDATE
                 SET recorded_at = clock_timestamp(), operation = excluded.operation,
                     fingerprint = excluded.fingerprint, schema = excluded.schema",
                &[
                    &database,
                    &heads,
                    &operation,
                    &schema.fingerprint(),
                    &to_json("the schema", schema)?,
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the schema"))
    }

    /// What the schema is to be while the version table has these rows; `None` when that was never recorded.
    pub async fn reference(
        &self,
        database: &str,
        heads: &[String],
    ) -> Result<Option<Schema>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "SELECT schema FROM schema_references WHERE database = $1 AND heads = $2",
                &[&database, &heads],
            )
            .await
            .map_err(PostgresError::query("read the recorded schema"))?;
        row.map(|row| from_json("the recorded schema", row.get(0)))
            .transpose()
    }
}
