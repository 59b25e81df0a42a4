//! UploadBackup: another tool's archive, sent by a caller, checked on the way and kept.
//!
//! It is an operation like a backup, so that what a dead daemon left of it is swept; the call ends with it. Whatever is
//! amiss (the name, the size, the digest, the first bytes, a caller that goes away or stands still), nothing is left.

mod source;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use chrono::Utc;
use tokio::sync::mpsc;

pub use self::source::Incoming;
use self::source::{Received, Source};
use super::{copy, list::outcome};
use crate::{
    model::{
        backup::{
            BackupKind, BackupName, FORMAT_VERSION, Manifest, Signature, VerificationLevel, sniff,
        },
        failure::{Failure, Kind},
        operation::Operation,
    },
    ops::{
        context::Context, daemon::Daemon, launch::launch, recovery::sweep_operation,
        runner::job::Job,
    },
    state::artifacts::{Artifact, ArtifactKind},
    storage::{ArchiveSummary, ArchiveUpload, Recipients, Sealer, StorageError},
};

/// Without those of the copies.
const STAGES: u32 = 3;

/// What a caller says of an archive before sending it.
#[derive(Clone, Debug)]
pub struct Header {
    /// The name to keep it under.
    pub filename: String,
    /// The managed database that it is of; may be empty where one is managed.
    pub database: String,
    /// Its SHA-256; empty for none.
    pub sha256: String,
    /// Its size; 0 for unknown.
    pub size_bytes: i64,
}

/// A header that was found sound.
#[derive(Debug)]
struct Announced {
    /// As it is sent.
    filename: BackupName,
    /// As it is kept: where recipients are configured, nothing is kept in the clear.
    kept: BackupName,
    seal_for: Option<Recipients>,
    sha256: Option<String>,
    size_bytes: Option<u64>,
}

/// Starts to receive an archive. What the header alone shows to be wrong is refused at once.
pub async fn start(
    daemon: &Arc<Daemon>,
    context: &Context,
    header: &Header,
    incoming: mpsc::Receiver<Incoming>,
) -> Result<Operation, Failure> {
    launch(daemon, context, &header.database, "", async |managed| {
        let announced = checked(daemon, header).await?;
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move {
            let upload = Upload {
                daemon: &daemon,
                job: &job,
                database: managed.name(),
                announced: &announced,
            };
            let received = upload.run(incoming).await?;
            outcome(&daemon, received).await
        })
    })
    .await
}

async fn checked(daemon: &Daemon, header: &Header) -> Result<Announced, Failure> {
    if header.filename.is_empty() {
        return Err(Failure::invalid_field(
            "header",
            "must be in the first message, with the filename to keep the archive under",
        ));
    }
    let filename = BackupName::parse(&header.filename)?;
    let size_bytes = u64::try_from(header.size_bytes)
        .map_err(|_| Failure::invalid_field("size_bytes", "must not be negative"))?;
    let is_digest = |text: &str| {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == 64 && text.bytes().all(digit)
    };
    if !header.sha256.is_empty() && !is_digest(&header.sha256) {
        return Err(Failure::invalid_field(
            "sha256",
            "must be 64 lower-case hexadecimal digits, or empty",
        ));
    }
    let recipients = daemon.settings.backup.recipients.clone();
    let seal_for = recipients.filter(|_| !filename.is_encrypted());
    let kept = match seal_for {
        Some(_) => filename.encrypted()?,
        None => filename.clone(),
    };
    match daemon.backups.manifest(&kept).await {
        Ok(_) => return Err(StorageError::AlreadyExists(kept).into()),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Announced {
        filename,
        kept,
        seal_for,
        sha256: Some(header.sha256.clone()).filter(|digest| !digest.is_empty()),
        size_bytes: Some(size_bytes).filter(|&size| size > 0),
    })
}

/// One upload at work.
struct Upload<'a> {
    daemon: &'a Daemon,
    job: &'a Job,
    database: &'a str,
    announced: &'a Announced,
}

impl Upload<'_> {
    async fn run(&self, incoming: mpsc::Receiver<Incoming>) -> Result<Manifest, Failure> {
        let (daemon, job) = (self.daemon, self.job);
        job.begin().await?;
        let kept = job.cancellable(self.stages(incoming)).await;
        sweep_operation(daemon, job.id()).await;
        kept
    }

    async fn stages(&self, incoming: mpsc::Receiver<Incoming>) -> Result<Manifest, Failure> {
        let (daemon, job) = (self.daemon, self.job);
        let stages = STAGES + copy::stages(daemon);
        job.enter(1, stages, "receive");
        let (summary, received) = self.receive(incoming).await?;
        let mut manifest = self.manifest(&summary, &received);
        job.enter(2, stages, "read back");
        let (store, total) = (daemon.backups.primary(), manifest.size_bytes);
        store
            .digest(&manifest, |done| job.count(done, total, "bytes"))
            .await?;
        job.enter(3, stages, "commit");
        manifest.complete_time = Utc::now();
        for level in [VerificationLevel::Committed, VerificationLevel::Digest] {
            manifest.record(level, manifest.complete_time);
        }
        // Whoever ended the operation meanwhile has swept the archive.
        job.still_ours().await?;
        store.commit(&manifest).await?;
        daemon.store.strike_artifact(&self.artifact()).await?;
        copy::copy_all(daemon, job, &manifest, STAGES).await?;
        Ok(manifest)
    }

    /// An archive without a manifest, of all that the caller sends.
    async fn receive(
        &self,
        incoming: mpsc::Receiver<Incoming>,
    ) -> Result<(ArchiveSummary, Received), Failure> {
        let stall_timeout = self.daemon.settings.backup.stall_timeout;
        let mut source = Source::new(incoming, stall_timeout, self.announced.size_bytes);
        let head = source.head().await?;
        check_head(&self.announced.filename, &head)?;
        let mut archive = self.create().await?;
        match self.fill(&mut archive, head, &mut source).await {
            Ok(received) => Ok((archive.finish().await?, received)),
            Err(failure) => {
                archive.abort().await;
                Err(failure)
            }
        }
    }

    async fn fill(
        &self,
        archive: &mut ArchiveUpload,
        head: Bytes,
        source: &mut Source,
    ) -> Result<Received, Failure> {
        let mut sealer = match &self.announced.seal_for {
            Some(recipients) => Some(Sealer::new(recipients)?),
            None => None,
        };
        let total = self.announced.size_bytes.unwrap_or_default();
        let mut next = Some(head);
        while let Some(bytes) = next {
            let bytes = match &mut sealer {
                Some(sealer) => sealer.seal(&bytes)?,
                None => bytes,
            };
            archive.append(bytes).await?;
            self.job.count(source.received(), total, "bytes");
            next = source.next().await?;
        }
        if let Some(sealer) = sealer {
            archive.append(sealer.finish()?).await?;
        }
        let received = source.end()?;
        match &self.announced.sha256 {
            Some(expected) if *expected != received.sha256 => Err(source::mismatch(format!(
                "the bytes that arrived have SHA-256 {}, the header says {expected}",
                received.sha256
            ))),
            _ => Ok(received),
        }
    }

    /// Begins the archive. It is noted before it is made.
    async fn create(&self) -> Result<ArchiveUpload, Failure> {
        let (daemon, kept) = (self.daemon, &self.announced.kept);
        let artifact = self.artifact();
        if !daemon.store.note_artifact(&artifact).await? {
            return Err(StorageError::AlreadyExists(kept.clone()).into());
        }
        match daemon.backups.primary().create(kept, self.job.id()).await {
            Ok(archive) => Ok(archive),
            Err(error) => {
                // Whatever has that name, it is not ours to sweep.
                daemon.store.strike_artifact(&artifact).await?;
                Err(error.into())
            }
        }
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            operation: self.job.id(),
            kind: ArtifactKind::Archive,
            database: self.database.to_owned(),
            name: self.announced.kept.as_str().to_owned(),
        }
    }

    fn manifest(&self, summary: &ArchiveSummary, received: &Received) -> Manifest {
        let now = Utc::now();
        let announced = self.announced;
        let is_plain = Signature::expected(&announced.filename) == Signature::Sql;
        Manifest {
            format_version: FORMAT_VERSION,
            filename: announced.kept.clone(),
            database: self.database.to_owned(),
            kind: BackupKind::Foreign,
            snapshot_time: now,
            complete_time: now,
            size_bytes: summary.size_bytes,
            sha256: summary.sha256.clone(),
            uncompressed_bytes: if is_plain { received.bytes } else { 0 },
            compression: announced.filename.format().compression().to_owned(),
            recipients: announced
                .seal_for
                .as_ref()
                .map(Recipients::names)
                .unwrap_or_default(),
            server_version: String::new(),
            server_version_num: 0,
            tool_version: String::new(),
            schema_version: Vec::new(),
            table_count: 0,
            row_count: 0,
            operation_id: self.job.id(),
            daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
            verifications: Vec::new(),
            damage: None,
            hold: false,
            labels: BTreeMap::new(),
            contents: None,
        }
    }
}

/// Refuses bytes that do not begin as what the name says.
fn check_head(filename: &BackupName, head: &[u8]) -> Result<(), Failure> {
    let (expected, found) = (Signature::expected(filename), sniff(head));
    if found == Some(expected) {
        return Ok(());
    }
    let found = found.map_or("nothing that is known", Signature::name);
    Err(Failure::new(
        Kind::InvalidArgument,
        "WRONG_CONTENT",
        format!(
            "{filename} must be {}, and begins like {found}",
            expected.name()
        ),
    )
    .with_hint(
        "send it under a name with the ending of what it is, e.g. .sql.gz, .dump or .sql.gz.age",
    ))
}
