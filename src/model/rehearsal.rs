//! What a revision did on a scratch copy of the schema, statement by statement.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{migration::Direction, schema::Difference};

/// A lock that a statement took on a relation that stood there before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationLock {
    /// The relation, e.g. `public.orders`.
    pub relation: String,
    /// The mode as `pg_locks` names it, e.g. `AccessExclusiveLock`.
    pub mode: String,
}

/// What one statement did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RehearsedStatement {
    /// The line of the file, from 1.
    pub line: usize,
    /// The beginning of the statement.
    pub statement: String,
    /// How long it took on empty tables.
    pub duration: Duration,
    /// The locks that it took and that the ones before it had not.
    pub locks: Vec<RelationLock>,
    /// Relations that stood there before and whose storage it wrote anew.
    pub rewritten: Vec<String>,
    /// Relations that stood there before and of which it read every row.
    pub scanned: Vec<String>,
    /// The objects that it added, changed or dropped.
    pub changes: Vec<Difference>,
}

/// The record of one section's run on a scratch copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The revision.
    pub revision: String,
    /// The section.
    pub direction: Direction,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Fingerprint of the schema that it began with.
    pub fingerprint_before: String,
    /// Fingerprint of the schema that it gave.
    pub fingerprint_after: String,
    /// When.
    pub rehearse_time: DateTime<Utc>,
    /// Each statement with what it did.
    pub statements: Vec<RehearsedStatement>,
    /// How the way back went; `None` when it was not tried.
    pub way_back: Option<WayBack>,
}

/// How an upgrade's downgrade went, right after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WayBack {
    /// It ran; these objects are not as they were before the upgrade.
    Ran(Vec<Difference>),
    /// It could not be run.
    Failed(String),
}
