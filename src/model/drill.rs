//! Drills: what a rehearsal restore says of a backup, and when it cannot say anything.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::failure::{Failure, Kind};

/// What a drill says of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DrillVerdict {
    /// It restores, is what its manifest says, and passes every check.
    Passed,
    /// It does not: the backup is bad.
    Failed,
    /// It could not be judged; the verdict before stands.
    Error,
}

impl DrillVerdict {
    /// The name as it is stored and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
        }
    }

    /// What a failure in a stage says of the backup. The bytes and what they restore to are the backup's; the server, the
    /// store, the disk, the tools and the patience of people are not.
    pub fn of_failure(stage: DrillStage, failure: &Failure) -> Self {
        let of_the_backup = match (stage, failure.kind) {
            (_, Kind::DataLoss) => true,
            // The server ran the archive's SQL and refused it: a recovery would end there too.
            (DrillStage::Load, Kind::Internal) => {
                failure.reason != "TOOL_MISSING" && !is_of_the_server(&failure.message)
            }
            _ => false,
        };
        if of_the_backup {
            Self::Failed
        } else {
            Self::Error
        }
    }
}

/// What PostgreSQL's programs say when it is the server that is away, full or going down: their exit status does not tell.
/// What they pass on of a server whose `lc_messages` is not English is not understood, and taken for the backup's fault.
const OF_THE_SERVER: [&str; 7] = [
    "connection to server",
    "server closed the connection",
    "terminating connection",
    "the database system is",
    "No space left on device",
    "Disk quota exceeded",
    "out of memory",
];

fn is_of_the_server(said: &str) -> bool {
    OF_THE_SERVER.iter().any(|phrase| said.contains(phrase))
}

/// The stages of a drill, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrillStage {
    /// The backup is looked up, and its size held against the limits.
    Check,
    /// The archive is read to its end.
    Read,
    /// An empty scratch database is made.
    Create,
    /// The archive's contents go into it.
    Load,
    /// The planner gets its statistics.
    Analyze,
    /// It is compared with the manifest.
    Verify,
    /// The configured checks are asked.
    Checks,
    /// It is dropped.
    Drop,
}

impl DrillStage {
    /// Every stage.
    pub const ALL: [Self; 8] = [
        Self::Check,
        Self::Read,
        Self::Create,
        Self::Load,
        Self::Analyze,
        Self::Verify,
        Self::Checks,
        Self::Drop,
    ];

    /// The name as progress and records show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Read => "read",
            Self::Create => "create",
            Self::Load => "load",
            Self::Analyze => "analyze",
            Self::Verify => "verify",
            Self::Checks => "checks",
            Self::Drop => "drop",
        }
    }
}

/// How long one stage of an operation took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDuration {
    /// The stage's name.
    pub stage: String,
    /// How long it took.
    pub duration: Duration,
}

/// One of the configured checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillCheck {
    /// The file's name.
    pub name: String,
    /// Whether it gave true.
    pub passed: bool,
    /// What it gave otherwise.
    pub message: String,
}

/// A rehearsal of one backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The operation that ran it.
    pub operation_id: Uuid,
    /// The managed database.
    pub database: String,
    /// The archive; empty where there was none, or none was known yet.
    pub filename: String,
    /// The verdict.
    pub verdict: DrillVerdict,
    /// Why it did not pass.
    pub message: String,
    /// When it began.
    pub start_time: DateTime<Utc>,
    /// When it ended.
    pub end_time: DateTime<Utc>,
    /// How long each stage took.
    pub stages: Vec<StageDuration>,
    /// The configured checks that were asked.
    pub checks: Vec<DrillCheck>,
    /// Tables that were compared with the manifest.
    pub verified_tables: u64,
    /// Rows that were compared with the manifest.
    pub verified_rows: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(stage: DrillStage, kind: Kind, reason: &str) -> DrillVerdict {
        DrillVerdict::of_failure(stage, &Failure::new(kind, reason, "a test"))
    }

    #[test]
    fn what_is_wrong_with_the_bytes_or_the_rows_is_the_backups_fault_in_every_stage() {
        for stage in DrillStage::ALL {
            assert_eq!(
                verdict(stage, Kind::DataLoss, "BACKUP_DAMAGED"),
                DrillVerdict::Failed
            );
        }
    }

    #[test]
    fn what_the_surroundings_lack_says_nothing_of_the_backup() {
        for stage in DrillStage::ALL {
            for kind in [
                Kind::Unavailable,
                Kind::ResourceExhausted,
                Kind::Cancelled,
                Kind::Aborted,
                Kind::DeadlineExceeded,
            ] {
                assert_eq!(verdict(stage, kind, "X"), DrillVerdict::Error, "{stage:?}");
            }
        }
        let missing = verdict(DrillStage::Load, Kind::Internal, "TOOL_MISSING");
        assert_eq!(missing, DrillVerdict::Error);
        let defect = verdict(DrillStage::Create, Kind::Internal, "POSTGRES_ERROR");
        assert_eq!(defect, DrillVerdict::Error);
    }

    #[test]
    fn sql_that_the_server_refuses_is_a_backup_that_does_not_restore() {
        let refused = verdict(DrillStage::Load, Kind::Internal, "TOOL_FAILED");
        assert_eq!(refused, DrillVerdict::Failed);
        for said in [
            "psql ended with exit status: 2: server closed the connection unexpectedly",
            "psql ended with exit status: 3: ERROR: could not extend file: No space left on device",
        ] {
            let failure = Failure::new(Kind::Internal, "TOOL_FAILED", said);
            let verdict = DrillVerdict::of_failure(DrillStage::Load, &failure);
            assert_eq!(verdict, DrillVerdict::Error, "{said}");
        }
    }
}
