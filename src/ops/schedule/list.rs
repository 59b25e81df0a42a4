//! ListSchedules, ListScheduleRuns and RunSchedule.

use std::sync::Arc;

use chrono::TimeDelta;

use super::fire::{look_when_done, start};
use crate::{
    model::{
        failure::{Failure, Kind},
        operation::Operation,
        page::Page,
        permission::Scope,
        schedule::{Job, JobRun, Known, ScheduledJob},
    },
    ops::{audited, context::Context, daemon::Daemon},
};

/// How many runs of each job a list shows.
const SHOWN_RUNS: usize = 10;

/// So many ticks within a pause are stepped over to find the next one that runs.
const MOST_PAUSED: usize = 10_000;

/// The jobs by name, with their next and last runs; of one managed database, or of all that the caller may see.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<Vec<ScheduledJob>, Failure> {
    let asked = (!database.is_empty()).then_some(database);
    let reach = context.reach_of(asked)?;
    if !database.is_empty() {
        daemon.managed(database)?;
    }
    let mut jobs = Vec::new();
    for job in &daemon.jobs {
        if reach.includes(&job.database) {
            jobs.push(shown(daemon, job).await?);
        }
    }
    jobs.sort_by(|left, right| left.job.name.cmp(&right.job.name));
    Ok(jobs)
}

/// The runs of one job, the latest first, and the token of the next page.
pub async fn runs(
    daemon: &Daemon,
    context: &Context,
    name: &str,
    page: &Page,
) -> Result<(Vec<JobRun>, Option<String>), Failure> {
    context.authorize(&scope(daemon, name))?;
    let job = find(daemon, name)?;
    daemon.store.job_runs(&job.name, page).await
}

/// Runs a job now, as the caller, beside its schedule: also one that is paused.
pub async fn run_now(
    daemon: &Arc<Daemon>,
    context: &Context,
    name: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    audited::immediate(daemon, context, &scope(daemon, name), async {
        let job = find(daemon, name)?;
        let slot = daemon.scheduling.clock.now();
        let operation = start(daemon, context, job, request_id).await?;
        daemon
            .store
            .record_run_by_hand(&job.name, slot, operation.id)
            .await?;
        look_when_done(daemon, operation.id);
        Ok(operation)
    })
    .await
}

/// A job as lists show it.
pub(super) async fn shown(daemon: &Daemon, job: &Job) -> Result<ScheduledJob, Failure> {
    let now = daemon.scheduling.clock.now();
    let mut known = daemon.store.known_jobs(&[job.name.as_str()]).await?;
    let known = known.remove(&job.name).unwrap_or_else(|| Known::new(now));
    let page = Page {
        size: SHOWN_RUNS,
        after: None,
    };
    let (runs, _) = daemon.store.job_runs(&job.name, &page).await?;
    // A tick that jitter puts off has come, but is not due.
    let jitter = TimeDelta::from_std(job.rules.jitter).unwrap_or_default();
    let mut next = job.next_after(known.considered.max(now - jitter));
    while let Some(slot) = next.filter(|slot| job.due_at(*slot) <= now) {
        next = job.next_after(slot);
    }
    if known
        .pause
        .as_ref()
        .is_some_and(|pause| pause.until.is_none())
    {
        next = next.filter(|slot| known.paused(*slot).is_none());
    }
    for _ in 0..MOST_PAUSED {
        next = match next {
            Some(slot) if known.paused(slot).is_some() => job.next_after(slot),
            _ => break,
        };
    }
    Ok(ScheduledJob {
        next: next.map(|slot| job.due_at(slot)),
        overdue: job.overdue(&known, now),
        pause: known.paused(now).cloned(),
        known,
        runs,
        job: job.clone(),
    })
}

pub(super) fn find<'a>(daemon: &'a Daemon, name: &str) -> Result<&'a Job, Failure> {
    daemon
        .jobs
        .iter()
        .find(|job| job.name == name)
        .ok_or_else(|| {
            Failure::new(
                Kind::NotFound,
                "SCHEDULE_NOT_FOUND",
                format!("there is no job {name:?}"),
            )
            .with_hint("ListSchedules shows the jobs")
        })
}

/// What a call about a job is about: the job's database.
pub(super) fn scope(daemon: &Daemon, name: &str) -> Scope {
    let known = find(daemon, name).ok();
    Scope::Thing(known.map(|job| job.database.clone()))
}
