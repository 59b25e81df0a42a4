//! PauseSchedule and ResumeSchedule. Both stand in the control store: they last, and hold for all daemons.

use chrono::{DateTime, Utc};

use super::list::{find, scope, shown};
use crate::{
    model::{
        failure::Failure,
        schedule::{Pause, ScheduledJob},
    },
    ops::{audited, context::Context, daemon::Daemon, launch::check_reason},
};

/// Pauses a job, for ever or until a moment. A pause that holds is replaced, so that its reason or end can be changed.
pub async fn pause(
    daemon: &Daemon,
    context: &Context,
    name: &str,
    reason: &str,
    until: Option<DateTime<Utc>>,
) -> Result<ScheduledJob, Failure> {
    audited::immediate(daemon, context, &scope(daemon, name), async {
        let job = find(daemon, name)?;
        check_reason(reason)?;
        let now = daemon.scheduling.clock.now();
        if until.is_some_and(|until| until <= now) {
            return Err(Failure::invalid_field(
                "until_time",
                "must be in the future",
            ));
        }
        let pause = Pause {
            since: now,
            until,
            principal: context.principal.name.clone(),
            reason: reason.to_owned(),
        };
        daemon.store.pause_job(&job.name, &pause).await?;
        daemon.scheduling.changed.notify_one();
        shown(daemon, job).await
    })
    .await
}

/// Ends a job's pause. A job that is not paused stays as it is.
pub async fn resume(
    daemon: &Daemon,
    context: &Context,
    name: &str,
) -> Result<ScheduledJob, Failure> {
    audited::immediate(daemon, context, &scope(daemon, name), async {
        let job = find(daemon, name)?;
        let now = daemon.scheduling.clock.now();
        daemon.store.resume_job(&job.name, now).await?;
        daemon.scheduling.changed.notify_one();
        shown(daemon, job).await
    })
    .await
}
