//! MigrationService's methods: revision scripts on disk, the version table in the database, and the way between them.

pub mod approve;
pub mod autogenerate;
pub mod baseline;
mod blockers;
mod compare;
pub mod create;
pub mod drift;
pub mod follow;
pub mod guard;
pub mod list;
mod models;
pub mod plan;
mod rehearse;
pub mod restamp;
pub mod review;
pub mod run;
mod scratch;
mod scripts;
mod settle;
pub mod sql;
pub mod stamp;
mod step;
mod stepwise;
pub mod version;
