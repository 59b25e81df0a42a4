//! One backup's manifest: read, put for the first time, changed, removed.

use object_store::{ObjectStoreExt as _, PutMode, PutOptions};
use uuid::Uuid;

use super::{Damage, StorageError, Store, marker::Claim};
use crate::model::backup::{BackupName, Manifest};

impl Store {
    /// One backup's manifest; made up where another tool's archive lies there without one. It is an error here when the
    /// listing would show it among the unreadable: the manifest cannot be used, or the archive is missing or has
    /// another size.
    pub async fn manifest(&self, name: &BackupName) -> Result<Manifest, StorageError> {
        match self.stored_manifest(name).await {
            Err(StorageError::NotFound(_)) => self.foreign_manifest(name).await,
            read => read,
        }
    }

    /// The manifest that lies there.
    pub(super) async fn stored_manifest(
        &self,
        name: &BackupName,
    ) -> Result<Manifest, StorageError> {
        let manifest = self.read_manifest(name).await?;
        let found = self.archive_size(name).await?;
        check_size(&manifest, found)?;
        Ok(manifest)
    }

    /// The manifest, without a look at its archive.
    pub(super) async fn read_manifest(&self, name: &BackupName) -> Result<Manifest, StorageError> {
        let location = self.manifest_location(name);
        let read = async { self.objects.get(&location).await?.bytes().await };
        let bytes = read
            .await
            .map_err(|error| self.of_backup(name, "read the manifest of", error))?;
        let manifest = Manifest::parse(&bytes).map_err(|source| StorageError::Manifest {
            name: name.clone(),
            source,
        })?;
        if manifest.filename != *name {
            let damage = Damage::OtherBackup {
                found: manifest.filename,
            };
            return Err(StorageError::damaged(name, damage));
        }
        Ok(manifest)
    }

    /// The size of an archive that a manifest speaks of.
    pub(super) async fn archive_size(&self, name: &BackupName) -> Result<u64, StorageError> {
        match self.archive_about(name).await {
            Ok(about) => Ok(about.size),
            Err(StorageError::NotFound(_)) => Err(StorageError::damaged(name, Damage::Missing)),
            Err(error) => Err(error),
        }
    }

    /// What the store says of an archive.
    pub(super) async fn archive_about(
        &self,
        name: &BackupName,
    ) -> Result<object_store::ObjectMeta, StorageError> {
        self.objects
            .head(&self.archive_location(name))
            .await
            .map_err(|error| self.of_backup(name, "look at", error))
    }

    /// Whether a manifest lies there, also one that cannot be used: that is for a person to look at.
    pub(super) async fn has_manifest(&self, name: &BackupName) -> Result<bool, StorageError> {
        match self.objects.head(&self.manifest_location(name)).await {
            Ok(_) => Ok(true),
            Err(error) => match self.of_backup(name, "look at", error) {
                StorageError::NotFound(_) => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Makes a finished archive a backup: puts its manifest, where none is, and takes the marker away. The backup exists
    /// from here on, on stable storage.
    pub async fn commit(&self, manifest: &Manifest) -> Result<(), StorageError> {
        let name = &manifest.filename;
        // A daemon that was taken for dead may find its archive swept.
        check_size(manifest, self.archive_size(name).await?)?;
        match self.write_manifest(manifest, PutMode::Create).await {
            Ok(()) => {}
            // A connection that broke may have hidden that the first try came through.
            Err(StorageError::AlreadyExists(_))
                if self.read_manifest(name).await.ok().as_ref() == Some(manifest) => {}
            Err(error) => return Err(error),
        }
        self.unmark(name).await.map(drop)
    }

    /// Changes the manifest of a backup that is there, whole and at once: a reader sees the old one or the new one. An
    /// archive of another tool's gets its first. Callers take turns by the database's lock.
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<(), StorageError> {
        let name = &manifest.filename;
        if self.has_manifest(name).await? {
            return self.write_manifest(manifest, PutMode::Overwrite).await;
        }
        let is_held = self.read_claim(name).await?.is_none()
            && self.archive_about(name).await?.size == manifest.size_bytes;
        if is_held {
            return self.write_manifest(manifest, PutMode::Create).await;
        }
        Err(StorageError::NotFound(name.clone()))
    }

    async fn write_manifest(&self, manifest: &Manifest, mode: PutMode) -> Result<(), StorageError> {
        let name = &manifest.filename;
        let action = || format!("write the manifest of backup {name}");
        let bytes = manifest
            .to_json()
            .map_err(|error| self.failed(action(), error))?;
        let location = self.manifest_location(name);
        let options = PutOptions::from(mode);
        match self
            .objects
            .put_opts(&location, bytes.into(), options)
            .await
        {
            Ok(_) => self.keep_private(name).await,
            Err(object_store::Error::AlreadyExists { .. }) => {
                Err(StorageError::AlreadyExists(name.clone()))
            }
            Err(error) => Err(self.failed(action(), error)),
        }
    }

    /// Removes a backup, or another tool's archive: marked first, then the manifest, then the archive, so that a crash in
    /// between leaves nothing that is listed.
    pub async fn delete(&self, name: &BackupName) -> Result<(), StorageError> {
        let has_manifest = self.has_manifest(name).await?;
        if !has_manifest {
            if self.read_claim(name).await?.is_some() {
                // It is being made, or was not made to its end.
                return Err(StorageError::NotFound(name.clone()));
            }
            self.archive_about(name).await?;
        }
        let claim = Claim {
            owns_archive: true,
            ..Claim::new(Uuid::nil())
        };
        self.update_claim(name, &claim).await?;
        if has_manifest {
            self.remove_if_there(name, &self.manifest_location(name))
                .await?;
            // Or a power cut could bring the manifest back, and not the archive.
            self.settle().await?;
        }
        self.remove_if_there(name, &self.archive_location(name))
            .await?;
        self.settle().await?;
        self.unmark(name).await.map(drop)
    }

    /// Removes an object; says whether it was there. S3 does not tell.
    pub(super) async fn remove_if_there(
        &self,
        name: &BackupName,
        location: &object_store::path::Path,
    ) -> Result<bool, StorageError> {
        match self.remove(location).await {
            Ok(()) => Ok(true),
            Err(error) => match self.of_backup(name, "remove", error) {
                StorageError::NotFound(_) => Ok(false),
                error => Err(error),
            },
        }
    }
}

/// Refuses an archive of another size than its manifest says.
pub(super) fn check_size(manifest: &Manifest, found: u64) -> Result<(), StorageError> {
    if found == manifest.size_bytes {
        return Ok(());
    }
    let expected = manifest.size_bytes;
    let damage = Damage::Size { expected, found };
    Err(StorageError::damaged(&manifest.filename, damage))
}
