//! Verification: reads an archive back as a restore would, and compares it with its manifest.

use super::{
    ArchiveSummary, Damage, StorageError, Store,
    unpack::{UnpackError, Unpacked, unpack},
};
use crate::model::backup::Manifest;

impl Store {
    /// Reads the whole archive that `expected` speaks of once: its size, its gzip members to the last, its SHA-256 and
    /// what it decompresses to. The first difference is [`StorageError::Damaged`].
    ///
    /// `progress` is told the bytes of the archive that were read so far.
    pub async fn verify(
        &self,
        expected: &Manifest,
        progress: impl Fn(u64) + Send,
    ) -> Result<ArchiveSummary, StorageError> {
        let name = &expected.filename;
        let damaged = |damage| StorageError::damaged(name, damage);
        let unavailable = |error| StorageError::failed(format!("read backup {name}"), error);

        let found = self.archive_size(name).await?;
        if found != expected.size_bytes {
            return Err(damaged(Damage::Size {
                expected: expected.size_bytes,
                found,
            }));
        }

        let mut steps = unpack(self.read(name, 0).await?);
        let mut uncompressed_bytes = 0;
        let (size_bytes, sha256) = loop {
            match steps.recv().await {
                Some(Ok(Unpacked::Plain {
                    bytes,
                    archive_bytes,
                })) => {
                    uncompressed_bytes += bytes.len() as u64;
                    progress(archive_bytes);
                }
                Some(Ok(Unpacked::End {
                    archive_bytes,
                    sha256,
                })) => break (archive_bytes, sha256),
                Some(Err(UnpackError::Decompression { at, source })) => {
                    return Err(damaged(Damage::Decompression { at, source }));
                }
                Some(Err(UnpackError::Read(source))) => return Err(unavailable(source)),
                None => {
                    let cut = std::io::Error::other("the decompressing thread ended early");
                    return Err(unavailable(cut));
                }
            }
        };
        progress(size_bytes);

        if sha256 != expected.sha256 {
            return Err(damaged(Damage::Digest {
                expected: expected.sha256.clone(),
                found: sha256,
            }));
        }
        if uncompressed_bytes != expected.uncompressed_bytes {
            return Err(damaged(Damage::UncompressedSize {
                expected: expected.uncompressed_bytes,
                found: uncompressed_bytes,
            }));
        }
        Ok(ArchiveSummary {
            size_bytes,
            sha256,
            uncompressed_bytes,
        })
    }
}
