//! What is known of a database's and the daemon's health.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    backup::Manifest, drill::Drill, maintenance::Maintenance, migration::SchemaVersion,
    privileges::LastReport,
};

/// The verdict on one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseState {
    /// Reachable and open.
    Healthy,
    /// Reachable and in maintenance mode.
    Maintenance,
    /// At least one of the daemon's roles cannot use it.
    Unreachable,
}

/// One connection that the daemon depends on: a purpose's to a managed database, or the control store's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionHealth {
    /// The purpose's name, or `control`.
    pub purpose: &'static str,
    /// Why it cannot be used; none while it can.
    pub error: Option<String>,
    /// Time that the last query took.
    pub latency: Duration,
    /// Since when it has been so, as far as this daemon has seen.
    pub since: DateTime<Utc>,
}

/// What one look at a connection saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The purpose's name, or `control`.
    pub purpose: &'static str,
    /// Why there was no answer.
    pub error: Option<String>,
    /// Time that it took.
    pub latency: Duration,
    /// When it was.
    pub time: DateTime<Utc>,
}

impl From<Look> for ConnectionHealth {
    /// Takes a look at its word.
    fn from(look: Look) -> Self {
        Self {
            purpose: look.purpose,
            error: look.error,
            latency: look.latency,
            since: look.time,
        }
    }
}

/// How many looks in a row must say the same before it is believed: one lost packet is no outage, and one answer of a server
/// that is starting is no recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures in a row that make a connection unreachable.
    pub failures: u32,
    /// Answers in a row that make it reachable again.
    pub successes: u32,
}

/// What is believed of one connection, and what speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belief {
    /// What is believed.
    pub health: ConnectionHealth,
    /// Looks in a row that said the other, and when the first of them was.
    against: Option<(u32, DateTime<Utc>)>,
}

impl Belief {
    /// The first look is believed at once: nothing else is known.
    pub fn first(look: Look) -> Self {
        Self {
            health: look.into(),
            against: None,
        }
    }

    /// Whether a look has said the other, so that it is worth looking again soon.
    pub fn is_in_doubt(&self) -> bool {
        self.against.is_some()
    }

    /// Takes one more look into account.
    pub fn hear(&mut self, look: Look, thresholds: Thresholds) {
        let (was_bad, is_bad) = (self.health.error.is_some(), look.error.is_some());
        self.health.latency = look.latency;
        if was_bad == is_bad {
            self.against = None;
            self.health.error = look.error;
            return;
        }
        let needed = if is_bad {
            thresholds.failures
        } else {
            thresholds.successes
        };
        let (seen, since) = self
            .against
            .map_or((1, look.time), |(seen, since)| (seen + 1, since));
        if seen < needed {
            self.against = Some((seen, since));
            return;
        }
        self.against = None;
        self.health.error = look.error;
        self.health.since = since;
    }
}

/// The health of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseHealth {
    /// The managed database.
    pub database: String,
    /// The verdict.
    pub state: DatabaseState,
    /// What is wrong and what to do; empty when healthy.
    pub message: String,
    /// When this was seen.
    pub check_time: DateTime<Utc>,
    /// `server_version`; empty when unreachable.
    pub server_version: String,
    /// One entry for each purpose that was asked.
    pub connections: Vec<ConnectionHealth>,
    /// Schema against scripts; `None` when not known.
    pub schema_version: Option<SchemaVersion>,
    /// Maintenance mode; `None` when not known.
    pub maintenance: Option<Maintenance>,
    /// The newest good backup.
    pub last_backup: Option<Manifest>,
    /// The last drill that passed.
    pub last_good_drill: Option<Drill>,
    /// The last drill, whatever its verdict.
    pub last_drill: Option<Drill>,
    /// The last check of privileges.
    pub privileges: Option<LastReport>,
}

/// The daemon and all its databases at a glance.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The daemon's version.
    pub version: &'static str,
    /// When it started.
    pub start_time: DateTime<Utc>,
    /// The connection to the control store.
    pub control_store: ConnectionHealth,
    /// Each managed database.
    pub databases: Vec<DatabaseHealth>,
    /// Operations that are not done.
    pub running_operations: u32,
    /// What could not be found out, and why; empty when everything was.
    pub message: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn look(second: i64, error: Option<&str>) -> Look {
        Look {
            purpose: "admin",
            error: error.map(ToOwned::to_owned),
            latency: Duration::ZERO,
            time: DateTime::from_timestamp(second, 0).unwrap(),
        }
    }

    fn thresholds() -> Thresholds {
        Thresholds {
            failures: 2,
            successes: 3,
        }
    }

    fn heard(looks: &[(i64, Option<&str>)]) -> Belief {
        let mut belief = Belief::first(look(looks[0].0, looks[0].1));
        for (second, error) in &looks[1..] {
            belief.hear(look(*second, *error), thresholds());
        }
        belief
    }

    #[test]
    fn one_failure_is_doubted_and_the_next_is_believed_since_the_first() {
        let doubted = heard(&[(0, None), (1, Some("gone"))]);
        assert!(doubted.is_in_doubt());
        assert_eq!(doubted.health.error, None);
        let believed = heard(&[(0, None), (1, Some("gone")), (2, Some("still gone"))]);
        assert!(!believed.is_in_doubt());
        assert_eq!(believed.health.error.as_deref(), Some("still gone"));
        assert_eq!(believed.health.since.timestamp(), 1);
    }

    #[test]
    fn failures_that_are_not_in_a_row_change_nothing() {
        let belief = heard(&[(0, None), (1, Some("lost")), (2, None), (3, Some("lost"))]);
        assert_eq!(belief.health.error, None);
        assert_eq!(belief.health.since.timestamp(), 0);
    }

    #[test]
    fn what_is_bad_is_good_again_after_as_many_answers_as_are_wanted() {
        let looks = [(0, Some("gone")), (1, None), (2, None), (3, None)];
        assert!(heard(&looks[..3]).health.error.is_some());
        let belief = heard(&looks);
        assert_eq!(belief.health.error, None);
        assert_eq!(belief.health.since.timestamp(), 1);
    }

    #[test]
    fn the_message_of_what_stays_bad_is_the_newest() {
        let belief = heard(&[(0, Some("refused")), (5, Some("no such role"))]);
        assert_eq!(belief.health.error.as_deref(), Some("no such role"));
        assert_eq!(belief.health.since.timestamp(), 0);
    }
}
