//! What a statement changes beyond its database: roles, databases, settings of the server. A scratch database has none of
//! its own, so that a rehearsal, or a model, would change the live ones.

use super::{error::PostgresError, session::Session};
use crate::model::revision::{Outside, Statement};

/// The shared catalog that the open transaction has changed, if any. It shows by the lock that writers of a catalog keep to
/// their end. `pg_shdepend` is left out: every object that has an owner writes there.
pub async fn changed(session: &Session) -> Result<Option<String>, PostgresError> {
    let rows = session
        .query_typed(
            "SELECT c.relname::text FROM pg_catalog.pg_locks AS l
             JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND c.relisshared AND c.relkind = 'r'
             WHERE l.locktype = 'relation' AND l.database = 0 AND l.pid = pg_catalog.pg_backend_pid()
               AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') AND c.relname <> 'pg_shdepend'
             ORDER BY c.relname LIMIT 1",
            &[],
        )
        .await
        .map_err(PostgresError::query("see what a statement changed"))?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// The same for a statement outside of transactions, by its text: afterwards would be too late.
pub(super) fn changed_outside(statement: &Statement, outside: &Outside) -> Option<&'static str> {
    if *outside != Outside::Other {
        return None;
    }
    let first = statement.sql.split_whitespace().next().unwrap_or_default();
    let own = ["vacuum", "cluster", "discard", "create", "drop", "alter"];
    let first = own
        .iter()
        .find(|word| first.to_ascii_lowercase().starts_with(**word));
    match first {
        Some(&("create" | "drop" | "alter")) => {
            Some("databases, tablespaces or settings of the server")
        }
        Some(_) => None,
        None => Some("the server"),
    }
}
