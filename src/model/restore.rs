//! What a restore needs, what it did, and the databases that it replaced.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    backup::{Manifest, VerificationLevel},
    drill::StageDuration,
    failure::PreconditionViolation,
    table_name::TableName,
};

/// How far a restored database is compared with the backup's manifest, each further than the one before.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RestoreVerification {
    /// Not at all.
    None,
    /// Each table's number of rows.
    Counts,
    /// Each table's rows, by their content hash.
    #[default]
    Full,
}

impl RestoreVerification {
    /// The level of checking that the backup has passed when it was restored and compared so far.
    pub fn level(self) -> VerificationLevel {
        match self {
            Self::None => VerificationLevel::FullRead,
            Self::Counts => VerificationLevel::Restored,
            Self::Full => VerificationLevel::ContentEqual,
        }
    }
}

/// What a restore writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreTarget {
    /// The managed database, by a swap.
    Live,
    /// A new database of this name on the managed one's server.
    Database(String),
    /// Some tables, into a new schema of the managed database.
    Tables {
        /// The tables.
        tables: Vec<TableName>,
        /// The schema.
        schema: String,
    },
}

/// One thing that a restore needs, and whether it is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreCheck {
    /// Stable upper-case name, e.g. `MAINTENANCE_MODE`.
    pub name: &'static str,
    /// Whether a restore would not be refused for it.
    pub passed: bool,
    /// What was found and, where it failed, what to do.
    pub message: String,
}

/// The pre-flight of a restore.
#[derive(Clone, Debug, PartialEq)]
pub struct RestorePlan {
    /// The managed database that would be replaced.
    pub database: String,
    /// The backup that would be restored.
    pub backup: Manifest,
    /// All checks, passed and failed.
    pub checks: Vec<RestoreCheck>,
}

impl RestorePlan {
    /// Whether every check passed.
    pub fn ready(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// The failed checks as a refusal lists them.
    pub fn violations(&self) -> Vec<PreconditionViolation> {
        self.checks
            .iter()
            .filter(|check| !check.passed)
            .map(|check| PreconditionViolation {
                kind: check.name.to_owned(),
                subject: format!("database/{}", self.database),
                description: check.message.clone(),
            })
            .collect()
    }
}

/// A database that a restore replaced and that is kept for a rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedDatabase {
    /// Its present name on the server.
    pub name: String,
    /// The managed database that it was.
    pub database: String,
    /// When it was replaced.
    pub replace_time: DateTime<Utc>,
    /// After this time the daemon drops it.
    pub expire_time: DateTime<Utc>,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// The method that set it aside: `Restore` or `RollbackRestore`.
    pub method: String,
}

/// What a restore or a rollback did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreResult {
    /// The managed database.
    pub database: String,
    /// The archive that was restored; empty after a rollback.
    pub filename: String,
    /// The backup of the state before; empty after a rollback, and where none was made.
    pub pre_restore_backup: String,
    /// The database that was live before; none where nothing was replaced.
    pub replaced: Option<ReplacedDatabase>,
    /// Tables whose rows were compared with the manifest.
    pub verified_tables: u64,
    /// Rows that were compared with the manifest.
    pub verified_rows: u64,
    /// How far they were compared; none after a rollback.
    #[serde(default)]
    pub verification: Option<RestoreVerification>,
    /// The database that the backup was restored into, where that was not the managed one; else empty.
    #[serde(default)]
    pub into_database: String,
    /// What did not go as it should and did not stop the restore.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The roles that were created.
    #[serde(default)]
    pub created_roles: Vec<String>,
    /// How long each stage took.
    #[serde(default)]
    pub stages: Vec<StageDuration>,
}
