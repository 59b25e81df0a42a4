//! HealthService's methods, and the prober whose findings the standard grpc.health.v1 service shows.

pub mod check;
pub mod prober;
pub mod status;

pub use prober::Prober;

use crate::model::failure::Failure;

/// The answer, or that it is not known, which is said and is no reason to keep the rest back.
fn found<T>(what: &str, answer: Result<T, Failure>, unknown: &mut Vec<String>) -> Option<T> {
    answer
        .map_err(|failure| unknown.push(format!("{what} not known: {failure}")))
        .ok()
}
