//! The audit log: entries for calls, each with its outcome, and the chain of records that they are kept as.

pub mod chain;
pub mod export;
pub mod redact;
pub mod spooled;

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How a recorded call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Done.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Refused for lack of permission or of credentials.
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

    /// The outcome of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// A call that changes something, recorded before it acts.
    Change,
    /// A call that only read, or several alike in quick succession.
    Read,
    /// A caller that was not let in.
    Refusal,
}

impl AuditKind {
    /// The kind of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "CALL" => Some(Self::Change),
            "READ" => Some(Self::Read),
            "REFUSAL" => Some(Self::Refusal),
            _ => None,
        }
    }
}

/// One recorded call.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Number in the log, growing. Ends of calls have numbers too, so that entries' numbers have gaps.
    pub id: i64,
    /// What it stands for.
    pub kind: AuditKind,
    /// When the call began.
    pub time: DateTime<Utc>,
    /// Who called; empty for a caller that was not let in.
    pub principal: String,
    /// The caller's address; empty for the scheduler.
    pub peer: String,
    /// The method's full name.
    pub method: String,
    /// The managed database; empty when the call has none.
    pub database: String,
    /// The request as JSON.
    pub request: String,
    /// The operation that the call started; empty for none.
    pub operation_id: String,
    /// How many calls the entry stands for: 1, or more where reads or refusals in quick succession are one entry.
    pub calls: u64,
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
    /// From the record to the end; of several reads all together.
    pub duration: Duration,
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only on these managed databases.
    pub databases: Option<Vec<String>>,
    /// Only of this principal.
    pub principal: Option<String>,
    /// Only of this method: its full name, or the name within its service.
    pub method: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<WantedOutcome>,
    /// Only from this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Only before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Also calls that only read.
    pub reads: bool,
}

impl AuditFilter {
    /// Whether an entry is asked for, as it is now.
    pub fn includes(&self, entry: &AuditEntry) -> bool {
        let outcome = match (self.outcome, &entry.end) {
            (None, _) | (Some(WantedOutcome::Open), None) => true,
            (Some(WantedOutcome::Ended(wanted)), Some(end)) => end.outcome == wanted,
            _ => false,
        };
        let databases = self.databases.as_ref();
        let method = |wanted: &String| {
            *wanted == entry.method
                || entry.method.rsplit_once('/').map(|(_, name)| name) == Some(wanted)
        };
        outcome
            && (self.reads || entry.kind != AuditKind::Read)
            && databases.is_none_or(|names| names.contains(&entry.database))
            && self
                .principal
                .as_ref()
                .is_none_or(|name| *name == entry.principal)
            && self.method.as_ref().is_none_or(method)
            && self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
    }
}

/// An outcome to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedOutcome {
    /// Calls that have not ended.
    Open,
    /// Calls that ended so.
    Ended(AuditOutcome),
}
