//! Revisions and migrations as messages.

use super::{duration, int32, timestamp};
use crate::{
    model::migration::{
        Approval, AutogenerateResult, Direction, EventKind, GeneratedRevision, MigrationResult,
        MigrationStep, RevisionEvent, SchemaVersion,
    },
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
            edited: info.edited,
            half_run: info.half_run,
            author: info.author,
            approvals: info.approvals.into_iter().map(Into::into).collect(),
            events: info.events.into_iter().map(Into::into).collect(),
            applied_script: info.applied_script,
        }
    }
}

impl From<GeneratedRevision> for proto::Revision {
    fn from(generated: GeneratedRevision) -> Self {
        Self {
            revision: generated.revision,
            down_revisions: generated.down_revisions,
            branch_labels: generated.branch_labels,
            message: generated.message,
            create_time: Some(timestamp(generated.created)),
            transactional: generated.transactional,
            filename: generated.filename,
            head: generated.head,
            sha256: generated.sha256,
            upgrade_sql: generated.upgrade_sql,
            downgrade_sql: generated.downgrade_sql,
            author: generated.author,
            ..Self::default()
        }
    }
}

impl From<AutogenerateResult> for proto::AutogenerateResult {
    fn from(result: AutogenerateResult) -> Self {
        Self {
            database: result.database,
            parents: result.parents,
            revisions: result.revisions.into_iter().map(Into::into).collect(),
            differences: result.differences.into_iter().map(Into::into).collect(),
            findings: result.findings.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Approval> for proto::Approval {
    fn from(approval: Approval) -> Self {
        Self {
            principal: approval.principal,
            approve_time: Some(timestamp(approval.approve_time)),
            comment: approval.comment,
            sha256: approval.sha256,
        }
    }
}

impl From<EventKind> for proto::RevisionEventKind {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::Ran(Direction::Upgrade) => Self::Upgrade,
            EventKind::Ran(Direction::Downgrade) => Self::Downgrade,
            EventKind::Stamp => Self::Stamp,
            EventKind::Restamp => Self::Restamp,
        }
    }
}

impl From<RevisionEvent> for proto::RevisionEvent {
    fn from(event: RevisionEvent) -> Self {
        let state = match &event.outcome {
            None => proto::RevisionEventState::Open,
            Some(outcome) if outcome.applied => proto::RevisionEventState::Applied,
            Some(_) => proto::RevisionEventState::NotApplied,
        };
        let message = Self {
            kind: proto::RevisionEventKind::from(event.kind).into(),
            state: state.into(),
            start_time: Some(timestamp(event.start_time)),
            principal: event.principal,
            operation: event
                .operation
                .map_or_else(String::new, |id| id.to_string()),
            from_heads: event.from_heads,
            to_heads: event.to_heads,
            sha256: event.sha256,
            backup: event.backup,
            fingerprint_before: event.fingerprint_before,
            reason: event.reason,
            ..Self::default()
        };
        match event.outcome {
            None => message,
            Some(outcome) => Self {
                duration: Some(duration(outcome.duration)),
                retries: int32(outcome.retries),
                fingerprint_after: outcome.fingerprint_after,
                ..message
            },
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
            findings: step.findings.into_iter().map(Into::into).collect(),
            retries: int32(step.retries),
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
            backup: result.backup.unwrap_or_default(),
            backup_planned: result.backup_planned,
            drift_before: result
                .drift_before
                .iter()
                .map(ToString::to_string)
                .collect(),
            rehearsals: result.rehearsals.into_iter().map(Into::into).collect(),
            refusals: result.refusals,
        }
    }
}
