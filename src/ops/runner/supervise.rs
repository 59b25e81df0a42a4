//! The supervision of one operation: reports its progress to the control store, hears of cancellations there, catches
//! panics, and records the end.

use std::{future::Future, sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    model::{
        failure::{Failure, Kind},
        operation::{Operation, OperationState, Outcome},
    },
    ops::audited::Recorded,
    state::ControlStore,
};

/// How often progress is written and a cancellation by another daemon is looked for.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a report may take.
const REPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// Between two tries to record an end.
const RECORD_PAUSE: Duration = Duration::from_secs(2);

/// What the supervision of one operation needs.
pub(super) struct Supervised {
    pub(super) id: Uuid,
    pub(super) store: Arc<ControlStore>,
    pub(super) recorded: Recorded,
    pub(super) progress: watch::Sender<Operation>,
    pub(super) cancel: CancellationToken,
}

impl Supervised {
    /// Runs the work to its end and records it.
    pub(super) async fn run(
        self,
        work: impl Future<Output = Result<Outcome, Failure>> + Send + 'static,
    ) {
        let span = {
            let operation = self.progress.borrow();
            tracing::info_span!(
                "operation",
                id = %self.id,
                method = operation.method,
                database = operation.database,
                principal = operation.principal,
            )
        };
        async {
            let result = self.follow(work).await;
            self.end(result).await;
        }
        .instrument(span)
        .await;
    }

    async fn follow(
        &self,
        work: impl Future<Output = Result<Outcome, Failure>> + Send + 'static,
    ) -> Result<Outcome, Failure> {
        // A task of its own, so that a panic in the work ends in a JoinError and not with the supervision.
        let mut task = tokio::spawn(work.in_current_span());
        let mut report = tokio::time::interval(REPORT_INTERVAL);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                joined = &mut task => {
                    return joined.unwrap_or_else(|error| {
                        Err(Failure::new(Kind::Internal, "PANIC", "the operation met a defect and was ended")
                            .with_hint(format!("report it, with the daemon's log: {error}")))
                    });
                }
                () = self.cancel.cancelled(), if !self.is_cancelling() => {
                    self.progress.send_modify(|operation| operation.state = OperationState::Cancelling);
                }
                _ = report.tick() => self.report().await,
            }
        }
    }

    fn is_cancelling(&self) -> bool {
        self.progress.borrow().state == OperationState::Cancelling
    }

    async fn report(&self) {
        let progress = self.progress.borrow().progress.clone();
        let reporting = self.store.report_progress(self.id, &progress);
        // While it reports, nobody hears of the work's end: a control store that stands still must not hold that up.
        let Ok(reported) = tokio::time::timeout(REPORT_TIMEOUT, reporting).await else {
            tracing::debug!("progress was not recorded in time");
            return;
        };
        match reported {
            Ok(Some(false)) => {}
            Ok(Some(true)) => self.cancel.cancel(),
            Ok(None) => {
                tracing::warn!("another daemon ended this operation; stopping it");
                self.cancel.cancel();
            }
            Err(error) => {
                let error = Failure::from(error);
                tracing::debug!(%error, "progress could not be recorded");
            }
        }
    }

    /// Records the end, trying again until the control store takes it: the final state must not be lost to a hiccup.
    async fn end(&self, result: Result<Outcome, Failure>) {
        let state = match &result {
            Ok(_) => OperationState::Succeeded,
            Err(failure) if failure.kind == Kind::Cancelled && self.cancel.is_cancelled() => {
                OperationState::Cancelled
            }
            Err(_) => OperationState::Failed,
        };
        match &result {
            Ok(_) => tracing::info!("operation succeeded"),
            Err(failure) => {
                tracing::warn!(reason = failure.reason, %failure, state = state.name(), "operation ended");
            }
        }
        let progress = self.progress.borrow().progress.clone();
        let mut tries = 0_u32;
        while let Err(error) = self
            .store
            .end_operation(self.id, state, Some(&progress), &result)
            .await
        {
            let error = Failure::from(error);
            tracing::error!(%error, tries, "the operation's end could not be recorded; trying again");
            tries += 1;
            tokio::time::sleep(RECORD_PAUSE).await;
        }
        self.recorded
            .close(&self.store, result.as_ref().err(), &self.id.to_string())
            .await;
        // What is shown last is what the record says, to the microsecond: another end may have stood there already.
        let recorded = self.store.operation(self.id).await.ok().flatten();
        self.progress.send_modify(|operation| match recorded {
            Some(recorded) if recorded.state.is_final() => *operation = recorded,
            _ => {
                operation.state = state;
                operation.end_time = Some(Utc::now());
                operation.outcome = Some(result);
            }
        });
    }
}
