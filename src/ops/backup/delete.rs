//! DeleteBackup: removes one backup for good.

use crate::{
    model::{
        backup::{BackupName, ManifestError},
        failure::{Failure, Kind},
    },
    ops::{audited, context::Context, daemon::Daemon},
    storage::StorageError,
};

/// Removes a backup. The newest good one of its database is refused: it is the one that a disaster would need.
pub async fn delete(daemon: &Daemon, context: &Context, filename: &str) -> Result<(), Failure> {
    let database = daemon.database_of_backup(filename).await;
    audited::immediate(daemon, context, database.as_deref(), async {
        let name = BackupName::parse(filename)?;
        let manifest = match daemon.stored_backup(&name).await {
            Ok((manifest, _)) => manifest,
            // What cannot be read is no good backup: there is nothing to protect, and no other way to be rid of it.
            Err(
                StorageError::Damaged { .. }
                | StorageError::Manifest {
                    source: ManifestError::Malformed(_),
                    ..
                },
            ) => {
                return Ok(daemon.backups.delete(&name).await?);
            }
            Err(error) => return Err(error.into()),
        };
        let newest = daemon.newest_backup(&manifest.database).await?;
        if newest.is_some_and(|newest| newest.filename == manifest.filename) {
            return Err(Failure::new(
                Kind::FailedPrecondition,
                "NEWEST_BACKUP",
                format!(
                    "{filename} is the newest good backup of database {:?}",
                    manifest.database
                ),
            )
            .with_hint("make another backup first"));
        }
        Ok(daemon.backups.delete(&manifest.filename).await?)
    })
    .await
}
