//! Indexes: sizes, scans, validity, duplicates, and how much of them holds nothing.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::density;
use crate::{
    model::{maintenance::stats::IndexStats, table_name::TableName},
    postgres::{error::PostgresError, sizes::unlocked_bytes},
};

/// All indexes outside the system's schemas, by their OIDs. Of two that are the same, the one that is no constraint's or
/// unique index, or else the younger one, is the duplicate.
pub(super) async fn indexes(client: &Client) -> Result<BTreeMap<u32, IndexStats>, PostgresError> {
    let rows = client
        .query(
            "WITH all_indexes AS (
                 SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name, parent.relname::text AS parent,
                        entry.indisvalid AND entry.indisready AS valid, entry.indisunique AS is_unique,
                        EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = class.oid) AS of_constraint,
                        entry.indrelid, class.relam, entry.indkey::text AS keys, entry.indclass::text AS classes,
                        entry.indcollation::text AS collations, entry.indoption::text AS options, entry.indnkeyatts,
                        coalesce(pg_catalog.pg_get_expr(entry.indexprs, entry.indrelid), '') AS expressions,
                        coalesce(pg_catalog.pg_get_expr(entry.indpred, entry.indrelid), '') AS predicate
                 FROM pg_catalog.pg_index AS entry
                 JOIN pg_catalog.pg_class AS class ON class.oid = entry.indexrelid
                 JOIN pg_catalog.pg_class AS parent ON parent.oid = entry.indrelid
                 JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                 WHERE class.relkind = 'i' AND class.relpersistence <> 't'
                   AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema')
             SELECT oid, schema, name, parent, coalesce(pg_catalog.pg_stat_get_numscans(oid), 0), valid,
                    NOT is_unique AND NOT of_constraint,
                    first_value(oid) OVER same, first_value(schema || '.' || name) OVER same
             FROM all_indexes
             WINDOW same AS (PARTITION BY indrelid, relam, keys, classes, collations, options, indnkeyatts, expressions, predicate, valid
                             ORDER BY of_constraint DESC, is_unique DESC, oid)",
            &[],
        )
        .await
        .map_err(PostgresError::query("read how the indexes stand"))?;
    let oids: Vec<u32> = rows.iter().map(|row| row.get(0)).collect();
    let sizes = unlocked_bytes(client, &oids).await?;
    let index = |row: &tokio_postgres::Row| {
        let (oid, first): (u32, u32) = (row.get(0), row.get(7));
        let valid = row.get(5);
        let index = IndexStats {
            name: TableName {
                schema: row.get(1),
                table: row.get(2),
            },
            table: row.get(3),
            size_bytes: sizes.get(&oid).map_or(0, |(size, _)| *size),
            scans: row.get(4),
            valid,
            dispensable: row.get(6),
            duplicate_of: (first != oid && valid).then(|| row.get(8)),
            bloat_bytes: None,
        };
        (oid, index)
    };
    Ok(rows.iter().map(index).collect())
}

/// Which part of each B-tree index holds nothing, by its OID. The statistics of an expression stand under the index's own
/// name.
pub async fn waste(client: &Client) -> Result<BTreeMap<u32, f64>, PostgresError> {
    let rows = client
        .query(
            "SELECT class.oid, class.reltuples::float8, class.relpages::float8, sum((1 - known.null_frac) * known.avg_width)::float8,
                    count(*)::int, bool_or(known.null_frac > 0),
                    coalesce((SELECT option_value::float8 FROM pg_catalog.pg_options_to_table(class.reloptions)
                              WHERE option_name = 'fillfactor'), 90),
                    current_setting('block_size')::float8
             FROM pg_catalog.pg_index AS entry
             JOIN pg_catalog.pg_class AS class ON class.oid = entry.indexrelid
             JOIN pg_catalog.pg_class AS parent ON parent.oid = entry.indrelid
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
             JOIN pg_catalog.pg_am AS method ON method.oid = class.relam AND method.amname = 'btree'
             CROSS JOIN unnest(entry.indkey::smallint[]) WITH ORDINALITY AS key (number, place)
             LEFT JOIN pg_catalog.pg_attribute AS attribute ON attribute.attnum = CASE key.number WHEN 0 THEN key.place ELSE key.number END
                  AND attribute.attrelid = CASE key.number WHEN 0 THEN class.oid ELSE parent.oid END
             LEFT JOIN pg_catalog.pg_stats AS known ON known.schemaname = namespace.nspname AND known.attname = attribute.attname
                  AND known.tablename = CASE key.number WHEN 0 THEN class.relname ELSE parent.relname END AND NOT known.inherited
             WHERE class.relkind = 'i' AND class.relpersistence <> 't' AND class.relpages > 1
               AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'
             GROUP BY class.oid, class.reltuples, class.relpages, class.reloptions
             HAVING count(*) = count(known.attname)",
            &[],
        )
        .await
        .map_err(PostgresError::query("estimate the waste of indexes"))?;
    let waste = |row: &tokio_postgres::Row| Some((row.get(0), density(row).index_waste()?));
    Ok(rows.iter().filter_map(waste).collect())
}
