//! Optimize: options from their message, results as messages.

use std::time::Duration;

use super::{duration, int32};
use crate::{
    model::{
        failure::Failure,
        maintenance::optimize::{
            IndexCleanup, OptimizeAction, OptimizeOptions, OptimizeOutcome, OptimizeResult,
            OptimizedTable,
        },
        table_name::TableName,
    },
    proto,
};

/// The options of a request. Whether they go together is for `ops` to say.
pub(in crate::rpc) fn options(
    request: &proto::OptimizeRequest,
) -> Result<OptimizeOptions, Failure> {
    Ok(OptimizeOptions {
        jobs: usize::try_from(request.jobs)
            .map_err(|_| Failure::invalid_field("jobs", "must be 0 to 64"))?,
        analyze_only: request.analyze_only,
        freeze: request.freeze,
        skip_locked: request.skip_locked,
        index_cleanup: match request.index_cleanup() {
            proto::IndexCleanup::On => IndexCleanup::On,
            proto::IndexCleanup::Off => IndexCleanup::Off,
            proto::IndexCleanup::Unspecified | proto::IndexCleanup::Auto => IndexCleanup::Auto,
        },
        tables: names("tables", &request.tables)?,
        stale: request.stale,
        lock_timeout: span("lock_timeout", request.lock_timeout)?,
        no_truncate: request.no_truncate,
        parallel_workers: request
            .parallel_workers
            .map(u32::try_from)
            .transpose()
            .map_err(|_| Failure::invalid_field("parallel_workers", "must be 0 to 1024"))?,
    })
}

/// Names of tables or indexes, each with its schema.
pub(in crate::rpc) fn names(field: &str, texts: &[String]) -> Result<Vec<TableName>, Failure> {
    let read = |text: &String| {
        TableName::parse(text).ok_or_else(|| {
            let problem =
                format!("holds {text:?}, which is no name with its schema, such as public.orders");
            Failure::invalid_field(field, problem)
        })
    };
    texts.iter().map(read).collect()
}

/// A span of time that may be absent, and is not negative.
pub(in crate::rpc) fn span(
    field: &str,
    given: Option<prost_types::Duration>,
) -> Result<Option<Duration>, Failure> {
    given
        .map(Duration::try_from)
        .transpose()
        .map_err(|_| Failure::invalid_field(field, "must not be negative"))
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
            fresh_count: int32(result.fresh),
            yield_count: int32(result.yields),
            tables,
        }
    }
}

impl From<OptimizedTable> for proto::OptimizedTable {
    fn from(table: OptimizedTable) -> Self {
        let truncated = table.truncated();
        let (outcome, message) = match table.outcome {
            OptimizeOutcome::Optimized => (proto::OptimizeOutcome::Optimized, table.warning),
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
            action: proto::OptimizeAction::from(table.action).into(),
            dead_rows_before: table.dead_rows_before,
            dead_rows_after: table.dead_rows_after,
            pages_before: table.pages_before,
            pages_after: table.pages_after,
            truncated,
        }
    }
}

impl From<OptimizeAction> for proto::OptimizeAction {
    fn from(action: OptimizeAction) -> Self {
        match action {
            OptimizeAction::VacuumAnalyze => Self::VacuumAnalyze,
            OptimizeAction::Vacuum => Self::Vacuum,
            OptimizeAction::Analyze => Self::Analyze,
        }
    }
}
