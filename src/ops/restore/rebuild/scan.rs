//! The reading of a whole restored database, by many sessions, as a dump reads it: rows are hashed, or only counted.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::task::JoinSet;
use tokio_postgres::Config;

use crate::{
    archive::{PageRange, Statements},
    model::{
        backup::{LargeObjects, Manifest, RowHasher, RowSum, TableContents},
        failure::Failure,
    },
    ops::{
        backup::dump::{LargeObjectPages, ranges, watched},
        daemon::{Daemon, Managed},
        runner::job::Job,
        workers::{Queue, all},
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

struct Shared {
    tables: Vec<TableContents>,
    statements: Statements,
    is_full: bool,
    items: Queue<(usize, PageRange)>,
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
            .collect::<Vec<_>>();
        let sessions = self.daemon.settings.restore.jobs.min(items.len());
        let shared = Arc::new(Shared {
            tables: tables.iter().map(|table| table.contents.clone()).collect(),
            statements: Statements::in_encoding(self.encoding),
            is_full: self.is_full,
            items: Queue::new(items),
            sums: Mutex::new(vec![RowSum::default(); tables.len()]),
            bytes: AtomicU64::new(0),
        });
        let mut workers = JoinSet::new();
        for _ in 0..sessions {
            let session = session(self.managed, self.login).await?;
            prepare_for_rows(&session, self.encoding).await?;
            workers.spawn(scan(session, Arc::clone(&shared)));
        }
        let scanning = all(workers, "the comparison");
        let stall_timeout = self.daemon.settings.backup.stall_timeout;
        let total = if self.is_full {
            backup.uncompressed_bytes
        } else {
            0
        };
        watched(job, &shared.bytes, total, stall_timeout, scanning).await?;
        let sums = shared.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let found = shared.tables.iter().zip(sums.iter());
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

async fn scan(mut session: CopySession, shared: Arc<Shared>) -> Result<(), Failure> {
    loop {
        let Some((table, pages)) = shared.items.take() else {
            return Ok(());
        };
        let contents = &shared.tables[table];
        let name = shared.statements.name(&contents.schema, &contents.table);
        let what = || PostgresError::query(format!("read the rows of {name}"));
        let sum = if shared.is_full {
            let mut hasher = RowHasher::default();
            let statement = shared.statements.copy_to(contents, &pages);
            let mut rows = session.copy_out(&statement).await.map_err(what())?;
            while let Some(chunk) = rows.next().await.map_err(what())? {
                shared
                    .bytes
                    .fetch_add(chunk.len() as u64, Ordering::Relaxed);
                hasher.update(&chunk);
            }
            hasher.sum()
        } else {
            let statement = format!("SELECT count(*) FROM ONLY {name} {}", contents.condition);
            let row = session.query_one(&statement, &[]).await.map_err(what())?;
            // A count moves no bytes; it is progress all the same.
            shared.bytes.fetch_add(1, Ordering::Relaxed);
            RowSum {
                rows: row.get::<_, i64>(0).unsigned_abs(),
                ..RowSum::default()
            }
        };
        shared.sums.lock().unwrap_or_else(PoisonError::into_inner)[table] += sum;
    }
}
