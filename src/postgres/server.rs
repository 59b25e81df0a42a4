//! Facts of a server that many jobs ask for.

use tokio_postgres::GenericClient;

use super::error::PostgresError;

/// `server_version_num`, e.g. 150018.
pub async fn version_num(client: &impl GenericClient) -> Result<u32, PostgresError> {
    let text = setting(client, "server_version_num").await?;
    text.parse().map_err(|_| PostgresError::Unexpected {
        what: "read server_version_num".to_owned(),
        detail: format!("{text:?} is no number"),
    })
}

/// The present value of a server setting.
pub async fn setting(client: &impl GenericClient, name: &str) -> Result<String, PostgresError> {
    client
        .query_one("SELECT pg_catalog.current_setting($1)", &[&name])
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query(format!("read {name}")))
}

/// Bytes of a page.
pub async fn page_bytes(client: &impl GenericClient) -> Result<i64, PostgresError> {
    let text = setting(client, "block_size").await?;
    text.parse().map_err(|_| PostgresError::Unexpected {
        what: "read block_size".to_owned(),
        detail: format!("{text:?} is no number"),
    })
}

/// The OID of the client's database: it stays when the database is renamed, and no other has it.
pub async fn database_oid(client: &impl GenericClient) -> Result<u32, PostgresError> {
    client
        .query_one(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()",
            &[],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query("read the database's OID"))
}
