//! OperationService's methods: look at, wait for and cancel operations.

use uuid::Uuid;

use super::{audited, context::Context, daemon::Daemon};
use crate::{
    model::{failure::Failure, operation::Operation, page::Page, permission::Scope},
    state::operations::OperationFilter,
};

/// One operation.
pub async fn get(daemon: &Daemon, context: &Context, id: &str) -> Result<Operation, Failure> {
    context.authorize(&Scope::Any)?;
    let found = daemon.runner.get(parse_id("id", id)?).await;
    let database = found.as_ref().ok().map(|known| known.database.clone());
    context.authorize(&Scope::Thing(database))?;
    found
}

/// Operations on one database, or on all that the caller may see, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: Option<&str>,
    mut filter: OperationFilter,
    page: &Page,
) -> Result<(Vec<Operation>, Option<String>), Failure> {
    filter.databases = context.reach_of(database)?.limit();
    daemon.store.operations(&filter, page).await
}

/// The operation at its next change after `seen`.
pub async fn changed(daemon: &Daemon, seen: &Operation) -> Result<Operation, Failure> {
    daemon.runner.changed(seen).await
}

/// The operation when it is done. The caller bounds the waiting.
pub async fn done(daemon: &Daemon, context: &Context, id: &str) -> Result<Operation, Failure> {
    let known = get(daemon, context, id).await?;
    daemon.runner.done(known.id).await
}

/// Asks the operation to stop.
pub async fn cancel(daemon: &Daemon, context: &Context, id: &str) -> Result<Operation, Failure> {
    let scope = daemon.scope_of_operation(id).await;
    audited::immediate(daemon, context, &scope, async {
        daemon.runner.cancel(parse_id("id", id)?).await
    })
    .await
}

/// Reads the id of an operation from a request's field.
pub(super) fn parse_id(field: &str, id: &str) -> Result<Uuid, Failure> {
    id.parse()
        .map_err(|_| Failure::invalid_field(field, "must be an operation's id, a UUID"))
}
