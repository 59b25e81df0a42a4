//! Decisions of the schedule, with a clock that is only a value.

#![allow(clippy::unwrap_used, clippy::panic)]

mod decisions;
mod zones;

use std::str::FromStr as _;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn job(cron: &str, time_zone: &str) -> Job {
    Job {
        name: "backup/app".to_owned(),
        database: "app".to_owned(),
        method: Method::CreateBackup,
        cron: Cron::from_str(cron).unwrap(),
        time_zone: time_zone.parse().unwrap(),
        rules: Rules {
            catch_up: Duration::from_hours(12),
            jitter: Duration::ZERO,
            retries: 3,
            retry_backoff: Duration::from_mins(1),
            overdue_after: None,
        },
    }
}

fn ticks(job: &Job, from: &str, count: usize) -> Vec<String> {
    let mut now = at(from);
    let mut ticks = Vec::new();
    for _ in 0..count {
        now = job.next_after(now).unwrap();
        ticks.push(now.format("%m-%d %H:%M").to_string());
    }
    ticks
}
