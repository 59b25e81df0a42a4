//! GetStatus: the daemon and all its databases at a glance.

use crate::{
    model::{failure::Failure, health::Status},
    ops::{context::Context, daemon::Daemon},
};

/// What the prober last saw, with the newest good backup of each database.
pub async fn status(daemon: &Daemon, context: &Context) -> Result<Status, Failure> {
    context.authorize()?;
    let seen = daemon.prober.seen().borrow().clone();
    let listing = daemon.backups.list_manifests().await?;
    let databases = seen
        .databases
        .into_values()
        .map(|mut health| {
            let newest = listing
                .manifests
                .iter()
                .find(|manifest| manifest.database == health.database);
            health.last_backup = newest.cloned();
            health
        })
        .collect();
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
