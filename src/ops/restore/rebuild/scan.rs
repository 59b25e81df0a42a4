//! The reading of a whole restored database, by many sessions, as a dump reads it: rows are hashed, or only counted.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::task::JoinSet;
use tokio_postgres::Config;

use crate::{
    archive::{PageRange, Statements},
    model::{
        backup::{LargeObjects, Manifest, RowHasher, RowSum, TableContents},
        failure::{Failure, Kind},
    },
    ops::{
        backup::dump::{LargeObjectPages, ranges, watched},
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{
        copy::CopySession, dumpable::DumpedTable, error::PostgresError, snapshot::prepare_for_rows,
    },
};

pub(super) async fn session(
    managed: &Managed,
    login: &Config,
) -> Result<CopySession, PostgresError> {
    managed
        .database
        .copy_session(login, "pgsteward restore")
        .await
}

/// A reading of a whole database.
pub(super) struct Scan<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) managed: &'a Managed,
    pub(super) login: &'a Config,
    pub(super) encoding: &'a str,
    /// Whether rows are hashed; else they are counted.
    pub(super) is_full: bool,
}

struct Queue {
    tables: Vec<TableContents>,
    statements: Statements,
    is_full: bool,
    items: Mutex<VecDeque<(usize, PageRange)>>,
    sums: Mutex<Vec<RowSum>>,
    bytes: AtomicU64,
}

impl Scan<'_> {
    /// The tables with their rows and hashes as they are found.
    pub(super) async fn tables(
        &self,
        job: &Job,
        tables: &[DumpedTable],
        backup: &Manifest,
    ) -> Result<Vec<TableContents>, Failure> {
        let mut order: Vec<usize> = (0..tables.len()).collect();
        order.sort_by_key(|table| std::cmp::Reverse(tables[*table].size_bytes));
        let items = order
            .into_iter()
            .flat_map(|table| {
                let ranges = if self.is_full {
                    ranges(&tables[table])
                } else {
                    vec![PageRange::All]
                };
                ranges.into_iter().map(move |pages| (table, pages))
            })
            .collect::<VecDeque<_>>();
        let sessions = self.daemon.settings.restore.jobs.min(items.len());
        let queue = Arc::new(Queue {
            tables: tables.iter().map(|table| table.contents.clone()).collect(),
            statements: Statements::in_encoding(self.encoding),
            is_full: self.is_full,
            items: Mutex::new(items),
            sums: Mutex::new(vec![RowSum::default(); tables.len()]),
            bytes: AtomicU64::new(0),
        });
        let mut workers = JoinSet::new();
        for _ in 0..sessions {
            let session = session(self.managed, self.login).await?;
            prepare_for_rows(&session, self.encoding).await?;
            workers.spawn(scan(session, Arc::clone(&queue)));
        }
        let scanning = async {
            while let Some(worker) = workers.join_next().await {
                worker.map_err(|error| {
                    Failure::new(
                        Kind::Internal,
                        "COPY_ENDED",
                        format!("the comparison ended early: {error}"),
                    )
                })??;
            }
            Ok(())
        };
        let stall_timeout = self.daemon.settings.backup.stall_timeout;
        let total = if self.is_full {
            backup.uncompressed_bytes
        } else {
            0
        };
        watched(job, &queue.bytes, total, stall_timeout, scanning).await?;
        let sums = queue.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let found = queue.tables.iter().zip(sums.iter());
        Ok(found
            .map(|(table, sum)| TableContents {
                rows: sum.rows,
                content_hash: sum.hash,
                ..table.clone()
            })
            .collect())
    }

    pub(super) async fn large_objects(
        &self,
        oids: &[u32],
    ) -> Result<Option<LargeObjects>, Failure> {
        if oids.is_empty() {
            return Ok(None);
        }
        let session = session(self.managed, self.login).await?;
        let mut hasher = RowHasher::default();
        let mut pages = LargeObjectPages::new(&session, oids);
        while let Some(page) = pages.next().await? {
            hasher.update(&page);
        }
        Ok(Some(LargeObjects {
            objects: oids.len() as u64,
            pages: hasher.sum().rows,
            content_hash: hasher.sum().hash,
        }))
    }
}

async fn scan(mut session: CopySession, queue: Arc<Queue>) -> Result<(), Failure> {
    loop {
        let item = queue
            .items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some((table, pages)) = item else {
            return Ok(());
        };
        let contents = &queue.tables[table];
        let name = queue.statements.name(&contents.schema, &contents.table);
        let what = || PostgresError::query(format!("read the rows of {name}"));
        let sum = if queue.is_full {
            let mut hasher = RowHasher::default();
            let statement = queue.statements.copy_to(contents, &pages);
            let mut rows = session.copy_out(&statement).await.map_err(what())?;
            while let Some(chunk) = rows.next().await.map_err(what())? {
                queue.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                hasher.update(&chunk);
            }
            hasher.sum()
        } else {
            let statement = format!("SELECT count(*) FROM ONLY {name} {}", contents.condition);
            let row = session.query_one(&statement, &[]).await.map_err(what())?;
            // A count moves no bytes; it is progress all the same.
            queue.bytes.fetch_add(1, Ordering::Relaxed);
            RowSum {
                rows: row.get::<_, i64>(0).unsigned_abs(),
                ..RowSum::default()
            }
        };
        queue.sums.lock().unwrap_or_else(PoisonError::into_inner)[table] += sum;
    }
}
