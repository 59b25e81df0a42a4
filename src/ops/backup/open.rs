//! Archives opened for their contents: what the manifest knows of them, and their parts in plain bytes, wherever they lie and
//! whether they are encrypted or not.
//!
//! Reading, decrypting and decompressing is the work of a blocking thread, which hands plain bytes over through a short
//! channel; several readers of one archive do not know of each other.

use std::{
    io::{self, BufReader, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};

use crate::{
    archive::{BlockError, BlockReader, decoder},
    model::{
        backup::{ArchiveFormat, Block, Contents, Manifest, StoredContents},
        failure::{Classified, Failure, Kind},
    },
    ops::daemon::Daemon,
    storage::{SeekableArchive, Store, Unsealer, unseal_text},
};

/// Plain bytes that are handed over at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that may wait for their taker.
const WAITING: usize = 4;
/// Packed bytes that are read at a time.
const READ_BYTES: usize = 256 * 1024;

/// What is in an archive, if pgsteward made it. Those of an encrypted one can be read with an identity only.
pub fn contents(daemon: &Daemon, manifest: &Manifest) -> Result<Option<Contents>, Failure> {
    match &manifest.contents {
        None => Ok(None),
        Some(StoredContents::Open(contents)) => Ok(Some(contents.as_ref().clone())),
        Some(StoredContents::Sealed(sealed)) => {
            let identities = daemon.settings.backup.identities.as_ref();
            let identities = identities.ok_or_else(|| no_identity(manifest))?;
            let json = unseal_text(sealed, identities)?;
            let contents = serde_json::from_slice(&json).map_err(|error| {
                Failure::new(
                    Kind::DataLoss,
                    "MANIFEST_DAMAGED",
                    format!(
                        "the contents in the manifest of {} cannot be read: {error}",
                        manifest.filename
                    ),
                )
            })?;
            Ok(Some(contents))
        }
    }
}

fn no_identity(manifest: &Manifest) -> Failure {
    Failure::new(
        Kind::FailedPrecondition,
        "NO_IDENTITY",
        format!(
            "{} is encrypted, and the daemon has no identity",
            manifest.filename
        ),
    )
    .with_hint(
        "set backup.identity_file to a file with one of the identities that it is encrypted for",
    )
}

/// An archive that reads from any place, decrypted.
pub struct OpenArchive {
    name: String,
    format: ArchiveFormat,
    /// The size of the file in the store.
    stored_bytes: u64,
    store_failed: Arc<AtomicBool>,
    bytes: Box<dyn ReadSeek>,
}

trait ReadSeek: Read + Seek + Send {}

impl<R: Read + Seek + Send> ReadSeek for R {}

impl OpenArchive {
    /// Opens a backup's archive in a store.
    pub async fn open(
        daemon: &Daemon,
        store: &Store,
        manifest: &Manifest,
    ) -> Result<Self, Failure> {
        let name = &manifest.filename;
        let store_failed = Arc::new(AtomicBool::new(false));
        let archive = store.seekable(name).await?;
        let stored_bytes = archive.size();
        let archive = FromStore {
            archive,
            has_failed: Arc::clone(&store_failed),
        };
        let bytes: Box<dyn ReadSeek> = if name.is_encrypted() {
            let identities = daemon.settings.backup.identities.clone();
            let identities = identities.ok_or_else(|| no_identity(manifest))?;
            let opened = spawn_blocking(move || Unsealer::open(archive, &identities)).await;
            Box::new(opened.map_err(|error| ended_early(name.as_str(), &error))??)
        } else {
            Box::new(archive)
        };
        Ok(Self {
            name: name.to_string(),
            format: name.format(),
            stored_bytes,
            store_failed,
            bytes,
        })
    }

    /// The size of the file in the store.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// The plain bytes of a part that holds whole members; of some MB at most.
    pub async fn text(self, range: (u64, u64)) -> Result<(Self, Vec<u8>), Failure> {
        let mut parts = self.part(range);
        let mut text = Vec::new();
        while let Some(chunk) = parts.next().await {
            text.extend_from_slice(&chunk);
        }
        Ok((parts.finish().await?, text))
    }

    /// The rows of a block of this statement; large objects' pages have none.
    pub fn block(self, block: &Block, statement: Option<&str>) -> BlockRows {
        BlockRows {
            part: self.part((block.offset, block.length)),
            reader: BlockReader::new(statement),
            offset: block.offset,
        }
    }

    /// The plain bytes of a part that holds whole members.
    pub fn part(self, (offset, length): (u64, u64)) -> Part {
        let format = self.format;
        self.begin(offset, Some(length), format)
    }

    /// The decrypted bytes of a part, as they are packed.
    pub fn packed_part(self, (offset, length): (u64, u64)) -> Part {
        // What is not decompressed is read like plain SQL.
        self.begin(offset, Some(length), ArchiveFormat::Sql)
    }

    /// The plain bytes of the whole archive.
    pub fn whole(self) -> Part {
        let format = self.format;
        self.begin(0, None, format)
    }

    /// The decrypted bytes of the whole archive, as they are packed.
    pub fn packed_whole(self) -> Part {
        self.begin(0, None, ArchiveFormat::Sql)
    }

    fn begin(self, offset: u64, length: Option<u64>, format: ArchiveFormat) -> Part {
        let (sender, chunks) = mpsc::channel(WAITING);
        let name = self.name.clone();
        let reading = spawn_blocking(move || self.read(offset, length, format, &sender));
        Part {
            name,
            chunks,
            reading,
        }
    }

    fn read(
        mut self,
        offset: u64,
        length: Option<u64>,
        format: ArchiveFormat,
        taker: &mpsc::Sender<Bytes>,
    ) -> Result<Self, ReadError> {
        let outcome = (|| {
            let size = self.bytes.seek(SeekFrom::End(0))?;
            let length = length.unwrap_or(size.saturating_sub(offset));
            if offset.saturating_add(length) > size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.bytes.seek(SeekFrom::Start(offset))?;
            let packed = (&mut self.bytes).take(length);
            let mut plain = decoder(format, BufReader::with_capacity(READ_BYTES, packed))?;
            loop {
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                let count = plain
                    .by_ref()
                    .take(CHUNK_BYTES as u64)
                    .read_to_end(&mut chunk)?;
                // Who takes no more has what it wants.
                if count == 0 || taker.blocking_send(chunk.into()).is_err() {
                    return Ok(());
                }
            }
        })();
        match outcome {
            Ok(()) => Ok(self),
            Err(source) => Err(ReadError {
                name: self.name,
                offset,
                store_failed: self.store_failed.load(Ordering::Relaxed),
                source,
            }),
        }
    }
}

/// A part of an archive that is being read.
pub struct Part {
    name: String,
    chunks: mpsc::Receiver<Bytes>,
    reading: JoinHandle<Result<OpenArchive, ReadError>>,
}

impl Part {
    /// The next plain bytes; none at the end or at an error, which [`Part::finish`] tells apart.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.chunks.recv().await
    }

    /// The archive, once the part was read to its end without an error.
    pub async fn finish(self) -> Result<OpenArchive, Failure> {
        drop(self.chunks);
        let read = self.reading.await;
        Ok(read.map_err(|error| ended_early(&self.name, &error))??)
    }
}

fn ended_early(name: &str, error: &tokio::task::JoinError) -> Failure {
    Failure::new(
        Kind::Internal,
        "READING_ENDED",
        format!("the reading of {name} ended early: {error}"),
    )
}

/// The rows of a block, checked for what stands around them.
pub struct BlockRows {
    part: Part,
    reader: BlockReader,
    offset: u64,
}

impl BlockRows {
    /// The next rows, cut anywhere; none at the end or at an error, which [`BlockRows::finish`] tells apart.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(chunk) = self.part.next().await {
            let rows = self.reader.push(&chunk);
            let rows = rows.map_err(|error| damaged(&self.part.name, self.offset, &error))?;
            if !rows.is_empty() {
                return Ok(Some(rows.into()));
            }
        }
        Ok(None)
    }

    /// The archive, once the block was read to its end and is whole.
    pub async fn finish(self) -> Result<OpenArchive, Failure> {
        // That the bytes could not be read says more than that the block is not whole.
        let archive = self.part.finish().await?;
        let ended = self.reader.finish();
        ended.map_err(|error| damaged(&archive.name, self.offset, &error))?;
        Ok(archive)
    }
}

fn damaged(name: &str, offset: u64, error: &BlockError) -> Failure {
    Failure::new(
        Kind::DataLoss,
        "BACKUP_DAMAGED",
        format!("{name} is damaged at byte {offset}: {error}"),
    )
}

/// A part of an archive that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {name} from byte {offset} on")]
pub struct ReadError {
    name: String,
    offset: u64,
    /// Whether the store failed. Where not, its bytes are not what they should be.
    store_failed: bool,
    source: io::Error,
}

impl Classified for ReadError {
    fn kind(&self) -> Kind {
        if self.store_failed {
            Kind::Unavailable
        } else {
            Kind::DataLoss
        }
    }

    fn reason(&self) -> &'static str {
        if self.store_failed {
            "STORE_UNAVAILABLE"
        } else {
            "BACKUP_DAMAGED"
        }
    }
}

/// The archive as the store gives it. It notes when the store fails, to tell that from bytes that are no archive.
struct FromStore {
    archive: SeekableArchive,
    has_failed: Arc<AtomicBool>,
}

impl FromStore {
    fn note<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        // A file that ends early is damaged.
        if let Err(error) = &outcome
            && error.kind() != io::ErrorKind::UnexpectedEof
        {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        outcome
    }
}

impl Read for FromStore {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.archive.read(buffer);
        self.note(read)
    }
}

impl Seek for FromStore {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let sought = self.archive.seek(position);
        self.note(sought)
    }
}
