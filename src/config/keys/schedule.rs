//! The keys of the schedule and of its alerts.

use super::{
    Key,
    Shape::{Flag, Integer, Text},
    fixed, sample,
};

pub(super) const KEYS: &[Key] = &[
    fixed(
        "schedule.enabled",
        Flag(true),
        "Whether scheduled jobs run.",
    ),
    fixed(
        "schedule.time_zone",
        Text("UTC"),
        "IANA time zone of the lines below and of retention's days and months. A skipped hour's jobs run once right after it, a repeated hour's once.",
    ),
    fixed(
        "schedule.backup",
        Text("0 2 * * *"),
        "When to back up and apply retention: minute hour day month weekday, or off.",
    ),
    fixed(
        "schedule.optimize",
        Text("30 3 * * 0"),
        "When to vacuum and analyze, or off. It waits for the scheduled backup.",
    ),
    fixed(
        "schedule.drift",
        Text("0 5 * * *"),
        "When to check that the schema still is what the revisions made, or off.",
    ),
    fixed(
        "schedule.drill",
        Text("0 5 * * 0"),
        "When to rehearse a restore of the newest backup, or off.",
    ),
    fixed(
        "schedule.privileges",
        Text("0 6 * * 0"),
        "When to check that each role holds what its purpose needs and no more, or off.",
    ),
    fixed(
        "schedule.catch_up",
        Text("12h"),
        "For how long after its tick a job that was missed is still run, once for all ticks that were missed; 0s for not at all.",
    ),
    fixed(
        "schedule.jitter",
        Text("0s"),
        "By up to this each tick is put off, so that many databases are not backed up in the same second.",
    ),
    fixed(
        "schedule.retries",
        Integer(3),
        "How often a run that failed is tried again, where what stood in its way may have passed.",
    ),
    fixed(
        "schedule.retry_backoff",
        Text("1m"),
        "How long the first retry waits; each further one twice as long, at most an hour.",
    ),
    sample(
        "schedule.overdue_after",
        Text("36h"),
        "How long a job may go without a success. Default: until its next tick, its catch_up and a quarter of its interval have passed.",
    ),
    sample(
        "schedule.kinds.*.catch_up",
        Text("6h"),
        "Rules for one kind of job (backup, optimize, drift, drill) in place of those above.",
    ),
    sample(
        "schedule.kinds.*.jitter",
        Text("10m"),
        "As schedule.jitter.",
    ),
    sample(
        "schedule.kinds.*.retries",
        Integer(5),
        "As schedule.retries.",
    ),
    sample(
        "schedule.kinds.*.retry_backoff",
        Text("5m"),
        "As schedule.retry_backoff.",
    ),
    sample(
        "schedule.kinds.*.overdue_after",
        Text("30h"),
        "As schedule.overdue_after.",
    ),
    sample(
        "alerts.webhook_url",
        Text("https://alerts.example.com/pgsteward"),
        "Where jobs that fail or are overdue are told of; https, or http to a loopback address. A secret: it is shown nowhere.",
    ),
    fixed(
        "alerts.webhook_format",
        Text("json"),
        "What is sent: json (event, job, database, since, last_error, text) or slack (text).",
    ),
    fixed(
        "alerts.webhook_timeout",
        Text("10s"),
        "Longest wait for the webhook's answer. It is told again, up to 10 times, until it takes what it is told.",
    ),
];
