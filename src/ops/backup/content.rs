//! The full reading of an archive: every member is decompressed, every block must be a statement of its table, and every
//! table's rows must have the manifest's number and hash. Another tool's archive is read to its end.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::task::JoinSet;

use super::{
    dump::watched,
    open::{self, OpenArchive},
};
use crate::{
    archive::Statements,
    model::{
        backup::{ArchiveFormat, Block, Contents, Manifest, RowHasher, RowSum},
        failure::{Failure, Kind},
    },
    ops::{
        daemon::Daemon,
        runner::job::Job,
        workers::{Queue, all},
    },
    storage::Store,
    tools::pg_restore,
};

/// Reads all of an archive. What is not as it should be is a failure of kind [`Kind::DataLoss`].
pub async fn read(
    daemon: &Daemon,
    job: &Job,
    store: &Store,
    manifest: &Manifest,
) -> Result<(), Failure> {
    match open::contents(daemon, manifest)? {
        Some(contents) => read_own(daemon, job, store, manifest, &contents).await,
        None => read_foreign(daemon, job, store, manifest).await,
    }
}

async fn read_foreign(
    daemon: &Daemon,
    job: &Job,
    store: &Store,
    manifest: &Manifest,
) -> Result<(), Failure> {
    let mut part = OpenArchive::open(daemon, store, manifest).await?.whole();
    if manifest.filename.format() == ArchiveFormat::Custom {
        let program = daemon.tools.path("pg_restore");
        let mut reading = pg_restore::Reading::start(&program)?;
        while let Some(chunk) = part.next().await {
            reading.feed(&chunk).await;
        }
        part.finish().await?;
        return reading.finish().await.map_err(|error| {
            Failure::new(
                Kind::DataLoss,
                "BACKUP_DAMAGED",
                format!("{} cannot be read: {error}", manifest.filename),
            )
        });
    }
    let mut done = 0;
    while let Some(chunk) = part.next().await {
        done += chunk.len() as u64;
        job.count(done, manifest.uncompressed_bytes.max(done), "bytes");
    }
    part.finish().await?;
    Ok(())
}

struct Shared {
    filename: String,
    statements: Vec<String>,
    queue: Queue<Block>,
    /// Of each table, and of the large objects at the end.
    sums: Mutex<Vec<RowSum>>,
    bytes: AtomicU64,
}

impl Shared {
    fn damaged(&self, detail: impl std::fmt::Display) -> Failure {
        Failure::new(
            Kind::DataLoss,
            "BACKUP_DAMAGED",
            format!("{} is damaged: {detail}", self.filename),
        )
    }
}

async fn read_own(
    daemon: &Daemon,
    job: &Job,
    store: &Store,
    manifest: &Manifest,
    contents: &Contents,
) -> Result<(), Failure> {
    let statements = Statements::in_encoding(&contents.database.encoding);
    let mut blocks = contents.blocks.clone();
    blocks.sort_by_key(|block| block.offset);
    let shared = Arc::new(Shared {
        filename: manifest.filename.to_string(),
        statements: contents
            .tables
            .iter()
            .map(|table| statements.copy_from(table))
            .collect(),
        queue: Queue::new(blocks),
        sums: Mutex::new(vec![RowSum::default(); contents.tables.len() + 1]),
        bytes: AtomicU64::new(0),
    });
    let mut workers = JoinSet::new();
    for _ in 0..daemon.settings.backup.jobs {
        let archive = OpenArchive::open(daemon, store, manifest).await?;
        workers.spawn(read_blocks(archive, Arc::clone(&shared)));
    }
    let reading = async {
        all(workers, "the reading of the archive").await?;
        let mut archive = OpenArchive::open(daemon, store, manifest).await?;
        for section in [contents.pre_data, contents.sequences, contents.post_data] {
            if section.1 > 0 {
                archive = archive.text(section).await?.0;
            }
        }
        Ok(())
    };
    let stall_timeout = daemon.settings.backup.stall_timeout;
    let total = manifest.uncompressed_bytes;
    watched(job, &shared.bytes, total, stall_timeout, reading).await?;
    check_layout(&shared, contents)?;
    check_sums(&shared, contents)
}

/// The parts must lie side by side from the first byte on: what is in none of them would be read by psql alone.
fn check_layout(shared: &Shared, contents: &Contents) -> Result<(), Failure> {
    let mut parts: Vec<(u64, u64)> = contents
        .blocks
        .iter()
        .map(|block| (block.offset, block.length))
        .chain([contents.pre_data, contents.sequences, contents.post_data])
        .filter(|part| part.1 > 0)
        .collect();
    parts.sort_unstable();
    let mut end = 0;
    for (offset, length) in parts {
        if offset != end {
            return Err(shared.damaged(format!(
                "its manifest leaves bytes {end} to {offset} out, or has them twice"
            )));
        }
        end = offset + length;
    }
    Ok(())
}

fn check_sums(shared: &Shared, contents: &Contents) -> Result<(), Failure> {
    let sums = shared.sums.lock().unwrap_or_else(PoisonError::into_inner);
    for (table, sum) in contents.tables.iter().zip(sums.iter()) {
        let expected = RowSum {
            rows: table.rows,
            hash: table.content_hash,
        };
        if *sum != expected {
            return Err(shared.damaged(format!(
                "table {}.{} has {} rows with hash {} in it instead of {} with hash {}",
                table.schema, table.table, sum.rows, sum.hash, expected.rows, expected.hash
            )));
        }
    }
    let expected = contents
        .large_objects
        .map_or_else(RowSum::default, |large| RowSum {
            rows: large.pages,
            hash: large.content_hash,
        });
    if sums.last() != Some(&expected) {
        return Err(shared.damaged("the large objects in it are others"));
    }
    Ok(())
}

async fn read_blocks(mut archive: OpenArchive, shared: Arc<Shared>) -> Result<(), Failure> {
    loop {
        let Some(block) = shared.queue.take() else {
            return Ok(());
        };
        let statement = match block.table {
            None => None,
            Some(table) => Some(
                shared
                    .statements
                    .get(table)
                    .ok_or_else(|| shared.damaged("its manifest has a block of no table"))?,
            ),
        };
        let mut hasher = RowHasher::default();
        let mut rows = archive.block(&block, statement.map(String::as_str));
        while let Some(chunk) = rows.next().await? {
            shared
                .bytes
                .fetch_add(chunk.len() as u64, Ordering::Relaxed);
            hasher.update(&chunk);
        }
        archive = rows.finish().await?;
        if hasher.is_inside_row() || hasher.sum().rows != block.rows {
            return Err(shared.damaged(format!(
                "the block at byte {} has {} rows instead of {}",
                block.offset,
                hasher.sum().rows,
                block.rows
            )));
        }
        let mut sums = shared.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let place = block.table.unwrap_or(sums.len() - 1);
        sums[place] += hasher.sum();
    }
}
