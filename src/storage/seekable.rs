//! An archive as a file that is read on a blocking thread, from any place: for what decrypts, and for pg_dump's custom
//! format.

use std::{
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt as _,
};

use bytes::Bytes;
use object_store::{GetResultPayload, ObjectStoreExt as _};
use tokio::runtime::Handle;

use super::{StorageError, Store, store::Place};
use crate::model::backup::BackupName;

/// Bytes that are fetched at once.
const BUFFER_BYTES: u64 = 1024 * 1024;

/// An archive that is read from any place. Only for threads that may block, never for tasks.
#[derive(Debug)]
pub struct SeekableArchive {
    source: Source,
    size: u64,
    position: u64,
    /// What was fetched last, and where it begins.
    buffer: Bytes,
    buffer_start: u64,
}

#[derive(Debug)]
enum Source {
    File(std::fs::File),
    Bucket {
        store: Store,
        name: BackupName,
        version: Option<String>,
        runtime: Handle,
    },
}

impl Store {
    /// Opens an archive for reading from any place.
    pub async fn seekable(&self, name: &BackupName) -> Result<SeekableArchive, StorageError> {
        let (source, size) = match &self.place {
            Place::Directory(_) => {
                let found = self
                    .objects
                    .get(&self.archive_location(name))
                    .await
                    .map_err(|error| self.of_backup(name, "read", error))?;
                let size = found.meta.size;
                match found.payload {
                    GetResultPayload::File(file, _) => (Source::File(file), size),
                    GetResultPayload::Stream(_) => {
                        let error = io::Error::from(io::ErrorKind::Unsupported);
                        return Err(self.failed(format!("read backup {name}"), error));
                    }
                }
            }
            Place::Bucket(_) => {
                let about = self.archive_about(name).await?;
                let source = Source::Bucket {
                    store: self.clone(),
                    name: name.clone(),
                    version: about.e_tag,
                    runtime: Handle::current(),
                };
                (source, about.size)
            }
        };
        Ok(SeekableArchive {
            source,
            size,
            position: 0,
            buffer: Bytes::new(),
            buffer_start: 0,
        })
    }
}

impl SeekableArchive {
    /// The archive's size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What of the buffer lies at the position and behind it; empty when it must be filled.
    fn buffered(&self) -> &[u8] {
        let skipped = self.position.checked_sub(self.buffer_start);
        skipped
            .and_then(|skipped| self.buffer.get(usize::try_from(skipped).ok()?..))
            .unwrap_or_default()
    }

    fn fetch(&self) -> io::Result<Bytes> {
        let range = self.position..(self.position + BUFFER_BYTES).min(self.size);
        match &self.source {
            Source::File(file) => {
                let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
                file.read_exact_at(&mut bytes, range.start)?;
                Ok(bytes.into())
            }
            Source::Bucket {
                store,
                name,
                version,
                runtime,
            } => runtime
                .block_on(store.get_range(name, range, version.clone()))
                .map_err(io::Error::other),
        }
    }
}

impl Read for SeekableArchive {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if target.is_empty() || self.position >= self.size {
            return Ok(0);
        }
        if self.buffered().is_empty() {
            self.buffer = self.fetch()?;
            self.buffer_start = self.position;
        }
        let read = Read::read(&mut self.buffered(), target)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for SeekableArchive {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a position before the archive's beginning",
            )
        })?;
        Ok(self.position)
    }
}
