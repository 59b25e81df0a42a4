//! The tables of a database, as ANALYZE and optimize work through them.

use tokio_postgres::{Client, error::SqlState};

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

/// A table that optimize may work on.
#[derive(Debug)]
pub struct VacuumTarget {
    /// The table's schema.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// Its size in bytes, indexes and TOAST included; 0 when it could not be asked, since someone has the table locked.
    pub size_bytes: i64,
    /// Whether the role may vacuum it: before PostgreSQL 17 its owner or the database's may, from then on MAINTAIN counts.
    pub permitted: bool,
}

/// Every table and materialized view outside the system schemas, the largest first.
pub async fn vacuum_targets(client: &Client) -> Result<Vec<VacuumTarget>, PostgresError> {
    let version = super::server::version_num(client).await?;
    let maintain = if version >= 170_000 {
        "OR pg_catalog.has_table_privilege(class.oid, 'MAINTAIN')"
    } else {
        ""
    };
    let rows = client
        .query(
            &format!(
                "SELECT namespace.nspname, class.relname, class.oid,
                        coalesce(pg_catalog.pg_has_role(class.relowner, 'USAGE')
                        OR (SELECT pg_catalog.pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database
                            WHERE datname = pg_catalog.current_database()) {maintain}, false)
                 FROM pg_catalog.pg_class AS class
                 JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                 WHERE class.relkind IN ('r', 'm') AND class.relpersistence <> 't'
                   AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'
                 ORDER BY 1, 2"
            ),
            &[],
        )
        .await
        .map_err(PostgresError::query("list the tables"))?;
    let mut targets = Vec::with_capacity(rows.len());
    for row in rows {
        targets.push(VacuumTarget {
            schema: row.get(0),
            table: row.get(1),
            size_bytes: size(client, row.get(2)).await?,
            permitted: row.get(3),
        });
    }
    targets.sort_by_key(|target| std::cmp::Reverse(target.size_bytes));
    Ok(targets)
}

/// The size of one table. Asking takes a lock on it, which must not be waited for: one table that is being rewritten would
/// keep all others from being vacuumed.
async fn size(client: &Client, table: u32) -> Result<i64, PostgresError> {
    let what = || PostgresError::query("ask for the size of a table");
    client
        .batch_execute("BEGIN; SET LOCAL lock_timeout = '50ms'")
        .await
        .map_err(what())?;
    let asked = client
        .query_one(
            "SELECT pg_catalog.pg_total_relation_size($1::oid)",
            &[&table],
        )
        .await
        .map_err(what());
    client.batch_execute("ROLLBACK").await.map_err(what())?;
    match asked {
        // NULL: it was dropped meanwhile.
        Ok(row) => Ok(row.get::<_, Option<i64>>(0).unwrap_or_default()),
        Err(error) if error.is(&SqlState::LOCK_NOT_AVAILABLE) => Ok(0),
        Err(error) => Err(error),
    }
}
