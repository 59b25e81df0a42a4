//! Locks on backups, across all daemons that share this control store: advisory locks on a connection of their own, keyed
//! by the archive's name. Daemons with another control store know nothing of them, and should not share a backup store.
//!
//! - `pgsteward:backup:<filename>:use`: shared by whoever reads the archive for long (a drill, a restore), alone by whoever
//!   removes it.
//! - `pgsteward:backup:<filename>:manifest`: by whoever reads the manifest, changes it and writes it back.

use super::ControlStore;
use crate::{
    model::backup::BackupName,
    postgres::{error::PostgresError, lock, session::Session},
};

/// A lock on a backup. It ends when this is dropped, or with the daemon.
pub struct BackupLock(Session);

impl BackupLock {
    /// Gives the lock back in order.
    pub async fn release(self) {
        self.0.close().await;
    }
}

impl ControlStore {
    /// Keeps the backup from being removed. `None` when somebody is removing it.
    pub async fn use_backup(&self, name: &BackupName) -> Result<Option<BackupLock>, PostgresError> {
        let session = self.session("pgsteward backup in use").await?;
        let held = lock::try_lock_shared(&session, &format!("pgsteward:backup:{name}:use")).await?;
        Ok(held.then_some(BackupLock(session)))
    }

    /// The right to remove the backup. `None` when somebody uses it.
    pub async fn own_backup(&self, name: &BackupName) -> Result<Option<BackupLock>, PostgresError> {
        let session = self.session("pgsteward backup removal").await?;
        let held = lock::try_lock(&session, &format!("pgsteward:backup:{name}:use")).await?;
        Ok(held.then_some(BackupLock(session)))
    }

    /// The right to change the backup's manifest. `None` when somebody else is at it.
    pub async fn change_backup(
        &self,
        name: &BackupName,
    ) -> Result<Option<BackupLock>, PostgresError> {
        let session = self.session("pgsteward manifest").await?;
        let held = lock::try_lock(&session, &format!("pgsteward:backup:{name}:manifest")).await?;
        Ok(held.then_some(BackupLock(session)))
    }
}
