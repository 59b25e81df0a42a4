//! The making of one backup, stage by stage. `CreateBackup` and the last backup of a restore are the same three stages;
//! whoever calls them holds the database's turn.
//!
//! 1. `dump`: an archive of the database at one snapshot. Its tables are locked and the snapshot is taken; pg_dump writes the
//!    schema at that snapshot; many sessions copy rows at that snapshot.
//! 2. `read_back`: the archive is read again and must have the digest that was written.
//! 3. `commit`: the manifest is written, and with it the backup exists.

mod archive;
mod describe;
mod rows;
mod schema;
mod stream;

pub use self::{
    rows::{LargeObjectPages, ranges, watched},
    schema::unpack as unpack_schema,
};

use chrono::Utc;

use self::{archive::ArchiveWriter, describe::Described, schema::Schema};
use crate::{
    archive::{AFTER_ROWS, BEFORE_ROWS, Statements},
    model::{
        backup::{
            BackupKind, BackupName, Contents, FORMAT_VERSION, Manifest, StoredContents,
            VerificationLevel,
        },
        failure::{Failure, Kind},
    },
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{database::Purpose, dumpable::SequenceState, quote::qualified, snapshot::Snapshot},
    state::artifacts::{Artifact, ArtifactKind},
    storage::{ArchiveUpload, Recipients, StorageError, Store, seal_text},
};

/// How often the database is looked at anew for somebody who came in between.
const LOOKS: u32 = 3;

/// Stage 1: an archive without a manifest. What it makes is noted as the job's artifact first.
pub async fn dump(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    kind: BackupKind,
) -> Result<Manifest, Failure> {
    let settings = &daemon.settings.backup;
    let (filename, upload) = create_archive(daemon, managed, job).await?;
    let Look {
        mut snapshot,
        described,
        schema,
    } = Look::take(daemon, managed, job).await?;
    let statements = Statements::in_encoding(&described.database.encoding);
    let mut writer = ArchiveWriter::new(upload, settings.codec(), settings.recipients.as_ref())?;

    let pre_data = [&schema.sections.pre_data, BEFORE_ROWS.as_bytes()].concat();
    let pre_data = writer.append_text(&pre_data).await?;
    let plan = rows::Plan {
        tables: &described.tables,
        large_objects: &described.large_objects,
        encoding: &described.database.encoding,
    };
    let (mut writer, copied) =
        rows::copy(daemon, managed, job, &mut snapshot, &plan, writer).await?;
    let sequences = sequences_sql(statements, &described.sequences);
    let sequences = writer.append_text(sequences.as_bytes()).await?;
    let post_data = [AFTER_ROWS.as_bytes(), &schema.sections.post_data].concat();
    let post_data = writer.append_text(&post_data).await?;
    // Everything was read: what others wait for is theirs again.
    drop(snapshot.session);
    let written = writer.finish().await?;

    let contents = Contents {
        tables: copied.tables,
        large_objects: copied.large_objects,
        pre_data,
        blocks: copied.blocks,
        sequences,
        post_data,
        schema_archive: schema.stored()?,
        database: described.database,
        roles: described.roles,
        extensions: described.extensions,
    };
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        filename,
        database: managed.name().to_owned(),
        kind,
        snapshot_time: snapshot.time,
        complete_time: Utc::now(),
        size_bytes: written.size_bytes,
        sha256: written.sha256,
        uncompressed_bytes: written.uncompressed_bytes,
        compression: settings.codec().format().compression().to_owned(),
        recipients: settings
            .recipients
            .as_ref()
            .map(Recipients::names)
            .unwrap_or_default(),
        server_version: described.server_version,
        server_version_num: described.server_version_num,
        tool_version: daemon.tools.version().await?.text,
        schema_version: described.schema_version,
        table_count: contents.tables.len() as u64,
        row_count: contents.tables.iter().map(|table| table.rows).sum(),
        operation_id: job.id(),
        daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
        verifications: Vec::new(),
        damage: None,
        hold: false,
        labels: std::collections::BTreeMap::new(),
        contents: Some(StoredContents::Open(Box::new(contents))),
    })
}

/// All that a dump tells of one snapshot, but rows.
struct Look {
    snapshot: Snapshot,
    described: Described,
    schema: Schema,
}

impl Look {
    /// Locks the tables and looks. Who has come to want a table before pg_dump had its own locks stands in pg_dump's way, and
    /// waits for this snapshot's end: it is let pass, and all is looked at again.
    async fn take(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<Self, Failure> {
        let settings = &daemon.settings.backup;
        let login = managed.database.login(Purpose::Backup);
        let mut look = 1;
        loop {
            job.say("waits for the tables' locks");
            let session = managed
                .database
                .copy_session(login, "pgsteward backup")
                .await?;
            let snapshot = Snapshot::take(session, settings.lock_timeout).await?;
            job.say("");
            let described = Described::read(managed, &snapshot, settings.role_passwords).await?;
            let encoding = &described.database.encoding;
            match Schema::dump(daemon, login, &snapshot, encoding, settings.lock_timeout).await {
                Ok(schema) => {
                    return Ok(Self {
                        snapshot,
                        described,
                        schema,
                    });
                }
                Err(failure) if look < LOOKS && failure.kind == Kind::Aborted => {
                    tracing::info!(%failure, "looking at the database again");
                }
                Err(failure) => return Err(failure),
            }
            look += 1;
        }
    }
}

/// The statements that set the sequences, one a line.
pub fn sequences_sql(statements: Statements, sequences: &[SequenceState]) -> String {
    let mut text = String::new();
    for state in sequences {
        let name = statements.literal(&qualified(&state.schema, &state.sequence));
        text.extend([
            "SELECT pg_catalog.setval(",
            &name,
            &format!(", {}, {});\n", state.last_value, state.is_called),
        ]);
    }
    text
}

/// The name is made from the second; where that is taken, a number is added.
async fn create_archive(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
) -> Result<(BackupName, ArchiveUpload), Failure> {
    let settings = &daemon.settings.backup;
    let (format, encrypted) = (settings.codec().format(), settings.recipients.is_some());
    let now = Utc::now();
    for attempt in 1.. {
        let filename = BackupName::new(managed.name(), now, attempt, format, encrypted);
        let artifact = artifact(managed, job, &filename);
        if !daemon.store.note_artifact(&artifact).await? {
            continue;
        }
        match daemon.backups.primary().create(&filename, job.id()).await {
            Ok(upload) => return Ok((filename, upload)),
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

/// Stage 2: reads the archive back.
pub async fn read_back(store: &Store, job: &Job, manifest: &Manifest) -> Result<(), Failure> {
    let total = manifest.size_bytes;
    store
        .digest(manifest, |done| job.count(done, total, "bytes"))
        .await?;
    Ok(())
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
    for level in [VerificationLevel::Committed, VerificationLevel::Digest] {
        manifest.record(level, now);
    }
    let stored = match &daemon.settings.backup.recipients {
        Some(recipients) => {
            manifest.sealed(|json| Ok::<_, Failure>(seal_text(json, recipients)?))?
        }
        None => manifest.clone(),
    };
    // Whoever ended the operation meanwhile has swept the archive.
    job.still_ours().await?;
    daemon.backups.primary().commit(&stored).await?;
    daemon
        .store
        .strike_artifact(&artifact(managed, job, &manifest.filename))
        .await?;
    Ok(stored)
}
