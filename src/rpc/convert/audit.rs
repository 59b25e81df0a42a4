//! The audit log as messages.

use chrono::{DateTime, Utc};

use super::{duration, int64, timestamp};
use crate::{
    model::{
        audit::{
            AuditEntry, AuditKind, AuditOutcome, WantedOutcome,
            chain::{Damage, Finding, Hash, Head},
            export::{bytes, hexadecimal},
        },
        failure::Failure,
    },
    ops::audit::Verification,
    proto,
};

impl From<AuditOutcome> for proto::AuditOutcome {
    fn from(outcome: AuditOutcome) -> Self {
        match outcome {
            AuditOutcome::Succeeded => Self::Succeeded,
            AuditOutcome::Failed => Self::Failed,
            AuditOutcome::Denied => Self::Denied,
            AuditOutcome::Cancelled => Self::Cancelled,
        }
    }
}

impl From<AuditKind> for proto::AuditKind {
    fn from(kind: AuditKind) -> Self {
        match kind {
            AuditKind::Change => Self::Change,
            AuditKind::Read => Self::Read,
            AuditKind::Refusal => Self::Refusal,
        }
    }
}

impl From<AuditEntry> for proto::AuditEntry {
    fn from(entry: AuditEntry) -> Self {
        let outcome = entry
            .end
            .as_ref()
            .map_or(proto::AuditOutcome::Started, |end| end.outcome.into());
        let (reason, took) = entry
            .end
            .map(|end| (end.reason, duration(end.duration)))
            .unzip();
        Self {
            id: entry.id,
            time: Some(timestamp(entry.time)),
            principal: entry.principal,
            peer: entry.peer,
            method: entry.method,
            database: entry.database,
            request_json: entry.request,
            outcome: outcome.into(),
            reason: reason.unwrap_or_default(),
            operation_id: entry.operation_id,
            duration: took,
            kind: proto::AuditKind::from(entry.kind).into(),
            call_count: int64(entry.calls),
        }
    }
}

impl From<Head> for proto::AuditHead {
    fn from(head: Head) -> Self {
        Self {
            number: head.number,
            hash: hexadecimal(&head.hash),
        }
    }
}

impl From<Finding> for proto::AuditFinding {
    fn from(finding: Finding) -> Self {
        let damage = match finding.damage {
            Damage::Changed => proto::AuditDamage::Changed,
            Damage::Gap => proto::AuditDamage::Gap,
            Damage::Truncated => proto::AuditDamage::Truncated,
            Damage::Replaced => proto::AuditDamage::Replaced,
        };
        Self {
            damage: damage.into(),
            number: finding.number,
            message: finding.message,
        }
    }
}

impl From<Verification> for proto::VerifyAuditResponse {
    fn from(verification: Verification) -> Self {
        let (verdict, protection) = (verification.verdict, verification.protection);
        let findings: Vec<_> = verdict.findings.into_iter().map(Into::into).collect();
        Self {
            intact: findings.is_empty() && protection.gaps.is_empty(),
            record_count: int64(verdict.records),
            head: Some(verdict.head.into()),
            findings,
            anchor: Some(verification.anchor.into()),
            control_role: protection.role,
            weaknesses: protection.weaknesses,
            missing_guards: protection.gaps,
        }
    }
}

/// A place in the log, of a request's field.
pub(in crate::rpc) fn head(field: &str, head: &proto::AuditHead) -> Result<Head, Failure> {
    let hash = bytes(&head.hash).and_then(|bytes| Hash::try_from(bytes).ok());
    match hash {
        Some(hash) if head.number >= 0 => Ok(Head {
            number: head.number,
            hash,
        }),
        _ => Err(Failure::invalid_field(
            field,
            "must be the number of a record and its hash of 64 hexadecimal digits",
        )),
    }
}

/// The outcome to look for; none for all.
pub(in crate::rpc) fn wanted_outcome(number: i32) -> Result<Option<WantedOutcome>, Failure> {
    let outcome = proto::AuditOutcome::try_from(number).map_err(|_| {
        Failure::invalid_field("outcome", "must be the name or number of an outcome")
    })?;
    Ok(match outcome {
        proto::AuditOutcome::Unspecified => None,
        proto::AuditOutcome::Started => Some(WantedOutcome::Open),
        proto::AuditOutcome::Succeeded => Some(WantedOutcome::Ended(AuditOutcome::Succeeded)),
        proto::AuditOutcome::Failed => Some(WantedOutcome::Ended(AuditOutcome::Failed)),
        proto::AuditOutcome::Denied => Some(WantedOutcome::Ended(AuditOutcome::Denied)),
        proto::AuditOutcome::Cancelled => Some(WantedOutcome::Ended(AuditOutcome::Cancelled)),
    })
}

/// A moment of a request's field, which PostgreSQL must be able to hold.
pub(in crate::rpc) fn moment(
    field: &str,
    timestamp: Option<prost_types::Timestamp>,
) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(timestamp) = timestamp else {
        return Ok(None);
    };
    u32::try_from(timestamp.nanos)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(timestamp.seconds, nanos))
        .map(Some)
        .ok_or_else(|| Failure::invalid_field(field, "must be a moment of the years 1 to 9999"))
}
