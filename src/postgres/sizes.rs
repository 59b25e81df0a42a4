//! How large relations are, with their indexes and large values.

use std::collections::BTreeMap;

use tokio_postgres::{Client, error::SqlState};

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

/// The sizes in bytes of relations: with all that belongs to them, and of their main file alone. Asking takes a lock on each,
/// which must not be waited for: one that is being rewritten would keep all others waiting. Then each is asked by itself, and
/// those that are locked are left out.
pub async fn unlocked_bytes(
    client: &Client,
    relations: &[u32],
) -> Result<BTreeMap<u32, (i64, i64)>, PostgresError> {
    if let Some(sizes) = bytes_at_once(client, relations).await? {
        return Ok(sizes);
    }
    let mut known = BTreeMap::new();
    for relation in relations {
        known.extend(
            bytes_at_once(client, &[*relation])
                .await?
                .unwrap_or_default(),
        );
    }
    Ok(known)
}

/// None where one of them is locked. Those that are gone are left out.
async fn bytes_at_once(
    client: &Client,
    relations: &[u32],
) -> Result<Option<BTreeMap<u32, (i64, i64)>>, PostgresError> {
    let what = || PostgresError::query("ask for the sizes of relations");
    client
        .batch_execute("BEGIN; SET LOCAL lock_timeout = '50ms'")
        .await
        .map_err(what())?;
    let asked = client
        .query(
            "SELECT oid, pg_catalog.pg_total_relation_size(oid),
                    pg_catalog.pg_relation_size(oid)
             FROM unnest($1::oid[]) AS oid",
            &[&relations],
        )
        .await
        .map_err(what());
    client.batch_execute("ROLLBACK").await.map_err(what())?;
    match asked {
        Ok(rows) => Ok(Some(
            rows.iter()
                .filter_map(|row| {
                    let (all, main): (Option<i64>, Option<i64>) = (row.get(1), row.get(2));
                    Some((row.get(0), (all?, main?)))
                })
                .collect(),
        )),
        Err(error) if error.is(&SqlState::LOCK_NOT_AVAILABLE) => Ok(None),
        Err(error) => Err(error),
    }
}
