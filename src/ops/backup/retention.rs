//! ApplyRetention: removes the scheduled backups that the policy no longer keeps. What goes and why is decided by
//! `model::retention`; this file reads the store and removes.

use std::sync::Arc;

use chrono::Utc;

use super::remove;
use crate::{
    model::{
        failure::Failure,
        operation::{Operation, Outcome},
        retention::{self, RetentionInput, RetentionResult},
    },
    ops::{
        audited,
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
};

/// Starts a retention run.
pub async fn apply(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job).await })
    })
    .await
}

/// What a retention run would do now. Removes nothing.
pub async fn plan(
    daemon: &Daemon,
    context: &Context,
    database: &str,
) -> Result<RetentionResult, Failure> {
    audited::immediate(daemon, context, &daemon.scope(database), async {
        let managed = daemon.managed(database)?;
        decide(daemon, managed, true).await
    })
    .await
}

/// Holds the turn of a backup, so that it never races one (lessons B9).
async fn run(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<Outcome, Failure> {
    let stages = remove(daemon, managed, job);
    Turn::hold(daemon, managed, Work::Backup, job, stages)
        .await
        .map(Outcome::Retention)
}

async fn remove(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<RetentionResult, Failure> {
    job.enter(1, 1, "remove");
    let mut result = decide(daemon, managed, false).await?;
    let total = result.removed().count() as u64;
    let mut done = 0;
    for decision in &mut result.decisions {
        if decision.keep {
            continue;
        }
        let filename = &decision.backup.filename;
        tracing::info!(%filename, reason = decision.reason, "retention removes a backup");
        match remove::remove(daemon, filename, async |_| Ok(())).await {
            Ok(()) => {}
            // Restored, read or held since the decision: the next run looks at it again.
            Err(failure) if matches!(failure.reason.as_str(), "BACKUP_IN_USE" | "BACKUP_HELD") => {
                decision.keep = true;
                decision.reason = failure.message;
            }
            Err(failure) => return Err(failure),
        }
        done += 1;
        job.count(done, total, "backups");
    }
    Ok(result)
}

async fn decide(
    daemon: &Daemon,
    managed: &Managed,
    validate_only: bool,
) -> Result<RetentionResult, Failure> {
    let listing = daemon.list_backups().await?;
    let backups: Vec<RetentionInput> = listing
        .manifests()
        .filter(|manifest| manifest.database == managed.name() && manifest.is_good())
        .map(RetentionInput::from)
        .collect();
    let settings = &daemon.settings;
    let decisions = retention::plan(&backups, settings.retention, settings.time_zone, Utc::now());
    Ok(RetentionResult {
        database: managed.name().to_owned(),
        decisions,
        validate_only,
    })
}
