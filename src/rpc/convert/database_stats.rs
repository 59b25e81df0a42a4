//! Statistics of a database as messages.

use super::{duration, int32, timestamp};
use crate::{
    model::maintenance::stats::{
        Connections, DatabaseStats, IdAge, IndexStats, OpenTransaction, Prepared, Replica, Slot,
        TableStats,
        warnings::{Severity, StatsWarning},
    },
    proto,
};

impl From<DatabaseStats> for proto::DatabaseStats {
    fn from(stats: DatabaseStats) -> Self {
        let observed = stats.observed;
        Self {
            database: stats.database,
            time: Some(timestamp(observed.time)),
            warnings: stats.warnings.into_iter().map(Into::into).collect(),
            size_bytes: observed.size_bytes,
            cache_hit_ratio: observed.cache_hit_ratio(),
            tables: observed.tables.into_iter().map(Into::into).collect(),
            table_count: int32(stats.table_count),
            indexes: observed.indexes.into_iter().map(Into::into).collect(),
            index_count: int32(stats.index_count),
            transaction_ids: Some(observed.transaction_ids.into()),
            multixact_ids: Some(observed.multixact_ids.into()),
            connections: Some(observed.connections.into()),
            open_transactions: observed
                .open_transactions
                .into_iter()
                .map(Into::into)
                .collect(),
            prepared_transactions: observed.prepared.into_iter().map(Into::into).collect(),
            replicas: observed.replicas.into_iter().map(Into::into).collect(),
            slots: observed.slots.into_iter().map(Into::into).collect(),
            stats_reset_time: observed.stats_reset.map(timestamp),
            limitations: observed.limitations,
        }
    }
}

impl From<StatsWarning> for proto::StatsWarning {
    fn from(warning: StatsWarning) -> Self {
        let severity = match warning.severity {
            Severity::Critical => proto::StatsSeverity::Critical,
            Severity::Warning => proto::StatsSeverity::Warning,
            Severity::Info => proto::StatsSeverity::Info,
        };
        Self {
            severity: severity.into(),
            reason: warning.reason.to_owned(),
            object: warning.object,
            message: warning.message,
            hint: warning.hint,
        }
    }
}

impl From<TableStats> for proto::TableStats {
    fn from(table: TableStats) -> Self {
        Self {
            schema: table.name.schema,
            table: table.name.table,
            size_bytes: table.size_bytes,
            main_bytes: table.main_bytes,
            rows: table.rows,
            dead_rows: table.dead_rows,
            vacuum_time: table.vacuumed.map(timestamp),
            analyze_time: table.analyzed.map(timestamp),
            bloat_bytes: table.bloat_bytes,
            transaction_age: table.transaction_age,
        }
    }
}

impl From<IndexStats> for proto::IndexStats {
    fn from(index: IndexStats) -> Self {
        Self {
            unused: index.unused(),
            schema: index.name.schema,
            index: index.name.table,
            table: index.table,
            size_bytes: index.size_bytes,
            scans: index.scans,
            valid: index.valid,
            duplicate_of: index.duplicate_of.unwrap_or_default(),
            bloat_bytes: index.bloat_bytes,
        }
    }
}

impl From<IdAge> for proto::IdAge {
    fn from(age: IdAge) -> Self {
        Self {
            age: age.age,
            left: age.left(),
            freeze_max_age: age.freeze_max_age,
        }
    }
}

impl From<Connections> for proto::ConnectionStats {
    fn from(connections: Connections) -> Self {
        let state = |(state, count): (String, i64)| proto::SessionCount {
            state,
            count: int32(count),
        };
        Self {
            states: connections.states.into_iter().map(state).collect(),
            server_count: int32(connections.server_count),
            server_limit: int32(connections.server_limit),
        }
    }
}

impl From<OpenTransaction> for proto::OpenTransaction {
    fn from(open: OpenTransaction) -> Self {
        Self {
            pid: open.pid,
            role: open.role,
            application: open.application,
            state: open.state,
            start_time: Some(timestamp(open.start)),
            state_time: open.state_since.map(timestamp),
        }
    }
}

impl From<Prepared> for proto::PreparedTransaction {
    fn from(prepared: Prepared) -> Self {
        Self {
            gid: prepared.gid,
            role: prepared.role,
            prepare_time: Some(timestamp(prepared.time)),
        }
    }
}

impl From<Replica> for proto::ReplicaStats {
    fn from(replica: Replica) -> Self {
        Self {
            application: replica.application,
            state: replica.state,
            lag_bytes: replica.lag_bytes,
            lag: replica.lag.map(duration),
        }
    }
}

impl From<Slot> for proto::SlotStats {
    fn from(slot: Slot) -> Self {
        Self {
            name: slot.name,
            r#type: slot.kind,
            active: slot.active,
            retained_bytes: slot.retained_bytes,
            wal_status: slot.wal_status,
        }
    }
}
