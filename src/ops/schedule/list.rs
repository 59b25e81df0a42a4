//! ListSchedules and RunSchedule.

use std::sync::Arc;

use chrono::Utc;

use super::fire::start;
use crate::{
    model::{
        failure::{Failure, Kind},
        operation::Operation,
        permission::Scope,
        schedule::{Job, ScheduledJob},
    },
    ops::{audited, context::Context, daemon::Daemon},
};

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
    let now = Utc::now();
    let mut jobs = Vec::new();
    for job in &daemon.jobs {
        if reach.includes(&job.database) {
            jobs.push(ScheduledJob {
                next: job.next_after(now),
                last: daemon.store.last_run(&job.name).await?,
                job: job.clone(),
            });
        }
    }
    jobs.sort_by(|left, right| left.job.name.cmp(&right.job.name));
    Ok(jobs)
}

/// Runs a job now, as the caller, beside its schedule.
pub async fn run_now(
    daemon: &Arc<Daemon>,
    context: &Context,
    name: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    let known = find(daemon, name).ok();
    let scope = Scope::Thing(known.map(|job| job.database.clone()));
    audited::immediate(daemon, context, &scope, async {
        let job = find(daemon, name)?;
        let slot = Utc::now();
        let operation = start(daemon, context, job, request_id).await?;
        if daemon.store.has_run(&job.name, operation.id).await? {
            // The same request once more: the run is recorded, and what follows it is under way.
            return Ok(operation);
        }
        daemon.store.claim_slot(&job.name, slot).await?;
        daemon
            .store
            .close_slot(&job.name, slot, Some(operation.id), "")
            .await?;
        Ok(operation)
    })
    .await
}

fn find<'a>(daemon: &'a Daemon, name: &str) -> Result<&'a Job, Failure> {
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
