//! Listing one store: the backups in it, those that are not good, and what other tools put there.
//!
//! One list of names and sizes, and then only the manifests that are new since the last time: a store with hundreds of
//! backups is asked for a few. What such a list shows amiss is looked at once more before it is told, since the list is
//! not of one moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use uuid::Uuid;

use super::{StorageError, Store, manifests::check_size, marker, store::Place};
use crate::model::{
    backup::{BackupKind, BackupName, Contents, FORMAT_VERSION, Manifest, StoredContents},
    failure::chain,
};

/// Manifests that are asked for at once.
const AT_ONCE: usize = 8;

/// All backups of one store.
#[derive(Debug, Default)]
pub struct StoreListing {
    /// The good ones, and other tools' archives. Their contents are left out, but for the number of large objects.
    pub manifests: Vec<Manifest>,
    /// Manifests that cannot be used, or whose archive is missing or has another size.
    pub unreadable: Vec<Unreadable>,
}

/// A manifest that does not make a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The store that it lies in.
    pub store: String,
    /// The archive's name.
    pub filename: BackupName,
    /// What is wrong, in one line.
    pub reason: String,
}

/// One object as a list of names shows it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) modified: DateTime<Utc>,
    /// Changes with the object.
    pub(super) version: String,
}

/// What was read before, by object and its version.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<String, (String, Manifest)>>);

impl Known {
    fn get(&self, entry: &Entry) -> Option<Manifest> {
        let known = self.0.lock().ok()?;
        let (version, manifest) = known.get(&entry.name)?;
        (*version == entry.version).then(|| manifest.clone())
    }

    fn set(&self, entry: &Entry, manifest: &Manifest) {
        if let Ok(mut known) = self.0.lock() {
            let value = (entry.version.clone(), manifest.clone());
            known.insert(entry.name.clone(), value);
        }
    }

    fn keep_only(&self, names: &BTreeMap<String, Entry>) {
        if let Ok(mut known) = self.0.lock() {
            known.retain(|name, _| names.contains_key(name));
        }
    }
}

impl Store {
    /// All that is in the store. Files that are neither backup nor archive are passed over.
    pub async fn list(&self) -> Result<StoreListing, StorageError> {
        let entries: BTreeMap<String, Entry> = self
            .entries()
            .await?
            .into_iter()
            .map(|entry| (entry.name.clone(), entry))
            .collect();
        self.known.keep_only(&entries);
        let looks = stream::iter(names(&entries))
            .map(|name| {
                let entries = &entries;
                async move {
                    let found = self.look(&name, entries).await;
                    (name, found)
                }
            })
            .buffered(AT_ONCE);
        let looks: Vec<_> = looks.collect().await;
        let mut listing = StoreListing::default();
        for (name, found) in looks {
            match found {
                Ok(Some(manifest)) => listing.manifests.push(manifest),
                // Removed since its name was read, or being made.
                Ok(None) | Err(StorageError::NotFound(_)) => {}
                Err(error) => listing.unreadable.push(Unreadable {
                    store: self.name().to_owned(),
                    filename: name,
                    reason: chain(&error),
                }),
            }
        }
        Ok(listing)
    }

    /// All objects at the place where backups lie.
    pub(super) async fn entries(&self) -> Result<Vec<Entry>, StorageError> {
        match &self.place {
            Place::Directory(directory) => directory.entries().await,
            Place::Bucket(bucket) => bucket.entries().await,
        }
    }

    async fn look(
        &self,
        name: &BackupName,
        entries: &BTreeMap<String, Entry>,
    ) -> Result<Option<Manifest>, StorageError> {
        let archive = entries.get(name.as_str());
        let Some(entry) = entries.get(&name.manifest_name()) else {
            return match archive {
                Some(_) if entries.contains_key(&marker::file_name(name)) => Ok(None),
                Some(archive) => self.look_at_foreign(name, archive).await,
                None => Ok(None),
            };
        };
        let manifest = if let Some(manifest) = self.known.get(entry) {
            manifest
        } else {
            let manifest = without_contents(self.read_manifest(name).await?);
            self.known.set(entry, &manifest);
            manifest
        };
        if archive.is_none_or(|archive| archive.size != manifest.size_bytes) {
            check_size(&manifest, self.archive_size(name).await?)?;
        }
        Ok(Some(manifest))
    }

    async fn look_at_foreign(
        &self,
        name: &BackupName,
        archive: &Entry,
    ) -> Result<Option<Manifest>, StorageError> {
        if let Some(manifest) = self.known.get(archive) {
            return Ok(Some(manifest));
        }
        // Its marker may have gone, and its manifest come, since the list was made.
        let manifest = without_contents(self.manifest(name).await?);
        if manifest.is_foreign() {
            self.known.set(archive, &manifest);
        }
        Ok(Some(manifest))
    }

    /// The manifest that another tool's archive has not.
    pub(super) async fn foreign_manifest(
        &self,
        name: &BackupName,
    ) -> Result<Manifest, StorageError> {
        if self.read_claim(name).await?.is_some() {
            return Err(StorageError::NotFound(name.clone()));
        }
        let about = self.archive_about(name).await?;
        // In this order: what was ours had its manifest before its marker went.
        match self.stored_manifest(name).await {
            Err(StorageError::NotFound(_)) => {
                Ok(made_up(name.clone(), about.size, about.last_modified))
            }
            read => read,
        }
    }
}

/// The names that the list has archives or manifests of.
fn names(entries: &BTreeMap<String, Entry>) -> BTreeSet<BackupName> {
    entries
        .keys()
        .filter_map(|name| {
            BackupName::parse(name)
                .ok()
                .or_else(|| BackupName::of_manifest(name))
        })
        .collect()
}

/// A list of backups does not hold every table and block of each.
fn without_contents(mut manifest: Manifest) -> Manifest {
    let large_objects = manifest
        .open_contents()
        .and_then(|contents| contents.large_objects);
    manifest.contents = large_objects.map(|large_objects| {
        StoredContents::Open(Box::new(Contents {
            large_objects: Some(large_objects),
            ..Contents::default()
        }))
    });
    manifest
}

fn made_up(name: BackupName, size_bytes: u64, modified: DateTime<Utc>) -> Manifest {
    Manifest {
        format_version: FORMAT_VERSION,
        compression: name.format().compression().to_owned(),
        filename: name,
        database: String::new(),
        kind: BackupKind::Foreign,
        snapshot_time: modified,
        complete_time: modified,
        size_bytes,
        sha256: String::new(),
        uncompressed_bytes: 0,
        recipients: Vec::new(),
        server_version: String::new(),
        server_version_num: 0,
        tool_version: String::new(),
        schema_version: Vec::new(),
        table_count: 0,
        row_count: 0,
        operation_id: Uuid::nil(),
        daemon_version: String::new(),
        verifications: Vec::new(),
        damage: None,
        hold: false,
        labels: BTreeMap::new(),
        contents: None,
    }
}
