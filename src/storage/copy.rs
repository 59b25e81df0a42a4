//! Copying a backup from one store to another: its bytes as they are, by the same order of marker, archive, manifest.

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use super::{ArchiveUpload, Damage, StorageError, Store, Stores, manifests::check_size};
use crate::model::backup::Manifest;

/// Bytes that are moved at once.
const PIECE_BYTES: usize = 1024 * 1024;

impl Stores {
    /// Copies a backup for an operation. What is read must be what the manifest says, and so must what is read back from
    /// the other store before the copy counts. A copy that is there already is left as it is.
    ///
    /// `progress` is told the bytes that were moved or read back so far, of twice the archive's size.
    pub async fn copy(
        &self,
        backup: &Manifest,
        from: &str,
        to: &str,
        operation: Uuid,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<(), StorageError> {
        let name = &backup.filename;
        let (from, to) = (self.get(from)?, self.get(to)?);
        match to.stored_manifest(name).await {
            Ok(there) if there.sha256 == backup.sha256 => return Ok(()),
            Ok(_) => return Err(StorageError::AlreadyExists(name.clone())),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        let mut upload = to.create(name, operation).await?;
        if let Err(error) = transfer(backup, from, &mut upload, &progress).await {
            upload.abort().await;
            return Err(error);
        }
        let written = upload.finish().await?;
        let checked = if written.sha256 == backup.sha256 {
            let before = backup.size_bytes;
            let read_back = to.digest(backup, |done| progress(before + done)).await;
            read_back.map(drop)
        } else {
            let (expected, found) = (backup.sha256.clone(), written.sha256);
            Err(StorageError::damaged(
                name,
                Damage::Digest { expected, found },
            ))
        };
        if let Err(error) = checked {
            to.sweep(name).await?;
            return Err(error);
        }
        to.commit(backup).await
    }
}

async fn transfer(
    backup: &Manifest,
    from: &Store,
    upload: &mut ArchiveUpload,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<(), StorageError> {
    let mut archive = from.read(&backup.filename, 0).await?;
    loop {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        while piece.len() < PIECE_BYTES {
            let read = archive.read_buf(&mut piece).await;
            if read.map_err(|error| from.unread(backup, error))? == 0 {
                break;
            }
        }
        if piece.is_empty() {
            return check_size(backup, upload.size());
        }
        upload.append(piece.freeze()).await?;
        progress(upload.size());
    }
}
