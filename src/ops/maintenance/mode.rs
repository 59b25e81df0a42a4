//! Maintenance mode: everyone but the daemon's roles is kept out of a database.
//!
//! The record in the control store is written before the server's grants are changed and removed after they are given
//! back. A crash in between leaves a record, which `reassert` makes true at the next start.

mod drain;
pub mod expire;
mod keep;

use std::{sync::Arc, time::Duration};

use chrono::Utc;

use self::keep::make_true;
pub use self::keep::reassert;
use crate::{
    model::{
        failure::{Failure, Kind},
        maintenance::{AccessChange, Entry, Maintenance},
        operation::{Operation, Outcome},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        health::Prober,
        launch::{check_reason, launch},
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{access, others, session::Session},
};

const LONGEST_DRAIN: Duration = Duration::from_hours(24);
const LONGEST: Duration = Duration::from_hours(24 * 30);
const SHORTEST: Duration = Duration::from_secs(1);

/// Enters maintenance mode. In it already: it stays as it was entered, but for its end. `entry` is what was read of the
/// request: one that cannot be read is refused once it is recorded.
pub async fn enter(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    entry: Result<Entry, Failure>,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let entry = entry?;
        check(&entry)?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run_enter(&daemon, &managed, &job, &entry).await })
    })
    .await
}

fn check(entry: &Entry) -> Result<(), Failure> {
    check_reason(&entry.reason)?;
    let drain = entry.drain.unwrap_or_default();
    if drain > LONGEST_DRAIN {
        return Err(Failure::invalid_field("drain", "must be at most 24 h"));
    }
    match entry.expire_after {
        Some(after) if !(SHORTEST..=LONGEST).contains(&after) => Err(Failure::invalid_field(
            "expire_after",
            "must be 1 s to 30 days",
        )),
        Some(after) if after <= drain => Err(Failure::invalid_field(
            "expire_after",
            "must be longer than `drain`",
        )),
        _ => Ok(()),
    }
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
    entry: &Entry,
) -> Result<Outcome, Failure> {
    let turn = Turn::take(
        &managed.database,
        Work::MaintenanceSwitch,
        job,
        daemon.settings.lock_wait,
    )
    .await?;
    // But for the drain not cancellable: it is short, and half-way is the one state that nobody wants.
    if daemon.store.maintenance(managed.name()).await?.is_none() {
        take_connect(daemon, managed, job, &turn, entry).await?;
    } else {
        if let Some(after) = entry.expire_after {
            daemon
                .store
                .set_maintenance_end(managed.name(), after)
                .await?;
        }
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
    turn: &Turn,
    entry: &Entry,
) -> Result<(), Failure> {
    job.enter(1, stages(entry), "take CONNECT");
    let mut session = managed.database.server_session("pgsteward").await?;
    let database = managed.database.server_name();
    let change = access::plan(&session, database, &managed.database.roles()).await?;
    daemon
        .store
        .insert_maintenance(managed.name(), entry, job.principal(), &change)
        .await?;
    let kept_out = KeepingOut {
        daemon,
        managed,
        job,
        turn,
        entry,
    };
    let Err(failure) = kept_out.keep_out(&mut session, &change).await else {
        session.close().await;
        return Ok(());
    };
    // Whoever has the turn now makes the record true.
    turn.check()?;
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

fn stages(entry: &Entry) -> u32 {
    2 + u32::from(entry.drain.is_some())
}

/// What the keeping out works with.
struct KeepingOut<'a> {
    daemon: &'a Daemon,
    managed: &'a Managed,
    job: &'a Job,
    turn: &'a Turn,
    entry: &'a Entry,
}

impl KeepingOut<'_> {
    async fn keep_out(&self, session: &mut Session, change: &AccessChange) -> Result<(), Failure> {
        let database = self.managed.database.server_name();
        let roles = self.managed.database.roles();
        access::close(session, database, change).await?;
        let standing = access::plan(session, database, &roles).await?;
        if !standing.taken.is_empty() {
            return Err(Failure::new(
                Kind::Aborted,
                "ACCESS_CHANGED",
                format!(
                    "someone was allowed into database {database:?} while others were kept out"
                ),
            )
            .with_hint("try again"));
        }
        let mut ended = 0;
        if let Some(drain) = self.entry.drain {
            self.job.enter(2, stages(self.entry), "drain");
            let until = Utc::now() + drain;
            let draining = drain::drain(self.managed, self.job, session, until);
            ended += self.turn.during(self.job, draining).await?;
        }
        let last = stages(self.entry);
        self.job.enter(last, last, "end sessions");
        ended += access::end_other_sessions(session, database, &roles).await?;
        self.daemon
            .store
            .update_maintenance(self.managed.name(), ended, change)
            .await?;
        Ok(())
    }
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
    let (other_sessions, sessions) =
        others::sessions(&session, managed.database.server_name(), &roles).await?;
    session.close().await;
    Ok(Maintenance {
        database: managed.name().to_owned(),
        entered: entered.map(|(entered, _)| entered),
        other_sessions,
        sessions,
    })
}

/// Whether the mode is on: scheduled jobs of the database wait then.
pub async fn is_on(daemon: &Daemon, managed: &Managed) -> Result<bool, Failure> {
    Ok(daemon.store.maintenance(managed.name()).await?.is_some())
}

/// Refuses when the database is not in maintenance mode.
pub async fn require(daemon: &Daemon, managed: &Managed) -> Result<(), Failure> {
    if is_on(daemon, managed).await? {
        return Ok(());
    }
    Err(Failure::new(
        Kind::FailedPrecondition,
        "NOT_IN_MAINTENANCE",
        format!("database {:?} is not in maintenance mode", managed.name()),
    )
    .with_hint("call MaintenanceService.EnterMaintenance first"))
}
