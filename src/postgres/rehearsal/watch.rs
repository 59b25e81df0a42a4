//! Looking at the locks of a statement that runs outside of transactions, and so holds none when it has ended.
//!
//! A concurrent index build waits for every older snapshot before it ends, and what drops or detaches waits for readers of
//! the table. So another session holds a snapshot and reads the tables that the statement names: as soon as the statement
//! waits for it, its locks are read, and the other session lets go.

use std::{pin::pin, time::Duration};

use super::locks::{self, Locks};
use crate::postgres::{error::PostgresError, locks::backend, session::Session};

const POLL: Duration = Duration::from_millis(5);

/// Two connections beside the one whose statements are watched.
pub(super) struct Watch<'a> {
    watcher: &'a Session,
    holder: &'a Session,
    holder_backend: i32,
}

impl<'a> Watch<'a> {
    pub(super) async fn new(
        watcher: &'a Session,
        holder: &'a Session,
    ) -> Result<Self, PostgresError> {
        Ok(Self {
            watcher,
            holder,
            holder_backend: backend(holder).await?,
        })
    }

    /// Does the work of a backend, a statement, and gives all locks that it was seen with.
    pub(super) async fn during<T>(
        &self,
        backend: i32,
        sql: &str,
        work: impl Future<Output = T>,
    ) -> Result<(T, Locks), PostgresError> {
        self.hold(sql).await?;
        let mut work = pin!(work);
        let mut seen = Locks::new();
        let mut tick = tokio::time::interval(POLL);
        let mut holds = true;
        loop {
            tokio::select! {
                biased;
                ended = &mut work => {
                    self.let_go().await?;
                    return Ok((ended, seen));
                }
                _ = tick.tick() => {}
            }
            // In this order: what waits keeps the locks that it has.
            let waits = holds && self.keeps_waiting(backend).await?;
            seen.extend(locks::of(self.watcher, backend).await?);
            if waits {
                self.let_go().await?;
                holds = false;
            }
        }
    }

    async fn hold(&self, sql: &str) -> Result<(), PostgresError> {
        let what = || PostgresError::query("hold a snapshot");
        self.holder
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            .await
            .map_err(what())?;
        let tables: Option<String> = self
            .holder
            .query_one(
                "SELECT string_agg(format('ONLY %I.%I', n.nspname, c.relname), ', ')
                 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                   AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
                   AND (strpos(lower($1), lower(c.relname)) > 0
                        OR EXISTS (SELECT FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
                                   WHERE i.indrelid = c.oid AND strpos(lower($1), lower(x.relname)) > 0))",
                &[&sql],
            )
            .await
            .map_err(what())?
            .get(0);
        if let Some(tables) = tables {
            let read = format!("LOCK TABLE {tables} IN ACCESS SHARE MODE");
            self.holder.batch_execute(&read).await.map_err(what())?;
        }
        Ok(())
    }

    async fn keeps_waiting(&self, backend: i32) -> Result<bool, PostgresError> {
        self.watcher
            .query_one(
                "SELECT $2::int4 = ANY (pg_catalog.pg_blocking_pids($1))",
                &[&backend, &self.holder_backend],
            )
            .await
            .map(|row| row.get(0))
            .map_err(PostgresError::query("see whom a statement waits for"))
    }

    async fn let_go(&self) -> Result<(), PostgresError> {
        self.holder
            .batch_execute("ROLLBACK")
            .await
            .map_err(PostgresError::query("let a snapshot go"))
    }
}
