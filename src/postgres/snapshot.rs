//! The snapshot that a dump is of, and the locks that keep it true.
//!
//! TRUNCATE and rewrites of a table do not look at snapshots: one between the taking of a snapshot and the locking of the
//! table would leave an empty table in the dump, as it can in pg_dump's. So the locks come first, by a statement that takes
//! no snapshot of its own, and then the snapshot; if the tables are no longer those that were locked, both are taken again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::error::SqlState;

use super::{
    copy::CopySession,
    dumpable::{self, TableName},
    error::PostgresError,
};

/// How often the locks are taken again after somebody made or dropped a table meanwhile.
const TRIES: u32 = 10;

/// A transaction that holds a snapshot, which other sessions can take too, and its tables' locks.
pub struct Snapshot {
    /// The session whose transaction it is.
    pub session: CopySession,
    /// The name under which others take it.
    pub id: String,
    /// When it was taken.
    pub time: DateTime<Utc>,
}

/// Sets what the text of a value depends on, so that the same value is the same text in every session, whatever role and
/// database set; and leaves out no row that the role may not see: it is an error.
pub async fn prepare_for_rows(session: &CopySession, encoding: &str) -> Result<(), PostgresError> {
    session
        .batch_execute(&format!(
            "SET client_encoding = '{encoding}';
             SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET extra_float_digits = 3;
             SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET xmloption = content; SET row_security = off;
             SET standard_conforming_strings = on; SET synchronize_seqscans = off; SET quote_all_identifiers = off"
        ))
        .await
        .map_err(PostgresError::query("prepare the session for rows"))
}

impl Snapshot {
    /// Locks every dumped table and takes a snapshot. A lock is waited for at most as long as said.
    pub async fn take(session: CopySession, lock_timeout: Duration) -> Result<Self, PostgresError> {
        let timeout = lock_timeout.as_millis();
        session
            .batch_execute(&format!("SET lock_timeout = {timeout}"))
            .await
            .map_err(PostgresError::query("prepare the snapshot's session"))?;
        for _ in 0..TRIES {
            if let Some((id, time)) = attempt(&session).await? {
                return Ok(Self { session, id, time });
            }
        }
        Err(PostgresError::Unexpected {
            what: "take a snapshot of the database".to_owned(),
            detail: format!("tables were made or dropped meanwhile, {TRIES} times in a row"),
        })
    }
}

impl Snapshot {
    /// Who holds or wants one of the locked tables for itself alone; it waits for the end of this snapshot's transaction.
    pub async fn in_the_way(&self) -> Result<Option<String>, PostgresError> {
        in_the_way(&self.session, &dumpable::table_names(&self.session).await?).await
    }
}

async fn attempt(session: &CopySession) -> Result<Option<(String, DateTime<Utc>)>, PostgresError> {
    let tables = dumpable::table_names(session).await?;
    session
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await
        .map_err(PostgresError::query("begin the snapshot's transaction"))?;
    match dumpable::lock(session, &tables).await {
        Ok(()) => {
            let row = session
                .query_one(
                    "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.clock_timestamp()",
                    &[],
                )
                .await
                .map_err(PostgresError::query("export a snapshot"))?;
            if dumpable::table_names(session).await? == tables {
                return Ok(Some((row.get(0), row.get(1))));
            }
            rollback(session).await?;
            Ok(None)
        }
        Err(error)
            if error.is(&SqlState::UNDEFINED_TABLE) || error.is(&SqlState::INVALID_SCHEMA_NAME) =>
        {
            rollback(session).await?;
            Ok(None)
        }
        Err(error) if error.is(&SqlState::LOCK_NOT_AVAILABLE) => {
            rollback(session).await?;
            Err(match in_the_way(session, &tables).await? {
                Some(detail) => PostgresError::Locked {
                    what: "lock the tables for the backup".to_owned(),
                    detail,
                },
                None => error,
            })
        }
        Err(error) => Err(error),
    }
}

async fn rollback(session: &CopySession) -> Result<(), PostgresError> {
    session
        .batch_execute("ROLLBACK")
        .await
        .map_err(PostgresError::query("end the snapshot's transaction"))
}

/// Who holds or wants one of the tables for itself alone.
async fn in_the_way(
    session: &CopySession,
    tables: &[TableName],
) -> Result<Option<String>, PostgresError> {
    let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let rows = session
        .query(
            "SELECT pg_catalog.format('session %s (%s) %s %I.%I exclusively', lock.pid,
                        -- The state is told to those who may read it.
                        pg_catalog.concat_ws(', ', activity.usename,
                            coalesce(nullif(activity.application_name, ''), 'no application name'), activity.state),
                        CASE WHEN lock.granted THEN 'holds' ELSE 'wants' END, namespace.nspname, class.relname)
             FROM pg_catalog.pg_locks AS lock
             JOIN pg_catalog.pg_class AS class ON class.oid = lock.relation
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
             LEFT JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid
             WHERE lock.mode = 'AccessExclusiveLock' AND lock.relation = ANY ($1)
               AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
             ORDER BY lock.granted DESC, lock.pid LIMIT 5",
            &[&oids],
        )
        .await
        .map_err(PostgresError::query("see who locks the tables"))?;
    let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok((!found.is_empty()).then(|| found.join("; ")))
}
