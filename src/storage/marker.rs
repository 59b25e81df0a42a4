//! Markers: `<archive>.partial`, which stands while an archive is being made, copied or removed.
//!
//! It is created where none is, by a conditional put, so of two that want one name only one goes on. It says whose it is,
//! whether an archive was begun, and on S3 the upload's id, so that whoever finds it can clear up after a daemon that is
//! dead. An archive beside a marker is not listed.

use chrono::{DateTime, Utc};
use object_store::{ObjectStoreExt as _, PutMode, PutOptions};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{StorageError, Store};
use crate::model::backup::BackupName;

/// What a marker's name has behind the archive's.
const SUFFIX: &str = ".partial";

/// What is in a marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// The operation; nil for what is no operation.
    pub(super) operation_id: Uuid,
    /// Made for this one marker, to know it again.
    pub(super) token: Uuid,
    /// When it was made.
    pub(super) time: DateTime<Utc>,
    /// Whether the archive beside it is its own, and may be removed with it.
    pub(super) owns_archive: bool,
    /// The upload that is open on S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload_id: Option<String>,
}

impl Claim {
    pub(super) fn new(operation: Uuid) -> Self {
        Self {
            operation_id: operation,
            token: Uuid::new_v4(),
            time: Utc::now(),
            owns_archive: false,
            upload_id: None,
        }
    }
}

/// A marker that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The store that it stands in.
    pub store: String,
    /// The archive that it stands beside.
    pub filename: BackupName,
    /// The operation that made it; none where no operation did, or where it cannot be read.
    pub operation: Option<Uuid>,
    /// Since when it stands.
    pub time: DateTime<Utc>,
}

pub(super) fn file_name(name: &BackupName) -> String {
    format!("{name}{SUFFIX}")
}

/// The archive's name when `text` is the name of a marker.
pub(super) fn archive_of(text: &str) -> Option<BackupName> {
    BackupName::parse(text.strip_suffix(SUFFIX)?).ok()
}

impl Store {
    /// Sets a marker where none stands.
    pub(super) async fn claim(&self, name: &BackupName, claim: &Claim) -> Result<(), StorageError> {
        match self.put_claim(name, claim, PutMode::Create).await {
            Ok(()) => self.keep_private(name).await,
            Err(object_store::Error::AlreadyExists { .. }) => {
                // A connection that broke may have hidden that the first try came through.
                match self.read_claim(name).await? {
                    Some(standing) if standing.token == claim.token => Ok(()),
                    _ => Err(StorageError::AlreadyExists(name.clone())),
                }
            }
            Err(error) => Err(self.of_backup(name, "mark", error)),
        }
    }

    /// Replaces a marker of our own.
    pub(super) async fn update_claim(
        &self,
        name: &BackupName,
        claim: &Claim,
    ) -> Result<(), StorageError> {
        self.put_claim(name, claim, PutMode::Overwrite)
            .await
            .map_err(|error| self.of_backup(name, "mark", error))?;
        self.keep_private(name).await
    }

    async fn put_claim(
        &self,
        name: &BackupName,
        claim: &Claim,
        mode: PutMode,
    ) -> object_store::Result<()> {
        let bytes = serde_json::to_vec(claim).map_err(|error| object_store::Error::Generic {
            store: "marker",
            source: error.into(),
        })?;
        let location = self.location(&file_name(name));
        let options = PutOptions::from(mode);
        self.objects
            .put_opts(&location, bytes.into(), options)
            .await
            .map(drop)
    }

    /// The marker beside an archive. One that cannot be read owns nothing.
    pub(super) async fn read_claim(
        &self,
        name: &BackupName,
    ) -> Result<Option<Claim>, StorageError> {
        let location = self.location(&file_name(name));
        let read = async { self.objects.get(&location).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).unwrap_or(Claim {
                operation_id: Uuid::nil(),
                token: Uuid::nil(),
                time: DateTime::UNIX_EPOCH,
                owns_archive: false,
                upload_id: None,
            }))),
            Err(error) => match self.of_backup(name, "look at the marker of", error) {
                StorageError::NotFound(_) => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Takes a marker away, if one stands.
    pub(super) async fn unmark(&self, name: &BackupName) -> Result<bool, StorageError> {
        match self.remove(&self.location(&file_name(name))).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.of_backup(name, "remove the marker of", error)),
        }
    }

    /// All markers in the store.
    pub async fn markers(&self) -> Result<Vec<Marker>, StorageError> {
        let mut markers = Vec::new();
        for entry in self.entries().await? {
            let Some(name) = archive_of(&entry.name) else {
                continue;
            };
            let Some(claim) = self.read_claim(&name).await? else {
                continue;
            };
            let is_read = !claim.token.is_nil();
            markers.push(Marker {
                store: self.name().to_owned(),
                filename: name,
                operation: Some(claim.operation_id).filter(|id| !id.is_nil()),
                time: if is_read { claim.time } else { entry.modified },
            });
        }
        Ok(markers)
    }
}
