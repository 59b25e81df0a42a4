//! Advisory locks on a connection of their own: closing the connection is the release, so a lock never outlives its
//! holder, and polling in autocommit never deadlocks with CREATE INDEX CONCURRENTLY (lessons A2).
//!
//! The key of a lock named `pgsteward:app:work` is `hashtextextended('pgsteward:app:work', 0)`, so that any script can
//! honour it: `SELECT pg_advisory_lock(hashtextextended('pgsteward:app:work', 0))`. Advisory locks belong to the
//! database that they are taken in; the daemon takes them in the server database (`postgres`, as a rule).

use super::{error::PostgresError, session::Session};

/// Tries once to take the lock in this session. It is held until the session ends.
pub async fn try_lock(session: &Session, name: &str) -> Result<bool, PostgresError> {
    let row = session
        .query_one(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))",
            &[&name],
        )
        .await
        .map_err(PostgresError::query(format!("take lock {name}")))?;
    Ok(row.get(0))
}

/// Tries once to take the lock in this session together with others who take it so. It is held until the session ends.
pub async fn try_lock_shared(session: &Session, name: &str) -> Result<bool, PostgresError> {
    let row = session
        .query_one(
            "SELECT pg_try_advisory_lock_shared(hashtextextended($1, 0))",
            &[&name],
        )
        .await
        .map_err(PostgresError::query(format!("share lock {name}")))?;
    Ok(row.get(0))
}

/// Gives the lock back before the session ends.
pub async fn unlock(session: &Session, name: &str) -> Result<(), PostgresError> {
    session
        .execute(
            "SELECT pg_advisory_unlock(hashtextextended($1, 0))",
            &[&name],
        )
        .await
        .map(|_| ())
        .map_err(PostgresError::query(format!("release lock {name}")))
}

/// Gives a shared lock back before the session ends.
pub async fn unlock_shared(session: &Session, name: &str) -> Result<(), PostgresError> {
    session
        .execute(
            "SELECT pg_advisory_unlock_shared(hashtextextended($1, 0))",
            &[&name],
        )
        .await
        .map(|_| ())
        .map_err(PostgresError::query(format!("release lock {name}")))
}

/// Whether no other session holds the lock, shared or not. It is taken for the length of the look: cheaper than a list of all
/// locks, for which the server stops everyone who wants one.
pub async fn is_free(session: &Session, name: &str) -> Result<bool, PostgresError> {
    session
        .query_one(
            "SELECT CASE WHEN pg_try_advisory_lock(hashtextextended($1, 0))
                         THEN pg_advisory_unlock(hashtextextended($1, 0)) ELSE false END",
            &[&name],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query(format!("look at lock {name}")))
}

/// The `application_name` of the session that holds the lock; `None` when nobody does.
pub async fn holder(session: &Session, name: &str) -> Result<Option<String>, PostgresError> {
    let row = session
        .query_opt(
            "SELECT coalesce(nullif(activity.application_name, ''), 'process ' || activity.pid)
             FROM pg_locks AS lock JOIN pg_stat_activity AS activity USING (pid)
             WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
               AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND (lock.classid::bigint << 32 | lock.objid::bigint) = hashtextextended($1, 0)
             LIMIT 1",
            &[&name],
        )
        .await
        .map_err(PostgresError::query(format!("see who holds lock {name}")))?;
    Ok(row.map(|row| row.get(0)))
}
