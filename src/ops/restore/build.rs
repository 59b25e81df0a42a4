//! The stages that every restore has in common, wherever the database goes in the end: `load`, `analyze`, `verify`.

use super::rebuild;
use crate::{
    model::{
        backup::Manifest,
        failure::{Failure, Kind},
        restore::RestoreVerification,
    },
    ops::{
        backup::update::record_level,
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
};

/// The deepest comparison that `rebuild::verify` makes.
const DEEPEST: RestoreVerification = RestoreVerification::Counts;

/// What was compared, and how far.
#[derive(Debug)]
pub struct Compared {
    /// Tables.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// How far.
    pub verification: RestoreVerification,
}

/// How many stages there are.
pub fn stages(verify: RestoreVerification) -> u32 {
    if verify == RestoreVerification::None {
        2
    } else {
        3
    }
}

/// Fills an empty database from a backup and compares it with the manifest as far as asked. `count` is the number of all
/// stages of the operation. That the backup could be restored is noted in its manifest.
pub async fn fill(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    count: u32,
    new: &str,
    backup: &Manifest,
    verify: RestoreVerification,
) -> Result<Compared, Failure> {
    job.enter_next(count, "load");
    rebuild::load(daemon, managed, job, new, backup).await?;

    job.enter_next(count, "analyze");
    rebuild::analyze(managed, new).await?;

    let mut compared = Compared {
        tables: 0,
        rows: 0,
        verification: verify.min(DEEPEST),
    };
    if verify != RestoreVerification::None {
        job.enter_next(count, "verify");
        let verified = rebuild::verify(managed, new, backup).await?;
        compared.tables = verified.tables;
        compared.rows = verified.rows;
    }
    let level = compared.verification.level();
    if let Err(failure) = record_level(daemon, &backup.filename, level).await {
        // A store that cannot be written to is no reason to keep the restored database from its users.
        tracing::warn!(%failure, "that the backup was restored could not be recorded in its manifest");
    }
    Ok(compared)
}

/// Refuses a backup that is another one by now than when the restore was asked for, and approved.
pub fn require_same(asked: &Manifest, found: &Manifest) -> Result<(), Failure> {
    if asked.sha256 == found.sha256 {
        return Ok(());
    }
    Err(Failure::new(
        Kind::FailedPrecondition,
        "BACKUP_CHANGED",
        format!(
            "{} is not the backup that was to be restored: its sha256 is {} by now",
            found.filename, found.sha256
        ),
    )
    .with_hint("look at it again, then ask for the restore again"))
}
