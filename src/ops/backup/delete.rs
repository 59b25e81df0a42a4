//! DeleteBackup: removes one backup for good.

use super::remove::remove;
use crate::{
    model::{
        backup::BackupName,
        failure::{Failure, Kind},
    },
    ops::{audited, context::Context, daemon::Daemon},
};

/// Removes a backup. The newest good one of its database is refused: it is the one that a disaster would need. So is one
/// that is held or in use.
pub async fn delete(daemon: &Daemon, context: &Context, filename: &str) -> Result<(), Failure> {
    let scope = daemon.scope_of_backup(filename).await;
    audited::immediate(daemon, context, &scope, async {
        let name = BackupName::parse(filename)?;
        remove(daemon, &name, async |manifest| {
            let newest = daemon.newest_backup(&manifest.database).await?;
            if newest.is_none_or(|newest| newest.filename != manifest.filename) {
                return Ok(());
            }
            Err(Failure::new(
                Kind::FailedPrecondition,
                "NEWEST_BACKUP",
                format!(
                    "{filename} is the newest good backup of database {:?}",
                    manifest.database
                ),
            )
            .with_hint("make another backup first"))
        })
        .await
    })
    .await
}
