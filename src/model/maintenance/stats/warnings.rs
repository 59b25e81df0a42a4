//! What should be done about a database, from what was read of it. The thresholds are documented with
//! `StatsWarning.reason` in `database_stats.proto`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{IdAge, IndexStats, Observed, Slot, TableStats};
use crate::model::table_name::TableName;

/// How urgent a warning is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The database stops or fills its disk.
    Critical,
    /// To be done in the next days.
    Warning,
    /// Worth a look.
    Info,
}

/// Something that should be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsWarning {
    /// How urgent it is.
    pub severity: Severity,
    /// Stable upper-case name.
    pub reason: &'static str,
    /// What it is about.
    pub object: String,
    /// What is the matter.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// More than this nobody reads.
const MOST: usize = 1000;
const MEBIBYTE: i64 = 1024 * 1024;
const GIBIBYTE: i64 = 1024 * MEBIBYTE;
const UNUSED_FOR: TimeDelta = TimeDelta::days(7);

/// All warnings, the most urgent first.
pub fn warnings(observed: &Observed, long_transaction: Duration) -> Vec<StatsWarning> {
    let mut found = Vec::new();
    found.extend(ids(
        "TRANSACTION_IDS_RUN_OUT",
        "transaction ids",
        observed.transaction_ids,
    ));
    found.extend(ids(
        "MULTIXACT_IDS_RUN_OUT",
        "multixact ids",
        observed.multixact_ids,
    ));
    found.extend(connections(observed));
    found.extend(observed.slots.iter().filter_map(slot));
    found.extend(replicas(observed));
    found.extend(transactions(observed, long_transaction));
    if !observed.autovacuum {
        found.push(StatsWarning {
            severity: Severity::Critical,
            reason: "AUTOVACUUM_OFF",
            object: "server".to_owned(),
            message: "autovacuum, or track_counts that it goes by, is off: dead rows stay until someone vacuums".to_owned(),
            hint: "ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()".to_owned(),
        });
    }
    found.extend(observed.tables.iter().flat_map(table));
    for index in &observed.indexes {
        found.extend(self::index(index, observed));
    }
    found.extend(cache(observed));
    found.sort_by_key(|warning| warning.severity);
    found.truncate(MOST);
    found
}

fn ids(reason: &'static str, what: &str, age: IdAge) -> Option<StatsWarning> {
    let used = age.age * 100 / (age.age + age.left()).max(1);
    let severity = match used {
        75.. => Severity::Critical,
        40.. => Severity::Warning,
        _ => return None,
    };
    Some(StatsWarning {
        severity,
        reason,
        object: "database".to_owned(),
        message: format!("{used} % of the {what} are used; {} are left before the server takes no more writes", age.left()),
        hint: "end long and prepared transactions and drop unused slots, then: pgsteward maintenance optimize --freeze --stale".to_owned(),
    })
}

fn connections(observed: &Observed) -> Option<StatsWarning> {
    let connections = &observed.connections;
    let used = connections.server_count * 100 / connections.server_limit.max(1);
    let severity = match used {
        95.. => Severity::Critical,
        80.. => Severity::Warning,
        _ => return None,
    };
    Some(StatsWarning {
        severity,
        reason: "CONNECTIONS_RUN_OUT",
        object: "server".to_owned(),
        message: format!(
            "{} of {} connections are taken",
            connections.server_count, connections.server_limit
        ),
        hint: "put a connection pool in front of the server, or raise max_connections".to_owned(),
    })
}

fn slot(slot: &Slot) -> Option<StatsWarning> {
    let retained = slot.retained_bytes.unwrap_or_default();
    let lost = slot.wal_status == "lost";
    let severity = match retained {
        _ if lost => Severity::Critical,
        retained if retained >= 10 * GIBIBYTE => Severity::Critical,
        retained if retained >= GIBIBYTE => Severity::Warning,
        _ => return None,
    };
    let state = match (lost, slot.active) {
        (true, _) => "has lost what it needs".to_owned(),
        (false, true) => format!("keeps {} MiB of the write-ahead log", retained / MEBIBYTE),
        (false, false) => format!(
            "keeps {} MiB of the write-ahead log, and nobody receives it",
            retained / MEBIBYTE
        ),
    };
    Some(StatsWarning {
        severity,
        reason: "SLOT_RETAINS_WAL",
        object: slot.name.clone(),
        message: format!("replication slot {} {state}", slot.name),
        hint: format!(
            "see to its receiver; if there is none any more: SELECT pg_drop_replication_slot({})",
            literal(&slot.name)
        ),
    })
}

fn replicas(observed: &Observed) -> impl Iterator<Item = StatsWarning> {
    observed.replicas.iter().filter_map(|replica| {
        let behind = replica.lag_bytes.filter(|bytes| *bytes >= GIBIBYTE)?;
        Some(StatsWarning {
            severity: Severity::Warning,
            reason: "REPLICATION_LAG",
            object: replica.application.clone(),
            message: format!(
                "standby {} is {} MiB behind",
                replica.application,
                behind / MEBIBYTE
            ),
            hint: "see whether its disk and the network keep up, and whether long queries there hold its replay up".to_owned(),
        })
    })
}

fn transactions(observed: &Observed, long: Duration) -> Vec<StatsWarning> {
    let long = TimeDelta::from_std(long).unwrap_or(TimeDelta::MAX);
    let is_old = |start: DateTime<Utc>| observed.time - start >= long;
    let open = observed
        .open_transactions
        .iter()
        .filter(|open| is_old(open.start))
        .map(|open| {
            let idle = open.state.starts_with("idle in transaction");
            StatsWarning {
                severity: Severity::Warning,
                reason: if idle {
                    "IDLE_IN_TRANSACTION"
                } else {
                    "LONG_TRANSACTION"
                },
                object: open.pid.to_string(),
                message: format!(
                    "process {} of {} ({}) has a transaction open since {}: VACUUM removes nothing that it may still see",
                    open.pid,
                    open.role,
                    open.application,
                    open.start.format("%Y-%m-%dT%H:%M:%SZ")
                ),
                hint: format!("end it if nobody needs it: SELECT pg_terminate_backend({})", open.pid),
            }
        });
    let prepared = observed
        .prepared
        .iter()
        .filter(|prepared| is_old(prepared.time))
        .map(|prepared| StatsWarning {
            severity: Severity::Warning,
            reason: "OLD_PREPARED_TRANSACTION",
            object: prepared.gid.clone(),
            message: format!(
                "a transaction of {} is prepared since {}: it keeps its locks, and VACUUM removes nothing that it may still see",
                prepared.role,
                prepared.time.format("%Y-%m-%dT%H:%M:%SZ")
            ),
            hint: format!(
                "ask its transaction manager, then COMMIT PREPARED or ROLLBACK PREPARED {}",
                literal(&prepared.gid)
            ),
        });
    open.chain(prepared).collect()
}

fn table(table: &TableStats) -> Vec<StatsWarning> {
    let mut found = Vec::new();
    let name = quoted(&table.name);
    let mut warn = |severity, reason, message: String, hint: String| {
        found.push(StatsWarning {
            severity,
            reason,
            object: table.name.to_string(),
            message,
            hint,
        });
    };
    if table.autovacuum_off {
        warn(
            Severity::Warning,
            "AUTOVACUUM_OFF",
            format!("autovacuum is switched off for table {}", table.name),
            format!("ALTER TABLE {name} RESET (autovacuum_enabled)"),
        );
    }
    let optimize = || format!("pgsteward maintenance optimize --table '{name}'");
    let rows = table.rows.unwrap_or_default();
    if table.dead_rows >= 10_000 && table.dead_rows * 5 >= rows + table.dead_rows {
        warn(
            Severity::Warning,
            "DEAD_ROWS",
            format!("table {} has {} dead rows", table.name, table.dead_rows),
            optimize(),
        );
    }
    if let Some(bloat) = table.bloat_bytes
        && is_bloated(bloat, table.main_bytes)
    {
        warn(
            Severity::Warning,
            "TABLE_BLOATED",
            format!(
                "an estimated {} MiB of {} MiB of table {} hold nothing",
                bloat / MEBIBYTE,
                table.main_bytes / MEBIBYTE,
                table.name
            ),
            format!("VACUUM (FULL) {name} or CLUSTER, with everybody kept out; or pg_repack"),
        );
    }
    if table.analyzed.is_none() && (rows >= 1000 || table.main_bytes >= 100 * 8192) {
        warn(
            Severity::Warning,
            "NEVER_ANALYZED",
            format!(
                "table {} has no statistics: the planner guesses",
                table.name
            ),
            optimize(),
        );
    }
    found
}

fn is_bloated(bloat: i64, size: i64) -> bool {
    bloat >= 100 * MEBIBYTE && bloat * 2 >= size
}

fn index(index: &IndexStats, observed: &Observed) -> Option<StatsWarning> {
    let name = quoted(&index.name);
    let warning = |severity, reason, message: String, hint: String| {
        Some(StatsWarning {
            severity,
            reason,
            object: index.name.to_string(),
            message,
            hint,
        })
    };
    if !index.valid {
        return warning(
            Severity::Warning,
            "INVALID_INDEX",
            format!(
                "index {} is invalid: it costs each write and serves no query",
                index.name
            ),
            "pgsteward maintenance reindex --invalid".to_owned(),
        );
    }
    if let Some(bloat) = index.bloat_bytes
        && is_bloated(bloat, index.size_bytes)
    {
        return warning(
            Severity::Warning,
            "INDEX_BLOATED",
            format!(
                "an estimated {} MiB of {} MiB of index {} hold nothing",
                bloat / MEBIBYTE,
                index.size_bytes / MEBIBYTE,
                index.name
            ),
            format!("pgsteward maintenance reindex --index '{name}'"),
        );
    }
    let drop = || format!("a revision with DROP INDEX CONCURRENTLY {name}");
    if let Some(twin) = &index.duplicate_of {
        return warning(
            Severity::Info,
            "DUPLICATE_INDEX",
            format!("index {} is the same as {twin}", index.name),
            drop(),
        );
    }
    let since = observed
        .stats_reset
        .filter(|reset| observed.time - *reset >= UNUSED_FOR)?;
    if index.unused() && index.size_bytes >= MEBIBYTE {
        return warning(
            Severity::Info,
            "UNUSED_INDEX",
            format!(
                "index {} was not scanned on this server since {}",
                index.name,
                since.format("%Y-%m-%d")
            ),
            format!("if no standby uses it: {}", drop()),
        );
    }
    None
}

fn cache(observed: &Observed) -> Option<StatsWarning> {
    let ratio = observed.cache_hit_ratio()?;
    (observed.reads.1 >= 1_000_000 && ratio < 0.9).then(|| StatsWarning {
        severity: Severity::Info,
        reason: "LOW_CACHE_HIT_RATIO",
        object: "database".to_owned(),
        message: format!("{:.0} % of the reads were answered from shared memory", ratio * 100.0),
        hint: "see whether queries lack an index, then whether shared_buffers is a quarter of the machine's memory".to_owned(),
    })
}

fn quoted(name: &TableName) -> String {
    let part = |name: &str| {
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && !name.starts_with(|first: char| first.is_ascii_digit());
        if plain {
            name.to_owned()
        } else {
            format!("\"{}\"", name.replace('"', "\"\""))
        }
    };
    format!("{}.{}", part(&name.schema), part(&name.table))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests;
