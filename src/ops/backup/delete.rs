//! DeleteBackup: removes one backup for good.

use super::list::find;
use crate::{
    model::failure::{Failure, Kind},
    ops::{audited, context::Context, daemon::Daemon},
};

/// Removes a backup. The newest good one of its database is refused: it is the one that a disaster would need.
pub async fn delete(daemon: &Daemon, context: &Context, filename: &str) -> Result<(), Failure> {
    audited::immediate(daemon, context, None, async {
        let manifest = find(daemon, filename).await?;
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
