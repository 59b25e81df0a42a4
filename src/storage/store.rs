//! One store: what it is, how it is opened, where things lie in it. What is done with it stands in the files beside.

use std::{path::Path, sync::Arc};

use object_store::{ObjectStore, path::Path as Location};

use super::{
    ArchiveUpload, StorageError,
    bucket::{Bucket, BucketSettings},
    directory::Directory,
    list::Known,
};
use crate::model::backup::BackupName;

/// A place where backups lie. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    name: Arc<str>,
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) place: Place,
    /// What the last listing found, so that the next reads only what is new.
    pub(super) known: Arc<Known>,
}

/// What an object store does not offer, by the kind of place.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Directory(Directory),
    Bucket(Bucket),
}

impl Store {
    /// Opens a directory as a store. It is made, readable by its owner alone, when it is missing.
    pub fn open_directory(name: &str, path: &Path) -> Result<Self, StorageError> {
        let (directory, objects) = Directory::open(name, path)?;
        Ok(Self {
            name: name.into(),
            objects: Arc::new(objects),
            place: Place::Directory(directory),
            known: Arc::default(),
        })
    }

    /// Takes a bucket of an S3 service as a store. Nothing is asked of the service yet. A TLS provider must have been
    /// installed for the process.
    pub fn open_bucket(name: &str, settings: &BucketSettings) -> Result<Self, StorageError> {
        let bucket = Bucket::open(name, settings)?;
        Ok(Self {
            name: name.into(),
            objects: bucket.objects(),
            place: Place::Bucket(bucket),
            known: Arc::default(),
        })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins an archive for an operation. Refused when an archive, a manifest or a marker of that name is there.
    pub async fn create(
        &self,
        name: &BackupName,
        operation: uuid::Uuid,
    ) -> Result<ArchiveUpload, StorageError> {
        ArchiveUpload::begin(self.clone(), name.clone(), operation).await
    }

    /// Bytes that the store has room for; none where nobody counts them.
    pub async fn free_bytes(&self) -> Result<Option<u64>, StorageError> {
        match &self.place {
            Place::Directory(directory) => directory.free_bytes().await.map(Some),
            Place::Bucket(_) => Ok(None),
        }
    }

    /// Removes one object; a missing one is an error of `object_store`'s for both kinds of store.
    pub(super) async fn remove(&self, location: &Location) -> object_store::Result<()> {
        use object_store::ObjectStoreExt as _;
        self.objects.delete(location).await
    }

    pub(super) fn location(&self, file: &str) -> Location {
        match &self.place {
            Place::Directory(_) => Location::from(file),
            Place::Bucket(bucket) => bucket.location(file),
        }
    }

    pub(super) fn archive_location(&self, name: &BackupName) -> Location {
        self.location(name.as_str())
    }

    pub(super) fn manifest_location(&self, name: &BackupName) -> Location {
        self.location(&name.manifest_name())
    }

    pub(super) fn failed(
        &self,
        action: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StorageError {
        StorageError::failed(&self.name, action, source)
    }

    pub(super) fn of_backup(
        &self,
        name: &BackupName,
        action: &str,
        source: object_store::Error,
    ) -> StorageError {
        StorageError::of_backup(&self.name, name, action, source)
    }

    /// Takes the backup's files from all accounts but our own, where there are accounts: they hold every row.
    pub(super) async fn keep_private(&self, name: &BackupName) -> Result<(), StorageError> {
        match &self.place {
            Place::Directory(directory) => directory.keep_private(name).await,
            Place::Bucket(_) => Ok(()),
        }
    }

    /// Makes removals outlive a power cut, where that takes something.
    pub(super) async fn settle(&self) -> Result<(), StorageError> {
        match &self.place {
            Place::Directory(directory) => directory.sync().await,
            Place::Bucket(_) => Ok(()),
        }
    }
}
