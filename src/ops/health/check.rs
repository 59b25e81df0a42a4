//! CheckDatabase: asks one database now, without a cache.

use super::{
    found,
    prober::{By, ask_all, look_at_control, verdict},
    soon, stored,
};
use crate::{
    model::{
        failure::Failure,
        health::{ConnectionHealth, DatabaseHealth},
    },
    ops::{context::Context, daemon::Daemon, maintenance::mode, migration::version, schedule},
};

/// The database, and the connection to the control store, each as found now. What is bad is said with the time since
/// which the prober has seen it so.
pub async fn check(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<(DatabaseHealth, ConnectionHealth), Failure> {
    let managed = daemon.authorized(context, database)?;
    let (control, (looks, server_version)) =
        tokio::join!(look_at_control(daemon), ask_all(daemon, managed, By::Login));
    let control = daemon.prober.at_its_word("", control);
    let connections: Vec<ConnectionHealth> = looks
        .into_iter()
        .map(|look| daemon.prober.at_its_word(managed.name(), look))
        .collect();
    let reachable = connections
        .iter()
        .all(|connection| connection.error.is_none());
    // What cannot be found out is said; it is no reason to keep the rest back, nor to call the database unreachable.
    let mut unknown = Vec::new();
    let (mut maintenance, mut schema_version) = (None, None);
    if reachable {
        let mode = soon(daemon, mode::present(daemon, managed)).await;
        maintenance = found("maintenance mode", mode, &mut unknown);
        let version = soon(daemon, version::read(managed)).await;
        schema_version = found("schema version", version, &mut unknown);
    }
    let newest = soon(daemon, daemon.newest_backup(managed.name())).await;
    let drills = stored(daemon, daemon.store.last_drills(managed.name())).await;
    let mut health = verdict(managed, connections, server_version, maintenance);
    health.schema_version = schema_version;
    health.last_backup = found("backups", newest, &mut unknown).flatten();
    let drills = found("drills", drills, &mut unknown).unwrap_or_default();
    health.last_good_drill = drills.last_good;
    health.last_drill = drills.last;
    let privileges = daemon.store.last_privilege_report(managed.name());
    let privileges = stored(daemon, privileges).await;
    health.privileges = found("privileges", privileges, &mut unknown).flatten();
    let overdue = stored(daemon, schedule::state::overdue(daemon)).await;
    let overdue = found("overdue jobs", overdue, &mut unknown).unwrap_or_default();
    health.overdue_jobs = overdue
        .into_iter()
        .filter(|job| job.database == health.database)
        .collect();
    if health.message.is_empty() {
        health.message = unknown.join("; ");
    }
    Ok((health, control))
}
