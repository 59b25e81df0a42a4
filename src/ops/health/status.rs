//! GetStatus: the daemon and all its databases at a glance.

use crate::{
    model::{
        failure::Failure,
        health::{DatabaseHealth, DatabaseState, Status},
    },
    ops::{
        context::Context,
        daemon::{Daemon, newest_good},
        migration::version,
        schedule,
    },
};

/// What the prober last saw, with the newest good backup and the schema version of each database.
pub async fn status(daemon: &Daemon, context: &Context) -> Result<Status, Failure> {
    context.authorize()?;
    let seen = daemon.prober.seen().borrow().clone();
    let listing = daemon.list_backups().await?;
    let mut databases: Vec<DatabaseHealth> = seen.databases.into_values().collect();
    let overdue = if seen.control_store_reachable {
        schedule::state::overdue(daemon).await.unwrap_or_default()
    } else {
        Vec::new()
    };
    for health in &mut databases {
        let of_database = overdue.iter().filter(|job| job.database == health.database);
        health.overdue_jobs = of_database.cloned().collect();
        health.last_backup = newest_good(&listing, &health.database).cloned();
        // Without the control store they are not known; that it is unreachable stands beside them.
        let drills = daemon.store.last_drills(&health.database).await;
        let drills = drills.unwrap_or_default();
        health.last_good_drill = drills.last_good;
        health.last_drill = drills.last;
        if health.state != DatabaseState::Unreachable {
            let reading = version::read(daemon.managed(&health.database)?);
            let read = tokio::time::timeout(daemon.settings.health_timeout, reading).await;
            health.schema_version = read.ok().and_then(Result::ok);
        }
    }
    // Without the control store the number is not known; that it is unreachable stands beside it.
    let running_operations = daemon.store.open_operations().await.unwrap_or_default();
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        start_time: daemon.start_time,
        control_store_reachable: seen.control_store_reachable,
        databases,
        running_operations,
    })
}
