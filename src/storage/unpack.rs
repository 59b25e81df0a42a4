//! One pass over an archive, on a blocking thread: read, hash, decompress, hand out.
//!
//! Verification and restore both read by this pass, so what was verified is what a restore will see. The thread pulls
//! from the archive and pushes into a short channel; it ends when the archive does, at the first error, or when the
//! receiver is dropped. The last message says that the end was reached: a channel that closes without it was cut off.

use std::{
    io::{self, BufRead, Read},
    pin::Pin,
};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use futures_util::stream;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    runtime::Handle,
    sync::mpsc,
    task::spawn_blocking,
};
use tokio_util::io::StreamReader;

use super::{
    hexadecimal,
    store::{ArchiveReader, READ_BYTES},
};

/// Plain bytes per message.
const PLAIN_BYTES: usize = 256 * 1024;
/// Messages that may wait for the receiver.
const WAITING: usize = 4;

/// The decompressed bytes of an archive.
pub type PlainReader = Pin<Box<dyn AsyncRead + Send>>;

/// What the pass tells as it goes.
pub(super) enum Unpacked {
    /// The next plain bytes, and how many bytes of the archive were read for all so far.
    Plain { bytes: Bytes, archive_bytes: u64 },
    /// The archive was sound to its end.
    End { archive_bytes: u64, sha256: String },
}

/// Why the pass ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    /// The archive could not be read.
    #[error("the archive cannot be read")]
    Read(#[source] io::Error),
    /// What was read is not gzip.
    #[error("the archive does not decompress at byte {at}")]
    Decompression {
        /// Bytes of the archive before the failure.
        at: u64,
        #[source]
        source: io::Error,
    },
}

/// Starts the pass.
pub(super) fn unpack(archive: ArchiveReader) -> mpsc::Receiver<Result<Unpacked, UnpackError>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let runtime = Handle::current();
    spawn_blocking(move || {
        let mut decoder = MultiGzDecoder::new(Metered {
            archive,
            runtime,
            buffer: vec![0; READ_BYTES],
            unread: 0..0,
            hasher: Sha256::new(),
            consumed: 0,
            has_failed: false,
        });
        loop {
            let step = next(&mut decoder);
            let is_last = !matches!(step, Ok(Unpacked::Plain { .. }));
            if sender.blocking_send(step).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// The pass as a reader of the plain bytes.
pub(super) fn plain(archive: ArchiveReader) -> PlainReader {
    let steps = stream::try_unfold(unpack(archive), |mut steps| async move {
        match steps.recv().await {
            Some(Ok(Unpacked::Plain { bytes, .. })) => Ok(Some((bytes, steps))),
            Some(Ok(Unpacked::End { .. })) => Ok(None),
            Some(Err(error)) => Err(io::Error::other(error)),
            None => Err(io::Error::other("the decompressing thread ended early")),
        }
    });
    Box::pin(StreamReader::new(Box::pin(steps)))
}

fn next(decoder: &mut MultiGzDecoder<Metered>) -> Result<Unpacked, UnpackError> {
    let mut bytes = Vec::with_capacity(PLAIN_BYTES);
    let outcome = decoder
        .by_ref()
        .take(PLAIN_BYTES as u64)
        .read_to_end(&mut bytes);
    let metered = decoder.get_mut();
    match outcome {
        // The decoder ends only where the archive does, so all of it was hashed.
        Ok(0) => Ok(Unpacked::End {
            archive_bytes: metered.consumed,
            sha256: hexadecimal(std::mem::take(&mut metered.hasher)),
        }),
        Ok(_) => Ok(Unpacked::Plain {
            bytes: bytes.into(),
            archive_bytes: metered.consumed,
        }),
        Err(error) if metered.has_failed => Err(UnpackError::Read(error)),
        Err(source) => Err(UnpackError::Decompression {
            at: metered.consumed,
            source,
        }),
    }
}

/// The archive as the decoder reads it: hashed as it is read, counted as it is consumed.
struct Metered {
    archive: ArchiveReader,
    runtime: Handle,
    buffer: Vec<u8>,
    /// The part of the buffer that the decoder has not consumed.
    unread: std::ops::Range<usize>,
    hasher: Sha256,
    consumed: u64,
    /// Tells a failure of the archive's reading from one of the decoder.
    has_failed: bool,
}

impl BufRead for Metered {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unread.is_empty() {
            let read = self.runtime.block_on(self.archive.read(&mut self.buffer));
            self.has_failed = read.is_err();
            self.unread = 0..read?;
            self.hasher.update(&self.buffer[self.unread.clone()]);
        }
        Ok(&self.buffer[self.unread.clone()])
    }

    fn consume(&mut self, amount: usize) {
        self.unread.start += amount;
        self.consumed += amount as u64;
    }
}

impl Read for Metered {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let read = Read::read(&mut self.fill_buf()?, target)?;
        self.consume(read);
        Ok(read)
    }
}
