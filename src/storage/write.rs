//! Writing an archive: plain bytes → gzip → SHA-256 → parts → the store.
//!
//! Compression is the work of one blocking thread per archive, which has the upload too. Plain bytes come to it by a
//! short channel, so a slow disk holds the dump back and memory stays at some ten megabytes; while one part is being
//! written, the next is being compressed. The parts go to `object_store`'s multipart upload and not to its `BufWriter`,
//! which hides the error of a disk that fills up at the end behind one of its own, and leaves an upload open on drop.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use object_store::{MultipartUpload, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::{JoinHandle, spawn_blocking},
};

use super::{
    ArchiveSummary, StorageError, Store, hexadecimal,
    store::{archive_location, manifest_location},
};
use crate::model::backup::BackupName;

/// Bytes per part: the least that S3 takes.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// Plain bytes that are compressed before the size of the output is looked at.
const PIECE_BYTES: usize = 256 * 1024;
/// Writes that may wait for the compressing thread.
const WAITING: usize = 8;

/// An archive in the making. Nothing of it is visible before [`ArchiveWriter::finish`]; dropped, it leaves nothing.
#[derive(Debug)]
pub struct ArchiveWriter {
    name: BackupName,
    input: mpsc::Sender<Input>,
    /// Taken by whoever asks how the thread ended.
    worker: Option<JoinHandle<Result<(), StorageError>>>,
}

enum Input {
    Plain(Bytes),
    /// All was written. A channel that closes without this is an abort.
    Finish(oneshot::Sender<ArchiveSummary>),
}

impl ArchiveWriter {
    pub(super) async fn begin(
        store: Store,
        name: BackupName,
        level: u32,
    ) -> Result<Self, StorageError> {
        refuse_existing(&store, &name).await?;
        let upload = store
            .objects
            .put_multipart(&archive_location(&name))
            .await
            .map_err(|error| StorageError::of_backup(&name, "write", error))?;
        store.keep_private(&name).await?;
        let (input, plain) = mpsc::channel(WAITING);
        let archive = Archive {
            store,
            name: name.clone(),
            runtime: Handle::current(),
            upload,
            part_in_flight: None,
            hasher: Sha256::new(),
            size_bytes: 0,
        };
        let worker = spawn_blocking(move || archive.write(plain, level));
        Ok(Self {
            name,
            input,
            worker: Some(worker),
        })
    }

    /// Adds plain bytes, of some hundred KiB at most at a time. Waits while the store is slower than the caller.
    pub async fn write(&mut self, plain: Bytes) -> Result<(), StorageError> {
        if self.input.send(Input::Plain(plain)).await.is_ok() {
            Ok(())
        } else {
            Err(self.failure().await)
        }
    }

    /// Ends the archive and makes it visible, on stable storage. It is a backup once its manifest is written.
    ///
    /// When this future is dropped before it is ready, the archive is removed as soon as it is complete.
    pub async fn finish(mut self) -> Result<ArchiveSummary, StorageError> {
        let (sender, summary) = oneshot::channel();
        if self.input.send(Input::Finish(sender)).await.is_err() {
            return Err(self.failure().await);
        }
        match summary.await {
            Ok(summary) => Ok(summary),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Gives the archive up and waits until nothing of it is left. Dropping does the same without waiting.
    pub async fn abort(self) {
        let Self { input, worker, .. } = self;
        drop(input);
        if let Some(worker) = worker {
            // Whatever failed, failed on an archive that nobody wants.
            let _ = worker.await;
        }
    }

    /// Why the thread is gone.
    async fn failure(&mut self) -> StorageError {
        let action = format!("write backup {}", self.name);
        match self.worker.take() {
            Some(worker) => match worker.await {
                Ok(Err(error)) => error,
                Ok(Ok(())) => StorageError::failed(action, "it was ended early"),
                Err(error) => StorageError::failed(action, error),
            },
            None => StorageError::failed(action, "it failed before"),
        }
    }
}

/// Names are not reused: an archive, or a manifest without one, is never written over.
async fn refuse_existing(store: &Store, name: &BackupName) -> Result<(), StorageError> {
    for location in [archive_location(name), manifest_location(name)] {
        match store.objects.head(&location).await {
            Ok(_) => return Err(StorageError::AlreadyExists(name.clone())),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(StorageError::of_backup(name, "look at", error)),
        }
    }
    Ok(())
}

/// The compressing thread's side.
struct Archive {
    store: Store,
    name: BackupName,
    runtime: Handle,
    upload: Box<dyn MultipartUpload>,
    part_in_flight: Option<JoinHandle<object_store::Result<()>>>,
    hasher: Sha256,
    size_bytes: u64,
}

impl Archive {
    /// The thread's whole life. However it ends, either the archive is complete or nothing of it is left.
    fn write(mut self, plain: mpsc::Receiver<Input>, level: u32) -> Result<(), StorageError> {
        match self.compress(plain, level) {
            Ok(Some((summary, taker))) => {
                if taker.send(summary).is_err() {
                    self.remove_complete();
                }
                Ok(())
            }
            Ok(None) => {
                self.discard();
                Ok(())
            }
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Compresses all that comes. None when the writer was dropped.
    fn compress(
        &mut self,
        mut plain: mpsc::Receiver<Input>,
        level: u32,
    ) -> Result<Option<(ArchiveSummary, oneshot::Sender<ArchiveSummary>)>, StorageError> {
        let buffer = || Vec::with_capacity(PART_BYTES + PIECE_BYTES);
        let mut encoder = GzEncoder::new(buffer(), Compression::new(level.clamp(1, 9)));
        let mut uncompressed_bytes = 0;
        let taker = loop {
            match plain.blocking_recv() {
                None => return Ok(None),
                Some(Input::Finish(taker)) => break taker,
                Some(Input::Plain(bytes)) => {
                    uncompressed_bytes += bytes.len() as u64;
                    for piece in bytes.chunks(PIECE_BYTES) {
                        encoder
                            .write_all(piece)
                            .map_err(|error| self.failed(error))?;
                        if encoder.get_ref().len() >= PART_BYTES {
                            let part = std::mem::replace(encoder.get_mut(), buffer());
                            self.put_part(part)?;
                        }
                    }
                }
            }
        };
        let rest = encoder.finish().map_err(|error| self.failed(error))?;
        self.put_part(rest)?;
        self.complete()?;
        let summary = ArchiveSummary {
            size_bytes: self.size_bytes,
            sha256: hexadecimal(std::mem::take(&mut self.hasher)),
            uncompressed_bytes,
        };
        Ok(Some((summary, taker)))
    }

    /// Hands a part over once the one before is written.
    fn put_part(&mut self, part: Vec<u8>) -> Result<(), StorageError> {
        self.hasher.update(&part);
        self.size_bytes += part.len() as u64;
        self.wait_for_part()?;
        let writing = self.upload.put_part(part.into());
        self.part_in_flight = Some(self.runtime.spawn(writing));
        Ok(())
    }

    fn wait_for_part(&mut self) -> Result<(), StorageError> {
        match self.part_in_flight.take() {
            None => Ok(()),
            Some(writing) => self
                .runtime
                .block_on(writing)
                .map_err(|error| self.failed(error))?
                .map_err(|error| self.failed(error)),
        }
    }

    /// Flushes the archive to stable storage and gives it its name.
    fn complete(&mut self) -> Result<(), StorageError> {
        self.wait_for_part()?;
        // The rename would replace an archive that another daemon finished under this name since the beginning.
        self.runtime
            .block_on(refuse_existing(&self.store, &self.name))?;
        self.runtime
            .block_on(self.upload.complete())
            .map(|_| ())
            .map_err(|error| self.failed(error))
    }

    /// Removes what was written so far.
    fn discard(&mut self) {
        if let Some(writing) = self.part_in_flight.take() {
            let _ = self.runtime.block_on(writing);
        }
        if self.runtime.block_on(self.upload.abort()).is_err() {
            // A local upload that failed to complete has forgotten its staging file.
            let sweep = self.store.remove_staged(std::slice::from_ref(&self.name));
            if let Err(error) = self.runtime.block_on(sweep) {
                tracing::warn!(backup = %self.name, %error, "a partial archive is left until the next start");
            }
        }
    }

    /// Removes an archive that was finished for nobody.
    fn remove_complete(&self) {
        let location = archive_location(&self.name);
        if let Err(error) = self.runtime.block_on(self.store.objects.delete(&location)) {
            tracing::warn!(backup = %self.name, %error, "an archive without a manifest is left until the next start");
        }
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
        StorageError::failed(format!("write backup {}", self.name), source)
    }
}
