//! Sessions of the server, as `pg_stat_activity` shows them.

use uuid::Uuid;

use super::{error::PostgresError, session::Session};

/// The part of an id that surely fits into an `application_name`, which is cut at 63 bytes.
const ID_LENGTH: usize = 30;

/// What the pooled connections of a daemon are shown as. The prober keeps some of them open on each managed server, so
/// that other daemons can see there that it lives.
pub fn pool_name(daemon: Uuid) -> String {
    format!("pgsteward {daemon}")
}

/// Whether a session on this server is the daemon's, or works for the operation: one with that id in its name.
pub async fn of_work(
    session: &Session,
    daemon: Uuid,
    operation: Uuid,
) -> Result<bool, PostgresError> {
    let ids = [daemon, operation].map(|id| id.to_string()[..ID_LENGTH].to_owned());
    session
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_stat_activity
                            WHERE application_name LIKE 'pgsteward %'
                              AND (strpos(application_name, $1) > 0 OR strpos(application_name, $2) > 0))",
            &[&ids[0], &ids[1]],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query("look for the operation's sessions"))
}
