//! The tables of a database, as backups count them and as optimize works through them.

use tokio_postgres::{Client, error::SqlState};

use super::{error::PostgresError, quote::qualified};
use crate::model::backup::TableContents;

/// Tables whose rows pg_dump writes: plain and unlogged tables, partitions included, that are not temporary, not foreign,
/// and do not belong to an extension.
const DUMPED_TABLES: &str = "
    SELECT namespace.nspname, class.relname
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind = 'r' AND class.relpersistence <> 't'
      AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS dependency
                      WHERE dependency.classid = 'pg_catalog.pg_class'::regclass
                        AND dependency.objid = class.oid AND dependency.deptype = 'e')
    ORDER BY 1, 2";

/// Locks every dumped table as pg_dump does, for as long as the transaction lasts. TRUNCATE and rewrites do not look at
/// snapshots: one between pg_dump's reading of a table and the counting of its rows would make them differ.
pub async fn lock_for_dump(client: &Client) -> Result<(), PostgresError> {
    let tables = client
        .query(DUMPED_TABLES, &[])
        .await
        .map_err(PostgresError::query("list the tables"))?;
    for row in tables {
        let name = qualified(row.get(0), row.get(1));
        client
            .batch_execute(&format!("LOCK TABLE ONLY {name} IN ACCESS SHARE MODE"))
            .await
            .map_err(PostgresError::query(format!("lock {name} for the backup")))?;
    }
    Ok(())
}

/// Counts the rows of every dumped table, each without its children's, as the connection's transaction sees them.
/// Row security is off: a role that may not see all rows gets an error rather than a wrong number, as with pg_dump.
pub async fn row_counts(client: &Client) -> Result<Vec<TableContents>, PostgresError> {
    client
        .batch_execute("SET row_security = off; SET statement_timeout = 0")
        .await
        .map_err(PostgresError::query("prepare to count rows"))?;
    let tables = client
        .query(DUMPED_TABLES, &[])
        .await
        .map_err(PostgresError::query("list the tables"))?;
    let mut counts = Vec::with_capacity(tables.len());
    for row in tables {
        let (schema, table): (String, String) = (row.get(0), row.get(1));
        let name = qualified(&schema, &table);
        let count: i64 = client
            .query_one(&format!("SELECT count(*) FROM ONLY {name}"), &[])
            .await
            .map_err(PostgresError::query(format!("count the rows of {name}")))?
            .get(0);
        counts.push(TableContents {
            schema,
            table,
            rows: u64::try_from(count).unwrap_or_default(),
            ..TableContents::default()
        });
    }
    Ok(counts)
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
