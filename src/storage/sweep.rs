//! Sweeping: removes what operations that died left in the store. At start, before anything new is written.
//!
//! Only names that a dead operation is known to have used are touched. A file that something else put into the
//! directory is never ours to remove, however much its name looks like it.

use std::{fs, io};

use object_store::ObjectStoreExt;

use super::{
    StorageError, Store,
    store::{archive_location, manifest_location},
};
use crate::model::backup::BackupName;

impl Store {
    /// Removes the staging files of `dead` names, and the archives among them that never got a manifest, or lost it to
    /// a deletion that was cut short. Backups that have a manifest stay. Gives the names of the files it removed.
    pub async fn sweep(&self, dead: &[BackupName]) -> Result<Vec<String>, StorageError> {
        let mut removed = self.remove_staged(dead).await?;
        for name in dead {
            if self.has_manifest(name).await? {
                continue;
            }
            match self.objects.delete(&archive_location(name)).await {
                Ok(()) => removed.push(name.to_string()),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(StorageError::of_backup(name, "sweep", error)),
            }
        }
        Ok(removed)
    }

    /// True also when the manifest cannot be used: that is for a person to look at.
    async fn has_manifest(&self, name: &BackupName) -> Result<bool, StorageError> {
        match self.objects.head(&manifest_location(name)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(StorageError::of_backup(name, "look at", error)),
        }
    }

    /// Removes the files `<name>#<number>` that a local `object_store` writes before the rename. It never lists them.
    pub(super) async fn remove_staged(
        &self,
        names: &[BackupName],
    ) -> Result<Vec<String>, StorageError> {
        let targets: Vec<String> = names
            .iter()
            .flat_map(|name| [name.to_string(), name.manifest_name()])
            .collect();
        self.in_directory("sweep the store", move |root| {
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
}
