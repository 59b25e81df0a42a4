//! Recorded: calls that only read go into the daemon's spool of the audit log before their answer leaves.
//!
//! It stands between `access`, which knows who calls, and the handlers, which know what is asked: a handler's `context`
//! leaves that in a [`Notes`] that goes with the request. Health probes and reflection are no methods of ours, and are not
//! recorded.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context as TaskContext, Poll},
    time::Instant,
};

use chrono::Utc;
use http::{Request, Response};
use serde_json::Value;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};

use super::status::status;
use crate::{
    model::{
        audit::AuditOutcome,
        method::{Effect, Method},
    },
    ops::{
        Daemon,
        audited::{self, ReadCall},
        context::{Context, Principal},
    },
};

/// What the handler of a call found out about it.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<OnceLock<Note>>);

struct Note {
    peer: String,
    request: Value,
}

impl Notes {
    /// Notes what a call is about, where it is to be recorded when it ends.
    pub(super) fn take<T>(request: &tonic::Request<T>, context: &Context) {
        if let Some(Self(note)) = request.extensions().get() {
            let _ = note.set(Note {
                peer: context.peer.to_string(),
                request: context.request.clone(),
            });
        }
    }
}

/// Records the reads of a daemon.
#[derive(Clone)]
pub(super) struct Recorded(pub(super) Arc<Daemon>);

impl<S> Layer<S> for Recorded {
    type Service = Recording<S>;

    fn layer(&self, inner: S) -> Recording<S> {
        Recording {
            inner,
            daemon: Arc::clone(&self.0),
        }
    }
}

/// A service whose reads are recorded.
#[derive(Clone)]
pub(super) struct Recording<S> {
    inner: S,
    daemon: Arc<Daemon>,
}

impl<S> Service<Request<Body>> for Recording<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = Method::from_full_name(request.uri().path().trim_start_matches('/'))
            .filter(|method| method.effect() == Effect::Reads);
        let principal = request.extensions().get::<Principal>().cloned();
        let (Some(method), Some(principal)) = (method, principal) else {
            return Box::pin(self.inner.call(request));
        };
        let (time, start) = (Utc::now(), Instant::now());
        let notes = Notes::default();
        request.extensions_mut().insert(notes.clone());
        let answer = self.inner.call(request);
        let daemon = Arc::clone(&self.daemon);
        Box::pin(async move {
            let response = answer.await?;
            let duration = start.elapsed();
            let recording = tokio::task::spawn_blocking(move || {
                let (outcome, reason) = outcome(&response);
                let note = notes.0.get();
                let request = note.map_or(&Value::Null, |note| &note.request);
                let recorded = audited::read(
                    &daemon,
                    ReadCall {
                        principal: &principal.name,
                        peer: note.map_or("", |note| &note.peer),
                        method,
                        database: request["database"].as_str(),
                        request: request.clone(),
                        outcome: (outcome, &reason),
                        time,
                        duration,
                    },
                );
                match recorded {
                    Ok(()) => response,
                    Err(failure) => status(failure).into_http(),
                }
            });
            Ok(recording.await.unwrap_or_else(|error| {
                tracing::error!(%error, "the recording of a read met a defect");
                Status::internal("the call could not be recorded").into_http()
            }))
        })
    }
}

/// The outcome of a call, and the reason of its refusal. One that answers has its status at its end only.
fn outcome(response: &Response<Body>) -> (AuditOutcome, String) {
    let refusal = Status::from_header_map(response.headers()).filter(|s| s.code() != Code::Ok);
    let Some(refusal) = refusal else {
        return (AuditOutcome::Succeeded, String::new());
    };
    let outcome = match refusal.code() {
        Code::PermissionDenied | Code::Unauthenticated => AuditOutcome::Denied,
        Code::Cancelled => AuditOutcome::Cancelled,
        _ => AuditOutcome::Failed,
    };
    let details = refusal.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone());
    (outcome, reason.unwrap_or_default())
}
