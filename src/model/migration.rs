//! What a migration did or would do, and how a schema stands against its scripts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
}

/// What an upgrade or downgrade did, or would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
