//! Databases that operations make beside the managed ones. Their names hold the operation's id, so that none is ever taken
//! for another's.

use tokio_postgres::Client;
use uuid::Uuid;

use super::{access, error::PostgresError, quote::identifier};

/// The name of the database that a restore builds.
pub fn restore_name(operation: Uuid) -> String {
    format!("pgsteward_restore_{}", operation.simple())
}

/// The name under which a swap keeps the database that was live.
pub fn replaced_name(operation: Uuid) -> String {
    format!("pgsteward_replaced_{}", operation.simple())
}

/// Drops a database if it exists, ending the sessions in it first.
pub async fn drop(client: &Client, name: &str) -> Result<(), PostgresError> {
    access::end_all_sessions(client, &[name]).await?;
    client
        .batch_execute(&format!("DROP DATABASE IF EXISTS {}", identifier(name)))
        .await
        .map_err(PostgresError::query(format!("drop database {name:?}")))
}
