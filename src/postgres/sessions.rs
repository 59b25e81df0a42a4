//! Sessions of the server, as `pg_stat_activity` shows them.

use uuid::Uuid;

use super::{error::PostgresError, session::Session};

/// The part of an operation's id that surely fits into an `application_name`, which is cut at 63 bytes.
const ID_LENGTH: usize = 30;

/// Whether a session on this server works for the operation: one with its id in its name.
pub async fn of_operation(session: &Session, operation: Uuid) -> Result<bool, PostgresError> {
    let id = operation.to_string();
    session
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_stat_activity
                            WHERE application_name LIKE 'pgsteward %' AND strpos(application_name, $1) > 0)",
            &[&&id[..ID_LENGTH]],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query("look for the operation's session"))
}
