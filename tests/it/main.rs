//! The integration suite: one binary, a file per service or part, each against a real PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod audit;
mod backup;
mod crash;
mod embedded;
mod health;
mod maintenance;
mod migration;
mod operations;
mod restore;
mod schedule;
mod serve;
mod support;
