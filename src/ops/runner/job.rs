//! Job: what the work of an operation holds: its id, its progress, and the wish to cancel.

use std::{future::Future, sync::Arc};

use chrono::Utc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    model::{
        failure::{Failure, Kind},
        operation::{Operation, OperationState, Progress},
    },
    state::ControlStore,
};

/// The running side of an operation.
#[derive(Clone, Debug)]
pub struct Job {
    id: Uuid,
    principal: String,
    progress: watch::Sender<Operation>,
    cancel: CancellationToken,
    store: Arc<ControlStore>,
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

    async fn why_not_queued(&self) -> Result<Failure, Failure> {
        let operation = self.store.operation(self.id).await?;
        if operation.is_some_and(|operation| operation.state == OperationState::Cancelling) {
            // The record hears of it first, wherever the call came in.
            self.cancel.cancel();
            return Ok(Failure::cancelled());
        }
        Ok(Failure::new(
            Kind::Aborted,
            "OPERATION_LOST",
            "the operation was ended by another daemon",
        ))
    }

    /// Enters the stage `number` of `count`, e.g. `dump`; its units start from nothing.
    pub fn enter(&self, number: u32, count: u32, stage: &str) {
        tracing::info!(stage, number, count, "operation enters stage");
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
