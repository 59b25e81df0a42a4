//! The end of a maintenance mode that was entered for a time: some daemon ends it, once.
//!
//! The lock of the mode decides which one. A restore, a migration or a switch of the mode that is at work holds it; and a restore
//! that waits for its turn or for a person needs the mode, so that its end is put off.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::give_back;
use crate::{
    model::failure::Failure,
    ops::{
        audited,
        daemon::{Daemon, Managed},
        health::Prober,
        turn::Turn,
    },
    postgres::lock,
};

/// Another daemon may have entered a mode that ends soon.
const LONGEST_SLEEP: Duration = Duration::from_secs(2);
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// Ends what is due, again and again, until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) {
    loop {
        let round = async {
            let sleep = match look(&daemon).await {
                Ok(next) => next.unwrap_or(LONGEST_SLEEP),
                Err(failure) => {
                    tracing::debug!(%failure, "cannot see which maintenance modes are to end");
                    LONGEST_SLEEP
                }
            };
            tokio::time::sleep(sleep.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = round => {}
        }
    }
}

/// Ends what is due now. Gives how long it is until the next one.
async fn look(daemon: &Daemon) -> Result<Option<Duration>, Failure> {
    let (next, due) = daemon.store.due_maintenance().await?;
    for database in &due {
        let Some(managed) = daemon.databases.get(database) else {
            continue;
        };
        if let Err(failure) = end(daemon, managed).await {
            tracing::warn!(database, %failure, "could not end a maintenance mode whose time is up");
        }
    }
    Ok(next)
}

async fn end(daemon: &Daemon, managed: &Managed) -> Result<(), Failure> {
    let mut session = managed.database.server_session("pgsteward").await?;
    if lock::try_lock(&session, &Turn::mode_lock(&managed.database)).await? {
        // Only what is read under the lock counts: the mode may have been left, or its end put off.
        let (_, due) = daemon.store.due_maintenance().await?;
        let is_due = due.iter().any(|database| database == managed.name());
        if is_due && !daemon.store.has_open_restore(managed.name()).await? {
            if let Some((entered, change)) = daemon.store.maintenance(managed.name()).await? {
                let details = json!({
                    "reason": entered.reason,
                    "entered_by": entered.principal,
                    "expire_time": entered.expires_at,
                });
                let deed = give_back(daemon, managed, &mut session, &change);
                audited::housekeeping(daemon, "end maintenance", managed.name(), details, deed)
                    .await?;
                tracing::info!(
                    database = managed.name(),
                    "the time of the maintenance mode was up: it is off"
                );
            }
            session.close().await;
            Prober::look(daemon).await;
            return Ok(());
        }
    }
    session.close().await;
    Ok(())
}
