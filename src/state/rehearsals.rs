//! The `rehearsals` table: what scripts did on scratch copies of a schema, by the script's text and the schema.

use super::{ControlStore, from_json, to_json};
use crate::{
    model::{migration::Direction, rehearsal::Rehearsal},
    postgres::error::PostgresError,
};

impl ControlStore {
    /// Records a rehearsal, in place of an earlier one of the same text and schema.
    pub async fn put_rehearsal(
        &self,
        database: &str,
        rehearsal: &Rehearsal,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO rehearsals (database, revision, direction, sha256, fingerprint_before, report)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (database, sha256, direction, fingerprint_before) DO UPDATE
                 SET recorded_at = clock_timestamp(), report = excluded.report",
                &[
                    &database,
                    &rehearsal.revision,
                    &rehearsal.direction.name(),
                    &rehearsal.sha256,
                    &rehearsal.fingerprint_before,
                    &to_json("the rehearsal", rehearsal)?,
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the rehearsal"))
    }

    /// The rehearsal of a text that began with this schema.
    pub async fn rehearsal(
        &self,
        database: &str,
        sha256: &str,
        direction: Direction,
        fingerprint_before: &str,
    ) -> Result<Option<Rehearsal>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "SELECT report FROM rehearsals
                 WHERE database = $1 AND sha256 = $2 AND direction = $3 AND fingerprint_before = $4",
                &[&database, &sha256, &direction.name(), &fingerprint_before],
            )
            .await
            .map_err(PostgresError::query("read the rehearsal"))?;
        row.map(|row| from_json("the rehearsal", row.get(0)))
            .transpose()
    }
}
