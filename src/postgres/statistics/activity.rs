//! Sessions and their transactions. No statement is read: statements hold other people's data.

use std::time::Duration;

use tokio_postgres::Client;

use crate::{
    model::maintenance::stats::{Connections, OpenTransaction, Prepared},
    postgres::error::PostgresError,
};

/// Clients, by state. A role without pg_read_all_stats sees of others neither what kind of session it is nor its state.
pub(super) async fn connections(client: &Client) -> Result<Connections, PostgresError> {
    let what = || PostgresError::query("count the sessions");
    let states = client
        .query(
            "SELECT coalesce(state, 'hidden'), count(*) FROM pg_catalog.pg_stat_activity
             WHERE datname = current_database() AND coalesce(backend_type, 'client backend') = 'client backend'
               AND pid <> pg_catalog.pg_backend_pid()
             GROUP BY 1 ORDER BY 2 DESC, 1",
            &[],
        )
        .await
        .map_err(what())?;
    let row = client
        .query_one(
            "SELECT count(*), current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
             FROM pg_catalog.pg_stat_activity
             WHERE coalesce(backend_type, 'client backend') = 'client backend' AND usesysid IS NOT NULL",
            &[],
        )
        .await
        .map_err(what())?;
    Ok(Connections {
        states: states.iter().map(|row| (row.get(0), row.get(1))).collect(),
        server_count: row.get(0),
        server_limit: row.get(1),
    })
}

/// Transactions of this database that are open for a minute, or for `long` where that is less; the oldest first.
pub(super) async fn transactions(
    client: &Client,
    limit: i64,
    long: Duration,
) -> Result<Vec<OpenTransaction>, PostgresError> {
    let rows = client
        .query(
            "SELECT pid, coalesce(usename::text, ''), coalesce(application_name, ''), coalesce(state, ''), xact_start, state_change
             FROM pg_catalog.pg_stat_activity
             WHERE datname = current_database() AND backend_type = 'client backend'
               AND clock_timestamp() - xact_start >= make_interval(secs => $2)
             ORDER BY xact_start, pid LIMIT $1",
            &[&limit, &long.as_secs_f64().min(60.0)],
        )
        .await
        .map_err(PostgresError::query("list the open transactions"))?;
    let open = |row: &tokio_postgres::Row| OpenTransaction {
        pid: row.get(0),
        role: row.get(1),
        application: row.get(2),
        state: row.get(3),
        start: row.get(4),
        state_since: row.get(5),
    };
    Ok(rows.iter().map(open).collect())
}

/// Prepared transactions of this database, the oldest first.
pub(super) async fn prepared(client: &Client) -> Result<Vec<Prepared>, PostgresError> {
    let rows = client
        .query(
            "SELECT gid, owner::text, prepared FROM pg_catalog.pg_prepared_xacts
             WHERE database = current_database() ORDER BY prepared, gid LIMIT 1000",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the prepared transactions"))?;
    let prepared = |row: &tokio_postgres::Row| Prepared {
        gid: row.get(0),
        role: row.get(1),
        time: row.get(2),
    };
    Ok(rows.iter().map(prepared).collect())
}
