//! The SQL in an archive, decompressed on a blocking thread as its name says: all gzip members, or all zstd frames, after
//! one another.
//!
//! The thread pulls from the archive and pushes into a short channel; it ends when the archive does, at the first error,
//! or when the receiver is dropped. The last message says that the end was reached: a channel that closes without it was
//! cut off.

use std::{
    io::{self, BufRead, Read},
    ops::Range,
    pin::Pin,
};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use futures_util::stream;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    runtime::Handle,
    sync::mpsc,
    task::spawn_blocking,
};
use tokio_util::io::StreamReader;

use super::read::{ArchiveReader, READ_BYTES};
use crate::model::backup::ArchiveFormat;

/// Plain bytes per message.
const PLAIN_BYTES: usize = 256 * 1024;
/// Messages that may wait for the receiver.
const WAITING: usize = 4;

/// The decompressed bytes of an archive.
pub type PlainReader = Pin<Box<dyn AsyncRead + Send>>;

/// What the thread tells: the next bytes, or, empty, that the archive was sound to its end.
type Step = io::Result<Bytes>;

/// The archive's plain bytes.
pub(super) fn plain(archive: ArchiveReader, format: ArchiveFormat) -> PlainReader {
    if matches!(format, ArchiveFormat::Sql | ArchiveFormat::Custom) {
        return Box::pin(archive);
    }
    let (sender, receiver) = mpsc::channel(WAITING);
    let archive = Bridge {
        archive,
        runtime: Handle::current(),
        buffer: vec![0; READ_BYTES],
        unread: 0..0,
    };
    spawn_blocking(move || {
        if format == ArchiveFormat::Gzip {
            send(MultiGzDecoder::new(archive), &sender);
        } else {
            match zstd::stream::read::Decoder::with_buffer(archive) {
                Ok(decoder) => send(decoder, &sender),
                // The receiver is told, if it is still there.
                Err(error) => drop(sender.blocking_send(Err(error))),
            }
        }
    });
    let steps = stream::try_unfold(receiver, |mut steps| async move {
        match steps.recv().await {
            Some(Ok(bytes)) if bytes.is_empty() => Ok(None),
            Some(Ok(bytes)) => Ok(Some((bytes, steps))),
            Some(Err(error)) => Err(error),
            None => Err(io::Error::other("the decompressing thread ended early")),
        }
    });
    Box::pin(StreamReader::new(Box::pin(steps)))
}

fn send(mut decoder: impl Read, sender: &mpsc::Sender<Step>) {
    loop {
        let mut bytes = Vec::with_capacity(PLAIN_BYTES);
        let read = decoder
            .by_ref()
            .take(PLAIN_BYTES as u64)
            .read_to_end(&mut bytes);
        let is_last = !matches!(read, Ok(count) if count > 0);
        let step = read.map(|_| Bytes::from(bytes));
        if sender.blocking_send(step).is_err() || is_last {
            return;
        }
    }
}

/// The archive as a decoder on a blocking thread reads it.
struct Bridge {
    archive: ArchiveReader,
    runtime: Handle,
    buffer: Vec<u8>,
    /// The part of the buffer that the decoder has not consumed.
    unread: Range<usize>,
}

impl BufRead for Bridge {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unread.is_empty() {
            let read = self.runtime.block_on(self.archive.read(&mut self.buffer));
            self.unread = 0..read?;
        }
        Ok(&self.buffer[self.unread.clone()])
    }

    fn consume(&mut self, amount: usize) {
        self.unread.start += amount;
    }
}

impl Read for Bridge {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let read = Read::read(&mut self.fill_buf()?, target)?;
        self.consume(read);
        Ok(read)
    }
}
