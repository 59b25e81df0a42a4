//! CheckDatabase: asks one database now, without a cache.

use super::prober::{By, ask_all, verdict};
use crate::{
    model::{failure::Failure, health::DatabaseHealth},
    ops::{context::Context, daemon::Daemon, maintenance::mode, migration::version, schedule},
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
    // What cannot be found out is said; it is no reason to keep the rest back, nor to call the database unreachable.
    let mut unknown = Vec::new();
    let (mut maintenance, mut schema_version) = (None, None);
    if reachable {
        let mode = mode::present(daemon, managed).await;
        maintenance = found("maintenance mode", mode, &mut unknown);
        let version = version::read(managed).await;
        schema_version = found("schema version", version, &mut unknown);
    }
    let newest = daemon.newest_backup(managed.name()).await;
    let drills = daemon.store.last_drills(managed.name()).await;
    let mut health = verdict(managed, connections, server_version, maintenance);
    health.schema_version = schema_version;
    health.last_backup = found("backups", newest, &mut unknown).flatten();
    let drills = found("drills", drills.map_err(Failure::from), &mut unknown).unwrap_or_default();
    health.last_good_drill = drills.last_good;
    health.last_drill = drills.last;
    let overdue = schedule::state::overdue(daemon).await;
    let overdue = found("overdue jobs", overdue, &mut unknown).unwrap_or_default();
    health.overdue_jobs = overdue
        .into_iter()
        .filter(|job| job.database == health.database)
        .collect();
    if health.message.is_empty() {
        health.message = unknown.join("; ");
    }
    Ok(health)
}

fn found<T>(what: &str, answer: Result<T, Failure>, unknown: &mut Vec<String>) -> Option<T> {
    answer
        .map_err(|failure| unknown.push(format!("{what} not known: {failure}")))
        .ok()
}
