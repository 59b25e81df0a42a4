//! What a migration did or would do, how a schema stands against its scripts, and what the ledger remembers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{rehearsal::Rehearsal, review::Finding, schema::Difference};

/// Which section of a revision script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The upgrade section.
    Upgrade,
    /// The downgrade section.
    Downgrade,
}

impl Direction {
    /// The name as it stands in messages and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
        }
    }
}

/// Before which migrations a backup is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackupBefore {
    /// Before every one that runs something.
    Always,
    /// Before one with a destructive statement.
    Destructive,
    /// Before none.
    Never,
}

impl BackupBefore {
    /// The value of this name, as the configuration has it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "always" => Some(Self::Always),
            "destructive" => Some(Self::Destructive),
            "never" => Some(Self::Never),
            _ => None,
        }
    }
}

/// One script of a migration, planned or run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MigrationStep {
    /// The revision's id.
    pub revision: String,
    /// The section that runs.
    pub direction: Direction,
    /// The revision's message.
    pub message: String,
    /// The section's SQL; kept only for a plan.
    pub sql: String,
    /// How long it took; `None` when it has not run.
    pub duration: Option<Duration>,
    /// Whether script and version row are one transaction.
    pub transactional: bool,
    /// What a reviewer should know of it; kept only for a plan.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// How often it was tried again because a lock could not be had.
    #[serde(default)]
    pub retries: u32,
}

/// What an upgrade or downgrade did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MigrationResult {
    /// The managed database.
    pub database: String,
    /// The version table's rows before, sorted.
    pub from_heads: Vec<String>,
    /// The version table's rows after, sorted.
    pub to_heads: Vec<String>,
    /// The steps in the order in which they run.
    pub steps: Vec<MigrationStep>,
    /// True for a plan that changed nothing.
    pub validate_only: bool,
    /// Filename of the backup that was made before the first step.
    #[serde(default)]
    pub backup: Option<String>,
    /// For a plan: whether a backup would be made before the first step.
    #[serde(default)]
    pub backup_planned: bool,
    /// What was not as the revisions made it when the migration began.
    #[serde(default)]
    pub drift_before: Vec<Difference>,
    /// What the rehearsal saw, one for each step; empty when there was none.
    #[serde(default)]
    pub rehearsals: Vec<Rehearsal>,
    /// For a plan: what running it would be refused for.
    #[serde(default)]
    pub refusals: Vec<String>,
}

/// How a database's schema stands against the scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The managed database.
    pub database: String,
    /// The version table's rows, sorted.
    pub database_heads: Vec<String>,
    /// The scripts' heads, sorted.
    pub script_heads: Vec<String>,
    /// Ids in the version table that no script has.
    pub unknown_revisions: Vec<String>,
    /// How many scripts an upgrade to `heads` would run.
    pub pending_count: usize,
    /// Whether the database has exactly what the scripts make.
    pub in_sync: bool,
}

/// What was done with a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A section was run.
    Ran(Direction),
    /// The version table was made to say that it is applied, or not.
    Stamp,
    /// The edited file of an applied revision was accepted.
    Restamp,
}

impl EventKind {
    /// The name as it stands in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ran(direction) => direction.name(),
            Self::Stamp => "stamp",
            Self::Restamp => "restamp",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Ran(Direction::Upgrade),
            Self::Ran(Direction::Downgrade),
            Self::Stamp,
            Self::Restamp,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// How an event ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventOutcome {
    /// Whether it was committed.
    pub applied: bool,
    /// How long it took, retries included.
    pub duration: Duration,
    /// How often it was tried again.
    pub retries: u32,
    /// Fingerprint of the schema after; empty when it was not read.
    pub fingerprint_after: String,
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionEvent {
    /// What was done.
    pub kind: EventKind,
    /// When it began.
    pub start_time: DateTime<Utc>,
    /// How it ended; `None` while it is open, or when it was cut off before that was known.
    pub outcome: Option<EventOutcome>,
    /// Who asked for it.
    pub principal: String,
    /// The operation; `None` for a restamp.
    pub operation: Option<Uuid>,
    /// The version table's rows before.
    pub from_heads: Vec<String>,
    /// The version table's rows after, as planned.
    pub to_heads: Vec<String>,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The backup that was made before; empty for none.
    pub backup: String,
    /// Fingerprint of the schema before; empty when it was not read.
    pub fingerprint_before: String,
    /// The reason that was given; empty for none.
    pub reason: String,
}

/// The text of a script as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedScript {
    /// The checksum that white space and comments do not change.
    pub normalized_sha256: String,
    /// The whole file.
    pub text: String,
}

/// One person's consent to a script as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who approved.
    pub principal: String,
    /// When.
    pub approve_time: DateTime<Utc>,
    /// What they said.
    pub comment: String,
    /// SHA-256 of the file that was approved.
    pub sha256: String,
}

/// What is to be known of one revision before it is approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionReview {
    /// The revision's id.
    pub revision: String,
    /// SHA-256 of the file that was reviewed.
    pub sha256: String,
    /// Who made it; empty when not known.
    pub author: String,
    /// The findings, the weightiest first.
    pub findings: Vec<Finding>,
    /// What the rehearsal saw.
    pub rehearsal: Option<Rehearsal>,
    /// The approvals that hold.
    pub approvals: Vec<Approval>,
}

/// Result of `ReviewRevision`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The managed database.
    pub database: String,
    /// One for each revision, in the order in which they would run.
    pub revisions: Vec<RevisionReview>,
}

/// A revision that autogenerate wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedRevision {
    /// The id.
    pub revision: String,
    /// The ids that it follows.
    pub down_revisions: Vec<String>,
    /// Names of the branch that starts with it.
    pub branch_labels: Vec<String>,
    /// What it is for.
    pub message: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Whether script and version row are one transaction.
    pub transactional: bool,
    /// The file's name.
    pub filename: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The upgrade section.
    pub upgrade_sql: String,
    /// The downgrade section.
    pub downgrade_sql: String,
    /// Who asked for it.
    pub author: String,
    /// Whether no other script follows it.
    pub head: bool,
}

/// Result of `CreateRevision` with autogenerate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutogenerateResult {
    /// The managed database.
    pub database: String,
    /// The revisions that the first new one follows.
    pub parents: Vec<String>,
    /// The new revisions in the order in which they run; none when nothing differs.
    pub revisions: Vec<GeneratedRevision>,
    /// How the models differ from what the revisions up to the parents make.
    pub differences: Vec<Difference>,
    /// What a reviewer should know of the upgrades, by `revision`.
    pub findings: Vec<Finding>,
}

/// Result of `Stamp` and `CreateBaseline`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StampResult {
    /// The managed database.
    pub database: String,
    /// The version table's rows before.
    pub from_heads: Vec<String>,
    /// The version table's rows after.
    pub to_heads: Vec<String>,
    /// Where the live schema differs from what the stamped revisions make; empty unless forced.
    pub differences: Vec<Difference>,
    /// The file that `CreateBaseline` wrote; empty for `Stamp`.
    pub filename: String,
}
