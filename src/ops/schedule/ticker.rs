//! The ticker: waits for the next instant of each job.
//!
//! tokio-cron-scheduler is armed with one-shot jobs for instants that `model::schedule` computes: its own cron maths keeps
//! the UTC offset of the day on which a job was made, and so is an hour off after a change of daylight saving time. Its
//! instants are monotonic; so each tick is compared with the wall clock, which is also looked at every half minute, for
//! the case that it was set.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job as OneShot, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use super::fire::fire;
use crate::{model::schedule::Job, ops::daemon::Daemon};

const WALL_CLOCK_CHECK: Duration = Duration::from_secs(30);

/// For how long a tick that could not be claimed, since the control store was away, is tried again.
const CLAIM_WINDOW: TimeDelta = TimeDelta::hours(1);

/// tokio-cron-scheduler drops the fractions of seconds, and so would wake us in the second before.
const ROUNDING: Duration = Duration::from_secs(1);

/// A job with the tick that it waits for.
struct Armed<'a> {
    job: &'a Job,
    slot: Option<DateTime<Utc>>,
}

/// Runs the jobs by the clock, until the token is cancelled.
pub async fn run(daemon: Arc<Daemon>, stop: CancellationToken) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    scheduler.start().await?;
    let (sender, mut ticks) = mpsc::unbounded_channel();
    let now = Utc::now();
    let mut armed: Vec<Armed<'_>> = daemon
        .jobs
        .iter()
        .map(|job| Armed {
            job,
            slot: job.next_after(now),
        })
        .collect();
    for waiting in &armed {
        arm(&scheduler, waiting.slot, &sender).await?;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.recv() => {}
            () = tokio::time::sleep(WALL_CLOCK_CHECK) => {}
        }
        for waiting in &mut armed {
            let now = Utc::now();
            let Some(slot) = waiting.slot.filter(|slot| *slot <= now) else {
                continue;
            };
            if let Err(failure) = fire(&daemon, waiting.job, slot).await {
                if now - slot < CLAIM_WINDOW {
                    tracing::warn!(job = waiting.job.name, %slot, %failure, "the tick could not be claimed; trying again");
                    continue;
                }
                tracing::error!(job = waiting.job.name, %slot, %failure, "the tick could not be claimed and is given up");
            }
            waiting.slot = waiting.job.next_after(now);
            arm(&scheduler, waiting.slot, &sender).await?;
        }
    }
    scheduler.shutdown().await
}

async fn arm(
    scheduler: &JobScheduler,
    slot: Option<DateTime<Utc>>,
    sender: &mpsc::UnboundedSender<()>,
) -> Result<(), JobSchedulerError> {
    let Some(slot) = slot else {
        return Ok(());
    };
    // A slot that has come in the meantime is due at once.
    let wait = (slot - Utc::now()).to_std().unwrap_or_default() + ROUNDING;
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
