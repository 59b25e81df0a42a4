//! The removal of one backup, by DeleteBackup or by retention: only while nobody uses it and nobody holds it.

use std::time::Duration;

use crate::{
    model::{
        backup::{BackupName, Manifest, ManifestError},
        failure::{Failure, Kind},
    },
    ops::{backup::update::take_turn, daemon::Daemon},
    state::backup_locks::BackupLock,
    storage::StorageError,
};

/// When to try again what another use of the backup stands against.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Keeps a backup from being removed by any daemon for as long as the lock is held: while it is downloaded, verified, copied,
/// restored or rehearsed.
pub async fn keep(daemon: &Daemon, name: &BackupName) -> Result<BackupLock, Failure> {
    match daemon.store.use_backup(name).await? {
        Some(lock) => Ok(lock),
        None => Err(Failure::new(
            Kind::Aborted,
            "BACKUP_BUSY",
            format!("{name} is being removed"),
        )
        .with_retry_after(RETRY_AFTER)),
    }
}

/// Removes a backup for good. `refuse` is asked of its manifest as it is at this moment; one that cannot be read is no
/// good backup: there is nothing to protect, and no other way to be rid of it.
pub async fn remove(
    daemon: &Daemon,
    name: &BackupName,
    refuse: impl AsyncFnOnce(&Manifest) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(owned) = daemon.store.own_backup(name).await? else {
        return Err(Failure::new(
            Kind::Aborted,
            "BACKUP_IN_USE",
            format!("{name} is being restored, rehearsed, copied or read"),
        )
        .with_hint("wait for the call or operation that uses it, or cancel it")
        .with_retry_after(RETRY_AFTER));
    };
    let turn = take_turn(daemon, name).await?;
    let removed = async {
        match daemon.stored_backup(name).await {
            Ok((manifest, _)) => {
                refuse_held(&manifest)?;
                refuse(&manifest).await?;
            }
            Err(
                StorageError::Damaged { .. }
                | StorageError::Manifest {
                    source: ManifestError::Malformed(_),
                    ..
                },
            ) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(daemon.backups.delete(name).await?)
    }
    .await;
    turn.release().await;
    owned.release().await;
    removed
}

fn refuse_held(manifest: &Manifest) -> Result<(), Failure> {
    if !manifest.hold {
        return Ok(());
    }
    Err(Failure::new(
        Kind::FailedPrecondition,
        "BACKUP_HELD",
        format!("{} is held", manifest.filename),
    )
    .with_hint("let it go first: UpdateBackup with hold false, or `pgsteward backup release`"))
}
