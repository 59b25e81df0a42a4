//! Reading an archive: from an offset to its end, or by ranges.
//!
//! A directory gives its open file, which outlives the file's name. A bucket is read by ranges, each a request of its own
//! that is made again when it fails, and all of the same object: a receiver may take hours without holding a connection.

use std::{io, io::SeekFrom, ops::Range, pin::Pin};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, BufReader};
use tokio_util::io::StreamReader;

use super::{PlainReader, StorageError, Store, store::Place, unpack};
use crate::model::backup::{ArchiveFormat, BackupName};

/// Bytes per read of an archive, unless the caller's buffer is larger.
pub(super) const READ_BYTES: usize = 256 * 1024;
/// Bytes of a range that is asked of a bucket.
const RANGE_BYTES: u64 = 4 * 1024 * 1024;
/// Ranges that are asked for at once.
const RANGES_AT_ONCE: usize = 3;

/// The bytes of an archive from an offset on. From a directory it stays readable when the backup is removed meanwhile;
/// from a bucket it does not, so whoever reads keeps the backup from being removed.
pub type ArchiveReader = BufReader<Pin<Box<dyn AsyncRead + Send>>>;

impl Store {
    /// Opens an archive at `offset`; at its very end there is nothing to read.
    pub async fn read(
        &self,
        name: &BackupName,
        offset: u64,
    ) -> Result<ArchiveReader, StorageError> {
        let about = self.archive_about(name).await?;
        if offset > about.size {
            return Err(StorageError::PastEnd {
                name: name.clone(),
                offset,
                size_bytes: about.size,
            });
        }
        let bytes: Pin<Box<dyn AsyncRead + Send>> = if offset == about.size {
            // A range that begins at the end is none, for an object store.
            Box::pin(tokio::io::empty())
        } else {
            match &self.place {
                Place::Directory(_) => Box::pin(self.open_file(name, offset).await?),
                Place::Bucket(_) => Box::pin(self.ranges(name, offset..about.size, about.e_tag)),
            }
        };
        Ok(BufReader::with_capacity(READ_BYTES, bytes))
    }

    /// The open file itself: `object_store`'s own stream has chunks of 8 KiB.
    async fn open_file(
        &self,
        name: &BackupName,
        offset: u64,
    ) -> Result<impl AsyncRead + Send + use<>, StorageError> {
        let failed = |error| self.failed(format!("read backup {name}"), error);
        let options = GetOptions::new().with_range(Some(GetRange::Offset(offset)));
        let found = self
            .objects
            .get_opts(&self.archive_location(name), options)
            .await
            .map_err(|error| self.of_backup(name, "read", error))?;
        let GetResultPayload::File(file, _) = found.payload else {
            return Err(failed(io::Error::from(io::ErrorKind::Unsupported)));
        };
        let mut file = tokio::fs::File::from_std(file);
        file.seek(SeekFrom::Start(found.range.start))
            .await
            .map_err(failed)?;
        Ok(file.take(found.range.end - found.range.start))
    }

    /// Range after range, the next asked for while one is read. An error of the store is inside of the reader's.
    fn ranges(
        &self,
        name: &BackupName,
        whole: Range<u64>,
        version: Option<String>,
    ) -> impl AsyncRead + Send + use<> {
        let (store, name) = (self.clone(), name.clone());
        let starts = (whole.start..whole.end).step_by(usize::try_from(RANGE_BYTES).unwrap_or(1));
        let pieces = stream::iter(starts)
            .map(move |start| {
                let range = start..(start + RANGE_BYTES).min(whole.end);
                let (store, name, version) = (store.clone(), name.clone(), version.clone());
                async move { store.get_range(&name, range, version).await }
            })
            .buffered(RANGES_AT_ONCE)
            .map_err(io::Error::other);
        StreamReader::new(pieces)
    }

    /// A range of an archive, of some MiB at most, for it is held in memory. It must lie within the archive.
    pub async fn read_range(
        &self,
        name: &BackupName,
        range: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.get_range(name, range, None).await
    }

    /// A range, of the object of that version alone where one is named.
    pub(super) async fn get_range(
        &self,
        name: &BackupName,
        range: Range<u64>,
        version: Option<String>,
    ) -> Result<Bytes, StorageError> {
        let length = range.end - range.start;
        let mut options = GetOptions::new().with_range(Some(GetRange::Bounded(range)));
        options.if_match = version;
        let location = self.archive_location(name);
        let read = async {
            self.objects
                .get_opts(&location, options)
                .await?
                .bytes()
                .await
        };
        let bytes = read
            .await
            .map_err(|error| self.of_backup(name, "read", error))?;
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        let cut = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the archive ends within the range",
        );
        Err(self.failed(format!("read backup {name}"), cut))
    }

    /// The SQL in an archive, decompressed as its name says. Reading ends without an error only when the archive was sound
    /// to its end; a reader that is dropped ends the work.
    pub async fn decompressed(&self, name: &BackupName) -> Result<PlainReader, StorageError> {
        if name.is_encrypted() || name.format() == ArchiveFormat::Custom {
            return Err(StorageError::NotSql(name.clone()));
        }
        Ok(unpack::plain(self.read(name, 0).await?, name.format()))
    }
}
