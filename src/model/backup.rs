//! Backups as values: the name of an archive, and the manifest that lies beside it.
//!
//! An archive is one file in a store; its manifest is the same name with `.json` behind it. The manifest is written
//! last, and only a backup that has one exists. `ops` fills a [`Manifest`], `storage` keeps it, and listing, retention,
//! download and restore go by what it says, never by file times or by the order of names.

mod content_hash;
mod contents;
mod filename;
mod manifest;
mod signature;
mod stored;

pub use content_hash::{ContentHash, RowHasher, RowSum};
pub use contents::{
    Block, Contents, DatabaseGrant, DatabaseProperties, DatabaseSetting, Extension, LargeObjects,
    Membership, RoleDefinition, TableContents,
};
pub use filename::{ArchiveFormat, BackupName, InvalidBackupName};
pub use manifest::{
    BackupKind, FORMAT_VERSION, FoundDamage, Manifest, ManifestError, StoredContents, Verification,
    VerificationLevel,
};
pub use signature::{HEAD_BYTES, Signature, sniff};
pub use stored::StoredBackup;
