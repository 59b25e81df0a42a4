//! ApproveRestore: a second person lets a restore, or a rollback, go on that waits for one.
//!
//! The approval is written into the control store; the daemon that runs the operation sees it there, whichever daemon was
//! called.

use uuid::Uuid;

use crate::{
    model::{
        failure::{Failure, Kind},
        operation::{Operation, OperationState},
    },
    ops::{
        audited, context::Context, daemon::Daemon, launch::check_reason, operations::parse_id,
        runner::not_found,
    },
};

/// Approves an operation that waits.
pub async fn approve(
    daemon: &Daemon,
    context: &Context,
    operation_id: &str,
    reason: &str,
) -> Result<Operation, Failure> {
    let scope = daemon.scope_of_operation(operation_id).await;
    audited::immediate(daemon, context, &scope, async {
        check_reason(reason)?;
        let id = parse_id("operation_id", operation_id)?;
        let principal = &context.principal.name;
        let approved = daemon
            .store
            .approve_operation(id, principal, reason)
            .await?;
        let operation = read(daemon, id).await?;
        if approved {
            return Ok(operation);
        }
        Err(refusal(&operation, principal))
    })
    .await
}

async fn read(daemon: &Daemon, id: Uuid) -> Result<Operation, Failure> {
    daemon
        .store
        .operation(id)
        .await?
        .ok_or_else(|| not_found(id))
}

fn refusal(operation: &Operation, principal: &str) -> Failure {
    let id = operation.id;
    if operation.state != OperationState::AwaitingApproval {
        return Failure::new(
            Kind::FailedPrecondition,
            "NOT_AWAITING_APPROVAL",
            format!(
                "operation {id} does not wait for an approval: it is {}",
                operation.state.name()
            ),
        );
    }
    if operation.principal == principal {
        return Failure::new(
            Kind::PermissionDenied,
            "SAME_PERSON",
            format!("{principal:?} asked for operation {id}, and cannot approve it"),
        )
        .with_hint("let another admin approve it");
    }
    Failure::new(
        Kind::FailedPrecondition,
        "APPROVAL_LAPSED",
        format!("the time in which operation {id} could be approved is up"),
    )
    .with_hint("ask for it again")
}
