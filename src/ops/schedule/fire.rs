//! The running of one job: its method is called as any caller would call it, so it is audited and recorded alike.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{
    model::{
        backup::BackupKind,
        failure::{Failure, Kind},
        maintenance::optimize::OptimizeOptions,
        method::Method,
        operation::{Operation, OperationState},
        schedule::Job,
    },
    ops::{
        backup::{self, update::Marks},
        context::{Context, Principal},
        daemon::Daemon,
        maintenance::optimize,
        migration::drift,
        restore::drill,
    },
};

/// Runs a job for a tick, unless another daemon has claimed the tick. An error says that it could not be claimed, and is
/// to be tried again.
pub async fn fire(daemon: &Arc<Daemon>, job: &Job, slot: DateTime<Utc>) -> Result<(), Failure> {
    if !daemon.store.claim_slot(&job.name, slot).await? {
        tracing::debug!(job = job.name, %slot, "another daemon runs this tick");
        return Ok(());
    }
    tracing::info!(job = job.name, %slot, "running a scheduled job");
    let context = Context {
        principal: Principal::scheduler(),
        peer: None,
        method: job.method,
        request: json!({ "schedule": job.name, "slot": slot }),
    };
    let started = start(daemon, &context, job, "").await;
    let (operation, message) = match &started {
        Ok(operation) => (Some(operation.id), String::new()),
        Err(failure) => {
            tracing::error!(job = job.name, %failure, "a scheduled job could not be started");
            (None, failure.to_string())
        }
    };
    if let Err(error) = daemon
        .store
        .close_slot(&job.name, slot, operation, &message)
        .await
    {
        let failure = Failure::from(error);
        tracing::error!(job = job.name, %failure, "a scheduled run could not be recorded");
    }
    Ok(())
}

/// Starts a job's operation. A backup that succeeds is followed by retention.
pub async fn start(
    daemon: &Arc<Daemon>,
    context: &Context,
    job: &Job,
    request_id: &str,
) -> Result<Operation, Failure> {
    let context = Context {
        method: job.method,
        ..context.clone()
    };
    match job.method {
        Method::CreateBackup => {
            let (kind, marks) = (BackupKind::Scheduled, Marks::default());
            let operation =
                backup::create::create(daemon, &context, &job.database, kind, marks, request_id)
                    .await?;
            tokio::spawn(retention_after(
                Arc::clone(daemon),
                context,
                operation.clone(),
            ));
            Ok(operation)
        }
        Method::Optimize => {
            let options = Ok(OptimizeOptions::default());
            optimize::optimize(daemon, &context, &job.database, options, request_id).await
        }
        Method::RunDrill => drill::run_drill(daemon, &context, &job.database, "", request_id).await,
        Method::CheckDrift => {
            drift::check(daemon, &context, &job.database, false, request_id).await
        }
        other => Err(Failure::new(
            Kind::Internal,
            "METHOD_NOT_SCHEDULABLE",
            format!("{} cannot be scheduled", other.name()),
        )),
    }
}

/// Only after a success: retention that goes on while backups fail removes the last good ones (lessons B9).
async fn retention_after(daemon: Arc<Daemon>, context: Context, backup: Operation) {
    let applied = async {
        let done = daemon.runner.done(backup.id).await?;
        if done.state != OperationState::Succeeded {
            return Ok(());
        }
        let context = Context {
            method: Method::ApplyRetention,
            ..context
        };
        backup::retention::apply(&daemon, &context, &backup.database, "")
            .await
            .map(|_| ())
    };
    if let Err(failure) = applied.await {
        tracing::error!(%failure, backup = %backup.id, "retention after the backup could not be started");
    }
}
