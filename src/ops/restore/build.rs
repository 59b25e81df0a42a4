//! The stages that every restore has in common, wherever the database goes in the end: `load`, `analyze`, `verify`.

use super::rebuild;
use crate::{
    model::{
        backup::{Manifest, VerificationLevel},
        failure::{Failure, Kind},
        restore::RestoreVerification,
    },
    ops::{
        backup::{update::record_level, verify::read_recorded},
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
};

/// What was compared, and how far.
#[derive(Debug)]
pub struct Compared {
    /// Tables.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// How far.
    pub verification: RestoreVerification,
    /// What did not go as it should and did not stop the restore.
    pub warnings: Vec<String>,
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
    let store = daemon.backups.holder(&backup.filename, "").await?;
    let mut warnings = rebuild::load(daemon, managed, job, new, backup, store).await?;

    job.enter_next(count, "analyze");
    warnings.extend(rebuild::analyze(daemon, managed, job, new).await?);

    let mut compared = Compared {
        tables: 0,
        rows: 0,
        verification: verify,
        warnings,
    };
    if verify != RestoreVerification::None {
        job.enter_next(count, "verify");
        let verified = rebuild::verify(daemon, managed, job, new, backup, verify).await?;
        compared.tables = verified.tables;
        compared.rows = verified.rows;
    }
    let level = compared.verification.level();
    if let Err(failure) = record_level(daemon, store, &backup.filename, level).await {
        // A store that cannot be written to is no reason to keep the restored database from its users.
        tracing::warn!(%failure, "that the backup was restored could not be recorded in its manifest");
    }
    Ok(compared)
}

/// Reads the archive before anything is made of it. Whether each row is in it shows when it is loaded and compared.
pub async fn check_archive(daemon: &Daemon, job: &Job, backup: &Manifest) -> Result<(), Failure> {
    let store = daemon.backups.holder(&backup.filename, "").await?;
    read_recorded(daemon, job, store, backup, VerificationLevel::Digest).await?;
    Ok(())
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
