//! HealthService's methods, and the prober whose findings the standard grpc.health.v1 service shows.

pub mod check;
pub mod prober;
pub mod status;

pub use prober::Prober;

use super::daemon::Daemon;
use crate::model::failure::{Failure, Kind};

/// The answer, or that it is not known, which is said and is no reason to keep the rest back.
fn found<T>(what: &str, answer: Result<T, Failure>, unknown: &mut Vec<String>) -> Option<T> {
    answer
        .map_err(|failure| unknown.push(format!("{what} not known: {failure}")))
        .ok()
}

/// Asks for something, for no longer than a probe would.
async fn soon<T, E>(
    daemon: &Daemon,
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    let timeout = daemon.settings.health.timeout;
    match tokio::time::timeout(timeout, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::new(
            Kind::DeadlineExceeded,
            "NO_ANSWER",
            format!("no answer within {}", humantime::format_duration(timeout)),
        )),
    }
}

/// The same of what the control store keeps, and not at all while that is known to be away.
async fn stored<T, E>(
    daemon: &Daemon,
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    if daemon.prober.seen().borrow().control_store_is_reachable() {
        return soon(daemon, asking).await;
    }
    Err(Failure::new(
        Kind::Unavailable,
        "CONTROL_STORE_UNREACHABLE",
        "the control store cannot be reached",
    ))
}
