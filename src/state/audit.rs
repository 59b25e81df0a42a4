//! The audit log in the control store: one chain of records, written by the function `append_audit` alone.
//!
//! `append` writes, `records` reads the chain as it is stored, `protection` looks at who could change it. Here is the
//! reading of entries, as people look at them: a record of a call with the record of its end.

pub mod append;
pub mod protection;
pub mod records;

use std::time::Duration;

use tokio_postgres::{Row, types::ToSql};

use super::ControlStore;
use crate::{
    model::{
        audit::{AuditEnd, AuditEntry, AuditFilter, AuditKind, AuditOutcome, WantedOutcome},
        failure::Failure,
        page::Page,
    },
    postgres::error::PostgresError,
};

const WHAT: &str = "read the audit log";

/// The columns of an entry: `begun` is the record that stands for it, `ended` the one of its end, if it has one; a call that
/// only read has its outcome in its own record.
const COLUMNS: &str = "begun.number AS id, begun.kind, begun.happened_at, begun.principal, begun.peer, begun.method,
    begun.database, begun.request::text AS request, begun.calls,
    coalesce(ended.outcome, begun.outcome) AS outcome,
    coalesce(ended.reason, begun.reason) AS reason,
    coalesce(ended.duration, begun.duration) AS duration,
    coalesce(nullif(ended.operation, ''),
             (SELECT operations.id::text FROM operations WHERE audit_entry = begun.number LIMIT 1), '') AS operation";

/// An entry at one step of the log: as it was recorded, or as it ended.
#[derive(Clone, Debug)]
pub struct AuditStep {
    /// The number of the record that this step is.
    pub position: i64,
    /// The entry after it.
    pub entry: AuditEntry,
}

impl ControlStore {
    /// Entries, newest first, and the token of the next page.
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<(Vec<AuditEntry>, Option<String>), Failure> {
        let before: i64 = match &page.after {
            None => i64::MAX,
            Some(token) => token.parse().map_err(|_| Page::stale())?,
        };
        let limit = i64::try_from(page.size + 1).unwrap_or(i64::MAX);
        let open = filter.outcome == Some(WantedOutcome::Open);
        let outcome = match filter.outcome {
            Some(WantedOutcome::Ended(outcome)) => Some(outcome.name()),
            _ => None,
        };
        let kinds = if filter.reads {
            "begun.kind IN ('CALL', 'REFUSAL', 'READ')"
        } else {
            "begun.kind IN ('CALL', 'REFUSAL')"
        };
        let query = format!(
            "SELECT {COLUMNS}
             FROM public.audit_records AS begun
             LEFT JOIN public.audit_records AS ended ON ended.entry = begun.number
             WHERE {kinds} AND begun.number < $1
               AND ($2::text[] IS NULL OR begun.database = ANY ($2))
               AND ($3::text IS NULL OR begun.principal = $3)
               AND ($4::text IS NULL OR begun.method = $4 OR split_part(begun.method, '/', 2) = $4)
               AND ($5::text IS NULL OR coalesce(ended.outcome, begun.outcome) = $5)
               AND (NOT $6::boolean OR coalesce(ended.outcome, begun.outcome) IS NULL)
               AND ($7::timestamptz IS NULL OR begun.happened_at >= $7)
               AND ($8::timestamptz IS NULL OR begun.happened_at < $8)
             ORDER BY begun.number DESC LIMIT $9"
        );
        let parameters: [&(dyn ToSql + Sync); 9] = [
            &before,
            &filter.databases,
            &filter.principal,
            &filter.method,
            &outcome,
            &open,
            &filter.since,
            &filter.until,
            &limit,
        ];
        let client = self.client().await?;
        let rows = client
            .query(&query, &parameters)
            .await
            .map_err(PostgresError::query(WHAT))?;
        let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let more = entries.len() > page.size;
        entries.truncate(page.size);
        let next = entries.last().filter(|_| more).map(|e| e.id.to_string());
        Ok((entries, next))
    }

    /// The next steps of the log after a position, in order: each record gives its entry as it is after it.
    pub async fn audit_steps(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<AuditStep>, PostgresError> {
        let query = format!(
            "SELECT {COLUMNS}, step.number AS position
             FROM public.audit_records AS step
             JOIN public.audit_records AS begun ON begun.number = coalesce(step.entry, step.number)
             LEFT JOIN public.audit_records AS ended ON ended.number = step.number AND step.kind = 'END'
             WHERE step.number > $1 ORDER BY step.number LIMIT $2"
        );
        let client = self.client().await?;
        let rows = client
            .query(&query, &[&after, &limit])
            .await
            .map_err(PostgresError::query(WHAT))?;
        let step = |row| {
            Ok(AuditStep {
                position: value(row, "position")?,
                entry: entry(row)?,
            })
        };
        rows.iter().map(step).collect()
    }
}

/// A column's value. What is stored may have been damaged, and must not end in a panic.
fn value<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: &str,
) -> Result<T, PostgresError> {
    row.try_get(column)
        .map_err(|error| unexpected(error.to_string()))
}

fn unexpected(detail: String) -> PostgresError {
    PostgresError::Unexpected {
        what: WHAT.to_owned(),
        detail,
    }
}

fn entry(row: &Row) -> Result<AuditEntry, PostgresError> {
    let kind: &str = value(row, "kind")?;
    let kind = AuditKind::from_name(kind)
        .ok_or_else(|| unexpected(format!("unknown kind of record {kind:?}")))?;
    let end = match value::<Option<&str>>(row, "outcome")? {
        None => None,
        Some(name) => {
            let outcome = AuditOutcome::from_name(name)
                .ok_or_else(|| unexpected(format!("unknown outcome {name:?}")))?;
            let microseconds = value::<Option<i64>>(row, "duration")?.unwrap_or_default();
            Some(AuditEnd {
                outcome,
                reason: value(row, "reason")?,
                duration: Duration::from_micros(u64::try_from(microseconds).unwrap_or_default()),
            })
        }
    };
    Ok(AuditEntry {
        id: value(row, "id")?,
        kind,
        time: value(row, "happened_at")?,
        principal: value(row, "principal")?,
        peer: value(row, "peer")?,
        method: value(row, "method")?,
        database: value(row, "database")?,
        request: value(row, "request")?,
        operation_id: value(row, "operation")?,
        calls: u64::try_from(value::<i64>(row, "calls")?).unwrap_or_default(),
        end,
    })
}
