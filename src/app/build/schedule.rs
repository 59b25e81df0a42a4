//! From the configuration to the jobs of the schedule, and to who is told of them.

use crate::{
    config::{Alerts, JobRules, Schedule, WebhookFormat},
    model::{
        failure::Failure,
        method::Method,
        schedule::{Job, Rules},
    },
    ops::schedule::alerts::{Format, Webhook},
};

/// Each managed database has each job that has a cron line.
pub(super) fn jobs<'a>(
    schedule: &Schedule,
    databases: impl Iterator<Item = &'a String>,
) -> Vec<Job> {
    if !schedule.enabled {
        return Vec::new();
    }
    let kinds = [
        ("backup", Method::CreateBackup, &schedule.backup),
        ("optimize", Method::Optimize, &schedule.optimize),
        ("drift", Method::CheckDrift, &schedule.drift),
        ("drill", Method::RunDrill, &schedule.drill),
        ("privileges", Method::CheckPrivileges, &schedule.privileges),
    ];
    let mut jobs = Vec::new();
    for database in databases {
        for (kind, method, cron) in &kinds {
            if let Some(cron) = cron {
                jobs.push(Job {
                    name: format!("{kind}/{database}"),
                    database: database.clone(),
                    method: *method,
                    cron: cron.clone(),
                    time_zone: schedule.time_zone,
                    rules: rules(schedule.rules_of(kind)),
                });
            }
        }
    }
    jobs
}

fn rules(configured: &JobRules) -> Rules {
    Rules {
        catch_up: configured.catch_up,
        jitter: configured.jitter,
        retries: configured.retries,
        retry_backoff: configured.retry_backoff,
        overdue_after: configured.overdue_after,
    }
}

/// Who is told when jobs fail or are overdue, if someone is.
pub(super) fn webhook(alerts: &Alerts) -> Result<Option<Webhook>, Failure> {
    let Some(url) = alerts.webhook_url.clone() else {
        return Ok(None);
    };
    let format = match alerts.webhook_format {
        WebhookFormat::Json => Format::Json,
        WebhookFormat::Slack => Format::Slack,
    };
    Webhook::new(url, format, alerts.webhook_timeout).map(Some)
}
