//! How a database stands: what should be done comes first.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{DatabaseStats, IdAge, IndexStats, TableStats},
};

impl Render for DatabaseStats {
    fn render(&self, page: &mut Page) {
        page.line(&format!(
            "{}: {}, {}, {}",
            self.database,
            words::size(self.size_bytes),
            words::count(self.table_count, "table"),
            indexes(self.index_count),
        ));
        for warning in &self.warnings {
            page.gap();
            let severity = words::value(warning.severity().as_str_name(), "STATS_SEVERITY_");
            page.line(&format!(
                "{severity}: {} [{}]",
                warning.message, warning.reason
            ));
            page.paragraph(&warning.hint);
        }
        page.gap();
        let connections = self.connections.as_ref();
        page.fields(&[
            (
                "transaction ids",
                self.transaction_ids.as_ref().map(ids).unwrap_or_default(),
            ),
            (
                "multixact ids",
                self.multixact_ids.as_ref().map(ids).unwrap_or_default(),
            ),
            (
                "connections",
                connections.map_or_else(String::new, |connections| {
                    format!(
                        "{} of {}",
                        connections.server_count, connections.server_limit
                    )
                }),
            ),
            (
                "of this database",
                connections.map_or_else(String::new, |connections| {
                    let states: Vec<String> = connections
                        .states
                        .iter()
                        .map(|state| format!("{} {}", state.count, state.state))
                        .collect();
                    words::list(&states)
                }),
            ),
            (
                "cache hit ratio",
                self.cache_hit_ratio
                    .map_or_else(String::new, |ratio| format!("{:.1} %", ratio * 100.0)),
            ),
            (
                "counting since",
                words::time(self.stats_reset_time.as_ref()),
            ),
        ]);
        page.gap();
        page.table(
            [
                "table",
                "size",
                "waste",
                "rows",
                "dead rows",
                "vacuumed",
                "analyzed",
            ],
            self.tables.iter().map(table),
            "no tables",
        );
        page.gap();
        page.table(
            ["index", "size", "waste", "scans", "remark"],
            self.indexes.iter().map(index),
            "no indexes",
        );
        self.sessions(page);
        for limitation in &self.limitations {
            page.gap();
            page.line(&format!("not seen: {limitation}"));
        }
    }
}

impl DatabaseStats {
    /// Transactions, standbys and slots, where there are any.
    fn sessions(&self, page: &mut Page) {
        if !self.open_transactions.is_empty() {
            page.gap();
            let rows = self.open_transactions.iter().map(|open| {
                [
                    open.pid.to_string(),
                    open.role.clone(),
                    open.state.clone(),
                    words::time(open.start_time.as_ref()),
                    open.application.clone(),
                ]
            });
            page.table(
                ["process", "role", "state", "transaction since", "program"],
                rows,
                "",
            );
        }
        if !self.prepared_transactions.is_empty() {
            page.gap();
            let rows = self.prepared_transactions.iter().map(|prepared| {
                [
                    prepared.gid.clone(),
                    prepared.role.clone(),
                    words::time(prepared.prepare_time.as_ref()),
                ]
            });
            page.table(["prepared transaction", "role", "since"], rows, "");
        }
        if !self.replicas.is_empty() {
            page.gap();
            let rows = self.replicas.iter().map(|replica| {
                [
                    replica.application.clone(),
                    replica.state.clone(),
                    replica.lag_bytes.map(words::size).unwrap_or_default(),
                    words::duration(replica.lag.as_ref()),
                ]
            });
            page.table(["standby", "state", "behind", "lag"], rows, "");
        }
        if !self.slots.is_empty() {
            page.gap();
            let rows = self.slots.iter().map(|slot| {
                [
                    slot.name.clone(),
                    slot.r#type.clone(),
                    words::yes(slot.active),
                    slot.retained_bytes.map(words::size).unwrap_or_default(),
                    slot.wal_status.clone(),
                ]
            });
            page.table(["slot", "type", "active", "keeps", "log"], rows, "");
        }
    }
}

fn indexes(count: i32) -> String {
    match count {
        1 => "1 index".to_owned(),
        count => format!("{count} indexes"),
    }
}

fn ids(age: &IdAge) -> String {
    format!("{} old, {} left", age.age, age.left)
}

fn table(table: &TableStats) -> [String; 7] {
    [
        format!("{}.{}", table.schema, table.table),
        words::size(table.size_bytes),
        waste(table.bloat_bytes),
        table.rows.map(|rows| rows.to_string()).unwrap_or_default(),
        table.dead_rows.to_string(),
        words::time(table.vacuum_time.as_ref()),
        words::time(table.analyze_time.as_ref()),
    ]
}

fn index(index: &IndexStats) -> [String; 5] {
    let mut remarks = Vec::new();
    if !index.valid {
        remarks.push("invalid".to_owned());
    }
    if !index.duplicate_of.is_empty() {
        remarks.push(format!("as {}", index.duplicate_of));
    }
    if index.unused {
        remarks.push("unused".to_owned());
    }
    [
        format!("{}.{}", index.schema, index.index),
        words::size(index.size_bytes),
        waste(index.bloat_bytes),
        index.scans.to_string(),
        words::list(&remarks),
    ]
}

/// An estimate, and marked as one.
fn waste(bytes: Option<i64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!("~{}", words::size(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{StatsSeverity, StatsWarning},
    };

    #[test]
    fn what_should_be_done_comes_first_and_estimates_are_marked() {
        let stats = DatabaseStats {
            database: "app".to_owned(),
            table_count: 1,
            index_count: 2,
            warnings: vec![StatsWarning {
                severity: StatsSeverity::Warning.into(),
                reason: "INVALID_INDEX".to_owned(),
                object: "public.a".to_owned(),
                message: "index public.a is invalid".to_owned(),
                hint: "pgsteward maintenance reindex --invalid".to_owned(),
            }],
            tables: vec![TableStats {
                schema: "public".to_owned(),
                table: "orders".to_owned(),
                bloat_bytes: Some(1536),
                ..TableStats::default()
            }],
            ..DatabaseStats::default()
        };
        let text = rendered(&stats);
        let beginning = "app: 0 B, 1 table, 2 indexes\n\nwarning: index public.a is invalid [INVALID_INDEX]\n  pgsteward maintenance reindex --invalid\n";
        assert!(text.starts_with(beginning), "{text}");
        assert!(text.contains("~1.50 KiB"), "{text}");
        assert!(text.contains("no indexes"), "{text}");
    }
}
