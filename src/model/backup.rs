//! Backups as values: the name of an archive, and the manifest that lies beside it.
//!
//! An archive is one file in a store; its manifest is the same name with `.json` behind it. The manifest is written
//! last, and only a backup that has one exists. `ops` fills a [`Manifest`], `storage` keeps it, and listing, retention,
//! download and restore go by what it says, never by file times or by the order of names.

mod filename;
mod manifest;

pub use filename::{BackupName, InvalidBackupName};
pub use manifest::{
    BackupKind, COMPRESSION_GZIP, FORMAT_VERSION, FoundDamage, Manifest, ManifestError, TableRows,
    Verification, VerificationLevel,
};
