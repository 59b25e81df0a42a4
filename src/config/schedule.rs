//! When jobs run, how they go about their ticks, and who is told when they do not.

use std::{collections::BTreeMap, net::IpAddr, ops::RangeInclusive, time::Duration};

use chrono::DateTime;
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use secrecy::SecretString;
use serde::Serialize;

use super::{
    ConfigError,
    build::{ANY, POSITIVE},
    settings::Settings,
    shown,
};

/// Retries of one run.
const RETRIES: RangeInclusive<u32> = 0..=20;

/// A job may run once a year.
const OVERDUE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 3650);

/// The kinds of jobs.
pub const KINDS: &[&str] = &["backup", "optimize", "drift", "drill", "privileges"];

/// When jobs run.
#[derive(Clone, Debug, Serialize)]
pub struct Schedule {
    /// Whether any of them runs.
    pub enabled: bool,
    /// The time zone of the lines, and of retention's days and months.
    #[serde(serialize_with = "shown::time_zone")]
    pub time_zone: Tz,
    /// When to back up and apply retention; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub backup: Option<Cron>,
    /// When to vacuum and analyze; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub optimize: Option<Cron>,
    /// When to check for drift; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub drift: Option<Cron>,
    /// When to rehearse a restore; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub drill: Option<Cron>,
    /// When to check who may do what; never if absent.
    #[serde(serialize_with = "shown::cron_or_off")]
    pub privileges: Option<Cron>,
    /// How all jobs go about their ticks.
    #[serde(flatten)]
    pub rules: JobRules,
    /// The rules of a kind of jobs that has its own, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, JobRules>,
}

impl Schedule {
    /// The rules of a kind of jobs.
    pub fn rules_of(&self, kind: &str) -> &JobRules {
        self.kinds.get(kind).unwrap_or(&self.rules)
    }
}

/// How jobs go about their ticks.
#[derive(Clone, Debug, Serialize)]
pub struct JobRules {
    /// For how long a missed tick is caught up; zero for never.
    #[serde(serialize_with = "shown::duration")]
    pub catch_up: Duration,
    /// By up to this a tick is put off.
    #[serde(serialize_with = "shown::duration")]
    pub jitter: Duration,
    /// How often a run that failed is tried again, 0 to 20.
    pub retries: u32,
    /// How long the first retry waits.
    #[serde(serialize_with = "shown::duration")]
    pub retry_backoff: Duration,
    /// How long a job may go without a success; what its cron line implies if absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "shown::duration_if_any"
    )]
    pub overdue_after: Option<Duration>,
}

/// Who is told when a job fails or is overdue.
#[derive(Clone, Debug, Serialize)]
pub struct Alerts {
    /// Where they are told; nobody is if absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "shown::secret_if_any"
    )]
    pub webhook_url: Option<SecretString>,
    /// What they are told.
    pub webhook_format: WebhookFormat,
    /// Longest wait for an answer.
    #[serde(serialize_with = "shown::duration")]
    pub webhook_timeout: Duration,
}

/// What a webhook is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFormat {
    /// An object with a field for each thing.
    Json,
    /// An object with a text, as Slack and its like take it.
    Slack,
}

/// Reads the section `schedule`.
pub(super) fn schedule(settings: &Settings) -> Result<Schedule, ConfigError> {
    let rules = rules(settings, "schedule", None)?;
    let mut kinds = BTreeMap::new();
    for kind in settings.children("schedule.kinds") {
        let path = format!("schedule.kinds.{kind}");
        if !KINDS.contains(&kind) {
            let problem = format!("is no kind of job: there are {}", KINDS.join(", "));
            return Err(settings.refuse(&path, problem));
        }
        kinds.insert(kind.to_owned(), self::rules(settings, &path, Some(&rules))?);
    }
    Ok(Schedule {
        enabled: settings.flag("schedule.enabled") == Some(true),
        time_zone: settings.parse(
            "schedule.time_zone",
            "an IANA time zone such as Europe/Oslo",
            |text| text.parse::<Tz>().ok(),
        )?,
        backup: job(settings, "schedule.backup")?,
        optimize: job(settings, "schedule.optimize")?,
        drift: job(settings, "schedule.drift")?,
        drill: job(settings, "schedule.drill")?,
        privileges: job(settings, "schedule.privileges")?,
        rules,
        kinds,
    })
}

/// The rules at a path; what is not given there is as in `above`.
fn rules(
    settings: &Settings,
    path: &str,
    above: Option<&JobRules>,
) -> Result<JobRules, ConfigError> {
    let key = |name: &str| format!("{path}.{name}");
    let span =
        |name: &str, range: RangeInclusive<Duration>, of: fn(&JobRules) -> Duration| match above {
            Some(above) if !settings.has(&key(name)) => Ok(of(above)),
            _ => settings.duration(&key(name), range),
        };
    Ok(JobRules {
        catch_up: span("catch_up", ANY, |rules| rules.catch_up)?,
        jitter: span("jitter", ANY, |rules| rules.jitter)?,
        retry_backoff: span("retry_backoff", POSITIVE, |rules| rules.retry_backoff)?,
        retries: match above {
            Some(above) if !settings.has(&key("retries")) => above.retries,
            _ => settings.integer(&key("retries"), RETRIES)?,
        },
        overdue_after: if settings.has(&key("overdue_after")) {
            Some(settings.duration(&key("overdue_after"), OVERDUE)?)
        } else {
            above.and_then(|above| above.overdue_after)
        },
    })
}

/// Reads the section `alerts`.
pub(super) fn alerts(settings: &Settings) -> Result<Alerts, ConfigError> {
    let path = "alerts.webhook_url";
    let webhook_url = if settings.has(path) {
        let expected = "an https URL, or an http one of a loopback address";
        let url = settings.parse(path, expected, |text| {
            is_webhook(text).then(|| text.to_owned())
        })?;
        Some(SecretString::from(url))
    } else {
        None
    };
    Ok(Alerts {
        webhook_url,
        webhook_format: settings.parse(
            "alerts.webhook_format",
            "json or slack",
            |text| match text {
                "json" => Some(WebhookFormat::Json),
                "slack" => Some(WebhookFormat::Slack),
                _ => None,
            },
        )?,
        webhook_timeout: settings.duration("alerts.webhook_timeout", POSITIVE)?,
    })
}

/// What is told may name what a database holds: it goes encrypted, or does not leave the machine.
fn is_webhook(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else {
        return false;
    };
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost"
        || address
            .parse()
            .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback());
    url.scheme() == "https" || url.scheme() == "http" && loopback
}

/// A cron line, or none where the job is switched off.
fn job(settings: &Settings, path: &str) -> Result<Option<Cron>, ConfigError> {
    if matches!(settings.text(path), Some("" | "off")) {
        return Ok(None);
    }
    let expected =
        "off, or a cron line of five fields (minute hour day month weekday) that comes due";
    settings.parse(path, expected, cron).map(Some)
}

/// Reads a line of five fields, and refuses one for a day that never comes, such as 31 February.
fn cron(line: &str) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(line).ok()?;
    cron.find_next_occurrence(&DateTime::UNIX_EPOCH, false)
        .ok()?;
    Some(cron)
}
