//! Job: what the work of an operation holds: its id, its progress, and the wish to cancel.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    model::{
        drill::StageDuration,
        failure::{Failure, Kind},
        operation::{Operation, OperationState, Progress},
    },
    state::{ControlStore, operation_approvals::Waiting},
};

/// How often an operation that waits for a second person looks whether there was one, here or on another daemon.
const APPROVAL_POLL: Duration = Duration::from_millis(250);

/// Between two tries to ask a control store that is away.
const CONTROL_STORE_POLL: Duration = Duration::from_millis(500);

/// The running side of an operation.
#[derive(Clone, Debug)]
pub struct Job {
    id: Uuid,
    principal: String,
    progress: watch::Sender<Operation>,
    cancel: CancellationToken,
    store: Arc<ControlStore>,
    /// The stages that were entered, and when.
    entered: Arc<Mutex<Vec<(String, Instant)>>>,
}

impl Job {
    pub(super) fn new(
        id: Uuid,
        principal: &str,
        progress: watch::Sender<Operation>,
        cancel: CancellationToken,
        store: Arc<ControlStore>,
    ) -> Self {
        Self {
            id,
            principal: principal.to_owned(),
            progress,
            cancel,
            store,
            entered: Arc::default(),
        }
    }

    /// The operation's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Who asked for the operation.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// Marks the operation as at work: its turn has come. Refused when it was taken for dead meanwhile.
    pub async fn begin(&self) -> Result<(), Failure> {
        if self.cancel.is_cancelled() {
            return Err(Failure::cancelled());
        }
        let Some(start_time) = self.store.start_operation(self.id).await? else {
            return Err(self.why_not_queued().await?);
        };
        self.progress.send_modify(|operation| {
            operation.state = OperationState::Running;
            operation.start_time = Some(start_time);
        });
        Ok(())
    }

    /// Waits for a second person, where the operation wants one: until it is approved, cancelled, or its time is up. It holds
    /// nothing meanwhile. Where it wants none this is over at once.
    pub async fn approved(&self) -> Result<(), Failure> {
        let Some(wanted) = self.progress.borrow().approval.clone() else {
            return Ok(());
        };
        self.say("waits for another admin's approval");
        self.cancellable(self.wait_for_approval(wanted.expire_time))
            .await?;
        let Some(now) = self.store.operation(self.id).await? else {
            return Err(self.why_not_queued().await?);
        };
        if now.state != OperationState::Queued {
            return Err(self.why_not_queued().await?);
        }
        if let Some(given) = now
            .approval
            .as_ref()
            .and_then(|wanted| wanted.given.as_ref())
        {
            tracing::info!(
                by = given.principal,
                reason = given.reason,
                "the operation is approved"
            );
        }
        self.progress.send_modify(|operation| {
            operation.state = OperationState::Queued;
            operation.approval = now.approval;
            operation.progress.message.clear();
        });
        Ok(())
    }

    /// While the control store is away nobody can approve, and nothing is decided.
    async fn wait_for_approval(&self, until: DateTime<Utc>) -> Result<(), Failure> {
        loop {
            match self.store.waiting(self.id).await {
                Ok(Waiting::Over) => return Ok(()),
                Ok(Waiting::Lapsed) => {
                    return Err(Failure::new(
                        Kind::DeadlineExceeded,
                        "APPROVAL_LAPSED",
                        format!(
                            "nobody approved the operation until {}",
                            until.format("%Y-%m-%dT%H:%M:%SZ")
                        ),
                    )
                    .with_hint("ask for it again, and let another admin approve it in time"));
                }
                Ok(Waiting::Waits) => {}
                Err(error) => {
                    let error = Failure::from(error);
                    tracing::debug!(%error, "cannot see whether the operation is approved");
                }
            }
            tokio::time::sleep(APPROVAL_POLL).await;
        }
    }

    /// Asked before what cannot be taken back: whether the operation still is this daemon's, and was not ended by another
    /// one that took this one for dead. While the control store is away nobody knows, and it is waited for.
    pub async fn still_ours(&self) -> Result<(), Failure> {
        let asking = async {
            loop {
                match self.store.is_open(self.id).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => return Err(lost()),
                    Err(error) => {
                        let error = Failure::from(error);
                        tracing::debug!(%error, "cannot see whether the operation still is this daemon's");
                    }
                }
                tokio::time::sleep(CONTROL_STORE_POLL).await;
            }
        };
        self.cancellable(asking).await
    }

    async fn why_not_queued(&self) -> Result<Failure, Failure> {
        let operation = self.store.operation(self.id).await?;
        if operation.is_some_and(|operation| operation.state == OperationState::Cancelling) {
            // The record hears of it first, wherever the call came in.
            self.cancel.cancel();
            return Ok(Failure::cancelled());
        }
        Ok(lost())
    }

    /// Enters the stage `number` of `count`, e.g. `dump`; its units start from nothing.
    pub fn enter(&self, number: u32, count: u32, stage: &str) {
        tracing::info!(stage, number, count, "operation enters stage");
        self.stages().push((stage.to_owned(), Instant::now()));
        self.update(|progress| {
            *progress = Progress {
                stage: stage.to_owned(),
                stage_number: number,
                stage_count: count,
                stage_start: Some(Utc::now()),
                bytes: progress.bytes,
                ..Progress::default()
            };
        });
    }

    /// Enters the stage after the present one.
    pub fn enter_next(&self, count: u32, stage: &str) {
        let number = self.progress.borrow().progress.stage_number + 1;
        self.enter(number, count, stage);
    }

    /// The present stage's name; empty before the first.
    pub fn stage(&self) -> String {
        self.progress.borrow().progress.stage.clone()
    }

    /// How long each stage took; the last one until now.
    pub fn durations(&self) -> Vec<StageDuration> {
        let entered = self.stages();
        let ends = entered.iter().skip(1).map(|(_, start)| *start);
        entered
            .iter()
            .zip(ends.chain([Instant::now()]))
            .map(|((stage, start), end)| StageDuration {
                stage: stage.clone(),
                duration: end - *start,
            })
            .collect()
    }

    fn stages(&self) -> MutexGuard<'_, Vec<(String, Instant)>> {
        self.entered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is waited for or worked on.
    pub fn say(&self, message: impl Into<String>) {
        let message = message.into();
        self.update(|progress| progress.message = message);
    }

    /// Says how many units of the stage are done; a total of 0 means that it is not known.
    pub fn count(&self, done: u64, total: u64, unit: &str) {
        self.update(|progress| {
            progress.done_units = done;
            progress.total_units = total;
            if unit == "bytes" {
                progress.bytes = progress.bytes.max(done);
            }
            if progress.unit != unit {
                unit.clone_into(&mut progress.unit);
            }
        });
    }

    /// Resolves when someone asked for the operation to stop.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Does work that may be dropped at any await: until it ends, or until the operation is cancelled. Whatever the work
    /// had open is closed by being dropped; cleaning up is for the caller.
    pub async fn cancellable<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Failure::cancelled()),
            result = work => result,
        }
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.progress
            .send_modify(|operation| change(&mut operation.progress));
    }
}

fn lost() -> Failure {
    Failure::new(
        Kind::Aborted,
        "OPERATION_LOST",
        "the operation was ended by another daemon",
    )
}
