//! What concurrent builds, drops and detaches have left: read from the catalog, and put in order.

use super::{error::PostgresError, quote::qualified, session::Session};

/// An index in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundIndex {
    /// Its name with its schema, quoted.
    pub name: String,
    /// False when its build or its drop did not come to its end.
    pub valid: bool,
    /// True while some session builds it.
    pub in_build: bool,
}

/// The index of this name on a table. Whether it is in build is told by its builder's lock on the table: the progress view
/// shows other roles that somebody builds, and not what.
/// `table` is as written in a script; `index` is as the catalog has it.
pub async fn find(
    session: &Session,
    table: &str,
    index: &str,
) -> Result<Option<FoundIndex>, PostgresError> {
    let row = session
        .query_opt(
            "SELECT namespace.nspname::text, class.relname::text, entry.indisvalid,
                    EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS build
                            JOIN pg_catalog.pg_locks AS lock USING (pid)
                            WHERE build.datname = current_database() AND lock.locktype = 'relation'
                              AND lock.relation = entry.indrelid)
             FROM pg_catalog.pg_index AS entry
             JOIN pg_catalog.pg_class AS class ON class.oid = entry.indexrelid
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
             WHERE entry.indrelid = pg_catalog.to_regclass($1) AND class.relname = $2::text::name",
            &[&table, &index],
        )
        .await
        .map_err(PostgresError::query(format!("look for index {index}")))?;
    Ok(row.map(|row| FoundIndex {
        name: qualified(row.get(0), row.get(1)),
        valid: row.get(2),
        in_build: row.get(3),
    }))
}

/// Whether a relation of this name, as written in a script, exists.
pub async fn exists(session: &Session, name: &str) -> Result<bool, PostgresError> {
    session
        .query_one("SELECT pg_catalog.to_regclass($1) IS NOT NULL", &[&name])
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query(format!("look for {name}")))
}

/// Drops an invalid index without blocking anyone.
pub async fn drop_invalid(session: &Session, index: &FoundIndex) -> Result<(), PostgresError> {
    let name = &index.name;
    tracing::warn!(
        index = name,
        "dropping an invalid index: its build did not come to its end"
    );
    session
        .batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        .await
        .map_err(PostgresError::query(format!(
            "drop the invalid index {name}"
        )))
}

/// The invalid indexes that REINDEX CONCURRENTLY leaves when it is cut off, of this role's tables.
pub async fn reindex_leftovers(session: &Session) -> Result<Vec<FoundIndex>, PostgresError> {
    let rows = session
        .query(
            "SELECT namespace.nspname::text, class.relname::text
             FROM pg_catalog.pg_index AS entry
             JOIN pg_catalog.pg_class AS class ON class.oid = entry.indexrelid
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
             WHERE NOT entry.indisvalid
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS build
                               JOIN pg_catalog.pg_locks AS lock USING (pid)
                               WHERE build.datname = current_database() AND lock.locktype = 'relation'
                                 AND lock.relation = entry.indrelid)
               AND class.relname ~ '_cc(new|old)[0-9]*$'
               AND namespace.nspname <> 'pg_toast'
               AND pg_catalog.pg_has_role(class.relowner, 'USAGE')",
            &[],
        )
        .await
        .map_err(PostgresError::query("look for half-built indexes"))?;
    Ok(rows
        .iter()
        .map(|row| FoundIndex {
            name: qualified(row.get(0), row.get(1)),
            valid: false,
            in_build: false,
        })
        .collect())
}

/// How far a concurrent detach has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detach {
    /// Not begun.
    Attached,
    /// Begun and not ended: `DETACH PARTITION … FINALIZE` ends it.
    Pending,
    /// Done.
    Detached,
}

/// How far the detaching of a partition has come. Both names are as written in a script.
pub async fn detach_state(
    session: &Session,
    table: &str,
    partition: &str,
) -> Result<Detach, PostgresError> {
    let row = session
        .query_opt(
            "SELECT inhdetachpending FROM pg_catalog.pg_inherits
             WHERE inhparent = pg_catalog.to_regclass($1) AND inhrelid = pg_catalog.to_regclass($2)",
            &[&table, &partition],
        )
        .await
        .map_err(PostgresError::query(format!("look for partition {partition}")))?;
    Ok(match row.map(|row| row.get::<_, bool>(0)) {
        None => Detach::Detached,
        Some(true) => Detach::Pending,
        Some(false) => Detach::Attached,
    })
}

/// Ends a detach that is pending.
pub async fn finalize_detach(
    session: &Session,
    table: &str,
    partition: &str,
) -> Result<(), PostgresError> {
    session
        .batch_execute(&format!(
            "ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE"
        ))
        .await
        .map_err(PostgresError::query(format!(
            "finish detaching {partition}"
        )))
}
