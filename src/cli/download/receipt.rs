//! The rules of a download's stream, without any input or output: header, chunks, trailer, and the digest of the whole.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::DownloadError;
use crate::proto::{DownloadHeader, DownloadTrailer};

/// What an earlier call has left: its length and the state of its digest.
#[derive(Clone, Debug, Default)]
pub(super) struct Prior {
    pub(super) length: u64,
    pub(super) digest: Sha256,
}

/// What has arrived so far.
#[derive(Debug)]
pub(super) struct Receipt {
    header: DownloadHeader,
    digest: Sha256,
    /// Bytes there, those of earlier calls included.
    length: u64,
    /// Bytes of this stream.
    received: u64,
    /// The digest of this stream's bytes, once the trailer told it.
    trailer: Option<String>,
}

impl Receipt {
    /// Begins with the header.
    pub(super) fn new(header: DownloadHeader, prior: Prior) -> Result<Self, DownloadError> {
        if u64::try_from(header.offset) != Ok(prior.length) {
            return Err(DownloadError::OutOfOrder(
                "it does not begin where it was asked to",
            ));
        }
        Ok(Self {
            header,
            digest: prior.digest,
            length: prior.length,
            received: 0,
            trailer: None,
        })
    }

    /// What the daemon calls it.
    pub(super) fn filename(&self) -> &str {
        &self.header.filename
    }

    /// What was streamed. Of what the daemon made on the way, size and digest are those of what arrived.
    pub(super) fn into_header(self) -> DownloadHeader {
        let mut header = self.header;
        if header.sha256.is_empty() {
            header.sha256 = self.trailer.unwrap_or_default();
            header.size_bytes = i64::try_from(self.length).unwrap_or(i64::MAX);
        }
        header
    }

    /// Takes the next bytes.
    pub(super) fn chunk(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        if self.trailer.is_some() {
            return Err(DownloadError::OutOfOrder("a chunk follows the trailer"));
        }
        self.digest.update(bytes);
        self.received += bytes.len() as u64;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Takes the trailer. Its digest is compared where the header had none; elsewhere the whole archive's covers the same
    /// bytes.
    pub(super) fn trailer(&mut self, trailer: &DownloadTrailer) -> Result<(), DownloadError> {
        if self.trailer.is_some() {
            return Err(DownloadError::OutOfOrder("there are two trailers"));
        }
        if u64::try_from(trailer.sent_bytes) != Ok(self.received) {
            return Err(DownloadError::OutOfOrder(
                "the trailer counts other bytes than arrived",
            ));
        }
        self.trailer = Some(trailer.sha256.clone());
        Ok(())
    }

    /// Checks the whole, at the end of the stream.
    pub(super) fn check(&self) -> Result<(), DownloadError> {
        let Some(trailer) = &self.trailer else {
            return Err(DownloadError::Cut(self.length));
        };
        let expected = if self.header.sha256.is_empty() {
            trailer
        } else {
            &self.header.sha256
        };
        let actual = hexadecimal(&self.digest.clone().finalize());
        if actual == *expected {
            Ok(())
        } else {
            Err(DownloadError::Digest {
                expected: expected.clone(),
                actual,
            })
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// `printf 'hello world' | sha256sum`
    const HELLO_WORLD: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

    fn header(offset: i64) -> DownloadHeader {
        DownloadHeader {
            filename: "app_1.sql.gz".to_owned(),
            size_bytes: 11,
            sha256: HELLO_WORLD.to_owned(),
            offset,
        }
    }

    fn trailer(sent_bytes: i64) -> DownloadTrailer {
        DownloadTrailer {
            sha256: String::new(),
            sent_bytes,
        }
    }

    fn prior(bytes: &[u8]) -> Prior {
        Prior {
            length: bytes.len() as u64,
            digest: Sha256::new_with_prefix(bytes),
        }
    }

    #[test]
    fn a_whole_download_is_accepted_after_its_trailer() {
        let mut receipt = Receipt::new(header(0), Prior::default()).unwrap();
        receipt.chunk(b"hello ").unwrap();
        receipt.chunk(b"world").unwrap();
        assert!(matches!(receipt.check(), Err(DownloadError::Cut(11))));
        receipt.trailer(&trailer(11)).unwrap();
        receipt.check().unwrap();
    }

    #[test]
    fn a_resumed_download_is_checked_as_a_whole() {
        let mut receipt = Receipt::new(header(6), prior(b"hello ")).unwrap();
        receipt.chunk(b"world").unwrap();
        receipt.trailer(&trailer(5)).unwrap();
        receipt.check().unwrap();
    }

    #[test]
    fn a_partial_file_of_something_else_is_found_out() {
        let mut receipt = Receipt::new(header(6), prior(b"HELLO ")).unwrap();
        receipt.chunk(b"world").unwrap();
        receipt.trailer(&trailer(5)).unwrap();
        assert!(matches!(
            receipt.check(),
            Err(DownloadError::Digest { expected, .. }) if expected == HELLO_WORLD
        ));
    }

    #[test]
    fn what_is_made_on_the_way_is_checked_by_the_digest_in_the_trailer() {
        let made = || {
            let header = DownloadHeader {
                size_bytes: 0,
                sha256: String::new(),
                ..header(0)
            };
            let mut receipt = Receipt::new(header, Prior::default()).unwrap();
            receipt.chunk(b"hello world").unwrap();
            receipt
        };
        let ended = |sha256: &str| DownloadTrailer {
            sha256: sha256.to_owned(),
            sent_bytes: 11,
        };
        let mut right = made();
        right.trailer(&ended(HELLO_WORLD)).unwrap();
        right.check().unwrap();
        let header = right.into_header();
        assert_eq!(
            (header.size_bytes, header.sha256.as_str()),
            (11, HELLO_WORLD)
        );
        let mut wrong = made();
        wrong.trailer(&ended("")).unwrap();
        assert!(matches!(wrong.check(), Err(DownloadError::Digest { .. })));
    }

    #[test]
    fn a_stream_that_begins_elsewhere_is_refused() {
        assert!(Receipt::new(header(0), prior(b"hello ")).is_err());
        assert!(Receipt::new(header(-1), Prior::default()).is_err());
    }

    #[test]
    fn a_trailer_that_counts_other_bytes_is_refused() {
        let mut receipt = Receipt::new(header(0), Prior::default()).unwrap();
        receipt.chunk(b"hello").unwrap();
        assert!(receipt.trailer(&trailer(11)).is_err());
    }

    #[test]
    fn nothing_may_follow_the_trailer() {
        let mut receipt = Receipt::new(header(0), Prior::default()).unwrap();
        receipt.trailer(&trailer(0)).unwrap();
        assert!(receipt.chunk(b"x").is_err());
        assert!(receipt.trailer(&trailer(0)).is_err());
    }
}
