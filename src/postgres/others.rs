//! The sessions of others in a database: who they are, and the ending of those that are between two transactions.

use tokio_postgres::Client;

use super::{access::OTHER_SESSIONS, error::PostgresError};
use crate::model::maintenance::OtherSession;

/// How many sessions of others are in the database, superusers' included, and a hundred of them: those with the oldest
/// transactions first.
pub async fn sessions(
    client: &Client,
    database: &str,
    daemon_roles: &[String],
) -> Result<(u32, Vec<OtherSession>), PostgresError> {
    let rows = client
        .query(
            &format!(
                "SELECT activity.pid, coalesce(activity.usename::text, ''), coalesce(activity.application_name, ''),
                        coalesce(activity.state, ''), activity.state_change, count(*) OVER ()
                 {OTHER_SESSIONS} ORDER BY activity.xact_start NULLS LAST, activity.pid LIMIT 100"
            ),
            &[&database, &daemon_roles],
        )
        .await
        .map_err(PostgresError::query("list the sessions of others"))?;
    let count = rows.first().map_or(0, |row| row.get::<_, i64>(5));
    let session = |row: &tokio_postgres::Row| OtherSession {
        pid: row.get(0),
        role: row.get(1),
        application: row.get(2),
        state: row.get(3),
        since: row.get(4),
    };
    Ok((
        u32::try_from(count).unwrap_or(u32::MAX),
        rows.iter().map(session).collect(),
    ))
}

/// Ends the sessions of others that are between two transactions, and waits up to a second for each to be gone. Gives how
/// many were ended.
pub async fn end_idle(
    client: &Client,
    database: &str,
    daemon_roles: &[String],
) -> Result<u32, PostgresError> {
    let row = client
        .query_one(
            &format!(
                "SELECT count(*) FILTER (WHERE pg_terminate_backend(activity.pid, 1000))
                 {OTHER_SESSIONS} AND NOT coalesce(role.rolsuper, false) AND activity.state = 'idle'"
            ),
            &[&database, &daemon_roles],
        )
        .await
        .map_err(PostgresError::query("end the idle sessions of others"))?;
    Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
}

/// How many sessions of others are left that can be ended: all but superusers'.
pub async fn left(
    client: &Client,
    database: &str,
    daemon_roles: &[String],
) -> Result<u32, PostgresError> {
    let row = client
        .query_one(
            &format!("SELECT count(*) {OTHER_SESSIONS} AND NOT coalesce(role.rolsuper, false)"),
            &[&database, &daemon_roles],
        )
        .await
        .map_err(PostgresError::query("count the sessions of others"))?;
    Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
}
