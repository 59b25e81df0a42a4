//! The integration suite: one binary, a file per service or part, each against a real PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Pedantry that makes tests longer and not clearer.
#![allow(
    clippy::duration_suboptimal_units,
    clippy::format_collect,
    clippy::trivially_copy_pass_by_ref
)]

mod access;
mod alembic;
mod audit;
mod backup;
mod catalog;
mod cli;
mod crash;
mod embedded;
mod health;
mod layers;
mod maintenance;
mod migration;
mod operations;
mod restore;
mod schedule;
mod serve;
mod support;
