//! Schedules as messages.

use super::{int32, int64, timestamp};
use crate::{
    model::schedule::{JobRun, Overdue, Pause, RunState, ScheduledJob},
    proto,
};

impl From<ScheduledJob> for proto::Schedule {
    fn from(scheduled: ScheduledJob) -> Self {
        let (job, known) = (scheduled.job, scheduled.known);
        let runs: Vec<proto::ScheduleRun> = scheduled.runs.into_iter().map(Into::into).collect();
        Self {
            name: job.name,
            database: job.database,
            method: job.method.name().to_owned(),
            cron: job.cron.pattern.to_string(),
            time_zone: job.time_zone.name().to_owned(),
            next_run_time: scheduled.next.map(timestamp),
            last_run: runs.first().cloned(),
            pause: scheduled.pause.map(Into::into),
            last_success_time: known.last_success.map(timestamp),
            missed_count: int64(known.missed),
            overdue: scheduled.overdue.map(Into::into),
            recent_runs: runs,
        }
    }
}

impl From<Pause> for proto::SchedulePause {
    fn from(pause: Pause) -> Self {
        Self {
            start_time: Some(timestamp(pause.since)),
            until_time: pause.until.map(timestamp),
            principal: pause.principal,
            reason: pause.reason,
        }
    }
}

impl From<Overdue> for proto::OverdueJob {
    fn from(overdue: Overdue) -> Self {
        Self {
            name: overdue.job,
            since_time: Some(timestamp(overdue.since)),
            last_success_time: overdue.last_success.map(timestamp),
            last_error: overdue.last_error,
        }
    }
}

impl From<RunState> for proto::RunState {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Claimed => Self::Claimed,
            RunState::Started => Self::Started,
            RunState::Retrying => Self::Retrying,
            RunState::Succeeded => Self::Succeeded,
            RunState::Failed => Self::Failed,
            RunState::Cancelled => Self::Cancelled,
            RunState::Missed => Self::Missed,
            RunState::Skipped => Self::Skipped,
        }
    }
}

impl From<JobRun> for proto::ScheduleRun {
    fn from(run: JobRun) -> Self {
        let state = run
            .operation_state
            .map_or(proto::OperationState::Unspecified, Into::into);
        Self {
            slot_time: Some(timestamp(run.slot)),
            operation_id: run
                .operation_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
            state: state.into(),
            message: run.message,
            run_state: proto::RunState::from(run.state).into(),
            attempt: int32(run.attempt),
            ticks: int64(run.ticks),
            by_hand: run.by_hand,
            retry_time: run.retry_at.map(timestamp),
            end_time: run.ended_at.map(timestamp),
        }
    }
}
