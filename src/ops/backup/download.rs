//! DownloadBackup: opens an archive for streaming. The reading and sending is paced by the receiver.

use std::sync::Arc;

use crate::{
    model::{
        backup::{BackupName, Manifest},
        failure::{Failure, Kind},
    },
    ops::{
        audited::{self, Recorded},
        context::Context,
        daemon::Daemon,
    },
    state::ControlStore,
    storage::{ArchiveReader, Pin},
};

/// An archive that is open at an offset.
pub struct Download {
    /// What is streamed.
    pub manifest: Manifest,
    /// The first byte that is read.
    pub offset: u64,
    /// The bytes.
    pub reader: ArchiveReader,
    /// To be closed at the end.
    pub record: OpenRecord,
    /// Keeps the backup from being removed meanwhile.
    pub pin: Pin,
}

/// Opens an archive. An offset needs the digest of the file whose first part the caller has, so that a download is never
/// resumed across two different files (lessons B17).
pub async fn open(
    daemon: &Daemon,
    context: &Context,
    filename: &str,
    offset: i64,
    sha256: &str,
    store: &str,
) -> Result<Download, Failure> {
    let database = daemon.database_of_backup(filename).await;
    let recorded = audited::begin(daemon, context, database.as_deref()).await?;
    let opened = checked(daemon, filename, offset, sha256, store).await;
    match opened {
        Ok(opened) => Ok(Download {
            manifest: opened.manifest,
            offset: opened.offset,
            reader: opened.reader,
            pin: opened.pin,
            record: OpenRecord {
                recorded: Some(recorded),
                store: Arc::clone(&daemon.store),
            },
        }),
        Err(failure) => {
            recorded.close(&daemon.store, Some(&failure), "").await;
            Err(failure)
        }
    }
}

struct Opened {
    manifest: Manifest,
    offset: u64,
    reader: ArchiveReader,
    pin: Pin,
}

async fn checked(
    daemon: &Daemon,
    filename: &str,
    offset: i64,
    sha256: &str,
    store: &str,
) -> Result<Opened, Failure> {
    let offset = u64::try_from(offset)
        .map_err(|_| Failure::invalid_field("offset", "must not be negative"))?;
    let name = BackupName::parse(filename)?;
    // First, so that what is found here stays.
    let pin = daemon.backups.pin(&name)?;
    let store = daemon.backups.holder(&name, store).await?;
    let manifest = store.manifest(&name).await?;
    if offset > 0 && sha256.is_empty() {
        return Err(Failure::invalid_field(
            "sha256",
            "must be given with an offset: the digest from the header of the download that is resumed",
        ));
    }
    if !sha256.is_empty() && sha256 != manifest.sha256 {
        return Err(Failure::new(
            Kind::FailedPrecondition,
            "BACKUP_CHANGED",
            format!("{filename} has another digest than the one given"),
        )
        .with_hint("start the download again from offset 0"));
    }
    if offset > manifest.size_bytes {
        return Err(Failure::new(
            Kind::OutOfRange,
            "OFFSET_PAST_END",
            format!(
                "offset {offset} is past the end of {filename}, which has {} bytes",
                manifest.size_bytes
            ),
        ));
    }
    let reader = store.read(&name, offset).await?;
    Ok(Opened {
        manifest,
        offset,
        reader,
        pin,
    })
}

/// The audit record of a download, open until its last byte was sent.
pub struct OpenRecord {
    recorded: Option<Recorded>,
    store: Arc<ControlStore>,
}

impl OpenRecord {
    /// Everything was sent, or could not be.
    pub async fn close(mut self, failure: Option<&Failure>) {
        if let Some(recorded) = self.recorded.take() {
            recorded.close(&self.store, failure, "").await;
        }
    }
}

impl Drop for OpenRecord {
    /// The receiver went away before the end.
    fn drop(&mut self) {
        let Some(recorded) = self.recorded.take() else {
            return;
        };
        let store = Arc::clone(&self.store);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let gone = Failure::new(Kind::Cancelled, "CALLER_GONE", "the caller went away");
                recorded.close(&store, Some(&gone), "").await;
            });
        }
    }
}
