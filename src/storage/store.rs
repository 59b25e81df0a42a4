//! The store: listing, manifests, reading and deleting. Writing an archive is in `write`.

use std::{
    fs::{self, DirBuilder, File},
    io::SeekFrom,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use futures_util::TryStreamExt;
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt, local::LocalFileSystem,
    path::Path as Location,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncSeekExt, BufReader},
    task::spawn_blocking,
};
use tokio_util::io::StreamReader;

use super::{ArchiveWriter, Damage, PlainReader, StorageError, unpack};
use crate::model::{
    backup::{BackupName, Manifest},
    failure::chain,
};

/// Bytes per read of an archive, unless the caller's buffer is larger.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// The bytes of an archive from an offset on. It stays readable when the backup is deleted meanwhile.
pub type ArchiveReader = BufReader<Pin<Box<dyn AsyncRead + Send>>>;

/// All backups of a store.
#[derive(Debug, Default)]
pub struct Listing {
    /// The good ones: a readable manifest and an archive of the size that it says. Newest first by completion time.
    pub manifests: Vec<Manifest>,
    /// Manifests that cannot be used, or whose archive is missing or has another size. By name.
    pub unreadable: Vec<Unreadable>,
}

/// A manifest that does not make a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The archive's name.
    pub filename: BackupName,
    /// What is wrong, in one line.
    pub reason: String,
}

/// A place where backups lie. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// The directory, for the few things that an object store does not offer.
    pub(super) root: PathBuf,
}

impl Store {
    /// Opens a directory as a store. It is made, readable by its owner alone, when it is missing.
    pub fn open_directory(path: &Path) -> Result<Self, StorageError> {
        let action = || format!("open the store {}", path.display());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| StorageError::failed(action(), error))?;
        let root = path
            .canonicalize()
            .map_err(|error| StorageError::failed(action(), error))?;
        let mode = root
            .metadata()
            .map_err(|error| StorageError::failed(action(), error))?
            .mode();
        if mode & 0o077 != 0 {
            // Archives hold every row; what a directory of the user's own lets others do is the user's choice.
            tracing::warn!(path = %root.display(), "other accounts of this machine can look into the store; chmod 700 keeps them out");
        }
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| StorageError::failed(action(), error))?
            .with_fsync(true);
        Ok(Self {
            objects: Arc::new(objects),
            root,
        })
    }

    /// All backups, with those that are not good beside them. Other files are passed over.
    pub async fn list_manifests(&self) -> Result<Listing, StorageError> {
        let mut listing = Listing::default();
        for name in self.manifest_names().await? {
            match self.manifest(&name).await {
                Ok(manifest) => listing.manifests.push(manifest),
                // Deleted since its name was read, or no file.
                Err(StorageError::NotFound(_)) => {}
                Err(error) => listing.unreadable.push(Unreadable {
                    filename: name,
                    reason: chain(&error),
                }),
            }
        }
        listing
            .manifests
            .sort_by(|a, b| (b.complete_time, &b.filename).cmp(&(a.complete_time, &a.filename)));
        listing
            .unreadable
            .sort_by(|a, b| a.filename.cmp(&b.filename));
        Ok(listing)
    }

    /// The archives' names of all manifests. Asked of the directory itself: `object_store` fails on the whole list for
    /// one foreign file whose name is not UTF-8, and takes a directory that is gone for an empty one.
    async fn manifest_names(&self) -> Result<Vec<BackupName>, StorageError> {
        self.in_directory("list the store", |root| {
            let mut names = Vec::new();
            for entry in fs::read_dir(root)? {
                if let Ok(file) = entry?.file_name().into_string() {
                    names.extend(BackupName::of_manifest(&file));
                }
            }
            Ok(names)
        })
        .await
    }

    /// One backup's manifest. It is an error here when the listing would show it among the unreadable: the manifest
    /// cannot be used, or the archive is missing or has another size.
    pub async fn manifest(&self, name: &BackupName) -> Result<Manifest, StorageError> {
        let failed = |error| StorageError::of_backup(name, "read the manifest of", error);
        let read = self
            .objects
            .get(&manifest_location(name))
            .await
            .map_err(failed)?;
        let bytes = read.bytes().await.map_err(failed)?;
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
        let found = self.archive_size(name).await?;
        if found != manifest.size_bytes {
            let damage = Damage::Size {
                expected: manifest.size_bytes,
                found,
            };
            return Err(StorageError::damaged(name, damage));
        }
        Ok(manifest)
    }

    /// The size of an archive that a manifest speaks of.
    pub(super) async fn archive_size(&self, name: &BackupName) -> Result<u64, StorageError> {
        match self.objects.head(&archive_location(name)).await {
            Ok(archive) => Ok(archive.size),
            Err(object_store::Error::NotFound { .. }) => {
                Err(StorageError::damaged(name, Damage::Missing))
            }
            Err(error) => Err(StorageError::of_backup(name, "look at", error)),
        }
    }

    /// Writes a manifest, whole and at once: a reader sees the old one or the new one. This is what makes a backup
    /// exist; its archive must be finished. Callers that change a manifest take turns by the backup's lock: see
    /// `ops::backup::update`.
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<(), StorageError> {
        let name = &manifest.filename;
        let action = || format!("write the manifest of backup {name}");
        let bytes = manifest
            .to_json()
            .map_err(|error| StorageError::failed(action(), error))?;
        self.objects
            .put(&manifest_location(name), bytes.into())
            .await
            .map_err(|error| StorageError::failed(action(), error))?;
        self.keep_private(name).await
    }

    /// Begins an archive, compressed at the gzip `level` (1 to 9). Refused when an archive or a manifest of that name
    /// is there.
    pub async fn create(
        &self,
        name: &BackupName,
        level: u32,
    ) -> Result<ArchiveWriter, StorageError> {
        ArchiveWriter::begin(self.clone(), name.clone(), level).await
    }

    /// Opens an archive at `offset`; at its very end there is nothing to read.
    pub async fn read(
        &self,
        name: &BackupName,
        offset: u64,
    ) -> Result<ArchiveReader, StorageError> {
        let failed = |error| StorageError::of_backup(name, "read", error);
        let location = archive_location(name);
        let size_bytes = self.objects.head(&location).await.map_err(failed)?.size;
        if offset > size_bytes {
            return Err(StorageError::PastEnd {
                name: name.clone(),
                offset,
                size_bytes,
            });
        }
        // A range that begins at the end is none, for an object store.
        let bytes: Pin<Box<dyn AsyncRead + Send>> = if offset == size_bytes {
            Box::pin(tokio::io::empty())
        } else {
            let options = GetOptions::new().with_range(Some(GetRange::Offset(offset)));
            let found = self
                .objects
                .get_opts(&location, options)
                .await
                .map_err(failed)?;
            match found.payload {
                // The open file itself: it outlives its name, and object_store's own stream has chunks of 8 KiB.
                GetResultPayload::File(file, _) => {
                    let mut file = tokio::fs::File::from_std(file);
                    file.seek(SeekFrom::Start(found.range.start))
                        .await
                        .map_err(|error| {
                            StorageError::failed(format!("read backup {name}"), error)
                        })?;
                    Box::pin(file.take(found.range.end - found.range.start))
                }
                GetResultPayload::Stream(stream) => {
                    Box::pin(StreamReader::new(stream.map_err(std::io::Error::from)))
                }
            }
        };
        Ok(BufReader::with_capacity(READ_BYTES, bytes))
    }

    /// The decompressed bytes of an archive, all its gzip members after one another. Reading ends without an error only
    /// when the archive was sound to its end; a reader that is dropped ends the work.
    pub async fn decompressed(&self, name: &BackupName) -> Result<PlainReader, StorageError> {
        Ok(unpack::plain(self.read(name, 0).await?))
    }

    /// Removes a backup: the manifest first, so that a crash in between leaves nothing that is listed.
    pub async fn delete(&self, name: &BackupName) -> Result<(), StorageError> {
        self.objects
            .delete(&manifest_location(name))
            .await
            .map_err(|error| StorageError::of_backup(name, "delete", error))?;
        // Or a power cut could bring the manifest back, and not the archive.
        self.sync_directory().await?;
        match self.objects.delete(&archive_location(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StorageError::of_backup(name, "delete", error)),
        }
    }

    /// Bytes that the store has room for.
    pub async fn free_bytes(&self) -> Result<u64, StorageError> {
        self.in_directory("ask for the store's free space", |root| {
            let space = nix::sys::statvfs::statvfs(root)?;
            Ok(space.blocks_available() * space.fragment_size())
        })
        .await
    }

    /// Takes the backup's files, staged ones too, from all accounts but our own: they hold every row.
    pub(super) async fn keep_private(&self, name: &BackupName) -> Result<(), StorageError> {
        let prefix = name.to_string();
        self.in_directory("set the permissions of a backup", move |root| {
            for entry in fs::read_dir(root)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(&prefix) {
                    fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600))?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn sync_directory(&self) -> Result<(), StorageError> {
        self.in_directory("flush the store's directory", |root| {
            File::open(root)?.sync_all()
        })
        .await
    }

    /// Runs what blocks, and knows the directory, on a thread for such things.
    pub(super) async fn in_directory<T: Send + 'static>(
        &self,
        action: &str,
        work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let root = self.root.clone();
        spawn_blocking(move || work(&root))
            .await
            .map_err(|error| StorageError::failed(action, error))?
            .map_err(|error| StorageError::failed(action, error))
    }
}

pub(super) fn archive_location(name: &BackupName) -> Location {
    Location::from(name.as_str())
}

pub(super) fn manifest_location(name: &BackupName) -> Location {
    Location::from(name.manifest_name())
}
