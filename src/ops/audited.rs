//! Audited: a call that changes something is recorded before it acts, and its end after. What cannot be recorded is
//! refused. Denied calls are recorded too.

use std::future::Future;

use super::{context::Context, daemon::Daemon};
use crate::{
    model::{
        attempts::Attempt,
        audit::AuditOutcome,
        failure::{Failure, Kind},
        operation::Operation,
        permission::Scope,
    },
    state::{ControlStore, audit::NewAuditEntry},
};

/// A recorded call that has not ended.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// The entry's number.
    pub entry: i64,
}

impl Recorded {
    /// Records the end. That it could not be recorded is logged: the deed is done, and the entry stays open.
    pub async fn close(self, store: &ControlStore, failure: Option<&Failure>, operation: &str) {
        let (outcome, reason) = match failure {
            None => (AuditOutcome::Succeeded, ""),
            Some(failure) => (outcome_of(failure), failure.reason.as_str()),
        };
        if let Err(error) = store
            .insert_audit_outcome(self.entry, outcome, reason, operation)
            .await
        {
            let error = Failure::from(error);
            tracing::error!(entry = self.entry, %error, "the outcome of a call could not be recorded");
        }
    }
}

fn outcome_of(failure: &Failure) -> AuditOutcome {
    match failure.kind {
        Kind::PermissionDenied | Kind::Unauthenticated => AuditOutcome::Denied,
        Kind::Cancelled => AuditOutcome::Cancelled,
        _ => AuditOutcome::Failed,
    }
}

/// Authorizes and records a call. Whoever begins closes the record.
pub(super) async fn begin(
    daemon: &Daemon,
    context: &Context,
    scope: &Scope,
) -> Result<Recorded, Failure> {
    let store = &daemon.store;
    let entry = store
        .insert_audit_entry(&NewAuditEntry {
            principal: &context.principal.name,
            peer: &context.peer.to_string(),
            method: context.method.full_name(),
            database: scope.database().unwrap_or_default(),
            request: &context.request,
        })
        .await
        .map_err(unrecorded)?;
    let recorded = Recorded { entry };
    let authorized = context.authorize(scope);
    if let Err(denied) = &authorized {
        recorded.close(store, Some(denied), "").await;
    }
    authorized.map(|()| recorded)
}

/// The refusal of a call that could not be recorded.
fn unrecorded(error: crate::postgres::error::PostgresError) -> Failure {
    let cause = Failure::from(error);
    let retry_after = cause.retry_after;
    let refusal = Failure::new(
        Kind::Unavailable,
        "AUDIT_UNAVAILABLE",
        format!("refused, since it cannot be recorded: {}", cause.message),
    )
    .with_hint("changes are refused until the control store answers again");
    Failure {
        retry_after,
        ..refusal
    }
}

/// A call that ends within the call, about what `scope` says.
pub(super) async fn immediate<T>(
    daemon: &Daemon,
    context: &Context,
    scope: &Scope,
    deed: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let recorded = begin(daemon, context, scope).await?;
    let result = deed.await;
    recorded
        .close(&daemon.store, result.as_ref().err(), "")
        .await;
    result
}

/// A call that starts an operation: the runner records the end when the operation ends, or here when it does not start.
pub(super) async fn operation(
    daemon: &Daemon,
    context: &Context,
    scope: &Scope,
    start: impl AsyncFnOnce(Recorded) -> Result<Operation, Failure>,
) -> Result<Operation, Failure> {
    let recorded = begin(daemon, context, scope).await?;
    let started = start(recorded).await;
    if let Err(refusal) = &started {
        recorded.close(&daemon.store, Some(refusal), "").await;
    }
    started
}

/// So many failed attempts to call, all from one address and the last of them this one: recorded as denied.
pub(super) async fn refused(daemon: &Daemon, attempt: &Attempt, count: u64) -> Result<(), Failure> {
    let entry = daemon
        .store
        .insert_audit_entry(&NewAuditEntry {
            principal: &attempt.claimed,
            peer: &attempt.peer.to_string(),
            method: &attempt.method,
            database: "",
            request: &serde_json::json!({ "failedAttempts": count }),
        })
        .await
        .map_err(unrecorded)?;
    let denial = Failure::new(
        Kind::Unauthenticated,
        &attempt.reason,
        "the caller is not known",
    );
    Recorded { entry }
        .close(&daemon.store, Some(&denial), "")
        .await;
    Ok(())
}

/// Something that the daemon does of itself, to keep things in order: recorded like a call, by the principal `daemon`.
pub(super) async fn housekeeping<T>(
    daemon: &Daemon,
    what: &str,
    database: &str,
    details: serde_json::Value,
    deed: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let method = format!("housekeeping/{what}");
    let entry = daemon
        .store
        .insert_audit_entry(&NewAuditEntry {
            principal: "daemon",
            peer: "",
            method: &method,
            database,
            request: &details,
        })
        .await
        .map_err(unrecorded)?;
    let result = deed.await;
    let recorded = Recorded { entry };
    recorded
        .close(&daemon.store, result.as_ref().err(), "")
        .await;
    result
}
