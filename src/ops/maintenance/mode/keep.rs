//! The keeping of maintenance mode: what its record says is made true, whoever died or meddled in between.

use chrono::Utc;
use serde_json::json;

use crate::{
    model::{failure::Failure, maintenance::AccessChange},
    ops::{
        audited,
        daemon::{Daemon, Managed},
        turn::Turn,
    },
    postgres::{access, lock, others, session::Session},
};

/// Makes the record true, if there is one and nobody else is at work on it.
pub async fn reassert(daemon: &Daemon, managed: &Managed) -> Result<(), Failure> {
    if daemon.store.maintenance(managed.name()).await?.is_none() {
        return Ok(());
    }
    let mut session = managed.database.server_session("pgsteward").await?;
    // A switch, a migration or a restore that is at work leaves things in order itself.
    if lock::try_lock(&session, &Turn::mode_lock(&managed.database)).await? {
        make_true(daemon, managed, &mut session).await?;
    }
    session.close().await;
    Ok(())
}

/// Takes whatever CONNECT grants stand although the mode is on, remembers them with the others, and ends the sessions of
/// others. The caller holds the mode's lock: the record that is read here is the one that counts.
pub(super) async fn make_true(
    daemon: &Daemon,
    managed: &Managed,
    session: &mut Session,
) -> Result<(), Failure> {
    let Some((entered, mut change)) = daemon.store.maintenance(managed.name()).await? else {
        return Ok(());
    };
    let database = managed.database.server_name();
    let roles = managed.database.roles();
    let standing = access::plan(session, database, &roles).await?;
    if !standing.taken.is_empty() || !standing.given.is_empty() {
        let details = json!({ "taken": standing.taken, "given": standing.given });
        audited::housekeeping(daemon, "keep out", managed.name(), details, async {
            merge(&mut change, &standing);
            if daemon
                .store
                .update_maintenance(managed.name(), 0, &change)
                .await?
            {
                access::close(session, database, &standing).await?;
            }
            Ok(())
        })
        .await?;
    }
    // Whoever died in a drain has promised its time to those who are in a transaction.
    if entered.drains_until.is_some_and(|until| until > Utc::now()) {
        others::end_idle(session, database, &roles).await?;
    } else {
        access::end_other_sessions(session, database, &roles).await?;
    }
    Ok(())
}

fn merge(change: &mut AccessChange, standing: &AccessChange) {
    for grant in &standing.taken {
        if !change.taken.contains(grant) {
            change.taken.push(grant.clone());
        }
    }
    for role in &standing.given {
        if !change.given.contains(role) {
            change.given.push(role.clone());
        }
    }
}
