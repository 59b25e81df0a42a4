//! How far VACUUM, ANALYZE and REINDEX have come, as the server's progress views tell it, and for whom they wait.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::error::PostgresError;

/// How far one backend is.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkProgress {
    /// The phase in PostgreSQL's words, e.g. `vacuuming heap`.
    pub phase: String,
    /// Which part of the phase is done, 0 to 1; none where the server does not count it.
    pub part: Option<f64>,
}

/// The progress of those backends that vacuum, analyze or build an index at this moment. A role sees its own backends.
pub async fn progress(
    client: &Client,
    backends: &[i32],
) -> Result<BTreeMap<i32, WorkProgress>, PostgresError> {
    let rows = client
        .query(
            "SELECT pid, phase, CASE phase WHEN 'scanning heap' THEN heap_blks_scanned WHEN 'vacuuming heap' THEN heap_blks_vacuumed
                                END::float8 / nullif(heap_blks_total, 0)
             FROM pg_catalog.pg_stat_progress_vacuum WHERE pid = ANY($1)
             UNION ALL
             SELECT pid, phase, CASE WHEN phase LIKE 'acquiring%' THEN sample_blks_scanned END::float8 / nullif(sample_blks_total, 0)
             FROM pg_catalog.pg_stat_progress_analyze WHERE pid = ANY($1)
             UNION ALL
             SELECT pid, phase, coalesce(blocks_done::float8 / nullif(blocks_total, 0), tuples_done::float8 / nullif(tuples_total, 0))
             FROM pg_catalog.pg_stat_progress_create_index WHERE pid = ANY($1)",
            &[&backends],
        )
        .await
        .map_err(PostgresError::query("see how far the work is"))?;
    let read = |row: &tokio_postgres::Row| {
        let progress = WorkProgress {
            phase: row.get(1),
            part: row.get(2),
        };
        (row.get(0), progress)
    };
    Ok(rows.iter().map(read).collect())
}

/// Those of the backends that wait for a lock.
pub async fn waiting(client: &Client, backends: &[i32]) -> Result<Vec<i32>, PostgresError> {
    let rows = client
        .query(
            "SELECT pid FROM pg_catalog.pg_stat_activity WHERE pid = ANY($1) AND wait_event_type = 'Lock'",
            &[&backends],
        )
        .await
        .map_err(PostgresError::query("see who waits for a lock"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
