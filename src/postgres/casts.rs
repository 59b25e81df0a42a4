//! How values of one type become values of another in ALTER COLUMN … TYPE, as PostgreSQL itself says it when a table without
//! rows is altered.

use tokio_postgres::{Client, error::SqlState};

use super::error::PostgresError;
use crate::model::autogenerate::Cast;

const TABLE: &str = "pg_temp.pgsteward_probe";

/// The cast from one type to another, each as `format_type` writes it; `None` where this database lacks one of them. The
/// connection is in no transaction, and nothing is left in the database.
pub async fn between(client: &Client, from: &str, to: &str) -> Result<Option<Cast>, PostgresError> {
    let probed = probe(client, from, to).await;
    let ended = client.batch_execute("ROLLBACK").await;
    let probed = probed?;
    ended.map_err(PostgresError::query("end the probing of a cast"))?;
    Ok(probed)
}

async fn probe(client: &Client, from: &str, to: &str) -> Result<Option<Cast>, PostgresError> {
    let both = format!(
        "BEGIN; CREATE TEMPORARY TABLE pgsteward_probe (value {from}, other {to}); SAVEPOINT probe"
    );
    if let Some(refused) = tried(client, &both).await? {
        // Types of a name that is none, and no right to make a table: nothing can be said.
        return Ok((!is_unknown(&refused)).then_some(Cast::Text));
    }
    let alter = format!("ALTER TABLE {TABLE} ALTER COLUMN value TYPE {to}");
    if tried(client, &alter).await?.is_none() {
        return Ok(Some(Cast::Assignment));
    }
    let explicit = format!("ROLLBACK TO probe; {alter} USING value::{to}");
    let refused = tried(client, &explicit).await?;
    Ok(Some(if refused.is_none() {
        Cast::Explicit
    } else {
        Cast::Text
    }))
}

/// Sends a statement; gives the state with which the server refuses it. Other failures are errors.
async fn tried(client: &Client, sql: &str) -> Result<Option<SqlState>, PostgresError> {
    match client.batch_execute(sql).await {
        Ok(()) => Ok(None),
        Err(error) => match error.code() {
            Some(state) => Ok(Some(state.clone())),
            None => Err(PostgresError::query("probe a cast")(error)),
        },
    }
}

fn is_unknown(state: &SqlState) -> bool {
    *state == SqlState::UNDEFINED_OBJECT || *state == SqlState::INVALID_SCHEMA_NAME
}
