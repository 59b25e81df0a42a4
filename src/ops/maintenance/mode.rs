//! Maintenance mode: everyone but the daemon's roles is kept out of a database.
//!
//! The record in the control store is written before the server's grants are changed and removed after they are given
//! back. A crash in between leaves a record, which `reassert` makes true at the next start.

use std::sync::Arc;

use serde_json::json;

use crate::{
    model::{
        failure::{Failure, Kind},
        maintenance::{AccessChange, Maintenance},
        operation::{Operation, Outcome},
    },
    ops::{
        audited,
        context::Context,
        daemon::{Daemon, Managed},
        health::Prober,
        launch::{check_reason, launch},
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{access, lock, session::Session},
};

const STAGES: u32 = 2;

/// Enters maintenance mode. In it already: the present state, unchanged.
pub async fn enter(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    reason: String,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        check_reason(&reason)?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run_enter(&daemon, &managed, &job, &reason).await })
    })
    .await
}

/// Leaves maintenance mode. Not in it: the present state, unchanged.
pub async fn exit(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run_exit(&daemon, &managed, &job).await })
    })
    .await
}

/// Says whether the mode is on.
pub async fn get(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<Maintenance, Failure> {
    present(daemon, daemon.authorized(context, database)?).await
}

async fn run_enter(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    reason: &str,
) -> Result<Outcome, Failure> {
    let turn = Turn::take(
        &managed.database,
        Work::MaintenanceSwitch,
        job,
        daemon.settings.lock_wait,
    )
    .await?;
    // Not cancellable: it is short, and half-way is the one state that nobody wants.
    if daemon.store.maintenance(managed.name()).await?.is_none() {
        take_connect(daemon, managed, job, reason).await?;
    } else {
        // The record alone keeps nobody out: whoever wrote it may have died before it was true.
        job.enter(1, 1, "keep out");
        let mut session = managed.database.server_session("pgsteward").await?;
        make_true(daemon, managed, &mut session).await?;
        session.close().await;
    }
    let state = present(daemon, managed).await?;
    turn.end().await;
    // Probes and status must not show the other state for as long as the prober sleeps.
    Prober::look(daemon).await;
    Ok(Outcome::Maintenance(state))
}

async fn take_connect(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    reason: &str,
) -> Result<(), Failure> {
    job.enter(1, STAGES, "take CONNECT");
    let mut session = managed.database.server_session("pgsteward").await?;
    let database = managed.database.server_name();
    let change = access::plan(&session, database, &managed.database.roles()).await?;
    daemon
        .store
        .insert_maintenance(managed.name(), reason, job.principal(), &change)
        .await?;
    let Err(failure) = keep_out(daemon, managed, job, &mut session, &change).await else {
        session.close().await;
        return Ok(());
    };
    // The session may be what failed.
    let given_back = async {
        let mut session = managed.database.server_session("pgsteward").await?;
        let standing = access::plan(&session, database, &managed.database.roles()).await?;
        if standing != change {
            return give_back(daemon, managed, &mut session, &change).await;
        }
        // Nothing was taken: there may be a grant that could be neither taken nor given back.
        daemon.store.delete_maintenance(managed.name()).await?;
        Ok(())
    };
    match given_back.await {
        Ok(()) => Err(failure),
        Err(second) => Err(failure.with_hint(format!(
            "the database stays in maintenance mode, since what was taken could not be given back ({}): call ExitMaintenance",
            second.message
        ))),
    }
}

async fn keep_out(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    session: &mut Session,
    change: &AccessChange,
) -> Result<(), Failure> {
    let database = managed.database.server_name();
    let roles = managed.database.roles();
    access::close(session, database, change).await?;
    if !access::plan(session, database, &roles)
        .await?
        .taken
        .is_empty()
    {
        return Err(Failure::new(
            Kind::Aborted,
            "ACCESS_CHANGED",
            format!("someone was allowed into database {database:?} while others were kept out"),
        )
        .with_hint("try again"));
    }
    job.enter(2, STAGES, "end sessions");
    let ended = access::end_other_sessions(session, database, &roles).await?;
    daemon
        .store
        .update_maintenance(managed.name(), ended, change)
        .await?;
    Ok(())
}

async fn run_exit(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<Outcome, Failure> {
    let turn = Turn::take(
        &managed.database,
        Work::MaintenanceSwitch,
        job,
        daemon.settings.lock_wait,
    )
    .await?;
    let mut session = managed.database.server_session("pgsteward").await?;
    if let Some((_, change)) = daemon.store.maintenance(managed.name()).await? {
        job.enter(1, 1, "give CONNECT back");
        give_back(daemon, managed, &mut session, &change).await?;
    }
    session.close().await;
    let state = present(daemon, managed).await?;
    turn.end().await;
    // Probes and status must not show the other state for as long as the prober sleeps.
    Prober::look(daemon).await;
    Ok(Outcome::Maintenance(state))
}

async fn give_back(
    daemon: &Daemon,
    managed: &Managed,
    session: &mut Session,
    change: &AccessChange,
) -> Result<(), Failure> {
    access::open(session, managed.database.server_name(), change).await?;
    daemon.store.delete_maintenance(managed.name()).await?;
    Ok(())
}

/// The mode as it stands, and who else is connected.
pub async fn present(daemon: &Daemon, managed: &Managed) -> Result<Maintenance, Failure> {
    let entered = daemon.store.maintenance(managed.name()).await?;
    let roles = managed.database.roles();
    let session = managed.database.server_session("pgsteward").await?;
    let other_sessions =
        access::other_sessions(&session, managed.database.server_name(), &roles).await?;
    session.close().await;
    Ok(Maintenance {
        database: managed.name().to_owned(),
        entered: entered.map(|(entered, _)| entered),
        other_sessions,
    })
}

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
async fn make_true(
    daemon: &Daemon,
    managed: &Managed,
    session: &mut Session,
) -> Result<(), Failure> {
    let Some((_, mut change)) = daemon.store.maintenance(managed.name()).await? else {
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
    access::end_other_sessions(session, database, &roles).await?;
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

/// Refuses when the database is not in maintenance mode.
pub async fn require(daemon: &Daemon, managed: &Managed) -> Result<(), Failure> {
    if daemon.store.maintenance(managed.name()).await?.is_some() {
        return Ok(());
    }
    Err(Failure::new(
        Kind::FailedPrecondition,
        "NOT_IN_MAINTENANCE",
        format!("database {:?} is not in maintenance mode", managed.name()),
    )
    .with_hint("call MaintenanceService.EnterMaintenance first"))
}
