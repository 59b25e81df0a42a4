//! Operations as messages.

use chrono::Utc;

use super::{int32, int64, timestamp};
use crate::{
    model::{
        failure::{Failure, PreconditionViolation},
        operation::{Operation, OperationApproval, OperationState, Outcome, Progress},
    },
    proto::{self, operation::Outcome as ProtoOutcome},
    rpc::status::{code, code_name},
};

/// The answer of a method that was asked only to validate: an operation that is done and was never recorded.
pub(in crate::rpc) fn validated(
    method: &str,
    database: &str,
    outcome: ProtoOutcome,
) -> proto::Operation {
    proto::Operation {
        method: method.to_owned(),
        database: database.to_owned(),
        state: proto::OperationState::Succeeded.into(),
        done: true,
        outcome: Some(outcome),
        ..proto::Operation::default()
    }
}

/// The state that a filter names; none for unspecified.
pub(in crate::rpc) fn state_filter(state: proto::OperationState) -> Option<OperationState> {
    OperationState::ALL
        .into_iter()
        .find(|candidate| proto::OperationState::from(*candidate) == state)
}

impl From<OperationState> for proto::OperationState {
    fn from(state: OperationState) -> Self {
        match state {
            OperationState::AwaitingApproval => Self::AwaitingApproval,
            OperationState::Queued => Self::Queued,
            OperationState::Running => Self::Running,
            OperationState::Cancelling => Self::Cancelling,
            OperationState::Succeeded => Self::Succeeded,
            OperationState::Failed => Self::Failed,
            OperationState::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Operation> for proto::Operation {
    fn from(operation: Operation) -> Self {
        let estimate = (!operation.state.is_final())
            .then(|| operation.progress.estimated_end(Utc::now()))
            .flatten();
        Self {
            id: operation.id.to_string(),
            method: operation.method,
            database: operation.database,
            state: proto::OperationState::from(operation.state).into(),
            done: operation.state.is_final(),
            principal: operation.principal,
            request_id: operation.request_id,
            create_time: Some(timestamp(operation.create_time)),
            start_time: operation.start_time.map(timestamp),
            end_time: operation.end_time.map(timestamp),
            progress: Some(proto::OperationProgress {
                estimated_end_time: estimate.map(timestamp),
                ..operation.progress.into()
            }),
            outcome: operation.outcome.map(Into::into),
            approval: operation.approval.map(Into::into),
        }
    }
}

impl From<OperationApproval> for proto::OperationApproval {
    fn from(approval: OperationApproval) -> Self {
        let expire_time = Some(timestamp(approval.expire_time));
        match approval.given {
            None => Self {
                expire_time,
                ..Self::default()
            },
            Some(given) => Self {
                expire_time,
                approve_time: Some(timestamp(given.time)),
                principal: given.principal,
                reason: given.reason,
            },
        }
    }
}

impl From<Progress> for proto::OperationProgress {
    fn from(progress: Progress) -> Self {
        Self {
            stage: progress.stage,
            stage_number: int32(progress.stage_number),
            stage_count: int32(progress.stage_count),
            message: progress.message,
            done_units: int64(progress.done_units),
            total_units: int64(progress.total_units),
            unit: progress.unit,
            bytes: int64(progress.bytes),
            estimated_end_time: None,
        }
    }
}

impl From<Result<Outcome, Failure>> for ProtoOutcome {
    fn from(outcome: Result<Outcome, Failure>) -> Self {
        match outcome {
            Ok(Outcome::Backup(backup)) => Self::Backup((*backup).into()),
            Ok(Outcome::Retention(result)) => Self::Retention(result.into()),
            Ok(Outcome::Migration(result)) => Self::Migration(result.into()),
            Ok(Outcome::Restore(result)) => Self::Restore(result.into()),
            Ok(Outcome::Optimize(result)) => Self::Optimize(result.into()),
            Ok(Outcome::Reindex(result)) => Self::Reindex(result.into()),
            Ok(Outcome::Maintenance(state)) => Self::Maintenance(state.into()),
            Ok(Outcome::Review(review)) => Self::Review(review.into()),
            Ok(Outcome::Drift(report)) => Self::Drift(report.into()),
            Ok(Outcome::Stamp(result)) => Self::Stamp(result.into()),
            Ok(Outcome::Drill(drill)) => Self::Drill(drill.into()),
            Ok(Outcome::Autogenerate(result)) => Self::Autogenerate(result.into()),
            Ok(Outcome::Privileges(report)) => Self::Privileges(report.into()),
            Ok(Outcome::Provisioned(result)) => Self::Provisioned(result.into()),
            Err(failure) => Self::Error(proto::OperationError {
                code: code_name(code(failure.kind)).to_owned(),
                reason: failure.reason,
                message: failure.message,
                hint: failure.hint.unwrap_or_default(),
                preconditions: failure.preconditions.into_iter().map(Into::into).collect(),
            }),
        }
    }
}

impl From<PreconditionViolation> for proto::OperationPrecondition {
    fn from(violation: PreconditionViolation) -> Self {
        Self {
            r#type: violation.kind,
            subject: violation.subject,
            description: violation.description,
        }
    }
}
