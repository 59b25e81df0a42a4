//! The chain as it is stored: its head, ranges of it, and its records one after the other.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::{Row, types::ToSql};

use crate::{
    model::{
        audit::chain::{FIELDS, Hash, Head, Link},
        failure::{Failure, Kind},
    },
    postgres::{error::PostgresError, session::Session},
    state::ControlStore,
};

/// How often the log may be read from one end to the other at once.
pub(in crate::state) const MOST_READERS: usize = 2;
/// When to ask again where it is.
const RETRY_AFTER: Duration = Duration::from_secs(10);

const WHAT: &str = "read the audit log";

/// Every field as the text that its hash is made of, whatever may have become of it.
const TEXTS: &str = "number, coalesce(hash, '') AS hash,
    ARRAY[number::text, kind, entry::text,
          to_char(happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
          to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
          principal, peer, method, database, request::text, outcome, reason, operation, duration::text,
          calls::text, daemon::text, source::text] AS fields";

/// A place in the chain, of a stored hash; none where the hash is damaged.
pub(super) fn head(number: i64, hash: &[u8]) -> Option<Head> {
    let hash = Hash::try_from(hash).ok()?;
    Some(Head { number, hash })
}

impl ControlStore {
    /// The hash of a record; none where there is no such record, or one with a damaged hash.
    pub async fn audit_record(&self, number: i64) -> Result<Option<Head>, PostgresError> {
        if number == Head::START.number {
            return Ok(Some(Head::START));
        }
        let query = "SELECT number, hash FROM public.audit_records WHERE number = $1";
        self.audit_place(query, &[&number]).await
    }

    /// The last record.
    pub async fn audit_head(&self) -> Result<Head, PostgresError> {
        let query = "SELECT number, hash FROM public.audit_records ORDER BY number DESC LIMIT 1";
        let found = self.audit_place(query, &[]).await?;
        Ok(found.unwrap_or(Head::START))
    }

    async fn audit_place(
        &self,
        query: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Head>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_opt(query, parameters)
            .await
            .map_err(PostgresError::query(WHAT))?;
        Ok(row.and_then(|row| head(row.try_get(0).ok()?, row.try_get(1).ok()?)))
    }

    /// The numbers of the first and the last record that was written within a time; `None` where there is none.
    pub async fn audit_range(
        &self,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Option<(i64, i64)>, PostgresError> {
        let client = self.client().await?;
        let row = client
            .query_one(
                "SELECT min(number), max(number) FROM public.audit_records
                 WHERE ($1::timestamptz IS NULL OR recorded_at >= $1)
                   AND ($2::timestamptz IS NULL OR recorded_at < $2)",
                &[&since, &until],
            )
            .await
            .map_err(PostgresError::query(WHAT))?;
        let range: (Option<i64>, Option<i64>) = (row.get(0), row.get(1));
        Ok(range.0.zip(range.1))
    }

    /// The records of a range of numbers, in order, all as of one moment. They come as they are asked for: neither here
    /// nor on the server do they stand in memory. The session lives as long as the stream. Fails with RESOURCE_EXHAUSTED
    /// while others read as many as may be read at once.
    pub async fn audit_links(
        &self,
        first: i64,
        last: i64,
    ) -> Result<impl Stream<Item = Result<Link, PostgresError>> + use<>, Failure> {
        let readers = Arc::clone(&self.audit_readers);
        let reader = readers.try_acquire_owned().map_err(|_| {
            let message = format!("the audit log is read {MOST_READERS} times already");
            Failure::new(Kind::ResourceExhausted, "AUDIT_LOG_BUSY", message)
                .with_hint("verify and export one after the other")
                .with_retry_after(RETRY_AFTER)
        })?;
        let session = self.session("pgsteward audit").await?;
        let query = format!(
            "SELECT {TEXTS} FROM public.audit_records WHERE number BETWEEN $1 AND $2 ORDER BY number"
        );
        let rows = session
            .query_raw(&query, [first, last])
            .await
            .map_err(PostgresError::query(WHAT))?;
        Ok(Box::pin(rows).map(move |row| {
            let _held: (&Session, &OwnedSemaphorePermit) = (&session, &reader);
            row.map_err(PostgresError::query(WHAT))
                .and_then(|row| link(&row))
        }))
    }
}

fn link(row: &Row) -> Result<Link, PostgresError> {
    let read = || -> Result<Link, tokio_postgres::Error> {
        let mut fields: [Option<String>; FIELDS.len()] = Default::default();
        let texts: Vec<Option<String>> = row.try_get("fields")?;
        for (field, text) in fields.iter_mut().zip(texts) {
            *field = text;
        }
        Ok(Link {
            number: row.try_get("number")?,
            fields,
            hash: row.try_get("hash")?,
        })
    };
    read().map_err(PostgresError::query(WHAT))
}
