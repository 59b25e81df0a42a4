//! Sessions that wait for each other, and sessions that a dead daemon left behind.

use std::time::Duration;

use super::{error::PostgresError, session::Session};

/// How long a session that was told to end may take.
const END: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// The process id of a session's backend.
pub async fn backend(session: &Session) -> Result<i32, PostgresError> {
    session
        .query_one("SELECT pg_catalog.pg_backend_pid()", &[])
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query("read the session's process id"))
}

/// Who keeps a backend waiting, one text each: process, role, program, and what it is doing since when. Their statements
/// are not told: they hold other people's data.
pub async fn blockers(session: &Session, backend: i32) -> Result<Vec<String>, PostgresError> {
    let rows = session
        .query(
            "SELECT format('process %s (%s)', blocker.pid, concat_ws(', ', activity.usename,
                        nullif(activity.application_name, ''),
                        activity.state || ' for ' || date_trunc('second', clock_timestamp() - activity.xact_start)))
             FROM unnest(pg_catalog.pg_blocking_pids($1)) AS blocker (pid)
             LEFT JOIN pg_stat_activity AS activity ON activity.pid = blocker.pid
             ORDER BY activity.xact_start, blocker.pid",
            &[&backend],
        )
        .await
        .map_err(PostgresError::query("see who blocks"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Ends the other sessions of this role in this database whose `application_name` begins so, and waits until they are
/// gone. A server goes on with the statement of a client that was killed; nobody else may work before it has ended.
pub async fn end_leftovers(session: &Session, prefix: &str) -> Result<(), PostgresError> {
    let ended = async {
        loop {
            let left: i64 = session
                .query_one(
                    "SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND usename = session_user AND pid <> pg_backend_pid()
                       AND starts_with(application_name, $1)",
                    &[&prefix],
                )
                .await
                .map_err(PostgresError::query("end the sessions of a dead daemon"))?
                .get(0);
            if left == 0 {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(END, ended).await {
        Ok(ended) => ended,
        Err(_) => Err(PostgresError::Unexpected {
            what: "end the sessions of a dead daemon".to_owned(),
            detail: format!("they are still there after {END:?}"),
        }),
    }
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionEnd {
    /// Committed.
    Committed,
    /// Rolled back, or cut off.
    Aborted,
    /// The server no longer knows, or never had it.
    Unknown,
}

/// Asks how a transaction of this server ended. One that is still open counts as unknown: its session was to be ended
/// before.
pub async fn transaction_end(
    session: &Session,
    transaction_id: &str,
) -> Result<TransactionEnd, PostgresError> {
    let answer = session
        .query_one(
            "SELECT pg_catalog.pg_xact_status($1::text::xid8)",
            &[&transaction_id],
        )
        .await;
    match answer {
        Ok(row) => Ok(match row.get::<_, Option<&str>>(0) {
            Some("committed") => TransactionEnd::Committed,
            Some("aborted") => TransactionEnd::Aborted,
            _ => TransactionEnd::Unknown,
        }),
        // "transaction ID … is in the future": another cluster has been put in this one's place.
        Err(error) if error.as_db_error().is_some() => Ok(TransactionEnd::Unknown),
        Err(error) => Err(PostgresError::query("ask how a transaction ended")(error)),
    }
}
