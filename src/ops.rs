//! The product: one folder per service, one function per method. An operation's file reads as a list of named stages;
//! what is decided is decided by pure functions over values.
//!
//! Nothing here knows gRPC. Every function takes the [`Daemon`] and a [`context::Context`], and gives a value or a
//! [`Failure`](crate::model::failure::Failure).

pub mod attempts;
pub mod audit;
pub mod audited;
pub mod backup;
pub mod context;
pub mod daemon;
pub mod health;
mod launch;
pub mod maintenance;
pub mod migration;
pub mod operations;
pub mod recovery;
pub mod restore;
pub mod runner;
pub mod schedule;
mod scratch;
pub mod turn;
mod workers;

pub use daemon::Daemon;
