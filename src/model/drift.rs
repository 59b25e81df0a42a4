//! Whether a live schema still is what the revisions made of it.

use serde::{Deserialize, Serialize};

use super::schema::Difference;

/// What a live schema was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// What was recorded when the last migration ended.
    Recorded,
    /// A scratch database in which all applied revisions were run.
    Built,
}

/// Whether DDL that does not come from the daemon is refused by the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "message", rename_all = "lowercase")]
pub enum DdlGuard {
    /// Not wanted, not installed.
    Off,
    /// Installed and enabled.
    On,
    /// Wanted but not in force, with the reason.
    Missing(String),
}

/// Result of `CheckDrift`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// The managed database.
    pub database: String,
    /// The version table's rows.
    pub heads: Vec<String>,
    /// Each object that differs; none when there is no drift.
    pub differences: Vec<Difference>,
    /// What was compared with.
    pub reference: Reference,
    /// Fingerprint of what the schema should be.
    pub expected_fingerprint: String,
    /// Fingerprint of what it is.
    pub live_fingerprint: String,
    /// The DDL guard.
    pub ddl_guard: DdlGuard,
}
