//! The making of one backup, stage by stage. `CreateBackup` and the last backup of a restore are the same three stages;
//! whoever calls them holds the database's turn.
//!
//! 1. `dump`: pg_dump at an exported snapshot, compressed into the store; the same snapshot counts every table's rows.
//! 2. `read_back`: the archive is read again to its end and must have the digest that was written.
//! 3. `commit`: the manifest is written, and with it the backup exists.

use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use flate2::{Compression, write::GzEncoder};
use tokio::{io::AsyncReadExt as _, process::ChildStdout};

use crate::{
    model::{
        backup::{
            ArchiveFormat, BackupKind, BackupName, Contents, FORMAT_VERSION, Manifest,
            StoredContents, TableContents, VerificationLevel,
        },
        failure::{Failure, Kind},
    },
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{
        database::Purpose,
        error::PostgresError,
        server,
        session::Session,
        tables::{lock_for_dump, row_counts},
    },
    state::artifacts::{Artifact, ArtifactKind},
    storage::{ArchiveSummary, ArchiveUpload, StorageError, Store},
    tools::{pg_dump, process::ToolError},
};

/// How much of the tool's output is read at once.
const READ_SIZE: usize = 256 * 1024;

/// How often the progress is told.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// A session whose transaction holds the snapshot that the backup is of.
struct Snapshot {
    session: Session,
    id: String,
    time: DateTime<Utc>,
    server_version: String,
    server_version_num: u32,
    schema_version: Vec<String>,
}

/// Stage 1: an archive without a manifest. What it makes is noted as the job's artifact first.
pub async fn dump(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    kind: BackupKind,
) -> Result<Manifest, Failure> {
    let snapshot = open_snapshot(managed).await?;
    let (filename, mut writer) = create_archive(daemon, managed, job).await?;

    let copy = async {
        let program = daemon.tools.path("pg_dump");
        let login = managed.database.login(Purpose::Backup);
        let mut tool = pg_dump::dump(&program, login, &snapshot.id)?;
        let level = Compression::new(daemon.settings.backup.level.clamp(1, 9));
        let plain_bytes = pump(tool.stdout()?, &mut writer, level, job).await?;
        // The end of the stream alone proves nothing: a killed pg_dump ends its output, too.
        tool.finish().await?;
        Ok::<_, Failure>((writer.finish().await?, plain_bytes))
    };
    let count = async { Ok(row_counts(&snapshot.session).await?) };
    let ((written, plain_bytes), tables) = tokio::try_join!(copy, count)?;
    let manifest = manifest(
        daemon,
        managed,
        job,
        kind,
        &snapshot,
        filename,
        &written,
        plain_bytes,
        tables,
    )
    .await?;
    snapshot.session.close().await;
    Ok(manifest)
}

/// Moves the tool's output into the archive, compressed; gives how many bytes it was.
async fn pump(
    mut output: ChildStdout,
    writer: &mut ArchiveUpload,
    level: Compression,
    job: &Job,
) -> Result<u64, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    let compression = |source: io::Error| {
        Failure::new(
            Kind::Internal,
            "COMPRESSION_FAILED",
            format!("cannot compress the archive: {source}"),
        )
    };
    let mut buffer = BytesMut::with_capacity(READ_SIZE);
    let mut done = 0;
    let mut told = Instant::now();
    loop {
        let read = output.read_buf(&mut buffer).await;
        let count = read.map_err(|source| ToolError::Pipe {
            tool: "pg_dump",
            source,
        })?;
        done += count as u64;
        if count == 0 || told.elapsed() >= REPORT_INTERVAL {
            job.count(done, 0, "bytes");
            told = Instant::now();
        }
        if count == 0 {
            let rest = encoder.finish().map_err(compression)?;
            writer.append(Bytes::from(rest)).await?;
            return Ok(done);
        }
        encoder.write_all(&buffer).map_err(compression)?;
        buffer.clear();
        if encoder.get_ref().len() >= READ_SIZE {
            let compressed = std::mem::take(encoder.get_mut());
            writer.append(Bytes::from(compressed)).await?;
        }
        buffer.reserve(READ_SIZE);
    }
}

async fn open_snapshot(managed: &Managed) -> Result<Snapshot, Failure> {
    let session = managed
        .database
        .session(Purpose::Backup, "pgsteward backup")
        .await?;
    session
        .batch_execute("SET lock_timeout = '30s'; BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await
        .map_err(PostgresError::query("begin the snapshot's transaction"))?;
    let row = session
        .query_one("SELECT pg_catalog.pg_export_snapshot(), now()", &[])
        .await
        .map_err(PostgresError::query("export a snapshot"))?;
    lock_for_dump(&session).await?;
    Ok(Snapshot {
        id: row.get(0),
        time: row.get(1),
        server_version: server::setting(&*session, "server_version").await?,
        server_version_num: server::version_num(&*session).await?,
        schema_version: managed.version_table.heads(&*session).await?,
        session,
    })
}

/// The name is made from the second; where that is taken, a number is added.
async fn create_archive(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
) -> Result<(BackupName, ArchiveUpload), Failure> {
    let now = Utc::now();
    for attempt in 1.. {
        let filename = BackupName::new(managed.name(), now, attempt, ArchiveFormat::Gzip, false);
        let artifact = artifact(managed, job, &filename);
        if !daemon.store.note_artifact(&artifact).await? {
            continue;
        }
        match daemon.backups.primary().create(&filename, job.id()).await {
            Ok(writer) => return Ok((filename, writer)),
            Err(StorageError::AlreadyExists(_)) => {
                daemon.store.strike_artifact(&artifact).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new(
        Kind::Internal,
        "NO_BACKUP_NAME",
        "no free name for the archive",
    ))
}

fn artifact(managed: &Managed, job: &Job, filename: &BackupName) -> Artifact {
    Artifact {
        operation: job.id(),
        kind: ArtifactKind::Archive,
        database: managed.name().to_owned(),
        name: filename.as_str().to_owned(),
    }
}

#[allow(clippy::too_many_arguments)] // each is one fact that the manifest records
async fn manifest(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    kind: BackupKind,
    snapshot: &Snapshot,
    filename: BackupName,
    written: &ArchiveSummary,
    plain_bytes: u64,
    tables: Vec<TableContents>,
) -> Result<Manifest, Failure> {
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        filename,
        database: managed.name().to_owned(),
        kind,
        snapshot_time: snapshot.time,
        complete_time: Utc::now(),
        size_bytes: written.size_bytes,
        sha256: written.sha256.clone(),
        uncompressed_bytes: plain_bytes,
        compression: ArchiveFormat::Gzip.compression().to_owned(),
        recipients: Vec::new(),
        server_version: snapshot.server_version.clone(),
        server_version_num: snapshot.server_version_num,
        tool_version: daemon.tools.version().await?.text,
        schema_version: snapshot.schema_version.clone(),
        table_count: tables.len() as u64,
        row_count: tables.iter().map(|table| table.rows).sum(),
        operation_id: job.id(),
        daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
        verifications: Vec::new(),
        damage: None,
        hold: false,
        labels: std::collections::BTreeMap::new(),
        contents: Some(StoredContents::Open(Box::new(Contents {
            tables,
            ..Contents::default()
        }))),
    })
}

/// Stage 2: reads the archive back: its digest, and its decompression to the end.
pub async fn read_back(store: &Store, job: &Job, manifest: &Manifest) -> Result<(), Failure> {
    let (name, total) = (&manifest.filename, manifest.size_bytes);
    store
        .digest(manifest, |done| job.count(done, total, "bytes"))
        .await?;
    let damaged = |found: String| {
        Failure::new(
            Kind::DataLoss,
            "BACKUP_DAMAGED",
            format!("backup {name} is damaged: {found}"),
        )
    };
    let mut plain = store.decompressed(name).await?;
    let decompressed = tokio::io::copy(&mut plain, &mut tokio::io::sink()).await;
    match decompressed {
        Ok(bytes) if manifest.is_foreign() || bytes == manifest.uncompressed_bytes => Ok(()),
        Ok(bytes) => Err(damaged(format!(
            "it decompresses to {bytes} bytes, its manifest says {}",
            manifest.uncompressed_bytes
        ))),
        Err(error) => Err(damaged(format!("it does not decompress: {error}"))),
    }
}

/// Stage 3: the backup exists from here on.
pub async fn commit(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    mut manifest: Manifest,
) -> Result<Manifest, Failure> {
    let now = Utc::now();
    manifest.complete_time = now;
    for level in [
        VerificationLevel::Committed,
        VerificationLevel::Digest,
        VerificationLevel::FullRead,
    ] {
        manifest.record(level, now);
    }
    daemon.backups.primary().commit(&manifest).await?;
    daemon
        .store
        .strike_artifact(&artifact(managed, job, &manifest.filename))
        .await?;
    Ok(manifest)
}
