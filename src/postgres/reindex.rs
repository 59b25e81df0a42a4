//! REINDEX CONCURRENTLY: which indexes there are, and what it leaves when it is cut off.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Row};

use super::{
    error::PostgresError, quote::qualified, server::version_num, session::Session,
    sizes::unlocked_bytes, statistics,
};
use crate::model::{
    maintenance::reindex::{IndexState, ReindexOptions},
    table_name::TableName,
};

/// A relation that a request names.
#[derive(Clone, Debug)]
pub struct Named {
    /// As it was named.
    pub name: TableName,
    /// Its OID; none where there is no such index or table.
    pub oid: Option<u32>,
}

/// Looks names up among the relations of these kinds (`pg_class.relkind`).
pub async fn look_up(
    client: &Client,
    names: &[TableName],
    kinds: &[&str],
) -> Result<Vec<Named>, PostgresError> {
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let relations: Vec<&str> = names.iter().map(|name| name.table.as_str()).collect();
    let rows = client
        .query(
            "SELECT given.schema, given.name,
                    (SELECT class.oid FROM pg_catalog.pg_class AS class
                     JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                     WHERE namespace.nspname = given.schema AND class.relname = given.name AND class.relkind::text = ANY($3))
             FROM unnest($1::text[], $2::text[]) AS given (schema, name)",
            &[&schemas, &relations, &kinds],
        )
        .await
        .map_err(PostgresError::query("look for what is named"))?;
    let found = |row: &Row| Named {
        name: TableName {
            schema: row.get(0),
            table: row.get(1),
        },
        oid: row.get(2),
    };
    Ok(rows.iter().map(found).collect())
}

/// Those of the schemas that do not exist.
pub async fn unknown_schemas(
    client: &Client,
    schemas: &[String],
) -> Result<Vec<String>, PostgresError> {
    let rows = client
        .query(
            "SELECT given FROM unnest($1::text[]) AS given
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = given)",
            &[&schemas],
        )
        .await
        .map_err(PostgresError::query("look for what is named"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Every index with storage of its own outside the system's schemas, but for leftovers of REINDEX CONCURRENTLY.
pub async fn indexes(
    client: &Client,
    options: &ReindexOptions,
) -> Result<Vec<IndexState>, PostgresError> {
    let oids = |named: Vec<Named>| -> Vec<u32> {
        named.into_iter().filter_map(|named| named.oid).collect()
    };
    let indexes = oids(look_up(client, &options.indexes, INDEX_KINDS).await?);
    let tables = oids(look_up(client, &options.tables, TABLE_KINDS).await?);
    let maintain = if version_num(client).await? >= 170_000 {
        "OR pg_catalog.has_table_privilege(parent.oid, 'MAINTAIN')"
    } else {
        ""
    };
    let rows = client
        .query(
            &format!(
                "SELECT class.oid, namespace.nspname::text, class.relname::text, parent.relname::text, parent.oid,
                        (cardinality($1::oid[]) + cardinality($2::oid[]) + cardinality($3::text[]) = 0
                         OR class.oid = ANY($1) OR parent.oid = ANY($2) OR namespace.nspname = ANY($3)
                         OR EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(class.oid) AS whole (relid) WHERE whole.relid = ANY($1))
                         OR EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(parent.oid) AS whole (relid) WHERE whole.relid = ANY($2))),
                        entry.indisvalid, entry.indisexclusion, class.relpersistence = 't',
                        pg_catalog.pg_has_role(parent.relowner, 'USAGE') {maintain}
                 FROM pg_catalog.pg_index AS entry
                 JOIN pg_catalog.pg_class AS class ON class.oid = entry.indexrelid
                 JOIN pg_catalog.pg_class AS parent ON parent.oid = entry.indrelid
                 JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                 WHERE class.relkind = 'i' AND (class.relpersistence = 't' OR namespace.nspname NOT LIKE 'pg\\_%')
                   AND namespace.nspname <> 'information_schema' AND NOT {LEFT_BEHIND}
                 ORDER BY 2, 3"
            ),
            &[&indexes, &tables, &options.schemas],
        )
        .await
        .map_err(PostgresError::query("list the indexes"))?;
    let own: Vec<u32> = rows
        .iter()
        .filter(|row| !row.get::<_, bool>(8))
        .map(|row| row.get(0))
        .collect();
    let sizes = unlocked_bytes(client, &own).await?;
    let wastes = if options.bloated {
        statistics::index_waste(client).await?
    } else {
        BTreeMap::default()
    };
    let index = |row: &Row| {
        let oid: u32 = row.get(0);
        IndexState {
            name: TableName {
                schema: row.get(1),
                table: row.get(2),
            },
            table: row.get(3),
            table_oid: row.get(4),
            chosen: row.get(5),
            valid: row.get(6),
            exclusion: row.get(7),
            temporary: row.get(8),
            permitted: row.get(9),
            size_bytes: sizes.get(&oid).map_or(0, |(size, _)| *size),
            waste: wastes.get(&oid).copied(),
        }
    };
    Ok(rows.iter().map(index).collect())
}

/// The kinds of indexes that a request may name.
pub const INDEX_KINDS: &[&str] = &["i", "I"];
/// The kinds of tables that a request may name.
pub const TABLE_KINDS: &[&str] = &["r", "m", "p"];

/// What is certainly a leftover of REINDEX CONCURRENTLY: an invalid index of its naming beside the index that it was to
/// replace, or that has replaced it, with the same definition. A name that would be too long is cut short before the ending.
const LEFT_BEHIND: &str = "(NOT entry.indisvalid AND class.relname ~ '_cc(new|old)[0-9]*$'
    AND EXISTS (SELECT FROM pg_catalog.pg_index AS twin JOIN pg_catalog.pg_class AS original ON original.oid = twin.indexrelid
                WHERE twin.indrelid = entry.indrelid AND twin.indexrelid <> entry.indexrelid
                  AND original.relam = class.relam AND twin.indkey = entry.indkey AND twin.indclass = entry.indclass
                  AND twin.indcollation = entry.indcollation AND twin.indoption = entry.indoption
                  AND pg_catalog.pg_get_expr(twin.indexprs, twin.indrelid) IS NOT DISTINCT FROM pg_catalog.pg_get_expr(entry.indexprs, entry.indrelid)
                  AND pg_catalog.pg_get_expr(twin.indpred, twin.indrelid) IS NOT DISTINCT FROM pg_catalog.pg_get_expr(entry.indpred, entry.indrelid)
                  AND starts_with(original.relname::text, regexp_replace(class.relname, '_cc(new|old)[0-9]*$', ''))
                  AND (original.relname = regexp_replace(class.relname, '_cc(new|old)[0-9]*$', '') OR octet_length(class.relname::text) >= 60)))";

/// An index that REINDEX CONCURRENTLY has left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its name with its schema, quoted.
    pub name: String,
    /// Whether some session is still building it: then it is no leftover yet.
    pub in_build: bool,
}

/// The leftovers that this role may drop. Whether one is in build is told by its builder's lock on the table: the progress
/// view shows other roles that somebody builds, and not what.
pub async fn leftovers(client: &Client) -> Result<Vec<Leftover>, PostgresError> {
    let rows = client
        .query(
            &format!(
                "SELECT namespace.nspname::text, class.relname::text,
                        EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS build
                                JOIN pg_catalog.pg_locks AS lock USING (pid)
                                WHERE lock.locktype = 'relation' AND lock.relation = entry.indrelid
                                  AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
                 FROM pg_catalog.pg_index AS entry
                 JOIN pg_catalog.pg_class AS class ON class.oid = entry.indexrelid
                 JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                 WHERE namespace.nspname <> 'pg_toast' AND {LEFT_BEHIND}
                   AND pg_catalog.pg_has_role(class.relowner, 'USAGE')
                 ORDER BY 1, 2"
            ),
            &[],
        )
        .await
        .map_err(PostgresError::query("look for half-built indexes"))?;
    let leftover = |row: &Row| Leftover {
        name: qualified(row.get(0), row.get(1)),
        in_build: row.get(2),
    };
    Ok(rows.iter().map(leftover).collect())
}

/// Drops a leftover without blocking anyone.
pub async fn drop_leftover(session: &Session, leftover: &Leftover) -> Result<(), PostgresError> {
    let name = &leftover.name;
    session
        .batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        .await
        .map_err(PostgresError::query(format!(
            "drop the half-built index {name}"
        )))
}

/// Rebuilds an index. Gives its size then, which is another file's.
pub async fn rebuild(session: &Session, index: &TableName) -> Result<i64, PostgresError> {
    let name = qualified(&index.schema, &index.table);
    let what = || PostgresError::query(format!("rebuild index {index}"));
    session
        .batch_execute(&format!("REINDEX INDEX CONCURRENTLY {name}"))
        .await
        .map_err(what())?;
    session
        .query_one(
            "SELECT coalesce(pg_catalog.pg_total_relation_size(pg_catalog.to_regclass($1)), 0)",
            &[&name],
        )
        .await
        .map(|row| row.get(0))
        .map_err(what())
}
