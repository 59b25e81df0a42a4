//! The version table, as Alembic keeps it: one row per head, in `alembic_version(version_num)`.
//! Source: Alembic's `MigrationContext`, `version_table` and `version_table_schema`.

use tokio_postgres::GenericClient;

use super::{
    error::PostgresError,
    quote::{identifier, qualified},
};

/// Where a database keeps its schema version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionTable {
    /// The table's schema; `public` as a rule.
    pub schema: String,
    /// The table's name; `alembic_version` as a rule.
    pub name: String,
}

impl VersionTable {
    /// Its name, as it stands in SQL.
    pub fn qualified(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    /// The statement that makes it, to the letter as Alembic does; with `missing_only`, only where it does not exist.
    pub fn creation(&self, missing_only: bool) -> String {
        let table = self.qualified();
        let constraint = identifier(&format!("{}_pkc", self.name));
        let condition = if missing_only { "IF NOT EXISTS " } else { "" };
        format!(
            "CREATE TABLE {condition}{table} (version_num varchar(32) NOT NULL, CONSTRAINT {constraint} PRIMARY KEY (version_num))"
        )
    }

    /// The rows, sorted. A table that does not exist has none. Takes one statement, so that it is also safe to ask inside
    /// a transaction.
    pub async fn heads(&self, client: &impl GenericClient) -> Result<Vec<String>, PostgresError> {
        if !self.exists(client).await? {
            return Ok(Vec::new());
        }
        let table = self.qualified();
        let rows = client
            .query(
                &format!(
                    "SELECT version_num::text FROM {table} ORDER BY version_num COLLATE \"C\""
                ),
                &[],
            )
            .await
            .map_err(PostgresError::query(format!(
                "read the version table {table}"
            )))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn exists(&self, client: &impl GenericClient) -> Result<bool, PostgresError> {
        let row = client
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS class
                                JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                                WHERE namespace.nspname = $1 AND class.relname = $2)",
                &[&self.schema, &self.name],
            )
            .await
            .map_err(PostgresError::query("look for the version table"))?;
        Ok(row.get(0))
    }

    /// Makes the table where it does not exist.
    pub async fn ensure(&self, client: &impl GenericClient) -> Result<(), PostgresError> {
        if self.exists(client).await? {
            return Ok(());
        }
        let table = self.qualified();
        client
            .batch_execute(&self.creation(false))
            .await
            .map_err(PostgresError::query(format!(
                "create the version table {table}"
            )))
    }

    /// Keeps other writers of the table, Alembic included, out until the transaction's end. Readers go on.
    pub async fn lock(&self, client: &impl GenericClient) -> Result<(), PostgresError> {
        let table = self.qualified();
        client
            .batch_execute(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            .await
            .map_err(PostgresError::query(format!(
                "lock the version table {table}"
            )))
    }

    /// Turns the rows from `before` into `after`. An error says that the rows were not `before`.
    pub async fn replace(
        &self,
        client: &impl GenericClient,
        before: &[String],
        after: &[String],
    ) -> Result<(), PostgresError> {
        let table = self.qualified();
        let what = || PostgresError::query(format!("write the version table {table}"));
        let gone: Vec<&String> = before.iter().filter(|id| !after.contains(id)).collect();
        let new: Vec<&String> = after.iter().filter(|id| !before.contains(id)).collect();
        let deleted = client
            .execute(
                &format!("DELETE FROM {table} WHERE version_num = ANY($1::text[])"),
                &[&gone],
            )
            .await
            .map_err(what())?;
        if deleted != gone.len() as u64 {
            return Err(PostgresError::Unexpected {
                what: format!("write the version table {table}"),
                detail: format!("expected its rows to be {before:?}; something else changed them"),
            });
        }
        client
            .execute(
                &format!("INSERT INTO {table} (version_num) SELECT unnest($1::text[])"),
                &[&new],
            )
            .await
            .map(|_| ())
            .map_err(what())
    }
}
