//! Databases that a swap set aside: listed while they stand, dropped when their time is up.

use serde_json::json;

use crate::{
    model::{failure::Failure, restore::ReplacedDatabase},
    ops::{
        audited,
        context::Context,
        daemon::{Daemon, Managed},
        turn::Turn,
    },
    postgres::{error::PostgresError, lock, scratch, session::Session},
};

/// Those of one managed database, or of all that the caller may see, newest first.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<Vec<ReplacedDatabase>, Failure> {
    if !database.is_empty() {
        return standing(daemon, daemon.authorized(context, database)?).await;
    }
    let reach = context.reach()?;
    let mut all = Vec::new();
    for managed in daemon.databases.values() {
        if reach.includes(managed.name()) {
            all.extend(standing(daemon, managed).await?);
        }
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
        if let Some(size) = size(&session, &replaced.name).await? {
            replaced.size_bytes = size;
            standing.push(replaced);
        }
    }
    session.close().await;
    Ok(standing)
}

/// The size of a database in bytes; `None` when it does not stand.
pub async fn size(session: &Session, name: &str) -> Result<Option<i64>, PostgresError> {
    let row = session
        .query_opt(
            "SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1",
            &[&name],
        )
        .await
        .map_err(PostgresError::query(format!("look for database {name:?}")))?;
    // While a database is being dropped its row may outlive its files.
    Ok(row.map(|row| row.get::<_, Option<i64>>(0).unwrap_or_default()))
}

/// Drops those whose time is up. Waits for no one: while a restore, a rollback or a migration is at work, it is left to
/// the next time.
pub async fn drop_expired(daemon: &Daemon, managed: &Managed) -> Result<(), Failure> {
    let expired = daemon.store.expired_replaced(managed.name()).await?;
    if expired.is_empty() {
        return Ok(());
    }
    let session = managed.database.server_session("pgsteward sweep").await?;
    if lock::try_lock(&session, &Turn::mode_lock(&managed.database)).await? {
        for name in expired {
            tracing::info!(
                name,
                database = managed.name(),
                "dropping a replaced database: its time is up"
            );
            let details = json!({ "name": name });
            audited::housekeeping(
                daemon,
                "drop replaced database",
                managed.name(),
                details,
                async {
                    scratch::drop(&session, &name).await?;
                    daemon.store.strike_replaced(&name).await?;
                    Ok(())
                },
            )
            .await?;
        }
    }
    session.close().await;
    Ok(())
}
