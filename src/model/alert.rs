//! Alert: what people are told of without asking: a job that failed, one that is overdue, one that is good again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::schedule::{Job, Overdue};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertEvent {
    /// A run failed and is not tried again.
    JobFailed,
    /// A job has not succeeded for longer than it should.
    JobOverdue,
    /// A job that was overdue has succeeded.
    JobRecovered,
}

/// What is told. Its JSON is what a webhook gets, beside a `text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What happened.
    pub event: AlertEvent,
    /// The job's name.
    pub job: String,
    /// The managed database.
    pub database: String,
    /// Since when the job is, or was, overdue; the tick of a run that failed.
    pub since: DateTime<Utc>,
    /// What went wrong the last time; empty where nothing did.
    pub last_error: String,
}

impl Alert {
    /// That a run of a job failed.
    pub fn failed(job: &Job, slot: DateTime<Utc>, error: &str) -> Self {
        Self {
            event: AlertEvent::JobFailed,
            job: job.name.clone(),
            database: job.database.clone(),
            since: slot,
            last_error: error.to_owned(),
        }
    }

    /// That a job is overdue.
    pub fn overdue(overdue: &Overdue) -> Self {
        Self {
            event: AlertEvent::JobOverdue,
            job: overdue.job.clone(),
            database: overdue.database.clone(),
            since: overdue.since,
            last_error: overdue.last_error.clone(),
        }
    }

    /// That a job is overdue no more.
    pub fn recovered(job: &Job, since: DateTime<Utc>) -> Self {
        Self {
            event: AlertEvent::JobRecovered,
            job: job.name.clone(),
            database: job.database.clone(),
            since,
            last_error: String::new(),
        }
    }

    /// The same for a person to read, in one sentence.
    pub fn text(&self) -> String {
        let since = self.since.format("%Y-%m-%d %H:%M:%S UTC");
        let text = match self.event {
            AlertEvent::JobFailed => format!("pgsteward: {} of {since} failed", self.job),
            AlertEvent::JobOverdue => format!("pgsteward: {} is overdue since {since}", self.job),
            AlertEvent::JobRecovered => {
                format!(
                    "pgsteward: {}, overdue since {since}, is good again",
                    self.job
                )
            }
        };
        if self.last_error.is_empty() {
            return text;
        }
        format!("{text}: {}", self.last_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_happened_to_which_job_since_when_and_why() {
        let alert = Alert {
            event: AlertEvent::JobOverdue,
            job: "backup/app".to_owned(),
            database: "app".to_owned(),
            since: DateTime::UNIX_EPOCH,
            last_error: "no disk".to_owned(),
        };
        assert_eq!(
            alert.text(),
            "pgsteward: backup/app is overdue since 1970-01-01 00:00:00 UTC: no disk"
        );
        let alert = Alert {
            event: AlertEvent::JobRecovered,
            last_error: String::new(),
            ..alert
        };
        assert_eq!(
            alert.text(),
            "pgsteward: backup/app, overdue since 1970-01-01 00:00:00 UTC, is good again"
        );
    }
}
