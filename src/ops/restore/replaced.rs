//! Databases that a swap set aside: listed while they stand, dropped when their time is up.

use chrono::Utc;

use crate::{
    model::{
        failure::{Failure, Kind},
        restore::ReplacedDatabase,
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
    },
    postgres::{error::PostgresError, scratch},
};

/// Those of one managed database, or of all, newest first.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<Vec<ReplacedDatabase>, Failure> {
    context.authorize()?;
    if !database.is_empty() {
        return standing(daemon, daemon.managed(database)?).await;
    }
    let mut all = Vec::new();
    for managed in daemon.databases.values() {
        all.extend(standing(daemon, managed).await?);
    }
    all.sort_by_key(|replaced| std::cmp::Reverse(replaced.replace_time));
    Ok(all)
}

/// Those that stand on the server, newest first.
pub async fn standing(
    daemon: &Daemon,
    managed: &Managed,
) -> Result<Vec<ReplacedDatabase>, Failure> {
    let noted = daemon.store.noted_replaced(managed.name()).await?;
    if noted.is_empty() {
        return Ok(noted);
    }
    let session = managed.database.server_session("pgsteward").await?;
    let mut standing = Vec::with_capacity(noted.len());
    for mut replaced in noted {
        let row = session
            .query_opt(
                "SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1",
                &[&replaced.name],
            )
            .await
            .map_err(PostgresError::query("look for a replaced database"))?;
        if let Some(row) = row {
            replaced.size_bytes = row.get(0);
            standing.push(replaced);
        }
    }
    session.close().await;
    Ok(standing)
}

/// One that must stand.
pub async fn find(
    daemon: &Daemon,
    managed: &Managed,
    name: &str,
) -> Result<ReplacedDatabase, Failure> {
    standing(daemon, managed)
        .await?
        .into_iter()
        .find(|replaced| replaced.name == name)
        .ok_or_else(|| {
            Failure::new(
                Kind::NotFound,
                "NO_REPLACED_DATABASE",
                format!("no replaced database {name:?} stands on the server"),
            )
        })
}

/// Drops those whose time is up.
pub async fn drop_expired(daemon: &Daemon, managed: &Managed) -> Result<(), Failure> {
    let now = Utc::now();
    for replaced in daemon.store.noted_replaced(managed.name()).await? {
        if replaced.expire_time > now {
            continue;
        }
        tracing::info!(
            name = replaced.name,
            database = managed.name(),
            "dropping a replaced database: its time is up"
        );
        let session = managed.database.server_session("pgsteward sweep").await?;
        scratch::drop(&session, &replaced.name).await?;
        session.close().await;
        daemon.store.strike_replaced(&replaced.name).await?;
    }
    Ok(())
}
