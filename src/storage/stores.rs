//! All stores together: what is a backup over all of them, and which store is read.
//!
//! A store that does not answer hides nothing of the others: once one has answered, the rest have a short time left.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::{Marker, StorageError, Store, Unreadable};
use crate::model::{
    backup::{BackupName, Manifest, StoredBackup},
    failure::Failure,
};

/// How long the other stores have once one has answered.
const GRACE: Duration = Duration::from_secs(10);

/// The configured stores. Clones are the same.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The primary, then those for copies, then others.
    all: Arc<[Store]>,
    copies: usize,
}

/// All backups of all stores.
#[derive(Debug, Default)]
pub struct Listing {
    /// The good ones and other tools' archives, newest first by completion time. Their contents are left out, but for the
    /// number of large objects.
    pub backups: Vec<StoredBackup>,
    /// What cannot be used, by name.
    pub unreadable: Vec<Unreadable>,
    /// The stores that could not be listed.
    pub failures: Vec<StoreFailure>,
}

/// A store that could not be listed.
#[derive(Clone, Debug)]
pub struct StoreFailure {
    /// The store's name.
    pub store: String,
    /// Why.
    pub failure: Failure,
}

impl Listing {
    /// The backups without where they lie.
    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.backups.iter().map(|backup| &backup.manifest)
    }
}

impl Stores {
    /// Puts stores together: where backups are made, where copies go, and what is only read and cleared of old backups.
    pub fn new(primary: Store, copies: Vec<Store>, others: Vec<Store>) -> Self {
        let count = copies.len();
        let all = [primary].into_iter().chain(copies).chain(others);
        Self {
            all: all.collect(),
            copies: count,
        }
    }

    /// Where backups are made.
    pub fn primary(&self) -> &Store {
        &self.all[0]
    }

    /// The stores that get a copy of each backup.
    pub fn copies(&self) -> &[Store] {
        &self.all[1..=self.copies]
    }

    /// All of them, the primary first.
    pub fn all(&self) -> &[Store] {
        &self.all
    }

    /// The store of that name.
    pub fn get(&self, name: &str) -> Result<&Store, StorageError> {
        self.all
            .iter()
            .find(|store| store.name() == name)
            .ok_or_else(|| StorageError::NoSuchStore {
                name: name.to_owned(),
                known: self
                    .all
                    .iter()
                    .map(Store::name)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// All backups. The same name with the same digest in several stores is one. It fails only when no store can be
    /// listed; a store that cannot stands in the listing's failures.
    pub async fn list(&self) -> Result<Listing, StorageError> {
        let answers = self.ask_all("list the backups", Store::list).await;
        if answers.iter().all(|(_, answer)| answer.is_err()) {
            // There is at least the primary.
            return match answers.into_iter().next() {
                Some((_, Err(error))) => Err(error),
                _ => Ok(Listing::default()),
            };
        }
        let mut listing = Listing::default();
        let mut found: Vec<(&Store, Manifest)> = Vec::new();
        for (store, answer) in answers {
            match answer {
                Ok(one) => {
                    found.extend(one.manifests.into_iter().map(|manifest| (store, manifest)));
                    listing.unreadable.extend(one.unreadable);
                }
                Err(error) => listing.failures.push(StoreFailure {
                    store: store.name().to_owned(),
                    failure: error.into(),
                }),
            }
        }
        // Stable: of one name, the stores keep their order.
        found.sort_by(|a, b| a.1.filename.cmp(&b.1.filename));
        for same in found.chunk_by(|a, b| a.1.filename == b.1.filename) {
            if let Some(backup) = merge(same, &mut listing.unreadable) {
                listing.backups.push(backup);
            }
        }
        let age = |backup: &StoredBackup| {
            let manifest = &backup.manifest;
            (manifest.complete_time, manifest.filename.clone())
        };
        listing
            .backups
            .sort_by_key(|backup| std::cmp::Reverse(age(backup)));
        listing
            .unreadable
            .sort_by(|a, b| a.filename.cmp(&b.filename));
        Ok(listing)
    }

    /// One backup, and the stores that hold it.
    pub async fn manifest(
        &self,
        name: &BackupName,
    ) -> Result<(Manifest, Vec<String>), StorageError> {
        let answers = self
            .ask_all("look up a backup", |store| store.manifest(name))
            .await;
        let (mut found, mut worst) = (Vec::new(), None);
        for (store, answer) in answers {
            match answer {
                Ok(manifest) => found.push((store, manifest)),
                Err(error) if error.is_not_found() => {}
                Err(error) => worst = worst.or(Some(error)),
            }
        }
        match merge(&found, &mut Vec::new()) {
            Some(backup) => Ok((backup.manifest, backup.stores)),
            None => Err(worst.unwrap_or_else(|| StorageError::NotFound(name.clone()))),
        }
    }

    /// The store to read a backup from: the named one, or, for an empty name, the first that holds it.
    pub async fn holder(&self, name: &BackupName, wanted: &str) -> Result<&Store, StorageError> {
        if wanted.is_empty() {
            let (_, stores) = self.manifest(name).await?;
            return match stores.first() {
                Some(first) => self.get(first),
                None => Err(StorageError::NotFound(name.clone())),
            };
        }
        let store = self.get(wanted)?;
        match store.manifest(name).await {
            Ok(_) => Ok(store),
            Err(StorageError::NotFound(name)) => Err(StorageError::NotInStore {
                name,
                store: wanted.to_owned(),
            }),
            Err(error) => Err(error),
        }
    }

    /// Changes the manifest in every store that holds the backup. A store that cannot be written to is logged, unless
    /// none can.
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<(), StorageError> {
        let answers = self
            .ask_all("write a manifest", |store| store.put_manifest(manifest))
            .await;
        let is_written = answers.iter().any(|(_, answer)| answer.is_ok());
        let mut worst = None;
        for (store, answer) in answers {
            match answer {
                Err(error) if !error.is_not_found() => {
                    if is_written {
                        let failure = Failure::from(error);
                        tracing::warn!(store = store.name(), backup = %manifest.filename, %failure,
                            "a store has kept the manifest as it was");
                    } else {
                        worst = worst.or(Some(error));
                    }
                }
                _ => {}
            }
        }
        if is_written {
            return Ok(());
        }
        Err(worst.unwrap_or_else(|| StorageError::NotFound(manifest.filename.clone())))
    }

    /// Removes a backup from every store that holds it, the primary last: where a store does not answer, the backup stays
    /// listed and can be removed again. That nobody uses it is the caller's to see to.
    pub async fn delete(&self, name: &BackupName) -> Result<(), StorageError> {
        let mut is_removed = false;
        for store in self.all.iter().rev() {
            match store.delete(name).await {
                Ok(()) => is_removed = true,
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        if is_removed {
            return Ok(());
        }
        Err(StorageError::NotFound(name.clone()))
    }

    /// Removes from every store what is left of a backup that was not made to its end. All stores are tried.
    pub async fn sweep(&self, name: &BackupName) -> Result<Vec<String>, StorageError> {
        let mut removed = Vec::new();
        let mut worst = None;
        for (_, answer) in self.ask_all("sweep", |store| store.sweep(name)).await {
            match answer {
                Ok(files) => removed.extend(files),
                Err(error) => worst = worst.or(Some(error)),
            }
        }
        worst.map_or(Ok(removed), Err)
    }

    /// The markers of all stores that answer; the others are logged.
    pub async fn markers(&self) -> Vec<Marker> {
        let mut markers = Vec::new();
        for (store, answer) in self.ask_all("look for markers", Store::markers).await {
            match answer {
                Ok(found) => markers.extend(found),
                Err(error) => {
                    let failure = Failure::from(error);
                    tracing::warn!(store = store.name(), %failure, "could not look for what is left in a store");
                }
            }
        }
        markers
    }

    /// Asks all stores at once; the answers come in the stores' order.
    async fn ask_all<'a, T, Asking>(
        &'a self,
        action: &str,
        ask: impl Fn(&'a Store) -> Asking,
    ) -> Vec<(&'a Store, Result<T, StorageError>)>
    where
        Asking: Future<Output = Result<T, StorageError>>,
    {
        let mut asked: FuturesUnordered<_> = self
            .all
            .iter()
            .enumerate()
            .map(|(place, store)| {
                let asking = ask(store);
                async move { (place, asking.await) }
            })
            .collect();
        let mut answers: Vec<Option<Result<T, StorageError>>> =
            self.all.iter().map(|_| None).collect();
        while let Some((place, answer)) = asked.next().await {
            let has_answer = answer.is_ok();
            answers[place] = Some(answer);
            if has_answer {
                break;
            }
        }
        let rest = async {
            while let Some((place, answer)) = asked.next().await {
                answers[place] = Some(answer);
            }
        };
        // Whoever has not answered by then is told of below.
        let _ = tokio::time::timeout(GRACE, rest).await;
        let late = |store: &Store| {
            let waited = format!("it did not answer within {GRACE:?} of the others");
            Err(store.failed(action, waited))
        };
        self.all
            .iter()
            .zip(answers)
            .map(|(store, answer)| (store, answer.unwrap_or_else(|| late(store))))
            .collect()
    }
}

/// One backup of what the stores have under one name: the first good one, with the stores that have the same. What is
/// damaged, or other bytes, in one store while another has it whole is unreadable there.
fn merge(same: &[(&Store, Manifest)], unreadable: &mut Vec<Unreadable>) -> Option<StoredBackup> {
    let chosen = same
        .iter()
        .find(|(_, manifest)| manifest.is_good())
        .or(same.first())?;
    let mut stores = Vec::new();
    for (store, manifest) in same {
        let reason =
            if manifest.sha256 != chosen.1.sha256 || manifest.size_bytes != chosen.1.size_bytes {
                format!(
                    "it is another archive than that of the same name in store {:?}",
                    chosen.0.name()
                )
            } else if let Some(damage) = &manifest.damage
                && chosen.1.is_good()
            {
                format!("it was found damaged: {}", damage.message)
            } else {
                stores.push(store.name().to_owned());
                continue;
            };
        unreadable.push(Unreadable {
            store: store.name().to_owned(),
            filename: manifest.filename.clone(),
            reason,
        });
    }
    Some(StoredBackup {
        manifest: chosen.1.clone(),
        stores,
    })
}
