//! CheckDatabase: asks one database now, without a cache.

use super::prober::{By, ask_all, verdict};
use crate::{
    model::{failure::Failure, health::DatabaseHealth},
    ops::{context::Context, daemon::Daemon, maintenance::mode, migration::version},
};

/// A connection for each purpose, the schema version, maintenance mode and the newest good backup.
pub async fn check(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<DatabaseHealth, Failure> {
    context.authorize()?;
    let managed = daemon.managed(database)?;
    let (connections, server_version) = ask_all(daemon, managed, By::Login).await;
    let reachable = connections
        .iter()
        .all(|connection| connection.error.is_none());
    let (maintenance, schema) = if reachable {
        let maintenance = mode::present(daemon, managed).await?;
        (Some(maintenance), Some(version::read(managed).await))
    } else {
        (None, None)
    };
    let mut health = verdict(managed, connections, server_version, maintenance);
    match schema {
        Some(Ok(version)) => health.schema_version = Some(version),
        // Scripts that cannot be read are worth saying, and no reason to call the database unreachable.
        Some(Err(failure)) => health.message = failure.to_string(),
        None => {}
    }
    health.last_backup = daemon.newest_backup(managed.name()).await?;
    Ok(health)
}
