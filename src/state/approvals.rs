//! The `revision_authors` and `revision_approvals` tables: who made a revision, and who agreed to which text of it.

use std::collections::BTreeMap;

use super::ControlStore;
use crate::{model::migration::Approval, postgres::error::PostgresError};

impl ControlStore {
    /// Records who made a revision. The first one stays its author.
    pub async fn insert_author(
        &self,
        database: &str,
        revision: &str,
        principal: &str,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO revision_authors (database, revision, principal) VALUES ($1, $2, $3)
                 ON CONFLICT (database, revision) DO NOTHING",
                &[&database, &revision, &principal],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the revision's author"))
    }

    /// The authors of a database's revisions, by revision.
    pub async fn authors(&self, database: &str) -> Result<BTreeMap<String, String>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT revision, principal FROM revision_authors WHERE database = $1",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("read the revisions' authors"))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Records an approval of a text. The same one once more changes nothing.
    pub async fn insert_approval(
        &self,
        database: &str,
        revision: &str,
        sha256: &str,
        principal: &str,
        comment: &str,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO revision_approvals (database, revision, sha256, principal, comment)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                &[&database, &revision, &sha256, &principal, &comment],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the approval"))
    }

    /// All approvals of a database's revisions, of whatever text, oldest first.
    pub async fn approvals(
        &self,
        database: &str,
    ) -> Result<BTreeMap<String, Vec<Approval>>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT revision, principal, recorded_at, comment, sha256 FROM revision_approvals
                 WHERE database = $1 ORDER BY recorded_at, principal",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("read the approvals"))?;
        let mut approvals: BTreeMap<String, Vec<Approval>> = BTreeMap::new();
        for row in rows {
            approvals.entry(row.get(0)).or_default().push(Approval {
                principal: row.get(1),
                approve_time: row.get(2),
                comment: row.get(3),
                sha256: row.get(4),
            });
        }
        Ok(approvals)
    }
}
