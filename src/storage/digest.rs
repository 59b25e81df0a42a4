//! An archive compared with its manifest, byte by byte: its size and its SHA-256.

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;

use super::{
    ArchiveSummary, Damage, StorageError, Store, hexadecimal, manifests::check_size,
    read::READ_BYTES,
};
use crate::model::backup::Manifest;

impl Store {
    /// Reads the whole archive that `expected` speaks of once. The first difference is [`StorageError::Damaged`]. Another
    /// tool's archive has no digest to compare with, and gets its first.
    ///
    /// `progress` is told the bytes that were read so far.
    pub async fn digest(
        &self,
        expected: &Manifest,
        progress: impl Fn(u64) + Send,
    ) -> Result<ArchiveSummary, StorageError> {
        let name = &expected.filename;
        check_size(expected, self.archive_size(name).await?)?;
        let mut archive = self.read(name, 0).await?;
        let mut buffer = vec![0; READ_BYTES];
        let (mut hasher, mut size_bytes) = (Sha256::new(), 0);
        loop {
            let read = archive.read(&mut buffer).await;
            match read.map_err(|error| self.unread(expected, error))? {
                0 => break,
                count => {
                    hasher.update(&buffer[..count]);
                    size_bytes += count as u64;
                    progress(size_bytes);
                }
            }
        }
        check_size(expected, size_bytes)?;
        let sha256 = hexadecimal(hasher);
        if !expected.sha256.is_empty() && sha256 != expected.sha256 {
            let damage = Damage::Digest {
                expected: expected.sha256.clone(),
                found: sha256,
            };
            return Err(StorageError::damaged(name, damage));
        }
        Ok(ArchiveSummary { size_bytes, sha256 })
    }

    /// The store's error that is inside of a reader's.
    pub(super) fn unread(&self, backup: &Manifest, error: std::io::Error) -> StorageError {
        match error.downcast::<StorageError>() {
            Ok(error) => error,
            Err(error) => self.failed(format!("read backup {}", backup.filename), error),
        }
    }
}
