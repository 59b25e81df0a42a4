//! Plan: what is to be done about a job now. Pure: the ticker asks again after each step, until there is nothing but to
//! wait.
//!
//! 1. A run whose operation has ended is settled: done, failed, or to be tried again.
//! 2. A claimed tick that was not started, since the daemon died or the control store was away, is started.
//! 3. Ticks that are due are dealt with, all of them at once: the last one runs, once for all that were missed before it,
//!    if it is within the job's window. Otherwise they are recorded as missed.
//! 4. A tick that comes in a pause, or waits when one begins, or comes while the last run goes on, is recorded as skipped.
//!    One that comes in maintenance mode, or an optimize beside a backup, waits within its window.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Due, End, Job, Known, OpenRun, RunState, Stage};
use crate::model::failure::Kind;

/// A tick that is late by less than this is on time, whatever the window for catching up: clocks and polls are not exact.
pub const ON_TIME: TimeDelta = TimeDelta::minutes(1);

/// No retry waits longer.
const LONGEST_BACKOFF: Duration = Duration::from_hours(1);

/// What else is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The database is in maintenance mode.
    pub maintenance: bool,
    /// The database is being backed up by the schedule, or is about to be: VACUUM beside a dump removes nothing, since the
    /// dump's snapshot holds all rows that it could see.
    pub backup: bool,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is over.
    Over {
        /// How it ended.
        state: RunState,
        /// What went wrong; empty otherwise.
        message: String,
    },
    /// It is tried again.
    Retry {
        /// When.
        at: DateTime<Utc>,
        /// What went wrong.
        message: String,
    },
}

/// What is to be done about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this moment; for ever where there is none.
    Wait(Option<DateTime<Utc>>),
    /// Record what became of a run.
    Settle {
        /// The tick.
        slot: DateTime<Utc>,
        /// The attempt.
        attempt: u32,
        /// What became of it.
        verdict: Verdict,
    },
    /// Start the operation of a tick that this daemon has claimed.
    Start {
        /// The tick.
        slot: DateTime<Utc>,
        /// The attempt.
        attempt: u32,
    },
    /// Claim a run that waits to be tried again. Its next attempt is started then.
    Retry {
        /// The tick.
        slot: DateTime<Utc>,
        /// The attempt that failed.
        attempt: u32,
    },
    /// Claim the last of these ticks, which stands for all of them.
    Claim(Due),
    /// Record these ticks as missed or skipped.
    Pass {
        /// The ticks.
        due: Due,
        /// Missed or skipped.
        state: RunState,
        /// Why.
        message: String,
    },
}

/// Decides.
pub fn plan(job: &Job, known: &Known, around: Around, now: DateTime<Utc>) -> Step {
    for run in &known.open {
        match &run.stage {
            Stage::Ended(end) => {
                return Step::Settle {
                    slot: run.slot,
                    attempt: run.attempt,
                    verdict: verdict(job, run, end, now),
                };
            }
            Stage::Ours => {
                return Step::Start {
                    slot: run.slot,
                    attempt: run.attempt,
                };
            }
            Stage::UnderWay | Stage::Retrying { .. } => {}
        }
    }
    let due = job.due(known.considered, now);
    let next = job.next_after(due.map_or(known.considered, |due| due.last));
    let next = next.map(|slot| job.due_at(slot));
    let retry = known.open.iter().find_map(|run| match &run.stage {
        Stage::Retrying { at, message } => Some((run, *at, message)),
        _ => None,
    });
    if let Some((run, at, message)) = retry {
        return retry_step(job, known, around, now, (run, at, message), (due, next));
    }
    let Some(due) = due else {
        return Step::Wait(next);
    };
    due_step(job, known, around, now, due, next)
}

/// A run that waits to be tried again: it makes way for the next tick, and waits like one.
fn retry_step(
    job: &Job,
    known: &Known,
    around: Around,
    now: DateTime<Utc>,
    (run, at, message): (&OpenRun, DateTime<Utc>, &str),
    (due, next): (Option<Due>, Option<DateTime<Utc>>),
) -> Step {
    let give_up = |why: &str| Step::Settle {
        slot: run.slot,
        attempt: run.attempt,
        verdict: Verdict::Over {
            state: RunState::Failed,
            message: format!("{message}; not tried again, since {why}"),
        },
    };
    if due.is_some() {
        return give_up("the next tick has come");
    }
    if known.paused(now).is_some() {
        return give_up("the job was paused");
    }
    if at > now {
        return Step::Wait(earliest(Some(at), next));
    }
    if let Some(why) = held_back(job, around) {
        if now - job.due_at(run.slot) > job.window() {
            return give_up(why);
        }
        return Step::Wait(next);
    }
    Step::Retry {
        slot: run.slot,
        attempt: run.attempt,
    }
}

fn due_step(
    job: &Job,
    known: &Known,
    around: Around,
    now: DateTime<Utc>,
    due: Due,
    next: Option<DateTime<Utc>>,
) -> Step {
    let pass = |state, message: String| Step::Pass {
        due,
        state,
        message,
    };
    // One that came before the pause and has not started yet is what whoever paused the job wants to hold, too.
    if let Some(pause) = known.paused(due.last).or(known.paused(now)) {
        let message = format!("paused by {}: {}", pause.principal, pause.reason);
        return pass(RunState::Skipped, message);
    }
    if let Some(run) = known.open.first() {
        let message = format!(
            "the run of {} was still going on",
            run.slot.format("%Y-%m-%dT%H:%M:%SZ")
        );
        return pass(RunState::Skipped, message);
    }
    let late = now - job.due_at(due.last);
    match held_back(job, around) {
        Some(why) if late > job.window() => pass(
            RunState::Skipped,
            format!("{why} for longer than the job's window"),
        ),
        Some(_) => Step::Wait(earliest(Some(job.due_at(due.last) + job.window()), next)),
        None if late > job.window() => pass(
            RunState::Missed,
            "no daemon was there to run it in time".to_owned(),
        ),
        None => Step::Claim(due),
    }
}

/// Why the job has to wait, in the past tense.
fn held_back(job: &Job, around: Around) -> Option<&'static str> {
    if around.maintenance {
        return Some("the database was in maintenance mode");
    }
    if around.backup && job.kind() == "optimize" {
        return Some("the database was being backed up");
    }
    None
}

fn earliest(left: Option<DateTime<Utc>>, right: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    [left, right].into_iter().flatten().min()
}

/// What becomes of a run whose attempt has ended. What a person started is not tried again: they see how it ended. What was
/// cut off by its daemon's end is tried again at once.
pub fn verdict(job: &Job, run: &OpenRun, end: &End, now: DateTime<Utc>) -> Verdict {
    let over = |state, message: &str| Verdict::Over {
        state,
        message: message.to_owned(),
    };
    let (failure, cut) = match end {
        End::Succeeded => return over(RunState::Succeeded, ""),
        End::Cancelled => return over(RunState::Cancelled, "it was cancelled"),
        End::Cut(failure) => (failure, true),
        End::Failed(failure) => (failure, false),
    };
    let passes = cut
        || matches!(
            failure.kind,
            Kind::Unavailable | Kind::Aborted | Kind::DeadlineExceeded | Kind::ResourceExhausted
        );
    if run.by_hand || !passes || run.attempt > job.rules.retries {
        return over(RunState::Failed, &failure.message);
    }
    let backoff = if cut {
        Duration::ZERO
    } else {
        let doubled = 1_u32.checked_shl(run.attempt - 1).unwrap_or(u32::MAX);
        let backoff = job.rules.retry_backoff.saturating_mul(doubled);
        backoff.min(LONGEST_BACKOFF.max(job.rules.retry_backoff))
    };
    Verdict::Retry {
        at: now + TimeDelta::from_std(backoff).unwrap_or_default(),
        message: failure.message.clone(),
    }
}
