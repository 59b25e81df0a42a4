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
mod approvals;
mod audit;
mod autogenerate;
mod backup;
mod baseline;
mod catalog;
mod cli;
mod cli_migrate;
mod crash;
mod damage;
mod disaster;
mod download;
mod drift;
mod drill;
mod embedded;
mod encryption;
mod faults;
mod foreign_psql;
mod fuzz;
mod guard;
mod health;
mod labels;
mod layers;
mod maintenance;
mod migration;
mod operations;
mod pairs;
mod privileges;
mod rehearsal;
mod restore;
mod restore_into;
mod review;
mod roundtrip;
mod running;
mod safety;
mod schedule;
mod second_person;
mod serve;
mod sql;
mod stamp;
mod stores;
mod support;
mod upload;
