//! What is said of schemas and of scripts before they run: findings, rehearsals, drift.

use super::{duration, int32, int64, timestamp};
use crate::{
    model::{
        drift::{DdlGuard, DriftReport, Reference},
        migration::{Review, RevisionReview, StampResult},
        rehearsal::{Rehearsal, RehearsedStatement, RelationLock, WayBack},
        review::{Finding, Severity},
        schema::{Change, Difference},
    },
    proto,
};

impl From<Finding> for proto::Finding {
    fn from(finding: Finding) -> Self {
        let severity = match finding.severity {
            Severity::Note => proto::FindingSeverity::Note,
            Severity::Warning => proto::FindingSeverity::Warning,
            Severity::Error => proto::FindingSeverity::Error,
        };
        Self {
            name: finding.name(),
            category: finding.category.name().to_owned(),
            severity: severity.into(),
            direction: proto::Direction::from(finding.direction).into(),
            rule: finding.rule,
            revision: finding.revision,
            line: int32(finding.line),
            statement: finding.statement,
            message: finding.message,
            safe_way: finding.safe_way,
            object: finding.object.unwrap_or_default(),
            table_bytes: int64(finding.table_bytes),
            rehearsed: finding.rehearsed,
        }
    }
}

impl From<RelationLock> for proto::RelationLock {
    fn from(lock: RelationLock) -> Self {
        Self {
            relation: lock.relation,
            mode: lock.mode,
        }
    }
}

fn lines(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(ToString::to_string).collect()
}

impl From<RehearsedStatement> for proto::RehearsedStatement {
    fn from(statement: RehearsedStatement) -> Self {
        Self {
            line: int32(statement.line),
            statement: statement.statement,
            duration: Some(duration(statement.duration)),
            locks: statement.locks.into_iter().map(Into::into).collect(),
            rewritten: statement.rewritten,
            scanned: statement.scanned,
            changes: lines(&statement.changes),
        }
    }
}

impl From<Rehearsal> for proto::Rehearsal {
    fn from(rehearsal: Rehearsal) -> Self {
        let (downgraded, downgrade_differences, downgrade_error) = match rehearsal.way_back {
            None => (false, Vec::new(), String::new()),
            Some(WayBack::Ran(differences)) => (true, lines(&differences), String::new()),
            Some(WayBack::Failed(error)) => (false, Vec::new(), error),
        };
        Self {
            revision: rehearsal.revision,
            direction: proto::Direction::from(rehearsal.direction).into(),
            sha256: rehearsal.sha256,
            fingerprint_before: rehearsal.fingerprint_before,
            fingerprint_after: rehearsal.fingerprint_after,
            rehearse_time: Some(timestamp(rehearsal.rehearse_time)),
            statements: rehearsal.statements.into_iter().map(Into::into).collect(),
            downgraded,
            downgrade_differences,
            downgrade_error,
        }
    }
}

impl From<RevisionReview> for proto::RevisionReview {
    fn from(review: RevisionReview) -> Self {
        Self {
            revision: review.revision,
            sha256: review.sha256,
            author: review.author,
            findings: review.findings.into_iter().map(Into::into).collect(),
            rehearsal: review.rehearsal.map(Into::into),
            approvals: review.approvals.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Review> for proto::Review {
    fn from(review: Review) -> Self {
        Self {
            database: review.database,
            revisions: review.revisions.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Difference> for proto::SchemaDifference {
    fn from(difference: Difference) -> Self {
        let kind = match difference.change {
            Change::Added => proto::DifferenceKind::Added,
            Change::Changed(_) => proto::DifferenceKind::Changed,
            Change::Dropped => proto::DifferenceKind::Dropped,
        };
        Self {
            kind: kind.into(),
            object_kind: difference.key.kind.name().to_owned(),
            description: difference.to_string(),
            object: difference.key.identity,
        }
    }
}

impl From<DriftReport> for proto::DriftReport {
    fn from(report: DriftReport) -> Self {
        let reference = match report.reference {
            Reference::Recorded => proto::SchemaReference::Recorded,
            Reference::Built => proto::SchemaReference::Built,
            Reference::Models => proto::SchemaReference::Models,
        };
        let (guard, message) = match report.ddl_guard {
            None => (proto::DdlGuardState::Unspecified, String::new()),
            Some(DdlGuard::Off) => (proto::DdlGuardState::Off, String::new()),
            Some(DdlGuard::On) => (proto::DdlGuardState::On, String::new()),
            Some(DdlGuard::Missing(why)) => (proto::DdlGuardState::Missing, why),
        };
        Self {
            database: report.database,
            heads: report.heads,
            drifted: !report.differences.is_empty(),
            differences: report.differences.into_iter().map(Into::into).collect(),
            reference: reference.into(),
            expected_fingerprint: report.expected_fingerprint,
            live_fingerprint: report.live_fingerprint,
            ddl_guard: guard.into(),
            ddl_guard_message: message,
        }
    }
}

impl From<StampResult> for proto::StampResult {
    fn from(result: StampResult) -> Self {
        Self {
            database: result.database,
            from_heads: result.from_heads,
            to_heads: result.to_heads,
            differences: result.differences.into_iter().map(Into::into).collect(),
            filename: result.filename,
        }
    }
}
