//! What can go wrong with a store, told apart by what a caller can do about it: a name that is not there, bytes that
//! are not what they were, a store that is full, that refuses, or that does not answer.
//!
//! An S3 service answers with a page of XML, and its client adds the whole request to it. Of all that, [`answer`] keeps
//! what a person needs; no key and no signature is in a message.

mod answer;

use std::{error::Error, time::Duration};

use self::answer::Answer;
use crate::model::{
    backup::{BackupName, ManifestError},
    failure::{Classified, Kind},
};

/// When it is worth asking a store again that did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The words of whatever failed below.
type Source = Box<dyn Error + Send + Sync>;

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No manifest, and no archive, of that name.
    #[error("backup {0} is not in the store")]
    NotFound(BackupName),
    /// The backup is not in the one store that was named.
    #[error("backup {name} is not in store {store:?}")]
    NotInStore {
        /// The backup.
        name: BackupName,
        /// The store.
        store: String,
    },
    /// No store of that name is configured.
    #[error("no store {name:?} is configured")]
    NoSuchStore {
        /// The name that was given.
        name: String,
        /// The stores there are.
        known: String,
    },
    /// An archive, a manifest or a marker of that name is there already.
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
    /// Its archive is not SQL that is compressed as its name says, but encrypted or in pg_dump's custom format.
    #[error("backup {0} is not SQL that can be decompressed")]
    NotSql(BackupName),
    /// No space, or no quota, is left.
    #[error("cannot {action}: store {store:?} is full")]
    Full {
        /// The store's name.
        store: String,
        /// What was being done, e.g. `write backup app_20261122T020000Z.sql.gz`.
        action: String,
        /// The store's own words.
        #[source]
        source: Source,
    },
    /// The store knows us and refuses, or does not know our key.
    #[error("cannot {action}: store {store:?} refuses access")]
    Denied {
        /// The store's name.
        store: String,
        /// What was being done.
        action: String,
        /// The store's own words.
        #[source]
        source: Source,
    },
    /// The service answers, and has no bucket of that name.
    #[error("cannot {action}: the bucket of store {store:?} does not exist")]
    NoBucket {
        /// The store's name.
        store: String,
        /// What was being done.
        action: String,
        /// The store's own words.
        #[source]
        source: Source,
    },
    /// The store cannot be reached, or did not do what it was asked for.
    #[error("cannot {action} in store {store:?}")]
    Unavailable {
        /// The store's name.
        store: String,
        /// What was being done.
        action: String,
        /// The store's own words.
        #[source]
        source: Source,
    },
    /// The settings of a store do not make one.
    #[error("store {store:?} cannot be set up")]
    Settings {
        /// The store's name.
        store: String,
        /// Why.
        #[source]
        source: Source,
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
}

impl StorageError {
    /// A failure of the store itself, while it was to `action`.
    pub(super) fn failed(
        store: &str,
        action: impl Into<String>,
        source: impl Into<Source>,
    ) -> Self {
        let (store, action, source) = (store.to_owned(), action.into(), source.into());
        match answer::read(source) {
            Answer::Full(source) => Self::Full {
                store,
                action,
                source,
            },
            Answer::Denied(source) => Self::Denied {
                store,
                action,
                source,
            },
            Answer::NoBucket(source) => Self::NoBucket {
                store,
                action,
                source,
            },
            Answer::Other(source) => Self::Unavailable {
                store,
                action,
                source,
            },
        }
    }

    /// As [`StorageError::failed`], where a missing object means that the backup `name` is not there.
    pub(super) fn of_backup(
        store: &str,
        name: &BackupName,
        action: &str,
        source: object_store::Error,
    ) -> Self {
        let is_missing = matches!(source, object_store::Error::NotFound { .. });
        match Self::failed(store, format!("{action} backup {name}"), source) {
            Self::Unavailable { .. } if is_missing => Self::NotFound(name.clone()),
            error => error,
        }
    }

    pub(super) fn damaged(name: &BackupName, damage: Damage) -> Self {
        Self::Damaged {
            name: name.clone(),
            damage,
        }
    }

    /// Whether it says that there is no such backup, and nothing worse.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::NotInStore { .. })
    }
}

impl Classified for StorageError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound(_) | Self::NotInStore { .. } | Self::NoSuchStore { .. } => {
                Kind::NotFound
            }
            Self::AlreadyExists(_) => Kind::AlreadyExists,
            Self::Manifest { source, .. } => source.kind(),
            Self::Damaged { .. } => Kind::DataLoss,
            Self::PastEnd { .. } => Kind::OutOfRange,
            Self::Full { .. } => Kind::ResourceExhausted,
            Self::NotSql(_)
            | Self::Denied { .. }
            | Self::NoBucket { .. }
            | Self::Settings { .. } => Kind::FailedPrecondition,
            Self::Unavailable { .. } => Kind::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) | Self::NotInStore { .. } => "BACKUP_NOT_FOUND",
            Self::NoSuchStore { .. } => "STORE_NOT_FOUND",
            Self::AlreadyExists(_) => "BACKUP_EXISTS",
            Self::Manifest { source, .. } => source.reason(),
            Self::Damaged { .. } => "BACKUP_DAMAGED",
            Self::PastEnd { .. } => "OFFSET_PAST_END",
            Self::NotSql(_) => "BACKUP_NOT_SQL",
            Self::Full { .. } => "STORE_FULL",
            Self::Denied { .. } => "STORE_DENIED",
            Self::NoBucket { .. } => "STORE_BUCKET_MISSING",
            Self::Unavailable { .. } => "STORE_UNAVAILABLE",
            Self::Settings { .. } => "STORE_SETTINGS",
        }
    }

    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::NoSuchStore { known, .. } => return Some(format!("configured are: {known}")),
            Self::Manifest { source, .. } => return source.hint(),
            Self::Damaged { .. } => {
                "use another backup or another store's copy, and check what this one lies on"
            }
            Self::Full { .. } => "free space in the store, or give it more",
            Self::Denied { .. } => {
                "check the store's keys, and that they may list, read, write and delete below its prefix; \
                 of a directory, its owner"
            }
            Self::NoBucket { .. } => {
                "create the bucket, or correct the store's bucket, region and endpoint"
            }
            Self::Unavailable { .. } => {
                "check that the store's directory is there, or that its endpoint answers; then try again"
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { .. } => Some(RETRY_AFTER),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::failure::Failure;

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
