//! Restores as messages.

use super::{backup::summary, int32, int64, timestamp};
use crate::{
    model::restore::{ReplacedDatabase, RestorePlan, RestoreResult},
    proto,
};

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
            replaced: Some(result.replaced.into()),
            verified_tables: int32(result.verified_tables),
            verified_rows: int64(result.verified_rows),
            warnings: result.warnings,
            ..Self::default()
        }
    }
}
