//! The loading of rows: many sessions take blocks from one queue, in the order of the archive, and copy each into its table.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::task::JoinSet;
use tokio_postgres::{Config, error::SqlState};

use crate::{
    archive::Statements,
    model::{
        backup::{Block, Contents, Manifest, RowHasher},
        failure::{Failure, Kind},
    },
    ops::{
        backup::{dump::watched, open::OpenArchive},
        daemon::{Daemon, Managed},
        runner::job::Job,
        workers::{Queue, all},
    },
    postgres::{error::PostgresError, session::Session},
    storage::Store,
};

/// How values are to be read: as they were written. What is lost by a crash of the server is loaded again, so that nobody
/// waits for its disk.
pub const SETTINGS: &str = "
    SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET lc_monetary = 'C'; SET xmloption = content;
    SET standard_conforming_strings = on; SET synchronous_commit = off; SET row_security = off;
    SET check_function_bodies = off; SET client_min_messages = warning";

/// What is loaded, and into what.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) managed: &'a Managed,
    pub(super) login: &'a Config,
    pub(super) backup: &'a Manifest,
    pub(super) store: &'a Store,
    pub(super) contents: &'a Contents,
}

struct Shared {
    filename: String,
    encoding: String,
    /// The statement of each table.
    statements: Vec<String>,
    queue: Queue<Block>,
    bytes: AtomicU64,
}

/// Loads all blocks, then sets the sequences.
pub(super) async fn load(work: &Work<'_>, job: &Job) -> Result<(), Failure> {
    let statements = Statements::in_encoding(&work.contents.database.encoding);
    let mut blocks = work.contents.blocks.clone();
    blocks.sort_by_key(|block| block.offset);
    let shared = Arc::new(Shared {
        filename: work.backup.filename.to_string(),
        encoding: work.contents.database.encoding.clone(),
        statements: work
            .contents
            .tables
            .iter()
            .map(|table| statements.copy_from(table))
            .collect(),
        queue: Queue::new(blocks),
        bytes: AtomicU64::new(0),
    });
    let mut workers = JoinSet::new();
    for _ in 0..work.daemon.settings.restore.jobs {
        let (session, archive) = (session(work).await?, archive(work).await?);
        workers.spawn(load_blocks(session, archive, Arc::clone(&shared)));
    }
    let loading = all(workers, "the loading of rows");
    let stall_timeout = work.daemon.settings.backup.stall_timeout;
    let total = work.backup.uncompressed_bytes;
    watched(job, &shared.bytes, total, stall_timeout, loading).await?;
    set_sequences(work).await
}

async fn session(work: &Work<'_>) -> Result<Session, Failure> {
    let database = &work.managed.database;
    let session = database.session_as(work.login, "pgsteward restore").await?;
    session
        .batch_execute(SETTINGS)
        .await
        .map_err(PostgresError::query("prepare the session for rows"))?;
    Ok(session)
}

async fn archive(work: &Work<'_>) -> Result<OpenArchive, Failure> {
    OpenArchive::open(work.daemon, work.store, work.backup).await
}

async fn set_sequences(work: &Work<'_>) -> Result<(), Failure> {
    let range = work.contents.sequences;
    if range.1 == 0 {
        return Ok(());
    }
    let (_, text) = archive(work).await?.text(range).await?;
    let session = session(work).await?;
    session
        .batch_execute(&String::from_utf8_lossy(&text))
        .await
        .map_err(PostgresError::query("set the sequences"))?;
    session.close().await;
    Ok(())
}

async fn load_blocks(
    session: Session,
    mut archive: OpenArchive,
    shared: Arc<Shared>,
) -> Result<(), Failure> {
    // Only from here on: the statements are in ASCII where the encoding is not UTF-8.
    session
        .batch_execute(&format!("SET client_encoding = '{}'", shared.encoding))
        .await
        .map_err(PostgresError::query("set the encoding of rows"))?;
    loop {
        let Some(block) = shared.queue.take() else {
            session.close().await;
            return Ok(());
        };
        archive = match block.table {
            Some(table) => {
                let statement = shared.statements.get(table).ok_or_else(|| {
                    Failure::new(
                        Kind::DataLoss,
                        "MANIFEST_DAMAGED",
                        format!(
                            "the manifest of {} has a block of no table",
                            shared.filename
                        ),
                    )
                })?;
                copy_block(&session, archive, &block, statement, &shared).await?
            }
            None => write_large_objects(&session, archive, &block, &shared).await?,
        };
    }
}

async fn copy_block(
    session: &Session,
    archive: OpenArchive,
    block: &Block,
    statement: &str,
    shared: &Shared,
) -> Result<OpenArchive, Failure> {
    let what = || PostgresError::query(format!("load rows by {statement}"));
    let begun = session.copy_in::<_, Bytes>(statement).await.map_err(what());
    let sink = begun.map_err(|error| {
        if error.is(&SqlState::UNDEFINED_TABLE) || error.is(&SqlState::UNDEFINED_COLUMN) {
            return damaged(shared, block, "its schema does not make the table of rows");
        }
        error.into()
    })?;
    let mut sink = std::pin::pin!(sink);
    let mut sent = Ok(());
    let mut rows = archive.block(block, Some(statement));
    while let Some(chunk) = rows.next().await? {
        shared
            .bytes
            .fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if sent.is_ok() {
            sent = sink.send(chunk).await;
        }
    }
    let archive = rows.finish().await?;
    // What the server said against a row comes at the end, and says more than that it takes no more.
    let loaded = sink.finish().await.map_err(what())?;
    sent.map_err(what())?;
    if loaded != block.rows {
        let expected = block.rows;
        return Err(damaged(
            shared,
            block,
            format!("it has {loaded} rows there instead of {expected}"),
        ));
    }
    Ok(archive)
}

fn damaged(shared: &Shared, block: &Block, detail: impl std::fmt::Display) -> Failure {
    Failure::new(
        Kind::DataLoss,
        "BACKUP_DAMAGED",
        format!(
            "{} is damaged at byte {}: {detail}",
            shared.filename, block.offset
        ),
    )
}

/// The statements of a block of large objects' pages; few enough to be held.
async fn write_large_objects(
    session: &Session,
    archive: OpenArchive,
    block: &Block,
    shared: &Shared,
) -> Result<OpenArchive, Failure> {
    let mut text = Vec::new();
    let mut hasher = RowHasher::default();
    let mut lines = archive.block(block, None);
    while let Some(chunk) = lines.next().await? {
        hasher.update(&chunk);
        text.extend_from_slice(&chunk);
    }
    let archive = lines.finish().await?;
    if hasher.sum().rows != block.rows || hasher.is_inside_row() {
        return Err(damaged(shared, block, "it has other large objects there"));
    }
    shared.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
    session
        .batch_execute(&String::from_utf8_lossy(&text))
        .await
        .map_err(PostgresError::query("write large objects"))?;
    Ok(archive)
}
