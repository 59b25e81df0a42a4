//! The running of one job: its method is called as any caller would call it, so it is audited and recorded alike.
//!
//! Each attempt has a request id that follows from job, tick and attempt. A claim that was taken over from a dead daemon, or
//! that could not be recorded as started, is started again under the same id, and so gives the operation that was started
//! before, if one was.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    model::{
        backup::BackupKind,
        failure::{Failure, Kind},
        maintenance::optimize::OptimizeOptions,
        method::Method,
        operation::Operation,
        peer::Peer,
        schedule::{End, Job, OpenRun, Stage, verdict},
    },
    ops::{
        backup::{self, update::Marks},
        context::{Context, Principal},
        daemon::Daemon,
        maintenance::{optimize, privileges},
        migration::drift,
        restore::drill,
    },
};

/// Starts the operation of a tick that this daemon has claimed, and records it. An error says that neither its start nor
/// that it cannot be started could be recorded: the claim stands, and is to be tried again.
pub(super) async fn fire(
    daemon: &Arc<Daemon>,
    job: &Job,
    slot: DateTime<Utc>,
    attempt: u32,
) -> Result<(), Failure> {
    tracing::info!(job = job.name, %slot, attempt, "running a scheduled job");
    let context = Context {
        principal: Principal::scheduler(),
        peer: Peer::Daemon,
        method: job.method,
        request: json!({ "schedule": job.name, "slot": slot, "attempt": attempt }),
    };
    let request_id = request_id(&format!("{} {} {attempt}", job.name, slot.timestamp()));
    match start(daemon, &context, job, &request_id).await {
        Ok(operation) => {
            let ours = daemon
                .store
                .run_started(&job.name, slot, attempt, operation.id)
                .await?;
            if ours {
                look_when_done(daemon, operation.id);
            }
            Ok(())
        }
        Err(failure) => {
            tracing::error!(job = job.name, %slot, attempt, %failure, "a scheduled job could not be started");
            let run = OpenRun {
                slot,
                attempt,
                by_hand: false,
                operation: None,
                stage: Stage::Ours,
            };
            let end = End::Failed(failure);
            let verdict = verdict(job, &run, &end, daemon.scheduling.clock.now());
            super::state::settle(daemon, job, &run, &verdict).await
        }
    }
}

/// Has the ticker look at a run as soon as its operation has ended. Were this daemon to die, another one sees it.
pub(super) fn look_when_done(daemon: &Arc<Daemon>, operation: Uuid) {
    let daemon = Arc::clone(daemon);
    tokio::spawn(async move {
        // An error says that the control store is away, and the ticker looks again anyway.
        let _ = daemon.runner.done(operation).await;
        daemon.scheduling.changed.notify_one();
    });
}

/// Starts a job's operation.
pub(super) async fn start(
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
            backup::create::create(daemon, &context, &job.database, kind, marks, request_id).await
        }
        Method::Optimize => {
            let options = Ok(OptimizeOptions::default());
            optimize::optimize(daemon, &context, &job.database, options, request_id).await
        }
        Method::RunDrill => drill::run_drill(daemon, &context, &job.database, "", request_id).await,
        Method::CheckDrift => {
            drift::check(daemon, &context, &job.database, false, request_id).await
        }
        Method::CheckPrivileges => {
            privileges::check(daemon, &context, &job.database, request_id).await
        }
        other => Err(Failure::new(
            Kind::Internal,
            "METHOD_NOT_SCHEDULABLE",
            format!("{} cannot be scheduled", other.name()),
        )),
    }
}

/// Starts what follows a run that succeeded: retention, after a backup. Only then: retention that goes on while backups
/// fail removes the last good ones (lessons B9).
///
/// It is called before the success is recorded, so that a daemon's death in between loses nothing; and the request id sees
/// to it that it is started once.
pub(super) async fn follow_up(
    daemon: &Arc<Daemon>,
    job: &Job,
    backup: Option<Uuid>,
) -> Result<(), Failure> {
    let (Method::CreateBackup, Some(backup)) = (job.method, backup) else {
        return Ok(());
    };
    let context = Context {
        principal: Principal::scheduler(),
        peer: Peer::Daemon,
        method: Method::ApplyRetention,
        request: json!({ "schedule": job.name, "after": backup }),
    };
    let request_id = request_id(&format!("retention {backup}"));
    match backup::retention::apply(daemon, &context, &job.database, &request_id).await {
        Ok(_) => Ok(()),
        Err(failure) if matches!(failure.kind, Kind::Unavailable | Kind::Aborted) => Err(failure),
        Err(failure) => {
            tracing::error!(%failure, %backup, "retention after the backup could not be started");
            Ok(())
        }
    }
}

fn request_id(of: &str) -> String {
    format!("schedule-{:032x}", xxh3_128(of.as_bytes()))
}
