//! ListBackups and GetBackup: the stores describe themselves; nothing is read from anywhere else.

use crate::{
    model::{
        backup::{BackupName, Manifest, StoredBackup},
        failure::Failure,
        operation::Outcome,
        page::Page,
    },
    ops::{context::Context, daemon::Daemon},
    storage::{StoreFailure, Unreadable},
};

/// A page of backups.
#[derive(Debug)]
pub struct Backups {
    /// The backups, newest first by completion time.
    pub backups: Vec<StoredBackup>,
    /// Token of the next page.
    pub next: Option<String>,
    /// Manifests that could not be read, with the reason each.
    pub unreadable: Vec<Unreadable>,
    /// Stores that could not be listed.
    pub failures: Vec<StoreFailure>,
}

/// Lists the backups in the stores; of one managed database, or of all; in one store, or in any (an empty name).
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: Option<&str>,
    store: &str,
    page: &Page,
) -> Result<Backups, Failure> {
    context.authorize()?;
    if !store.is_empty() {
        daemon.backups.get(store)?;
    }
    let mut listing = daemon.list_backups().await?;
    let is_wanted = |name: &str| store.is_empty() || name == store;
    listing.backups.retain(|backup| {
        database.is_none_or(|name| backup.manifest.database == name)
            && backup.stores.iter().any(|name| is_wanted(name))
    });
    listing
        .unreadable
        .retain(|unreadable| is_wanted(&unreadable.store));
    listing.failures.retain(|failure| is_wanted(&failure.store));
    let (backups, next) = page.cut(listing.backups, |backup| {
        backup.manifest.filename.as_str().to_owned()
    })?;
    Ok(Backups {
        backups,
        next,
        unreadable: listing.unreadable,
        failures: listing.failures,
    })
}

/// One backup.
pub async fn get(
    daemon: &Daemon,
    context: &Context,
    filename: &str,
) -> Result<StoredBackup, Failure> {
    context.authorize()?;
    let name = BackupName::parse(filename)?;
    let (manifest, stores) = daemon.stored_backup(&name).await?;
    Ok(StoredBackup { manifest, stores })
}

/// The backup of that name, checked against the stores' own listings.
pub async fn find(daemon: &Daemon, filename: &str) -> Result<Manifest, Failure> {
    let name = BackupName::parse(filename)?;
    Ok(daemon.stored_backup(&name).await?.0)
}

/// What an operation that made, received or read a backup gives: the backup as it is in the stores now.
pub(super) async fn outcome(daemon: &Daemon, backup: Manifest) -> Result<Outcome, Failure> {
    let (manifest, stores) = daemon.stored_backup(&backup.filename).await?;
    let told = StoredBackup { manifest, stores }.told();
    Ok(Outcome::Backup(Box::new(told)))
}
