//! DownloadBackup: opens an archive for streaming. The reading and sending is paced by the receiver.

use super::list::find;
use crate::{
    model::{
        backup::Manifest,
        failure::{Failure, Kind},
    },
    ops::{audited, context::Context, daemon::Daemon},
    storage::ArchiveReader,
};

/// An archive that is open at an offset.
pub struct Download {
    /// What is streamed.
    pub manifest: Manifest,
    /// The first byte that is read.
    pub offset: u64,
    /// The bytes.
    pub reader: ArchiveReader,
}

/// Opens an archive. An offset needs the digest of the file whose first part the caller has, so that a download is never
/// resumed across two different files (lessons B17).
pub async fn open(
    daemon: &Daemon,
    context: &Context,
    filename: &str,
    offset: i64,
    sha256: &str,
) -> Result<Download, Failure> {
    audited::immediate(daemon, context, None, async {
        let offset = u64::try_from(offset)
            .map_err(|_| Failure::invalid_field("offset", "must not be negative"))?;
        let manifest = find(daemon, filename).await?;
        if offset > 0 && sha256.is_empty() {
            return Err(Failure::invalid_field(
                "sha256",
                "must be given with an offset: the digest from the header of the download that is resumed",
            ));
        }
        if !sha256.is_empty() && sha256 != manifest.sha256 {
            return Err(Failure::new(
                Kind::FailedPrecondition,
                "BACKUP_CHANGED",
                format!("{filename} has another digest than the one given"),
            )
            .with_hint("start the download again from offset 0"));
        }
        if offset > manifest.size_bytes {
            return Err(Failure::new(
                Kind::OutOfRange,
                "OFFSET_PAST_END",
                format!(
                    "offset {offset} is past the end of {filename}, which has {} bytes",
                    manifest.size_bytes
                ),
            ));
        }
        let reader = daemon.backups.read(&manifest.filename, offset).await?;
        Ok(Download {
            manifest,
            offset,
            reader,
        })
    })
    .await
}
