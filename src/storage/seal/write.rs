//! Encryption of a stream in memory.

use std::{
    fmt,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use age::{EncryptError, Encryptor, stream::StreamWriter};
use bytes::Bytes;

use super::{Recipients, SealError};

/// What age encrypts at once. It keeps back up to as many bytes.
const CHUNK_BYTES: usize = 64 * 1024;
/// What each chunk grows by.
const TAG_BYTES: usize = 16;

/// Encrypts a stream: plain pieces of any size go in, encrypted ones come out. Between calls it keeps 64 KiB.
pub struct Sealer {
    writer: StreamWriter<Outlet>,
    outlet: Outlet,
}

impl Sealer {
    /// Begins a stream that each of the recipients can read alone.
    pub fn new(recipients: &Recipients) -> Result<Self, SealError> {
        let encryptor = Encryptor::with_recipients(recipients.keys()).map_err(cause)?;
        let outlet = Outlet::default();
        let writer = encryptor
            .wrap_output(outlet.clone())
            .map_err(SealError::Encrypt)?;
        Ok(Self { writer, outlet })
    }

    /// Encrypts more bytes; gives what is ready of the stream, which may be nothing.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Bytes, SealError> {
        let chunks = plain.len() / CHUNK_BYTES + 1;
        self.outlet.reserve(chunks * (CHUNK_BYTES + TAG_BYTES));
        self.writer.write_all(plain).map_err(SealError::Encrypt)?;
        Ok(self.outlet.take())
    }

    /// Ends the stream; gives its rest. A stream that is not ended cannot be read to its end.
    pub fn finish(self) -> Result<Bytes, SealError> {
        self.writer.finish().map_err(SealError::Encrypt)?;
        Ok(self.outlet.take())
    }
}

fn cause(error: EncryptError) -> SealError {
    SealError::Encrypt(match error {
        EncryptError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    })
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}

/// Where age writes to and the sealer takes from: age gives no access to the writer that it holds. Never contended.
#[derive(Clone, Default)]
struct Outlet(Arc<Mutex<Vec<u8>>>);

impl Outlet {
    fn reserve(&self, additional: usize) {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready.reserve(additional);
    }

    fn take(&self) -> Bytes {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *ready).into()
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
