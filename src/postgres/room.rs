//! How much room a server's disk has, where that can be known from here: when the server keeps its files on this machine.

use std::path::{Path, PathBuf};

use tokio_postgres::{Client, Config, config::Host};

use super::error::PostgresError;

/// Bytes that are free where the server keeps its databases. `known` is where that is, if it is known. Otherwise a server
/// that is reached by a Unix socket is asked, and tells it to members of `pg_read_all_settings` only. `None` where it cannot
/// be known.
pub async fn free_bytes(
    client: &Client,
    login: &Config,
    known: Option<&Path>,
) -> Result<Option<u64>, PostgresError> {
    let directory = match known {
        Some(directory) => directory.to_owned(),
        None if login
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_))) =>
        {
            match told(client).await? {
                Some(directory) => directory,
                None => return Ok(None),
            }
        }
        None => return Ok(None),
    };
    let asked = tokio::task::spawn_blocking(move || nix::sys::statvfs::statvfs(&directory)).await;
    Ok(asked
        .ok()
        .and_then(Result::ok)
        .map(|space| space.blocks_available() * space.fragment_size()))
}

async fn told(client: &Client) -> Result<Option<PathBuf>, PostgresError> {
    let row = client
        .query_opt(
            "SELECT setting FROM pg_settings WHERE name = 'data_directory'",
            &[],
        )
        .await
        .map_err(PostgresError::query("ask where the server keeps its files"))?;
    Ok(row.map(|row| PathBuf::from(row.get::<_, String>(0))))
}
