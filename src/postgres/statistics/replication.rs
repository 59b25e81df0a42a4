//! Standbys and replication slots of the server.

use std::time::Duration;

use tokio_postgres::Client;

use crate::{
    model::maintenance::stats::{Replica, Slot},
    postgres::error::PostgresError,
};

/// The position up to which this server has the write-ahead log: on a standby, what it has received.
const HERE: &str =
    "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
                         ELSE pg_catalog.pg_current_wal_lsn() END";

/// Who receives the write-ahead log.
pub(super) async fn replicas(client: &Client) -> Result<Vec<Replica>, PostgresError> {
    let rows = client
        .query(
            &format!(
                "SELECT coalesce(application_name, ''), coalesce(state, ''),
                        greatest(pg_catalog.pg_wal_lsn_diff({HERE}, replay_lsn), 0)::bigint,
                        extract(epoch FROM replay_lag)::float8
                 FROM pg_catalog.pg_stat_replication ORDER BY 1, pid"
            ),
            &[],
        )
        .await
        .map_err(PostgresError::query("list the standbys"))?;
    let replica = |row: &tokio_postgres::Row| Replica {
        application: row.get(0),
        state: row.get(1),
        lag_bytes: row.get(2),
        lag: row
            .get::<_, Option<f64>>(3)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    };
    Ok(rows.iter().map(replica).collect())
}

/// The replication slots, and what they keep.
pub(super) async fn slots(client: &Client) -> Result<Vec<Slot>, PostgresError> {
    let rows = client
        .query(
            &format!(
                "SELECT slot_name::text, slot_type, active,
                        greatest(pg_catalog.pg_wal_lsn_diff({HERE}, restart_lsn), 0)::bigint, coalesce(wal_status, '')
                 FROM pg_catalog.pg_replication_slots ORDER BY 1"
            ),
            &[],
        )
        .await
        .map_err(PostgresError::query("list the replication slots"))?;
    let slot = |row: &tokio_postgres::Row| Slot {
        name: row.get(0),
        kind: row.get(1),
        active: row.get(2),
        retained_bytes: row.get(3),
        wal_status: row.get(4),
    };
    Ok(rows.iter().map(slot).collect())
}
