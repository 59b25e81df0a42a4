//! Audited: a call that changes something is recorded before it acts, and its end after. What cannot be recorded is
//! refused. Denied calls are recorded too.
//!
//! Calls that only read, and callers that are not let in, are recorded in the daemon's spool, without a look at the control
//! store; `audit::keeper` moves them there.

use std::{future::Future, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{context::Context, daemon::Daemon};
use crate::{
    model::{
        attempts::Attempt,
        audit::{
            AuditOutcome,
            spooled::{SpooledCall, SpooledKind},
        },
        failure::{Failure, Kind},
        method::Method,
        operation::Operation,
        permission::Scope,
    },
    state::{ControlStore, audit::append::NewAuditEntry, spool::Lane},
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
        .map_err(|cause| unrecorded(&cause))?;
    let recorded = Recorded { entry };
    let authorized = context.authorize(scope);
    if let Err(denied) = &authorized {
        recorded.close(store, Some(denied), "").await;
    }
    authorized.map(|()| recorded)
}

/// The refusal of a call that could not be recorded.
fn unrecorded(cause: &Failure) -> Failure {
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
        .map_err(|cause| unrecorded(&cause))?;
    let result = deed.await;
    let recorded = Recorded { entry };
    recorded
        .close(&daemon.store, result.as_ref().err(), "")
        .await;
    result
}

/// A call that only read, once its answer is ready to leave.
#[derive(Debug)]
pub struct ReadCall<'a> {
    /// Who called.
    pub principal: &'a str,
    /// The caller's address.
    pub peer: &'a str,
    /// The method.
    pub method: Method,
    /// The managed database as named in the call; none when the call names none.
    pub database: Option<&'a str>,
    /// The request as JSON; null where it could not be read.
    pub request: Value,
    /// The outcome, and the stable reason of a failure or refusal.
    pub outcome: (AuditOutcome, &'a str),
    /// When the call began.
    pub time: DateTime<Utc>,
    /// From then to its answer, or to the answer's beginning.
    pub duration: Duration,
}

/// Records a call that only read, where that is configured. Fails where it cannot be recorded: then it is not to be
/// answered, except a poll, which people need to see what is wrong.
pub fn read(daemon: &Daemon, call: ReadCall<'_>) -> Result<(), Failure> {
    if !daemon.settings.audit_reads {
        return Ok(());
    }
    let is_poll = call.method.is_polled();
    let lane = if is_poll { Lane::Polls } else { Lane::Calls };
    let (outcome, reason) = call.outcome;
    let database = call.database.map(|name| daemon.full_name(name));
    let written = daemon.spool.write(
        lane,
        &SpooledCall {
            source: Uuid::now_v7(),
            kind: SpooledKind::Read,
            happened_at: call.time,
            principal: call.principal.to_owned(),
            peer: call.peer.to_owned(),
            method: call.method.full_name().to_owned(),
            database: database.unwrap_or_default().to_owned(),
            request: call.request,
            outcome: outcome.name().to_owned(),
            reason: reason.to_owned(),
            duration: u64::try_from(call.duration.as_micros()).unwrap_or(u64::MAX),
            calls: 1,
        },
    );
    match written {
        Err(error) if is_poll => {
            let error = Failure::from(error);
            tracing::warn!(%error, method = call.method.name(), "answered without a record");
            Ok(())
        }
        other => other.map_err(Failure::from),
    }
}

/// The longest text of a caller that was not let in that is kept, in bytes.
const KEPT_OF_STRANGERS: usize = 256;

/// Records so many failed attempts to call, all from one address and the last of them this one. It writes to the spool and
/// never waits for the control store; where it cannot, the log has it.
pub(super) fn refused(daemon: &Daemon, attempt: &Attempt, count: u64) {
    let kept = |text: &str| text[..text.floor_char_boundary(KEPT_OF_STRANGERS)].to_owned();
    let written = daemon.spool.write(
        Lane::Calls,
        &SpooledCall {
            source: Uuid::now_v7(),
            kind: SpooledKind::Refusal,
            happened_at: Utc::now(),
            principal: kept(&attempt.claimed),
            peer: attempt.peer.to_string(),
            method: kept(&attempt.method),
            database: String::new(),
            request: Value::Null,
            outcome: AuditOutcome::Denied.name().to_owned(),
            reason: attempt.reason.clone(),
            duration: 0,
            calls: count.max(1),
        },
    );
    if let Err(error) = written {
        let error = Failure::from(error);
        tracing::warn!(%error, ?attempt, "a refused caller could not be recorded");
    }
}
