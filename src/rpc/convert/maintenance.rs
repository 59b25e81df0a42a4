//! Maintenance as messages.

use super::{duration, int32, timestamp};
use crate::{
    model::maintenance::{Maintenance, OptimizeOutcome, OptimizeResult, OptimizedTable},
    proto,
};

impl From<Maintenance> for proto::Maintenance {
    fn from(state: Maintenance) -> Self {
        let other_sessions = int32(state.other_sessions);
        let Some(entered) = state.entered else {
            return Self {
                database: state.database,
                other_sessions,
                ..Self::default()
            };
        };
        Self {
            database: state.database,
            active: true,
            reason: entered.reason,
            principal: entered.principal,
            enter_time: Some(timestamp(entered.time)),
            ended_sessions: int32(entered.ended_sessions),
            other_sessions,
        }
    }
}

impl From<OptimizeResult> for proto::OptimizeResult {
    fn from(result: OptimizeResult) -> Self {
        let tables: Vec<proto::OptimizedTable> =
            result.tables.into_iter().map(Into::into).collect();
        let count = |outcome: proto::OptimizeOutcome| {
            int32(
                tables
                    .iter()
                    .filter(|table| table.outcome() == outcome)
                    .count(),
            )
        };
        Self {
            database: result.database,
            optimized_count: count(proto::OptimizeOutcome::Optimized),
            skipped_count: count(proto::OptimizeOutcome::Skipped),
            failed_count: count(proto::OptimizeOutcome::Failed),
            tables,
        }
    }
}

impl From<OptimizedTable> for proto::OptimizedTable {
    fn from(table: OptimizedTable) -> Self {
        let (outcome, message) = match table.outcome {
            OptimizeOutcome::Optimized => (proto::OptimizeOutcome::Optimized, String::new()),
            OptimizeOutcome::Skipped(why) => (proto::OptimizeOutcome::Skipped, why),
            OptimizeOutcome::Failed(why) => (proto::OptimizeOutcome::Failed, why),
        };
        Self {
            schema: table.schema,
            table: table.table,
            outcome: outcome.into(),
            message,
            duration: Some(duration(table.duration)),
            size_bytes: table.size_bytes,
        }
    }
}
