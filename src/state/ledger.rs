//! The `migration_events` and `migration_outcomes` tables: who did what with which revision when, from where to where,
//! and its text as it was. Alembic's own table keeps no history; this ledger is append-only.
//!
//! An event is written before the transaction that does it commits, its outcome after. An event without an outcome was
//! cut off in between; the id of its transaction tells how it ended.

use std::{collections::BTreeMap, time::Duration};

use tokio_postgres::Row;
use uuid::Uuid;

use super::ControlStore;
use crate::{
    model::migration::{AppliedScript, EventKind, EventOutcome, RevisionEvent},
    postgres::error::PostgresError,
};

/// An event that is about to be done.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// The managed database.
    pub database: &'a str,
    /// The revision's id.
    pub revision: &'a str,
    /// What is about to be done.
    pub kind: EventKind,
    /// The version table's rows before.
    pub from_heads: &'a [String],
    /// The version table's rows after.
    pub to_heads: &'a [String],
    /// Who asked for it.
    pub principal: &'a str,
    /// The operation that does it.
    pub operation: Option<Uuid>,
    /// SHA-256 of the script's file.
    pub sha256: &'a str,
    /// The checksum that white space and comments do not change.
    pub normalized_sha256: &'a str,
    /// The whole file.
    pub script: &'a str,
    /// The transaction of the managed database that writes the version row; `None` when there is none.
    pub transaction_id: Option<&'a str>,
    /// Filename of the backup that was made before; empty for none.
    pub backup: &'a str,
    /// The reason that was given; empty for none.
    pub reason: &'a str,
    /// Fingerprint of the schema before; empty when it was not read.
    pub fingerprint_before: &'a str,
}

/// An event of which the end is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEvent {
    /// Its number.
    pub id: i64,
    /// The transaction that writes the version row.
    pub transaction_id: Option<String>,
    /// The version table's rows after it, if it was done.
    pub to_heads: Vec<String>,
}

impl ControlStore {
    /// Appends an event and gives its number.
    pub async fn insert_event(&self, event: &NewEvent<'_>) -> Result<i64, PostgresError> {
        let client = self.client().await?;
        client
            .query_one(
                "INSERT INTO migration_events (database, revision, kind, from_heads, to_heads, principal, operation,
                                               sha256, normalized_sha256, script, transaction_id, backup, reason,
                                               fingerprint_before)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id",
                &[
                    &event.database,
                    &event.revision,
                    &event.kind.name(),
                    &event.from_heads,
                    &event.to_heads,
                    &event.principal,
                    &event.operation,
                    &event.sha256,
                    &event.normalized_sha256,
                    &event.script,
                    &event.transaction_id,
                    &event.backup,
                    &event.reason,
                    &event.fingerprint_before,
                ],
            )
            .await
            .map(|row| row.get(0))
            .map_err(PostgresError::query("write the event into the ledger"))
    }

    /// Appends an event's outcome. One that has its outcome keeps it.
    pub async fn insert_event_outcome(
        &self,
        event: i64,
        outcome: &EventOutcome,
    ) -> Result<(), PostgresError> {
        let client = self.client().await?;
        let state = if outcome.applied {
            "APPLIED"
        } else {
            "NOT_APPLIED"
        };
        client
            .execute(
                "INSERT INTO migration_outcomes (event, state, duration, retries, fingerprint_after)
                 VALUES ($1, $2, make_interval(secs => $3), $4, $5) ON CONFLICT (event) DO NOTHING",
                &[
                    &event,
                    &state,
                    &outcome.duration.as_secs_f64(),
                    &i32::try_from(outcome.retries).unwrap_or(i32::MAX),
                    &outcome.fingerprint_after,
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query(
                "write the event's outcome into the ledger",
            ))
    }

    /// The events of a database whose end is not known, oldest first.
    pub async fn open_events(&self, database: &str) -> Result<Vec<OpenEvent>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT id, transaction_id, to_heads FROM migration_events
                 WHERE database = $1 AND NOT EXISTS (SELECT FROM migration_outcomes WHERE event = id) ORDER BY id",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("list the ledger's open events"))?;
        Ok(rows
            .iter()
            .map(|row| OpenEvent {
                id: row.get(0),
                transaction_id: row.get(1),
                to_heads: row.get(2),
            })
            .collect())
    }

    /// The events of one revision, newest first.
    pub async fn revision_events(
        &self,
        database: &str,
        revision: &str,
    ) -> Result<Vec<RevisionEvent>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT kind, event.recorded_at, outcome.state, extract(epoch FROM outcome.duration)::float8,
                        outcome.retries, outcome.fingerprint_after, principal, operation, from_heads, to_heads,
                        sha256, backup, fingerprint_before, reason
                 FROM migration_events AS event LEFT JOIN migration_outcomes AS outcome ON outcome.event = event.id
                 WHERE database = $1 AND revision = $2 ORDER BY id DESC",
                &[&database, &revision],
            )
            .await
            .map_err(PostgresError::query("read the revision's events"))?;
        rows.iter().map(event).collect()
    }

    /// The normalized checksums of all scripts as they were last applied, stamped or restamped, by revision.
    pub async fn applied_checksums(
        &self,
        database: &str,
    ) -> Result<BTreeMap<String, String>, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT DISTINCT ON (revision) revision, normalized_sha256
                 FROM migration_events JOIN migration_outcomes ON event = id AND state = 'APPLIED'
                 WHERE database = $1 AND kind <> 'downgrade' AND normalized_sha256 <> ''
                 ORDER BY revision, id DESC",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("read the applied scripts' checksums"))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// A script as it was last applied, stamped or restamped.
    pub async fn applied_script(
        &self,
        database: &str,
        revision: &str,
    ) -> Result<Option<AppliedScript>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(
                "SELECT normalized_sha256, script
                 FROM migration_events JOIN migration_outcomes ON event = id AND state = 'APPLIED'
                 WHERE database = $1 AND revision = $2 AND kind <> 'downgrade' AND normalized_sha256 <> ''
                 ORDER BY id DESC LIMIT 1",
                &[&database, &revision],
            )
            .await
            .map_err(PostgresError::query("read the applied script"))?;
        Ok(row.map(|row| AppliedScript {
            normalized_sha256: row.get(0),
            text: row.get(1),
        }))
    }
}

fn event(row: &Row) -> Result<RevisionEvent, PostgresError> {
    let kind: &str = row.get(0);
    let kind = EventKind::from_name(kind).ok_or_else(|| PostgresError::Unexpected {
        what: "read the revision's events".to_owned(),
        detail: format!("{kind:?} is no kind of event"),
    })?;
    let state: Option<&str> = row.get(2);
    let outcome = state.map(|state| EventOutcome {
        applied: state == "APPLIED",
        duration: Duration::try_from_secs_f64(row.get(3)).unwrap_or_default(),
        retries: u32::try_from(row.get::<_, i32>(4)).unwrap_or_default(),
        fingerprint_after: row.get(5),
    });
    Ok(RevisionEvent {
        kind,
        start_time: row.get(1),
        outcome,
        principal: row.get(6),
        operation: row.get(7),
        from_heads: row.get(8),
        to_heads: row.get(9),
        sha256: row.get(10),
        backup: row.get(11),
        fingerprint_before: row.get(12),
        reason: row.get(13),
    })
}
