//! ListBackups and GetBackup: the stores describe themselves; nothing is read from anywhere else.

use crate::{
    model::{
        backup::{BackupName, Manifest, StoredBackup},
        failure::Failure,
        operation::Outcome,
        page::Page,
        permission::{Reach, Scope},
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

/// Lists the backups in the stores; of one managed database, or of all that the caller may see; in one store, or in any (an empty name).
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: Option<&str>,
    store: &str,
    page: &Page,
) -> Result<Backups, Failure> {
    let reach = context.reach_of(database)?;
    if !store.is_empty() {
        daemon.backups.get(store)?;
    }
    let mut listing = daemon.list_backups().await?;
    let is_wanted = |name: &str| store.is_empty() || name == store;
    listing.backups.retain(|backup| {
        reach.includes(&backup.manifest.database)
            && backup.stores.iter().any(|name| is_wanted(name))
    });
    // Whose a manifest is that cannot be read is not known.
    let sees_all = context.principal.rights.reach(context.method.role()) == Reach::Everything;
    listing
        .unreadable
        .retain(|unreadable| sees_all && is_wanted(&unreadable.store));
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
    context.authorize(&Scope::Any)?;
    let name = BackupName::parse(filename)?;
    let found = daemon.stored_backup(&name).await;
    let known = found.as_ref().ok();
    let database = known.map(|(manifest, _)| manifest.database.clone());
    context.authorize(&Scope::Thing(database))?;
    let (manifest, stores) = found?;
    Ok(StoredBackup { manifest, stores })
}

/// The backup of that name, to be read by a call that is about another database too. A principal that may not make the call
/// about the backup's own database is refused, so that nobody reads a backup by restoring it somewhere else.
pub async fn find_authorized(
    daemon: &Daemon,
    context: &Context,
    filename: &str,
) -> Result<Manifest, Failure> {
    context.authorize(&daemon.scope_of_backup(filename).await)?;
    find(daemon, filename).await
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
