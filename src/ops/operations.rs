//! OperationService's methods: look at, wait for and cancel operations.

use uuid::Uuid;

use super::{audited, context::Context, daemon::Daemon};
use crate::{
    model::{failure::Failure, operation::Operation, page::Page},
    state::operations::OperationFilter,
};

/// One operation.
pub async fn get(daemon: &Daemon, context: &Context, id: &str) -> Result<Operation, Failure> {
    context.authorize()?;
    daemon.runner.get(parse_id("id", id)?).await
}

/// Operations, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    filter: &OperationFilter,
    page: &Page,
) -> Result<(Vec<Operation>, Option<String>), Failure> {
    context.authorize()?;
    daemon.store.operations(filter, page).await
}

/// The operation at its next change after `seen`.
pub async fn changed(daemon: &Daemon, seen: &Operation) -> Result<Operation, Failure> {
    daemon.runner.changed(seen).await
}

/// The operation when it is done. The caller bounds the waiting.
pub async fn done(daemon: &Daemon, context: &Context, id: &str) -> Result<Operation, Failure> {
    context.authorize()?;
    daemon.runner.done(parse_id("id", id)?).await
}

/// Asks the operation to stop.
pub async fn cancel(daemon: &Daemon, context: &Context, id: &str) -> Result<Operation, Failure> {
    // Only to name its database in the record; what is wrong with the id is said after the permission was looked at.
    let database = match parse_id("id", id) {
        Ok(id) => daemon
            .runner
            .get(id)
            .await
            .map(|operation| operation.database),
        Err(failure) => Err(failure),
    };
    audited::immediate(daemon, context, database.ok().as_deref(), async {
        daemon.runner.cancel(parse_id("id", id)?).await
    })
    .await
}

/// Reads the id of an operation from a request's field.
pub(super) fn parse_id(field: &str, id: &str) -> Result<Uuid, Failure> {
    id.parse()
        .map_err(|_| Failure::invalid_field(field, "must be an operation's id, a UUID"))
}
