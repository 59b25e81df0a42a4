//! Audit entries: one for each call that changes something, with its outcome.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How a recorded call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Done.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Refused for lack of permission.
    Denied,
    /// Cancelled.
    Cancelled,
}

impl AuditOutcome {
    /// Every outcome, for reading a stored name back.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Denied, Self::Cancelled];

    /// The name as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Denied => "DENIED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// One recorded call.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Number in the log, growing.
    pub id: i64,
    /// When it was recorded.
    pub time: DateTime<Utc>,
    /// Who called.
    pub principal: String,
    /// The caller's address; empty for the scheduler.
    pub peer: String,
    /// The method's full name.
    pub method: String,
    /// The managed database; empty when the call has none.
    pub database: String,
    /// The request as JSON.
    pub request: serde_json::Value,
    /// The operation that the call started; empty for none.
    pub operation_id: String,
    /// The end; `None` while there is none.
    pub end: Option<AuditEnd>,
}

/// How and when a recorded call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEnd {
    /// How.
    pub outcome: AuditOutcome,
    /// The stable reason of a failure or refusal; empty otherwise.
    pub reason: String,
    /// From the record to the end.
    pub duration: Duration,
}
