//! Reindex: options from their message, results as messages.

use super::{
    duration, int32,
    optimize::{names, span},
};
use crate::{
    model::{
        failure::Failure,
        maintenance::reindex::{ReindexOptions, ReindexOutcome, ReindexResult, ReindexedIndex},
    },
    proto,
};

/// The options of a request. Whether they go together is for `ops` to say.
pub(in crate::rpc) fn options(request: &proto::ReindexRequest) -> Result<ReindexOptions, Failure> {
    Ok(ReindexOptions {
        jobs: usize::try_from(request.jobs)
            .map_err(|_| Failure::invalid_field("jobs", "must be 0 to 64"))?,
        indexes: names("indexes", &request.indexes)?,
        tables: names("tables", &request.tables)?,
        schemas: request.schemas.clone(),
        invalid: request.invalid,
        bloated: request.bloated,
        waste_percent: u32::try_from(request.waste_percent)
            .map_err(|_| Failure::invalid_field("waste_percent", "must be 0 to 99"))?,
        lock_timeout: span("lock_timeout", request.lock_timeout)?,
    })
}

impl From<ReindexResult> for proto::ReindexResult {
    fn from(result: ReindexResult) -> Self {
        let indexes: Vec<proto::ReindexedIndex> =
            result.indexes.into_iter().map(Into::into).collect();
        let count = |outcome: proto::ReindexOutcome| {
            int32(
                indexes
                    .iter()
                    .filter(|index| index.outcome() == outcome)
                    .count(),
            )
        };
        Self {
            database: result.database,
            rebuilt_count: count(proto::ReindexOutcome::Rebuilt),
            skipped_count: count(proto::ReindexOutcome::Skipped),
            failed_count: count(proto::ReindexOutcome::Failed),
            dropped_leftovers: result.dropped_leftovers,
            yield_count: int32(result.yields),
            indexes,
        }
    }
}

impl From<ReindexedIndex> for proto::ReindexedIndex {
    fn from(index: ReindexedIndex) -> Self {
        let (outcome, message) = match index.outcome {
            ReindexOutcome::Rebuilt => (proto::ReindexOutcome::Rebuilt, String::new()),
            ReindexOutcome::Skipped(why) => (proto::ReindexOutcome::Skipped, why),
            ReindexOutcome::Failed(why) => (proto::ReindexOutcome::Failed, why),
        };
        Self {
            schema: index.schema,
            index: index.index,
            table: index.table,
            outcome: outcome.into(),
            message,
            duration: Some(duration(index.duration)),
            size_bytes_before: index.size_bytes_before,
            size_bytes_after: index.size_bytes_after,
        }
    }
}
