//! The copying of rows: many sessions at one snapshot take work from one queue, the largest first, and one writer takes
//! their blocks as they come.
//!
//! A table of some size is copied in parts, so that one large table does not leave the other sessions idle. Like pg_dump's
//! workers, a session does not wait for a table's lock: who waits for it to be free already stands between the session and
//! the lock that the snapshot's own session holds. pg_dump gives up then; here the snapshot's session copies such a table
//! itself, at the end.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;

use super::{archive::ArchiveWriter, stream::Stream};
use crate::{
    archive::{Codec, PageRange, Statements, large_object_page},
    model::{
        backup::{Block, LargeObjects, RowSum, TableContents},
        failure::{Failure, Kind},
    },
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
        workers::{Queue, all},
    },
    postgres::{
        copy::CopySession,
        database::Purpose,
        dumpable::{self, DumpedTable},
        error::PostgresError,
        snapshot::{Snapshot, prepare_for_rows},
    },
};

/// A table is parted from this size on, and into parts of about this size.
const PART_BYTES: u64 = 64 * 1024 * 1024;
/// Large objects that are one piece of work.
const OBJECTS_AT_ONCE: usize = 500;
/// Bytes of a large object that are read at once.
const PAGE_BYTES: i32 = 256 * 1024;
/// Plain bytes of a block: at least, and at most. In between so many that a database has some ten thousand blocks, since
/// the manifest lists them all.
const BLOCK_BYTES: std::ops::RangeInclusive<u64> = 1024 * 1024..=8 * 1024 * 1024;
const BLOCKS: u64 = 64 * 1024;
/// How often the progress is told.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// What is to be copied.
pub(super) struct Plan<'a> {
    pub(super) tables: &'a [DumpedTable],
    pub(super) large_objects: &'a [u32],
    pub(super) encoding: &'a str,
}

/// What was copied.
pub(super) struct Copied {
    pub(super) tables: Vec<TableContents>,
    pub(super) large_objects: Option<LargeObjects>,
    pub(super) blocks: Vec<Block>,
}

/// A piece of work for one session.
#[derive(Clone, Debug)]
enum Item {
    Rows { table: usize, pages: PageRange },
    LargeObjects(Vec<u32>),
}

/// What all sessions share.
pub(super) struct Shared {
    tables: Vec<TableContents>,
    snapshot: String,
    encoding: String,
    statements: Statements,
    pub(super) block_bytes: usize,
    pub(super) codec: Codec,
    pub(super) writer: Arc<tokio::sync::Mutex<ArchiveWriter>>,
    queue: Queue<Item>,
    tally: Mutex<Tally>,
    /// Plain bytes so far, for the progress and for the watch on a dump that stands still.
    pub(super) bytes: AtomicU64,
}

#[derive(Default)]
struct Tally {
    blocks: Vec<Block>,
    tables: Vec<RowSum>,
    large_objects: RowSum,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// A block was written.
    pub(super) fn note(&self, block: Block) {
        lock(&self.tally).blocks.push(block);
    }

    fn add(&self, table: Option<usize>, sum: RowSum) {
        let mut tally = lock(&self.tally);
        match table {
            Some(table) => tally.tables[table] += sum,
            None => tally.large_objects += sum,
        }
    }
}

/// Copies everything into the archive, which it gives back.
pub(super) async fn copy(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    snapshot: &mut Snapshot,
    plan: &Plan<'_>,
    writer: ArchiveWriter,
) -> Result<(ArchiveWriter, Copied), Failure> {
    let settings = &daemon.settings.backup;
    let total: u64 = plan.tables.iter().map(|table| table.size_bytes).sum();
    let block_bytes = (total / BLOCKS).clamp(*BLOCK_BYTES.start(), *BLOCK_BYTES.end());
    let queue = queue(plan);
    let sessions = settings.jobs.min(queue.len());
    let shared = Arc::new(Shared {
        tables: plan
            .tables
            .iter()
            .map(|table| table.contents.clone())
            .collect(),
        snapshot: snapshot.id.clone(),
        encoding: plan.encoding.to_owned(),
        statements: Statements::in_encoding(plan.encoding),
        block_bytes: usize::try_from(block_bytes).unwrap_or(1024 * 1024),
        codec: settings.codec(),
        writer: Arc::new(tokio::sync::Mutex::new(writer)),
        queue: Queue::new(queue),
        tally: Mutex::new(Tally {
            tables: vec![RowSum::default(); plan.tables.len()],
            ..Tally::default()
        }),
        bytes: AtomicU64::new(0),
    });

    let mut workers = JoinSet::new();
    let login = managed.database.login(Purpose::Backup);
    for _ in 0..sessions {
        let session = managed
            .database
            .copy_session(login, "pgsteward backup")
            .await?;
        workers.spawn(work(session, Arc::clone(&shared)));
    }
    let work = async {
        let left: Vec<Item> = all(workers, "the copying of rows").await?.concat();
        if !left.is_empty() {
            prepare_for_rows(&snapshot.session, plan.encoding).await?;
        }
        for item in left {
            copy_item(&mut snapshot.session, &item, &shared).await?;
        }
        Ok(())
    };
    watched(job, &shared.bytes, total, settings.stall_timeout, work).await?;

    let shared = Arc::into_inner(shared).ok_or_else(still_held)?;
    let tally = shared
        .tally
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let tables = shared.tables.into_iter().zip(tally.tables);
    let copied = Copied {
        tables: tables
            .map(|(table, sum)| TableContents {
                rows: sum.rows,
                content_hash: sum.hash,
                ..table
            })
            .collect(),
        large_objects: (!plan.large_objects.is_empty()).then_some(LargeObjects {
            objects: plan.large_objects.len() as u64,
            pages: tally.large_objects.rows,
            content_hash: tally.large_objects.hash,
        }),
        blocks: tally.blocks,
    };
    let writer = Arc::into_inner(shared.writer).ok_or_else(still_held)?;
    Ok((writer.into_inner(), copied))
}

fn still_held() -> Failure {
    Failure::new(
        Kind::Internal,
        "ARCHIVE_IN_USE",
        "a session that copied rows has not ended",
    )
}

/// The work, the largest tables first, so that the sessions end at about the same time.
fn queue(plan: &Plan<'_>) -> Vec<Item> {
    let mut order: Vec<usize> = (0..plan.tables.len()).collect();
    order.sort_by_key(|table| std::cmp::Reverse(plan.tables[*table].size_bytes));
    let rows = order.into_iter().flat_map(|table| {
        ranges(&plan.tables[table])
            .into_iter()
            .map(move |pages| Item::Rows { table, pages })
    });
    let objects = plan
        .large_objects
        .chunks(OBJECTS_AT_ONCE)
        .map(|some| Item::LargeObjects(some.to_vec()));
    objects.chain(rows).collect()
}

/// The parts of a table that are read on their own.
pub fn ranges(table: &DumpedTable) -> Vec<PageRange> {
    let parts = u32::try_from(table.size_bytes / PART_BYTES).unwrap_or(u32::MAX);
    if table.can_be_split {
        PageRange::split(table.pages, parts)
    } else {
        vec![PageRange::All]
    }
}

/// Takes work until there is none. Gives what it could not have the lock for.
async fn work(mut session: CopySession, shared: Arc<Shared>) -> Result<Vec<Item>, Failure> {
    prepare_for_rows(&session, &shared.encoding).await?;
    let mut left = Vec::new();
    loop {
        let Some(item) = shared.queue.take() else {
            return Ok(left);
        };
        if begin(&session, &item, &shared).await? {
            copy_item(&mut session, &item, &shared).await?;
        } else {
            left.push(item);
        }
        session
            .batch_execute("ROLLBACK")
            .await
            .map_err(PostgresError::query("end a session's look at the snapshot"))?;
    }
}

/// Takes the snapshot, and the table's lock if it is free.
async fn begin(session: &CopySession, item: &Item, shared: &Shared) -> Result<bool, Failure> {
    session
        .batch_execute(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT '{}'",
            shared.snapshot
        ))
        .await
        .map_err(PostgresError::query("take the snapshot"))?;
    let Item::Rows { table, .. } = item else {
        return Ok(true);
    };
    let table = &shared.tables[*table];
    let name = shared.statements.name(&table.schema, &table.table);
    let locked = session
        .batch_execute(&format!(
            "LOCK TABLE ONLY {name} IN ACCESS SHARE MODE NOWAIT"
        ))
        .await
        .map_err(PostgresError::query(format!("lock {name} for the backup")));
    match locked {
        Ok(()) => Ok(true),
        Err(error) if error.is(&SqlState::LOCK_NOT_AVAILABLE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn copy_item(
    session: &mut CopySession,
    item: &Item,
    shared: &Arc<Shared>,
) -> Result<(), Failure> {
    match item {
        Item::Rows { table, pages } => copy_rows(session, *table, pages, shared).await,
        Item::LargeObjects(oids) => copy_large_objects(session, oids, shared).await,
    }
}

async fn copy_rows(
    session: &mut CopySession,
    table: usize,
    pages: &PageRange,
    shared: &Arc<Shared>,
) -> Result<(), Failure> {
    let contents = &shared.tables[table];
    let name = shared.statements.name(&contents.schema, &contents.table);
    let what = || PostgresError::query(format!("copy the rows of {name}"));
    let statement = shared.statements.copy_from(contents);
    let mut stream = Stream::new(shared, Some(table), Some(&statement))?;
    let mut rows = session
        .copy_out(&shared.statements.copy_to(contents, pages))
        .await
        .map_err(what())?;
    while let Some(chunk) = rows.next().await.map_err(what())? {
        stream.push(&chunk).await?;
    }
    shared.add(Some(table), stream.finish().await?);
    Ok(())
}

async fn copy_large_objects(
    session: &CopySession,
    oids: &[u32],
    shared: &Arc<Shared>,
) -> Result<(), Failure> {
    let mut stream = Stream::new(shared, None, None)?;
    let mut pages = LargeObjectPages::new(session, oids);
    while let Some(page) = pages.next().await? {
        stream.push(&page).await?;
    }
    shared.add(None, stream.finish().await?);
    Ok(())
}

/// The statements that write large objects, page by page.
pub struct LargeObjectPages<'a> {
    session: &'a CopySession,
    oids: std::slice::Iter<'a, u32>,
    /// The object that is being read, and the offset of its next page.
    begun: Option<(u32, i64)>,
}

impl<'a> LargeObjectPages<'a> {
    /// Of these objects, as the session sees them.
    pub fn new(session: &'a CopySession, oids: &'a [u32]) -> Self {
        Self {
            session,
            oids: oids.iter(),
            begun: None,
        }
    }

    /// The next page's statement, on a line of its own. An object that is empty has one page, so that none goes unseen.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let (oid, offset) = match self.begun {
                Some(begun) => begun,
                None => match self.oids.next() {
                    Some(oid) => (*oid, 0),
                    None => return Ok(None),
                },
            };
            let data = dumpable::large_object_part(self.session, oid, offset, PAGE_BYTES).await?;
            let is_last = data.len() < PAGE_BYTES.unsigned_abs() as usize;
            self.begun = (!is_last).then_some((oid, offset + i64::from(PAGE_BYTES)));
            if !data.is_empty() || offset == 0 {
                let mut line = Vec::new();
                large_object_page(oid, offset.unsigned_abs(), &data, &mut line);
                return Ok(Some(line));
            }
        }
    }
}

/// Does the work, tells how far it is, and ends it when it stands still: a dump that is stuck behind a dead connection
/// looks alive for hours otherwise (lessons B12).
pub async fn watched<T>(
    job: &Job,
    bytes: &AtomicU64,
    total: u64,
    stall_timeout: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut tick = tokio::time::interval(REPORT_INTERVAL);
    let (mut seen, mut moved) = (0, Instant::now());
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                let done_bytes = bytes.load(Ordering::Relaxed);
                job.count(done_bytes, done_bytes, "bytes");
                return done;
            }
            _ = tick.tick() => {
                let done = bytes.load(Ordering::Relaxed);
                job.count(done, total.max(done), "bytes");
                if done != seen {
                    (seen, moved) = (done, Instant::now());
                } else if !stall_timeout.is_zero() && moved.elapsed() >= stall_timeout {
                    return Err(stalled(stall_timeout));
                }
            }
        }
    }
}

fn stalled(after: Duration) -> Failure {
    Failure::new(
        Kind::Unavailable,
        "STALLED",
        format!(
            "not a byte has moved for {}",
            humantime::format_duration(after)
        ),
    )
    .with_hint("see whether the server, its disk and the way to it are well, then start the operation again")
    .with_retry_after(Duration::from_mins(1))
}
