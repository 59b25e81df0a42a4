//! When a job has not succeeded for longer than it should.
//!
//! After a success the next one is expected at the next tick. It may come later by the job's window, in which a missed
//! tick is caught up and a failed run tried again, and by a quarter of the time between two ticks, which is for the run
//! itself: a nightly backup with a window of 12 hours is overdue 18 hours after the tick that brought none.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Job, Known};

/// That a job is overdue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// The job's name.
    pub job: String,
    /// The managed database.
    pub database: String,
    /// Since when it is overdue.
    pub since: DateTime<Utc>,
    /// When it last succeeded; none where it never did.
    pub last_success: Option<DateTime<Utc>>,
    /// What went wrong the last time; empty where nothing did, and it just did not run.
    pub last_error: String,
}

impl Job {
    /// Until when it must succeed again after `since`. `None` where it has no further ticks.
    pub fn overdue_at(&self, since: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if let Some(after) = self.rules.overdue_after {
            return since.checked_add_signed(TimeDelta::from_std(after).ok()?);
        }
        let first = self.next_after(since)?;
        let second = self.next_after(first)?;
        let jitter = TimeDelta::from_std(self.rules.jitter).ok()?;
        first.checked_add_signed((second - first) / 4 + self.window() + jitter)
    }

    /// Whether it is overdue. A job that is paused is not: someone chose that. After a pause it has its time again.
    pub fn overdue(&self, known: &Known, now: DateTime<Utc>) -> Option<Overdue> {
        if known.paused(now).is_some() {
            return None;
        }
        let mut since = known.last_success.unwrap_or(known.first_seen);
        if let Some(until) = known.pause.as_ref().and_then(|pause| pause.until) {
            since = since.max(until.min(now));
        }
        let since = self.overdue_at(since).filter(|at| *at <= now)?;
        Some(Overdue {
            job: self.name.clone(),
            database: self.database.clone(),
            since,
            last_success: known.last_success,
            last_error: known.last_error.clone(),
        })
    }
}
