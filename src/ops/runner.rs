//! Runner: runs operations. Each is a durable row first, then a task with progress, cancellation and an end that is
//! recorded whatever happens: success, failure, panic, cancellation, or the daemon's death (see `recovery`).

pub mod job;
mod room;
mod supervise;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use self::{job::Job, room::Room};
use super::{audited::Recorded, context::Context};
use crate::{
    model::{
        failure::{Failure, Kind},
        operation::{Operation, OperationState, Outcome},
        peer::Peer,
    },
    state::{ControlStore, operations::NewOperation},
};

/// How often a watcher looks at an operation that another daemon runs.
const FOREIGN_POLL: Duration = Duration::from_millis(250);

/// How long cancelled operations may take to clean up and to record their end, when the daemon shuts down.
const CLEAN_UP: Duration = Duration::from_secs(10);

/// Runs operations and knows those that run in this process.
#[derive(Debug)]
pub struct Runner {
    store: Arc<ControlStore>,
    active: Arc<Mutex<HashMap<Uuid, Active>>>,
    tasks: TaskTracker,
    draining: CancellationToken,
    room: Room,
}

/// What an operation is started with, beside its call and its work.
#[derive(Debug)]
pub struct Start<'a> {
    /// The record of the call.
    pub recorded: Recorded,
    /// The managed database.
    pub database: &'a str,
    /// The caller's request id; empty for none.
    pub request_id: &'a str,
    /// For how long it waits for a second person first; none where it need not.
    pub approval_time: Option<Duration>,
}

/// An operation that runs in this process.
#[derive(Clone, Debug)]
struct Active {
    cancel: CancellationToken,
    progress: watch::Receiver<Operation>,
}

impl Runner {
    /// A runner without operations, of which each principal may have so many at once.
    pub fn new(store: Arc<ControlStore>, most_per_principal: usize) -> Self {
        Self {
            store,
            active: Arc::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            room: Room::new(most_per_principal),
        }
    }

    /// Records the operation and starts its work. The same request id with the same request gives the operation that it
    /// gave before; with another request it is refused.
    pub async fn start<Work, Running>(
        &self,
        context: &Context,
        start: Start<'_>,
        work: Work,
    ) -> Result<Operation, Failure>
    where
        Work: FnOnce(Job) -> Running + Send + 'static,
        Running: Future<Output = Result<Outcome, Failure>> + Send + 'static,
    {
        if self.is_draining() {
            return Err(Failure::new(
                Kind::Unavailable,
                "SHUTTING_DOWN",
                "the daemon is shutting down and starts no new operations",
            )
            .with_retry_after(Duration::from_secs(10)));
        }
        // The daemon's own jobs are as many as its schedule has.
        let room = match context.peer {
            Peer::Daemon => None,
            Peer::Tcp(_) | Peer::Unix { .. } => Some(self.room.take(&context.principal.name)?),
        };
        let id = Uuid::now_v7();
        let Start {
            recorded,
            database,
            request_id,
            approval_time,
        } = start;
        let new = NewOperation {
            id,
            method: context.method.name(),
            database,
            principal: &context.principal.name,
            request_id,
            request: &context.request,
            audit_entry: recorded.entry,
            approval_time,
        };
        let Some(operation) = self.store.insert_operation(&new).await? else {
            // The same request came in twice at once, and the other one was first.
            let earlier = self.repeated(context, recorded, request_id).await?;
            return earlier.ok_or_else(|| reused(request_id));
        };

        let cancel = CancellationToken::new();
        let (sender, receiver) = watch::channel(operation.clone());
        self.lock().insert(
            id,
            Active {
                cancel: cancel.clone(),
                progress: receiver,
            },
        );
        let job = Job::new(
            id,
            &context.principal.name,
            sender.clone(),
            cancel.clone(),
            Arc::clone(&self.store),
        );
        let supervised = supervise::Supervised {
            id,
            store: Arc::clone(&self.store),
            recorded,
            progress: sender,
            cancel,
        };
        let active = Arc::clone(&self.active);
        self.tasks.spawn(async move {
            supervised.run(work(job)).await;
            drop(room);
            active
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
        });
        Ok(operation)
    }

    /// The operation that the same request started before; `None` when its id is new. Asked before the request is looked
    /// at any closer: what it asked for may be done, and could not be asked for again.
    pub async fn repeated(
        &self,
        context: &Context,
        recorded: Recorded,
        request_id: &str,
    ) -> Result<Option<Operation>, Failure> {
        check_request_id(request_id)?;
        if request_id.is_empty() {
            return Ok(None);
        }
        let earlier = self
            .store
            .operation_by_request(&context.principal.name, request_id)
            .await?;
        let Some((operation, request)) = earlier else {
            return Ok(None);
        };
        if operation.method != context.method.name() || request != context.request {
            return Err(reused(request_id));
        }
        recorded
            .close(&self.store, None, &operation.id.to_string())
            .await;
        Ok(Some(operation))
    }

    /// The operation as it stands, from this process if it runs here.
    pub async fn get(&self, id: Uuid) -> Result<Operation, Failure> {
        if let Some(active) = self.active(id) {
            return Ok(active.progress.borrow().clone());
        }
        self.store.operation(id).await?.ok_or_else(|| not_found(id))
    }

    /// Waits for the next change after `seen`, wherever the operation runs. An operation that is done changes no more.
    pub async fn changed(&self, seen: &Operation) -> Result<Operation, Failure> {
        if let Some(mut active) = self.active(seen.id) {
            loop {
                let now = active.progress.borrow_and_update().clone();
                if now != *seen {
                    return Ok(now);
                }
                if active.progress.changed().await.is_err() {
                    break;
                }
            }
        }
        loop {
            let now = self.get(seen.id).await?;
            if now != *seen || now.state.is_final() {
                return Ok(now);
            }
            tokio::time::sleep(FOREIGN_POLL).await;
        }
    }

    /// Waits until the operation is done.
    pub async fn done(&self, id: Uuid) -> Result<Operation, Failure> {
        let mut operation = self.get(id).await?;
        while !operation.state.is_final() {
            operation = self.changed(&operation).await?;
        }
        Ok(operation)
    }

    /// Asks the operation to stop, wherever it runs. One that is done is an error.
    pub async fn cancel(&self, id: Uuid) -> Result<Operation, Failure> {
        let operation = self.get(id).await?;
        if operation.state.is_final() || !self.store.request_cancel(id).await? {
            return Err(Failure::new(
                Kind::FailedPrecondition,
                "OPERATION_DONE",
                format!("operation {id} is done and cannot be cancelled"),
            ));
        }
        if let Some(active) = self.active(id) {
            active.cancel.cancel();
        }
        let mut operation = self.get(id).await?;
        if !operation.state.is_final() {
            // It is recorded; the operation's own task shows it a moment later.
            operation.state = OperationState::Cancelling;
        }
        Ok(operation)
    }

    /// Starts no more operations, lets the running ones go on for `grace`, then cancels them and waits for their end. Those
    /// that wait for a person hold nothing, and nobody can say for how long: they are cancelled at once.
    pub async fn shut_down(&self, grace: Duration) {
        self.draining.cancel();
        self.tasks.close();
        for active in self.lock().values() {
            if active.progress.borrow().state == OperationState::AwaitingApproval {
                active.cancel.cancel();
            }
        }
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return;
        }
        let running: Vec<Active> = self.lock().values().cloned().collect();
        tracing::warn!(
            count = running.len(),
            "cancelling operations: the shutdown grace is over"
        );
        for active in running {
            active.cancel.cancel();
        }
        if tokio::time::timeout(CLEAN_UP, self.tasks.wait())
            .await
            .is_err()
        {
            // The next start finds them without their daemon's lock, and puts in order what they left.
            tracing::error!(
                "operations did not end when they were cancelled; leaving them to recovery"
            );
        }
    }

    /// Whether no operation is started any more: the daemon is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    fn active(&self, id: Uuid) -> Option<Active> {
        self.lock().get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure for an id that no operation has.
pub fn not_found(id: Uuid) -> Failure {
    Failure::new(
        Kind::NotFound,
        "OPERATION_NOT_FOUND",
        format!("there is no operation {id}"),
    )
    .with_hint("ListOperations shows the ids")
}

fn reused(request_id: &str) -> Failure {
    Failure::new(
        Kind::AlreadyExists,
        "REQUEST_ID_REUSED",
        format!("request_id {request_id:?} was used for another request"),
    )
    .with_hint("use a new request_id for a new request")
}

fn check_request_id(request_id: &str) -> Result<(), Failure> {
    let sound = request_id.len() <= 64 && request_id.chars().all(|c| c.is_ascii_graphic());
    if sound {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "request_id",
        "must be at most 64 printable ASCII characters without spaces",
    ))
}
