//! GetStatus: the daemon and all its databases at a glance.

use super::{found, prober::look_at_control, soon, stored};
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

/// What the prober last saw of the databases that the caller may see, with the newest good backup and the schema version
/// of each.
///
/// It must answer when things are at their worst: whatever cannot be found out within the health timeout is said to be
/// unknown, and keeps nothing else back.
pub async fn status(daemon: &Daemon, context: &Context) -> Result<Status, Failure> {
    let reach = context.reach()?;
    let seen = daemon.prober.seen().borrow().clone();
    let mut unknown = Vec::new();
    let listing = soon(daemon, daemon.list_backups()).await;
    let listing = found("backups", listing, &mut unknown).unwrap_or_default();
    for failure in &listing.failures {
        unknown.push(format!(
            "backups in store {} not known: {}",
            failure.store, failure.failure
        ));
    }
    let mut databases: Vec<DatabaseHealth> = seen.databases.into_values().collect();
    databases.retain(|health| reach.includes(&health.database));
    let overdue = stored(daemon, schedule::state::overdue(daemon)).await;
    let overdue = found("overdue jobs", overdue, &mut unknown).unwrap_or_default();
    for health in &mut databases {
        let of_database = overdue.iter().filter(|job| job.database == health.database);
        health.overdue_jobs = of_database.cloned().collect();
        health.last_backup = newest_good(&listing, &health.database).cloned();
        let drills = stored(daemon, daemon.store.last_drills(&health.database)).await;
        let what = format!("drills of {}", health.database);
        let drills = found(&what, drills, &mut unknown).unwrap_or_default();
        health.last_good_drill = drills.last_good;
        health.last_drill = drills.last;
        let report = stored(daemon, daemon.store.last_privilege_report(&health.database)).await;
        let what = format!("privileges of {}", health.database);
        health.privileges = found(&what, report, &mut unknown).flatten();
        if health.state != DatabaseState::Unreachable {
            let reading = version::read(daemon.managed(&health.database)?);
            let what = format!("schema version of {}", health.database);
            let version = soon(daemon, reading).await;
            health.schema_version = found(&what, version, &mut unknown);
        }
    }
    let limit = reach.limit();
    let open = stored(daemon, daemon.store.open_operations(limit.as_deref())).await;
    let running_operations = found("running operations", open, &mut unknown).unwrap_or_default();
    let control_store = match seen.control_store {
        Some(seen) => seen,
        None => look_at_control(daemon).await.into(),
    };
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        start_time: daemon.start_time,
        control_store,
        databases,
        running_operations,
        message: unknown.join("; "),
    })
}
