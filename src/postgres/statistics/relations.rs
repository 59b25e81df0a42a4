//! Tables and materialized views: sizes, rows, when they were last vacuumed, and how much of them holds nothing.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::density;
use crate::{
    model::{maintenance::stats::TableStats, table_name::TableName},
    postgres::{error::PostgresError, sizes::unlocked_bytes},
};

/// All tables outside the system's schemas, by their OIDs.
pub(super) async fn tables(client: &Client) -> Result<BTreeMap<u32, TableStats>, PostgresError> {
    let rows = client
        .query(
            "SELECT class.oid, namespace.nspname::text, class.relname::text,
                    CASE WHEN class.reltuples >= 0 THEN class.reltuples::bigint END,
                    pg_catalog.pg_stat_get_dead_tuples(class.oid),
                    greatest(pg_catalog.pg_stat_get_last_vacuum_time(class.oid), pg_catalog.pg_stat_get_last_autovacuum_time(class.oid)),
                    greatest(pg_catalog.pg_stat_get_last_analyze_time(class.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(class.oid)),
                    greatest(age(class.relfrozenxid), age(toast.relfrozenxid))::bigint,
                    coalesce((SELECT NOT option_value::boolean FROM pg_catalog.pg_options_to_table(class.reloptions)
                              WHERE option_name = 'autovacuum_enabled'), false)
             FROM pg_catalog.pg_class AS class
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
             LEFT JOIN pg_catalog.pg_class AS toast ON toast.oid = class.reltoastrelid
             WHERE class.relkind IN ('r', 'm') AND class.relpersistence <> 't'
               AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'",
            &[],
        )
        .await
        .map_err(PostgresError::query("read how the tables stand"))?;
    let oids: Vec<u32> = rows.iter().map(|row| row.get(0)).collect();
    let sizes = unlocked_bytes(client, &oids).await?;
    let table = |row: &tokio_postgres::Row| {
        let oid: u32 = row.get(0);
        let (size_bytes, main_bytes) = sizes.get(&oid).copied().unwrap_or_default();
        let table = TableStats {
            name: TableName {
                schema: row.get(1),
                table: row.get(2),
            },
            size_bytes,
            main_bytes,
            rows: row.get(3),
            dead_rows: row.get(4),
            vacuumed: row.get(5),
            analyzed: row.get(6),
            bloat_bytes: None,
            transaction_age: row.get(7),
            autovacuum_off: row.get(8),
        };
        (oid, table)
    };
    Ok(rows.iter().map(table).collect())
}

/// Which part of each table's main file holds nothing, by its OID. A table is left out where the statistics of a column
/// may not be seen, or are not there.
pub(super) async fn waste(client: &Client) -> Result<BTreeMap<u32, f64>, PostgresError> {
    let rows = client
        .query(
            "SELECT class.oid, class.reltuples::float8, class.relpages::float8, sum((1 - known.null_frac) * known.avg_width)::float8,
                    count(*)::int, bool_or(known.null_frac > 0),
                    coalesce((SELECT option_value::float8 FROM pg_catalog.pg_options_to_table(class.reloptions)
                              WHERE option_name = 'fillfactor'), 100),
                    current_setting('block_size')::float8
             FROM pg_catalog.pg_class AS class
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
             JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum > 0
                  AND NOT attribute.attisdropped
             LEFT JOIN pg_catalog.pg_stats AS known ON known.schemaname = namespace.nspname AND known.tablename = class.relname
                  AND known.attname = attribute.attname AND NOT known.inherited
             WHERE class.relkind IN ('r', 'm') AND class.relpersistence <> 't' AND class.relpages > 0
               AND namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'
             GROUP BY class.oid, class.reltuples, class.relpages, class.reloptions
             HAVING count(*) = count(known.attname)",
            &[],
        )
        .await
        .map_err(PostgresError::query("estimate the waste of tables"))?;
    let waste = |row: &tokio_postgres::Row| Some((row.get(0), density(row).table_waste()?));
    Ok(rows.iter().filter_map(waste).collect())
}
