//! Schedules and the audit log as messages.

use super::{duration, timestamp};
use crate::{
    model::{
        audit::{AuditEntry, AuditOutcome},
        schedule::{JobRun, ScheduledJob},
    },
    proto,
};

impl From<ScheduledJob> for proto::Schedule {
    fn from(scheduled: ScheduledJob) -> Self {
        let job = scheduled.job;
        Self {
            name: job.name,
            database: job.database,
            method: job.method.name().to_owned(),
            cron: job.cron.pattern.to_string(),
            time_zone: job.time_zone.name().to_owned(),
            next_run_time: scheduled.next.map(timestamp),
            last_run: scheduled.last.map(Into::into),
        }
    }
}

impl From<JobRun> for proto::ScheduleRun {
    fn from(run: JobRun) -> Self {
        let state = run
            .state
            .map_or(proto::OperationState::Unspecified, Into::into);
        Self {
            slot_time: Some(timestamp(run.slot)),
            operation_id: run
                .operation_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
            state: state.into(),
            message: run.message,
        }
    }
}

impl From<AuditOutcome> for proto::AuditOutcome {
    fn from(outcome: AuditOutcome) -> Self {
        match outcome {
            AuditOutcome::Succeeded => Self::Succeeded,
            AuditOutcome::Failed => Self::Failed,
            AuditOutcome::Denied => Self::Denied,
            AuditOutcome::Cancelled => Self::Cancelled,
        }
    }
}

impl From<AuditEntry> for proto::AuditEntry {
    fn from(entry: AuditEntry) -> Self {
        let outcome = entry
            .end
            .as_ref()
            .map_or(proto::AuditOutcome::Started, |end| end.outcome.into());
        let (reason, took) = entry
            .end
            .map(|end| (end.reason, duration(end.duration)))
            .unzip();
        Self {
            id: entry.id,
            time: Some(timestamp(entry.time)),
            principal: entry.principal,
            peer: entry.peer,
            method: entry.method,
            database: entry.database,
            request_json: entry.request.to_string(),
            outcome: outcome.into(),
            reason: reason.unwrap_or_default(),
            operation_id: entry.operation_id,
            duration: took,
        }
    }
}
