//! Sweeping: removes what operations that died left in a store.
//!
//! Only what stands beside a marker is touched, and the archive only when the marker says that it is its own. A file that
//! something else put there is never ours to remove, however much its name looks like it.

use super::{StorageError, Store, marker, store::Place};
use crate::model::backup::BackupName;

impl Store {
    /// Removes what is left of a backup that was not made to its end, or not removed to its end: staged files, the open
    /// upload, the archive, and the marker last. Where the manifest is there, the backup stays and only the marker goes.
    /// Gives the names of what it removed.
    pub async fn sweep(&self, name: &BackupName) -> Result<Vec<String>, StorageError> {
        let mut removed = self.remove_staged(name).await?;
        let Some(claim) = self.read_claim(name).await? else {
            return Ok(removed);
        };
        if !self.has_manifest(name).await? {
            let location = self.archive_location(name);
            if let (Place::Bucket(bucket), Some(id)) = (&self.place, &claim.upload_id) {
                let aborted = bucket.abort(&location, id).await;
                aborted.map_err(|error| self.of_backup(name, "sweep", error))?;
            }
            if claim.owns_archive && self.archive_is_there(name).await? {
                self.remove_if_there(name, &location).await?;
                self.settle().await?;
                removed.push(name.to_string());
            }
        }
        if self.unmark(name).await? {
            removed.push(marker::file_name(name));
        }
        Ok(removed)
    }

    async fn archive_is_there(&self, name: &BackupName) -> Result<bool, StorageError> {
        match self.archive_about(name).await {
            Ok(_) => Ok(true),
            Err(StorageError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the files that a directory's writes are staged in.
    pub(super) async fn remove_staged(
        &self,
        name: &BackupName,
    ) -> Result<Vec<String>, StorageError> {
        match &self.place {
            Place::Directory(directory) => directory.remove_staged(name).await,
            Place::Bucket(_) => Ok(Vec::new()),
        }
    }
}
