//! RollbackRestore: a replaced database takes its place again; the one that was restored is kept in its stead.

use std::sync::Arc;

use super::{replaced::standing, request::check_confirmation, swap};
use crate::{
    model::{
        failure::{Failure, Kind},
        method::Method,
        operation::{Operation, Outcome},
        restore::RestoreResult,
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::{check_reason, launch_approved},
        maintenance::mode,
        runner::job::Job,
        turn::{Turn, Work},
    },
};

/// Starts a rollback. It replaces the live database like a restore, and so waits for a second person where one is asked
/// for; which replaced database takes its place is settled here.
pub async fn rollback(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    confirm: &str,
    reason: &str,
    replaced_database: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    let approval_time = daemon.settings.restore.approval_time;
    launch_approved(
        daemon,
        context,
        database,
        request_id,
        approval_time,
        async |managed| {
            check_confirmation(managed.name(), confirm)?;
            // It is for the audit log, which holds the whole request.
            check_reason(reason)?;
            if approval_time.is_none() {
                mode::require(daemon, &managed).await?;
            }
            let name = target(daemon, &managed, replaced_database).await?;
            let daemon = Arc::clone(daemon);
            Ok(move |job| async move { run(&daemon, &managed, &job, &name).await })
        },
    )
    .await
}

/// The replaced database that is to take its place again. A call that names none goes back from the last restore; it never
/// undoes a rollback, so that a caller who lost the answer may repeat it.
async fn target(daemon: &Daemon, managed: &Managed, named: &str) -> Result<String, Failure> {
    let standing = standing(daemon, managed).await?;
    let candidates = || {
        standing
            .iter()
            .map(|replaced| replaced.name.as_str())
            .collect::<Vec<_>>()
    };
    let refused = |reason, message: String| Failure::new(Kind::FailedPrecondition, reason, message);
    if !named.is_empty() {
        return match standing.iter().find(|replaced| replaced.name == named) {
            Some(replaced) => Ok(replaced.name.clone()),
            None => Err(refused(
                "NO_REPLACED_DATABASE",
                format!(
                    "no replaced database {named:?} of {:?} stands on the server",
                    managed.name()
                ),
            )
            .with_hint(format!("these stand: {:?}", candidates()))),
        };
    }
    match standing.first() {
        None => Err(refused(
            "NO_REPLACED_DATABASE",
            format!(
                "no replaced database of {:?} stands on the server",
                managed.name()
            ),
        )
        .with_hint("restore the pre-restore backup instead; ListBackups shows it")),
        Some(newest) if newest.method == Method::Restore.name() => Ok(newest.name.clone()),
        Some(newest) => Err(refused(
            "ALREADY_ROLLED_BACK",
            format!(
                "the last swap of {:?} was a rollback, which set {:?} aside",
                managed.name(),
                newest.name
            ),
        )
        .with_hint(format!(
            "to go on from there, name the database in replaced_database: {:?}",
            candidates()
        ))),
    }
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    name: &str,
) -> Result<Outcome, Failure> {
    job.approved().await?;
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Restore, job, patience).await?;
    job.enter(1, 1, "swap");
    let swapped = async {
        mode::require(daemon, managed).await?;
        target(daemon, managed, name).await?;
        let replaced = swap::swap(daemon, managed, &turn, job, name).await?;
        daemon.store.strike_replaced(name).await?;
        Ok::<_, Failure>(replaced)
    }
    .await;
    turn.end().await;
    Ok(Outcome::Restore(RestoreResult {
        database: managed.name().to_owned(),
        replaced: Some(swapped?),
        stages: job.durations(),
        ..RestoreResult::default()
    }))
}
