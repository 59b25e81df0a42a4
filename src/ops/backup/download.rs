//! DownloadBackup: opens an archive for sending, as it is or made anew on the way. The reading is paced by the receiver: a
//! chunk is made when it is asked for.
//!
//! `plan` is what the request asks for, `anew` makes it, `packing` compresses.

mod anew;
mod packing;
mod plan;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt as _;

use self::{anew::Anew, plan::Plan};
use crate::{
    model::{
        backup::{BackupName, Manifest},
        failure::{Failure, Kind},
    },
    ops::{
        audited::{self, Recorded},
        backup::remove::keep,
        context::Context,
        daemon::Daemon,
    },
    state::{ControlStore, backup_locks::BackupLock},
    storage::{ArchiveReader, StorageError, Store},
};

/// Bytes of a chunk at most. Large enough that a message's own cost does not show, small enough for every client's default
/// message limit (4 MiB).
const CHUNK_BYTES: usize = 1 << 20;

/// What is asked for, as the request has it.
#[derive(Clone, Debug, Default)]
pub struct DownloadRequest {
    /// The archive's name as listed.
    pub filename: String,
    /// The first byte to send.
    pub offset: i64,
    /// The digest of the archive whose first part the caller has; empty for none.
    pub sha256: String,
    /// Whether to decrypt on the way.
    pub decrypt: bool,
    /// `gzip`, `zstd`, `none`, or empty for as it is.
    pub compression: String,
    /// The tables whose rows are sent, as SQL writes their names; none for everything.
    pub tables: Vec<String>,
    /// The store to read from; empty for the first that holds it.
    pub store: String,
}

/// An archive that is open for sending.
pub struct Download {
    /// The name of what is sent.
    pub filename: String,
    /// Its size and SHA-256, where they are known before the end.
    pub known: Option<(u64, String)>,
    /// The first byte that is sent.
    pub offset: u64,
    /// The bytes.
    pub body: Body,
    /// To be closed at the end.
    pub record: OpenRecord,
}

/// Opens an archive. An offset needs the digest of the file whose first part the caller has, so that a download is never
/// resumed across two different files (lessons B17).
pub async fn open(
    daemon: &Daemon,
    context: &Context,
    request: &DownloadRequest,
) -> Result<Download, Failure> {
    let scope = daemon.scope_of_backup(&request.filename).await;
    let recorded = audited::begin(daemon, context, &scope).await?;
    match opened(daemon, request).await {
        Ok((opened, lock)) => Ok(Download {
            filename: opened.filename,
            known: opened.known,
            offset: opened.offset,
            body: opened.body,
            record: OpenRecord {
                recorded: Some(recorded),
                store: Arc::clone(&daemon.store),
                lock: Some(lock),
            },
        }),
        Err(failure) => {
            recorded.close(&daemon.store, Some(&failure), "").await;
            Err(failure)
        }
    }
}

struct Opened {
    filename: String,
    known: Option<(u64, String)>,
    offset: u64,
    body: Body,
}

async fn opened(
    daemon: &Daemon,
    request: &DownloadRequest,
) -> Result<(Opened, BackupLock), Failure> {
    let offset = u64::try_from(request.offset)
        .map_err(|_| Failure::invalid_field("offset", "must not be negative"))?;
    if offset > 0 && request.sha256.is_empty() {
        return Err(Failure::invalid_field(
            "sha256",
            "must be given with an offset: the digest from the header of the download that is resumed",
        ));
    }
    let name = BackupName::parse(&request.filename)?;
    // First, so that what is found here stays.
    let lock = keep(daemon, &name).await?;
    let store = daemon.backups.holder(&name, &request.store).await?;
    let manifest = store.manifest(&name).await?;
    if !request.sha256.is_empty() && request.sha256 != manifest.sha256 {
        return Err(Failure::new(
            Kind::FailedPrecondition,
            "BACKUP_CHANGED",
            format!("{name} has another digest than the one given"),
        )
        .with_hint("start the download again from offset 0"));
    }
    let opened = match plan::plan(daemon, request, &manifest)? {
        Plan::AsItIs => as_it_is(store, manifest, offset).await?,
        Plan::Anew(recipe) => Opened {
            filename: recipe.filename.clone(),
            known: None,
            offset: 0,
            body: Body::Anew(Box::new(
                Anew::open(daemon, store, &manifest, recipe).await?,
            )),
        },
    };
    Ok((opened, lock))
}

async fn as_it_is(store: &Store, manifest: Manifest, offset: u64) -> Result<Opened, Failure> {
    let name = &manifest.filename;
    let left = manifest.size_bytes.checked_sub(offset).ok_or_else(|| {
        Failure::new(
            Kind::OutOfRange,
            "OFFSET_PAST_END",
            format!(
                "offset {offset} is past the end of {name}, which has {} bytes",
                manifest.size_bytes
            ),
        )
    })?;
    let reader = store.read(name, offset).await?;
    Ok(Opened {
        filename: name.to_string(),
        known: Some((manifest.size_bytes, manifest.sha256)),
        offset,
        body: Body::AsItIs(AsItIs {
            name: manifest.filename,
            reader,
            left,
        }),
    })
}

/// The bytes of a download.
pub enum Body {
    /// From the store as they lie there.
    AsItIs(AsItIs),
    /// Decrypted, repacked or chosen on the way.
    Anew(Box<Anew>),
}

impl Body {
    /// The next bytes, at most a MiB; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match self {
            Self::AsItIs(body) => body.next().await,
            Self::Anew(body) => body.next().await,
        }
    }
}

/// An archive that is sent as it is.
pub struct AsItIs {
    name: BackupName,
    reader: ArchiveReader,
    left: u64,
}

impl AsItIs {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(CHUNK_BYTES);
        if wanted == 0 {
            return Ok(None);
        }
        let mut chunk = BytesMut::with_capacity(wanted);
        while chunk.len() < wanted {
            let limit = (wanted - chunk.len()) as u64;
            let read = (&mut self.reader).take(limit).read_buf(&mut chunk).await;
            match read {
                Ok(0) => return Err(damaged(&self.name, "it ends too early")),
                Ok(_) => {}
                // A bucket's own error says more than that the bytes are not there.
                Err(error) => {
                    return Err(match error.downcast::<StorageError>() {
                        Ok(error) => error.into(),
                        Err(error) => damaged(&self.name, &error.to_string()),
                    });
                }
            }
        }
        self.left -= chunk.len() as u64;
        Ok(Some(chunk.freeze()))
    }
}

fn damaged(name: &BackupName, why: &str) -> Failure {
    Failure::new(
        Kind::DataLoss,
        "BACKUP_DAMAGED",
        format!("cannot read {name}: {why}"),
    )
    .with_hint("run VerifyBackup on it, and download another")
}

/// The audit record of a download, open until its last byte was sent, and what keeps the backup from being removed.
pub struct OpenRecord {
    recorded: Option<Recorded>,
    store: Arc<ControlStore>,
    lock: Option<BackupLock>,
}

impl OpenRecord {
    /// Everything was sent, or could not be.
    pub async fn close(mut self, failure: Option<&Failure>) {
        if let Some(lock) = self.lock.take() {
            lock.release().await;
        }
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
