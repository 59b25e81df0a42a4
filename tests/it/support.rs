//! What every test stands on: one private PostgreSQL for the whole process ([`cluster`]), databases and roles of its own
//! for each test ([`database`]), the real daemon as a process ([`daemon`]), and its clients ([`client`]).
//!
//! A test begins with `let (site, daemon) = support::start().await;` and speaks to the daemon through
//! `daemon.client()`. Faults are put in from outside: fake tools, killed processes, damaged files.

pub(crate) mod alembic;
pub(crate) mod chaos;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod daemon;
pub(crate) mod database;
pub(crate) mod disk;
pub(crate) mod gate;
pub(crate) mod installation;
pub(crate) mod probe;
pub(crate) mod raw;
pub(crate) mod s3;
pub(crate) mod standalone;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod wait;

pub(crate) use client::{Client, expect_field, expect_reason};
pub(crate) use daemon::{Daemon, Site};

/// A site with a daemon that serves.
pub(crate) async fn start() -> (Site, Daemon) {
    let site = Site::new().await;
    let daemon = site.start().await;
    (site, daemon)
}
