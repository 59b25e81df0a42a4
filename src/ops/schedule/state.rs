//! How the jobs stand: what is recorded of them, which are overdue, and the recording of what becomes of their runs.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    model::{
        alert::Alert,
        failure::Failure,
        schedule::{Job, Known, OpenRun, Overdue, RunState, Verdict},
    },
    ops::daemon::Daemon,
};

/// The configured jobs with what is recorded of each.
pub async fn jobs(daemon: &Daemon) -> Result<Vec<(&Job, Known)>, Failure> {
    let names: Vec<&str> = daemon.jobs.iter().map(|job| job.name.as_str()).collect();
    let now = daemon.scheduling.clock.now();
    let mut known = daemon.store.known_jobs(&names).await?;
    let jobs = daemon.jobs.iter().map(|job| {
        let known = known.remove(&job.name);
        (job, known.unwrap_or_else(|| Known::new(now)))
    });
    Ok(jobs.collect())
}

/// The jobs that are overdue now, by name.
pub async fn overdue(daemon: &Daemon) -> Result<Vec<Overdue>, Failure> {
    if daemon.jobs.is_empty() {
        return Ok(Vec::new());
    }
    let now = daemon.scheduling.clock.now();
    let jobs = jobs(daemon).await?;
    let overdue = jobs
        .iter()
        .filter_map(|(job, known)| job.overdue(known, now));
    let mut overdue: Vec<Overdue> = overdue.collect();
    overdue.sort_by(|left, right| left.job.cmp(&right.job));
    Ok(overdue)
}

/// Records what became of a run. A failure is told at once, save to who asked for the run by hand: they see it.
pub(super) async fn settle(
    daemon: &Arc<Daemon>,
    job: &Job,
    run: &OpenRun,
    verdict: &Verdict,
) -> Result<(), Failure> {
    let (slot, attempt) = (run.slot, run.attempt);
    let alert = match verdict {
        Verdict::Over {
            state: RunState::Failed,
            message,
        } if daemon.scheduling.webhook.is_some() && !run.by_hand => {
            Some(Alert::failed(job, slot, message))
        }
        _ => None,
    };
    let settled = daemon
        .store
        .settle_run(&job.name, run, verdict, alert.as_ref())
        .await?;
    if settled {
        match verdict {
            Verdict::Over { state, message } => {
                tracing::info!(job = job.name, %slot, attempt, state = state.name(), message, "a job's run is over");
            }
            Verdict::Retry { at, message } => {
                tracing::warn!(job = job.name, %slot, attempt, %at, message, "a job's run failed and is tried again");
            }
        }
        daemon.scheduling.alerted.notify_one();
    }
    Ok(())
}

/// Records that a job is overdue, or that it is good again, and has it told: by the one daemon that recorded it.
pub(super) async fn note_overdue(
    daemon: &Daemon,
    job: &Job,
    known: &Known,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let telling = daemon.scheduling.webhook.is_some();
    let (since, alert) = match (job.overdue(known, now), known.overdue_since) {
        (Some(overdue), recorded) if recorded.is_none() || telling && !known.overdue_told => {
            let alert = telling.then(|| Alert::overdue(&overdue));
            (Some(overdue.since), alert)
        }
        (None, Some(since)) => {
            // What nobody was told of needs no end, and a job that was paused is not good again.
            let told = telling && known.overdue_told && known.paused(now).is_none();
            (None, told.then(|| Alert::recovered(job, since)))
        }
        _ => return Ok(()),
    };
    let marked = daemon
        .store
        .mark_overdue(&job.name, since, alert.as_ref())
        .await?;
    if marked {
        if let Some(since) = since {
            tracing::warn!(job = job.name, %since, "a job is overdue");
        } else {
            tracing::info!(job = job.name, "a job is overdue no more");
        }
        daemon.scheduling.alerted.notify_one();
    }
    Ok(())
}
