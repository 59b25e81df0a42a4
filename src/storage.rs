//! Backup stores: where archives and their manifests lie. `ops` calls in; nothing here knows SQL or gRPC.
//!
//! A [`Store`] stands on an `object_store`, today always a local directory; another kind of store is another
//! `object_store` behind the same type. Names reach a store only as a `BackupName`, so no path of a caller's does.
//!
//! - `write`: plain bytes in, through gzip and SHA-256, to an archive that is visible only when whole ([`ArchiveWriter`]).
//! - `unpack`: one pass over an archive: SHA-256, gzip to the end, plain bytes out.
//! - `verify`: that pass, compared with the manifest; restores read by the same pass ([`Store::decompressed`]).
//! - `sweep`: what a killed daemon left.
//!
//! What is visible: an archive is staged as `name#1`, fsynced, renamed, and its directory fsynced; then the manifest the
//! same way. A backup exists when its manifest does, so a crash at any point leaves nothing that is listed as good.
//! Compression, decompression and hashing run on tokio's blocking threads, joined to the async side by short channels:
//! memory stays flat, and the slower side holds back the other.

mod error;
mod seal;
mod store;
mod sweep;
mod unpack;
mod verify;
mod write;

pub use error::{Damage, StorageError};
pub use seal::{Identities, Recipients, SealError, Sealer, Unsealer, seal_text, unseal_text};
pub use store::{ArchiveReader, Listing, Store, Unreadable};
pub use unpack::PlainReader;
pub use write::ArchiveWriter;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// What the bytes of an archive amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// Size of the archive in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the archive, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Size of the decompressed bytes.
    pub uncompressed_bytes: u64,
}

/// A digest as 64 lower-case hexadecimal digits, as `sha256sum` prints it.
pub fn hexadecimal(hasher: Sha256) -> String {
    format!("{:x}", Bytes::copy_from_slice(&hasher.finalize()))
}

#[cfg(test)]
mod tests;
