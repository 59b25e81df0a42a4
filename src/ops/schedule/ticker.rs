//! The ticker: looks at the jobs whenever one is due, and does what `model::schedule::plan` says.
//!
//! tokio-cron-scheduler is armed with one-shot jobs for instants that `model::schedule` computes: its own cron maths keeps
//! the UTC offset of the day on which a job was made, and so is an hour off after a change of daylight saving time. Its
//! instants are monotonic; so each tick is compared with the wall clock, which is also looked at every two seconds, for
//! the case that it was set, and for what other daemons did meanwhile.
//!
//! What was missed while the control store was away is seen when it is back: nothing is remembered but there.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job as OneShot, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use super::{fire, state};
use crate::{
    model::{
        failure::{Failure, chain},
        method::Method,
        schedule::{Around, Job, Known, OpenRun, RunState, Step, Verdict, plan},
    },
    ops::daemon::Daemon,
};

/// How often the jobs are looked at without a tick.
const LOOK: Duration = Duration::from_secs(2);

/// So many steps are taken for a job in one look; the next look goes on.
const MOST_STEPS: usize = 20;

/// tokio-cron-scheduler drops the fractions of seconds, and so would wake us in the second before.
const ROUNDING: Duration = Duration::from_secs(1);

/// How long the ticker rests after it has failed.
const REST: Duration = Duration::from_secs(30);

/// Runs the jobs by the clock, until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) {
    if daemon.jobs.is_empty() {
        return;
    }
    while let Err(error) = tick(&daemon, &stop).await {
        tracing::error!(error = %chain(&error), "the schedule has failed; starting it again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REST) => {}
        }
    }
}

async fn tick(daemon: &Arc<Daemon>, stop: &CancellationToken) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    scheduler.start().await?;
    let ticked = tick_with(&scheduler, daemon, stop).await;
    let shut_down = scheduler.shutdown().await;
    // One that was told to stop has nothing left to fail at.
    if stop.is_cancelled() {
        return Ok(());
    }
    ticked.and(shut_down)
}

async fn tick_with(
    scheduler: &JobScheduler,
    daemon: &Arc<Daemon>,
    stop: &CancellationToken,
) -> Result<(), JobSchedulerError> {
    let (sender, mut ticks) = mpsc::unbounded_channel();
    let mut armed: Option<DateTime<Utc>> = None;
    let mut away = false;
    let mut clock = daemon.scheduling.clock.clone();
    loop {
        // What is claimed and not started when the daemon is stopped, the next one starts.
        let looked = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            looked = look(daemon) => looked,
        };
        let next = match looked {
            Ok(next) => {
                away = false;
                next
            }
            Err(failure) => {
                // Once, not every two seconds.
                if !away {
                    tracing::warn!(%failure, "the schedule could not be looked at; trying again");
                }
                away = true;
                None
            }
        };
        if next != armed {
            arm(scheduler, next, daemon.scheduling.clock.now(), &sender).await?;
            armed = next;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.recv() => {}
            () = daemon.scheduling.changed.notified() => {}
            () = clock.was_set() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Looks at all jobs once; gives when the next one has something to do.
async fn look(daemon: &Arc<Daemon>) -> Result<Option<DateTime<Utc>>, Failure> {
    if daemon.runner.is_draining() {
        return Ok(None);
    }
    let names: Vec<&str> = daemon.jobs.iter().map(|job| job.name.as_str()).collect();
    daemon
        .store
        .introduce_jobs(&names, daemon.scheduling.clock.now())
        .await?;
    let closed = daemon.store.closed_databases().await?;
    let mut next = None;
    // Backups come first, so that an optimize of the same tick sees its database's backup under way.
    let (backups, others): (Vec<&Job>, Vec<&Job>) = daemon
        .jobs
        .iter()
        .partition(|job| job.method == Method::CreateBackup);
    let mut backed_up: Vec<&str> = Vec::new();
    for job in backups.into_iter().chain(others) {
        let around = Around {
            maintenance: closed.contains(&job.database),
            backup: backed_up.contains(&job.database.as_str()),
        };
        match attend(daemon, job, around).await {
            Ok((wake, open)) => {
                next = [next, wake].into_iter().flatten().min();
                if open && job.method == Method::CreateBackup {
                    backed_up.push(&job.database);
                }
            }
            Err(failure) => {
                tracing::warn!(job = job.name, %failure, "a job could not be attended to; trying again");
            }
        }
    }
    Ok(next)
}

/// Does all that is to be done about a job now. Gives when there is more, and whether a run of it is open or waits.
async fn attend(
    daemon: &Arc<Daemon>,
    job: &Job,
    around: Around,
) -> Result<(Option<DateTime<Utc>>, bool), Failure> {
    for _ in 0..MOST_STEPS {
        let now = daemon.scheduling.clock.now();
        let known = known(daemon, job, now).await?;
        match plan(job, &known, around, now) {
            Step::Wait(until) => {
                state::note_overdue(daemon, job, &known, now).await?;
                let open = !known.open.is_empty() || job.due(known.considered, now).is_some();
                return Ok((until, open));
            }
            step => act(daemon, job, &known, step).await?,
        }
    }
    Ok((None, true))
}

async fn known(daemon: &Daemon, job: &Job, now: DateTime<Utc>) -> Result<Known, Failure> {
    let mut known = daemon.store.known_jobs(&[job.name.as_str()]).await?;
    Ok(known.remove(&job.name).unwrap_or_else(|| Known::new(now)))
}

async fn act(daemon: &Arc<Daemon>, job: &Job, known: &Known, step: Step) -> Result<(), Failure> {
    match step {
        Step::Wait(_) => Ok(()),
        Step::Settle {
            slot,
            attempt,
            verdict,
        } => {
            let is_meant = |run: &&OpenRun| run.slot == slot && run.attempt == attempt;
            let Some(run) = known.open.iter().find(is_meant) else {
                return Ok(());
            };
            if matches!(&verdict, Verdict::Over { state, .. } if *state == RunState::Succeeded) {
                fire::follow_up(daemon, job, run.operation).await?;
            }
            state::settle(daemon, job, run, &verdict).await
        }
        Step::Start { slot, attempt } => fire::fire(daemon, job, slot, attempt).await,
        Step::Retry { slot, attempt } => {
            let claimed = daemon.store.claim_retry(&job.name, slot, attempt);
            if claimed.await? {
                fire::fire(daemon, job, slot, attempt + 1).await?;
            }
            Ok(())
        }
        Step::Claim(due) => {
            let claimed = daemon.store.claim_tick(&job.name, known.considered, &due);
            if claimed.await? {
                fire::fire(daemon, job, due.last, 1).await
            } else {
                tracing::debug!(job = job.name, slot = %due.last, "another daemon runs this tick");
                Ok(())
            }
        }
        Step::Pass {
            due,
            state,
            message,
        } => {
            tracing::warn!(job = job.name, slot = %due.last, ticks = due.ticks, state = state.name(), message, "a tick is passed over");
            daemon
                .store
                .pass_ticks(&job.name, known.considered, &due, state, &message)
                .await?;
            Ok(())
        }
    }
}

async fn arm(
    scheduler: &JobScheduler,
    at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    sender: &mpsc::UnboundedSender<()>,
) -> Result<(), JobSchedulerError> {
    let Some(at) = at else {
        return Ok(());
    };
    // An instant that has come in the meantime is due at once.
    let wait = (at - now).to_std().unwrap_or_default() + ROUNDING;
    let sender = sender.clone();
    let one_shot =
        OneShot::new_one_shot_at_instant_async(std::time::Instant::now() + wait, move |_, _| {
            let sender = sender.clone();
            Box::pin(async move {
                // The receiver is gone only once the ticker has ended.
                if sender.send(()).is_err() {
                    tracing::debug!("a tick came after the ticker's end");
                }
            })
        })?;
    scheduler.add(one_shot).await.map(|_| ())
}
