//! The sending side of an upload as its operation sees it: bytes until their end, which must come, and must come in time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::{
    model::{
        backup::HEAD_BYTES,
        failure::{Failure, Kind},
    },
    storage::hexadecimal,
};

/// What comes from the caller.
#[derive(Debug)]
pub enum Incoming {
    /// The archive's next bytes.
    Bytes(Bytes),
    /// All was sent. A channel that closes without this is a caller who went away.
    End,
}

/// All that a caller sent.
#[derive(Debug)]
pub(super) struct Received {
    /// How much.
    pub(super) bytes: u64,
    /// Its SHA-256.
    pub(super) sha256: String,
}

/// The bytes of an upload.
#[derive(Debug)]
pub(super) struct Source {
    incoming: mpsc::Receiver<Incoming>,
    /// Zero for no limit.
    stall_timeout: Duration,
    announced_bytes: Option<u64>,
    received: u64,
    hasher: Sha256,
    ended: bool,
}

impl Source {
    pub(super) fn new(
        incoming: mpsc::Receiver<Incoming>,
        stall_timeout: Duration,
        announced_bytes: Option<u64>,
    ) -> Self {
        Self {
            incoming,
            stall_timeout,
            announced_bytes,
            received: 0,
            hasher: Sha256::new(),
            ended: false,
        }
    }

    /// How much has come.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Enough of the first bytes to know what they are, or all there are.
    pub(super) async fn head(&mut self) -> Result<Bytes, Failure> {
        let mut head = BytesMut::new();
        while head.len() < HEAD_BYTES {
            match self.next().await? {
                Some(bytes) => head.extend_from_slice(&bytes),
                None => break,
            }
        }
        Ok(head.freeze())
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let incoming = if self.stall_timeout.is_zero() {
            self.incoming.recv().await
        } else {
            tokio::time::timeout(self.stall_timeout, self.incoming.recv())
                .await
                .map_err(|_| stalled(self.stall_timeout))?
        };
        match incoming {
            None => Err(Failure::new(
                Kind::Cancelled,
                "CALLER_GONE",
                "the caller went away before the archive's end",
            )),
            Some(Incoming::End) => {
                self.ended = true;
                Ok(None)
            }
            Some(Incoming::Bytes(bytes)) => {
                self.received += bytes.len() as u64;
                if let Some(announced) = self.announced_bytes
                    && self.received > announced
                {
                    return Err(mismatch(format!(
                        "more bytes arrived than the {announced} that the header says"
                    )));
                }
                self.hasher.update(&bytes);
                Ok(Some(bytes))
            }
        }
    }

    /// What has come in all, once it has come to its end.
    pub(super) fn end(&mut self) -> Result<Received, Failure> {
        if let Some(announced) = self.announced_bytes
            && self.received != announced
        {
            return Err(mismatch(format!(
                "{} bytes arrived, the header says {announced}",
                self.received
            )));
        }
        Ok(Received {
            bytes: self.received,
            sha256: hexadecimal(std::mem::take(&mut self.hasher)),
        })
    }
}

/// What arrived is not what was announced.
pub(super) fn mismatch(message: String) -> Failure {
    Failure::new(Kind::InvalidArgument, "UPLOAD_MISMATCH", message)
        .with_hint("nothing was kept; send the file again")
}

fn stalled(waited: Duration) -> Failure {
    Failure::new(
        Kind::DeadlineExceeded,
        "UPLOAD_STALLED",
        format!("no bytes arrived for {waited:?}"),
    )
    .with_hint("nothing was kept; send the file again, or raise backup.stall_timeout")
}
