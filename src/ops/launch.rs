//! Launch: the one way in which a method starts an operation: authorize and record the call, find the database, let the
//! method prepare (and refuse), then hand its work to the runner.

use std::{future::Future, sync::Arc, time::Duration};

use super::{
    audited::{self, Recorded},
    backup,
    context::Context,
    daemon::{Daemon, Managed},
    runner::{Start, job::Job},
};
use crate::model::{
    backup::Manifest,
    failure::Failure,
    operation::{Operation, Outcome},
    permission::Scope,
};

/// The longest reason that is recorded, in characters.
const REASON_LIMIT: usize = 1000;

/// Starts an operation. `prepare` may refuse with a direct error; what it gives is the work.
pub(super) async fn launch<Prepare, Work, Running>(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request_id: &str,
    prepare: Prepare,
) -> Result<Operation, Failure>
where
    Prepare: AsyncFnOnce(Arc<Managed>) -> Result<Work, Failure>,
    Work: FnOnce(Job) -> Running + Send + 'static,
    Running: Future<Output = Result<Outcome, Failure>> + Send + 'static,
{
    launch_approved(daemon, context, database, request_id, None, prepare).await
}

/// The same for an operation that waits for a second person first, for so long, where a time is given. Its work begins with
/// `Job::approved`.
pub(super) async fn launch_approved<Prepare, Work, Running>(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request_id: &str,
    approval_time: Option<Duration>,
    prepare: Prepare,
) -> Result<Operation, Failure>
where
    Prepare: AsyncFnOnce(Arc<Managed>) -> Result<Work, Failure>,
    Work: FnOnce(Job) -> Running + Send + 'static,
    Running: Future<Output = Result<Outcome, Failure>> + Send + 'static,
{
    once(
        daemon,
        context,
        &daemon.scope(database),
        request_id,
        async |recorded| {
            let managed = Arc::clone(daemon.managed(database)?);
            let work = prepare(Arc::clone(&managed)).await?;
            let start = Start {
                recorded,
                database: managed.name(),
                request_id,
                approval_time,
            };
            daemon.runner.start(context, start, work).await
        },
    )
    .await
}

/// Refuses a reason that says nothing, or more than is recorded.
pub(super) fn check_reason(reason: &str) -> Result<(), Failure> {
    if !reason.trim().is_empty() && reason.chars().count() <= REASON_LIMIT {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "reason",
        format!("must be given, with at most {REASON_LIMIT} characters"),
    ))
}

/// Starts an operation on one backup: the backup must be in the store, and its manifest goes to the work.
pub(super) async fn launch_on_backup<Prepare, Work, Running>(
    daemon: &Arc<Daemon>,
    context: &Context,
    filename: &str,
    request_id: &str,
    prepare: Prepare,
) -> Result<Operation, Failure>
where
    Prepare: FnOnce(Manifest) -> Work,
    Work: FnOnce(Job) -> Running + Send + 'static,
    Running: Future<Output = Result<Outcome, Failure>> + Send + 'static,
{
    let scope = daemon.scope_of_backup(filename).await;
    once(daemon, context, &scope, request_id, async |recorded| {
        let manifest = backup::list::find(daemon, filename).await?;
        let database = manifest.database.clone();
        let work = prepare(manifest);
        let start = Start {
            recorded,
            database: &database,
            request_id,
            approval_time: None,
        };
        daemon.runner.start(context, start, work).await
    })
    .await
}

/// Records the call and starts its operation, or gives the one that the same request started before. That is asked before
/// the request is looked at any closer: what it asked for may be done, and could not be asked for again.
async fn once(
    daemon: &Daemon,
    context: &Context,
    scope: &Scope,
    request_id: &str,
    start: impl AsyncFnOnce(Recorded) -> Result<Operation, Failure>,
) -> Result<Operation, Failure> {
    audited::operation(daemon, context, scope, async |recorded| {
        let runner = &daemon.runner;
        match runner.repeated(context, recorded, request_id).await? {
            Some(earlier) => Ok(earlier),
            None => start(recorded).await,
        }
    })
    .await
}
