//! How large relations are, with their indexes and large values.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::error::PostgresError;

/// The sizes in bytes of those relations that exist, by the names as given: one or two parts, written as in SQL. Of an index
/// it is the size of its table, of a partitioned table that of all its partitions.
pub async fn relation_bytes(
    client: &Client,
    names: &[String],
) -> Result<BTreeMap<String, u64>, PostgresError> {
    let rows = client
        .query(
            "SELECT name, coalesce((SELECT sum(pg_total_relation_size(part.relid)) FROM pg_partition_tree(relation) AS part),
                                   pg_total_relation_size(relation), 0)::bigint
             FROM (SELECT name, coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass(name)),
                                         to_regclass(name))::regclass AS relation
                   FROM unnest($1::text[]) AS name) AS named
             WHERE relation IS NOT NULL",
            &[&names],
        )
        .await
        .map_err(PostgresError::query("ask for the sizes of tables"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let bytes: i64 = row.get(1);
            (row.get(0), u64::try_from(bytes).unwrap_or_default())
        })
        .collect())
}
