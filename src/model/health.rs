//! What is known of a database's and the daemon's health.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    backup::Manifest, drill::Drill, maintenance::Maintenance, migration::SchemaVersion,
    schedule::Overdue,
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

/// The connection of one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionHealth {
    /// The purpose's name.
    pub purpose: &'static str,
    /// The error, when a query was not answered.
    pub error: Option<String>,
    /// Time that the query took.
    pub latency: Duration,
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
    /// Its jobs that are overdue, by name.
    pub overdue_jobs: Vec<Overdue>,
}

/// The daemon and all its databases at a glance.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The daemon's version.
    pub version: &'static str,
    /// When it started.
    pub start_time: DateTime<Utc>,
    /// Whether the control store answers.
    pub control_store_reachable: bool,
    /// Each managed database.
    pub databases: Vec<DatabaseHealth>,
    /// Operations that are not done.
    pub running_operations: u32,
}
