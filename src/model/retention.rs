//! Retention: which backups of one database stay, and why. A pure rule over values; `ops` does the removing, after a
//! successful backup and under the lock that backups take.
//!
//! The rule, in the calendar of the schedule's time zone, by completion time:
//! 1. Only scheduled backups are ever removed. Every other kind is outside the rule. A backup that is held stays, and
//!    takes no other's place by it: a scheduled one counts in its day and month as if it were not held.
//! 2. The newest scheduled backup stays, whatever the policy. Its day is the *last day*; ages count back from there and
//!    not from now, so that nothing is lost by age while backups fail.
//! 3. Daily: the newest of each of the `daily` calendar days that end with the last day. Days without a backup are not
//!    made up for by older ones, and a second backup of a day has no place of its own.
//! 4. Monthly: the last of each of the `monthly` calendar months before the last day's. The running month does not count.
//! 5. A completion time after `now` was written by a wrong clock. Such a backup stays and moves nothing: were it the
//!    newest, all the real ones would look old.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::model::backup::{BackupKind, BackupName, Manifest};

/// How many backups stay. Both zero keeps the newest alone; the configuration refuses that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Calendar days, the last backup's included.
    pub daily: u32,
    /// Completed calendar months before the last backup's.
    pub monthly: u32,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self {
            daily: 14,
            monthly: 3,
        }
    }
}

/// What retention looks at in a backup. Only good ones are given: those that the store lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionInput {
    /// The archive's name.
    pub filename: BackupName,
    /// Why it was made.
    pub kind: BackupKind,
    /// When it was complete.
    pub complete_time: DateTime<Utc>,
    /// The archive's size in bytes.
    pub size_bytes: u64,
    /// Whether a person holds it.
    #[serde(default)]
    pub hold: bool,
}

impl From<&Manifest> for RetentionInput {
    fn from(manifest: &Manifest) -> Self {
        Self {
            filename: manifest.filename.clone(),
            kind: manifest.kind,
            complete_time: manifest.complete_time,
            size_bytes: manifest.size_bytes,
            hold: manifest.hold,
        }
    }
}

/// What is to be done with one backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The backup.
    pub backup: RetentionInput,
    /// True when it stays.
    pub keep: bool,
    /// Why, e.g. `daily 3 of 14 (2026-11-20)`.
    pub reason: String,
}

/// What a retention run did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionResult {
    /// The managed database.
    pub database: String,
    /// One decision for each backup of the database, newest first.
    pub decisions: Vec<Decision>,
    /// True for a plan that changed nothing.
    pub validate_only: bool,
}

impl RetentionResult {
    /// The decisions that remove.
    pub fn removed(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().filter(|decision| !decision.keep)
    }
}

/// Decides over all backups of one database: one decision each, newest first.
pub fn plan(
    backups: &[RetentionInput],
    policy: RetentionPolicy,
    time_zone: Tz,
    now: DateTime<Utc>,
) -> Vec<Decision> {
    let mut newest_first = backups.to_vec();
    // Names only break ties, so that the same input always gives the same plan.
    newest_first
        .sort_by(|a, b| (b.complete_time, &b.filename).cmp(&(a.complete_time, &a.filename)));

    let mut calendar = Calendar::new(policy, time_zone);
    newest_first
        .into_iter()
        .map(|backup| {
            let (keep, reason) = if backup.kind != BackupKind::Scheduled {
                (true, outside_the_rule(backup.kind).to_owned())
            } else if backup.complete_time > now {
                (true, "completed in the future: a clock is wrong".to_owned())
            } else {
                calendar.decide(backup.complete_time)
            };
            let (keep, reason) = match (backup.hold, keep) {
                (true, true) => (true, format!("held, {reason}")),
                (true, false) => (true, "held".to_owned()),
                (false, _) => (keep, reason),
            };
            Decision {
                backup,
                keep,
                reason,
            }
        })
        .collect()
}

fn outside_the_rule(kind: BackupKind) -> &'static str {
    match kind {
        BackupKind::Scheduled => "scheduled",
        BackupKind::Manual => "manual backups are kept",
        BackupKind::PreRestore => "backups made before a restore are kept",
        BackupKind::PreMigration => "backups made before a migration are kept",
        BackupKind::Foreign => "backups of other tools are kept",
    }
}

/// Walks the scheduled backups from the newest to the oldest and knows which days and months it has met.
struct Calendar {
    policy: RetentionPolicy,
    time_zone: Tz,
    /// The newest backup's day, once it was met.
    last_day: Option<NaiveDate>,
    days: HashSet<NaiveDate>,
    months: HashSet<i32>,
}

impl Calendar {
    fn new(policy: RetentionPolicy, time_zone: Tz) -> Self {
        Self {
            policy,
            time_zone,
            last_day: None,
            days: HashSet::new(),
            months: HashSet::new(),
        }
    }

    /// Keep or not, and why, for the next older backup.
    fn decide(&mut self, complete_time: DateTime<Utc>) -> (bool, String) {
        let RetentionPolicy { daily, monthly } = self.policy;
        let day = complete_time.with_timezone(&self.time_zone).date_naive();
        let month = month_number(day);
        let is_newest = self.last_day.is_none();
        let last_day = *self.last_day.get_or_insert(day);
        let is_newest_of_day = self.days.insert(day);
        let is_last_of_month = self.months.insert(month);

        let days_back = (last_day - day).num_days();
        let months_back = i64::from(month_number(last_day) - month);
        let in_days = days_back < i64::from(daily);
        let in_months = (1..=i64::from(monthly)).contains(&months_back);

        let mut reasons = Vec::new();
        if is_newest {
            reasons.push("newest good backup".to_owned());
        }
        if in_days && is_newest_of_day {
            reasons.push(format!("daily {} of {daily} ({day})", days_back + 1));
        }
        if in_months && is_last_of_month {
            let month = day.format("%Y-%m");
            reasons.push(format!("monthly {months_back} of {monthly} ({month})"));
        }
        if !reasons.is_empty() {
            return (true, reasons.join(", "));
        }

        let reason = if in_days {
            format!("not the newest of its day ({day})")
        } else if months_back > i64::from(monthly) {
            format!("older than {daily} days and {monthly} completed months")
        } else {
            format!("older than {daily} days and not the month's last")
        };
        (false, reason)
    }
}

/// Months since the year 0, so that months can be subtracted.
fn month_number(day: NaiveDate) -> i32 {
    day.year() * 12 + day.month0().cast_signed()
}

#[cfg(test)]
mod tests;
