//! What the server knows of a database's state, read by short queries that take no lock for long.
//!
//! A view shows NULL where the role may not look; what is missing for that reason is named among the limitations.

mod activity;
mod indexes;
mod relations;
mod replication;

pub use self::indexes::waste as index_waste;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::{Client, error::SqlState};

use super::error::PostgresError;
use crate::model::maintenance::stats::{Density, IdAge, IndexStats, Observed};

/// Limit of each query.
const LIMITS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '1s'";

/// Reads all of it. At most `transactions` open transactions are listed: those of a minute, or of `long` where that is less.
pub async fn observe(
    client: &Client,
    transactions: i64,
    long: Duration,
) -> Result<Observed, PostgresError> {
    client
        .batch_execute(LIMITS)
        .await
        .map_err(PostgresError::query("limit the queries"))?;
    let mut limitations = Vec::new();
    let whole = whole(client).await?;
    if !whole.sees_sessions {
        limitations.push(format!(
            "sessions of other roles show neither state nor transactions, and standbys no positions: GRANT pg_monitor TO {:?}",
            whole.role
        ));
    }
    let mut tables = relations::tables(client).await?;
    let mut indexes = indexes::indexes(client).await?;
    let wastes = relations::waste(client).await;
    if let Some(wastes) = or_limitation("the waste of tables", wastes, &mut limitations)? {
        let mut unknown = 0;
        for (oid, table) in &mut tables {
            match wastes.get(oid) {
                Some(waste) => table.bloat_bytes = Some(share(table.main_bytes, *waste)),
                None if table.rows.is_some_and(|rows| rows > 0) => unknown += 1,
                None => {}
            }
        }
        if unknown > 0 {
            limitations.push(format!(
                "the waste of {unknown} tables is not known: they were never analyzed, or {:?} may not read them (SELECT, or pg_read_all_data)",
                whole.role
            ));
        }
    }
    let wastes = indexes::waste(client).await;
    if let Some(wastes) = or_limitation("the waste of indexes", wastes, &mut limitations)? {
        for (oid, index) in &mut indexes {
            let waste = wastes.get(oid);
            index.bloat_bytes = waste.map(|waste| share(index.size_bytes, *waste));
        }
    }
    let mut tables: Vec<_> = tables.into_values().collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.size_bytes));
    let mut indexes: Vec<_> = indexes.into_values().collect();
    indexes.sort_by_key(IndexStats::rank);
    Ok(Observed {
        time: whole.time,
        size_bytes: whole.size_bytes,
        tables,
        indexes,
        transaction_ids: whole.transaction_ids,
        multixact_ids: whole.multixact_ids,
        connections: activity::connections(client).await?,
        open_transactions: activity::transactions(client, transactions, long).await?,
        prepared: activity::prepared(client).await?,
        replicas: replication::replicas(client).await?,
        slots: replication::slots(client).await?,
        reads: whole.reads,
        stats_reset: whole.stats_reset,
        autovacuum: whole.autovacuum,
        limitations,
    })
}

/// A query that took too long is no reason to tell nothing.
fn or_limitation<T>(
    what: &str,
    asked: Result<T, PostgresError>,
    limitations: &mut Vec<String>,
) -> Result<Option<T>, PostgresError> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(error)
            if error.is(&SqlState::QUERY_CANCELED) || error.is(&SqlState::LOCK_NOT_AVAILABLE) =>
        {
            limitations.push(format!("{what} could not be estimated within 10 s"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// An estimate, in which fractions do not matter.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn share(bytes: i64, part: f64) -> i64 {
    (bytes as f64 * part) as i64
}

struct Whole {
    time: DateTime<Utc>,
    role: String,
    sees_sessions: bool,
    size_bytes: i64,
    transaction_ids: IdAge,
    multixact_ids: IdAge,
    reads: (i64, i64),
    stats_reset: Option<DateTime<Utc>>,
    autovacuum: bool,
}

async fn whole(client: &Client) -> Result<Whole, PostgresError> {
    let row = client
        .query_one(
            "SELECT clock_timestamp(), current_user::text, pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
                    pg_catalog.pg_database_size(database.oid), age(database.datfrozenxid)::bigint,
                    mxid_age(database.datminmxid)::bigint, current_setting('autovacuum_freeze_max_age')::bigint,
                    current_setting('autovacuum_multixact_freeze_max_age')::bigint, statistics.blks_hit,
                    statistics.blks_hit + statistics.blks_read, statistics.stats_reset,
                    current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean
             FROM pg_catalog.pg_database AS database
             JOIN pg_catalog.pg_stat_database AS statistics ON statistics.datid = database.oid
             WHERE database.datname = current_database()",
            &[],
        )
        .await
        .map_err(PostgresError::query("read how the database stands"))?;
    Ok(Whole {
        time: row.get(0),
        role: row.get(1),
        sees_sessions: row.get(2),
        size_bytes: row.get(3),
        transaction_ids: IdAge {
            age: row.get(4),
            freeze_max_age: row.get(6),
        },
        multixact_ids: IdAge {
            age: row.get(5),
            freeze_max_age: row.get(7),
        },
        reads: (row.get(8), row.get(9)),
        stats_reset: row.get(10),
        autovacuum: row.get(11),
    })
}

/// The columns of a query for [`Density`], in its order, behind an OID.
fn density(row: &tokio_postgres::Row) -> Density {
    Density {
        rows: row.get(1),
        pages: row.get(2),
        width: row.get(3),
        columns: row.get(4),
        nulls: row.get(5),
        fillfactor: row.get(6),
        page_bytes: row.get(7),
    }
}
