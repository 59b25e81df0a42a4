//! What a directory needs beside `object_store`: who may read it, its free space, its names, and what was staged in it.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use object_store::local::LocalFileSystem;
use tokio::task::spawn_blocking;

use super::{StorageError, list::Entry, marker};
use crate::model::backup::BackupName;

/// A directory that is a store.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    store: Arc<str>,
    root: PathBuf,
}

impl Directory {
    /// Opens it, and makes it, readable by its owner alone, when it is missing.
    pub(super) fn open(store: &str, path: &Path) -> Result<(Self, LocalFileSystem), StorageError> {
        let failed = |error: io::Error| {
            StorageError::failed(
                store,
                format!("open the directory {}", path.display()),
                error,
            )
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let root = path.canonicalize().map_err(failed)?;
        let mode = root.metadata().map_err(failed)?.mode();
        if mode & 0o077 != 0 {
            // Archives hold every row; what a directory of the user's own lets others do is the user's choice.
            tracing::warn!(store, path = %root.display(), "other accounts of this machine can look into the store; chmod 700 keeps them out");
        }
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| failed(error.into()))?
            .with_fsync(true);
        let store = store.into();
        Ok((Self { store, root }, objects))
    }

    /// All its files. Asked of the directory itself: `object_store` fails on the whole list for one foreign file whose
    /// name is not UTF-8, and takes a directory that is gone for an empty one.
    pub(super) async fn entries(&self) -> Result<Vec<Entry>, StorageError> {
        self.blocking("list the backups", |root| {
            let mut entries = Vec::new();
            for entry in fs::read_dir(root)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                // Gone since its name was read, or a link that leads nowhere.
                let Ok(about) = fs::metadata(entry.path()) else {
                    continue;
                };
                if about.is_file() {
                    entries.push(Entry {
                        name,
                        size: about.len(),
                        modified: about.modified()?.into(),
                        version: format!(
                            "{}-{}-{}-{}",
                            about.ino(),
                            about.mtime(),
                            about.mtime_nsec(),
                            about.len()
                        ),
                    });
                }
            }
            Ok(entries)
        })
        .await
    }

    /// Bytes that are free for us.
    pub(super) async fn free_bytes(&self) -> Result<u64, StorageError> {
        self.blocking("ask for the free space", |root| {
            let space = nix::sys::statvfs::statvfs(root)?;
            Ok(space.blocks_available() * space.fragment_size())
        })
        .await
    }

    /// Takes the backup's files, staged ones too, from all accounts but our own.
    pub(super) async fn keep_private(&self, name: &BackupName) -> Result<(), StorageError> {
        let prefix = name.to_string();
        self.blocking("set the permissions of a backup", move |root| {
            for entry in fs::read_dir(root)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(&prefix) {
                    match fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600)) {
                        // Another backup whose name begins in the same way was removed meanwhile.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        done => done?,
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Flushes its names to stable storage.
    pub(super) async fn sync(&self) -> Result<(), StorageError> {
        self.blocking("flush the directory", |root| File::open(root)?.sync_all())
            .await
    }

    /// Removes the files `<name>#<number>` that `object_store` writes before the rename. It never lists them.
    pub(super) async fn remove_staged(
        &self,
        name: &BackupName,
    ) -> Result<Vec<String>, StorageError> {
        let targets = [
            name.to_string(),
            name.manifest_name(),
            marker::file_name(name),
        ];
        self.blocking("sweep the directory", move |root| {
            let mut removed = Vec::new();
            for entry in fs::read_dir(root)? {
                let entry = entry?;
                let Ok(file) = entry.file_name().into_string() else {
                    continue;
                };
                let is_staged = file.rsplit_once('#').is_some_and(|(target, number)| {
                    number.bytes().all(|byte| byte.is_ascii_digit())
                        && targets.iter().any(|name| name == target)
                });
                if is_staged {
                    match fs::remove_file(entry.path()) {
                        Ok(()) => removed.push(file),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok(removed)
        })
        .await
    }

    /// Runs what blocks on a thread for such things.
    async fn blocking<T: Send + 'static>(
        &self,
        action: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let root = self.root.clone();
        let failed = |error: io::Error| StorageError::failed(&self.store, action, error);
        spawn_blocking(move || work(&root))
            .await
            .map_err(|error| failed(error.into()))?
            .map_err(failed)
    }
}
