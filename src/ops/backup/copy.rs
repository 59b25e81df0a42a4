//! Copies: what a backup is given once it exists in the primary store. One stage for each of `backup.copies`.
//!
//! A copy that fails takes nothing from the backup, but the operation fails all the same: whoever relies on copies must
//! hear of it. The other copies are made first.

use crate::{
    model::{backup::Manifest, failure::Failure},
    ops::{backup::remove::keep, daemon::Daemon, runner::job::Job},
    state::artifacts::{Artifact, ArtifactKind},
};

/// How many stages the copies are.
pub fn stages(daemon: &Daemon) -> u32 {
    u32::try_from(daemon.backups.copies().len()).unwrap_or(u32::MAX)
}

/// Copies a backup that is committed in the primary store to every store of `backup.copies`. The stages are numbered after
/// the `before` that came before.
pub async fn copy_all(
    daemon: &Daemon,
    job: &Job,
    backup: &Manifest,
    before: u32,
) -> Result<(), Failure> {
    let copies = daemon.backups.copies();
    if copies.is_empty() {
        return Ok(());
    }
    let primary = daemon.backups.primary().name();
    let count = before.saturating_add(stages(daemon));
    let artifact = Artifact {
        operation: job.id(),
        kind: ArtifactKind::Archive,
        database: backup.database.clone(),
        name: backup.filename.as_str().to_owned(),
    };
    let used = keep(daemon, &backup.filename).await?;
    daemon.store.note_artifact(&artifact).await?;
    // What is moved, and what is read back of it.
    let total = backup.size_bytes.saturating_mul(2);
    let mut failures: Vec<(&str, Failure)> = Vec::new();
    for (stage, store) in (before + 1..).zip(copies) {
        let to = store.name();
        job.enter(stage, count, &format!("copy to {to}"));
        let progress = |done| job.count(done, total, "bytes");
        let outcome = daemon
            .backups
            .copy(backup, primary, to, job.id(), progress)
            .await;
        if let Err(error) = outcome {
            let failure = Failure::from(error);
            tracing::warn!(store = to, backup = %backup.filename, %failure, "a backup could not be copied");
            failures.push((to, failure));
        }
    }
    used.release().await;
    match failures.first() {
        None => {
            daemon.store.strike_artifact(&artifact).await?;
            Ok(())
        }
        // What it left is still noted, and swept at the operation's end or later.
        Some((_, first)) => Err(copy_failed(backup, primary, first, &failures)),
    }
}

fn copy_failed(
    backup: &Manifest,
    primary: &str,
    first: &Failure,
    failures: &[(&str, Failure)],
) -> Failure {
    let each: Vec<String> = failures
        .iter()
        .map(|(store, failure)| format!("to store {store:?}: {}", failure.message))
        .collect();
    let message = format!(
        "backup {} is good in store {primary:?}, but was not copied {}",
        backup.filename,
        each.join("; ")
    );
    let hint = match &first.hint {
        Some(hint) => format!("the backup itself can be relied on; {hint}"),
        None => "the backup itself can be relied on".to_owned(),
    };
    Failure::new(first.kind, "COPY_FAILED", message).with_hint(hint)
}
