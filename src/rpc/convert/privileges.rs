//! What roles may do as messages.

use super::{int32, timestamp};
use crate::{
    model::privileges::{Counts, Finding, LastReport, PrivilegeReport, RolesProvisioned, Severity},
    ops::maintenance::provision::ProvisionRequest,
    proto,
};

impl From<proto::ProvisionRolesRequest> for ProvisionRequest {
    fn from(request: proto::ProvisionRolesRequest) -> Self {
        Self {
            application_roles: request.application_roles,
            read_only_roles: request.read_only_roles,
            existing_objects: request.existing_objects,
            reset_passwords: request.reset_passwords,
        }
    }
}

impl From<Severity> for proto::PrivilegeSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Info,
        }
    }
}

impl From<Finding> for proto::PrivilegeFinding {
    fn from(finding: Finding) -> Self {
        Self {
            severity: proto::PrivilegeSeverity::from(finding.severity).into(),
            reason: finding.reason,
            role: finding.role,
            object: finding.object,
            message: finding.message,
            statement: finding.statement,
        }
    }
}

impl From<Counts> for proto::PrivilegeCounts {
    fn from(counts: Counts) -> Self {
        Self {
            errors: int32(counts.errors),
            warnings: int32(counts.warnings),
            informations: int32(counts.informations),
        }
    }
}

impl From<PrivilegeReport> for proto::PrivilegeReport {
    fn from(report: PrivilegeReport) -> Self {
        Self {
            database: report.database,
            clean: report.counts.errors == 0 && report.counts.warnings == 0,
            counts: Some(report.counts.into()),
            findings: report.findings.into_iter().map(Into::into).collect(),
            server_version_num: int32(report.server_version),
        }
    }
}

impl From<LastReport> for proto::PrivilegeSummary {
    fn from(last: LastReport) -> Self {
        Self {
            operation_id: last.operation_id.to_string(),
            check_time: Some(timestamp(last.time)),
            counts: Some(last.counts.into()),
        }
    }
}

impl From<RolesProvisioned> for proto::RolesProvisioned {
    fn from(result: RolesProvisioned) -> Self {
        Self {
            database: result.database,
            statements: result.statements,
            created_roles: result.created,
            changed_roles: result.changed,
            remaining: result.left,
            validate_only: result.validate_only,
        }
    }
}
