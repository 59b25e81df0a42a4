//! Writing an archive: bytes, as they are to lie there → SHA-256 → parts → the store.
//!
//! The bytes are collected into parts without copying them, and a few parts are on their way while the next is
//! collected; a slow store holds the caller back. `parts` says how much memory that takes. The parts of a local archive go
//! to `object_store`'s multipart upload and not to its `BufWriter`, which hides the error of a disk that fills up at the
//! end behind one of its own. Those of a bucket go by the upload's id, which stands in the marker before the first part
//! is sent.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload, multipart::PartId};
use sha2::{Digest, Sha256};
use tokio::{runtime::Handle, task::JoinSet};
use uuid::Uuid;

use super::{
    ArchiveSummary, StorageError, Store, bucket::Bucket, hexadecimal, marker::Claim,
    parts::PartSizes, store::Place,
};
use crate::model::backup::BackupName;

/// An archive in the making. Nothing of it is visible before [`ArchiveUpload::finish`]; when it is dropped, or when a
/// call of it fails or is dropped, what there is of it is cleared away.
#[derive(Debug)]
pub struct ArchiveUpload {
    name: BackupName,
    /// Taken by whoever ends it.
    work: Option<Box<Work>>,
    runtime: Handle,
}

/// Where the parts go.
#[derive(Debug)]
enum Target {
    Directory(Box<dyn MultipartUpload>),
    Bucket { bucket: Bucket, id: Arc<str> },
}

#[derive(Debug)]
struct Work {
    store: Store,
    name: BackupName,
    target: Target,
    sizes: PartSizes,
    hasher: Sha256,
    size_bytes: u64,
    /// The part that is being collected.
    collected: Vec<Bytes>,
    collected_bytes: usize,
    /// The number of the part that is being collected.
    number: usize,
    on_their_way: JoinSet<object_store::Result<(usize, Option<PartId>)>>,
    /// The parts that a bucket has, by number.
    sent: Vec<Option<PartId>>,
    /// Set while bytes were taken that are not in a part yet: a call that was dropped there has lost some.
    is_torn: bool,
    /// Set once the archive may have got its name.
    may_be_complete: bool,
}

impl ArchiveUpload {
    pub(super) async fn begin(
        store: Store,
        name: BackupName,
        operation: Uuid,
    ) -> Result<Self, StorageError> {
        store.refuse_existing(&name).await?;
        let mut claim = Claim::new(operation);
        store.claim(&name, &claim).await?;
        // From here on nobody else of ours makes it; another tool may have put it there since.
        let target = match Self::open(&store, &name, &mut claim).await {
            Ok(target) => target,
            Err(error) => {
                store.unmark(&name).await?;
                return Err(error);
            }
        };
        let sizes = match target {
            Target::Directory(_) => PartSizes::Constant,
            Target::Bucket { .. } => PartSizes::Growing,
        };
        let work = Work {
            store,
            name: name.clone(),
            target,
            sizes,
            hasher: Sha256::new(),
            size_bytes: 0,
            collected: Vec::new(),
            collected_bytes: 0,
            number: 0,
            on_their_way: JoinSet::new(),
            sent: Vec::new(),
            is_torn: false,
            may_be_complete: false,
        };
        Ok(Self {
            name,
            work: Some(Box::new(work)),
            runtime: Handle::current(),
        })
    }

    async fn open(
        store: &Store,
        name: &BackupName,
        claim: &mut Claim,
    ) -> Result<Target, StorageError> {
        store.refuse_existing(name).await?;
        let location = store.archive_location(name);
        let failed = |error| store.failed(format!("write backup {name}"), error);
        let target = match &store.place {
            Place::Directory(_) => {
                let upload = store
                    .objects
                    .put_multipart(&location)
                    .await
                    .map_err(failed)?;
                store.keep_private(name).await?;
                Target::Directory(upload)
            }
            Place::Bucket(bucket) => {
                let id = bucket.begin(&location).await.map_err(failed)?;
                claim.upload_id = Some(id.clone());
                Target::Bucket {
                    bucket: bucket.clone(),
                    id: id.into(),
                }
            }
        };
        claim.owns_archive = true;
        if let Err(error) = store.update_claim(name, claim).await {
            if let Target::Bucket { bucket, id } = &target {
                // What cannot be given up here is for the bucket's own rule on incomplete uploads.
                let _ = bucket.abort(&location, id).await;
            }
            return Err(error);
        }
        Ok(target)
    }

    /// The archive's name.
    pub fn name(&self) -> &BackupName {
        &self.name
    }

    /// How many bytes were added.
    pub fn size(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.size_bytes)
    }

    /// Adds bytes of any number. Waits while the store is slower than the caller.
    pub async fn append(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        let work = self.work()?;
        if let Err(error) = work.append(bytes).await {
            self.give_up().await;
            return Err(error);
        }
        Ok(())
    }

    /// Ends the archive and makes it visible, on stable storage. It is a backup once [`Store::commit`] has put its
    /// manifest.
    pub async fn finish(mut self) -> Result<ArchiveSummary, StorageError> {
        match self.work()?.finish().await {
            Ok(summary) => {
                self.work = None;
                Ok(summary)
            }
            Err(error) => {
                self.give_up().await;
                Err(error)
            }
        }
    }

    /// Gives the archive up and waits until nothing of it is left. Dropping does the same without waiting.
    pub async fn abort(mut self) {
        self.give_up().await;
    }

    fn work(&mut self) -> Result<&mut Work, StorageError> {
        match self.work.as_deref_mut() {
            Some(work) if !work.is_torn => Ok(work),
            Some(work) => Err(work.failed("an earlier call was dropped before its end")),
            None => Err(StorageError::NotFound(self.name.clone())),
        }
    }

    async fn give_up(&mut self) {
        if let Some(work) = self.work.take() {
            work.clear_away().await;
        }
    }
}

impl Drop for ArchiveUpload {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.runtime.spawn(work.clear_away());
        }
    }
}

impl Work {
    async fn append(&mut self, mut bytes: Bytes) -> Result<(), StorageError> {
        self.hasher.update(&bytes);
        self.size_bytes += bytes.len() as u64;
        self.is_torn = true;
        while !bytes.is_empty() {
            let room = self.sizes.of(self.number) - self.collected_bytes;
            let piece = bytes.split_to(room.min(bytes.len()));
            self.collected_bytes += piece.len();
            self.collected.push(piece);
            if self.collected_bytes == self.sizes.of(self.number) {
                self.send_part().await?;
            }
        }
        self.is_torn = false;
        Ok(())
    }

    /// Sends off the part that is collected, once few enough are on their way.
    async fn send_part(&mut self) -> Result<(), StorageError> {
        while self.on_their_way.len() >= self.sizes.at_once(self.number) {
            self.await_part().await?;
        }
        let part = PutPayload::from_iter(std::mem::take(&mut self.collected));
        self.collected_bytes = 0;
        let number = self.number;
        self.number += 1;
        match &mut self.target {
            Target::Directory(upload) => {
                let writing = upload.put_part(part);
                self.on_their_way
                    .spawn(async move { writing.await.map(|()| (number, None)) });
            }
            Target::Bucket { bucket, id } => {
                let (bucket, id) = (bucket.clone(), Arc::clone(id));
                let location = self.store.archive_location(&self.name);
                self.on_their_way.spawn(async move {
                    let sent = bucket.put_part(&location, &id, number, part).await?;
                    Ok((number, Some(sent)))
                });
            }
        }
        Ok(())
    }

    async fn await_part(&mut self) -> Result<(), StorageError> {
        let Some(done) = self.on_their_way.join_next().await else {
            return Ok(());
        };
        let (number, part) = done
            .map_err(|error| self.failed(error))?
            .map_err(|error| self.failed(error))?;
        if self.sent.len() <= number {
            self.sent.resize(number + 1, None);
        }
        self.sent[number] = part;
        Ok(())
    }

    async fn finish(&mut self) -> Result<ArchiveSummary, StorageError> {
        self.is_torn = true;
        if self.collected_bytes > 0 {
            self.send_part().await?;
        }
        while !self.on_their_way.is_empty() {
            self.await_part().await?;
        }
        // The completion would replace what another tool put there under this name since the beginning.
        self.store.refuse_existing(&self.name).await?;
        self.may_be_complete = true;
        self.complete().await?;
        Ok(ArchiveSummary {
            size_bytes: self.size_bytes,
            sha256: hexadecimal(std::mem::take(&mut self.hasher)),
        })
    }

    /// Gives the archive its name.
    async fn complete(&mut self) -> Result<(), StorageError> {
        let completed = match &mut self.target {
            Target::Directory(upload) => upload.complete().await.map(drop),
            Target::Bucket { bucket, id } => {
                let location = self.store.archive_location(&self.name);
                let parts = std::mem::take(&mut self.sent).into_iter().flatten();
                bucket.complete(&location, id, parts.collect()).await
            }
        };
        let Err(error) = completed else {
            return Ok(());
        };
        // An answer may have been lost: the second try finds no upload any more, for it is complete.
        let (store, name) = (&self.store, &self.name);
        match store.archive_about(name).await {
            Ok(about) if about.size == self.size_bytes => {
                tracing::warn!(backup = %name, %error, "an archive is whole, although its completion was not confirmed");
                Ok(())
            }
            _ => Err(self.failed(error)),
        }
    }

    /// Clears away what there is. What is left when that fails, the marker tells of.
    async fn clear_away(mut self: Box<Self>) {
        if let Err(error) = self.try_clear_away().await {
            tracing::warn!(backup = %self.name, store = self.store.name(), %error,
                "what was written of an archive is left until it is swept");
        }
    }

    async fn try_clear_away(&mut self) -> Result<(), StorageError> {
        self.on_their_way.shutdown().await;
        let location = self.store.archive_location(&self.name);
        match &mut self.target {
            Target::Directory(upload) => {
                // A local upload that failed to complete has forgotten its staging file.
                if upload.abort().await.is_err() {
                    self.store.remove_staged(&self.name).await?;
                }
            }
            Target::Bucket { bucket, id } => {
                let aborted = bucket.abort(&location, id).await;
                aborted.map_err(|error| self.failed(error))?;
            }
        }
        if self.may_be_complete {
            self.store.remove_if_there(&self.name, &location).await?;
        }
        self.store.unmark(&self.name).await.map(drop)
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
        self.store
            .failed(format!("write backup {}", self.name), source)
    }
}

impl Store {
    /// Names are not reused: an archive, or a manifest without one, is never written over.
    async fn refuse_existing(&self, name: &BackupName) -> Result<(), StorageError> {
        let archive = match self.archive_about(name).await {
            Ok(_) => true,
            Err(StorageError::NotFound(_)) => false,
            Err(error) => return Err(error),
        };
        if archive || self.has_manifest(name).await? {
            return Err(StorageError::AlreadyExists(name.clone()));
        }
        Ok(())
    }
}
