//! Backup stores: where archives and their manifests lie. `ops` calls in; nothing here knows SQL or gRPC.
//!
//! [`Stores`] are all that are configured: the primary, where backups are made, those that get copies, and others. A
//! [`Store`] is one: a directory, or a bucket of an S3 service, each behind `object_store`. Names reach a store only as
//! a `BackupName`, so no path of a caller's does.
//!
//! - `upload`: bytes in, as they are to lie there, to an archive that is visible only when whole ([`ArchiveUpload`]).
//! - `read`, `seekable`: an archive from an offset, by ranges, or as a file; `unpack`: the SQL in one.
//! - `digest`: an archive compared with its manifest. `copy`: from one store to another.
//! - `marker`, `sweep`: what a killed daemon left.
//! - `list`: what is there, also what something else put there.
//!
//! The order that makes it safe: a marker `<name>.partial`, created only where none is; the archive, staged and
//! renamed or completed as one; the manifest, created only where none is; then the marker goes. A backup exists when
//! its manifest does, an archive without a manifest is another tool's unless its marker stands, and so a crash at any
//! point leaves nothing that is listed. Removal goes the same way back.

mod bucket;
mod copy;
mod digest;
mod directory;
mod error;
mod list;
mod manifests;
mod marker;
mod parts;
mod read;
mod seal;
mod seekable;
mod store;
mod stores;
mod sweep;
mod unpack;
mod upload;

pub use bucket::BucketSettings;
pub use error::{Damage, StorageError};
pub use list::{StoreListing, Unreadable};
pub use marker::Marker;
pub use read::ArchiveReader;
pub use seal::{Identities, Recipients, SealError, Sealer, Unsealer, seal_text, unseal_text};
pub use seekable::SeekableArchive;
pub use store::Store;
pub use stores::{Listing, StoreFailure, Stores};
pub use unpack::PlainReader;
pub use upload::ArchiveUpload;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// What the bytes of an archive amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// Size of the archive in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the archive, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A digest as 64 lower-case hexadecimal digits, as `sha256sum` prints it.
pub fn hexadecimal(hasher: Sha256) -> String {
    format!("{:x}", Bytes::copy_from_slice(&hasher.finalize()))
}
