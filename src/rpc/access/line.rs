//! The log line of one call, written once its last byte is sent, its caller has gone, or it was ended.

use std::time::Instant;

use tonic::{Code, Status};

use super::{is_health, is_reflection};
use crate::{
    model::peer::Peer,
    rpc::{listener::InCall, status::code_name},
};

pub(super) struct Line {
    pub(super) method: String,
    pub(super) principal: String,
    pub(super) peer: Peer,
    start: Instant,
    outcome: Option<Code>,
    /// The call is under way for as long as the line is not written.
    _call: Option<InCall>,
}

impl Line {
    pub(super) fn new(method: String, peer: Peer, call: Option<InCall>) -> Self {
        Self {
            method,
            principal: String::new(),
            peer,
            start: Instant::now(),
            outcome: None,
            _call: call,
        }
    }

    /// Notes the outcome that headers or trailers tell, if they do.
    pub(super) fn note(&mut self, headers: &http::HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.outcome = Some(status.code());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let outcome = self.outcome.map_or("CALLER_GONE", code_name);
        let duration_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Self {
            method,
            principal,
            peer,
            ..
        } = self;
        let path = format!("/{method}");
        if is_health(&path) || is_reflection(&path) {
            tracing::debug!(method, %peer, outcome, duration_ms, "call");
        } else {
            tracing::info!(method, principal, %peer, outcome, duration_ms, "call");
        }
    }
}
