//! Restores and drills as messages, and the request of a restore as a value.

use super::{backup::summary, duration, int32, int64, timestamp};
use crate::{
    model::{
        drill::{Drill, DrillCheck, DrillVerdict, StageDuration},
        restore::{ReplacedDatabase, RestorePlan, RestoreResult, RestoreVerification},
    },
    ops::restore::request::RestoreRequest,
    proto,
};

/// What a Restore asks for. A verification that this program does not know is taken as the fullest.
pub(in crate::rpc) fn request(request: proto::RestoreRequest) -> RestoreRequest {
    let verify = match request.verify() {
        proto::RestoreVerification::None => RestoreVerification::None,
        proto::RestoreVerification::Counts => RestoreVerification::Counts,
        proto::RestoreVerification::Full | proto::RestoreVerification::Unspecified => {
            RestoreVerification::Full
        }
    };
    RestoreRequest {
        verify,
        filename: request.filename,
        confirm: request.confirm_database,
        reason: request.reason,
        into_database: request.into_database,
        create_roles: request.create_roles,
        skip_last_backup: request.skip_last_backup,
        tables: request.tables,
        into_schema: request.into_schema,
    }
}

impl From<RestoreVerification> for proto::RestoreVerification {
    fn from(verification: RestoreVerification) -> Self {
        match verification {
            RestoreVerification::None => Self::None,
            RestoreVerification::Counts => Self::Counts,
            RestoreVerification::Full => Self::Full,
        }
    }
}

impl From<RestorePlan> for proto::RestorePlan {
    fn from(plan: RestorePlan) -> Self {
        let ready = plan.ready();
        let checks = plan
            .checks
            .into_iter()
            .map(|check| proto::RestoreCheck {
                name: check.name.to_owned(),
                passed: check.passed,
                message: check.message,
            })
            .collect();
        Self {
            database: plan.database,
            backup: Some(summary(plan.backup)),
            checks,
            ready,
        }
    }
}

impl From<ReplacedDatabase> for proto::ReplacedDatabase {
    fn from(replaced: ReplacedDatabase) -> Self {
        Self {
            name: replaced.name,
            database: replaced.database,
            replace_time: Some(timestamp(replaced.replace_time)),
            expire_time: Some(timestamp(replaced.expire_time)),
            size_bytes: replaced.size_bytes,
            method: replaced.method,
        }
    }
}

impl From<RestoreResult> for proto::RestoreResult {
    fn from(result: RestoreResult) -> Self {
        Self {
            database: result.database,
            filename: result.filename,
            pre_restore_backup: result.pre_restore_backup,
            replaced: result.replaced.map(Into::into),
            verified_tables: int32(result.verified_tables),
            verified_rows: int64(result.verified_rows),
            verification: result
                .verification
                .map_or(proto::RestoreVerification::Unspecified, Into::into)
                .into(),
            into_database: result.into_database,
            warnings: result.warnings,
            created_roles: result.created_roles,
            stages: result.stages.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<StageDuration> for proto::StageDuration {
    fn from(stage: StageDuration) -> Self {
        Self {
            stage: stage.stage,
            duration: Some(duration(stage.duration)),
        }
    }
}

impl From<DrillVerdict> for proto::DrillVerdict {
    fn from(verdict: DrillVerdict) -> Self {
        match verdict {
            DrillVerdict::Passed => Self::Passed,
            DrillVerdict::Failed => Self::Failed,
            DrillVerdict::Error => Self::Error,
        }
    }
}

impl From<DrillCheck> for proto::DrillCheck {
    fn from(check: DrillCheck) -> Self {
        Self {
            name: check.name,
            passed: check.passed,
            message: check.message,
        }
    }
}

impl From<Drill> for proto::Drill {
    fn from(drill: Drill) -> Self {
        Self {
            operation_id: drill.operation_id.to_string(),
            database: drill.database,
            filename: drill.filename,
            verdict: proto::DrillVerdict::from(drill.verdict).into(),
            message: drill.message,
            start_time: Some(timestamp(drill.start_time)),
            end_time: Some(timestamp(drill.end_time)),
            stages: drill.stages.into_iter().map(Into::into).collect(),
            checks: drill.checks.into_iter().map(Into::into).collect(),
            verified_tables: int32(drill.verified_tables),
            verified_rows: int64(drill.verified_rows),
        }
    }
}
