//! Jobs that run by the clock: what they call, and when their next tick is.
//!
//! The maths is croner's, in the configured IANA time zone: a fixed time that daylight saving skips runs once, right
//! after the gap; one that daylight saving repeats runs once. The ticker only waits for instants that are computed here.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::{method::Method, operation::OperationState};

/// One job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name, e.g. `backup/app`.
    pub name: String,
    /// The managed database.
    pub database: String,
    /// The method that it calls.
    pub method: Method,
    /// When.
    pub cron: Cron,
    /// The zone that the cron line is in.
    pub time_zone: Tz,
}

impl Job {
    /// The first tick after `now`; `None` when there is none within croner's horizon.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron
            .find_next_occurrence(&now.with_timezone(&self.time_zone), false)
            .ok()
            .map(|tick| tick.with_timezone(&Utc))
    }
}

/// One run of a job, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRun {
    /// The tick that it ran for, or the moment of `RunSchedule`.
    pub slot: DateTime<Utc>,
    /// The operation; `None` when it could not be started.
    pub operation_id: Option<uuid::Uuid>,
    /// The operation's state, when there is one.
    pub state: Option<OperationState>,
    /// Why it could not be started; empty otherwise.
    pub message: String,
}

/// A job with its next and last runs.
#[derive(Clone, Debug)]
pub struct ScheduledJob {
    /// The job.
    pub job: Job,
    /// The next tick.
    pub next: Option<DateTime<Utc>>,
    /// The last run.
    pub last: Option<JobRun>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::str::FromStr as _;

    use super::*;

    fn job(cron: &str, time_zone: &str) -> Job {
        Job {
            name: "backup/app".to_owned(),
            database: "app".to_owned(),
            method: Method::CreateBackup,
            cron: Cron::from_str(cron).unwrap(),
            time_zone: time_zone.parse().unwrap(),
        }
    }

    fn ticks(job: &Job, from: &str, count: usize) -> Vec<String> {
        let mut now: DateTime<Utc> = from.parse().unwrap();
        let mut ticks = Vec::new();
        for _ in 0..count {
            now = job.next_after(now).unwrap();
            ticks.push(now.format("%m-%d %H:%M").to_string());
        }
        ticks
    }

    #[test]
    fn a_daily_job_keeps_its_local_hour_across_the_start_of_summer_time() {
        let job = job("0 9 * * *", "Europe/Oslo");
        let seen = ticks(&job, "2026-03-27T12:00:00Z", 3);
        assert_eq!(seen, ["03-28 08:00", "03-29 07:00", "03-30 07:00"]);
    }

    #[test]
    fn a_job_in_the_skipped_hour_runs_once_right_after_it() {
        let job = job("30 2 * * *", "Europe/Oslo");
        let seen = ticks(&job, "2026-03-28T12:00:00Z", 2);
        assert_eq!(seen, ["03-29 01:00", "03-30 00:30"]);
    }

    #[test]
    fn a_job_in_the_repeated_hour_runs_once() {
        let job = job("30 2 * * *", "Europe/Oslo");
        let seen = ticks(&job, "2026-10-24T12:00:00Z", 2);
        assert_eq!(seen, ["10-25 00:30", "10-26 01:30"]);
    }

    #[test]
    fn sunday_is_day_zero() {
        let job = job("30 3 * * 0", "UTC");
        let seen = ticks(&job, "2026-11-23T00:00:00Z", 2);
        assert_eq!(seen, ["11-29 03:30", "12-06 03:30"]);
    }
}
