//! Whether a live schema still is what the revisions made of it, or the declared one what they make.

use serde::{Deserialize, Serialize};

use super::schema::Difference;

/// What was compared: the live schema with one of the first two, or the models with the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// What was recorded when the last migration ended.
    Recorded,
    /// A scratch database in which all applied revisions were run.
    Built,
    /// The declared schema with a scratch database in which all revisions were run.
    Models,
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
    /// The version table's rows; with models the heads of the scripts.
    pub heads: Vec<String>,
    /// Each object that differs; none when there is no drift.
    pub differences: Vec<Difference>,
    /// What was compared with.
    pub reference: Reference,
    /// Fingerprint of what the schema should be.
    pub expected_fingerprint: String,
    /// Fingerprint of what it is; with models of what they declare.
    pub live_fingerprint: String,
    /// The DDL guard; none with models, which have nothing to do with the live database.
    pub ddl_guard: Option<DdlGuard>,
}
