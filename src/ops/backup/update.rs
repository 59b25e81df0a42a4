//! UpdateBackup: labels and hold. And the one way in which a manifest is changed once its backup exists.
//!
//! A manifest is read, changed and written back under a lock of the control store that is the backup's own, so that no
//! daemon undoes what another one wrote at the same moment, or brings a removed backup's manifest back. Daemons that share
//! a backup store but no control store know nothing of each other's locks: there the last one to write wins.

use std::time::{Duration, Instant};

use chrono::Utc;

use crate::{
    model::{
        backup::{BackupName, Manifest, StoredBackup, VerificationLevel},
        failure::{Failure, Kind},
        labels::{self, Labels},
    },
    ops::{audited, context::Context, daemon::Daemon},
    state::backup_locks::BackupLock,
    storage::Store,
};

/// How long a change waits for another one. Each takes no longer than a write to the store.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// What is to be written on a backup.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Labels to set; others stay.
    pub labels: Labels,
    /// Keys of labels to remove.
    pub remove_labels: Vec<String>,
    /// Whether to hold it; none for as it is.
    pub hold: Option<bool>,
}

impl Marks {
    /// Writes them on a manifest. Wrong labels, or too many, are refused with the field's name.
    pub fn put_on(&self, manifest: &mut Manifest) -> Result<(), Failure> {
        manifest.labels = labels::changed(&manifest.labels, &self.labels, &self.remove_labels)?;
        if let Some(hold) = self.hold {
            manifest.hold = hold;
        }
        Ok(())
    }
}

/// Labels a backup, holds it, or lets it go.
pub async fn update(
    daemon: &Daemon,
    context: &Context,
    filename: &str,
    marks: &Marks,
) -> Result<StoredBackup, Failure> {
    let scope = daemon.scope_of_backup(filename).await;
    audited::immediate(daemon, context, &scope, async {
        let name = BackupName::parse(filename)?;
        change(daemon, &name, |manifest| marks.put_on(manifest)).await?;
        let (manifest, stores) = daemon.stored_backup(&name).await?;
        Ok(StoredBackup { manifest, stores })
    })
    .await
}

/// Changes a backup's manifest in every store that holds it, as each is at this moment; what one store's copy was found to
/// be stays with it.
pub async fn change(
    daemon: &Daemon,
    name: &BackupName,
    change: impl Fn(&mut Manifest) -> Result<(), Failure>,
) -> Result<Manifest, Failure> {
    let lock = take_turn(daemon, name).await?;
    let changed = async {
        let (mut first, stores) = daemon.stored_backup(name).await?;
        for (position, store) in stores.iter().enumerate() {
            let manifest = rewrite(daemon.backups.get(store)?, name, &change).await?;
            if position == 0 {
                first = manifest;
            }
        }
        Ok(first)
    }
    .await;
    lock.release().await;
    changed
}

/// Changes a backup's manifest in one store, whose copy something was found out about.
pub async fn change_in(
    daemon: &Daemon,
    store: &Store,
    name: &BackupName,
    change: impl Fn(&mut Manifest) -> Result<(), Failure>,
) -> Result<Manifest, Failure> {
    let lock = take_turn(daemon, name).await?;
    let changed = rewrite(store, name, &change).await;
    lock.release().await;
    changed
}

async fn rewrite(
    store: &Store,
    name: &BackupName,
    change: &impl Fn(&mut Manifest) -> Result<(), Failure>,
) -> Result<Manifest, Failure> {
    let mut manifest = store.manifest(name).await?;
    let before = manifest.clone();
    change(&mut manifest)?;
    if manifest != before {
        store.put_manifest(&manifest).await?;
    }
    Ok(manifest)
}

/// Notes that a store's copy of the backup passed a level of checking, and with it all below it.
pub async fn record_level(
    daemon: &Daemon,
    store: &Store,
    name: &BackupName,
    passed: VerificationLevel,
) -> Result<Manifest, Failure> {
    let now = Utc::now();
    change_in(daemon, store, name, |manifest| {
        for level in [
            VerificationLevel::Digest,
            VerificationLevel::FullRead,
            VerificationLevel::Restored,
            VerificationLevel::ContentEqual,
        ] {
            if level <= passed {
                manifest.record(level, now);
            }
        }
        Ok(())
    })
    .await
}

/// The turn to change or remove a backup's manifest.
pub(super) async fn take_turn(daemon: &Daemon, name: &BackupName) -> Result<BackupLock, Failure> {
    let start = Instant::now();
    loop {
        if let Some(lock) = daemon.store.change_backup(name).await? {
            return Ok(lock);
        }
        if start.elapsed() >= PATIENCE {
            return Err(Failure::new(
                Kind::Aborted,
                "BACKUP_BUSY",
                format!("the manifest of {name} is being changed by another call"),
            )
            .with_retry_after(Duration::from_secs(5)));
        }
        tokio::time::sleep(POLL).await;
    }
}
