//! Access: stands before all handlers. It finds out who calls, refuses whom nobody knows, keeps calls within their times,
//! and writes one log line per call with its outcome.
//!
//! The standard health service and reflection are open to everyone who can reach the listener, unless the configuration
//! closes them, so that probes need no credentials; they tell nothing but names and states.

mod attempts;
mod bodies;
mod deeds;
mod jwt;
mod line;
mod who;

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{HeaderMap, Request, Response};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::body::Body as TonicBody;
use tower::{Layer, Service};

use self::{
    attempts::FailureLimit,
    bodies::{followed, timely},
    deeds::Deeds,
    line::Line,
    who::{Refused, Who},
};
pub use self::{
    jwt::{JwtSettings, KeySource},
    who::{AccountCredential, CertificateCredential, Credentials, TokenCredential},
};
use super::{
    listener::{Caller, PeerKey},
    status::status,
    whole::Whole,
};
use crate::{
    model::{
        attempts::Attempt,
        failure::{Failure, Kind},
        method::{Effect, Method},
        peer::Peer,
    },
    ops::context::Principal,
};

/// The header with a caller's deadline.
const GRPC_TIMEOUT_HEADER: &str = "grpc-timeout";
/// Failed attempts that wait for the audit log; more at once are in the log of calls alone.
const WAITING_ATTEMPTS: usize = 1000;
/// The longest name of a method that is recorded, of one that does not exist.
const LONGEST_METHOD: usize = 100;
/// The transport ends a call at its caller's deadline as well, with a code that says less; ours is to be first.
const BEFORE_TRANSPORT: Duration = Duration::from_millis(3);

/// What is open to everyone who can reach the listener. What is not needs a principal that may do anything at all.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// grpc.health.v1.
    pub health: bool,
    /// Server reflection.
    pub reflection: bool,
}

/// How long calls may take.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// A call that is neither a wait nor an upload.
    pub call: Duration,
    /// The coming of a request's message.
    pub request: Duration,
    /// How long an answer may be left unread.
    pub stall: Duration,
    /// Failed attempts from one address in a minute.
    pub failed_attempts: u32,
}

/// Who may call, and within what times.
#[derive(Clone)]
pub struct Access(Arc<Shared>);

struct Shared {
    who: Who,
    open: Open,
    limits: CallLimits,
    failures: FailureLimit,
    deeds: Deeds,
    attempts: mpsc::Sender<Attempt>,
}

impl Access {
    /// Everyone who may call, and where failed attempts are told of. An error says that the keys of signed tokens cannot be
    /// read from their file.
    pub fn new(
        credentials: Credentials,
        open: Open,
        limits: CallLimits,
    ) -> Result<(Self, mpsc::Receiver<Attempt>), Failure> {
        let (attempts, told) = mpsc::channel(WAITING_ATTEMPTS);
        let access = Self(Arc::new(Shared {
            who: Who::new(credentials)?,
            open,
            limits,
            failures: FailureLimit::new(limits.failed_attempts),
            deeds: Deeds::default(),
            attempts,
        }));
        Ok((access, told))
    }

    /// Keeps the keys of signed tokens fresh until `stop`.
    pub(super) async fn refresh(self, reload: watch::Receiver<u64>, stop: CancellationToken) {
        if let Some(jwt) = &self.0.who.jwt {
            jwt.keys.watch(reload, stop).await;
        }
    }
}

fn is_health(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
}

fn is_reflection(path: &str) -> bool {
    path.starts_with("/grpc.reflection.")
}

/// Whether a method answers with a stream: those alone can be left unread with much in hand.
fn streams(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let begins = ["Watch", "Download", "Export"];
    begins.iter().any(|begin| name.starts_with(begin)) || is_reflection(path)
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
    S: Service<Request<TonicBody>, Response = Response<TonicBody>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<TonicBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<TonicBody>) -> Self::Future {
        // The one that was found ready makes the call.
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next);
        let access = Arc::clone(&self.access.0);
        Box::pin(async move { access.answer(ready, request).await })
    }
}

impl Shared {
    async fn answer<S>(
        &self,
        mut inner: S,
        mut request: Request<TonicBody>,
    ) -> Result<Response<TonicBody>, S::Error>
    where
        S: Service<Request<TonicBody>, Response = Response<TonicBody>>,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
    {
        let path = request.uri().path().to_owned();
        let name = path.trim_start_matches('/').to_owned();
        let caller = request.extensions().get::<Caller>().cloned();
        let peer = caller.as_ref().map_or(Peer::Daemon, |caller| caller.peer);
        let call = caller.as_ref().map(Caller::begin_call);
        let mut line = Line::new(name.clone(), peer, call);
        request.extensions_mut().insert(peer);
        let limits = self.limits;
        let stall = streams(&path).then_some(limits.stall);

        let is_open = (self.open.health && is_health(&path))
            || (self.open.reflection && is_reflection(&path));
        if is_open {
            if let Some(caller) = &caller {
                caller.note_probe();
            }
        } else {
            match self.admit(request.headers(), caller.as_ref()).await {
                Err(refused) => {
                    let failure = self.refuse(refused, peer, &name);
                    return Ok(followed(status(failure).into_http(), line, stall));
                }
                Ok(principal) => {
                    line.principal.clone_from(&principal.name);
                    request.extensions_mut().insert(principal);
                    if let Some(caller) = &caller {
                        caller.prove();
                    }
                }
            }
        }
        let method = Method::from_full_name(&name);
        let is_upload = method == Some(Method::UploadBackup);
        if is_upload {
            request = Whole::watch(request);
        }
        let deadline = deadline(method, request.headers(), limits.call);
        let mutates = method.is_some_and(|method| method.effect() == Effect::Mutates);
        let deed = match deadline {
            // Nobody waits for the answer any more: nothing is begun.
            Some(Duration::ZERO) => Err(too_long(&name, Duration::ZERO, false)),
            _ if mutates => self.deeds.begin(&line.principal).map(Some),
            _ => Ok(None),
        };
        let deed = match deed {
            Ok(deed) => deed,
            Err(failure) => return Ok(followed(status(failure).into_http(), line, stall)),
        };
        let answer = inner.call(timely(request, limits.request, is_upload));
        let answered = async move {
            match deed {
                Some(deed) => deed.finish(answer).await,
                None => answer.await,
            }
        };
        let response = match deadline {
            None => answered.await?,
            Some(deadline) => match tokio::time::timeout(deadline, answered).await {
                Ok(response) => response?,
                Err(_) => status(too_long(&name, deadline, mutates)).into_http(),
            },
        };
        Ok(followed(response, line, stall))
    }

    /// The principal of a call that is not open to everyone.
    async fn admit(
        &self,
        headers: &HeaderMap,
        caller: Option<&Caller>,
    ) -> Result<Principal, Refused> {
        let Some(caller) = caller else {
            return Err(Refused::new(
                "NO_CALLER",
                "the caller's connection is not known",
            ));
        };
        let principal = self.who.principal(headers, caller).await?;
        // Whoever may do nothing has nothing recorded of what it asks for but that it came.
        if principal.rights.is_empty() {
            let failure = Failure::new(
                Kind::PermissionDenied,
                "ROLE_TOO_LOW",
                format!("{:?} may do nothing here", principal.name),
            );
            return Err(Refused {
                failure,
                claimed: principal.name,
            });
        }
        Ok(principal)
    }

    /// Counts and tells of a failed attempt; gives what its caller is told.
    fn refuse(&self, refused: Refused, peer: Peer, name: &str) -> Failure {
        let Refused { failure, claimed } = refused;
        // That keys cannot be read is the daemon's fault.
        if failure.kind == Kind::Unavailable {
            return failure;
        }
        let known = Method::from_full_name(name).map(|method| method.full_name().to_owned());
        let attempt = Attempt {
            peer,
            method: known.unwrap_or_else(|| name.chars().take(LONGEST_METHOD).collect()),
            claimed,
            reason: failure.reason.clone(),
        };
        if self.attempts.try_send(attempt).is_err() {
            tracing::debug!("more failed attempts at once than the audit log takes");
        }
        let key = match peer {
            Peer::Tcp(address) => PeerKey::of_address(address.ip()),
            Peer::Unix { uid, .. } => PeerKey::Account(uid),
            Peer::Daemon => return failure,
        };
        match self.failures.count(key, Instant::now()) {
            Ok(()) => failure,
            Err(wait) => Failure::new(
                Kind::ResourceExhausted,
                "TOO_MANY_ATTEMPTS",
                "too many failed attempts from this address",
            )
            .with_hint("good credentials are taken at any time")
            .with_retry_after(wait),
        }
    }
}

/// Until when a call must be answered: its caller's deadline, and our own for what is neither a wait nor an upload.
fn deadline(method: Option<Method>, headers: &HeaderMap, longest: Duration) -> Option<Duration> {
    let asked = headers
        .get(GRPC_TIMEOUT_HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(grpc_timeout)
        .map(|asked| asked.saturating_sub(BEFORE_TRANSPORT));
    let ours = match method {
        Some(Method::WaitOperation | Method::UploadBackup) => None,
        _ => Some(longest),
    };
    [asked, ours].into_iter().flatten().min()
}

/// A deadline as gRPC writes it: up to eight digits and a unit.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

fn too_long(name: &str, deadline: Duration, mutates: bool) -> Failure {
    let shown = humantime::format_duration(Duration::from_millis(
        u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
    ));
    let failure = Failure::new(
        Kind::DeadlineExceeded,
        "CALL_TIMEOUT",
        format!("{name} was not answered within {shown}"),
    );
    if mutates {
        return failure
            .with_hint("what it began goes on to its end; the audit log says how it ended");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_deadline_is_read_as_grpc_writes_it() {
        for (text, expected) in [
            ("5S", Some(Duration::from_secs(5))),
            ("2M", Some(Duration::from_mins(2))),
            ("1H", Some(Duration::from_hours(1))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("999999999S", None),
            ("S", None),
            ("", None),
            ("5s", None),
            ("-5S", None),
            ("5é", None),
        ] {
            assert_eq!(grpc_timeout(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_nearer_of_both_deadlines_holds_and_waits_have_their_callers_alone() {
        let longest = Duration::from_mins(1);
        let mut headers = HeaderMap::new();
        let unary = Some(Method::GetStatus);
        assert_eq!(deadline(unary, &headers, longest), Some(longest));
        assert_eq!(
            deadline(Some(Method::WaitOperation), &headers, longest),
            None
        );
        headers.insert(GRPC_TIMEOUT_HEADER, http::HeaderValue::from_static("1H"));
        assert_eq!(deadline(unary, &headers, longest), Some(longest));
        let of_wait = deadline(Some(Method::WaitOperation), &headers, longest);
        assert_eq!(
            of_wait.map(|wait| wait + BEFORE_TRANSPORT),
            Some(Duration::from_hours(1))
        );
        headers.insert(GRPC_TIMEOUT_HEADER, http::HeaderValue::from_static("1S"));
        assert!(deadline(unary, &headers, longest) < Some(Duration::from_secs(1)));
    }
}
