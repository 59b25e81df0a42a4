//! What can go wrong with a store, told apart by what a caller can do about it: a name that is not there, bytes that
//! are not what they were, a full disk, and everything else that a working disk would not do.

use std::{error::Error, io};

use crate::model::{
    backup::{BackupName, ManifestError},
    failure::{Classified, Kind},
};

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No manifest, or no archive, of that name.
    #[error("backup {0} is not in the store")]
    NotFound(BackupName),
    /// An archive or manifest of that name is there already.
    #[error("backup {0} is in the store already")]
    AlreadyExists(BackupName),
    /// There is a manifest, and it cannot be used.
    #[error("the manifest of backup {name} cannot be used")]
    Manifest {
        /// The backup.
        name: BackupName,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The archive is not what its manifest says.
    #[error("backup {name} is damaged")]
    Damaged {
        /// The backup.
        name: BackupName,
        /// How.
        #[source]
        damage: Damage,
    },
    /// A read was to begin behind the archive's end.
    #[error("offset {offset} is past the end of backup {name}, which has {size_bytes} bytes")]
    PastEnd {
        /// The backup.
        name: BackupName,
        /// The offset that was asked for.
        offset: u64,
        /// The archive's size.
        size_bytes: u64,
    },
    /// No space, or no quota, is left.
    #[error("cannot {action}: the store is full")]
    Full {
        /// What was being done, e.g. `write backup app_20261122T020000Z.sql.gz`.
        action: String,
        /// The store's own words.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store did not do what it was asked for.
    #[error("cannot {action}")]
    Unavailable {
        /// What was being done.
        action: String,
        /// The store's own words.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// How an archive differs from its manifest.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// There is a manifest and no archive.
    #[error("the archive is missing")]
    Missing,
    /// The manifest is that of another archive.
    #[error("its manifest is that of {found}")]
    OtherBackup {
        /// The archive that the manifest names.
        found: BackupName,
    },
    /// Cut off, or longer than it was.
    #[error("the archive has {found} bytes, its manifest says {expected}")]
    Size {
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Other bytes of the same number.
    #[error("the archive has SHA-256 {found}, its manifest says {expected}")]
    Digest {
        /// The manifest's.
        expected: String,
        /// The archive's.
        found: String,
    },
    /// Not gzip from its beginning to its end.
    #[error("the archive does not decompress at byte {at}")]
    Decompression {
        /// Compressed bytes before the failure.
        at: u64,
        /// The decoder's own words.
        #[source]
        source: io::Error,
    },
    /// Sound gzip of other contents.
    #[error("the archive decompresses to {found} bytes, its manifest says {expected}")]
    UncompressedSize {
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
}

impl StorageError {
    /// A failure of the store itself, while it was to `action`: full, or unavailable.
    pub(super) fn failed(
        action: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let (action, source) = (action.into(), source.into());
        if is_full(source.as_ref()) {
            Self::Full { action, source }
        } else {
            Self::Unavailable { action, source }
        }
    }

    /// As [`StorageError::failed`], where a missing object means that the backup `name` is not there.
    pub(super) fn of_backup(name: &BackupName, action: &str, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => Self::NotFound(name.clone()),
            source => Self::failed(format!("{action} backup {name}"), source),
        }
    }

    pub(super) fn damaged(name: &BackupName, damage: Damage) -> Self {
        Self::Damaged {
            name: name.clone(),
            damage,
        }
    }
}

/// True when an I/O error anywhere among the causes says that space or quota is used up.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ) {
                return true;
            }
            // An I/O error that wraps another error counts that one as itself, and names only the next as its source.
            if let Some(inner) = error.get_ref()
                && is_full(inner)
            {
                return true;
            }
        }
        cause = error.source();
    }
    false
}

impl Classified for StorageError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) => Kind::NotFound,
            Self::AlreadyExists(_) => Kind::AlreadyExists,
            Self::Manifest { source, .. } => source.kind(),
            Self::Damaged { .. } => Kind::DataLoss,
            Self::PastEnd { .. } => Kind::OutOfRange,
            Self::Full { .. } => Kind::ResourceExhausted,
            Self::Unavailable { .. } => Kind::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "BACKUP_NOT_FOUND",
            Self::AlreadyExists(_) => "BACKUP_EXISTS",
            Self::Manifest { source, .. } => source.reason(),
            Self::Damaged { .. } => "BACKUP_DAMAGED",
            Self::PastEnd { .. } => "OFFSET_PAST_END",
            Self::Full { .. } => "STORE_FULL",
            Self::Unavailable { .. } => "STORE_UNAVAILABLE",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Manifest { source, .. } => source.hint(),
            Self::Full { .. } => Some("free space in the store, or give it more".to_owned()),
            Self::Damaged { .. } => {
                Some("use another backup, and check the disk that this one lies on".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::failure::Failure;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_full_disk_is_told_from_other_failures_however_deep_it_lies() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let generic = |source: io::Error| object_store::Error::Generic {
            store: "test",
            source: Box::new(Outer(source)),
        };
        let full_ones: [Box<dyn Error + Send + Sync>; 5] = [
            Box::new(full()),
            Box::new(io::Error::from(io::ErrorKind::QuotaExceeded)),
            Box::new(Outer(full())),
            Box::new(generic(full())),
            Box::new(io::Error::other(generic(io::Error::other(full())))),
        ];
        for source in full_ones {
            let error = StorageError::failed("write backup x", source);
            assert_eq!(error.kind(), Kind::ResourceExhausted);
            assert_eq!(error.reason(), "STORE_FULL");
        }
        let error = StorageError::failed(
            "write backup x",
            generic(io::Error::from(io::ErrorKind::PermissionDenied)),
        );
        assert_eq!(error.reason(), "STORE_UNAVAILABLE");
    }

    #[test]
    fn a_damaged_backup_says_how_in_its_one_line() {
        let name = BackupName::parse("app_20261122T020000Z.sql.gz").unwrap();
        let error = StorageError::damaged(
            &name,
            Damage::Size {
                expected: 10,
                found: 9,
            },
        );
        assert_eq!(
            Failure::from(error).message,
            "backup app_20261122T020000Z.sql.gz is damaged: the archive has 9 bytes, its manifest says 10"
        );
    }
}
