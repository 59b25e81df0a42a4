//! Access: finds out who calls, before any handler runs, and writes one log line per call with its outcome.
//!
//! The standard health service and reflection are open to everyone who can reach the listener, unless the configuration
//! closes them, so that probes need no credentials; they tell nothing but names and states.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tonic::{Code, Status, body::Body as TonicBody, transport::server::TcpConnectInfo};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::{
    status::{code_name, status},
    whole::Whole,
};
use crate::{
    model::{
        failure::{Failure, Kind},
        method::{Effect, Method},
        peer::Peer,
        permission::Rights,
    },
    ops::context::Principal,
};

/// A bearer token, known by its digest alone.
#[derive(Clone)]
pub struct Credential {
    /// Whom it stands for.
    pub principal: Principal,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
}

/// Who may call.
#[derive(Clone)]
pub struct Access {
    credentials: Arc<[Credential]>,
    anonymous: Option<Principal>,
    open: Open,
}

/// What is open to everyone who can reach the listener. What is not needs a principal with any right.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// grpc.health.v1.
    pub health: bool,
    /// Server reflection.
    pub reflection: bool,
}

impl Open {
    fn includes(self, path: &str) -> bool {
        (self.health && is_health(path)) || (self.reflection && is_reflection(path))
    }
}

impl Access {
    /// Callers with one of the tokens, and, if rights are given, callers without a token. The listener is on loopback.
    pub fn new(credentials: Vec<Credential>, loopback: Option<Rights>, open: Open) -> Self {
        Self {
            credentials: credentials.into(),
            anonymous: loopback.map(|rights| Principal {
                name: "local".to_owned(),
                rights,
            }),
            open,
        }
    }

    fn principal(&self, headers: &HeaderMap) -> Result<Principal, Failure> {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return self.anonymous.clone().ok_or_else(|| {
                unauthenticated("CREDENTIALS_MISSING", "the call has no credentials")
            });
        };
        let token = value.as_bytes();
        let token = match token.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
            _ => {
                return Err(unauthenticated(
                    "CREDENTIALS_INVALID",
                    "the authorization header holds no bearer token",
                ));
            }
        };
        let digest: [u8; 32] = Sha256::digest(token).into();
        // Every credential is compared, each in constant time: timing tells nothing of which one came near.
        let mut found = None;
        for credential in self.credentials.iter() {
            if bool::from(credential.sha256.ct_eq(&digest)) {
                found = Some(credential.principal.clone());
            }
        }
        found.ok_or_else(|| unauthenticated("CREDENTIALS_INVALID", "the token is not known"))
    }
}

fn unauthenticated(reason: &str, message: &str) -> Failure {
    Failure::new(Kind::Unauthenticated, reason, message)
        .with_hint("send the header `authorization: Bearer TOKEN`")
}

fn is_health(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
}

fn is_reflection(path: &str) -> bool {
    path.starts_with("/grpc.reflection.")
}

impl<S> Layer<S> for Access {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            access: self.clone(),
        }
    }
}

/// A service behind [`Access`].
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    access: Access,
}

impl<S> Service<Request<TonicBody>> for Guarded<S>
where
    S: Service<Request<TonicBody>, Response = Response<TonicBody>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<TonicBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<TonicBody>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let peer = peer(&request);
        request.extensions_mut().insert(peer);
        let mut line = Line {
            method: path.trim_start_matches('/').to_owned(),
            principal: String::new(),
            peer,
            start: Instant::now(),
            outcome: None,
        };
        if self.access.open.includes(&path) {
            let answer = self.inner.call(request);
            return Box::pin(async move { answer.await.map(|response| line.follow(response)) });
        }
        match self.access.principal(request.headers()) {
            Err(failure) => {
                let refusal = status(failure).into_http();
                Box::pin(async move { Ok(line.follow(refusal)) })
            }
            Ok(principal) => {
                line.principal.clone_from(&principal.name);
                request.extensions_mut().insert(principal);
                if line.method == Method::UploadBackup.full_name() {
                    request = Whole::watch(request);
                }
                let answer = self.inner.call(request);
                if mutates(&line.method) {
                    return Box::pin(
                        async move { to_the_end(answer).await.map(|r| line.follow(r)) },
                    );
                }
                Box::pin(async move { answer.await.map(|response| line.follow(response)) })
            }
        }
    }
}

fn mutates(full_name: &str) -> bool {
    Method::from_full_name(full_name).is_some_and(|method| method.effect() == Effect::Mutates)
}

/// Makes a call in a task of its own. A caller that goes away ends its own waiting, not a deed that is half done or a
/// record that is half written.
async fn to_the_end<E: Send + 'static>(
    answer: impl Future<Output = Result<Response<TonicBody>, E>> + Send + 'static,
) -> Result<Response<TonicBody>, E> {
    tokio::spawn(answer.in_current_span())
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "a call met a defect");
            let failure = Failure::new(Kind::Internal, "PANIC", "the call met a defect")
                .with_hint("report it, with the daemon's log");
            Ok(status(failure).into_http())
        })
}

fn peer(request: &Request<TonicBody>) -> Peer {
    request
        .extensions()
        .get::<TcpConnectInfo>()
        .and_then(TcpConnectInfo::remote_addr)
        .map_or(Peer::Daemon, Peer::Tcp)
}

/// The log line of one call, written once its last byte is sent or its caller has gone.
struct Line {
    method: String,
    principal: String,
    peer: Peer,
    start: Instant,
    outcome: Option<Code>,
}

impl Line {
    fn follow(mut self, response: Response<TonicBody>) -> Response<TonicBody> {
        // A refusal has its status in the headers, everything else in the trailers.
        self.outcome = Status::from_header_map(response.headers()).map(|status| status.code());
        response.map(|body| TonicBody::new(Followed { body, line: self }))
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

/// A response body whose trailers give the line its outcome.
struct Followed {
    body: TonicBody,
    line: Line,
}

impl Body for Followed {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.line.outcome = Status::from_header_map(trailers).map(|status| status.code());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
