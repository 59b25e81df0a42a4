//! What can go wrong with a download on this side.

use std::{io, path::PathBuf};

use thiserror::Error;

/// What to do about a download that stopped half-way.
pub(in crate::cli) const RESUME: &str =
    "run the same command again; into a file and without --plain it goes on where it stopped";

/// Why a download is not there, though the daemon refused nothing.
#[derive(Debug, Error)]
pub(in crate::cli) enum DownloadError {
    /// The daemon does not keep to the protocol.
    #[error("the download is out of order: {0}")]
    OutOfOrder(&'static str),
    /// The stream ended before its trailer.
    #[error("the download was cut after {} bytes", .0)]
    Cut(u64),
    /// The bytes are not the archive's.
    #[error("the downloaded bytes are not the archive: its SHA-256 is {expected}, theirs {actual}")]
    Digest {
        /// What the header named.
        expected: String,
        /// What arrived.
        actual: String,
    },
    /// The archive is no gzip.
    #[error("cannot decompress the archive")]
    Decompress(#[source] io::Error),
    /// Nothing is overwritten.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// Another process writes the same partial file.
    #[error("another download writes {}", .0.display())]
    Busy(PathBuf),
    /// A local file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl DownloadError {
    /// A stable upper-case reason.
    pub(in crate::cli) fn reason(&self) -> &'static str {
        match self {
            Self::OutOfOrder(_) => "DOWNLOAD_OUT_OF_ORDER",
            Self::Cut(_) => "DOWNLOAD_CUT",
            Self::Digest { .. } => "DIGEST_MISMATCH",
            Self::Decompress(_) => "ARCHIVE_NOT_GZIP",
            Self::Exists(_) => "FILE_EXISTS",
            Self::Busy(_) => "FILE_BUSY",
            Self::Write { .. } => "LOCAL_FILE",
        }
    }

    /// What to do about it.
    pub(in crate::cli) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Cut(_) => Some(RESUME),
            Self::Digest { .. } => Some("the partial file was removed; download it again"),
            Self::Exists(_) => Some("remove it, or name another file with -o"),
            _ => None,
        }
    }
}
