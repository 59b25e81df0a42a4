//! RollbackRestore: the newest replaced database takes its place again; the one that was restored is kept in its stead.

use std::sync::Arc;

use super::{replaced::standing, restore_backup::check_confirmation, swap};
use crate::{
    model::{
        failure::{Failure, Kind},
        operation::{Operation, Outcome},
        restore::RestoreResult,
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::{check_reason, launch},
        maintenance::mode,
        runner::job::Job,
        turn::{Turn, Work},
    },
};

/// Starts a rollback.
pub async fn rollback(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    confirm: &str,
    reason: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        check_confirmation(&managed, confirm)?;
        // It is for the audit log, which holds the whole request.
        check_reason(reason)?;
        mode::require(daemon, &managed).await?;
        let name = newest(daemon, &managed).await?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, &name).await })
    })
    .await
}

async fn newest(daemon: &Daemon, managed: &Managed) -> Result<String, Failure> {
    let newest = standing(daemon, managed).await?.into_iter().next();
    newest.map(|replaced| replaced.name).ok_or_else(|| {
        Failure::new(
            Kind::FailedPrecondition,
            "NO_REPLACED_DATABASE",
            format!(
                "no replaced database of {:?} stands on the server",
                managed.name()
            ),
        )
        .with_hint("restore the pre-restore backup instead; ListBackups shows it")
    })
}

/// `name` is what was the newest when the call came in. Should another swap have come in between, going back would go to
/// another state than the caller saw.
async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    name: &str,
) -> Result<Outcome, Failure> {
    let patience = daemon.settings.lock_wait;
    let turn = Turn::take(&managed.database, Work::Restore, job, patience).await?;
    job.enter(1, 1, "swap");
    let swapped = async {
        mode::require(daemon, managed).await?;
        if newest(daemon, managed).await? != name {
            return Err(Failure::new(
                Kind::Aborted,
                "REPLACED_DATABASE_CHANGED",
                format!(
                    "{name:?} is no longer the newest replaced database of {:?}",
                    managed.name()
                ),
            )
            .with_hint(
                "see ListReplacedDatabases, then call RollbackRestore again if it is still wanted",
            ));
        }
        let replaced = swap::swap(daemon, managed, &turn, job.id(), name).await?;
        daemon.store.strike_replaced(name).await?;
        Ok::<_, Failure>(replaced)
    }
    .await;
    turn.end().await;
    Ok(Outcome::Restore(RestoreResult {
        database: managed.name().to_owned(),
        filename: String::new(),
        pre_restore_backup: String::new(),
        replaced: swapped?,
        verified_tables: 0,
        verified_rows: 0,
    }))
}
