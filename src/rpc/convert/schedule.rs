//! Schedules as messages.

use super::timestamp;
use crate::{
    model::schedule::{JobRun, ScheduledJob},
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
