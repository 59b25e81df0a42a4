//! GetDatabaseStats: how a database stands, as the maintenance role sees it, and what should be done about it.

use crate::{
    model::{
        failure::Failure,
        maintenance::stats::{DatabaseStats, warnings::warnings},
    },
    ops::{context::Context, daemon::Daemon},
    postgres::{database::Purpose, statistics},
};

/// So many tables, indexes and transactions are shown if no other number is asked for.
const SHOWN: usize = 50;
/// And at most so many.
const MOST_SHOWN: usize = 500;

/// Reads it now. `limit` is how many tables, indexes and transactions are shown; 0 for the default.
pub async fn get(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    limit: i32,
) -> Result<DatabaseStats, Failure> {
    let managed = daemon.authorized(context, database)?;
    let limit = match usize::try_from(limit) {
        Ok(0) => SHOWN,
        Ok(limit) if limit <= MOST_SHOWN => limit,
        _ => {
            let problem = format!("must be 0 to {MOST_SHOWN}");
            return Err(Failure::invalid_field("limit", problem));
        }
    };
    let session = managed
        .database
        .session(Purpose::Maintenance, "pgsteward statistics")
        .await?;
    let transactions = i64::try_from(limit).unwrap_or(i64::MAX);
    let long = daemon.settings.maintenance.long_transaction;
    let mut observed = statistics::observe(&session, transactions, long).await?;
    session.close().await;
    let warnings = warnings(&observed, long);
    let (table_count, index_count) = (observed.tables.len(), observed.indexes.len());
    observed.tables.truncate(limit);
    observed.indexes.truncate(limit);
    Ok(DatabaseStats {
        database: managed.name().to_owned(),
        observed,
        table_count,
        index_count,
        warnings,
    })
}
