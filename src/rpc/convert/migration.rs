//! Revisions and migrations as messages.

use super::{duration, int32, timestamp};
use crate::{
    model::migration::{Direction, MigrationResult, MigrationStep, SchemaVersion},
    ops::migration::list::RevisionInfo,
    proto,
};

/// The revision without its SQL, as lists hold it.
pub(in crate::rpc) fn summary(info: RevisionInfo) -> proto::Revision {
    proto::Revision {
        upgrade_sql: String::new(),
        downgrade_sql: String::new(),
        ..info.into()
    }
}

impl From<RevisionInfo> for proto::Revision {
    fn from(info: RevisionInfo) -> Self {
        let script = info.script;
        Self {
            revision: script.revision,
            down_revisions: script.down_revisions,
            branch_labels: script.branch_labels,
            depends_on: script.depends_on,
            message: script.message,
            create_time: Some(timestamp(script.created)),
            transactional: script.transactional,
            filename: script.file_name,
            applied: info.applied,
            head: info.head,
            sha256: script.sha256,
            upgrade_sql: script.upgrade_sql,
            downgrade_sql: script.downgrade_sql,
        }
    }
}

impl From<SchemaVersion> for proto::SchemaVersion {
    fn from(version: SchemaVersion) -> Self {
        Self {
            database: version.database,
            database_heads: version.database_heads,
            script_heads: version.script_heads,
            in_sync: version.in_sync,
            unknown_revisions: version.unknown_revisions,
            pending_count: int32(version.pending_count),
        }
    }
}

impl From<Direction> for proto::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Upgrade => Self::Upgrade,
            Direction::Downgrade => Self::Downgrade,
        }
    }
}

impl From<MigrationStep> for proto::MigrationStep {
    fn from(step: MigrationStep) -> Self {
        Self {
            revision: step.revision,
            direction: proto::Direction::from(step.direction).into(),
            message: step.message,
            sql: step.sql,
            duration: step.duration.map(duration),
            transactional: step.transactional,
        }
    }
}

impl From<MigrationResult> for proto::MigrationResult {
    fn from(result: MigrationResult) -> Self {
        Self {
            database: result.database,
            from_heads: result.from_heads,
            to_heads: result.to_heads,
            steps: result.steps.into_iter().map(Into::into).collect(),
            validate_only: result.validate_only,
        }
    }
}
