//! PlanRestore: the pre-flight. It lists everything that a restore would be refused for, at once.

pub(super) mod contents;
mod live;
mod needs;

use super::request;
use crate::{
    model::{
        failure::{Failure, Kind},
        restore::{RestoreCheck, RestorePlan, RestoreTarget},
    },
    ops::{
        backup::list::find,
        context::Context,
        daemon::{Daemon, Managed},
    },
};

/// The checks that fail on what passes or can be put right while a restore waits for its approval: the database need not
/// stay closed meanwhile.
const PASSING: [&str; 2] = ["MAINTENANCE_MODE", "OPEN_SESSIONS"];

/// The pre-flight of restoring a backup: in the place of a managed database or, where `into_database` is given, into a new
/// one on its server.
pub async fn plan(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    filename: &str,
    into_database: &str,
    create_roles: bool,
) -> Result<RestorePlan, Failure> {
    let managed = daemon.authorized(context, database)?;
    context.authorize(&daemon.scope_of_backup(filename).await)?;
    let target = if into_database.is_empty() {
        RestoreTarget::Live
    } else {
        request::into(into_database)?
    };
    check(daemon, managed, filename, &target, create_roles).await
}

/// The same, for use by a restore.
pub async fn check(
    daemon: &Daemon,
    managed: &Managed,
    filename: &str,
    target: &RestoreTarget,
    create_roles: bool,
) -> Result<RestorePlan, Failure> {
    let backup = find(daemon, filename).await?;
    let mut session = managed.database.server_session("pgsteward").await?;
    let is_live = *target == RestoreTarget::Live;
    let mut checks = Vec::new();
    if is_live {
        checks.push(live::backup_database(managed, &backup));
    }
    checks.push(needs::archive(&backup));
    if is_live {
        checks.push(live::maintenance_mode(daemon, managed, &session).await?);
        checks.push(live::open_sessions(managed, &session).await?);
    }
    checks.push(needs::server_version(&session, &backup).await?);
    checks.push(needs::tools_version(daemon, &session).await?);
    checks.push(contents::disk_space(&session, managed, &backup).await?);
    checks.push(contents::extensions(&session, &backup).await?);
    checks.push(contents::missing_roles(&session, &backup, create_roles).await?);
    checks.push(needs::create_database(&session).await?);
    if let RestoreTarget::Database(name) = target {
        checks.push(needs::database_exists(&session, name).await?);
    }
    if is_live {
        checks.push(live::database_owner(&session, managed).await?);
        checks.push(live::database_properties(&mut session, managed).await?);
        checks.push(live::prepared_transactions(&session, managed).await?);
        checks.push(live::replication_slots(&session, managed).await?);
        checks.extend(live::owners(managed).await?);
    }
    session.close().await;
    Ok(RestorePlan {
        database: managed.name().to_owned(),
        backup,
        checks,
    })
}

/// Refuses with all failed checks at once.
pub fn require_ready(plan: &RestorePlan) -> Result<(), Failure> {
    refuse_for(plan, &[])
}

/// Refuses a restore that will wait for its approval: with all failed checks but those that may pass until then. They are
/// asked again when it goes on.
pub fn require_nearly_ready(plan: &RestorePlan) -> Result<(), Failure> {
    refuse_for(plan, &PASSING)
}

fn refuse_for(plan: &RestorePlan, let_pass: &[&str]) -> Result<(), Failure> {
    let mut preconditions = plan.violations();
    preconditions.retain(|violation| !let_pass.contains(&violation.kind.as_str()));
    let Some(first) = preconditions.first() else {
        return Ok(());
    };
    // One failed check gives its own name as the reason, so that a client can act on it.
    let (reason, message) = match preconditions.len() {
        1 => (first.kind.as_str(), first.description.clone()),
        count => (
            "RESTORE_NOT_READY",
            format!(
                "{count} things stand against the restore, the first: {}",
                first.description
            ),
        ),
    };
    Err(Failure {
        preconditions: preconditions.clone(),
        ..Failure::new(Kind::FailedPrecondition, reason, message)
    }
    .with_hint("PlanRestore shows every check"))
}

fn check_that(name: &'static str, passed: bool, good: String, bad: String) -> RestoreCheck {
    RestoreCheck {
        name,
        passed,
        message: if passed { good } else { bad },
    }
}
