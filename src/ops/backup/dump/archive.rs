//! The one writer of an archive: members come in from many, and go out in the order in which they came, encrypted on the way
//! where that is configured.

use bytes::Bytes;

use crate::{
    archive::{Codec, Packer},
    model::failure::Failure,
    storage::{ArchiveUpload, Recipients, Sealer},
};

/// Plain bytes of SQL text that become one member.
const TEXT_BYTES: usize = 1024 * 1024;

/// An archive in the making. Dropped, it leaves nothing.
pub(super) struct ArchiveWriter {
    upload: ArchiveUpload,
    sealer: Option<Sealer>,
    packer: Packer,
    /// Bytes so far, before encryption: offsets in the manifest are in these.
    position: u64,
    uncompressed_bytes: u64,
}

/// A finished archive.
pub(super) struct Written {
    pub(super) size_bytes: u64,
    pub(super) sha256: String,
    pub(super) uncompressed_bytes: u64,
}

impl ArchiveWriter {
    pub(super) fn new(
        upload: ArchiveUpload,
        codec: Codec,
        recipients: Option<&Recipients>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            upload,
            sealer: recipients.map(Sealer::new).transpose()?,
            packer: Packer::new(codec)?,
            position: 0,
            uncompressed_bytes: 0,
        })
    }

    /// Adds a member that unpacks to so many bytes; gives its offset.
    pub(super) async fn append(
        &mut self,
        member: Vec<u8>,
        uncompressed_bytes: usize,
    ) -> Result<u64, Failure> {
        let offset = self.position;
        self.position += member.len() as u64;
        self.uncompressed_bytes += uncompressed_bytes as u64;
        let bytes = match &mut self.sealer {
            None => Bytes::from(member),
            Some(sealer) => sealer.seal(&member)?,
        };
        self.upload.append(bytes).await?;
        Ok(offset)
    }

    /// Adds SQL text; gives its range.
    pub(super) async fn append_text(&mut self, text: &[u8]) -> Result<(u64, u64), Failure> {
        let offset = self.position;
        for piece in text.chunks(TEXT_BYTES) {
            let member = self.packer.pack(piece)?;
            self.append(member, piece.len()).await?;
        }
        Ok((offset, self.position - offset))
    }

    /// Ends the archive, on stable storage.
    pub(super) async fn finish(mut self) -> Result<Written, Failure> {
        if let Some(sealer) = self.sealer.take() {
            self.upload.append(sealer.finish()?).await?;
        }
        let summary = self.upload.finish().await?;
        Ok(Written {
            size_bytes: summary.size_bytes,
            sha256: summary.sha256,
            uncompressed_bytes: self.uncompressed_bytes,
        })
    }
}
