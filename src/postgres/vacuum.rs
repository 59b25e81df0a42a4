//! VACUUM and ANALYZE: which tables there are, how they stand, and the statements.

use tokio_postgres::{Client, Row};

use super::{
    error::PostgresError,
    quote::qualified,
    server::{page_bytes, version_num},
    sizes::unlocked_bytes,
};
use crate::model::{
    maintenance::optimize::{IndexCleanup, OptimizeAction, OptimizeOptions, TableKind, TableState},
    table_name::TableName,
};

/// Whether the client's role may maintain a relation of the alias `class`: its owner or the database's may, and from
/// PostgreSQL 17 on whoever has MAINTAIN.
pub(super) fn may_maintain(version: u32) -> String {
    let maintain = if version >= 170_000 {
        "OR pg_catalog.has_table_privilege(class.oid, 'MAINTAIN')"
    } else {
        ""
    };
    format!(
        "coalesce(pg_catalog.pg_has_role(class.relowner, 'USAGE')
                  OR (SELECT pg_catalog.pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database
                      WHERE datname = pg_catalog.current_database()) {maintain}, false)"
    )
}

/// Every table, materialized view, partitioned and foreign table outside the system's schemas, by its name.
pub async fn tables(client: &Client) -> Result<Vec<TableState>, PostgresError> {
    let permitted = may_maintain(version_num(client).await?);
    let rows = client
        .query(
            &format!(
                "SELECT class.oid, namespace.nspname::text, class.relname::text, class.relkind::text,
                        ARRAY(SELECT ancestor.relid::oid FROM pg_catalog.pg_partition_ancestors(class.oid) AS ancestor (relid)
                              WHERE ancestor.relid <> class.oid),
                        class.relpersistence = 't', {permitted}, greatest(class.reltuples, 0)::float8,
                        pg_catalog.pg_stat_get_dead_tuples(class.oid), pg_catalog.pg_stat_get_ins_since_vacuum(class.oid),
                        pg_catalog.pg_stat_get_mod_since_analyze(class.oid),
                        greatest(pg_catalog.pg_stat_get_last_analyze_time(class.oid),
                                 pg_catalog.pg_stat_get_last_autoanalyze_time(class.oid)),
                        class.relkind IN ('r', 'm')
                        AND (greatest(age(class.relfrozenxid), age(toast.relfrozenxid)) > limits.xid
                             OR greatest(mxid_age(class.relminmxid), mxid_age(toast.relminmxid)) > limits.multixact)
                 FROM pg_catalog.pg_class AS class
                 JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                 LEFT JOIN pg_catalog.pg_class AS toast ON toast.oid = class.reltoastrelid
                 CROSS JOIN (SELECT least(current_setting('vacuum_freeze_table_age')::bigint,
                                          0.95 * current_setting('autovacuum_freeze_max_age')::bigint) AS xid,
                                    least(current_setting('vacuum_multixact_freeze_table_age')::bigint,
                                          0.95 * current_setting('autovacuum_multixact_freeze_max_age')::bigint) AS multixact
                            ) AS limits
                 WHERE class.relkind IN ('r', 'm', 'p', 'f')
                   AND (class.relpersistence = 't' OR namespace.nspname NOT LIKE 'pg\\_%')
                   AND namespace.nspname <> 'information_schema'
                 ORDER BY 2, 3"
            ),
            &[],
        )
        .await
        .map_err(PostgresError::query("list the tables"))?;
    let mut tables: Vec<TableState> = rows.iter().map(table).collect();
    let stored: Vec<u32> = tables
        .iter()
        .filter(|table| table.kind == TableKind::Plain && !table.temporary)
        .map(|table| table.oid)
        .collect();
    let sizes = unlocked_bytes(client, &stored).await?;
    let page = page_bytes(client).await?;
    for table in &mut tables {
        if let Some((size_bytes, main_bytes)) = sizes.get(&table.oid) {
            (table.size_bytes, table.pages) = (*size_bytes, *main_bytes / page);
        }
    }
    Ok(tables)
}

fn table(row: &Row) -> TableState {
    TableState {
        oid: row.get(0),
        name: TableName {
            schema: row.get(1),
            table: row.get(2),
        },
        kind: match row.get(3) {
            "p" => TableKind::Partitioned,
            "f" => TableKind::Foreign,
            _ => TableKind::Plain,
        },
        ancestors: row.get(4),
        temporary: row.get(5),
        permitted: row.get(6),
        size_bytes: 0,
        pages: 0,
        rows: row.get(7),
        dead_rows: row.get(8),
        inserted_rows: row.get(9),
        changed_rows: row.get(10),
        analyzed: row.get(11),
        freeze_due: row.get(12),
    }
}

/// The statement that does this to a table.
pub fn statement(action: OptimizeAction, options: &OptimizeOptions, table: &TableName) -> String {
    let mut words = Vec::new();
    let word = |truth: bool, word: &str| truth.then(|| word.to_owned());
    if action.vacuums() {
        words.extend(word(action == OptimizeAction::VacuumAnalyze, "ANALYZE"));
        words.extend(word(options.freeze, "FREEZE"));
        words.extend(match options.index_cleanup {
            // The word AUTO is known from PostgreSQL 14 on only.
            IndexCleanup::Auto => None,
            IndexCleanup::On => Some("INDEX_CLEANUP ON".to_owned()),
            IndexCleanup::Off => Some("INDEX_CLEANUP OFF".to_owned()),
        });
        words.extend(word(options.no_truncate, "TRUNCATE OFF"));
        words.extend(
            options
                .parallel_workers
                .map(|workers| format!("PARALLEL {workers}")),
        );
    }
    words.extend(word(options.skip_locked, "SKIP_LOCKED"));
    let verb = if action.vacuums() {
        "VACUUM"
    } else {
        "ANALYZE"
    };
    let words = if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    };
    let name = qualified(&table.schema, &table.table);
    format!("{verb}{words} {name}")
}

/// What VACUUM has left of a table of that OID: its dead rows as it told the statistics, and its pages as it wrote them into
/// the catalog. No lock is taken.
pub const LEFT: &str =
    "SELECT pg_catalog.pg_stat_get_dead_tuples(oid), relpages::bigint FROM pg_catalog.pg_class
                        WHERE oid = $1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_stand_in_the_statement() {
        let table = TableName {
            schema: "public".to_owned(),
            table: "odd \"name".to_owned(),
        };
        let mut options = OptimizeOptions::default();
        let written = |action, options: &OptimizeOptions| statement(action, options, &table);
        assert_eq!(
            written(OptimizeAction::VacuumAnalyze, &options),
            r#"VACUUM (ANALYZE) "public"."odd ""name""#
        );
        assert_eq!(
            written(OptimizeAction::Analyze, &options),
            r#"ANALYZE "public"."odd ""name""#
        );
        options = OptimizeOptions {
            freeze: true,
            skip_locked: true,
            index_cleanup: IndexCleanup::Off,
            no_truncate: true,
            parallel_workers: Some(2),
            ..options
        };
        assert_eq!(
            written(OptimizeAction::Vacuum, &options),
            r#"VACUUM (FREEZE, INDEX_CLEANUP OFF, TRUNCATE OFF, PARALLEL 2, SKIP_LOCKED) "public"."odd ""name""#
        );
        assert_eq!(
            written(OptimizeAction::Analyze, &options),
            r#"ANALYZE (SKIP_LOCKED) "public"."odd ""name""#
        );
    }
}
