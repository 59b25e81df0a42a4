//! The tables of a database, as ANALYZE works through them.

use tokio_postgres::Client;

use super::error::PostgresError;

/// Every table, materialized view and partitioned table outside the system schemas, in the order in which ANALYZE takes
/// them: the largest first, those that are read through their partitions last.
pub async fn analyze_targets(client: &Client) -> Result<Vec<(String, String)>, PostgresError> {
    let rows = client
        .query(
            "SELECT namespace.nspname, class.relname
             FROM pg_catalog.pg_class AS class
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
             WHERE class.relkind IN ('r', 'm', 'p') AND class.relpersistence <> 't'
               AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'
             ORDER BY class.relkind = 'p', pg_catalog.pg_table_size(class.oid) DESC",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the tables"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
