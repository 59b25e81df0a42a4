//! Operation: a long-running job's record, as it is kept in the control store and shown to callers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    backup::StoredBackup,
    drift::DriftReport,
    drill::Drill,
    failure::Failure,
    maintenance::{Maintenance, optimize::OptimizeResult, reindex::ReindexResult},
    migration::{AutogenerateResult, MigrationResult, Review, StampResult},
    privileges::{PrivilegeReport, RolesProvisioned},
    restore::RestoreResult,
    retention::RetentionResult,
};

/// Where an operation is in its life. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationState {
    /// Recorded; waits for a second person, and holds nothing meanwhile.
    AwaitingApproval,
    /// Recorded; waits for its turn on the database.
    Queued,
    /// At work.
    Running,
    /// Asked to stop; at work on leaving nothing behind.
    Cancelling,
    /// Ended well.
    Succeeded,
    /// Ended with a failure.
    Failed,
    /// Ended because it was cancelled.
    Cancelled,
}

impl OperationState {
    /// Every state, for reading a stored name back.
    pub const ALL: [Self; 7] = [
        Self::AwaitingApproval,
        Self::Queued,
        Self::Running,
        Self::Cancelling,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name as it is stored and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "AWAITING_APPROVAL",
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing changes any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// How far an operation is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Name of the present stage.
    pub stage: String,
    /// Number of the present stage, from 1; 0 before the first.
    pub stage_number: u32,
    /// How many stages there are.
    pub stage_count: u32,
    /// What is being waited for or worked on, for a person to read.
    pub message: String,
    /// Units done in this stage.
    pub done_units: u64,
    /// Units in this stage; 0 when not known.
    pub total_units: u64,
    /// What the units are: `bytes`, `rows`, `tables`, `revisions`; empty when the stage has none.
    pub unit: String,
    /// Bytes handled by the whole operation so far.
    pub bytes: u64,
    /// When the present stage began.
    pub stage_start: Option<DateTime<Utc>>,
}

impl Progress {
    /// When the stage ends if it goes on at its present pace; `None` before a hundredth of it is done.
    pub fn estimated_end(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = self.stage_start?;
        if self.total_units == 0 || self.done_units < self.total_units.div_ceil(100) {
            return None;
        }
        let elapsed = u64::try_from((now - start).num_milliseconds()).ok()?;
        let left = self.total_units.saturating_sub(self.done_units);
        let rest = u128::from(elapsed) * u128::from(left) / u128::from(self.done_units);
        Some(now + chrono::TimeDelta::try_milliseconds(i64::try_from(rest).ok()?)?)
    }
}

/// What a successful operation gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Outcome {
    /// `CreateBackup`, `VerifyBackup`.
    Backup(Box<StoredBackup>),
    /// `ApplyRetention`.
    Retention(RetentionResult),
    /// `Upgrade`, `Downgrade`.
    Migration(MigrationResult),
    /// `Restore`, `RollbackRestore`.
    Restore(RestoreResult),
    /// `Optimize`.
    Optimize(OptimizeResult),
    /// `Reindex`.
    Reindex(ReindexResult),
    /// `EnterMaintenance`, `ExitMaintenance`.
    Maintenance(Maintenance),
    /// `ReviewRevision`.
    Review(Review),
    /// `CheckDrift`.
    Drift(DriftReport),
    /// `Stamp`, `CreateBaseline`.
    Stamp(StampResult),
    /// `RunDrill`.
    Drill(Drill),
    /// `CreateRevision` with autogenerate.
    Autogenerate(AutogenerateResult),
    /// `CheckPrivileges`.
    Privileges(PrivilegeReport),
    /// `ProvisionRoles`.
    Provisioned(RolesProvisioned),
}

/// That an operation waits, or waited, for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationApproval {
    /// Until when it may be given.
    pub expire_time: DateTime<Utc>,
    /// What was given; none while it is waited for.
    pub given: Option<GivenApproval>,
}

/// Who let an operation go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenApproval {
    /// When.
    pub time: DateTime<Utc>,
    /// Who.
    pub principal: String,
    /// Why, as the approver said.
    pub reason: String,
}

/// A long-running job with its record.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// A version 7 UUID, so that later operations sort after earlier ones.
    pub id: Uuid,
    /// The method's name, e.g. `CreateBackup`.
    pub method: String,
    /// The managed database.
    pub database: String,
    /// Where it is in its life.
    pub state: OperationState,
    /// Who asked for it.
    pub principal: String,
    /// The caller's request id; empty for none.
    pub request_id: String,
    /// When it was recorded.
    pub create_time: DateTime<Utc>,
    /// When its work began.
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    pub end_time: Option<DateTime<Utc>>,
    /// How far it is, or was at the end.
    pub progress: Progress,
    /// The approval that it wants; none where it wants none.
    pub approval: Option<OperationApproval>,
    /// Set exactly when the state is final.
    pub outcome: Option<Result<Outcome, Failure>>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_estimate_extends_the_present_pace() {
        let start = DateTime::from_timestamp(1_000, 0).unwrap();
        let progress = Progress {
            done_units: 25,
            total_units: 100,
            stage_start: Some(start),
            ..Progress::default()
        };
        let now = DateTime::from_timestamp(1_010, 0).unwrap();
        let end = progress.estimated_end(now).unwrap();
        assert_eq!(end, DateTime::from_timestamp(1_040, 0).unwrap());
    }

    #[test]
    fn there_is_no_estimate_without_a_total_or_without_a_start() {
        let now = Utc::now();
        assert_eq!(Progress::default().estimated_end(now), None);
        let unknown = Progress {
            done_units: 5,
            stage_start: Some(now),
            ..Progress::default()
        };
        assert_eq!(unknown.estimated_end(now), None);
    }
}
