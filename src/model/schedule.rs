//! Jobs that run by the clock: what they call, when their ticks are, and what is known of their runs.
//!
//! The maths is croner's, in the configured IANA time zone: a fixed time that daylight saving skips runs once, right
//! after the gap; one that daylight saving repeats runs once. Lines that name every hour or minute tick in each hour that
//! there is. The ticker only waits for instants that are computed here; what is to be done at them, `plan` decides.

mod overdue;
mod plan;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    overdue::Overdue,
    plan::{Around, ON_TIME, Step, Verdict, plan, verdict},
};
use super::{
    failure::{Failure, Kind},
    method::Method,
    operation::OperationState,
};

/// So many ticks are looked at in one go: more have passed only where a daemon was away for very long.
const MOST_TICKS: usize = 1000;

/// How a job goes about its ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A tick that was missed is caught up, once, for as long as this; zero for never.
    pub catch_up: Duration,
    /// By up to this a tick is put off: by how much goes by the job and the tick, so that all daemons agree.
    pub jitter: Duration,
    /// How often a run that failed is tried again where trying again may help.
    pub retries: u32,
    /// How long the first retry waits; each further one twice as long as the one before.
    pub retry_backoff: Duration,
    /// For how long a job may go without a success; none for what its cron line implies.
    pub overdue_after: Option<Duration>,
}

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
    /// How it goes about its ticks.
    pub rules: Rules,
}

/// Ticks that have come and were not dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The first of them.
    pub first: DateTime<Utc>,
    /// The last of them: the one that is run.
    pub last: DateTime<Utc>,
    /// How many there are; at least one.
    pub ticks: u32,
}

impl Job {
    /// The first tick after `now`; `None` when there is none within croner's horizon.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron
            .find_next_occurrence(&now.with_timezone(&self.time_zone), false)
            .ok()
            .map(|tick| tick.with_timezone(&Utc))
    }

    /// When a tick is due: at its time, or a little later where there is jitter. Never later than half-way to the next one,
    /// so that ticks keep their order.
    pub fn due_at(&self, slot: DateTime<Utc>) -> DateTime<Utc> {
        if self.rules.jitter.is_zero() {
            return slot;
        }
        let gap = match self.next_after(slot) {
            Some(next) => (next - slot).to_std().unwrap_or_default() / 2,
            None => self.rules.jitter,
        };
        let most = u64::try_from(self.rules.jitter.min(gap).as_millis()).unwrap_or(u64::MAX);
        let name = format!("{} {}", self.name, slot.timestamp());
        let jitter = xxhash_rust::xxh3::xxh3_64(name.as_bytes()) % most.saturating_add(1);
        slot + TimeDelta::try_milliseconds(i64::try_from(jitter).unwrap_or(0)).unwrap_or_default()
    }

    /// The ticks after `considered` that are due by now. Very many come in several goes, the earlier ones first.
    pub fn due(&self, considered: DateTime<Utc>, now: DateTime<Utc>) -> Option<Due> {
        let mut due: Option<Due> = None;
        let mut last = considered;
        while let Some(slot) = self
            .next_after(last)
            .filter(|slot| self.due_at(*slot) <= now)
        {
            let (first, ticks) = due.map_or((slot, 0), |due| (due.first, due.ticks));
            due = Some(Due {
                first,
                last: slot,
                ticks: ticks + 1,
            });
            last = slot;
            if ticks as usize + 1 >= MOST_TICKS && now - slot > self.window() {
                break;
            }
        }
        due
    }

    /// For how long after it is due a tick may still be run.
    pub fn window(&self) -> TimeDelta {
        TimeDelta::from_std(self.rules.catch_up)
            .unwrap_or(TimeDelta::MAX)
            .max(ON_TIME)
    }

    /// The kind of job: the name's first part.
    pub fn kind(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// That nothing is to run by the clock, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; none for until it is resumed.
    pub until: Option<DateTime<Utc>>,
    /// Who paused it.
    pub principal: String,
    /// Why, as they said.
    pub reason: String,
}

impl Pause {
    /// Whether it holds at a moment.
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        at >= self.since && self.until.is_none_or(|until| at < until)
    }
}

/// Where a run of a job is in its life. The last five are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunState {
    /// A daemon is about to start its operation.
    Claimed,
    /// Its operation is under way, or its end has not been looked at.
    Started,
    /// It failed, and waits to be tried again.
    Retrying,
    /// Its operation succeeded.
    Succeeded,
    /// Its last attempt failed, or could not be started.
    Failed,
    /// A person cancelled its operation.
    Cancelled,
    /// The tick passed without a daemon that could run it.
    Missed,
    /// The tick was passed over for a reason: a pause, a run before it, maintenance mode.
    Skipped,
}

impl RunState {
    /// Every state, for reading a stored name back.
    pub const ALL: [Self; 8] = [
        Self::Claimed,
        Self::Started,
        Self::Retrying,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Missed,
        Self::Skipped,
    ];

    /// The name as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claimed => "CLAIMED",
            Self::Started => "STARTED",
            Self::Retrying => "RETRYING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Missed => "MISSED",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// One run of a job, or that a tick was passed over, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRun {
    /// The tick that it ran for, or the moment of `RunSchedule`.
    pub slot: DateTime<Utc>,
    /// Where it is.
    pub state: RunState,
    /// The operation of the last attempt; `None` when it could not be started.
    pub operation_id: Option<Uuid>,
    /// That operation's state.
    pub operation_state: Option<OperationState>,
    /// Which attempt is the last, from 1.
    pub attempt: u32,
    /// For how many ticks it stands.
    pub ticks: u64,
    /// Whether a person asked for it.
    pub by_hand: bool,
    /// Why it did not run, or what went wrong; empty otherwise.
    pub message: String,
    /// When it is tried again, where it is.
    pub retry_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its operation succeeded.
    Succeeded,
    /// A person cancelled its operation.
    Cancelled,
    /// The daemon that ran it died or was stopped.
    Cut(Failure),
    /// It failed, or could not be started.
    Failed(Failure),
}

impl End {
    /// What an operation's failure says of the attempt. `asked` says whether a person asked for its cancellation: then its
    /// daemon's death is no reason to do it again.
    pub fn of_failure(failure: Failure, asked: bool) -> Self {
        let cut = failure.kind == Kind::Cancelled || failure.reason == "DAEMON_DIED";
        match (cut, asked) {
            (true, true) => Self::Cancelled,
            (true, false) => Self::Cut(failure),
            (false, _) => Self::Failed(failure),
        }
    }
}

/// How far an open run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Claimed by this daemon, which has not started it: something came in between.
    Ours,
    /// Claimed by another daemon, or at work.
    UnderWay,
    /// Its operation has ended.
    Ended(End),
    /// It waits to be tried again.
    Retrying {
        /// Until when.
        at: DateTime<Utc>,
        /// What went wrong the last time.
        message: String,
    },
}

/// A run that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// The tick.
    pub slot: DateTime<Utc>,
    /// Which attempt is the last, from 1.
    pub attempt: u32,
    /// Whether a person asked for it.
    pub by_hand: bool,
    /// The operation of the last attempt.
    pub operation: Option<Uuid>,
    /// How far it is.
    pub stage: Stage,
}

/// What is recorded of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Since when it is known.
    pub first_seen: DateTime<Utc>,
    /// All ticks up to then were dealt with.
    pub considered: DateTime<Utc>,
    /// When a run of it last ended well.
    pub last_success: Option<DateTime<Utc>>,
    /// How many ticks were missed since it is known.
    pub missed: u64,
    /// The last pause, which may be over.
    pub pause: Option<Pause>,
    /// Since when it was seen to be overdue.
    pub overdue_since: Option<DateTime<Utc>>,
    /// Whether that it is overdue was told.
    pub overdue_told: bool,
    /// What went wrong in the last run that failed, where none has succeeded since; empty otherwise.
    pub last_error: String,
    /// Its runs that are not settled, the earlier ones first.
    pub open: Vec<OpenRun>,
}

impl Known {
    /// What is known of a job that nobody has seen before: none of its past ticks is caught up.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            first_seen: now,
            considered: now,
            last_success: None,
            missed: 0,
            pause: None,
            overdue_since: None,
            overdue_told: false,
            last_error: String::new(),
            open: Vec::new(),
        }
    }

    /// The pause that holds at a moment.
    pub fn paused(&self, at: DateTime<Utc>) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| pause.holds(at))
    }
}

/// A job with its next and last runs.
#[derive(Clone, Debug)]
pub struct ScheduledJob {
    /// The job.
    pub job: Job,
    /// What is recorded of it.
    pub known: Known,
    /// The pause that holds.
    pub pause: Option<Pause>,
    /// The next tick that will run.
    pub next: Option<DateTime<Utc>>,
    /// That it is overdue.
    pub overdue: Option<Overdue>,
    /// Its last runs, the latest first.
    pub runs: Vec<JobRun>,
}
