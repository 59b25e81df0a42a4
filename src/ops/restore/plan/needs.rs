//! What every restore needs, wherever it goes: a good archive, a server that can hold it, and the right to make a database.

use tokio_postgres::Client;

use super::check_that;
use crate::{
    model::{backup::Manifest, failure::Failure, restore::RestoreCheck},
    ops::daemon::Daemon,
    postgres::{error::PostgresError, scratch, server},
};

pub(super) fn archive(backup: &Manifest) -> RestoreCheck {
    RestoreCheck {
        name: "ARCHIVE",
        passed: backup.is_good(),
        message: match &backup.damage {
            None => "no check has found the archive damaged".to_owned(),
            Some(damage) => format!(
                "the archive is damaged ({}): choose another backup",
                damage.message
            ),
        },
    }
}

pub(super) async fn server_version(
    client: &Client,
    backup: &Manifest,
) -> Result<RestoreCheck, Failure> {
    let server = server::version_num(client).await? / 10_000;
    let source = backup.server_version_num / 10_000;
    Ok(check_that(
        "SERVER_VERSION",
        source <= server,
        format!("the backup is of PostgreSQL {source}, the server is {server}"),
        format!(
            "the backup is of PostgreSQL {source}, newer than the server's {server}: restore it on a server of {source} or later"
        ),
    ))
}

pub(super) async fn tools_version(
    daemon: &Daemon,
    client: &Client,
) -> Result<RestoreCheck, Failure> {
    let server = server::version_num(client).await? / 10_000;
    let tools = daemon.tools.version().await?;
    Ok(check_that(
        "TOOLS_VERSION",
        tools.major >= server,
        format!("the client programs are PostgreSQL {}", tools.major),
        format!(
            "the client programs are PostgreSQL {}, older than the server's {server}, and cannot take the last backup: install postgresql-client-{server} and set postgres.bin_dir",
            tools.major
        ),
    ))
}

pub(super) async fn create_database(client: &Client) -> Result<RestoreCheck, Failure> {
    let row = client
        .query_one(
            "SELECT rolcreatedb OR rolsuper, rolname FROM pg_roles WHERE rolname = current_user",
            &[],
        )
        .await
        .map_err(PostgresError::query("read the admin role's privileges"))?;
    let role: String = row.get(1);
    Ok(check_that(
        "CREATE_DATABASE",
        row.get(0),
        format!("role {role:?} may create databases"),
        format!("role {role:?} may not create databases: ALTER ROLE {role:?} CREATEDB"),
    ))
}

/// What is there is never written over.
pub(super) async fn database_exists(client: &Client, name: &str) -> Result<RestoreCheck, Failure> {
    Ok(check_that(
        "DATABASE_EXISTS",
        !scratch::exists(client, name).await?,
        format!("the server has no database {name:?} yet"),
        format!("the server has a database {name:?}: choose another name, or drop it"),
    ))
}
