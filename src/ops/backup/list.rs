//! ListBackups and GetBackup: the store describes itself; nothing is read from anywhere else.

use crate::{
    model::{
        backup::{BackupName, Manifest},
        failure::Failure,
        page::Page,
    },
    ops::{context::Context, daemon::Daemon},
    storage::Unreadable,
};

/// A page of backups.
#[derive(Debug)]
pub struct Backups {
    /// The backups, newest first by completion time.
    pub manifests: Vec<Manifest>,
    /// Token of the next page.
    pub next: Option<String>,
    /// Manifests that could not be read, with the reason each.
    pub unreadable: Vec<Unreadable>,
}

/// Lists the backups in the store; of one managed database, or of all.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    database: Option<&str>,
    page: &Page,
) -> Result<Backups, Failure> {
    context.authorize()?;
    let listing = daemon.backups.list_manifests().await?;
    let wanted = listing
        .manifests
        .into_iter()
        .filter(|manifest| database.is_none_or(|name| manifest.database == name))
        .collect();
    let (manifests, next) = page.cut(wanted, |manifest| manifest.filename.as_str().to_owned())?;
    Ok(Backups {
        manifests,
        next,
        unreadable: listing.unreadable,
    })
}

/// One backup.
pub async fn get(daemon: &Daemon, context: &Context, filename: &str) -> Result<Manifest, Failure> {
    context.authorize()?;
    find(daemon, filename).await
}

/// The backup of that name, checked against the store's own listing.
pub async fn find(daemon: &Daemon, filename: &str) -> Result<Manifest, Failure> {
    let name = BackupName::parse(filename)?;
    Ok(daemon.backups.manifest(&name).await?)
}
