//! HealthService's methods, and the prober whose findings the standard grpc.health.v1 service shows.

pub mod check;
pub mod prober;
pub mod status;

pub use prober::Prober;
