//! The `audit_entries` and `audit_outcomes` tables: append-only, an entry before the deed, its outcome after.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Row;

use super::ControlStore;
use crate::{
    model::{
        audit::{AuditEnd, AuditEntry, AuditOutcome},
        failure::Failure,
        page::Page,
    },
    postgres::error::PostgresError,
};

/// What is recorded of a call before it acts.
#[derive(Debug)]
pub struct NewAuditEntry<'a> {
    /// Who calls.
    pub principal: &'a str,
    /// The caller's address; empty for the scheduler.
    pub peer: &'a str,
    /// The method's full name.
    pub method: &'a str,
    /// The managed database as named in the call.
    pub database: &'a str,
    /// The request as JSON.
    pub request: &'a Value,
}

impl ControlStore {
    /// Records a call; gives the entry's number.
    pub async fn insert_audit_entry(&self, new: &NewAuditEntry<'_>) -> Result<i64, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_one(
                "INSERT INTO audit_entries (principal, peer, method, database, request, daemon)
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
                &[
                    &new.principal,
                    &new.peer,
                    &new.method,
                    &new.database,
                    &new.request,
                    &self.daemon,
                ],
            )
            .await
            .map_err(PostgresError::query("write the audit log"))?;
        Ok(row.get(0))
    }

    /// Records how a call ended. The first outcome stands.
    pub async fn insert_audit_outcome(
        &self,
        entry: i64,
        outcome: AuditOutcome,
        reason: &str,
        operation: &str,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO audit_outcomes (entry, outcome, reason, operation) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (entry) DO NOTHING",
                &[&entry, &outcome.name(), &reason, &operation],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("write the audit log"))
    }

    /// Entries of these databases, or all, newest first, and the token of the next page.
    pub async fn audit_entries(
        &self,
        databases: Option<&[String]>,
        principal: Option<&str>,
        page: &Page,
    ) -> Result<(Vec<AuditEntry>, Option<String>), Failure> {
        let before = match &page.after {
            None => i64::MAX,
            Some(token) => token.parse().map_err(|_| Page::stale())?,
        };
        let limit = i64::try_from(page.size + 1).unwrap_or(i64::MAX);
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT entries.id, entries.recorded_at, principal, peer, method, database, request,
                        outcome, reason,
                        coalesce(outcomes.operation,
                                 (SELECT operations.id::text FROM operations WHERE audit_entry = entries.id))
                            AS operation,
                        extract(epoch FROM outcomes.recorded_at - entries.recorded_at)::float8 AS seconds
                 FROM audit_entries AS entries
                 LEFT JOIN audit_outcomes AS outcomes ON outcomes.entry = entries.id
                 WHERE ($1::text[] IS NULL OR database = ANY ($1)) AND ($2::text IS NULL OR principal = $2)
                   AND entries.id < $3
                 ORDER BY entries.id DESC LIMIT $4",
                &[&databases, &principal, &before, &limit],
            )
            .await
            .map_err(PostgresError::query("read the audit log"))?;
        let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let more = entries.len() > page.size;
        entries.truncate(page.size);
        let next = entries.last().filter(|_| more).map(|e| e.id.to_string());
        Ok((entries, next))
    }
}

fn entry(row: &Row) -> Result<AuditEntry, PostgresError> {
    let operation: Option<String> = row.get("operation");
    let operation_id = operation.unwrap_or_default();
    let end = match row.get::<_, Option<String>>("outcome") {
        None => None,
        Some(name) => {
            let outcome = AuditOutcome::ALL
                .into_iter()
                .find(|outcome| outcome.name() == name)
                .ok_or_else(|| PostgresError::Unexpected {
                    what: "read the audit log".to_owned(),
                    detail: format!("unknown outcome {name:?}"),
                })?;
            let seconds: f64 = row.get("seconds");
            Some(AuditEnd {
                outcome,
                reason: row.get("reason"),
                duration: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
            })
        }
    };
    Ok(AuditEntry {
        id: row.get("id"),
        time: row.get("recorded_at"),
        principal: row.get("principal"),
        peer: row.get("peer"),
        method: row.get("method"),
        database: row.get("database"),
        request: row.get("request"),
        operation_id,
        end,
    })
}
