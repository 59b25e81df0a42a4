//! Decryption of a stream, from its beginning to its end or at any place of it.

use std::{
    fmt,
    io::{self, BufReader, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use age::{DecryptError, Decryptor, stream::StreamReader};

use super::{Identities, SealError};

/// No header is longer: room for more recipients than [`Recipients`](super::Recipients) takes. Without a bound, bytes that
/// only begin like a header would be read into memory to their end, and again for every line.
const LONGEST_HEADER: u64 = 16 * 1024;
/// For the header, which is read line by line. What follows is read in larger pieces, past the buffer.
const HEADER_BUFFER: usize = 4 * 1024;

/// The plain bytes of an encrypted stream. It reads as far as the source does, and seeks where the source can.
///
/// Nothing that was not checked comes out. That the stream is whole shows at its end, or when it is first sought in or
/// asked for its [`length`](Unsealer::length). The errors that it gives as a reader are [`SealError`]s
/// ([`SealError::of_reader`]); after the first one it gives nothing more.
pub struct Unsealer<R> {
    stream: StreamReader<BufReader<Source<R>>>,
    /// Where the next read begins, in plain bytes.
    position: u64,
    /// How many plain bytes there are, once that was looked for.
    length: Option<u64>,
    broken: bool,
}

impl<R: Read> Unsealer<R> {
    /// Begins to decrypt: reads the header, and finds the identity that it is encrypted for.
    pub fn open(source: R, identities: &Identities) -> Result<Self, SealError> {
        let in_header = Arc::new(AtomicBool::new(true));
        let source = Source {
            inner: source,
            in_header: Arc::clone(&in_header),
            header_bytes: 0,
        };
        let source = BufReader::with_capacity(HEADER_BUFFER, source);
        let stream = Decryptor::new_buffered(source)
            .and_then(|decryptor| decryptor.decrypt(identities.keys()))
            .map_err(cause)?;
        in_header.store(false, Ordering::Relaxed);
        Ok(Self {
            stream,
            position: 0,
            length: None,
            broken: false,
        })
    }

    /// After an error age's reader is in no state to go on.
    fn checked<T>(
        &mut self,
        deed: impl FnOnce(&mut StreamReader<BufReader<Source<R>>>) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.broken {
            return Err(SealError::Damaged("it was read before, with an error").into_io());
        }
        deed(&mut self.stream).map_err(|error| {
            self.broken = true;
            stream_cause(error).into_io()
        })
    }
}

impl<R: Read + Seek> Unsealer<R> {
    /// The number of plain bytes. Decrypts the stream's end, which only the whole stream has.
    pub fn length(&mut self) -> io::Result<u64> {
        if let Some(length) = self.length {
            return Ok(length);
        }
        let position = self.position;
        let length = self.checked(|stream| {
            let length = stream.seek(SeekFrom::End(0))?;
            stream.seek(SeekFrom::Start(position))?;
            Ok(length)
        })?;
        self.length = Some(length);
        Ok(length)
    }
}

impl<R: Read> Read for Unsealer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // At the end age's reader has nothing to say of an empty buffer; elsewhere it would decrypt for it.
        if buffer.is_empty() {
            return Ok(0);
        }
        // Past the end there is nothing, as in a file; age's reader must never be led there.
        if self.length.is_some_and(|length| self.position >= length) {
            return Ok(0);
        }
        let count = self.checked(|stream| stream.read(buffer))?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Unsealer<R> {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let length = self.length()?;
        let target = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        if target < length {
            self.checked(|stream| stream.seek(SeekFrom::Start(target)))?;
        }
        self.position = target;
        Ok(target)
    }
}

impl<R> fmt::Debug for Unsealer<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Unsealer")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Where the encrypted bytes come from. Its own errors are marked, so that a store that fails is not taken for damage.
struct Source<R> {
    inner: R,
    in_header: Arc<AtomicBool>,
    header_bytes: u64,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let in_header = self.in_header.load(Ordering::Relaxed);
        if in_header && self.header_bytes > LONGEST_HEADER {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let count = self.inner.read(buffer).map_err(mark)?;
        if in_header {
            self.header_bytes += count as u64;
        }
        Ok(count)
    }
}

impl<R: Seek> Seek for Source<R> {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.inner.seek(target).map_err(mark)
    }
}

fn mark(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted {
        return error;
    }
    SealError::Read(error).into_io()
}

/// Why a stream cannot be opened.
fn cause(error: DecryptError) -> SealError {
    match error {
        DecryptError::Io(error) => stream_cause(error),
        // A passphrase's file is none of ours to read either.
        DecryptError::NoMatchingKeys
        | DecryptError::KeyDecryptionFailed
        | DecryptError::ExcessiveWork { .. } => SealError::NoMatchingIdentity,
        DecryptError::DecryptionFailed | DecryptError::InvalidMac => {
            SealError::Damaged("its header is not what it was")
        }
        _ => SealError::Damaged("it does not begin with a header of age"),
    }
}

/// Why a stream cannot be read on: the source's own error, or else what age has found.
fn stream_cause(error: io::Error) -> SealError {
    let kind = error.kind();
    error.downcast().unwrap_or(match kind {
        io::ErrorKind::UnexpectedEof => SealError::Damaged("it ends too early"),
        _ => SealError::Damaged("a part is not what it was"),
    })
}
